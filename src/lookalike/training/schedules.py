"""Learning-rate schedules as pure functions of the step, so that a resumed run is where it was."""

import math
from collections.abc import Callable

from lookalike.training.config import TrainConfig


def factor(config: TrainConfig, steps_per_epoch: int) -> Callable[[int], float]:
    """Return the function from step (0 is the first) to the multiple of `config.lr` that it is taken with.

    Warm-up is linear and never quite zero; `cosine` then falls along half a cosine and reaches zero just after the
    last step (Loshchilov and Hutter, arXiv:1608.03983, without restarts). `onecycle` has a rise of its own instead.

    Examples
    --------
    >>> at = factor(TrainConfig(epochs=4, warmup_epochs=1, schedule="cosine"), 10)
    >>> round(at(0), 3), at(10), round(at(25), 3), round(at(40), 3)
    (0.1, 1.0, 0.5, 0.0)
    """
    warmup = min(config.warmup_epochs, config.epochs / 2) * steps_per_epoch
    total = config.epochs * steps_per_epoch

    def at(step: int) -> float:
        if step < warmup and config.schedule != "onecycle":
            return (step + 1) / (warmup + 1) if warmup < 1 else min(1.0, (step + 1) / warmup)
        if config.schedule == "onecycle":
            return _one_cycle(step / max(1, total))
        if config.schedule == "cosine":
            return 0.5 * (1 + math.cos(math.pi * min(1.0, (step - warmup) / max(1.0, total - warmup))))
        if config.schedule == "step":
            return config.gamma ** (step // (config.step_epochs * steps_per_epoch))
        return 1.0

    return at


def _one_cycle(done: float) -> float:
    """Rise along half a cosine from a 25th for three tenths of the run, then fall to zero (Smith, arXiv:1708.07120)."""
    if done < 0.3:
        return 0.04 + 0.96 * 0.5 * (1 - math.cos(math.pi * done / 0.3))
    return 0.5 * (1 + math.cos(math.pi * min(1.0, (done - 0.3) / 0.7)))
