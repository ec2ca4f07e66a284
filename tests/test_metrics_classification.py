"""Classification, calibration, AUROC and intervals: by hand, and against slow twins in plain Python."""

import math
from statistics import fmean

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lookalike import metrics

# Six photos of three labels: 0 is right twice and called 1 once; 1 is right once and called 0 once; 2 is called 1.
TRUE = np.array([0, 0, 0, 1, 1, 2])
SAID = np.array([0, 0, 1, 1, 0, 1])
CONFUSION = metrics.confusion_matrix(SAID, TRUE, 4)


def test_confusion_by_hand() -> None:
    assert CONFUSION.tolist() == [[2, 1, 0, 0], [1, 1, 0, 0], [0, 1, 0, 0], [0, 0, 0, 0]]


def test_recall_precision_and_f1_by_hand() -> None:
    np.testing.assert_allclose(metrics.recall_by_label(CONFUSION), [2 / 3, 1 / 2, 0, np.nan])
    np.testing.assert_allclose(metrics.precision_by_label(CONFUSION), [2 / 3, 1 / 3, np.nan, np.nan])
    np.testing.assert_allclose(metrics.f1_by_label(CONFUSION), [2 / 3, 2 / 5, 0, np.nan])
    assert metrics.balanced_accuracy(CONFUSION) == pytest.approx((2 / 3 + 1 / 2 + 0) / 3)
    assert metrics.macro_f1(CONFUSION) == pytest.approx((2 / 3 + 2 / 5 + 0) / 3)


def test_no_photos_give_no_figures() -> None:
    empty = np.zeros((3, 3))
    assert math.isnan(metrics.balanced_accuracy(empty))
    assert math.isnan(metrics.macro_f1(empty))
    assert math.isnan(metrics.expected_calibration_error(np.empty(0), np.empty(0)))
    assert math.isnan(metrics.auroc(np.empty(0), np.array([1.0])))
    assert metrics.statistic_summary(lambda _: 1.0, []) == metrics.Summary(None, None, None, 0, 0)


def test_top_k_by_hand() -> None:
    probabilities = np.array([[0.5, 0.3, 0.2], [0.2, 0.2, 0.6], [0.4, 0.4, 0.2]])
    true = np.array([1, 0, 1])
    np.testing.assert_array_equal(metrics.top_k_accuracy(probabilities, true, 1), [0, 0, 0])
    np.testing.assert_array_equal(metrics.top_k_accuracy(probabilities, true, 2), [1, 1, 1])
    np.testing.assert_array_equal(metrics.top_k_accuracy(probabilities, np.array([2, 1, 2]), 2), [0, 0, 0])


@given(st.data())
def test_top_k_is_the_count_of_labels_before_the_true_one(data: st.DataObject) -> None:
    """As many labels stand before it as are more probable, or as probable and of an earlier column."""
    labels = data.draw(st.integers(1, 6))
    row = st.tuples(st.lists(st.integers(0, 3), min_size=labels, max_size=labels), st.integers(0, labels - 1))
    rows, k = data.draw(st.lists(row, max_size=8)), data.draw(st.integers(1, 7))
    slow = [
        float(sum(p > row[true] or (p == row[true] and n < true) for n, p in enumerate(row)) < k) for row, true in rows
    ]
    probabilities = np.array([row for row, _ in rows], float).reshape(-1, labels)
    true = np.array([true for _, true in rows], np.int64)
    assert metrics.top_k_accuracy(probabilities, true, k).tolist() == slow


def test_calibration_by_hand() -> None:
    """Two photos at .95, one right; one at .5, right; one at .51, wrong: (2 * .45 + .5 + .51) / 4."""
    confidence, right = np.array([0.95, 0.95, 0.5, 0.51]), np.array([1.0, 0, 1, 0])
    assert metrics.expected_calibration_error(confidence, right) == pytest.approx((2 * 0.45 + 0.5 + 0.51) / 4)
    bins = metrics.calibration_bins(confidence, right)
    assert [(one.low, one.high, one.count) for one in bins] == [(0.4, 0.5, 1), (0.5, 0.6, 1), (0.9, 1.0, 2)]
    assert (bins[2].confidence, bins[2].accuracy) == pytest.approx((0.95, 0.5))


def test_auroc_by_hand() -> None:
    """Pairs: 3 > 2, 3 > 1, 2 = 2 counts half, 2 > 1."""
    assert metrics.auroc(np.array([3.0, 2.0]), np.array([2.0, 1.0])) == pytest.approx(3.5 / 4)


scores = st.lists(st.integers(0, 5), min_size=1, max_size=12)


@given(scores, scores)
def test_auroc_is_the_count_over_pairs(positive: list[int], negative: list[int]) -> None:
    slow = fmean((p > n) + (p == n) / 2 for p in positive for n in negative)
    fast = metrics.auroc(np.array(positive, float), np.array(negative, float))
    assert fast == pytest.approx(slow)
    assert metrics.auroc(np.array(negative, float), np.array(positive, float)) == pytest.approx(1 - fast)


