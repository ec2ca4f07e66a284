"""Every head, on every catalogue however poor: finite vectors of length 1, and a search that works."""

import json
import logging
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lookalike.collection.local import LocalCollection
from lookalike.collection.protocol import CollectionInfo
from lookalike.errors import ArtifactError, HeadError, NoLabels
from lookalike.heads import Aids, Head, HeadConfig, fit, load, save
from lookalike.heads.calibration import temperature
from lookalike.types import Entry, Image, Product

KINDS = ("auto", "mix", "lda", "wccn", "pca", "none")
WIDTH = 48


@dataclass(frozen=True, eq=False)
class Case:
    features: np.ndarray
    categories: list[str | None]
    groups: list[int]


def drawn(n_labels: int, per_label: int, *, per_group: int = 2, width: int = WIDTH, seed: int = 0) -> Case:
    """Photos of labels that differ, each label's photos around a mean of its own, two photos a group."""
    rng = np.random.default_rng(seed)
    codes = np.repeat(np.arange(n_labels), per_label)
    centres = rng.normal(size=(max(n_labels, 1), width))
    features = centres[codes] + rng.normal(size=(len(codes), width))
    return Case(
        features.astype(np.float16), [f"label {code}" for code in codes], (np.arange(len(codes)) // per_group).tolist()
    )


def unlabelled(case: Case) -> Case:
    return Case(case.features, [None] * len(case.categories), case.groups)


def with_features(case: Case, features: np.ndarray) -> Case:
    return Case(features, case.categories, case.groups)


CASES: dict[str, Callable[[], Case]] = {
    "no labels": lambda: unlabelled(drawn(3, 20)),
    "1 label": lambda: drawn(1, 60),
    "2 labels": lambda: drawn(2, 30),
    "17 labels": lambda: drawn(17, 12),
    "3,000 labels": lambda: drawn(3000, 5),
    "all singletons": lambda: drawn(60, 1),
    "one photo": lambda: drawn(1, 1),
    "two photos": lambda: drawn(2, 1),
    "nothing to fit on": lambda: drawn(0, 0),
    "one group": lambda: drawn(3, 10, per_group=30),
    "fewer photos than features": lambda: drawn(3, 6, width=200),
    "exact copies": lambda: with_features(drawn(4, 10), np.ones((40, WIDTH), np.float16)),
    "exact copies within each label": lambda: with_features(
        drawn(4, 10), np.repeat(np.random.default_rng(1).normal(size=(4, WIDTH)), 10, axis=0).astype(np.float32)
    ),
    "all zero": lambda: with_features(drawn(4, 10), np.zeros((40, WIDTH), np.float32)),
    "features without variance": lambda: with_features(
        drawn(4, 10), np.where(np.arange(WIDTH) % 2, 3.0, drawn(4, 10).features).astype(np.float32)
    ),
    "tiny and huge features": lambda: with_features(
        drawn(4, 10), drawn(4, 10).features.astype(np.float32) * np.geomspace(1e-25, 1e15, WIDTH).astype(np.float32)
    ),
    "two features": lambda: drawn(4, 10, width=2),
}


@pytest.fixture(params=CASES, scope="module")
def case(request: pytest.FixtureRequest) -> Case:
    return CASES[request.param]()


@lru_cache  # 3,000 labels take a second each time
def fitted(case: Case, kind: str = "auto", **options: object) -> Head:
    return fit(case.features, case.categories, case.groups, HeadConfig(kind=kind, dim=32, **options))


def strangers(case: Case) -> np.ndarray:
    """Photos that the head was not fitted on, one of them all zero."""
    width = case.features.shape[1]
    return np.concatenate([np.random.default_rng(9).normal(size=(5, width)), np.zeros((1, width))])


@pytest.mark.parametrize("kind", KINDS)
def test_vectors_are_finite_of_length_1_and_of_the_stated_width(case: Case, kind: str) -> None:
    head = fitted(case, kind)
    for features in (case.features[:500], strangers(case), strangers(case).astype(np.float32), strangers(case) * 1e60):
        vectors = head.apply(features)
        assert vectors.dtype == np.float32
        assert vectors.shape == (len(features), head.dim)
        np.testing.assert_allclose(np.linalg.norm(vectors.astype(np.float64), axis=1), 1, atol=1e-6)
    assert 1 <= head.dim <= (head.in_dim if head.kind == "none" else 32)


def test_search_works(case: Case) -> None:
    features = np.concatenate([case.features[:200].astype(np.float64), strangers(case)])
    head = fitted(case)
    vectors = head.apply(features)
    collection = LocalCollection.in_memory(CollectionInfo(head.dim, "encoder", "head"))
    ids = [f"photo {number}" for number in range(len(vectors))]
    collection.put(
        [
            Entry(Product(name), Image(name, name, f"{name}.jpg", 10, 10), vector)
            for name, vector in zip(ids, vectors, strict=True)
        ]
    )
    found = collection.search(vectors[-6:], 3)
    best = (vectors[-6:] @ vectors.T).max(axis=1)
    assert [len(neighbours.hits) for neighbours in found] == [3] * 6
    np.testing.assert_allclose([neighbours.hits[0].score for neighbours in found], best, atol=1e-5)
    collection.close()


def test_probabilities_wherever_there_are_two_labels(case: Case) -> None:
    head = fitted(case)
    if len(head.labels.labels) < 2:
        assert head.label_names == ()
        with pytest.raises(NoLabels):
            head.classify(strangers(case))
        return
    probabilities = head.classify(strangers(case))
    assert probabilities.shape == (6, len(head.label_names))
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-5)
    assert (probabilities >= 0).all()


