"""FAISS's form of "only these rows", and the way back from its labels to rows."""

from typing import Any

import faiss
import numpy as np
import numpy.typing as npt

from lookalike.collection.rows import Int64Array

_library: Any = faiss  # its constructors take NumPy arrays and keywords, which its types do not say


def selector_of(places: Int64Array) -> Any:  # noqa: ANN401
    """Return FAISS's form of "only these", which must rise."""
    mask = np.zeros(int(places[-1]) + 1, np.bool_)
    mask[places] = True
    return masked(mask)


def masked(mask: npt.NDArray[np.bool_]) -> Any:  # noqa: ANN401
    """Return FAISS's form of "only where this is true"."""
    return _library.IDSelectorBitmap(np.packbits(mask, bitorder="little"))


def rows_of(labels: Int64Array, keys: Int64Array) -> Int64Array:
    """Return the place of each label among the keys, -1 where it is not one of them."""
    first, last = int(keys[0]), int(keys[-1])
    if last - first == len(keys) - 1:  # nothing was ever removed: no search through memory that is out of the cache
        return np.where((labels >= first) & (labels <= last), labels - first, -1)
    rows = np.searchsorted(keys, labels)
    rows[rows == len(keys)] = 0
    found: npt.NDArray[np.bool_] = keys[rows] == labels
    return np.where(found, rows, -1)