labelled = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=25)


@given(labelled)
def test_weights_are_repetitions(photos: list[tuple[int, int, int]]) -> None:
    """A photo of weight 2 is that photo twice, for every statistic; and slow twins agree."""
    true, said, times = (np.array(column) for column in zip(*photos, strict=True))
    again = np.repeat(np.arange(len(photos)), times)
    weighted = metrics.confusion_matrix(said, true, 4, times.astype(float))
    repeated = metrics.confusion_matrix(said[again], true[again], 4)
    np.testing.assert_array_equal(weighted, repeated)
    confidence, right = (said + 1) / 4, (said == true).astype(float)
    assert metrics.expected_calibration_error(confidence, right, times.astype(float)) == pytest.approx(
        metrics.expected_calibration_error(confidence[again], right[again]), nan_ok=True
    )
    pair = (confidence, right)
    assert metrics.auroc(*pair, times.astype(float)) == pytest.approx(
        metrics.auroc(confidence[again], right[again]), nan_ok=True
    )


@given(labelled)
def test_macro_figures_are_those_of_plain_loops(photos: list[tuple[int, int, int]]) -> None:
    true, said = [one[0] for one in photos], [one[1] for one in photos]
    recalls, f1s = [], []
    for label in sorted(set(true)):
        hits = sum(t == s == label for t, s in zip(true, said, strict=True))
        recalls.append(hits / true.count(label))
        precision = hits / said.count(label) if said.count(label) else 0
        f1s.append(2 * precision * recalls[-1] / (precision + recalls[-1]) if hits else 0)
    confusion = metrics.confusion_matrix(np.array(said), np.array(true), 4)
    assert metrics.balanced_accuracy(confusion) == pytest.approx(fmean(recalls))
    assert metrics.macro_f1(confusion) == pytest.approx(fmean(f1s))


@given(st.lists(st.tuples(st.floats(0.01, 1), st.booleans()), min_size=1, max_size=40))
def test_calibration_error_is_that_of_plain_loops(photos: list[tuple[float, bool]]) -> None:
    total = 0.0
    for n in range(10):
        mine = [(c, r) for c, r in photos if n / 10 < c <= (n + 1) / 10 and math.ceil(c * 10) - 1 == n]
        if mine:
            total += abs(fmean(c for c, _ in mine) - fmean(r for _, r in mine)) * len(mine) / len(photos)
    confidence, right = np.array([c for c, _ in photos]), np.array([float(r) for _, r in photos])
    assert metrics.expected_calibration_error(confidence, right) == pytest.approx(total, abs=1e-9)


def test_a_statistic_that_is_a_mean_has_the_interval_of_the_mean() -> None:
    rng = np.random.default_rng(0)
    values, groups = np.repeat(rng.integers(0, 2, 40), 5).astype(float), (np.arange(200) // 5).tolist()
    one = metrics.statistic_summary(lambda w: float((w * values).sum() / w.sum()), groups, draws=2000)
    other = metrics.summary(values, groups, draws=2000)
    assert one.value == pytest.approx(other.value)
    assert (one.low, one.high) == pytest.approx((other.low, other.high), abs=0.01)


def test_several_statistics_have_the_intervals_that_each_has_alone() -> None:
    rng = np.random.default_rng(0)
    values, groups = rng.random((3, 60)), (np.arange(60) // 4).tolist()
    values[2] = np.nan

    def means(weights: np.ndarray) -> np.ndarray:
        return values @ weights / weights.sum()

    together = metrics.statistics_summary(means, groups, seed=3, draws=50)
    for place, one in enumerate(together):
        alone = metrics.statistic_summary(lambda w, n=place: float(means(w)[n]), groups, seed=3, draws=50)
        assert one == alone
    assert together[0].low < together[0].value < together[0].high
    assert together[2] == metrics.Summary(None, None, None, 0, 0)


def test_one_group_has_no_interval() -> None:
    assert metrics.statistic_summary(lambda _: 0.5, ["a", "a"]) == metrics.Summary(0.5, None, None, 2, 0)


def test_pairing_makes_the_interval_of_a_difference_narrow() -> None:
    rng = np.random.default_rng(1)
    ease = rng.random(300)
    ours, theirs = ease + 0.02, ease.copy()
    theirs[7] = np.nan
    told = metrics.difference(ours, theirs, list(range(300)))
    assert told.value == pytest.approx(0.02)
    assert (told.low, told.high) == pytest.approx((0.02, 0.02))
    assert (told.queries, told.left_out) == (299, 1)
    with pytest.raises(ValueError, match="differ in length"):
        metrics.difference(ours, theirs[1:], list(range(300)))


@settings(deadline=None)
@given(st.integers(0, 1000))
def test_the_same_seed_gives_the_same_interval(seed: int) -> None:
    groups = [0, 0, 1, 2, 2]
    one, other = (metrics.statistic_summary(lambda w: float(w[0]), groups, seed=seed, draws=20) for _ in range(2))
    assert one == other
