"""What ingest learns of each photo, and the perceptual hash."""

import io
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pdqhash
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from lookalike import images
from lookalike.catalogue.photos import PhotoFailure, PhotoRecord, examine, examine_all, perceptual_hash

Draw = Callable[..., bytes]


def scene(seed: int) -> Image.Image:
    """A picture with detail at all scales, like a photo's."""
    random = np.random.default_rng(seed)
    total = np.zeros((480, 360, 3))
    for cells in (3, 6, 12, 24, 48):
        grid = Image.fromarray(random.integers(0, 255, (cells, cells, 3), dtype=np.uint8))
        total += np.asarray(grid.resize((360, 480), Image.Resampling.BICUBIC), float) / cells**0.5
    total -= total.min()
    return Image.fromarray((total / total.max() * 255).astype(np.uint8))


def saved(image: Image.Image, form: str = "JPEG", **options: object) -> Image.Image:
    file = io.BytesIO()
    image.save(file, form, **options)
    return images.decode(file.getvalue(), min_side_px=128)


def bits_apart(first: Image.Image, second: Image.Image) -> int:
    one, two = perceptual_hash(first), perceptual_hash(second)
    assert one is not None
    assert two is not None
    return (one ^ two).bit_count()


@pytest.mark.parametrize("seed", range(5))
def test_near_copies_differ_in_few_bits_and_other_photos_in_many(seed: int) -> None:
    image = scene(seed)
    copies = [
        saved(image, quality=40),
        saved(image, "PNG"),
        saved(image.resize((180, 240), Image.Resampling.LANCZOS)),
        saved(image.resize((270, 360), Image.Resampling.BICUBIC), quality=70),
        saved(Image.blend(image, Image.new("RGB", image.size, "white"), 0.15)),
    ]
    assert max(bits_apart(image, copy) for copy in copies) <= 4
    assert bits_apart(image, scene(seed + 100)) > 16
    assert bits_apart(image, image.transpose(Image.Transpose.ROTATE_90)) > 16


@pytest.mark.parametrize("seed", range(3))
def test_the_bits_are_the_cosine_frequencies_3_to_10_against_their_median(seed: int) -> None:
    image = scene(seed).resize((64, 64))
    light = np.asarray(image, float) @ [0.299, 0.587, 0.114]
    waves = np.cos(np.pi * np.outer(np.arange(3, 11), 2 * np.arange(64) + 1) / 128)
    band = waves @ light @ waves.T
    bits = np.packbits((band > np.median(band))[::-1, ::-1])  # the lowest frequency last
    found = perceptual_hash(image)
    assert found is not None
    assert (found ^ int.from_bytes(bits.tobytes(), "big")).bit_count() <= 2


@pytest.mark.parametrize("seed", range(20))
def test_it_is_the_middle_of_what_pdqhash_computes(seed: int) -> None:
    grey = scene(seed).convert("L").resize((64, 64))
    coefficients, quality = pdqhash.compute_float(np.asarray(grey.convert("RGB")))
    band = np.asarray(coefficients).reshape(16, 16)[6:14, 6:14]  # the lowest frequency comes last
    bits = np.packbits(band > np.median(band))
    assert quality >= 50
    assert perceptual_hash(grey) == int.from_bytes(bits.tobytes(), "big")


@given(st.integers(0, 2**32 - 1), st.floats(0, 60))
def test_the_same_photos_are_too_flat_as_for_pdqhash(seed: int, contrast: float) -> None:
    noise = np.random.default_rng(seed).normal(128, contrast, (8, 8)).clip(0, 255).astype(np.uint8)
    grey = Image.fromarray(noise).resize((64, 64), Image.Resampling.BICUBIC)
    _, quality = pdqhash.compute_float(np.asarray(grey.convert("RGB")))
    assert (perceptual_hash(grey) is None) == (quality < 50)


@pytest.mark.parametrize("colour", ["white", "black", "#777777"])
def test_a_flat_photo_has_no_hash(colour: str) -> None:
    assert perceptual_hash(Image.new("RGB", (100, 50), colour)) is None


@pytest.mark.parametrize("size", [(1, 1), (1, 300), (300, 1), (7, 5)])
def test_tiny_photos_do_not_hurt(size: tuple[int, int]) -> None:
    found = perceptual_hash(Image.effect_noise(size, 90).convert("RGB"))
    assert found is None or 0 <= found < 2**64


