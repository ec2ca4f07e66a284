"""Cutting a network: both parts together are the network, and two branches are both networks."""

import pytest
import torch

from lookalike.errors import TrainingError
from lookalike.training import TrainConfig
from lookalike.training.cut import Flat, Tail, TwoBranches, copied, cut
from lookalike.training.network import Backbone, make_backbone

pytestmark = pytest.mark.torch


def _backbone(name: str = "test_resnet", size_px: int = 32) -> Backbone:
    torch.manual_seed(3)
    backbone = make_backbone(TrainConfig(backbone=name, pretrained=False, size_px=size_px))
    backbone.network.eval()
    return backbone


@pytest.mark.parametrize(("name", "stages"), [("test_resnet", 1), ("test_resnet", 3), ("lite0", 2), ("lite0", 6)])
def test_trunk_and_tail_are_the_network(name: str, stages: int) -> None:
    backbone = _backbone(name, 64)
    parts = cut(backbone, stages)
    pixels = torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        rows = Flat(parts.trunk)(pixels)
        assert rows.shape == (2, parts.shape[0] * parts.shape[1] * parts.shape[2])
        torch.testing.assert_close(Tail(parts)(rows), backbone.network(pixels), rtol=1e-4, atol=1e-4)


def test_two_branches_give_both_networks_side_by_side() -> None:
    start = _backbone()
    tuned = copied(start)
    before, after = cut(start, 2), cut(tuned, 2)
    with torch.no_grad():
        for parameter in after.tail.parameters():
            parameter.mul_(1.2)
        pixels = torch.randn(3, 3, 32, 32)
        both = TwoBranches(before, after)(pixels)
        torch.testing.assert_close(both[:, : start.dim], start.network(pixels))
        torch.testing.assert_close(both[:, start.dim :], tuned.network(pixels))
        assert not torch.allclose(both[:, : start.dim], both[:, start.dim :])


def test_training_a_copy_leaves_the_start_alone() -> None:
    start = _backbone()
    before = {name: value.clone() for name, value in start.network.state_dict().items()}
    with torch.no_grad():
        for parameter in cut(copied(start), 1).tail.parameters():
            parameter.add_(1)
    assert all(torch.equal(value, before[name]) for name, value in start.network.state_dict().items())


@pytest.mark.parametrize("stages", [4, 9])
def test_more_stages_than_there_are_is_refused(stages: int) -> None:
    with pytest.raises(TrainingError, match="has 4 stages, of which 1 to 3 can be trained alone"):
        cut(_backbone(), stages)


def test_a_network_of_another_kind_is_refused() -> None:
    with pytest.raises(TrainingError, match="cannot be cut into stages") as told:
        cut(_backbone("test_vit", 160), 1)
    assert "--budget full" in str(told.value.mend)


def test_a_network_that_does_more_than_its_stages_is_refused() -> None:
    backbone = _backbone()
    backbone.network.forward = lambda x: torch.relu(torch.zeros(2, backbone.dim))  # pyright: ignore
    with pytest.raises(TrainingError, match="does more than its stages"):
        cut(backbone, 1)
