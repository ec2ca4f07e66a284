"""The index of a store, kept at the store's state: read from its cache, following changes, made anew where it must.

While a collection is filled, and nobody searches, it is not followed any further than to the point from which on it
will be made anew anyway: what it holds by then is let go, and the next search or checkpoint makes it in one go.
"""

from pathlib import Path

import numpy as np

from lookalike.collection.cache import load_index, save_index
from lookalike.collection.plan import OUTGROWN, Choice, Goals, IndexPlan, plan_for
from lookalike.collection.rows import Float16Array, Int64Array
from lookalike.collection.store import Change, Store
from lookalike.collection.tuning import Progress, Tuning, figures, measure
from lookalike.collection.vector_index import VectorIndex

_MOST_WASTE = 0.2
"""The share of what an index holds that may be gone before it is made anew; a graph is at once."""


class LiveIndex:
    """A `VectorIndex` beside a `Store`; the caller sees to it that nothing searches while anything changes here.

    Parameters
    ----------
    store : Store
    folder : Path, optional
        Where the cache lies; nothing is cached without.
    mapped : bool
        Leave inverted lists on disk; for those who will hardly change them.
    """

    def __init__(self, store: Store, folder: Path | None, *, mapped: bool) -> None:
        self._store = store
        self._folder = folder
        self._state: str | None = None
        self._cached: str | None = None
        self.left = False  # to be made anew when it is next needed
        self.searched = False
        self.index = VectorIndex(store.info.dim)
        state = store.state()
        found = None if folder is None else load_index(folder, store.info.dim, state, mapped=mapped)
        if found is not None:
            self.index, self._state, self._cached = found, state, state
        elif folder is not None and store.count():
            self.left = True

    @property
    def state(self) -> str | None:
        """The committed state that the index is of; None while it is of none."""
        return self._state

    def is_fresh(self) -> bool:
        """Whether the index is of the state that the store is in now."""
        return self._state == self._store.state()

    def follow(self) -> None:
        """Bring the index to the store's state: keys rise and never change their vector, so compare keys."""
        state = self._store.state()
        if self._state == state:
            return
        if self._state is None:  # left, begun and not finished, or nothing cached
            self.rebuild(self.wanted())
            return
        self._state = None
        have = self.index.keys()
        first_new = int(have.max(initial=0)) + 1
        if self._store.count() - self._store.count_from(first_new) != len(have):
            self.index.remove(np.setdiff1d(have, self._store.keys(), assume_unique=True))
        for keys, halves in self._store.halves_from(first_new):
            self.index.add(keys, halves)
        self._state = state

    def keep_up(self) -> None:
        """Follow, for who goes on to change something and need not search."""
        if not self.left:
            self.follow()

    def apply(self, change: Change, halves: Float16Array) -> None:
        """Bring a change that was just committed into the index; if that fails, the next search makes it anew."""
        if self.left:
            return
        self._state = None
        self.index.remove(change.removed)
        self.index.add(change.added, halves)
        self._state = self._store.state()
        wanted = plan_for(len(self.index), self._store.choice())
        outgrown = not self.index.plan.same_structure(wanted) or self._worn()
        if outgrown and len(change.added) and not self.searched and self._folder is not None:
            self.index, self.left = VectorIndex(self._store.info.dim), True
            self._state = self._cached = None

    def wanted(self) -> IndexPlan:
        """Tell the plan for what the store holds now."""
        return plan_for(self._store.count(), self._store.choice())

    def settle(self) -> None:
        """Make the index anew where it is of another plan than is wanted, was outgrown, or is full of waste."""
        wanted = self.wanted()
        if self._state is not None and self.index.plan.same_structure(wanted) and not self._worn():
            if self.index.plan != wanted:
                self.index.retune(wanted)
                self._cached = None
            return
        self.rebuild(wanted)

    def rebuild(self, plan: IndexPlan) -> None:
        """Make the index from the store."""
        state = self._store.state()
        self._state = self._cached = None
        keys, halves = self.everything()
        self.index = VectorIndex.build(plan, keys, halves)
        self._state, self.left = state, False

    def write(self) -> None:
        """Write the cache, unless there is one of this state, or nowhere to write."""
        if self._folder is not None and self._state is not None and self._state != self._cached:
            save_index(self.index, self._folder, self._state)
            self._cached = self._state

    def everything(self) -> tuple[Int64Array, Float16Array]:
        """Read all keys, rising, and vectors as they are stored."""
        count, dim = self._store.count(), self._store.info.dim
        keys, halves = np.empty(count, np.int64), np.empty((count, dim), np.float16)
        done = 0
        for some, vectors in self._store.halves_from(0):
            keys[done : done + len(some)], halves[done : done + len(some)] = some, vectors
            done += len(some)
        return keys[:done], halves[:done]

    def tune(self, goals: Goals, progress: Progress | None, *, keep: bool) -> Tuning:
        """Measure candidates on what the store holds; keep what was chosen, if anything, and search by it."""
        tuned = measure(*self.everything(), goals, progress)
        if keep and tuned.chosen is not None:
            self._store.set_choice(Choice(tuned.chosen.plan, tuned.count, goals, figures(tuned.chosen)))
            self.settle()
            self.write()
        return tuned

    def _worn(self) -> bool:
        trained = self.index.trained_on
        if self.index.plan.kind == "flat" or not trained:
            return False
        most = 0.0 if self.index.plan.kind == "hnsw" else _MOST_WASTE
        return len(self.index) > OUTGROWN * trained or self.index.waste() > most
