"""Two evaluations side by side: each figure, and the difference over the queries that both were asked, paired."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import polars as pl

from lookalike import metrics
from lookalike.artifacts import Artifact, open_artifact
from lookalike.errors import ArtifactError
from lookalike.evaluate.evaluation import ENGINE
from lookalike.evaluate.stage import KIND, PER_QUERY
from lookalike.metrics import Float64Array, Summary
from lookalike.types import Json

_COLUMNS = ("image_id", "group", "label", "answers", "gallery", "first_answer_rank", "predicted")


@dataclass(frozen=True)
class Compared:
    """One figure over the common queries: its two means, and second minus first with a paired interval.

    `same_gallery` is false where both searched among another number of photos, so that one had the easier task.
    """

    name: str
    first: float
    second: float
    difference: Summary
    same_gallery: bool

    def to_json(self) -> Json:
        """Describe it as JSON."""
        return asdict(self)


def compare(first: Path, second: Path, *, seed: int = 0) -> list[Compared]:
    """Compare two evaluations.

    Parameters
    ----------
    first, second : evaluation folders, or sites that hold one
    seed : of the bootstrap

    Returns
    -------
    A line for each figure that both can tell query by query; queries that only one was asked are left out.

    Raises
    ------
    ArtifactError
        No evaluation there, or not one query in common.
    """
    sides = [_open(path) for path in (first, second)]
    frames = [_queries(side) for side in sides]
    found: list[Compared] = []
    for protocol in sorted({*frames[0]["protocol"], *frames[1]["protocol"]}, key=_order):
        both = frames[0].filter(pl.col("protocol") == protocol).select(_COLUMNS)
        both = both.join(
            frames[1].filter(pl.col("protocol") == protocol).select(_COLUMNS), on="image_id", suffix="_second"
        )
        if not both.height:
            continue
        same = bool((both["gallery"] == both["gallery_second"]).all())
        for name, values in _figures(protocol):
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


def _figures(protocol: str) -> list[tuple[str, Callable[[pl.DataFrame, str], Float64Array | None]]]:
    def recall(k: int) -> Callable[[pl.DataFrame, str], Float64Array]:
        def values(both: pl.DataFrame, side: str) -> Float64Array:
            rank = both[f"first_answer_rank{side}"].to_numpy().astype(np.float64)
            answered = both[f"answers{side}"].to_numpy() > 0
            return np.where(answered, np.asarray(np.nan_to_num(rank, nan=np.inf) <= k, np.float64), np.nan)

        return values

    def accuracy(both: pl.DataFrame, side: str) -> Float64Array | None:
        predicted = both[f"predicted{side}"]
        if predicted.null_count() == len(predicted):
            return None
        return (predicted == both[f"label{side}"]).cast(pl.Float64).fill_null(float("nan")).to_numpy()

    found: list[tuple[str, Callable[[pl.DataFrame, str], Float64Array | None]]] = [
        (f"{protocol} recall@{k}", recall(k)) for k in (1, 10)
    ]
    return [("accuracy", accuracy), *found] if protocol == "label" else found


def _order(protocol: str) -> tuple[int, str]:
    known = ("label", "product", "photos", "own product", "instance", "scene")
    return (known.index(protocol) if protocol in known else len(known), protocol)


def _open(path: Path) -> Artifact:
    inside = path / "evaluation"
    return open_artifact(inside if inside.exists() else path, KIND)


def _queries(side: Artifact) -> pl.DataFrame:
    try:
        frame = pl.read_parquet(side.path / PER_QUERY).filter(pl.col("variant") == ENGINE)
        return frame.select("protocol", *_COLUMNS)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise ArtifactError(
            f"this evaluation has no readable {PER_QUERY} of this version", where=str(side.path), mend="Evaluate again"
        ) from error
