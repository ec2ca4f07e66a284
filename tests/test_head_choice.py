"""The label part's weight: chosen for labels and instances together, against a slow twin."""

import numpy as np
import pytest

from lookalike.heads import Aids, Block, HeadConfig, fit
from lookalike.heads import choice as choices
from lookalike.heads.boost import choose_boost
from lookalike.heads.choice import GRID, TOLERANCE, Asked, choose

D, LABELS = 12, 4


def drawn(seed: int = 0, photos: int = 60, noise: float = 0.25) -> Asked:
    """Features whose first four numbers tell the label and whose last eight tell the thing."""
    rng = np.random.default_rng(seed)

    def some(n: int) -> tuple[np.ndarray, np.ndarray]:
        codes = rng.integers(0, LABELS, n)
        features = np.concatenate([np.eye(LABELS)[codes] + rng.normal(0, 0.4, (n, 4)), rng.normal(0, 1, (n, 8))], 1)
        return features.astype(np.float32), codes

    gallery, gallery_codes = some(photos)
    sources, codes = some(photos)
    views = sources + rng.normal(0, noise, sources.shape).astype(np.float32)
    return Asked(gallery, gallery_codes, sources, codes, views.astype(np.float32), sources)


def block(columns: slice) -> Block:
    return Block(np.zeros(D, np.float32), np.eye(D, dtype=np.float32)[:, columns], 1.0)


LABEL, GENERIC = block(slice(0, 4)), block(slice(4, 12))


def slow(asked: Asked, weight: float | None) -> tuple[float, float]:
    """Plain loops over cosines; weight None takes the features as they are."""

    def cosine(a: np.ndarray, b: np.ndarray) -> float:
        return float(a @ b / np.sqrt((a @ a) * (b @ b)))

    def score(a: np.ndarray, b: np.ndarray) -> float:
        if weight is None:
            return cosine(a, b)
        return weight * cosine(a[:4], b[:4]) + (1 - weight) * cosine(a[4:], b[4:])

    labels = instances = 0
    for query, code in zip(asked.labelled, asked.codes, strict=True):
        known = [n for n, c in enumerate(asked.gallery_codes) if c >= 0]
        best = max(known, key=lambda n: score(query, asked.gallery[n]))
        labels += asked.gallery_codes[best] == code
    everything = np.concatenate([asked.gallery, asked.sources])
    for place, query in enumerate(asked.views):
        scores = [score(query, other) for other in everything]
        instances += int(np.argmax(scores)) == len(asked.gallery) + place
    return labels / len(asked.codes), instances / len(asked.views)


def test_recalls_are_those_of_plain_loops() -> None:
    asked = drawn()
    found = choose(LABEL, GENERIC, asked, generic_dim=D, seed=0)
    for trade in (found.tried[0], found.tried[3], found.tried[6]):
        assert (trade.label_recall, trade.instance_recall) == pytest.approx(slow(asked, trade.label_weight))
    assert (found.raw.label_recall, found.raw.instance_recall) == pytest.approx(slow(asked, None))


def test_photos_without_a_label_answer_no_label_query() -> None:
    asked = drawn()
    unlabelled = Asked(
        asked.gallery, np.where(np.arange(60) < 30, -1, asked.gallery_codes), asked.labelled, asked.codes, asked.views,
        asked.sources,
    )  # fmt: skip
    found = choose(LABEL, GENERIC, unlabelled, generic_dim=D, seed=0)
    assert found.tried[4].label_recall == pytest.approx(slow(unlabelled, GRID[4])[0])


def test_the_best_label_recall_that_costs_no_instances_is_chosen() -> None:
    found = choose(LABEL, GENERIC, drawn(noise=0.6), generic_dim=D, seed=0)
    allowed = [one for one in found.tried if one.instance_recall >= found.raw.instance_recall - TOLERANCE]
    chosen = next(one for one in found.tried if one.label_weight == found.label_weight)
    assert 0 < len(allowed) < len(GRID)  # the constraint binds here
    assert chosen in allowed
    assert chosen.label_recall == max(one.label_recall for one in allowed)
    assert max(one.label_recall for one in found.tried) > chosen.label_recall  # more would be had at a price


