"""How cost grows with photos, with the embedding's dimensions and rows, and with cores; laws fitted to the figures.

    python benchmarks/growth.py photos [--source DIR] [--work DIR] [--sizes 500,1000,2000,4000]
    python benchmarks/growth.py index  [--dims 64,128,256,512] [--rows 5000,10000,20000,40000]
    python benchmarks/growth.py cores  [--source DIR] [--work DIR] [--photos 600] [--repeats 2]

`photos` builds a site of each size, each in a process of its own, from that many photos of the source drawn by a seed:
seconds of each stage, bytes of each artefact, and the most memory that was resident during each stage (Linux tells).
`index` scans random vectors whole, as float32 and as a byte a number, in one thread: milliseconds a search and resident
bytes, by dimensions at the most rows, and by rows at 256 dimensions. `cores` builds one size on one core and on all
that this process may use, in turn, and takes the faster turn of each.

Each law is fitted twice by least squares: a line a + b n, and a power c n^e on logarithms, with R² (of the logarithms
for the power). An exponent near 1 and a line's R² near 1 are linear growth; four points say no more than that.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import polars as pl

from harness import CLOTHING, bars, curves, keep
from lookalike import catalogue, pipeline
from lookalike.catalogue.source import SourceConfig
from lookalike.collection import IndexPlan
from lookalike.collection.vector_index import VectorIndex
from lookalike.encoder import load_encoder
from lookalike.types import unit_rows

_QUERIES = 100
_FETCH = 42  # ten asked for, and what an exact index adds
Points = dict[str, dict[int, float]]


def main() -> None:
    """Run what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["photos", "index", "cores", "child"])
    parser.add_argument("--source", type=Path, default=CLOTHING)
    parser.add_argument("--work", type=Path, default=Path("growth.work"))
    parser.add_argument("--sizes", type=numbers, default=(500, 1000, 2000, 4000))
    parser.add_argument("--dims", type=numbers, default=(64, 128, 256, 512))
    parser.add_argument("--rows", type=numbers, default=(5000, 10_000, 20_000, 40_000))
    parser.add_argument("--photos", type=int, default=600)
    parser.add_argument("--repeats", type=int, default=2)
    arguments = parser.parse_args()
    match arguments.what:
        case "photos":
            by_photos(arguments.source, arguments.work, arguments.sizes)
        case "index":
            by_dims_and_rows(arguments.dims, arguments.rows)
        case "cores":
            by_cores(arguments.source, arguments.work, arguments.photos, arguments.repeats)
        case _:
            print(json.dumps(build(arguments.source, arguments.work)))


def numbers(text: str) -> tuple[int, ...]:
    """Read 1,2,3."""
    return tuple(int(part) for part in text.split(","))


# Photos and cores


def by_photos(source: Path, work: Path, sizes: Sequence[int]) -> None:
    """Build each size, fit every stage, and keep it."""
    built = {size: in_process(drawn(source, work, size), work / f"site-{size}", range_of_cores()) for size in sizes}
    measured: dict[str, Points] = {
        what: {stage: {size: told[what][stage] for size, told in built.items()} for stage in built[sizes[0]][what]}
        for what in ("seconds", "bytes", "peak_mb")
    }
    fitted = {what: {stage: laws(points) for stage, points in stages.items()} for what, stages in measured.items()}
    show(fitted["seconds"])
    title = f"Seconds of each stage by photos, {len(range_of_cores())} core(s)"
    keep("growth-photos", {"measured": measured, "fitted": fitted}, curves(title, measured["seconds"], x="photos"))


def by_cores(source: Path, work: Path, size: int, repeats: int) -> None:
    """Build one size on one core and on all, in turn; keep the seconds and the speed-ups."""
    folder, every = drawn(source, work, size), range_of_cores()
    ways = {1: every[:1], len(every): every}
    turns = [
        {count: in_process(folder, work / f"cores-{count}", cores)["seconds"] for count, cores in ways.items()}
        for _ in range(repeats)
    ]
    stages = turns[0][1]
    best: Points = {stage: {count: min(turn[count][stage] for turn in turns) for count in ways} for stage in stages}
    faster = {stage: points[1] / points[len(every)] for stage, points in best.items() if points[1] >= 0.1}
    told = {"photos": size, "seconds": turns, "best": best, "times faster": faster}
    keep("growth-cores", told, bars(f"{len(every)} cores: times as fast as one, {size} photos", faster, unit="x"))


def drawn(source: Path, work: Path, size: int) -> Path:
    """Make a source of so many of the photos of a table of images, in random order, each linked."""
    config = catalogue.load_source_config(source)
    assert config.table is not None, "the source must have a table of images"
    folder = work / f"source-{size}"
    if (folder / "images.csv").is_file():
        return folder
    (folder / "images").mkdir(parents=True, exist_ok=True)
    files = {file.stem: file.resolve() for file in config.photos.iterdir()}
    table = pl.read_csv(config.table).filter(pl.col("image").is_in(list(files)))
    table = table.sample(size, shuffle=True, seed=0)
    for image in table["image"]:
        link = folder / "images" / files[image].name
        link.unlink(missing_ok=True)
        link.symlink_to(files[image])
    table.write_csv(folder / "images.csv")
    return folder


def range_of_cores() -> list[int]:
    """The cores that this process may use."""
    return sorted(os.sched_getaffinity(0))


