"""How what was measured is drawn out to a catalogue of any size.

Everything that is counted is a fixed part and a part for each photo (or row, or list). How an index of some size is
made and searched, `collection.plan` says.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from lookalike.collection.owners import BYTES as OWNER_BYTES
from lookalike.collection.plan import plan_for
from lookalike.splits import SplitConfig
from lookalike.views import ViewsConfig


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

    `stages` are seconds and `artefacts` bytes on disk, by name; those of "views" go by `views_of`, all others by
    photos. Their vectors have next to no width: `size` adds those of `dim` numbers. `site` is the photos of the larger
    site: of its server, asked over HTTP, are `query_ms` (the median, one at a time), `decode_ms` and `encode_ms` (parts
    of that), `queries_per_s` (16 clients on the same machine) and `server_bytes` (resident).
    """

    site: int
    dim: int
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
    index = costs.indexes[plan.kind]
    stages = {name: line.at(counted(name, photos)) for name, line in costs.stages.items()}
    stages["index"] = index.train_s.at(plan.lists**2) + index.add_s.at(plan.lists) * photos
    disk = sum(line.at(counted(name, photos)) for name, line in costs.artefacts.items())
    halves = 1 if plan.kind == "flat" else 2  # float16 in the database, and mapped beside an index of codes
    more_ms = search_ms(costs, photos) - search_ms(costs, costs.site)
    return Size(
        photos,
        str(plan),
        stages,
        sum(stages.values()),
        costs.server_bytes + (index.row_bytes + OWNER_BYTES) * photos,
        disk + (index.row_bytes + halves * 2 * costs.dim) * photos,
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


def counted(name: str, photos: int) -> float:
    """What a stage goes by: photos, or views."""
    return views_of(photos) if name == "views" else photos
