"""What a frozen trunk makes of each training photo and its views, run once by the serving runtime and kept on disk."""

import io
import json
import os
import shutil
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch.utils.data import Dataset

from lookalike import images, views
from lookalike.encoder import EncoderFolder, OpenVinoEncoder, choose_precision
from lookalike.errors import PhotoError, TrainingError
from lookalike.files import write_bytes, write_text
from lookalike.training.cut import Cut, Flat
from lookalike.training.data import Batch, Photos
from lookalike.training.graph import to_onnx
from lookalike.types import Preprocess, Reject, UInt8Array

_SHARD = 128
_AT_ONCE = 16
_SPARE_BYTES = 1 << 30

Progress = Callable[[int, int], None]


@dataclass(frozen=True, eq=False)
class Cache:
    """Rows of float16 for n photos, `per` for each: the photo as it is served first, then its views.

    `failed` holds the photos that could not be read, by number.
    """

    shards: Sequence[npt.NDArray[np.float16]]
    per: int
    failed: dict[int, Reject]

    def row(self, photo: int, view: int) -> npt.NDArray[np.float16]:
        """Return one row; `view` 0 is the photo as it is served."""
        shard, place = divmod(photo, _SHARD)
        return self.shards[shard][place * self.per + view]


@dataclass(frozen=True)
class Runner:
    """The trunk in the serving runtime, and the card of its photos."""

    encoder: OpenVinoEncoder
    card: Preprocess


def make_runner(folder: Path, parts: Cut, card: Preprocess, precision: str) -> Runner:
    """Export a trunk and load it where photos are served from."""
    folder.mkdir(exist_ok=True)
    write_bytes(folder / "encoder.onnx", to_onnx(Flat(parts.trunk), card.size_px))
    chosen = precision if precision == "fp32" else choose_precision("auto")
    encoder = OpenVinoEncoder(EncoderFolder(folder, "trunk", "trunk", card), chosen, os.cpu_count() or 1)
    return Runner(encoder, card)


def fill(
    folder: Path, runner: Runner, photos: Photos, *, count: int, seed: int, progress: Progress | None = None
) -> Cache:
    """Run the trunk over each photo and `count` views of it; shards that an interrupted run left are kept.

    Raises
    ------
    TrainingError
        The disk is too small.
    """
    folder.mkdir(exist_ok=True)
    per = count + 1
    starts = range(0, len(photos), _SHARD)
    _check_disk(folder, (len(photos) * per * runner.encoder.dim * 2))
    failed: dict[int, Reject] = {}
    shards: list[npt.NDArray[np.float16]] = []
    with ThreadPoolExecutor(os.cpu_count() or 1, "view") as pool:
        for number, start in enumerate(starts):
            array, told = folder / f"{number:05d}.npy", folder / f"{number:05d}.json"
            wanted = range(start, min(start + _SHARD, len(photos)))
            if not told.is_file():
                rows, lost = _shard(pool, runner, photos, wanted, (count, seed))
                write_bytes(array, rows)
                write_text(told, json.dumps({str(place): asdict(reject) for place, reject in lost.items()}))
            lost = json.loads(told.read_text(encoding="utf-8"))
            failed |= {int(place): Reject(**reject) for place, reject in lost.items()}
            shards.append(np.load(array, mmap_mode="r", allow_pickle=False))
            if progress is not None:
                progress(wanted.stop, len(photos))
    return Cache(shards, per, failed)


def _shard(
    pool: ThreadPoolExecutor, runner: Runner, photos: Photos, wanted: range, how: tuple[int, int]
) -> tuple[bytes, dict[int, Reject]]:
    count, seed = how

    def read(place: int) -> UInt8Array | Reject:
        try:
            data = images.read_bytes(photos.files[place])
            seen = [views.view(data, runner.card, number, (seed, place)) for number in range(count)]
            return np.stack([images.prepare(data, runner.card), *seen])
        except PhotoError as error:
            return Reject("images", None, photos.image_ids[place], "train", error.reason, error.what)

    rows = np.zeros((len(wanted) * (count + 1), runner.encoder.dim), np.float16)
    lost: dict[int, Reject] = {}
    for start in range(wanted.start, wanted.stop, _AT_ONCE):
        places = range(start, min(start + _AT_ONCE, wanted.stop))
        made = list(zip(places, pool.map(read, places), strict=True))
        lost |= {place: each for place, each in made if isinstance(each, Reject)}
        good = [(place, each) for place, each in made if not isinstance(each, Reject)]
        if good:
            features = runner.encoder.encode(np.concatenate([each for _, each in good])).astype(np.float16)
            for (place, _), part in zip(good, features.reshape(len(good), count + 1, -1), strict=True):
                first = (place - wanted.start) * (count + 1)
                rows[first : first + count + 1] = part
    buffer = io.BytesIO()
    np.save(buffer, rows, allow_pickle=False)
    return buffer.getvalue(), lost


class CachedDataset(Dataset[Batch]):
    """Batches of cached rows; keys are `epoch * len(photos) + index`, and the epoch decides which view comes."""

    def __init__(self, photos: Photos, cache: Cache, seed: int, *, vary: bool) -> None:
        self._photos = photos
        self._cache = cache
        self._seed = seed
        self._vary = vary

    def __len__(self) -> int:
        return len(self._photos)

    def __getitems__(self, keys: Sequence[int]) -> Batch:
        """Gather a batch; photos that could not be read are told in `failed`."""
        rows: list[npt.NDArray[np.float16]] = []
        targets: list[int] = []
        failed: list[Reject] = []
        for key in keys:
            epoch, index = divmod(key, len(self._photos))
            if index in self._cache.failed:
                failed.append(self._cache.failed[index])
                continue
            drawn = np.random.default_rng([self._seed, epoch, index]).integers(self._cache.per) if self._vary else 0
            rows.append(self._cache.row(index, int(drawn)))
            targets.append(self._photos.targets[index])
        width = self._cache.shards[0].shape[1]
        stacked = np.stack(rows) if rows else np.empty((0, width), np.float16)
        return Batch(torch.from_numpy(stacked), torch.tensor(targets, dtype=torch.long), tuple(failed))


def _check_disk(folder: Path, needed: int) -> None:
    free = shutil.disk_usage(folder).free
    there = sum(file.stat().st_size for file in folder.glob("*.npy"))
    if free + there < needed + _SPARE_BYTES:
        raise TrainingError(
            f"the cache of the frozen stages needs {needed / 1e9:.1f} GB, and {free / 1e9:.1f} GB are free",
            where=str(folder),
            mend="Make room, choose fewer --views, or train the whole network with --trained-stages 0",
        )
