"""Evaluation: hand-worked protocols, the shuffled control, distortions within their bounds, and the ledger."""

import io
import json
import os
import shutil
import subprocess
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image as PillowImage

from lookalike import heads
from lookalike.artifacts import Artifact, Recipe, create, open_artifact, typed_command
from lookalike.collection import CollectionInfo, LocalCollection
from lookalike.embeddings import Embeddings
from lookalike.engine import SearchEngine
from lookalike.errors import ArtifactError, QueryError
from lookalike.evaluate import (
    Compared,
    EvaluateConfig,
    append_use,
    compare,
    compared_lines,
    evaluate,
    lines,
    read_told,
    read_uses,
    run,
)
from lookalike.evaluate.baselines import chance_figures
from lookalike.evaluate.classifying import classify
from lookalike.evaluate.distortions import MAX_SIDE_PX, Distortion, distort, draw
from lookalike.evaluate.ledger import code_commit, new_use
from lookalike.evaluate.levels import average_precisions, make_levels
from lookalike.evaluate.plan import Photo, make_plan
from lookalike.evaluate.scenes import draw_scene, stage_scene
from lookalike.labels import LabelSet
from lookalike.ranking import RankConfig
from lookalike.types import Entry, Image, Preprocess, Product, UInt8Array, unit_rows

