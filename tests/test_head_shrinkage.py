"""The shrinkage of the label part: chosen on groups that were left out, against a slow twin."""

from dataclasses import replace

import numpy as np
import pytest

from lookalike.heads import HeadConfig, fit
from lookalike.heads import shrinkage as shrinkages
from lookalike.heads.calibration import Labelled
from lookalike.heads.linear import LdaSettings, class_statistics, lda, shrunken_whiteners
from lookalike.heads.shrinkage import DEFAULT, FOLDS, GRID, choose_shrinkage

D, LABELS = 24, 4
SETTINGS = LdaSettings(np.ones(D), DEFAULT, LABELS - 1)


def drawn(photos: int, *, per_group: int = 2, seed: int = 0, within: float = 1.0, apart: float = 0.6) -> Labelled:
    """Label means a little apart in noise whose directions are anything but round."""
    rng = np.random.default_rng(seed)
    codes = np.repeat(rng.integers(0, LABELS, -(-photos // per_group)), per_group)[:photos]
    spread = np.linspace(0.2, 2.0, D)
    means = rng.normal(0, 1, (LABELS, D)) * apart
    things = np.repeat(rng.normal(0, 1, (-(-photos // per_group), D)) * spread, per_group, axis=0)[:photos]
    features = means[codes] + things + rng.normal(0, within, (photos, D)) * spread
    return Labelled(features.astype(np.float32), codes, np.arange(photos) // per_group)


def slow(learned: Labelled, shrinkage: float, seed: int) -> tuple[float, float, int]:
    """Fit each fold's discriminant by the plain road, and ask photo by photo."""
    names = np.random.default_rng(seed).permutation(np.unique(learned.groups))
    named = found = asked = 0
    for fold in range(FOLDS):
        held = np.isin(learned.groups, names[fold::FOLDS])
        rest = learned.take(np.flatnonzero(~held))
        settings = replace(SETTINGS, shrinkage=shrinkage)
        block, classifier = lda(class_statistics(rest.features, rest.codes, LABELS), settings)
        assert block is not None
        for photo, code in zip(learned.features[held], learned.codes[held], strict=True):
            scores = (photo - classifier.mean) @ classifier.weights * classifier.sharpness
            scores = scores + classifier.bias * classifier.sharpness
            named += int(np.argmax(scores)) == code
            query = (photo - block.mean) @ block.matrix
            gallery = (rest.features - block.mean) @ block.matrix
            cosines = gallery @ query / np.linalg.norm(gallery, axis=1)
            found += rest.codes[int(np.argmax(cosines))] == code
            asked += 1
    return named / asked, found / asked, asked


def test_what_is_tried_is_what_plain_fits_give() -> None:
    learned = drawn(150)
    found = choose_shrinkage(learned, SETTINGS, seed=3)
    assert found is not None
    for one in found.tried:
        accuracy, recall, asked = slow(learned, one.shrinkage, 3)
        assert asked == 150
        assert (one.accuracy, one.label_recall) == pytest.approx((accuracy, recall), abs=1e-9)


def test_the_best_mean_is_chosen_and_among_equals_the_largest() -> None:
    found = choose_shrinkage(drawn(300, seed=5), SETTINGS, seed=0)
    assert found is not None
    best = max(one.accuracy + one.label_recall for one in found.tried)
    assert found.shrinkage == max(one.shrinkage for one in found.tried if one.accuracy + one.label_recall == best)
    certain = drawn(150)
    apart = replace(certain, features=certain.features + 100 * np.eye(LABELS, D, dtype=np.float32)[certain.codes])
    told = choose_shrinkage(apart, SETTINGS, seed=0)
    assert told is not None
    assert {one.accuracy for one in told.tried} == {1.0}
    assert told.shrinkage == max(GRID)


def test_few_photos_want_more_shrinkage_than_many() -> None:
    few, many = (choose_shrinkage(drawn(n, seed=1), SETTINGS, seed=0) for n in (70, 4000))
    assert few is not None
    assert many is not None
    assert few.shrinkage > many.shrinkage


def test_a_group_never_helps_its_own_photos() -> None:
    """Photos of a group are nearly copies: whoever lets them stand on both sides finds every label."""
    copies = drawn(240, per_group=4, within=0.01, seed=2, apart=0.1)
    honest = choose_shrinkage(copies, SETTINGS, seed=0)
    leaking = choose_shrinkage(replace(copies, groups=np.arange(240)), SETTINGS, seed=0)
    assert honest is not None
    assert leaking is not None
    assert max(one.label_recall for one in leaking.tried) > 0.95
    assert max(one.label_recall for one in honest.tried) < 0.5


def test_whiteners_of_one_decomposition_are_those_of_each_shrinkage() -> None:
    learned = drawn(100)
    classes = class_statistics(learned.features, learned.codes, LABELS)
    deviations = np.linspace(0.5, 2, D)
    within = classes.within / np.outer(deviations, deviations)
    for shrinkage, whitener in zip(GRID, shrunken_whiteners(classes, deviations, GRID), strict=True):
        shrunk = (1 - shrinkage) * within + shrinkage * np.trace(within) / D * np.eye(D)
        np.testing.assert_allclose(whitener.T @ shrunk @ whitener, np.eye(D), atol=1e-9)


@pytest.mark.parametrize("groups", [np.zeros(150, np.int64), np.arange(150) // 150])
def test_one_group_leaves_nothing_to_ask(groups: np.ndarray) -> None:
    assert choose_shrinkage(replace(drawn(150), groups=groups), SETTINGS, seed=0) is None


def test_too_few_photos_leave_the_default() -> None:
    assert choose_shrinkage(drawn(shrinkages.MIN_ASKED - 2), SETTINGS, seed=0) is None
    assert choose_shrinkage(drawn(shrinkages.MIN_ASKED), SETTINGS, seed=0) is not None


def test_a_large_catalogue_is_sampled_by_whole_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shrinkages, "_MOST_PHOTOS", 101)
    sampled = shrinkages._sampled(drawn(600, per_group=3), 0)
    assert len(sampled.codes) == 99
    assert (np.unique(sampled.groups, return_counts=True)[1] == 3).all()


def test_fit_takes_the_choice_and_writes_it_down() -> None:
    learned = drawn(400, seed=4)
    categories, groups = [f"label {code}" for code in learned.codes], learned.groups.tolist()

    def fitted(shrinkage: float | None):
        return fit(learned.features, categories, groups, HeadConfig(dim=8, lda_shrinkage=shrinkage))

    chosen = fitted(None)
    told = chosen.facts["shrinkage"]
    assert [one["shrinkage"] for one in told["tried"]] == list(GRID)
    same, other = fitted(told["shrinkage"]), fitted(next(s for s in GRID if s != told["shrinkage"]))
    np.testing.assert_array_equal(chosen.blocks[0].matrix, same.blocks[0].matrix)
    assert not np.allclose(chosen.blocks[0].matrix, other.blocks[0].matrix)
    assert "shrinkage" not in same.facts
