"""What every collection must do, held against a slow twin: a dict, loops and no index."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from decimal import Decimal
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lookalike.collection import CategoryCount, Collection, CollectionInfo, IndexPlan, LocalCollection, live_index
from lookalike.errors import Mismatch, NotFound, QueryError, ReadOnly
from lookalike.types import Entry, Filter, Hit, Image, Product, unit_rows

DIM = 6
INFO = CollectionInfo(DIM, "encoder-hash", "head-hash", {"encoder": {"stock": "lite0"}, "photos": {"relative": ".."}})
ODD_IDS = ["a/b", "a b", "100%", 'it\'s "quoted"', "🛋️", "%27; DROP TABLE images", "../..", "", " ", "A", "a", "é", "é"]

Make = Callable[[Sequence[Entry]], Collection]


def entry(
    image_id: str, vector: Any, product: Product | str = "p", thumbnail: bytes | None = None, **facts: Any
) -> Entry:
    product = Product(product) if isinstance(product, str) else product
    image = Image(image_id, product.product_id, f"photos/{image_id}.jpg", 40, 30, **facts)
    return Entry(product, image, np.asarray(vector, np.float32), thumbnail)


def axis(number: int) -> np.ndarray:
    return np.eye(DIM, dtype=np.float32)[number]


def vectors(count: int, seed: int = 0, dim: int = DIM) -> np.ndarray:
    return unit_rows(np.random.default_rng(seed).standard_normal((count, dim)))


def ids(found: Any) -> list[str]:
    return [hit.image_id for hit in found.hits]


class Twin:
    """The same collection as a dict."""

    def __init__(self) -> None:
        self.entries: dict[str, Entry] = {}

    def put(self, entries: Sequence[Entry]) -> None:
        for new in entries:
            self.entries.pop(new.image.image_id, None)
            self.entries[new.image.image_id] = new
            for image_id, old in self.entries.items():
                if old.product.product_id == new.product.product_id:
                    self.entries[image_id] = replace(old, product=new.product)

    def delete(self, image_ids: Sequence[str]) -> int:
        return sum(self.entries.pop(image_id, None) is not None for image_id in image_ids)

    def passing(self, where: Filter | None) -> list[Entry]:
        return [one for one in self.entries.values() if where is None or passes(one, where)]

    def vector(self, image_id: str) -> np.ndarray:
        half = self.entries[image_id].vector.astype(np.float16).astype(np.float64)
        return (half / np.sqrt((half * half).sum())).astype(np.float32)

    def search(self, query: np.ndarray, k: int, where: Filter | None, by_product: bool) -> list[Hit]:
        hits = []
        for one in self.passing(where):
            score = np.float32((self.vector(one.image.image_id) * query.astype(np.float64)).sum())
            hits.append(Hit(one.image.image_id, one.product.product_id, float(np.clip(score, -1, 1))))
        hits.sort(key=lambda hit: -hit.score)  # stable: equal scores stay in the order put
        if by_product:
            hits = [hit for n, hit in enumerate(hits) if hit.product_id not in {h.product_id for h in hits[:n]}]
        return hits[:k]


def passes(one: Entry, where: Filter) -> bool:
    product, image = one.product, one.image
    parts = (product.category or "").split(" / ")
    wanted = None if where.category is None else where.category.split(" / ")
    return (
        (wanted is None or (product.category is not None and parts[: len(wanted)] == wanted))
        and (where.min_price is None or (product.price is not None and product.price >= where.min_price))
        and (where.max_price is None or (product.price is not None and product.price <= where.max_price))
        and (where.currency is None or product.currency == where.currency)
        and (where.seller_id is None or product.seller_id == where.seller_id)
        and (where.splits is None or image.split in where.splits)
        and image.image_id not in where.exclude_images
        and product.product_id not in where.exclude_products
        and image.group_id not in where.exclude_groups
    )


LEVELS = {
    "sq8": IndexPlan("sq8"),
    "ivf_sq8": IndexPlan("ivf_sq8", lists=2, probes=1),
    "ivf_rabitq": IndexPlan("ivf_rabitq", lists=2, probes=1, refine=8),
    "ivf_pq": IndexPlan("ivf_pq", lists=2, probes=1, refine=8),
    "hnsw": IndexPlan("hnsw", links=4, effort=16),
}
"""Every step of the ladder but the first, for collections far below the size that it is for."""


EXACTLY = ["disk", "memory", "reopened", "read-only", "sq8"]
"""Where even the choice among equal photos is settled; lists and graphs may miss one of them."""


def force(level: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every checkpoint and every rebuild choose this level, where there are as many photos as it needs."""
    plan = LEVELS[level]
    flat = IndexPlan("flat")
    monkeypatch.setattr(live_index, "plan_for", lambda count, _choice: plan if count >= plan.least + 1 else flat)


