"""Every step of the ladder against a brute-force twin: recall, filters, exact scores, changes, and the way to disk."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import faiss
import numpy as np
import pytest
from clusters import DIM, clustered
from hypothesis import given, settings
from hypothesis import strategies as st

from lookalike.collection import vector_index
from lookalike.collection.cache import CARD_FILE, load_index, save_index
from lookalike.collection.levels import Lists
from lookalike.collection.plan import IndexPlan
from lookalike.collection.rows import restore
from lookalike.collection.scoring import UNKNOWN, Candidates
from lookalike.collection.slots import Slots
from lookalike.collection.vector_index import VectorIndex

COUNT = 4000
PLANS = {
    "flat": IndexPlan("flat"),
    "sq8": IndexPlan("sq8"),
    "ivf_sq8": IndexPlan("ivf_sq8", lists=32, probes=12),
    "ivf_rabitq": IndexPlan("ivf_rabitq", lists=32, probes=16, refine=16),
    "ivf_pq": IndexPlan("ivf_pq", lists=32, probes=16, refine=8),
    "hnsw": IndexPlan("hnsw", links=16, effort=128),
}
APPROXIMATE = [name for name, plan in PLANS.items() if not plan.exact]
RECALL = 0.95
"""Less than this of the ten best, over many random queries, and a level is broken rather than approximate."""


HALVES = clustered(COUNT)
KEYS = np.arange(COUNT) * 3 + 1
QUERIES = restore(clustered(60, seed=1))


@pytest.fixture(autouse=True)
def search_however_few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let levels be searched at these sizes too, where scoring every row would be quicker."""
    monkeypatch.setattr(vector_index, "_EXACT_ROWS", 20)
    monkeypatch.setattr(vector_index, "_EXACT_AMONG", 20)


@pytest.fixture(scope="module")
def built() -> dict[str, VectorIndex]:
    """One index of each plan; not to be changed."""
    return {name: VectorIndex.build(plan, KEYS, HALVES) for name, plan in PLANS.items()}


def slowly(query: np.ndarray, keys: np.ndarray, halves: np.ndarray) -> np.ndarray:
    """Exact scores of all keys, as every search must give them."""
    return np.clip((restore(halves) * query.astype(np.float64)).sum(axis=1).astype(np.float32), -1, 1)


def check(found: Candidates, query: np.ndarray, fetch: int, keys: np.ndarray, halves: np.ndarray) -> float:
    """Hold one answer to the contract; return its recall of the ten best (or of all, where there are fewer)."""
    assert len(found.keys) >= min(fetch, len(keys))
    assert len(np.unique(found.keys)) == len(found.keys)
    places = np.searchsorted(keys, found.keys)
    assert (keys[places.clip(0, len(keys) - 1)] == found.keys).all()
    exact = slowly(query, keys, halves)
    np.testing.assert_array_equal(found.scores, exact[places])
    best = np.sort(exact)[::-1][: min(10, fetch)]
    return float((np.sort(found.scores)[::-1][: len(best)] >= best[-1]).mean()) if len(best) else 1.0


@pytest.mark.parametrize("name", PLANS)
def test_recall_and_exact_scores(built: dict[str, VectorIndex], name: str) -> None:
    found = list(built[name].candidates(QUERIES, 18, None))
    recalls = [check(one, query, 18, KEYS, HALVES) for one, query in zip(found, QUERIES, strict=True)]
    assert np.mean(recalls) == 1 if PLANS[name].exact else np.mean(recalls) >= RECALL
    assert all((one.bound == UNKNOWN) != PLANS[name].exact for one in found)


@pytest.mark.parametrize("name", PLANS)
@settings(deadline=None, max_examples=40)
@given(data=st.data())
def test_filtered_nothing_excluded_and_never_too_few(name: str, data: st.DataObject) -> None:
    index = INDEXES.setdefault(name, VectorIndex.build(PLANS[name], KEYS, HALVES))
    seed = data.draw(st.integers(0, 999))
    random = np.random.default_rng(seed)
    if data.draw(
        st.booleans()
    ):  # around one place, far from the query or near: whole lists pass, and whole ones do not
        centre = restore(HALVES[random.integers(0, COUNT)][None])[0]
        near = np.argsort(-(restore(HALVES) @ centre))
        passing = np.sort(near[: data.draw(st.sampled_from([1, 21, 30, 200, 1000]))])
    else:
        passing = np.flatnonzero(random.random(COUNT) < data.draw(st.sampled_from([0.002, 0.01, 0.1, 0.5, 1.0])))
    fetch = data.draw(st.sampled_from([1, 5, 18, 100, 900]))
    query = QUERIES[random.integers(0, len(QUERIES))]
    (found,) = index.candidates(query[None], fetch, KEYS[passing])
    check(found, query, fetch, KEYS[passing], HALVES[passing])
    left_out = np.setdiff1d(KEYS[passing], found.keys) // 3
    if PLANS[name].exact and len(left_out):
        assert slowly(query, KEYS[left_out], HALVES[left_out]).max() <= found.bound


