"""The index over a collection's vectors: keys, a FAISS level that finds candidates, and the vectors that score them.

Whatever the level, scores are exact cosines of the stored vectors, every row that FAISS names is looked up again, and
as many rows come back as were asked for where there are so many. Only which rows are candidates may be approximate.
"""

import threading
from collections import deque
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from lookalike.collection.levels import Ask, Level, Lists, Scan
from lookalike.collection.making import make_level, with_settings
from lookalike.collection.plan import TRAINING_ROWS_A_LIST, IndexPlan
from lookalike.collection.rows import Float16Array, Int64Array, Rows, restore
from lookalike.collection.scoring import UNKNOWN, Candidates, Scorer
from lookalike.collection.selectors import are_among
from lookalike.collection.slots import Slots
from lookalike.types import Float32Array

_EXACT_ROWS = 500  # so few rows are scored directly at least as fast as FAISS finds the best of them (100,000 x 256)
_EXACT_AMONG = 2000  # the same where lists or a graph would have to be searched around a filter (1,000,000 x 256)
_EXACT_SHARE = 30  # and if they are more: of a million 30,000 are scored in 6 ms, lists around them read in 8
_CHUNK_ROWS = 1024
_SELECTIONS = 8
_MORE_EFFORT = 4
_TRAINING_ROWS = 50_000  # the range of a byte is settled by fewer


