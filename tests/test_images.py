"""Decoding and preprocessing: every odd photo either comes out right or is refused with its reason."""

import io
import os
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from lookalike import images, jpeg
from lookalike.errors import PhotoError
from lookalike.resize import Box, resize
from lookalike.types import Preprocess

CARD = Preprocess(32, (0.5, 0.5, 0.5), (0.5, 0.5, 0.5))


def photo(width: int = 64, height: int = 48, seed: int = 0) -> Image.Image:
    """A smooth, coloured picture: JPEG keeps it, and turning it shows."""
    x, y = np.meshgrid(np.linspace(0, 1, width), np.linspace(0, 1, height))
    phase = seed / 7
    pixels = np.stack([x, y, 0.5 + 0.5 * np.sin(6 * (x + y) + phase)], axis=-1)
    return Image.fromarray((pixels * 255).astype(np.uint8))


def saved(image: Image.Image, kind: str = "JPEG", **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def mean_difference(left: Image.Image, right: Image.Image) -> float:
    return float(np.abs(np.asarray(left, dtype=float) - np.asarray(right, dtype=float)).mean())


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF"])
def test_formats_are_told_by_content(kind: str) -> None:
    data = saved(photo(), kind)
    assert images.facts(data) == images.PhotoFacts(64, 48, kind.lower())
    assert mean_difference(images.decode(data), photo()) < 6


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_turn_is_applied_and_sizes_are_upright(orientation: int) -> None:
    upright = photo(64, 48)
    undo = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}  # EXIF value -> Pillow transpose that stores it so
    stored = upright.transpose(Image.Transpose(undo[orientation])) if orientation in undo else upright
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = saved(stored, "JPEG", exif=exif, quality=95)
    assert mean_difference(images.decode(data), upright) < 3
    assert images.facts(data) == images.PhotoFacts(64, 48, "jpeg")


def test_broken_exif_does_not_cost_the_photo() -> None:
    data = saved(photo(), "JPEG", exif=b"Exif\0\0MM\0\x2a\xff\xff\xff\xff")
    assert images.decode(data).size == (64, 48)


def test_cmyk_and_grey_jpegs_become_rgb() -> None:
    assert mean_difference(images.decode(saved(photo().convert("CMYK"), quality=95)), photo()) < 4
    grey = images.decode(saved(photo().convert("L"), quality=95))
    assert grey.mode == "RGB"
    assert mean_difference(grey, photo().convert("L").convert("RGB")) < 2


def test_16_bit_is_scaled_and_not_clipped() -> None:
    ramp = np.linspace(0, 65535, 64 * 48).reshape(48, 64).astype(np.uint16)
    decoded = np.asarray(images.decode(saved(Image.fromarray(ramp), "PNG")))[..., 0]
    assert np.abs(decoded.astype(float) - ramp / 257).max() <= 1


def test_dark_16_bit_stays_dark() -> None:
    dark = np.full((4, 4), 200, np.uint16)
    assert np.asarray(images.decode(saved(Image.fromarray(dark), "PNG"))).max() <= 1


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_transparency_lies_over_white(mode: str) -> None:
    clear = Image.new("RGBA", (8, 8), (255, 0, 0, 0)).convert(mode)
    options = {"transparency": 0} if mode == "P" else {}
    assert np.asarray(images.decode(saved(clear, "PNG", **options))).min() == 255


def test_gif_gives_its_first_frame() -> None:
    red, blue = Image.new("RGB", (8, 8), (255, 0, 0)), Image.new("RGB", (8, 8), (0, 0, 255))
    data = saved(red, "GIF", save_all=True, append_images=[blue])
    assert images.decode(data).getpixel((4, 4)) == (255, 0, 0)


@pytest.mark.parametrize("size", [(1, 1), (2000, 3), (3, 2000)])
def test_odd_sizes_reach_the_encoder(size: tuple[int, int]) -> None:
    for kind in ("JPEG", "PNG"):
        prepared = images.prepare(saved(photo(*size), kind), CARD)
        assert prepared.shape == (32, 32, 3)
        assert prepared.dtype == np.uint8


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty"),
        (b"not a photo at all", "unreadable"),
        (b"\xff\xd8\xff", "unreadable"),
        (b"GIF89a", "unreadable"),
        (b"%PDF-1.4", "unreadable"),
        (saved(photo(), "BMP"), "unreadable"),
        (saved(photo(300, 300))[:-1500], "truncated"),
        (saved(photo(300, 300), "PNG")[:-500], "truncated"),
    ],
)
def test_what_is_no_photo_is_refused_with_its_reason(data: bytes, reason: str) -> None:
    with pytest.raises(PhotoError) as caught:
        images.decode(data)
    assert caught.value.reason == reason


