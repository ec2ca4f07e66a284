"""A product or photo as a row of the database, and back."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from lookalike.types import Image, Product


def product_row(product: Product) -> tuple[str | float | None, ...]:
    """Return the columns that the store puts, in their order."""
    price = product.price
    return (
        product.product_id,
        product.name,
        product.name_raw,
        product.description,
        None if price is None else str(price),
        None if price is None else float(price),
        product.currency,
        product.location,
        product.seller_id,
        product.category,
    )


def image_row(key: int, image: Image) -> tuple[str | int | None, ...]:
    """Return the columns that the store puts, in their order."""
    return (
        key,
        image.product_id,
        image.image_id,
        image.path,
        image.width,
        image.height,
        image.format,
        image.sha256,
        image.duplicate_of,
        image.split,
        image.group_id,
    )


def product_of(row: Sequence[Any]) -> Product:
    """Return the product of a row; prices are stored as text, digit for digit."""
    values = list(row)
    values[4] = None if values[4] is None else Decimal(values[4])
    return Product(*values)