@pytest.mark.parametrize(
    ("name", "kinds"),
    {
        "no labels": {"auto": "pca", "mix": "pca", "lda": "pca", "wccn": "pca", "pca": "pca", "none": "none"},
        "1 label": {"auto": "pca", "mix": "pca", "wccn": "pca"},
        "2 labels": {"auto": "wccn", "mix": "wccn", "lda": "wccn", "pca": "pca"},
        "17 labels": {"auto": "mix", "lda": "lda", "wccn": "wccn", "pca": "pca", "none": "none"},
        "all singletons": {"auto": "pca"},
        "one photo": {"auto": "none", "pca": "none"},
        "nothing to fit on": {"auto": "none"},
        "exact copies": {"auto": "none", "lda": "none"},
    }.items(),
)
def test_the_nearest_kind_that_the_labels_allow(name: str, kinds: dict[str, str]) -> None:
    assert {kind: fitted(CASES[name](), kind).kind for kind in kinds} == kinds


@pytest.mark.parametrize("kind", ["mix", "lda"])
def test_labels_with_one_and_the_same_mean_leave_the_generic_part(kind: str) -> None:
    half = drawn(4, 10).features
    case = Case(
        np.concatenate([half, -half]), drawn(4, 10).categories * 2, [*drawn(4, 10).groups, *drawn(4, 10).groups]
    )
    head = fitted(case, kind)
    assert (head.kind, len(head.blocks)) == ("wccn", 1)


def test_the_log_says_when_labels_are_too_few(caplog: pytest.LogCaptureFixture) -> None:
    fitted(CASES["2 labels"]())
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert "2 labels have 5 training photos in 2 groups" in record.getMessage()
    assert "fitting wccn instead" in record.getMessage()


def test_a_catalogue_without_categories_is_no_cause_for_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    fitted(CASES["no labels"]())
    assert caplog.records == []


def test_the_mix_is_the_weighted_parts_side_by_side() -> None:
    case = drawn(17, 12)
    mix = fitted(case, "mix", label_weight=0.2).apply(case.features)
    label_part, generic_part = mix[:, :16], mix[:, 16:]
    assert mix.shape[1] == 32
    np.testing.assert_allclose((label_part**2).sum(axis=1), 0.2, atol=1e-6)
    np.testing.assert_allclose((generic_part**2).sum(axis=1), 0.8, atol=1e-6)
    np.testing.assert_allclose(label_part / np.sqrt(0.2), fitted(case, "lda").apply(case.features), atol=1e-5)


