"""Bytes to safe, upright RGB, to the encoder's input: the only decoding and preprocessing in the project.

Fast path: baseline or progressive JPEG in YCbCr or grey, decoded by libjpeg-turbo (simplejpeg) at a reduced DCT
scale where the wanted size allows, and resized by SIMD. Everything else, and every JPEG that libjpeg-turbo so much as
warns about, goes through Pillow, which has the last word on whether a photo is whole.
"""

import hashlib
import io
import os
import stat
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import simplejpeg
from PIL import Image as PillowImage
from PIL import UnidentifiedImageError

from lookalike.errors import PhotoError
from lookalike.resize import Box, resize, resize_by_pillow
from lookalike.types import Preprocess, UInt8Array

MAX_PIXELS = 80_000_000
"""Default pixel limit, below the point at which Pillow itself warns of a decompression bomb."""

MAX_BYTES = 200_000_000
"""A photo file of more bytes is refused before it is read."""

FORMATS = ("JPEG", "PNG", "WEBP", "GIF")
_ORIENTATION = 0x0112
_WHITE = (255, 255, 255)
Mode = Literal["RGB", "L"]


@dataclass(frozen=True, slots=True)
class PhotoFacts:
    """What a photo's header says; sizes are those of the upright photo."""

    width: int
    height: int
    format: str


@dataclass(frozen=True, slots=True)
class _Header:
    width: int
    height: int
    format: str
    orientation: int


def read_bytes(path: Path) -> bytes:
    """Read a photo file; pipes and devices, which may never end, are refused.

    Raises
    ------
    PhotoError
        `missing`, `empty`, `unreadable` or `too_large`.
    """
    try:
        found = path.stat()
        if not stat.S_ISREG(found.st_mode):
            raise PhotoError("unreadable", "the photo file is not a regular file")
        if found.st_size > MAX_BYTES:
            raise PhotoError("too_large", f"the photo file has more than {MAX_BYTES / 1e6:g} MB")
        data = path.read_bytes()
    except FileNotFoundError as error:
        raise PhotoError("missing", "the photo file does not exist") from error
    except OSError as error:
        raise PhotoError("unreadable", f"the photo file cannot be read ({error.strerror})") from error
    if not data:
        raise PhotoError("empty", "the photo file has no bytes")
    return data


def under(root: Path, relative: str) -> Path:
    """Join a stored path to the photo root, refusing one that leads out of it.

    Raises
    ------
    PhotoError
        `unreadable`.
    """
    file = Path(os.path.abspath(root / relative))  # noqa: PTH100 - links under the root are followed, as in ingest
    if not file.is_relative_to(root.absolute()):
        raise PhotoError("unreadable", "the photo lies outside the photo root", where=str(file))
    return file


def sha256(data: bytes) -> str:
    """Return the sha256 of a photo's bytes as 64 hex digits."""
    return hashlib.sha256(data).hexdigest()


def facts(data: bytes, *, max_pixels: int = MAX_PIXELS) -> PhotoFacts:
    """Read a photo's size and format from its header, without decoding it.

    Raises
    ------
    PhotoError
        `empty`, `unreadable` or `too_large`.
    """
    with _open(data, max_pixels) as opened:
        return _facts(_header(opened))


def decode(data: bytes, *, min_side_px: int | None = None, max_pixels: int = MAX_PIXELS) -> PillowImage.Image:
    """Decode a photo to upright RGB: first frame, EXIF turn applied, transparency over white.

    Parameters
    ----------
    data : bytes
        JPEG, PNG, WebP or GIF, told by content.
    min_side_px : int, optional
        A JPEG may come back smaller than it is, as long as its shorter side keeps this many pixels.
    max_pixels : int
        A larger photo is refused before it is decoded.

    Raises
    ------
    PhotoError
        `empty`, `unreadable`, `truncated` or `too_large`.
    """
    header, image = _decode(data, min_side_px, max_pixels)
    return _upright(image, header.orientation)


