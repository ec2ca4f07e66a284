"""Which slot the vector of each row lies in; a slot is never given to another vector, so FAISS's ids are slots."""

from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from lookalike.collection.rows import Int64Array


@dataclass(frozen=True, slots=True)
class Slots:
    """How many rows there are, how many slots were filled for them, and which of these are theirs, rising.

    `places` is None while nothing was removed, so that each row lies in the slot of its own number.
    """

    rows: int = 0
    used: int = 0
    places: Int64Array | None = None

    @classmethod
    def first(cls, count: int) -> Self:
        """Return the slots of so many rows of which none was removed."""
        return cls(count, count)

    @property
    def bytes(self) -> int:
        """How much memory it takes."""
        return 0 if self.places is None else self.places.nbytes

    def at(self, rows: Int64Array) -> Int64Array:
        """Return the slots of rows."""
        return rows if self.places is None else self.places[rows]

    def next(self, count: int) -> Int64Array:
        """Return the slots that so many further rows will get."""
        return np.arange(self.used, self.used + count)

    def grown(self, count: int) -> "Slots":
        """Return what it is with so many rows more."""
        places = None if self.places is None else np.concatenate([self.places, self.next(count)])
        return Slots(self.rows + count, self.used + count, places)

    def only(self, kept: npt.NDArray[np.bool_]) -> "Slots":
        """Return what it is with these rows alone."""
        places = np.flatnonzero(kept) if self.places is None else self.places[kept]
        return Slots(len(places), self.used, places)

    def rows_of(self, labels: Int64Array) -> Int64Array:
        """Return the row of each of FAISS's labels, -1 where it is not the slot of one."""
        places = self.places
        if places is None:  # no search through memory that is out of the cache
            if labels.view(np.uint64).max(initial=0) < self.rows:  # so seen, -1 is above all
                return labels
            return np.where((labels >= 0) & (labels < self.rows), labels, -1)
        rows = np.searchsorted(places[:-1], labels)
        return np.where(places[rows] == labels, rows, -1)
