"""The FAISS structures that an index is made of, one small class for each way to search.

Checked with FAISS 1.15.1: missing slots come back as label -1; a NaN query gives all -1 without an error; a wrong width
is a bare `AssertionError`; the same id may be added twice; a filtered graph may return rows that were excluded, or too
few; a search while another thread adds or removes crashes the process. So queries are checked before they come here,
every label is looked up again afterwards, and `local` holds a lock that keeps changes and searches apart.

Settings of a search go with the call; set on the index they would disturb the searches of other threads.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import faiss
import numpy as np

from lookalike.collection.refined import Refined
from lookalike.collection.rows import Float16Array, Int64Array
from lookalike.collection.selectors import selector_of
from lookalike.collection.slots import Slots
from lookalike.types import Float32Array

_MOST_EFFORT = 64
_library: Any = faiss  # its constructors take NumPy arrays and keywords, which its types do not say


@dataclass(frozen=True, slots=True)
class Ask:
    """What is asked of a level: about `fetch` rows for each query, of `among` rows if not of all, with this effort.

    `among` rises; `selector` is what the level's `select` made of it. `effort` 1 is the plan's; what gave too little
    asks for more. `keep` is how many are wanted of them, best first, from a level that can tell; others return all.
    """

    fetch: int
    among: Int64Array | None = None
    selector: object = None
    effort: int = 1
    keep: int = 0


class Level(Protocol):
    """One way to search vectors that lie in an index in the order of their keys, each in its slot."""

    @property
    def bytes(self) -> int:
        """How much memory it takes, as far as that grows with what it holds."""
        ...

    @property
    def slack(self) -> float | None:
        """How far a rough score may lie below the exact one; None where rows may be missed altogether."""
        ...

    def add(self, slots: Int64Array, vectors: Float32Array) -> None:
        """Add vectors in slots above all others."""
        ...

    def remove(self, slots: Int64Array, rows: Int64Array) -> None:
        """Remove vectors by their slots, which are those of these rows."""
        ...

    def select(self, among: Int64Array, slots: Slots) -> object:
        """Return FAISS's form of "only these rows"; good until the index changes."""
        ...

    def search(self, queries: Float32Array, ask: Ask, slots: Slots) -> tuple[Float32Array, Int64Array]:
        """Return rough scores and rows of shape (n, fetch), or (n, keep), -1 where there is none."""
        ...

    def tried_everything(self, effort: int) -> bool:
        """Whether more effort finds no more rows."""
        ...

    def save(self, file: Path) -> None:
        """Write the structure."""
        ...


class Scan:
    """Every vector is looked at: `flat` in float32, `sq8` in a byte a number; FAISS numbers rows as the index does.

    The flat index is searched itself and not a map around it: a map's own search starts a second team of threads,
    which on busy cores costs 8 ms a query (5,400 x 256) and not 0.2.
    """

    def __init__(self, index: Any, slack: float) -> None:  # noqa: ANN401 - FAISS has no types
        self.index = index
        self._slack = slack

    @property
    def bytes(self) -> int:
        """How much memory it takes."""
        return self.index.ntotal * self.index.code_size

    @property
    def slack(self) -> float:
        """The largest error of a code, and FAISS's own: it sums in float32, by at most dim * 2**-24 off; twice that."""
        return self._slack + self.index.d * 2.0**-23

    @property
    def code_error(self) -> float:
        """The length of the longest difference between a vector and its code: no score is off by more."""
        return self._slack

    def add(self, slots: Int64Array, vectors: Float32Array) -> None:
        """Add vectors at the end."""
        del slots
        start = self.index.ntotal
        self.index.add(vectors)
        if not isinstance(self.index, faiss.IndexFlat):
            off = self.index.reconstruct_n(start, len(vectors)) - vectors
            self._slack = max(self._slack, float(np.sqrt((off * off).sum(axis=1)).max(initial=0.0)) * (1 + 1e-5))

    def remove(self, slots: Int64Array, rows: Int64Array) -> None:
        """Remove rows; those behind move up."""
        del slots
        self.index.remove_ids(rows)

    def select(self, among: Int64Array, slots: Slots) -> object:
        """Mark what may be found."""
        del slots
        return selector_of(among)

    def search(self, queries: Float32Array, ask: Ask, slots: Slots) -> tuple[Float32Array, Int64Array]:
        """Scan everything."""
        del slots
        params = None if ask.among is None else _library.SearchParameters(sel=ask.selector)
        return self.index.search(queries, ask.fetch, params=params)

    def tried_everything(self, effort: int) -> bool:
        """Always."""
        return effort >= 1

    def vectors(self, rows: Int64Array) -> Float32Array:
        """Return what is stored; exact where the index is flat."""
        return self.index.reconstruct_batch(rows)

    def save(self, file: Path) -> None:
        """Write the structure."""
        faiss.write_index(self.index, str(file))


