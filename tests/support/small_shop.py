"""A folder of small drawn photos for each category: the smallest source that the whole chain can be run on."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
from PIL import Image


def draw_shop(folder: Path, *, labels: Iterable[str] = ("red", "green", "blue"), per_label: int = 12) -> Path:
    """A folder per category, each with its own colour and each photo with a stripe of its own."""
    for hue, label in enumerate(labels):
        (folder / label).mkdir(parents=True)
        for number in range(per_label):
            rng = np.random.default_rng([hue, number])
            colour = np.array(rng.integers(20, 90, 3))
            colour[hue % 3] += 150
            pixels = np.broadcast_to(colour, (48, 64, 3)).copy()
            left = int(rng.integers(0, 48))
            pixels[:, left : left + 12] = rng.integers(0, 256, 3)
            pixels = np.clip(pixels + rng.normal(0, 6, pixels.shape), 0, 255)
            Image.fromarray(pixels.astype(np.uint8)).save(folder / label / f"{number:02d}.jpg", quality=90)
    return folder
