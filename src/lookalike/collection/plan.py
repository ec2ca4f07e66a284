"""How a collection is searched: the ladder from a whole scan to inverted lists, and the goals that choose a step."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, get_args

from lookalike.types import Json

Kind = Literal["flat", "sq8", "ivf_sq8", "ivf_pq", "ivf_rabitq", "hnsw"]
EXACT: tuple[Kind, ...] = ("flat", "sq8")
"""Kinds whose answers are always the exact ones."""

FLAT_ROWS = 30_000
"""Up to here the whole gallery is scanned in float32; measured by `benchmarks/index.py`, as is the next."""
SCAN_ROWS = 50_000
OUTGROWN = 4
"""A plan is for up to so many times the photos that it was made for."""
TRAINING_ROWS_A_LIST = 32
_MOST_LISTS = 4096
_PROBES = 64
_CODEWORDS = 16
"""Of a product quantiser of four bits."""


@dataclass(frozen=True, slots=True)
class IndexPlan:
    """What the index is, and how hard a search tries.

    Parameters
    ----------
    kind : "flat", "sq8", "ivf_sq8", "ivf_pq", "ivf_rabitq" or "hnsw"
        flat: float32, scanned whole. sq8: one byte a number, scanned whole, settled by the stored vectors: exact too.
        ivf_sq8, ivf_pq, ivf_rabitq: inverted lists of such codes, or of two bits or one a number. hnsw: a graph over
        sq8 codes.
    lists, probes : int
        Inverted lists, and how many of them a search without a filter reads.
    refine : int
        An approximate search scores so many times the rows that it must find by the stored vectors.
    links, effort : int
        Neighbours a node of the graph, and how many candidates a search keeps (efSearch).
    """

    kind: Kind = "flat"
    lists: int = 0
    probes: int = 0
    refine: int = 1
    links: int = 0
    effort: int = 0

    def __post_init__(self) -> None:
        sensible = self.kind in get_args(Kind) and self.refine >= 1
        if self.kind.startswith("ivf"):
            sensible = sensible and 1 <= self.probes <= self.lists
        if self.kind == "hnsw":
            sensible = sensible and self.links >= 2 and self.effort >= 1
        if not sensible:
            raise ValueError(f"no index can be made from {self}")

    @property
    def exact(self) -> bool:
        """Whether every answer is the exact one."""
        return self.kind in EXACT

    @property
    def least(self) -> int:
        """How many vectors it can be trained on at least."""
        return max(1, self.lists, _CODEWORDS if self.kind == "ivf_pq" else 0)

    def same_structure(self, other: "IndexPlan") -> bool:
        """Whether an index of one plan serves the other, which then only tries harder or less hard."""
        return (self.kind, self.lists, self.links) == (other.kind, other.lists, other.links)

    def __str__(self) -> str:
        match self.kind:
            case "flat" | "sq8":
                return self.kind
            case "hnsw":
                return f"hnsw{self.links}, effort {self.effort}"
            case _:
                return f"{self.kind} {self.lists}, probes {self.probes}, refine {self.refine}"


@dataclass(frozen=True, slots=True)
class Goals:
    """What a search shall reach: recall@10 against the exact answer (the lower end of its one-sided 95 % interval),
    milliseconds a query on one thread, bytes of the index in all.

    `frozen` says that nothing will be removed, so that a graph, which cannot forget, may be chosen.
    """

    recall: float = 0.98
    max_ms: float = 5.0
    max_bytes: int | None = None
    frozen: bool = False


@dataclass(frozen=True, slots=True)
class Choice:
    """A plan that `tune` chose, with the goals, the figures that it was chosen by, and the photos there were."""

    plan: IndexPlan
    count: int
    goals: Goals = field(default_factory=Goals)
    figures: Mapping[str, float] = field(default_factory=dict[str, float])

    def to_text(self) -> str:
        """Write it as JSON."""
        told: Json = {"plan": asdict(self.plan), "count": self.count, "goals": asdict(self.goals)}
        return json.dumps({**told, "figures": dict(self.figures)})

    @classmethod
    def from_text(cls, text: str) -> "Choice | None":
        """Read it; None where this version cannot make sense of it."""
        try:
            told: Any = json.loads(text)
            return cls(IndexPlan(**told["plan"]), told["count"], Goals(**told["goals"]), told["figures"])
        except (ValueError, KeyError, TypeError):
            return None


def plan_for(count: int, choice: Choice | None = None) -> IndexPlan:
    """Choose the plan for so many photos: the tuned one while it fits, else by size."""
    fits = choice is not None and choice.count <= count * OUTGROWN and count <= choice.count * OUTGROWN
    plan = choice.plan if choice is not None and fits else ladder(count)
    return plan if count >= plan.least else IndexPlan("flat")


def ladder(count: int) -> IndexPlan:
    """Choose by size alone: a whole scan while it is fast enough, then inverted lists."""
    if count <= FLAT_ROWS:
        return IndexPlan("flat")
    if count <= SCAN_ROWS:
        return IndexPlan("sq8")
    return lists_plan(count)


def lists_plan(count: int, kind: Literal["ivf_sq8", "ivf_pq"] = "ivf_pq") -> IndexPlan:
    """Make a plan with inverted lists: the first power of two from 3 * sqrt(count) on of them, 4,096 at most."""
    lists = 1
    while lists < min(_MOST_LISTS, 3 * count**0.5):
        lists *= 2
    return IndexPlan(kind, lists, min(lists, _PROBES), 1 if kind == "ivf_sq8" else 12)