class VectorIndex:
    """Unit vectors under integer keys that rise with time, searched by inner product as a plan says.

    Parameters
    ----------
    dim : int
        Width of the vectors.
    plan : IndexPlan
        Default: exact, in float32.
    sample : float32 array of shape (n, dim)
        What to train on; all plans but `flat` need one.
    level : Level
        What was loaded, instead of an empty one.
    trained_on : int
        How many vectors there were when it was trained.
    """

    def __init__(
        self,
        dim: int,
        plan: IndexPlan | None = None,
        *,
        sample: Float32Array | None = None,
        level: Level | None = None,
        trained_on: int = 0,
    ) -> None:
        self.dim = dim
        self.trained_on = trained_on
        self.plan = plan or IndexPlan("flat")
        nothing = np.empty((0, dim), np.float32)
        self.level: Level = level or make_level(self.plan, dim, nothing if sample is None else sample)
        self._mutex = threading.Lock()
        self._selections: deque[tuple[Int64Array, Int64Array, object]] = deque(maxlen=_SELECTIONS)
        self._keys: Int64Array = np.empty(0, np.int64)
        self._slots = Slots()
        self._rows: Rows | None = None if self.plan.kind == "flat" else Rows(np.empty((0, dim), np.float16))

    @classmethod
    def build(cls, plan: IndexPlan, keys: Int64Array, halves: Float16Array) -> "VectorIndex":
        """Make an index of what a collection holds: rising keys, and the vectors as stored, float16 (n, dim)."""
        wanted = max(_TRAINING_ROWS, TRAINING_ROWS_A_LIST * plan.lists)
        chosen = np.arange(len(keys))
        if len(keys) > wanted:
            chosen = np.sort(np.random.default_rng(0).choice(len(keys), wanted, replace=False))
        sample = None if plan.kind == "flat" else restore(halves[chosen])
        index = cls(halves.shape[1], plan, sample=sample, trained_on=len(keys))
        for start in range(0, len(keys), _CHUNK_ROWS * 64):
            part = slice(start, start + _CHUNK_ROWS * 64)
            index.level.add(np.arange(len(keys))[part], restore(halves[part]))
        index.hold(keys, Slots.first(len(keys)), None if plan.kind == "flat" else halves)
        return index

    def hold(self, keys: Int64Array, slots: Slots, halves: Float16Array | None) -> None:
        """Take over keys, their slots, and the stored vectors of all slots, beside a level that has them already."""
        self._keys, self._slots = keys, slots
        self._selections.clear()
        if halves is not None:
            self._rows = Rows(halves)
            if isinstance(self.level, Lists):
                self.level.refine_by(halves)

    def __len__(self) -> int:
        return len(self._keys)

    @property
    def spare(self) -> int:
        """How many rows beyond k to fetch, so that one round nearly always settles ties and rounding."""
        return 32 if self.plan.exact else 8

    def waste(self) -> float:
        """The share of slots whose rows are no longer in the index; whole scans keep none when they are saved."""
        scanned = isinstance(self.level, Scan) or not self._slots.used
        return 0.0 if scanned else 1 - len(self) / self._slots.used

    def resident_bytes(self) -> int:
        """How much memory it takes, without the stored vectors, which are mapped from a file once it is written."""
        return self.level.bytes + self._keys.nbytes + self._slots.bytes

    def retune(self, plan: IndexPlan) -> None:
        """Search the same structure with other settings."""
        self.plan = plan
        self.level = with_settings(self.level, plan)

    def keys(self) -> Int64Array:
        """Return all keys, rising; the row of a key is its place here."""
        return self._keys

    def add(self, keys: Int64Array, halves: Float16Array) -> None:
        """Add vectors, as they are stored, under new keys.

        Raises
        ------
        ValueError
            The keys do not rise above each other and above those that are there; FAISS itself takes a key twice.
        """
        if not len(keys):
            return
        if (np.diff(keys, prepend=self._keys[-1:]) <= 0).any():
            raise ValueError("keys must rise, and above those that are there")
        if halves.shape != (len(keys), self.dim):
            raise ValueError(f"expected vectors of shape {(len(keys), self.dim)}, got {halves.shape}")
        if self._rows is not None:
            self._rows.append(halves)
        self._selections.clear()
        self.level.add(self._slots.next(len(keys)), restore(halves))
        self._slots = self._slots.grown(len(keys))
        self._keys = np.concatenate([self._keys, keys])

    def remove(self, keys: Int64Array) -> None:
        """Remove vectors; keys that are not there are passed over."""
        kept = ~np.isin(self._keys, keys)
        rows = np.flatnonzero(~kept)
        if not len(rows):
            return
        self._selections.clear()
        self.level.remove(self._slots.at(rows), rows)
        self._keys = self._keys[kept]
        self._slots = Slots.first(len(self._keys)) if self._rows is None else self._slots.only(kept)

    def stored(self) -> tuple[Slots, Iterator[Float16Array]]:
        """Return slots and the vectors in them, to be written; whole scans count theirs anew, the gone left out."""
        compact = isinstance(self.level, Scan)
        slots = Slots.first(len(self)) if compact else self._slots
        parts = (np.arange(slots.used)[start : start + _CHUNK_ROWS] for start in range(0, slots.used, _CHUNK_ROWS))
        rows = self._rows
        taken = () if rows is None else (rows.take(self._slots.at(part) if compact else part) for part in parts)
        return slots, iter(taken)

    def halves_at(self, rows: Int64Array) -> Float16Array:
        """Return stored vectors; a flat index keeps none."""
        nothing = np.empty((0, self.dim), np.float16)
        return nothing if self._rows is None else self._rows.take(self._slots.at(rows))

    def candidates(self, queries: Float32Array, fetch: int, allowed: Int64Array | None) -> Iterator[Candidates]:
        """Find about the `fetch` best rows for each query, and how good a row that is not among them can be.

        Parameters
        ----------
        queries : float32 array of shape (n, dim)
            Checked by the caller: finite, of length 1.
        fetch : int
            At least 1. From the number of rows that may be found on, all of them come back; below, at least so many.
        allowed : int64 array, rising, optional
            The keys that may be found, all of them in the index; default: every key.

        Raises
        ------
        ValueError
            A key in `allowed` is not in the index.
        """
        among, selector = (None, None) if allowed is None else self._selected(allowed)
        total = len(self) if among is None else len(among)
        scorer = Scorer(self._keys, self._vectors, None if self._rows is None else self.halves_at)
        few = _EXACT_ROWS if among is None or self.plan.exact else max(_EXACT_AMONG, len(self) // _EXACT_SHARE)
        if fetch >= total or total <= few:
            everything = np.arange(total) if among is None else among
            yield from scorer.best(everything, queries, fetch)
        elif self.level.slack is not None:
            yield from self._surely(queries, Ask(fetch, among, selector), self.level.slack, scorer)
        else:
            spoiled = among is None and self._slots.places is not None  # some that are found may be gone
            keep = min(total, 2 * fetch) if spoiled else fetch
            ask = Ask(min(total, fetch * self.plan.refine), among, selector, 1, keep)
            found = self._roughly(queries, ask, fetch)
            if isinstance(found, np.ndarray) and found.shape[1] <= 2 * fetch:
                yield from scorer.together(queries, found)
                return
            for place, rows in enumerate(found):
                (best,) = scorer.best(rows, queries[place : place + 1], fetch)
                yield replace(best, bound=UNKNOWN)

    def _surely(self, queries: Float32Array, ask: Ask, slack: float, scorer: Scorer) -> Iterator[Candidates]:
        rough, found = self.level.search(np.ascontiguousarray(queries), ask, self._slots)
        good = are_among(found, ask.among)
        bounds = rough.min(axis=1, where=good, initial=1.0) + slack
        for query, rows, well, bound in zip(queries, found, good, bounds.tolist(), strict=True):
            yield scorer.scored(rows[well], query, bound)

    def _roughly(self, queries: Float32Array, ask: Ask, fetch: int) -> list[Int64Array] | Int64Array:
        """Return at least `fetch` rows for each query, trying harder where FAISS gave fewer."""
        found = self.level.search(np.ascontiguousarray(queries), ask, self._slots)[1]
        good = are_among(found, ask.among)
        if good.all():
            return found
        answers = [rows[well] for rows, well in zip(found, good, strict=True)]
        while pending := [place for place, rows in enumerate(answers) if len(rows) < fetch]:
            if self.level.tried_everything(ask.effort):
                everything = np.arange(len(self)) if ask.among is None else ask.among
                return [rows if len(rows) >= fetch else everything for rows in answers]
            ask = replace(ask, effort=ask.effort * _MORE_EFFORT)
            found = self.level.search(np.ascontiguousarray(queries[pending]), ask, self._slots)[1]
            for place, rows in zip(pending, found, strict=True):
                answers[place] = rows[are_among(rows, ask.among)]
        return answers

    def _selected(self, allowed: Int64Array) -> tuple[Int64Array, object]:
        """Return the rows of keys and FAISS's form of them; both are remembered for the arrays that came last."""
        with self._mutex:
            for known, rows, selector in self._selections:
                if known is allowed:
                    return rows, selector
        rows = self._rows_of(allowed)
        selector = self.level.select(rows, self._slots) if len(rows) > _EXACT_ROWS else None
        with self._mutex:
            self._selections.append((allowed, rows, selector))
        return rows, selector

    def _rows_of(self, keys: Int64Array) -> Int64Array:
        rows = np.searchsorted(self._keys, keys)
        if (rows >= len(self)).any() or (self._keys[rows] != keys).any():  # FAISS would read past its memory
            raise ValueError("a key is not in the index")
        return rows

    def _vectors(self, rows: Int64Array) -> Float32Array:
        if self._rows is None:
            assert isinstance(self.level, Scan)  # noqa: S101 - a flat index holds its vectors itself
            return self.level.vectors(rows)
        return restore(self.halves_at(rows))
