"""Sweeps: every setting once, resumable, comparable."""

import math
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import fmean

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from optuna.trial import FrozenTrial, create_trial
from tensorboard.backend.event_processing import io_wrapper
from train_shop import Inputs

from lookalike.artifacts import Artifact, digest
from lookalike.errors import Stopped, TrainingError
from lookalike.training import RunConfig, TrainConfig, cache
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
    events = tmp_path / "sweep" / "tensorboard"
    assert shown_by_tensorboard(events) == names
    (events / sorted(names)[0]).unlink()  # as an older sweep left it
    (events / sorted(names)[1]).unlink()
    (events / sorted(names)[1]).symlink_to("elsewhere")
    sweep((inputs.catalogue, inputs.split), tmp_path / "sweep", BASE, GRID, run=QUIET)
    assert shown_by_tensorboard(events) == names


def shown_by_tensorboard(folder: Path) -> set[str]:
    """The runs that TensorBoard finds below a folder, each once."""
    found = [Path(run).relative_to(folder).as_posix() for run in io_wrapper.GetLogdirSubdirectories(str(folder))]
    assert len(found) == len(set(found))
    return set(found)


@dataclass
class Pretended:
    """Training without training: accuracy falls with the distance of the learning rate from 1e-3.

    `stops` says of the n-th folder that was begun how many times it is stopped first; those in `fails` fail.
    """

    stops: dict[int, int] = field(default_factory=dict)
    fails: tuple[int, ...] = ()
    begun: list[Path] = field(default_factory=list)

    def __call__(self, _: Path, __: Path, out: Path, config: TrainConfig, ___: RunConfig) -> Artifact:
        if out not in self.begun:
            self.begun.append(out)
        number = self.begun.index(out)
        if self.stops.get(number, 0):
            self.stops[number] -= 1
            raise Stopped("training was stopped")
        if number in self.fails:
            raise TrainingError("the loss is no longer a finite number")
        accuracy = round(1 - abs(math.log10(config.lr) + 3) / 10 - config.batch_size / 1000, 4)
        counts = {"best_validation_accuracy": 1.0, "kept_validation_accuracy": accuracy}
        return Artifact(out.with_name(f"{out.name}.{digest(config.to_json())}"), "model", "hash", {}, {}, counts, {})


