"""The closed forms behind the heads: scatter matrices, shrinkage, LDA, WCCN and PCA. Float64 throughout."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lookalike.heads.head import Block, Classifier, FeatureArray, Float64Array

IntArray = npt.NDArray[np.int64]
_CHUNK_ROWS = 4096
_RANK_TOLERANCE = 1e-9
"""Directions whose variance is below this share of the largest are rounding, not signal."""
_VARIANCE_FLOOR = 1e-6
"""Least within-class variance, in units of the total one: keeps discriminants of exact copies finite."""


@dataclass(frozen=True, eq=False)
class Classes:
    """The labelled photos' statistics: counts (c,), means (c, d), pooled within-class covariance (d, d)."""

    counts: IntArray
    means: Float64Array
    within: Float64Array

    @property
    def total(self) -> int:
        """How many photos are labelled."""
        return int(self.counts.sum())

    @property
    def priors(self) -> Float64Array:
        """Each label's share of the labelled photos."""
        return self.counts / self.total

    @property
    def mean(self) -> Float64Array:
        """The labelled photos' mean."""
        return self.priors @ self.means


@dataclass(frozen=True, eq=False)
class LdaSettings:
    """How to do an LDA.

    `deviations` (d,) is what features are divided by, positive; `shrinkage` the share of the scaled identity in the
    within-class covariance, in (0, 1]; `k` the most discriminant directions to keep of the labels - 1 there are.
    """

    deviations: Float64Array
    shrinkage: float
    k: int


def moments(features: FeatureArray) -> tuple[Float64Array, Float64Array]:
    """Return the mean (d,) and covariance (d, d; divided by n) of all rows; n is at least 1."""
    mean = sum_rows(features) / len(features)
    return mean, _scatter(features, mean[None, :], np.zeros(len(features), np.int64)) / len(features)


def class_statistics(features: FeatureArray, codes: IntArray, n_labels: int) -> Classes:
    """Gather the statistics of labelled photos.

    Parameters
    ----------
    features : float array of shape (n, d)
    codes : int64 array of shape (n,)
        Label numbers in [0, n_labels); each label occurs.
    """
    order = np.argsort(codes, kind="stable")
    counts = np.bincount(codes, minlength=n_labels).astype(np.int64)
    ends = np.cumsum(counts)
    means = np.stack(
        [sum_rows(features[order[end - n : end]]) / n for end, n in zip(ends.tolist(), counts.tolist(), strict=True)]
    )
    return Classes(counts, means, _scatter(features, means, codes) / len(features))


def view_covariance(views: FeatureArray) -> Float64Array:
    """How views of one photo differ: the covariance (d, d) of features (n, v, d) about each photo's mean; v >= 2."""
    n, v, d = views.shape
    return class_statistics(views.reshape(n * v, d), np.repeat(np.arange(n), v), n).within


def sum_rows(features: FeatureArray) -> Float64Array:
    """Sum rows in float64."""
    return features.sum(axis=0, dtype=np.float64)


def pca_block(mean: Float64Array, covariance: Float64Array, k: int) -> Block | None:
    """Principal axes, at most k, without whitening; None where nothing varies.

    Source: Jolliffe, Principal Component Analysis, 2nd ed., chapter 2.
    """
    return _block(mean, _leading(covariance, k))


def wccn_block(
    mean: Float64Array, covariance: Float64Array, within: Sequence[Float64Array], *, shrinkage: float, k: int
) -> Block | None:
    """Within-class covariance normalisation, then PCA to at most k dimensions; None where nothing varies.

    `within` are covariances (d, d) of what should not matter: how photos of one label differ, how views of one photo
    differ. Each is scaled to the same trace, and they are averaged.

    Source: Hatch, Kajarekar and Stolcke, Within-class covariance normalization for SVM-based speaker recognition,
    Interspeech 2006. Any square root of the inverse will do, since PCA follows: here that of the Cholesky factor.
    """
    traces = [float(np.trace(each)) for each in within]
    largest = max(traces) or 1.0
    averaged = sum((each * (largest / trace) for each, trace in zip(within, traces, strict=True) if trace > 0), 0.0)
    averaged = np.zeros_like(covariance) + averaged / len(within)
    whitener = _whitener(_shrunk(averaged, shrinkage, float(np.diag(covariance).mean())))
    axes = _leading(whitener.T @ covariance @ whitener, k)
    return _block(mean, whitener @ axes)


