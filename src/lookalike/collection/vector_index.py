"""The exact FAISS index over a collection's vectors, and its cache on disk. Nothing that FAISS says is taken on trust.

Checked with FAISS 1.15.1: missing slots come back as id -1; a NaN query gives all -1 without an error; a wrong width is
a bare `AssertionError`; the same id may be added twice; a search while another thread adds or removes crashes the
process. So `local` checks queries before they come here, and holds a lock that keeps changes and searches apart.

`IndexIDMap2` keeps rows and keys together through additions, removals and on disk. Searched is the flat index inside:
the map's own search starts a second team of threads, which on busy cores costs 8 ms a query (5,400 x 256) and not 0.2.
"""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import faiss
import numpy as np
import numpy.typing as npt

from lookalike.files import sync_folder, write_bytes, write_text
from lookalike.types import Float32Array

Int64Array = npt.NDArray[np.int64]

INDEX_FILE = "index.faiss"
CARD_FILE = "index.json"
_FORMAT = 1
_EXACT_ROWS = 500  # so few rows are scored directly at least as fast as FAISS finds the best of them (100,000 x 256)
_CHUNK_ROWS = 8192


@dataclass(frozen=True, slots=True)
class Candidates:
    """The best rows for one query, in no order.

    keys : int64 array of shape (m,)
    scores : float32 array of shape (m,) — cosine, computed in float64 and rounded, clipped to [-1, 1]: the same pair of
        vectors gives the same score in every search.
    bound : float — no row outside `keys` that may be found scores above this; -inf where there is none.
    """

    keys: Int64Array
    scores: Float32Array
    bound: float


class VectorIndex:
    """Unit vectors under integer keys that rise with time, searched exactly by inner product.

    Parameters
    ----------
    dim : int
        Width of the vectors.
    """

    def __init__(self, dim: int) -> None:
        self.dim = dim
        self._hold(faiss.IndexIDMap2(faiss.IndexFlatIP(dim)))

    def _hold(self, index: object) -> None:
        self._map: Any = index
        self._flat: Any = faiss.downcast_index(self._map.index)
        self._keys: Int64Array = np.array(faiss.vector_to_array(self._map.id_map), np.int64)

    def __len__(self) -> int:
        return len(self._keys)

    def keys(self) -> Int64Array:
        """Return all keys, rising; the row of a key in FAISS is its place here."""
        return self._keys

    def add(self, keys: Int64Array, vectors: Float32Array) -> None:
        """Add vectors under new keys.

        Raises
        ------
        ValueError
            The keys do not rise above each other and above those that are there; FAISS itself takes a key twice.
        """
        if not len(keys):
            return
        if (np.diff(keys, prepend=self._keys[-1:]) <= 0).any():
            raise ValueError("keys must rise, and above those that are there")
        if vectors.shape != (len(keys), self.dim):
            raise ValueError(f"expected vectors of shape {(len(keys), self.dim)}, got {vectors.shape}")
        self._map.add_with_ids(np.ascontiguousarray(vectors, dtype=np.float32), keys)
        self._hold(self._map)

    def remove(self, keys: Int64Array) -> None:
        """Remove vectors; keys that are not there are passed over."""
        if len(keys):
            self._map.remove_ids(np.ascontiguousarray(keys, dtype=np.int64))
            self._hold(self._map)

    def candidates(self, queries: Float32Array, fetch: int, allowed: Int64Array | None) -> Iterator[Candidates]:
        """Find about the `fetch` best rows for each query, and how good a row that is not among them can be.

        Parameters
        ----------
        queries : float32 array of shape (n, dim)
            Checked by the caller: finite, of length 1.
        fetch : int
            At least 1. From the number of rows that may be found on, all of them come back.
        allowed : int64 array, rising, optional
            The keys that may be found, all of them in the index; default: every key.

        Raises
        ------
        ValueError
            A key in `allowed` is not in the index.
        """
        rows = None if allowed is None else self._rows(allowed)
        total = len(self) if rows is None else len(rows)
        if fetch >= total or total <= _EXACT_ROWS:
            everything = np.arange(total) if rows is None else rows
            for query in queries:
                yield self._scored(everything, query, -np.inf)
            return
        params = None if rows is None else _only(rows)
        rough, found = self._flat.search(np.ascontiguousarray(queries), fetch, params=params)
        good = found >= 0 if rows is None else rows[np.searchsorted(rows[:-1], found)] == found
        # FAISS sums in float32, in an order of its own: by at most dim * 2**-24 off; twice that is safe.
        bounds = rough.min(axis=1, where=good, initial=1.0) + self.dim * 2.0**-23
        for query, query_found, query_good, bound in zip(queries, found, good, bounds.tolist(), strict=True):
            yield self._scored(query_found[query_good], query, bound)

    def _rows(self, keys: Int64Array) -> Int64Array:
        rows = np.searchsorted(self._keys, keys)
        if (rows >= len(self)).any() or (self._keys[rows] != keys).any():  # FAISS would read past its memory
            raise ValueError("a key is not in the index")
        return rows

    def _scored(self, rows: Int64Array, query: Float32Array, bound: float) -> Candidates:
        scores = np.empty(len(rows), np.float32)
        wide = query.astype(np.float64)
        for start in range(0, len(rows), _CHUNK_ROWS):
            chunk = rows[start : start + _CHUNK_ROWS]
            # Row by row and never as a matrix product, whose rounding depends on the rows around.
            scores[start : start + len(chunk)] = (self._flat.reconstruct_batch(chunk) * wide).sum(axis=1)
        return Candidates(self._keys[rows], np.clip(scores, -1, 1), bound)

    def save(self, folder: Path, state: str) -> None:
        """Write the cache of a committed state; either file alone, or both of different states, will not be loaded."""
        data = faiss.serialize_index(self._map).tobytes()
        card = {
            "format": _FORMAT,
            "state": state,
            "dim": self.dim,
            "count": len(self),
            "sha256": hashlib.sha256(data).hexdigest(),
        }
        write_bytes(folder / INDEX_FILE, data)
        write_text(folder / CARD_FILE, json.dumps(card, indent=2) + "\n")
        sync_folder(folder)

    @classmethod
    def load(cls, folder: Path, dim: int, state: str) -> "VectorIndex | None":
        """Read the cache; None where it is missing, of another state, or damaged."""
        try:
            card = json.loads((folder / CARD_FILE).read_text(encoding="utf-8"))
            if (card["format"], card["state"], card["dim"]) != (_FORMAT, state, dim):
                return None
            data = (folder / INDEX_FILE).read_bytes()
            if hashlib.sha256(data).hexdigest() != card["sha256"]:
                return None
            loaded = cls(dim)
            index = faiss.deserialize_index(np.frombuffer(data, np.uint8))
            if not isinstance(index, faiss.IndexIDMap2) or index.d != dim:
                return None
            loaded._hold(index)
        except (OSError, ValueError, KeyError, TypeError, RuntimeError):
            return None
        return loaded


def _only(rows: Int64Array) -> object:
    """Return search parameters for one call; set on the index they would disturb the searches of other threads."""
    library: Any = faiss  # its constructors take NumPy arrays and keywords, which its types do not say
    mask = np.zeros(int(rows[-1]) + 1, np.bool_)
    mask[rows] = True
    return library.SearchParameters(sel=library.IDSelectorBitmap(np.packbits(mask, bitorder="little")))
