"""Sweeps: train with many settings and compare validation accuracy; a study in SQLite that goes on where it stopped.

The search itself is Optuna's (the `analyse` extra): https://optuna.readthedocs.io.
"""

import hashlib
import itertools
import math
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal, get_args

import optuna
import polars as pl
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution
from optuna.trial import FrozenTrial, TrialState

from lookalike.artifacts import Artifact, digest, open_artifact
from lookalike.errors import Stopped, TrainingError
from lookalike.files import write_parquet
from lookalike.training.config import RunConfig, TrainConfig
from lookalike.training.fit import VERSION, train

Sampler = Literal["grid", "random", "tpe"]
Value = float | int | str
TRIALS, TABLE, STUDY, CACHE, EVENTS = "trials", "trials.parquet", "study.sqlite", "cache", "tensorboard"


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
    """One run of a sweep: its settings, the validation accuracy of the epoch that it kept, and where it lies.

    `val_accuracy` is the model's `kept_validation_accuracy`, not the highest of its epochs; None where it failed. So
    trials are ranked by the model that one would use.
    """

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
    out : the sweep's folder: `study.sqlite`, `trials/<settings>/` (models), `trials.parquet` and `tensorboard/` (each
        finished run once, to point `tensorboard --logdir` at); in `cache/` what the frozen stages gave, for all trials
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
    A setting whose loss is no longer finite counts as failed, and the sweep goes on. The study holds finished trials
    only, and a draw depends on the seed, on how many there are and on how they ended, and on nothing else: a sweep that
    was stopped draws the trial that it was stopped in again, which goes on from its own checkpoint. Each question
    (space, sampler, seed, base, data) is a study of its own, so other questions may share the folder; `trials` is no
    part of it, so more of them can be asked for later.
    """
    check(base, config)
    name = f"sweep-{_question(data, base, config)}"
    out.mkdir(parents=True, exist_ok=True)
    shared = replace(run or RunConfig(progress=False), cache=out / CACHE)
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    storage = f"sqlite:///{out / STUDY}"
    study = optuna.create_study(storage=storage, study_name=name, direction="maximize", load_if_exists=True)
    wanted = _wanted(config)
    while len(done := study.get_trials()) < wanted:
        study.add_trial(_tried(data, out / TRIALS, base, draw(config, done), shared))
        _write_table(study, out)
        _link_events(study, out)
        if report is not None:
            report(_told(study.get_trials()[-1]))
    _write_table(study, out)
    _link_events(study, out)
    return sorted(map(_told, done), key=lambda trial: -(trial.val_accuracy or -1))


def draw(config: SweepConfig, done: Sequence[FrozenTrial]) -> FrozenTrial:
    """Draw the trial that comes after those that are done; the same again for the same ones.

    A grid is gone through in an order that the seed chose, so that its first few trials are no corner of it.
    """
    spread = {name: _distribution(choices) for name, choices in config.space.items()}
    if config.sampler == "grid":
        combinations = list(
            itertools.product(*(list(one) for one in config.space.values() if isinstance(one, Sequence)))
        )
        random.Random(config.seed).shuffle(combinations)
        params = dict(zip(spread, combinations[len(done)], strict=True))
        return optuna.trial.create_trial(state=TrialState.RUNNING, params=params, distributions=spread)
    seed = int(digest([config.seed, len(done)])[:8], 16)
    sampler = (
        optuna.samplers.RandomSampler(seed) if config.sampler == "random" else optuna.samplers.TPESampler(seed=seed)
    )
    study = optuna.create_study(sampler=sampler, direction="maximize")
    study.add_trials(done)
    study.ask(spread)
    return study.get_trials()[-1]


def _tried(data: tuple[Path, Path], trials: Path, base: TrainConfig, drawn: FrozenTrial, run: RunConfig) -> FrozenTrial:
    """Train with the settings of a trial, and say how it ended."""
    name = _name(drawn.params)
    ended: dict[str, Any] = {"params": drawn.params, "distributions": drawn.distributions}
    try:
        model = train(*data, trials / name, replace(base, **drawn.params), run)
    except Stopped:
        raise
    except TrainingError as error:
        about = {"name": name, "error": str(error)}
        return optuna.trial.create_trial(state=TrialState.PRUNED, user_attrs=about, **ended)
    return optuna.trial.create_trial(
        value=_accuracy(model), user_attrs={"name": name, "model": model.path.name}, **ended
    )


def check(base: TrainConfig, config: SweepConfig) -> None:
    """Refuse a space that makes no sense before any work is done.

    Raises
    ------
    TrainingError
    """
    if not config.space:
        raise TrainingError("there is nothing to sweep", mend="Give values, such as --lr 4e-4,1e-3")
    if config.sampler not in get_args(Sampler):
        raise TrainingError(f"the sampler {config.sampler!r} is unknown", mend="Choose grid, random or tpe")
    for name, choices in config.space.items():
        if isinstance(choices, Range):
            if config.sampler == "grid":
                raise TrainingError(f"{name} is a range, which has no grid", mend="Use --sampler random or tpe")
            if not 0 < choices.low < choices.high < math.inf:
                raise TrainingError(f"the range of {name} is empty", mend="Write LOW..HIGH, both above 0")
        for value in (choices.low, choices.high) if isinstance(choices, Range) else choices:
            replace(base, **{name: value}).check()  # pyright: ignore[reportArgumentType]


def _distribution(choices: Choices) -> BaseDistribution:
    if isinstance(choices, Range):
        return FloatDistribution(choices.low, choices.high, log=True)
    return CategoricalDistribution(list(choices))


def _wanted(config: SweepConfig) -> int:
    if config.sampler != "grid":
        return config.trials or 20
    combinations = math.prod(len(one) for one in config.space.values() if isinstance(one, Sequence))
    return min(config.trials or combinations, combinations)


def _question(data: tuple[Path, Path], base: TrainConfig, config: SweepConfig) -> str:
    """The hash of what decides every trial: all but how many there are to be."""
    return digest(
        {
            "version": VERSION,
            "data": [open_artifact(path, kind).hash for path, kind in zip(data, ("catalogue", "split"), strict=True)],
            "base": base.to_json(),
            "weights": _sha256(base.weights),
            "space": {name: asdict(one) if isinstance(one, Range) else list(one) for name, one in config.space.items()},
            "sampler": [config.sampler, config.seed],
        }
    )


def _sha256(weights: Path | None) -> str | None:
    try:
        return None if weights is None else hashlib.sha256(weights.read_bytes()).hexdigest()
    except OSError as error:
        raise TrainingError("the weights file cannot be read", where=str(weights), mend="Give another file") from error


def _name(settings: Mapping[str, Value]) -> str:
    return ",".join(
        f"{name}={value:g}" if isinstance(value, float) else f"{name}={value}" for name, value in settings.items()
    )


def _accuracy(model: Artifact) -> float:
    return float(model.counts["kept_validation_accuracy"])


def _told(trial: FrozenTrial) -> Trial:
    state = "failed" if trial.state == TrialState.PRUNED else "complete"
    return Trial(str(trial.user_attrs["name"]), trial.params, trial.value, state)


def _write_table(study: optuna.Study, out: Path) -> None:
    rows = [
        {"name": one.name, "state": one.state, "val_accuracy": one.val_accuracy, "model": trial.user_attrs.get("model")}
        | {name: str(value) for name, value in one.settings.items()}
        for trial in study.get_trials()
        for one in [_told(trial)]
    ]
    schema = {"name": pl.String, "state": pl.String, "val_accuracy": pl.Float64, "model": pl.String}
    write_parquet(out / TABLE, pl.DataFrame(rows, schema_overrides=schema, infer_schema_length=None))


def _link_events(study: optuna.Study, out: Path) -> None:
    """Show TensorBoard each run once: it follows links, and in `trials/` each model has a pointer beside it."""
    (out / EVENTS).mkdir(exist_ok=True)
    for attributes in (trial.user_attrs for trial in study.get_trials()):
        if "model" not in attributes:
            continue
        link = out / EVENTS / str(attributes["name"])
        target = Path("..", TRIALS, str(attributes["model"]), "tensorboard")
        if not link.is_symlink() or link.readlink() != target:
            link.unlink(missing_ok=True)
            link.symlink_to(target, target_is_directory=True)
