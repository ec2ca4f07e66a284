"""RGB photos to JPEG bytes without anything beside the pixels: thumbnails, and whatever else is shown or stored."""

import numpy as np
import simplejpeg
from PIL import Image as PillowImage

THUMBNAIL_PX = 320
"""The longer side of what is shown among results."""


def thumbnail(image: PillowImage.Image) -> bytes:
    """Shrink a photo to what is shown among results: a JPEG whose longer side is at most `THUMBNAIL_PX`."""
    return to_jpeg(image, max_side_px=THUMBNAIL_PX, quality=80)


def to_jpeg(image: PillowImage.Image, *, max_side_px: int | None = None, quality: int = 85) -> bytes:
    """Encode an RGB photo as a JPEG without EXIF, XMP, comments or colour profile; shrink it first if asked to."""
    if max_side_px is not None and max(image.size) > max_side_px:
        image = image.copy()
        image.thumbnail((max_side_px, max_side_px), PillowImage.Resampling.LANCZOS)
    return simplejpeg.encode_jpeg(np.ascontiguousarray(image), quality=quality, colorsubsampling="420")
