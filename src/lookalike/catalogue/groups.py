"""Which photos belong together: connected components over product, seller, equal bytes and near-copies."""

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import numpy.typing as npt
import polars as pl

UInt64Array = npt.NDArray[np.uint64]
Int64Array = npt.NDArray[np.int64]

_CELLS = 4_000_000
"""Pairs of hashes compared at once: bounds the memory."""


def group_photos(photos: pl.DataFrame, pairs: Int64Array) -> Int64Array:
    """Number the connected components over product, seller, bytes and the near-copies given.

    Parameters
    ----------
    photos : DataFrame with `product_id`, `seller_id`, `sha256`; an unknown seller joins nothing
    pairs : int64 array of shape (p, 2), rows of `photos`

    Returns
    -------
    int64 array of shape (n,): group numbers from 0, in order of each group's first row.
    """
    return components(photos.height, [*_equal_rows(photos), *pairs.tolist()])


def components(n: int, pairs: Iterable[Sequence[int]]) -> Int64Array:
    """Number the connected components of rows 0 to n - 1 from 0, in order of each one's first row."""
    above = list(range(n))  # union-find; a root is the first row of its component

    def root(row: int) -> int:
        while above[row] != row:
            above[row] = above[above[row]]
            row = above[row]
        return row

    for first, second in pairs:
        low, high = sorted((root(first), root(second)))
        above[high] = low
    roots = [root(row) for row in range(n)]
    return np.unique(np.asarray(roots, np.int64), return_inverse=True)[1].astype(np.int64)


def _equal_rows(photos: pl.DataFrame) -> Iterator[tuple[int, int]]:
    for column in ("product_id", "seller_id", "sha256"):
        first: dict[str, int] = {}
        for row, value in enumerate(photos[column]):
            if value is not None:
                yield first.setdefault(value, row), row


def near_pairs(hashes: UInt64Array, distance: int) -> Int64Array:
    """Find the pairs of different 64-bit hashes that differ in at most `distance` bits.

    Parameters
    ----------
    hashes : uint64 array of shape (n,), each value once
    distance : int

    Returns
    -------
    int64 array of shape (p, 2): rows i < j, each pair once, sorted.

    Notes
    -----
    Cut into `distance + 1` bands, two hashes that differ in `distance` bits agree in one band at least (pigeonhole), so
    only hashes that share a band are compared.
    """
    edges = np.linspace(0, 64, distance + 2).astype(int)
    found = [np.empty((0, 2), np.int64)]
    for low, high in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True):
        band = (hashes >> np.uint64(low)) & np.uint64((1 << (high - low)) - 1)
        order = np.argsort(band, kind="stable")
        cuts = np.flatnonzero(np.diff(band[order])) + 1
        for bucket in np.split(order, cuts):
            found.extend(_within(hashes, bucket, distance))
    return np.unique(np.concatenate(found), axis=0)


def _within(hashes: UInt64Array, bucket: Int64Array, distance: int) -> Iterator[Int64Array]:
    if len(bucket) < 2:
        return
    step = max(1, _CELLS // len(bucket))
    for start in range(0, len(bucket), step):
        rows = bucket[start : start + step]
        apart = np.bitwise_count(hashes[rows][:, None] ^ hashes[bucket][None, :])
        left, right = np.nonzero(apart <= distance)
        pairs = np.column_stack([rows[left], bucket[right]])
        yield pairs[pairs[:, 0] < pairs[:, 1]]


def near_copies(hashes: pl.Series, distance: int) -> Int64Array:
    """Find the pairs of rows whose perceptual hashes are equal (each with the first of its kind) or near.

    Parameters
    ----------
    hashes : UInt64 Series; null is near to nothing
    distance : int, bits

    Returns
    -------
    int64 array of shape (p, 2), rows of `hashes`
    """
    known = hashes.is_not_null().to_numpy()
    rows = np.flatnonzero(known)
    values, first, inverse = np.unique(
        hashes.drop_nulls().to_numpy().astype(np.uint64), return_index=True, return_inverse=True
    )
    equal = np.column_stack([rows[first[inverse]], rows])
    near = rows[first[near_pairs(values, distance)]]
    return np.concatenate([equal[equal[:, 0] != equal[:, 1]], near])
