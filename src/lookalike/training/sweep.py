"""Sweeps: train with many settings and compare validation accuracy; a study in SQLite that goes on where it stopped.

The search itself is Optuna's (the `analyse` extra): https://optuna.readthedocs.io.
"""

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, cast

import optuna
import polars as pl
from optuna.trial import FrozenTrial, TrialState

from lookalike.artifacts import Artifact
from lookalike.errors import Stopped, TrainingError
from lookalike.files import write_parquet
from lookalike.training.config import RunConfig, TrainConfig
from lookalike.training.fit import train

Sampler = Literal["grid", "random", "tpe"]
Value = float | int | str
TRIALS, TABLE, STUDY, CACHE = "trials", "trials.parquet", "study.sqlite", "cache"


@dataclass(frozen=True)
class Range:
    """All numbers from `low` to `high`, drawn evenly on a logarithmic scale."""

    low: float
    high: float


Choices = Sequence[Value] | Range


@dataclass(frozen=True)
class SweepConfig:
    """What is searched, and how.

    `space` names fields of `TrainConfig`, each with the values to try. `trials` None means every combination (grid), or
    20 (random, tpe).
    """

    space: Mapping[str, Choices]
    sampler: Sampler = "grid"
    trials: int | None = None
    seed: int = 0


@dataclass(frozen=True)
class Trial:
    """One run of a sweep: its settings, its best validation accuracy (None where it failed) and where it lies."""

    name: str
    settings: Mapping[str, Value]
    val_accuracy: float | None
    state: str


def sweep(
    data: tuple[Path, Path],
    out: Path,
    base: TrainConfig,
    config: SweepConfig,
    *,
    run: RunConfig | None = None,
    report: Callable[[Trial], None] | None = None,
) -> list[Trial]:
    """Train once for each setting that the sampler draws.

    Parameters
    ----------
    data : folders of a catalogue and its split
    out : the sweep's folder: `study.sqlite`, `trials/<settings>/` (models, with TensorBoard events: point
        `tensorboard --logdir` at it) and `trials.parquet`; in `cache/` what the frozen stages gave, for all trials
    base : what all trials have in common
    run : as for `train`
    report : called after each trial

    Returns
    -------
    All trials of the study, best first.

    Raises
    ------
    TrainingError
        The space makes no sense, or a trial was stopped; the same call goes on with it.

    Notes
    -----
    A setting whose loss is no longer finite counts as failed, and the sweep goes on.
    """
    check(base, config)
    out.mkdir(parents=True, exist_ok=True)
    shared = replace(run or RunConfig(progress=False), cache=out / CACHE)
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(
        storage=f"sqlite:///{out / STUDY}",
        study_name="sweep",
        sampler=_sampler(config),
        direction="maximize",
        load_if_exists=True,
    )
    wanted = config.trials or (_combinations(config.space) if config.sampler == "grid" else 20)
    _begin_again(study)

    def objective(trial: optuna.Trial) -> float:
        settings = {name: _suggest(trial, name, choices) for name, choices in config.space.items()}
        name = _name(settings)
        trial.set_user_attr("name", name)
        try:
            model = train(*data, out / TRIALS / name, replace(base, **settings), shared)  # pyright: ignore[reportArgumentType]
        except Stopped:
            raise
        except TrainingError as error:
            trial.set_user_attr("error", str(error))
            raise optuna.TrialPruned from error
        return _accuracy(model)

    def finished(_: optuna.Study, trial: FrozenTrial) -> None:
        _write_table(study, out)
        if report is not None and trial.state in (TrialState.COMPLETE, TrialState.PRUNED):
            report(_told(trial))

    while (left := wanted - len(_done(study))) > 0:
        before = len(_done(study))
        study.optimize(objective, n_trials=min(left, 1), callbacks=[finished])
        if len(_done(study)) == before:
            break
    _write_table(study, out)
    return sorted(map(_told, _done(study)), key=lambda trial: -(trial.val_accuracy or -1))


def check(base: TrainConfig, config: SweepConfig) -> None:
    """Refuse a space that makes no sense before any work is done.

    Raises
    ------
    TrainingError
    """
    if not config.space:
        raise TrainingError("there is nothing to sweep", mend="Give values, such as --lr 4e-4,1e-3")
    for name, choices in config.space.items():
        if isinstance(choices, Range):
            if config.sampler == "grid":
                raise TrainingError(f"{name} is a range, which has no grid", mend="Use --sampler random or tpe")
            if not 0 < choices.low < choices.high < math.inf:
                raise TrainingError(f"the range of {name} is empty", mend="Write LOW..HIGH, both above 0")
        for value in (choices.low, choices.high) if isinstance(choices, Range) else choices:
            replace(base, **{name: value}).check()  # pyright: ignore[reportArgumentType]


def _sampler(config: SweepConfig) -> optuna.samplers.BaseSampler:
    if config.sampler == "grid":
        space = {name: list(choices) for name, choices in config.space.items() if not isinstance(choices, Range)}
        return optuna.samplers.GridSampler(space, seed=config.seed)
    if config.sampler == "random":
        return optuna.samplers.RandomSampler(seed=config.seed)
    return optuna.samplers.TPESampler(seed=config.seed)


def _suggest(trial: optuna.Trial, name: str, choices: Choices) -> Value:
    if isinstance(choices, Range):
        return trial.suggest_float(name, choices.low, choices.high, log=True)
    return cast("Value", trial.suggest_categorical(name, list(choices)))


def _combinations(space: Mapping[str, Choices]) -> int:
    return len(list(itertools.product(*(list(one) for one in space.values() if not isinstance(one, Range)))))


def _begin_again(study: optuna.Study) -> None:
    """Take up trials that were stopped, or whose process died: their checkpoints are still there."""
    done = [trial.params for trial in _done(study)]
    for trial in study.get_trials(states=(TrialState.RUNNING, TrialState.FAIL)):
        if trial.state == TrialState.RUNNING:
            study.tell(trial.number, state=TrialState.FAIL)
        if trial.params and trial.params not in done:
            study.enqueue_trial(trial.params, skip_if_exists=False)
            done.append(trial.params)


def _done(study: optuna.Study) -> list[FrozenTrial]:
    return study.get_trials(states=(TrialState.COMPLETE, TrialState.PRUNED))


def _name(settings: Mapping[str, Value]) -> str:
    return ",".join(
        f"{name}={value:g}" if isinstance(value, float) else f"{name}={value}" for name, value in settings.items()
    )


def _accuracy(model: Artifact) -> float:
    return float(model.counts["best_validation_accuracy"])


def _told(trial: FrozenTrial) -> Trial:
    name = str(trial.user_attrs.get("name", trial.number))
    return Trial(name, trial.params, trial.value, "failed" if trial.state == TrialState.PRUNED else "complete")


def _write_table(study: optuna.Study, out: Path) -> None:
    rows = [
        {"name": one.name, "state": one.state, "val_accuracy": one.val_accuracy}
        | {name: str(value) for name, value in one.settings.items()}
        for one in map(_told, _done(study))
    ]
    schema = {"name": pl.String, "state": pl.String, "val_accuracy": pl.Float64}
    write_parquet(out / TABLE, pl.DataFrame(rows, infer_schema_length=None) if rows else pl.DataFrame(schema=schema))
