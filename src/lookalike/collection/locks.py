"""Locks: between threads, many readers or one writer; between processes, one writer."""

import threading
from collections import deque
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from lookalike.errors import CollectionError

LOCK_FILE = "collection.lock"


class ReadWriteLock:
    """Many readers at once or one writer alone; who asks first is let in first.

    Not re-entrant: a thread that holds the lock and asks again waits for ever.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._queue: deque[object] = deque()
        self._readers = 0
        self._writing = False

    @contextmanager
    def reading(self) -> Generator[None]:
        """Hold the lock together with other readers."""
        with self._changed:
            self._wait(lambda: not self._writing)
            self._readers += 1
        try:
            yield
        finally:
            with self._changed:
                self._readers -= 1
                self._changed.notify_all()

    @contextmanager
    def writing(self) -> Generator[None]:
        """Hold the lock alone."""
        with self._changed:
            self._wait(lambda: not self._writing and self._readers == 0)
            self._writing = True
        try:
            yield
        finally:
            with self._changed:
                self._writing = False
                self._changed.notify_all()

    def _wait(self, free: Callable[[], bool]) -> None:
        me = object()
        self._queue.append(me)
        try:
            self._changed.wait_for(lambda: self._queue[0] is me and free())
        finally:  # also when the wait was interrupted: a place left in the queue would block all behind it
            self._queue.remove(me)
            self._changed.notify_all()


def lock_for_writing(folder: Path) -> FileLock:
    """Take the lock that makes this process the one writer of a collection; the system drops it if the process dies.

    Raises
    ------
    CollectionError
        Another process, or another open collection of this one, holds it.
    """
    lock = FileLock(folder / LOCK_FILE, thread_local=False)
    try:
        lock.acquire(timeout=0)
    except Timeout as error:
        raise CollectionError(
            "another process is writing this collection",
            where=str(folder),
            mend="Close it there, or open it read-only here",
        ) from error
    return lock