@pytest.fixture(params=["disk", "memory", *LEVELS])
def make(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Make]:
    """Make a collection that may be changed."""
    made: list[Collection] = []
    numbers = count()
    if request.param in LEVELS:
        force(request.param, monkeypatch)

    def new(entries: Sequence[Entry]) -> Collection:
        if request.param == "memory":
            made.append(LocalCollection.in_memory(INFO))
        else:
            made.append(LocalCollection.create(tmp_path / f"collection{next(numbers)}", INFO))
        made[-1].put(entries)
        if request.param in LEVELS:
            made[-1].checkpoint()
        return made[-1]

    yield new
    for collection in made:
        collection.close()


@pytest.fixture(params=["disk", "memory", "reopened", "read-only", *LEVELS])
def stored(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Make]:
    """Make a collection to be read, in each way that one can be; one of a forced level is read from its cache."""
    opened: list[Collection] = []
    numbers = count()
    if request.param in LEVELS:
        force(request.param, monkeypatch)

    def new(entries: Sequence[Entry]) -> Collection:
        folder = tmp_path / f"collection{next(numbers)}"
        collection = (
            LocalCollection.in_memory(INFO) if request.param == "memory" else LocalCollection.create(folder, INFO)
        )
        collection.put(entries)
        if request.param not in ("disk", "memory"):
            collection.close()
            collection = LocalCollection.open(folder, read_only=request.param != "reopened")
        opened.append(collection)
        return collection

    yield new
    for collection in opened:
        collection.close()


# What is stored comes back


def test_facts_come_back_as_they_were_put(stored: Make) -> None:
    product = Product(
        "p/1", "Sofa", "Sofa | in Leeds", "Lines\rand\r\n🛋️ \0 NUL", Decimal("1250.00"), "£", "Leeds", "s 1", "A / B"
    )
    put = entry(
        "i%1",
        axis(1),
        product,
        b"\xff\xd8jpeg\x00",
        format="png",
        sha256="ab",
        duplicate_of="i0",
        split="test",
        group_id=2**40,
    )
    bare = entry("bare", axis(2), Product("p2"))
    collection = stored([put, bare])
    assert collection.info == INFO
    assert collection.images(["bare", "none", "i%1", "bare"]) == [bare.image, None, put.image, bare.image]
    assert collection.products(["p2", "p/1", "i%1"]) == [bare.product, product, None]
    assert str(collection.products(["p/1"])[0].price) == "1250.00"
    assert collection.thumbnail("i%1") == b"\xff\xd8jpeg\x00"
    assert collection.thumbnail("bare") is None
    assert collection.thumbnail("none") is None


@pytest.mark.parametrize(
    "price", ["0.10", "1E+3", "-5.50", "0", "12345678901234567890.123456789", "0.1000000000000000055"]
)
def test_prices_are_exact(stored: Make, price: str) -> None:
    collection = stored([entry("i", axis(0), Product("p", price=Decimal(price)))])
    assert str(collection.products(["p"])[0].price) == price


@pytest.mark.parametrize("odd", ODD_IDS)
def test_any_id_works_everywhere(make: Make, odd: str) -> None:
    others = [entry(f"other {n}", axis(1), f"other {n}") for n in range(3)]
    collection = make([entry(odd, axis(0), odd, b"thumb"), *others])
    assert collection.images([odd])[0].image_id == odd
    assert collection.products([odd])[0].product_id == odd
    assert [image.image_id for image in collection.images_of(odd)] == [odd]
    assert collection.thumbnail(odd) == b"thumb"
    assert collection.vectors([odd]).tolist() == [axis(0).tolist()]
    assert ids(collection.search(axis(0)[None], 1)[0]) == [odd]
    assert collection.count(Filter(exclude_images=frozenset([odd]))) == 3
    assert collection.count(Filter(exclude_products=frozenset([odd]))) == 3
    assert collection.delete([odd]) == 1
    assert collection.images([odd]) == collection.products([odd]) == [None]


