"""Search over an index: fetch until the answer is certain (or, where it is approximate, long enough)."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from lookalike.collection.rows import Int64Array
from lookalike.collection.scoring import Candidates
from lookalike.collection.vector_index import VectorIndex
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
    """What a search asks beside the index: the product of each key by its number, and how many pass the filter."""

    owners: Callable[[Int64Array], Int64Array]
    count_products: Callable[[], int]


@dataclass(frozen=True, slots=True)
class Best:
    """Candidates in order, best first, equal scores by key; `bound` as in `Candidates`."""

    keys: Int64Array
    scores: Float32Array
    bound: float


def nearest(index: VectorIndex, queries: Float32Array, request: Request, lookup: Lookup) -> list[Best]:
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


def named(found: Sequence[Best], names: Mapping[int, tuple[str, str]]) -> list[Neighbours]:
    """Turn what was found into hits, by the image id and product id of each key."""
    return [
        Neighbours(
            tuple(Hit(*names[key], score) for key, score in zip(best.keys.tolist(), best.scores.tolist(), strict=True))
        )
        for best in found
    ]


def _nearest(index: VectorIndex, queries: Float32Array, request: Request, lookup: Lookup) -> list[Best]:
    wanted = min(request.k, len(index) if request.allowed is None else len(request.allowed))
    fetch = request.k * (_PHOTOS_A_PRODUCT if request.by_product else 1) + index.spare
    answers: dict[int, Best] = {}
    pending = list(range(len(queries)))
    while pending and wanted:
        found = map(_best_first, index.candidates(queries[pending], fetch, request.allowed))
        for row, best in zip(pending, found, strict=True):
            settled = _settled(_by_product(best, wanted, lookup) if request.by_product else best, wanted)
            if settled is not None:
                answers[row] = settled
        pending = [row for row in pending if row not in answers]
        if pending and request.by_product:
            wanted = min(wanted, lookup.count_products())
        fetch *= _WIDEN
    nothing = Best(np.empty(0, np.int64), np.empty(0, np.float32), -np.inf)
    return [answers.get(row, nothing) for row in range(len(queries))]


def _best_first(candidates: Candidates) -> Best:
    order = np.lexsort((candidates.keys, -candidates.scores))
    return Best(candidates.keys[order], candidates.scores[order], candidates.bound)


def _by_product(best: Best, wanted: int, lookup: Lookup) -> Best:
    """Keep the best photo of each product, as far as the wanted ones reach."""
    products: set[int] = set()
    places: list[int] = []
    for place, product in enumerate(lookup.owners(best.keys).tolist()):
        if product not in products:
            products.add(product)
            places.append(place)
            if len(places) == wanted:
                break
    return Best(best.keys[places], best.scores[places], best.bound)


def _settled(best: Best, wanted: int) -> Best | None:
    """Return the best hits, or None where a row that was not fetched might belong among them."""
    if len(best.keys) < wanted:
        return best if best.bound == -np.inf else None
    if best.scores[wanted - 1] <= best.bound:
        return None
    # Copied, as views would keep all that was fetched.
    return Best(best.keys[:wanted].copy(), best.scores[:wanted].copy(), best.bound)
