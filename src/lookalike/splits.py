"""The stage `split`: train, validation and test, by groups that no near-copy leaves; stratified by label, seeded."""

import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl

from lookalike import artifacts, catalogue
from lookalike.artifacts import Artifact, Recipe
from lookalike.catalogue import Catalogue
from lookalike.catalogue.groups import Int64Array, group_photos, near_copies
from lookalike.errors import ArtifactError, SettingsError
from lookalike.files import write_parquet
from lookalike.labels import prefixes
from lookalike.types import Json

KIND = "split"
SPLIT_FILE = "split.parquet"
SPLITS = ("train", "validation", "test")
VERSION = 1
"""Raise it when this module's code changes what it writes."""


@dataclass(frozen=True)
class SplitConfig:
    """How to split.

    `train`, `validation` and `test` are shares of the photos that add up to 1; `max_group_share` is the share above
    which a group goes to train; photos whose perceptual hashes differ in up to `phash_distance` bits are near-copies.
    """

    train: float = 0.7
    validation: float = 0.15
    test: float = 0.15
    seed: int = 0
    max_group_share: float = 0.15
    phash_distance: int = 4

    def __post_init__(self) -> None:
        shares = (self.train, self.validation, self.test)
        if not (min(shares) >= 0 and abs(sum(shares) - 1) <= 1e-9 and self.train > 0):  # so that NaN fails too
            raise SettingsError(
                "train, validation and test must be shares that add up to 1, train above 0",
                mend="Give shares such as --train 0.7 --validation 0.15; the rest is for the test",
            )
        if self.seed < 0:
            raise SettingsError("a seed cannot be negative", mend="Give 0 or more")
        if not 0 <= self.phash_distance <= 16:
            raise SettingsError("phash_distance must lie in 0 to 16", mend="4 is the default")
        if not 0 < self.max_group_share <= 1:
            raise SettingsError("max_group_share must lie above 0 and up to 1", mend="0.15 is the default")


@dataclass(frozen=True)
class Assignment:
    """The split of each group, by group id; and the groups that were too big to be dealt out."""

    splits: tuple[str, ...]
    oversized: tuple[int, ...]


def split(catalogue_path: Path, out: Path, config: SplitConfig | None = None) -> Artifact:
    """Split a catalogue's photos, or find them split already.

    Parameters
    ----------
    catalogue_path : path
        A catalogue made by `ingest`.
    out : path
        Where the split's pointer goes.
    config : SplitConfig, optional

    Returns
    -------
    Artifact of kind "split" with `split.parquet`: `image_id` String, `group_id` Int64 (counted from 0 by the groups'
    smallest image ids), `split` String; one row per image of the catalogue, in its order.

    Notes
    -----
    A group is a connected component over product, seller, sha256 and near-copies, so none crosses a split. A photo for
    which the source names a split keeps it; should the source itself tear groups apart, they are counted as
    `leaking_groups` and warned of.
    """
    config = config or SplitConfig()
    found = catalogue.read(catalogue_path)
    recipe = Recipe(KIND, VERSION, asdict(config), {"catalogue": found.artifact.hash})
    done = artifacts.find(out, recipe)
    if done is not None:
        return done
    with artifacts.create(out, recipe) as draft:
        frame, counts, warnings = split_frame(found, config)
        write_parquet(draft.path / SPLIT_FILE, frame)
        artifacts.write_rejects(draft.path, [])
        draft.counts = counts
        draft.about = {"warnings": warnings}
    for warning in warnings:
        logging.getLogger(__name__).warning(warning)
    return artifacts.open_artifact(out, KIND)


def read_split(path: Path, *, of: Catalogue | None = None) -> pl.DataFrame:
    """Read a split's table: `image_id`, `group_id`, `split`.

    Raises
    ------
    ArtifactError
        Not a split, or not one of the catalogue `of`.
    """
    artifact = artifacts.open_artifact(path, KIND)
    if of is not None and artifact.parents["catalogue"] != of.artifact.hash:
        mend = "Run `lookalike split` again"
        raise ArtifactError("this split was made from another catalogue", where=str(path), mend=mend)
    return pl.read_parquet(artifact.path / SPLIT_FILE)


