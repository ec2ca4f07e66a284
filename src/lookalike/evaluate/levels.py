"""The label protocol judged at each level of the category path, and mAP@R of all of it, by an exact scan."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lookalike import metrics
from lookalike.engine import SearchEngine
from lookalike.evaluate.plan import Plan
from lookalike.labels import split_path
from lookalike.metrics import Float64Array, IntArray, Judged
from lookalike.types import Filter, Float32Array, Result

_SCAN_AT_ONCE = 256


@dataclass(frozen=True, eq=False)
class Level:
    """The label protocol with paths cut after `depth` parts.

    `keys` gives each photo's cut path, None where its path is shorter; `answers` (n,) how many photos of each query's
    gallery have its own, 0 for a query whose path is shorter: it is left out.
    """

    depth: int
    keys: dict[str, tuple[str, ...] | None]
    answers: IntArray


def make_levels(plan: Plan) -> list[Level]:
    """Cut the paths at each depth; none where no path has more than one part."""
    paths = {image_id: split_path(photo.product.category) for image_id, photo in plan.photos.items()}
    deepest = max(map(len, paths.values()), default=0)
    near = left_out(plan)
    levels: list[Level] = []
    for depth in range(1, deepest + 1 if deepest > 1 else 1):
        keys = {image_id: path[:depth] if len(path) >= depth else None for image_id, path in paths.items()}
        counts = Counter(keys[photo.image.image_id] for photo in plan.gallery)
        answers = [
            counts[key] - sum(keys[other] == key for other in mine) if key is not None else 0
            for key, mine in zip((keys[q.photo.image.image_id] for q in plan.label_queries), near, strict=True)
        ]
        levels.append(Level(depth, keys, np.array(answers, np.int64)))
    return levels


def left_out(plan: Plan) -> list[tuple[str, ...]]:
    """The photos of the gallery that each label query may not find: its group's, and its exact copies."""
    gallery = {photo.image.image_id for photo in plan.gallery}
    known: dict[Filter, tuple[str, ...]] = {}
    for query in plan.label_queries:
        if query.where not in known:
            known[query.where] = tuple(sorted(gallery & query.where.exclude_images))
    return [known[query.where] for query in plan.label_queries]


def judge_level(plan: Plan, level: Level, found: Sequence[Sequence[Result]], k: int) -> Judged:
    """A hit is an answer if its path, cut, is the query's."""
    relevant = np.zeros((len(found), k), bool)
    for row, (query, results) in enumerate(zip(plan.label_queries, found, strict=True)):
        key = level.keys[query.photo.image.image_id]
        if key is not None:
            relevant[row, : len(results)] = [level.keys[hit.image_id] == key for hit in results]
    return Judged(relevant, level.answers, np.array([query.gallery for query in plan.label_queries], np.int64))


def average_precisions(engine: SearchEngine, plan: Plan, levels: Sequence[Level]) -> dict[str, Float64Array]:
    """Average precision at R of each label query: by photo ("label"), by product, and at each level.

    R may be thousands, past any search's k, so every photo of the gallery is scored.
    """
    gallery = [photo.image.image_id for photo in plan.gallery]
    vectors = engine.collection.vectors(gallery) if gallery else np.empty((0, engine.head.dim), np.float32)
    place = {image_id: row for row, image_id in enumerate(gallery)}
    near, asked = left_out(plan), [query.photo.image.image_id for query in plan.label_queries]
    labels = {image_id: photo.label for image_id, photo in plan.photos.items()}
    product_of = {photo.product.product_id: photo.label for photo in plan.gallery}
    kinds = list(product_of.values())
    numbers = {product: number for number, product in enumerate(product_of)}
    folded = np.array([numbers[photo.product.product_id] for photo in plan.gallery], np.int64)
    values = {
        name: np.full(len(asked), np.nan) for name in ("label", "product", *(f"level {one.depth}" for one in levels))
    }
    for start in range(0, len(asked), _SCAN_AT_ONCE):
        scores = engine.collection.vectors(asked[start : start + _SCAN_AT_ONCE]) @ vectors.T
        for row, query in enumerate(plan.label_queries[start : start + _SCAN_AT_ONCE], start):
            mine = scores[row - start]
            mine[[place[image_id] for image_id in near[row]]] = -np.inf
            most = max([query.answers, *(int(level.answers[row]) for level in levels)])
            order = [gallery[n] for n in np.argsort(-mine, kind="stable")[:most].tolist()]
            label, size = query.photo.label, query.gallery
            values["label"][row] = _at_r([labels[one] == label for one in order[: query.answers]], query.answers, size)
            best = _best(mine, folded, len(numbers))
            first = [kinds[n] == label for n in np.argsort(-best, kind="stable")[: query.product_answers].tolist()]
            values["product"][row] = _at_r(first, query.product_answers, query.product_gallery)
            for level in levels:
                answers = int(level.answers[row])
                own = level.keys[asked[row]]
                relevant = [level.keys[one] == own for one in order[:answers]]
                values[f"level {level.depth}"][row] = _at_r(relevant, answers, size)
    return values


def _best(scores: Float32Array, folded: IntArray, products: int) -> Float32Array:
    """Each product's best photo's score."""
    best = np.full(products, -np.inf, np.float32)
    np.maximum.at(best, folded, scores)
    return best


def _at_r(relevant: Sequence[bool], answers: int, gallery: int) -> float:
    one = Judged(np.array([relevant], bool).reshape(1, -1), np.array([answers]), np.array([gallery]))
    return float(metrics.average_precision_at_r(one)[0])
