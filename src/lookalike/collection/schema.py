"""The SQLite database of a collection: its tables, and the ways to open it."""

import contextlib
import json
import secrets
import sqlite3
from collections.abc import Generator
from pathlib import Path

from lookalike.collection.filters import compare_decimals
from lookalike.collection.protocol import CollectionInfo
from lookalike.errors import CollectionError

DATABASE_FILE = "collection.sqlite"
SCHEMA_VERSION = 1
BUSY_MS = 30_000
_READERS = 8  # each takes up to 2 MB, for SQLite's own cache

_TABLES = """
CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE products (
    product_key INTEGER PRIMARY KEY,
    product_id TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    name_raw TEXT NOT NULL,
    description TEXT NOT NULL,
    price TEXT,
    price_float REAL,
    currency TEXT,
    location TEXT,
    seller_id TEXT,
    category TEXT
);
CREATE INDEX products_category ON products (category);
CREATE TABLE images (
    key INTEGER PRIMARY KEY AUTOINCREMENT,
    image_id TEXT NOT NULL UNIQUE,
    product_key INTEGER NOT NULL REFERENCES products (product_key),
    path TEXT NOT NULL,
    width INTEGER NOT NULL,
    height INTEGER NOT NULL,
    format TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    duplicate_of TEXT,
    split TEXT,
    group_id INTEGER
);
CREATE INDEX images_product ON images (product_key);
CREATE TABLE vectors (key INTEGER PRIMARY KEY REFERENCES images (key) ON DELETE CASCADE, float16 BLOB NOT NULL);
CREATE TABLE thumbnails (key INTEGER PRIMARY KEY REFERENCES images (key) ON DELETE CASCADE, jpeg BLOB NOT NULL);
"""
"""Vectors and thumbnails have tables of their own, so that a filter does not read past them."""


def new_state() -> str:
    """Name a committed state; unlike the generation it is never the same in two copies that went separate ways."""
    return secrets.token_hex(16)


def connect_in_memory(info: CollectionInfo) -> sqlite3.Connection:
    """Make a database that lives as long as its connection."""
    connection = _connect("file::memory:")
    _lay(connection, info)
    return connection


def connect_new(file: Path, info: CollectionInfo) -> sqlite3.Connection:
    """Make a database file, which appears with its tables or not at all."""
    draft = file.with_name(file.name + ".new")
    for leftover in (draft, draft.with_name(draft.name + "-journal")):
        leftover.unlink(missing_ok=True)
    with contextlib.closing(_connect(f"{draft.absolute().as_uri()}?mode=rwc")) as connection:
        _lay(connection, info)
    draft.replace(file)
    return connect_writing(file)


def connect_writing(file: Path) -> sqlite3.Connection:
    """Open for reading and writing; changes that a killed process had committed are taken in."""
    return _durable(_checked(_connect(f"{file.absolute().as_uri()}?mode=rw"), file))


def connect_reading(file: Path) -> list[sqlite3.Connection]:
    """Open for reading; also from a read-only folder, as long as no committed changes wait beside the file.

    The plain way comes first: it takes SQLite's own locks and so sees, safely, what another process commits. Where it
    fails (a read-only folder, no file locks) and there is nothing but the file, the file is taken as unchanging.

    Returns
    -------
    Some connections, all opened in the same way and now: later there may be another collection under the same name.
    """
    uri = f"{file.resolve().as_uri()}?mode=ro"
    connection = _connect(uri)
    try:
        _touch(connection)
    except sqlite3.OperationalError as error:
        connection.close()
        if _has_pending_changes(file):
            raise CollectionError(
                "the collection was not closed, and its last changes cannot be taken in from here",
                where=str(file.parent),
                mend="Open it once where it may be written",
            ) from error
        uri += "&immutable=1"
        connection = _connect(uri)
    except sqlite3.DatabaseError:
        pass  # told by _checked
    connections = [_checked(connection, file)]
    try:
        for _ in range(_READERS - 1):
            connections.append(_connect(uri))
            _touch(connections[-1])
    except BaseException:
        for connection in connections:
            connection.close()
        raise
    return connections


def read_info(connection: sqlite3.Connection) -> CollectionInfo:
    """Read what the collection is bound to, from a database that was checked or made here."""
    meta: dict[str, str] = dict(connection.execute("SELECT name, value FROM meta"))
    return CollectionInfo(int(meta["dim"]), meta["encoder_hash"], meta["head_hash"], json.loads(meta["sources"]))


def _connect(uri: str) -> sqlite3.Connection:
    connection = sqlite3.connect(uri, uri=True, timeout=BUSY_MS / 1000, isolation_level=None, check_same_thread=False)
    connection.create_function("compare_decimals", 2, compare_decimals, deterministic=True)
    return connection


def _touch(connection: sqlite3.Connection) -> None:
    """Read something, so that all files that belong to it are opened."""
    connection.execute("SELECT count(*) FROM sqlite_master").fetchone()


def _durable(connection: sqlite3.Connection) -> sqlite3.Connection:
    """Let commits reach the disk and deletes take along what hangs on them; fails on what is no database."""
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA synchronous = FULL")
    return connection


def _lay(connection: sqlite3.Connection, info: CollectionInfo) -> None:
    meta = {
        "schema": str(SCHEMA_VERSION),
        "generation": "0",
        "state": new_state(),
        "dim": str(info.dim),
        "encoder_hash": info.encoder_hash,
        "head_hash": info.head_hash,
        "sources": json.dumps(info.sources),
    }
    _durable(connection).execute("BEGIN IMMEDIATE")
    for statement in _TABLES.split(";"):
        connection.execute(statement)
    connection.executemany("INSERT INTO meta VALUES (?, ?)", meta.items())
    connection.execute("COMMIT")


def _checked(connection: sqlite3.Connection, file: Path) -> sqlite3.Connection:
    """Hand the connection on if it is to a collection that this version reads; else close it and say what is wrong."""
    version: int | None = None
    with contextlib.suppress(sqlite3.DatabaseError, TypeError, ValueError):
        version = int(connection.execute("SELECT value FROM meta WHERE name = 'schema'").fetchone()[0])
    if version is not None and version <= SCHEMA_VERSION:
        return connection
    connection.close()
    if version is None:
        what, mend = "this is no finished collection", "Build it again, in an empty folder"
    else:
        what, mend = f"its schema is {version}, this Lookalike reads up to {SCHEMA_VERSION}", "Upgrade Lookalike"
    raise CollectionError(what, where=str(file.parent), mend=mend)


def _has_pending_changes(file: Path) -> bool:
    beside = [file.with_name(file.name + ending) for ending in ("-wal", "-journal")]
    return any(path.is_file() and path.stat().st_size > 0 for path in beside)


@contextlib.contextmanager
def told() -> Generator[None]:
    """Tell errors of SQLite as ours."""
    try:
        yield
    except sqlite3.Error as error:
        closed = isinstance(error, sqlite3.ProgrammingError) and "closed" in str(error)
        what = "the collection is closed" if closed else f"the collection's database failed ({error})"
        raise CollectionError(
            what, mend="Open it again" if closed else "See that its disk is well and not full"
        ) from error
