"""What is checked before anything reaches SQLite or FAISS."""

from collections.abc import Sequence
from decimal import Decimal

import numpy as np
import numpy.typing as npt

from lookalike.collection.filters import is_storable
from lookalike.errors import Mismatch
from lookalike.types import Entry, Float32Array

_LENGTH_TOLERANCE = 1e-3


def check_queries(queries: Float32Array, k: int, dim: int) -> None:
    """Refuse queries that FAISS would answer wrongly, or not at all.

    Raises
    ------
    Mismatch
        Their width is not `dim`.
    ValueError
        Not a two-dimensional float32 array, not finite, not of length 1 within 1e-3, or k below 1.
    """
    if queries.ndim != 2 or queries.dtype != np.float32:
        raise ValueError(f"queries must be a 2-d float32 array, not {queries.ndim}-d {queries.dtype}")
    if k < 1:
        raise ValueError(f"k must be at least 1, not {k}")
    _check_vectors(queries, dim, "a query")


def check_entries(entries: Sequence[Entry], dim: int) -> npt.NDArray[np.float16]:
    """Check what is to be put, and return its vectors as they are stored: float16 of shape (n, dim).

    Raises
    ------
    Mismatch
        A vector's width is not `dim`.
    ValueError
        A vector is not finite or not of length 1 within 1e-3; an image id stands twice; an image names another product
        than its entry; an id holds NUL or is not valid Unicode; a price is not a finite number.
    """
    seen: set[str] = set()
    for entry in entries:
        image_id, product_id = entry.image.image_id, entry.product.product_id
        if image_id in seen:
            raise ValueError(f"image id {image_id!r} stands twice")
        seen.add(image_id)
        if entry.image.product_id != product_id:
            raise ValueError(f"image {image_id!r} belongs to {entry.image.product_id!r}, its entry to {product_id!r}")
        if not (is_storable(image_id) and is_storable(product_id)):
            raise ValueError(f"ids must be Unicode without NUL: image {image_id!r}, product {product_id!r}")
        if not (entry.product.price or Decimal(0)).is_finite():
            raise ValueError(f"the price of product {product_id!r} is not a finite number")
        if entry.vector.shape != (dim,):
            raise _width(f"the vector of image {image_id!r}", entry.vector.shape, dim)
    vectors = np.array([entry.vector for entry in entries], np.float32).reshape(-1, dim)
    _check_vectors(vectors, dim, "a vector")
    return vectors.astype(np.float16)


def _check_vectors(vectors: Float32Array, dim: int, name: str) -> None:
    if vectors.shape[1] != dim:
        raise _width(name, vectors.shape[1:], dim)
    if not np.isfinite(vectors).all():
        raise ValueError(f"{name} is not finite")
    if (np.abs(np.linalg.norm(vectors, axis=1) - 1) > _LENGTH_TOLERANCE).any():
        raise ValueError(f"{name} is not of length 1")


def _width(name: str, shape: tuple[int, ...], dim: int) -> Mismatch:
    width = "x".join(map(str, shape)) or "no"
    return Mismatch(
        f"{name} has {width} numbers, the collection's have {dim}",
        mend="Use the encoder and head that the collection was built with",
    )
