"""FAISS's form of "only these"."""

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
