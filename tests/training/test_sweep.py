"""Sweeps: every setting once, resumable, comparable."""

import math
from dataclasses import replace
from pathlib import Path
from statistics import fmean

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from optuna.trial import FrozenTrial, create_trial
from train_shop import Inputs

from lookalike.errors import Stopped, TrainingError
from lookalike.training import RunConfig, TrainConfig, cache, train
from lookalike.training import sweep as sweeping
from lookalike.training.module import Classifier
from lookalike.training.sweep import Range, SweepConfig, Trial, draw, sweep

pytestmark = pytest.mark.torch

BASE = TrainConfig(
    backbone="test_resnet", pretrained=False, size_px=32, epochs=1, precision="fp32", trained_stages=1, views=1
)
GRID = SweepConfig({"lr": (1e-3, 3e-3), "batch_size": (8, 12)})
QUIET = RunConfig(progress=False)


def test_a_grid_trains_every_combination_once(inputs: Inputs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shards: list[object] = []
    make = cache._shard  # pyright: ignore
    monkeypatch.setattr(cache, "_shard", lambda *given: (shards.append(given[2]), make(*given))[1])
    told: list[Trial] = []
    found = sweep((inputs.catalogue, inputs.split), tmp_path / "sweep", BASE, GRID, run=QUIET, report=told.append)
    names = {"lr=0.001,batch_size=8", "lr=0.001,batch_size=12", "lr=0.003,batch_size=8", "lr=0.003,batch_size=12"}
    assert {trial.name for trial in found} == {trial.name for trial in told} == names
    accuracies = [trial.val_accuracy or 0 for trial in found]
    assert accuracies == sorted(accuracies, reverse=True)
    assert len(shards) == 2  # training and validation: the frozen stages ran once for all four
    table = pl.read_parquet(tmp_path / "sweep" / "trials.parquet")
    assert set(table["name"]) == names
    assert set(table["lr"]) == {"0.001", "0.003"}
    for name in names:
        history = pl.read_parquet(tmp_path / "sweep" / "trials" / name / "history.parquet")
        (best,) = table.filter(pl.col("name") == name)["val_accuracy"]
        assert history["val_accuracy"].max() == pytest.approx(best, abs=1e-4)
        assert list((tmp_path / "sweep" / "trials" / name / "tensorboard").glob("events*"))


SPACES = {
    "grid": GRID,
    "random": SweepConfig({"lr": Range(1e-4, 1e-2), "batch_size": (8, 12)}, "random", trials=4, seed=3),
    "tpe": SweepConfig({"lr": Range(1e-4, 1e-2), "batch_size": (8, 12)}, "tpe", trials=4, seed=3),
}


@pytest.mark.parametrize("sampler", ["grid", "random", "tpe"])
def test_a_sweep_that_was_stopped_in_every_trial_ends_as_if_it_never_was(
    sampler: str, inputs: Inputs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data, config, base = (inputs.catalogue, inputs.split), SPACES[sampler], replace(BASE, epochs=2)
    whole = sweep(data, tmp_path / "whole", base, config, run=QUIET)
    assert len(whole) == 4
    step, begun = Classifier.training_step, 0

    def stopping(module: Classifier, batch: object, batch_idx: int) -> object:
        if batch_idx == 0 and module.trainer.current_epoch == 1 and begun == 0:  # once in each run's second epoch
            raise KeyboardInterrupt
        return step(module, batch, batch_idx)  # pyright: ignore

    out = tmp_path / "stopped"
    monkeypatch.setattr(Classifier, "training_step", stopping)
    for done in range(4):
        begun = 0
        with pytest.raises(Stopped, match="training was stopped; 1 of 2"):
            sweep(data, out, base, config, run=QUIET)
        assert (pl.read_parquet(out / "trials.parquet").height if done else 0) == done
        begun = 1
        finished: list[Trial] = []

        def enough(trial: Trial, finished: list[Trial] = finished) -> None:
            finished.append(trial)
            raise StopIteration

        with pytest.raises(StopIteration):
            sweep(data, out, base, config, run=QUIET, report=enough)
    assert sweep(data, out, base, config, run=QUIET) == whole
    tables = [pl.read_parquet(tmp_path / one / "trials.parquet") for one in ("stopped", "whole")]
    assert tables[0].equals(tables[1])
    for name in tables[0]["model"]:
        histories = [
            pl.read_parquet(tmp_path / one / "trials" / name / "history.parquet") for one in ("stopped", "whole")
        ]
        assert histories[0]["epoch"].to_list() == [1, 2]
        assert histories[0]["val_loss"].to_list() == pytest.approx(histories[1]["val_loss"].to_list())


@given(st.integers(0, 2**31), st.sampled_from(["random", "tpe"]))
@settings(max_examples=10, deadline=None)
def test_a_draw_depends_on_what_is_done_and_on_the_seed_alone(seed: int, sampler: str) -> None:
    config = SweepConfig({"lr": Range(1e-4, 1e-2), "batch_size": (8, 12, 16)}, sampler, seed=seed)  # pyright: ignore
    done: list[FrozenTrial] = []
    for value in np.linspace(0.2, 0.9, 12):  # past the ten that TPE draws blindly
        drawn, again = draw(config, done), draw(config, done)
        assert drawn.params == again.params
        done.append(create_trial(value=float(value), params=drawn.params, distributions=drawn.distributions))
    assert len({one.params["lr"] for one in done}) == 12
    assert draw(replace(config, seed=seed + 1), []).params != done[0].params


def test_tpe_looks_where_it_was_good() -> None:
    """Accuracy is best at 1e-3: late draws lie nearer to it than the first ones."""
    config = SweepConfig({"lr": Range(1e-6, 1.0)}, "tpe")
    done: list[FrozenTrial] = []
    for _ in range(40):
        drawn = draw(config, done)
        value = -abs(math.log10(drawn.params["lr"]) + 3)
        done.append(create_trial(value=value, params=drawn.params, distributions=drawn.distributions))
    far = [-float(one.value or 0) for one in done]
    assert fmean(far[20:]) < 0.6 * fmean(far[:10])


def test_part_of_a_grid_is_no_corner_of_it_and_more_can_be_asked_for_later(
    inputs: Inputs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = SweepConfig({"lr": tuple(n / 1000 for n in range(1, 11)), "batch_size": tuple(range(1, 11))})
    done: list[FrozenTrial] = []
    for _ in range(100):
        drawn = draw(config, done)
        done.append(create_trial(value=0.5, params=drawn.params, distributions=drawn.distributions))
    assert len({tuple(one.params.values()) for one in done}) == 100
    assert len({one.params["lr"] for one in done[:20]}) > 5
    trained: list[Path] = []
    monkeypatch.setattr(sweeping, "train", lambda *given: (trained.append(given[2]), train(*given))[1])
    few, data = replace(GRID, trials=2), (inputs.catalogue, inputs.split)
    first = sweep(data, tmp_path / "sweep", BASE, few, run=QUIET)
    every = sweep(data, tmp_path / "sweep", BASE, replace(GRID, trials=9), run=QUIET)
    assert (len(first), len(every), len(trained)) == (2, 4, 4)
    assert {trial.name for trial in first} < {trial.name for trial in every}


def test_another_question_in_the_same_folder_is_another_study(inputs: Inputs, tmp_path: Path) -> None:
    data, out = (inputs.catalogue, inputs.split), tmp_path / "sweep"
    one = SweepConfig({"lr": (1e-3,)})
    sweep(data, out, BASE, one, run=QUIET)
    (model,) = pl.read_parquet(out / "trials.parquet")["model"]
    sweep(data, out, replace(BASE, epochs=2), one, run=QUIET)
    (other,) = pl.read_parquet(out / "trials.parquet")["model"]
    assert model != other
    assert [pl.read_parquet(out / "trials" / name / "history.parquet").height for name in (model, other)] == [1, 2]
    sweep(data, out, BASE, one, run=QUIET)
    assert pl.read_parquet(out / "trials.parquet")["model"].to_list() == [model]


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
        (SweepConfig({"lr": (1e-3,)}, "annealing"), "sampler 'annealing' is unknown"),  # pyright: ignore
    ],
)
def test_a_space_that_makes_no_sense_is_refused(config: SweepConfig, what: str, inputs: Inputs, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match=what):
        sweep((inputs.catalogue, inputs.split), tmp_path / "sweep", replace(BASE), config, run=QUIET)
    assert not (tmp_path / "sweep").exists()
