"""Cutting a network in two: a trunk that stays as it is and runs once, and a tail that is trained.

The encoder that comes out has two branches on one trunk: the tail as it was, whose features tell one thing from
another, and the tuned tail, whose features tell the catalogue's categories. Tuning in place trades one for the other.
"""

import copy
from dataclasses import dataclass

import torch

from lookalike.errors import TrainingError
from lookalike.training.network import Backbone

_TOLERANCE = 1e-4


@dataclass(frozen=True)
class Cut:
    """A network in two: tail(trunk(x)) is what the network gives. `shape` (c, h, w) is what passes between them."""

    trunk: torch.nn.Module
    tail: torch.nn.Module
    shape: tuple[int, int, int]


class Tail(torch.nn.Module):
    """A tail that takes what the trunk gave as flat rows, float16 or float32 of shape (n, c * h * w)."""

    def __init__(self, cut: Cut) -> None:
        super().__init__()
        self.tail = cut.tail
        self._shape = cut.shape

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        """Map (n, c * h * w) to features (n, d)."""
        stacked = rows.float().view(-1, *self._shape)
        return self.tail(stacked.contiguous(memory_format=torch.channels_last))


class Flat(torch.nn.Module):
    """A trunk whose output is flat rows, so that it can be exported like any encoder."""

    def __init__(self, trunk: torch.nn.Module) -> None:
        super().__init__()
        self.trunk = trunk

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        """Map normalised pixels to (n, c * h * w)."""
        return self.trunk(pixels).flatten(1)


class TwoBranches(torch.nn.Module):
    """One trunk, and two tails side by side: features (n, 2 d), the generic ones first."""

    def __init__(self, start: Cut, tuned: Cut) -> None:
        super().__init__()
        self.trunk = start.trunk
        self.generic = start.tail
        self.tuned = tuned.tail

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        """Map normalised pixels to features of both branches."""
        passed = self.trunk(pixels)
        return torch.cat([self.generic(passed), self.tuned(passed)], dim=1)


def cut(backbone: Backbone, trained_stages: int) -> Cut:
    """Cut a network before its last stages; the parts share its weights.

    Known are timm's networks with `conv_stem` and `blocks` (EfficientNet and its kin) and with `layer1` to `layer4`
    (ResNet and its kin). That both parts together give what the network gives is checked.

    Raises
    ------
    TrainingError
        The network cannot be cut, or has no more stages than that.
    """
    network = backbone.network
    parts = _efficient_parts(network) or _residual_parts(network)
    if parts is None:
        raise _uncut(backbone, "is of a kind that cannot be cut into stages")
    stem, stages, top = parts
    if not 1 <= trained_stages < len(stages):
        raise _uncut(backbone, f"has {len(stages)} stages, of which 1 to {len(stages) - 1} can be trained alone")
    trunk = torch.nn.Sequential(*stem, *stages[:-trained_stages])
    tail = torch.nn.Sequential(*stages[-trained_stages:], *top)
    network.eval()
    size = backbone.card.size_px
    pixels = torch.linspace(-1, 1, 2 * 3 * size * size).view(2, 3, size, size)
    with torch.no_grad():
        passed, whole = trunk(pixels), network(pixels)
        if passed.ndim != 4 or not torch.allclose(tail(passed), whole, rtol=_TOLERANCE, atol=_TOLERANCE):
            raise _uncut(backbone, "does more than its stages one after another")
    return Cut(trunk, tail, (int(passed.shape[1]), int(passed.shape[2]), int(passed.shape[3])))


def copied(backbone: Backbone) -> Backbone:
    """The same network with weights of its own."""
    return Backbone(backbone.name, copy.deepcopy(backbone.network), backbone.card, backbone.dim)


def _efficient_parts(network: torch.nn.Module) -> tuple[list[torch.nn.Module], ...] | None:
    blocks = getattr(network, "blocks", None)
    names = ("conv_stem", "bn1", "conv_head", "bn2", "global_pool")
    if not isinstance(blocks, torch.nn.Sequential) or not all(hasattr(network, name) for name in names):
        return None
    stem, norm, head, head_norm, pool = (network.get_submodule(name) for name in names)
    return [stem, norm], list(blocks.children()), [head, head_norm, pool]


def _residual_parts(network: torch.nn.Module) -> tuple[list[torch.nn.Module], ...] | None:
    names = ("conv1", "bn1", "act1", "maxpool", "layer1", "layer2", "layer3", "layer4", "global_pool")
    if not all(hasattr(network, name) for name in names):
        return None
    modules = [network.get_submodule(name) for name in names]
    return modules[:4], modules[4:8], modules[8:]


def _uncut(backbone: Backbone, why: str) -> TrainingError:
    return TrainingError(
        f"the backbone {backbone.name} {why}",
        mend="Train the whole network: --budget full, without --trained-stages",
    )
