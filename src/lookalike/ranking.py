"""From photos that were found to products in order; pure functions, no index and no database in sight."""

from collections import defaultdict
from collections.abc import Sequence

from lookalike.types import Hit, Neighbours, RankedProduct, Ranking


def fold(neighbours: Sequence[Neighbours], k: int) -> Ranking:
    """Fold the photos found by one or more query photos into their products.

    A product's score is that of its best photo under any of the queries (max folding). A photo that several queries
    found counts once, with its best score. Equal scores keep the order in which the hits came.

    Parameters
    ----------
    neighbours : sequence of Neighbours
        One for each photo of the query: one for a single photo, several for a product with several photos.
    k : int
        At most this many products are kept.
    """
    best: dict[str, Hit] = {}
    for hit in (hit for found in neighbours for hit in found.hits):
        if hit.image_id not in best or hit.score > best[hit.image_id].score:
            best[hit.image_id] = hit
    by_product: dict[str, list[Hit]] = defaultdict(list)
    for hit in best.values():
        by_product[hit.product_id].append(hit)
    products = [
        RankedProduct(product_id, max(hit.score for hit in hits), tuple(sorted(hits, key=lambda hit: -hit.score)))
        for product_id, hits in by_product.items()
    ]
    return Ranking(tuple(sorted(products, key=lambda product: -product.score)[:k]))
