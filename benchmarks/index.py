"""The index: the ladder's thresholds, and the bars at a million photos; side by side with FAISS called bare.

    python benchmarks/index.py prepare [--source DIR] [--work DIR] [--count 1000000]
    python benchmarks/index.py truth   [--work DIR]
    python benchmarks/index.py ladder  [--work DIR] [--sizes 5000,10000,30000,100000,300000]
    python benchmarks/index.py million [--work DIR] [--queries 300]

`prepare` makes the gallery (`gallery.py`: served embeddings of real photos, copied with noise such as distortions
cause), fills a collection with it and checkpoints that: minutes. Every photo is a product of its own; half are of one
category, a hundredth of one seller, one in 10,000 has one price. `truth` finds the exact answers. `ladder` measures
whole scans and inverted lists at each size, in memory. `million` opens the prepared collection in a process of its own:
seconds to open and to a first answer; resident and mapped bytes a vector; how many lists a search must read, chosen on
other queries than those that are measured; recall@10 and milliseconds a query (one thread, one query at a time) of the
index, beside the very same FAISS index searched by itself in the same turn; whole searches, with SQL and names; recall
and time at three selectivities. Queries are photos of senders of whom none is in the gallery.
"""

import argparse
import json
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import faiss
import numpy as np

from gallery import gallery, make_seeds
from harness import CLOTHING, alternate, bars, collection_code, keep, percentiles, times_faster
from lookalike.collection import CollectionInfo, IndexPlan, LocalCollection
from lookalike.collection.levels import Lists
from lookalike.collection.plan import ladder, lists_plan
from lookalike.collection.rows import restore
from lookalike.collection.tuning import lower_end
from lookalike.collection.vector_index import VectorIndex
from lookalike.types import Entry, Filter, Float32Array, Image, Product

K = 10
_PUT = 5000
_SHARES = {"50 %": 2, "1 %": 100, "0.01 %": 10_000}
_CHUNK = 50_000
_AT_ONCE = 64
_PROBES = (16, 24, 32, 48, 64, 96, 128, 192, 256)
_RECALL = 0.98
"""What the choice of probes asks for, with 95 % confidence, so that it holds for other queries too."""


def main() -> None:
    """Run what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["prepare", "truth", "ladder", "million", "child"])
    parser.add_argument("--source", type=Path, default=CLOTHING)
    parser.add_argument("--work", type=Path, default=Path("index.work"))
    parser.add_argument("--count", type=int, default=1_000_000)
    parser.add_argument("--sizes", default="5000,10000,30000,100000,300000")
    parser.add_argument("--queries", type=int, default=300)
    arguments = parser.parse_args()
    arguments.work.mkdir(parents=True, exist_ok=True)
    match arguments.what:
        case "prepare":
            prepare(arguments.source, arguments.work, arguments.count)
        case "truth":
            find_truth(arguments.work)
        case "ladder":
            steps(arguments.work, [int(size) for size in arguments.sizes.split(",")], arguments.queries)
        case "million":
            command = [sys.executable, __file__, "child", "--work", str(arguments.work)]
            done = subprocess.run([*command, "--queries", str(arguments.queries)], stdout=subprocess.PIPE, check=True)
            report(json.loads(done.stdout))
        case _:
            print(json.dumps(million(arguments.work, arguments.queries)))


# Preparing


def prepare(source: Path, work: Path, count: int) -> None:
    """Make the gallery, the queries and a collection that holds it; what the same code filled is taken as it is."""
    mark, asked = work / "prepared.json", {"photos": count, "code": collection_code(), "source": str(source.resolve())}
    if mark.is_file() and asked.items() <= json.loads(mark.read_text()).items():
        print(f"{work} is prepared")
        return
    mark.unlink(missing_ok=True)
    shutil.rmtree(work / "collection", ignore_errors=True)
    seeds = make_seeds(source, work)
    vectors = gallery(seeds, count)
    order = np.random.default_rng(1).permutation(len(seeds.queries))
    queries = np.ascontiguousarray(seeds.queries[order])
    np.save(work / "gallery.npy", vectors)
    np.save(work / "queries.npy", queries)
    started = time.perf_counter()
    facts = {**asked, "copied": len(seeds.train), "noise": float(np.sqrt((seeds.spread**2).sum()))}
    with LocalCollection.create(work / "collection", CollectionInfo(vectors.shape[1], "encoder", "head")) as collection:
        for start in range(0, count, _PUT):
            collection.put([entry(n, vector) for n, vector in numbered(vectors, start)])
        filled = time.perf_counter()
        collection.checkpoint()
        facts |= {"fill_s": filled - started, "checkpoint_s": time.perf_counter() - filled}
    mark.write_text(json.dumps(facts))
    print(facts)


def load_queries(work: Path) -> Float32Array:
    """The queries in a random order: as they come, a sender's stand together, and the first differ from the last."""
    queries = np.load(work / "queries.npy")
    return queries[np.random.default_rng(0).permutation(len(queries))]


