"""The split: no group crosses, every label is dealt out evenly, and a source's own split is kept."""

import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lookalike import artifacts
from lookalike.artifacts import Artifact, Recipe
from lookalike.catalogue import Catalogue, ingest, load_source_config, read
from lookalike.catalogue.store import HINTS_SCHEMA, IMAGES_SCHEMA, PRODUCTS_SCHEMA
from lookalike.errors import ArtifactError, SettingsError
from lookalike.files import write_parquet
from lookalike.splits import SPLITS, SplitConfig, assign, read_split, split, split_frame

Photo = tuple[str, str, str | None, str | None]
"""Image id, product id, seller id, category."""


def catalogue(
    photos: Sequence[Photo],
    *,
    phash: dict[str, int] | None = None,
    sha256: dict[str, str] | None = None,
    hints: dict[str, str] | None = None,
) -> Catalogue:
    images = [
        {
            "image_id": image,
            "product_id": product,
            "path": f"{image}.jpg",
            "width": 9,
            "height": 9,
            "format": "jpeg",
            "sha256": (sha256 or {}).get(image, f"sha {image}"),
        }
        for image, product, _, _ in photos
    ]
    facts = {product: (seller, category) for _, product, seller, category in photos}
    products = [{"product_id": p, "seller_id": seller, "category": category} for p, (seller, category) in facts.items()]
    told = [
        {"image_id": image, "phash": (phash or {}).get(image), "split": (hints or {}).get(image)}
        for image, *_ in photos
    ]
    return Catalogue(
        Artifact(Path("nowhere"), "catalogue", "0" * 16, {}, {}, {}, {}),
        pl.DataFrame(products, schema=PRODUCTS_SCHEMA),
        pl.DataFrame(images, schema=IMAGES_SCHEMA),
        pl.DataFrame(told, schema=HINTS_SCHEMA),
    )


def singles(n: int, category: str | None = None) -> list[Photo]:
    return [(f"i{n:03}", f"p{n:03}", None, category) for n in range(n)]


def test_the_default_shares_are_kept_for_every_label() -> None:
    photos = [(f"i{n}", f"p{n}", None, f"A / B{n % 4}" if n % 5 else "C") for n in range(1000)]
    frame, counts, warnings = split_frame(catalogue(photos), SplitConfig())
    assert (counts["train"], counts["validation"], counts["test"], counts["groups"]) == (700, 150, 150, 1000)
    assert warnings == []
    labels = frame.with_columns(label=pl.Series([photo[3] for photo in photos]))
    for members in labels.partition_by("label"):
        share = Counter(members["split"])
        assert share["train"] == pytest.approx(0.7 * members.height, abs=1.5)
        assert share["validation"] == pytest.approx(0.15 * members.height, abs=1.5)


def test_big_and_small_groups_still_balance_every_label() -> None:
    random = np.random.default_rng(1)
    photos: list[Photo] = []
    for seller in range(150):
        for _ in range(int(random.geometric(0.1))):
            n = len(photos)
            photos.append((f"i{n}", f"p{n}", f"s{seller}", f"L{random.integers(6)}"))
    frame, _, _ = split_frame(catalogue(photos), SplitConfig())
    labels = frame.with_columns(label=pl.Series([photo[3] for photo in photos]))
    for members in labels.partition_by("label"):
        assert (members["split"] == "train").mean() == pytest.approx(0.7, abs=0.05)
        assert (members["split"] == "test").mean() == pytest.approx(0.15, abs=0.05)


def test_big_groups_are_dealt_out_first_so_that_small_ones_can_even_out() -> None:
    big: list[Photo] = [(f"b{g}-{n}", f"q{g}", None, "X") for g in range(3) for n in range(40)]
    _, counts, _ = split_frame(catalogue([*big, *singles(280, "X")]), SplitConfig())
    assert (counts["train"], counts["validation"], counts["test"]) == (280, 60, 60)


def test_photos_of_one_product_seller_or_look_stay_together() -> None:
    photos: list[Photo] = [
        ("a", "p1", None, "X"), ("b", "p1", None, "X"), ("c", "p2", "s", "X"), ("d", "p3", "s", "X"),
        ("e", "p4", None, "X"), ("f", "p5", None, "X"), ("g", "p6", None, "X"), ("h", "p7", None, "X"),
    ]  # fmt: skip
    found = catalogue(
        [*photos, *singles(60)],
        sha256={"e": "same", "f": "same"},
        phash={"g": 0b1111, "h": 0, "i000": 0b11111, "i001": 1 << 60},
    )
    frame, counts, _ = split_frame(found, SplitConfig())
    group = dict(frame.select("image_id", "group_id").iter_rows())
    assert group["a"] == group["b"]
    assert group["c"] == group["d"]
    assert group["e"] == group["f"]
    assert group["g"] == group["h"] == group["i000"] == group["i001"]
    assert len({group[name] for name in "aceg"}) == 4
    assert counts["near_copy_pairs"] == 3
    assert frame.group_by("group_id").agg(pl.col("split").n_unique())["split"].max() == 1