def lda(classes: Classes, settings: LdaSettings) -> tuple[Block | None, Classifier]:
    """Shrinkage linear discriminant analysis on standardised features: the projection and the classifier.

    Returns
    -------
    The block of the leading discriminant directions (None where none is wanted or the class means coincide), and the
    classifier at temperature 1.

    Notes
    -----
    With S the shrunken within-class covariance, L its Cholesky factor, m_c the class means and p_c their priors, the
    projection is L^-T U, U the leading left singular vectors of the columns sqrt(p_c) L^-1 (m_c - m); the scores are
    x' S^-1 m_c - m_c' S^-1 m_c / 2 + log p_c. Nothing is larger than (d, d) or (d, labels).

    Source: Hastie, Tibshirani and Friedman, The Elements of Statistical Learning, 2nd ed., sections 4.3 and 18.3.
    """
    within = classes.within / np.outer(settings.deviations, settings.deviations)
    return discriminants(classes, settings, _whitener(_shrunk(within, settings.shrinkage, 1.0)))


def discriminants(classes: Classes, settings: LdaSettings, whitener: Float64Array) -> tuple[Block | None, Classifier]:
    """The second half of `lda`, given T with T' S T = identity for the scaled, shrunken S: any such T will do."""
    centred = (classes.means - classes.mean) / settings.deviations
    white = centred @ whitener
    weighted = white * np.sqrt(classes.priors)[:, None]
    directions = _row_axes(weighted, min(settings.k, len(classes.counts) - 1))
    block = _block(classes.mean, (whitener @ directions) / settings.deviations[:, None])
    weights = (whitener @ white.T) / settings.deviations[:, None]
    bias = -0.5 * np.einsum("cd,cd->c", white, white) + np.log(classes.priors)
    size = float(np.abs(weights).max()) or 1.0
    mean = classes.mean.astype(np.float32)
    return block, Classifier(mean, (weights / size).astype(np.float32), bias / size, size)


def shrunken_whiteners(
    classes: Classes, deviations: Float64Array, shrinkages: Sequence[float]
) -> Iterator[Float64Array]:
    """Whiteners of the scaled within-class covariance at several shrinkages, from one eigendecomposition."""
    within = classes.within / np.outer(deviations, deviations)
    values, vectors = np.linalg.eigh((within + within.T) / 2)
    target = _target(within, 1.0)
    for shrinkage in shrinkages:
        yield vectors / np.sqrt((1 - shrinkage) * np.maximum(values, 0.0) + shrinkage * target)


def _shrunk(covariance: Float64Array, shrinkage: float, scale: float) -> Float64Array:
    """Pull a covariance towards a multiple of the identity of the same trace, so that it can be inverted.

    `scale` is the variance of a typical feature; the identity's share never falls below a millionth of it.
    Source: Ledoit and Wolf, A well-conditioned estimator for large-dimensional covariance matrices, 2004.
    """
    target = _target(covariance, scale)
    return np.asarray((1 - shrinkage) * covariance + shrinkage * target * np.eye(len(covariance)), np.float64)


def _target(covariance: Float64Array, scale: float) -> float:
    return max(float(np.trace(covariance)) / len(covariance), _VARIANCE_FLOOR * scale) or 1.0


def _whitener(covariance: Float64Array) -> Float64Array:
    """A matrix T with T' covariance T = identity."""
    return np.asarray(np.linalg.inv(np.linalg.cholesky(covariance)).T, np.float64)


def _leading(symmetric: Float64Array, k: int) -> Float64Array:
    """Leading eigenvectors as columns: at most k and no more than the rank; the largest entry of each is positive."""
    values, vectors = np.linalg.eigh((symmetric + symmetric.T) / 2)
    rank = int((values > _RANK_TOLERANCE * max(float(values[-1]), 0.0)).sum()) if values[-1] > 0 else 0
    leading = vectors[:, ::-1][:, : min(k, rank)]
    largest = np.abs(leading).argmax(axis=0)
    return leading * np.sign(leading[largest, np.arange(leading.shape[1])])


def _row_axes(rows: Float64Array, k: int) -> Float64Array:
    """Leading right singular vectors of (n, d) rows as columns, through the smaller of the two Gram matrices."""
    n, d = rows.shape
    if k == 0:
        return np.empty((d, 0))
    if n >= d:
        return _leading(rows.T @ rows, k)
    axes = rows.T @ _leading(rows @ rows.T, k)
    return axes / np.sqrt((axes**2).sum(axis=0))


def _block(mean: Float64Array, matrix: Float64Array) -> Block | None:
    if matrix.shape[1] == 0:
        return None
    return Block(mean.astype(np.float32), (matrix / np.abs(matrix).max()).astype(np.float32), 1.0)


def _scatter(features: FeatureArray, means: Float64Array, codes: IntArray) -> Float64Array:
    """Sum of outer products of the rows' differences from their class's mean, a chunk at a time."""
    total = np.zeros((features.shape[1], features.shape[1]))
    for start in range(0, len(features), _CHUNK_ROWS):
        chunk = slice(start, start + _CHUNK_ROWS)
        rows = features[chunk].astype(np.float64) - means[codes[chunk]]
        total += rows.T @ rows
    return total
