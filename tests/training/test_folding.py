"""Folded batch normalisation: outputs and gradients are those of the layers one after another; nothing else changes."""

import copy

import pytest
import torch

from lookalike.training.config import TrainConfig
from lookalike.training.cut import Tail, cut
from lookalike.training.folding import fold
from lookalike.training.network import keep_depthwise_float32, make_backbone

pytestmark = pytest.mark.torch


def tail(name: str, stages: int) -> tuple[torch.nn.Module, torch.Tensor]:
    torch.manual_seed(1)
    backbone = make_backbone(TrainConfig(backbone=name, pretrained=False, size_px=64))
    for layer in backbone.network.modules():
        if isinstance(layer, torch.nn.BatchNorm2d):  # as in a network that has learned
            layer.weight.data.uniform_(0.5, 1.5)
            layer.bias.data.normal_()
            assert layer.running_mean is not None
            assert layer.running_var is not None
            layer.running_mean.normal_(0, 0.1)
            layer.running_var.uniform_(0.5, 1.5)
    parts = cut(backbone, stages)
    channels, height, width = parts.shape
    return Tail(parts).eval(), torch.rand(5, channels * height * width)


def gradients(network: torch.nn.Module, rows: torch.Tensor) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    network.zero_grad()
    features = network(rows)
    features.square().mean().backward()
    return features.detach(), {
        name: parameter.grad.clone() for name, parameter in network.named_parameters() if parameter.grad is not None
    }


@pytest.mark.parametrize(("name", "stages"), [("lite0", 2), ("test_resnet", 2)])
def test_outputs_and_gradients_are_those_of_the_layers_one_after_another(name: str, stages: int) -> None:
    slow, rows = tail(name, stages)
    fast = copy.deepcopy(slow)
    assert fold(fast, rows[:2]) >= 4
    features, wanted = gradients(slow, rows)
    if name == "test_resnet":
        fast.train()  # running statistics in any mode; in Lite0 one convolution, padded as in TensorFlow, is left
    found_features, found = gradients(fast, rows)
    torch.testing.assert_close(found_features, features, rtol=1e-3, atol=1e-4 * float(features.abs().max()))
    assert found.keys() == wanted.keys()
    for one, gradient in wanted.items():
        torch.testing.assert_close(found[one], gradient, rtol=5e-3, atol=5e-3 * float(gradient.abs().max()))
    before, after = slow.state_dict(), fast.state_dict()
    assert before.keys() == after.keys()
    assert all(torch.equal(after[one], tensor) for one, tensor in before.items())


def test_a_copy_computes_with_weights_of_its_own() -> None:
    fast, rows = tail("test_resnet", 2)
    fold(fast, rows[:2])
    other = copy.deepcopy(fast)
    before = fast(rows)
    with torch.no_grad():
        for parameter in other.parameters():
            parameter.add_(0.1)
    assert torch.equal(fast(rows), before)
    assert not torch.equal(other(rows), before)


def test_depthwise_convolutions_stay_float32_under_bf16_when_folded() -> None:
    fast, rows = tail("lite0", 1)
    fold(fast, rows[:2])
    keep_depthwise_float32(fast)
    seen: dict[bool, set[torch.dtype]] = {False: set(), True: set()}
    for layer in fast.modules():
        if isinstance(layer, torch.nn.Conv2d):
            layer.register_forward_hook(lambda conv, _, out: seen[conv.groups > 1].add(out.dtype))
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        fast(rows)
    assert seen == {False: {torch.bfloat16}, True: {torch.float32}}


class Shared(torch.nn.Module):
    """Uses what the convolution gave beside the normalisation, too."""

    def __init__(self) -> None:
        super().__init__()
        self.convolution = torch.nn.Conv2d(3, 3, 1)
        self.norm = torch.nn.BatchNorm2d(3)
        self.norm.running_mean = torch.tensor([1.0, 2.0, 3.0])

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        passed = self.convolution(pixels)
        return (passed + self.norm(passed)).mean((2, 3))


def test_what_cannot_be_folded_is_left_as_it_was() -> None:
    torch.manual_seed(0)
    network, pixels = Shared().eval(), torch.rand(2, 3, 4, 4)
    before = network(pixels)
    assert fold(network, pixels) == 0
    assert torch.equal(network(pixels), before)
    assert not any("forward" in layer.__dict__ for layer in network.modules())
