"""What is wrong with real exports, put in on purpose: so that the sample shows what ingest does with it."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from uuid import UUID

import numpy as np

from lookalike.demo.table import ImageRow, ProductRow


@dataclass(frozen=True)
class Dirt:
    """Which rows and photos are spoilt, by id; each pair is (the copy, what it is a copy of)."""

    missing_photo: str
    truncated_photo: str
    empty_photo: str
    copy_in_product: tuple[str, str]
    copy_across_products: tuple[str, str]
    photo_of_nobody: str
    product_without_photos: str
    repeated_product: str


def new_id(rng: np.random.Generator) -> str:
    """Draw a UUID as marketplaces use them (version 4)."""
    return str(UUID(bytes=rng.bytes(16), version=4))


def soil(
    products: Sequence[ProductRow], images: Sequence[ImageRow], rng: np.random.Generator
) -> tuple[list[ProductRow], list[ImageRow], Dirt]:
    """Add the spoilt rows to clean tables and say which photos `spoil_photos` is to spoil.

    Photos are only taken from products that keep others, so that every clean product still has one.
    """
    photos: dict[str, list[str]] = defaultdict(list)
    for row in images:
        photos[row.product_id].append(row.id)
    rich = [product for product, owned in photos.items() if len(owned) >= 3]
    chosen = [rich[int(index)] for index in rng.choice(len(rich), 6, replace=False)]
    dirt = Dirt(
        missing_photo=photos[chosen[0]][-1],
        truncated_photo=photos[chosen[1]][-1],
        empty_photo=photos[chosen[2]][-1],
        copy_in_product=(new_id(rng), photos[chosen[3]][0]),
        copy_across_products=(new_id(rng), photos[chosen[4]][0]),
        photo_of_nobody=new_id(rng),
        product_without_photos=new_id(rng),
        repeated_product=chosen[5],
    )
    extra = [
        ImageRow(dirt.copy_in_product[0], chosen[3]),
        ImageRow(dirt.copy_across_products[0], chosen[5]),
        ImageRow(dirt.photo_of_nobody, new_id(rng)),
    ]
    return _soiled_products(products, dirt), [*images, *extra], dirt


def _soiled_products(products: Sequence[ProductRow], dirt: Dirt) -> list[ProductRow]:
    rows = list(products)
    again = next(row for row in rows if row.id == dirt.repeated_product)
    bare = replace(rows[0], id=dirt.product_without_photos, product_description="Photos to follow, ask me for some!")
    rows.insert(len(rows) // 2, bare)
    rows.append(replace(again, product_description="Relisted because the buyer didn't turn up."))
    for share, price in ((0.1, "£0.00"), (0.3, "$25.00"), (0.6, "1.250,00 €"), (0.8, "")):
        place = int(share * len(products))
        rows[place] = replace(rows[place], price=price)
    return rows


def spoil_photos(folder: Path, dirt: Dirt) -> None:
    """Remove, cut, empty and copy the photos in `folder` as planned; they lie there as `<id>.jpg`."""
    for copy, original in (dirt.copy_in_product, dirt.copy_across_products):
        _photo(folder, copy).write_bytes(_photo(folder, original).read_bytes())
    a_photo = _photo(folder, dirt.copy_in_product[1]).read_bytes()
    _photo(folder, dirt.photo_of_nobody).write_bytes(a_photo)
    _photo(folder, dirt.missing_photo).unlink()
    whole = _photo(folder, dirt.truncated_photo).read_bytes()
    _photo(folder, dirt.truncated_photo).write_bytes(whole[: len(whole) * 2 // 5])
    _photo(folder, dirt.empty_photo).write_bytes(b"")


def _photo(folder: Path, image_id: str) -> Path:
    return folder / f"{image_id}.jpg"
