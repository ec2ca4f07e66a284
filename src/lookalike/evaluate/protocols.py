"""The two protocols, asked of any search engine: the one that serves, or one to compare it with."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from lookalike import metrics
from lookalike.engine import SearchEngine
from lookalike.evaluate.plan import EvaluateConfig, LabelQuery, Photo, Plan
from lookalike.metrics import Judged, Summary
from lookalike.types import Filter, Float32Array, Result

_SEARCH_AT_ONCE = 256
_EMBED_AT_ONCE = 64


@dataclass(frozen=True)
class Outcome:
    """What one engine achieved: figures by name, and one row per query and protocol for `per_query.parquet`."""

    figures: Mapping[str, Summary]
    rows: Sequence[Mapping[str, object]]


def embed_distorted(engine: SearchEngine, plan: Plan) -> Float32Array:
    """Embed the distorted photos through the engine, as uploads would be."""
    jpegs = [query.jpeg for query in plan.instance_queries]
    parts = [engine.embed(jpegs[start : start + _EMBED_AT_ONCE]) for start in range(0, len(jpegs), _EMBED_AT_ONCE)]
    return np.concatenate(parts) if parts else np.empty((0, engine.head.dim), np.float32)


def ask(engine: SearchEngine, plan: Plan, config: EvaluateConfig, distorted: Float32Array) -> Outcome:
    """Run both protocols through an engine.

    Parameters
    ----------
    distorted : float32 array of shape (instance queries, dim)
        The distorted photos' embeddings, see `embed_distorted`.
    """
    k = max(config.k)
    by_label = _search_labels(engine, plan.label_queries, k)
    by_instance = _search(engine, distorted, k, None)
    judged_labels = judge_labels(plan, by_label, k)
    judged_instances = judge_instances(plan, by_instance, k)
    figures = figures_of(plan, config, judged_labels, judged_instances)
    rows = [
        *_rows("label", [query.photo for query in plan.label_queries], judged_labels, by_label),
        *_rows("instance", [query.photo for query in plan.instance_queries], judged_instances, by_instance),
    ]
    return Outcome(figures, rows)


def judge_labels(plan: Plan, found: Sequence[Sequence[Result]], k: int) -> Judged:
    """A hit is an answer if its label is the query's."""
    relevant = np.zeros((len(found), k), bool)
    for row, (query, results) in enumerate(zip(plan.label_queries, found, strict=True)):
        relevant[row, : len(results)] = [plan.photos[hit.image_id].label == query.photo.label for hit in results]
    answers = np.array([query.answers for query in plan.label_queries], np.int64)
    return Judged(relevant, answers, np.array([query.gallery for query in plan.label_queries], np.int64))


def judge_instances(plan: Plan, found: Sequence[Sequence[Result]], k: int) -> Judged:
    """A hit is an answer if it is the photo that was distorted, or an exact copy of it."""
    relevant = np.zeros((len(found), k), bool)
    for row, (query, results) in enumerate(zip(plan.instance_queries, found, strict=True)):
        relevant[row, : len(results)] = [hit.image_id in query.twins for hit in results]
    answers = np.array([len(query.twins) for query in plan.instance_queries], np.int64)
    return Judged(relevant, answers, np.full(len(found), len(plan.photos), np.int64))


def figures_of(plan: Plan, config: EvaluateConfig, labels: Judged, instances: Judged) -> dict[str, Summary]:
    """Average both protocols' metrics, with intervals by group."""
    label_groups = [query.photo.group for query in plan.label_queries]
    instance_groups = [query.photo.group for query in plan.instance_queries]
    figures: dict[str, Summary] = {}
    for k in config.k:
        values = metrics.recall_at_k(labels, k)
        figures[f"label recall@{k}"] = metrics.summary(values, label_groups, seed=config.seed)
        if k > 1:
            values = metrics.precision_at_k(labels, k)
            figures[f"label precision@{k}"] = metrics.summary(values, label_groups, seed=config.seed)
        values = metrics.recall_at_k(instances, k)
        figures[f"instance recall@{k}"] = metrics.summary(values, instance_groups, seed=config.seed)
    return figures


def _search_labels(engine: SearchEngine, queries: Sequence[LabelQuery], k: int) -> list[list[Result]]:
    """Search with each query's own filter, those with the same filter together."""
    together: dict[Filter, list[int]] = defaultdict(list)
    for row, query in enumerate(queries):
        together[query.where].append(row)
    found: list[list[Result]] = [[] for _ in queries]
    for where, rows in together.items():
        vectors = engine.collection.vectors([queries[row].photo.image.image_id for row in rows])
        for row, results in zip(rows, _search(engine, vectors, k, where), strict=True):
            found[row] = results
    return found


def _search(engine: SearchEngine, vectors: Float32Array, k: int, where: Filter | None) -> list[list[Result]]:
    found: list[list[Result]] = []
    for start in range(0, len(vectors), _SEARCH_AT_ONCE):
        found += engine.search_vectors(vectors[start : start + _SEARCH_AT_ONCE], k, where=where, by_product=False)
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
