"""Views: features of a sample of photos seen differently, cropped, turned and relit.

From them the head learns what not to mind: it whitens by how views of one photo differ, and chooses on the views
of the validation part how much labels may weigh.
"""

import hashlib
import io
import zipfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl

from lookalike import catalogue as catalogues
from lookalike import images
from lookalike.artifacts import Artifact, Recipe, create, find, open_artifact
from lookalike.augment import Augmentation, augment, decode_side
from lookalike.cores import cores
from lookalike.encoder import Encoder
from lookalike.errors import ArtifactError, PhotoError
from lookalike.files import write_bytes
from lookalike.splits import read_split
from lookalike.types import Preprocess, UInt8Array

KIND = "views"
VERSION = 3
"""Raise when the views of an unchanged catalogue change."""
KINDS: tuple[Augmentation, ...] = ("strong", "light")
"""How views are made, taking turns."""

_FILE = "views.npz"
_AT_ONCE = 64

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class ViewsConfig:
    """How many photos of the training and of the validation part are seen how many times each."""

    train: int = 1000
    validation: int = 800
    views: int = 3
    validation_views: int = 1
    seed: int = 0


@dataclass(frozen=True, eq=False)
class Views:
    """Features of views: float16 of shape (photos, views, d), beside the photos' ids; by part of the split."""

    train_ids: tuple[str, ...]
    train: npt.NDArray[np.float16]
    validation_ids: tuple[str, ...]
    validation: npt.NDArray[np.float16]


def make_views(
    catalogue: Path,
    split: Path,
    encoder: Encoder,
    out: Path,
    config: ViewsConfig | None = None,
    *,
    photos: Path | None = None,
    progress: Progress | None = None,
) -> Artifact:
    """Encode views of a sample of the photos; which ones depends on the seed and their ids only.

    Photos that cannot be read are left out here; the embeddings' rejects tell of them.

    Returns
    -------
    Artifact of kind "views".
    """
    config = config or ViewsConfig()
    read = catalogues.read(catalogue)
    root = catalogues.photo_root(read, photos)
    parents = {"catalogue": read.artifact.hash, "split": open_artifact(split, "split").hash}
    recipe = Recipe(KIND, VERSION, {**asdict(config), "encoder": encoder.hash, "precision": encoder.precision}, parents)
    if (finished := find(out, recipe)) is not None:
        return finished
    rows = read.images.join(read_split(split, of=read), on="image_id").select("image_id", "path", "split")
    train = _sample(rows.filter(pl.col("split") == "train"), config.train, config.seed)
    validation = _sample(rows.filter(pl.col("split") == "validation"), config.validation, config.seed)
    total = len(train) + len(validation)

    def seen(done: int) -> None:
        if progress is not None:
            progress(done, total)

    with create(out, recipe) as draft:
        train_ids, train_features = _encode(train, root, encoder, (config.views, config.seed), seen)
        validation_ids, validation_features = _encode(
            validation, root, encoder, (config.validation_views, config.seed), lambda done: seen(len(train) + done)
        )
        buffer = io.BytesIO()
        np.savez(
            buffer,
            allow_pickle=False,
            train_ids=np.array(train_ids, np.str_),
            train=train_features,
            validation_ids=np.array(validation_ids, np.str_),
            validation=validation_features,
        )
        write_bytes(draft.path / _FILE, buffer.getvalue())
        draft.counts = {"train": len(train_ids), "validation": len(validation_ids), "views": config.views}
        draft.about = {"encoder": encoder.name}
    return open_artifact(out, KIND)


def load_views(path: Path) -> Views:
    """Read views.

    Raises
    ------
    ArtifactError
        Missing or damaged.
    """
    artifact = open_artifact(path, KIND)
    try:
        with np.load(io.BytesIO((artifact.path / _FILE).read_bytes()), allow_pickle=False) as stored:
            return Views(
                tuple(stored["train_ids"].tolist()),
                stored["train"],
                tuple(stored["validation_ids"].tolist()),
                stored["validation"],
            )
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise ArtifactError("these views cannot be read", where=str(path), mend="Build again") from error


def view(data: bytes, card: Preprocess, number: int, key: Sequence[int]) -> UInt8Array:
    """Make one view of a photo: uint8 of shape (size_px, size_px, 3).

    Parameters
    ----------
    data : an image file's bytes
    number : which view; even ones are strong, odd ones light
    key : seeds the random generator, along with the number

    Raises
    ------
    PhotoError
    """
    return several(data, card, (number,), key)[0]


def several(data: bytes, card: Preprocess, numbers: Sequence[int], key: Sequence[int]) -> UInt8Array:
    """Make several views of one decoding, as large as the strongest needs it; each is what `view` gives.

    Returns
    -------
    uint8 array of shape (len(numbers), size_px, size_px, 3)

    Raises
    ------
    PhotoError
    """
    photo = images.decode(data, min_side_px=max(decode_side(kind, card.size_px) for kind in KINDS))

    def seen(number: int) -> UInt8Array:
        return augment(photo, card, KINDS[number % len(KINDS)], np.random.default_rng([*key, number]))

    return np.stack([seen(number) for number in numbers])


def _sample(rows: pl.DataFrame, most: int, seed: int) -> list[tuple[str, str]]:
    pairs = list(zip(rows["image_id"].to_list(), rows["path"].to_list(), strict=True))
    return sorted(pairs, key=lambda pair: hashlib.sha256(f"{seed}:views:{pair[0]}".encode()).digest())[:most]


def _encode(
    sample: Sequence[tuple[str, str]],
    root: Path,
    encoder: Encoder,
    how: tuple[int, int],
    seen: Callable[[int], None],
) -> tuple[list[str], npt.NDArray[np.float16]]:
    """Return the ids of the photos that could be read and their views' features, (n, v, d)."""
    count, seed = how

    def make(pair: tuple[str, str]) -> UInt8Array | None:
        key = (seed, int.from_bytes(hashlib.sha256(pair[0].encode()).digest()[:8]))
        try:
            data = images.read_bytes(root / pair[1])
            return several(data, encoder.card, range(count), key)
        except PhotoError:
            return None

    ids: list[str] = []
    parts: list[npt.NDArray[np.float16]] = []
    with ThreadPoolExecutor(cores(), "view") as pool:
        for start in range(0, len(sample), _AT_ONCE):
            batch = sample[start : start + _AT_ONCE]
            made = [
                (pair[0], each) for pair, each in zip(batch, pool.map(make, batch), strict=True) if each is not None
            ]
            if made:
                features = encoder.encode(np.concatenate([each for _, each in made]))
                ids += [image_id for image_id, _ in made]
                parts.append(features.reshape(len(made), count, -1).astype(np.float16))
            seen(start + len(batch))
    return ids, np.concatenate(parts) if parts else np.empty((0, count, encoder.dim), np.float16)