def find_truth(work: Path) -> None:
    """Keep each query's tenth best score, among all photos and among those that pass each filter."""
    halves, queries = np.load(work / "gallery.npy", mmap_mode="r"), load_queries(work)
    everything = np.arange(len(halves))
    wanted = {"all": everything, **{name: passing(name, len(halves)) for name in FILTERS}}
    np.savez(work / "truth.npz", **{name: exact(queries, halves, numbers) for name, numbers in wanted.items()})


def numbered(vectors: np.ndarray, start: int) -> Iterator[tuple[int, Float32Array]]:
    """Yield the next vectors with their numbers."""
    yield from enumerate(restore(vectors[start : start + _PUT]), start)


def entry(number: int, vector: Float32Array) -> Entry:
    """Make a photo with its product; what it belongs to goes by its number."""
    product = Product(
        f"p{number}",
        f"Product {number}",
        price=Decimal(number % _SHARES["0.01 %"]),
        category="A" if number % _SHARES["50 %"] == 0 else "B",
        seller_id="one" if number % _SHARES["1 %"] == 1 else "others",
    )
    return Entry(product, Image(f"i{number}", f"p{number}", f"{number}.jpg", 600, 800), vector)


FILTERS = {
    "50 %": Filter(category="A"),
    "1 %": Filter(seller_id="one"),
    "0.01 %": Filter(min_price=Decimal(7), max_price=Decimal(7)),
}


def passing(name: str, count: int) -> np.ndarray:
    """The numbers of the photos that pass a filter, rising."""
    return np.arange({"50 %": 0, "1 %": 1, "0.01 %": 7}[name], count, _SHARES[name])


# The ladder


def steps(work: Path, sizes: list[int], asked: int) -> None:
    """Measure each step at each size."""
    everything = np.load(work / "gallery.npy", mmap_mode="r")
    queries = load_queries(work)[:asked]
    faiss.omp_set_num_threads(1)
    told: list[dict[str, object]] = []
    for size in sizes:
        halves = np.asarray(everything[:size])
        keys = np.arange(1, size + 1)
        tenth = exact(queries, halves)
        plans = [IndexPlan("flat"), IndexPlan("sq8"), lists_plan(size, "ivf_sq8"), lists_plan(size, "ivf_pq")]
        for plan in plans:
            faiss.omp_set_num_threads(2)
            started = time.perf_counter()
            index = VectorIndex.build(plan, keys, halves)
            built = time.perf_counter() - started
            faiss.omp_set_num_threads(1)
            took, right = one_by_one(index, queries, tenth)
            row = {
                "photos": size,
                "plan": str(plan),
                "recall": float(np.mean(right)),
                "ms": percentiles(took)["p50"],
                "bytes": index.resident_bytes() / size,
                "build_s": built,
                "default": plan == ladder(size),
            }
            told.append(row)
            print(row, file=sys.stderr, flush=True)
    shown = {f"{row['photos']:,} {row['plan']}": float(str(row["ms"])) for row in told}
    picture = bars("Ladder: a query, one thread", shown, unit="ms")
    keep("index-ladder", {"queries": len(queries), "steps": told}, picture)


def exact(queries: Float32Array, halves: np.ndarray, numbers: np.ndarray | None = None) -> Float32Array:
    """Each query's tenth best exact score, among the rows of these numbers."""
    best = np.full((len(queries), K), -np.inf, np.float32)
    chosen = np.arange(len(halves)) if numbers is None else numbers
    for start in range(0, len(chosen), _CHUNK):
        scores = queries @ restore(halves[chosen[start : start + _CHUNK]]).T
        top = -np.partition(-scores, min(K, scores.shape[1]) - 1, axis=1)[:, :K]
        best = -np.sort(-np.concatenate([best, top], axis=1), axis=1)[:, :K]
    return best[:, -1]


