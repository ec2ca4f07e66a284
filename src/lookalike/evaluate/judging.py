"""Which hits are answers: one function a protocol."""

from collections.abc import Sequence

import numpy as np

from lookalike.evaluate.plan import Plan
from lookalike.metrics import Judged
from lookalike.types import Result


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


def judge_own_products(plan: Plan, found: Sequence[Sequence[Result]], k: int) -> Judged:
    """Photos are folded into products; the answer is the query's own product, which its other photos stand for."""
    relevant = np.zeros((len(found), k), bool)
    for row, (query, results) in enumerate(zip(plan.photos_queries, found, strict=True)):
        relevant[row, : len(results)] = [hit.product_id == query.photo.product.product_id for hit in results]
    products = len({photo.product.product_id for photo in plan.photos.values()})
    return Judged(relevant, np.ones(len(found), np.int64), np.full(len(found), products, np.int64))


def _judge(queries: Sequence[tuple[frozenset[str], int]], found: Sequence[Sequence[Result]], k: int) -> Judged:
    relevant = np.zeros((len(found), k), bool)
    for row, ((answers, _), results) in enumerate(zip(queries, found, strict=True)):
        relevant[row, : len(results)] = [hit.image_id in answers for hit in results]
    return Judged(
        relevant,
        np.array([len(answers) for answers, _ in queries], np.int64),
        np.array([gallery for _, gallery in queries], np.int64),
    )