@pytest.mark.parametrize("impossible", ["nul\0", "half a pair \ud800"])
def test_ids_that_cannot_be_stored_are_refused_and_never_found(make: Make, impossible: str) -> None:
    collection = make([entry("nul", axis(0))])
    for bad in (entry(impossible, axis(0)), entry("i", axis(0), impossible)):
        with pytest.raises(ValueError, match="ids must be Unicode"):
            collection.put([bad])
    assert collection.images([impossible, "nul"])[0] is None
    assert collection.products([impossible]) == [None]
    assert collection.images_of(impossible) == []
    assert collection.thumbnail(impossible) is None
    assert collection.delete([impossible]) == 0
    assert collection.count(Filter(exclude_images=frozenset([impossible]))) == 1
    with pytest.raises(NotFound):
        collection.vectors([impossible])


def test_vectors_are_unit_and_close_to_what_was_put(stored: Make) -> None:
    put = vectors(50)
    collection = stored([entry(f"i{n}", vector) for n, vector in enumerate(put)])
    back = collection.vectors([f"i{n}" for n in reversed(range(50))])[::-1]
    assert back.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(back, axis=1), 1, atol=1e-6)
    assert 0 < np.abs(back - put).max() < 1e-3
    assert collection.vectors([]).shape == (0, DIM)
    with pytest.raises(NotFound, match="none"):
        collection.vectors(["i0", "none"])


def test_order_is_that_of_putting(stored: Make) -> None:
    collection = stored([entry(name, axis(0), "p") for name in ("c", "a", "b")])
    assert collection.image_ids() == ["c", "a", "b"]
    assert [image.image_id for image in collection.images_of("p")] == ["c", "a", "b"]
    assert ids(collection.search(axis(0)[None], 3)[0]) == ["c", "a", "b"]


def test_categories_count_products_and_photos_by_full_path(stored: Make) -> None:
    sofa, chair = Product("p1", category="B / Sofas"), Product("p2", category="B / Sofas")
    entries = [entry("1", axis(0), sofa), entry("2", axis(0), sofa), entry("3", axis(0), chair)]
    entries += [entry("4", axis(0), Product("p3", category="B")), entry("5", axis(0), Product("p4"))]
    assert stored(entries).categories() == [CategoryCount("B", 1, 1), CategoryCount("B / Sofas", 2, 3)]


# Changes


def test_each_change_is_one_generation_and_nothing_is_none(make: Make) -> None:
    collection = make([entry("a", axis(0)), entry("b", axis(1))])
    assert collection.generation == 1
    collection.put([entry("a", axis(2))])
    assert collection.generation == 2
    assert collection.delete(["a", "b", "a", "none"]) == 2
    assert collection.generation == 3
    collection.put([])
    assert collection.delete(["a"]) == collection.delete([]) == 0
    assert collection.generation == 3


def test_putting_again_replaces_photo_thumbnail_vector_and_product_facts(make: Make) -> None:
    collection = make([entry("a", axis(0), Product("p", "old"), b"old"), entry("b", axis(1), Product("p", "old"))])
    collection.put([entry("a", axis(2), Product("p", "new"))])
    assert collection.count() == 2
    assert collection.image_ids() == ["b", "a"]
    assert collection.thumbnail("a") is None
    assert collection.products(["p"])[0].name == "new"
    assert collection.vectors(["a"]).tolist() == [axis(2).tolist()]
    found = collection.search(np.stack([axis(0), axis(2)]), 5)
    assert [[hit.score for hit in one.hits] for one in found] == [[0.0, 0.0], [1.0, 0.0]]


def test_a_product_lives_as_long_as_it_has_a_photo(make: Make) -> None:
    collection = make([entry("a", axis(0), "p"), entry("b", axis(0), "p"), entry("c", axis(0), "q")])
    collection.delete(["a"])
    assert collection.products(["p"]) == [Product("p")]
    collection.put([entry("b", axis(0), "q")])  # moves to another product
    assert collection.products(["p", "q"]) == [None, Product("q")]
    assert [image.image_id for image in collection.images_of("q")] == ["c", "b"]
    collection.delete(["c", "b"])
    assert collection.products(["q"]) == [None]
    assert collection.categories() == []