def test_the_label_part_takes_at_most_half_of_the_dimensions() -> None:
    case = drawn(40, 8)
    head = fitted(case, "mix")
    assert [block.matrix.shape[1] for block in head.blocks] == [16, 16]
    assert fitted(case, "lda").dim == 32


def test_lda_pulls_labels_apart_and_pca_keeps_the_features_geometry() -> None:
    case = drawn(5, 40, seed=3)
    codes = np.repeat(np.arange(5), 40)

    def contrast(vectors: np.ndarray) -> float:
        cosines = vectors @ vectors.T
        same = codes[:, None] == codes
        return float(cosines[same].mean() - cosines[~same].mean())

    assert contrast(fitted(case, "lda").apply(case.features)) > 1.2 * contrast(fitted(case, "pca").apply(case.features))
    full = fit(case.features, case.categories, case.groups, HeadConfig(kind="pca", dim=WIDTH)).apply(case.features)
    centred = case.features.astype(np.float64) - case.features.astype(np.float64).mean(axis=0)
    centred /= np.linalg.norm(centred, axis=1, keepdims=True)
    np.testing.assert_allclose(full @ full.T, centred @ centred.T, atol=1e-4)


def test_wccn_makes_the_within_label_covariance_round() -> None:
    rng = np.random.default_rng(4)
    noise = rng.normal(size=(600, 8)) * np.geomspace(1, 30, 8)
    case = drawn(6, 100, width=8)
    features = np.repeat(rng.normal(size=(6, 8)) * 10, 100, axis=0) + noise
    head = fit(features, case.categories, case.groups, HeadConfig(kind="wccn", dim=8, wccn_shrinkage=1e-6))
    (block,) = head.blocks
    rows = (features - block.mean) @ block.matrix.astype(np.float64)
    within = rows - np.repeat([rows[start : start + 100].mean(axis=0) for start in range(0, 600, 100)], 100, axis=0)
    values = np.linalg.eigvalsh(within.T @ within)
    assert values[-1] / values[0] < 1.01


def test_the_classifier_is_the_textbook_discriminant() -> None:
    """Against Bayes' rule written out: shared covariance (shrinkage near 0), priors, at whatever temperature."""
    case = drawn(3, 200, width=4, seed=5)
    features, codes = case.features.astype(np.float64)[: 200 + 200 + 50], np.repeat(np.arange(3), 200)[:450]
    head = fit(
        case.features[:450], case.categories[:450], case.groups[:450], HeadConfig(kind="none", lda_shrinkage=1e-9)
    )
    means = np.stack([features[codes == code].mean(axis=0) for code in range(3)])
    centred = features - means[codes]
    inverse = np.linalg.inv(centred.T @ centred / 450)
    priors = np.bincount(codes) / 450
    gaps = features[:, None] - means[None]
    log_posterior = -0.5 * np.einsum("ncd,de,nce->nc", gaps, inverse, gaps) + np.log(priors)
    ours = np.log(head.classify(case.features[:450]).astype(np.float64))
    theirs = log_posterior - log_posterior[:, :1]
    ours -= ours[:, :1]
    slope = (ours * theirs).sum() / (theirs**2).sum()  # one over the temperature
    np.testing.assert_allclose(ours, slope * theirs, rtol=2e-2, atol=2e-2)


