"""Search must have something to find: pixels alone must not find it, an encoder must."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl
import pytest
from PIL import Image

from lookalike.encoder import load_encoder
from lookalike.errors import PhotoError
from lookalike.images import decode, square

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Photos:
    labels: npt.NDArray[np.str_]
    products: npt.NDArray[np.str_]
    pixels: Floats
    features: Floats


@pytest.fixture(scope="module")
def photos(shop: Path) -> Photos:
    products = pl.read_csv(shop / "Products.csv", infer_schema=False)
    images = pl.read_csv(shop / "Images.csv", infer_schema=False)
    parents = {row["id"]: row["category"].split(" / ")[0] for row in products.iter_rows(named=True)}
    encoder = load_encoder("lite0")
    labels, owners, pixels, inputs = [], [], [], []
    for image_id, product_id in zip(images["id"], images["product_id"], strict=True):
        file = shop / "images" / f"{image_id}.jpg"
        if product_id not in parents or not file.exists():
            continue
        try:
            picture = decode(file.read_bytes())
        except PhotoError:
            continue
        labels.append(parents[product_id])
        owners.append(product_id)
        pixels.append(np.asarray(picture.resize((16, 16), Image.Resampling.BOX), np.float32).ravel() - 127.5)
        inputs.append(square(picture, encoder.card))
    batches = [np.stack(inputs[start : start + 32]) for start in range(0, len(inputs), 32)]
    features = np.concatenate([encoder.encode(batch) for batch in batches])
    return Photos(np.array(labels), np.array(owners), np.stack(pixels), features)


def label_recall(vectors: Floats, photos: Photos) -> float:
    """Share of photos whose nearest photo of another product lies in the same parent category."""
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    scores = unit @ unit.T
    scores[photos.products[:, None] == photos.products[None, :]] = -2
    return float((photos.labels[scores.argmax(axis=1)] == photos.labels).mean())


def product_recall(vectors: Floats, photos: Photos) -> float:
    """Share of photos of products with several whose nearest other photo shows the same product."""
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    scores = unit @ unit.T
    np.fill_diagonal(scores, -2)
    several = (photos.products[:, None] == photos.products[None, :]).sum(axis=1) > 1
    return float((photos.products[scores.argmax(axis=1)] == photos.products)[several].mean())


def test_pixels_do_not_find_the_category_and_the_encoder_does(photos: Photos) -> None:
    pixels, encoder = label_recall(photos.pixels, photos), label_recall(photos.features, photos)
    assert pixels < 0.6
    assert encoder > pixels + 0.15
    assert 0.75 < encoder < 0.98  # neither hopeless nor already solved


def test_pixels_do_not_find_the_product_and_the_encoder_does(photos: Photos) -> None:
    pixels, encoder = product_recall(photos.pixels, photos), product_recall(photos.features, photos)
    assert pixels < 0.4
    assert encoder > pixels + 0.15
