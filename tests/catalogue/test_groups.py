"""Which photos belong together, against slow twins."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lookalike.catalogue import groups
from lookalike.catalogue.groups import components, group_photos, near_copies, near_pairs


def slow_pairs(hashes: list[int], distance: int) -> list[list[int]]:
    return [
        [i, j]
        for i in range(len(hashes))
        for j in range(i + 1, len(hashes))
        if (hashes[i] ^ hashes[j]).bit_count() <= distance
    ]


def near_ones() -> st.SearchStrategy[list[int]]:
    """Distinct hashes, many of them within a few bits of each other, at every place of the word."""
    seeds = st.sampled_from([0, 2**64 - 1, 0x0123456789ABCDEF])
    flips = st.lists(st.integers(0, 63), max_size=6)
    one = st.builds(lambda seed, bits: seed ^ sum(1 << bit for bit in set(bits)), seeds, flips)
    return st.lists(one, max_size=30, unique=True)


@given(near_ones(), st.integers(0, 7))
def test_near_pairs_are_those_of_the_slow_twin(hashes: list[int], distance: int) -> None:
    found = near_pairs(np.array(hashes, np.uint64), distance)
    assert found.tolist() == slow_pairs(hashes, distance)


def test_big_buckets_are_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(groups, "_CELLS", 40)
    hashes = [1 << i for i in range(64)]
    assert len(near_pairs(np.array(hashes, np.uint64), 2)) == 64 * 63 // 2


def test_unknown_hashes_are_near_to_nothing_and_equal_ones_to_the_first() -> None:
    hashes = pl.Series([None, 7, None, 7, 2**64 - 1, 6, 7], dtype=pl.UInt64)
    pairs = {tuple(sorted(pair)) for pair in near_copies(hashes, 4).tolist()}
    assert pairs == {(1, 3), (1, 6), (1, 5)}
    assert len(near_copies(pl.Series([None, None], dtype=pl.UInt64), 4)) == 0
    assert len(near_copies(pl.Series([], dtype=pl.UInt64), 4)) == 0


def photos(*rows: tuple[str, str | None, str]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=["product_id", "seller_id", "sha256"], orient="row")


def grouped(frame: pl.DataFrame, pairs: list[tuple[int, int]] | None = None) -> list[int]:
    return group_photos(frame, np.array(pairs or [], np.int64).reshape(-1, 2)).tolist()


def test_each_bond_joins() -> None:
    assert grouped(photos(("a", None, "1"), ("a", None, "2"), ("b", None, "3"))) == [0, 0, 1]
    assert grouped(photos(("a", "s", "1"), ("b", None, "2"), ("c", "s", "3"))) == [0, 1, 0]
    assert grouped(photos(("a", None, "1"), ("b", None, "2"), ("c", None, "2"))) == [0, 1, 1]
    assert grouped(photos(("a", None, "1"), ("b", None, "2"), ("c", None, "3")), [(0, 2)]) == [0, 1, 0]


def test_bonds_of_different_kinds_chain() -> None:
    frame = photos(("a", "s", "1"), ("x", None, "9"), ("b", "s", "2"), ("c", None, "2"), ("d", None, "4"))
    assert grouped(frame, [(3, 4)]) == [0, 1, 0, 0, 0]


def test_a_product_id_is_no_seller_id() -> None:
    assert grouped(photos(("a", "b", "1"), ("b", "a", "2"))) == [0, 1]


def test_no_photos() -> None:
    assert grouped(photos().cast(pl.String)) == []


@given(st.data())
def test_groups_are_those_of_the_slow_twin(data: st.DataObject) -> None:
    n = data.draw(st.integers(1, 12))
    edges = data.draw(st.lists(st.tuples(st.integers(0, n - 1), st.integers(0, n - 1)), max_size=12))
    frame = photos(*[(str(i), None, str(i)) for i in range(n)])
    reach = [{i} for i in range(n)]
    for _ in range(n):
        for a, b in edges:
            reach[a] = reach[b] = reach[a] | reach[b]
            for member in reach[a]:
                reach[member] = reach[a] | reach[member]
    first = [min(members) for members in reach]
    numbers = {root: number for number, root in enumerate(sorted(set(first)))}
    assert grouped(frame, edges) == [numbers[root] for root in first]


def test_components_by_hand() -> None:
    assert components(6, [(4, 1), (1, 5), (2, 3)]).tolist() == [0, 1, 2, 2, 1, 1]
    assert components(0, []).tolist() == []
