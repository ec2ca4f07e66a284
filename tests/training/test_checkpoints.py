"""Which epoch becomes the model, worked out by hand."""

from pathlib import Path

import pytest
from pytorch_lightning.callbacks import Timer

from lookalike.training import TrainConfig
from lookalike.training.checkpoints import callbacks, choose
from lookalike.training.module import Epoch

pytestmark = pytest.mark.torch


def history(*accuracies: float) -> list[Epoch]:
    return [Epoch(number, 1.0, 1.0, accuracy, 0.1, 50.0) for number, accuracy in enumerate(accuracies)]


@pytest.mark.parametrize(("spent", "left"), [(0.0, 100.0), (30.0, 70.0), (200.0, 1.0)])
def test_what_preparing_took_is_off_the_budget(spent: float, left: float, tmp_path: Path) -> None:
    watching = callbacks(tmp_path, TrainConfig(budget_s=100.0), spent_s=spent, progress=False)
    (clock,) = (one for one in watching if isinstance(one, Timer))
    assert clock.time_remaining() == left


@pytest.mark.parametrize(
    ("accuracies", "photos", "kept"),
    [
        ((0.5, 0.9, 0.88, 0.86), 100, 2),  # the error of .9 is sqrt(.9 * .1 / 100) = .03: .87 is enough, .86 is not
        ((0.5, 0.9, 0.88, 0.86), 25, 3),  # .06: .84 is enough
        ((0.5, 0.9, 0.88, 0.86), 2500, 1),  # .006
        ((0.4, 0.5, 0.6), 100, 2),
        ((0.3, 0.1, 1.0, 1.0, 0.99), 10, 3),  # a best of 1 has no error, and the later of two equal ones is kept
        ((0.0,), 1, 0),
    ],
)
def test_the_latest_epoch_within_one_standard_error_is_kept(
    accuracies: tuple[float, ...], photos: int, kept: int
) -> None:
    assert choose(history(*accuracies), photos).epoch == kept
