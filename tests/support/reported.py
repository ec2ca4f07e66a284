"""A site that is reported on, and training runs that were never trained."""

import json
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from lookalike import pipeline
from lookalike.artifacts import Artifact, Recipe, create, open_artifact
from lookalike.report import write_report
from lookalike.types import Json

HOSTILE = "<i id=x>green&\"'"
LABELS = ("red_wine", HOSTILE, "blue")


class Silent:
    """A reporter that says nothing."""

    @contextmanager
    def stage(self, name: str) -> Generator[Callable[[int, int], None]]:
        """Announce nothing."""
        yield lambda done, total: None

    def finished(self, stage: pipeline.StageReport) -> None:
        """Tell nothing."""


@dataclass(frozen=True)
class Site:
    """A site's folder; and what its report says."""

    path: Path

    def artifact(self, kind: str) -> Artifact:
        return open_artifact(self.path / kind, kind)

    def evaluation(self) -> Json:
        return json.loads((self.path / "evaluation" / "evaluation.json").read_text(encoding="utf-8"))

    def without(self, *kinds: str) -> "Site":
        """Take parts of the site away."""
        for kind in kinds:
            (self.path / kind).unlink()
        return self

    def report(self, **options: Path) -> str:
        return write_report(self.path, self.path / "report.html", **options).read_text(encoding="utf-8")


def train_nothing(out: Path, lr: float, accuracies: list[float]) -> Artifact:
    """A model artefact with a history and nothing else."""
    epochs = range(1, len(accuracies) + 1)
    with create(out, Recipe("model", 1, {"lr": lr, "seed": 7}, {})) as draft:
        history = {
            "epoch": list(epochs),
            "train_loss": [3.0 / epoch for epoch in epochs],
            "val_loss": [3.5 / epoch for epoch in epochs],
            "val_accuracy": accuracies,
            "lr": [lr] * len(accuracies),
        }
        pl.DataFrame(history).write_parquet(draft.path / "history.parquet")
        best = max(accuracies)
        draft.counts = {
            "best_epoch": accuracies.index(best) + 1,
            "best_validation_accuracy": best,
            "kept_epoch": len(accuracies),
            "kept_validation_accuracy": accuracies[-1],
        }
        draft.about = {"command": f"lookalike sweep --lr {lr}", "versions": {"torch": "9.9.9"}}
    return open_artifact(out, "model")


def sweep_nothing(folder: Path) -> Path:
    """Two runs, the second better, and one that failed."""
    models = [
        train_nothing(folder / "trials" / f"lr={lr}", lr, accuracies)
        for lr, accuracies in ((0.001, [0.4, 0.55]), (0.002, [0.5, 0.625]))
    ]
    rows = [
        {"name": "lr=0.001", "state": "complete", "val_accuracy": 0.55, "model": models[0].path.name},
        {"name": "lr=0.002", "state": "complete", "val_accuracy": 0.625, "model": models[1].path.name},
        {"name": "lr=9", "state": "failed", "val_accuracy": None, "model": None},
    ]
    pl.DataFrame(rows).write_parquet(folder / "trials.parquet")
    return folder
