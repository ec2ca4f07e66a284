"""Photos that lie close in feature space, in tiles: memory does not grow with the square of the catalogue."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from lookalike.types import Float32Array

Float16Array = npt.NDArray[np.float16]
Float64Array = npt.NDArray[np.float64]
Int64Array = npt.NDArray[np.int64]

_ROWS = 1024
_COLUMNS = 8192
_SLACK = 4
"""Pairs are thinned out when they are this many times too many."""
_SHARPNESS = 10.0
"""A neighbour votes with exp(this * cosine)."""


def alike_pairs(
    features: Float16Array, codes: Int64Array, *, least: float, most: int
) -> tuple[Int64Array, Float64Array]:
    """Find the pairs of photos that are most alike.

    Parameters
    ----------
    features : float16 array of shape (n, d)
    codes : int64 array of shape (n,)
        Photos of equal code are no pair.
    least : float
        Cosine similarity that a pair needs.
    most : int
        Pairs at most; the most alike are kept.

    Returns
    -------
    int64 array of shape (p, 2), rows i < j; float64 array of shape (p,), their cosines, falling.
    """
    norms = _norms(features)
    pairs, cosines = [np.empty((0, 2), np.int64)], [np.empty(0)]
    held, floor = 0, least
    for start in range(0, len(features), _ROWS):
        queries = _unit(features, norms, start, _ROWS)
        for column in range(start - start % _COLUMNS, len(features), _COLUMNS):
            scores = queries @ _unit(features, norms, column, _COLUMNS).T
            i, j = np.nonzero(scores >= floor)
            found = np.column_stack([i + start, j + column])
            wanted = (found[:, 0] < found[:, 1]) & (codes[found[:, 0]] != codes[found[:, 1]])
            pairs.append(found[wanted])
            cosines.append(scores[i, j][wanted].astype(np.float64))
            held += int(wanted.sum())
            if held > _SLACK * max(most, 1):
                kept_pairs, kept = _best(pairs, cosines, most)
                pairs, cosines, held = [kept_pairs], [kept], len(kept)
                floor = float(kept[-1]) if most and len(kept) else floor
    return _best(pairs, cosines, most)


def vote(
    features: Float16Array, labels: Int64Array, groups: Int64Array, *, n_labels: int, neighbours: int
) -> Float64Array:
    """Ask each photo's nearest photos of other groups for its label.

    Parameters
    ----------
    features : float16 array of shape (n, d)
    labels, groups : int64 arrays of shape (n,)
    n_labels, neighbours : int

    Returns
    -------
    float64 array of shape (n, n_labels)
        Rows sum to 1; even where a photo has no neighbour outside its group.
    """
    votes = np.empty((len(features), n_labels))
    norms = _norms(features)
    k = min(neighbours, len(features))
    for start in range(0, len(features), _ROWS):
        queries = _unit(features, norms, start, _ROWS)
        near = _Nearest(len(queries), k)
        for column in range(0, len(features), _COLUMNS):
            scores = queries @ _unit(features, norms, column, _COLUMNS).T
            own = groups[start : start + len(queries), None] == groups[None, column : column + _COLUMNS]
            scores[own] = -np.inf
            near.add(scores, column)
        weights = np.where(np.isfinite(near.scores), np.exp(_SHARPNESS * near.scores), 0.0)
        block = np.zeros((len(queries), n_labels))
        np.add.at(block, (np.arange(len(queries))[:, None], labels[near.rows]), weights)
        total = block.sum(axis=1, keepdims=True)
        votes[start : start + len(queries)] = np.where(total > 0, block / np.where(total > 0, total, 1), 1 / n_labels)
    return votes


class _Nearest:
    """The best k columns seen so far, for each query."""

    def __init__(self, n: int, k: int) -> None:
        self.scores: Float32Array = np.full((n, k), -np.inf, np.float32)
        self.rows: Int64Array = np.zeros((n, k), np.int64)

    def add(self, scores: Float32Array, offset: int) -> None:
        columns = np.broadcast_to(np.arange(offset, offset + scores.shape[1]), scores.shape)
        every, rows = np.hstack([self.scores, scores]), np.hstack([self.rows, columns])
        best = np.argpartition(-every, self.scores.shape[1] - 1, axis=1)[:, : self.scores.shape[1]]
        self.scores, self.rows = np.take_along_axis(every, best, 1), np.take_along_axis(rows, best, 1)


def _best(pairs: Sequence[Int64Array], cosines: Sequence[Float64Array], most: int) -> tuple[Int64Array, Float64Array]:
    every, scores = np.concatenate(pairs), np.concatenate(cosines)
    order = np.lexsort((every[:, 1], every[:, 0], -scores))[:most]
    return every[order], scores[order]


def _norms(features: Float16Array) -> Float32Array:
    norms = np.empty(len(features), np.float32)
    for start in range(0, len(features), _COLUMNS):
        rows = features[start : start + _COLUMNS].astype(np.float32)
        norms[start : start + _COLUMNS] = np.sqrt((rows * rows).sum(axis=1))
    return np.where(norms > 0, norms, np.float32(1))


def _unit(features: Float16Array, norms: Float32Array, start: int, count: int) -> Float32Array:
    return features[start : start + count].astype(np.float32) / norms[start : start + count, None]
