"""The protocols, asked of any search engine: the one that serves, or one to compare it with."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from lookalike import metrics
from lookalike.engine import SearchEngine
from lookalike.evaluate.levels import average_precisions, judge_level, make_levels
from lookalike.evaluate.plan import EvaluateConfig, LabelQuery, Photo, Plan
from lookalike.metrics import Float64Array, Judged, Summary
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
    """The encoder's features of the distorted photos and of the scenes: float32 of shape (instance queries, in_dim)."""

    distorted: Float32Array
    scenes: Float32Array


def encode_distorted(engine: SearchEngine, plan: Plan) -> Asked:
    """Encode the distorted photos and scenes as uploads would be; every variant's head is then applied to the same."""
    return Asked(
        _encode(engine, [query.jpeg for query in plan.instance_queries]),
        _encode(engine, [query.scene for query in plan.instance_queries]),
    )


def ask(engine: SearchEngine, plan: Plan, config: EvaluateConfig, asked: Asked) -> Outcome:
    """Run all protocols through an engine."""
    k = max(config.k)
    most = max([k, *(len(query.answers) for query in plan.photos_queries)])  # what its mAP@R needs
    labels = [query.photo for query in plan.label_queries]
    instances = [query.photo for query in plan.instance_queries]
    distorted, scenes = engine.head.apply(asked.distorted), engine.head.apply(asked.scenes)
    found = {
        "label": _search_labels(engine, plan.label_queries, k, by_product=False),
        "product": _search_labels(engine, plan.label_queries, k, by_product=True),
        "instance": _search(engine, distorted, k, None),
        "scene": _search(engine, scenes, k, None),
        "photos": _search_photos(engine, plan, most),
    }
    levels = make_levels(plan)
    judged = {
        "label": judge_labels(plan, found["label"], k),
        "product": judge_products(plan, found["product"], k),
        "instance": judge_instances(plan, found["instance"], k),
        "scene": judge_instances(plan, found["scene"], k),
        "photos": judge_photos(plan, found["photos"], most),
    }
    queries = {
        "label": labels,
        "product": labels,
        "instance": instances,
        "scene": instances,
        "photos": [query.photo for query in plan.photos_queries],
    }
    for level in levels:
        judged[f"level {level.depth}"] = judge_level(plan, level, found["label"], k)
        queries[f"level {level.depth}"] = labels
    figures = figures_of(config, judged, queries)
    for name, values in average_precisions(engine, plan, levels).items():
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


def judge_labels(plan: Plan, found: Sequence[Sequence[Result]], k: int) -> Judged:
    """A hit is an answer if its label is the query's."""
    relevant = np.zeros((len(found), k), bool)
    for row, (query, results) in enumerate(zip(plan.label_queries, found, strict=True)):
        relevant[row, : len(results)] = [plan.photos[hit.image_id].label == query.photo.label for hit in results]
    answers = np.array([query.answers for query in plan.label_queries], np.int64)
    return Judged(relevant, answers, np.array([query.gallery for query in plan.label_queries], np.int64))


def judge_products(plan: Plan, found: Sequence[Sequence[Result]], k: int) -> Judged:
    """Photos are folded into products; a product is an answer if its label is the query's."""
    relevant = np.zeros((len(found), k), bool)
    for row, (query, results) in enumerate(zip(plan.label_queries, found, strict=True)):
        relevant[row, : len(results)] = [plan.photos[hit.image_id].label == query.photo.label for hit in results]
    return Judged(
        relevant,
        np.array([query.product_answers for query in plan.label_queries], np.int64),
        np.array([query.product_gallery for query in plan.label_queries], np.int64),
    )


def judge_instances(plan: Plan, found: Sequence[Sequence[Result]], k: int) -> Judged:
    """A hit is an answer if it is the photo that was distorted, or an exact copy of it."""
    return _judge([(query.twins, len(plan.photos)) for query in plan.instance_queries], found, k)


def judge_photos(plan: Plan, found: Sequence[Sequence[Result]], k: int) -> Judged:
    """A hit is an answer if it is another photo of the query's product."""
    return _judge([(q.answers, len(plan.photos) - len(q.left_out)) for q in plan.photos_queries], found, k)


def figures_of(
    config: EvaluateConfig, judged: Mapping[str, Judged], queries: Mapping[str, Sequence[Photo]]
) -> dict[str, Summary]:
    """Average the protocols' metrics, with intervals by group; the photos protocol has none where it asked nothing.

    Precision and nDCG are told where a query can have many answers.
    """
    figures: dict[str, Summary] = {}
    for protocol, one in judged.items():
        if protocol == "photos" and not queries[protocol]:
            continue
        many = protocol not in ("instance", "scene")
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
        hits = [_search(engine, vector[None], 1, where)[0] for where in (None, out)]
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


def _judge(queries: Sequence[tuple[frozenset[str], int]], found: Sequence[Sequence[Result]], k: int) -> Judged:
    relevant = np.zeros((len(found), k), bool)
    for row, ((answers, _), results) in enumerate(zip(queries, found, strict=True)):
        relevant[row, : len(results)] = [hit.image_id in answers for hit in results]
    return Judged(
        relevant,
        np.array([len(answers) for answers, _ in queries], np.int64),
        np.array([gallery for _, gallery in queries], np.int64),
    )


def _encode(engine: SearchEngine, jpegs: Sequence[bytes]) -> Float32Array:
    parts = [engine.features(jpegs[start : start + _EMBED_AT_ONCE]) for start in range(0, len(jpegs), _EMBED_AT_ONCE)]
    return np.concatenate(parts) if parts else np.empty((0, engine.encoder.dim), np.float32)


def _search_photos(engine: SearchEngine, plan: Plan, k: int) -> list[list[Result]]:
    found: list[list[Result]] = []
    for query in plan.photos_queries:
        vector = engine.collection.vectors([query.photo.image.image_id])
        found += _search(engine, vector, k, Filter(exclude_images=query.left_out))
    return found


def _search_labels(
    engine: SearchEngine, queries: Sequence[LabelQuery], k: int, *, by_product: bool
) -> list[list[Result]]:
    """Search with each query's own filter, those with the same filter together."""
    together: dict[Filter, list[int]] = defaultdict(list)
    for row, query in enumerate(queries):
        together[query.where].append(row)
    found: list[list[Result]] = [[] for _ in queries]
    for where, rows in together.items():
        vectors = engine.collection.vectors([queries[row].photo.image.image_id for row in rows])
        for row, results in zip(rows, _search(engine, vectors, k, where, by_product=by_product), strict=True):
            found[row] = results
    return found


def _search(
    engine: SearchEngine, vectors: Float32Array, k: int, where: Filter | None, *, by_product: bool = False
) -> list[list[Result]]:
    found: list[list[Result]] = []
    for start in range(0, len(vectors), _SEARCH_AT_ONCE):
        found += engine.search_vectors(vectors[start : start + _SEARCH_AT_ONCE], k, where=where, by_product=by_product)
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
            "hits": [hit.image_id for hit in results],
            "scores": [hit.score for hit in results],
        }
        for row, (photo, results) in enumerate(zip(asked, found, strict=True))
    ]
