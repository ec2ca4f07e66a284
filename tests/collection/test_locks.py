"""The readers-writer lock, proved with events and barriers and no clock."""

import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from lookalike.collection.locks import ReadWriteLock, lock_for_writing
from lookalike.errors import CollectionError

PATIENCE_S = 20  # only a broken lock ever waits so long


def start(work: Callable[[], None]) -> threading.Thread:
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    return thread


def queued(lock: ReadWriteLock, number: int) -> None:
    """Wait until so many threads stand in the queue."""
    given_up = time.monotonic() + PATIENCE_S
    while len(lock._queue) < number:
        assert time.monotonic() < given_up, "nobody waits for the lock"


def test_readers_hold_it_together() -> None:
    lock, together = ReadWriteLock(), threading.Barrier(4, timeout=PATIENCE_S)

    def read() -> None:
        with lock.reading():
            together.wait()

    threads = [start(read) for _ in range(3)]
    read()  # the barrier opens only if all four are inside at once
    for thread in threads:
        thread.join(PATIENCE_S)


def test_a_writer_holds_it_alone_and_order_is_that_of_asking() -> None:
    lock, order = ReadWriteLock(), list[str]()

    def write() -> None:
        with lock.writing():
            order.append("write")

    def read() -> None:
        with lock.reading():
            order.append("read")

    with lock.reading():
        writer = start(write)
        queued(lock, 1)
        reader = start(read)  # may not pass the writer that waits, or writers would starve
        queued(lock, 2)
        assert order == []
    writer.join(PATIENCE_S)
    reader.join(PATIENCE_S)
    assert order == ["write", "read"]
    order.clear()
    with lock.writing():
        reader = start(read)
        queued(lock, 1)
        writer = start(write)
        queued(lock, 2)
        assert order == []
    reader.join(PATIENCE_S)
    writer.join(PATIENCE_S)
    assert order == ["read", "write"]


def test_an_error_inside_or_while_waiting_lets_the_others_on() -> None:
    lock = ReadWriteLock()
    for hold in (lock.reading, lock.writing):
        with pytest.raises(KeyError), hold():
            raise KeyError
    interrupted: list[BaseException] = []

    def wait_and_break() -> None:
        def broken() -> bool:
            raise KeyboardInterrupt

        try:
            with lock._changed:
                lock._wait(broken)
        except KeyboardInterrupt as error:
            interrupted.append(error)

    start(wait_and_break).join(PATIENCE_S)
    assert interrupted
    with lock.writing():
        pass


def test_one_writer_at_a_time_by_file(tmp_path: Path) -> None:
    held = lock_for_writing(tmp_path)
    with pytest.raises(CollectionError, match="another process is writing"):
        lock_for_writing(tmp_path)
    released = start(held.release)  # also from another thread
    released.join(PATIENCE_S)
    lock_for_writing(tmp_path).release()
