"""Exact answers from an index that knows only what scores best, and breaks every tie the wrong way."""

from collections.abc import Iterator, Sequence
from typing import Any, cast

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from lookalike.collection.rows import Int64Array
from lookalike.collection.scoring import Candidates
from lookalike.collection.search import Lookup, Request, named, nearest
from lookalike.collection.vector_index import VectorIndex
from lookalike.types import Float32Array

ONE = np.ones((1, 1), np.float32)


class Adverse:
    """An index with given scores, one for each key 0, 1, 2, …; of equal rows it returns those that were put last."""

    spare = 32

    def __init__(self, scores: Sequence[float]) -> None:
        self.scores = np.array(scores, np.float32)
        self.fetched: list[int] = []

    def __len__(self) -> int:
        return len(self.scores)

    def candidates(self, queries: Float32Array, fetch: int, allowed: Int64Array | None) -> Iterator[Candidates]:
        self.fetched.append(fetch)
        keys = np.arange(len(self)) if allowed is None else allowed
        order = keys[np.lexsort((-keys, -self.scores[keys]))]
        for _ in queries:
            left_out = self.scores[order[fetch:]].max(initial=-np.inf)
            yield Candidates(order[:fetch], self.scores[order[:fetch]], float(left_out))


def find(index: Adverse, request: Request, products: Sequence[int], queries: int = 1) -> list[list[tuple[str, float]]]:
    may = range(len(products)) if request.allowed is None else request.allowed.tolist()
    owners = np.array(products, np.int64)
    lookup = Lookup(lambda keys: owners[keys], lambda: len({products[key] for key in may}))
    found = nearest(cast("VectorIndex", index), np.repeat(ONE, queries, axis=0), request, lookup)
    names = {key: (f"i{key}", f"p{product}") for key, product in enumerate(products)}
    return [[(hit.image_id, hit.score) for hit in one.hits] for one in named(found, names)]


def slowly(index: Adverse, request: Request, products: Sequence[int]) -> list[tuple[str, float]]:
    may: list[Any] = list(range(len(index))) if request.allowed is None else request.allowed.tolist()
    seen: set[int] = set()
    hits = []
    for key in sorted(may, key=lambda key: (-index.scores[key], key)):
        if request.by_product and products[key] in seen:
            continue
        seen.add(products[key])
        hits.append((f"i{key}", float(index.scores[key])))
    return hits[: request.k]


@given(
    data=st.data(), size=st.integers(0, 400), k=st.integers(1, 12), by_product=st.booleans(), seed=st.integers(0, 999)
)
def test_it_is_exact_whatever_the_index_leaves_out(
    data: st.DataObject, size: int, k: int, by_product: bool, seed: int
) -> None:
    random = np.random.default_rng(seed)
    levels, shops = data.draw(st.sampled_from([1, 3, 50])), data.draw(st.sampled_from([1, 5, 400]))
    index = Adverse(random.integers(0, levels, size) / levels)
    products = random.integers(0, shops, size).tolist()
    allowed = np.flatnonzero(random.random(size) < 0.8) if data.draw(st.booleans()) else None
    request = Request(k, allowed, by_product)
    assert find(index, request, products) == [slowly(index, request, products)]


def test_one_fetch_is_enough_where_nothing_is_tied() -> None:
    index = Adverse(np.linspace(1, 0, 5000))
    assert len(find(index, Request(10), range(5000), queries=64)) == 64
    assert len(index.fetched) == 1
    assert index.fetched[0] < 100


def test_many_queries_are_answered_in_parts() -> None:
    index = Adverse(np.linspace(1, 0, 100))
    found = find(index, Request(3), range(100), queries=1000)
    assert found == [slowly(index, Request(3), range(100))] * 1000
    assert len(index.fetched) > 1


def test_where_there_are_fewer_products_than_asked_for_not_everything_is_fetched() -> None:
    index = Adverse(np.linspace(1, 0, 50_000))
    assert find(index, Request(10, None, by_product=True), [key % 2 for key in range(50_000)])[0] == [
        ("i0", 1.0),
        ("i1", float(index.scores[1])),
    ]
    assert max(index.fetched) < 1000
