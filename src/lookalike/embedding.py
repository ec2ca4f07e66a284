"""The embedding pipeline: read → decode in threads → encode → write shards; resumable, and flat in memory.

`shard-00000.npy` holds float16 features (n, dim) beside `shard-00000.parquet` with their image ids. A shard covers
a fixed stretch of the catalogue, and its `.npy` is written last: where it is, the shard is whole. One shard is written
while the next is made, and decoding runs ahead over the ends of shards, so that nothing waits for the disk.
"""

import json
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import asdict, dataclass
from functools import partial
from io import BytesIO
from itertools import chain, islice
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl

from lookalike import catalogue as catalogues
from lookalike import images
from lookalike.artifacts import Artifact, Recipe, create, find, installed, open_artifact, write_rejects
from lookalike.cores import cores
from lookalike.encoder import Encoder, encode
from lookalike.errors import PhotoError
from lookalike.files import write_bytes, write_parquet, write_text
from lookalike.types import Preprocess, Reject, UInt8Array

VERSION = 1
"""Raise when the features of an unchanged photo change by more than rounding."""

Progress = Callable[[int, int], None]
"""Called with photos done and photos in all."""
Photo = tuple[str, UInt8Array | PhotoError]
"""A photo's id, and the encoder's input or why there is none."""

_BATCH = 16
"""Photos a call for each core."""
_CALLS = 2
"""Calls under way at once: when the streams run dry of one, the next is there."""
_LOOKAHEAD = 64
"""Photos decoded ahead for each core: enough to keep the encoder busy, few enough to keep memory flat (150 kB each)."""


@dataclass(frozen=True)
class EmbedConfig:
    """How to embed; nothing here but `flip` changes the features of a photo. Photos above `max_pixels` are left out.

    A run that is killed loses two shards of `shard_size` photos at most. `threads` decode; default one per core. With
    `flip` a photo's features are the mean of its own and its mirror image's, at twice the encoder's work.
    """

    shard_size: int = 1024
    flip: bool = False
    threads: int | None = None
    max_pixels: int = images.MAX_PIXELS


def embed(
    catalogue: Path,
    encoder: Encoder,
    out: Path,
    config: EmbedConfig | None = None,
    *,
    photos: Path | None = None,
    progress: Progress | None = None,
) -> Artifact:
    """Embed every photo of a catalogue.

    Finished shards of an interrupted run are kept; those it was making and writing are made again. A photo that fails
    stands in `rejects.parquet` and shifts nobody, since every vector lies beside its image id.

    Parameters
    ----------
    catalogue : folder of a catalogue artefact
    encoder : Encoder
    out : where to put the embeddings artefact
    photos : photo root; default is where the catalogue was ingested from

    Returns
    -------
    Artifact of kind "embeddings"; `counts` holds photos, embedded and rejected.

    Raises
    ------
    ArtifactError
        The catalogue cannot be read, or its photo root is not there.
    """
    config = config or EmbedConfig()
    read = catalogues.read(catalogue)
    root = catalogues.photo_root(read, photos)
    recipe = Recipe(
        "embeddings",
        VERSION,
        {
            "encoder": encoder.hash,
            "precision": encoder.precision,
            "shard_size": config.shard_size,
            **({"flip": True} if config.flip else {}),
        },
        {"catalogue": read.artifact.hash},
    )
    if (finished := find(out, recipe)) is not None:
        return finished
    rows = read.images.select("image_id", "path")
    del read  # the other tables hold as much again (docs/performance.md)
    total, size = rows.height, config.shard_size

    def encode_all(batch: list[UInt8Array]) -> npt.NDArray[np.float16]:
        return encode(encoder, np.stack(batch), flip=config.flip).astype(np.float16)

    with create(out, recipe) as draft:
        starts = range(0, total, size)
        missing = [start for n, start in enumerate(starts) if not _shard(draft.path, n, ".npy").is_file()]
        read_one = partial(_read, root, encoder.card, config.max_pixels)
        stretches = (rows.slice(start, size).iter_rows() for start in missing)
        with (
            ThreadPoolExecutor(1, "write") as writer,
            ThreadPoolExecutor(config.threads or cores(), "decode") as pool,
            ThreadPoolExecutor(_CALLS, "encode") as calls,
            closing(_decoded(pool, read_one, chain.from_iterable(stretches))) as decoded,
        ):
            writing: Future[None] | None = None
            for number, start in enumerate(starts):
                end = min(start + size, total)
                if start in missing:
                    shard = _make(_told(islice(decoded, end - start), progress, start, total), encode_all, calls)
                    if writing is not None:
                        writing.result()
                    writing = writer.submit(_write, shard, encoder.dim, draft.path, number)
                if progress is not None:
                    progress(end, total)
            if writing is not None:
                writing.result()
        rejects = [
            Reject(**row)
            for number in range(len(starts))
            for row in json.loads(_shard(draft.path, number, ".rejects.json").read_text(encoding="utf-8"))
        ]
        write_rejects(draft.path, rejects)
        draft.counts = {"photos": total, "embedded": total - len(rejects), "rejected": len(rejects)}
        draft.about = {
            "encoder": encoder.name,
            "dim": encoder.dim,
            "generic_dim": encoder.generic_dim,
            "versions": installed("openvino", "pillow", "simplejpeg", "cykooz-resizer"),
        }
    return open_artifact(out, "embeddings")


