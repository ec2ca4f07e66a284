"""The local collection on disk: opening, locking, caching, reading only, and saying what is wrong."""

import ctypes
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest

from lookalike.collection import CollectionInfo, LocalCollection, allowed
from lookalike.collection.cache import CARD_FILE, INDEX_FILE, ROWS_FILE
from lookalike.collection.levels import Scan
from lookalike.collection.schema import DATABASE_FILE
from lookalike.collection.vector_index import VectorIndex
from lookalike.errors import CollectionError
from lookalike.types import Entry, Filter, Hit, Image, Product, unit_rows

DIM = 16
INFO = CollectionInfo(DIM, "e", "h", {"photos": {"absolute": "/x", "relative": "../x"}})
QUERY = unit_rows(np.random.default_rng(9).standard_normal((1, DIM)))


def entries(first: int, last: int, seed: int = 0) -> list[Entry]:
    rows = unit_rows(np.random.default_rng(seed).standard_normal((last, DIM)))
    made = []
    for n in range(first, last):
        product = Product(f"p{n // 3}", f"Product {n // 3}", price=Decimal(n // 3), category=f"A / {n // 3 % 4}")
        made.append(Entry(product, Image(f"i{n}", f"p{n // 3}", f"{n}.jpg", 4, 3), rows[n], b"thumb"))
    return made


def best(collection: LocalCollection, k: int = 5) -> tuple[Hit, ...]:
    return collection.search(QUERY, k)[0].hits


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A finished collection of 900 photos."""
    with LocalCollection.create(tmp_path / "collection", INFO) as collection:
        collection.put(entries(0, 900))
    return tmp_path / "collection"


@pytest.fixture
def built(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """Record how many vectors are brought from the database into an index, whenever some are."""
    added: list[int] = []
    honest = Scan.add

    def add(self: Scan, keys: np.ndarray, vectors: np.ndarray) -> None:
        if len(keys):
            added.append(len(keys))
        honest(self, keys, vectors)

    monkeypatch.setattr(Scan, "add", add)
    yield added


def trace(folder: Path) -> dict[str, tuple[int, int, bytes]]:
    """All that could have been written in a folder."""
    found = {p.name: (p.stat().st_mtime_ns, p.stat().st_ino, p.read_bytes()) for p in folder.iterdir()}
    return {**found, ".": (folder.stat().st_mtime_ns, 0, b"")}


# Making and opening


def test_there_is_one_collection_in_a_folder(folder: Path) -> None:
    with pytest.raises(CollectionError, match="already is a collection"):
        LocalCollection.create(folder, INFO)
    with LocalCollection.open(folder) as collection:  # the lock was given back
        assert collection.count() == 900


@pytest.mark.parametrize("read_only", [None, True, False])
def test_no_collection_is_told_and_nothing_is_made(tmp_path: Path, read_only: bool | None) -> None:
    for place in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(CollectionError, match="no collection here"):
            LocalCollection.open(place, read_only=read_only)
    assert list(tmp_path.iterdir()) == []


def write_garbage(file: Path) -> None:
    file.write_bytes(b"no database at all, but long enough to look at" * 100)


def write_other_database(file: Path) -> None:
    file.unlink()
    connection = sqlite3.connect(file)
    connection.execute("CREATE TABLE other (x)")
    connection.commit()
    connection.close()


def set_schema(file: Path, version: str) -> None:
    connection = sqlite3.connect(file)
    connection.execute("UPDATE meta SET value = ? WHERE name = 'schema'", (version,))
    connection.commit()
    connection.close()


BROKEN = {
    "garbage": (write_garbage, "no finished collection"),
    "empty": (lambda file: file.write_bytes(b""), "no finished collection"),
    "another database": (write_other_database, "no finished collection"),
    "newer": (lambda file: set_schema(file, "2"), "its schema is 2, this Lookalike reads up to 1. Upgrade Lookalike"),
    "nonsense": (lambda file: set_schema(file, "x"), "no finished collection"),
}


@pytest.mark.parametrize("read_only", [True, False])
@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_or_newer_database_is_refused(folder: Path, name: str, read_only: bool) -> None:
    spoil, words = BROKEN[name]
    spoil(folder / DATABASE_FILE)
    for _ in range(2):  # a failed opening keeps no lock
        with pytest.raises(CollectionError, match=words) as caught:
            LocalCollection.open(folder, read_only=read_only)
    assert str(folder) not in caught.value.what
    assert caught.value.where == str(folder)


def test_one_writer_but_any_number_of_readers(folder: Path) -> None:
    with LocalCollection.open(folder) as writer:
        for read_only in (None, False):
            with pytest.raises(CollectionError, match="another process is writing"):
                LocalCollection.open(folder, read_only=read_only)
        readers = [LocalCollection.open(folder, read_only=True) for _ in range(3)]
        assert [best(reader) for reader in readers] == [best(writer)] * 3
        for reader in readers:
            reader.close()
    LocalCollection.open(folder).close()


USES: list[Callable[[LocalCollection], object]] = [
    best,
    lambda collection: collection.put(entries(0, 1)),
    lambda collection: collection.delete(["i1"]),
    lambda collection: collection.checkpoint(),
    lambda collection: collection.count(),
    lambda collection: collection.generation,
]


def test_closing_twice_is_safe_and_using_it_afterwards_is_told(folder: Path) -> None:
    collection = LocalCollection.open(folder)
    collection.close()
    collection.close()
    for use in USES:
        with pytest.raises(CollectionError, match="the collection is closed"):
            use(collection)


@pytest.mark.parametrize("name", ["with space", "what?mode=memory", "100%41#x", "é 🛋️", "a'b\"c"])
def test_folders_of_any_name(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with LocalCollection.create(tmp_path / name, INFO) as collection:
        collection.put(entries(0, 3))
    assert (tmp_path / name / DATABASE_FILE).is_file()
    monkeypatch.chdir(tmp_path)
    for read_only in (True, False):
        with LocalCollection.open(Path(name), read_only=read_only) as collection:
            assert collection.count() == 3


def test_a_collection_can_be_moved_and_keeps_what_it_is_bound_to(folder: Path, tmp_path: Path) -> None:
    with LocalCollection.open(folder) as collection:
        before, generation = best(collection), collection.generation
    shutil.move(folder, tmp_path / "moved")
    with LocalCollection.open(tmp_path / "moved") as collection:
        assert collection.info == INFO
        assert (best(collection), collection.generation) == (before, generation)


def test_keys_are_never_used_twice(folder: Path) -> None:
    for _ in range(2):
        with LocalCollection.open(folder) as collection:
            last = collection._live.index.keys()[-1]
            collection.delete(["i899"])
            collection.put(entries(899, 900))
            assert collection._live.index.keys()[-1] == last + 1
            collection.delete(collection.image_ids())
            collection.put(entries(0, 900))
            assert collection._live.index.keys()[0] == last + 2


def test_what_is_deleted_or_replaced_leaves_nothing_behind(folder: Path) -> None:
    with LocalCollection.open(folder) as collection:
        collection.put(entries(0, 300, seed=1))
        collection.delete([f"i{n}" for n in range(200, 900)])
    connection = sqlite3.connect(folder / DATABASE_FILE)
    for table, rows in {"images": 200, "vectors": 200, "thumbnails": 200, "products": 67}.items():
        assert connection.execute(f"SELECT count(*) FROM {table}").fetchone() == (rows,)
    connection.close()


def test_an_error_from_the_disk_is_told_without_paths(folder: Path) -> None:
    with LocalCollection.open(folder) as collection:
        collection._store._connection.execute("PRAGMA max_page_count = 1")
        big = entries(900, 901)[0]
        with pytest.raises(CollectionError, match="database or disk is full") as caught:
            collection.put([Entry(big.product, big.image, big.vector, bytes(10_000_000))])
        assert str(folder) not in str(caught.value)
        assert collection.generation == 1
        assert collection.count() == 900


# The index is a cache


def test_a_finished_collection_opens_from_its_cache(folder: Path, built: list[int]) -> None:
    for read_only in (True, False):
        with LocalCollection.open(folder, read_only=read_only) as collection:
            assert best(collection)
    assert built == []


CACHE_DAMAGE: dict[str, Callable[[Path], object]] = {
    "lost": lambda folder: (folder / INDEX_FILE).unlink(),
    "card lost": lambda folder: (folder / CARD_FILE).unlink(),
    "damaged": lambda folder: (folder / INDEX_FILE).write_bytes(b"x" + (folder / INDEX_FILE).read_bytes()[1:]),
    "cut short": lambda folder: os.truncate(folder / INDEX_FILE, 1000),
    "rows lost": lambda folder: (folder / ROWS_FILE).unlink(),
    "rows cut short": lambda folder: os.truncate(folder / ROWS_FILE, 1000),
}


@pytest.mark.parametrize("damage", CACHE_DAMAGE)
def test_a_lost_or_damaged_cache_is_made_anew(folder: Path, built: list[int], damage: str) -> None:
    with LocalCollection.open(folder) as collection:
        before = best(collection)
    CACHE_DAMAGE[damage](folder)
    spoiled = trace(folder)
    with LocalCollection.open(folder, read_only=True) as collection:
        assert best(collection) == before
    assert trace(folder) == spoiled
    assert built == [900]
    with LocalCollection.open(folder) as collection:
        assert best(collection) == before
    assert built == [900, 900]
    with LocalCollection.open(folder) as collection:  # that writer wrote it again
        assert best(collection) == before
    assert built == [900, 900]


def test_the_cache_of_another_state_is_not_used(folder: Path, tmp_path: Path, built: list[int]) -> None:
    """Two copies of one collection that went separate ways count the same generations and use the same keys."""
    shutil.copytree(folder, tmp_path / "copy")
    answers = []
    for place, seed in ((folder, 1), (tmp_path / "copy", 2)):
        with LocalCollection.open(place) as collection:
            collection.put(entries(0, 900, seed))
            answers.append(best(collection))
    assert answers[0] != answers[1]
    for name in (INDEX_FILE, ROWS_FILE, CARD_FILE):
        shutil.copy(tmp_path / "copy" / name, folder / name)
    with LocalCollection.open(folder, read_only=True) as collection:
        assert best(collection) == answers[0]


def test_an_index_that_failed_to_follow_is_made_anew(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was committed is committed, also where FAISS then fails."""
    with LocalCollection.open(folder) as collection:
        near = Entry(Product("near"), Image("near", "near", "n.jpg", 1, 1), QUERY[0])
        with monkeypatch.context() as broken:

            def fail(self: VectorIndex, keys: np.ndarray, halves: np.ndarray) -> None:
                self.level.add(keys, -halves.astype(np.float32))  # half done: a row that no key stands for
                raise MemoryError

            broken.setattr(VectorIndex, "add", fail)
            with pytest.raises(MemoryError):
                collection.put([near])
        collection.put(entries(900, 903))
        assert best(collection)[0].image_id == "near"
        assert len(collection.search(QUERY, 2000)[0].hits) == 904


# Serving a finished build


def test_a_checkpoint_leaves_one_plain_database(folder: Path) -> None:
    with LocalCollection.open(folder) as collection:
        collection.put(entries(900, 950))
        assert (folder / f"{DATABASE_FILE}-wal").is_file()
        collection.checkpoint()
        names = {path.name for path in folder.iterdir()} - {"collection.lock"}
        assert names == {DATABASE_FILE, INDEX_FILE, ROWS_FILE, CARD_FILE}
        assert (folder / DATABASE_FILE).read_bytes()[18:20] == b"\x01\x01"  # not in WAL mode
        collection.put(entries(950, 960))
        assert collection.count() == 960
    assert {path.name for path in folder.iterdir()} - {"collection.lock"} == names


def test_a_checkpoint_while_another_reads_is_told_and_closing_then_loses_nothing(folder: Path) -> None:
    writer = LocalCollection.open(folder)
    writer.put(entries(900, 950))
    reader = LocalCollection.open(folder, read_only=True)
    with pytest.raises(CollectionError, match="another process is reading"):
        writer.checkpoint()
    writer.put(entries(950, 960))
    writer.close()
    assert reader.count() == len(reader.search(QUERY, 2000)[0].hits) == 960
    reader.close()
    with LocalCollection.open(folder) as collection:
        assert collection.count() == 960
    assert not (folder / f"{DATABASE_FILE}-wal").exists()


def test_reading_writes_nothing(folder: Path) -> None:
    (folder / "collection.lock").unlink(missing_ok=True)
    before = trace(folder)
    with LocalCollection.open(folder, read_only=True) as collection:
        assert best(collection)
        collection.search(QUERY, 3, where=Filter(category="A / 1"), by_product=True)
        collection.categories()
        collection.thumbnail("i1")
        assert trace(folder) == before
    assert trace(folder) == before


def without_overriding_permissions() -> None:
    """Take from a child of root the right to write where permissions forbid it."""
    ctypes.CDLL(None).prctl(24, 1, 0, 0, 0)  # PR_CAPBSET_DROP, CAP_DAC_OVERRIDE; no effect but for root


READ_THERE = """
import os, sys
from pathlib import Path
import numpy as np
from lookalike.collection import LocalCollection
from lookalike.errors import LookalikeError
folder = Path(sys.argv[1])
assert not os.access(folder, os.W_OK), "permissions do not bind here"
try:
    with LocalCollection.open(folder) as collection:
        assert collection.read_only
        print([hit.image_id for hit in collection.search(np.eye(16, dtype=np.float32)[:1], 5)[0].hits])
except LookalikeError as error:
    print(error)
"""


def read_where_forbidden_to_write(folder: Path) -> str:
    folder.chmod(0o555)
    for path in folder.iterdir():
        path.chmod(0o444)
    try:
        command = [sys.executable, "-c", READ_THERE, str(folder)]
        done = subprocess.run(
            command, preexec_fn=without_overriding_permissions, capture_output=True, text=True, check=False
        )
    finally:
        folder.chmod(0o755)
        for path in folder.iterdir():
            path.chmod(0o644)
    if "permissions do not bind here" in done.stderr:
        pytest.skip("permissions do not bind here")
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def first_five(folder: Path) -> str:
    with LocalCollection.open(folder) as collection:
        return str([hit.image_id for hit in collection.search(np.eye(DIM, dtype=np.float32)[:1], 5)[0].hits])


def test_a_finished_build_is_served_from_a_read_only_folder(folder: Path) -> None:
    expected = first_five(folder)
    before = trace(folder)
    assert read_where_forbidden_to_write(folder) == expected
    assert trace(folder) == before


def test_a_read_only_folder_in_wal_mode_is_served_if_nothing_waits_beside_the_database(folder: Path) -> None:
    expected = first_five(folder)
    connection = sqlite3.connect(folder / DATABASE_FILE)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.close()  # leaves the mode in the file and no WAL beside it
    assert (folder / DATABASE_FILE).read_bytes()[18:20] == b"\x02\x02"
    before = trace(folder)
    assert read_where_forbidden_to_write(folder) == expected
    assert trace(folder) == before


def test_changes_that_wait_beside_a_read_only_database_are_not_passed_over(folder: Path, tmp_path: Path) -> None:
    with LocalCollection.open(folder) as writer:
        writer.put(entries(900, 903))
        shutil.copytree(folder, tmp_path / "killed", ignore=shutil.ignore_patterns("*-shm"))  # as a kill leaves it
    assert "not closed" in read_where_forbidden_to_write(tmp_path / "killed")
    with LocalCollection.open(tmp_path / "killed") as collection:
        assert collection.count() == len(collection.search(QUERY, 2000)[0].hits) == 903


def test_reading_what_a_kill_left_takes_nothing_in_and_nothing_away(folder: Path, tmp_path: Path) -> None:
    with LocalCollection.open(folder) as writer:
        writer.put(entries(900, 903))
        shutil.copytree(folder, tmp_path / "killed", ignore=shutil.ignore_patterns("*-shm"))
    before = trace(tmp_path / "killed")
    with LocalCollection.open(tmp_path / "killed", read_only=True) as collection:
        assert collection.count() == len(collection.search(QUERY, 2000)[0].hits) == 903
    after = trace(tmp_path / "killed")
    for name in before.keys() - {"."}:  # SQLite lays its -shm file beside them
        assert after[name] == before[name]


# Filters are remembered


def test_a_filter_is_looked_up_once_for_each_state(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with LocalCollection.open(folder) as collection:
        looked_up: list[Filter | None] = []
        honest = collection._store.keys

        def keys(where: Filter | None = None) -> np.ndarray:
            looked_up.append(where)
            return honest(where)

        monkeypatch.setattr(collection._store, "keys", keys)
        here, there = Filter(category="A / 1"), Filter(category="A / 2")
        first = collection.search(QUERY, 3, where=here)
        assert collection.search(QUERY, 3, where=Filter(category="A / 1")) == first
        collection.search(QUERY, 3, where=there)
        assert looked_up == [here, there]
        best_one = first[0].hits[0].image_id
        collection.delete([best_one])
        again = collection.search(QUERY, 3, where=here)[0].hits
        assert [hit.image_id for hit in again[:2]] == [hit.image_id for hit in first[0].hits[1:]]
        assert looked_up == [here, there, here]


def test_filters_that_take_too_much_room_are_forgotten(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(allowed, "_MOST_BYTES", 8 * 500)
    with LocalCollection.open(folder) as collection:
        for name in ("A / 0", "A / 1", "A / 2", "A"):
            collection.search(QUERY, 3, where=Filter(category=name))
            assert collection._allowed._bytes == sum(keys.nbytes for keys in collection._allowed._known.values())
            assert collection._allowed._bytes <= 8 * 500
            assert (Filter(category=name) in collection._allowed._known) == (name != "A")
