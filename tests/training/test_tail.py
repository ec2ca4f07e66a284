"""Training the last stages on cached ones: it learns, resumes to the same weights, and exports both branches."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from stopped import stop_training
from train_shop import Inputs

from lookalike import images, views
from lookalike.artifacts import Artifact
from lookalike.encoder import load_encoder
from lookalike.errors import TrainingError
from lookalike.training import RunConfig, TrainConfig, cache, export, train
from lookalike.training.beginning import CACHE, START, starting_backbone
from lookalike.training.cut import Tail, copied, cut
from lookalike.training.data import Photos, read_training_set
from lookalike.training.exporting import torch_features
from lookalike.training.module import Classifier, ema_decay
from lookalike.training.network import load_weights, make_backbone, read_state

pytestmark = pytest.mark.torch

CONFIG = TrainConfig(
    backbone="test_resnet",
    pretrained=False,
    size_px=32,
    epochs=3,
    batch_size=4,
    lr=3e-3,
    precision="fp32",
    patience=0,
    trained_stages=2,
    views=3,
    ema_epochs=0.6,
)
QUIET = RunConfig(progress=False)


@pytest.fixture(scope="module")
def whole(inputs: Inputs, tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    return train(inputs.catalogue, inputs.split, tmp_path_factory.mktemp("tail") / "model", CONFIG, QUIET)


def test_it_learns_and_clears_its_cache(whole: Artifact) -> None:
    assert whole.counts["best_validation_accuracy"] == 1.0
    assert (whole.path / START).is_file()
    assert not (whole.path / CACHE).exists()


def test_an_interrupted_run_ends_in_the_same_weights(
    whole: Artifact, inputs: Inputs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        stop_training(patched)
        with pytest.raises(TrainingError, match="1 of 3 epochs are done"):
            train(inputs.catalogue, inputs.split, tmp_path / "model", CONFIG, QUIET)
    encoded: list[tuple[int, int]] = []
    see = cache.Cache._see  # pyright: ignore
    monkeypatch.setattr(cache.Cache, "_see", lambda self, which: (encoded.append(which), see(self, which))[1])
    resumed = train(inputs.catalogue, inputs.split, tmp_path / "model", CONFIG, QUIET)
    ours, theirs = (torch.load(m.path / "last.ckpt", weights_only=True)["state_dict"] for m in (resumed, whole))
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)
    left = 24 + 24 - 8  # what epochs 2 and 3 ask for, less the two batches that the stopped epoch had begun with
    assert len(encoded) == len(set(encoded)) <= left


def test_the_encoder_holds_both_branches(whole: Artifact, inputs: Inputs, tmp_path: Path) -> None:
    exported = export(whole.path, tmp_path / "encoder")
    encoder = load_encoder(tmp_path / "encoder", precision="fp32")
    assert (encoder.dim, encoder.generic_dim, exported.config["generic_dim"]) == (192, 96, 96)
    photos = np.stack([images.prepare(f.read_bytes(), encoder.card) for f in sorted(inputs.photos.rglob("*.png"))])
    start = starting_backbone(whole.path, "test_resnet")
    tuned = copied(start)
    load_weights(Tail(cut(tuned, 2)), read_state(whole.path / "best.ckpt"), "")
    features = encoder.encode(photos)
    np.testing.assert_allclose(features[:, :96], torch_features(start, photos), rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(features[:, 96:], torch_features(tuned, photos), rtol=1e-3, atol=1e-4)
    assert np.abs(features[:, :96] - features[:, 96:]).max() > 0.01


def made(inputs: Inputs, folder: Path, *, count: int, photos: Photos | None = None) -> tuple[cache.Cache, Photos]:
    photos = photos or read_training_set(inputs.catalogue, inputs.split, CONFIG, None).train
    torch.manual_seed(0)  # it starts from chance
    backbone = make_backbone(CONFIG)
    runner = cache.make_runner(folder.parent / "trunk", cut(backbone, 2), backbone.card, "fp32")
    return cache.Cache(folder, runner, photos, count=count, seed=5), photos


def test_a_photo_that_cannot_be_read_is_told_and_shifts_nobody(inputs: Inputs, tmp_path: Path) -> None:
    without, photos = made(inputs, tmp_path / "b", count=1)
    torn = tmp_path / "torn.png"
    torn.write_bytes(b"no photo")
    with_torn, photos = made(
        inputs, tmp_path / "a", count=1, photos=replace(photos, files=(*photos.files[:3], torn, *photos.files[4:]))
    )
    wanted = [(2, 1), (3, 1), (4, 1), (23, 1)]
    rows, failed = with_torn.rows(wanted)
    assert {place: reject.id for place, reject in failed.items()} == {3: photos.image_ids[3]}
    np.testing.assert_array_equal(rows, without.rows([(2, 1), (4, 1), (23, 1)])[0])
    batch = cache.CachedDataset(photos, with_torn, 0, vary=False).__getitems__([3, 23, 4])  # of two labels
    assert batch.targets.tolist() == [list(photos.targets[23]), list(photos.targets[4])]
    assert photos.targets[23] != photos.targets[4]
    np.testing.assert_array_equal(batch.pixels[1].numpy(), without.rows([(4, 0)])[0][0])
    assert [reject.id for reject in batch.failed] == [photos.image_ids[3]]


def test_rows_are_what_the_trunk_makes_of_the_photo_and_of_its_views(inputs: Inputs, tmp_path: Path) -> None:
    kept, photos = made(inputs, tmp_path / "cache", count=2)
    runner = kept._runner  # pyright: ignore
    data = photos.files[1].read_bytes()
    seen = [images.prepare(data, runner.card), *(views.view(data, runner.card, n, (5, 1)) for n in range(2))]
    rows = kept.rows([(1, 0), (1, 1), (1, 2)])[0]
    np.testing.assert_allclose(rows, runner.encoder.encode(np.stack(seen)), rtol=2e-3, atol=2e-3)
    assert np.abs(rows[0] - rows[1]).max() > 0.01


def test_a_row_is_computed_once_and_again_where_a_crash_cut_it_short(
    inputs: Inputs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept, photos = made(inputs, tmp_path / "cache", count=1)
    wanted = [(photo, photo % 2) for photo in range(7)]
    truth = kept.rows(wanted)[0]
    seen: list[tuple[int, int]] = []
    see = cache.Cache._see  # pyright: ignore
    monkeypatch.setattr(cache.Cache, "_see", lambda self, which: (seen.append(which), see(self, which))[1])
    again, _ = made(inputs, tmp_path / "cache", count=1, photos=photos)
    np.testing.assert_array_equal(again.rows(wanted)[0], truth)
    assert seen == []
    half = again._rows[5 * 2 + 1]  # pyright: ignore
    half[len(half) // 2 :] = 0
    np.testing.assert_array_equal(again.rows(wanted)[0], truth)
    assert seen == [(5, 1)]


def test_all_views_come_once_before_any_comes_again_and_validation_sees_none(inputs: Inputs, tmp_path: Path) -> None:
    kept, photos = made(inputs, tmp_path / "cache", count=3)
    which = cache.CachedDataset(photos, kept, 0, vary=True)._which  # pyright: ignore
    shown = np.array([[which(epoch, photo)[1] for photo in range(24)] for epoch in range(8)])
    assert (np.sort(shown[:4], axis=0) == np.arange(4)[:, None]).all()
    assert (np.sort(shown[4:], axis=0) == np.arange(4)[:, None]).all()
    assert len({tuple(order) for order in shown[:4].T.tolist()}) > 5  # each photo in an order of its own
    assert (shown[:4] != shown[4:]).any()
    still = cache.CachedDataset(photos, kept, 0, vary=False)._which  # pyright: ignore
    assert [still(epoch, 3) for epoch in range(3)] == [(3, 0)] * 3


def test_a_disk_that_is_too_small_is_said_before_the_work(
    inputs: Inputs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache, "_SPARE_BYTES", 1 << 60)
    with pytest.raises(TrainingError, match="GB are free"):
        train(inputs.catalogue, inputs.split, tmp_path / "model", CONFIG, QUIET)


def test_the_model_says_how_much_was_trained(whole: Artifact) -> None:
    assert json.loads((whole.path / "training.json").read_text(encoding="utf-8"))["trained_stages"] == 2


def test_the_kept_weights_are_the_running_mean_of_each_step(
    inputs: Inputs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mean: dict[str, torch.Tensor] = {}
    steps = 0
    step = Classifier.on_train_batch_end

    def note(module: Classifier, *given: object) -> None:
        nonlocal steps
        steps += 1
        for name, value in module.backbone.state_dict().items():
            if value.is_floating_point():
                before = mean.get(name, value)
                mean[name] = (0.75 * before + 0.25 * value).clone()
        step(module, *given)  # pyright: ignore

    monkeypatch.setattr(Classifier, "on_train_batch_end", note)
    config = replace(CONFIG, epochs=6, ema_epochs=4 / 6)  # of six steps an epoch
    model = train(inputs.catalogue, inputs.split, tmp_path / "model", config, QUIET)
    kept = read_state(model.path / "last.ckpt")
    assert steps == 36
    assert {name for name in kept if kept[name].is_floating_point()} == mean.keys()
    assert all(torch.allclose(kept[name], mean[name], atol=1e-6) for name in mean)
    learned = torch.load(model.path / "last.ckpt", weights_only=True)["state_dict"]
    assert any(not torch.allclose(kept[name], learned[f"backbone.{name}"], atol=1e-6) for name in mean)


@pytest.mark.parametrize(
    ("epochs", "span", "steps", "decay"),
    [(8, 1.0, 57, 1 - 1 / 57), (8, 2.0, 57, 1 - 1 / 57), (1, 1.0, 80, 0.9), (16, 0.5, 40, 0.95), (1, 1.0, 2, 0.0)],
)
def test_the_mean_goes_over_an_epoch_and_no_more_than_an_eighth_of_all_steps(
    epochs: int, span: float, steps: int, decay: float
) -> None:
    assert ema_decay(TrainConfig(epochs=epochs, ema_epochs=span), steps) == pytest.approx(decay)


def test_validation_asks_the_running_mean(inputs: Inputs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is trained is spoilt before each validation, and the accuracy does not change."""
    start = Classifier.on_validation_epoch_start

    def spoil(module: Classifier) -> None:
        start(module)
        with torch.no_grad():
            for parameter in (*module.backbone.parameters(), *module.heads.parameters()):
                parameter.zero_()

    def accuracy(name: str, span: float) -> float:
        config = replace(CONFIG, epochs=1, ema_epochs=span)
        model = train(inputs.catalogue, inputs.split, tmp_path / name, config, QUIET)
        return float(model.counts["best_validation_accuracy"])  # pyright: ignore

    whole = accuracy("whole", 0.5)
    monkeypatch.setattr(Classifier, "on_validation_epoch_start", spoil)
    assert accuracy("spoilt", 0.5) == whole
    assert whole > 0.5
    assert accuracy("without", 0.0) == pytest.approx(1 / 3, abs=1e-3)
