"""Tuning: figures against brute force, the choice, and what is kept of it."""

from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from lookalike.cli import app
from lookalike.cli.tuning import read_bytes
from lookalike.collection import CollectionInfo, Goals, IndexPlan, LocalCollection, Measured, tuning
from lookalike.collection.levels import Scan
from lookalike.collection.rows import restore
from lookalike.collection.tuning import choose, lower_end, measure
from lookalike.collection.vector_index import VectorIndex
from lookalike.errors import QueryError, ReadOnly
from lookalike.types import Entry, Image, Product, unit_rows

DIM = 16
INFO = CollectionInfo(DIM, "e", "h")
KEYS = np.arange(1, 3001)
HALVES = unit_rows(np.random.default_rng(0).standard_normal((3000, DIM))).astype(np.float16)
ANY = Goals(0.0, 1e9)


@pytest.fixture
def lists_early(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tuning, "_LEAST_FOR_LISTS", 1000)


def fill(folder: Path, count: int = 3000) -> Path:
    with LocalCollection.create(folder, INFO) as collection:
        images = [Image(f"i{n}", f"p{n}", "x.jpg", 1, 1) for n in range(count)]
        vectors = restore(HALVES[:count])
        collection.put([Entry(Product(one.product_id), one, v) for one, v in zip(images, vectors, strict=True)])
    return folder


def test_recall_is_that_of_brute_force(lists_early: None) -> None:
    """One probe, asked by the very queries: what share of the ten nearest others lies in the nearest list?"""
    tuned = measure(KEYS, HALVES, ANY)
    poor = next(one for one in tuned.measured if one.plan.kind == "ivf_sq8")
    rows = np.sort(np.random.default_rng(0).permutation(3000)[:200])
    vectors = restore(HALVES)
    exact = vectors[rows] @ vectors.T
    exact[np.arange(200), rows] = -2
    index = VectorIndex.build(poor.plan, KEYS, HALVES)
    share = []
    for row, scores in zip(rows, exact, strict=True):
        (found,) = index.candidates(vectors[row][None], 19, None)
        best = set((np.argsort(-scores)[:10] + 1).tolist())
        order = found.keys[np.argsort(-found.scores)]
        share.append(len(best & set(order[order != row + 1][:10].tolist())) / 10)
    assert poor.recall == pytest.approx(np.mean(share), abs=2e-3)
    assert poor.recall < 0.9
    assert poor.recall_low == pytest.approx(
        np.mean(share) - 1.645 * np.std(share, ddof=1) / len(share) ** 0.5, abs=2e-3
    )
    assert [one.recall for one in tuned.measured if one.plan.exact] == [1, 1]


def measured(plan: IndexPlan, recall: float, ms: float, size: float = 100.0) -> Measured:
    return Measured(plan, recall + 0.01 * (recall < 1), recall, ms, size, 0.0)


def test_nearly_all_found_is_not_enough_for_a_goal_above_it(monkeypatch: pytest.MonkeyPatch, lists_early: None) -> None:
    """More effort is tried until the goal is surely reached, not only until nearly all is found."""
    monkeypatch.setattr(tuning, "_ask", lambda *_: (0.9996, 0.9985, 1.0))
    keys = np.arange(1, len(HALVES) + 1)
    many = [one.plan for one in measure(keys, HALVES, Goals(0.999, 1e9)).measured]
    few = [one.plan for one in measure(keys, HALVES, Goals(0.99, 1e9)).measured]
    assert len(many) > len(few)


def test_recall_is_held_against_the_lower_end_of_its_interval() -> None:
    assert lower_end([1.0] * 50) == 1
    assert lower_end([0.9]) == 0.9
    assert lower_end([]) == 0
    # mean 0.95, standard deviation (n - 1) of two values 0.9 and 1.0: 0.1 / sqrt 2, error 0.05
    assert lower_end([0.9, 1.0]) == pytest.approx(0.95 - 1.645 * 0.05)
    just_so = Measured(SQ8, recall=0.982, recall_low=0.979, ms=1.0, bytes_a_vector=1.0, build_s=0.0)
    assert choose([just_so], Goals(0.98, 5), 100) is None
    assert choose([just_so], Goals(0.979, 5), 100) is just_so


