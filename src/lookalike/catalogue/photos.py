"""What ingest learns of each photo: its facts, its bytes' sha256 and its perceptual hash; in threads."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain
from pathlib import Path

import numpy as np
from PIL import Image as PillowImage

from lookalike import images
from lookalike.cores import cores
from lookalike.errors import PhotoError
from lookalike.types import Float32Array, UInt8Array

Progress = Callable[[int, int], None]
"""Called with (photos done, photos in all)."""

_DECODE_SIDE_PX = 128
_HASH_SIDE_PX = 64
_LEAST_QUALITY = 50
_BATCH = 2048
_TASK = 32
_HUNDREDTHS = np.float32(100 / 255)
_WAVES = np.cos(np.pi * np.outer(np.arange(3, 11), 2 * np.arange(_HASH_SIDE_PX) + 1) / (2 * _HASH_SIDE_PX)).astype("f4")
"""Cosines of frequencies 3 to 10, one a row; their length does not matter to a median."""


@dataclass(frozen=True, slots=True)
class PhotoRecord:
    """A usable photo: upright size in pixels, format, sha256 of its bytes, perceptual hash (None: too flat)."""

    width: int
    height: int
    format: str
    sha256: str
    phash: int | None


@dataclass(frozen=True, slots=True)
class PhotoFailure:
    """A photo that cannot be used, by reason code."""

    reason: str
    detail: str


def perceptual_hash(image: PillowImage.Image) -> int | None:
    """Hash an upright photo, grey or RGB, to 64 bits, of which near-copies differ in few.

    Returns
    -------
    int in [0, 2**64), or None where the photo has too little detail to be told from another (PDQ quality below 50).

    Notes
    -----
    Of PDQ's 16 x 16 cosine coefficients the 8 x 8 of frequencies 3 to 10, compared with their median: lower ones tell
    little more than a silhouette, higher ones do not survive a resize. The bits begin with the highest frequency.
    `docs/decisions/0002-perceptual-hash.md` has the measurements. Source: Facebook, "The TMK+PDQF video-hashing
    algorithm and the PDQ image-hashing algorithm" (2019).
    """
    return _hashes([_shrunk(image)])[0]


def _shrunk(image: PillowImage.Image) -> UInt8Array:
    grey = image if image.mode == "L" else image.convert("L")
    return np.asarray(grey.resize((_HASH_SIDE_PX, _HASH_SIDE_PX), PillowImage.Resampling.BILINEAR))


def _hashes(shrunk: Sequence[UInt8Array]) -> list[int | None]:
    """Hash several photos, uint8 (64, 64) each, at once: threads then seldom wait for the interpreter lock."""
    light = np.stack(shrunk).astype(np.float32)
    band = (_WAVES @ light @ _WAVES.T).reshape(len(light), 64)
    middle = np.partition(band, (31, 32), axis=1)[:, 31:33].mean(axis=1, keepdims=True)
    bits = np.packbits((band > middle)[:, ::-1], axis=1)
    plain = _quality(light) < _LEAST_QUALITY
    return [None if flat else int.from_bytes(one.tobytes(), "big") for one, flat in zip(bits, plain, strict=True)]


def _quality(light: Float32Array) -> Float32Array:
    """PDQ's measure of detail: steps between neighbouring pixels, each in whole hundredths of the full range."""
    across, down = (np.abs(np.diff(light, axis=axis)) * _HUNDREDTHS for axis in (1, 2))
    return (np.trunc(across).sum(axis=(1, 2)) + np.trunc(down).sum(axis=(1, 2))) / np.float32(90)


def examine(paths: Sequence[Path], *, max_pixels: int) -> list[PhotoRecord | PhotoFailure]:
    """Read a few photos whole, decode them (so that truncation is found) and hash them; a bad photo never raises."""
    looked = [_look(path, max_pixels) for path in paths]
    good = [one for one in looked if not isinstance(one, PhotoFailure)]
    hashes = iter(_hashes([shrunk for _, shrunk in good]) if good else ())
    return [one if isinstance(one, PhotoFailure) else replace(one[0], phash=next(hashes)) for one in looked]


def _look(path: Path, max_pixels: int) -> tuple[PhotoRecord, UInt8Array] | PhotoFailure:
    """Tell what a photo is, but for its hash, and give what that is made from."""
    try:
        data = images.read_bytes(path)
        facts, image = images.inspect(data, min_side_px=_DECODE_SIDE_PX, max_pixels=max_pixels)
    except PhotoError as error:
        return PhotoFailure(error.reason, error.what)
    return PhotoRecord(facts.width, facts.height, facts.format, images.sha256(data), None), _shrunk(image)


def examine_all(
    root: Path, paths: Sequence[str], *, max_pixels: int, workers: int | None = None, progress: Progress | None = None
) -> dict[str, PhotoRecord | PhotoFailure]:
    """Examine photos in threads (decoding and hashing let go of the interpreter lock).

    Parameters
    ----------
    root : path
        Photo root.
    paths : sequence of str
        Relative paths, each once.
    max_pixels : int
        Larger photos are refused before they are decoded.
    workers : int, optional
        Threads; default: one per core.
    progress : callable, optional
        Called after each photo, in this thread.

    Returns
    -------
    dict from relative path to what was found, in the order of `paths`.
    """
    found: dict[str, PhotoRecord | PhotoFailure] = {}
    with ThreadPoolExecutor(workers or cores()) as pool:
        for start in range(0, len(paths), _BATCH):
            batch = paths[start : start + _BATCH]
            tasks = [[root / path for path in batch[at : at + _TASK]] for at in range(0, len(batch), _TASK)]
            results = chain.from_iterable(pool.map(partial(examine, max_pixels=max_pixels), tasks))
            for path, result in zip(batch, results, strict=True):
                found[path] = result
                if progress is not None:
                    progress(len(found), len(paths))
    return found
