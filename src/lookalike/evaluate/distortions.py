"""Seeded distortions: what a photo of the same thing, taken by someone in a hurry, might look like."""

import hashlib
from dataclasses import dataclass

import numpy as np
from PIL import Image as PillowImage
from PIL import ImageEnhance, ImageFilter, ImageOps, ImageStat

from lookalike.jpeg import to_jpeg

MAX_SIDE_PX = 640
"""Photos are first reduced to this longer side, as an upload from a phone's messenger would be."""
CROP_SIDE = (0.60, 0.85)
TURN_DEG = (-20.0, 20.0)
LIGHT = (0.7, 1.3)
BLUR_PX = (0.0, 2.0)
JPEG_QUALITY = (30, 60)


@dataclass(frozen=True, slots=True)
class Distortion:
    """One way to distort a photo.

    `turn_deg` turns it about its centre, anticlockwise, the corners filled with its mean colour; of that a rectangle is
    kept whose sides are `crop_side` of the photo's (so 36 to 72 % of its area), at `crop_x`, `crop_y` (0 left or top,
    1 right or bottom); `mirror` swaps left and right; `brightness`, `contrast`, `colour` are factors, 1 changing
    nothing; `blur_px` is the radius of a Gaussian blur; `jpeg_quality` that of libjpeg.
    """

    turn_deg: float
    crop_side: float
    crop_x: float
    crop_y: float
    mirror: bool
    brightness: float
    contrast: float
    colour: float
    blur_px: float
    jpeg_quality: int


def draw(image_id: str, *, seed: int) -> Distortion:
    """Draw a photo's distortion, each part uniformly: it depends on the seed and the photo's id only."""
    number = int.from_bytes(hashlib.sha256(image_id.encode()).digest()[:8])
    rng = np.random.default_rng([seed, number])
    return Distortion(
        turn_deg=rng.uniform(*TURN_DEG),
        crop_side=rng.uniform(*CROP_SIDE),
        crop_x=rng.uniform(),
        crop_y=rng.uniform(),
        mirror=bool(rng.integers(2)),
        brightness=rng.uniform(*LIGHT),
        contrast=rng.uniform(*LIGHT),
        colour=rng.uniform(*LIGHT),
        blur_px=rng.uniform(*BLUR_PX),
        jpeg_quality=int(rng.integers(JPEG_QUALITY[0], JPEG_QUALITY[1] + 1)),
    )


def distort(photo: PillowImage.Image, how: Distortion) -> bytes:
    """Distort an upright RGB photo and save it as a JPEG. The photo itself is left unchanged."""
    image = photo.copy()
    image.thumbnail((MAX_SIDE_PX, MAX_SIDE_PX), PillowImage.Resampling.LANCZOS)
    red, green, blue = (round(value) for value in ImageStat.Stat(image).mean)
    image = image.rotate(how.turn_deg, PillowImage.Resampling.BICUBIC, fillcolor=(red, green, blue))
    image = image.crop(_crop_box(image.size, how))
    if how.mirror:
        image = ImageOps.mirror(image)
    image = ImageEnhance.Brightness(image).enhance(how.brightness)
    image = ImageEnhance.Contrast(image).enhance(how.contrast)
    image = ImageEnhance.Color(image).enhance(how.colour)
    image = image.filter(ImageFilter.GaussianBlur(how.blur_px))
    return to_jpeg(image, quality=how.jpeg_quality)


def _crop_box(size: tuple[int, int], how: Distortion) -> tuple[int, int, int, int]:
    width, height = (max(1, round(side * how.crop_side)) for side in size)
    left, top = round((size[0] - width) * how.crop_x), round((size[1] - height) * how.crop_y)
    return left, top, left + width, top + height
