"""Query photos: what may be handed in, how it becomes the encoder's input, and how those of several threads go on."""

import time
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

import numpy as np
from PIL import Image as PillowImage

from lookalike import images
from lookalike.batching import Together
from lookalike.cores import cores
from lookalike.encoder import MICRO_BATCH, Encoder, encode, streams
from lookalike.errors import PhotoError
from lookalike.timing import record_step, recording, step
from lookalike.types import Float32Array, Preprocess, UInt8Array

Photo = bytes | str | Path | PillowImage.Image
"""A query photo: a file's bytes, its path, or a Pillow image."""

_BATCH = 32
Wanted = TypeVar("Wanted", bound=Hashable)
Found = TypeVar("Found")


def prepared(photo: Photo, card: Preprocess, *, name: str, max_pixels: int) -> UInt8Array:
    """Decode a query photo to the encoder's input, uint8 of shape (size_px, size_px, 3); timed as `decode`.

    Raises
    ------
    PhotoError
        It cannot be decoded; `where` is its path, or `name`.
    """
    with step("decode"):
        if isinstance(photo, PillowImage.Image):
            return images.square(images.upright_rgb(photo), card)
        where = name
        if isinstance(photo, str | Path):
            where = str(photo)
            photo = Path(photo)
        try:
            data = images.read_bytes(photo) if isinstance(photo, Path) else photo
            return images.prepare(data, card, max_pixels=max_pixels)
        except PhotoError as error:
            raise PhotoError(error.reason, error.what, where=where, mend=error.mend) from error


@dataclass(frozen=True, eq=False)
class _Query(Generic[Wanted]):
    image: UInt8Array
    wanted: Wanted | None


@dataclass(frozen=True, eq=False)
class _Answer(Generic[Found]):
    features: Float32Array
    found: Found | None
    seconds: Mapping[str, float]


class Queries(Generic[Wanted, Found]):
    """Encodes query photos; single ones of several threads are encoded, and searched for, together by one of them.

    So the cores go from one photo's arithmetic to the next's, and not from thread to thread at each small step of it
    (docs/experiments.md). Each thread decodes its own photo, and nobody waits for company. A query's record of steps
    holds those of the go that it went with, and its wait for it. An exception in a go is raised for all who went.

    Parameters
    ----------
    encoder : Encoder
    search : features, float32 of shape (n, encoder.dim), and what is wanted, to what was found for each
        Times its own steps.
    flip : bool
        See `encoder.encode`.
    max_pixels : int
        Larger photos are refused.
    """

    def __init__(
        self,
        encoder: Encoder,
        search: Callable[[Float32Array, Wanted], Sequence[Found]],
        *,
        flip: bool,
        max_pixels: int,
    ) -> None:
        self._encoder = encoder
        self._search = search
        self._flip = flip
        self._max_pixels = max_pixels
        at_once = streams(cores())
        self._together = Together[_Query[Wanted], _Answer[Found]](self._run, MICRO_BATCH, at_once=at_once)

    def features(self, photos: Sequence[Photo]) -> Float32Array:
        """Encode photos: float32 of shape (n, encoder.dim).

        Raises
        ------
        PhotoError
            A photo cannot be decoded; `where` tells which.
        """
        if len(photos) == 1:
            return self._ask(photos[0], None).features[None]
        features = np.empty((len(photos), self._encoder.dim), dtype=np.float32)
        for start in range(0, len(photos), _BATCH):
            some = enumerate(photos[start : start + _BATCH], start)
            batch = [self._prepared(photo, place) for place, photo in some]
            with step("encode"):
                features[start : start + len(batch)] = encode(self._encoder, np.stack(batch), flip=self._flip)
        return features

    def search(self, photo: Photo, wanted: Wanted) -> Found:
        """Search for a photo; those who want the same are searched for in one call. Raises as `features`."""
        return self._ask(photo, wanted).found  # pyright: ignore[reportReturnType] - set where it was wanted

    def _prepared(self, photo: Photo, place: int) -> UInt8Array:
        return prepared(photo, self._encoder.card, name=f"photo {place}", max_pixels=self._max_pixels)

    def _ask(self, photo: Photo, wanted: Wanted | None) -> _Answer[Found]:
        query = _Query(self._prepared(photo, 0), wanted)
        asked = time.perf_counter()
        answer = self._together(query)
        record_step("wait", time.perf_counter() - asked - sum(answer.seconds.values()))
        for name, seconds in answer.seconds.items():
            record_step(name, seconds)
        return answer

    def _run(self, queries: Sequence[_Query[Wanted]]) -> list[_Answer[Found]]:
        places: dict[Wanted, list[int]] = {}
        found: dict[int, Found] = {}
        with recording() as steps:
            with step("encode"):
                features = encode(self._encoder, np.stack([query.image for query in queries]), flip=self._flip)
            for place, query in enumerate(queries):
                if query.wanted is not None:
                    places.setdefault(query.wanted, []).append(place)
            for wanted, mine in places.items():
                found |= zip(mine, self._search(features[mine], wanted), strict=True)
        return [_Answer(row, found.get(place), steps.seconds) for place, row in enumerate(features)]