def test_where_every_weight_costs_too_much_it_is_the_smallest() -> None:
    asked = drawn()
    blind = Block(np.zeros(D, np.float32), np.eye(D, dtype=np.float32)[:, 0:2], 1.0)
    assert choose(LABEL, blind, asked, generic_dim=D, seed=0).label_weight == GRID[0]


def test_a_large_catalogue_is_sampled_and_own_photos_stay_in(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = drawn(photos=200)
    whole = choose(LABEL, GENERIC, asked, generic_dim=D, seed=0)
    monkeypatch.setattr(choices, "_MOST_GALLERY", 50)
    monkeypatch.setattr(choices, "_MOST_ASKED", 40)
    sampled = choose(LABEL, GENERIC, asked, generic_dim=D, seed=0)
    assert sampled.tried[0].instance_recall >= whole.tried[0].instance_recall - 0.15
    assert sampled.tried[0].instance_recall > 0.5


def test_fit_uses_the_choice_and_writes_it_down() -> None:
    rng = np.random.default_rng(1)
    codes = rng.integers(0, LABELS, 240)
    features = np.concatenate(
        [np.eye(LABELS)[codes] * 2 + rng.normal(0, 0.7, (240, 4)), rng.normal(0, 1, (240, 20))], 1
    ).astype(np.float32)
    categories = [f"label {code}" for code in codes]
    groups = list(range(240))
    views = features[200:] + rng.normal(0, 0.3, (40, 24)).astype(np.float32)
    aids = Aids(features[200:], categories[200:], None, views.astype(np.float32), np.arange(40))
    head = fit(features[:200], categories[:200], groups[:200], HeadConfig(dim=16), aids=aids)
    told = head.facts["choice"]
    assert [one["label_weight"] for one in told["tried"]] == list(GRID)
    assert head.blocks[0].weight == pytest.approx(told["label_weight"])
    fixed = fit(features[:200], categories[:200], groups[:200], HeadConfig(dim=16, label_weight=0.35), aids=aids)
    assert fixed.blocks[0].weight == pytest.approx(0.35)
    assert "choice" not in fixed.facts
    few = Aids(features[200:], categories[200:], None, views[:5].astype(np.float32), np.arange(5))
    assert "choice" not in fit(features[:200], categories[:200], groups[:200], HeadConfig(dim=16), aids=few).facts


def test_the_generic_part_sees_only_untuned_features() -> None:
    rng = np.random.default_rng(2)
    codes = rng.integers(0, LABELS, 200)
    features = rng.normal(0, 1, (200, 24)).astype(np.float32)
    features[:, 12:16] += np.eye(LABELS, dtype=np.float32)[codes] * 3
    categories = [f"label {code}" for code in codes]
    head = fit(features, categories, list(range(200)), HeadConfig(dim=14), aids=Aids(generic_dim=12))
    label_part, generic = head.blocks
    assert (generic.matrix[12:] == 0).all()
    assert (generic.matrix[:12] != 0).any()
    assert np.abs(label_part.matrix[12:16]).max() > 0.5  # the label part sees all of them
    changed = features.copy()
    changed[:, 12:] = rng.normal(0, 9, (200, 12))
    width = label_part.matrix.shape[1]
    np.testing.assert_allclose(head.apply(features)[:, width:], head.apply(changed)[:, width:], atol=1e-6)


def test_how_views_differ_is_what_the_generic_part_does_not_mind() -> None:
    """Without labels: one direction changes with the view and varies most; whitening takes its weight away."""
    rng = np.random.default_rng(3)
    features = rng.normal(0, 1, (200, 16)).astype(np.float32)
    features[:, 0] *= 6
    noise = np.zeros((200, 3, 16), np.float32)
    noise[:, :, 0] = rng.normal(0, 6, (200, 3))
    noise += rng.normal(0, 0.1, noise.shape)
    aids = Aids(train_views=features[:, None] + noise)
    config = HeadConfig(dim=8, wccn_shrinkage=0.05)
    seen, unseen = (fit(features, [None] * 200, list(range(200)), config, aids=one) for one in (aids, Aids()))
    assert (seen.kind, unseen.kind) == ("wccn", "pca")
    moved = features + noise[:, 0]

    def found(head: object) -> float:
        own, asked = head.apply(features), head.apply(moved)  # pyright: ignore
        return float(((asked @ own.T).argmax(axis=1) == np.arange(200)).mean())

    assert found(seen) > found(unseen) + 0.3


# The boost


def test_boost_recalls_are_those_of_plain_loops_and_nothing_is_lost() -> None:
    rng = np.random.default_rng(3)
    codes = rng.integers(0, 3, 150)
    features = np.concatenate([np.eye(3)[codes] * 1.5, rng.normal(0, 1, (150, 9))], 1).astype(np.float32)
    features += rng.normal(0, 0.5, features.shape).astype(np.float32)
    categories = [f"label {code}" for code in codes]
    head = fit(features[:100], categories[:100], list(range(100)), HeadConfig(dim=9, label_weight=0.1))
    views = features[100:] + rng.normal(0, 0.7, (50, 12)).astype(np.float32)
    all_codes = np.where(np.arange(150) < 20, -1, codes)  # some photos have no label: nothing agrees with them
    asked = Asked(features[:100], all_codes[:100], features[100:], codes[100:], views, features[100:], codes[100:])
    found = choose_boost(head, asked, seed=0)
    everything = head.apply(features)

    def score(vector: np.ndarray, likely: np.ndarray, n: int, weight: float) -> float:
        return float(vector @ everything[n]) + weight * (float(likely[codes[n]]) if all_codes[n] >= 0 else 0)

    for trade in found.tried:
        labels = instances = 0
        for vector, likely, code in zip(
            head.apply(features[100:]), head.classify(features[100:]), codes[100:], strict=True
        ):
            best = max(range(20, 100), key=lambda n: score(vector, likely, n, trade.weight))
            labels += codes[best] == code
        for place, (vector, likely) in enumerate(zip(head.apply(views), head.classify(views), strict=True)):
            scores = [score(vector, likely, n, trade.weight) for n in range(150)]
            instances += int(np.argmax(scores)) == 100 + place
        assert (trade.label_recall, trade.instance_recall) == pytest.approx((labels / 50, instances / 50), abs=0.021)
    chosen = next(one for one in found.tried if one.weight == found.weight)
    assert chosen.instance_recall >= found.tried[0].instance_recall
    allowed = [one for one in found.tried if one.instance_recall >= found.tried[0].instance_recall]
    assert chosen.label_recall == max(one.label_recall for one in allowed)
    assert chosen.label_recall > found.tried[0].label_recall  # here the boost gains
    assert len(allowed) < len(found.tried)  # and here it could have cost


def test_fit_writes_the_boost_down() -> None:
    asked = drawn(photos=80)
    names = [f"label {code}" for code in asked.gallery_codes]
    aids = Aids(asked.sources, [f"label {code}" for code in asked.codes], None, asked.views, np.arange(80))
    told = fit(asked.gallery, names, list(range(80)), HeadConfig(dim=10), aids=aids).facts["boost"]
    assert [one["weight"] for one in told["tried"]] == [0.0, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.5]
    assert told["weight"] in {one["weight"] for one in told["tried"]}
    alone = fit(asked.gallery, names, list(range(80)), HeadConfig(dim=10))
    assert "boost" not in alone.facts