def test_five_bits_are_too_many() -> None:
    found = catalogue(singles(10), phash={"i000": 0, "i001": 0b11111})
    assert split_frame(found, SplitConfig())[1]["groups"] == 10
    assert split_frame(found, SplitConfig(phash_distance=5))[1]["groups"] == 9


def test_the_answer_does_not_depend_on_the_order_of_rows() -> None:
    photos = [(f"i{n}", f"p{n // 2}", f"s{n // 6}", f"L{n % 3}") for n in range(120)]
    forward, counts, _ = split_frame(catalogue(photos), SplitConfig())
    backward, again, _ = split_frame(catalogue(photos[::-1]), SplitConfig())
    assert forward.sort("image_id").equals(backward.sort("image_id"))
    assert counts == again
    assert forward["image_id"].to_list() == [photo[0] for photo in photos]
    first = forward.sort("image_id").group_by("group_id", maintain_order=True).first()["group_id"]
    assert first.to_list() == list(range(20)), "numbered by the groups' smallest image ids"


def test_the_seed_decides_and_repeats() -> None:
    found = catalogue(singles(100))
    one, two = split_frame(found, SplitConfig(seed=1))[0], split_frame(found, SplitConfig(seed=2))[0]
    assert one.equals(split_frame(found, SplitConfig(seed=1))[0])
    assert not one.equals(two)


def test_a_group_above_15_percent_goes_to_train_with_a_warning() -> None:
    big: list[Photo] = [(f"b{n}", f"q{n}", "shop", "X") for n in range(30)]
    frame, counts, warnings = split_frame(catalogue([*big, *singles(70, "X")]), SplitConfig())
    assert set(frame.filter(pl.col("image_id").str.starts_with("b"))["split"]) == {"train"}
    assert counts["oversized_groups"] == 1
    assert counts["largest_group"] == 30
    assert (counts["validation"], counts["test"]) == (15, 15)
    assert len(warnings) == 1
    assert "30 of 100 photos" in warnings[0]
    assert split_frame(catalogue([*big[:15], *singles(85)]), SplitConfig())[1]["oversized_groups"] == 0


def test_one_shop_s_own_catalogue_cannot_be_split_and_says_so() -> None:
    frame, counts, warnings = split_frame(catalogue([(f"i{n}", f"p{n}", "shop", "X") for n in range(9)]), SplitConfig())
    assert set(frame["split"]) == {"train"}
    assert counts["groups"] == 1
    assert "no photos are left for validation and test" in warnings[1]


@pytest.mark.parametrize(("n", "expected"), [(0, 0), (1, 1), (2, 2), (3, 3), (4, 3), (7, 3)])
def test_small_catalogues_fill_as_many_splits_as_they_can(n: int, expected: int) -> None:
    frame, _, _ = split_frame(catalogue(singles(n, "X")), SplitConfig())
    assert frame["split"].n_unique() == expected
    if n == 2:
        assert set(frame["split"]) == {"train", "test"}


def test_a_small_catalogue_gives_its_smallest_groups_away() -> None:
    photos: list[Photo] = [(f"{p}{i}", p, None, "X") for p, size in [("a", 5), ("b", 4), ("c", 3)] for i in range(size)]
    frame, _, _ = split_frame(catalogue(photos), SplitConfig())
    assert dict(frame.select(pl.col("image_id").str.head(1), "split").iter_rows()) == {
        "a": "train",
        "b": "validation",
        "c": "test",
    }


def test_the_source_s_split_is_kept_and_the_rest_joins_its_group() -> None:
    hints = {"i000": "test", "i001": "validation", "x": "test"}
    photos: list[Photo] = [*singles(40), ("x", "q", None, None), ("y", "q", None, None)]
    frame, counts, warnings = split_frame(catalogue(photos, hints=hints), SplitConfig())
    found = dict(frame.select("image_id", "split").iter_rows())
    assert (found["i000"], found["i001"], found["x"], found["y"]) == ("test", "validation", "test", "test")
    assert counts["leaking_groups"] == 0
    assert warnings == []
    assert counts["test"] == pytest.approx(6, abs=1), "what the source fixed counts towards the shares"


