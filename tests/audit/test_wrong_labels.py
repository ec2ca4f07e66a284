"""Probabilities that a photo's own group has no part in."""

import numpy as np
import pytest

from lookalike.audit.captions import short_names
from lookalike.audit.wrong_labels import _related, out_of_fold


def drawn() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(3), 40)
    features = (rng.normal(size=(120, 12)) + 3 * np.eye(3, 12)[labels]).astype(np.float16)
    return features, labels, np.arange(120) // 2


def test_out_of_fold_probabilities_sum_to_one_and_are_mostly_right() -> None:
    features, labels, groups = drawn()
    found = out_of_fold(features, labels, groups, 3, folds=5)
    assert found.sum(axis=1) == pytest.approx(np.ones(120), abs=1e-5)
    assert (found.argmax(axis=1) == labels).mean() > 0.9


def test_a_groups_labels_have_no_part_in_its_own_probabilities() -> None:
    features, labels, groups = drawn()
    before = out_of_fold(features, labels, groups, 3, folds=5)
    changed = labels.copy()
    changed[groups == 7] = (changed[groups == 7] + 1) % 3
    after = out_of_fold(features, changed, groups, 3, folds=5)
    assert (after[groups == 7] == before[groups == 7]).all()
    assert (after != before).any()


def test_a_label_that_the_other_folds_hardly_show_costs_the_others_nothing() -> None:
    """Five photos are enough for a label, but not without one of the five folds."""
    features, labels, groups = drawn()
    kept = np.r_[0:5, 40:120]
    found = out_of_fold(features[kept], labels[kept], groups[kept], 3, folds=5)
    assert found.sum(axis=1) == pytest.approx(np.ones(85), abs=1e-5)
    assert (found[5:].argmax(axis=1) == labels[kept][5:]).mean() > 0.9


def test_one_group_in_all_gives_even_probabilities() -> None:
    features, labels, _ = drawn()
    found = out_of_fold(features, labels, np.zeros(120, np.int64), 3, folds=5)
    assert found == pytest.approx(np.full((120, 3), 1 / 3))


def test_a_label_within_another_is_no_contradiction() -> None:
    assert _related("Home / Beds", "Home")
    assert _related("Home", "Home / Beds")
    assert not _related("Home / Beds", "Home / Bedside")
    assert not _related("Bed", "Beds")


def test_labels_are_named_by_as_many_parts_as_it_takes() -> None:
    assert short_names("Home / Beds", "Home / Sofas") == ("Home / Beds", "Home / Sofas")
    assert short_names("A / B / C / D", "A / X / C / D") == ("B / C / D", "X / C / D")
    assert short_names("Beds", "Sofas") == ("Beds", "Sofas")
    assert short_names("Women / Shoes", "Men / Shoes") == ("Women / Shoes", "Men / Shoes")
