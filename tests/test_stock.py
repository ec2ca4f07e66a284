"""The stock encoders: whole, licensed, described, and what a rebuild from the upstream packages gives."""

import hashlib
import importlib.util
import json
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from lookalike import images, stock
from lookalike.artifacts import digest
from lookalike.encoder import load_encoder
from lookalike.types import Float32Array, Preprocess, UInt8Array

FOLDER = Path(stock.__file__).parent
SIZES = {"lite0": 224, "lite2": 260}


@pytest.mark.parametrize("name", SIZES)
def test_the_manifest_tells_the_truth(name: str) -> None:
    manifest = json.loads((FOLDER / name / "manifest.json").read_text(encoding="utf-8"))
    card = json.loads((FOLDER / name / "preprocess.json").read_text(encoding="utf-8"))
    sha256 = hashlib.sha256((FOLDER / name / "encoder.onnx").read_bytes()).hexdigest()
    assert manifest["config"]["onnx_sha256"] == sha256
    assert manifest["hash"] == digest({"onnx": sha256, "preprocess": card})
    assert (manifest["kind"], manifest["config"]["name"], manifest["config"]["dim"]) == ("encoder", name, 1280)
    assert Preprocess.from_json(card) == Preprocess(SIZES[name], (0.5, 0.5, 0.5), (0.5, 0.5, 0.5))


@pytest.mark.parametrize("name", SIZES)
def test_the_file_is_small_and_tells_of_no_machine(name: str) -> None:
    data = (FOLDER / name / "encoder.onnx").read_bytes()
    assert len(data) < 10.5e6
    assert not [word for word in (b"site-packages", b".py", b"stack_trace", b"/home/", b"/usr/") if word in data]


def test_the_licence_is_whole_and_the_notice_names_the_authors() -> None:
    licence = (FOLDER / "LICENSE-APACHE-2.0.txt").read_text(encoding="utf-8")
    assert "TERMS AND CONDITIONS FOR USE" in licence
    assert "END OF TERMS AND CONDITIONS" in licence
    notice = (FOLDER / "NOTICE").read_text(encoding="utf-8")
    for said in ("Copyright (c) 2020, ML Illustrated", "TensorFlow Authors", "Changes:"):
        assert said in notice
    for name in SIZES:
        card = (FOLDER / name / "MODEL_CARD.md").read_text(encoding="utf-8")
        for said in ("ImageNet-1k", "Not meant for", "bicubic", "Apache-2.0"):
            assert said in card


@pytest.mark.parametrize("name", SIZES)
def test_it_tells_things_apart(name: str) -> None:
    """Brightness must not matter as much as what is seen: fails where normalisation is left out or done twice."""
    encoder = load_encoder(name, precision="fp32")
    shapes = _drawings(encoder.card.size_px)
    darker = (shapes * 0.8).astype(np.uint8)
    bright, dark = encoder.encode(shapes), encoder.encode(darker)
    scores = _unit(bright) @ _unit(dark).T
    assert (scores.argmax(axis=1) == np.arange(len(shapes))).all()
    assert scores.shape == (4, 4)


@pytest.mark.torch
@pytest.mark.parametrize("name", SIZES)
def test_a_rebuild_from_upstream_gives_the_same_features(name: str, tmp_path: Path) -> None:
    pytest.importorskip("torch", reason="needs the train extra")
    tool = _tool()
    (source,) = [source for source in tool.SOURCES if source.name == name]
    tool.export(source, tmp_path / name)
    rebuilt, committed = load_encoder(tmp_path / name, precision="fp32"), load_encoder(name, precision="fp32")
    assert rebuilt.card == committed.card
    photos = _drawings(committed.card.size_px)
    features = committed.encode(photos)
    np.testing.assert_allclose(rebuilt.encode(photos), features, rtol=1e-4, atol=1e-4)
    # and torch with the original float32 weights: float16 storage is all that lies between, even on what is no photo
    truth = _in_torch(tool.build_network(source), photos)
    assert (_unit(truth) * _unit(features)).sum(axis=1).min() >= 0.9998


@pytest.mark.torch
@pytest.mark.shared
@pytest.mark.parametrize("name", SIZES)
def test_on_real_photos_only_the_rounding_lies_between(name: str, clothing: Path) -> None:
    pytest.importorskip("torch", reason="needs the train extra")
    tool = _tool()
    (source,) = [source for source in tool.SOURCES if source.name == name]
    files = sorted((clothing / "images").iterdir())[::400]
    photos = np.stack([images.prepare(file.read_bytes(), tool.card(source)) for file in files])
    truth = _in_torch(tool.build_network(source), photos)
    served = load_encoder(name, precision="fp32").encode(photos)
    assert (_unit(truth) * _unit(served)).sum(axis=1).min() >= 0.9999


def _in_torch(network: Callable[[Any], Any], photos: UInt8Array) -> Float32Array:
    import torch

    with torch.no_grad():
        inputs = torch.from_numpy((photos / 255 - 0.5).astype(np.float32) / 0.5).permute(0, 3, 1, 2)
        return network(inputs).numpy()


def _tool() -> ModuleType:
    file = Path(__file__).resolve().parents[1] / "tools" / "export_stock.py"
    spec = importlib.util.spec_from_file_location("export_stock", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _drawings(size: int) -> UInt8Array:
    """Four pictures: a disc, a checkerboard, stripes, and a smooth ramp."""
    y, x = np.mgrid[0:size, 0:size] / size
    disc = ((x - 0.5) ** 2 + (y - 0.5) ** 2 < 0.1) * 200 + 30
    board = ((x * 8).astype(int) + (y * 8).astype(int)) % 2 * 200 + 30
    stripes = (x * 16).astype(int) % 2 * 200 + 30
    ramp = 30 + 200 * (x + y) / 2
    grey = np.stack([disc, board, stripes, ramp]).astype(np.uint8)
    return np.stack([grey, np.flip(grey, 1), grey], axis=-1)


def _unit(rows: Float32Array) -> Float32Array:
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)
