"""From a time budget to a training configuration that fits it, by what photos were measured to take."""

import logging
from dataclasses import dataclass, replace

from lookalike.errors import TrainingError
from lookalike.training.config import TrainConfig

MOST_VIEWS = 8
FEW_EPOCHS = 3
"""Fewer are planned only where no more fit."""

# Milliseconds of one core a photo, for Lite0 at 224 px in fp32 (docs/experiments.md, "What the budgets hold").
_STEP_MS = {1: 8.0, 2: 16.0, 3: 32.0}
"""A training step by stages: 2 measured, the others after the sums of products that they take."""
_VIEW_MS = 10.0
"""Reading, decoding and turning a photo, and the frozen stages: once for a photo and view."""
_VALIDATION_SHARE = 0.21
"""Validation photos beside a training photo; asked in each epoch, which takes a third of a step."""
_AFTER_MS = 25.0
"""Embedding with both branches and fitting the head, for a training photo and those of the other parts beside it."""
_AFTER_S = 100.0
"""Starting, exporting, making views and the head's fixed part, in seconds of one core."""
_SLACK = 0.95
"""The share of a budget that is planned for."""
_LITE2, _UNKNOWN = 2.3, 4.0
"""How many times as much Lite2 takes by its sums of products, and what is assumed of a network not known here."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Budget:
    """A budget that `lookalike train` knows: seconds, the stages that it trains, and the most epochs."""

    seconds: int
    stages: int
    epochs: int


BUDGETS = {"20m": Budget(20 * 60, 2, 8), "2h": Budget(2 * 60 * 60, 3, 16)}


def plan(base: TrainConfig, budget: str, photos: int, cores: int) -> TrainConfig:
    """Choose how many stages to train, on how many views, for how long.

    Parameters
    ----------
    base : what the plan does not decide
    budget : "20m" or "2h"
    photos : training photos with a label
    cores : of the machine

    Raises
    ------
    TrainingError
        An unknown budget.

    Notes
    -----
    The most epochs are taken of which `estimate` says that they fit, with a view for each; three with one view before
    fewer than three. So the schedule of the learning rate comes to its end, and the clock (`budget_s`) is there for
    machines that are slower than assumed. One epoch is planned even where it does not fit, and this is logged.
    """
    known = BUDGETS.get(budget)
    if known is None:
        raise TrainingError(f"the budget {budget!r} is unknown", mend=f"There are plans for {' and '.join(BUDGETS)}")
    planned = replace(
        base,
        trained_stages=known.stages,
        batch_size=64,
        lr=2e-3,
        weight_decay=0.05,
        ema_epochs=1.0,
        budget_s=float(known.seconds),
    )
    steps = [(1, 1), (2, 1), (FEW_EPOCHS, 1), *((n, min(n, MOST_VIEWS)) for n in range(FEW_EPOCHS, known.epochs + 1))]
    plans = [replace(planned, epochs=epochs, views=views) for epochs, views in steps]  # each takes longer than the last
    fitting = [one for one in plans if estimate(one, photos, cores) <= _SLACK * known.seconds]
    chosen = fitting[-1] if fitting else plans[0]
    if chosen.epochs < FEW_EPOCHS:
        _log.warning(
            "%d training photos are many for %s on this machine: planned epochs %d, estimated minutes in all %.0f; "
            "a longer budget or more cores give more, and 2m trains no network",
            photos,
            budget,
            chosen.epochs,
            estimate(chosen, photos, cores) / 60,
        )
    return chosen


def estimate(config: TrainConfig, photos: int, cores: int) -> float:
    """Estimate the seconds from the start of training until the head is fitted, for a plan's configuration.

    Cores count in full: measured for two of them only.
    """
    dearer = {"lite0": 1.0, "lite2": _LITE2}.get(config.backbone, _UNKNOWN)
    step = _STEP_MS[config.trained_stages] * (1 + _VALIDATION_SHARE / 3)
    shown = min(config.epochs, config.views + 1) + _VALIDATION_SHARE
    each = dearer * (config.epochs * step + shown * _VIEW_MS + _AFTER_MS)
    return (_AFTER_S + photos * each / 1000) / cores
