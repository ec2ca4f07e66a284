"""Resizing by SIMD against Pillow, its slow twin."""

import platform
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image

from lookalike import resize as module
from lookalike.resize import Box, resize, resize_by_pillow

with_simd = pytest.mark.skipif(
    platform.machine() not in {"x86_64", "AMD64", "arm64"}, reason="cykooz-resizer has no wheel for this machine"
)


def noise(width: int, height: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def grained(width: int, height: int) -> np.ndarray:
    """Light and shade with grain of single pixels."""
    x, y = np.meshgrid(np.linspace(0, 1, width), np.linspace(0, 1, height))
    shades = np.stack([x, y, np.abs(np.sin(5 * x + 3 * y))], axis=-1) * 200 + 20
    return np.clip(shades + np.random.default_rng(width).normal(0, 12, shades.shape), 0, 255).astype(np.uint8)


def centred(width: int, height: int) -> Box:
    side = min(width, height)
    left, top = (width - side) / 2, (height - side) / 2
    return left, top, left + side, top + side


def difference(pixels: np.ndarray, box: Box, size_px: int) -> np.ndarray:
    fast, slow = resize(pixels, box, size_px), resize_by_pillow(Image.fromarray(pixels), box, size_px)
    assert fast.shape == slow.shape == (size_px, size_px, 3)
    assert fast.dtype == np.uint8
    return np.abs(fast.astype(int) - slow)


SIZES = [(250, 334), (445, 250), (251, 333), (224, 224), (448, 600), (1000, 1500), (20_000, 226), (226, 20_000)]


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_photos_come_out_as_by_pillow(size: tuple[int, int]) -> None:
    apart = difference(grained(*size), centred(*size), 224)
    assert apart.mean() < 0.3
    assert apart.max() <= 6


@with_simd
def test_it_is_not_pillow_that_shrinks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "resize_by_pillow", None)
    assert resize(grained(50, 40), centred(50, 40), 32).shape == (32, 32, 3)


@given(
    size_px=st.integers(1, 48),
    larger=st.integers(0, 96),  # eighths of a pixel
    longer=st.integers(0, 400),
    left=st.integers(0, 400),
    lying=st.booleans(),
    seed=st.integers(0, 9),
)
@settings(deadline=None, max_examples=300)
def test_any_square_that_shrinks(size_px: int, larger: int, longer: int, left: int, lying: bool, seed: int) -> None:
    side = size_px + larger / 8
    width, height = int(np.ceil(side + longer / 8)), int(np.ceil(side))
    start = min(left / 8, width - side)
    box = (start, 0.0, start + side, side)
    if lying:
        width, height, box = height, width, (0.0, start, side, start + side)
    apart = difference(noise(width, height, seed), box, size_px)
    assert apart.mean() < 2  # noise is where rounding the weights shows most


@given(width=st.integers(1, 40), height=st.integers(1, 40), left=st.integers(0, 300), more=st.integers(1, 60))
@example(width=39, height=24, left=57, more=8)  # from 7.125 on: the library itself ends the process
@settings(deadline=None)
def test_what_is_enlarged_is_pillows(width: int, height: int, left: int, more: int) -> None:
    side = min(width, height)
    start = min(left / 8, width - side)
    pixels, box = noise(width, height), (start, 0.0, start + side, float(side))
    assert difference(pixels, box, side + more).max() == 0


def test_whole_pixels_may_be_whole_numbers() -> None:
    whole, same = (resize(noise(300, 240), box, 224) for box in ((30, 0, 270, 240), (30.0, 0.0, 270.0, 240.0)))
    assert np.array_equal(whole, same)


def test_a_box_off_the_lattice_is_pillows() -> None:
    assert difference(noise(300, 240), (1.01, 1.01, 229.51, 229.51), 224).max() == 0


def test_without_the_library_it_is_pillow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "simd", None)
    assert difference(grained(300, 400), centred(300, 400), 224).max() == 0


def test_threads_do_not_share_anything() -> None:
    photos = [noise(250, 334, seed) for seed in range(24)]
    alone = [resize(photo, centred(250, 334), 224) for photo in photos]
    with ThreadPoolExecutor(8) as threads:
        together = list(threads.map(lambda photo: resize(photo, centred(250, 334), 224), photos * 4))
    assert all(np.array_equal(one, alone[place % 24]) for place, one in enumerate(together))