def one_by_one(index: VectorIndex, queries: Float32Array, tenth: Float32Array) -> tuple[list[float], list[float]]:
    """Milliseconds and recall@10 of each query."""
    took: list[float] = []
    right: list[float] = []
    for place in range(len(queries)):
        started = time.perf_counter()
        (found,) = index.candidates(queries[place : place + 1], K + index.spare, None)
        took.append((time.perf_counter() - started) * 1000)
        right.append(hits(found.scores, tenth[place]) / K)
    return took, right


def hits(scores: np.ndarray, tenth: float) -> int:
    """How many of the ten best are as good as the ten best there are; scores are exact, so ties count as found."""
    return min(K, int((scores >= tenth - 1e-6).sum()))


# A million


def million(work: Path, asked: int) -> dict[str, object]:
    """Open the prepared collection and measure; run in a process of its own, which has held nothing else yet."""
    faiss.omp_set_num_threads(1)
    everybody, truth = load_queries(work), np.load(work / "truth.npz")
    queries, others = everybody[:asked], everybody[asked:]
    before = memory()
    started = time.perf_counter()
    collection = LocalCollection.open(work / "collection", read_only=True)
    opened = time.perf_counter() - started
    collection.search(queries[:1], K)
    first = time.perf_counter() - started
    fresh = memory()
    index = collection._live.index
    count = len(index)
    told: dict[str, object] = json.loads((work / "prepared.json").read_text())
    told.pop("source", None)
    told |= {"plan": str(index.plan), "open_s": opened, "first_answer_s": first, "queries": len(queries)}
    for query in queries:
        collection.search(query[None], K)
    warm = memory()
    told["bytes_a_vector"] = {
        name: {kind: (when[kind] - before[kind]) / count for kind in when}
        for name, when in {"opened": fresh, "after queries": warm}.items()
    } | {"by construction": index.resident_bytes() / count}
    told["chosen on other queries"] = choose_probes(index, others, truth["all"][asked:])
    told["plan"] = str(index.plan)
    told["search"] = unfiltered(collection, index, queries, truth["all"])
    told["filtered"] = {name: filtered(collection, queries, truth[name], name) for name in FILTERS}
    collection.close()
    return told


def choose_probes(index: VectorIndex, queries: Float32Array, tenth: Float32Array) -> dict[str, float]:
    """Set the fewest of the probes tried whose interval of recall lies above the goal; returns each one's recall."""
    tried: dict[str, float] = {}
    for probes in _PROBES:
        index.retune(replace(index.plan, probes=probes))
        _, each = one_by_one(index, queries, tenth)
        tried[str(probes)] = float(np.mean(each))
        if lower_end(each) >= _RECALL:
            break
    return tried


