"""Lists refined by FAISS itself, beside the same lists refined in NumPy; and how stored vectors are widened."""

import json
from pathlib import Path
from threading import Thread
from typing import Any

import faiss
import numpy as np
import pytest
from clusters import DIM, clustered
from hypothesis import given, settings
from hypothesis import strategies as st

from lookalike.collection import vector_index
from lookalike.collection.cache import CARD_FILE, INDEX_FILE, ROWS_FILE, fingerprint, load_index, save_index
from lookalike.collection.levels import Lists
from lookalike.collection.plan import IndexPlan
from lookalike.collection.refined import Refined
from lookalike.collection.rows import restore, widened
from lookalike.collection.scoring import Candidates, Scorer
from lookalike.collection.vector_index import VectorIndex
from lookalike.files import write_text
from lookalike.types import unit_rows

COUNT = 4000
PLAN = IndexPlan("ivf_pq", lists=32, probes=16, refine=8)
KEYS = np.arange(COUNT) * 3 + 1


HALVES = clustered(COUNT)
QUERIES = restore(clustered(60, seed=1))


@pytest.fixture(autouse=True)
def search_however_few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vector_index, "_EXACT_ROWS", 20)
    monkeypatch.setattr(vector_index, "_EXACT_AMONG", 20)


def best(found: Candidates, count: int = 10) -> list[tuple[float, int]]:
    return sorted(zip((-found.scores).tolist(), found.keys.tolist(), strict=True))[:count]


def refined(index: VectorIndex) -> Refined | None:
    level: Any = index.level
    assert isinstance(level, Lists)
    return level._refined


def slowly(index: VectorIndex, queries: np.ndarray, fetch: int, allowed: np.ndarray | None) -> list[Candidates]:
    """The same lists without FAISS's refinement."""
    level: Any = index.level
    kept, level._refined = level._refined, None
    try:
        return list(index.candidates(queries, fetch, allowed))
    finally:
        level._refined = kept