def test_a_truncated_jpeg_is_found_at_reduced_scale_too() -> None:
    with pytest.raises(PhotoError) as caught:
        images.decode(saved(photo(600, 600))[:-2000], min_side_px=64)
    assert caught.value.reason == "truncated"


def test_pixel_limit_holds_before_decoding() -> None:
    with pytest.raises(PhotoError) as caught:
        images.decode(saved(photo(100, 100)), max_pixels=9_999)
    assert caught.value.reason == "too_large"
    assert images.decode(saved(photo(100, 100)), max_pixels=10_000).size == (100, 100)


def test_a_decompression_bomb_is_too_large() -> None:
    header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    chunk = b"IHDR" + header
    bomb = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + chunk + struct.pack(">I", zlib.crc32(chunk))
    bomb += struct.pack(">I", 0) + b"IDAT" + struct.pack(">I", zlib.crc32(b"IDAT"))
    with pytest.raises(PhotoError) as caught:
        images.facts(bomb)
    assert caught.value.reason == "too_large"


def test_missing_and_empty_files(tmp_path: Path) -> None:
    with pytest.raises(PhotoError) as caught:
        images.read_bytes(tmp_path / "none.jpg")
    assert caught.value.reason == "missing"
    (tmp_path / "empty.jpg").touch()
    with pytest.raises(PhotoError) as caught:
        images.read_bytes(tmp_path / "empty.jpg")
    assert caught.value.reason == "empty"
    with pytest.raises(PhotoError) as caught:
        images.read_bytes(tmp_path)
    assert caught.value.reason == "unreadable"


def test_links_under_the_root_are_followed_and_ways_out_of_it_refused(tmp_path: Path) -> None:
    (tmp_path / "root").mkdir()
    (tmp_path / "store.jpg").write_bytes(saved(photo()))
    (tmp_path / "root" / "link.jpg").symlink_to(tmp_path / "store.jpg")
    assert images.read_bytes(images.under(tmp_path / "root", "link.jpg")) == saved(photo())
    for path in ("../store.jpg", "a/../../store.jpg", str(tmp_path / "store.jpg")):
        with pytest.raises(PhotoError, match="outside the photo root"):
            images.under(tmp_path / "root", path)


def test_what_is_no_regular_file_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.jpg")
    (tmp_path / "endless.jpg").symlink_to("/dev/zero")
    for name in ("pipe.jpg", "endless.jpg"):
        with pytest.raises(PhotoError, match="not a regular file") as caught:
            images.read_bytes(tmp_path / name)
        assert caught.value.reason == "unreadable"


def test_a_file_of_too_many_bytes_is_refused_unread(tmp_path: Path) -> None:
    with (tmp_path / "huge.jpg").open("wb") as file:
        file.truncate(images.MAX_BYTES + 1)  # sparse
    with pytest.raises(PhotoError, match="200 MB") as caught:
        images.read_bytes(tmp_path / "huge.jpg")
    assert caught.value.reason == "too_large"


@pytest.mark.parametrize("size", [(640, 480), (331, 500), (1201, 997)])
def test_the_fast_path_agrees_with_the_slow_one(size: tuple[int, int]) -> None:
    """The scaled DCT decode, cut to the encoder's input, is what Pillow's full decode gives, but for rounding."""
    data = saved(photo(*size, seed=3), quality=90)
    with Image.open(io.BytesIO(data)) as opened:
        exact = images.square(opened.convert("RGB"), CARD)
    fast = images.prepare(data, CARD)
    assert np.abs(fast.astype(float) - exact).mean() < 0.7


def test_only_jpegs_are_resized_by_simd(monkeypatch: pytest.MonkeyPatch) -> None:
    boxes: list[Box] = []

    def spy(pixels: np.ndarray, box: Box, size_px: int) -> np.ndarray:
        boxes.append(box)
        return resize(pixels, box, size_px)

    monkeypatch.setattr(images, "resize", spy)
    images.prepare(saved(photo(333, 501)), CARD)
    assert boxes == [(0, 10.5, 41.625, 52.125)]  # at an eighth of the size
    images.prepare(saved(photo(333, 501), "PNG"), CARD)
    assert len(boxes) == 1