@pytest.mark.parametrize("sampler", ["grid", "random", "tpe"])
@pytest.mark.parametrize("stops", [{0: 1}, {1: 3, 2: 1, 13: 1}], ids=["in the first", "again and again"])
def test_a_stopped_sweep_ends_as_if_it_never_was(
    sampler: str, stops: dict[int, int], inputs: Inputs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fourteen trials, more than the ten that TPE draws blindly; two of them fail."""
    space = {"lr": (1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1) if sampler == "grid" else Range(1e-5, 1e-1)}
    config = SweepConfig(space | {"batch_size": (8, 12)}, sampler, trials=14, seed=3)  # pyright: ignore
    data = (inputs.catalogue, inputs.split)
    monkeypatch.setattr(sweeping, "train", Pretended(fails=(2, 6)))
    whole = sweep(data, tmp_path / "whole", BASE, config, run=QUIET)
    assert (len(whole), [one.state for one in whole].count("failed")) == (14, 2)
    pretended = Pretended(dict(stops), fails=(2, 6))
    monkeypatch.setattr(sweeping, "train", pretended)
    for number, times in stops.items():
        for _ in range(times):
            with pytest.raises(Stopped):
                sweep(data, tmp_path / "stopped", BASE, config, run=QUIET)
            assert len(pretended.begun) == number + 1
    assert sweep(data, tmp_path / "stopped", BASE, config, run=QUIET) == whole
    one, other = (pl.read_parquet(tmp_path / folder / "trials.parquet") for folder in ("whole", "stopped"))
    assert one.equals(other)
    assert len(pretended.begun) == 14  # what was stopped was done again in the same folder, and nothing twice


def test_a_trial_goes_on_from_its_own_checkpoint(
    inputs: Inputs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data, config, base = (inputs.catalogue, inputs.split), SweepConfig({"lr": (1e-3, 3e-3)}), replace(BASE, epochs=2)
    whole = sweep(data, tmp_path / "whole", base, config, run=QUIET)
    step, epochs, broken = Classifier.training_step, list[tuple[float, int]](), list[int]()

    def stopping(module: Classifier, batch: object, batch_idx: int) -> object:
        if batch_idx == 0:
            epochs.append((module._config.lr, module.trainer.current_epoch))  # pyright: ignore
        if len(epochs) == 4 and not broken:  # in the second epoch of the second trial
            broken.append(1)
            raise KeyboardInterrupt
        return step(module, batch, batch_idx)  # pyright: ignore

    monkeypatch.setattr(Classifier, "training_step", stopping)
    with pytest.raises(Stopped, match="training was stopped; 1 of 2"):
        sweep(data, tmp_path / "stopped", base, config, run=QUIET)
    assert pl.read_parquet(tmp_path / "stopped" / "trials.parquet").height == 1
    assert sweep(data, tmp_path / "stopped", base, config, run=QUIET) == whole
    assert epochs[3:] == [epochs[3]] * 2  # the epoch that was broken off is the only one that ran twice
    table = pl.read_parquet(tmp_path / "stopped" / "trials.parquet")
    for name in table["model"]:
        one, other = (
            pl.read_parquet(tmp_path / folder / "trials" / name / "history.parquet") for folder in ("stopped", "whole")
        )
        assert one["epoch"].to_list() == other["epoch"].to_list()
        assert one["val_loss"].to_list() == pytest.approx(other["val_loss"].to_list(), abs=1e-6)


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
    """Accuracy is best at 1e-3: late draws are nearer to it than the 1.5 decades that blind ones are in the mean."""
    far: list[float] = []
    for seed in range(3):
        config = SweepConfig({"lr": Range(1e-6, 1.0)}, "tpe", seed=seed)
        done: list[FrozenTrial] = []
        for _ in range(40):
            drawn = draw(config, done)
            off = abs(math.log10(drawn.params["lr"]) + 3)
            done.append(create_trial(value=-off, params=drawn.params, distributions=drawn.distributions))
        far += [-float(one.value or 0) for one in done[20:]]
    assert fmean(far) < 1.2


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
    pretended = Pretended()
    monkeypatch.setattr(sweeping, "train", pretended)
    few, data = replace(GRID, trials=2), (inputs.catalogue, inputs.split)
    first = sweep(data, tmp_path / "sweep", BASE, few, run=QUIET)
    every = sweep(data, tmp_path / "sweep", BASE, replace(GRID, trials=9), run=QUIET)
    assert (len(first), len(every), len(pretended.begun)) == (2, 4, 4)
    assert {trial.name for trial in first} < {trial.name for trial in every}


def test_another_question_in_the_same_folder_is_another_study(
    inputs: Inputs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data, out = (inputs.catalogue, inputs.split), tmp_path / "sweep"
    one = SweepConfig({"lr": (1e-3,)})
    pretended = Pretended()
    monkeypatch.setattr(sweeping, "train", pretended)
    questions = [(BASE, one), (replace(BASE, epochs=2), one), (BASE, SweepConfig({"lr": (1e-3, 2e-3)}))]
    models: list[list[str]] = []
    for base, config in questions:
        sweep(data, out, base, config, run=QUIET)
        models.append(pl.read_parquet(out / "trials.parquet")["model"].to_list())
    assert [len(names) for names in models] == [1, 1, 2]
    assert models[0] != models[1]
    pretended.begun.clear()
    sweep(data, out, BASE, one, run=QUIET)
    assert pl.read_parquet(out / "trials.parquet")["model"].to_list() == models[0]
    assert not pretended.begun  # it had been answered


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
