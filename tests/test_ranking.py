"""Folding photos into products, prototypes and the boost, worked by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lookalike.errors import QueryError
from lookalike.ranking import FOLDS, RankConfig, boosted, fold, prototype
from lookalike.types import Hit, Neighbours


def neighbours(*hits: tuple[str, str, float]) -> Neighbours:
    return Neighbours(tuple(Hit(*hit) for hit in hits))


def test_a_product_scores_as_its_best_photo() -> None:
    found = neighbours(("a1", "A", 0.9), ("b1", "B", 0.8), ("a2", "A", 0.7))
    ranking = fold([found], k=10)
    assert [(product.product_id, product.score) for product in ranking.products] == [("A", 0.9), ("B", 0.8)]
    assert [hit.image_id for hit in ranking.products[0].hits] == ["a1", "a2"]


def test_several_query_photos_each_lend_their_best() -> None:
    first = neighbours(("a1", "A", 0.6), ("b1", "B", 0.5))
    second = neighbours(("b1", "B", 0.9), ("c1", "C", 0.1))
    ranking = fold([first, second], k=2)
    assert [(product.product_id, product.score) for product in ranking.products] == [("B", 0.9), ("A", 0.6)]
    assert ranking.products[0].hits == (Hit("b1", "B", 0.9),)


def test_ties_keep_their_order_and_nothing_gives_nothing() -> None:
    found = neighbours(("a1", "A", 0.5), ("b1", "B", 0.5), ("c1", "C", 0.5))
    assert [product.product_id for product in fold([found], k=2).products] == ["A", "B"]
    assert fold([], k=3).products == ()


@given(
    st.lists(
        st.lists(st.tuples(st.integers(0, 9), st.floats(-1, 1)), max_size=8, unique_by=lambda pair: pair[0]),
        max_size=4,
    ),
    st.integers(1, 6),
)
def test_folding_agrees_with_its_slow_twin(queries: list[list[tuple[int, float]]], k: int) -> None:
    found = [
        Neighbours(
            tuple(
                Hit(f"photo{number}", f"product{number % 3}", score)
                for number, score in sorted(hits, key=lambda pair: -pair[1])
            )
        )
        for hits in queries
    ]
    best: dict[str, float] = {}
    for hits in queries:
        for number, score in hits:
            product = f"product{number % 3}"
            best[product] = max(best.get(product, -2), score)
    ranking = fold(found, k)
    assert [product.score for product in ranking.products] == sorted(best.values(), reverse=True)[:k]
    assert all(best[product.product_id] == product.score for product in ranking.products)


THREE_OF_A = neighbours(("a1", "A", 0.9), ("b1", "B", 0.8), ("b2", "B", 0.7), ("a2", "A", 0.5), ("a3", "A", 0.1))


@pytest.mark.parametrize(
    ("by", "expected"),
    [
        ("max", [("A", 0.9), ("B", 0.8)]),
        ("mean", [("B", (0.8 + 0.7) / 2), ("A", (0.9 + 0.5 + 0.1) / 3)]),
        ("top2", [("B", (0.8 + 0.7) / 2), ("A", (0.9 + 0.5) / 2)]),
    ],
)
def test_each_fold_by_hand(by: str, expected: list[tuple[str, float]]) -> None:
    products = fold([THREE_OF_A], k=10, by=by).products
    assert [(product.product_id, product.score) for product in products] == [
        (product_id, pytest.approx(score)) for product_id, score in expected
    ]
    assert {product.product_id: product.hits[0].image_id for product in products} == {"A": "a1", "B": "b1"}


def test_a_single_photo_is_its_own_mean_and_its_own_best_two() -> None:
    found = neighbours(("a1", "A", 0.4))
    assert {fold([found], k=1, by=by).products[0].score for by in FOLDS} == {0.4}


def test_a_prototype_lifts_its_product_and_never_lowers_it() -> None:
    ranked = fold([THREE_OF_A], k=10, prototypes={"B": 0.95, "A": 0.2}).products
    assert [(product.product_id, product.score) for product in ranked] == [("B", 0.95), ("A", 0.9)]
    assert ranked[0].hits[0].image_id == "b1"


def test_a_prototype_is_the_mean_at_length_one() -> None:
    """Of (1, 0) and (0, 1) it lies halfway; a query in between is nearer to it than to either."""
    middle = prototype(np.array([[1, 0], [0, 1]], np.float32))
    np.testing.assert_allclose(middle, [np.sqrt(0.5)] * 2, rtol=1e-6)
    assert np.isfinite(prototype(np.array([[1, 0], [-1, 0]], np.float32))).all()


def test_the_boost_by_hand() -> None:
    """(0.9 + 0.5 · 0) / 1.5 = 0.6 and (0.8 + 0.5 · 1) / 1.5 = 0.8667: b1 passes a1."""
    found = neighbours(("a1", "A", 0.9), ("b1", "B", 0.8))
    hits = boosted(found, [0.0, 1.0], 0.5).hits
    assert [hit.image_id for hit in hits] == ["b1", "a1"]
    assert [hit.score for hit in hits] == [pytest.approx(1.3 / 1.5), pytest.approx(0.6)]


@given(
    st.lists(st.tuples(st.floats(-1, 1), st.floats(0, 1)), max_size=12),
    st.floats(0, 4),
)
def test_a_boost_loses_nobody_and_stays_in_range(pairs: list[tuple[float, float]], weight: float) -> None:
    scores = sorted((score for score, _ in pairs), reverse=True)
    found = Neighbours(tuple(Hit(f"photo{n}", f"product{n}", score) for n, score in enumerate(scores)))
    agreement = [agreed for _, agreed in pairs]
    again = boosted(found, agreement, weight)
    assert sorted(hit.image_id for hit in again.hits) == sorted(hit.image_id for hit in found.hits)
    assert all(-1 <= hit.score <= 1 for hit in again.hits)
    assert boosted(found, agreement, 0) == found
    assert [hit.image_id for hit in boosted(found, [0.5] * len(pairs), 0).hits] == [h.image_id for h in found.hits]


@given(
    st.lists(st.tuples(st.integers(0, 9), st.floats(-1, 1)), max_size=10, unique_by=lambda pair: pair[0]),
    st.sampled_from(FOLDS),
    st.integers(1, 6),
)
def test_every_fold_keeps_as_many_products(hits: list[tuple[int, float]], by: str, k: int) -> None:
    ordered = sorted(hits, key=lambda pair: -pair[1])
    found = Neighbours(tuple(Hit(f"photo{number}", f"product{number % 3}", score) for number, score in ordered))
    ranked = fold([found], k, by)
    best = fold([found], k)
    assert len(ranked.products) == len(best.products)
    whole = {product.product_id: product.score for product in fold([found], 10).products}
    assert all(product.score <= whole[product.product_id] for product in ranked.products)


def test_a_ranking_that_makes_no_sense_is_refused() -> None:
    with pytest.raises(QueryError, match=r"no fold 'median'.*max, mean, top2"):
        RankConfig(fold="median")
    for boost in (-0.1, float("nan"), float("inf")):
        with pytest.raises(QueryError, match="boost"):
            RankConfig(boost=boost)
    assert not RankConfig(boost=0.1).needs_every_photo
    assert RankConfig(fold="mean").needs_every_photo and RankConfig(prototypes=True).needs_every_photo