@pytest.mark.parametrize("orientation", range(1, 9))
def test_preparing_is_decoding_then_cutting(orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = saved(photo(333, 501), "JPEG", exif=exif, quality=92)
    slow = images.square(images.decode(data), CARD)
    assert np.abs(images.prepare(data, CARD).astype(float) - slow).mean() < 0.7


@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
@pytest.mark.parametrize("orientation", [1, 6])
@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_inspecting_is_the_facts_and_the_decoded_photo_in_grey(mode: str, orientation: int, kind: str) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = saved(photo(333, 501).convert("RGB" if mode == "CMYK" and kind == "PNG" else mode), kind, exif=exif)
    facts, grey = images.inspect(data, min_side_px=128)
    plain = images.decode(data, min_side_px=128)
    assert facts == images.facts(data)
    assert (grey.mode, grey.size) == ("L", plain.size)
    assert mean_difference(grey, plain.convert("L")) < 1


@given(st.data(), st.booleans(), st.booleans())
@settings(max_examples=150, deadline=None)
def test_what_decoding_refuses_inspecting_refuses_likewise(
    data: st.DataObject, progressive: bool, coloured: bool
) -> None:
    whole = saved(photo(90, 70, seed=4).convert("RGB" if coloured else "L"), progressive=progressive)
    spoilt = bytearray(whole[: data.draw(st.integers(1, len(whole)))])
    for place in data.draw(st.lists(st.integers(0, len(spoilt) - 1), max_size=3)):
        spoilt[place] = data.draw(st.integers(0, 255))
    outcomes: list[str] = []
    for way in (images.decode, images.inspect):
        try:
            way(bytes(spoilt), min_side_px=32)
            outcomes.append("fine")
        except PhotoError as error:
            outcomes.append(error.reason)
    assert outcomes[0] == outcomes[1]


def test_the_square_is_the_centre() -> None:
    wide = Image.new("RGB", (96, 32), (255, 0, 0))
    wide.paste((0, 255, 0), (32, 0, 64, 32))
    assert images.square(wide, CARD)[2:-2, 2:-2].reshape(-1, 3).tolist() == [[0, 255, 0]] * (28 * 28)


def test_reencoded_photos_carry_nothing_but_pixels() -> None:
    exif = Image.Exif()
    exif[0x010E] = "where we live"
    data = saved(photo(), exif=exif, comment=b"51.41,-0.83", icc_profile=b"fake profile")
    clean = jpeg.to_jpeg(images.decode(data))
    for secret in (b"where we live", b"51.41", b"Exif", b"fake profile", b"http://ns.adobe.com"):
        assert secret not in clean
    assert images.facts(clean).width == 64


def test_thumbnails_are_small_and_keep_their_shape() -> None:
    assert images.facts(jpeg.thumbnail(photo(1000, 500))) == images.PhotoFacts(320, 160, "jpeg")
    assert images.facts(jpeg.thumbnail(photo(100, 50))) == images.PhotoFacts(100, 50, "jpeg")


def test_the_card_survives_json_and_refuses_what_we_do_not_do() -> None:
    assert Preprocess.from_json(CARD.to_json()) == CARD
    for broken in ({"crop": "none"}, {"interpolation": "nearest"}, {"std": [0, 1, 1]}, {"mean": [0.5]}, {"size_px": 0}):
        with pytest.raises(ValueError, match=r".+"):
            Preprocess.from_json({**CARD.to_json(), **broken})
    with pytest.raises(ValueError, match="channels"):
        Preprocess.from_json({**CARD.to_json(), "channels": "BGR"})


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_damage_never_escapes_as_another_error(data: st.DataObject) -> None:
    """Flip bytes anywhere in a real file: a photo comes out, or a PhotoError does; nothing else ever."""
    kind = data.draw(st.sampled_from(["JPEG", "PNG", "WEBP", "GIF"]))
    damaged = bytearray(saved(photo(40, 30), kind))
    for _ in range(data.draw(st.integers(1, 6))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    try:
        images.prepare(bytes(damaged), CARD, max_pixels=4_000_000)
    except PhotoError as error:
        assert error.reason in {"unreadable", "truncated", "too_large"}