FLAT, SQ8 = IndexPlan("flat"), IndexPlan("sq8")
FEW, MANY = IndexPlan("ivf_sq8", 64, 4), IndexPlan("ivf_sq8", 64, 16)


@pytest.mark.parametrize(
    ("goals", "chosen"),
    [
        (Goals(0.98, 5), FLAT),
        (Goals(0.98, 5, 50_000), SQ8),
        (Goals(0.98, 1), MANY),
        (Goals(0.9, 1), FEW),
        (Goals(0.98, 0.1), None),
        (Goals(1.0, 1), None),
        (Goals(0.9, 1, 5_000), None),
    ],
)
def test_a_scan_is_kept_while_it_is_fast_enough_else_the_fastest(goals: Goals, chosen: IndexPlan | None) -> None:
    all_of_them = [
        measured(FLAT, 1, 2, 1000),
        measured(SQ8, 1, 3, 250),
        measured(FEW, 0.95, 0.2, 250),
        measured(MANY, 0.99, 0.5, 250),
    ]
    found = choose(all_of_them, goals, 100)
    assert (None if found is None else found.plan) == chosen


def test_a_choice_is_kept_and_searched_by_from_then_on(tmp_path: Path, lists_early: None) -> None:
    folder = fill(tmp_path / "c")
    seen: list[tuple[int, int]] = []
    with LocalCollection.open(folder) as collection:
        before, generation = collection.search(restore(HALVES[:3]), 5), collection.generation
        tuned = collection.tune(Goals(0.98, 1e9, 3000 * 30), progress=lambda done, total: seen.append((done, total)))
        assert tuned.chosen is not None
        assert tuned.chosen.bytes_a_vector <= 30
        assert collection.plan == tuned.chosen.plan
        assert collection.search(restore(HALVES[:3]), 5) == before
        assert collection.generation == generation
        assert {one.plan.kind for one in tuned.measured} >= {"sq8", "ivf_sq8"}
        assert seen
    for read_only in (True, False):
        with LocalCollection.open(folder, read_only=read_only) as collection:
            assert collection.plan == tuned.chosen.plan
            assert collection.search(restore(HALVES[:3]), 5) == before
    with LocalCollection.open(folder) as collection:  # far below a quarter of the photos that it was chosen for
        collection.delete([f"i{n}" for n in range(10, 3000)])
        assert collection.plan == tuned.chosen.plan
        collection.checkpoint()
        assert collection.plan == IndexPlan("flat")
        assert len(collection.search(restore(HALVES[:1]), 50)[0].hits) == 10


def test_where_nothing_reaches_the_goals_nothing_changes(tmp_path: Path) -> None:
    folder = fill(tmp_path / "c")
    with LocalCollection.open(folder) as collection:
        assert collection.tune(Goals(0.98, 0.0)).chosen is None
        assert collection._store.choice() is None
        assert collection.plan == IndexPlan("flat")


def test_only_who_may_write_can_keep_a_choice(tmp_path: Path) -> None:
    folder = fill(tmp_path / "c", 100)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    with LocalCollection.open(folder, read_only=True) as collection:
        with pytest.raises(ReadOnly):
            collection.tune(ANY)
        assert collection.tune(ANY, keep=False).chosen is not None
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


@pytest.mark.parametrize("count", [0, 1, 5, 11])
def test_hardly_any_photos(tmp_path: Path, count: int) -> None:
    with LocalCollection.open(fill(tmp_path / "c", count)) as collection:
        tuned = collection.tune(Goals(0.98, 1e9))
        assert tuned.count == count
        assert all(one.recall == 1 for one in tuned.measured) or count < 2