BAD_PUTS = {
    "too wide": ([entry("x", np.eye(DIM + 1)[0])], Mismatch, "7 numbers"),
    "too narrow": ([entry("x", np.eye(DIM - 1)[0])], Mismatch, "5 numbers"),
    "two-dimensional": ([entry("x", np.eye(DIM)[:1])], Mismatch, "1x6"),
    "NaN": ([entry("x", [np.nan, 0, 0, 0, 0, 0])], ValueError, "not finite"),
    "infinite": ([entry("x", [np.inf, 0, 0, 0, 0, 0])], ValueError, "not finite"),
    "zero": ([entry("x", np.zeros(DIM))], ValueError, "length 1"),
    "long": ([entry("x", axis(0) * 1.002)], ValueError, "length 1"),
    "twice": ([entry("x", axis(0)), entry("y", axis(0)), entry("x", axis(1))], ValueError, "'x' stands twice"),
    "another product": ([replace(entry("x", axis(0)), product=Product("q"))], ValueError, "belongs to 'p'"),
    "price": ([entry("x", axis(0), Product("p", price=Decimal("NaN")))], ValueError, "price"),
}


@pytest.mark.parametrize("name", BAD_PUTS)
def test_a_bad_put_changes_nothing(make: Make, name: str) -> None:
    bad, error, words = BAD_PUTS[name]
    collection = make([entry("a", axis(0))])
    with pytest.raises(error, match=words):
        collection.put([entry("good", axis(1)), *bad])
    assert collection.generation == 1
    assert collection.image_ids() == ["a"]
    assert ids(collection.search(axis(1)[None], 5)[0]) == ["a"]


def test_a_put_that_fails_midway_is_undone(make: Make) -> None:
    collection = make([entry("a", axis(0), Product("p", "old"))])
    with pytest.raises(OverflowError):
        collection.put([entry("a", axis(1), Product("p", "new")), entry("b", axis(1), group_id=2**70)])
    assert collection.generation == 1
    assert collection.products(["p"]) == [Product("p", "old")]
    assert ids(collection.search(axis(0)[None], 5)[0]) == ["a"]
    collection.put([entry("b", axis(0))])
    assert ids(collection.search(axis(0)[None], 5)[0]) == ["a", "b"]


def test_a_read_only_collection_refuses_changes(tmp_path: Path) -> None:
    with LocalCollection.create(tmp_path / "c", INFO) as collection:
        collection.put([entry("a", axis(0))])
        assert not collection.read_only
    with LocalCollection.open(tmp_path / "c", read_only=True) as collection:
        assert collection.read_only
        for change in (lambda: collection.put([]), lambda: collection.delete([]), collection.checkpoint):
            with pytest.raises(ReadOnly):
                change()


# Search


@pytest.mark.parametrize(
    ("queries", "k", "error"),
    [
        (np.eye(DIM + 1, dtype=np.float32), 1, Mismatch),
        (np.empty((0, DIM - 1), np.float32), 1, Mismatch),
        (np.eye(DIM), 1, ValueError),
        (axis(0), 1, ValueError),
        (axis(0)[None], 0, ValueError),
        (axis(0)[None] * 1.002, 1, ValueError),
        (np.full((1, DIM), np.nan, np.float32), 1, ValueError),
        (np.full((1, DIM), np.inf, np.float32), 1, ValueError),
        (np.zeros((1, DIM), np.float32), 1, ValueError),
    ],
)
def test_queries_that_make_no_sense_are_refused(
    stored: Make, queries: np.ndarray, k: int, error: type[Exception]
) -> None:
    with pytest.raises(error):
        stored([entry("a", axis(0))]).search(queries, k)


def test_an_empty_collection_answers(stored: Make) -> None:
    collection = stored([])
    assert collection.count() == collection.generation == 0
    assert collection.image_ids() == collection.categories() == []
    for where in (None, Filter(category="A")):
        for by_product in (False, True):
            assert [
                one.hits
                for one in collection.search(np.eye(DIM, dtype=np.float32), 3, where=where, by_product=by_product)
            ] == [()] * DIM


def test_no_queries_no_answers(stored: Make) -> None:
    assert stored([entry("a", axis(0))]).search(np.empty((0, DIM), np.float32), 3) == []


