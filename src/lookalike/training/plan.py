"""From a time budget to a training configuration; the estimates are for two cores and grow with the machine's."""

from dataclasses import dataclass, replace

from lookalike.errors import TrainingError
from lookalike.training.config import TrainConfig

VIEWS_PER_CORE_S = 120
"""Views a second and core through the frozen stages, decoding included."""
PHOTOS_PER_CORE_S = 110
"""Photos a second and core through the stages that are trained."""
MOST_VIEWS = 8
_VIEW_SHARE, _TRAIN_SHARE = 0.4, 0.45


@dataclass(frozen=True)
class Budget:
    """A budget that `lookalike train` knows: seconds, the stages that it trains at most, and the epochs it ends at."""

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
    Frozen stages run once and take about two fifths of the time; the tail is trained for nearly half, and the rest is
    kept back. What the learning rate was chosen from stands in docs/experiments.md.
    """
    known = BUDGETS.get(budget)
    if known is None:
        raise TrainingError(f"the budget {budget!r} is unknown", mend=f"There are plans for {' and '.join(BUDGETS)}")
    once = max(photos, 1) / cores
    views = int(_VIEW_SHARE * known.seconds * VIEWS_PER_CORE_S / once) - 1
    epochs = int(_TRAIN_SHARE * known.seconds * PHOTOS_PER_CORE_S / once)
    return replace(
        base,
        trained_stages=known.stages,
        views=min(max(views, 1), MOST_VIEWS),
        epochs=min(max(epochs, 1), known.epochs),
        batch_size=64,
        lr=2e-3,
        weight_decay=0.05,
        ema_epochs=1.0,
        budget_s=float(known.seconds),
    )
