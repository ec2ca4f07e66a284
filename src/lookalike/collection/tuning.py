"""Tuning: candidates measured on a collection's own vectors against the exact answer, and the one to choose.

Queries are a seeded sample of the stored vectors; each is left out of its own answer, as in "more like this". So what
is measured is this collection, with its own clusters and near-copies, and no photo is needed. Photos of strangers lie
farther from everything than stored ones do: where that matters, ask for more recall than you need.
"""

import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import faiss
import numpy as np

from lookalike.collection.plan import Goals, IndexPlan, lists_plan
from lookalike.collection.rows import Float16Array, Int64Array, restore
from lookalike.collection.vector_index import VectorIndex
from lookalike.types import Float32Array

K = 10
"""Recall is taken at this rank."""

_QUERIES = 200
_LEAST_FOR_LISTS = 10_000
_MOST_SCANNED = 1_000_000
_FLAT_BYTES = 2 * 2**30
_ENOUGH_RECALL = 0.9995
_TOO_SLOW = 4
_CHUNK_ROWS = 16_384
_TIE = 1e-6
_ONE_SIDED_95 = 1.645

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Measured:
    """A plan's figures: recall@10, milliseconds a query on one thread, resident bytes a vector, seconds to build.

    `recall_low` is the lower end of recall's one-sided 95 % interval, as it was measured on so few queries. Goals are
    held against it: the fastest of many candidates is otherwise one whose queries happened to be easy.
    """

    plan: IndexPlan
    recall: float
    recall_low: float
    ms: float
    bytes_a_vector: float
    build_s: float

    def meets(self, goals: Goals, count: int) -> bool:
        """Whether it reaches all goals."""
        fits = goals.max_bytes is None or self.bytes_a_vector * count <= goals.max_bytes
        return self.recall_low >= goals.recall and self.ms <= goals.max_ms and fits


@dataclass(frozen=True, slots=True)
class Tuning:
    """All that was measured, in the order of the ladder, and what was chosen; None where nothing reaches the goals."""

    measured: tuple[Measured, ...]
    chosen: Measured | None
    count: int


def measure(keys: Int64Array, halves: Float16Array, goals: Goals, progress: Progress | None = None) -> Tuning:
    """Build each candidate, ask it, and choose: a whole scan where it is fast enough, else the fastest.

    Parameters
    ----------
    keys, halves : int64 (n,), rising, and float16 (n, dim)
        All that the collection holds.
    """
    rows = np.sort(np.random.default_rng(0).permutation(len(keys))[:_QUERIES])
    queries = restore(halves[rows])
    tenth = _tenth_best(queries, rows, halves)
    families = candidates(len(keys), halves.shape[1], goals)
    measured: list[Measured] = []
    for done, family in enumerate(families):
        if progress is not None:
            progress(done, len(families))
        started = time.perf_counter()
        index = VectorIndex.build(family[0], keys, halves)
        build_s = time.perf_counter() - started
        for plan in family:
            index.retune(plan)
            recall, low, ms = _ask(index, queries, keys[rows], tenth)
            measured.append(Measured(plan, recall, low, ms, index.resident_bytes() / max(1, len(keys)), build_s))
            enough = recall >= _ENOUGH_RECALL and low >= goals.recall
            if enough or ms > _TOO_SLOW * goals.max_ms:
                break
    return Tuning(tuple(measured), choose(measured, goals, len(keys)), len(keys))


def choose(measured: Sequence[Measured], goals: Goals, count: int) -> Measured | None:
    """Choose among what reaches the goals: the fastest exact one, else the fastest; None where there is none."""
    good = [one for one in measured if one.meets(goals, count)]
    exact = [one for one in good if one.plan.exact]
    return min(exact or good, key=lambda one: one.ms, default=None)


