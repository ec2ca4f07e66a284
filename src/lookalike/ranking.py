"""From photos that were found to products in order; pure functions, no index and no database in sight."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from lookalike.errors import QueryError
from lookalike.types import Float32Array, Hit, Neighbours, RankedProduct, Ranking, unit_rows

_FOLDED: Mapping[str, Callable[[Sequence[float]], float]] = {
    "max": lambda best_first: best_first[0],
    "mean": lambda best_first: sum(best_first) / len(best_first),
    "top2": lambda best_first: sum(best_first[:2]) / len(best_first[:2]),
}
FOLDS = tuple(_FOLDED)
"""How the scores of a product's photos become its own: the best one, their mean, or the mean of the best two."""


@dataclass(frozen=True, slots=True)
class RankConfig:
    """How what was found is put in order; the defaults leave it as the collection gave it.

    Parameters
    ----------
    fold : "max", "mean" or "top2"
        See `FOLDS`. All but `max` need the scores of all photos of a product.
    prototypes : bool
        Beside its photos, a product with two or more is also scored by their mean, see `prototype`.
    boost : float, optional
        How much the agreement of categories weighs, see `boosted`; 0 is not at all, None as much as the head's fit
        chose on the validation part.

    Raises
    ------
    QueryError
        No such fold, or a boost that is negative or not finite.
    """

    fold: str = "max"
    prototypes: bool = False
    boost: float | None = 0.0

    def __post_init__(self) -> None:
        if self.fold not in FOLDS:
            raise QueryError(f"there is no fold {self.fold!r}", mend=f"Choose one of {', '.join(FOLDS)}")
        if self.boost is not None and not 0 <= self.boost < float("inf"):
            raise QueryError(f"a boost of {self.boost} makes no sense", mend="Give a number from 0, or none")

    def settled(self, chosen: float) -> "RankConfig":
        """The same with a boost that is a number: where it is None, the one that the head's fit chose."""
        return self if self.boost is not None else replace(self, boost=chosen)

    @property
    def needs_every_photo(self) -> bool:
        """Whether a product's score depends on other photos than its best one."""
        return self.fold != "max" or self.prototypes


def fold(
    neighbours: Sequence[Neighbours], k: int, by: str = "max", *, prototypes: Mapping[str, float] | None = None
) -> Ranking:
    """Fold the photos found by one or more query photos into their products.

    A product's score is that of its best photo under any of the queries (max folding), the mean of its photos' scores,
    or the mean of the best two. A photo that several queries found counts once, with its best score; a photo that none
    found does not count. Equal scores keep the order in which the hits came.

    Parameters
    ----------
    neighbours : sequence of Neighbours
        One for each photo of the query: one for a single photo, several for a product with several photos.
    k : int
        At most this many products are kept.
    by : one of `FOLDS`
    prototypes : scores by product id, optional
        How alike query and prototype are: the product's score where that is higher.
    """
    best: dict[str, Hit] = {}
    for hit in (hit for found in neighbours for hit in found.hits):
        if hit.image_id not in best or hit.score > best[hit.image_id].score:
            best[hit.image_id] = hit
    by_product: dict[str, list[Hit]] = defaultdict(list)
    for hit in best.values():
        by_product[hit.product_id].append(hit)
    products: list[RankedProduct] = []
    for product_id, hits in by_product.items():
        best_first = tuple(sorted(hits, key=lambda hit: -hit.score))
        score = _FOLDED[by]([hit.score for hit in best_first])
        products.append(RankedProduct(product_id, max(score, (prototypes or {}).get(product_id, score)), best_first))
    return Ranking(tuple(sorted(products, key=lambda product: -product.score)[:k]))


def prototype(vectors: Float32Array) -> Float32Array:
    """The mean of a product's embeddings, at length 1: float32 of shape (n, dim) to (dim,)."""
    return unit_rows(vectors.mean(axis=0, keepdims=True))[0]


def boosted(found: Neighbours, agreement: Sequence[float], weight: float) -> Neighbours:
    """Put hits in order by score and agreement: (score + weight · agreement) / (1 + weight).

    Nothing is removed: a wrong guess of the category can push the right product down, never hide it. Equal scores keep
    their order.

    Parameters
    ----------
    found : Neighbours
    agreement : one number in [0, 1] per hit
        How probable it is that the query is of the hit's category; 0 where that is not known.
    weight : float
        At least 0; with 0 the hits come back as they were. The division keeps scores in [-1, 1].
    """
    hits = [
        replace(hit, score=(hit.score + weight * agreed) / (1 + weight))
        for hit, agreed in zip(found.hits, agreement, strict=True)
    ]
    return Neighbours(tuple(sorted(hits, key=lambda hit: -hit.score)))