def crossing_copies(found: Catalogue, split: pl.DataFrame, *, phash_distance: int = 4) -> int:
    """Count the photos of which a copy, by bytes or by perceptual hash, lies on another side of the split.

    Parameters
    ----------
    found : Catalogue
    split : DataFrame with `image_id` and `split`, as `read_split` gives it
    """
    photos = (
        found.images.select("image_id", "sha256", pl.lit(None, pl.String).alias("product_id"))
        .with_columns(seller_id=pl.col("product_id"))
        .join(found.hints.select("image_id", "phash"), on="image_id", how="left", maintain_order="left")
        .join(split.select("image_id", "split"), on="image_id", how="left", maintain_order="left")
    )
    copies = group_photos(photos, near_copies(photos["phash"], phash_distance))
    sides = photos.select("split", pl.Series("copies", copies)).select(pl.col("split").n_unique().over("copies"))
    return int((sides["split"] > 1).sum())


def split_frame(found: Catalogue, config: SplitConfig) -> tuple[pl.DataFrame, Json, list[str]]:
    """Split in memory; the answer does not depend on the order of rows.

    Returns
    -------
    DataFrame as `split` writes it; counts; warnings in words.
    """
    photos = found.images.select("image_id", "product_id", "sha256").join(
        found.products.select("product_id", "seller_id", "category"),
        on="product_id",
        how="left",
        maintain_order="left",
    )
    photos = photos.join(found.hints, on="image_id", how="left", maintain_order="left").sort("image_id")
    pairs = near_copies(photos["phash"], config.phash_distance)
    groups = group_photos(photos, pairs)
    hinted = photos["split"].to_list()
    assigned = assign(groups, photos["category"].to_list(), hinted, config)
    splits = [hint or assigned.splits[group] for hint, group in zip(hinted, groups.tolist(), strict=True)]
    frame = pl.DataFrame(
        {"image_id": photos["image_id"], "group_id": groups, "split": splits},
        schema={"image_id": pl.String, "group_id": pl.Int64, "split": pl.String},
    )
    counts, warnings = _account(frame, assigned, len(pairs), config)
    return (
        found.images.select("image_id").join(frame, on="image_id", how="left", maintain_order="left"),
        counts,
        warnings,
    )


def assign(
    groups: Int64Array, categories: Sequence[str | None], hinted: Sequence[str | None], config: SplitConfig
) -> Assignment:
    """Give each group a split.

    Parameters
    ----------
    groups : int64 array of shape (n,), numbered from 0
    categories, hinted : one per photo
        Category path or None; the split that the source names, or None.
    config : SplitConfig

    Notes
    -----
    Groups that the source names a split for take the one it names most. Too big ones go to train. The others are dealt
    out greedily, bigger before smaller (by powers of two, in seeded order within), each to the split where it
    lowers most the squared deviation from the wanted number of photos, relative to that number and summed over all
    photos and every label (category prefix) that has photos enough for each split to get one. A split that would stay
    empty takes the smallest group of the split with most groups.
    """
    sizes = np.bincount(groups)
    shares = np.array([config.train, config.validation, config.test])
    tally, wanted = _label_counts(groups, categories, shares)
    filled = np.zeros_like(wanted)
    chosen: dict[int, int] = {}

    def put(group: int, split: int) -> None:
        chosen[group] = split
        labels, counts = tally[group]
        filled[labels, split] += counts

    for group, split_name in _hinted_groups(groups, hinted).items():
        put(group, SPLITS.index(split_name))
    free = [group for group in _dealing_order(sizes, config.seed) if group not in chosen]
    oversized = [group for group in free if sizes[group] > config.max_group_share * len(groups)]
    for group in oversized:
        put(group, 0)
    for group in free:
        if group not in chosen:
            labels, counts = tally[group]
            target, count = wanted[labels], counts[:, None]
            with np.errstate(divide="ignore", invalid="ignore"):
                cost = ((2 * (filled[labels] - target) + count) * count / target).sum(axis=0)
            put(group, int(np.argmin(np.where(shares > 0, cost, np.inf))))
    _fill_empty(chosen, free, sizes, [split for split in (2, 1, 0) if shares[split] > 0])
    return Assignment(tuple(SPLITS[chosen[group]] for group in range(len(sizes))), tuple(sorted(oversized)))


