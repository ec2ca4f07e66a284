"""Which plan is for how many photos, and how a choice is kept."""

import pytest

from lookalike.collection.plan import FLAT_ROWS, SCAN_ROWS, Choice, Goals, IndexPlan, ladder, lists_plan, plan_for


def test_the_ladder_goes_by_size() -> None:
    sizes = [0, 1, FLAT_ROWS, FLAT_ROWS + 1, SCAN_ROWS, SCAN_ROWS + 1, 1_000_000, 100_000_000]
    kinds = ["flat", "flat", "flat", "sq8", "sq8", "ivf_pq", "ivf_pq", "ivf_pq"]
    assert [ladder(size).kind for size in sizes] == kinds
    assert [lists_plan(size).lists for size in (100, 100_001, 1_000_000, 100_000_000)] == [32, 1024, 4096, 4096]
    assert all(1 <= lists_plan(size).probes <= lists_plan(size).lists for size in (1, 100, 10**6))


@pytest.mark.parametrize(
    ("count", "kind"), [(2499, "flat"), (2500, "ivf_sq8"), (40_000, "ivf_sq8"), (40_001, "sq8"), (0, "flat")]
)
def test_a_choice_holds_from_a_quarter_to_four_times_its_size(count: int, kind: str) -> None:
    assert plan_for(count, Choice(IndexPlan("ivf_sq8", lists=256, probes=8), 10_000)).kind == kind


def test_lists_need_as_many_photos_as_there_are_of_them() -> None:
    choice = Choice(IndexPlan("ivf_sq8", lists=256, probes=8), 300)
    assert [plan_for(count, choice).kind for count in (255, 256)] == ["flat", "ivf_sq8"]
    quick = Choice(IndexPlan("ivf_pq", lists=4, probes=2), 16)
    assert [plan_for(count, quick).kind for count in (15, 16)] == ["flat", "ivf_pq"]  # a codebook has sixteen words
    assert plan_for(0, Choice(IndexPlan("hnsw", links=8, effort=8), 0)).kind == "flat"


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": "annoy"},
        {"kind": "ivf_sq8"},
        {"kind": "ivf_sq8", "lists": 4, "probes": 5},
        {"kind": "ivf_rabitq", "lists": 4, "probes": 0},
        {"kind": "hnsw", "links": 1, "effort": 8},
        {"kind": "hnsw", "links": 8},
        {"kind": "flat", "refine": 0},
    ],
)
def test_a_plan_that_no_index_can_follow_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="no index can be made"):
        IndexPlan(**wrong)  # pyright: ignore


def test_a_choice_comes_back_as_it_was_kept() -> None:
    plan = IndexPlan("ivf_rabitq", lists=64, probes=4, refine=8)
    choice = Choice(plan, 12_345, Goals(0.99, 2.5, 10**9, frozen=True), {"recall@10": 0.991, "ms": 1.5})
    assert Choice.from_text(choice.to_text()) == choice


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"plan": {"kind": "annoy"}, "count": 1}', '{"plan": {"shape": 1}, "count": 1}']
)
def test_a_choice_of_another_version_is_passed_over(text: str) -> None:
    assert Choice.from_text(text) is None


def test_what_only_tries_harder_needs_no_new_index() -> None:
    plan = IndexPlan("ivf_sq8", lists=64, probes=4)
    assert plan.same_structure(IndexPlan("ivf_sq8", lists=64, probes=9, refine=2))
    assert not plan.same_structure(IndexPlan("ivf_sq8", lists=32, probes=4))
    assert not plan.same_structure(IndexPlan("ivf_rabitq", lists=64, probes=4))
