"""Exact scores of rows, for one query or for some that share them; and which of many rows can be among the best."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import repeat

import numpy as np

from lookalike.collection.rows import Float16Array, Int64Array, as_scores, widened
from lookalike.types import Float32Array

UNKNOWN = -2.0
"""A bound of no meaning: below every cosine, so that an approximate answer counts as settled once it is long enough."""

_CHUNK_ROWS = 1024  # more leave the processor's cache, and take three times as long each
_QUERIES_TOGETHER = 16  # whose vectors the processor's cache holds
_ROUGH_ERROR = 1e-4  # float32 sums up to some thousand products with far less


@dataclass(frozen=True, slots=True)
class Candidates:
    """The best rows for one query, in no order.

    keys : int64 array of shape (m,)
    scores : float32 array of shape (m,) — cosine, computed in float64 and rounded, clipped to [-1, 1]: the same pair of
        vectors gives the same score in every search.
    bound : float — no row outside `keys` that may be found scores above this; -inf where there is none; `UNKNOWN` from
        an approximate level.
    """

    keys: Int64Array
    scores: Float32Array
    bound: float


@dataclass(frozen=True, slots=True)
class Scorer:
    """Scores the rows of an index.

    keys : int64 array of shape (rows,)
    vectors : rows to their vectors, float32 of length 1
    halves : rows to their vectors as they are stored, float16; None where `vectors` are at hand as they are
    """

    keys: Int64Array
    vectors: Callable[[Int64Array], Float32Array]
    halves: Callable[[Int64Array], Float16Array] | None

    def scored(self, rows: Int64Array, query: Float32Array, bound: float) -> Candidates:
        """Score all these rows."""
        wide = query.astype(np.float64)
        # Row by row and never as a matrix product, whose rounding depends on the rows around.
        each = [np.vecdot(self.vectors(part), wide) for part in _chunks(rows)]
        return Candidates(self.keys[rows], as_scores(np.concatenate([*each, np.empty(0)])), bound)

    def best(self, rows: Int64Array, queries: Float32Array, fetch: int) -> Iterator[Candidates]:
        """Score the same rows for each query; of many only those that may be among the best `fetch` by float32."""
        if len(rows) <= 2 * fetch:
            yield from (self.scored(rows, query, -np.inf) for query in queries)
            return
        for start in range(0, len(queries), _QUERIES_TOGETHER):
            some = queries[start : start + _QUERIES_TOGETHER]
            rough = np.concatenate([self._roughly(part, some) for part in _chunks(rows)], axis=1)
            for query, scores in zip(some, rough, strict=True):
                cut = float(np.partition(scores, -fetch)[-fetch])
                yield self.scored(rows[scores >= cut - 2 * _ROUGH_ERROR], query, cut - _ROUGH_ERROR)

    def together(self, queries: Float32Array, found: Int64Array) -> Iterator[Candidates]:
        """Score as many rows for each query, (queries, m), some queries at a time: each pair as `scored` does."""
        for start in range(0, len(found), _QUERIES_TOGETHER):
            part = slice(start, start + _QUERIES_TOGETHER)
            rows, wide = found[part], queries[part].astype(np.float64)
            vectors = self.vectors(rows.reshape(-1)).reshape(*rows.shape, -1)
            scores = as_scores(np.vecdot(vectors, wide[:, None]))
            yield from map(Candidates, self.keys[rows], scores, repeat(UNKNOWN))

    def _roughly(self, rows: Int64Array, queries: Float32Array) -> Float32Array:
        """Cosines in float32, (queries, rows): each row is read and widened once for all queries."""
        if self.halves is None:
            return queries @ self.vectors(rows).T
        wide = widened(self.halves(rows))
        return (queries @ wide.T) / np.sqrt(np.vecdot(wide, wide))


def _chunks(rows: Int64Array) -> Iterator[Int64Array]:
    return (rows[start : start + _CHUNK_ROWS] for start in range(0, len(rows), _CHUNK_ROWS))
