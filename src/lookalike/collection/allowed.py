"""Which keys pass a filter, remembered: SQLite needs most of a second for half of a million, the search a fraction."""

import threading
from collections import OrderedDict

from lookalike.collection.rows import Int64Array
from lookalike.collection.store import Store
from lookalike.types import Filter

_MOST_BYTES = 64 * 2**20


class AllowedKeys:
    """The keys that pass the filters asked for last, of one state of a store, up to 64 MB of them. Thread-safe."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._mutex = threading.Lock()
        self._state: str | None = None
        self._known: OrderedDict[Filter, Int64Array] = OrderedDict()
        self._bytes = 0

    def knows(self, where: Filter, state: str | None) -> bool:
        """Whether the keys that pass need not be looked up."""
        with self._mutex:
            return state == self._state and where in self._known

    def of(self, where: Filter, state: str | None) -> Int64Array:
        """Return the keys that pass, rising.

        `state` is the one that the caller takes the store to be in. Where it turns out to be in another, the caller
        throws the answer away, and by then nobody asks for the old state any more.
        """
        with self._mutex:
            if state != self._state:
                self._state, self._bytes = state, 0
                self._known.clear()
            elif where in self._known:
                self._known.move_to_end(where)
                return self._known[where]
        keys = self._store.keys(where)
        with self._mutex:
            if state == self._state and where not in self._known:
                self._known[where] = keys
                self._bytes += keys.nbytes
                while self._bytes > _MOST_BYTES:
                    self._bytes -= self._known.popitem(last=False)[1].nbytes
        return keys
