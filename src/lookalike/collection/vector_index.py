"""The exact FAISS index over a collection's vectors, and its cache on disk. Nothing that FAISS says is taken on trust.

Checked with FAISS 1.15.1: missing slots come back as id -1; a NaN query gives all -1 without an error; a wrong width is
a bare `AssertionError`; the same id may be added twice; a search while another thread adds or removes crashes the
process. So `local` checks queries before they come here, and holds a lock that keeps changes and searches apart.
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

from lookalike import artifacts
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
        self._index: Any = faiss.IndexIDMap2(faiss.IndexFlatIP(dim))
        self._last = 0

    def __len__(self) -> int:
        return int(self._index.ntotal)

    def keys(self) -> Int64Array:
        """Return all keys, rising."""
        return np.array(faiss.vector_to_array(self._index.id_map), dtype=np.int64)

    def add(self, keys: Int64Array, vectors: Float32Array) -> None:
        """Add vectors under new keys.

        Raises
        ------
        ValueError
            The keys do not rise, or are not above every key that was ever added: FAISS itself would take a key twice.
        """
        if not len(keys):
            return
        if keys[0] <= self._last or (np.diff(keys) <= 0).any():
            raise ValueError("keys must rise, and above all earlier ones")
        if vectors.shape != (len(keys), self.dim):
            raise ValueError(f"expected vectors of shape {(len(keys), self.dim)}, got {vectors.shape}")
        self._index.add_with_ids(np.ascontiguousarray(vectors, dtype=np.float32), keys)
        self._last = int(keys[-1])

    def remove(self, keys: Int64Array) -> None:
        """Remove vectors; keys that are not there are passed over."""
        if len(keys):
            self._index.remove_ids(np.ascontiguousarray(keys, dtype=np.int64))

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
        """
        total = len(self) if allowed is None else len(allowed)
        if fetch >= total or total <= _EXACT_ROWS:
            keys = self.keys() if allowed is None else allowed
            for query in queries:
                yield Candidates(keys, self._score(keys, query), -np.inf)
            return
        params = None if allowed is None else _only(allowed)
        rough, found = self._index.search(np.ascontiguousarray(queries), fetch, params=params)
        good = found >= 0 if allowed is None else allowed[np.searchsorted(allowed[:-1], found)] == found
        # FAISS sums in float32, in an order of its own: by at most dim * 2**-24 off; twice that is safe.
        bounds = rough.min(axis=1, where=good, initial=1.0) + self.dim * 2.0**-23
        for row, query in enumerate(queries):
            keys = found[row, good[row]]
            yield Candidates(keys, self._score(keys, query), float(bounds[row]))

    def _score(self, keys: Int64Array, query: Float32Array) -> Float32Array:
        scores = np.empty(len(keys), np.float32)
        wide = query.astype(np.float64)
        for start in range(0, len(keys), _CHUNK_ROWS):
            chunk = keys[start : start + _CHUNK_ROWS]
            # Row by row and never as a matrix product, whose rounding depends on the rows around.
            scores[start : start + len(chunk)] = (self._index.reconstruct_batch(chunk) * wide).sum(axis=1)
        return np.clip(scores, -1, 1)

    def save(self, folder: Path, state: str) -> None:
        """Write the cache of a committed state; either file alone, or both of different states, will not be loaded."""
        data = faiss.serialize_index(self._index).tobytes()
        card = {
            "format": _FORMAT,
            "state": state,
            "dim": self.dim,
            "count": len(self),
            "sha256": hashlib.sha256(data).hexdigest(),
        }
        artifacts.write_bytes(folder / INDEX_FILE, data)
        artifacts.write_text(folder / CARD_FILE, json.dumps(card, indent=2) + "\n")
        artifacts.sync_folder(folder)

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
            loaded._index = faiss.deserialize_index(np.frombuffer(data, np.uint8))
        except (OSError, ValueError, KeyError, TypeError, RuntimeError):
            return None
        loaded._last = int(loaded.keys().max(initial=0))
        return loaded


def _only(allowed: Int64Array) -> object:
    """Return search parameters for one call; set on the index they would disturb the searches of other threads."""
    library: Any = faiss  # its constructors take NumPy arrays and keywords, which its types do not say
    mask = np.zeros(int(allowed[-1]) + 1, np.bool_)
    mask[allowed] = True
    return library.SearchParameters(sel=library.IDSelectorBitmap(np.packbits(mask, bitorder="little")))
