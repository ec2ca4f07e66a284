"""The FAISS index and its cache: whatever FAISS would swallow is refused, whatever is damaged is not loaded."""

import json
from pathlib import Path
from typing import Any

import faiss
import numpy as np
import pytest

from lookalike.collection.cache import CARD_FILE, INDEX_FILE, ROWS_FILE, fingerprint, load_index, save_index
from lookalike.collection.levels import Scan
from lookalike.collection.rows import restore
from lookalike.collection.vector_index import VectorIndex
from lookalike.types import unit_rows

DIM = 12
HALVES = unit_rows(np.random.default_rng(0).standard_normal((2000, DIM))).astype(np.float16)
ROWS = restore(HALVES)


def keys(*numbers: int) -> np.ndarray:
    return np.array(numbers, np.int64)


@pytest.fixture
def index() -> VectorIndex:
    index = VectorIndex(DIM)
    index.add(np.arange(1, 2001) * 3, HALVES)
    return index


@pytest.mark.parametrize("bad", [keys(6000), keys(3), keys(6002, 6001), keys(6001, 6001)])
def test_keys_that_do_not_rise_are_refused(index: VectorIndex, bad: np.ndarray) -> None:
    with pytest.raises(ValueError, match="rise"):
        index.add(bad, HALVES[: len(bad)])
    assert len(index) == 2000


def test_a_wrong_width_is_refused(index: VectorIndex) -> None:
    with pytest.raises(ValueError, match="shape"):
        index.add(keys(7000), HALVES[:1, :5])
    with pytest.raises(ValueError, match="shape"):
        index.add(keys(7000), HALVES[:2])


def test_removed_keys_are_gone_and_the_others_keep_their_vectors(index: VectorIndex) -> None:
    index.remove(keys(3, 6, 3000, 9999))
    index.add(keys(6001), HALVES[:1])
    assert len(index) == 1998
    assert index.keys()[0] == 9
    for row in (2, 500, 1000, 1999):
        (found,) = index.candidates(ROWS[row : row + 1], 3, None)
        best = found.scores.argmax()
        assert found.keys[best] == (row + 1) * 3
        assert found.scores[best] == pytest.approx(1)
    (found,) = index.candidates(ROWS[:1], 3, None)
    assert found.keys[found.scores.argmax()] == 6001