def _label_counts(
    groups: Int64Array, categories: Sequence[str | None], shares: npt.NDArray[np.float64]
) -> tuple[list[tuple[Int64Array, npt.NDArray[np.float64]]], npt.NDArray[np.float64]]:
    """Return each group's labels with their photo counts, and the wanted photos per label and split; label 0 is all."""
    known = {category: ["", *prefixes(category or "")] for category in set(categories)}
    totals = Counter(label for category in categories for label in known[category])
    least = 1 / shares[shares > 0].min()
    labels = {label: i for i, label in enumerate(sorted(name for name in totals if not name or totals[name] >= least))}
    per_group: list[Counter[int]] = [Counter() for _ in range(int(groups.max(initial=-1)) + 1)]
    for group, category in zip(groups.tolist(), categories, strict=True):
        per_group[group].update(labels[label] for label in known[category] if label in labels)
    tally = [(np.array(list(c.keys()), np.int64), np.array(list(c.values()), np.float64)) for c in per_group]
    return tally, np.outer([totals[label] for label in labels], shares)


def _hinted_groups(groups: Int64Array, hinted: Sequence[str | None]) -> dict[int, str]:
    votes: dict[int, Counter[str]] = {}
    for group, hint in zip(groups.tolist(), hinted, strict=True):
        if hint is not None:
            votes.setdefault(group, Counter())[hint] += 1
    return {group: max(SPLITS, key=lambda name: count[name]) for group, count in votes.items()}


def _dealing_order(sizes: Int64Array, seed: int) -> list[int]:
    shuffled = np.random.default_rng(seed).permutation(len(sizes))
    return shuffled[np.argsort(-np.floor(np.log2(sizes[shuffled])), kind="stable")].tolist()


def _fill_empty(chosen: dict[int, int], free: Sequence[int], sizes: Int64Array, wanted: Sequence[int]) -> None:
    for split_number in wanted:
        if split_number in chosen.values():
            continue
        members = Counter(chosen[group] for group in chosen)
        donor = members.most_common(1)[0][0] if members else split_number
        movable = [group for group in free if chosen[group] == donor]
        if members[donor] > 1 and movable:
            chosen[min(movable, key=lambda group: (sizes[group], group))] = split_number


def _account(frame: pl.DataFrame, assigned: Assignment, pairs: int, config: SplitConfig) -> tuple[Json, list[str]]:
    sizes = frame["group_id"].value_counts()["count"]
    torn = frame.group_by("group_id").agg(pl.col("split").n_unique()).filter(pl.col("split") > 1)
    counts: Json = {
        "images": frame.height,
        "groups": frame["group_id"].n_unique(),
        **{name: int((frame["split"] == name).sum()) for name in SPLITS},
        "largest_group": sizes.max() or 0,
        "near_copy_pairs": pairs,
        "oversized_groups": len(assigned.oversized),
        "leaking_groups": torn.height,
    }
    warnings: list[str] = []
    for group in assigned.oversized:
        members = frame.filter(pl.col("group_id") == group)
        if members["split"][0] == "train":  # in a tiny catalogue it may have filled an empty split
            warnings.append(
                f"one group (same product, seller or near-copies) holds {members.height} of {frame.height} photos, "
                f"more than {config.max_group_share:.0%}; it goes to train whole. If one seller is your whole shop, "
                'leave the seller out: --column seller= (or seller = "" under [columns] in catalogue.toml)'
            )
    if torn.height:
        warnings.append(
            f"the source's own split tears {torn.height} groups apart (same product, seller or near-copies on both "
            "sides); it is kept as given, but figures measured on it will flatter"
        )
    missing = [name for name in SPLITS if counts[name] == 0 and getattr(config, name) > 0]
    if missing:
        warnings.append(f"no photos are left for {' and '.join(missing)}: there are too few groups")
    return counts, warnings
