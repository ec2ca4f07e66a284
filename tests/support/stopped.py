"""A training run that is stopped in the middle of an epoch."""

import pytest

from lookalike.training.module import Classifier

_step = Classifier.training_step


def stop_training(patch: pytest.MonkeyPatch, by: type[BaseException] = KeyboardInterrupt) -> None:
    """Stop each run in the second batch of its second epoch, until the patch is undone."""

    def stopping(module: Classifier, batch: object, batch_idx: int) -> object:
        if (module.current_epoch, batch_idx) == (1, 1):
            raise by
        return _step(module, batch, batch_idx)  # pyright: ignore

    patch.setattr(Classifier, "training_step", stopping)
