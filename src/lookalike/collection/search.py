"""Search over an index: fetch until the answer is certain (or, where it is approximate, long enough)."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from lookalike.collection.rows import Int64Array
from lookalike.collection.vector_index import Candidates, VectorIndex
from lookalike.types import Float32Array, Hit, Neighbours

_QUERIES_AT_ONCE = 64  # bounds the memory where everything has to be fetched
_PHOTOS_A_PRODUCT = 4
_WIDEN = 4


@dataclass(frozen=True, slots=True)
class Request:
    """What is searched for: the `k` best photos (or, `by_product`, products) among the keys in `allowed`.

    `allowed` rises and is all in the index; None means every key.
    """

    k: int
    allowed: Int64Array | None = None
    by_product: bool = False


@dataclass(frozen=True, slots=True)
class Lookup:
    """What a search asks the database: image id and product id by key, and how many products pass the filter."""

    identify: Callable[[Sequence[int]], dict[int, tuple[str, str]]]
    count_products: Callable[[], int]


def nearest(index: VectorIndex, queries: Float32Array, request: Request, lookup: Lookup) -> list[Neighbours]:
    """Find the k best photos, or products by their best photo, for each query.

    A query is settled when its k-th hit scores above everything that was not fetched; until then more is fetched, up
    to all that may be found. So there are exactly min(k, what may be found) hits, and equal scores, also those at the
    cut, stand in the order of their keys. From an approximate index the first k hits count as settled: there are as
    many, they are in the same order, and their scores are exact, but a better one may have been missed.

    Parameters
    ----------
    index : VectorIndex
    queries : float32 array of shape (n, dim)
        Checked: finite, of length 1.
    """
    starts = range(0, len(queries), _QUERIES_AT_ONCE)
    batches = (queries[start : start + _QUERIES_AT_ONCE] for start in starts)
    return [found for batch in batches for found in _nearest(index, batch, request, lookup)]


def _nearest(index: VectorIndex, queries: Float32Array, request: Request, lookup: Lookup) -> list[Neighbours]:
    wanted = min(request.k, len(index) if request.allowed is None else len(request.allowed))
    fetch = request.k * (_PHOTOS_A_PRODUCT if request.by_product else 1) + index.spare
    answers: dict[int, Best] = {}
    pending = list(range(len(queries)))
    names: dict[int, tuple[str, str]] = {}
    while pending and wanted:
        found = [_best_first(candidates) for candidates in index.candidates(queries[pending], fetch, request.allowed)]
        if request.by_product:
            names |= _identify(lookup, found)
        for row, best in zip(pending, found, strict=True):
            settled = _settled(best, wanted, names if request.by_product else None)
            if settled is not None:
                answers[row] = settled
        pending = [row for row in pending if row not in answers]
        if pending and request.by_product:
            wanted = min(wanted, lookup.count_products())
        fetch *= _WIDEN
    if not request.by_product:  # what is not among the hits needs no name
        names = _identify(lookup, answers.values())
    return [_neighbours(answers.get(row), names) for row in range(len(queries))]


@dataclass(frozen=True, slots=True)
class Best:
    """Candidates in order, best first, equal scores by key; `bound` as in `Candidates`."""

    keys: list[int]
    scores: list[float]
    bound: float


def _best_first(candidates: Candidates) -> Best:
    order = np.lexsort((candidates.keys, -candidates.scores))
    return Best(candidates.keys[order].tolist(), candidates.scores[order].tolist(), candidates.bound)


def _settled(best: Best, wanted: int, names: dict[int, tuple[str, str]] | None) -> Best | None:
    """Return the best hits, with names each product once, or None where a row not fetched might belong among them."""
    if names is not None:
        products: set[str] = set()
        places: list[int] = []
        for place, key in enumerate(best.keys):
            if names[key][1] not in products:
                products.add(names[key][1])
                places.append(place)
                if len(places) == wanted:
                    break
        best = Best([best.keys[place] for place in places], [best.scores[place] for place in places], best.bound)
    if len(best.keys) < wanted:
        return best if best.bound == -np.inf else None
    return Best(best.keys[:wanted], best.scores[:wanted], best.bound) if best.scores[wanted - 1] > best.bound else None


def _identify(lookup: Lookup, found: Iterable[Best]) -> dict[int, tuple[str, str]]:
    return lookup.identify(sorted({key for best in found for key in best.keys}))


def _neighbours(best: Best | None, names: dict[int, tuple[str, str]]) -> Neighbours:
    if best is None:
        return Neighbours(())
    return Neighbours(tuple(Hit(*names[key], score) for key, score in zip(best.keys, best.scores, strict=True)))