@pytest.mark.parametrize("gone", [0, 7, 100])
@pytest.mark.parametrize("way", ["in memory", "read", "mapped"])
def test_refined_by_faiss_is_refined_by_numpy(way: str, gone: int, tmp_path: Path) -> None:
    index: VectorIndex | None = VectorIndex.build(PLAN, KEYS, HALVES)
    if gone:
        index.remove(KEYS[:: COUNT // gone])
    if way != "in memory":
        save_index(index, tmp_path, "state")
        index = load_index(tmp_path, DIM, "state", mapped=way == "mapped")
    assert index is not None
    for allowed in (None, index.keys()[::2], index.keys()[::30]):
        for fetch in (1, 10, 18, 100):
            assert refined(index) is not None
            quick = list(index.candidates(QUERIES, fetch, allowed))
            for one, twin in zip(quick, slowly(index, QUERIES, fetch, allowed), strict=True):
                assert fetch <= len(one.keys) <= 2 * fetch
                assert best(one, fetch * 3 // 4) == best(twin, fetch * 3 // 4)


def test_whatever_is_added_is_refined_by_numpy_until_it_is_saved(tmp_path: Path) -> None:
    index = VectorIndex.build(PLAN, KEYS, HALVES)
    index.add(KEYS[-1:] + 1, restore(clustered(1, seed=5)).astype(np.float16))
    assert refined(index) is None
    before = [best(one) for one in index.candidates(QUERIES, 18, None)]
    save_index(index, tmp_path, "state")
    assert refined(index) is not None
    assert [best(one) for one in index.candidates(QUERIES, 18, None)] == before


def test_photos_that_are_gone_in_heaps_do_not_lead_to_a_scan(monkeypatch: pytest.MonkeyPatch) -> None:
    """All that lies near was removed: what is left is found by lists all the same."""
    index = VectorIndex.build(PLAN, KEYS, HALVES)
    query = QUERIES[:1]
    near = np.argsort(-(restore(HALVES) @ query[0]))[:300]
    index.remove(np.sort(KEYS[near]))
    scored: list[int] = []
    really = Scorer.best
    monkeypatch.setattr(Scorer, "best", lambda self, rows, *rest: scored.append(len(rows)) or really(self, rows, *rest))
    (found,) = index.candidates(query, 18, None)
    assert scored == [18 * 2]
    assert np.isin(found.keys, index.keys()).all()
    left = np.setdiff1d(np.arange(COUNT), near)
    wanted = np.sort(restore(HALVES[left]) @ query[0])[-10]
    assert (found.scores >= wanted - 1e-6).sum() >= 5


def test_a_batch_is_what_its_queries_are_one_by_one() -> None:
    index = VectorIndex.build(PLAN, KEYS, HALVES)
    at_once = [best(one) for one in index.candidates(QUERIES, 18, None)]
    assert at_once == [best(one) for query in QUERIES for one in index.candidates(query[None], 18, None)]


@pytest.mark.parametrize("wrong", [-1, COUNT, 2**40])
def test_ids_that_point_outside_are_not_loaded(wrong: int, tmp_path: Path) -> None:
    """FAISS would read memory that is not there."""
    save_index(VectorIndex.build(PLAN, KEYS, HALVES), tmp_path, "state")
    lists: Any = faiss.read_index(str(tmp_path / INDEX_FILE))
    ids = next(
        faiss.rev_swig_ptr(lists.invlists.get_ids(n), lists.invlists.list_size(n))
        for n in range(lists.nlist)
        if lists.invlists.list_size(n)
    )
    ids[-1] = wrong
    faiss.write_index(lists, str(tmp_path / INDEX_FILE))
    card = (tmp_path / CARD_FILE).read_text()
    changed = fingerprint(tmp_path / INDEX_FILE)
    told = json.loads(card)
    told["checks"] = {INDEX_FILE: changed, ROWS_FILE: fingerprint(tmp_path / ROWS_FILE)}
    write_text(tmp_path / CARD_FILE, json.dumps(told))
    assert load_index(tmp_path, DIM, "state", mapped=True) is None


@pytest.mark.parametrize("bad", [HALVES[:-1], HALVES[:, :-1], np.asfortranarray(HALVES)])
def test_vectors_that_faiss_would_misread_are_refused(bad: np.ndarray) -> None:
    level = VectorIndex.build(PLAN, KEYS, HALVES).level
    assert isinstance(level, Lists)
    with pytest.raises(ValueError, match="expected vectors"):
        Refined(level.index, bad)


def everything() -> np.ndarray:
    """All finite float16 numbers."""
    numbers = np.arange(65536, dtype=np.uint16).view(np.float16)
    return numbers[np.isfinite(numbers)]


def test_widened_is_exact() -> None:
    halves = everything().reshape(-1, 62)
    for some in (halves, halves[:, ::3], np.asfortranarray(halves), halves[:0]):
        np.testing.assert_array_equal(widened(some).view(np.uint32), some.astype(np.float32).view(np.uint32))


@pytest.mark.torch
def test_widened_is_exact_where_a_thread_takes_tiny_numbers_for_zero() -> None:
    torch = pytest.importorskip("torch")
    flushed: list[np.ndarray] = []

    def flush() -> None:
        if torch.set_flush_denormal(True):
            flushed.append(widened(everything()))
            torch.set_flush_denormal(False)

    thread = Thread(target=flush)
    thread.start()
    thread.join()
    for wide in flushed:
        np.testing.assert_array_equal(wide, everything().astype(np.float32))


@settings(deadline=None)
@given(st.integers(0, 9999), st.integers(1, 40), st.integers(1, 300))
def test_restored_is_scaled_as_everywhere_bit_for_bit(seed: int, count: int, dim: int) -> None:
    halves = unit_rows(np.random.default_rng(seed).standard_normal((count, dim))).astype(np.float16)
    np.testing.assert_array_equal(restore(halves).view(np.uint32), unit_rows(halves).view(np.uint32))