def unfiltered(
    collection: LocalCollection, index: VectorIndex, queries: Float32Array, tenth: Float32Array
) -> dict[str, object]:
    """Ours and bare in turn over all queries; recall of both."""
    assert isinstance(index.level, Lists)
    bare_index, params = index.level.index, faiss.SearchParametersIVF(nprobe=index.plan.probes)
    fetch = (K + index.spare) * index.plan.refine
    refined, refined_params, *_kept = with_refinement(index, bare_index, params)
    singles = [query[None] for query in queries]

    def ours() -> None:
        for query in singles:
            next(iter(index.candidates(query, K + index.spare, None)))

    def bare() -> None:
        for query in singles:
            bare_index.search(query, K, params=params)

    def bare_as_many() -> None:
        for query in singles:
            bare_index.search(query, fetch, params=params)

    def bare_refined() -> None:
        for query in singles:
            refined.search(query, K, params=refined_params)

    def ours_at_once() -> None:
        for start in range(0, len(queries), _AT_ONCE):
            list(index.candidates(queries[start : start + _AT_ONCE], K + index.spare, None))

    def bare_at_once() -> None:
        for start in range(0, len(queries), _AT_ONCE):
            bare_index.search(queries[start : start + _AT_ONCE], K, params=params)

    def bare_refined_at_once() -> None:
        for start in range(0, len(queries), _AT_ONCE):
            refined.search(queries[start : start + _AT_ONCE], K, params=refined_params)

    def whole() -> None:
        for query in singles:
            collection.search(query, K)

    def by_product() -> None:
        for query in singles:
            collection.search(query, K, by_product=True)

    contestants = {"ours": ours, "bare": bare, "bare, as many": bare_as_many, "bare, refined": bare_refined}
    at_once = {
        "ours, 64 at once": ours_at_once,
        "bare, 64 at once": bare_at_once,
        "bare, refined, 64 at once": bare_refined_at_once,
    }
    searches = {"whole search": whole, "whole search, by product": by_product}
    seconds = alternate({**contestants, **at_once, **searches}, repeats=7)
    found = [next(iter(index.candidates(query, K + index.spare, None))).scores for query in singles]
    asked = [collection.search(query, K)[0].hits for query in singles]
    unrefined = [bare_index.search(query, K, params=params)[1][0] for query in singles]
    bare_scores = [
        restore(index.halves_at(labels)) @ query[0] for labels, query in zip(unrefined, singles, strict=True)
    ]
    return {
        "ms": {name: 1000 * float(np.median(turns)) / len(singles) for name, turns in seconds.items()},
        "takes, of ours": times_faster(seconds, "ours"),
        "64 at once: takes, of ours": times_faster({name: seconds[name] for name in at_once}, "ours, 64 at once"),
        "recall": {
            "ours": np.mean([hits(s, t) for s, t in zip(found, tenth, strict=False)]) / K,
            "whole search": np.mean(
                [hits(np.array([hit.score for hit in one]), t) for one, t in zip(asked, tenth, strict=False)]
            )
            / K,
            "bare": np.mean([hits(s, t) for s, t in zip(bare_scores, tenth, strict=False)]) / K,
        },
    }


def with_refinement(index: VectorIndex, bare: object, params: object) -> tuple[object, ...]:
    """FAISS's own refinement of as many candidates by float16 vectors in memory, and what must live as long."""
    vectors = faiss.IndexScalarQuantizer(index.dim, faiss.ScalarQuantizer.QT_fp16, faiss.METRIC_INNER_PRODUCT)
    for start in range(0, len(index), _CHUNK):  # nothing was removed, so that FAISS's labels are rows
        vectors.add(restore(index.halves_at(np.arange(start, min(start + _CHUNK, len(index))))))
    refined = faiss.IndexRefine(bare, vectors)
    factor = (K + index.spare) * index.plan.refine / K
    return refined, faiss.IndexRefineSearchParameters(k_factor=factor, base_index_params=params), vectors


def filtered(collection: LocalCollection, queries: Float32Array, tenth: Float32Array, name: str) -> dict[str, object]:
    """Recall and time at one selectivity: the index alone, and the whole search with its SQL."""
    index = collection._live.index
    allowed = collection._store.keys(FILTERS[name])
    assert len(allowed) == len(passing(name, len(index)))
    took: list[float] = []
    right, wrong = 0, 0
    for query, limit in zip(queries, tenth.tolist(), strict=False):
        started = time.perf_counter()
        (found,) = index.candidates(query[None], K + index.spare, allowed)
        took.append((time.perf_counter() - started) * 1000)
        right += hits(found.scores, limit)
        wrong += int((~np.isin(found.keys, allowed)).sum())
    whole: list[float] = []
    for query in queries[:20]:
        started = time.perf_counter()
        answer = collection.search(query[None], K, where=FILTERS[name])[0].hits
        whole.append((time.perf_counter() - started) * 1000)
        assert len(answer) == K
    return {
        "photos": len(allowed),
        "recall": right / K / len(queries),
        "excluded ids": wrong,
        "ms": percentiles(took),
        "whole search ms": percentiles(whole),
    }


def memory() -> dict[str, int]:
    """Bytes of this process that are resident: its own, and mapped from files."""
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    read = dict(line.split(":", 1) for line in lines)
    return {kind: int(read[kind].split()[0]) * 1024 for kind in ("RssAnon", "RssFile")}


def report(told: dict[str, object]) -> None:
    """Keep it, with a picture of the times."""
    search = told["search"]
    assert isinstance(search, dict)
    keep("index-million", told, bars("A million photos: a query, one thread", search["ms"], unit="ms", ours="ours"))


if __name__ == "__main__":
    main()
