"""Labels: full category prefixes, chosen so that each has enough training photos to be learned."""

import re
from collections import defaultdict
from collections.abc import Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from lookalike.types import CATEGORY_SEPARATOR

MIN_PHOTOS = 5
MIN_GROUPS = 2


def split_path(category: str | None) -> tuple[str, ...]:
    """Cut a raw category into its trimmed, non-empty parts: `" A /  B "` gives `("A", "B")`, and `"A/B"` one part."""
    parts = re.split(r"(?<!\S)/(?!\S)", category or "")
    return tuple(part.strip() for part in parts if part.strip())


def join_path(parts: Sequence[str]) -> str:
    """Join parts to the one spelling of a category path."""
    return CATEGORY_SEPARATOR.join(parts)


def prefixes(category: str) -> list[str]:
    """All prefixes by whole parts, shortest first: `A / B / C` gives `A`, `A / B`, `A / B / C`."""
    parts = split_path(category)
    return [join_path(parts[: depth + 1]) for depth in range(len(parts))]


@dataclass(frozen=True)
class LabelSet:
    """The labels that were chosen, and how a category finds its own.

    `level` is `parent`, `auto`, or a path depth as text. A category's label is the longest of its prefixes
    (down to that depth) that was chosen; None where there is none, or where the category is ignored.
    """

    labels: tuple[str, ...]
    level: str = "auto"
    ignored: frozenset[str] = frozenset()

    def of(self, category: str | None) -> str | None:
        """Return the label of a category path, or None: such a photo is searchable, but not learned or scored."""
        if category is None or _is_ignored(category, self.ignored):
            return None
        candidates = reversed(_candidates(category, self.level))
        return next((prefix for prefix in candidates if prefix in self._known), None)

    @cached_property
    def _known(self) -> frozenset[str]:
        return frozenset(self.labels)


def choose_labels(
    categories: Sequence[str | None],
    groups: Sequence[Hashable],
    *,
    level: str = "auto",
    ignored: Collection[str] = (),
) -> LabelSet:
    """Choose the labels that training photos can support.

    Bottom up: a category path becomes a label if at least `MIN_PHOTOS` photos of at least `MIN_GROUPS` groups end
    there; otherwise its photos are handed to its parent path, and so on. At a fixed level nothing is handed up.

    Parameters
    ----------
    categories, groups : one per training photo
        The category path (or None) and the group that must not cross a split.
    level : "parent", "auto" or a depth ("1" is the parent)
        How deep labels may go; "auto" goes as deep as the photos allow.
    ignored : labels by full path or, for a one-part name, by that name
        Photos under these are searchable but never learned or scored.

    Raises
    ------
    ValueError
        No such level.
    """
    _check_level(level)
    members: dict[str, list[Hashable]] = defaultdict(list)
    ignored_set = frozenset(ignored)
    for category, group in zip(categories, groups, strict=True):
        if category is None or _is_ignored(category, ignored_set):
            continue
        candidates = _candidates(category, level)
        if candidates:
            members[candidates[-1]].append(group)
    chosen: list[str] = []
    for depth in range(max(map(_depth, members), default=0), 0, -1):
        for label in [label for label in members if _depth(label) == depth]:
            photos = members.pop(label)
            if len(photos) >= MIN_PHOTOS and len(set(photos)) >= MIN_GROUPS:
                chosen.append(label)
            elif level == "auto" and depth > 1:
                members[label.rsplit(CATEGORY_SEPARATOR, 1)[0]].extend(photos)
    return LabelSet(tuple(sorted(chosen)), level, ignored_set)


def label_set_config(labels: LabelSet) -> Mapping[str, object]:
    """Describe a label set as JSON."""
    return {"labels": list(labels.labels), "level": labels.level, "ignored": sorted(labels.ignored)}


def _check_level(level: str) -> None:
    if level not in ("auto", "parent") and not (level.isascii() and level.isdigit() and int(level) >= 1):
        raise ValueError(f"level must be auto, parent or a depth from 1, not {level!r}")


def _candidates(category: str, level: str) -> list[str]:
    found = prefixes(category)
    if level == "auto":
        return found
    depth = 1 if level == "parent" else int(level)
    return found[:depth][-1:]  # a path shorter than the level is its own deepest prefix


def _depth(label: str) -> int:
    return label.count(CATEGORY_SEPARATOR) + 1


def _is_ignored(category: str, ignored: frozenset[str]) -> bool:
    return any(prefix in ignored for prefix in prefixes(category))
