"""Networks to ONNX and back: right numbers, the same bytes each time, weights that can be taken out again."""

from pathlib import Path

import numpy as np
import onnx
import pytest
import torch

from lookalike.errors import TrainingError
from lookalike.training.config import TrainConfig
from lookalike.training.graph import read_weights, to_onnx
from lookalike.training.network import STOCK, make_backbone

pytestmark = pytest.mark.torch


class Small(torch.nn.Module):
    """A convolution and batch normalisation with statistics of its own."""

    def __init__(self) -> None:
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(1)
            self.conv = torch.nn.Conv2d(3, 4, 3, bias=False)
            self.norm = torch.nn.BatchNorm2d(4)
            self.norm.running_mean.uniform_(-1, 1)
            self.norm.running_var.uniform_(0.5, 2)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.norm(self.conv(images)).relu().mean((2, 3))


def test_batch_normalisation_is_neither_folded_nor_rounded() -> None:
    network = Small()
    model = onnx.load_from_string(to_onnx(network, 8, half=True))
    stored = {tensor.name: tensor.data_type for tensor in model.graph.initializer}
    assert stored["conv.weight_half"] == onnx.TensorProto.FLOAT16
    assert stored["norm.running_var"] == onnx.TensorProto.FLOAT
    assert [node.op_type for node in model.graph.node].count("BatchNormalization") == 1


@pytest.mark.parametrize("half", [False, True])
def test_weights_come_back_by_their_own_names(tmp_path: Path, half: bool) -> None:
    network = Small()
    (tmp_path / "encoder.onnx").write_bytes(to_onnx(network, 8, half=half))
    read = read_weights(tmp_path / "encoder.onnx")
    for name, tensor in network.state_dict().items():
        if name.endswith("num_batches_tracked"):
            continue
        wanted = tensor.half().float() if half and tensor.ndim > 1 else tensor
        np.testing.assert_array_equal(read[name], wanted.numpy(), err_msg=name)


def test_the_same_network_gives_the_same_bytes_without_a_trace_of_the_machine() -> None:
    data = to_onnx(Small(), 8)
    assert to_onnx(Small(), 8) == data
    assert not [word for word in (b"stack_trace", b".py", b"torch.nn") if word in data]


def test_the_batch_is_free_and_the_names_are_fixed() -> None:
    graph = onnx.load_from_string(to_onnx(Small(), 8)).graph
    shapes = [
        [dim.dim_param or dim.dim_value for dim in put.type.tensor_type.shape.dim]
        for put in (*graph.input, *graph.output)
    ]
    assert [put.name for put in (*graph.input, *graph.output)] == ["images", "features"]
    assert shapes == [["batch", 3, 8, 8], ["batch", 4]]


def test_a_network_that_cannot_be_followed_is_refused() -> None:
    class Odd(torch.nn.Module):
        def forward(self, images: torch.Tensor) -> torch.Tensor:
            return images.mean((2, 3)) if float(images.sum()) > 0 else images.amax((2, 3))

    with pytest.raises(TrainingError, match="cannot be exported"):
        to_onnx(Odd(), 8)


@pytest.mark.parametrize("name", STOCK)
def test_training_starts_from_the_packaged_weights(name: str) -> None:
    """Bit for bit what the file holds: float16 for the convolutions, float32 for batch normalisation."""
    backbone = make_backbone(TrainConfig(backbone=name))
    assert (backbone.dim, backbone.card.mean) == (1280, (0.5, 0.5, 0.5))
    for key, tensor in backbone.network.state_dict().items():
        if tensor.ndim > 1:
            assert torch.equal(tensor, tensor.half().float()), key
    assert backbone.network.state_dict()["bn1.running_var"].std() > 0.01  # a fresh network has ones here
