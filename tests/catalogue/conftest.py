"""Small sources drawn for a test."""

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

Draw = Callable[..., bytes]


def draw_photo(seed: int = 0, *, size: tuple[int, int] = (96, 80), form: str = "JPEG", **options: object) -> bytes:
    """Draw a photo of coloured blocks; other seeds look unlike it."""
    blocks = np.random.default_rng(seed).integers(0, 255, (6, 7, 3), dtype=np.uint8)
    image = Image.fromarray(blocks).resize(size, Image.Resampling.BICUBIC)
    file = io.BytesIO()
    image.save(file, form, **options)
    return file.getvalue()


@pytest.fixture
def draw() -> Draw:
    return draw_photo


@pytest.fixture
def write(tmp_path: Path) -> Callable[[dict[str, bytes | str]], Path]:
    """Write files below tmp_path/source and return that folder."""

    def put(files: dict[str, bytes | str]) -> Path:
        root = tmp_path / "source"
        for name, content in files.items():
            file = root / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content.encode() if isinstance(content, str) else content)
        return root

    return put
