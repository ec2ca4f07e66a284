"""What a catalogue of some size takes on this machine: two small sites are built, lines fitted, and drawn out.

Everything that is counted is a fixed part and a part for each photo (or row, or list), through two measured points. How
an index of some size is made and searched, `collection.plan` says; its costs are measured on random vectors.
"""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from lookalike import catalogue, pipeline, timing
from lookalike.collection import IndexPlan
from lookalike.collection.plan import plan_for
from lookalike.collection.vector_index import VectorIndex
from lookalike.demo.drawing import draw_batch
from lookalike.demo.shop import stock
from lookalike.encoder import load_encoder
from lookalike.engine import SearchEngine
from lookalike.errors import SourceError
from lookalike.splits import SplitConfig
from lookalike.types import Float32Array, unit_rows
from lookalike.views import ViewsConfig

LEAST = 40
"""Photos without which a line through two sites says nothing."""

_SUFFIXES = {".jpg", ".jpeg", ".png", ".webp", ".gif"}
_QUERIES = 60
_ROWS = 20_000
_LISTS = (128, 512)
_FETCH = 72  # what a search for ten products asks an index for, about
_RESIDENT = """
import sys
from pathlib import Path
from lookalike.api import create_app
from lookalike.engine import SearchEngine
from lookalike.settings import load_settings
engine = SearchEngine.open(sys.argv[1])
app = create_app(engine, load_settings())
for photo in sys.argv[2:]:
    engine.search(photo)
status = Path("/proc/self/status")
if status.is_file():
    print(1024 * int(status.read_text().split("VmRSS:")[1].split()[0]))
else:
    import resource
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024))
"""


@dataclass(frozen=True)
class Line:
    """A fixed part and a part for each of something, in whatever unit."""

    fixed: float
    each: float = 0.0

    def at(self, count: float) -> float:
        """Its height at so many."""
        return self.fixed + self.each * count

    @classmethod
    def through(cls, few: tuple[float, float], many: tuple[float, float]) -> "Line":
        """Fit it to two points (count, height), neither part below zero; one that would fall is flat, at the second."""
        each = max(0.0, (many[1] - few[1]) / (many[0] - few[0]))
        fixed = many[1] - each * many[0]
        return cls(fixed, each) if fixed >= 0 else cls(0.0, many[1] / many[0])


@dataclass(frozen=True)
class IndexCosts:
    """What one kind of index costs on one thread.

    `search_ms` goes by the rows that a search looks at, without those of the centroids; `train_s` by the square of the
    lists, as each list is learned from as many rows; `add_s`, for one row, by the lists, all of which it is compared
    with. `row_bytes` are resident.
    """

    search_ms: Line
    train_s: Line
    add_s: Line
    row_bytes: float


@dataclass(frozen=True)
class Costs:
    """What was measured.

    `stages` are seconds and `artefacts` bytes on disk, by name; those of "views" go by `views_of`, all others by photos.
    `site` is the photos of the larger site: of it are `query_ms` (its median, one at a time), `decode_ms` and
    `encode_ms` (parts of that), `queries_per_s` (as many at once as there are cores) and `server_bytes` (resident).
    """

    site: int
    stages: Mapping[str, Line]
    artefacts: Mapping[str, Line]
    indexes: Mapping[str, IndexCosts]
    query_ms: float
    decode_ms: float
    encode_ms: float
    queries_per_s: float
    server_bytes: float
    cores: int
    precision: str


@dataclass(frozen=True)
class Size:
    """What a catalogue of `photos` takes: seconds of each stage and in all, bytes, milliseconds, queries a second."""

    photos: int
    index: str
    stages: Mapping[str, float]
    build_s: float
    memory_bytes: float
    disk_bytes: float
    query_ms: float
    queries_per_s: float


def views_of(photos: int) -> float:
    """How many views the head's stage of that name makes: no more from some thousands of photos on."""
    config, split = ViewsConfig(), SplitConfig()
    train, validation = min(split.train * photos, config.train), min(split.validation * photos, config.validation)
    return train * config.views + validation * config.validation_views