def test_a_good_photo_is_examined(tmp_path: Path, draw: Draw) -> None:
    data = draw(1, size=(90, 60), form="PNG")
    (tmp_path / "no extension").write_bytes(data)
    (found,) = examine([tmp_path / "no extension"], max_pixels=10_000)
    assert isinstance(found, PhotoRecord)
    assert (found.width, found.height, found.format, found.sha256) == (90, 60, "png", images.sha256(data))
    assert found.phash is not None


def test_a_turned_photo_has_upright_sizes(tmp_path: Path, draw: Draw) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    (tmp_path / "a.jpg").write_bytes(draw(1, size=(90, 60), exif=exif))
    (found,) = examine([tmp_path / "a.jpg"], max_pixels=10_000)
    assert isinstance(found, PhotoRecord)
    assert (found.width, found.height) == (60, 90)


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda data: data[: len(data) // 2], "truncated"),
        (lambda data: b"", "empty"),
        (lambda data: b"<html>not found</html>", "unreadable"),
        (lambda data: data[:20] + b"\0" * 300, "unreadable"),
    ],
)
def test_a_bad_photo_is_told_with_its_reason(
    tmp_path: Path, draw: Draw, spoil: Callable[[bytes], bytes], reason: str
) -> None:
    (tmp_path / "a.jpg").write_bytes(spoil(draw(1, size=(400, 300))))
    (found,) = examine([tmp_path / "a.jpg"], max_pixels=1_000_000)
    assert isinstance(found, PhotoFailure)
    assert found.reason == reason
    assert found.detail
    assert str(tmp_path) not in found.detail


def test_a_photo_above_the_limit_is_told(tmp_path: Path, draw: Draw) -> None:
    (tmp_path / "a.jpg").write_bytes(draw(1, size=(101, 100)))
    (found,) = examine([tmp_path / "a.jpg"], max_pixels=10_000)
    assert isinstance(found, PhotoFailure)
    assert found.reason == "too_large"


def test_a_decompression_bomb_is_told_by_its_header(tmp_path: Path) -> None:
    body = b"IHDR" + struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    header = struct.pack(">I", 13) + body + struct.pack(">I", zlib.crc32(body))
    (tmp_path / "bomb.png").write_bytes(b"\x89PNG\r\n\x1a\n" + header + b"\0\0\0\0IDAT")
    (found,) = examine([tmp_path / "bomb.png"], max_pixels=images.MAX_PIXELS)
    assert isinstance(found, PhotoFailure)
    assert found.reason == "too_large"


@pytest.mark.parametrize(
    ("mode", "form", "options"),
    [
        ("CMYK", "JPEG", {}),
        ("L", "JPEG", {"progressive": True}),
        ("I;16", "PNG", {}),
        ("P", "PNG", {}),
        ("RGBA", "PNG", {}),
        ("LA", "PNG", {}),
        ("1", "PNG", {}),
        ("RGBA", "WEBP", {"lossless": True}),
        ("P", "GIF", {"save_all": True, "append_images": [Image.new("P", (96, 80))]}),
    ],
)
def test_every_kind_of_photo_under_any_name(
    tmp_path: Path, draw: Draw, mode: str, form: str, options: dict[str, object]
) -> None:
    plain = images.decode(draw(5, form="PNG"))
    deep = Image.fromarray(np.asarray(plain.convert("L"), dtype=np.uint16) * 257)
    image = deep if mode == "I;16" else plain.convert(mode)
    image.save(tmp_path / "photo.txt", form, **options)
    (found,) = examine([tmp_path / "photo.txt"], max_pixels=10_000)
    assert isinstance(found, PhotoRecord)
    assert (found.width, found.height, found.format) == (96, 80, form.lower())
    assert found.phash is not None
    assert mode == "1" or (found.phash ^ (perceptual_hash(plain) or 0)).bit_count() <= 10


def test_all_photos_are_examined_in_order_with_progress(tmp_path: Path, draw: Draw) -> None:
    names = [f"{i}.jpg" for i in range(20)]
    for i, name in enumerate(names[:-1]):
        (tmp_path / name).write_bytes(draw(i))
    seen: list[tuple[int, int]] = []
    found = examine_all(
        tmp_path, names, max_pixels=10_000, workers=4, progress=lambda done, total: seen.append((done, total))
    )
    assert list(found) == names
    assert seen == [(i + 1, 20) for i in range(20)]
    shas = [one.sha256 for one in found.values() if isinstance(one, PhotoRecord)]
    assert shas == [images.sha256(draw(i)) for i in range(19)]
    assert found["19.jpg"] == PhotoFailure("missing", "the photo file does not exist")
