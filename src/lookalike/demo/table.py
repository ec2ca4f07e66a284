"""The marketplace's two tables, written the way marketplaces write them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class ProductRow:
    """One row of `Products.csv`, each field as the text that stands there."""

    id: str
    product_name: str
    category: str
    product_description: str
    price: str
    location: str


@dataclass(frozen=True)
class ImageRow:
    """One row of `Images.csv`; the photo is `images/<id>.jpg`."""

    id: str
    product_id: str


def products_csv(rows: Sequence[ProductRow]) -> str:
    """Write products: an unnamed row number first, rows ended by a line feed, fields quoted only where they must be.

    A bare carriage return is no reason to quote: exports of this kind hold it in quoted and in unquoted fields.
    """
    head = ["", "id", "product_name", "category", "product_description", "price", "location"]
    body = (
        [str(number), row.id, row.product_name, row.category, row.product_description, row.price, row.location]
        for number, row in enumerate(rows)
    )
    return _csv([head, *body])


def images_csv(rows: Sequence[ImageRow]) -> str:
    """Write photos: an unnamed row number, the photo's id, its product's id."""
    body = ([str(number), row.id, row.product_id] for number, row in enumerate(rows))
    return _csv([["", "id", "product_id"], *body])


def _csv(rows: Iterable[Sequence[str]]) -> str:
    return "".join(",".join(_field(text) for text in row) + "\n" for row in rows)


def _field(text: str) -> str:
    if any(sign in text for sign in ',"\n'):
        return '"' + text.replace('"', '""') + '"'
    return text
