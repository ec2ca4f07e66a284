"""Augmentation of training photos with Pillow; seeded per photo and epoch, so that a resumed run sees the same."""

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from PIL import Image as PillowImage
from PIL import ImageEnhance

from lookalike import images
from lookalike.types import Preprocess, UInt8Array

Augmentation = Literal["light", "none", "strong"]

_ASPECT = 4 / 3


@dataclass(frozen=True)
class _Strength:
    """The least part of the photo's area that a crop keeps, the greatest turn, and how much the light may change."""

    min_area: float
    turn_degrees: float
    light: float


_STRENGTHS = {"light": _Strength(0.5, 0, 0.1), "strong": _Strength(0.25, 15, 0.4)}


def decode_side(augmentation: Augmentation, size_px: int) -> int:
    """Return the shorter side in pixels that a decoded photo must keep, so that the smallest crop is not blown up."""
    if augmentation == "none":
        return size_px
    return math.ceil(size_px * math.sqrt(_ASPECT / _STRENGTHS[augmentation].min_area))


def augment(
    photo: PillowImage.Image, card: Preprocess, augmentation: Augmentation, random: np.random.Generator
) -> UInt8Array:
    """Cut a training photo to the network's input, differently each time.

    `none` is exactly what validation and serving do. `light`: a crop of 50 to 100 % of the area and slight changes of
    light, mirrored half the time. `strong`: 25 to 100 %, turned up to 15 degrees, more light.

    Parameters
    ----------
    photo : upright RGB, as `images.decode` gives it

    Returns
    -------
    uint8 array of shape (size_px, size_px, 3)
    """
    if augmentation == "none":
        return images.square(photo, card)
    strength = _STRENGTHS[augmentation]
    if strength.turn_degrees:
        angle = float(random.uniform(-strength.turn_degrees, strength.turn_degrees))
        photo = photo.rotate(angle, PillowImage.Resampling.BILINEAR, fillcolor=(255, 255, 255))
    box = _crop(photo.size, strength.min_area, random)
    cut = photo.resize((card.size_px, card.size_px), PillowImage.Resampling.BICUBIC, box=box)
    if random.random() < 0.5:
        cut = cut.transpose(PillowImage.Transpose.FLIP_LEFT_RIGHT)
    for enhance in (ImageEnhance.Brightness, ImageEnhance.Contrast, ImageEnhance.Color):
        cut = enhance(cut).enhance(1 + float(random.uniform(-strength.light, strength.light)))
    return np.asarray(cut, dtype=np.uint8)


def _crop(size: tuple[int, int], min_area: float, random: np.random.Generator) -> tuple[float, float, float, float]:
    """Draw a crop of a share of the centred square's area, a little taller or wider, anywhere in the photo."""
    width, height = size
    side = min(width, height) * math.sqrt(float(random.uniform(min_area, 1)))
    stretch = math.exp(float(random.uniform(-1, 1)) * math.log(_ASPECT) / 2)
    crop_width, crop_height = min(width, side * stretch), min(height, side / stretch)
    left = float(random.uniform(0, width - crop_width))
    top = float(random.uniform(0, height - crop_height))
    return left, top, min(width, left + crop_width), min(height, top + crop_height)