def test_queries_are_left_unchanged_and_may_be_strided(stored: Make) -> None:
    collection = stored([entry(f"i{n}", vector) for n, vector in enumerate(vectors(700))])
    wide = np.asfortranarray(vectors(10, seed=1))
    before = wide.copy()
    wide.flags.writeable = False
    strided = collection.search(wide[::2], 5)
    assert (wide == before).all()
    assert strided == collection.search(np.ascontiguousarray(before[::2]), 5)


def test_k_beyond_what_there_is_returns_what_there_is(stored: Make) -> None:
    collection = stored([entry(f"i{n}", vector, f"p{n // 3}") for n, vector in enumerate(vectors(900))])
    assert len(collection.search(vectors(1, 1), 5000)[0].hits) == 900
    assert len(collection.search(vectors(1, 1), 5000, by_product=True)[0].hits) == 300


def test_scores_stay_within_bounds(stored: Make) -> None:
    put = vectors(200)
    collection = stored([entry(f"i{n}", vector) for n, vector in enumerate(put)])
    for found in collection.search(np.concatenate([put * 1.0009, -put * 1.0009]).astype(np.float32), 200):
        assert all(-1 <= hit.score <= 1 for hit in found.hits)


@pytest.mark.parametrize("stored", EXACTLY, indirect=True)
def test_ties_at_the_cut_go_to_those_put_first(stored: Make) -> None:
    """Far more equal photos than are asked for, among many others: an index alone returns any of them."""
    many = list(vectors(900, seed=3))
    same = vectors(1, seed=4)[0]
    for place in range(100, 900, 2):
        many[place] = same
    collection = stored([entry(f"i{n}", vector, f"p{n // 4}") for n, vector in enumerate(many)])
    query = same[None]
    assert ids(collection.search(query, 7)[0]) == [f"i{n}" for n in range(100, 114, 2)]
    by_product = collection.search(query, 3, by_product=True)[0]
    assert ids(by_product) == ["i100", "i104", "i108"]
    where = Filter(exclude_images=frozenset(["i100", "i104"]))
    assert ids(collection.search(query, 3, where=where)[0]) == ["i102", "i106", "i108"]


@pytest.mark.parametrize("stored", EXACTLY, indirect=True)
def test_an_answer_does_not_depend_on_the_batch_or_the_filter(stored: Make) -> None:
    """One query and many take different code in FAISS, whose last bits differ."""
    entries = [entry(f"i{n}", vector, Product(f"p{n // 2}", category="A")) for n, vector in enumerate(vectors(1200))]
    collection = stored(entries)
    queries = vectors(100, seed=5)
    together = collection.search(queries, 20)
    assert together == [collection.search(query[None], 20)[0] for query in queries]
    assert together == collection.search(queries, 20, where=Filter(category="A"))
    assert [one.hits[:3] for one in together] == [one.hits for one in collection.search(queries, 3)]


@pytest.mark.parametrize("stored", EXACTLY, indirect=True)
def test_by_product_finds_k_products_behind_one_with_very_many_photos(stored: Make) -> None:
    near = unit_rows(axis(0) + 0.05 * np.random.default_rng(0).standard_normal((1500, DIM)))
    crowd = [entry(f"crowd {n}", vector, "crowd") for n, vector in enumerate(near)]
    far = [entry(f"far {n}", vector, f"far {n // 2}") for n, vector in enumerate(unit_rows(vectors(20) - 2 * axis(0)))]
    collection = stored([*crowd, *far])
    twin = Twin()
    twin.put([*crowd, *far])
    for k in (1, 2, 5, 11, 12):
        found = collection.search(axis(0)[None], k, by_product=True)[0]
        assert list(found.hits) == twin.search(axis(0), k, None, True)
        assert len(found.hits) == min(k, 11)


# Filters


