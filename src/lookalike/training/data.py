"""From catalogue and split to batches; preprocessing is that of `lookalike.images`, the same as in serving."""

from collections.abc import Iterator, Sequence, Sized
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np
import polars as pl
import torch
from torch.utils.data import DataLoader, Dataset, Sampler

from lookalike import catalogue as catalogues
from lookalike import images
from lookalike.artifacts import Artifact, open_artifact
from lookalike.augment import Augmentation, augment, decode_side
from lookalike.cores import cores
from lookalike.errors import PhotoError, TrainingError
from lookalike.labels import LabelSet, choose_labels
from lookalike.splits import read_split
from lookalike.training.config import TrainConfig
from lookalike.training.targets import Targets, make_targets
from lookalike.types import Preprocess, Reject, UInt8Array


@dataclass(frozen=True)
class Photos:
    """Labelled photos: id, file, and the number in each head (the label's first), see `targets`."""

    image_ids: tuple[str, ...]
    files: tuple[Path, ...]
    targets: tuple[tuple[int, ...], ...]

    def __len__(self) -> int:
        return len(self.image_ids)


@dataclass(frozen=True)
class TrainingSet:
    """What is learned from and what it is measured on, the labels, and how many classes each head tells apart."""

    catalogue: Artifact
    split: Artifact
    root: Path
    labels: LabelSet
    heads: tuple[int, ...]
    train: Photos
    validation: Photos


@dataclass(frozen=True)
class Batch:
    """Photos as uint8 of shape (n, size, size, 3), their numbers as int64 (n, heads), and the photos that failed."""

    pixels: torch.Tensor
    targets: torch.Tensor
    failed: tuple[Reject, ...]

    def to(self, device: torch.device, **_: object) -> "Batch":
        """Move it to a device; Lightning calls this."""
        return Batch(self.pixels.to(device), self.targets.to(device), self.failed)


def read_training_set(catalogue: Path, split: Path, config: TrainConfig, photos: Path | None) -> TrainingSet:
    """Read the labelled photos of the training and validation parts.

    Raises
    ------
    ArtifactError
        The split was made from another catalogue.
    TrainingError
        Fewer than two labels have enough training photos, the validation part has none of them, or there is nothing
        to tell apart in another head that was asked for.
    """
    read = catalogues.read(catalogue)
    root = catalogues.photo_root(read, photos)
    rows = (
        read.images.join(read_split(split, of=read), on="image_id", maintain_order="left")
        .join(read.products.select("product_id", "category"), on="product_id", how="left", maintain_order="left")
        .select("image_id", "path", "product_id", "category", "group_id", "split")
    )
    train = rows.filter(pl.col("split") == "train")
    labels = choose_labels(
        train["category"].to_list(), train["group_id"].to_list(), level=config.level, ignored=config.ignored
    )
    if len(labels.labels) < 2:
        raise TrainingError(
            f"there is nothing to tell apart: {len(labels.labels)} labels have enough training photos",
            where=str(catalogue),
            mend="Give the photos categories, choose another level, or use a stock encoder",
        )
    learned = make_targets(train, labels, config)
    validation = _labelled(rows.filter(pl.col("split") == "validation"), learned, root)
    if not validation.image_ids:
        raise TrainingError(
            "the validation part has no photo with a learned label, so the best epoch cannot be told",
            where=str(split),
            mend="Split again with a larger validation part",
        )
    return TrainingSet(
        read.artifact,
        open_artifact(split, "split"),
        root,
        labels,
        learned.sizes,
        _labelled(train, learned, root),
        validation,
    )


def _labelled(rows: pl.DataFrame, learned: Targets, root: Path) -> Photos:
    found = [
        (image_id, root / path, numbers)
        for image_id, path, category, product_id in rows.select(
            "image_id", "path", "category", "product_id"
        ).iter_rows()
        if (numbers := learned.of(category, product_id)) is not None
    ]
    return Photos(tuple(row[0] for row in found), tuple(row[1] for row in found), tuple(row[2] for row in found))


