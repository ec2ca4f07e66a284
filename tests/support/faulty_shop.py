"""A drawn shop with faults planted in it: copies across products and splits, wrong labels, photos of nothing."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from PIL import Image as PillowImage
from PIL import ImageDraw, ImageOps

from lookalike import pipeline
from lookalike.artifacts import Artifact
from lookalike.catalogue import load_source_config
from lookalike.cli.console import BuildReporter

HUES = {"red": (205, 45, 40), "green": (40, 150, 60), "blue": (45, 70, 200)}
PER_LABEL = 14
WRONG = {"red-03": "blue", "green-05": "red", "blue-07": "green"}
"""Photos whose table row says another label than was drawn."""
COPIES = {"bytes-1": "red-01", "saved-1": "green-02", "cut-1": "blue-04"}
"""Photos that are copies of others: the same bytes, saved again smaller, and cut and mirrored."""
ODD = {"blank": "blank", "page": "text only", "speck": "tiny", "rod": "thin"}
"""Photos that show no product, and why."""
SMALL = "violet"


def draw_thing(hue: tuple[int, int, int], seed: int) -> PillowImage.Image:
    """Draw a heap of shapes in shades of one hue, each seed another one, on a table."""
    rng = np.random.default_rng(seed)
    grain = rng.normal(0, 6, (180, 240, 1)) + np.linspace(150, 215, 240)[None, :, None]
    image = PillowImage.fromarray(np.broadcast_to(np.clip(grain, 0, 255), (180, 240, 3)).astype(np.uint8).copy())
    draw = ImageDraw.Draw(image)
    for _ in range(26):
        x, y, w, h = rng.integers(10, 190), rng.integers(10, 130), rng.integers(12, 60), rng.integers(12, 50)
        shade = tuple(int(value) for value in np.clip(np.array(hue) + rng.integers(-40, 40), 0, 255))
        draw.ellipse((x, y, x + w, y + h), fill=shade) if rng.random() < 0.5 else draw.rectangle(
            (x, y, x + w, y + h), fill=shade, outline="#202020"
        )
    return image


def draw_page() -> PillowImage.Image:
    """Draw a page of text."""
    page = PillowImage.new("RGB", (600, 500), "#fbfaf5")
    for line in range(12):
        ImageDraw.Draw(page).text(
            (30, 30 + 36 * line), "Collection only, no returns, ask for more photos", fill="#222222", font_size=22
        )
    return page


def draw_faulty_shop(folder: Path) -> Path:
    """A table `photos.csv` that states a split, and its photos."""
    photos = folder / "images"
    photos.mkdir(parents=True)
    rows = ["image,product_id,label,split"]
    for number, (label, hue) in enumerate(HUES.items()):
        for item in range(PER_LABEL):
            name = f"{label}-{item:02d}"
            draw_thing(hue, 100 * number + item).save(photos / f"{name}.jpg", quality=92)
            rows.append(f"{name},p-{name},{WRONG.get(name, label)},{'test' if item >= PER_LABEL - 2 else 'train'}")
    copied = {name: (photos / f"{of}.jpg").read_bytes() for name, of in COPIES.items()}
    (photos / "bytes-1.jpg").write_bytes(copied["bytes-1"])
    saved = PillowImage.open(photos / "green-02.jpg").resize((180, 135))
    saved.save(photos / "saved-1.jpg", quality=60)
    whole = PillowImage.open(photos / "blue-04.jpg")
    ImageOps.mirror(whole.crop((20, 12, 230, 170))).save(photos / "cut-1.jpg", quality=80)
    for name, of in COPIES.items():
        rows.append(f"{name},p-{name},{of.split('-')[0]},{'train' if name == 'saved-1' else 'test'}")
    PillowImage.new("RGB", (300, 300), "#f2f0ec").save(photos / "blank.jpg")
    draw_page().save(photos / "page.jpg")
    draw_thing(HUES["red"], 900).resize((50, 40)).save(photos / "speck.jpg")
    draw_thing(HUES["red"], 901).resize((700, 120)).save(photos / "rod.jpg")
    rows.extend(f"{name},p-{name},red,train" for name in ODD)
    for item in range(2):
        draw_thing((140, 60, 160), 800 + item).save(photos / f"violet-{item}.jpg")
        rows.append(f"violet-{item},p-violet-{item},{SMALL},train")
    (folder / "photos.csv").write_text("\n".join(rows) + "\n")
    return folder


@dataclass(frozen=True)
class Audited:
    """A built site, its audit, and what was logged while it was built."""

    site: Path
    photos: Path
    artifact: Artifact
    logged: str

    def table(self, kind: str) -> pl.DataFrame:
        return pl.read_parquet(self.artifact.path / f"{kind}.parquet")


def build(source: Path, site: Path) -> None:
    """Build a site without an evaluation."""
    config = pipeline.BuildConfig(precision="fp32", evaluation=None)
    pipeline.build(load_source_config(source), site, config, BuildReporter())
