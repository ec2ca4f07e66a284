"""What the figures are compared with: raw features, shuffled embeddings, and chance."""

from collections import Counter
from dataclasses import replace

import numpy as np

from lookalike import metrics
from lookalike.collection import CollectionInfo, LocalCollection
from lookalike.embeddings import Embeddings
from lookalike.engine import SearchEngine
from lookalike.evaluate.plan import EvaluateConfig, Plan
from lookalike.heads import Head
from lookalike.labels import LabelSet
from lookalike.metrics import Float64Array, Summary
from lookalike.types import Entry, Float32Array, unit_rows

_PUT = 4096


def raw_engine(engine: SearchEngine, plan: Plan, raw: Embeddings) -> SearchEngine:
    """The same engine without its head: over the encoder's own features, at length 1."""
    head = Head("none", engine.head.in_dim, (), LabelSet(()))
    return _engine_over(engine, plan, head, head.apply(raw.of(list(plan.photos))))


def shuffled_engine(engine: SearchEngine, plan: Plan, seed: int) -> SearchEngine:
    """The same engine with every photo given another photo's embedding: whatever it finds, it finds by chance."""
    vectors = engine.collection.vectors(list(plan.photos))
    return _engine_over(engine, plan, engine.head, vectors[shuffle(len(vectors), seed)])


def shuffle(n: int, seed: int) -> metrics.IntArray:
    """The control's permutation of n photos."""
    return np.random.default_rng(seed).permutation(n)


def nearest_mean_accuracy(plan: Plan, raw: Embeddings) -> Float64Array:
    """Whether the label whose mean raw feature is nearest by cosine is the query's own; one number per query."""
    names = sorted({str(photo.label) for photo in plan.gallery})
    gallery = unit_rows(raw.of([photo.image.image_id for photo in plan.gallery]))
    codes = np.searchsorted(names, [str(photo.label) for photo in plan.gallery])
    sums = np.zeros((len(names), gallery.shape[1]), np.float64)
    np.add.at(sums, codes, gallery)
    asked = unit_rows(raw.of([query.photo.image.image_id for query in plan.label_queries]))
    predicted = [names[place] for place in (asked @ unit_rows(sums).T).argmax(axis=1)]
    return metrics.accuracy(predicted, _true(plan))


def chance_figures(plan: Plan, config: EvaluateConfig) -> dict[str, Summary]:
    """What hits drawn at random from each query's gallery would score, worked out exactly, without drawing.

    Accuracy is that of always saying the gallery's commonest label. With N photos of which R are answers, a random
    hit is one with probability R / N, and one of k is with probability 1 - C(N - R, k) / C(N, k).
    """
    groups = [query.photo.group for query in plan.label_queries]
    figures: dict[str, Summary] = {}
    if plan.gallery:
        commonest = Counter(str(photo.label) for photo in plan.gallery).most_common(1)[0][0]
        values = metrics.accuracy([commonest] * len(groups), _true(plan))
        figures["accuracy"] = metrics.summary(values, groups, seed=config.seed)
    labels = [(query.answers, query.gallery) for query in plan.label_queries]
    instances = [(len(query.twins), len(plan.photos)) for query in plan.instance_queries]
    instance_groups = [query.photo.group for query in plan.instance_queries]
    for k in config.k:
        values = np.array([_any_of(k, *counts) for counts in labels], np.float64)
        figures[f"label recall@{k}"] = metrics.summary(values, groups, seed=config.seed)
        if k > 1:
            values = np.array([answers / size if answers else np.nan for answers, size in labels], np.float64)
            figures[f"label precision@{k}"] = metrics.summary(values, groups, seed=config.seed)
        values = np.array([_any_of(k, *counts) for counts in instances], np.float64)
        figures[f"instance recall@{k}"] = metrics.summary(values, instance_groups, seed=config.seed)
    return figures


def _any_of(k: int, answers: int, size: int) -> float:
    if not answers:
        return float("nan")
    missed = [max(size - answers - drawn, 0) / (size - drawn) for drawn in range(min(k, size))]
    return 1 - float(np.prod(missed))


def _true(plan: Plan) -> list[str]:
    return [str(query.photo.label) for query in plan.label_queries]


def _engine_over(engine: SearchEngine, plan: Plan, head: Head, vectors: Float32Array) -> SearchEngine:
    """The engine over a copy of its collection in memory that holds other vectors."""
    collection = LocalCollection.in_memory(CollectionInfo(head.dim, engine.encoder.hash, "a copy to compare with"))
    photos = list(plan.photos.values())
    for start in range(0, len(photos), _PUT):
        batch = zip(photos[start : start + _PUT], vectors[start : start + _PUT], strict=True)
        collection.put([Entry(photo.product, photo.image, vector) for photo, vector in batch])
    rank = replace(engine.rank, boost=0)  # a boost would tell the control what it must not know
    return SearchEngine(engine.encoder, head, collection, photos=engine.photos, max_pixels=engine.max_pixels, rank=rank)
