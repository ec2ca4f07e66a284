"""Searches while another thread, or another opening of the folder, makes changes: each answer is of one commit."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from waiting import until

from lookalike.collection import CollectionInfo, LocalCollection, schema
from lookalike.collection.filters import compare_decimals
from lookalike.collection.store import Store
from lookalike.errors import CollectionError
from lookalike.types import Entry, Filter, Image, Neighbours, Product, unit_rows

DIM = 16
INFO = CollectionInfo(DIM, "e", "h")
QUERY = unit_rows(np.ones((1, DIM)))
CHANGES = 40
READERS = 8
PATIENCE_S = 120  # only where something hangs
QUESTIONS: list[dict[str, Any]] = [
    {"k": 5},
    {"k": 5, "by_product": True},
    {"k": 3, "where": Filter(category="A")},
    {"k": 2000, "where": Filter(exclude_groups=frozenset([3]))},
]


def entry(name: str, vector: np.ndarray, product_id: str, group: int) -> Entry:
    return Entry(Product(product_id, category="A"), Image(name, product_id, name, 1, 1, group_id=group), vector)


def first_photos() -> list[Entry]:
    """More photos than are ever scored without FAISS."""
    rows = unit_rows(np.random.default_rng(0).standard_normal((900, DIM)) - QUERY)
    return [entry(f"i{n}", row, f"p{n // 4}", n % 5) for n, row in enumerate(rows)]


def change(collection: LocalCollection, number: int) -> None:
    """Replace and add photos near the query, or delete some of those; every change changes some answer."""
    if number % 3 == 2:
        collection.delete(["moving", f"i{number + 99}", "i7"])
        return
    near = unit_rows(QUERY + 0.3 * np.random.default_rng(number).standard_normal((2, DIM)))
    collection.put([entry("moving", near[0], "moving", 1), entry(f"i{number + 100}", near[1], f"p{number // 4}", 1)])


def ask(collection: LocalCollection, question: int) -> Neighbours:
    return collection.search(QUERY, **QUESTIONS[question])[0]


@pytest.fixture(scope="module")
def right() -> list[list[Neighbours]]:
    """The answers after each change, made with nobody else around."""
    with LocalCollection.in_memory(INFO) as collection:
        collection.put(first_photos())
        answers = [[ask(collection, question) for question in range(len(QUESTIONS))]]
        for number in range(CHANGES):
            change(collection, number)
            answers.append([ask(collection, question) for question in range(len(QUESTIONS))])
    assert all(before != after for before, after in pairwise(answers))
    return answers


def read_until(
    done: threading.Event,
    collection: LocalCollection,
    answered: threading.Semaphore,
    seen: list[tuple[int, Neighbours]],
) -> None:
    last_round = False
    try:
        while not last_round:
            last_round = done.is_set()
            for question in range(len(QUESTIONS)):
                seen.append((question, ask(collection, question)))
                answered.release()
    finally:
        answered.release(READERS * CHANGES)  # where this thread failed, the writer need not wait for it


def check_order(seen: list[tuple[int, Neighbours]], right: list[list[Neighbours]]) -> None:
    """Each answer must be of a commit, and of none before that of the answer before it."""
    at = 0
    for question, answer in seen:
        at = next((n for n in range(at, len(right)) if right[n][question] == answer), -1)
        assert at >= 0, "an answer of no committed state"
    assert right[-1][seen[-1][0]] == seen[-1][1]


@pytest.mark.parametrize("readers", ["the same", "others", "in memory"])
def test_each_answer_is_of_one_committed_state(tmp_path: Path, right: list[list[Neighbours]], readers: str) -> None:
    folder = tmp_path / "collection"
    writer = LocalCollection.in_memory(INFO) if readers == "in memory" else LocalCollection.create(folder, INFO)
    writer.put(first_photos())
    if readers == "others":
        writer.checkpoint()
    opened = [LocalCollection.open(folder, read_only=True) for _ in range(2)] if readers == "others" else [writer]
    done, answered = threading.Event(), threading.Semaphore(0)
    seen: list[list[tuple[int, Neighbours]]] = [[] for _ in range(READERS)]
    threads = [
        threading.Thread(target=read_until, args=(done, opened[n % len(opened)], answered, seen[n]), daemon=True)
        for n in range(READERS)
    ]
    for thread in threads:
        thread.start()
    try:
        for number in range(CHANGES):
            for _ in range(READERS):  # so that there are answers between all changes
                assert answered.acquire(timeout=PATIENCE_S)
            change(writer, number)
    finally:
        done.set()
    for thread in threads:
        thread.join(PATIENCE_S)
        assert not thread.is_alive()
    for one in seen:
        check_order(one, right)
    for collection in [*opened, writer]:
        collection.close()
    assert len({answer for one in seen for question, answer in one if question == 3}) > CHANGES // 4


class WatchedLock:
    """A lock that tells when one thread asks for it."""

    def __init__(self, lock: Any, asked: threading.Event) -> None:
        self.lock, self.asked, self.watched = lock, asked, None

    def __enter__(self) -> None:
        if threading.current_thread() is self.watched:
            self.asked.set()
        self.lock.acquire()

    def __exit__(self, *_: object) -> None:
        self.lock.release()


def test_what_is_not_committed_is_seen_by_nobody() -> None:
    """All threads share a connection, on which SQLite itself would show a transaction half done."""
    with LocalCollection.in_memory(INFO) as collection:
        collection.put(first_photos())
        store = collection._store
        counted, settled = list[int](), threading.Event()
        store._mutex = WatchedLock(store._mutex, settled)

        def count() -> None:
            counted.append(collection.count())
            settled.set()

        reader = threading.Thread(target=count, daemon=True)
        store._mutex.watched = reader

        def in_the_middle(statement: str) -> None:
            if statement.startswith("INSERT INTO vectors") and not reader.ident:
                reader.start()
                assert settled.wait(PATIENCE_S)  # it waits for the transaction, or else it is through

        store._connection.set_trace_callback(in_the_middle)
        with pytest.raises(CollectionError):
            collection.put([replace(entry("new", QUERY[0], "new", 1), thumbnail=object())])
        store._connection.set_trace_callback(None)
        reader.join(PATIENCE_S)
        assert counted == [900]


def test_a_reader_elsewhere_sees_each_commit_at_its_next_call(tmp_path: Path, right: list[list[Neighbours]]) -> None:
    with LocalCollection.create(tmp_path / "collection", INFO) as writer:
        writer.put(first_photos())
        with LocalCollection.open(tmp_path / "collection", read_only=True) as reader:
            for number in range(CHANGES):
                assert [ask(reader, question) for question in range(len(QUESTIONS))] == right[number]
                change(writer, number)
                assert reader.generation == writer.generation
                assert reader.image_ids() == writer.image_ids()
                ids = reader.image_ids()[-5:]
                np.testing.assert_array_equal(reader.vectors(ids), writer.vectors(ids))


def test_a_commit_in_the_middle_of_a_search_elsewhere(
    tmp_path: Path, right: list[list[Neighbours]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Photos are filtered in one state, scored or named in the next: the search must start again."""
    with LocalCollection.create(tmp_path / "collection", INFO) as writer:
        writer.put(first_photos())
        with LocalCollection.open(tmp_path / "collection", read_only=True) as reader:
            for question in range(len(QUESTIONS)):
                for holder, name in ((reader._store, "keys"), (reader._owners, "_read"), (reader._store, "identify")):
                    numbers = iter([writer.generation - 1])
                    honest = getattr(holder, name)

                    def commit_first(*given: Any, honest: Any = honest, numbers: Any = numbers) -> Any:
                        for number in numbers:  # once
                            change(writer, number)
                        return honest(*given)

                    with monkeypatch.context() as patched:
                        patched.setattr(holder, name, commit_first)
                        answer = ask(reader, question)
                    assert answer == right[writer.generation - 1][question]


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[threading.Semaphore, threading.Event]]:
    """Makes a filter by price hold its connection: tells of each that came, and lets all go on."""
    came, go_on = threading.Semaphore(0), threading.Event()

    def held(left: str, right: str) -> int:
        came.release()
        assert go_on.wait(PATIENCE_S)
        return compare_decimals(left, right)

    monkeypatch.setattr(schema, "compare_decimals", held)
    yield came, go_on
    go_on.set()