@dataclass(frozen=True)
class _Made:
    image_ids: list[str]
    features: list[Future[npt.NDArray[np.float16]]]
    rejects: list[Reject]


def _make(
    photos: Iterable[Photo],
    encode_all: Callable[[list[UInt8Array]], npt.NDArray[np.float16]],
    calls: ThreadPoolExecutor,
) -> _Made:
    ids: list[str] = []
    parts: list[Future[npt.NDArray[np.float16]]] = []
    rejects: list[Reject] = []
    batch: list[UInt8Array] = []

    def flush() -> None:
        nonlocal batch
        if len(parts) >= _CALLS:
            parts[-_CALLS].result()
        if batch:
            parts.append(calls.submit(encode_all, batch))
            batch = []

    for image_id, pixels in photos:
        if isinstance(pixels, PhotoError):
            rejects.append(Reject("images", None, image_id, "embed", pixels.reason, pixels.what))
        else:
            ids.append(image_id)
            batch.append(pixels)
        if len(batch) == _BATCH * cores():
            flush()
    flush()
    return _Made(ids, parts, rejects)


def _told(photos: Iterator[Photo], progress: Progress | None, start: int, total: int) -> Generator[Photo]:
    for done, photo in enumerate(photos, start):
        if progress is not None and done % _BATCH == 0:
            progress(done, total)
        yield photo


def _write(shard: _Made, dim: int, folder: Path, number: int) -> None:
    buffer = BytesIO()
    features = [np.empty((0, dim), np.float16), *(part.result() for part in shard.features)]
    np.save(buffer, np.concatenate(features), allow_pickle=False)
    rejected = [asdict(reject) for reject in shard.rejects]
    ids = pl.DataFrame({"image_id": pl.Series(shard.image_ids, dtype=pl.String)})
    write_parquet(_shard(folder, number, ".parquet"), ids)
    write_text(_shard(folder, number, ".rejects.json"), json.dumps(rejected, ensure_ascii=False))
    write_bytes(_shard(folder, number, ".npy"), buffer.getvalue())


def _read(root: Path, card: Preprocess, max_pixels: int, path: str) -> UInt8Array | PhotoError:
    try:
        return images.prepare(images.read_bytes(root / path), card, max_pixels=max_pixels)
    except PhotoError as error:
        return error


def _decoded(
    pool: ThreadPoolExecutor, read: Callable[[str], UInt8Array | PhotoError], rows: Iterator[tuple[str, str]]
) -> Generator[Photo]:
    """Decode ahead in threads, a bounded number of photos at a time, and hand them out in order."""
    ahead: deque[tuple[str, Future[UInt8Array | PhotoError]]] = deque()
    try:
        while True:
            while len(ahead) < _LOOKAHEAD * cores() and (row := next(rows, None)) is not None:
                ahead.append((row[0], pool.submit(read, row[1])))
            if not ahead:
                return
            image_id, future = ahead.popleft()
            yield image_id, future.result()
    finally:
        for _, future in ahead:
            future.cancel()


def _shard(folder: Path, number: int, suffix: str) -> Path:
    return folder / f"shard-{number:05d}{suffix}"
