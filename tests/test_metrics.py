"""Metrics against numbers worked out by hand, against slow twins, and by their properties."""

import math
from statistics import fmean

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lookalike.metrics import (
    Judged,
    Summary,
    accuracy,
    average_precision_at_r,
    ndcg_at_k,
    precision_at_k,
    recall_at_k,
    reciprocal_rank,
    summary,
)


def judged(rows: list[str], answers: list[int], gallery: list[int]) -> Judged:
    """Rows such as "x.x" stand for an answer, a miss and an answer."""
    relevant = np.array([[mark == "x" for mark in row] for row in rows], bool).reshape(len(rows), -1)
    return Judged(relevant, np.array(answers, np.int64), np.array(gallery, np.int64))


# Four queries against a gallery of 6 photos, 5 hits fetched:
#   a finds answers at ranks 1, 3; has 3 in the gallery
#   b finds one at rank 2; has 1
#   c finds none; has 2
#   d has no answer: left out
HAND = judged(["x.x..", ".x...", ".....", "....."], [3, 1, 2, 0], [6, 6, 6, 6])


def test_recall_by_hand() -> None:
    np.testing.assert_array_equal(recall_at_k(HAND, 1), [1, 0, 0, np.nan])
    np.testing.assert_array_equal(recall_at_k(HAND, 2), [1, 1, 0, np.nan])
    np.testing.assert_array_equal(recall_at_k(HAND, 5), [1, 1, 0, np.nan])


def test_precision_by_hand() -> None:
    np.testing.assert_array_equal(precision_at_k(HAND, 1), [1, 0, 0, np.nan])
    np.testing.assert_array_equal(precision_at_k(HAND, 5), [2 / 5, 1 / 5, 0, np.nan])


def test_precision_divides_by_the_gallery_where_it_is_smaller_than_k_but_not_by_the_answers() -> None:
    small = judged(["x.", "xx"], [1, 2], [2, 2])
    np.testing.assert_array_equal(precision_at_k(small, 10), [1 / 2, 1])
    np.testing.assert_array_equal(precision_at_k(judged(["x..."], [1], [4]), 4), [1 / 4])


def test_reciprocal_rank_by_hand() -> None:
    np.testing.assert_array_equal(reciprocal_rank(HAND), [1, 1 / 2, 0, np.nan])


def test_average_precision_at_r_by_hand() -> None:
    # a: R = 3, hits 1 and 3 of the first 3: (1/1 + 2/3) / 3; b: R = 1, and rank 2 lies past it; c: nothing
    np.testing.assert_allclose(average_precision_at_r(HAND), [5 / 9, 0, 0, np.nan])


def test_ndcg_by_hand() -> None:
    # a: 1 / log2(2) + 1 / log2(4) = 1.5 of the ideal 1 + 1 / log2(3) + 1/2; b: 1 / log2(3) of 1
    np.testing.assert_allclose(
        ndcg_at_k(HAND, 5), [1.5 / (1.5 + 1 / math.log2(3)), 1 / math.log2(3), 0, np.nan], rtol=1e-12
    )


def test_ndcg_takes_its_ideal_from_the_gallery_and_not_from_what_was_found() -> None:
    assert ndcg_at_k(judged(["x" + "." * 9], [50], [100]), 10)[0] < 0.25


def test_accuracy_by_hand() -> None:
    np.testing.assert_array_equal(accuracy(["a", "b", "a"], ["a", "a", "a"]), [1, 0, 1])
    with pytest.raises(ValueError, match="argument 2 is longer"):
        accuracy(["a"], ["a", "b"])


def test_a_mean_leaves_out_queries_without_an_answer_and_counts_them() -> None:
    found = summary(recall_at_k(HAND, 1), [1, 2, 3, 4])
    assert (found.value, found.queries, found.left_out) == (pytest.approx(1 / 3), 3, 1)


def test_no_query_no_figure_and_one_group_no_interval() -> None:
    assert summary(np.array([np.nan, np.nan]), [1, 2]) == Summary(None, None, None, 0, 2)
    assert summary(np.array([]), []) == Summary(None, None, None, 0, 0)
    assert summary(np.array([1.0, 0.0]), ["a", "a"]) == Summary(0.5, None, None, 2, 0)


def test_the_interval_is_the_binomial_one_where_each_query_is_a_group() -> None:
    values = np.repeat([1.0, 0.0], [600, 400])
    found = summary(values, range(1000), draws=4000)
    half = 1.96 * math.sqrt(0.6 * 0.4 / 1000)
    assert found.low == pytest.approx(0.6 - half, abs=0.003)
    assert found.high == pytest.approx(0.6 + half, abs=0.003)


def test_the_interval_is_wider_where_groups_agree() -> None:
    """40 groups of 25 equal values each are worth 40 draws and not 1,000."""
    values = np.repeat(np.repeat([1.0, 0.0], [24, 16]), 25)
    found = summary(values, np.repeat(np.arange(40), 25).tolist(), draws=4000)
    half = 1.96 * math.sqrt(0.6 * 0.4 / 40)
    assert found.low == pytest.approx(0.6 - half, abs=0.02)
    assert found.high == pytest.approx(0.6 + half, abs=0.02)


