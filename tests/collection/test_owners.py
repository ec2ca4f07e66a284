"""Products by photo in memory: right for every key that was ever asked, and read no more often than needed."""

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from lookalike.collection.owners import Owners, Pairs
from lookalike.collection.rows import Int64Array


class Table:
    """Photos that come and go, as in a database: a key is never given twice."""

    def __init__(self) -> None:
        self.photos: dict[int, int] = {}
        self.reads: list[int] = []
        self.reading, self.go_on = threading.Event(), threading.Event()
        self.go_on.set()

    def read(self, key: int) -> Pairs:
        self.reads.append(key)
        self.reading.set()
        assert self.go_on.wait(60)
        keys = sorted(one for one in self.photos if one >= key)
        return np.array(keys, np.int64), np.array([self.photos[one] for one in keys], np.int64)


def keys_of(*keys: int) -> Int64Array:
    return np.array(keys, np.int64)


@given(gone=st.sets(st.integers(1, 30)), later=st.sets(st.integers(31, 60)), asked=st.lists(st.integers(1, 30)))
def test_each_photo_has_its_product_whatever_came_and_went(gone: set[int], later: set[int], asked: list[int]) -> None:
    table = Table()
    table.photos = {key: key % 7 for key in range(1, 31) if key not in gone}
    owners = Owners(table.read)
    there = [key for key in asked if key in table.photos]
    assert owners.of(keys_of(*there)).tolist() == [key % 7 for key in there]
    table.photos = {key: key % 7 for key in [*table.photos, *later]}
    there += sorted(later)
    assert owners.of(keys_of(*there)).tolist() == [key % 7 for key in there]


def test_only_what_is_missing_is_read() -> None:
    table = Table()
    table.photos = {1: 10, 2: 10, 3: 11}
    owners = Owners(table.read)
    owners.reach(keys_of(1, 2, 3))
    assert owners.of(keys_of(3, 1)).tolist() == [11, 10]
    assert table.reads == [1]
    table.photos |= {5: 12}
    del table.photos[3]
    assert owners.of(keys_of(5, 3, 2)).tolist() == [12, 11, 10]
    assert table.reads == [1, 4]


def test_a_key_of_no_photo_has_a_product_of_its_own() -> None:
    table = Table()
    assert len(set(Owners(table.read).of(keys_of(1, 2)).tolist())) == 2
    table.photos = {2: 0, 4: 0}
    assert Owners(table.read).of(keys_of(1, 2, 3, 4, 9)).tolist() == [-2, 0, -4, 0, -10]


def test_threads_that_come_at_once_read_once() -> None:
    table = Table()
    table.photos = {key: 2 * key for key in range(1, 1001)}
    table.go_on.clear()
    owners = Owners(table.read)
    came = threading.Semaphore(0)

    def ask(key: int) -> list[int]:
        came.release()
        return owners.of(keys_of(key)).tolist()

    with ThreadPoolExecutor(8) as pool:
        answers = [pool.submit(ask, key) for key in range(1000, 992, -1)]
        assert table.reading.wait(60)
        for _ in range(8):
            assert came.acquire(timeout=60)  # all have asked while the first one reads
        table.go_on.set()
        assert [answer.result(60) for answer in answers] == [[2 * key] for key in range(1000, 992, -1)]
    assert table.reads == [1]
