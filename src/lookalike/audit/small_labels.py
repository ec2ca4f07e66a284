"""Labels that have too few training photos to be learned, and what becomes of their photos."""

from collections import defaultdict
from collections.abc import Sequence

import polars as pl

from lookalike.audit.config import AuditConfig, Photos
from lookalike.labels import MIN_GROUPS, MIN_PHOTOS, choose_labels, prefixes

SCHEMA = pl.Schema(
    {
        "rank": pl.Int64(),
        "reason": pl.String(),
        "score": pl.Float64(),
        "label": pl.String(),
        "photos": pl.Int64(),
        "training_photos": pl.Int64(),
        "training_groups": pl.Int64(),
        "learned_as": pl.String(),
    }
)
FEW_PHOTOS, ONE_GROUP = f"fewer than {MIN_PHOTOS} training photos", "training photos of one group only"


def find_small_labels(photos: Photos, config: AuditConfig) -> pl.DataFrame:
    """Find category paths that do not become a label of their own, the smallest first.

    Returns
    -------
    DataFrame with the columns of `SCHEMA`. `label` is the category path, cut to the level that labels have; `score` is
    the share that is lacking of the photos or groups needed; `learned_as` the parent path that its photos are learned
    under, null where they are not learned at all. A group is a product, seller or set of copies.
    """
    train = photos.frame.filter(pl.col("split") == "train")
    chosen = choose_labels(
        train["category"].to_list(), train["group_id"].to_list(), level=config.level, ignored=config.ignored
    )
    ignored = frozenset(config.ignored)
    seen: dict[str, list[tuple[str, int]]] = defaultdict(list)
    for category, split, group in photos.frame.select("category", "split", "group_id").iter_rows():
        paths = prefixes(category or "")
        if paths and not ignored.intersection(paths):
            seen[cut(paths, config.level)].append((split, group))
    rows = [_row(label, members, chosen.of(label)) for label, members in seen.items() if chosen.of(label) != label]
    frame = pl.DataFrame(rows, schema=SCHEMA, orient="row").sort("training_photos", "photos", "label")
    return frame.with_columns(rank=pl.int_range(1, pl.len() + 1, dtype=pl.Int64))


def cut(paths: Sequence[str], level: str) -> str:
    """Of a category's prefixes, at least one, take the one that would be its label if photos were enough."""
    if level == "auto":
        return paths[-1]
    return paths[: 1 if level == "parent" else int(level)][-1]


def _row(
    label: str, members: list[tuple[str, int]], learned_as: str | None
) -> tuple[int, str, float, str, int, int, int, str | None]:
    groups = [group for split, group in members if split == "train"]
    reason = FEW_PHOTOS if len(groups) < MIN_PHOTOS else ONE_GROUP
    lacking = 1 - min(len(groups) / MIN_PHOTOS, len(set(groups)) / MIN_GROUPS)
    return 0, reason, lacking, label, len(members), len(groups), len(set(groups)), learned_as
