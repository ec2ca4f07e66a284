"""Resize decoded pixels to an encoder's input: Pillow's antialiased bicubic, by SIMD where that can be had."""

import numpy as np
from PIL import Image as PillowImage

from lookalike.types import UInt8Array

try:
    import cykooz_resizer as simd
except ImportError:  # it has no wheel for some machines, Linux on ARM among them
    simd = None

Box = tuple[float, float, float, float]


def resize(pixels: UInt8Array, box: Box, size_px: int) -> UInt8Array:
    """Resize a rectangle of a photo to a square.

    Either way by the same filter: cubic convolution (Keys, 1981; a = -1/2, "catmull_rom" in Rust's fast_image_resize),
    widened where it shrinks. They round differently, by a tenth of a grey level or less in the mean of a photo. SIMD
    shrinks boxes whose sides are sixteenths of a pixel, as those of `images.prepare` are; the rest is Pillow's.

    Parameters
    ----------
    pixels : uint8 array of shape (height, width, 3)
    box : left, top, right, bottom in pixels, inside the photo
        May lie between pixels.
    size_px : int

    Returns
    -------
    uint8 array of shape (size_px, size_px, 3), perhaps read-only
    """
    left, top, right, bottom = box
    # by other boxes it can end the process: it reads beside its memory (docs/decisions/0009-simd-resize.md)
    safe = min(right - left, bottom - top) >= size_px and all(side * 16 % 1 == 0 for side in box)
    if simd is None or not safe:
        return resize_by_pillow(PillowImage.fromarray(pixels), box, size_px)
    height, width = pixels.shape[:2]
    source = simd.ImageData(width, height, simd.PixelType.U8x3, pixels.tobytes())
    target = simd.ImageData(size_px, size_px, simd.PixelType.U8x3)
    cubic = simd.ResizeAlg.convolution(simd.FilterType.catmull_rom)
    crop = simd.CropBox(left, top, right - left, bottom - top)
    # a resizer of its own for each call: it keeps buffers, and threads must not share them
    simd.Resizer().resize(source, target, simd.ResizeOptions(cubic, crop_box=crop, use_alpha=False))
    return np.frombuffer(target.get_buffer(), np.uint8).reshape(size_px, size_px, 3)


def resize_by_pillow(image: PillowImage.Image, box: Box, size_px: int) -> UInt8Array:
    """Do what `resize` does, to an RGB image."""
    resized = image.resize((size_px, size_px), PillowImage.Resampling.BICUBIC, box=box)
    return np.asarray(resized, dtype=np.uint8)
