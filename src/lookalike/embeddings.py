"""Stored embeddings: opened, asked for by image id, and written as other tools read them: JSON, a table for Parquet."""

import json
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt
import polars as pl

from lookalike.artifacts import open_artifact
from lookalike.errors import ArtifactError


class Shard(Protocol):
    """Features of some photos, float16 of shape (n, dim): an array, or what reads one when it is asked."""

    def __len__(self) -> int:
        """How many photos."""
        ...

    def __getitem__(self, rows: slice | npt.NDArray[np.int64], /) -> npt.NDArray[np.float16]:
        """Return the features of some of them."""
        ...


@dataclass(frozen=True)
class _Stored:
    """A shard in its file, read anew each time: a catalogue may have more shards than a process may have open files."""

    file: Path
    count: int

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, rows: slice | npt.NDArray[np.int64], /) -> npt.NDArray[np.float16]:
        try:
            return np.load(self.file, allow_pickle=False)[rows]
        except (OSError, ValueError, EOFError) as error:
            raise _unreadable(self.file) from error


@dataclass(frozen=True, eq=False)
class Embeddings:
    """Features beside their ids, in the order of both.

    image_ids : tuple of str
    dim : int
        Width of the features.
    shards : tuple of Shard
        Those of `load_embeddings` lie in their files: what is not asked for takes no memory.
    """

    image_ids: tuple[str, ...]
    dim: int
    shards: tuple[Shard, ...]

    @cached_property
    def features(self) -> npt.NDArray[np.float16]:
        """All features in memory, float16 of shape (len(image_ids), dim)."""
        return np.concatenate([np.empty((0, self.dim), np.float16), *(shard[:] for shard in self.shards)])

    def of(self, image_ids: Sequence[str]) -> npt.NDArray[np.float16]:
        """Return the features of these photos, in this order.

        Raises
        ------
        ArtifactError
            A photo was not embedded.
        """
        rows = self._rows
        missing = [image_id for image_id in image_ids if image_id not in rows]
        if missing:
            raise ArtifactError(f"{len(missing)} photos have no embedding, the first is {missing[0]!r}")
        wanted = np.array([rows[image_id] for image_id in image_ids], np.int64)
        shards = np.searchsorted(self._starts, wanted, side="right") - 1
        found = np.empty((len(wanted), self.dim), np.float16)
        for shard in np.unique(shards):
            mine = shards == shard
            found[mine] = self.shards[shard][wanted[mine] - self._starts[shard]]
        return found

    @cached_property
    def _rows(self) -> dict[str, int]:
        return {image_id: row for row, image_id in enumerate(self.image_ids)}

    @cached_property
    def _starts(self) -> npt.NDArray[np.int64]:
        return np.cumsum([0, *map(len, self.shards[:-1])])


def load_embeddings(path: Path) -> Embeddings:
    """Open an embeddings artefact; features are float16 as stored, and read when they are asked for.

    Raises
    ------
    ArtifactError
        Not an embeddings artefact, or a shard's ids and features do not match.
    """
    artifact = open_artifact(path, "embeddings")
    dim = int(artifact.about["dim"])
    ids: list[str] = []
    shards: list[Shard] = []
    for file in sorted(artifact.path.glob("shard-*.npy")):
        try:
            shape = np.load(file, mmap_mode="r", allow_pickle=False).shape
            shard_ids = pl.read_parquet(file.with_suffix(".parquet"))["image_id"].to_list()
        except (OSError, ValueError, EOFError, pl.exceptions.PolarsError) as error:
            raise _unreadable(file) from error
        if shape != (len(shard_ids), dim):
            raise ArtifactError(
                "a shard's ids and features do not match",
                where=str(file),
                mend=f"Delete {artifact.path} and embed again",
            )
        ids.extend(shard_ids)
        shards.append(_Stored(file, len(shard_ids)))
    return Embeddings(tuple(ids), dim, tuple(shards))


def _unreadable(file: Path) -> ArtifactError:
    return ArtifactError("a shard cannot be read", where=str(file), mend=f"Delete {file.parent} and embed again")


def json_pieces(embeddings: Embeddings) -> Generator[str]:
    """Write `{image id: [floats]}` piece by piece, so that memory stays flat; float16 needs five digits at most."""
    opening = "{"
    rows = chain.from_iterable(shard[:] for shard in embeddings.shards)
    for image_id, features in zip(embeddings.image_ids, rows, strict=True):
        numbers = ", ".join(f"{value:.5g}" for value in features.tolist())
        yield f"{opening}{json.dumps(image_id, ensure_ascii=False)}: [{numbers}]"
        opening = ",\n"
    yield "}\n" if embeddings.image_ids else "{}\n"


def to_frame(embeddings: Embeddings) -> pl.DataFrame:
    """Return a table of `image_id` and `features` (Array of Float32), as other tools read it from Parquet."""
    features = pl.Series("features", embeddings.features.astype(np.float32), dtype=pl.Array(pl.Float32, embeddings.dim))
    return pl.DataFrame({"image_id": pl.Series(embeddings.image_ids, dtype=pl.String), "features": features})
