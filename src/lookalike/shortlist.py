"""Put what a collection found in order as a `RankConfig` asks: products by all their photos, agreement of categories."""

from collections.abc import Sequence

import numpy as np

from lookalike import ranking
from lookalike.collection import Collection
from lookalike.errors import NotFound
from lookalike.ranking import RankConfig
from lookalike.types import Filter, Float32Array, Hit, Image, Neighbours, Ranking

LEAST = 100
"""At least so many candidates are put in order, so that asking for one or for ten gives the same first ones."""


def depth(k: int) -> int:
    """How many candidates to fetch before putting them in order and keeping k."""
    return max(LEAST, 4 * k)


def fold_all(
    collection: Collection,
    queries: Float32Array,
    found: Sequence[Neighbours],
    config: RankConfig,
    *,
    where: Filter | None = None,
) -> Ranking:
    """Fold candidates into products by the scores of all their photos that pass the filter, found or not.

    Parameters
    ----------
    collection : Collection
        Where the candidates' photos and embeddings are looked up.
    queries : float32 array of shape (m, dim)
        The embeddings of the query's photos: one, or those of a product.
    found : one `Neighbours` per row of `queries`
        Its products are the candidates. As many come back, unless photos are deleted meanwhile.
    config : RankConfig
    where : the filter that `found` was searched with
    """
    products = list(dict.fromkeys(hit.product_id for each in found for hit in each.hits))
    photos = [
        [image.image_id for image in collection.images_of(product_id) if _passes(image, where)]
        for product_id in products
    ]
    try:
        vectors = collection.vectors([image_id for ids in photos for image_id in ids])
    except NotFound:  # deleted since it was looked up: what was found stands
        return ranking.fold(found, len(products), config.fold)
    hits: list[Hit] = []
    prototypes: dict[str, float] = {}
    start = 0
    for product_id, ids in zip(products, photos, strict=True):
        mine = vectors[start : start + len(ids)]
        start += len(ids)
        scores = (mine @ queries.T).max(axis=1) if ids else np.empty(0)
        hits += [Hit(image_id, product_id, float(score)) for image_id, score in zip(ids, scores, strict=True)]
        if config.prototypes and len(ids) > 1:
            prototypes[product_id] = float((queries @ ranking.prototype(mine)).max())
    best_first = Neighbours(tuple(sorted(hits, key=lambda hit: -hit.score)))
    return ranking.fold([best_first], len(products), config.fold, prototypes=prototypes)


def _passes(image: Image, where: Filter | None) -> bool:
    """Whether a photo of a product that passes a filter passes it too: what the filter says of photos alone."""
    return where is None or (
        image.image_id not in where.exclude_images
        and image.group_id not in where.exclude_groups
        and (where.splits is None or image.split in where.splits)
    )
