"""Levels by plan: made and trained, read from a file, or set to search otherwise."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import faiss

from lookalike.collection.levels import Graph, Level, Lists, Scan
from lookalike.collection.plan import TRAINING_ROWS_A_LIST, IndexPlan
from lookalike.collection.refined import ids_are_slots
from lookalike.collection.slots import Slots
from lookalike.types import Float32Array

_KMEANS_ROUNDS = 8
_BUILD_EFFORT = 100


@dataclass(frozen=True, slots=True)
class Facts:
    """What a level's own file does not say: the width it must have, and how far its codes may be off."""

    dim: int
    code_error: float = 0.0


def make_level(plan: IndexPlan, dim: int, sample: Float32Array) -> Level:
    """Make an empty level, trained on a sample of what it will hold: float32 of shape (n, dim).

    Lists need at least as many rows as there are of them.
    """
    metric = faiss.METRIC_INNER_PRODUCT
    match plan.kind:
        case "flat":
            return Scan(faiss.IndexFlatIP(dim), 0.0)
        case "sq8":
            index: Any = faiss.index_factory(dim, "SQ8", metric)
            index.train(sample)
            return Scan(index, 0.0)
        case "hnsw":
            index = faiss.index_factory(dim, f"HNSW{plan.links},SQ8", metric)
            index.hnsw.efConstruction = _BUILD_EFFORT
            index.train(sample)
            return Graph(index, plan.effort)
        case "ivf_sq8" | "ivf_rabitq" | "ivf_pq":
            pairs = dim // 2 if dim % 2 == 0 else dim
            codes = {"ivf_sq8": "SQ8", "ivf_rabitq": "RaBitQ", "ivf_pq": f"PQ{pairs}x4fsr"}[plan.kind]
            index = faiss.index_factory(dim, f"IVF{plan.lists},{codes}", metric)
            index.cp.niter = _KMEANS_ROUNDS
            index.cp.spherical = True
            index.cp.min_points_per_centroid = 1
            index.cp.max_points_per_centroid = TRAINING_ROWS_A_LIST
            index.train(sample)
            return Lists(index, plan.probes)


def with_settings(level: Level, plan: IndexPlan) -> Level:
    """Return the level with the plan's settings of a search; those who search the old one are not disturbed."""
    match level:
        case Lists():
            return level.with_probes(plan.probes)
        case Graph():
            return Graph(level.index, plan.effort)
        case _:
            return level


def load_level(file: Path, plan: IndexPlan, slots: Slots, facts: Facts, *, mapped: bool) -> Level | None:
    """Read a level; None where the file holds something else. `mapped` lists, but quick ones, stay on disk until they
    change.

    Raises
    ------
    RuntimeError
        FAISS cannot read the file.
    """
    lists = plan.kind.startswith("ivf")
    quick = plan.kind == "ivf_pq"
    flags = faiss.IO_FLAG_MMAP | faiss.IO_FLAG_READ_ONLY if mapped and lists and not quick else 0
    index: Any = faiss.read_index(str(file), flags)
    wanted: Any = {
        "flat": faiss.IndexFlatIP,
        "sq8": faiss.IndexScalarQuantizer,
        "ivf_sq8": faiss.IndexIVFScalarQuantizer,
        "ivf_pq": faiss.IndexIVFPQFastScan,
        "ivf_rabitq": faiss.IndexIVFRaBitQ,
        "hnsw": faiss.IndexHNSWSQ,
    }[plan.kind]
    count = slots.used if quick else slots.rows
    if not isinstance(index, wanted) or index.d != facts.dim or index.ntotal != count:
        return None
    if lists:
        if index.nlist != plan.lists or (quick and not ids_are_slots(index)):
            return None
        if flags:
            on_disk: Any = faiss.downcast_InvertedLists(index.invlists)
            on_disk.prefetch_nthread = 0  # its 32 threads a search cost more
        return Lists(index, plan.probes, mapped=bool(flags))
    if plan.kind == "hnsw":
        return Graph(index, plan.effort)
    return Scan(index, facts.code_error)
