"""Sweeps: every setting once, resumable, comparable."""

from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest
from train_shop import Inputs

from lookalike.errors import TrainingError
from lookalike.training import RunConfig, TrainConfig, cache
from lookalike.training.module import Classifier
from lookalike.training.sweep import Range, SweepConfig, Trial, sweep

pytestmark = pytest.mark.torch

BASE = TrainConfig(
    backbone="test_resnet", pretrained=False, size_px=32, epochs=1, precision="fp32", trained_stages=1, views=1
)
GRID = SweepConfig({"lr": (1e-3, 3e-3), "batch_size": (8, 12)})
QUIET = RunConfig(progress=False)


def test_a_grid_trains_every_combination_once(inputs: Inputs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[object, tuple[int, int]]] = []
    see = cache.Cache._see  # pyright: ignore
    monkeypatch.setattr(
        cache.Cache, "_see", lambda self, which: (seen.append((self._photos.image_ids, which)), see(self, which))[1]
    )
    told: list[Trial] = []
    found = sweep((inputs.catalogue, inputs.split), tmp_path / "sweep", BASE, GRID, run=QUIET, report=told.append)
    names = {"lr=0.001,batch_size=8", "lr=0.001,batch_size=12", "lr=0.003,batch_size=8", "lr=0.003,batch_size=12"}
    assert {trial.name for trial in found} == {trial.name for trial in told} == names
    accuracies = [trial.val_accuracy or 0 for trial in found]
    assert accuracies == sorted(accuracies, reverse=True)
    assert len(seen) == len(set(seen)) > 24  # the frozen stages ran once for all four
    table = pl.read_parquet(tmp_path / "sweep" / "trials.parquet")
    assert set(table["name"]) == names
    assert set(table["lr"]) == {"0.001", "0.003"}
    for name in names:
        history = pl.read_parquet(tmp_path / "sweep" / "trials" / name / "history.parquet")
        (best,) = table.filter(pl.col("name") == name)["val_accuracy"]
        assert history["val_accuracy"].max() == pytest.approx(best, abs=1e-4)
        assert list((tmp_path / "sweep" / "trials" / name / "tensorboard").glob("events*"))


def test_a_stopped_sweep_goes_on(inputs: Inputs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    steps: list[int] = []
    step = Classifier.training_step

    def stopping(module: Classifier, batch: object, batch_idx: int) -> object:
        steps.append(batch_idx)
        if len(steps) == 5:  # in the second run
            raise KeyboardInterrupt
        return step(module, batch, batch_idx)  # pyright: ignore

    data, out = (inputs.catalogue, inputs.split), tmp_path / "sweep"
    with monkeypatch.context() as patched:
        patched.setattr(Classifier, "training_step", stopping)
        with pytest.raises(TrainingError, match="training was stopped"):
            sweep(data, out, BASE, GRID, run=QUIET)
    assert 1 <= pl.read_parquet(out / "trials.parquet").height <= 2
    found = sweep(data, out, BASE, GRID, run=QUIET)
    assert len(found) == len({trial.name for trial in found}) == 4
    assert sweep(data, out, BASE, GRID, run=QUIET) == found  # nothing is left to do


def test_a_setting_that_fails_is_told_and_the_others_run(
    inputs: Inputs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    step = Classifier.training_step

    def failing(module: Classifier, batch: object, batch_idx: int) -> object:
        if module._config.lr == 1e-3:  # pyright: ignore
            raise TrainingError("the loss is no longer a finite number")
        return step(module, batch, batch_idx)  # pyright: ignore

    monkeypatch.setattr(Classifier, "training_step", failing)
    config = SweepConfig({"lr": (1e-3, 3e-3)})
    found = sweep((inputs.catalogue, inputs.split), tmp_path / "sweep", BASE, config, run=QUIET)
    assert [(trial.name, trial.state) for trial in found] == [("lr=0.003", "complete"), ("lr=0.001", "failed")]
    assert found[1].val_accuracy is None


def test_random_draws_from_a_range(inputs: Inputs, tmp_path: Path) -> None:
    config = SweepConfig({"lr": Range(1e-4, 1e-2)}, "random", trials=2, seed=3)
    found = sweep((inputs.catalogue, inputs.split), tmp_path / "sweep", BASE, config, run=QUIET)
    assert len({trial.settings["lr"] for trial in found}) == 2
    assert all(1e-4 <= float(trial.settings["lr"]) <= 1e-2 for trial in found)


@pytest.mark.parametrize(
    ("config", "what"),
    [
        (SweepConfig({}), "nothing to sweep"),
        (SweepConfig({"lr": Range(1e-4, 1e-2)}), "has no grid"),
        (SweepConfig({"lr": Range(1e-2, 1e-4)}, "tpe"), "is empty"),
        (SweepConfig({"lr": (1e-3, -1.0)}), "learning rate is out of range"),
    ],
)
def test_a_space_that_makes_no_sense_is_refused(config: SweepConfig, what: str, inputs: Inputs, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match=what):
        sweep((inputs.catalogue, inputs.split), tmp_path / "sweep", replace(BASE), config, run=QUIET)
    assert not (tmp_path / "sweep").exists()
