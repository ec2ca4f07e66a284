"""Search a collection and put what it found in order: products by all their photos, agreement of categories."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lookalike import ranking
from lookalike.collection import Collection
from lookalike.errors import NotFound, QueryError
from lookalike.heads import Head
from lookalike.ranking import RankConfig
from lookalike.timing import step
from lookalike.types import Filter, Float32Array, Hit, Image, Neighbours, Ranking

LEAST = 100
"""At least so many candidates are put in order, so that asking for one or for ten gives the same first ones."""


@dataclass(frozen=True, slots=True)
class Request:
    """What is searched for, as `Collection.search` takes it: the k best photos or products that pass a filter.

    `apart` is the photo (`by_product`: the product) that is asked about and shall not find itself. It is no part of the
    filter: one that no other request shares would have to be worked out anew, over the whole collection, each time.

    Raises
    ------
    QueryError
        k is below 1.
    """

    k: int
    where: Filter | None = None
    by_product: bool = False
    apart: str | None = None

    def __post_init__(self) -> None:
        if self.k < 1:
            raise QueryError(f"k is {self.k}", mend="Ask for at least one result")


@dataclass(frozen=True, eq=False)
class Guess:
    """What the head takes queries for: `probabilities` is float32 of shape (queries, labels of the head)."""

    head: Head
    probabilities: Float32Array

    def of(self, rows: slice | Sequence[int]) -> "Guess":
        """The guess for some of the queries."""
        return Guess(self.head, self.probabilities[rows])

    def agreement(self, row: int, categories: Sequence[str | None]) -> list[float]:
        """How probable it is that a query is of each category's label; 0 for a category without one."""
        column = {label: number for number, label in enumerate(self.head.label_names)}
        columns = [column.get(self.head.labels.of(category) or "") for category in categories]
        return [0.0 if place is None else float(self.probabilities[row, place]) for place in columns]


def search(
    collection: Collection, queries: Float32Array, request: Request, config: RankConfig, guess: Guess | None = None
) -> list[Neighbours]:
    """Search, and put what was found in order.

    With the defaults of `RankConfig` (or a boost without a guess) this is the collection's own search. Otherwise
    max(100, 4 k) candidates are put in order and the first k kept, so exactly as many come back.

    Parameters
    ----------
    collection : Collection
    queries : float32 array of shape (n, dim), rows of length 1
    request : Request
    config : RankConfig
    guess : Guess, optional
        A row for each query; without it there is no boost.

    Returns
    -------
    One `Neighbours` per query. By product each hit is the product's best photo, with the product's score.
    """
    folds = request.by_product and config.needs_every_photo
    weight = config.boost or 0
    boosts = weight > 0 and guess is not None
    k = _depth(request.k) if folds or boosts else request.k
    with step("search"):
        found = _found(collection, queries, k, request)
    with step("rank"):
        if folds:
            found = [
                best_photos(fold_all(collection, queries[row : row + 1], [each], config, where=request.where))
                for row, each in enumerate(found)
            ]
        if boosts and guess is not None:
            found = [_boost(collection, each, guess, row, weight) for row, each in enumerate(found)]
    return [Neighbours(each.hits[: request.k]) for each in found]


def search_together(collection: Collection, queries: Float32Array, request: Request, config: RankConfig) -> Neighbours:
    """Search by several photos of one thing, float32 of shape (m, dim): products by their best photo under any.

    The request must be by product.
    """
    folds = config.needs_every_photo
    k = _depth(request.k) if folds else request.k
    with step("search"):
        found = _found(collection, queries, k, request)
    ranked = (
        fold_all(collection, queries, found, config, where=request.where) if folds else ranking.fold(found, request.k)
    )
    return Neighbours(best_photos(ranked).hits[: request.k])


def best_photos(ranked: Ranking) -> Neighbours:
    """Each product's best photo, with the product's score."""
    products = ranked.products
    return Neighbours(tuple(Hit(one.hits[0].image_id, one.product_id, one.score) for one in products))


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


def _found(collection: Collection, queries: Float32Array, k: int, request: Request) -> list[Neighbours]:
    """Search for k; what is to stay apart takes one place at most, so one more is asked for."""
    apart = request.apart
    more = k if apart is None else k + 1
    found = collection.search(queries, more, where=request.where, by_product=request.by_product)
    if apart is None:
        return found
    return [
        Neighbours(
            tuple(hit for hit in each.hits if (hit.product_id if request.by_product else hit.image_id) != apart)[:k]
        )
        for each in found
    ]


def _passes(image: Image, where: Filter | None) -> bool:
    """Whether a photo of a product that passes a filter passes it too: what the filter says of photos alone."""
    return where is None or (
        image.image_id not in where.exclude_images
        and image.group_id not in where.exclude_groups
        and (where.splits is None or image.split in where.splits)
    )


def _boost(collection: Collection, found: Neighbours, guess: Guess, row: int, weight: float) -> Neighbours:
    products = collection.products([hit.product_id for hit in found.hits])
    categories = [None if product is None else product.category for product in products]
    return ranking.boosted(found, guess.agreement(row, categories), weight)


def _depth(k: int) -> int:
    return max(LEAST, 4 * k)
