"""Labels: full category prefixes, backed off until each has enough photos."""

import pytest

from lookalike.labels import LabelSet, choose_labels, join_path, prefixes, split_path


@pytest.mark.parametrize(
    ("raw", "parts"),
    [
        ("Home & Garden / Beds / Private", ("Home & Garden", "Beds", "Private")),
        (" A /  B ", ("A", "B")),
        ("A / / B", ("A", "B")),
        ("/ A /", ("A",)),
        ("A/B", ("A/B",)),
        ("T-Shirt", ("T-Shirt",)),
        ("/", ()),
        ("  ", ()),
        ("", ()),
        (None, ()),
    ],
)
def test_a_path_is_cut_at_slashes_that_stand_alone(raw: str | None, parts: tuple[str, ...]) -> None:
    assert split_path(raw) == parts


def test_prefixes_are_whole_parts_shortest_first() -> None:
    assert prefixes("A /  B / C") == ["A", "A / B", "A / B / C"]
    assert prefixes("") == []
    assert join_path(("A", "B")) == "A / B"


def test_a_label_needs_five_photos_of_two_groups() -> None:
    assert choose_labels(["A"] * 5, [1, 1, 1, 1, 2]).labels == ("A",)
    assert choose_labels(["A"] * 4, [1, 2, 3, 4]).labels == ()
    assert choose_labels(["A"] * 9, [1] * 9).labels == ()


def test_poor_labels_hand_their_photos_to_the_parent_path() -> None:
    categories = ["A / Private"] * 6 + ["A / Rare"] * 3 + ["A / Odd"] * 2 + ["B / Private"] * 3
    labels = choose_labels(categories, range(len(categories)))
    assert labels.labels == ("A", "A / Private")
    assert labels.of("A / Private") == "A / Private"
    assert labels.of("A / Rare") == "A"
    assert labels.of("A / Never seen / Deep") == "A"
    assert labels.of("B / Private") is None, "a bare last part is no label: A's Private is not B's"


def test_photos_are_handed_up_more_than_one_step() -> None:
    categories = [f"A / B{i} / C{i} / D" for i in range(5)]
    assert choose_labels(categories, range(5)).labels == ("A",)


def test_a_fixed_level_hands_nothing_up() -> None:
    categories = ["A / B / C"] * 5 + ["A / D"] * 3 + ["A"] * 5
    assert choose_labels(categories, range(13), level="2").labels == ("A", "A / B")
    assert choose_labels(categories, range(13), level="2").of("A / D") is None
    assert choose_labels(["A / D"] * 3 + ["A"] * 3, range(6), level="2").labels == ()
    assert choose_labels(categories, range(13), level="parent").labels == ("A",)
    assert choose_labels(categories, range(13), level="1").labels == ("A",)


@pytest.mark.parametrize("level", ["0", "-1", "deep", "", "²"])
def test_a_level_that_is_none_is_refused(level: str) -> None:
    with pytest.raises(ValueError, match="level"):
        choose_labels(["A"], [1], level=level)


def test_ignored_labels_are_neither_learned_nor_scored() -> None:
    categories = ["Other"] * 6 + ["A / Other"] * 6 + ["Other / B"] * 6
    labels = choose_labels(categories, range(18), ignored=["Other"])
    assert labels.labels == ("A / Other",), "the last part Other under A is another label"
    assert labels.of("Other / B") is None
    deeper = choose_labels(categories, range(18), ignored=["A / Other"])
    assert deeper.labels == ("Other", "Other / B")


def test_no_categories_no_labels() -> None:
    assert choose_labels([], []).labels == ()
    assert choose_labels([None, None], [1, 2]).labels == ()
    assert LabelSet(()).of(None) is None


def test_three_thousand_labels_and_their_chosen_ones() -> None:
    categories = [f"P{i % 3000 % 13} / C{i % 3000}" for i in range(18_000)]
    labels = choose_labels(categories, range(18_000))
    assert len(labels.labels) == 3000
    assert labels.of("P0 / C0") == "P0 / C0"


def test_photos_and_groups_must_pair_up() -> None:
    with pytest.raises(ValueError, match="zip"):
        choose_labels(["A"], [1, 2])
