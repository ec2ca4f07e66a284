"""Pairs and votes in tiles: the same as from the whole matrix."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lookalike.audit import neighbours
from lookalike.audit.neighbours import alike_pairs, vote


@pytest.fixture(autouse=True)
def small_tiles(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(neighbours, "_ROWS", 4)
    monkeypatch.setattr(neighbours, "_COLUMNS", 8)


def drawn(seed: int, n: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, 3)).astype(np.float16), rng.integers(0, max(1, n // 2), n)


def cosines(features: np.ndarray) -> np.ndarray:
    rows = features.astype(np.float64)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    return rows @ rows.T


@given(st.integers(0, 2**32), st.integers(0, 30), st.integers(1, 12))
def test_pairs_are_those_of_the_whole_matrix(seed: int, n: int, most: int) -> None:
    features, codes = drawn(seed, n)
    scores = cosines(features)
    slow = sorted(
        ((scores[i, j], (i, j)) for i in range(n) for j in range(i + 1, n) if codes[i] != codes[j]), reverse=True
    )
    slow = [(score, pair) for score, pair in slow if score >= 0.5][:most]
    pairs, found = alike_pairs(features, codes, least=0.5, most=most)
    assert found == pytest.approx([score for score, _ in slow], abs=1e-5)
    assert (pairs[:, 0] < pairs[:, 1]).all()
    assert [scores[i, j] for i, j in pairs.tolist()] == pytest.approx(found, abs=1e-5)
    assert len({tuple(pair) for pair in pairs.tolist()}) == len(pairs)
    assert all(codes[i] != codes[j] for i, j in pairs.tolist())


def test_many_pairs_are_thinned_to_the_most_alike() -> None:
    features, _ = drawn(3, 60)
    scores = cosines(features)[np.triu_indices(60, 1)]
    _, found = alike_pairs(features, np.arange(60), least=-1.0, most=5)
    assert found == pytest.approx(np.sort(scores)[::-1][:5], abs=1e-5)


@given(st.integers(0, 2**32), st.integers(1, 25), st.integers(1, 5))
def test_votes_are_those_of_the_whole_matrix(seed: int, n: int, k: int) -> None:
    features, groups = drawn(seed, n)
    labels = np.random.default_rng(seed).integers(0, 3, n)
    scores = cosines(features)
    votes = vote(features, labels, groups, n_labels=3, neighbours=k)
    for row in range(n):
        others = sorted((j for j in range(n) if groups[j] != groups[row]), key=lambda j: -scores[row, j])[:k]
        wanted = np.zeros(3)
        for j in others:
            wanted[labels[j]] += np.exp(10 * scores[row, j])
        wanted = wanted / wanted.sum() if others else np.full(3, 1 / 3)
        assert votes[row] == pytest.approx(wanted, abs=1e-3)


def test_a_photo_whose_features_are_zero_is_like_nothing() -> None:
    features = np.array([[0, 0], [1, 0], [1, 0]], np.float16)
    pairs, found = alike_pairs(features, np.arange(3), least=0.5, most=9)
    assert pairs.tolist() == [[1, 2]]
    assert found == pytest.approx([1.0])