CHEAP = Filter(max_price=Decimal(7))


def one_for_seven(folder: Path) -> None:
    with LocalCollection.create(folder, INFO) as collection:
        seven = Entry(Product("seven", price=Decimal(7)), Image("seven", "seven", "7", 1, 1), QUERY[0], b"jpeg")
        collection.put([*first_photos(), seven])


@pytest.mark.parametrize("read", ["count", "search"])
def test_a_slow_read_stops_no_other_one(
    tmp_path: Path, slow: tuple[threading.Semaphore, threading.Event], read: str
) -> None:
    came, go_on = slow
    one_for_seven(tmp_path)
    with LocalCollection.open(tmp_path, read_only=True) as collection, ThreadPoolExecutor(2) as pool:
        reads = {
            "count": lambda: collection.count(CHEAP),
            "search": lambda: len(collection.search(QUERY, 3, where=CHEAP)),
        }
        held = pool.submit(reads[read])
        assert came.acquire(timeout=PATIENCE_S)

        def others() -> tuple[object, ...]:
            return (
                collection.thumbnail("seven"),
                collection.search(QUERY, 3)[0].hits[0].image_id,
                collection.search(QUERY, 1, where=Filter(category="A"))[0].hits[0].product_id[0],
                collection.count(),
            )

        try:
            assert pool.submit(others).result(20) == (b"jpeg", "seven", "p", 901)
            assert not held.done()
        finally:
            go_on.set()
        assert held.result(PATIENCE_S) == 1


def test_closing_waits_for_a_slow_read(tmp_path: Path, slow: tuple[threading.Semaphore, threading.Event]) -> None:
    came, go_on = slow
    one_for_seven(tmp_path)
    collection = LocalCollection.open(tmp_path, read_only=True)
    with ThreadPoolExecutor(3) as pool:
        held = pool.submit(lambda: collection.count(CHEAP))
        assert came.acquire(timeout=PATIENCE_S)
        closings = [pool.submit(collection.close) for _ in range(2)]
        try:
            until(lambda: collection._store._idle.empty())  # pyright: ignore - all connections but the one that reads
            assert not any(closing.done() for closing in closings)
        finally:
            go_on.set()
        assert held.result(PATIENCE_S) == 1
        for closing in closings:
            closing.result(PATIENCE_S)
    for _ in range(20):  # whichever connection it gets
        with pytest.raises(CollectionError, match="closed"):
            collection.count()


def test_a_snapshot_is_one_state_for_whom_it_pins_and_nothing_to_others(tmp_path: Path) -> None:
    with LocalCollection.create(tmp_path, INFO) as writing, ThreadPoolExecutor(1) as pool:
        writing.put(first_photos())
        store = Store(*schema.connect_reading(tmp_path / schema.DATABASE_FILE))
        try:
            with store.snapshot():
                before = store.state()
                change(writing, 0)
                assert (store.state(), store.count()) == (before, 900)
                assert pool.submit(store.count).result(PATIENCE_S) == 901
            assert (store.state() != before, store.count()) == (True, 901)
        finally:
            store.close()
