"""FAISS's form of "only these", and whether it kept to it."""

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
    return _library.IDSelectorBitmap(np.packbits(mask, bitorder="little"))


def are_among(found: Int64Array, among: Int64Array | None) -> npt.NDArray[np.bool_]:
    """Whether each row that was found is one at all, and one that may be found."""
    if among is None:
        return found >= 0
    return among[np.searchsorted(among[:-1], found)] == found
