"""Training the last stages on cached ones: it learns, resumes to the same weights, and exports both branches."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from train_shop import Inputs

from lookalike import images, views
from lookalike.artifacts import Artifact
from lookalike.encoder import load_encoder
from lookalike.errors import TrainingError
from lookalike.training import RunConfig, TrainConfig, cache, export, train
from lookalike.training.beginning import CACHE, START, starting_backbone
from lookalike.training.cut import Tail, copied, cut
from lookalike.training.exporting import torch_features
from lookalike.training.module import Classifier
from lookalike.training.network import load_weights, read_state
from lookalike.training.plan import BUDGETS, plan

pytestmark = pytest.mark.torch

CONFIG = TrainConfig(
    backbone="test_resnet",
    pretrained=False,
    size_px=32,
    epochs=3,
    batch_size=8,
    lr=3e-3,
    precision="fp32",
    patience=0,
    trained_stages=2,
    views=3,
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
    step = Classifier.training_step

    def stopping(module: Classifier, batch: object, batch_idx: int) -> object:
        if (module.current_epoch, batch_idx) == (1, 1):
            raise KeyboardInterrupt
        return step(module, batch, batch_idx)  # pyright: ignore

    with monkeypatch.context() as patched:
        patched.setattr(Classifier, "training_step", stopping)
        with pytest.raises(TrainingError, match="1 of 3 epochs are done"):
            train(inputs.catalogue, inputs.split, tmp_path / "model", CONFIG, QUIET)
    monkeypatch.setattr(cache, "_shard", lambda *_: pytest.fail("the frozen stages ran again"))
    resumed = train(inputs.catalogue, inputs.split, tmp_path / "model", CONFIG, QUIET)
    ours, theirs = (torch.load(m.path / "last.ckpt", weights_only=True)["state_dict"] for m in (resumed, whole))
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)


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


def test_a_photo_that_cannot_be_read_is_told_and_shifts_nobody(inputs: Inputs, tmp_path: Path) -> None:
    from lookalike.training.data import read_training_set
    from lookalike.training.network import make_backbone

    data = read_training_set(inputs.catalogue, inputs.split, CONFIG, None)
    torn = tmp_path / "torn.png"
    torn.write_bytes(b"no photo")
    files = (*data.train.files[:3], torn, *data.train.files[4:])
    photos = replace(data.train, files=files)
    backbone = make_backbone(CONFIG)
    runner = cache.make_runner(tmp_path / "trunk", cut(backbone, 2), backbone.card, "fp32")
    with_torn = cache.fill(tmp_path / "a", runner, photos, count=1, seed=0)
    without = cache.fill(tmp_path / "b", runner, data.train, count=1, seed=0)
    assert {place: reject.id for place, reject in with_torn.failed.items()} == {3: photos.image_ids[3]}
    for place in (2, 4, 23):
        np.testing.assert_array_equal(with_torn.row(place, 1), without.row(place, 1))
    batch = cache.CachedDataset(photos, with_torn, 0, vary=False).__getitems__([2, 3, 4])
    assert batch.targets.tolist() == [photos.targets[2], photos.targets[4]]
    np.testing.assert_array_equal(batch.pixels[1].numpy(), without.row(4, 0))
    assert [reject.id for reject in batch.failed] == [photos.image_ids[3]]


def test_rows_are_what_the_trunk_makes_of_the_photo_and_of_its_views(inputs: Inputs, tmp_path: Path) -> None:
    from lookalike.training.data import read_training_set
    from lookalike.training.network import make_backbone

    data = read_training_set(inputs.catalogue, inputs.split, CONFIG, None)
    backbone = make_backbone(CONFIG)
    runner = cache.make_runner(tmp_path / "trunk", cut(backbone, 2), backbone.card, "fp32")
    made = cache.fill(tmp_path / "cache", runner, data.validation, count=2, seed=5)
    data_1 = data.validation.files[1].read_bytes()
    seen = [images.prepare(data_1, backbone.card), *(views.view(data_1, backbone.card, n, (5, 1)) for n in range(2))]
    truth = runner.encoder.encode(np.stack(seen))
    for number in range(3):
        np.testing.assert_allclose(made.row(1, number), truth[number], rtol=2e-3, atol=2e-3)
    assert np.abs(made.row(1, 0) - made.row(1, 1)).max() > 0.01


def test_each_epoch_sees_other_views_and_validation_never(inputs: Inputs, tmp_path: Path) -> None:
    from lookalike.training.data import read_training_set

    data = read_training_set(inputs.catalogue, inputs.split, CONFIG, None)
    n = len(data.train)
    rows = np.arange(n * 4, dtype=np.float16)[:, None]
    made = cache.Cache([rows], 4, {})
    varied = cache.CachedDataset(data.train, made, 0, vary=True)
    drawn = np.concatenate([varied.__getitems__(range(e * n, (e + 1) * n)).pixels[:, 0].numpy() for e in range(6)])
    assert np.bincount(drawn.astype(int) % 4, minlength=4).min() > len(drawn) / 8
    still = cache.CachedDataset(data.train, made, 0, vary=False)
    assert (still.__getitems__(range(n, 2 * n)).pixels[:, 0].numpy() % 4 == 0).all()


def test_a_disk_that_is_too_small_is_said_before_the_work(
    inputs: Inputs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache, "_SPARE_BYTES", 1 << 60)
    with pytest.raises(TrainingError, match="GB are free"):
        train(inputs.catalogue, inputs.split, tmp_path / "model", CONFIG, QUIET)


def test_a_longer_budget_never_plans_less() -> None:
    base = TrainConfig()
    for photos in (10, 1_000, 10_000, 100_000, 1_000_000):
        short, long = (plan(base, budget, photos, 2) for budget in BUDGETS)
        assert short.views <= long.views
        assert short.epochs <= long.epochs
        assert short.trained_stages <= long.trained_stages
        for planned in (short, long):
            planned.check()


def test_an_unknown_budget_is_refused() -> None:
    with pytest.raises(TrainingError, match="'3w' is unknown"):
        plan(TrainConfig(), "3w", 100, 2)


def test_the_model_says_how_much_was_trained(whole: Artifact) -> None:
    assert json.loads((whole.path / "training.json").read_text(encoding="utf-8"))["trained_stages"] == 2
