"""What a report shows: everything that can be read of a site, and None for what is not there."""

import json
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from lookalike.artifacts import Artifact, open_artifact
from lookalike.catalogue.files import LEDGER
from lookalike.errors import ArtifactError
from lookalike.files import read_json_lines
from lookalike.types import Json

KINDS = ("catalogue", "split", "model", "encoder", "embeddings", "views", "head", "collection", "evaluation")
_NEEDED = {"figures", "counts", "left_out", "ledger"}
HISTORY, TRIALS, SWEEP = "history.parquet", "trials.parquet", "sweep"


@dataclass(frozen=True, eq=False)
class Found:
    """A site's artefacts by kind, its evaluation, and its training runs by name: `model` and the trials of a sweep."""

    site: Path
    artifacts: dict[str, Artifact]
    evaluation: Json | None
    queries: pl.DataFrame | None
    rejects: pl.DataFrame
    runs: dict[str, Artifact]
    histories: dict[str, pl.DataFrame]
    failed_runs: int
    ablations: list[Json]
    uses: list[Json]

    def made(self, *kinds: str) -> list[Artifact]:
        """The artefacts of these kinds that there are."""
        return [self.artifacts[kind] for kind in kinds if kind in self.artifacts]


def read_site(site: Path, *, sweep: Path | None = None, ablations: Path | None = None) -> Found:
    """Read what there is. Without `sweep`, the one in the site's own `sweep/`, where there is one.

    Raises
    ------
    ArtifactError
        There is no catalogue, so this is no site; or a file that was named cannot be read.
    """
    artifacts: dict[str, Artifact] = {}
    for kind in KINDS:
        if (site / kind).exists():
            artifacts[kind] = open_artifact(site / kind, kind)
    if "catalogue" not in artifacts:
        raise ArtifactError("this is no built site", where=str(site), mend="Build one: lookalike build SOURCE -o site/")
    evaluation, queries = None, None
    if (made := artifacts.get("evaluation")) is not None:
        try:
            evaluation = json.loads((made.path / "evaluation.json").read_text(encoding="utf-8"))
            if _NEEDED - evaluation.keys():
                raise ValueError("an evaluation of another version")
            queries = pl.read_parquet(made.path / "per_query.parquet")
        except (OSError, ValueError, pl.exceptions.PolarsError) as error:
            raise ArtifactError(
                "this evaluation cannot be read", where=str(made.path), mend="Evaluate again: lookalike evaluate SITE"
            ) from error
    frames = [artifact.rejects() for artifact in artifacts.values()]
    rejects = pl.concat([frame for frame in frames if frame.height] or [frames[0]])
    where = sweep or (site / SWEEP if (site / SWEEP / TRIALS).is_file() else None)
    runs, failed = _runs(artifacts, where)
    histories = {name: pl.read_parquet(made.path / HISTORY) for name, made in runs.items()}
    return Found(
        site,
        artifacts,
        evaluation,
        queries,
        rejects,
        runs,
        histories,
        failed,
        _ablations(ablations),
        _uses(site, artifacts, evaluation),
    )


def _uses(site: Path, artifacts: dict[str, Artifact], evaluation: Json | None) -> list[Json]:
    """Every use of the evaluation's test part up to now; where the site has lost its ledger, those it knew of."""
    if evaluation is None:
        return []
    split = artifacts["evaluation"].parents.get("split")
    uses = [use for use in read_json_lines(site / LEDGER) if use.get("split", split) == split]
    return uses or evaluation["ledger"]["last"]


def _runs(artifacts: dict[str, Artifact], sweep: Path | None) -> tuple[dict[str, Artifact], int]:
    """The model and the trials of the sweep's last question, best first; and how many of them failed."""
    found = {kind: made for kind, made in artifacts.items() if kind == "model" and (made.path / HISTORY).is_file()}
    if sweep is None:
        return found, 0
    try:
        table = pl.read_parquet(sweep / TRIALS).sort("val_accuracy", descending=True, nulls_last=True)
        complete = table.filter(pl.col("model").is_not_null())
        for name, folder in complete.select("name", "model").iter_rows():
            found[name] = open_artifact(sweep / "trials" / folder, "model")
    except (OSError, pl.exceptions.PolarsError) as error:
        raise ArtifactError(
            "there are no runs in this sweep", where=str(sweep), mend="Make one: lookalike sweep CATALOGUE --lr ..."
        ) from error
    return found, table.height - complete.height


def _ablations(file: Path | None) -> list[Json]:
    if file is None:
        return []
    try:
        rows = json.loads(file.read_text(encoding="utf-8"))
        if isinstance(rows, list) and all(isinstance(row, dict) and "name" in row for row in rows):
            return rows
    except (OSError, ValueError):
        rows = None
    raise ArtifactError(
        "this is no table of ablations", where=str(file), mend='Give JSON: [{"name": "...", "accuracy": 0.8}, ...]'
    )
