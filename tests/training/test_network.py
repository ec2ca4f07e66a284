"""Backbones: where their first weights come from, and plain words where they cannot be had."""

from pathlib import Path
from typing import Any

import pytest
import timm
import torch

from lookalike.errors import TrainingError
from lookalike.training import network as networks
from lookalike.training.config import TrainConfig
from lookalike.training.network import make_backbone, read_state

pytestmark = pytest.mark.torch

TINY = TrainConfig(backbone="test_resnet", pretrained=False, size_px=32)


def test_no_network_connection_is_told_with_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    def offline(*_: object, pretrained: bool, **__: object) -> torch.nn.Module:
        assert pretrained
        raise FileNotFoundError("An error happened while trying to locate the file on the Hub")

    monkeypatch.setattr(timm, "create_model", offline)
    with pytest.raises(TrainingError, match=r"resnet50.*could not be fetched") as caught:
        make_backbone(TrainConfig(backbone="resnet50"))
    for way_out in ("--weights FILE", "--no-pretrained", "lite0"):
        assert way_out in str(caught.value)


def test_the_stock_backbones_and_no_pretrained_ask_for_no_download(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[bool] = []
    create = timm.create_model

    def watch(*args: Any, pretrained: bool, **kwargs: Any) -> torch.nn.Module:
        asked.append(pretrained)
        return create(*args, pretrained=False, **kwargs)

    monkeypatch.setattr(timm, "create_model", watch)
    make_backbone(TrainConfig(backbone="lite0"))
    make_backbone(TINY)
    assert asked == [False, False]
    make_backbone(TrainConfig(backbone="test_resnet", size_px=32))
    assert asked[-1]


def test_an_unknown_backbone_is_told_with_near_names() -> None:
    with pytest.raises(TrainingError, match=r"resnet5O.*Did you mean .*resnet50"):
        make_backbone(TrainConfig(backbone="resnet5O"))


@pytest.mark.parametrize("suffix", ["pth", "safetensors", "ckpt"])
def test_weights_are_taken_from_a_file(tmp_path: Path, suffix: str) -> None:
    import safetensors.torch

    torch.manual_seed(3)
    state = timm.create_model("test_resnet", num_classes=10).state_dict()  # with a classifier, which is left out
    file = tmp_path / f"weights.{suffix}"
    if suffix == "safetensors":
        safetensors.torch.save_file(state, file)
    elif suffix == "pth":
        torch.save(state, file)
    else:
        torch.save({"state_dict": {f"backbone.{name}": value for name, value in state.items()}}, file)
    loaded = make_backbone(TrainConfig(backbone="test_resnet", weights=file, size_px=32)).network.state_dict()
    assert all(torch.equal(loaded[name], state[name]) for name in loaded)


def test_weights_of_another_network_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "other.pth"
    torch.save(timm.create_model("test_vit", num_classes=0).state_dict(), file)
    with pytest.raises(TrainingError, match="do not fit the backbone"):
        make_backbone(TrainConfig(backbone="test_resnet", weights=file, size_px=32))


def test_a_weights_file_that_is_none_is_refused(tmp_path: Path) -> None:
    (tmp_path / "odd.pth").write_bytes(b"no weights at all")
    with pytest.raises(TrainingError, match="cannot be read"):
        read_state(tmp_path / "odd.pth")
    with pytest.raises(TrainingError, match="cannot be read"):
        read_state(tmp_path / "absent.safetensors")


def test_a_size_that_the_backbone_does_not_take_is_refused() -> None:
    with pytest.raises(TrainingError, match="does not take photos of 50 pixels"):
        make_backbone(TrainConfig(backbone="test_vit", pretrained=False, size_px=50))


def test_a_download_is_not_retried_for_a_resumed_run(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_download(*_: object, download: bool, **__: object) -> torch.nn.Module:
        assert not download
        return timm.create_model("test_resnet", num_classes=0)

    card = make_backbone(TINY).card
    monkeypatch.setattr(networks, "_create", no_download)
    assert networks.rebuild_backbone("test_resnet", card).card == card


def test_under_bf16_only_depthwise_convolutions_stay_float32() -> None:
    backbone = make_backbone(TrainConfig(backbone="lite0", size_px=32))
    seen: dict[bool, set[torch.dtype]] = {False: set(), True: set()}
    for layer in backbone.network.modules():
        if isinstance(layer, torch.nn.Conv2d):
            layer.register_forward_hook(lambda conv, _, out: seen[conv.groups > 1].add(out.dtype))
    images = torch.linspace(-1, 1, 2 * 3 * 32 * 32).reshape(2, 3, 32, 32)
    before = dict(backbone.network.state_dict())
    with torch.no_grad():
        exact = backbone.network(images)
        seen[False].clear()
        seen[True].clear()
        networks.keep_depthwise_float32(backbone.network)
        with torch.autocast("cpu", torch.bfloat16):
            backbone.network(images)
        assert seen == {False: {torch.bfloat16}, True: {torch.float32}}
        same = backbone.network(images)
    assert torch.equal(same, exact)
    assert all(torch.equal(tensor, before[name]) for name, tensor in backbone.network.state_dict().items())