def test_a_group_weighs_as_much_as_it_has_queries() -> None:
    """Of two groups, nine ones and a zero, half of the draws have one of each: their mean is 9 / 10, and not 1 / 2."""
    found = summary(np.repeat([1.0, 0.0], [9, 1]), ["a"] * 9 + ["b"], draws=4000, level=0.3)
    assert (found.low, found.high) == (0.9, 0.9)


def test_the_interval_obeys_its_seed() -> None:
    values = np.random.default_rng(0).random(60)
    groups = (np.arange(60) // 3).tolist()
    assert summary(values, groups, seed=1) == summary(values, groups, seed=1)
    assert summary(values, groups, seed=1) != summary(values, groups, seed=2)


@pytest.mark.parametrize(
    ("relevant", "answers", "gallery"),
    [
        (np.ones((1, 2), bool), [1], [5]),
        (np.zeros((1, 2), bool), [-1], [5]),
        (np.zeros((1, 2), bool), [6], [5]),
        (np.zeros((2, 2), bool), [1], [5]),
        (np.zeros(2, bool), [1, 1], [5, 5]),
    ],
)
def test_what_cannot_be_is_refused(relevant: np.ndarray, answers: list[int], gallery: list[int]) -> None:
    with pytest.raises(ValueError, match=r"must be|fewer than no|more answers"):
        Judged(relevant, np.array(answers), np.array(gallery))


def test_too_few_hits_to_tell_are_refused() -> None:
    with pytest.raises(ValueError, match="fewer than 10 hits"):
        precision_at_k(HAND, 10)
    with pytest.raises(ValueError, match="fewer than 3 hits"):  # one of the two could have found more
        precision_at_k(judged(["x.", "x."], [1, 1], [2, 3]), 3)
    with pytest.raises(ValueError, match="mAP@R needs 9 hits"):
        average_precision_at_r(judged(["x..."], [9], [20]))
    with pytest.raises(ValueError, match="mAP@R needs 5 hits"):
        average_precision_at_r(judged(["x...", "x..."], [5, 1], [20, 20]))
    with pytest.raises(ValueError, match="k must be"):
        recall_at_k(HAND, 0)


@st.composite
def searches(draw: st.DrawFn) -> Judged:
    """Galleries ranked whole, so that every metric can be asked."""
    size = draw(st.integers(1, 12))
    rows = draw(st.lists(st.lists(st.booleans(), min_size=size, max_size=size), min_size=1, max_size=6))
    relevant = np.array(rows, bool)
    return Judged(relevant, relevant.sum(axis=1).astype(np.int64), np.full(len(rows), size, np.int64))


def slow(relevant: list[bool], k: int) -> dict[str, float]:
    """The definitions once more, rank by rank."""
    answers = sum(relevant)
    if answers == 0:
        return dict.fromkeys(("recall", "precision", "mrr", "map", "ndcg"), math.nan)
    first = relevant[:k]
    hit_ranks = [rank for rank, hit in enumerate(relevant, start=1) if hit]
    precisions = [sum(relevant[:rank]) / rank for rank in hit_ranks if rank <= answers]
    gain = sum(1 / math.log2(rank + 1) for rank in hit_ranks if rank <= k)
    ideal = sum(1 / math.log2(rank + 1) for rank in range(1, min(k, answers) + 1))
    return {
        "recall": float(any(first)),
        "precision": sum(first) / len(first),
        "mrr": 1 / hit_ranks[0],
        "map": sum(precisions) / answers,
        "ndcg": gain / ideal,
    }


@given(searches(), st.integers(1, 15))
def test_slow_twin(found: Judged, k: int) -> None:
    expected = [slow(row.tolist(), k) for row in found.relevant]
    ours = {
        "recall": recall_at_k(found, k),
        "precision": precision_at_k(found, k),
        "mrr": reciprocal_rank(found),
        "map": average_precision_at_r(found),
        "ndcg": ndcg_at_k(found, k),
    }
    for name, values in ours.items():
        np.testing.assert_allclose(values, [row[name] for row in expected], rtol=1e-12, err_msg=name)


@given(searches(), st.integers(1, 12))
def test_bounds_and_order(found: Judged, k: int) -> None:
    scored = found.answers > 0
    recall, precision, ndcg = recall_at_k(found, k), precision_at_k(found, k), ndcg_at_k(found, k)
    for values in (recall, precision, reciprocal_rank(found), average_precision_at_r(found), ndcg):
        assert np.isnan(values[~scored]).all()
        assert ((values[scored] >= 0) & (values[scored] <= 1 + 1e-12)).all()
    assert (precision[scored] <= recall[scored] + 1e-12).all()
    assert (recall[scored] <= recall_at_k(found, k + 1)[scored]).all()
    best = Judged(-np.sort(-found.relevant.astype(int), axis=1) > 0, found.answers, found.gallery)
    assert ndcg_at_k(best, k)[scored] == pytest.approx(1)
    assert average_precision_at_r(best)[scored] == pytest.approx(1)


@given(st.lists(st.tuples(st.floats(0, 1), st.integers(0, 5)), min_size=1, max_size=40))
@settings(deadline=None)
def test_interval_properties(rows: list[tuple[float, int]]) -> None:
    values, groups = np.array([value for value, _ in rows]), [group for _, group in rows]
    found = summary(values, groups, draws=200)
    assert found.value == pytest.approx(fmean(values))
    if found.low is not None and found.high is not None:
        assert values.min() - 1e-9 <= found.low <= found.high <= values.max() + 1e-9
    else:
        assert len(set(groups)) == 1
