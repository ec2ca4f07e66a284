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

from lookalike.collection.rows import Int64Array
from lookalike.collection.selectors import masked, rows_of, selector_of
from lookalike.types import Float32Array

_MOST_EFFORT = 64
_library: Any = faiss  # its constructors take NumPy arrays and keywords, which its types do not say


@dataclass(frozen=True, slots=True)
class Ask:
    """What is asked of a level: about `fetch` rows for each query, of `among` rows if not of all, with this effort.

    `among` rises and holds places in the index's keys; `selector` is what the level's `select` made of it. `effort` 1
    is the plan's; what gave too little asks for more.
    """

    fetch: int
    among: Int64Array | None = None
    selector: object = None
    effort: int = 1


class Level(Protocol):
    """One way to search vectors that lie in an index in the order of their keys."""

    @property
    def size(self) -> int:
        """How many vectors it holds."""
        ...

    @property
    def bytes(self) -> int:
        """How much memory it takes, as far as that grows with what it holds."""
        ...

    @property
    def slack(self) -> float | None:
        """How far a rough score may lie below the exact one; None where rows may be missed altogether."""
        ...

    def add(self, keys: Int64Array, vectors: Float32Array) -> None:
        """Add vectors under keys above all others."""
        ...

    def remove(self, keys: Int64Array, rows: Int64Array) -> None:
        """Remove vectors by their keys, which are at these rows."""
        ...

    def select(self, among: Int64Array, keys: Int64Array) -> object:
        """Return FAISS's form of "only these rows"; good until the index changes."""
        ...

    def search(self, queries: Float32Array, ask: Ask, keys: Int64Array) -> tuple[Float32Array, Int64Array]:
        """Return rough scores and rows of shape (n, fetch), -1 where there is none; `keys` are those of the index."""
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
    def size(self) -> int:
        """How many vectors it holds."""
        return self.index.ntotal

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

    def add(self, keys: Int64Array, vectors: Float32Array) -> None:
        """Add vectors at the end."""
        del keys
        start = self.index.ntotal
        self.index.add(vectors)
        if not isinstance(self.index, faiss.IndexFlat):
            off = self.index.reconstruct_n(start, len(vectors)) - vectors
            self._slack = max(self._slack, float(np.sqrt((off * off).sum(axis=1)).max(initial=0.0)) * (1 + 1e-5))

    def remove(self, keys: Int64Array, rows: Int64Array) -> None:
        """Remove rows; those behind move up."""
        del keys
        self.index.remove_ids(rows)

    def select(self, among: Int64Array, keys: Int64Array) -> object:
        """Mark what may be found."""
        del keys
        return selector_of(among)

    def search(self, queries: Float32Array, ask: Ask, keys: Int64Array) -> tuple[Float32Array, Int64Array]:
        """Scan everything."""
        del keys
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
    """Inverted lists: a search reads those whose centroids are nearest; the ids in them are the index's keys.

    In FAISS 1.15.1 what is added to lists of product-quantised codes after something was removed comes out wrong. So
    from these nothing is: a key that is gone is found no more, as labels are looked up among the keys, and is waste.
    """

    slack: None = None

    def __init__(self, index: Any, probes: int, *, mapped: bool = False) -> None:  # noqa: ANN401
        self.index = index
        self.probes = probes
        self.mapped = mapped

    @property
    def size(self) -> int:
        """How many vectors it holds."""
        return self.index.ntotal

    @property
    def bytes(self) -> int:
        """How much memory it takes."""
        return self.index.ntotal * (self.index.code_size + 8) + self.index.nlist * self.index.d * 4

    def add(self, keys: Int64Array, vectors: Float32Array) -> None:
        """Add vectors to their lists."""
        self._thaw()
        self.index.add_with_ids(vectors, keys)

    def remove(self, keys: Int64Array, rows: Int64Array) -> None:
        """Remove vectors from their lists."""
        del rows
        if isinstance(self.index, faiss.IndexIVFFastScan):
            return
        self._thaw()
        self.index.remove_ids(keys)

    def select(self, among: Int64Array, keys: Int64Array) -> object:
        """Mark what may be found."""
        return selector_of(keys[among])

    def search(self, queries: Float32Array, ask: Ask, keys: Int64Array) -> tuple[Float32Array, Int64Array]:
        """Read as many lists as show, with a filter, about as many passing rows as without one."""
        probes = self.probes * ask.effort
        if ask.among is not None:
            probes = int(np.ceil(probes * len(keys) / len(ask.among)))
        params = _library.SearchParametersIVF(nprobe=min(probes, self.index.nlist), sel=ask.selector)
        rough, labels = self.index.search(queries, ask.fetch, params=params)
        return rough, rows_of(labels, keys)

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

    def __init__(self, index: Any, ids: Int64Array, effort: int) -> None:  # noqa: ANN401
        self.index = index
        self.ids = ids
        self.effort = effort
        self._gone = np.zeros(len(ids), np.bool_)

    @property
    def size(self) -> int:
        """How many vectors it holds."""
        return self.index.ntotal

    @property
    def bytes(self) -> int:
        """How much memory it takes."""
        return (
            self.index.ntotal * self.index.storage.code_size + 4 * self.index.hnsw.neighbors.size() + 8 * len(self.ids)
        )

    def with_effort(self, effort: int) -> "Graph":
        """Return the same graph, walked with another effort."""
        other = Graph(self.index, self.ids, effort)
        other._gone = self._gone
        return other

    def add(self, keys: Int64Array, vectors: Float32Array) -> None:
        """Add nodes."""
        self.index.add(vectors)
        self.ids = np.concatenate([self.ids, keys])
        self._gone = np.concatenate([self._gone, np.zeros(len(keys), np.bool_)])

    def remove(self, keys: Int64Array, rows: Int64Array) -> None:
        """Mark nodes as gone; walks still lead through them."""
        del rows
        self._gone[np.searchsorted(self.ids, keys)] = True

    def select(self, among: Int64Array, keys: Int64Array) -> object:
        """Mark what may be found."""
        return selector_of(np.searchsorted(self.ids, keys[among]))

    def search(self, queries: Float32Array, ask: Ask, keys: Int64Array) -> tuple[Float32Array, Int64Array]:
        """Walk the graph."""
        selector, wider = ask.selector, 1.0
        if ask.among is not None:
            wider = (len(self.ids) / len(ask.among)) ** 0.5  # a walk sees as many nodes, and fewer of them count
        elif len(keys) != len(self.ids):
            selector = masked(~self._gone)
        effort = int(max(self.effort, ask.fetch) * ask.effort * wider)
        params = _library.SearchParametersHNSW(efSearch=min(effort, len(self.ids)), sel=selector)
        rough, labels = self.index.search(queries, ask.fetch, params=params)
        found = np.where(labels >= 0, self.ids[labels], -1)
        return rough, rows_of(found, keys)

    def tried_everything(self, effort: int) -> bool:
        """Whether a walk of this effort is no quicker than a scan."""
        return effort >= _MOST_EFFORT

    def save(self, file: Path) -> None:
        """Write the structure."""
        faiss.write_index(self.index, str(file))
