"""The index on disk: a cache of one committed state, taken whole or not at all.

`index.faiss` is what FAISS searches, `index.rows` the keys, their slots if some rows were removed, and (but for a flat
index) the stored vectors by slot as float16, `index.json` the card, which is removed first and written last: without
it, or with files that are not the ones that it describes, there is no cache. Rows, and where nothing is to be changed
inverted lists (but quick ones, which are small), are mapped and not read.

Opening must not read gigabytes, so of a file above 64 MB only a part is hashed: its size, its first 16 MB (headers,
centroids, all keys of a million photos), its last one, and 4 KB out of each 256th of it. Damage elsewhere can cost
recall or bend a score; it cannot name a photo that is not there, since every id is looked up among the keys.
"""

import hashlib
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from lookalike.collection.levels import Scan
from lookalike.collection.making import Facts, load_level
from lookalike.collection.plan import IndexPlan
from lookalike.collection.rows import Int64Array, map_rows
from lookalike.collection.slots import Slots
from lookalike.collection.vector_index import VectorIndex
from lookalike.files import replacing, sync_folder, write_text

INDEX_FILE = "index.faiss"
ROWS_FILE = "index.rows"
CARD_FILE = "index.json"
_FORMAT = 3
_WHOLE = 64 * 2**20
_HEAD = 16 * 2**20
_TAIL = 2**20
_PROBES, _PROBE = 256, 4096


def save_index(index: VectorIndex, folder: Path, state: str) -> None:
    """Write the cache of a committed state, and let the index use the file of rows instead of memory."""
    (folder / CARD_FILE).unlink(missing_ok=True)
    if index.waste() and index.plan.kind == "hnsw":
        return  # a graph with nodes that are gone: what is read back would take them for others
    keys, (slots, parts) = index.keys(), index.stored()
    with replacing(folder / ROWS_FILE) as draft, draft.open("wb") as file:
        keys.tofile(file)
        if slots.places is not None:
            slots.places.tofile(file)
        for part in parts:
            part.tofile(file)
        file.flush()
    with replacing(folder / INDEX_FILE) as draft:
        index.level.save(draft)
    card = {
        "format": _FORMAT,
        "state": state,
        "dim": index.dim,
        "count": len(keys),
        "slots": slots.used,
        "plan": asdict(index.plan),
        "trained_on": index.trained_on,
        "code_error": index.level.code_error if isinstance(index.level, Scan) else 0.0,
        "checks": {name: fingerprint(folder / name) for name in (INDEX_FILE, ROWS_FILE)},
    }
    write_text(folder / CARD_FILE, json.dumps(card, indent=2) + "\n")
    sync_folder(folder)
    _hold(index, folder, keys, slots)


def load_index(folder: Path, dim: int, state: str, *, mapped: bool) -> VectorIndex | None:
    """Read the cache; None where it is missing, of another state, or not what its card describes."""
    try:
        text = (folder / CARD_FILE).read_text(encoding="utf-8")
        card: Any = json.loads(text)
        if (card["format"], card["state"], card["dim"]) != (_FORMAT, state, dim):
            return None
        plan = IndexPlan(**card["plan"])
        if any(fingerprint(folder / name) != card["checks"][name] for name in (INDEX_FILE, ROWS_FILE)):
            return None
        found = _keys_and_slots(folder / ROWS_FILE, card["count"], card["slots"])
        if found is None:
            return None
        keys, slots = found
        level = load_level(folder / INDEX_FILE, plan, slots, Facts(dim, card["code_error"]), mapped=mapped)
        if level is None:
            return None
        index = VectorIndex(dim, plan, level=level, trained_on=int(card["trained_on"]))
        _hold(index, folder, keys, slots)
        # Another process that writes removes the card first: while it stands, all that was opened belongs together.
        return index if (folder / CARD_FILE).read_text(encoding="utf-8") == text else None
    except (OSError, ValueError, KeyError, TypeError, RuntimeError):
        return None


def fingerprint(file: Path) -> str:
    """Hash a file, or of one above 64 MB its size and the parts that the module names."""
    size = file.stat().st_size
    digest = hashlib.sha256(str(size).encode())
    with file.open("rb") as read:
        if size <= _WHOLE:
            digest.update(read.read())
            return digest.hexdigest()
        digest.update(read.read(_HEAD))
        for place in range(_PROBES):
            read.seek(size * place // _PROBES)
            digest.update(read.read(_PROBE))
        read.seek(-_TAIL, 2)
        digest.update(read.read())
    return digest.hexdigest()


def _keys_and_slots(file: Path, count: int, used: int) -> tuple[Int64Array, Slots] | None:
    """Read keys and slots; None where they are not what they must be."""
    read = np.fromfile(file, np.int64, count if used == count else 2 * count)
    keys, places = read[:count], read[count:]
    if len(keys) != count or used < count or (np.diff(keys) <= 0).any():
        return None
    if used == count:
        return keys, Slots.first(count)
    if len(places) != count or (np.diff(places, prepend=-1, append=used) <= 0).any():
        return None
    return keys, Slots(count, used, places)


def _hold(index: VectorIndex, folder: Path, keys: Int64Array, slots: Slots) -> None:
    before = keys.nbytes + slots.bytes
    flat = index.plan.kind == "flat"
    index.hold(keys, slots, None if flat else map_rows(folder / ROWS_FILE, before, slots.used, index.dim))
