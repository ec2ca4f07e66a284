"""Two evaluations side by side: each figure, and the difference over the queries that both were asked, paired."""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import polars as pl

from lookalike import metrics
from lookalike.artifacts import MANIFEST, Artifact, open_artifact
from lookalike.errors import ArtifactError
from lookalike.evaluate.evaluation import ENGINE
from lookalike.evaluate.stage import FIGURES, KIND, PER_QUERY, folder_of
from lookalike.metrics import Float64Array, Summary
from lookalike.types import Json

_COLUMNS = ("image_id", "group", "label", "answers", "gallery", "first_answer_rank", "predicted")
_NEWER = "answers_at_10"
"""A column that older evaluations do not have; what needs it is not told of them."""
_MUST_AGREE = {"queries": "asked by the part", "gallery": "asked of the part", "seed": "made with the seed"}
_MANY = ("label", "product", "photos")
"""Protocols whose queries can have many answers: precision is told of them."""

_Values = Callable[[pl.DataFrame, str], Float64Array | None]


@dataclass(frozen=True)
class Compared:
    """One figure over the common queries: its two means, and second minus first with a paired interval.

    `same_gallery` is false where both did not search among the same photos with the same labels, so that one may have
    had the easier task. (Older evaluations tell numbers only: of photos, and of answers.)
    """

    name: str
    first: float
    second: float
    difference: Summary
    same_gallery: bool

    def to_json(self) -> Json:
        """Describe it as JSON."""
        return asdict(self)


def compare(first: Path, second: Path, *, part: str = "test", seed: int = 0) -> list[Compared]:
    """Compare two evaluations.

    Parameters
    ----------
    first, second : evaluation folders, or sites that hold one
    part : of sites, which evaluation is meant: asked by "test" or by "validation"
    seed : of the bootstrap

    Returns
    -------
    A line for each figure that both can tell query by query; queries that only one was asked are left out.

    Raises
    ------
    ArtifactError
        No evaluation there, or they were not asked the same: other splits, parts or seeds, or no query in common.
    """
    sides = [_open(path, part) for path in (first, second)]
    _refuse_unlike(sides)
    galleries, depth = [_galleries(side) for side in sides], _depth(sides)
    frames = [_queries(side) for side in sides]
    found: list[Compared] = []
    for protocol in sorted({*frames[0]["protocol"], *frames[1]["protocol"]}, key=_order):
        mine, other = (frame.filter(pl.col("protocol") == protocol).drop("protocol") for frame in frames)
        both = mine.join(other, on="image_id", suffix="_second")
        if not both.height:
            continue
        same = all((both[name] == both[f"{name}_second"]).all() for name in ("gallery", "answers"))
        known = [side.get("label" if protocol in ("label", "product") else "instance") for side in galleries]
        same = same and (None in known or known[0] == known[1])
        for name, values in _figures(protocol, depth):
            pair = values(both, ""), values(both, "_second")
            if pair[0] is not None and pair[1] is not None:
                found += _compared(name, (pair[0], pair[1]), both["group"].to_list(), same=same, seed=seed)
    if not found:
        raise ArtifactError(
            "these two evaluations have not one query in common",
            where=f"{first}, {second}",
            mend="Compare evaluations of the same catalogue and split",
        )
    return found


def compared_lines(found: Sequence[Compared]) -> list[str]:
    """Tell a comparison in plain text."""
    width = max(len(one.name) for one in found)
    rows = [f"{'':<{width}}  {'first':>7}  {'second':>7}  second - first (95 %)        queries"]
    for one in found:
        told = one.difference
        bounds = "" if told.low is None else f" ({told.low:+.3f} to {told.high:+.3f})"
        change = f"{0.0 if told.value is None else told.value:+.3f}{bounds}"
        mark = "" if one.same_gallery else "  (galleries differ)"
        rows.append(f"{one.name:<{width}}  {one.first:7.3f}  {one.second:7.3f}  {change:<27}  {told.queries}{mark}")
    return [*rows, "", "Differences are over the queries that both were asked, paired; intervals drawn anew by group."]


