"""Measure for about a minute what building and asking cost here: two small sites, heads, indexes of random vectors."""

import time
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np

from lookalike import catalogue, heads, pipeline
from lookalike.collection import IndexPlan
from lookalike.collection.plan import plan_for
from lookalike.collection.vector_index import VectorIndex
from lookalike.cores import cores
from lookalike.demo.drawing import draw_batch
from lookalike.demo.shop import stock
from lookalike.encoder import load_encoder
from lookalike.errors import SourceError
from lookalike.sizing.asking import ask
from lookalike.sizing.laws import Costs, IndexCosts, Line, counted
from lookalike.splits import SplitConfig
from lookalike.types import Float32Array, unit_rows

LEAST = 40
"""Photos without which a line through two sites says nothing."""

_SUFFIXES = {".jpg", ".jpeg", ".png", ".webp", ".gif"}
_QUERIES = 60
_ROWS = 20_000
_LISTS = (128, 512)
_LABELS = 20
_NARROW = 4
_WARM = 16
_FETCH = 72  # what a search for ten products asks an index for, about


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
    _build(photos[:_WARM], scratch / "warm", encoder)  # what a process does once is no part of a stage
    built: list[tuple[dict[str, float], dict[str, float]]] = []
    for count in (few, many):
        tell(f"building a site of {count} photos")
        built.append(_build(photos[:count], scratch / str(count), encoder))
    tell("asking it")
    asked = ask(scratch / str(many) / "site", photos[:_QUERIES])
    loaded = load_encoder(encoder)
    dim = heads.HeadConfig().dim
    plans = {plan.kind: plan for plan in (IndexPlan("flat"), plan_for(many), *map(plan_for, counts))}
    stages, artefacts = (
        {name: _fit(name, (few, small[name]), (many, large[name])) for name in large}
        for small, large in zip(*built, strict=True)
    )
    tell("fitting heads")
    stages["head"] = _head(loaded.dim)
    tell("building and asking indexes")
    return Costs(
        many,
        dim,
        stages,
        artefacts,
        {kind: index_costs(plan, dim, _ROWS) for kind, plan in plans.items()},
        query_ms=asked.query_ms,
        decode_ms=asked.decode_ms,
        encode_ms=asked.encode_ms,
        queries_per_s=asked.queries_per_s,
        server_bytes=asked.resident_bytes,
        cores=cores(),
        precision=loaded.precision,
    )


def _fit(name: str, few: tuple[int, float], many: tuple[int, float]) -> Line:
    return Line.through((counted(name, few[0]), few[1]), (counted(name, many[0]), many[1]))


def _head(dim: int) -> Line:
    """Seconds to fit the default head, by photos, on random features: just over as many as numbers, and four times."""
    random, points = np.random.default_rng(0), list[tuple[float, float]]()
    for rows in (dim + dim // 10, 4 * dim):
        features = random.random((rows, dim), np.float32)
        labels = [f"label {row % _LABELS}" for row in range(rows)]
        started = time.perf_counter()
        heads.fit(features, labels, range(rows), heads.HeadConfig())
        points.append((rows / SplitConfig().train, time.perf_counter() - started))
    return Line.through(*points)


def _build(photos: Sequence[Path], scratch: Path, encoder: str) -> tuple[dict[str, float], dict[str, float]]:
    """Build a site; return seconds by stage, and bytes by artefact."""
    folder = scratch / "source" / "photos"
    folder.mkdir(parents=True)
    for number, file in enumerate(photos):
        (folder / f"{number:06d}{file.suffix.lower()}").symlink_to(file.resolve())
    # So narrow that few photos have the width; `_head` measures a whole one, and `size` adds whole vectors.
    head = heads.HeadConfig(kind="pca", dim=_NARROW)
    config = pipeline.BuildConfig(encoder=encoder, evaluation=None, head=head)
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


def index_costs(plan: IndexPlan, dim: int, rows: int) -> IndexCosts:
    """Measure a kind of index: whole scans of a quarter of the rows and of all, or fewer and more lists."""
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
    search = float(np.quantile(took, 0.1)) * 1000  # a search always does as much: what is slower met other work
    return search, trained - started, (added - trained) / rows, index.resident_bytes() / rows
