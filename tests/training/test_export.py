"""Export: an encoder like the stock ones, or a refusal."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from train_shop import Inputs

from lookalike import images
from lookalike.artifacts import Artifact
from lookalike.encoder import load_encoder
from lookalike.errors import TrainingError
from lookalike.training import RunConfig, TrainConfig, export, exporting, train
from lookalike.training.exporting import overlap
from lookalike.training.graph import to_onnx
from lookalike.training.network import load_weights, read_state, rebuild_backbone

pytestmark = pytest.mark.torch

CONFIG = TrainConfig(backbone="test_resnet", pretrained=False, size_px=32, epochs=1, batch_size=8, precision="fp32")


@pytest.fixture(scope="module")
def model(inputs: Inputs, tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    out = tmp_path_factory.mktemp("trained") / "model"
    return train(inputs.catalogue, inputs.split, out, CONFIG, RunConfig(progress=False))


def test_the_encoder_gives_what_the_trained_network_gives(model: Artifact, inputs: Inputs, tmp_path: Path) -> None:
    exported = export(model.path, tmp_path / "encoder")
    encoder = load_encoder(tmp_path / "encoder", precision="fp32")
    assert (encoder.name, encoder.hash, encoder.dim, encoder.generic_dim) == ("test_resnet-tuned", exported.hash, 96, 0)
    photos = np.stack([images.prepare(f.read_bytes(), encoder.card) for f in sorted(inputs.photos.rglob("*.png"))])
    backbone = rebuild_backbone("test_resnet", encoder.card)
    load_weights(backbone.network, read_state(model.path / "best.ckpt"), "")
    truth = exporting.torch_features(backbone, photos)
    np.testing.assert_allclose(encoder.encode(photos), truth, rtol=1e-3, atol=1e-4)
    assert exported.parents == {"model": model.hash}
    check = exported.about["check"]
    assert check["photos"] == 6
    assert check["fp32_worst"] >= 0.9999
    assert check["bf16_mean"] is None or 0.9 < check["bf16_worst"] <= check["bf16_mean"] <= 1.0001


def test_a_graph_that_is_not_the_network_is_refused(
    model: Artifact, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def wrong(network: torch.nn.Module, size_px: int) -> bytes:
        state = {name: tensor.clone() for name, tensor in network.state_dict().items()}
        with torch.no_grad():
            for parameter in network.parameters():
                parameter += 0.05 * torch.ones_like(parameter)
        try:
            return to_onnx(network, size_px)
        finally:
            network.load_state_dict(state)

    monkeypatch.setattr(exporting, "to_onnx", wrong)
    with pytest.raises(TrainingError, match=r"worst cosine to torch is 0\.\d+, and 0.9999 is needed"):
        export(model.path, tmp_path / "encoder")
    assert list(tmp_path.iterdir()) == []


def test_a_checkpoint_alone_is_exported_too(model: Artifact, tmp_path: Path) -> None:
    whole, best = export(model.path, tmp_path / "whole"), export(model.path / "best.ckpt", tmp_path / "best")
    last = export(model.path / "epochs" / "000.ckpt", tmp_path / "last")
    assert whole.config == best.config == last.config  # one epoch: the same weights
    assert best.parents == {}


def test_the_same_weights_are_the_same_encoder(model: Artifact, inputs: Inputs, tmp_path: Path) -> None:
    again = train(inputs.catalogue, inputs.split, tmp_path / "model", CONFIG, RunConfig(progress=False))
    one, other = export(model.path, tmp_path / "one"), export(again.path, tmp_path / "other")
    assert one.hash == other.hash
    assert (one.path / "encoder.onnx").read_bytes() == (other.path / "encoder.onnx").read_bytes()
    changed = replace(CONFIG, seed=1)
    third = train(inputs.catalogue, inputs.split, tmp_path / "changed", changed, RunConfig(progress=False))
    assert export(third.path, tmp_path / "third").config["weights_sha256"] != one.config["weights_sha256"]


def test_photos_that_moved_are_asked_for(model: Artifact, inputs: Inputs, tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    for name in ("best.ckpt", "training.json"):
        shutil.copy(model.path / name, tmp_path / "model")
    checkpoint = tmp_path / "model" / "best.ckpt"
    (tmp_path / "empty").mkdir()
    with pytest.raises(TrainingError, match=r"none of the photos.*--photos"):
        export(checkpoint, tmp_path / "encoder", photos=tmp_path / "empty")
    assert export(checkpoint, tmp_path / "encoder", photos=inputs.photos).about["check"]["photos"] == 6


def test_a_folder_or_file_that_is_no_model_is_refused(tmp_path: Path) -> None:
    (tmp_path / "stray.ckpt").write_bytes(b"")
    with pytest.raises(TrainingError, match="no model that Lookalike trained"):
        export(tmp_path / "stray.ckpt", tmp_path / "encoder")


def test_overlap_by_hand() -> None:
    """Directions in the plane, in degrees: each row's nearest other row, before and after row 1 moves from 10 to 30."""

    def around(*degrees: float) -> np.ndarray:
        angles = np.deg2rad(degrees)
        return np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)

    before, after = around(0, 10, 45, 90), around(0, 30, 45, 90)
    assert overlap(before, before, 1) == 1
    # nearest before: 1, 0, 1, 2; after: 1, 2, 1, 2: three of four are as they were
    assert overlap(before, after, 1) == 0.75
    assert overlap(before, after, 10) == 1  # three others in all: every one is near
    assert overlap(before[:1], after[:1]) == 1
