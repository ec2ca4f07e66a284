"""A shop of drawn photos small enough to train on in seconds."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image as PillowImage

from lookalike import catalogue as catalogues
from lookalike import splits

COLOURS = {"red": (220, 30, 30), "green": (30, 200, 40), "blue": (40, 50, 220)}


@dataclass(frozen=True)
class Inputs:
    """A drawn catalogue, its split, and its photos: 24 train, 6 validation, 6 test, of 3 colours."""

    catalogue: Path
    split: Path
    photos: Path


def draw_inputs(folder: Path) -> Inputs:
    random = np.random.default_rng(7)
    for label, colour in COLOURS.items():
        (folder / "photos" / label).mkdir(parents=True)
        for number in range(12):
            pixels = np.clip(np.asarray(colour) + random.integers(-25, 25, (40, 48, 3)), 0, 255).astype(np.uint8)
            PillowImage.fromarray(pixels).save(folder / "photos" / label / f"{number:02d}.png")
    catalogues.ingest(catalogues.load_source_config(folder / "photos"), folder / "catalogue")
    counts = splits.split(folder / "catalogue", folder / "split").counts
    assert (counts["train"], counts["validation"], counts["groups"]) == (24, 6, 36)
    return Inputs(folder / "catalogue", folder / "split", folder / "photos")
