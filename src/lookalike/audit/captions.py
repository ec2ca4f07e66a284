"""The audit in words: captions of the contact sheets, the summary in the terminal, and what to do next."""

from collections.abc import Mapping, Sequence

import polars as pl

from lookalike.audit.sheets import Card
from lookalike.audit.small_labels import cut
from lookalike.labels import prefixes
from lookalike.types import CATEGORY_SEPARATOR, Json

_SAMPLES = 4
_WORDS = {
    "near_duplicates": (
        "Near-duplicate photos",
        "One picture in two products, or on two sides of the split. Red: the pair crosses the split, so figures "
        "measured on the test part flatter. Each number is how surely it is one picture (1 = the same bytes).",
    ),
    "wrong_labels": (
        "Likely wrong labels",
        "Surest first. Said: the label in your table. Looks: the one that photos of other sellers and products "
        "suggest. Each with its probability. Many further down are right and merely unusual: look before changing.",
    ),
    "not_products": (
        "Photos that show no product",
        "Blank, only text, tiny, or more than four times as long as wide.",
    ),
    "small_labels": (
        "Labels too small to learn",
        "Fewer than five training photos, or all of them from one product or seller. Up to four photos of each; "
        "their photos are learned as the parent named, or not at all.",
    ),
}

TUNED_WHOLE = (
    "  WARNING: this site's encoder was trained whole on these very labels, and may have learned wrong ones by heart: "
    "expect too few to be found. Build a site with the stock encoder and audit that one."
)
"""What is said where no feature is left that no label has tuned."""


def heading(kind: str, found: int, shown: int) -> tuple[str, str]:
    """Return a contact sheet's title and explanation."""
    title, words = _WORDS[kind]
    of = f"the first {shown:,} of {found:,}" if shown < found else f"{found:,}"
    return f"{title}: {of}", words


def duplicate(row: Json) -> Card:
    """Caption a pair of near-duplicates."""
    split = f"crosses: {row['split']} | {row['other_split']}" if row["crosses_split"] else f"both {row['split']}"
    categories = _either(row["category"], row["other_category"])
    return Card(
        (row["path"], row["other_path"]),
        (
            f"{row['rank']}. {row['reason']} {row['score']:.2f}, {split}",
            f"{categories}" + (", same seller" if row["same_seller"] else ""),
            row["image_id"],
            row["other_image_id"],
        ),
        alarm=row["crosses_split"],
    )


def wrong_label(row: Json) -> Card:
    """Caption a photo whose label is likely wrong."""
    said, seen = short_names(row["label"], row["suggested_label"])
    lines = (
        f"{row['rank']}. said: {said}, {row['label_probability']:.0%}",
        f"looks: {seen}, {row['suggested_probability']:.0%}",
        row["image_id"],
    )
    return Card((row["path"],), lines)


def not_product(row: Json) -> Card:
    """Caption a photo that shows no product."""
    lines = (f"{row['rank']}. {row['reason']}", row["detail"], row["category"] or "no category", row["image_id"])
    return Card((row["path"],), lines)


def small_label(row: Json, paths: Sequence[str]) -> Card:
    """Caption a label that is too small to learn."""
    photos, groups = _counted(row["training_photos"], "training photo"), _counted(row["training_groups"], "group")
    learned = f"learned as {row['learned_as']}" if row["learned_as"] else "not learned"
    lines = (
        f"{row['rank']}. {row['label']}",
        f"{photos} of {groups}, {_counted(row['photos'], 'photo')} in all",
        learned,
    )
    return Card(tuple(paths), lines)


def samples(photos: pl.DataFrame, labels: Sequence[str], level: str) -> dict[str, list[str]]:
    """Pick the first few photos of each label."""
    picked: dict[str, list[str]] = {label: [] for label in labels}
    for category, path in photos.select("category", "path").iter_rows():
        paths = prefixes(category or "")
        label = cut(paths, level) if paths else ""
        if label in picked and len(picked[label]) < _SAMPLES:
            picked[label].append(path)
    return picked


def short_names(first: str, second: str) -> tuple[str, str]:
    """Name two category paths by their last two parts, or as many as it takes to tell them apart."""
    a, b = first.split(CATEGORY_SEPARATOR), second.split(CATEGORY_SEPARATOR)
    parts = 2
    while a[-parts:] == b[-parts:] and parts < max(len(a), len(b)):
        parts += 1
    return CATEGORY_SEPARATOR.join(a[-parts:]), CATEGORY_SEPARATOR.join(b[-parts:])


def summary(tables: Mapping[str, pl.DataFrame | None]) -> list[str]:
    """Tell what was found: a line for each kind."""
    duplicates, labels = tables["near_duplicates"], tables["wrong_labels"]
    told: list[str] = []
    if duplicates is not None:
        crossing = int(duplicates["crosses_split"].sum())
        pairs, sets = _counted(duplicates.height, "pair"), _counted(duplicates["set"].n_unique(), "set")
        told.append(
            _line("near-duplicates", f"{pairs} in {sets}, {crossing:,} across the split" if duplicates.height else "")
        )
    if labels is not None:
        told.append(_line("wrong labels", f"{labels.height:,} to look at{_confused(labels)}" if labels.height else ""))
    for kind, name in (("not_products", "no products"), ("small_labels", "small labels")):
        table = tables[kind]
        if table is not None:
            told.append(_line(name, _by_reason(table)))
    return told


def next_steps(found: Mapping[str, int]) -> list[str]:
    """Say what to do about each kind that was found."""
    steps = {
        "near_duplicates": "One picture in two listings: give both rows one product (or seller) id, so that the split "
        "keeps them together, or take one out.",
        "wrong_labels": "Wrong labels: correct the category in your table; begin at the top, and stop where most are "
        "right. Two labels that are mixed up again and again may look the same: merge them.",
        "not_products": "No product to see: take the photo's row out of your table, or replace the file.",
        "small_labels": "Small labels: add photos, merge them into a neighbour, or name them in --ignore-labels.",
    }
    told = [f"  • {text}" for kind, text in steps.items() if found[kind]]
    return [*told, "  Build again: only what changed is done anew. Nothing was changed by the audit."] if told else []


def _line(name: str, said: str) -> str:
    return f"  {name:<17} {said or 'none'}"


def _confused(labels: pl.DataFrame) -> str:
    often = labels.group_by("label", "suggested_label").len().sort("len", "label", descending=[True, False]).head(3)
    pairs = [(short_names(said, seen), count) for said, seen, count in often.iter_rows()]
    return "; most often " + ", ".join(f"{said} → {seen} ({count:,})" for (said, seen), count in pairs)


def _by_reason(table: pl.DataFrame) -> str:
    counts = table.group_by("reason").len().sort("len", "reason", descending=[True, False])
    return ", ".join(f"{count:,} {reason}" for reason, count in counts.iter_rows())


def _either(first: str | None, second: str | None) -> str:
    if first == second:
        return first or "no category"
    names = short_names(first, second) if first and second else (first, second)
    return " | ".join(name or "no category" for name in names)


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