def candidates(count: int, dim: int, goals: Goals) -> list[list[IndexPlan]]:
    """List what to try: families that share one structure, each with rising effort."""
    families: list[list[IndexPlan]] = []
    if count * dim * 4 <= (_FLAT_BYTES if goals.max_bytes is None else goals.max_bytes):
        families.append([IndexPlan("flat")])
    if 0 < count <= _MOST_SCANNED:
        families.append([IndexPlan("sq8")])
    if count >= _LEAST_FOR_LISTS:
        lists = lists_plan(count).lists
        efforts = [probes for probes in (4, 8, 16, 32, 64, 128, 256, 512) if probes <= lists // 2]
        families.append([IndexPlan("ivf_sq8", lists, probes) for probes in efforts])
        families.append([IndexPlan("ivf_pq", lists, probes, refine) for refine in (6, 12) for probes in efforts[2:6]])
        families.append(
            [IndexPlan("ivf_rabitq", lists, probes, refine) for refine in (8, 32) for probes in efforts[2:5]]
        )
        if goals.frozen:
            families.append([IndexPlan("hnsw", links=32, effort=effort) for effort in (32, 64, 128, 256)])
    return families


def lower_end(each: Sequence[float]) -> float:
    """The lower end of a mean's one-sided 95 % interval, given each query's value; by the normal distribution."""
    error = float(np.std(each, ddof=1)) / len(each) ** 0.5 if len(each) > 1 else 0.0
    return float(np.mean(each)) - _ONE_SIDED_95 * error if each else 0.0


def _ask(index: VectorIndex, queries: Float32Array, own: Int64Array, tenth: Float32Array) -> tuple[float, float, float]:
    """Return recall@10, the lower end of its interval, and the median milliseconds of one query on one thread."""
    fetch = K + 1 + index.spare
    took: list[float] = []
    right: list[float] = []
    with _one_thread():
        next(index.candidates(queries[:1], fetch, None), None)  # the first call sets things up
        for place, key in enumerate(own.tolist()):
            started = time.perf_counter()
            (found,) = index.candidates(queries[place : place + 1], fetch, None)
            took.append(time.perf_counter() - started)
            scores = np.sort(found.scores[found.keys != key])[::-1][:K]
            if np.isfinite(tenth[place]):  # there is anything else to find
                right.append(float((scores >= tenth[place] - _TIE).mean()) if len(scores) else 0.0)
    ms = float(np.median(took)) * 1000 if took else 0.0
    return float(np.mean(right)) if right else 0.0, lower_end(right), ms


@contextmanager
def _one_thread() -> Generator[None]:
    """Let FAISS use one thread, in the whole process: nobody else searches while this collection is measured."""
    before = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(1)
    try:
        yield
    finally:
        faiss.omp_set_num_threads(before)


def _tenth_best(queries: Float32Array, own: Int64Array, halves: Float16Array) -> Float32Array:
    """Return the exact score of each query's tenth neighbour (the last one, where there are fewer), itself left out."""
    best = np.full((len(queries), K), -np.inf, np.float32)
    for start, vectors in _chunks(halves):
        scores = queries @ vectors.T
        inside = np.flatnonzero((own >= start) & (own < start + len(vectors)))
        scores[inside, own[inside] - start] = -np.inf
        kept = min(K, scores.shape[1])
        scores = -np.partition(-scores, kept - 1, axis=1)[:, :kept]
        best = -np.sort(-np.concatenate([best, scores], axis=1), axis=1)[:, :K]
    finite = np.isfinite(best)
    return np.where(finite, best, np.inf).min(axis=1)


def _chunks(halves: Float16Array) -> Iterator[tuple[int, Float32Array]]:
    for start in range(0, len(halves), _CHUNK_ROWS):
        yield start, restore(halves[start : start + _CHUNK_ROWS])


def figures(measured: Measured) -> dict[str, float]:
    """Return what is stored beside the plan."""
    return {
        "recall@10": round(measured.recall, 4),
        "recall@10 at least": round(measured.recall_low, 4),
        "ms": round(measured.ms, 4),
        "bytes_a_vector": round(measured.bytes_a_vector, 1),
        "build_s": round(measured.build_s, 1),
    }
