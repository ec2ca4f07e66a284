"""Batch normalisation whose statistics stay as they are, computed as part of the convolution before it.

Normalising with fixed statistics is a multiplication and an addition a channel, so that the convolution's weights can
take it over (Jacob et al., arXiv:1712.05877, section 3.2, in training). Gradients reach the same parameters; it saves a
pass over the activations, forwards and backwards.
"""

import functools

import torch
from timm.layers.norm_act import BatchNormAct2d
from torch.nn import functional

Pair = tuple[torch.nn.Conv2d, torch.nn.BatchNorm2d]


def fold(network: torch.nn.Module, example: torch.Tensor) -> int:
    """Let convolutions compute the normalisation that follows them, with its running statistics whatever the mode.

    Parameters and their names stay as they are. What cannot be folded, convolutions of other kinds among them, is left.

    Parameters
    ----------
    example : what `network` takes; it is run once to see what follows what

    Returns
    -------
    How many pairs were folded: 0 where the outcome would not be the same.
    """
    pairs, before = _pairs(network, example)
    for convolution, norm in pairs:
        convolution.forward = functools.partial(_convolve, convolution, norm)
        norm.forward = functools.partial(_activate, norm)
    with torch.no_grad():
        after = network(example)
    if torch.allclose(before, after, rtol=1e-3, atol=1e-3 * float(before.abs().max())):
        return len(pairs)
    for pair in pairs:  # what a convolution gave went elsewhere, too
        for layer in pair:
            del layer.forward
    return 0


def _pairs(network: torch.nn.Module, example: torch.Tensor) -> tuple[list[Pair], torch.Tensor]:
    """Run the network once; return which normalisation took what which convolution gave, and what came out."""
    given: list[tuple[torch.nn.Conv2d, torch.Tensor]] = []
    pairs: list[Pair] = []

    def note(layer: torch.nn.Conv2d, _: object, output: torch.Tensor) -> None:
        given.append((layer, output))

    def look(layer: torch.nn.BatchNorm2d, inputs: tuple[torch.Tensor]) -> None:
        pairs.extend((before, layer) for before, output in given if output is inputs[0])

    hooks = [layer.register_forward_hook(note) for layer in network.modules() if _is_plain(layer)]
    hooks += [
        layer.register_forward_pre_hook(look)
        for layer in network.modules()
        if type(layer) in (torch.nn.BatchNorm2d, BatchNormAct2d) and layer.track_running_stats
    ]
    network.eval()
    try:
        with torch.no_grad():
            output = network(example)
    finally:
        for hook in hooks:
            hook.remove()
    return pairs, output


def _is_plain(layer: torch.nn.Module) -> bool:
    return type(layer) is torch.nn.Conv2d and layer.padding_mode == "zeros"


def _convolve(layer: torch.nn.Conv2d, norm: torch.nn.BatchNorm2d, input: torch.Tensor) -> torch.Tensor:
    mean, variance = norm.get_buffer("running_mean"), norm.get_buffer("running_var")
    scale = torch.rsqrt(variance + norm.eps)
    shift = -mean if layer.bias is None else layer.bias - mean
    if norm.affine:
        scale = scale * norm.weight
        shift = shift * scale + norm.bias
    else:
        shift = shift * scale
    weight = layer.weight * scale.view(-1, 1, 1, 1)
    return functional.conv2d(input, weight, shift, layer.stride, layer.padding, layer.dilation, layer.groups)


def _activate(norm: torch.nn.BatchNorm2d, input: torch.Tensor) -> torch.Tensor:
    if not isinstance(norm, BatchNormAct2d):
        return input
    return norm.get_submodule("act")(norm.get_submodule("drop")(input))