def size(costs: Costs, photos: int) -> Size:
    """Draw the lines out to a catalogue of so many photos, whose kind of index must have been measured."""
    plan = plan_for(photos)
    index, flat = costs.indexes[plan.kind], costs.indexes["flat"]
    stages = {name: line.at(_counted(name, photos)) for name, line in costs.stages.items()}
    stages["index"] = index.train_s.at(plan.lists**2) + index.add_s.at(plan.lists) * photos
    disk = sum(line.at(_counted(name, photos)) for name, line in costs.artefacts.items())
    more_ms = search_ms(costs, photos) - search_ms(costs, costs.site)
    return Size(
        photos,
        str(plan),
        stages,
        sum(stages.values()),
        costs.server_bytes + index.row_bytes * photos - flat.row_bytes * costs.site,
        disk + (index.row_bytes - flat.row_bytes) * photos,
        costs.query_ms + more_ms,
        1000 / (1000 / costs.queries_per_s + more_ms / costs.cores),
    )


def search_ms(costs: Costs, photos: int) -> float:
    """Milliseconds of one search of an index: all rows, or the centroids and the rows of the lists that it reads."""
    plan = plan_for(photos)
    line = costs.indexes[plan.kind].search_ms
    if not plan.lists:
        return line.at(photos)
    return line.at(photos * plan.probes / plan.lists) + costs.indexes["flat"].search_ms.each * plan.lists


def _counted(name: str, photos: int) -> float:
    return views_of(photos) if name == "views" else photos


def find_photos(source: Path, most: int) -> list[Path]:
    """Take up to `most` photos from all over a folder.

    Raises
    ------
    SourceError
        There are fewer than `LEAST`.
    """
    files = sorted(file for file in source.rglob("*") if file.suffix.lower() in _SUFFIXES and file.is_file())
    if len(files) < LEAST:
        raise SourceError(
            f"{len(files)} photos are too few to measure by",
            where=str(source),
            mend=f"Name a folder of {LEAST} or more",
        )
    return [files[place] for place in np.linspace(0, len(files) - 1, min(most, len(files))).astype(int)]


def draw_photos(folder: Path, count: int) -> list[Path]:
    """Draw photos of the demo shop until there are so many."""
    folder.mkdir(parents=True)
    drawn = 0
    for listing in stock(0):
        if drawn >= count:
            break
        drawn += draw_batch([listing], folder, 0)
    return sorted(folder.iterdir())[:count]


def measure(
    photos: Sequence[Path], counts: Sequence[int], scratch: Path, encoder: str, tell: Callable[[str], None]
) -> Costs:
    """Build two sites, of a quarter of the photos and of all, ask the larger one, and try the indexes.

    Parameters
    ----------
    photos : at least `LEAST` files
    counts : the sizes that `size` will be asked for
    scratch : an empty folder
    encoder : as for `build`
    tell : told what is being done
    """
    few, many = len(photos) // 4, len(photos)
    tell("warming up")
    _build(photos[:few], scratch / "warm", encoder)  # what a process does once is no part of a stage
    built: list[tuple[dict[str, float], dict[str, float]]] = []
    for count in (few, many):
        tell(f"building a site of {count} photos")
        built.append(_build(photos[:count], scratch / str(count), encoder))
    tell("asking it")
    site = scratch / str(many) / "site"
    asked = _ask(site, photos[:_QUERIES])
    loaded = load_encoder(encoder)
    with SearchEngine.open(site) as engine:
        dim = engine.collection.info.dim
    plans = {plan.kind: plan for plan in (IndexPlan("flat"), plan_for(many), *map(plan_for, counts))}
    tell("building and asking indexes")
    stages, artefacts = (
        {name: _fit(name, (few, small[name]), (many, large[name])) for name in large}
        for small, large in zip(*built, strict=True)
    )
    return Costs(
        many,
        stages,
        artefacts,
        {kind: index_costs(plan, dim) for kind, plan in plans.items()},
        *asked,
        cores=_cores(),
        precision=loaded.precision,
    )


