"""What a frozen trunk makes of photos and their views: run by the serving runtime when first asked for, and kept.

So the first epoch starts at once, and no row is computed that no epoch comes to. Rows lie in one file with a checksum
each; a row that does not match its checksum, because it was never written or a crash cut it short, is computed again.
"""

import shutil
import zlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch.utils.data import Dataset

from lookalike import images, views
from lookalike.cores import cores
from lookalike.encoder import OpenVinoEncoder, choose_precision
from lookalike.encoder_folder import EncoderFolder
from lookalike.errors import PhotoError, TrainingError
from lookalike.files import write_bytes
from lookalike.training.cut import Cut, Flat
from lookalike.training.data import Batch, Photos
from lookalike.training.graph import to_onnx
from lookalike.types import Preprocess, Reject, UInt8Array

_AT_ONCE = 4
"""Photos an inference call: as many as the encoder takes at once, and always so many, so that a row does not depend on
which others were missing beside it."""
_SPARE_BYTES = 1 << 30

Float16Array = npt.NDArray[np.float16]


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
    encoder = OpenVinoEncoder(EncoderFolder(folder, "trunk", "trunk", card), chosen, cores())
    return Runner(encoder, card)


class Cache:
    """Rows of float16, `count` + 1 for each photo: the photo as it is served first, then its views.

    Parameters
    ----------
    folder : where the rows are kept; those that an earlier run left are used
    photos : the photos, by number
    count : views of each photo
    seed : of the views

    Raises
    ------
    TrainingError
        The disk is too small.
    """

    def __init__(self, folder: Path, runner: Runner, photos: Photos, *, count: int, seed: int) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.per = count + 1
        self._runner = runner
        self._photos = photos
        self._seed = seed
        rows = len(photos) * self.per
        _check_disk(folder, rows * runner.encoder.dim * 2)
        shape = (rows, runner.encoder.dim)
        self._rows = np.memmap(_sized(folder / "rows.f16", rows * shape[1] * 2), np.float16, "r+", shape=shape)
        self._sums = np.memmap(_sized(folder / "rows.crc32", rows * 4), np.uint32, "r+", shape=(rows,))

    def rows(self, wanted: Sequence[tuple[int, int]]) -> tuple[Float16Array, dict[int, Reject]]:
        """Return the rows of (photo, view) pairs, and which photos cannot be read; their rows are left out.

        `view` 0 is the photo as it is served.
        """
        places = [photo * self.per + view for photo, view in wanted]
        found = [self._kept(place) for place in places]
        missing = [number for number, row in enumerate(found) if row is None]
        failed: dict[int, Reject] = {}
        with ThreadPoolExecutor(cores(), "view") as pool:
            seen = zip(missing, pool.map(self._see, [wanted[number] for number in missing]), strict=True)
            waiting: list[tuple[int, UInt8Array]] = []
            for number, pixels in seen:
                if isinstance(pixels, Reject):
                    failed[wanted[number][0]] = pixels
                else:
                    waiting.append((number, pixels))
                if len(waiting) == _AT_ONCE:
                    self._encode(waiting, places, found)
                    waiting = []
            if waiting:
                self._encode(waiting, places, found)
        good = [row for row in found if row is not None]
        return np.stack(good) if good else np.empty((0, self._rows.shape[1]), np.float16), failed

    def _kept(self, place: int) -> Float16Array | None:
        row = np.array(self._rows[place])
        return row if zlib.crc32(row.data) == self._sums[place] else None

    def _see(self, which: tuple[int, int]) -> UInt8Array | Reject:
        photo, view = which
        try:
            data = images.read_bytes(self._photos.files[photo])
            if view == 0:
                return images.prepare(data, self._runner.card)
            return views.view(data, self._runner.card, view - 1, (self._seed, photo))
        except PhotoError as error:
            return Reject("images", None, self._photos.image_ids[photo], "train", error.reason, error.what)

    def _encode(
        self, waiting: Sequence[tuple[int, UInt8Array]], places: Sequence[int], found: list[Float16Array | None]
    ) -> None:
        pixels = [each for _, each in waiting]
        pixels += [pixels[-1]] * (_AT_ONCE - len(pixels))
        features = self._runner.encoder.encode(np.stack(pixels)).astype(np.float16)
        for (number, _), row in zip(waiting, features, strict=False):
            self._rows[places[number]] = row
            self._sums[places[number]] = zlib.crc32(row.data)
            found[number] = row


class CachedDataset(Dataset[Batch]):
    """Batches of cached rows; keys are `epoch * len(photos) + index`.

    Where views `vary`, each photo shows one after another, in an order of its own, before any comes again.
    """

    def __init__(self, photos: Photos, cache: Cache, seed: int, *, vary: bool) -> None:
        self._photos = photos
        self._cache = cache
        self._seed = seed
        self._vary = vary

    def __len__(self) -> int:
        return len(self._photos)

    def __getitems__(self, keys: Sequence[int]) -> Batch:
        """Gather a batch; photos that could not be read are told in `failed`."""
        wanted = [self._which(*divmod(key, len(self._photos))) for key in keys]
        rows, failed = self._cache.rows(wanted)
        targets = [self._photos.targets[photo] for photo, _ in wanted if photo not in failed]
        return Batch(torch.from_numpy(rows), torch.tensor(targets, dtype=torch.long), tuple(failed.values()))

    def _which(self, epoch: int, photo: int) -> tuple[int, int]:
        if not self._vary:
            return photo, 0
        turn, place = divmod(epoch, self._cache.per)
        order = np.random.default_rng([self._seed, turn, photo]).permutation(self._cache.per)
        return photo, int(order[place])


def _sized(file: Path, size: int) -> Path:
    """Make a file of zeros, or keep what an earlier run left in it."""
    with file.open("ab") as opened:
        opened.truncate(size)
    return file


def _check_disk(folder: Path, needed: int) -> None:
    free = shutil.disk_usage(folder).free
    there = sum(file.stat().st_blocks * 512 for file in folder.glob("rows.*"))
    if free + there < needed + _SPARE_BYTES:
        raise TrainingError(
            f"the cache of the frozen stages needs {needed / 1e9:.1f} GB, and {free / 1e9:.1f} GB are free",
            where=str(folder),
            mend="Make room, choose fewer --views, or train the whole network: --budget full",
        )
