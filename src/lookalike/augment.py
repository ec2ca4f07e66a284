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

_Box = tuple[float, float, float, float]


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
    angle = float(random.uniform(-strength.turn_degrees, strength.turn_degrees)) if strength.turn_degrees else 0.0
    cut = _turned(photo, _crop(photo.size, strength.min_area, random), angle, card.size_px)
    if random.random() < 0.5:
        cut = cut.transpose(PillowImage.Transpose.FLIP_LEFT_RIGHT)
    for enhance in (ImageEnhance.Brightness, ImageEnhance.Contrast, ImageEnhance.Color):
        cut = enhance(cut).enhance(1 + float(random.uniform(-strength.light, strength.light)))
    return np.asarray(cut, dtype=np.uint8)


def _crop(size: tuple[int, int], min_area: float, random: np.random.Generator) -> _Box:
    """Draw a crop of a share of the centred square's area, a little taller or wider, anywhere in the photo."""
    width, height = size
    side = min(width, height) * math.sqrt(float(random.uniform(min_area, 1)))
    stretch = math.exp(float(random.uniform(-1, 1)) * math.log(_ASPECT) / 2)
    crop_width, crop_height = min(width, side * stretch), min(height, side / stretch)
    left = float(random.uniform(0, width - crop_width))
    top = float(random.uniform(0, height - crop_height))
    return left, top, min(width, left + crop_width), min(height, top + crop_height)


def _turned(photo: PillowImage.Image, box: _Box, angle_degrees: float, side: int) -> PillowImage.Image:
    """Turn a photo about its centre and cut a box (left, top, right, bottom) of it to a square; white where it ends.

    Only the part that the box comes from is reduced and turned: turning the whole photo took six tenths of a view's
    time.
    """
    if not angle_degrees:
        return photo.resize((side, side), PillowImage.Resampling.BICUBIC, box=box)
    left, top, right, bottom = box
    cos, sin = math.cos(math.radians(angle_degrees)), math.sin(math.radians(angle_degrees))
    middle_x, middle_y = photo.width / 2, photo.height / 2

    def source(x: float, y: float) -> tuple[float, float]:
        x, y = x - middle_x, y - middle_y
        return cos * x - sin * y + middle_x, sin * x + cos * y + middle_y

    corners = [source(x, y) for x in (left, right) for y in (top, bottom)]
    x0, x1 = _within([x for x, _ in corners], photo.width)
    y0, y1 = _within([y for _, y in corners], photo.height)
    wanted = (
        max(1, round((x1 - x0) * min(1, side / (right - left)))),
        max(1, round((y1 - y0) * min(1, side / (bottom - top)))),
    )
    part = photo.resize(wanted, PillowImage.Resampling.BICUBIC, box=(x0, y0, x1, y1))
    by_x, by_y = wanted[0] / (x1 - x0), wanted[1] / (y1 - y0)
    step_x, step_y = (right - left) / side, (bottom - top) / side
    begin_x, begin_y = source(left, top)
    affine = (
        *(by_x * cos * step_x, -by_x * sin * step_y, by_x * (begin_x - x0)),
        *(by_y * sin * step_x, by_y * cos * step_y, by_y * (begin_y - y0)),
    )
    return part.transform(
        (side, side), PillowImage.Transform.AFFINE, affine, PillowImage.Resampling.BILINEAR, fillcolor=(255, 255, 255)
    )


def _within(places: list[float], length: int) -> tuple[int, int]:
    """Return the pixels from the first to the last of places: one at least, all inside the photo."""
    first = min(max(0, math.floor(min(places))), length - 1)
    return first, max(first + 1, min(length, math.ceil(max(places))))
