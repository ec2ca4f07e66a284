"""What every collection can do; `tests/contract/` holds each implementation to it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from lookalike.types import Entry, Filter, Float32Array, Image, Json, Neighbours, Product


@dataclass(frozen=True, slots=True)
class CollectionInfo:
    """What a collection is bound to. A query must be embedded by this encoder and head, and no other.

    `sources` says where they were when the collection was made (encoder, head, photo root), as written by
    `artifacts.relative_root`, or `{"stock": "lite0"}` for a stock encoder.
    """

    dim: int
    encoder_hash: str
    head_hash: str
    sources: Json = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CategoryCount:
    """A full category path and how many products and photos stand exactly under it."""

    category: str
    products: int
    images: int


class Collection(Protocol):
    """Photos with their products and embeddings; identity is by image id and product id, never by position."""

    @property
    def info(self) -> CollectionInfo:
        """What the collection is bound to."""
        ...

    @property
    def generation(self) -> int:
        """Rises by one with every committed put or delete that changes anything."""
        ...

    @property
    def read_only(self) -> bool:
        """Whether put and delete raise `ReadOnly`."""
        ...

    def put(self, entries: Sequence[Entry]) -> None:
        """Insert or replace photos (and their products) in one transaction: all of them or none.

        A photo that is replaced counts as put now. Of a product that stands in several entries the last one's facts
        hold; products left without a photo, because theirs moved to another, are removed. Vectors may be stored as
        float16: what comes back and is searched is within 0.001 of what was put, and of length 1.

        Raises
        ------
        Mismatch
            A vector's width is not the collection's.
        ValueError
            A vector is not finite or not of length 1 (within 1e-3); an image id stands twice; an image names another
            product than its entry; an id holds NUL or is not valid Unicode; a price is not a finite number.
        ReadOnly
            The collection was opened read-only.
        """
        ...

    def delete(self, image_ids: Sequence[str]) -> int:
        """Remove photos, and products left without one, in one transaction; unknown ids are passed over.

        Returns how many photos were removed.
        """
        ...

    def count(self, where: Filter | None = None) -> int:
        """Count the photos that pass the filter; `QueryError` for a filter that makes no sense, here and below."""
        ...

    def image_ids(self, where: Filter | None = None) -> list[str]:
        """Return the ids of the photos that pass the filter, in the order they were put."""
        ...

    def images(self, image_ids: Sequence[str]) -> list[Image | None]:
        """Look photos up, one answer per id, in the order asked for; None where there is none."""
        ...

    def products(self, product_ids: Sequence[str]) -> list[Product | None]:
        """Look products up, one answer per id, in the order asked for; None where there is none."""
        ...

    def images_of(self, product_id: str) -> list[Image]:
        """Return a product's photos in the order they were put; empty where there is no such product."""
        ...

    def vectors(self, image_ids: Sequence[str]) -> Float32Array:
        """Return stored embeddings, float32 of shape (n, dim), each of length 1.

        Raises
        ------
        NotFound
            An id is not in the collection.
        """
        ...

    def thumbnail(self, image_id: str) -> bytes | None:
        """Return the JPEG thumbnail that was stored with a photo, if any."""
        ...

    def categories(self) -> list[CategoryCount]:
        """Count products and photos by full category path, sorted by path."""
        ...

    def knows(self, where: Filter) -> bool:
        """Whether a search with this filter takes about as long as one without: what passes was looked up before."""
        ...

    def search(
        self, queries: Float32Array, k: int, *, where: Filter | None = None, by_product: bool = False
    ) -> list[Neighbours]:
        """Find the k photos most similar to each query among those that pass the filter.

        An implementation may miss better ones, and says so; how many come back, their order and their scores are exact.

        Parameters
        ----------
        queries : float32 array of shape (n, dim)
            One embedding per row, of length 1 within 1e-3; n may be 0. Left unchanged.
        k : int
            At least 1. Always exactly min(k, what passes the filter) hits come back.
        by_product : bool
            Each product at most once, by its most similar photo: min(k, products that pass) hits.

        Returns
        -------
        One `Neighbours` per query. Equal scores are ordered by the order in which the photos were put.

        Raises
        ------
        Mismatch
            The queries' width is not the collection's.
        ValueError
            Not two-dimensional float32, not finite, not of length 1, or k below 1.

        Notes
        -----
        Thread-safe, also while another thread puts or deletes.
        """
        ...

    def close(self) -> None:
        """Release files and locks; safe to call twice."""
        ...