@given(st.floats(0.3, 4.0), st.integers(0, 1000))
@settings(max_examples=20, deadline=None)
def test_temperature_recovers_how_overconfident_scores_are(true: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    logits = rng.normal(size=(4000, 5)) * 2
    chances = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    codes = (rng.random((4000, 1)) > chances.cumsum(axis=1)).sum(axis=1)
    assert temperature(logits * true, codes.clip(0, 4)) == pytest.approx(true, rel=0.15)


def test_temperature_stays_finite_where_every_photo_is_right() -> None:
    scores = np.eye(3)[np.arange(30) % 3] * 8
    assert 0.01 < temperature(scores, np.arange(30) % 3) < 1


def test_the_held_out_part_sets_the_temperature_and_nothing_else() -> None:
    case = drawn(4, 40, seed=6)
    config = HeadConfig(dim=32)
    wrong = [case.categories[(row + 40) % 160] for row in range(160)]  # as if the labels of validation were all wrong
    sure = fit(case.features, case.categories, case.groups, config, aids=Aids(case.features, case.categories))
    unsure = fit(case.features, case.categories, case.groups, config, aids=Aids(case.features, wrong))
    np.testing.assert_array_equal(sure.apply(case.features), unsure.apply(case.features))
    most_sure, least_sure = sure.classify(case.features), unsure.classify(case.features)
    np.testing.assert_array_equal(most_sure.argmax(axis=1), least_sure.argmax(axis=1))
    assert most_sure.max(axis=1).mean() > 0.95 > 0.5 > least_sure.max(axis=1).mean()


def test_without_a_held_out_part_training_groups_stand_in() -> None:
    """Labels at random: a classifier that were asked about its own photos would be sure of them."""
    rng = np.random.default_rng(7)
    features = rng.normal(size=(150, 400)).astype(np.float32)
    categories: list[str | None] = [f"label {code}" for code in rng.integers(0, 3, 150)]
    head = fit(features, categories, list(range(150)), HeadConfig(lda_shrinkage=0.05))
    assert head.classify(features).argmax(axis=1).tolist() == [int(str(name)[-1]) for name in categories]
    assert head.classify(rng.normal(size=(200, 400))).max(axis=1).mean() < 0.6


def test_ignored_and_rare_labels_are_not_learned() -> None:
    case = drawn(5, 20)
    categories: list[str | None] = ["Skip" if name == "label 0" else name for name in case.categories]
    categories[20:36] = ["rare"] + [None] * 15
    head = fit(case.features, categories, case.groups, HeadConfig(ignored=("Skip",)))
    assert head.label_names == ("label 2", "label 3", "label 4")
    assert head.labels.of("Skip") is None
    assert head.facts["labelled"] == 60


def test_a_deep_label_with_too_few_photos_is_handed_to_its_ancestor() -> None:
    case = drawn(4, 20)
    categories: list[str | None] = [
        f"Home / {'Beds' if row % 20 < 18 else 'Rugs'}" if row < 20 else case.categories[row] for row in range(80)
    ]
    categories[0:3] = ["Home / Lamps"] * 3
    head = fit(case.features, categories, case.groups, HeadConfig())
    assert head.label_names == ("Home", "Home / Beds", "label 1", "label 2", "label 3")
    parents = fit(case.features, categories, case.groups, HeadConfig(level="parent"))
    assert parents.label_names == ("Home", "label 1", "label 2", "label 3")


def test_equal_input_gives_an_equal_head() -> None:
    case = drawn(6, 12)
    first, second = fitted(case), fitted(case)
    np.testing.assert_array_equal(first.apply(case.features), second.apply(case.features))
    np.testing.assert_array_equal(first.classify(case.features), second.classify(case.features))


def test_features_are_left_unchanged_and_no_rows_give_no_rows() -> None:
    case = drawn(4, 10)
    before = case.features.copy()
    head = fitted(case)
    head.apply(case.features)
    np.testing.assert_array_equal(case.features, before)
    assert head.apply(case.features[:0]).shape == (0, head.dim)
    assert head.classify(case.features[:0]).shape == (0, 4)


@pytest.mark.parametrize(
    ("bad", "what"),
    [
        (np.zeros((2, WIDTH + 1), np.float32), "49 numbers a photo, the head was fitted on 48"),
        (np.full((2, WIDTH), np.nan, np.float32), "not finite"),
        (np.full((2, WIDTH), np.inf, np.float16), "not finite"),
        (np.zeros(WIDTH, np.float32), "two-dimensional"),
        (np.zeros((2, WIDTH), np.int64), "two-dimensional array of floats"),
    ],
)
def test_features_that_make_no_sense_are_refused(bad: np.ndarray, what: str) -> None:
    head = fitted(drawn(4, 10))
    for use in (head.apply, head.classify):
        with pytest.raises(HeadError, match=what):
            use(bad)


@pytest.mark.parametrize(
    "options",
    [
        {"kind": "magic"},
        {"dim": 1},
        {"label_weight": 0.0},
        {"label_weight": 1.0},
        {"lda_shrinkage": 0.0},
        {"wccn_shrinkage": 1.5},
        {"level": "0"},
        {"level": "deepest"},
    ],
)
def test_options_that_make_no_sense_are_refused(options: dict[str, object]) -> None:
    case = drawn(4, 10)
    with pytest.raises(HeadError, match=next(iter(options))):
        fit(case.features, case.categories, case.groups, HeadConfig(**options))


def test_lengths_that_differ_are_refused() -> None:
    case = drawn(4, 10)
    with pytest.raises(HeadError, match="differ in length"):
        fit(case.features, case.categories[:-1], case.groups, HeadConfig())


def test_a_configuration_is_described_alike_whatever_the_order() -> None:
    assert HeadConfig(ignored=("b", "a")).to_json() == HeadConfig(ignored=("a", "b", "a")).to_json()
    assert json.loads(json.dumps(HeadConfig().to_json())) == HeadConfig().to_json()


@pytest.mark.parametrize("kind", KINDS)
def test_a_saved_head_comes_back_bit_for_bit(case: Case, kind: str, tmp_path: Path) -> None:
    head = fitted(case, kind)
    save(head, tmp_path)
    back = load(tmp_path)
    np.testing.assert_array_equal(back.apply(strangers(case)), head.apply(strangers(case)))
    assert (back.kind, back.dim, back.in_dim, back.labels, back.facts) == (
        head.kind,
        head.dim,
        head.in_dim,
        head.labels,
        head.facts,
    )
    if head.label_names:
        np.testing.assert_array_equal(back.classify(strangers(case)), head.classify(strangers(case)))
    assert sorted(file.name for file in tmp_path.iterdir()) == ["head.json", "head.npz"]


def described(folder: Path, **changes: object) -> None:
    file = folder / "head.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), **changes}))


def swap_arrays(folder: Path) -> None:
    other = folder / "other"
    other.mkdir()
    save(fitted(drawn(4, 10, seed=8)), other)
    (other / "head.npz").replace(folder / "head.npz")


DAMAGE: dict[str, Callable[[Path], object]] = {
    "no description": lambda folder: (folder / "head.json").unlink(),
    "no arrays": lambda folder: (folder / "head.npz").unlink(),
    "half a description": lambda folder: (folder / "head.json").write_text("{"),
    "a list": lambda folder: (folder / "head.json").write_text("[]"),
    "half the arrays": lambda folder: (folder / "head.npz").write_bytes((folder / "head.npz").read_bytes()[:900]),
    "another head's arrays": swap_arrays,
    "another width": lambda folder: described(folder, in_dim=WIDTH + 1),
    "another output width": lambda folder: described(folder, dim=3),
    "too few weights": lambda folder: described(folder, weights=[1.0]),
    "too many weights": lambda folder: described(folder, weights=[0.2, 0.4, 0.4]),
    "a negative weight": lambda folder: described(folder, weights=[1.2, -0.2]),
    "other labels": lambda folder: described(folder, labels={"labels": ["a"], "level": "auto", "ignored": []}),
    "no sharpness": lambda folder: described(folder, sharpness="very"),
    "a newer schema": lambda folder: described(folder, schema=99),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_head_is_refused_with_a_mend(damage: str, tmp_path: Path) -> None:
    save(fitted(drawn(4, 10)), tmp_path)
    DAMAGE[damage](tmp_path)
    with pytest.raises(ArtifactError) as caught:
        load(tmp_path)
    assert caught.value.mend
    assert str(tmp_path) not in caught.value.what


def test_arrays_that_are_not_finite_are_refused(tmp_path: Path) -> None:
    head = fitted(drawn(4, 10))
    head.blocks[1].matrix[3, 3] = np.nan
    save(head, tmp_path)
    with pytest.raises(ArtifactError, match="no finite number"):
        load(tmp_path)
