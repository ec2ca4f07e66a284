"""Inverted lists whose candidates are refined by the stored vectors, in the same call to FAISS."""

from typing import Any

import faiss
import numpy as np

from lookalike.collection.rows import Float16Array, Int64Array
from lookalike.types import Float32Array

_library: Any = faiss  # its constructors take NumPy arrays and keywords, which its types do not say


class Refined:
    """Lists, and the vector in each slot as it is stored: float16, in memory or mapped from a file, and not copied.

    Parameters
    ----------
    lists : FAISS's inverted lists
        Every id in them must be a slot: FAISS reads memory wherever one points.
    halves : float16 array of shape (lists.ntotal, dim)
        In C order.
    """

    def __init__(self, lists: Any, halves: Float16Array) -> None:  # noqa: ANN401 - FAISS has no types
        if halves.shape != (lists.ntotal, lists.d) or not halves.flags.c_contiguous:
            raise ValueError(f"expected vectors of shape {(lists.ntotal, lists.d)} in C order, got {halves.shape}")
        vectors = _library.IndexScalarQuantizer(lists.d, faiss.ScalarQuantizer.QT_fp16, faiss.METRIC_INNER_PRODUCT)
        place = _library.swig_ptr(halves.view(np.uint8).reshape(-1))
        vectors.codes = _library.MaybeOwnedVectorUInt8.create_view(place, halves.nbytes, vectors.codes.owner)
        vectors.ntotal = lists.ntotal
        self._parts = (lists, vectors, halves)  # FAISS keeps none of them alive
        self._index = _library.IndexRefine(lists, vectors)
        self._latest: tuple[float, Any, Any] = (0.0, None, None)

    def search(self, queries: Float32Array, keep: int, fetch: int, params: Any) -> tuple[Float32Array, Int64Array]:  # noqa: ANN401
        """Return the best `keep` of about `fetch` candidates, scores and slots, best first; -1 where there is none.

        Scores are inner products with the stored vectors, which float16 left not quite of length 1. `params` are those
        of the lists.
        """
        factor = max(1.0, fetch / keep)
        known, inner, outer = self._latest
        if factor != known or params is not inner:  # searches only read them, so the latest are kept for the next
            outer = _library.IndexRefineSearchParameters(k_factor=factor, base_index_params=params)
            self._latest = (factor, params, outer)
        return self._index.search(queries, keep, params=outer)


def ids_are_slots(lists: Any) -> bool:  # noqa: ANN401
    """Whether every id in FAISS's lists is below their number of vectors; of a damaged file it may not be so."""
    try:
        _library.DirectMap().set_type(_library.DirectMap.Array, lists.invlists, lists.ntotal)  # checks each
    except RuntimeError:
        return False
    return True
