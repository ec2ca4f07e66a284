"""Training speed: how long until the plain loop's own final validation accuracy, and photos a second; side by side.

    python benchmarks/training.py CATALOGUE [--epochs 3] [--ignore-labels "Not sure,Skip,Other"] [--repeats 1]

CATALOGUE is a folder that `lookalike ingest` made, with its split/ beside. `plain` is the first issue's loop: the whole
network, every photo decoded and augmented anew in each epoch (batch 32, lr 3e-4, cosine). `tail` is the plan for 20
minutes: frozen stages run once by the serving runtime over eight views, the last stages trained on what they gave. Time
counts from the start of `train` to the end of the epoch whose validation accuracy first reaches plain's last one,
decoding, exporting the trunk and filling the cache included. Both run in this process, one after the other, from
nothing; with --repeats they take turns.
"""

import argparse
import statistics
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from pytorch_lightning import Callback, LightningModule, Trainer

from harness import bars, keep
from lookalike.training import RunConfig, TrainConfig, fit, plan_for, train


class Clock(Callback):
    """Notes when each epoch ended, and what it reached."""

    def __init__(self) -> None:
        self.started = time.perf_counter()
        self.epochs: list[tuple[float, float]] = []
        self.photos_per_s: list[float] = []

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """After validation the accuracy is there."""
        self.epochs.append((time.perf_counter() - self.started, float(trainer.callback_metrics["val_accuracy"])))
        self.photos_per_s.append(pl_module.history[-1].photos_per_s)


def main() -> None:
    """Run both and keep what was measured."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("catalogue", type=Path)
    parser.add_argument("--epochs", type=int, default=3, help="of the plain loop")
    parser.add_argument("--ignore-labels", default="")
    parser.add_argument("--repeats", type=int, default=1)
    arguments = parser.parse_args()
    ignored = tuple(sorted(filter(None, (label.strip() for label in arguments.ignore_labels.split(",")))))
    catalogue, split = arguments.catalogue, arguments.catalogue.parent / "split"
    base = TrainConfig(ignored=ignored)
    contestants = {
        "plain": replace(base, epochs=arguments.epochs),
        "tail": plan_for(catalogue, split, base, "20m"),
    }
    runs: dict[str, list[Clock]] = {name: [] for name in contestants}
    for _ in range(arguments.repeats):
        for name, config in contestants.items():
            runs[name].append(clock := timed(catalogue, split, config))
            shown = [(round(seconds, 1), round(accuracy, 4)) for seconds, accuracy in clock.epochs]
            print(name, shown, statistics.median(clock.photos_per_s), "photos/s", flush=True)
    report(runs, contestants)


def timed(catalogue: Path, split: Path, config: TrainConfig) -> Clock:
    """Train from nothing, by the clock."""
    clock = Clock()
    make = fit.callbacks
    fit.callbacks = lambda *given, **more: [*make(*given, **more), clock]
    try:
        with tempfile.TemporaryDirectory() as scratch:
            train(catalogue, split, Path(scratch) / "model", config, RunConfig(progress=False))
    finally:
        fit.callbacks = make
    return clock


def report(runs: dict[str, list[Clock]], contestants: dict[str, TrainConfig]) -> None:
    """Keep seconds to plain's final accuracy, and photos a second of the epochs (preparing and validation left out)."""
    target = statistics.median(run.epochs[-1][1] for run in runs["plain"])
    reached = {
        name: [next((seconds for seconds, accuracy in run.epochs if accuracy >= target), None) for run in each]
        for name, each in runs.items()
    }
    plain, tail = ([value for value in reached[name] if value is not None] for name in ("plain", "tail"))
    ratio = statistics.median(plain) / statistics.median(tail) if plain and tail else None
    told = {
        "target_validation_accuracy": round(target, 4),
        "seconds_to_target": reached,
        "plain_over_tail": ratio,
        "photos_per_s": {
            name: statistics.median(rate for run in each for rate in run.photos_per_s) for name, each in runs.items()
        },
        "epochs": {name: [run.epochs for run in each] for name, each in runs.items()},
        "configs": {name: config.to_json() for name, config in contestants.items()},
    }
    keep("training", told, bars("Photos a second in training", told["photos_per_s"], unit="/s", ours="tail"))


if __name__ == "__main__":
    main()
