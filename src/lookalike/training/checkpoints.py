"""Which checkpoints a run leaves behind, what watches it, and which epoch becomes the model."""

import math
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

from pytorch_lightning import LightningModule, Trainer
from pytorch_lightning.callbacks import Callback, EarlyStopping, ModelCheckpoint, RichProgressBar, Timer
from pytorch_lightning.callbacks.timer import Interval

from lookalike.files import write_bytes
from lookalike.training.beginning import BEST, INTERRUPTED, LAST
from lookalike.training.config import TrainConfig
from lookalike.training.module import Epoch

EPOCHS = "epochs"


class _KeepOnStop(Callback):
    """Keeps what was learned so far on Ctrl-C or SIGTERM, be it in the middle of the first epoch."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        if isinstance(exception, KeyboardInterrupt | SystemExit):
            trainer.save_checkpoint(self._file, weights_only=True)


def callbacks(folder: Path, config: TrainConfig, *, spent_s: float, progress: bool) -> list[Callback]:
    """What watches a run: checkpoints, early stopping, the clock of a budget, the bar.

    Of the budget `spent_s` seconds are gone already: preparing counts, too.
    """
    each = ModelCheckpoint(
        folder / EPOCHS,
        "{epoch:03d}",
        monitor="epoch",
        mode="max",
        save_top_k=-1,
        save_weights_only=True,
        auto_insert_metric_name=False,
        enable_version_counter=False,
    )
    last = ModelCheckpoint(folder, LAST.removesuffix(".ckpt"), enable_version_counter=False)  # after the other's state
    found: list[Callback] = [each, last, _KeepOnStop(folder / INTERRUPTED)]
    if config.budget_s is not None:
        left = timedelta(seconds=max(config.budget_s - spent_s, 1))
        found.append(Timer(left, Interval.epoch, verbose=False))
    if config.patience:
        found.append(EarlyStopping("val_accuracy", mode="max", patience=config.patience))
    if progress:
        found.append(RichProgressBar())
    return found


def keep_best(folder: Path, history: Sequence[Epoch], photos: int) -> Epoch:
    """Make the chosen epoch's checkpoint the model's, and return its line of the history.

    `photos` is how many validation photos could be read.
    """
    kept = choose(history, photos)
    write_bytes(folder / BEST, (folder / EPOCHS / f"{kept.epoch:03d}.ckpt").read_bytes())
    return kept


def best_epoch(history: Sequence[Epoch]) -> Epoch:
    """The epoch of the highest validation accuracy, the first of equal ones; not always the one that is kept."""
    return max(history, key=lambda line: line.val_accuracy)


def choose(history: Sequence[Epoch], photos: int) -> Epoch:
    """Choose the latest epoch whose accuracy is within one standard error of the best one's.

    The one-standard-error rule (Breiman et al., Classification and Regression Trees, 1984), with the error of a share
    of `photos` validation photos. Where the accuracies of many epochs are told apart by chance only, the highest is
    often an early one, and features go on getting better after it.
    """
    best = best_epoch(history).val_accuracy
    error = math.sqrt(best * (1 - best) / max(photos, 1))
    return max((line for line in history if line.val_accuracy >= best - error), key=lambda line: line.epoch)
