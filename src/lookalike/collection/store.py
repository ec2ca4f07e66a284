"""The truth of a collection: products, photos, vectors and thumbnails in SQLite, every change one transaction."""

import json
import sqlite3
import threading
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from queue import LifoQueue
from typing import Any

import numpy as np

from lookalike.collection.filters import condition, is_storable, text_list
from lookalike.collection.owners import Pairs
from lookalike.collection.plan import Choice
from lookalike.collection.protocol import CategoryCount, CollectionInfo
from lookalike.collection.records import image_row, product_of, product_row
from lookalike.collection.rows import Float16Array, Int64Array, restore
from lookalike.collection.schema import BUSY_MS, new_state, read_info, told
from lookalike.types import Entry, Filter, Float32Array, Image, Product

_PUT_PRODUCT = """
INSERT INTO products
    (product_id, name, name_raw, description, price, price_float, currency, location, seller_id, category)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (product_id) DO UPDATE SET
    name = excluded.name, name_raw = excluded.name_raw, description = excluded.description,
    price = excluded.price, price_float = excluded.price_float, currency = excluded.currency,
    location = excluded.location, seller_id = excluded.seller_id, category = excluded.category
"""
_PUT_IMAGE = """
INSERT INTO images (key, product_key, image_id, path, width, height, format, sha256, duplicate_of, split, group_id)
VALUES (?, (SELECT product_key FROM products WHERE product_id = ?), ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
_EMPTY_PRODUCTS = """
DELETE FROM products WHERE product_key IN (SELECT value FROM json_each(?))
AND NOT EXISTS (SELECT 1 FROM images WHERE images.product_key = products.product_key)
"""
_IMAGE = """
SELECT i.image_id, p.product_id, i.path, i.width, i.height, i.format, i.sha256, i.duplicate_of, i.split, i.group_id
FROM images AS i JOIN products AS p ON p.product_key = i.product_key
"""
_PRODUCT = """
SELECT product_id, name, name_raw, description, price, currency, location, seller_id, category FROM products
"""
_VECTOR = "SELECT i.image_id, v.float16 FROM images AS i JOIN vectors AS v ON v.key = i.key"
_HALVES = "SELECT key, float16 FROM vectors WHERE key >= ? ORDER BY key LIMIT ?"
_HALVES_AT_ONCE = 16_384
_STATE = "SELECT value FROM meta WHERE name = 'state'"
_IDENTITY = """
SELECT i.key, i.image_id, p.product_id, (SELECT value FROM meta WHERE name = 'state')
FROM images AS i JOIN products AS p ON p.product_key = i.product_key WHERE i.key IN (SELECT value FROM json_each(?))
"""
# One row of text and not one for each photo: 0.14 s for a million, and not 0.6.
_OWNERS = "SELECT json_group_array(key), json_group_array(product_key) FROM images WHERE key >= ?"
_LISTED = "IN (SELECT value FROM json_each(?))"
_FOUND = "FROM images AS i JOIN products AS p ON p.product_key = i.product_key"
_CATEGORIES = """
SELECT p.category, count(DISTINCT p.product_key), count(*)
FROM images AS i JOIN products AS p ON p.product_key = i.product_key
WHERE p.category IS NOT NULL GROUP BY p.category ORDER BY p.category
"""


@dataclass(frozen=True, slots=True)
class Change:
    """What a transaction did: the keys that went, and the keys that came, rising in the order of the entries."""

    removed: Int64Array
    added: Int64Array


class Store:
    """SQLite connections, each used by one thread at a time: the first one, and perhaps others that only read.

    With others a slow read stops nobody else's. Each is of the last committed state, as with one connection: SQLite
    shows none an older state than it has shown another. Who may write has no others: while they are open, the database
    cannot be folded into one file.

    A photo that is put again gets a new key, so that a key stands for one vector for ever.
    """

    def __init__(self, connection: sqlite3.Connection, *others: sqlite3.Connection) -> None:
        self._connection = connection
        self._mutex = threading.RLock()
        self._pinning: int | None = None  # the thread that reads a snapshot, which is the first connection's
        self._others = others
        self._idle: LifoQueue[sqlite3.Connection] = LifoQueue()
        for other in others:
            self._idle.put(other)
        self.info: CollectionInfo = read_info(connection)

    # Changes

    def put(self, entries: Sequence[Entry], halves: Float16Array) -> Change:
        """Insert or replace photos and their products; `halves` are the vectors of the entries, in order."""
        products = {entry.product.product_id: product_row(entry.product) for entry in entries}
        with self._transaction():
            removed, left = self._remove_images(entry.image.image_id for entry in entries)
            self._connection.executemany(_PUT_PRODUCT, products.values())
            (last,) = self._connection.execute("SELECT coalesce(max(seq), 0) FROM sqlite_sequence").fetchone()
            added = range(last + 1, last + 1 + len(entries))
            images = (image_row(key, entry.image) for key, entry in zip(added, entries, strict=True))
            self._connection.executemany(_PUT_IMAGE, images)
            vectors = ((key, half.tobytes()) for key, half in zip(added, halves, strict=True))
            self._connection.executemany("INSERT INTO vectors VALUES (?, ?)", vectors)
            pairs = zip(added, (entry.thumbnail for entry in entries), strict=True)
            thumbnails = ((key, jpeg) for key, jpeg in pairs if jpeg is not None)
            self._connection.executemany("INSERT INTO thumbnails VALUES (?, ?)", thumbnails)
            self._connection.execute(_EMPTY_PRODUCTS, (json.dumps(left),))
        return Change(removed, np.array(added, np.int64))

    def delete(self, image_ids: Sequence[str]) -> Change:
        """Remove photos, and products left without one; where there is nothing to remove, nothing is committed."""
        nothing = np.empty(0, np.int64)
        if not any(self.images(image_ids)):
            return Change(nothing, nothing)
        with self._transaction():
            removed, left = self._remove_images(image_ids)
            self._connection.execute(_EMPTY_PRODUCTS, (json.dumps(left),))
        return Change(removed, nothing)

    def _remove_images(self, image_ids: Iterable[str]) -> tuple[Int64Array, list[int]]:
        """Remove photos inside a transaction; return their keys, and the keys of the products they belonged to."""
        select = "SELECT key, product_key FROM images WHERE image_id IN (SELECT value FROM json_each(?)) ORDER BY key"
        rows = self._connection.execute(select, (text_list(image_ids),)).fetchall()
        keys = [key for key, _ in rows]
        self._connection.executemany("DELETE FROM images WHERE key = ?", ((key,) for key in keys))
        return np.array(keys, np.int64), sorted({product for _, product in rows})

    @contextmanager
    def _transaction(self) -> Generator[None]:
        """Commit what happens inside as the next generation, flushed to disk, or nothing of it."""
        with self._mutex, told():
            self._connection.execute("PRAGMA journal_mode = WAL")
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._connection.execute("UPDATE meta SET value = value + 1 WHERE name = 'generation'")
                self._connection.execute("UPDATE meta SET value = ? WHERE name = 'state'", (new_state(),))
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise

    def fold(self) -> bool:
        """Bring everything into the one database file; False where another process still reads beside it."""
        with self._mutex, told():
            try:
                self._connection.execute("PRAGMA busy_timeout = 0")  # a reader may stay for days
                self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
                return self._connection.execute("PRAGMA journal_mode = DELETE").fetchone()[0] != "wal"
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode not in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
                    raise
                return False
            finally:
                self._connection.execute(f"PRAGMA busy_timeout = {BUSY_MS}")

    # Reading

    def state(self) -> str:
        """Name the committed state that is read now."""
        return str(self._rows(_STATE)[0][0])

    def generation(self) -> int:
        """Count the changes committed so far."""
        return int(self._rows("SELECT value FROM meta WHERE name = 'generation'")[0][0])

    @contextmanager
    def snapshot(self) -> Generator[None]:
        """Let everything read inside be of one committed state, whatever other processes commit."""
        with self._mutex, told():
            self._connection.execute("BEGIN")
            self._pinning = threading.get_ident()
            try:
                yield
            finally:
                self._pinning = None
                self._connection.execute("COMMIT")

    def keys(self, where: Filter | None = None) -> Int64Array:
        """Return the keys of the photos that pass the filter, rising."""
        rows = self._found("i.key", where)
        return np.sort(np.fromiter((key for (key,) in rows), np.int64, len(rows)))

    def count(self, where: Filter | None = None) -> int:
        """Count the photos that pass the filter."""
        return int(self._found("count(*)", where)[0][0])

    def count_from(self, key: int) -> int:
        """Count the photos from a key on."""
        return int(self._rows("SELECT count(*) FROM images WHERE key >= ?", (key,))[0][0])

    def count_products(self, where: Filter | None = None) -> int:
        """Count the products with a photo that passes the filter."""
        return int(self._found("count(DISTINCT i.product_key)", where)[0][0])

    def image_ids(self, where: Filter | None = None) -> list[str]:
        """Return the ids of the photos that pass the filter, by rising key."""
        rows = self._found("i.key, i.image_id", where)
        return [image_id for _, image_id in sorted(rows)]

    def identify(self, keys: Sequence[int]) -> tuple[dict[int, tuple[str, str]], str]:
        """Look up image id and product id by key; also return the state in which they were read."""
        rows = self._rows(_IDENTITY, (json.dumps(keys),))
        return {row[0]: (row[1], row[2]) for row in rows}, str(rows[0][3]) if rows else self.state()

    def owners_from(self, key: int) -> Pairs:
        """Return the keys of all photos from a key on, rising, and of each the number of its product."""
        ((keys, products),) = self._rows(_OWNERS, (key,))
        pairs = [np.fromstring(text[1:-1], np.int64, sep=",") for text in (keys, products)]
        order = np.argsort(pairs[0])
        return pairs[0][order], pairs[1][order]

    def images(self, image_ids: Sequence[str]) -> list[Image | None]:
        """Look photos up by id, in the order asked for."""
        rows = self._rows(_IMAGE + "WHERE i.image_id " + _LISTED, (text_list(image_ids),))
        found = {row[0]: Image(*row) for row in rows}
        return [found.get(image_id) for image_id in image_ids]

    def images_of(self, product_id: str) -> list[Image]:
        """Return a product's photos by rising key."""
        if not is_storable(product_id):
            return []
        return [Image(*row) for row in self._rows(_IMAGE + "WHERE p.product_id = ? ORDER BY i.key", (product_id,))]

    def products(self, product_ids: Sequence[str]) -> list[Product | None]:
        """Look products up by id, in the order asked for."""
        rows = self._rows(_PRODUCT + "WHERE product_id " + _LISTED, (text_list(product_ids),))
        found = {row[0]: product_of(row) for row in rows}
        return [found.get(product_id) for product_id in product_ids]

    def thumbnail(self, image_id: str) -> bytes | None:
        """Return a photo's thumbnail, if it has one."""
        if not is_storable(image_id):
            return None
        select = "SELECT t.jpeg FROM thumbnails AS t JOIN images AS i ON i.key = t.key WHERE i.image_id = ?"
        rows = self._rows(select, (image_id,))
        return bytes(rows[0][0]) if rows else None

    def categories(self) -> list[CategoryCount]:
        """Count products and photos by category path."""
        return [CategoryCount(*row) for row in self._rows(_CATEGORIES)]

    def vectors_of(self, image_ids: Sequence[str]) -> dict[str, Float32Array]:
        """Return the unit vectors of those photos that are there."""
        rows = self._rows(_VECTOR + " WHERE i.image_id " + _LISTED, (text_list(image_ids),))
        vectors = restore(self._halves(row[1] for row in rows))
        return dict(zip((row[0] for row in rows), vectors, strict=True))

    def halves_from(self, key: int) -> Iterator[tuple[Int64Array, Float16Array]]:
        """Yield keys, rising, and vectors as they are stored, of all photos from a key on, some thousands at a time."""
        while rows := self._rows(_HALVES, (key, _HALVES_AT_ONCE)):
            keys = np.fromiter((row[0] for row in rows), np.int64, len(rows))
            yield keys, self._halves(row[1] for row in rows)
            key = int(keys[-1]) + 1

    def _halves(self, blobs: Iterable[bytes]) -> Float16Array:
        return np.frombuffer(b"".join(blobs), np.float16).reshape(-1, self.info.dim)

    # How it is searched: a setting, no change of what is stored, so the generation stays

    def choice(self) -> Choice | None:
        """Return the plan that was tuned for this collection, if any."""
        rows = self._rows("SELECT value FROM meta WHERE name = 'index_choice'")
        return Choice.from_text(rows[0][0]) if rows else None

    def set_choice(self, choice: Choice) -> None:
        """Keep a plan that was tuned."""
        with self._mutex, told():
            self._connection.execute("INSERT OR REPLACE INTO meta VALUES ('index_choice', ?)", (choice.to_text(),))

    def _found(self, columns: str, where: Filter | None) -> list[tuple[Any, ...]]:
        found = None if where is None else condition(where)
        source, values = ("FROM images AS i", ()) if found is None else (f"{_FOUND} WHERE {found[0]}", found[1])
        return self._rows(f"SELECT {columns} {source}", values)

    def _rows(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        with told():
            if not self._others or self._pinning == threading.get_ident():
                with self._mutex:
                    return self._connection.execute(sql, parameters).fetchall()
            connection = self._idle.get()
            try:
                return connection.execute(sql, parameters).fetchall()
            finally:
                self._idle.put(connection)

    def close(self) -> None:
        """Close the connections, after the reads that are under way; safe to call twice."""
        with self._mutex:
            for other in [self._idle.get() for _ in self._others]:
                other.close()
                self._idle.put(other)  # who reads now is told that it is closed
            self._connection.close()
