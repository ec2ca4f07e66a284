"""Thumbnails of a filled collection: decoded no larger than needed, and what the whole photo would give."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lookalike import images, jpeg, stages


def test_a_thumbnail_is_decoded_by_its_longer_side(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    x, y = np.meshgrid(np.linspace(0, 9, 400), np.linspace(0, 9, 640))
    drawn = np.stack([np.sin(x), np.sin(y), np.sin(x + y)], axis=-1) * 127 + 128
    Image.fromarray(drawn.astype(np.uint8)).save(tmp_path / "a.jpg", quality=90)
    whole = jpeg.thumbnail(images.decode((tmp_path / "a.jpg").read_bytes()))
    decode, sizes = images.decode, []

    def seen(data: bytes, **more: int) -> Image.Image:
        photo = decode(data, **more)
        sizes.append(photo.size)
        return photo

    monkeypatch.setattr(images, "decode", seen)
    filler = stages._Filler(tmp_path, None, None, [])  # pyright: ignore
    made = filler._thumbnail({"path": "a.jpg", "image_id": "a", "width": 400, "height": 640})  # pyright: ignore
    assert sizes == [(200, 320)]  # 320 of the shorter side would be 350 x 560
    assert made is not None
    assert images.facts(made) == images.PhotoFacts(200, 320, "jpeg")
    both = [np.asarray(Image.open(io.BytesIO(jpeg)), dtype=float) for jpeg in (made, whole)]
    assert np.abs(both[0] - both[1]).mean() < 1.5
