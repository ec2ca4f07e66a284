"""Which product each photo belongs to, in memory: a search by product counts products before it looks any name up."""

import threading
from collections.abc import Callable

import numpy as np

from lookalike.collection.rows import Int64Array

BYTES = 16
"""What a photo takes."""
Pairs = tuple[Int64Array, Int64Array]
"""Keys of photos, rising, and the number of each one's product."""


class Owners:
    """The number of the product that each photo belongs to, by the photo's key.

    A key stands for one photo of one product for ever, so what was read stays true. What is removed stays too, until
    the collection is opened again.

    Parameters
    ----------
    read : key to `Pairs`
        Reads all photos from a key on.
    """

    def __init__(self, read: Callable[[int], Pairs]) -> None:
        self._read = read
        self._mutex = threading.Lock()
        self._known: Pairs = (np.empty(0, np.int64), np.empty(0, np.int64))

    def of(self, keys: Int64Array) -> Int64Array:
        """Return the product of each key, int64 of the same shape; one that is no photo's has a product of its own."""
        known, products = self._reaching(int(keys.max(initial=0)))
        if not len(known):
            return -1 - keys
        if self._without_gaps(known):  # no search through memory that is out of the cache
            places = np.clip(keys - known[0], 0, len(known) - 1)
        else:
            places = np.minimum(np.searchsorted(known, keys), len(known) - 1)
        return np.where(known[places] == keys, products[places], -1 - keys)

    def reach(self, keys: Int64Array) -> None:
        """Read what is missing up to the last of these keys, so that no search has to wait for it."""
        self._reaching(int(keys.max(initial=0)))

    def _reaching(self, key: int) -> Pairs:
        if self._reached(self._known) >= key:
            return self._known
        with self._mutex:
            known, products = self._known
            if self._reached(self._known) < key:
                more, theirs = self._read(self._reached(self._known) + 1)
                self._known = np.concatenate([known, more]), np.concatenate([products, theirs])
            return self._known

    @staticmethod
    def _without_gaps(known: Int64Array) -> bool:
        return int(known[-1]) - int(known[0]) < len(known)

    @staticmethod
    def _reached(pairs: Pairs) -> int:
        return int(pairs[0][-1]) if len(pairs[0]) else 0
