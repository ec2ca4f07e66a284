"""The protocols, asked of any search engine: the one that serves, or one to compare it with."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from lookalike import metrics
from lookalike.embeddings import Embeddings
from lookalike.engine import SearchEngine
from lookalike.evaluate.judging import (
    judge_instances,
    judge_labels,
    judge_own_products,
    judge_photos,
    judge_products,
)
from lookalike.evaluate.levels import average_precisions, judge_level, make_levels
from lookalike.evaluate.plan import EvaluateConfig, LabelQuery, Photo, Plan
from lookalike.metrics import Float64Array, Judged, Summary
from lookalike.shortlist import Guess, Request
from lookalike.types import Filter, Float32Array, Result

_SEARCH_AT_ONCE = 256
_EMBED_AT_ONCE = 64


@dataclass(frozen=True)
class Outcome:
    """What one engine achieved: figures by name, those of each label, and one row per query and protocol."""

    figures: Mapping[str, Summary]
    by_label: Mapping[str, Mapping[str, Summary]]
    rows: Sequence[Mapping[str, object]]


@dataclass(frozen=True, eq=False)
class Asked:
    """The encoder's features of the distorted photos and of the scenes: float32 of shape (instance queries, in_dim).

    `stored` are those of the collection's photos, from which a boost guesses the label queries' labels.
    """

    distorted: Float32Array
    scenes: Float32Array
    stored: Embeddings | None = None

    def guess(self, engine: SearchEngine, image_ids: Sequence[str]) -> Guess | None:
        """What a boost needs to know of photos of the collection; None without a boost, or without their features."""
        if self.stored is None or not engine.rank.boost:
            return None
        return engine.guess(self.stored.of(image_ids).astype(np.float32))


def encode_distorted(engine: SearchEngine, plan: Plan, stored: Embeddings | None = None) -> Asked:
    """Encode the distorted photos and scenes as uploads would be; every variant's head is then applied to the same."""
    return Asked(
        _encode(engine, [query.jpeg for query in plan.instance_queries]),
        _encode(engine, [query.scene for query in plan.instance_queries]),
        stored,
    )


def ask(engine: SearchEngine, plan: Plan, config: EvaluateConfig, asked: Asked) -> Outcome:
    """Run all protocols through an engine."""
    k = max(config.k)
    most = max([k, *(len(query.answers) for query in plan.photos_queries)])  # what its mAP@R needs
    labels = [query.photo for query in plan.label_queries]
    instances = [query.photo for query in plan.instance_queries]
    distorted, scenes = engine.head.apply(asked.distorted), engine.head.apply(asked.scenes)
    photos = [query.photo for query in plan.photos_queries]
    label_guess = asked.guess(engine, [photo.image.image_id for photo in labels])
    photos_guess = asked.guess(engine, [photo.image.image_id for photo in photos])
    found = {
        "label": _search_labels(engine, plan.label_queries, Request(k), label_guess),
        "product": _search_labels(engine, plan.label_queries, Request(k, by_product=True), label_guess),
        "instance": _search(engine, distorted, Request(k), engine.guess(asked.distorted)),
        "scene": _search(engine, scenes, Request(k), engine.guess(asked.scenes)),
        "photos": _search_photos(engine, plan, Request(most), photos_guess),
        "own product": _search_photos(engine, plan, Request(k, by_product=True), photos_guess),
    }
    levels = make_levels(plan)
    judged = {
        "label": judge_labels(plan, found["label"], k),
        "product": judge_products(plan, found["product"], k),
        "instance": judge_instances(plan, found["instance"], k),
        "scene": judge_instances(plan, found["scene"], k),
        "photos": judge_photos(plan, found["photos"], most),
        "own product": judge_own_products(plan, found["own product"], k),
    }
    queries = {
        "label": labels,
        "product": labels,
        "instance": instances,
        "scene": instances,
        "photos": photos,
        "own product": photos,
    }
    for level in levels:
        judged[f"level {level.depth}"] = judge_level(plan, level, found["label"], k)
        queries[f"level {level.depth}"] = labels
    figures = figures_of(config, judged, queries)
    if label_guess is None:  # the exact scan behind mAP@R knows no boost
        for name, values in average_precisions(engine, plan, levels).items():
            if name != "product" or not engine.rank.needs_every_photo:  # nor any fold but the best photo
                figures[f"{name} mAP@R"] = _average(values, labels, config)
    if plan.photos_queries:
        values = metrics.average_precision_at_r(judged["photos"])
        figures["photos mAP@R"] = _average(values, queries["photos"], config)
    figures["no-match AUROC"] = no_match(engine, plan, config, distorted)
    by_label = {
        f"{protocol} recall@1": _by_label(metrics.recall_at_k(judged[protocol], 1), queries[protocol], config)
        for protocol in ("label", "instance")
    }
    rows = [row for protocol in found for row in _rows(protocol, queries[protocol], judged[protocol], found[protocol])]
    return Outcome(figures, by_label, rows)


