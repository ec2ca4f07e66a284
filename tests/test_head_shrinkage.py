"""The shrinkage of the label part: chosen on groups that were left out, against a slow twin."""

from dataclasses import replace

import numpy as np
import pytest

from lookalike.heads import HeadConfig, fit
from lookalike.heads import shrinkage as shrinkages
from lookalike.heads.aids import Aids
from lookalike.heads.calibration import Labelled
from lookalike.heads.head import Block, discriminant_scores
from lookalike.heads.linear import LdaSettings, class_statistics, lda, shrunken_whiteners
from lookalike.heads.shrinkage import (
    DEFAULT,
    FOLDS,
    GRID,
    MIN_ASKED,
    VALIDATION,
    choose_on_validation,
    choose_shrinkage,
)

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


def test_the_validation_part_is_asked_about_all_training_photos() -> None:
    both = drawn(260, seed=4)
    learned, validation = both.take(np.arange(160)), both.take(np.arange(160, 260))
    found = choose_on_validation(learned, validation, SETTINGS, seed=0)
    assert found is not None
    assert found.asked == VALIDATION
    for one in found.tried:
        block, classifier = lda(
            class_statistics(learned.features, learned.codes, LABELS), replace(SETTINGS, shrinkage=one.shrinkage)
        )
        assert block is not None
        scores = discriminant_scores(validation.features.astype(np.float64), classifier)
        assert one.accuracy == (scores.argmax(axis=1) == validation.codes).mean()
        near = [learned.codes[int(np.argmax(cosines(block, learned, photo)))] for photo in validation.features]
        assert one.label_recall == (np.array(near) == validation.codes).mean()
    usual = next(one for one in found.tried if one.shrinkage == DEFAULT)
    best = max((one.accuracy + one.label_recall) / 2 for one in found.tried)
    share = (usual.accuracy + usual.label_recall) / 2
    assert 0 < best - share < (share * (1 - share) / 100) ** 0.5  # better, but not surely
    assert found.shrinkage == DEFAULT
    assert choose_on_validation(learned, validation.take(np.arange(MIN_ASKED - 1)), SETTINGS, seed=0) is None
    assert choose_on_validation(learned, None, SETTINGS, seed=0) is None


def test_validation_photos_that_surely_want_another_shrinkage_get_it() -> None:
    both = drawn(1_270, seed=1)
    found = choose_on_validation(both.take(np.arange(70)), both.take(np.arange(70, 1_270)), SETTINGS, seed=0)
    assert found is not None
    assert found.shrinkage == max(found.tried, key=lambda one: one.mean).shrinkage != DEFAULT


def cosines(block: Block, learned: Labelled, photo: np.ndarray) -> np.ndarray:
    gallery = (learned.features - block.mean) @ block.matrix
    return gallery @ ((photo - block.mean) @ block.matrix) / np.linalg.norm(gallery, axis=1)


@pytest.mark.parametrize(
    ("generic_dim", "asked", "named"),
    [
        (None, 100, "training groups left out in turn"),
        (D, 100, "training groups left out in turn"),
        (D // 2, 100, VALIDATION),
        (0, 100, VALIDATION),
        (D // 2, MIN_ASKED - 1, None),
        (D // 2, 0, None),
    ],
)
def test_features_that_a_label_has_tuned_are_judged_on_validation(
    generic_dim: int | None, asked: int, named: str | None
) -> None:
    """Training photos are known to a tuned network by heart: whatever is left out of the fit, they are told apart."""
    both = drawn(300 + asked, seed=7)
    categories = [f"label {code}" for code in both.codes]
    by_heart = both.features.copy()
    by_heart[:300, D // 2 :] += 30 * np.eye(LABELS, D // 2, dtype=np.float32)[both.codes[:300]]
    validation = by_heart[300:] if asked else None
    aids = Aids(validation, categories[300:], generic_dim=generic_dim)
    head = fit(by_heart[:300], categories[:300], both.groups[:300].tolist(), HeadConfig(dim=8), aids=aids)
    told = head.facts.get("shrinkage")
    assert (told and told["asked"]) == named
    if told is not None:
        assert (max(one["accuracy"] for one in told["tried"]) == 1) == (named != VALIDATION)


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