def _compared(
    name: str,
    pair: tuple[Float64Array, Float64Array],
    groups: Sequence[str],
    *,
    same: bool,
    seed: int,
) -> list[Compared]:
    known = np.isfinite(pair[0]) & np.isfinite(pair[1])
    if not known.any():
        return []
    told = metrics.difference(pair[1], pair[0], groups, seed=seed)
    return [Compared(name, float(pair[0][known].mean()), float(pair[1][known].mean()), told, same)]


def _figures(protocol: str, depth: int | None) -> list[tuple[str, _Values]]:
    def answered(both: pl.DataFrame, side: str, values: Float64Array) -> Float64Array:
        return np.where(both[f"answers{side}"].to_numpy() > 0, values, np.nan)

    def rank(both: pl.DataFrame, side: str) -> Float64Array:
        return np.nan_to_num(both[f"first_answer_rank{side}"].to_numpy().astype(np.float64), nan=np.inf)

    def recall(k: int) -> _Values:
        return lambda both, side: answered(both, side, np.asarray(rank(both, side) <= k, np.float64))

    def precision(both: pl.DataFrame, side: str) -> Float64Array | None:
        found = both[f"{_NEWER}{side}"]
        if found.null_count():
            return None
        shown = np.maximum(np.minimum(10, both[f"gallery{side}"].to_numpy()), 1)
        return answered(both, side, found.to_numpy() / shown)

    def reciprocal(both: pl.DataFrame, side: str) -> Float64Array:
        return answered(both, side, 1 / rank(both, side))

    def accuracy(both: pl.DataFrame, side: str) -> Float64Array | None:
        predicted = both[f"predicted{side}"]
        if predicted.null_count() == len(predicted):
            return None
        return (predicted == both[f"label{side}"]).cast(pl.Float64).fill_null(float("nan")).to_numpy()

    found: list[tuple[str, _Values]] = [(f"{protocol} recall@{k}", recall(k)) for k in (1, 10)]
    if protocol in _MANY:
        found.append((f"{protocol} precision@10", precision))
    if depth is not None:
        found.append((f"{protocol} MRR@{depth}", reciprocal))
    return [("accuracy", accuracy), *found] if protocol == "label" else found


def _order(protocol: str) -> tuple[int, str]:
    known = ("label", "product", "photos", "own product", "instance", "scene")
    return (known.index(protocol) if protocol in known else len(known), protocol)


def _open(path: Path, part: str) -> Artifact:
    inside = path / folder_of(part)
    return open_artifact(path if (path / MANIFEST).is_file() else inside, KIND)


def _refuse_unlike(sides: Sequence[Artifact]) -> None:
    """Paired differences are of the same questions; what an older version did not write down is not compared."""
    facts = [{**{name: side.config.get(name) for name in _MUST_AGREE}, **side.parents} for side in sides]
    for name, words in {**_MUST_AGREE, "split": "made on the split"}.items():
        one, other = (fact.get(name) for fact in facts)
        if None not in (one, other) and one != other:
            raise ArtifactError(
                f"these evaluations were not asked the same: one was {words} {one}, the other {other}",
                where=", ".join(str(side.path) for side in sides),
                mend="Evaluate both in the same way, with the same --part and --seed on the same split",
            )


def _galleries(side: Artifact) -> Json:
    """Hashes of what was searched, by protocol; none where an older version made it."""
    try:
        return json.loads((side.path / FIGURES).read_text(encoding="utf-8"))["about"]["galleries"]
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def _depth(sides: Sequence[Artifact]) -> int | None:
    """The hits fetched for each query, where both fetched as many."""
    one, other = (max(side.config.get("k", ()), default=None) for side in sides)
    return one if one == other else None


def _queries(side: Artifact) -> pl.DataFrame:
    try:
        frame = pl.read_parquet(side.path / PER_QUERY).filter(pl.col("variant") == ENGINE)
        newer = _NEWER if _NEWER in frame.columns else pl.lit(None, pl.Int64).alias(_NEWER)
        return frame.select("protocol", *_COLUMNS, newer)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise ArtifactError(
            f"this evaluation has no readable {PER_QUERY} of this version", where=str(side.path), mend="Evaluate again"
        ) from error
