"""A varied sample of a collection, and its categories as a tree; plain functions over the collection protocol."""

import heapq
from collections import defaultdict, deque
from collections.abc import Sequence
from hashlib import blake2b

from lookalike.api.schemas import CategoryNode, FoundProduct
from lookalike.collection import Collection
from lookalike.collection.protocol import CategoryCount
from lookalike.labels import join_path, prefixes, split_path
from lookalike.types import Filter, Product

_CANDIDATES_PER_PRODUCT = 8


def sample(collection: Collection, where: Filter, limit: int, *, seed: int) -> list[tuple[Product, str]]:
    """Pick products for somebody who has not asked for anything yet.

    Photos in the order of a seeded hash of their ids; of these, one photo of each product, and products of different
    categories in turn. The same collection, filter and seed give the same sample, whatever the order of the rows.

    Returns
    -------
    list of (product, image id), at most `limit`
    """
    salt = str(seed).encode()
    picked = heapq.nsmallest(
        limit * _CANDIDATES_PER_PRODUCT,
        collection.image_ids(where),
        key=lambda image_id: blake2b(image_id.encode(), digest_size=8, salt=salt).digest(),
    )
    photos: dict[str, str] = {}
    for image in collection.images(picked):
        if image is not None:
            photos.setdefault(image.product_id, image.image_id)
    shelves: dict[str | None, deque[Product]] = defaultdict(deque)
    for product in collection.products(list(photos)):
        if product is not None:
            shelves[product.category].append(product)
    chosen: list[tuple[Product, str]] = []
    while shelves and len(chosen) < limit:
        for category in list(shelves):
            product = shelves[category].popleft()
            chosen.append((product, photos[product.product_id]))
            if not shelves[category]:
                del shelves[category]
    return chosen[:limit]


def subject_of_image(collection: Collection, image_id: str) -> FoundProduct | None:
    """Show the product that a photo belongs to, by that photo; None where it has just been deleted."""
    (image,) = collection.images([image_id])
    if image is None:
        return None
    (product,) = collection.products([image.product_id])
    return None if product is None else FoundProduct.of(product, image_id)


def subject_of_product(collection: Collection, product_id: str) -> FoundProduct | None:
    """Show a product by its first photo; None where it has just been deleted."""
    photos = collection.images_of(product_id)
    return subject_of_image(collection, photos[0].image_id) if photos else None


def tree(counts: Sequence[CategoryCount]) -> list[CategoryNode]:
    """Add the ancestors to a flat list of categories, and to each node the counts of all below it.

    Returns
    -------
    list of CategoryNode, each parent directly before its children, siblings by name
    """
    products: dict[tuple[str, ...], int] = defaultdict(int)
    photos: dict[tuple[str, ...], int] = defaultdict(int)
    for count in counts:
        for prefix in prefixes(count.category):
            products[split_path(prefix)] += count.products
            photos[split_path(prefix)] += count.images
    return [
        CategoryNode(
            category=join_path(parts),
            name=parts[-1],
            depth=len(parts) - 1,
            products=products[parts],
            images=photos[parts],
        )
        for parts in sorted(products)
    ]