INDEXES: dict[str, VectorIndex] = {}


@pytest.mark.parametrize("share", [0.5, 0.05, 0.01])
@pytest.mark.parametrize("name", APPROXIMATE)
def test_filtered_recall(built: dict[str, VectorIndex], name: str, share: float) -> None:
    passing = np.flatnonzero(np.random.default_rng(5).random(COUNT) < share)
    found = built[name].candidates(QUERIES, 18, KEYS[passing])
    recalls = [check(one, query, 18, KEYS[passing], HALVES[passing]) for one, query in zip(found, QUERIES, strict=True)]
    assert np.mean(recalls) >= RECALL


@pytest.mark.parametrize("way", ["in memory", "read", "mapped"])
@pytest.mark.parametrize("name", PLANS)
def test_changes_show_at_once(name: str, way: str, tmp_path: Path) -> None:
    index: VectorIndex | None = VectorIndex.build(PLANS[name], KEYS, HALVES)
    if way != "in memory":
        save_index(index, tmp_path, "state")
        index = load_index(tmp_path, DIM, "state", mapped=way == "mapped")
    assert index is not None
    gone = np.arange(COUNT) % 4 == 1
    more, keys = clustered(300, seed=2), KEYS[-1] + 1 + np.arange(300)
    index.remove(KEYS[gone])
    index.add(keys, more)
    index.remove(keys[:100])
    kept, halves = np.concatenate([KEYS[~gone], keys[100:]]), np.concatenate([HALVES[~gone], more[100:]])
    np.testing.assert_array_equal(index.keys(), kept)
    near = restore(more[100:160])
    found = list(index.candidates(near, 18, None))
    recalls = [check(one, query, 18, kept, halves) for one, query in zip(found, near, strict=True)]
    assert max(len(one.keys) for one in found) <= 18 * index.plan.refine  # nothing that is gone took another's place
    assert np.mean(recalls) >= RECALL - 0.03  # the new photos are of clusters that the lists were not trained on
    assert (index.waste() > 0) == (name in APPROXIMATE)


def answers(index: VectorIndex, among: Sequence[int] | None = None) -> list[Any]:
    allowed = None if among is None else np.array(among, np.int64)
    return [best_ten(one) for one in index.candidates(QUERIES[:9], 18, allowed)]


def best_ten(found: Candidates) -> list[tuple[float, int]]:
    """Best first; around the last ones ways to score roughly may differ by their rounding."""
    return sorted(zip((-found.scores).tolist(), found.keys.tolist(), strict=True))[:10]


@pytest.mark.parametrize("mapped", [True, False])
@pytest.mark.parametrize("name", PLANS)
def test_what_is_read_back_is_what_was_written(name: str, mapped: bool, tmp_path: Path) -> None:
    index = VectorIndex.build(PLANS[name], KEYS, HALVES)
    if name != "hnsw":
        index.remove(KEYS[::5])
    index.add(KEYS[-1] + 1 + np.arange(200), clustered(200, seed=3))
    before = answers(index)
    save_index(index, tmp_path, "state")
    assert answers(index) == before  # it now uses the file that it wrote
    loaded = load_index(tmp_path, DIM, "state", mapped=mapped)
    assert loaded is not None
    assert loaded.plan == index.plan
    assert answers(loaded) == before
    passing = index.keys()[::3].tolist()
    assert answers(loaded, passing) == answers(index, passing)
    save_index(loaded, tmp_path, "again")  # over the very files that are mapped
    again = load_index(tmp_path, DIM, "again", mapped=mapped)
    assert again is not None
    assert answers(again) == answers(loaded) == before


def test_a_graph_with_nodes_that_are_gone_is_not_kept(tmp_path: Path) -> None:
    index = VectorIndex.build(PLANS["hnsw"], KEYS, HALVES)
    save_index(index, tmp_path, "state")
    index.remove(KEYS[:1])
    save_index(index, tmp_path, "later")
    assert not (tmp_path / CARD_FILE).exists()
    assert load_index(tmp_path, DIM, "later", mapped=False) is None


def test_quick_lists_are_kept_with_what_is_gone_from_them(tmp_path: Path) -> None:
    index = VectorIndex.build(PLANS["ivf_pq"], KEYS, HALVES)
    index.remove(KEYS[::4])
    index.add(KEYS[-1:] + 5, clustered(1, seed=3))  # what FAISS would spoil, had it removed anything
    save_index(index, tmp_path, "later")
    loaded = load_index(tmp_path, DIM, "later", mapped=True)
    assert loaded is not None
    assert loaded.waste() == index.waste() == 1 - (3001 / 4001)
    assert answers(loaded) == answers(index)
    (found,) = loaded.candidates(restore(clustered(1, seed=3)), 5, None)
    assert found.keys[found.scores.argmax()] == KEYS[-1] + 5


def test_settings_go_with_the_call_and_never_onto_the_index(built: dict[str, VectorIndex]) -> None:
    for name in ("ivf_sq8", "ivf_rabitq", "ivf_pq"):
        level: Any = built[name].level
        before = level.index.nprobe
        answers(built[name], KEYS[::2].tolist())
        assert level.index.nprobe == before == 1
    graph: Any = built["hnsw"].level
    before = graph.index.hnsw.efSearch
    answers(built["hnsw"])
    assert graph.index.hnsw.efSearch == before