def test_category_is_a_prefix_by_whole_parts(stored: Make) -> None:
    paths = [
        "A / B",
        "A / B / C",
        "A / Bx",
        "A",
        "a / b",
        "A / %",
        "A / _",
        "A / B /C",
        "A / B / ",
        "AA / B",
        "A / B!",
        "A /!",
    ]
    entries = [entry(path, axis(0), Product(path, category=path)) for path in paths]
    collection = stored([*entries, entry("none", axis(0), "none")])

    def under(category: str) -> list[str]:
        found = collection.image_ids(Filter(category=category))
        assert sorted(found) == sorted(ids(collection.search(axis(0)[None], 50, where=Filter(category=category))[0]))
        return found

    assert under("A / B") == ["A / B", "A / B / C", "A / B / "]
    assert under("A") == ["A / B", "A / B / C", "A / Bx", "A", "A / %", "A / _", "A / B /C", "A / B / ", "A / B!"]
    assert under("A / %") == ["A / %"]
    assert under("A / _") == ["A / _"]
    assert under("a") == ["a / b"]
    assert under("B") == under("") == under("A / ") == []


def test_price_bounds_are_inclusive_and_exact(stored: Make) -> None:
    prices = ["9.99", "10", "10.00", "10.01", "-1", "12345678901234567890.1", "12345678901234567890.2", "1E+400"]
    entries = [entry(price, axis(0), Product(price, price=Decimal(price), currency="£")) for price in prices]
    collection = stored([*entries, entry("none", axis(0), "none")])

    def between(low: str | None, high: str | None) -> list[str]:
        return collection.image_ids(Filter(min_price=low and Decimal(low), max_price=high and Decimal(high)))

    assert between("10", "10") == ["10", "10.00"]
    assert between("10.0", "10.01") == ["10", "10.00", "10.01"]
    assert between(None, "9.99") == ["9.99", "-1"]
    assert between("12345678901234567890.15", None) == ["12345678901234567890.2", "1E+400"]
    assert between(None, "12345678901234567890.15")[-1] == "12345678901234567890.1"
    assert between("1E+399", None) == ["1E+400"]
    assert between("1E+401", None) == between("11", "10") == []
    assert collection.count(Filter(currency="£")) == 8
    assert collection.count(Filter(currency="€")) == 0


@pytest.mark.parametrize(
    "where", [Filter(min_price=Decimal("NaN")), Filter(max_price=Decimal("-Infinity")), Filter(seller_id="\ud800")]
)
def test_a_filter_that_makes_no_sense_is_refused(stored: Make, where: Filter) -> None:
    collection = stored([entry("a", axis(0))])
    for ask in (collection.count, collection.image_ids, lambda bad: collection.search(axis(0)[None], 1, where=bad)):
        with pytest.raises(QueryError):
            ask(where)


def test_splits_groups_and_sellers(stored: Make) -> None:
    entries = [
        entry("a", axis(0), Product("p", seller_id="s"), split="train", group_id=1),
        entry("b", axis(0), Product("q", seller_id="t"), split="test", group_id=-2),
        entry("c", axis(0), Product("r"), split=None, group_id=None),
    ]
    collection = stored(entries)
    assert collection.image_ids(Filter(splits=frozenset(["train", "test"]))) == ["a", "b"]
    assert collection.image_ids(Filter(splits=frozenset())) == []
    assert collection.image_ids(Filter(exclude_groups=frozenset([-2, 7]))) == ["a", "c"]
    assert collection.image_ids(Filter(seller_id="t")) == ["b"]
    assert collection.image_ids(Filter()) == ["a", "b", "c"]


# Everything at once

TEXT = st.sampled_from([*ODD_IDS, "i1", "i2", "i3"])
VECTORS = st.lists(st.integers(-2, 2), min_size=DIM, max_size=DIM).map(lambda v: unit_rows([v])[0])
PRODUCTS = st.builds(
    Product,
    st.sampled_from(["p1", "p2", "p 3", "p/4"]),
    name=st.sampled_from(["", "Sofa"]),
    price=st.none() | st.decimals(0, 3, places=1),
    currency=st.sampled_from([None, "£"]),
    seller_id=st.sampled_from([None, "s", "S"]),
    category=st.sampled_from([None, "A", "A / B", "A / B / C", "A / Bx", "a / B", "A%"]),
)
ENTRIES = st.builds(
    lambda image_id, product, vector, split, group: entry(image_id, vector, product, split=split, group_id=group),
    TEXT,
    PRODUCTS,
    VECTORS,
    st.sampled_from([None, "train", "test"]),
    st.sampled_from([None, 1, 2]),
)
FILTERS = st.builds(
    Filter,
    category=st.sampled_from([None, None, "A", "A / B", "A%"]),
    min_price=st.none() | st.decimals(0, 3, places=1),
    max_price=st.none() | st.decimals(0, 3, places=1),
    currency=st.sampled_from([None, None, "£"]),
    seller_id=st.sampled_from([None, None, "s"]),
    splits=st.none() | st.frozensets(st.sampled_from(["train", "test"])),
    exclude_images=st.frozensets(TEXT, max_size=3),
    exclude_products=st.frozensets(st.sampled_from(["p1", "p2"]), max_size=1),
    exclude_groups=st.frozensets(st.sampled_from([1, 2]), max_size=1),
)
PUTS = st.lists(ENTRIES, max_size=6, unique_by=lambda one: one.image.image_id)
STEPS = st.lists(PUTS | st.lists(TEXT, max_size=3).map(tuple), max_size=6)