def _fit(name: str, few: tuple[int, float], many: tuple[int, float]) -> Line:
    return Line.through((_counted(name, few[0]), few[1]), (_counted(name, many[0]), many[1]))


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _build(photos: Sequence[Path], scratch: Path, encoder: str) -> tuple[dict[str, float], dict[str, float]]:
    """Build a site; return seconds by stage, and bytes by artefact."""
    folder = scratch / "source" / "photos"
    folder.mkdir(parents=True)
    for number, file in enumerate(photos):
        (folder / f"{number:06d}{file.suffix.lower()}").symlink_to(file.resolve())
    config = pipeline.BuildConfig(encoder=encoder, evaluation=None)
    source = catalogue.load_source_config(folder.parent)
    reports = pipeline.build(source, scratch / "site", config, _Quiet())
    return {report.name: report.seconds for report in reports}, {
        report.name: float(sum(file.stat().st_size for file in report.artifact.path.rglob("*") if file.is_file()))
        for report in reports
    }


class _Quiet:
    """A reporter that says nothing."""

    @contextmanager
    def stage(self, name: str) -> Generator[Callable[[int, int], None]]:
        del name
        yield lambda done, total: None

    def finished(self, stage: pipeline.StageReport) -> None:
        pass


def _ask(site: Path, photos: Sequence[Path]) -> tuple[float, float, float, float, float]:
    """Milliseconds of a query, of its decoding and its encoding; queries a second; a server's resident bytes."""
    took: list[tuple[float, float, float]] = []
    with SearchEngine.open(site) as engine:
        engine.search(photos[0])
        for photo in photos:
            with timing.recording() as steps:
                started = time.perf_counter()
                engine.search(photo)
                whole = time.perf_counter() - started
            took.append((whole, steps.seconds["decode"], steps.seconds["encode"]))
        started = time.perf_counter()
        with ThreadPoolExecutor(_cores()) as pool:
            list(pool.map(engine.search, [*photos, *photos]))
        rate = 2 * len(photos) / (time.perf_counter() - started)
    query_ms, decode_ms, encode_ms = (np.median(took, axis=0) * 1000).tolist()
    command = [sys.executable, "-c", _RESIDENT, str(site), *map(str, photos[:20])]
    told = subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603 - this Python, our words
    return query_ms, decode_ms, encode_ms, rate, float(told.stdout)


def index_costs(plan: IndexPlan, dim: int, rows: int = _ROWS) -> IndexCosts:
    """Measure a kind of index: whole scans at a quarter of the rows and at all, lists with fewer and with more lists."""
    vectors = unit_rows(np.random.default_rng(0).standard_normal((rows, dim)).astype(np.float32))
    if not plan.lists:
        (few_ms, *_), (many_ms, train_s, add_s, size_b) = (_try(plan, vectors[:n]) for n in (rows // 4, rows))
        return IndexCosts(Line.through((rows / 4, few_ms), (rows, many_ms)), Line(train_s), Line(add_s), size_b)
    fewer, more = (replace(plan, lists=n, probes=min(plan.probes, n)) for n in _LISTS)
    (few_ms, few_train, few_add, _), (many_ms, many_train, many_add, size_b) = (_try(p, vectors) for p in (fewer, more))
    centroid_ms = index_costs(IndexPlan("flat"), dim, rows).search_ms.each
    # More lists of the same rows are shorter: as many probes look at fewer rows.
    short = (rows * more.probes / more.lists, max(0.0, many_ms - centroid_ms * more.lists))
    long = (rows * fewer.probes / fewer.lists, max(0.0, few_ms - centroid_ms * fewer.lists))
    return IndexCosts(
        Line.through(short, long),
        Line.through((fewer.lists**2, few_train), (more.lists**2, many_train)),
        Line.through((fewer.lists, few_add), (more.lists, many_add)),
        size_b,
    )


def _try(plan: IndexPlan, vectors: Float32Array) -> tuple[float, float, float, float]:
    """Milliseconds of a search, seconds to train, seconds to add one row, resident bytes of one row."""
    started = time.perf_counter()
    index = VectorIndex(vectors.shape[1], plan, sample=vectors)
    trained = time.perf_counter()
    index.add(np.arange(len(vectors)), vectors.astype(np.float16))
    added = time.perf_counter()
    took: list[float] = []
    for query in vectors[:_QUERIES]:
        asked = time.perf_counter()
        next(index.candidates(query[None], _FETCH, None))
        took.append(time.perf_counter() - asked)
    rows = len(vectors)
    search = float(np.median(took)) * 1000
    return search, trained - started, (added - trained) / rows, index.resident_bytes() / rows