def figures_of(
    config: EvaluateConfig, judged: Mapping[str, Judged], queries: Mapping[str, Sequence[Photo]]
) -> dict[str, Summary]:
    """Average the protocols' metrics, with intervals by group; nothing of other photos where none were asked for.

    Precision and nDCG are told where a query can have many answers.
    """
    figures: dict[str, Summary] = {}
    for protocol, one in judged.items():
        if protocol in ("photos", "own product") and not queries[protocol]:
            continue
        many = protocol not in ("instance", "scene", "own product")
        for k in config.k:
            figures[f"{protocol} recall@{k}"] = _average(metrics.recall_at_k(one, k), queries[protocol], config)
            if k > 1 and many:
                values = metrics.precision_at_k(one, k)
                figures[f"{protocol} precision@{k}"] = _average(values, queries[protocol], config)
        figures[f"{protocol} MRR@{max(config.k)}"] = _average(metrics.reciprocal_rank(one), queries[protocol], config)
        if many and 10 in config.k:
            figures[f"{protocol} nDCG@10"] = _average(metrics.ndcg_at_k(one, 10), queries[protocol], config)
    return figures


def no_match(engine: SearchEngine, plan: Plan, config: EvaluateConfig, distorted: Float32Array) -> Summary:
    """AUROC of the top score as a sign that there is a match.

    Positive is a distorted photo asked of the whole collection; negative the same photo asked when all photos of its
    product and all exact copies are taken out of it.
    """
    mine: dict[str, set[str]] = defaultdict(set)
    for image_id, photo in plan.photos.items():
        mine[photo.product.product_id].add(image_id)
    with_match, without, groups = [], [], []
    for query, vector in zip(plan.instance_queries, distorted, strict=True):
        out = Filter(exclude_images=query.twins | mine[query.photo.product.product_id])
        hits = [_search(engine, vector[None], Request(1, where))[0] for where in (None, out)]
        if all(hits):
            with_match.append(hits[0][0].score)
            without.append(hits[1][0].score)
            groups.append(query.photo.group)
    positive, negative = np.array(with_match, np.float64), np.array(without, np.float64)
    return metrics.statistic_summary(
        lambda weights: metrics.auroc(positive, negative, weights),
        groups,
        left_out=len(plan.instance_queries) - len(groups),
        seed=config.seed,
    )


def _average(values: Float64Array, photos: Sequence[Photo], config: EvaluateConfig) -> Summary:
    return metrics.summary(values, [photo.group for photo in photos], seed=config.seed)


def _by_label(values: Float64Array, photos: Sequence[Photo], config: EvaluateConfig) -> dict[str, Summary]:
    rows: dict[str, list[int]] = defaultdict(list)
    for row, photo in enumerate(photos):
        if photo.label is not None:
            rows[photo.label].append(row)
    return {label: _average(values[mine], [photos[row] for row in mine], config) for label, mine in rows.items()}


def _encode(engine: SearchEngine, jpegs: Sequence[bytes]) -> Float32Array:
    parts = [engine.features(jpegs[start : start + _EMBED_AT_ONCE]) for start in range(0, len(jpegs), _EMBED_AT_ONCE)]
    return np.concatenate(parts) if parts else np.empty((0, engine.encoder.dim), np.float32)


def _search_photos(engine: SearchEngine, plan: Plan, request: Request, guess: Guess | None) -> list[list[Result]]:
    found: list[list[Result]] = []
    for row, query in enumerate(plan.photos_queries):
        vector = engine.collection.vectors([query.photo.image.image_id])
        mine = replace(request, where=Filter(exclude_images=query.left_out))
        found += _search(engine, vector, mine, None if guess is None else guess.of([row]))
    return found


def _search_labels(
    engine: SearchEngine, queries: Sequence[LabelQuery], request: Request, guess: Guess | None
) -> list[list[Result]]:
    """Search with each query's own filter, those with the same filter together."""
    together: dict[Filter, list[int]] = defaultdict(list)
    for row, query in enumerate(queries):
        together[query.where].append(row)
    found: list[list[Result]] = [[] for _ in queries]
    for where, rows in together.items():
        vectors = engine.collection.vectors([queries[row].photo.image.image_id for row in rows])
        mine = None if guess is None else guess.of(rows)
        for row, results in zip(rows, _search(engine, vectors, replace(request, where=where), mine), strict=True):
            found[row] = results
    return found


def _search(
    engine: SearchEngine, vectors: Float32Array, request: Request, guess: Guess | None = None
) -> list[list[Result]]:
    found: list[list[Result]] = []
    for start in range(0, len(vectors), _SEARCH_AT_ONCE):
        rows = slice(start, start + _SEARCH_AT_ONCE)
        found += engine.search_vectors(
            vectors[rows],
            request.k,
            where=request.where,
            by_product=request.by_product,
            guess=None if guess is None else guess.of(rows),
        )
    return found


def _rows(
    protocol: str, asked: Sequence[Photo], judged: Judged, found: Sequence[Sequence[Result]]
) -> list[dict[str, object]]:
    return [
        {
            "protocol": protocol,
            "image_id": photo.image.image_id,
            "group": str(photo.group),
            "label": photo.label,
            "answers": int(judged.answers[row]),
            "gallery": int(judged.gallery[row]),
            "first_answer_rank": int(judged.relevant[row].argmax()) + 1 if judged.relevant[row].any() else None,
            "answers_found": int(judged.relevant[row].sum()),
            "answers_at_10": int(judged.relevant[row, :10].sum()) if judged.relevant.shape[1] >= 10 else None,
            "hits": [hit.image_id for hit in results],
            "scores": [hit.score for hit in results],
        }
        for row, (photo, results) in enumerate(zip(asked, found, strict=True))
    ]
