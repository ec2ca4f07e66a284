"""Rows scored exactly: for several queries at once as for each alone, and of many rows none that belongs left out."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lookalike.collection import scoring
from lookalike.collection.rows import Float16Array, Int64Array, restore
from lookalike.collection.scoring import Candidates, Scorer
from lookalike.types import Float32Array, unit_rows

DIM = 8


def scorer(halves: Float16Array, *, stored: bool) -> Scorer:
    unit = restore(halves)
    return Scorer(
        np.arange(len(halves)) * 3 + 1, lambda rows: unit[rows], (lambda rows: halves[rows]) if stored else None
    )


def drawn(seed: int, photos: int, queries: int) -> tuple[Float16Array, Float32Array]:
    random = np.random.default_rng(seed)
    seen = unit_rows(random.standard_normal((max(1, photos // 3), DIM)))
    photo = seen[random.integers(0, len(seen), photos)]  # many are the same, to the last bit
    return photo.astype(np.float16), unit_rows(random.standard_normal((queries, DIM)))


def told(found: Candidates) -> dict[int, float]:
    return dict(zip(found.keys.tolist(), found.scores.tolist(), strict=True))


@given(
    seed=st.integers(0, 999),
    photos=st.integers(1, 300),
    queries=st.integers(1, 40),
    fetch=st.integers(1, 20),
    stored=st.booleans(),
)
def test_queries_that_share_rows_get_what_each_gets_alone(
    seed: int, photos: int, queries: int, fetch: int, stored: bool
) -> None:
    halves, asked = drawn(seed, photos, queries)
    score = scorer(halves, stored=stored)
    rows: Int64Array = np.flatnonzero(np.random.default_rng(seed).random(photos) < 0.8)
    found = list(score.best(rows, asked, fetch))
    assert len(found) == queries
    for query, candidates in zip(asked, found, strict=True):
        everything = told(score.scored(rows, query, -np.inf))
        best = sorted(everything.values(), reverse=True)[:fetch]
        scores = told(candidates)
        assert all(everything[key] == value for key, value in scores.items())
        assert sorted(scores.values(), reverse=True)[:fetch] == best
        left_out = [value for key, value in everything.items() if key not in scores]
        assert max(left_out, default=-np.inf) <= candidates.bound


def test_rows_are_read_once_for_all_queries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scoring, "_CHUNK_ROWS", 64)
    halves, asked = drawn(1, 640, 16)
    plain = scorer(halves, stored=True)
    read: list[int] = []

    def noted(rows: Int64Array) -> Float16Array:
        read.append(len(rows))
        return halves[rows]

    score = Scorer(plain.keys, plain.vectors, noted)
    assert len(list(score.best(np.arange(640), asked, 5))) == 16
    assert read == [64] * 10
