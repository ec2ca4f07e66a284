"""What a report shows: everything that can be read of a site, and None for what is not there."""

import json
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from lookalike.artifacts import Artifact, open_artifact
from lookalike.errors import ArtifactError
from lookalike.types import Json

KINDS = ("catalogue", "split", "model", "encoder", "embeddings", "views", "head", "collection", "evaluation")


@dataclass(frozen=True, eq=False)
class Found:
    """A site's artefacts by kind, its evaluation, and the histories of its training runs by name."""

    site: Path
    artifacts: dict[str, Artifact]
    evaluation: Json | None
    queries: pl.DataFrame | None
    rejects: pl.DataFrame
    histories: dict[str, pl.DataFrame]
    ablations: list[Json]


def read_site(site: Path, *, sweep: Path | None = None, ablations: Path | None = None) -> Found:
    """Read what there is.

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
            queries = pl.read_parquet(made.path / "per_query.parquet")
        except (OSError, ValueError, pl.exceptions.PolarsError) as error:
            raise ArtifactError(
                "this evaluation cannot be read", where=str(made.path), mend="Evaluate again: lookalike evaluate SITE"
            ) from error
    frames = [artifact.rejects() for artifact in artifacts.values()]
    rejects = pl.concat([frame for frame in frames if frame.height] or [frames[0]])
    return Found(site, artifacts, evaluation, queries, rejects, _histories(artifacts, sweep), _ablations(ablations))


def _histories(artifacts: dict[str, Artifact], sweep: Path | None) -> dict[str, pl.DataFrame]:
    found: dict[str, pl.DataFrame] = {}
    if "model" in artifacts and (file := artifacts["model"].path / "history.parquet").is_file():
        found["model"] = pl.read_parquet(file)
    if sweep is not None:
        files = sorted(file for file in (sweep / "trials").glob("*/history.parquet") if file.parent.is_symlink())
        files = files or sorted((sweep / "trials").glob("*/history.parquet"))
        if not files:
            raise ArtifactError(
                "there are no runs in this sweep", where=str(sweep), mend="Make one: lookalike sweep CATALOGUE --lr ..."
            )
        found |= {file.parent.name: pl.read_parquet(file) for file in files}
    return found


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