def in_process(source: Path, site: Path, cores: Sequence[int]) -> dict[str, dict[str, float]]:
    """Build from nothing, in a process of its own that may use these cores."""
    shutil.rmtree(site, ignore_errors=True)
    command = [sys.executable, __file__, "child", "--source", str(source), "--work", str(site)]
    done = subprocess.run(
        ["taskset", "-c", ",".join(map(str, cores)), *command],
        stdout=subprocess.PIPE,
        check=True,
        env={**os.environ, "OMP_NUM_THREADS": str(len(cores))},
    )
    print(site.name, len(cores), "core(s):", done.stdout.decode().splitlines()[-1], flush=True)
    return json.loads(done.stdout.splitlines()[-1])


def build(source: Path, site: Path) -> dict[str, dict[str, float]]:
    """Build a site; seconds, bytes on disk and the peak of resident MB, by stage."""
    load_encoder("lite0")  # what a process does once is no part of a stage
    config: SourceConfig = catalogue.load_source_config(source)
    watch = Watch()
    reports = pipeline.build(config, site, pipeline.BuildConfig(evaluation=None), watch)
    return {
        "seconds": {report.name: report.seconds for report in reports},
        "bytes": {report.name: size_of(report.artifact.path.rglob("*")) for report in reports},
        "peak_mb": watch.peak_mb,
    }


def size_of(files: Iterable[Path]) -> float:
    """Bytes of files."""
    return float(sum(file.stat().st_size for file in files if file.is_file()))


class Watch:
    """A reporter that notes the most memory that was resident during each stage."""

    def __init__(self) -> None:
        self.peak_mb: dict[str, float] = {}

    @contextmanager
    def stage(self, name: str) -> Generator[object]:
        """Forget the peak so far, and note that of the stage."""
        Path("/proc/self/clear_refs").write_text("5")
        yield lambda _done, _total: None
        status = Path("/proc/self/status").read_text()
        self.peak_mb[name] = int(status.split("VmHWM:")[1].split()[0]) / 1024

    def finished(self, stage: pipeline.StageReport) -> None:
        """Nothing more is needed."""


# The index


def by_dims_and_rows(dims: Sequence[int], rows: Sequence[int]) -> None:
    """Scan, fit and keep."""
    random = np.random.default_rng(0)
    measured: dict[str, Points] = {"ms": {}, "bytes": {}}
    for kind in ("flat", "sq8"):
        for by, points in (("dims", [(max(rows), dim) for dim in dims]), ("rows", [(count, 256) for count in rows])):
            name = f"{kind} by {by}"
            measured["ms"][name], measured["bytes"][name] = {}, {}
            for count, dim in points:
                vectors = unit_rows(random.standard_normal((count, dim)).astype(np.float32))
                place = dim if by == "dims" else count
                ms, size = scan(kind, vectors)
                measured["ms"][name][place], measured["bytes"][name][place] = ms, size / count
    fitted = {name: laws(points) for name, points in measured["ms"].items()}
    show(fitted)
    chosen = {name: points for name, points in measured["ms"].items() if name.endswith("dims")}
    title = f"Milliseconds of a whole scan of {max(rows):,} vectors by dimensions, one thread"
    told = {"rows": list(rows), "dims": list(dims), "measured": measured, "fitted": {"ms": fitted}}
    keep("growth-index", told, curves(title, chosen, x="dimensions"))


def scan(kind: str, vectors: np.ndarray) -> tuple[float, float]:
    """Median milliseconds of one search, and resident bytes."""
    index = VectorIndex(vectors.shape[1], IndexPlan(kind), sample=vectors)  # pyright: ignore[reportArgumentType]
    index.add(np.arange(len(vectors)), vectors.astype(np.float16))
    took: list[float] = []
    for query in vectors[:_QUERIES]:
        started = time.perf_counter()
        next(index.candidates(query[None], _FETCH, None))
        took.append(time.perf_counter() - started)
    return float(np.median(took)) * 1000, index.resident_bytes()


# Laws


def laws(points: Mapping[int, float]) -> dict[str, float]:
    """Fit a line and a power to positive values by count."""
    x, y = (np.array(list(values), float) for values in (points.keys(), points.values()))
    each, fixed = np.polyfit(x, y, 1)
    exponent, factor = np.polyfit(np.log(x), np.log(y), 1)
    return {
        "fixed": float(fixed),
        "each": float(each),
        "line_r2": r2(y, fixed + each * x),
        "exponent": float(exponent),
        "factor": float(np.exp(factor)),
        "power_r2": r2(np.log(y), factor + exponent * np.log(x)),
    }


def r2(y: np.ndarray, fitted: np.ndarray) -> float:
    """The share of the variance that a fit explains."""
    return float(1 - ((y - fitted) ** 2).sum() / ((y - y.mean()) ** 2).sum())


def show(fitted: Mapping[str, Mapping[str, float]]) -> None:
    """Print the laws."""
    for name, law in fitted.items():
        print(
            f"{name:<14} {law['fixed']:9.3f} + {law['each']:.3g} n (R² {law['line_r2']:.3f})"
            f"    {law['factor']:.3g} n^{law['exponent']:.2f} (R² {law['power_r2']:.3f})"
        )


if __name__ == "__main__":
    main()
