"""Near-duplicate photos across products and across splits: the leak detector."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl
from PIL import Image as PillowImage

from lookalike import images
from lookalike.audit.config import AuditConfig, Photos
from lookalike.audit.likeness import SIDE_PX, likeness, sketch
from lookalike.audit.neighbours import Float64Array, Int64Array, alike_pairs
from lookalike.catalogue.groups import components, near_copies
from lookalike.cores import cores
from lookalike.errors import PhotoError

BoolArray = npt.NDArray[np.bool_]

SAME_BYTES, NEAR_COPY, SAME_PICTURE = "same bytes", "near copy", "same picture"

SCHEMA = pl.Schema(
    {
        "rank": pl.Int64(),
        "set": pl.Int64(),
        "reason": pl.String(),
        "score": pl.Float64(),
        "crosses_split": pl.Boolean(),
        "same_seller": pl.Boolean(),
        "image_id": pl.String(),
        "other_image_id": pl.String(),
        "product_id": pl.String(),
        "other_product_id": pl.String(),
        "category": pl.String(),
        "other_category": pl.String(),
        "split": pl.String(),
        "other_split": pl.String(),
        "cosine": pl.Float64(),
        "path": pl.String(),
        "other_path": pl.String(),
    }
)
_SKETCHES = 4096
"""Sketches kept at once, 16 kB each."""


@dataclass(frozen=True)
class Duplicates:
    """The pairs found, most worrying first; and pairs that were alike but could not be compared, or were too many."""

    frame: pl.DataFrame
    unread: int
    capped: bool


@dataclass(frozen=True, eq=False)
class _Pairs:
    """Pairs of rows (p, 2), why each was taken, and how sure that is."""

    rows: Int64Array
    reason: str
    score: Float64Array


def find_duplicates(photos: Photos, root: Path, config: AuditConfig) -> Duplicates:
    """Find photos that stand in two products, or on two sides of the split, though they are one picture.

    Parameters
    ----------
    photos : Photos
    root : folder that the photos' paths are relative to
    config : AuditConfig

    Returns
    -------
    Duplicates
        `frame` has the columns of `SCHEMA`. Of many copies of one photo each is paired with the first: `set` numbers
        the connected ones.

    Notes
    -----
    Equal bytes are taken as they are. Photos with perceptual hashes a few bits apart, and the most alike ones by their
    features, are looked at again (`likeness`); what that does not confirm is left out. A photo too flat to have a
    perceptual hash is compared by bytes only: white is like white.
    """
    frame = photos.frame
    same = _worth(frame, _equal_bytes(frame))
    first = frame["duplicate_of"].is_null().to_numpy()
    hashed = _worth(frame, near_copies(frame["phash"], config.phash_distance))
    hashed = hashed[first[hashed].all(axis=1)]
    alike, capped = _alike(photos, first, config)
    alike = _without(alike, hashed)
    checked = np.concatenate([hashed, alike])
    scores = _likenesses(frame["path"].to_list(), checked, root)
    kept = scores >= config.likeness
    near = np.arange(len(checked)) < len(hashed)
    found = (
        _Pairs(same, SAME_BYTES, np.ones(len(same))),
        _Pairs(checked[kept & near], NEAR_COPY, scores[kept & near]),
        _Pairs(checked[kept & ~near], SAME_PICTURE, scores[kept & ~near]),
    )
    return Duplicates(_table(photos, found), int(np.isnan(scores).sum()), capped)


def _equal_bytes(frame: pl.DataFrame) -> Int64Array:
    first: dict[str, int] = {}
    pairs = [(first.setdefault(value, row), row) for row, value in enumerate(frame["sha256"]) if value]
    return np.array([pair for pair in pairs if pair[0] != pair[1]], np.int64).reshape(-1, 2)


def _worth(frame: pl.DataFrame, pairs: Int64Array) -> Int64Array:
    """Keep the pairs that concern two products or two splits, in rising order."""
    ordered = np.unique(np.sort(pairs, axis=1), axis=0)
    apart = _codes(frame, "product_id", "split")
    return ordered[apart[ordered[:, 0]] != apart[ordered[:, 1]]]


def _codes(frame: pl.DataFrame, *columns: str) -> Int64Array:
    return frame.select(pl.struct(columns).rank("dense").cast(pl.Int64)).to_series().to_numpy()


def _alike(photos: Photos, first: BoolArray, config: AuditConfig) -> tuple[Int64Array, bool]:
    """The most alike pairs by features, among photos with detail enough to compare, each byte sequence once."""
    usable = first & photos.frame["phash"].is_not_null().to_numpy()
    places = np.flatnonzero(usable[photos.rows])
    rows = photos.rows[places]
    codes = _codes(photos.frame, "product_id", "split")[rows]
    pairs, _ = alike_pairs(photos.features[places], codes, least=config.cosine, most=config.max_compared)
    return np.sort(rows[pairs], axis=1), len(pairs) == config.max_compared > 0


def _without(pairs: Int64Array, known: Int64Array) -> Int64Array:
    seen = set(map(tuple, known.tolist()))
    return np.array([pair for pair in pairs.tolist() if tuple(pair) not in seen], np.int64).reshape(-1, 2)


def _likenesses(paths: Sequence[str], pairs: Int64Array, root: Path) -> Float64Array:
    """Compare pairs in threads; NaN where a photo cannot be read any more."""

    @lru_cache(maxsize=_SKETCHES)
    def sketched(row: int) -> PillowImage.Image | None:
        try:
            return sketch(images.decode(images.read_bytes(images.under(root, paths[row])), min_side_px=SIDE_PX))
        except PhotoError:
            return None

    def compare(pair: Sequence[int]) -> float:
        first, second = sketched(pair[0]), sketched(pair[1])
        return np.nan if first is None or second is None else likeness(first, second)

    order = np.lexsort((pairs[:, 1], pairs[:, 0]))  # a photo's pairs lie together: each sketch is drawn about once
    scores = np.empty(len(pairs))
    with ThreadPoolExecutor(cores(), "compare") as pool:
        scores[order] = np.fromiter(pool.map(compare, pairs[order].tolist()), np.float64, len(pairs))
    return scores


def _table(photos: Photos, found: Sequence[_Pairs]) -> pl.DataFrame:
    pairs = np.concatenate([each.rows for each in found])
    sets = components(photos.frame.height, pairs.tolist())
    facts = photos.frame.select("image_id", "product_id", "category", "split", "seller_id", "path")
    left = facts[pairs[:, 0]]
    right = facts[pairs[:, 1]].rename(lambda name: f"other_{name}")
    reasons = [each.reason for each in found for _ in each.rows]
    frame = pl.concat([left, right], how="horizontal").with_columns(
        pl.Series("reason", reasons, pl.String),
        pl.Series("score", np.concatenate([each.score for each in found]), pl.Float64),
        pl.Series("cosine", _cosines(photos, pairs), pl.Float64).fill_nan(None),
        pl.Series("_component", sets[pairs[:, 0]], pl.Int64),
        crosses_split=pl.col("split") != pl.col("other_split"),
        same_seller=pl.col("seller_id") == pl.col("other_seller_id"),
    )
    order_of = {SAME_BYTES: 0, NEAR_COPY: 1, SAME_PICTURE: 2}
    kind = pl.col("reason").replace_strict(order_of, return_dtype=pl.Int64)
    frame = frame.sort(
        pl.col("crosses_split").any().over("_component").not_(),
        kind.min().over("_component"),
        -pl.col("score").max().over("_component"),
        "_component",
        kind,
        -pl.col("score"),
        "image_id",
        "other_image_id",
    )
    numbers = {component: place for place, component in enumerate(frame["_component"].unique(maintain_order=True), 1)}
    return frame.with_columns(
        pl.Series("rank", np.arange(1, frame.height + 1), pl.Int64),
        pl.col("_component").replace_strict(numbers, return_dtype=pl.Int64).alias("set"),
    ).select(list(SCHEMA))


def _cosines(photos: Photos, pairs: Int64Array) -> Float64Array:
    place = np.full(photos.frame.height, -1, np.int64)
    place[photos.rows] = np.arange(len(photos.rows))
    known = (place[pairs] >= 0).all(axis=1)
    cosines = np.full(len(pairs), np.nan)
    first, second = (photos.features[place[pairs[known, side]]].astype(np.float64) for side in (0, 1))
    lengths = np.linalg.norm(first, axis=1) * np.linalg.norm(second, axis=1)
    cosines[known] = np.einsum("pd,pd->p", first, second) / np.where(lengths > 0, lengths, 1)
    return cosines