CARD = Preprocess(16, (0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
CONFIG = EvaluateConfig()


@dataclass
class ColourEncoder:
    """The mean colours of a 4 x 4 grid and of the whole: enough to know a drawn photo again."""

    name: str = "colours"
    hash: str = "colours"
    dim: int = 51
    generic_dim: int = 51
    card: Preprocess = CARD
    precision: str = "fp32"

    def encode(self, images: UInt8Array) -> np.ndarray:
        grid = images.reshape(len(images), 4, 4, 4, 4, 3).mean(axis=(2, 4)) / 255
        return np.concatenate([grid.reshape(len(images), 48), grid.mean(axis=(1, 2)) * 8], axis=1).astype(np.float32)


@dataclass
class FixedEncoder(ColourEncoder):
    """Four numbers a photo, whatever the photo."""

    dim: int = 4
    generic_dim: int = 4

    def encode(self, images: UInt8Array) -> np.ndarray:
        return np.tile(np.eye(1, 4, dtype=np.float32), (len(images), 1))


def entry(
    image_id: str, vector: list[float], split: str, category: str | None, group: int | None, sha256: str = ""
) -> Entry:
    image = Image(
        image_id, f"product of {image_id}", f"{image_id}.png", 8, 8, sha256=sha256, split=split, group_id=group
    )
    return Entry(Product(image.product_id, category=category), image, unit_rows([vector])[0])


def hand_engine(entries: list[Entry], photos: Path | None = None, ignored: tuple[str, ...] = ("Skip",)) -> SearchEngine:
    """Over vectors of four numbers, given by hand; a head that changes nothing and learned nothing."""
    head = heads.Head("none", 4, (), LabelSet((), "auto", frozenset(ignored)))
    collection = LocalCollection.in_memory(CollectionInfo(4, "colours", "head"))
    collection.put(entries)
    return SearchEngine(FixedEncoder(), head, collection, photos=photos)


HAND = [
    entry("a1", [1, 0, 0, 0], "train", "A / x", 1),
    entry("a2", [0.8, 0.6, 0, 0], "train", "A / y", 2),
    entry("b1", [0, 1, 0, 0], "train", "B", 3),
    entry("skip", [0.96, 0.28, 0, 0], "train", "Skip", 4),  # nearest to qa, but ignored
    entry("leak", [0.95, 0.29, 0, 0], "train", "A", 11),  # the group of qa
    entry("copy", [0.75, 0.66, 0, 0], "train", "B", 6, sha256="same"),  # the bytes of qb
    entry("unknown", [0.94, 0.3, 0, 0], "train", None, 7),
    entry("validation", [0.95, 0.3, 0, 0], "validation", "A", 8),
    entry("qa", [0.95, 0.3, 0, 0], "test", "A", 11),
    entry("qb", [0.75, 0.66, 0, 0], "test", "B", 12, sha256="same"),
    entry("qc", [0, 0, 1, 0], "test", "C", 13),
    entry("qskip", [0, 0, 1, 0], "test", "Skip", 14),
    entry("qnone", [0, 0, 1, 0], "test", None, 15),
]


def test_label_protocol_by_hand() -> None:
    """qa finds a1, its own kind; qb finds a2, another; qc has no answer.

    qa's gallery is a1, a2, b1, copy: 2 answers of 4; qb's is a1, a2, b1, leak: 1 of 4.
    """
    found = evaluate(hand_engine(HAND), config=CONFIG)
    figures = found.figures["lookalike"]
    recall, precision = figures["label recall@1"], figures["label precision@10"]
    assert (recall.value, recall.queries, recall.left_out) == (0.5, 2, 1)
    assert precision.value == pytest.approx((2 / 4 + 1 / 4) / 2)
    assert figures["label recall@10"].value == 1
    assert figures["label mAP@R"].value == 0.5  # a1 and a2 for qa, R = 2; a2 for qb, R = 1
    rows = {row["image_id"]: row for row in found.rows if row["variant"] == "lookalike" and row["protocol"] == "label"}
    assert rows["qa"]["hits"] == ["a1", "a2", "copy", "b1"]
    assert rows["qb"]["hits"] == ["a2", "leak", "a1", "b1"]
    assert (rows["qb"]["first_answer_rank"], rows["qb"]["answers"], rows["qb"]["gallery"]) == (4, 1, 4)
    assert found.counts["label queries"] == 3
    assert found.counts["label gallery"] == 5
    assert found.left_out["label queries"] == {"ignored label": 1, "no label": 1, "not sampled": 0}
    assert found.left_out["label gallery"] == {"no label or an ignored one": 2}
    assert found.labels == ("A", "B", "C", "Skip")
    assert found.about["labels_from"] == "parent categories"


def test_a_listing_is_found_by_its_other_photos_as_the_fold_has_it() -> None:
    """q1 asks (1, 0): of its own product q2 scores .8 and q3 0; r1 of another product scores .7.

    The best photo is the own one's: found first. The mean, .4, is below .7: found second.
    """
    vectors = {"q1": [1, 0, 0, 0], "q2": [0.8, 0.6, 0, 0], "q3": [0, 0, 1, 0], "r1": [0.7, 0, 0, np.sqrt(1 - 0.49)]}
    entries = [
        Entry(
            Product(name[0], category="A"),
            Image(name, name[0], f"{name}.png", 8, 8, split="test" if name == "q1" else "train", group_id=number),
            unit_rows([vector])[0],
        )
        for number, (name, vector) in enumerate(vectors.items())
    ]
    plain = hand_engine(entries)
    mean = SearchEngine(plain.encoder, plain.head, plain.collection, rank=RankConfig(fold="mean"))
    for engine, first, second in ((plain, 1, 1), (mean, 0, 1)):
        figures = evaluate(engine, config=CONFIG).figures["lookalike"]
        assert (figures["own product recall@1"].value, figures["own product recall@2"].value) == (first, second)
        assert figures["photos recall@1"].value == 1  # photos are not folded


def test_chance_by_hand() -> None:
    chance = evaluate(hand_engine(HAND), config=CONFIG).figures["chance"]
    assert chance["label recall@1"].value == pytest.approx((2 / 4 + 1 / 4) / 2)
    assert chance["label precision@10"].value == pytest.approx((2 / 4 + 1 / 4) / 2)
    assert chance["label recall@10"].value == 1
    assert chance["accuracy"].value == pytest.approx(1 / 3)  # always "A", of three labelled queries


@given(st.integers(1, 8), st.integers(1, 30), st.integers(1, 12))
@settings(max_examples=30, deadline=None)
def test_chance_is_what_random_hits_score(answers: int, others: int, k: int) -> None:
    entries = [entry(f"a{n}", [1, 0, 0, 0], "train", "A", n) for n in range(answers)]
    entries += [entry(f"b{n}", [1, 0, 0, 0], "train", "B", 100 + n) for n in range(others)]
    engine = hand_engine([*entries, entry("q", [1, 0, 0, 0], "test", "A", 999)])
    value = chance_figures(make_plan(engine, CONFIG), EvaluateConfig(k=(k,)))[f"label recall@{k}"].value
    rng = np.random.default_rng(0)
    drawn = rng.random((20_000, answers + others)).argsort(axis=1)[:, :k]
    assert value == pytest.approx((drawn < answers).any(axis=1).mean(), abs=0.02)


def photo(rng: np.random.Generator, hue: int) -> PillowImage.Image:
    """A drawn photo: one strong colour channel per label, and blotches that are its own."""
    pixels = rng.integers(20, 120, (6, 6, 3))
    pixels[:, :, hue] += 110
    return PillowImage.fromarray(pixels.astype(np.uint8)).resize((120, 96), PillowImage.Resampling.BICUBIC)


@dataclass
class Shop:
    engine: SearchEngine
    raw: Embeddings
    folder: Path


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """240 drawn photos of three labels, two to a group, a fifth of the groups test; through the whole engine."""
    folder = tmp_path_factory.mktemp("shop")
    rng, encoder = np.random.default_rng(0), ColourEncoder()
    ids, features, facts = [], [], []
    for number in range(240):
        hue, group = number // 2 % 3, number // 2
        name = f"photo {number:03d}"
        photo(rng, hue).save(folder / f"{name}.png")
        data = (folder / f"{name}.png").read_bytes()
        split = ("train", "train", "train", "validation", "test")[group // 3 % 5]
        with PillowImage.open(io.BytesIO(data)) as opened:
            square = np.asarray(opened.crop((12, 0, 108, 96)).resize((16, 16), PillowImage.Resampling.BICUBIC))
        ids.append(name)
        features.append(encoder.encode(square[None])[0])
        facts.append((["red", "green", "blue"][hue], group, split))
    raw = Embeddings(tuple(ids), len(features[0]), (np.array(features, np.float16),))
    train = [row for row, fact in enumerate(facts) if fact[2] == "train"]
    head = heads.fit(
        raw.features[train], [facts[row][0] for row in train], [facts[row][1] for row in train], heads.HeadConfig()
    )
    collection = LocalCollection.in_memory(CollectionInfo(head.dim, encoder.hash, "head"))
    vectors = head.apply(raw.features)
    collection.put(
        [
            Entry(
                Product(f"p{name}", category=label),
                Image(name, f"p{name}", f"{name}.png", 120, 96, split=split, group_id=group),
                vector,
            )
            for name, (label, group, split), vector in zip(ids, facts, vectors, strict=True)
        ]
    )
    return Shop(SearchEngine(encoder, head, collection, photos=folder), raw, folder)


def test_the_engine_beats_chance_and_the_shuffled_control_falls_to_it(shop: Shop) -> None:
    figures = evaluate(shop.engine, config=CONFIG, raw=shop.raw).figures
    names = ("accuracy", "label recall@1", "label precision@10", "instance recall@1")
    engine, shuffled, chance = (
        {name: figures[variant][name].value for name in names} for variant in ("lookalike", "shuffled", "chance")
    )
    assert min(engine["accuracy"], engine["label recall@1"], engine["label precision@10"]) > 0.9
    assert engine["instance recall@1"] > 0.2
    for name in ("accuracy", "label recall@1", "label precision@10"):
        assert shuffled[name] == pytest.approx(chance[name], abs=0.2), name
    assert shuffled["instance recall@1"] < 0.05
    assert chance["label recall@1"] == pytest.approx(1 / 3)
    assert chance["instance recall@1"] == pytest.approx(1 / 240)


def test_every_variant_is_asked_the_same_queries(shop: Shop) -> None:
    found = evaluate(shop.engine, config=CONFIG, raw=shop.raw)
    frame = found.per_query()
    assert sorted(found.figures) == ["chance", "lookalike", "raw features", "shuffled"]
    asked = {
        variant: rows.select("protocol", "image_id").rows()
        for (variant,), rows in frame.partition_by("variant", as_dict=True).items()
    }
    assert asked["lookalike"] == asked["raw features"] == asked["shuffled"]
    assert len(asked["lookalike"]) == 4 * 48  # 48 test photos: label, product, instance, scene
    ours = frame.filter(pl.col("variant") == "lookalike").partition_by("protocol", as_dict=True)
    assert ours["instance",]["scores"].to_list() != ours["scene",]["scores"].to_list()
    train = set(shop.engine.collection.image_ids()[:1])
    assert train.isdisjoint(image_id for _, image_id in asked["lookalike"])


def test_the_figures_do_not_depend_on_the_order_of_the_collection(shop: Shop) -> None:
    """Identity is by id: raw features in another order give the same figures."""
    turned = Embeddings(shop.raw.image_ids[::-1], shop.raw.dim, (shop.raw.features[::-1],))
    one, other = (evaluate(shop.engine, config=CONFIG, raw=raw).figures for raw in (shop.raw, turned))
    assert one == other


def test_a_smaller_sample_is_part_of_the_larger_and_is_counted(shop: Shop) -> None:
    plans = [make_plan(shop.engine, EvaluateConfig(label_queries=n, instance_queries=n)) for n in (10, 20)]
    small, large = ({query.photo.image.image_id for query in plan.instance_queries} for plan in plans)
    other = make_plan(shop.engine, EvaluateConfig(instance_queries=10, seed=1)).instance_queries
    assert small < large
    assert len(small) == 10
    assert small != {query.photo.image.image_id for query in other}
    assert plans[0].left_out["instance queries"]["not sampled"] == 38
    assert plans[0].left_out["label queries"]["not sampled"] == 38


def test_an_exact_copy_counts_as_found(tmp_path: Path) -> None:
    """Every photo embeds alike, so the first one put is the first one found: another photo, then an exact copy."""
    for name in ("copy", "q"):
        PillowImage.new("RGB", (40, 40), "red").save(tmp_path / f"{name}.png")
    other = entry("other", [1, 0, 0, 0], "train", "A", 1, sha256="other")
    copy = entry("copy", [1, 0, 0, 0], "train", "A", 2, sha256="same")
    query = entry("q", [1, 0, 0, 0], "test", "A", 3, sha256="same")

    def recall_at_1(entries: list[Entry]) -> float | None:
        figures = evaluate(hand_engine(entries, tmp_path), config=CONFIG).figures
        return figures["lookalike"]["instance recall@1"].value

    assert recall_at_1([copy, other, query]) == 1
    assert recall_at_1([other, copy, query]) == 0


def test_distortion_and_scene_are_those_of_the_seed_by_hand(tmp_path: Path) -> None:
    photo(np.random.default_rng(0), 1).save(tmp_path / "qa.png")
    (asked,) = make_plan(hand_engine(HAND, tmp_path), EvaluateConfig(seed=3)).instance_queries
    with PillowImage.open(tmp_path / "qa.png") as original:
        upright = original.convert("RGB")
    assert asked.jpeg == distort(upright, draw("qa", seed=3))
    assert asked.scene == stage_scene(upright, draw_scene("qa", seed=3))


def test_photos_that_cannot_be_read_are_counted(tmp_path: Path) -> None:
    PillowImage.new("RGB", (40, 40), "red").save(tmp_path / "qa.png")
    (tmp_path / "qb.png").write_bytes(b"no photo")
    found = evaluate(hand_engine(HAND, tmp_path), config=CONFIG)
    assert found.counts["instance queries"] == 1
    assert found.left_out["instance queries"] == {"ignored label": 1, "not sampled": 0, "photo not readable": 3}


def test_nothing_to_ask_gives_no_figures_and_no_error(tmp_path: Path) -> None:
    for entries in (HAND[:1], [entry("q", [1, 0, 0, 0], "test", None, 1)], []):
        found = evaluate(hand_engine(entries), config=CONFIG)
        assert {figure.value for named in found.figures.values() for figure in named.values()} <= {None}
        assert "NaN" not in json.dumps(found.to_json())
        assert found.per_query().height == 0


def test_without_features_there_is_no_accuracy_and_no_raw_row(shop: Shop) -> None:
    partial = Embeddings(shop.raw.image_ids[1:], shop.raw.dim, (shop.raw.features[1:],))
    for raw, missing in ((None, 240), (partial, 1)):
        found = evaluate(shop.engine, config=EvaluateConfig(instance_queries=2), raw=raw)
        assert "raw features" not in found.figures
        assert "accuracy" not in found.figures["lookalike"]
        assert found.about["photos_without_features"] == missing


@pytest.mark.parametrize("k", [(), (0,), (1, -1)])
def test_a_k_that_makes_no_sense_is_refused(k: tuple[int, ...]) -> None:
    with pytest.raises(QueryError, match="each 1 or more"):
        evaluate(hand_engine(HAND), config=EvaluateConfig(k=k))


# Distortions


@given(st.text(max_size=20), st.integers(0, 2**31))
@settings(deadline=None)
def test_distortions_stay_within_their_bounds(image_id: str, seed: int) -> None:
    how = draw(image_id, seed=seed)
    assert abs(how.turn_deg) <= 20
    assert 0.60 <= how.crop_side <= 0.85
    assert 0 <= how.crop_x <= 1
    assert 0 <= how.crop_y <= 1
    assert 0.7 <= min(how.brightness, how.contrast, how.colour) <= max(how.brightness, how.contrast, how.colour) <= 1.3
    assert 0 <= how.blur_px <= 2
    assert 30 <= how.jpeg_quality <= 60
    assert how == draw(image_id, seed=seed)


def test_distortions_differ_between_photos_and_seeds_and_use_their_whole_range() -> None:
    drawn = [draw(f"photo {number}", seed=0) for number in range(400)]
    for field in fields(Distortion):
        values = np.array([getattr(how, field.name) for how in drawn], float)
        assert len(set(values.tolist())) > (1 if field.name == "mirror" else 25), field.name
    assert {how.mirror for how in drawn} == {True, False}
    for name, (low, high) in {
        "turn_deg": (-19, 19),
        "crop_side": (0.61, 0.84),
        "crop_x": (0.05, 0.95),
        "brightness": (0.71, 1.29),
        "contrast": (0.71, 1.29),
        "colour": (0.71, 1.29),
        "blur_px": (0.05, 1.95),
        "jpeg_quality": (31, 59),
    }.items():
        values = [getattr(how, name) for how in drawn]
        assert min(values) < low, name
        assert max(values) > high, name
    assert draw("photo 0", seed=1) != drawn[0]


GENTLE = Distortion(0.0, 1.0, 0.0, 0.0, False, 1.0, 1.0, 1.0, 0.0, 95)


def opened(data: bytes) -> np.ndarray:
    with PillowImage.open(io.BytesIO(data)) as image:
        assert image.format == "JPEG"
        return np.asarray(image.convert("RGB"), float)


def quarters() -> PillowImage.Image:
    pixels = np.zeros((80, 120, 3), np.uint8)
    pixels[:40, :60], pixels[:40, 60:], pixels[40:, :60] = (200, 0, 0), (0, 200, 0), (0, 0, 200)
    return PillowImage.fromarray(pixels)


@pytest.mark.parametrize(
    ("change", "corner"),
    [
        ({}, (200, 0, 0)),
        ({"mirror": True}, (0, 200, 0)),
        ({"turn_deg": 180.0}, (0, 0, 0)),
        ({"crop_side": 0.5, "crop_x": 1.0, "crop_y": 0.0}, (0, 200, 0)),
        ({"crop_side": 0.5, "crop_x": 0.0, "crop_y": 1.0}, (0, 0, 200)),
        ({"brightness": 0.5}, (100, 0, 0)),
        ({"colour": 0.0}, (60, 60, 60)),
    ],
)
def test_each_distortion_does_what_it_says(change: dict[str, object], corner: tuple[int, int, int]) -> None:
    how = Distortion(
        **{field.name: change.get(field.name, getattr(GENTLE, field.name)) for field in fields(Distortion)}
    )
    photo = quarters()
    pixels = opened(distort(photo, how))
    assert pixels.shape[:2] == ((40, 60) if "crop_side" in change else (80, 120))
    np.testing.assert_allclose(pixels[4, 4], corner, atol=12)
    assert photo.tobytes() == quarters().tobytes()


def test_blur_and_poor_jpeg_lose_detail() -> None:
    rng = np.random.default_rng(0)
    noisy = PillowImage.fromarray(rng.integers(0, 255, (80, 120, 3)).astype(np.uint8))
    blurred = Distortion(0.0, 1.0, 0.0, 0.0, False, 1.0, 1.0, 1.0, 2.0, 95)
    poor = Distortion(0.0, 1.0, 0.0, 0.0, False, 1.0, 1.0, 1.0, 0.0, 30)
    assert opened(distort(noisy, blurred)).std() < 0.4 * opened(distort(noisy, GENTLE)).std()
    assert len(distort(noisy, poor)) < 0.5 * len(distort(noisy, GENTLE))


def test_large_photos_are_reduced_and_tiny_ones_survive() -> None:
    large = PillowImage.new("RGB", (3000, 1500), "white")
    assert opened(distort(large, GENTLE)).shape[:2] == (MAX_SIDE_PX // 2, MAX_SIDE_PX)
    assert large.size == (3000, 1500)
    assert opened(distort(PillowImage.new("RGB", (1, 1), "white"), draw("tiny", seed=0))).shape == (1, 1, 3)


# The ledger


def test_uses_are_read_back_in_order_and_by_split(tmp_path: Path) -> None:
    ledger = tmp_path / "uses.jsonl"
    assert read_uses(ledger) == []
    for number, split in enumerate(("s1", "s2", "s1")):
        append_use(ledger, {"split": split, "number": number})
    assert [use["number"] for use in read_uses(ledger)] == [0, 1, 2]
    assert [use["number"] for use in read_uses(ledger, split="s1")] == [0, 2]
    assert len(ledger.read_text().splitlines()) == 3


def test_a_torn_line_spoils_only_itself_and_still_counts(tmp_path: Path) -> None:
    ledger = tmp_path / "uses.jsonl"
    append_use(ledger, {"split": "s", "number": 0})
    with ledger.open("a") as file:
        file.write('{"split": "s", "num')
    append_use(ledger, {"split": "s", "number": 2})
    first, torn, last = read_uses(ledger, split="s")
    assert (first["number"], last["number"]) == (0, 2)
    assert torn == {"unreadable": '{"split": "s", "num'}


def test_a_use_says_when_by_what_and_how_it_went() -> None:
    use = new_use("abc", "split hash", {"accuracy": 0.5})
    assert sorted(use) == ["command", "commit", "date", "evaluation", "figures", "split", "version"]
    assert use["date"].endswith("+00:00")
    assert use["figures"] == {"accuracy": 0.5}
    assert typed_command(["/somewhere/bin/lookalike", "evaluate", "my site"]) == "lookalike evaluate 'my site'"


def test_the_commit_is_that_of_the_code_and_not_of_a_repository_around_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "ledger.py").write_text("x = 1\n")
    assert code_commit(tmp_path) == "unknown"
    if shutil.which("git"):
        who = dict.fromkeys(("GIT_AUTHOR_NAME", "GIT_COMMITTER_NAME"), "Test")
        mail = dict.fromkeys(("GIT_AUTHOR_EMAIL", "GIT_COMMITTER_EMAIL"), "test@example.org")

        def git(*arguments: str) -> None:
            subprocess.run(
                ["git", "-C", str(tmp_path), *arguments],
                check=True,
                capture_output=True,
                env={**os.environ, **who, **mail, "GIT_CONFIG_GLOBAL": os.devnull},
            )

        (tmp_path / "shop.toml").write_text("")
        git("init", "-q")
        git("add", "shop.toml")
        git("commit", "-q", "-m", "somebody's own repository")
        assert code_commit(tmp_path) == "unknown"  # a repository is here, but the code is not part of it
        git("add", "ledger.py")
        git("commit", "-q", "-m", "first")
        assert len(code_commit(tmp_path)) == 40
        (tmp_path / "ledger.py").write_text("x = 2\n")
        assert code_commit(tmp_path).endswith("-dirty")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert code_commit(tmp_path) == "unknown"


# The stage


def artifacts_of(shop: Shop, folder: Path) -> dict[str, Path]:
    """Artefacts that are what the evaluation asks of them: a kind, a hash, and shards of features."""
    places = {kind: folder / kind for kind in ("catalogue", "split", "embeddings")}
    for kind, place in places.items():
        with create(place, Recipe(kind, 1, {})) as draft:
            if kind == "embeddings":
                np.save(draft.path / "shard-00000.npy", shop.raw.features)
                pl.DataFrame({"image_id": shop.raw.image_ids}).write_parquet(draft.path / "shard-00000.parquet")
                draft.about = {"dim": 51}
    return places


def run_here(shop: Shop, folder: Path, config: EvaluateConfig = CONFIG) -> Artifact:
    return run(
        shop.engine,
        **{kind: folder / kind for kind in ("catalogue", "split", "embeddings")},
        out=folder / "evaluation",
        ledger=folder / "uses.jsonl",
        config=config,
    )


def test_the_stage_writes_its_figures_and_one_line_in_the_ledger(shop: Shop, tmp_path: Path) -> None:
    artifacts_of(shop, tmp_path)
    made = run_here(shop, tmp_path)
    told = json.loads((made.path / "evaluation.json").read_text())
    (use,) = read_uses(tmp_path / "uses.jsonl")
    assert use["evaluation"] == made.hash
    assert use["figures"]["label recall@1"] == told["figures"]["lookalike"]["label recall@1"]["value"]
    assert told["ledger"]["uses_of_this_test_part"] == 1
    assert told["ledger"]["last"] == [use]
    assert pl.read_parquet(made.path / "per_query.parquet")["variant"].n_unique() == 3
    assert made.counts["label queries"] == 48
    assert open_artifact(tmp_path / "evaluation", "evaluation").hash == made.hash


def test_what_was_evaluated_already_is_found_and_no_new_use(shop: Shop, tmp_path: Path) -> None:
    artifacts_of(shop, tmp_path)
    first = run_here(shop, tmp_path)
    assert run_here(shop, tmp_path).path == first.path
    assert len(read_uses(tmp_path / "uses.jsonl")) == 1
    another = run_here(shop, tmp_path, EvaluateConfig(seed=1))
    assert another.hash != first.hash
    assert "The test part has now been used 2 times" in "\n".join(lines(another))


def test_an_evaluation_that_is_found_again_tells_the_uses_up_to_now(shop: Shop, tmp_path: Path) -> None:
    artifacts_of(shop, tmp_path)
    run_here(shop, tmp_path)
    for seed in (1, 2):
        run_here(shop, tmp_path, EvaluateConfig(seed=seed))
    again, ledger = run_here(shop, tmp_path), tmp_path / "uses.jsonl"
    assert "has now been used 3 times" in lines(again, ledger=ledger)[-1]
    told = read_told(again, ledger)["ledger"]
    assert (told["uses_of_this_test_part"], told["last"]) == (3, read_uses(ledger))
    assert read_told(again, tmp_path / "lost.jsonl")["ledger"]["uses_of_this_test_part"] == 1


def test_asking_validation_is_no_use_of_test(shop: Shop, tmp_path: Path) -> None:
    artifacts_of(shop, tmp_path)
    made = run_here(shop, tmp_path, EvaluateConfig(queries="validation"))
    assert read_uses(tmp_path / "uses.jsonl") == []
    assert "was not used" in lines(made)[-1]


def test_the_lines_show_every_figure_and_every_count(shop: Shop, tmp_path: Path) -> None:
    artifacts_of(shop, tmp_path)
    text = lines(run_here(shop, tmp_path))
    assert text[0].split("  ")[-1].strip() == "scene recall@1"
    assert [line.split("  ")[0].strip() for line in text[1:5]] == ["lookalike", "raw features", "shuffled", "chance"]
    assert all(line.count("(") == 5 for line in text[1:4])
    assert "Label protocol: 48 test photos against 144 train photos, 3 labels." in text
    assert "Instance protocol: 48 distorted test photos against all 240; the same in a scene." in text


def test_all_lines_show_every_figure(shop: Shop, tmp_path: Path) -> None:
    artifacts_of(shop, tmp_path)
    made = run_here(shop, tmp_path)
    names = {line.split("  ")[0] for line in lines(made, everything=True)}
    assert set(json.loads((made.path / "evaluation.json").read_text())["figures"]["lookalike"]) <= names


def test_the_classifier_is_told_in_full(shop: Shop, tmp_path: Path) -> None:
    """The stored matrix, table and bins against counts over the stored queries."""
    artifacts_of(shop, tmp_path)
    made = run_here(shop, tmp_path)
    told = json.loads((made.path / "evaluation.json").read_text())
    rows = pl.read_parquet(made.path / "per_query.parquet").filter(
        (pl.col("variant") == "lookalike") & (pl.col("protocol") == "label")
    )
    labels, counts = told["confusion"]["labels"], told["confusion"]["counts"]
    for true, row in zip(labels, counts, strict=True):
        for predicted, count in zip(labels, row, strict=True):
            assert rows.filter((pl.col("label") == true) & (pl.col("predicted") == predicted)).height == count
    assert sum(one["count"] for one in told["calibration"]) == rows.height == 48
    figures = told["figures"]["lookalike"]
    assert figures["accuracy"]["value"] == pytest.approx((rows["label"] == rows["predicted"]).mean())
    assert [one["label"] for one in told["per_label"]] == labels
    for one in told["per_label"]:
        mine = rows.filter(pl.col("label") == one["label"])
        assert one["support"] == mine.height
        assert one["label recall@1"]["value"] == pytest.approx((mine["first_answer_rank"] == 1).mean())
        recall = one["recall"]
        assert recall["value"] == pytest.approx((mine["predicted"] == one["label"]).mean())
        assert recall["low"] <= recall["value"] <= recall["high"]
        called = rows.filter(pl.col("predicted") == one["label"])
        assert one["precision"]["value"] == pytest.approx((called["label"] == one["label"]).mean())
    assert figures["no-match AUROC"]["queries"] == 48
    assert 0 <= figures["calibration error"]["value"] <= 1
    assert told["figures"]["shuffled"]["macro F1"]["value"] < figures["macro F1"]["value"]


def test_products_levels_and_other_photos_by_hand() -> None:
    """qa's nearest photos are a1 and a2 of one product, then b; its other photo qa2 is found behind a1 and a2.

    By product: [pa, pb], so 1 answer of 2. Levels: A / x is found at depth 1 and, since a1 is A / x, at depth 2; qb's
    nearest is a2: wrong at depth 1, and its own path has no depth 2.
    """

    def of(image_id: str, product: str, vector: list[float], split: str, category: str, group: int) -> Entry:
        image = Image(image_id, product, f"{image_id}.png", 8, 8, split=split, group_id=group)
        return Entry(Product(product, category=category), image, unit_rows([vector])[0])

    engine = hand_engine(
        [
            of("a1", "pa", [1, 0, 0, 0], "train", "A / x", 1),
            of("a2", "pa", [0.9, 0.43, 0, 0], "train", "A / x", 1),
            of("b1", "pb", [0, 1, 0, 0], "train", "B", 2),
            of("qa", "pq", [0.99, 0.1, 0, 0], "test", "A / x", 3),
            of("qa2", "pq", [0.8, 0, 0.6, 0], "test", "A / x", 3),
            of("qb", "pr", [0.8, 0.6, 0, 0], "test", "B", 4),
        ]
    )
    figures = evaluate(engine, config=CONFIG).figures["lookalike"]
    assert figures["product recall@1"].value == pytest.approx(2 / 3)
    assert figures["product precision@2"].value == pytest.approx(1 / 2)
    assert (figures["level 1 recall@1"].value, figures["level 1 recall@1"].queries) == (pytest.approx(2 / 3), 3)
    assert (figures["level 2 recall@1"].value, figures["level 2 recall@1"].left_out) == (1, 1)
    # qa: a1 .995, a2 .93, qb .85, qa2 .79; qa2: a1 .8, qa .79
    assert figures["photos recall@1"].value == 0
    assert figures["photos recall@2"].value == 0.5
    assert figures["photos MRR@50"].value == pytest.approx((1 / 4 + 1 / 2) / 2)
    # qa's hits x x o, R = 2: 1; qa2's a1 a2 b1: 1; qb's a2 a1 b1, R = 1: 0
    assert figures["label mAP@R"].value == pytest.approx(2 / 3)
    # products: pa pb for both of A, R = 1: 1; pa pb for qb, R = 1: 0
    assert figures["product mAP@R"].value == pytest.approx(2 / 3)
    assert figures["level 1 mAP@R"].value == pytest.approx(2 / 3)
    assert (figures["level 2 mAP@R"].value, figures["level 2 mAP@R"].queries) == (1, 2)
    assert figures["level 1 precision@2"].value == pytest.approx((1 + 1 + 0) / 3)
    assert figures["level 1 MRR@50"].value == pytest.approx((1 + 1 + 1 / 3) / 3)
    # other photos: R = 1 and rank 4, rank 2
    assert figures["photos mAP@R"].value == 0
    assert figures["photos precision@2"].value == pytest.approx((0 + 1 / 2) / 2)
    assert figures["photos nDCG@10"].value == pytest.approx((1 / np.log2(5) + 1 / np.log2(3)) / 2)


def test_a_product_is_left_out_only_with_its_last_photo_by_hand() -> None:
    """q's copy is left out, but not the product it is of, which has another photo; the product of q's group is gone."""

    def of(image_id: str, product: str, category: str, group: int, sha256: str, split: str = "train") -> Entry:
        image = Image(image_id, product, f"{image_id}.png", 8, 8, sha256=sha256, split=split, group_id=group)
        return Entry(Product(product, category=category), image, unit_rows([[1, group / 10, 0, 0]])[0])

    engine = hand_engine(
        [
            of("other photo", "copied", "A", 1, "other"),
            of("copy", "copied", "A", 1, "same"),
            of("neighbour", "grouped", "A", 9, "more"),
            of("b", "b", "B", 2, "b"),
            of("q", "asked", "A", 9, "same", "test"),
        ]
    )
    found = evaluate(engine, config=CONFIG)
    (row,) = (one for one in found.rows if one["variant"] == "lookalike" and one["protocol"] == "product")
    assert (row["answers"], row["gallery"]) == (1, 2)
    assert sorted(row["hits"]) == ["b", "other photo"]
    assert found.figures["lookalike"]["product precision@2"].value == 1 / 2
    assert found.figures["lookalike"]["product mAP@R"].value == float(row["hits"][0] == "other photo")


@pytest.mark.parametrize(
    ("rank", "told"),
    [
        (RankConfig(), {"label", "product"}),
        (RankConfig(fold="mean"), {"label"}),
        (RankConfig(prototypes=True), {"label"}),
        (RankConfig(boost=0.2), set()),
    ],
)
def test_map_at_r_is_not_told_of_an_order_that_its_scan_does_not_know(
    rank: RankConfig, told: set[str], shop: Shop
) -> None:
    engine = SearchEngine(shop.engine.encoder, shop.engine.head, shop.engine.collection, photos=shop.folder, rank=rank)
    few = EvaluateConfig(label_queries=10, instance_queries=2)
    figures = evaluate(engine, config=few, raw=shop.raw).figures["lookalike"]
    assert {name.removesuffix(" mAP@R") for name in figures if name.endswith(" mAP@R")} == told


def test_a_level_whose_only_answers_were_left_out_has_none_by_hand() -> None:
    """q's one kin at depth 2 is its copy: no answer there, so q is left out and not wrong; at depth 1 it has one.

    Another parent's x is another category.
    """

    def of(image_id: str, category: str, group: int, sha256: str, split: str = "train") -> Entry:
        image = Image(image_id, image_id, f"{image_id}.png", 8, 8, sha256=sha256, split=split, group_id=group)
        return Entry(Product(image_id, category=category), image, unit_rows([[1, group / 10, 0, 0]])[0])

    engine = hand_engine(
        [
            of("copy", "A / x", 1, "same"),
            of("kin", "A / y", 2, "kin"),
            of("namesake", "B / x", 3, "b"),
            of("q", "A / x", 4, "same", "test"),
        ]
    )
    figures = evaluate(engine, config=CONFIG).figures["lookalike"]
    for name in ("recall@1", "mAP@R", "nDCG@10"):
        assert (figures[f"level 2 {name}"].queries, figures[f"level 2 {name}"].left_out) == (0, 1), name
    assert figures["level 1 recall@2"].value == 1


def test_a_copy_is_no_other_photo_of_its_product_by_hand() -> None:
    """q is asked for `other`; its copy, nearest, is neither answer nor gallery. p has a copy only: not asked."""

    def of(image_id: str, product: str, vector: list[float], sha256: str, split: str, group: int) -> Entry:
        image = Image(image_id, product, f"{image_id}.png", 8, 8, sha256=sha256, split=split, group_id=group)
        return Entry(Product(product, category="A"), image, unit_rows([vector])[0])

    engine = hand_engine(
        [
            of("copy", "asked", [1, 0, 0, 0], "same", "test", 1),
            of("other", "asked", [0.8, 0.6, 0, 0], "other", "train", 1),
            of("far", "far", [0.9, 0.44, 0, 0], "far", "train", 2),
            of("q", "asked", [1, 0, 0, 0], "same", "test", 1),
            of("p", "pair", [0, 0, 1, 0], "pair", "test", 3),
            of("p copy", "pair", [0, 0, 1, 0], "pair", "train", 3),
        ]
    )
    found = evaluate(engine, config=CONFIG)
    rows = {row["image_id"]: row for row in found.rows if (row["variant"], row["protocol"]) == ("lookalike", "photos")}
    assert set(rows) == {"q", "copy"}
    assert (rows["q"]["answers"], rows["q"]["gallery"], rows["q"]["hits"][:2]) == (1, 4, ["far", "other"])
    assert found.left_out["photos queries"] == {"ignored label": 0, "no other photo of its product": 1}


def test_as_many_hits_are_fetched_as_there_are_other_photos_by_hand() -> None:
    """q's three other photos are its three nearest; k alone would fetch one of them."""
    names = ("q", "a", "b", "c")
    entries = [
        Entry(
            Product("asked", category="A"),
            Image(
                name, "asked", f"{name}.png", 8, 8, sha256=name, split="test" if name == "q" else "train", group_id=1
            ),
            unit_rows([[1, n / 10, 0, 0]])[0],
        )
        for n, name in enumerate(names)
    ]
    engine = hand_engine([*entries, entry("far", [0, 1, 0, 0], "train", "A", 2)])
    figures = evaluate(engine, config=EvaluateConfig(k=(1,))).figures["lookalike"]
    assert (figures["photos mAP@R"].value, figures["photos mAP@R"].queries) == (1, 1)


def test_no_match_leaves_out_the_whole_product_and_all_copies_by_hand(tmp_path: Path) -> None:
    """Every query embeds as [1, 0, 0, 0]: its best score is 1, and .5 only without its product and its copies."""
    PillowImage.new("RGB", (40, 40), "red").save(tmp_path / "q.png")

    def of(image_id: str, product: str, vector: list[float], sha256: str, split: str = "train") -> Entry:
        image = Image(image_id, product, f"{image_id}.png", 8, 8, sha256=sha256, split=split, group_id=1)
        return Entry(Product(product, category="A"), image, unit_rows([vector])[0])

    q = of("q", "asked", [1, 0, 0, 0], "same", "test")
    copy, other = of("copy", "copied", [1, 0, 0, 0], "same"), of("other", "asked", [1, 0, 0, 0], "other")
    far = of("far", "far", [0.5, 0.75**0.5, 0, 0], "far")
    figures = evaluate(hand_engine([q, copy, other, far], tmp_path), config=CONFIG).figures["lookalike"]
    assert (figures["no-match AUROC"].value, figures["no-match AUROC"].queries) == (1, 1)
    again = of("again", "again", [1, 0, 0, 0], "far")  # as alike as the thing itself, and another thing: a tie
    figures = evaluate(hand_engine([q, again, far], tmp_path), config=CONFIG).figures["lookalike"]
    assert figures["no-match AUROC"].value == 0.5


def test_queries_of_one_group_have_no_interval_by_hand() -> None:
    """Whole groups are drawn: two queries of one group are one draw, of two groups are two."""

    def bounds(groups: tuple[int, int]) -> list[float | None]:
        queries = [
            entry(f"q{n}", vector, "test", "A", group)
            for n, (vector, group) in enumerate(zip(([1, 0, 0, 0], [0, 1, 0, 0]), groups, strict=True))
        ]
        figures = evaluate(hand_engine([HAND[0], HAND[2], *queries]), config=CONFIG).figures["lookalike"]
        names = ("label recall@1", "product recall@1", "label mAP@R")
        return [bound for name in names for bound in (figures[name].low, figures[name].high)]

    assert bounds((8, 8)) == [None] * 6
    assert bounds((8, 9)) == [0, 1] * 3


def test_the_exact_scan_agrees_with_the_search(shop: Shop) -> None:
    """mAP@R from hits fetched through the engine, with k past every R, is that of the scan."""
    plan = make_plan(shop.engine, CONFIG)
    values = average_precisions(shop.engine, plan, make_levels(plan))["label"]
    for row, query in enumerate(plan.label_queries):
        vector = shop.engine.collection.vectors([query.photo.image.image_id])
        hits = shop.engine.search_vectors(vector, 200, where=query.where, by_product=False)[0]
        right = [plan.photos[hit.image_id].label == query.photo.label for hit in hits][: query.answers]
        slow = sum(sum(right[: n + 1]) / (n + 1) for n, one in enumerate(right) if one) / query.answers
        assert values[row] == pytest.approx(slow)


def test_without_its_answer_a_query_scores_lower(shop: Shop) -> None:
    figures = evaluate(shop.engine, config=CONFIG, raw=shop.raw).figures
    assert figures["lookalike"]["no-match AUROC"].value > 0.55
    assert figures["shuffled"]["no-match AUROC"].value == pytest.approx(0.5, abs=0.1)


def test_the_classifier_by_hand() -> None:
    """Every photo gets the probabilities of [5, 4, 3, 2, 1] and is called a: true are a, c (third) and d (fourth)."""
    labels = LabelSet(("a", "b", "c", "d", "e"))
    classifier = heads.Classifier(np.zeros(5, np.float32), np.eye(5, dtype=np.float32), np.zeros(5), 1.0)
    head = heads.Head("lda", 5, (), labels, classifier)
    photos = [
        Photo(one.image, one.product, label)
        for label, one in ((label, entry(label, [1, 0, 0, 0], "test", label, None)) for label in "acd")
    ]
    told = classify(head, np.tile(np.array([5, 4, 3, 2, 1], np.float32), (3, 1)), photos, CONFIG)
    sure = np.exp(5) / np.exp([5, 4, 3, 2, 1]).sum()
    assert {name: figure.value for name, figure in told.figures.items()} == pytest.approx(
        {
            "accuracy": 1 / 3,
            "top-3 accuracy": 2 / 3,
            "balanced accuracy": 1 / 3,
            "macro F1": (2 / 4 + 0 + 0) / 3,
            "calibration error": sure - 1 / 3,
        }
    )
    rows = told.per_label({})
    assert [row["support"] for row in rows] == [1, 0, 1, 1, 0]
    assert [row["recall"]["value"] for row in rows] == [1, None, 0, 0, None]
    assert [row["precision"]["value"] for row in rows] == [pytest.approx(1 / 3), None, None, None, None]


def written(
    folder: Path,
    gallery: int,
    rows: dict[str, tuple[int, int | None, str]],
    /,
    *,
    at_10: dict[str, int] | None = None,
    galleries: dict[str, str] | None = None,
    split: str | None = None,
    **config: object,
) -> Path:
    """An evaluation of label queries, each with its answers, the rank of the first, and what it was called.

    Without `at_10` (answers among the first ten), `galleries`, `split` and `config` it is an older one.
    """
    folder.mkdir(exist_ok=True)
    parents = {} if split is None else {"split": split}
    with create(folder / "evaluation", Recipe("evaluation", 1, config, parents)) as draft:
        if galleries is not None:
            (draft.path / "evaluation.json").write_text(json.dumps({"about": {"galleries": galleries}}))
        frame = [
            {
                "variant": "lookalike",
                "protocol": "label",
                "image_id": name,
                "group": name,
                "label": "A",
                "answers": answers,
                "gallery": gallery,
                "first_answer_rank": rank,
                "predicted": called,
                **({} if at_10 is None else {"answers_at_10": at_10[name]}),
            }
            for name, (answers, rank, called) in rows.items()
        ]
        pl.DataFrame(frame).write_parquet(draft.path / "per_query.parquet")
    return folder


def test_a_comparison_by_hand(tmp_path: Path) -> None:
    """p and q are asked of both and have answers; r has none; s is asked of the second only."""
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    one = written(tmp_path / "one", 10, {"p": (3, 1, "A"), "q": (2, None, "B"), "r": (0, None, "A")})
    two = written(tmp_path / "two", 12, {"p": (3, 1, "A"), "q": (2, 1, "A"), "r": (0, None, "A"), "s": (1, 9, "B")})
    found = {told.name: told for told in compare(one, two)}
    recall, accuracy = found["label recall@1"], found["accuracy"]
    assert (recall.first, recall.second, recall.difference.value) == (0.5, 1, 0.5)
    assert (recall.difference.queries, recall.same_gallery) == (2, False)
    assert (accuracy.first, accuracy.second, accuracy.difference.value) == pytest.approx((2 / 3, 1, 1 / 3))
    assert "(galleries differ)" in "\n".join(compared_lines(list(found.values())))
    (same,) = (told for told in compare(one, one) if told.name == "label recall@10")
    assert same.same_gallery


def compared(shop: Shop, folder: Path, first: EvaluateConfig, second: EvaluateConfig) -> list[Compared]:
    artifacts_of(shop, folder)
    one = run_here(shop, folder, first)
    return compare(one.path, run_here(shop, folder, second).path)


def test_an_evaluation_does_not_differ_from_itself(shop: Shop, tmp_path: Path) -> None:
    found = compared(shop, tmp_path, CONFIG, CONFIG)
    assert {one.name for one in found} >= {"accuracy", "label recall@1", "instance recall@10", "scene recall@1"}
    for one in found:
        assert one.first == one.second
        assert (one.difference.value, one.difference.low, one.difference.high) == (0, 0, 0)
        assert one.difference.queries == 48
    assert "+0.000 (+0.000 to +0.000)" in "\n".join(compared_lines(found))


def test_only_common_queries_are_compared(shop: Shop, tmp_path: Path) -> None:
    few = EvaluateConfig(label_queries=20, instance_queries=10)
    found = {one.name: one for one in compared(shop, tmp_path, CONFIG, few)}
    assert found["label recall@1"].difference.queries == 20
    assert found["label recall@1"].difference.value == 0
    assert found["instance recall@1"].difference.queries == 10
    assert found["instance recall@1"].same_gallery


ASKED = {"p": (3, 1, "A"), "q": (2, 4, "B"), "r": (0, None, "A")}


def test_evaluations_without_a_common_query_are_refused(tmp_path: Path) -> None:
    one, two = written(tmp_path / "one", 9, {"p": (3, 1, "A")}), written(tmp_path / "two", 9, {"q": (2, 4, "B")})
    with pytest.raises(ArtifactError, match="not one query in common"):
        compare(one, two)


@pytest.mark.parametrize("other", [{"queries": "validation"}, {"seed": 1}, {"gallery": "test"}, {"split": "other"}])
def test_evaluations_that_were_not_asked_the_same_are_refused(other: dict[str, str], tmp_path: Path) -> None:
    """Other seeds distort otherwise, other splits have other galleries: no difference of those is paired."""
    same = {"queries": "test", "gallery": "train", "seed": 0, "split": "this"}
    one = written(tmp_path / "one", 9, ASKED, **same)  # pyright: ignore
    compare(one, written(tmp_path / "two", 9, ASKED, **same))  # pyright: ignore
    compare(one, written(tmp_path / "older", 9, ASKED))
    with pytest.raises(ArtifactError, match="not asked the same") as told:
        compare(one, written(tmp_path / "other", 9, ASKED, **{**same, **other}))  # pyright: ignore
    ((value,),) = (other.values(),)
    assert str(value) in told.value.what


def test_precision_and_reciprocal_rank_are_compared_by_hand(tmp_path: Path) -> None:
    """Galleries of 5: precision@10 divides by 5. r has no answer; q's first answer stands fourth, then nowhere."""
    one = written(tmp_path / "one", 5, ASKED, at_10={"p": 3, "q": 1, "r": 0}, k=[1, 10, 50])
    rows = {**ASKED, "q": (2, None, "B")}
    two = written(tmp_path / "two", 5, rows, at_10={"p": 2, "q": 0, "r": 0}, k=[1, 50])
    found = {told.name: told for told in compare(one, two)}
    precision, mrr = found["label precision@10"], found["label MRR@50"]
    assert (precision.first, precision.second) == pytest.approx(((3 / 5 + 1 / 5) / 2, (2 / 5) / 2))
    assert (mrr.first, mrr.second) == pytest.approx(((1 + 1 / 4) / 2, 1 / 2))
    assert precision.difference.queries == mrr.difference.queries == 2
    older = {told.name for told in compare(one, written(tmp_path / "older", 5, ASKED, k=[1, 20]))}
    assert older == {"accuracy", "label recall@1", "label recall@10"}  # what both have


def test_what_is_compared_is_what_was_measured(shop: Shop, tmp_path: Path) -> None:
    artifacts_of(shop, tmp_path)
    made = run_here(shop, tmp_path)
    figures = read_told(made)["figures"]["lookalike"]
    found = compare(made.path, made.path)
    assert {"label precision@10", "label MRR@50", "product precision@10", "scene MRR@50"} <= {one.name for one in found}
    for one in found:
        assert one.first == pytest.approx(figures[one.name]["value"]), one.name


def test_galleries_of_one_size_but_other_photos_or_labels_are_marked(tmp_path: Path) -> None:
    one = written(tmp_path / "one", 9, ASKED, galleries={"label": "a", "instance": "i"})
    for name, galleries, same in (
        ("two", {"label": "a", "instance": "x"}, True),  # these are label queries
        ("three", {"label": "b", "instance": "i"}, False),
        ("older", None, True),
    ):
        found = compare(one, written(tmp_path / name, 9, ASKED, galleries=galleries))
        assert {told.same_gallery for told in found} == {same}, name
    fewer = {**ASKED, "p": (2, 1, "A")}
    assert not any(told.same_gallery for told in compare(one, written(tmp_path / "four", 9, fewer)))


def test_the_gallery_is_told_by_its_photos_and_their_labels(shop: Shop) -> None:
    def galleries(entries: list[Entry]) -> dict[str, str]:
        return evaluate(hand_engine(entries), config=CONFIG).about["galleries"]

    moved = [entry("b1", [0, 1, 0, 0], "train", "A", 3) if one.image.image_id == "b1" else one for one in HAND]
    asked = [one for one in HAND if one.image.image_id != "qc"]
    assert galleries(HAND) == galleries(HAND[::-1])
    assert galleries(moved)["label"] != galleries(HAND)["label"]
    assert galleries(asked)["label"] == galleries(HAND)["label"]
    assert galleries(asked)["instance"] != galleries(HAND)["instance"]


def test_a_damaged_evaluation_is_refused_with_a_mend(shop: Shop, tmp_path: Path) -> None:
    artifacts_of(shop, tmp_path)
    made = run_here(shop, tmp_path)
    (made.path / "evaluation.json").write_text("{}")
    with pytest.raises(ArtifactError, match="Evaluate again"):
        lines(made)
