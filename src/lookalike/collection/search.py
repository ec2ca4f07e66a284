"""Exact search over an index: fetch until the answer is certain, ties and products included."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from lookalike.collection.vector_index import Candidates, Int64Array, VectorIndex
from lookalike.types import Float32Array, Hit, Neighbours

_QUERIES_AT_ONCE = 64  # bounds the memory where everything has to be fetched
_SPARE = 32  # rows fetched beyond k, so that one round nearly always settles ties and rounding
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
    cut, stand in the order of their keys.

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
    fetch = request.k * (_PHOTOS_A_PRODUCT if request.by_product else 1) + _SPARE
    answers: dict[int, Neighbours] = {}
    pending = list(range(len(queries)))
    while pending and wanted:
        found = list(index.candidates(queries[pending], fetch, request.allowed))
        names = lookup.identify(np.unique(np.concatenate([candidates.keys for candidates in found])).tolist())
        for row, candidates in zip(pending, found, strict=True):
            hits = _settled(candidates, names, wanted, by_product=request.by_product)
            if hits is not None:
                answers[row] = Neighbours(hits)
        pending = [row for row in pending if row not in answers]
        if pending and request.by_product:
            wanted = min(wanted, lookup.count_products())
        fetch *= _WIDEN
    return [answers.get(row, Neighbours(())) for row in range(len(queries))]


def _settled(
    candidates: Candidates, names: dict[int, tuple[str, str]], wanted: int, *, by_product: bool
) -> tuple[Hit, ...] | None:
    """Return the best hits, or None where a row that was not fetched might belong among them."""
    hits: list[Hit] = []
    products: set[str] = set()
    for key, score in _best_first(candidates):
        image_id, product_id = names[key]
        if by_product and product_id in products:
            continue
        products.add(product_id)
        hits.append(Hit(image_id, product_id, score))
        if len(hits) == wanted:
            return tuple(hits) if score > candidates.bound else None
    return tuple(hits) if candidates.bound == -np.inf else None


def _best_first(candidates: Candidates) -> Iterator[tuple[int, float]]:
    order = np.lexsort((candidates.keys, -candidates.scores))
    return zip(candidates.keys[order].tolist(), candidates.scores[order].tolist(), strict=True)