def test_what_lists_miss_is_sought_until_there_is_enough() -> None:
    """All that passes lies in the list farthest from the query: one probe finds nothing of it."""
    index = VectorIndex.build(IndexPlan("ivf_sq8", lists=32, probes=1), KEYS, HALVES)
    query = QUERIES[:1]
    far = np.sort(np.argsort(restore(HALVES) @ query[0])[:2000])
    (found,) = index.candidates(query, 300, KEYS[far])
    check(found, query[0], 300, KEYS[far], HALVES[far])


def test_a_level_that_loses_rows_is_made_up_for_by_a_scan(monkeypatch: pytest.MonkeyPatch) -> None:
    index = VectorIndex.build(PLANS["ivf_sq8"], KEYS, HALVES)
    asked: list[int] = []

    def lose(self: Lists, queries: np.ndarray, ask: Any, keys: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        asked.append(ask.effort)
        rows = np.full((len(queries), ask.fetch), -1, np.int64)
        rows[:, 0] = 7
        return np.zeros(rows.shape, np.float32), rows

    monkeypatch.setattr(Lists, "search", lose)
    (found,) = index.candidates(QUERIES[:1], 18, None)
    assert check(found, QUERIES[0], 18, KEYS, HALVES) == 1
    assert asked == [1, 4]


def test_many_candidates_come_down_to_the_best_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    index = VectorIndex.build(PLANS["ivf_pq"], KEYS, HALVES)
    given = np.random.default_rng(6).permutation(COUNT)[: 18 * index.plan.refine]

    def search(self: Lists, queries: np.ndarray, ask: Any, keys: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return np.zeros((1, len(given)), np.float32), given[None]

    monkeypatch.setattr(Lists, "search", search)
    (found,) = index.candidates(QUERIES[:1], 18, None)
    best = slowly(QUERIES[0], KEYS[given], HALVES[given])
    np.testing.assert_array_equal(np.sort(found.scores)[-10:], np.sort(best)[-10:])
    assert 18 <= len(found.keys) < 30


@pytest.mark.parametrize("name", PLANS)
def test_of_few_rows_none_is_left_out_that_scores_above_the_bound(built: dict[str, VectorIndex], name: str) -> None:
    some = KEYS[:19]  # scored directly, and more than twice as many as are fetched
    for query in QUERIES:
        (found,) = built[name].candidates(query[None], 3, some)
        assert check(found, query, 3, some, HALVES[:19]) == 1
        left = np.setdiff1d(some, found.keys)
        assert len(left)
        assert slowly(query, left, HALVES[(left - 1) // 3]).max() <= found.bound < found.scores.max()


def test_the_sq8_bound_holds_for_the_worst_row() -> None:
    """No row scores more above its code than the level says: that is what makes a scan of codes exact."""
    index = VectorIndex.build(PLANS["sq8"], KEYS[:1000], HALVES[:1000])
    index.add(KEYS[-1:] + 1, np.eye(1, DIM, dtype=np.float16))  # far outside the range that was trained
    level: Any = index.level
    rows = np.arange(1001)
    exact = restore(index.halves_at(rows))
    off = np.linalg.norm(level.index.reconstruct_n(0, 1001).astype(np.float64) - exact, axis=1)
    assert off[-1] > 0.3
    assert off.max() <= level.slack
    (found,) = index.candidates(np.eye(1, DIM, dtype=np.float32), 18, None)
    assert found.scores.max() == 1


def test_lists_on_disk_are_not_prefetched_by_threads_of_their_own(tmp_path: Path) -> None:
    save_index(VectorIndex.build(PLANS["ivf_sq8"], KEYS, HALVES), tmp_path, "state")
    loaded = load_index(tmp_path, DIM, "state", mapped=True)
    assert loaded is not None
    assert isinstance(loaded.level, Lists)
    lists: Any = faiss.downcast_InvertedLists(loaded.level.index.invlists)
    assert isinstance(lists, faiss.OnDiskInvertedLists)
    assert lists.prefetch_nthread == 0
    assert lists.read_only


@pytest.mark.parametrize("kept", [[0], [5], [5, 7, 8], [0, 1, 99, 100], list(range(101)), list(range(100))])
def test_labels_find_their_rows_and_nothing_else_does(kept: list[int]) -> None:
    slots = Slots.first(101).only(np.isin(np.arange(101), kept)) if len(kept) < 101 else Slots.first(101)
    assert slots.at(np.arange(len(kept))).tolist() == kept
    for labels in ([[-1, 0, 1, 4], [5, 6, 7, 8], [9, 100, 101, 2**62], [-(2**62), 99, 0, 0]], [[0, 100]], [[1, 101]]):
        rows = slots.rows_of(np.array(labels))
        expected = [[kept.index(label) if label in kept else -1 for label in some] for some in labels]
        assert rows.tolist() == expected
