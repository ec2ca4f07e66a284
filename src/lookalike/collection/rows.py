"""The stored vectors, by slot: a memory-mapped file of float16 and, in memory, what was added since it was written."""

from pathlib import Path

import numpy as np
import numpy.typing as npt

from lookalike.types import Float32Array

Int64Array = npt.NDArray[np.int64]
Float16Array = npt.NDArray[np.float16]

_FEW_ROWS = 32  # so few are as quickly widened by the one call to NumPy
_SHIFT = np.int32(13)
_PLACES = np.int32(-0x70002000)  # the sign, five bits of exponent and ten more of float16, in those of float32
_LIFT = np.float32(2.0**112)  # the difference of what the exponents mean
_TINY = np.full(1, 2.0**-136, np.float32)


def widened(halves: Float16Array) -> Float32Array:
    """Return finite float16 numbers as float32, exactly: what `astype` returns, six times as fast.

    The smallest float16 numbers pass through some that threads may be set to take for 0, as those of inference engines
    are; there it is `astype`, which knows no such setting.
    """
    if not (_TINY * _LIFT)[0]:
        return halves.astype(np.float32)
    bits = halves.view(np.int16).astype(np.int32)
    np.left_shift(bits, _SHIFT, out=bits)
    np.bitwise_and(bits, _PLACES, out=bits)
    wide = bits.view(np.float32)
    return np.multiply(wide, _LIFT, out=wide)


def restore(halves: Float16Array) -> Float32Array:
    """Return stored vectors as they are searched: float16 widened to float32, each scaled back to length 1.

    Gives what `types.unit_rows` gives, bit for bit, in fewer passes: each search does this for some dozens of rows.
    Rows must not be all zero; `check_entries` lets none in. Squares of float16 numbers are multiples of 2**-48, so that
    float64 holds sums of them below 32 exactly, in whichever order they are made.
    """
    few = len(halves) <= _FEW_ROWS
    wide = halves.astype(np.float64) if few else widened(halves).astype(np.float64)
    norms = np.sqrt(np.vecdot(wide, wide))
    return np.divide(wide, norms[:, None], out=wide).astype(np.float32)


def as_scores(cosines: npt.NDArray[np.float64]) -> Float32Array:
    """Return cosines as scores: float32, none beyond -1 and 1."""
    return np.minimum(np.maximum(cosines, -1.0), 1.0).astype(np.float32)


class Rows:
    """Float16 vectors in slots 0, 1, 2, …; a slot keeps its vector.

    Parameters
    ----------
    base : float16 array of shape (n, dim)
        In memory or mapped from a file; left unchanged.
    """

    def __init__(self, base: Float16Array) -> None:
        self._base = base
        self._tail = np.empty((0, base.shape[1]), np.float16)
        self._used = 0

    def __len__(self) -> int:
        return len(self._base) + self._used

    def append(self, halves: Float16Array) -> None:
        """Fill the next slots."""
        needed = self._used + len(halves)
        if needed > len(self._tail):
            grown = np.empty((max(needed, 2 * len(self._tail), 1024), self._tail.shape[1]), np.float16)
            grown[: self._used] = self._tail[: self._used]
            self._tail = grown
        self._tail[self._used : needed] = halves
        self._used = needed

    def take(self, slots: Int64Array) -> Float16Array:
        """Return the vectors in these slots, all of which must be filled."""
        if not self._used:
            return self._base.take(slots, axis=0)
        mapped = slots < len(self._base)
        if mapped.all():
            return self._base.take(slots, axis=0)
        out = np.empty((len(slots), self._base.shape[1]), np.float16)
        out[mapped] = self._base[slots[mapped]]
        out[~mapped] = self._tail[slots[~mapped] - len(self._base)]
        return out


def map_rows(file: Path, offset: int, count: int, dim: int) -> Float16Array:
    """Map rows that lie in a file from a byte on; nothing is read before it is asked for."""
    if not count:
        return np.empty((0, dim), np.float16)
    # A plain array over the mapped bytes: the memmap class itself costs microseconds at each indexing.
    return np.asarray(np.memmap(file, np.float16, "r", offset=offset, shape=(count, dim)))