class Lists:
    """Inverted lists: a search reads those whose centroids are nearest; the ids in them are slots.

    In FAISS 1.15.1 what is added to lists of product-quantised codes after something was removed comes out wrong. So
    from these nothing is: a slot that is gone is found no more, as labels are looked up among the slots, and is waste.
    """

    slack: None = None

    def __init__(self, index: Any, probes: int, *, mapped: bool = False, refined: Refined | None = None) -> None:  # noqa: ANN401
        self.index = index
        self.probes = probes
        self.mapped = mapped
        self._refined = refined
        self._params: tuple[int, Any] = (0, None)

    @property
    def bytes(self) -> int:
        """How much memory it takes."""
        return self.index.ntotal * (self.index.code_size + 8) + self.index.nlist * self.index.d * 4

    @property
    def quick(self) -> bool:
        """Whether they are scanned fast, and nothing is taken out of them."""
        return isinstance(self.index, faiss.IndexIVFFastScan)

    def with_probes(self, probes: int) -> "Lists":
        """Return the same lists, of which a search reads another number."""
        return Lists(self.index, probes, mapped=self.mapped, refined=self._refined)

    def refine_by(self, halves: Float16Array) -> None:
        """Let FAISS itself refine what it finds in quick lists by the stored vectors, until something is added."""
        if self.quick and self.index.ntotal == len(halves) > 0:
            self._refined = Refined(self.index, halves)

    def add(self, slots: Int64Array, vectors: Float32Array) -> None:
        """Add vectors to their lists."""
        self._thaw()
        self._refined = None  # what is added does not lie where the others do
        self.index.add_with_ids(vectors, slots)

    def remove(self, slots: Int64Array, rows: Int64Array) -> None:
        """Remove vectors from their lists."""
        del rows
        if self.quick:
            return
        self._thaw()
        self.index.remove_ids(slots)

    def select(self, among: Int64Array, slots: Slots) -> object:
        """Mark what may be found."""
        return selector_of(slots.at(among))

    def search(self, queries: Float32Array, ask: Ask, slots: Slots) -> tuple[Float32Array, Int64Array]:
        """Read as many lists as show, with a filter, about as many passing rows as without one."""
        probes = self.probes * ask.effort
        if ask.among is not None:
            probes = int(np.ceil(probes * slots.rows / len(ask.among)))
        selector = ask.selector
        if ask.effort > 1 and ask.among is None and self.quick and slots.places is not None:
            selector = selector_of(slots.places)  # what is gone took the places of what is sought
        params = self._searching(min(probes, self.index.nlist), selector)
        if ask.keep and self._refined is not None:
            rough, labels = self._refined.search(queries, ask.keep, ask.fetch, params)
        else:
            rough, labels = self.index.search(queries, ask.fetch, params=params)
        return rough, slots.rows_of(labels)

    def _searching(self, probes: int, selector: object) -> Any:  # noqa: ANN401
        """Return FAISS's form of a search's settings; searches only read them, so the latest are kept for the next."""
        known, params = self._params
        if selector is not None or known != probes:
            params = _library.SearchParametersIVF(nprobe=probes, sel=selector)
            if selector is None:
                self._params = (probes, params)
        return params

    def tried_everything(self, effort: int) -> bool:
        """Whether all lists are read, also without a filter."""
        return self.probes * effort >= self.index.nlist

    def save(self, file: Path) -> None:
        """Write the structure."""
        self._thaw()  # of mapped lists FAISS would write no more than where they lie
        faiss.write_index(self.index, str(file))

    def _thaw(self) -> None:
        """Copy lists that are mapped from a file, and so cannot change, into memory."""
        if not self.mapped:
            return
        lists = _library.ArrayInvertedLists(self.index.nlist, self.index.code_size)
        everything = np.iinfo(np.int64)
        self.index.invlists.copy_subset_to(lists, _library.InvertedLists.SUBSET_TYPE_ID_RANGE, 0, int(everything.max))
        self.index.replace_invlists(lists, own=True)
        lists.this.disown()
        self.mapped = False


class Graph:
    """A navigable graph. It cannot forget: what is removed stays in it, is left out of answers, and counts as waste."""

    slack: None = None

    def __init__(self, index: Any, effort: int) -> None:  # noqa: ANN401
        self.index = index
        self.effort = effort

    @property
    def bytes(self) -> int:
        """How much memory it takes."""
        return self.index.ntotal * self.index.storage.code_size + 4 * self.index.hnsw.neighbors.size()

    def add(self, slots: Int64Array, vectors: Float32Array) -> None:
        """Add nodes, whose numbers are their slots, as none is ever taken out."""
        del slots
        self.index.add(vectors)

    def remove(self, slots: Int64Array, rows: Int64Array) -> None:
        """Leave nodes as they are: walks still lead through them."""

    def select(self, among: Int64Array, slots: Slots) -> object:
        """Mark what may be found."""
        return selector_of(slots.at(among))

    def search(self, queries: Float32Array, ask: Ask, slots: Slots) -> tuple[Float32Array, Int64Array]:
        """Walk the graph."""
        selector, wider = ask.selector, 1.0
        if ask.among is not None:
            wider = (slots.used / len(ask.among)) ** 0.5  # a walk sees as many nodes, and fewer of them count
        elif slots.places is not None:
            selector = selector_of(slots.places)
        effort = int(max(self.effort, ask.fetch) * ask.effort * wider)
        params = _library.SearchParametersHNSW(efSearch=min(effort, slots.used), sel=selector)
        rough, labels = self.index.search(queries, ask.fetch, params=params)
        return rough, slots.rows_of(labels)

    def tried_everything(self, effort: int) -> bool:
        """Whether a walk of this effort is no quicker than a scan."""
        return effort >= _MOST_EFFORT

    def save(self, file: Path) -> None:
        """Write the structure."""
        faiss.write_index(self.index, str(file))
