"""Metrics of classification, and AUROC; `weights` say how many times each photo counts (default once)."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lookalike.metrics.retrieval import Float64Array, IntArray

BINS = 10


def accuracy(predicted: Sequence[str], true: Sequence[str]) -> Float64Array:
    """Whether the most probable label is the true one: 1 or 0.

    Formula: [predicted = true]. Its mean over photos is what is called top-1 accuracy, or micro accuracy.
    Differs from commonly used: not at all; labels with more photos weigh more.

    Raises
    ------
    ValueError
        The lengths differ.
    """
    return np.array([one == other for one, other in zip(predicted, true, strict=True)], np.float64)


def top_k_accuracy(probabilities: npt.NDArray[np.floating], true: IntArray, k: int) -> Float64Array:
    """Whether the true label is among the k most probable: 1 or 0.

    Formula: [rank of p(true) <= k]. Equal probabilities stand in the order of the columns.
    Source: Russakovsky et al., ImageNet Large Scale Visual Recognition Challenge, arXiv:1409.0575 (its top-5).
    Differs from commonly used: not at all; with k labels or fewer it is always 1.

    Parameters
    ----------
    probabilities : float array of shape (n, labels)
    true : int64 array of shape (n,)
        Columns of the true labels.
    """
    order = np.argsort(-probabilities, axis=1, kind="stable")[:, :k]
    return np.asarray((order == true[:, None]).any(axis=1), np.float64)


def confusion_matrix(
    predicted: IntArray, true: IntArray, n_labels: int, weights: Float64Array | None = None
) -> Float64Array:
    """Count photos by true label (rows) and predicted label (columns): float64 of shape (labels, labels)."""
    cells = np.bincount(true * n_labels + predicted, weights=weights, minlength=n_labels * n_labels)
    return cells.reshape(n_labels, n_labels).astype(np.float64)


def recall_by_label(confusion: Float64Array) -> Float64Array:
    """Share of each label's photos that were recognised; NaN for a label without photos.

    Formula: C[c, c] / sum over columns of C[c].
    """
    return _divided(np.diag(confusion), confusion.sum(axis=1))


def precision_by_label(confusion: Float64Array) -> Float64Array:
    """Share of the photos called c that are c; NaN for a label that was never predicted.

    Formula: C[c, c] / sum over rows of C[:, c].
    """
    return _divided(np.diag(confusion), confusion.sum(axis=0))


def f1_by_label(confusion: Float64Array) -> Float64Array:
    """Harmonic mean of precision and recall; 0 for a label that was never found, NaN for one without photos.

    Formula: 2 C[c, c] / (row sum + column sum).
    """
    rows = confusion.sum(axis=1)
    f1 = _divided(2 * np.diag(confusion), rows + confusion.sum(axis=0))
    return np.where(rows > 0, f1, np.nan)


def balanced_accuracy(confusion: Float64Array) -> float:
    """Mean of the labels' recalls, each label counting the same; NaN where there is no photo at all.

    Formula: mean over labels with photos of C[c, c] / row sum.
    Source: Brodersen et al., The balanced accuracy and its posterior distribution, ICPR 2010.
    Differs from commonly used: labels without test photos are left out, as in scikit-learn.
    """
    return _mean(recall_by_label(confusion))


def macro_f1(confusion: Float64Array) -> float:
    """Mean of the labels' F1, each label counting the same; NaN where there is no photo at all.

    Formula: mean over labels with photos of 2 C[c, c] / (row sum + column sum).
    Source: Opitz and Burst, Macro F1 and Macro F1, arXiv:1911.03347 (the averaged F1).
    Differs from commonly used: scikit-learn also counts labels that were predicted but have no photos, as 0.
    """
    return _mean(f1_by_label(confusion))


@dataclass(frozen=True)
class Bin:
    """Photos whose highest probability lies in (low, high]: their mean confidence and accuracy, and their count."""

    low: float
    high: float
    confidence: float
    accuracy: float
    count: float


def calibration_bins(
    confidence: Float64Array, right: Float64Array, weights: Float64Array | None = None, *, bins: int = BINS
) -> tuple[Bin, ...]:
    """Sort photos into bins of equal width by confidence; empty bins are left out.

    Parameters
    ----------
    confidence : float64 array of shape (n,)
        Probability of the predicted label, in [0, 1].
    right : float64 array of shape (n,)
        1 where the prediction is right, else 0.
    """
    weights = np.ones(len(confidence)) if weights is None else weights
    place = np.clip(np.ceil(confidence * bins).astype(np.int64) - 1, 0, bins - 1)
    counts = np.bincount(place, weights, bins)
    sure = np.bincount(place, weights * confidence, bins)
    hits = np.bincount(place, weights * right, bins)
    return tuple(
        Bin(n / bins, (n + 1) / bins, float(sure[n] / counts[n]), float(hits[n] / counts[n]), float(counts[n]))
        for n in range(bins)
        if counts[n] > 0
    )


def expected_calibration_error(
    confidence: Float64Array, right: Float64Array, weights: Float64Array | None = None, *, bins: int = BINS
) -> float:
    """How far confidence is from accuracy, in the mean over photos; NaN without photos.

    Formula: sum over bins of count / n * |accuracy - confidence|, over 10 bins of equal width.
    Source: Guo et al., On Calibration of Modern Neural Networks, arXiv:1706.04599.
    Differs from commonly used: not at all; many take 15 bins.
    """
    found = calibration_bins(confidence, right, weights, bins=bins)
    total = sum(one.count for one in found)
    if not total:
        return float("nan")
    return sum(one.count * abs(one.accuracy - one.confidence) for one in found) / total


def auroc(positive: Float64Array, negative: Float64Array, weights: Float64Array | None = None) -> float:
    """How probable it is that a positive scores above a negative; ties count half; NaN where either is missing.

    Formula: sum over pairs of w_i w_j ([p_i > n_j] + [p_i = n_j] / 2) / sum over pairs of w_i w_j.
    Source: Hanley and McNeil, The meaning and use of the area under a ROC curve, Radiology 143, 1982.

    Parameters
    ----------
    positive, negative : float64 arrays of shapes (n,) and (m,)
    weights : float64 array of shape (n,), optional
        Taken for both, where the i-th positive and the i-th negative come from one query; then n = m.
    """
    ours = np.ones(len(positive)) if weights is None else weights
    theirs = np.ones(len(negative)) if weights is None else weights
    if not ours.sum() or not theirs.sum():
        return float("nan")
    order = np.argsort(negative, kind="stable")
    below = np.concatenate([[0.0], theirs[order].cumsum()])
    left = np.searchsorted(negative[order], positive, "left")
    right = np.searchsorted(negative[order], positive, "right")
    wins = below[left] + (below[right] - below[left]) / 2
    return float((ours * wins).sum() / (ours.sum() * theirs.sum()))


def codes_of(names: Sequence[str], labels: Sequence[str]) -> IntArray:
    """The columns of names in `labels`."""
    place = {label: code for code, label in enumerate(labels)}
    return np.array([place[name] for name in names], np.int64)


def _divided(above: Float64Array, below: Float64Array) -> Float64Array:
    return np.divide(above, below, out=np.full(len(above), np.nan), where=below > 0)


def _mean(values: Float64Array) -> float:
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else float("nan")
