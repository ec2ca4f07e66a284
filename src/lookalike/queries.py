"""Query photos: what may be handed in, and how it becomes the encoder's input."""

from pathlib import Path

from PIL import Image as PillowImage

from lookalike import images
from lookalike.errors import PhotoError
from lookalike.timing import step
from lookalike.types import Preprocess, UInt8Array

Photo = bytes | str | Path | PillowImage.Image
"""A query photo: a file's bytes, its path, or a Pillow image."""


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
