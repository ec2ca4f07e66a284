"""A second family of distortions: the photo in perspective, pasted onto a background, as if lying or hanging somewhere.

No training augmentation and no choice ever uses it: it tells how figures hold for what was not prepared for.
"""

import hashlib
from dataclasses import dataclass

import numpy as np
from PIL import Image as PillowImage
from PIL import ImageFilter

from lookalike.evaluate.distortions import MAX_SIDE_PX
from lookalike.jpeg import to_jpeg

SHIFT = 0.15
"""Each corner moves inward by up to this share of the photo's sides."""
AREA = (0.35, 0.70)
"""Share of the scene that the photo's frame takes before its corners move."""
GRAIN_PX = (8, 64)
"""Sizes of the background's patches."""
JPEG_QUALITY = 60

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Scene:
    """One scene.

    `corners` are where the photo's corners (top left, top right, bottom right, bottom left) move to, as shares of its
    sides; `area` the share of the scene's area that the photo's frame takes; `x`, `y` where it lies (0 left or top,
    1 right or bottom); `grain_px` and `seed` draw the background.
    """

    corners: tuple[Point, Point, Point, Point]
    area: float
    x: float
    y: float
    grain_px: int
    seed: int


def draw_scene(image_id: str, *, seed: int) -> Scene:
    """Draw a photo's scene, each part uniformly: it depends on the seed and the photo's id only."""
    number = int.from_bytes(hashlib.sha256(f"scene {image_id}".encode()).digest()[:8])
    rng = np.random.default_rng([seed, number])
    a, b, c, d, e, f, g, h = (float(value) for value in rng.uniform(0, SHIFT, 8))
    return Scene(
        corners=((a, b), (1 - c, d), (1 - e, 1 - f), (g, 1 - h)),
        area=float(rng.uniform(*AREA)),
        x=float(rng.uniform()),
        y=float(rng.uniform()),
        grain_px=int(rng.integers(GRAIN_PX[0], GRAIN_PX[1] + 1)),
        seed=int(rng.integers(2**31)),
    )


def stage_scene(photo: PillowImage.Image, how: Scene) -> bytes:
    """Put an upright RGB photo into a scene and save it as a JPEG. The photo itself is left unchanged."""
    image = photo.copy()
    image.thumbnail((MAX_SIDE_PX, MAX_SIDE_PX), PillowImage.Resampling.LANCZOS)
    width, height = image.size
    side = max(1 / width, 1 / height, float(np.sqrt(1 / how.area)))
    scene = _background((max(width, round(width * side)), max(height, round(height * side))), how)
    targets = [(x * width, y * height) for x, y in how.corners]
    sources: list[Point] = [(0, 0), (width, 0), (width, height), (0, height)]
    transform = perspective(targets, sources)
    warped = image.transform(image.size, PillowImage.Transform.PERSPECTIVE, transform, PillowImage.Resampling.BICUBIC)
    mask = PillowImage.new("L", image.size, 255).transform(
        image.size, PillowImage.Transform.PERSPECTIVE, transform, PillowImage.Resampling.BILINEAR
    )
    left, top = round((scene.width - width) * how.x), round((scene.height - height) * how.y)
    scene.paste(warped, (left, top), mask)
    return to_jpeg(scene, quality=JPEG_QUALITY)


def perspective(targets: list[Point], sources: list[Point]) -> tuple[float, ...]:
    """Solve for the eight numbers by which Pillow fetches the pixel at a target from its source.

    Source: Hartley and Zisserman, Multiple View Geometry in Computer Vision, 2nd ed., section 4.1 (four points).
    """
    rows: list[list[float]] = []
    for (x, y), (u, v) in zip(targets, sources, strict=True):
        rows.append([x, y, 1, 0, 0, 0, -u * x, -u * y])
        rows.append([0, 0, 0, x, y, 1, -v * x, -v * y])
    wanted = np.array([value for point in sources for value in point])
    return tuple(np.linalg.solve(np.array(rows), wanted).tolist())


def _background(size: tuple[int, int], how: Scene) -> PillowImage.Image:
    """Soft patches of colour around one tone, as cloth, wood or grass are from afar."""
    rng = np.random.default_rng(how.seed)
    small = (max(2, size[0] // how.grain_px), max(2, size[1] // how.grain_px))
    tone = rng.integers(40, 216, 3)
    patches = np.clip(tone + rng.normal(0, 25, (small[1], small[0], 3)), 0, 255).astype(np.uint8)
    return (
        PillowImage.fromarray(patches).resize(size, PillowImage.Resampling.BICUBIC).filter(ImageFilter.GaussianBlur(1))
    )
