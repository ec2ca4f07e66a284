"""What is minimised: on the features stands a head for each target (label, parent, product), and their losses add up.

Heads are used in training only. Softmax is a linear layer and cross-entropy. Normalised softmax (Wang et al. 2017,
NormFace; Zhai and Wu 2019) compares directions: cosines over a temperature. ArcFace (Deng et al. 2019) is the same with
an angle added between a photo and its own class. Both take batch normalisation first (Luo et al. 2019, BNNeck).
"""

import math
from collections.abc import Sequence

import torch
from torch.nn import functional

from lookalike.training.config import TrainConfig

NOT_LEARNED = -1
"""The number of a photo in a head that knows nothing of it."""


class Heads(torch.nn.Module):
    """One head a target; the first tells the label.

    Parameters
    ----------
    dim : width of the features
    sizes : classes of each target
    config : the loss, its temperature and margin, and the weights of the targets
    """

    def __init__(self, dim: int, sizes: Sequence[int], config: TrainConfig) -> None:
        super().__init__()
        self.norm = torch.nn.BatchNorm1d(dim) if config.loss != "softmax" else torch.nn.Identity()
        self.layers = torch.nn.ModuleList(torch.nn.Linear(dim, size, config.loss == "softmax") for size in sizes)
        self._config = config
        self._weights = (1.0, *(weight for _, weight in config.more_targets))

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Map features (n, dim) to the label's logits, float32 (n, labels), without a margin."""
        return self._logits(features, 0)

    def loss(self, features: torch.Tensor, targets: torch.Tensor, progress: float) -> torch.Tensor:
        """Weigh the heads' losses together.

        Parameters
        ----------
        features : (n, dim)
        targets : int64 of shape (n, heads); NOT_LEARNED where a head knows nothing of a photo
        progress : share of the training that is done, in [0, 1]; the margin grows until half of it
        """
        margin = self._config.margin * min(1.0, 2 * progress)
        total = features.new_zeros((), dtype=torch.float32)
        for number, weight in enumerate(self._weights):
            known = targets[:, number] != NOT_LEARNED
            if not known.any():
                continue
            logits, wanted = self._logits(features, number)[known], targets[known, number]
            if self._config.loss == "arcface":
                logits = with_margin(logits * self._config.temperature, wanted, margin) / self._config.temperature
            # A mean over the whole batch, so that a head that knows few of its photos does not shout.
            smoothing = self._config.label_smoothing
            summed = functional.cross_entropy(logits, wanted, label_smoothing=smoothing, reduction="sum")
            total = total + weight * summed / len(targets)
        return total

    def _logits(self, features: torch.Tensor, number: int) -> torch.Tensor:
        layer = self.layers[number]
        with torch.autocast(features.device.type, enabled=False):  # bf16 cosines are off by the size of a margin
            normed = self.norm(features.float())
            if self._config.loss == "softmax":
                return layer(normed)
            weight: torch.Tensor = layer.weight  # pyright: ignore[reportAssignmentType]
            cosines = functional.linear(functional.normalize(normed), functional.normalize(weight))
            return cosines / self._config.temperature


def with_margin(cosines: torch.Tensor, targets: torch.Tensor, margin: float) -> torch.Tensor:
    """Add an angle of `margin` radians between each photo and its own class (ArcFace).

    Past pi - margin, where the cosine would rise again, it falls on as a straight line, as in the authors' code.

    Parameters
    ----------
    cosines : float32 of shape (n, classes)
    targets : int64 of shape (n,)
    """
    own = cosines.gather(1, targets[:, None]).clamp(-1 + 1e-7, 1 - 1e-7)
    turned = own * math.cos(margin) - (1 - own**2).sqrt() * math.sin(margin)
    turned = torch.where(own > -math.cos(margin), turned, own - margin * math.sin(margin))
    return cosines.scatter(1, targets[:, None], turned)
