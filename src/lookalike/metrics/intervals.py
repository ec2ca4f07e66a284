"""Means, statistics and differences with intervals from a bootstrap over groups."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from lookalike.metrics.retrieval import Float64Array, IntArray

_DRAWS_AT_ONCE = 100


@dataclass(frozen=True)
class Summary:
    """A mean over queries. `low` and `high` bound 95 %; None where there is nothing, or one group only."""

    value: float | None
    low: float | None
    high: float | None
    queries: int
    left_out: int


def summary(
    values: Float64Array, groups: Sequence[int | str], *, seed: int = 0, draws: int = 1000, level: float = 0.95
) -> Summary:
    """Average a metric over queries, with a bootstrap interval over groups.

    Photos of one group (a seller, a product) share a room and a light and are no independent draws, so whole groups are
    drawn with replacement, as many as there are; each draw's mean is that of its queries; the interval holds the middle
    `level` of the draws (percentile method).

    Parameters
    ----------
    values : float64 array of shape (n,)
        One per query, NaN where it has no answer: counted in `left_out`, and no part of anything else.
    groups : one per query

    Returns
    -------
    Summary
        All of it None where no query is left; without bounds where all are of one group.

    Raises
    ------
    ValueError
        The lengths differ.

    Notes
    -----
    Source: Efron and Tibshirani, An Introduction to the Bootstrap, chapters 8 and 13. The interval tells how much the
    choice of queries matters, not that of the training photos.
    """
    if values.shape != (len(groups),):
        raise ValueError("values and groups differ in length")
    scored = np.isfinite(values)
    left_out = int((~scored).sum())
    if not scored.any():
        return Summary(None, None, None, 0, left_out)
    names, codes = np.unique(np.array([str(group) for group in groups])[scored], return_inverse=True)
    value = float(values[scored].mean())
    if len(names) < 2:
        return Summary(value, None, None, int(scored.sum()), left_out)
    sums = np.asarray(np.bincount(codes, values[scored]), np.float64)
    sizes = np.bincount(codes)
    means = _bootstrap_means(sums, sizes, draws, np.random.default_rng(seed))
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    return Summary(value, float(low), float(high), int(scored.sum()), left_out)


def _bootstrap_means(sums: Float64Array, sizes: IntArray, draws: int, rng: np.random.Generator) -> Float64Array:
    means: list[Float64Array] = []
    for start in range(0, draws, _DRAWS_AT_ONCE):  # a draw for each of many groups: keep the memory flat
        drawn = rng.integers(0, len(sums), (min(_DRAWS_AT_ONCE, draws - start), len(sums)))
        means.append(sums[drawn].sum(axis=1) / sizes[drawn].sum(axis=1))
    return np.concatenate(means)


def statistic_summary(
    statistic: Callable[[Float64Array], float],
    groups: Sequence[int | str],
    *,
    left_out: int = 0,
    seed: int = 0,
    draws: int = 500,
    level: float = 0.95,
) -> Summary:
    """Bootstrap a statistic that is no mean of numbers per query (macro-F1, a calibration error, AUROC) over groups.

    Parameters
    ----------
    statistic : takes weights, float64 of shape (n,), how many times each query counts; may return NaN
    groups : one per query

    Returns
    -------
    Summary
        `value` is the statistic with every weight 1; draws for which it is NaN are left out of the interval.
    """
    if not groups:
        return Summary(None, None, None, 0, left_out)
    (one,) = statistics_summary(
        lambda weights: np.array([statistic(weights)]), groups, left_out=left_out, seed=seed, draws=draws, level=level
    )
    return one


def statistics_summary(
    statistics: Callable[[Float64Array], Float64Array],
    groups: Sequence[int | str],
    *,
    left_out: int = 0,
    seed: int = 0,
    draws: int = 500,
    level: float = 0.95,
) -> list[Summary]:
    """Bootstrap several statistics (the recall of each label, say) over the same draws of groups.

    Parameters
    ----------
    statistics : takes weights, float64 of shape (n,), and returns float64 of shape (m,), NaN where there is none

    Returns
    -------
    m summaries, each as `statistic_summary` gives.
    """
    values = statistics(np.ones(len(groups)))
    names, codes = np.unique(np.array([str(group) for group in groups]), return_inverse=True)
    rng = np.random.default_rng(seed)
    drawn = [
        statistics(np.bincount(rng.integers(0, len(names), len(names)), minlength=len(names))[codes].astype(np.float64))
        for _ in range(draws if len(names) > 1 else 0)
    ]
    return [
        _told(value, np.array([one[place] for one in drawn]), len(groups), left_out, level)
        for place, value in enumerate(values.tolist())
    ]


def _told(value: float, drawn: Float64Array, queries: int, left_out: int, level: float) -> Summary:
    if not np.isfinite(value):
        return Summary(None, None, None, 0, left_out)
    finite = drawn[np.isfinite(drawn)]
    if not len(finite):
        return Summary(value, None, None, queries, left_out)
    low, high = np.quantile(finite, [(1 - level) / 2, (1 + level) / 2])
    return Summary(value, float(low), float(high), queries, left_out)


def difference(
    ours: Float64Array, theirs: Float64Array, groups: Sequence[int | str], *, seed: int = 0, draws: int = 1000
) -> Summary:
    """Average `ours - theirs` over the queries that both answered, with a paired bootstrap interval over groups.

    Queries that either did not score (NaN) are counted in `left_out`. Pairing takes out what makes a query easy or hard
    for both, so the interval is far narrower than the two single ones.

    Raises
    ------
    ValueError
        The lengths differ.
    """
    if ours.shape != theirs.shape:
        raise ValueError("the two sides differ in length")
    return summary(ours - theirs, groups, seed=seed, draws=draws)
