"""The network that is trained: a timm backbone giving pooled features, and where its first weights come from."""

import difflib
import functools
from collections.abc import Callable
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any, cast

import safetensors.torch
import timm
import torch

from lookalike.errors import TrainingError
from lookalike.training.config import TrainConfig
from lookalike.training.graph import read_weights
from lookalike.types import Preprocess

STOCK = {"lite0": "tf_efficientnet_lite0", "lite2": "tf_efficientnet_lite2"}
"""Backbones whose weights are in the package, and their architectures in timm."""
_IMAGENET_MEAN = (0.485, 0.456, 0.406)
_IMAGENET_STD = (0.229, 0.224, 0.225)


@dataclass(frozen=True)
class Backbone:
    """A network that maps normalised float32 (n, 3, size, size) to pooled float32 (n, dim), and its card."""

    name: str
    network: torch.nn.Module
    card: Preprocess
    dim: int


def make_backbone(config: TrainConfig) -> Backbone:
    """Make the backbone with the weights that it starts from.

    The stock backbones start from their packaged ONNX files, with no network connection; another timm model downloads
    its weights as timm does, unless `config.weights` names a file or `config.pretrained` is off.

    Raises
    ------
    TrainingError
        timm has no such model, its weights cannot be fetched or do not fit, or it does not take this image size.
    """
    architecture = STOCK.get(config.backbone, config.backbone)
    if not timm.is_model(architecture.split(".")[0]):
        near = difflib.get_close_matches(architecture, timm.list_models(), n=3)
        mend = f"Did you mean {', '.join(near)}?" if near else f"Use {', '.join(STOCK)} or a timm model's name"
        raise TrainingError(f"there is no backbone called {config.backbone!r}", mend=mend)
    download = config.pretrained and config.weights is None and config.backbone not in STOCK
    network = _create(architecture, download=download)
    card = _card(network, config.size_px)
    if (file := starting_file(config)) is not None:
        load_weights(network, read_state(file), str(file))
    return Backbone(config.backbone, network, card, _measure(network, card, config.backbone))


def starting_file(config: TrainConfig) -> Path | None:
    """Return the file that training starts from; None where there is none, or timm fetches one."""
    if config.weights is not None:
        return config.weights
    if config.pretrained and config.backbone in STOCK:
        return Path(str(resources.files("lookalike"))) / "stock" / config.backbone / "encoder.onnx"
    return None


def rebuild_backbone(name: str, card: Preprocess) -> Backbone:
    """Make a backbone without weights, for a checkpoint to fill."""
    network = _create(STOCK.get(name, name), download=False)
    return Backbone(name, network, card, _measure(network, card, name))


def keep_depthwise_float32(network: torch.nn.Module) -> None:
    """Compute depthwise convolutions in float32 under bf16 autocast on the CPU.

    oneDNN's bf16 backward pass of strided and 5 x 5 depthwise convolutions takes three to four times as long as the
    float32 one (torch 2.14, AVX-512 bf16); with this, Lite0 trains at 11.5 instead of 7.8 photos per second and core.
    """
    for layer in network.modules():
        if isinstance(layer, torch.nn.Conv2d) and layer.groups > 1:
            layer.forward = functools.partial(_in_float32, layer.forward)


def _in_float32(forward: Callable[[torch.Tensor], torch.Tensor], input: torch.Tensor) -> torch.Tensor:
    with torch.autocast("cpu", enabled=False):
        return forward(input.float())


def read_state(file: Path) -> dict[str, torch.Tensor]:
    """Read a weights file: safetensors, one of torch's, a checkpoint of `lookalike train`, or an exported ONNX file.

    Raises
    ------
    TrainingError
        There is no such file, or it holds no tensors by name.
    """
    try:
        if file.suffix == ".onnx":
            return {name: torch.from_numpy(array) for name, array in read_weights(file).items()}
        if file.suffix == ".safetensors":
            return safetensors.torch.load_file(file)
        stored: Any = torch.load(file, map_location="cpu", weights_only=True)
    except Exception as error:  # each format's reader has exceptions of its own
        raise TrainingError(
            f"the weights file cannot be read ({type(error).__name__})",
            where=str(file),
            mend="Give a .safetensors, .pth, .ckpt or .onnx file with tensors alone",
        ) from error
    for key in ("state_dict", "model", "state_dict_ema"):
        if isinstance(stored, dict) and isinstance(stored.get(key), dict):
            stored = stored[key]
            break
    if not isinstance(stored, dict):
        raise TrainingError("the weights file holds no tensors by name", where=str(file), mend="Give a state dict")
    state = {str(name): value for name, value in stored.items() if isinstance(value, torch.Tensor)}
    for prefix in ("averaged.module.0.", "backbone."):  # where there is a mean of the weights, that was validated
        ours = {name.removeprefix(prefix): value for name, value in state.items() if name.startswith(prefix)}
        if ours:
            return ours
    return state


def load_weights(network: torch.nn.Module, state: dict[str, torch.Tensor], where: str) -> None:
    """Load weights by name; a classifier in `state` is left out, but every tensor of the network must be there.

    Raises
    ------
    TrainingError
        A tensor is missing or has another shape.
    """
    wanted = network.state_dict()
    counters = {name for name in wanted if name.endswith("num_batches_tracked")}
    missing = [name for name in wanted if name not in state and name not in counters]
    other = [name for name in wanted if name in state and state[name].shape != wanted[name].shape]
    if missing or other:
        fault = (missing + other)[0]
        raise TrainingError(
            f"these weights do not fit the backbone: {len(missing)} tensors are missing and {len(other)} have another "
            f"shape, the first is {fault!r}",
            where=where,
            mend="Give weights of the same backbone, or --no-pretrained",
        )
    network.load_state_dict({name: state[name] for name in wanted if name in state}, strict=False)


def _create(architecture: str, *, download: bool) -> torch.nn.Module:
    try:
        return timm.create_model(architecture, pretrained=download, num_classes=0)
    except Exception as error:  # the hub's client, the socket and timm each raise their own
        if not download:
            raise TrainingError(f"timm cannot make {architecture!r} without its classifier ({error})") from error
        raise TrainingError(
            f"the weights of {architecture!r} could not be fetched ({type(error).__name__})",
            mend="Where there is no network, give them with --weights FILE, start from chance with --no-pretrained, "
            f"or use {' or '.join(STOCK)}, whose weights are in the package",
        ) from error


def _card(network: torch.nn.Module, size_px: int | None) -> Preprocess:
    told = cast("dict[str, Any]", getattr(network, "pretrained_cfg", None) or {})
    own_size = int(told.get("input_size", (3, 224, 224))[-1])
    red, green, blue = told.get("mean", _IMAGENET_MEAN)
    mean = (float(red), float(green), float(blue))
    red, green, blue = told.get("std", _IMAGENET_STD)
    return Preprocess(size_px or own_size, mean, (float(red), float(green), float(blue)))


def _measure(network: torch.nn.Module, card: Preprocess, name: str) -> int:
    """Run one blank photo: the width that comes out is the truth, whatever the model says of itself."""
    network.eval()
    try:
        with torch.no_grad():
            features = network(torch.zeros(1, 3, card.size_px, card.size_px))
    except (RuntimeError, AssertionError, ValueError) as error:
        raise TrainingError(
            f"the backbone {name} does not take photos of {card.size_px} pixels",
            mend="Leave the image size out to use its own",
        ) from error
    if not isinstance(features, torch.Tensor) or features.ndim != 2:
        raise TrainingError(f"the backbone {name} gives no pooled features", mend="Choose another backbone")
    return int(features.shape[1])