def test_a_tuned_level_is_trained_anew_once_it_is_outgrown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trained: list[int] = []
    honest = VectorIndex.build

    def build(plan: IndexPlan, keys: np.ndarray, halves: np.ndarray) -> VectorIndex:
        trained.append(len(keys))
        return honest(plan, keys, halves)

    monkeypatch.setattr(VectorIndex, "build", staticmethod(build))
    monkeypatch.setattr("lookalike.collection.live_index.plan_for", lambda count, _: SQ8 if count else FLAT)
    with LocalCollection.open(fill(tmp_path / "c", 100)) as collection:
        assert isinstance(collection._live.index.level, Scan)
        trained.clear()
        images = [Image(f"n{n}", f"n{n}", "x.jpg", 1, 1) for n in range(301)]
        more = [Entry(Product(one.product_id), one, v) for one, v in zip(images, restore(HALVES[100:401]), strict=True)]
        collection.put(more[:300])
        collection.checkpoint()
        assert trained == []
        collection.put(more[300:])
        assert trained == []
        collection.checkpoint()
        assert trained == [401]


def entries(start: int, stop: int) -> list[Entry]:
    images = [Image(f"n{n}", f"p{n}", "x.jpg", 1, 1) for n in range(start, stop)]
    return [Entry(Product(one.product_id), one, v) for one, v in zip(images, restore(HALVES[start:stop]), strict=True)]