@pytest.mark.parametrize("allowed", [None, np.arange(100, 1900) * 3], ids=["all", "filtered"])
@pytest.mark.parametrize("fetch", [1, 10, 1799, 5000])
@pytest.mark.parametrize("queries", [1, 64], ids=["one", "many"])
def test_nothing_left_out_is_above_the_bound(
    index: VectorIndex, fetch: int, allowed: np.ndarray | None, queries: int
) -> None:
    may = index.keys() if allowed is None else allowed
    for query, found in zip(ROWS[:queries], index.candidates(ROWS[:queries], fetch, allowed), strict=True):
        assert len(found.keys) == min(fetch, len(may))
        assert np.isin(found.keys, may).all()
        assert len(np.unique(found.keys)) == len(found.keys)
        exact = (ROWS[found.keys // 3 - 1].astype(np.float64) * query).sum(axis=1)
        np.testing.assert_array_equal(found.scores, np.clip(exact.astype(np.float32), -1, 1))
        rest = np.setdiff1d(may, found.keys)
        if len(rest):
            assert (ROWS[rest // 3 - 1].astype(np.float64) @ query.astype(np.float64)).max() <= found.bound
            assert found.bound - found.scores.min() < 1e-5
        else:
            assert found.bound == -np.inf


@pytest.mark.parametrize("allowed", [keys(1), keys(3, 4), keys(9000), np.append(np.arange(1, 900) * 3, 9000)])
def test_keys_that_are_not_there_are_refused(index: VectorIndex, allowed: np.ndarray) -> None:
    with pytest.raises(ValueError, match="not in the index"):
        list(index.candidates(ROWS[:1], 3, allowed))
    with pytest.raises(ValueError, match="not in the index"):
        list(VectorIndex(DIM).candidates(ROWS[:1], 3, allowed))


def test_what_faiss_makes_up_is_dropped(index: VectorIndex) -> None:
    """FAISS has been seen to return -1 and, filtered, rows that were excluded."""

    class Lying:
        def __init__(self, honest: Any) -> None:
            self.honest = honest

        def search(self, queries: np.ndarray, fetch: int, params: Any) -> tuple[np.ndarray, np.ndarray]:
            scores, rows = self.honest.search(queries, fetch, params=params)
            scores[:, -1], rows[:, -1] = -3.4e38, -1
            rows[:, 0] = 0  # key 3, which is not allowed below
            return scores, rows

        def reconstruct_batch(self, rows: np.ndarray) -> np.ndarray:
            assert (rows >= 0).all()
            return self.honest.reconstruct_batch(rows)

        def __getattr__(self, name: str) -> Any:
            return getattr(self.honest, name)

    allowed = np.arange(2, 1900) * 3
    assert isinstance(index.level, Scan)
    index.level.index = Lying(index.level.index)
    (found,) = index.candidates(ROWS[50:51], 10, allowed)
    assert len(found.keys) == 8
    assert np.isin(found.keys, allowed).all()
    assert found.bound > 0


# The cache


def answers(index: VectorIndex) -> list[tuple[list[int], list[float]]]:
    return [(found.keys.tolist(), found.scores.tolist()) for found in index.candidates(ROWS[:5], 5, None)]


def test_the_cache_is_what_was_saved(index: VectorIndex, tmp_path: Path) -> None:
    index.remove(keys(30))
    save_index(index, tmp_path, "state")
    assert {path.name for path in tmp_path.iterdir()} == {INDEX_FILE, ROWS_FILE, CARD_FILE}
    loaded = load_index(tmp_path, DIM, "state", mapped=False)
    assert loaded is not None
    assert loaded.keys().tolist() == index.keys().tolist()
    assert answers(loaded) == answers(index)
    loaded.add(keys(6001), HALVES[:1])
    loaded.remove(keys(3))
    assert len(loaded) == 1999


def test_an_empty_index_is_cached_too(tmp_path: Path) -> None:
    save_index(VectorIndex(DIM), tmp_path, "state")
    loaded = load_index(tmp_path, DIM, "state", mapped=False)
    assert loaded is not None
    assert len(loaded) == 0


def spoil_card(folder: Path, **changes: object) -> None:
    card = json.loads((folder / CARD_FILE).read_text())
    (folder / CARD_FILE).write_text(json.dumps({**card, **changes}))


def flip(folder: Path, place: int, name: str = INDEX_FILE) -> None:
    data = bytearray((folder / name).read_bytes())
    data[place] ^= 1
    (folder / name).write_bytes(data)


def cut(folder: Path, name: str) -> None:
    (folder / name).write_bytes((folder / name).read_bytes()[:-1])


DAMAGE = {
    "no card": lambda folder: (folder / CARD_FILE).unlink(),
    "no index": lambda folder: (folder / INDEX_FILE).unlink(),
    "no rows": lambda folder: (folder / ROWS_FILE).unlink(),
    "another state": lambda folder: spoil_card(folder, state="other"),
    "another width": lambda folder: spoil_card(folder, dim=DIM + 1),
    "another format": lambda folder: spoil_card(folder, format=1),
    "another count": lambda folder: spoil_card(folder, count=1999),
    "another plan": lambda folder: spoil_card(folder, plan={"kind": "sq8"}),
    "no plan": lambda folder: spoil_card(folder, plan={"kind": "annoy"}),
    "another checksum": lambda folder: spoil_card(folder, checks={INDEX_FILE: "0", ROWS_FILE: "0"}),
    "card cut short": lambda folder: (folder / CARD_FILE).write_text('{"format": 1'),
    "card no object": lambda folder: (folder / CARD_FILE).write_text("[]"),
    "card not text": lambda folder: (folder / CARD_FILE).write_bytes(b"\xff\xfe"),
    "index cut short": lambda folder: cut(folder, INDEX_FILE),
    "index empty": lambda folder: (folder / INDEX_FILE).write_bytes(b""),
    "rows cut short": lambda folder: cut(folder, ROWS_FILE),
    "first bit": lambda folder: flip(folder, 0),
    "one bit": lambda folder: flip(folder, 40_000),
    "last bit": lambda folder: flip(folder, -1),
    "one bit of a key": lambda folder: flip(folder, 8_001, ROWS_FILE),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_or_stale_cache_is_not_loaded(index: VectorIndex, tmp_path: Path, damage: str) -> None:
    save_index(index, tmp_path, "state")
    assert load_index(tmp_path, DIM, "state", mapped=False) is not None
    DAMAGE[damage](tmp_path)
    assert load_index(tmp_path, DIM, "state", mapped=False) is None


def test_another_index_under_a_valid_card_is_not_loaded(tmp_path: Path) -> None:
    """A checksum says that a file is whole, not that it is what this version reads."""
    save_index(VectorIndex(DIM), tmp_path, "state")
    for other in (faiss.IndexHNSWFlat(DIM, 16), faiss.IndexFlatIP(DIM + 1), faiss.IndexFlatL2(DIM)):
        faiss.write_index(other, str(tmp_path / INDEX_FILE))
        spoil_card(tmp_path, checks={name: fingerprint(tmp_path / name) for name in (INDEX_FILE, ROWS_FILE)})
        assert load_index(tmp_path, DIM, "state", mapped=False) is None
