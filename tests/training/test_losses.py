"""Losses against hand-worked numbers and slow twins, and what each photo teaches."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch
from stopped import stop_training
from train_shop import Inputs

from lookalike.errors import TrainingError
from lookalike.labels import LabelSet
from lookalike.training import RunConfig, TrainConfig, train
from lookalike.training.losses import NOT_LEARNED, Heads, with_margin
from lookalike.training.targets import make_targets

pytestmark = pytest.mark.torch

LABELS = LabelSet(("Home / Beds", "Home / Lamps", "Toys"))
TRAIN = pl.DataFrame(
    {
        "product_id": ["a", "a", "b", "c", "c", "d", "d"],
        "category": ["Home / Beds", "Home / Beds", "Home / Lamps", "Toys", "Toys", "Garden", "Garden"],
    }
)


def heads(config: TrainConfig, *weights: list[list[float]]) -> Heads:
    made = Heads(2, [len(weight) for weight in weights], config).eval()  # at rest the normalisation changes nothing
    with torch.no_grad():
        for layer, weight in zip(made.layers, weights, strict=True):
            layer.weight.copy_(torch.tensor(weight))  # pyright: ignore
            if layer.bias is not None:
                layer.bias.zero_()  # pyright: ignore
    return made


def test_a_margin_by_hand() -> None:
    cosines = torch.tensor([[0.8, 0.6], [0.0, -1.0]])
    moved = with_margin(cosines, torch.tensor([0, 1]), 0.5)
    # cos(arccos 0.8 + 0.5) = 0.8 * 0.87758 - 0.6 * 0.47943; -1 lies past pi - 0.5: -1 - 0.5 * 0.47943
    expected = torch.tensor([[0.41441, 0.6], [0.0, -1.23971]])
    torch.testing.assert_close(moved, expected, rtol=0, atol=1e-4)


@pytest.mark.parametrize("margin", [0.0, 0.2, 0.9])
def test_a_margin_always_makes_it_harder_and_keeps_the_order(margin: float) -> None:
    cosines = torch.linspace(-1, 1, 201)[:, None]
    moved = with_margin(cosines, torch.zeros(201, dtype=torch.long), margin)[:, 0]
    assert (moved <= cosines[:, 0] + 1e-5).all()
    assert (moved.diff() > -1e-6).all()


def test_softmax_by_hand() -> None:
    config = TrainConfig(label_smoothing=0.0)
    made = heads(config, [[1.0, 0.0], [0.0, 1.0]])
    loss = made.loss(torch.tensor([[2.0, 0.0], [0.0, 0.0]]), torch.tensor([[0], [1]]), 1.0)
    assert loss.item() == pytest.approx((math.log(1 + math.exp(-2)) + math.log(2)) / 2, abs=1e-5)


def test_normalised_softmax_minds_directions_only() -> None:
    config = TrainConfig(loss="normalised", temperature=0.5, label_smoothing=0.0)
    made = heads(config, [[3.0, 0.0], [0.0, 0.1]])
    for length in (0.1, 1.0, 40.0):
        loss = made.loss(length * torch.tensor([[3.0, 4.0]]), torch.tensor([[1]]), 1.0)
        # cosines 0.6 and 0.8, over 0.5: 1.2 and 1.6
        assert loss.item() == pytest.approx(math.log(1 + math.exp(-0.4)), abs=1e-4)


def test_arcface_is_normalised_softmax_with_a_margin_that_grows_until_half_way() -> None:
    config = TrainConfig(loss="arcface", temperature=0.5, margin=0.4, label_smoothing=0.0)
    made = heads(config, [[1.0, 0.0], [0.0, 1.0]])
    plain = heads(replace(config, loss="normalised"), [[1.0, 0.0], [0.0, 1.0]])
    features, targets = torch.tensor([[3.0, 4.0]]), torch.tensor([[1]])

    def by_hand(margin: float) -> float:
        return math.log(1 + math.exp((0.6 - math.cos(math.acos(0.8) + margin)) / 0.5))

    assert made.loss(features, targets, 0.0).item() == pytest.approx(plain.loss(features, targets, 0.0).item())
    assert made.loss(features, targets, 0.25).item() == pytest.approx(by_hand(0.2), abs=1e-4)
    assert made.loss(features, targets, 0.5).item() == pytest.approx(by_hand(0.4), abs=1e-4)
    assert made.loss(features, targets, 1.0).item() == pytest.approx(by_hand(0.4), abs=1e-4)
    assert torch.equal(made(features), plain(features))  # nobody is asked with a margin


@pytest.mark.parametrize("loss", ["softmax", "normalised", "arcface"])
def test_several_heads_are_a_weighted_sum_over_what_each_knows(loss: str) -> None:
    config = TrainConfig(loss=loss, parent_weight=0.5, product_weight=2.0, label_smoothing=0.1)  # pyright: ignore
    torch.manual_seed(3)
    made = Heads(4, [3, 2, 5], config).eval()
    features = torch.randn(6, 4)
    targets = torch.tensor([[0, 0, 1], [1, 0, -1], [2, 1, 4], [0, 0, -1], [1, 1, 0], [2, 0, -1]])
    expected = 0.0
    for number, weight in enumerate((1.0, 0.5, 2.0)):
        for row, numbers in zip(features, targets.tolist(), strict=True):
            if numbers[number] == NOT_LEARNED:
                continue
            alone = Heads(4, [made.layers[number].weight.shape[0]], replace(config, parent_weight=0, product_weight=0))  # pyright: ignore
            alone.eval().layers[0].load_state_dict(made.layers[number].state_dict())
            expected += weight * alone.loss(row[None], torch.tensor([[numbers[number]]]), 0.3).item() / 6
    assert made.loss(features, targets, 0.3).item() == pytest.approx(expected, rel=1e-4)


def test_each_photo_has_a_number_in_each_head() -> None:
    targets = make_targets(TRAIN, LABELS, TrainConfig(parent_weight=0.5, product_weight=1.0))
    assert targets.sizes == (3, 2, 2)  # products a and c; b has one photo, d no learned label
    assert targets.of("Home / Lamps", "b") == (1, 0, NOT_LEARNED)
    assert targets.of("Toys", "c") == (2, 1, 1)
    assert targets.of("Home / Beds", "unseen") == (0, 0, NOT_LEARNED)
    assert targets.of("Garden", "d") is None
    assert make_targets(TRAIN, LABELS, TrainConfig()).sizes == (3,)


def test_a_head_with_nothing_to_tell_apart_is_refused() -> None:
    flat = LabelSet(("Beds", "Toys"))
    with pytest.raises(TrainingError, match="2 labels have 2 parent categories"):
        make_targets(TRAIN, flat, TrainConfig(parent_weight=1.0))
    with pytest.raises(TrainingError, match="0 products have two training photos"):
        make_targets(TRAIN.unique("product_id"), LABELS, TrainConfig(product_weight=1.0))


@pytest.mark.parametrize("wrong", [{"loss": "triplet"}, {"temperature": 0.0}, {"margin": 1.6}, {"parent_weight": -1.0}])
def test_settings_out_of_range_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(TrainingError, match=r"out of range|unknown"):
        TrainConfig(**wrong).check()  # pyright: ignore


def test_arcface_learns_and_resumes_to_the_same_weights(
    inputs: Inputs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = TrainConfig(
        backbone="test_resnet", pretrained=False, size_px=32, epochs=2, batch_size=8, lr=3e-3, precision="fp32",
        trained_stages=1, views=1, loss="arcface",
    )  # fmt: skip
    whole = train(inputs.catalogue, inputs.split, tmp_path / "whole", config, RunConfig(progress=False))
    assert whole.counts["best_validation_accuracy"] > 0.6
    with monkeypatch.context() as patched:
        stop_training(patched)
        with pytest.raises(TrainingError, match="1 of 2 epochs are done"):
            train(inputs.catalogue, inputs.split, tmp_path / "model", config, RunConfig(progress=False))
    resumed = train(inputs.catalogue, inputs.split, tmp_path / "model", config, RunConfig(progress=False))
    ours, theirs = (torch.load(m.path / "last.ckpt", weights_only=True)["state_dict"] for m in (resumed, whole))
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)
    assert not np.allclose(ours["heads.norm.running_mean"], 0)


def test_the_heads_are_told_how_much_of_the_training_is_done(
    inputs: Inputs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = TrainConfig(
        backbone="test_resnet", pretrained=False, size_px=32, epochs=2, batch_size=8, precision="fp32",
        trained_stages=1, views=1,
    )  # fmt: skip
    told: list[float] = []
    loss = Heads.loss

    def listening(heads: Heads, features: torch.Tensor, targets: torch.Tensor, progress: float) -> torch.Tensor:
        told.append(progress)
        return loss(heads, features, targets, progress)

    monkeypatch.setattr(Heads, "loss", listening)
    train(inputs.catalogue, inputs.split, tmp_path / "model", config, RunConfig(progress=False))
    assert told == pytest.approx([n / 6 for n in range(6)])  # 24 photos in batches of 8, twice