def check_against_twin(collection: Collection, twin: Twin, data: st.DataObject) -> None:
    names = list(twin.entries)
    assert collection.image_ids() == names
    assert collection.images(names) == [one.image for one in twin.entries.values()]
    for one in twin.entries.values():
        product_id = one.product.product_id
        assert collection.products([product_id]) == [one.product]
        of = [other.image for other in twin.entries.values() if other.product.product_id == product_id]
        assert collection.images_of(product_id) == of
    expected = np.array([twin.vector(name) for name in names], np.float32).reshape(-1, DIM)
    np.testing.assert_array_equal(collection.vectors(names), expected)
    where = data.draw(st.none() | FILTERS)
    assert collection.count(where) == len(twin.passing(where))
    assert collection.image_ids(where) == [one.image.image_id for one in twin.passing(where)]
    query, k, by_product = data.draw(VECTORS), data.draw(st.integers(1, 8)), data.draw(st.booleans())
    found = collection.search(query[None], k, where=where, by_product=by_product)
    assert list(found[0].hits) == twin.search(query, k, where, by_product)


def run_steps(collection: Collection, twin: Twin, steps: Sequence[Any]) -> None:
    for step in steps:
        if isinstance(step, tuple):
            assert collection.delete(step) == twin.delete(step)
        else:
            collection.put(step)
            twin.put(step)


@settings(deadline=None, max_examples=150)
@given(steps=STEPS, data=st.data())
def test_in_memory_it_is_its_twin(steps: Sequence[Any], data: st.DataObject) -> None:
    collection, twin = LocalCollection.in_memory(INFO), Twin()
    run_steps(collection, twin, steps)
    check_against_twin(collection, twin, data)
    collection.close()


@pytest.mark.parametrize("level", ["by size", *LEVELS])
def test_on_disk_it_is_its_twin_before_and_after_reopening(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, level: str
) -> None:
    if level in LEVELS:
        force(level, monkeypatch)
    numbers = count()

    @settings(deadline=None, max_examples=25 if level == "by size" else 12, suppress_health_check=list(HealthCheck))
    @given(steps=STEPS, more=STEPS, data=st.data())
    def check(steps: Sequence[Any], more: Sequence[Any], data: st.DataObject) -> None:
        reopen_and_compare(tmp_path / f"collection{next(numbers)}", steps, more, data)

    check()


def reopen_and_compare(folder: Path, steps: Sequence[Any], more: Sequence[Any], data: st.DataObject) -> None:
    twin = Twin()
    with LocalCollection.create(folder, INFO) as collection:
        run_steps(collection, twin, steps)
        check_against_twin(collection, twin, data)
    with LocalCollection.open(folder) as collection:
        check_against_twin(collection, twin, data)
        run_steps(collection, twin, more)
        collection.checkpoint()
        check_against_twin(collection, twin, data)
    with LocalCollection.open(folder, read_only=True) as collection:
        check_against_twin(collection, twin, data)


def test_a_filter_is_known_once_it_was_asked_for_until_something_changes(make: Make) -> None:
    collection = make([entry(f"i{n}", axis(n % DIM), Product(f"p{n}", category="A")) for n in range(6)])
    where = Filter(category="A")
    assert not collection.knows(where)
    assert len(collection.search(axis(0)[None], 3, where=where)[0].hits) == 3
    assert collection.knows(where)
    assert not collection.knows(Filter(category="B"))
    collection.delete(["i0"])
    assert not collection.knows(where)
