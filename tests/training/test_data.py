"""Batches: the preprocessing of serving, labels that stay with their photos, augmentation that can be repeated."""

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image as PillowImage
from train_shop import COLOURS, Inputs

from lookalike import images
from lookalike.augment import _turned, augment  # pyright: ignore
from lookalike.errors import ArtifactError, TrainingError
from lookalike.training.config import TrainConfig
from lookalike.training.data import EpochSampler, PhotoDataset, Photos, loaders, read_training_set
from lookalike.training.module import normalise
from lookalike.types import Preprocess

pytestmark = pytest.mark.torch

CARD = Preprocess(32, (0.5, 0.4, 0.3), (0.2, 0.25, 0.5))


def test_validation_sees_exactly_what_serving_sees(inputs: Inputs) -> None:
    data = read_training_set(inputs.catalogue, inputs.split, TrainConfig(), None)
    _, validation = loaders(data, CARD, TrainConfig(batch_size=4), workers=0)
    seen = torch.cat([batch.pixels for batch in validation]).numpy()
    served = np.stack([images.prepare(file.read_bytes(), CARD) for file in data.validation.files])
    np.testing.assert_array_equal(seen, served)


def test_labels_belong_to_their_photos(inputs: Inputs) -> None:
    data = read_training_set(inputs.catalogue, inputs.split, TrainConfig(), None)
    assert data.labels.labels == tuple(sorted(COLOURS))
    train, validation = loaders(data, CARD, TrainConfig(batch_size=5), workers=0)
    channels = {number: int(np.argmax(COLOURS[label])) for number, label in enumerate(data.labels.labels)}
    for loader in (train, validation):
        for batch in loader:
            brightest = batch.pixels.float().mean((1, 2)).argmax(1).tolist()
            assert brightest == [channels[label] for (label,) in batch.targets.tolist()]


def test_a_photo_that_fails_is_told_and_shifts_nobody(tmp_path: Path) -> None:
    for number in range(6):
        PillowImage.new("RGB", (40, 40), (number * 40, 0, 0)).save(tmp_path / f"{number}.png")
    (tmp_path / "2.png").write_bytes(b"no photo")
    (tmp_path / "4.png").unlink()
    photos = Photos(tuple("abcdef"), tuple(tmp_path / f"{n}.png" for n in range(6)), tuple((n,) for n in range(6)))
    batch = PhotoDataset(photos, CARD, "none", 0).__getitems__([5, 2, 1, 4, 0])
    assert batch.targets.tolist() == [[5], [1], [0]]
    assert batch.pixels[:, 0, 0, 0].tolist() == [200, 40, 0]
    assert [(reject.id, reject.reason, reject.stage) for reject in batch.failed] == [
        ("c", "unreadable", "train"),
        ("e", "missing", "train"),
    ]
    assert PhotoDataset(photos, CARD, "none", 0).__getitems__([2, 4]).pixels.shape == (0, 32, 32, 3)


def test_a_split_of_another_catalogue_is_refused(inputs: Inputs, tmp_path: Path) -> None:
    from lookalike import catalogue as catalogues

    catalogues.ingest(catalogues.load_source_config(inputs.photos / "red"), tmp_path / "other")
    with pytest.raises(ArtifactError, match="another catalogue"):
        read_training_set(tmp_path / "other", inputs.split, TrainConfig(), None)


def test_nothing_to_tell_apart_is_refused(inputs: Inputs) -> None:
    with pytest.raises(TrainingError, match="1 labels have enough"):
        read_training_set(inputs.catalogue, inputs.split, TrainConfig(ignored=("red", "blue")), None)


@given(st.integers(1, 40), st.integers(0, 50), st.integers(0, 9))
def test_each_epoch_shows_each_photo_once_in_an_order_of_its_own(length: int, epoch: int, seed: int) -> None:
    sampler = EpochSampler(length, seed, shuffle=True)
    sampler.set_epoch(epoch)
    keys = list(sampler)
    assert sorted(keys) == list(range(epoch * length, (epoch + 1) * length))
    assert keys == list(sampler)
    sampler.set_epoch(epoch + 1)
    if length > 20:
        assert [key % length for key in keys] != [key % length for key in sampler]


@given(
    st.tuples(st.integers(1, 90), st.integers(1, 90)),
    st.sampled_from(["light", "strong", "none"]),
    st.integers(0, 1000),
)
def test_augmentation_takes_any_photo_and_repeats_itself(size: tuple[int, int], kind: str, seed: int) -> None:
    photo = PillowImage.effect_noise(size, 60).convert("RGB")
    once, again = (augment(photo, CARD, kind, np.random.default_rng(seed)) for _ in range(2))  # pyright: ignore
    assert once.shape == (32, 32, 3)
    np.testing.assert_array_equal(once, again)


@pytest.mark.parametrize("angle", [15.0, -11.0, 2.5])
@pytest.mark.parametrize("box", [(0, 0, 300, 400), (37.5, 20, 290, 210), (150, 290, 300, 400), (100, 100, 130, 128)])
def test_turning_a_part_looks_like_turning_the_whole_photo(
    angle: float, box: tuple[float, float, float, float]
) -> None:
    noise = np.random.default_rng(3).integers(0, 255, (20, 15, 3), np.uint8)
    photo = PillowImage.fromarray(noise).resize((300, 400), PillowImage.Resampling.BICUBIC)
    whole = photo.rotate(angle, PillowImage.Resampling.BILINEAR, fillcolor=(255, 255, 255))
    slow = np.asarray(whole.resize((96, 96), PillowImage.Resampling.BICUBIC, box=box), np.float32)
    fast = np.asarray(_turned(photo, box, angle, 96), np.float32)  # pyright: ignore
    apart = np.abs(slow - fast).mean(axis=2)
    assert apart.mean() < 3
    assert np.median(apart) < 2


def test_augmentation_changes_from_epoch_to_epoch(inputs: Inputs) -> None:
    data = read_training_set(inputs.catalogue, inputs.split, TrainConfig(), None)
    dataset = PhotoDataset(data.train, CARD, "light", 0)
    first, second = dataset.__getitems__([3]), dataset.__getitems__([3 + len(dataset)])
    assert not torch.equal(first.pixels, second.pixels)
    assert torch.equal(first.targets, second.targets)


@pytest.mark.parametrize("channels_last", [False, True])
def test_normalise_is_the_card(channels_last: bool) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (2, 5, 5, 3), dtype=np.uint8)
    wanted = ((pixels / 255 - CARD.mean) / CARD.std).transpose(0, 3, 1, 2)
    got = normalise(torch.from_numpy(pixels), CARD, channels_last=channels_last)
    np.testing.assert_allclose(got.numpy(), wanted, atol=1e-5)
