"""The fast decoder against the slow, exact one, as the encoder sees them: cosines of stock Lite0's features in fp32.

The exact one decodes the whole photo with Pillow, turns it upright, brings it to RGB and cuts it the same way.
"""

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lookalike import images
from lookalike.demo.drawing import draw_batch
from lookalike.demo.shop import stock
from lookalike.encoder import OpenVinoEncoder, load_encoder

TOLERANCE = 0.97
"""Least cosine; stated in `images.prepare` and docs/performance.md."""

CLOTHING = Path(__file__).resolve().parents[2] / "shared" / "data" / "clothing" / "images"


@pytest.fixture(scope="module")
def lite0() -> OpenVinoEncoder:
    return load_encoder("lite0", precision="fp32")


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> list[Image.Image]:
    """Photos of the demo shop."""
    folder = tmp_path_factory.mktemp("drawn")
    draw_batch(stock(0)[:60:12], folder, 0)
    return [images.decode(file.read_bytes()) for file in sorted(folder.glob("*.jpg"))]


def detailed(photo: Image.Image, width: int, height: int) -> Image.Image:
    """The photo at another size, with weave and grain of single pixels, which a smaller scale must average alike."""
    pixels = np.asarray(photo.resize((width, height), Image.Resampling.LANCZOS), dtype=float)
    x, y = np.meshgrid(np.arange(width), np.arange(height))
    weave = 12 * np.sin(x * 1.3) * np.sin(y * 0.9)
    grain = np.random.default_rng(width * height).normal(0, 6, (height, width, 3))
    return Image.fromarray(np.clip(pixels + weave[..., None] + grain, 0, 255).astype(np.uint8))


def saved(image: Image.Image, kind: str = "JPEG", **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def turned(orientation: int) -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return exif


def cosines(photos: Sequence[bytes], encoder: OpenVinoEncoder) -> np.ndarray:
    fast = encoder.encode(np.stack([images.prepare(data, encoder.card) for data in photos]))
    exact = []
    for data in photos:
        with Image.open(io.BytesIO(data)) as opened:
            exact.append(images.square(images.upright_rgb(opened), encoder.card))
    slow = encoder.encode(np.stack(exact))
    norms = np.linalg.norm(fast, axis=1) * np.linalg.norm(slow, axis=1)
    return (fast * slow).sum(axis=1) / norms


SIZES = [(225, 230), (331, 500), (400, 533), (640, 480), (1201, 997), (3000, 2000)]


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_sizes_qualities_and_subsamplings(size: tuple[int, int], drawn: list[Image.Image], lite0) -> None:
    options = [(quality, colours) for quality in (60, 80, 95) for colours in (0, 1, 2)]
    if size[0] >= 3000:
        options = options[::4]
    photos = [detailed(drawn[n % len(drawn)], *size) for n in range(3)]
    data = [saved(photos[n % 3], quality=q, subsampling=colours) for n, (q, colours) in enumerate(options)]
    assert cosines(data, lite0).min() > TOLERANCE


def test_every_exif_turn(drawn: list[Image.Image], lite0) -> None:
    photo = detailed(drawn[1], 600, 451)
    assert cosines([saved(photo, exif=turned(n), quality=90) for n in range(1, 9)], lite0).min() > TOLERANCE


def test_grey_cmyk_progressive_and_16_bit(drawn: list[Image.Image], lite0) -> None:
    photo = detailed(drawn[2], 700, 500)
    deep = Image.fromarray(np.asarray(photo.convert("L")).astype(np.uint16) * 257 + 100)
    data = [
        saved(photo.convert("L"), quality=90),
        saved(photo.convert("L"), quality=90, progressive=True, exif=turned(6)),
        saved(photo.convert("CMYK"), quality=90),
        saved(photo, quality=90, progressive=True),
        saved(deep, "PNG"),
    ]
    assert cosines(data, lite0).min() > TOLERANCE


def test_a_single_pixel_and_a_ribbon(drawn: list[Image.Image], lite0) -> None:
    data = [
        saved(Image.new("RGB", (1, 1), (200, 30, 90)), quality=95),
        saved(detailed(drawn[3], 20_000, 10), quality=90),
        saved(detailed(drawn[3], 10, 20_000), quality=90, exif=turned(8)),
    ]
    assert cosines(data, lite0).min() > TOLERANCE


def test_real_photos(lite0) -> None:
    files = sorted(CLOTHING.glob("*"))[::48]
    if not files:
        pytest.skip("the clothing photos are not there (../shared/data/clothing)")
    found = cosines([file.read_bytes() for file in files], lite0)
    assert found.min() > TOLERANCE
    assert found.mean() > 0.995