def test_a_source_s_split_that_leaks_is_kept_with_a_warning() -> None:
    photos: list[Photo] = [("a", "p", None, None), ("b", "p", None, None), *singles(8)]
    frame, counts, warnings = split_frame(catalogue(photos, hints={"a": "train", "b": "test"}), SplitConfig())
    found = dict(frame.select("image_id", "split").iter_rows())
    assert (found["a"], found["b"]) == ("train", "test")
    assert counts["leaking_groups"] == 1
    assert "tears 1 groups apart" in " ".join(warnings)


def test_without_validation_none_is_made() -> None:
    _, counts, warnings = split_frame(catalogue(singles(50)), SplitConfig(train=0.8, validation=0, test=0.2))
    assert (counts["train"], counts["validation"], counts["test"]) == (40, 0, 10)
    assert warnings == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"train": 0.5},
        {"train": 1.2, "validation": -0.35},
        {"train": 0.0, "validation": 0.5, "test": 0.5},
        {"phash_distance": -1},
        {"phash_distance": 17},
        {"max_group_share": 0.0},
    ],
)
def test_a_configuration_that_makes_no_sense_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(SettingsError, match=r"must|negative"):
        replace(SplitConfig(), **wrong)


@given(
    st.lists(st.tuples(st.integers(0, 12), st.sampled_from(["A", "A / B", "C", None])), min_size=1, max_size=60),
    st.integers(0, 3),
)
def test_every_group_has_one_known_split(photos: list[tuple[int, str | None]], seed: int) -> None:
    numbers = np.unique([group for group, _ in photos], return_inverse=True)[1].astype(np.int64)
    found = assign(numbers, [category for _, category in photos], [None] * len(photos), SplitConfig(seed=seed))
    assert len(found.splits) == numbers.max() + 1
    assert set(found.splits) <= set(SPLITS)
    assert len(set(found.splits)) == min(3, len(found.splits))
    sizes = np.bincount(numbers)
    assert set(found.oversized) == {int(g) for g in np.flatnonzero(sizes > 0.15 * len(photos))}


def test_the_stage_from_a_catalogue_on_disk(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    found = catalogue([(f"i{n}", f"p{n}", "shop" if n < 5 else None, "X") for n in range(20)])
    recipe = Recipe("catalogue", 1, {}, {})
    with artifacts.create(tmp_path / "catalogue", recipe) as draft:
        write_parquet(draft.path / "products.parquet", found.products)
        write_parquet(draft.path / "images.parquet", found.images)
        write_parquet(draft.path / "hints.parquet", found.hints)
    with caplog.at_level(logging.WARNING):
        made = split(tmp_path / "catalogue", tmp_path / "split")
    assert "5 of 20 photos" in caplog.text
    assert made.about["warnings"] == caplog.messages
    assert made.parents == {"catalogue": recipe.hash}
    assert made.rejects().height == 0
    frame = read_split(tmp_path / "split")
    assert frame.schema == {"image_id": pl.String, "group_id": pl.Int64, "split": pl.String}
    assert frame["image_id"].to_list() == found.images["image_id"].to_list()
    assert made.counts["train"] + made.counts["validation"] + made.counts["test"] == 20
    caplog.clear()
    assert split(tmp_path / "catalogue", tmp_path / "split") == made
    assert caplog.messages == [], "nothing is made again"
    assert split(tmp_path / "catalogue", tmp_path / "split", SplitConfig(seed=1)).hash != made.hash
    with pytest.raises(ArtifactError, match="not a split"):
        read_split(tmp_path / "catalogue")


@pytest.mark.shared
def test_no_sender_of_the_clothing_photos_crosses(clothing: Path, tmp_path: Path) -> None:
    ingest(load_source_config(clothing), tmp_path / "catalogue")
    made = split(tmp_path / "catalogue", tmp_path / "split")
    found = read(tmp_path / "catalogue")
    owned = read_split(tmp_path / "split").join(found.images, on="image_id").join(found.products, on="product_id")
    assert owned.group_by("seller_id").agg(pl.col("split").n_unique())["split"].max() == 1
    assert made.counts["groups"] == 347, "348 senders, two of whom share a photo"
    assert made.counts["test"] / made.counts["images"] == pytest.approx(0.15, abs=0.01)
    for members in owned.filter(pl.len().over("category") >= 300).partition_by("category"):
        assert (members["split"] == "test").mean() == pytest.approx(0.15, abs=0.05)