def inspect(data: bytes, *, min_side_px: int, max_pixels: int = MAX_PIXELS) -> tuple[PhotoFacts, PillowImage.Image]:
    """Return `facts` and what `decode` does, in grey; opened once, and a JPEG's colours are read but not worked out."""
    header, image = _decode(data, min_side_px, max_pixels, "L")
    return _facts(header), _upright(image, header.orientation)


def square(image: PillowImage.Image, card: Preprocess) -> UInt8Array:
    """Cut and resize an upright RGB photo to the encoder's input, as the card states.

    Returns
    -------
    uint8 array of shape (size_px, size_px, 3)
    """
    return resize_by_pillow(image, _centred(image.size, 1.0, image.size), card.size_px)


def prepare(data: bytes, card: Preprocess, *, max_pixels: int = MAX_PIXELS) -> UInt8Array:
    """Decode a photo and cut it to the encoder's input: `square(decode(...))`, decoding no more than needed.

    At a reduced scale a JPEG's last row and column of blocks may reach past the photo's edge, so the square is placed
    by the photo's true size. It is cut before it is turned: the centred square turns into itself. Tolerance: stock
    Lite0 stays in fp32 at a cosine of .97 to what the exact, full decode gives; .995 in the mean of real photos.
    """
    with _open(data, max_pixels) as opened:
        header, decoded = _decoded(data, opened, card.size_px, "RGB")
    by_pillow = isinstance(decoded, PillowImage.Image)
    size = decoded.size if by_pillow else (decoded.shape[1], decoded.shape[0])
    box = _centred((header.width, header.height), _scale(size, header), size)
    cut = resize_by_pillow(decoded, box, card.size_px) if by_pillow else resize(decoded, box, card.size_px)
    return cut if header.orientation == 1 else np.asarray(_upright(PillowImage.fromarray(cut), header.orientation))


def upright_rgb(image: PillowImage.Image) -> PillowImage.Image:
    """Bring a Pillow image that somebody else opened to what `decode` gives: RGB, EXIF turn applied."""
    return _upright(_rgb(image), _orientation(image))


def _open(data: bytes, max_pixels: int) -> PillowImage.Image:
    if not data:
        raise PhotoError("empty", "the photo has no bytes")
    try:
        opened = PillowImage.open(io.BytesIO(data), formats=FORMATS)
    except (PillowImage.DecompressionBombError, PillowImage.DecompressionBombWarning) as error:
        raise _too_large(max_pixels) from error
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, EOFError, struct.error) as error:
        raise PhotoError(
            "unreadable",
            "this is no JPEG, PNG, WebP or GIF photo",
            mend="Save it as JPEG or PNG and try again",
        ) from error
    if opened.width * opened.height > max_pixels:
        opened.close()
        raise _too_large(max_pixels)
    return opened


def _too_large(max_pixels: int) -> PhotoError:
    return PhotoError(
        "too_large",
        f"the photo has more than {max_pixels / 1e6:g} million pixels",
        mend="Make it smaller and try again",
    )


def _header(opened: PillowImage.Image) -> _Header:
    name = "jpeg" if opened.format == "MPO" else str(opened.format).lower()  # MPO: a JPEG followed by further views
    return _Header(opened.width, opened.height, name, _orientation(opened))


def _facts(header: _Header) -> PhotoFacts:
    sides = (header.width, header.height) if header.orientation < 5 else (header.height, header.width)
    return PhotoFacts(*sides, header.format)


def _orientation(image: PillowImage.Image) -> int:
    try:
        orientation = int(image.getexif().get(_ORIENTATION, 1))
    except (OSError, ValueError, TypeError, SyntaxError, struct.error):  # broken EXIF never makes a photo unusable
        return 1
    return orientation if 1 <= orientation <= 8 else 1


def _decode(
    data: bytes, min_side_px: int | None, max_pixels: int, mode: Mode = "RGB"
) -> tuple[_Header, PillowImage.Image]:
    """Decode to RGB or grey, as stored: not turned yet, and a JPEG perhaps at a reduced scale."""
    with _open(data, max_pixels) as opened:
        header, decoded = _decoded(data, opened, min_side_px, mode)
    image = decoded if isinstance(decoded, PillowImage.Image) else PillowImage.fromarray(decoded)
    return header, image if image.mode == mode else image.convert(mode)