class PhotoDataset(Dataset[Batch]):
    """Decodes photos by whole batches, in threads; asked by keys `epoch * len(photos) + index`.

    The epoch travels in the key so that a photo is augmented alike in a resumed run, in whatever process.
    """

    def __init__(self, photos: Photos, card: Preprocess, augmentation: Augmentation, seed: int) -> None:
        self._photos = photos
        self._card = card
        self._augmentation: Augmentation = augmentation
        self._seed = seed

    def __len__(self) -> int:
        return len(self._photos)

    def __getitems__(self, keys: Sequence[int]) -> Batch:
        """Read a batch; a photo that fails is told in `failed`, and no other takes its label."""
        with ThreadPoolExecutor(cores(), "decode") as pool:
            read = list(pool.map(self._read, keys))
        pixels: list[UInt8Array] = []
        targets: list[tuple[int, ...]] = []
        failed: list[Reject] = []
        for key, result in zip(keys, read, strict=True):
            index = key % len(self._photos)
            if isinstance(result, PhotoError):
                image_id = self._photos.image_ids[index]
                failed.append(Reject("images", None, image_id, "train", result.reason, result.what))
            else:
                pixels.append(result)
                targets.append(self._photos.targets[index])
        size = self._card.size_px
        stacked = np.stack(pixels) if pixels else np.empty((0, size, size, 3), dtype=np.uint8)
        return Batch(torch.from_numpy(stacked), torch.tensor(targets, dtype=torch.long), tuple(failed))

    def _read(self, key: int) -> UInt8Array | PhotoError:
        epoch, index = divmod(key, len(self._photos))
        try:
            data = images.read_bytes(self._photos.files[index])
            if self._augmentation == "none":
                return images.prepare(data, self._card)
            photo = images.decode(data, min_side_px=decode_side(self._augmentation, self._card.size_px))
        except PhotoError as error:
            return error
        return augment(photo, self._card, self._augmentation, np.random.default_rng([self._seed, epoch, index]))


class EpochSampler(Sampler[int]):
    """Shuffles by seed and epoch, so that epoch 5 is the same whether or not the run was stopped before it."""

    def __init__(self, length: int, seed: int, *, shuffle: bool) -> None:
        self._length = length
        self._seed = seed
        self._shuffle = shuffle
        self._epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Tell the epoch that comes; Lightning calls this."""
        self._epoch = epoch

    def __len__(self) -> int:
        return self._length

    def __iter__(self) -> Iterator[int]:
        if not self._shuffle:
            return iter(range(self._length))
        order = np.random.default_rng([self._seed, self._epoch]).permutation(self._length)
        return iter((self._epoch * self._length + order).tolist())


def loaders(
    data: TrainingSet, card: Preprocess, config: TrainConfig, *, workers: int
) -> tuple[DataLoader[Batch], DataLoader[Batch]]:
    """Make the loaders of the training and the validation part."""
    train = PhotoDataset(data.train, card, config.augmentation, config.seed)
    validation = PhotoDataset(data.validation, card, "none", config.seed)
    return make_loader(train, config, workers, shuffle=True), make_loader(validation, config, workers, shuffle=False)


def make_loader(dataset: Dataset[Batch], config: TrainConfig, workers: int, *, shuffle: bool) -> DataLoader[Batch]:
    """Load a dataset of whole batches, in an order that seed and epoch decide, or as it is."""
    count = len(cast("Sized", dataset))
    return DataLoader(
        dataset,
        batch_size=config.batch_size,
        sampler=EpochSampler(count, config.seed, shuffle=shuffle),
        num_workers=workers,
        collate_fn=_as_is,
        drop_last=shuffle and count > config.batch_size,  # a last batch of one photo upsets batch normalisation
        persistent_workers=workers > 0,
        multiprocessing_context="spawn" if workers else None,  # a fork may inherit a lock that nobody opens again
    )


def _as_is(batch: object) -> Batch:
    return cast("Batch", batch)  # the dataset makes whole batches
