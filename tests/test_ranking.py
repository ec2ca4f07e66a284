"""Folding photos into products, worked by hand."""

from hypothesis import given
from hypothesis import strategies as st

from lookalike.ranking import fold
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
