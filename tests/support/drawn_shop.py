"""A small shop drawn for tests of the API and the page: a real engine and collection behind a fake encoder."""

import io
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import numpy as np
from PIL import Image as PillowImage
from PIL import ImageDraw

from lookalike import heads, images, jpeg
from lookalike.collection import CollectionInfo, LocalCollection
from lookalike.engine import SearchEngine
from lookalike.types import Entry, Float32Array, Image, Preprocess, Product, UInt8Array

CARD = Preprocess(32, (0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
GPS_WORDS = b"51 degrees 24 minutes north"


@dataclass(frozen=True)
class GridEncoder:
    """A fake encoder: the mean colours of a grid of 4 x 4 squares."""

    name: str = "grid"
    hash: str = "grid-1"
    dim: int = 48
    generic_dim: int = 48
    card: Preprocess = CARD
    precision: str = "fp32"

    def encode(self, images: UInt8Array) -> Float32Array:
        squares = images.reshape(len(images), 4, 8, 4, 8, 3).mean(axis=(2, 4))
        return (squares.reshape(len(images), self.dim) / 255 - 0.5).astype(np.float32)


@dataclass(frozen=True)
class Shop:
    """Some drawn products behind a search engine; `lamp` is the photo file of a lamp that is not in the catalogue."""

    engine: SearchEngine
    photos: Path
    lamp: bytes


SHELVES = {
    "Home & Garden / Lamps": ("#f0c060", "ellipse"),
    "Home & Garden / Rugs / Private": ("#a02020", "rectangle"),
    "Clothes / Hats": ("#2060a0", "ellipse"),
    "Clothes / Shoes": ("#306030", "rectangle"),
}
ODD_IDS = ("a/b", "50% off?", "two words", "sofa 🛋", "x/similar", "..", "../up", "plus+plus#1", "<b>bold</b>")


def draw_thing(colour: str, shape: str, place: int) -> PillowImage.Image:
    """Draw a thing on a pale ground; another place moves it."""
    image = PillowImage.new("RGB", (160, 120), "#f4f1ea")
    left, top = 12 + (place * 23) % 60, 8 + (place * 11) % 30
    getattr(ImageDraw.Draw(image), shape)((left, top, left + 70, top + 64), fill=colour)
    return image


def as_jpeg(image: PillowImage.Image, **options: object) -> bytes:
    """Encode as JPEG by Pillow, which can write EXIF."""
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=90, **options)
    return buffer.getvalue()


def _with_exif(image: PillowImage.Image) -> bytes:
    """Lay the photo on its side, with the turn and a place in its EXIF, and a comment."""
    exif = PillowImage.Exif()
    exif[0x0112] = 6
    exif[0x010E] = GPS_WORDS.decode()
    return as_jpeg(image.transpose(PillowImage.Transpose.ROTATE_90), exif=exif, comment=GPS_WORDS)


def _products() -> Generator[tuple[Product, int]]:
    for category, _ in SHELVES.items():
        for number in range(8):
            name = f"{category.split(' / ')[1].removesuffix('s')} number {number}"
            product_id = f"{name.split()[0].lower()}-{number}"
            price = Decimal(10 + number * 5) if number else None
            yield (
                Product(product_id, name, name, f"A fine {name}.\nCollection only.", price, "GBP", category=category),
                2,
            )
    for number, product_id in enumerate(ODD_IDS):
        yield (
            Product(product_id, f"Odd {product_id}", price=Decimal("99.50"), currency="EUR", category="Odd"),
            1 + number % 2,
        )


@contextmanager
def open_shop(root: Path) -> Generator[Shop]:
    """32 products on four shelves, two photos each, and some with odd ids; read-only by agreement.

    Of `lamp-1` the first photo's file is gone, of `lamp-2` it is cut short, both without a thumbnail. The first photo
    of `lamp-3` lies on its side and says where it was taken.
    """
    encoder, rows = GridEncoder(), list[tuple[Product, Image, bytes, bytes | None]]()
    for order, (product, count) in enumerate(_products()):
        colour, shape = SHELVES.get(product.category or "", ("#808080", "ellipse"))
        for view in range(count):
            drawn = draw_thing(colour, shape, order + 3 * view)
            data = _with_exif(drawn) if (product.product_id, view) == ("lamp-3", 0) else as_jpeg(drawn)
            path = f"{order}-{view}.jpg"
            broken = view == 0 and product.product_id in ("lamp-1", "lamp-2")
            if not broken:
                (root / path).write_bytes(data)
            elif product.product_id == "lamp-2":
                (root / path).write_bytes(data[: len(data) // 2])
            image_id = (
                f"{product.product_id}#{view}" if product.category != "Odd" else f"{product.product_id}{'!' * view}"
            )
            facts = Image(image_id, product.product_id, path, *drawn.size, sha256=images.sha256(data))
            rows.append((product, facts, data, None if broken else jpeg.thumbnail(drawn)))
    features = encoder.encode(np.stack([images.prepare(data, encoder.card) for _, _, data, _ in rows]))
    categories = [product.category for product, *_ in rows]
    groups = [product.product_id for product, *_ in rows]
    head = heads.fit(features, categories, groups, heads.HeadConfig(dim=24))
    collection = LocalCollection.in_memory(CollectionInfo(head.dim, encoder.hash, "head-1"))
    vectors = head.apply(features)
    collection.put(
        [Entry(product, facts, vectors[place], thumb) for place, (product, facts, _, thumb) in enumerate(rows)]
    )
    lamp = as_jpeg(draw_thing("#f0c060", "ellipse", 5))
    with SearchEngine(encoder, head, collection, photos=root) as engine:
        yield Shop(engine, root, lamp)