def _decoded(
    data: bytes, opened: PillowImage.Image, min_side_px: int | None, mode: Mode
) -> tuple[_Header, UInt8Array | PillowImage.Image]:
    """Decode by libjpeg-turbo to pixels of the mode, or by Pillow to an image in RGB."""
    header = _header(opened)
    fast = _fast_jpeg(data, header, min_side_px, mode) if header.format == "jpeg" else None
    return header, _slow(opened, min_side_px) if fast is None else fast


def _centred(size: tuple[int, int], scale: float, available: tuple[int, int]) -> Box:
    """Find the centred square of a photo of `size` in a copy of it at `scale`, which has the `available` pixels."""
    width, height = size[0] * scale, size[1] * scale
    side = min(width, height)
    left, top = (width - side) / 2, (height - side) / 2
    return left, top, min(left + side, available[0]), min(top + side, available[1])


def _scale(size: tuple[int, int], header: _Header) -> float:
    """Find the eighths at which libjpeg decoded: it gives ceil(side · n / 8) pixels."""
    for eighths in range(8, 0, -1):
        if size == (-(-header.width * eighths // 8), -(-header.height * eighths // 8)):
            return eighths / 8
    return size[0] / header.width


def _fast_jpeg(data: bytes, header: _Header, min_side_px: int | None, mode: Mode) -> UInt8Array | None:
    """Decode by libjpeg-turbo; None where it is not sure, so that Pillow decides."""
    try:
        _, _, colorspace, _ = simplejpeg.decode_jpeg_header(data)
        if colorspace not in ("YCbCr", "Gray"):
            return None
        shorter = min(header.width, header.height)
        scale = 1.0 if min_side_px is None else min(1.0, min_side_px / shorter)
        pixels = simplejpeg.decode_jpeg(
            data,
            colorspace="RGB" if mode == "RGB" else "GRAY",
            fastdct=False,
            fastupsample=False,
            min_height=int(np.ceil(header.height * scale)),
            min_width=int(np.ceil(header.width * scale)),
        )
    except ValueError:
        return None
    return pixels if mode == "RGB" else pixels[..., 0]


def _slow(opened: PillowImage.Image, min_side_px: int | None) -> PillowImage.Image:
    try:
        if min_side_px is not None and opened.mode in ("L", "RGB"):
            scale = max(1.0, min(opened.size) / min_side_px)
            opened.draft(None, (int(np.ceil(opened.width / scale)), int(np.ceil(opened.height / scale))))
        opened.load()
        return _rgb(opened)
    except (OSError, ValueError, SyntaxError, EOFError, IndexError, struct.error, MemoryError) as error:
        if "truncated" in str(error):
            raise PhotoError("truncated", "the photo ends before its last line", mend="Fetch it again") from error
        raise PhotoError("unreadable", "the photo is damaged and cannot be decoded", mend="Fetch it again") from error


def _rgb(image: PillowImage.Image) -> PillowImage.Image:
    """Bring any Pillow mode to RGB: 16-bit is scaled rather than clipped, transparency lies over white."""
    if image.mode.startswith("I") or image.mode == "F":
        values = np.asarray(image, dtype=np.float64)
        scaled = values / 257 if image.mode.startswith("I;16") or values.max(initial=0) > 255 else values
        return PillowImage.fromarray(np.clip(np.rint(scaled), 0, 255).astype(np.uint8)).convert("RGB")
    if image.has_transparency_data:
        rgba = image.convert("RGBA")
        canvas = PillowImage.new("RGBA", rgba.size, (*_WHITE, 255))
        return PillowImage.alpha_composite(canvas, rgba).convert("RGB")
    return image.convert("RGB")


def _upright(image: PillowImage.Image, orientation: int) -> PillowImage.Image:
    turn = PillowImage.Transpose
    turns = (turn.FLIP_LEFT_RIGHT, turn.ROTATE_180, turn.FLIP_TOP_BOTTOM)
    turns += (turn.TRANSPOSE, turn.ROTATE_270, turn.TRANSVERSE, turn.ROTATE_90)
    return image.transpose(turns[orientation - 2]) if orientation > 1 else image