@pytest.fixture
def bytes_from_100(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lookalike.collection.live_index.plan_for", lambda count, _: SQ8 if count >= 100 else FLAT)


def test_while_it_is_filled_and_nobody_searches_no_index_grows(tmp_path: Path, bytes_from_100: None) -> None:
    folder = tmp_path / "c"
    with LocalCollection.create(folder, INFO) as collection:
        for start in range(0, 250, 50):
            collection.put(entries(start, start + 50))
            assert len(collection._live.index) == (50 if start == 0 else 0)
        collection.delete(["n7"])
        before = collection.search(restore(HALVES[:3]), 5)
        assert [found.hits[0].image_id for found in before] == ["n0", "n1", "n2"]
        assert collection.plan == SQ8
        collection.put(entries(250, 300))
        assert len(collection._live.index) == 299  # who searches goes on to
    with LocalCollection.create(tmp_path / "d", INFO) as collection:
        collection.put(entries(0, 120))
    for read_only in (False, True):
        with LocalCollection.open(tmp_path / "d", read_only=read_only) as collection:
            assert collection._live._cached is not None  # closing made it
            assert collection._live.index.plan == SQ8
            assert len(collection._live.index) == 120


def test_a_put_by_another_process_is_followed_without_reading_all_keys(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = fill(tmp_path / "c", 50)
    with LocalCollection.open(folder) as writer, LocalCollection.open(folder, read_only=True) as reader:
        keys = reader._store.keys
        monkeypatch.setattr(reader._store, "keys", None)
        writer.put(entries(50, 60))
        assert reader.search(restore(HALVES[55:56]), 1)[0].hits[0].image_id == "n55"
        monkeypatch.setattr(reader._store, "keys", keys)
        writer.put(entries(60, 62))
        writer.delete(["n55", "i3"])
        assert reader.search(restore(HALVES[55:56]), 1)[0].hits[0].image_id != "n55"
        assert len(reader.search(restore(HALVES[:1]), 100)[0].hits) == 60


def test_a_collection_in_memory_stays_exact(bytes_from_100: None) -> None:
    with LocalCollection.in_memory(INFO) as collection:
        collection.put(entries(0, 120))
        assert collection.plan == FLAT
        assert len(collection._live.index) == 120


def test_it_is_made_ready_before_anybody_searches(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bytes_from_100: None
) -> None:
    with LocalCollection.create(tmp_path / "c", INFO) as collection:
        collection.put(entries(0, 120))
        assert collection.plan == SQ8
        assert len(collection._live.index) == 0
        collection.make_ready()
        assert len(collection._live.index) == 120
        monkeypatch.setattr(collection._owners, "_read", None)  # which photo is of which product is known
        assert len(collection.search(collection.vectors(collection.image_ids()[:1]), 3, by_product=True)[0].hits) == 3


def test_what_was_left_is_tuned_without_being_made_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lists_early: None
) -> None:
    with LocalCollection.create(tmp_path / "c", INFO) as collection:
        collection.put(entries(0, 50))
        monkeypatch.setattr("lookalike.collection.live_index.plan_for", lambda count, _: SQ8)
        collection.put(entries(50, 60))
        assert collection._live.left
        with monkeypatch.context() as patched:
            patched.setattr(collection._live, "rebuild", None)
            assert collection.tune(ANY, keep=False).chosen is not None


def test_who_goes_on_filling_without_a_cache_makes_no_index_first(tmp_path: Path, bytes_from_100: None) -> None:
    folder = fill(tmp_path / "c", 90)
    (folder / "index.json").unlink()
    with LocalCollection.open(folder) as collection:
        assert len(collection._live.index) == 0
        collection.put(entries(90, 95))
        assert len(collection._live.index) == 0
        assert len(collection.search(restore(HALVES[:1]), 200)[0].hits) == 95
        collection.put(entries(95, 99))
        assert len(collection._live.index) == 99


def test_a_crossing_while_somebody_searches_waits_for_the_checkpoint(tmp_path: Path, bytes_from_100: None) -> None:
    with LocalCollection.create(tmp_path / "c", INFO) as collection:
        collection.put(entries(0, 60))
        collection.search(restore(HALVES[:1]), 5)
        collection.put(entries(60, 120))
        assert len(collection._live.index) == 120
        assert collection.plan == FLAT
        collection.checkpoint()
        assert collection.plan == SQ8


def test_quick_lists_are_made_anew_once_more_than_a_fifth_is_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    quick = IndexPlan("ivf_pq", lists=4, probes=4, refine=8)
    monkeypatch.setattr("lookalike.collection.live_index.plan_for", lambda count, _: quick if count else FLAT)
    with LocalCollection.open(fill(tmp_path / "c", 100)) as collection:
        collection.checkpoint()
        collection.delete([f"i{n}" for n in range(20)])
        collection.checkpoint()
        assert collection._live.index.waste() == pytest.approx(0.2)
        collection.delete(["i20"])
        collection.checkpoint()
        assert collection._live.index.waste() == 0


# The command


def test_the_command_prints_and_keeps(tmp_path: Path) -> None:
    folder = fill(tmp_path / "c")
    run = CliRunner().invoke(app, ["tune", str(folder), "--max-memory", "100KB", "--max-ms", "10000", "--dry-run"])
    assert run.exit_code == 0, run.output
    assert "sq8" in run.output
    assert "would be chosen" in run.output
    with LocalCollection.open(folder, read_only=True) as collection:
        assert collection.plan == IndexPlan("flat")
    run = CliRunner().invoke(app, ["tune", str(folder), "--max-memory", "100KB", "--max-ms", "10000"])
    assert "from now on" in run.output
    with LocalCollection.open(folder, read_only=True) as collection:
        assert collection.plan == IndexPlan("sq8")
    run = CliRunner().invoke(app, ["tune", str(folder), "--max-memory", "1KB"])
    assert run.exit_code == 1
    assert isinstance(run.exception, QueryError)
    assert "misses a goal" in run.output


@pytest.mark.parametrize(
    ("text", "size"), [("2GB", 2 * 10**9), ("2 GiB", 2 * 2**30), ("1.5mb", 1_500_000), ("512", 512), ("3KiB", 3072)]
)
def test_amounts_of_memory(text: str, size: int) -> None:
    assert read_bytes(text) == size


@pytest.mark.parametrize("text", ["", "GB", "2TB", "-1GB", "0", "1e9", "two"])
def test_what_is_no_amount_of_memory_is_refused(text: str) -> None:
    with pytest.raises(QueryError, match="no amount of memory"):
        read_bytes(text)
