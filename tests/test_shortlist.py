"""The engine's switches over a real collection: folds, prototypes and the boost, against slow twins."""

from collections import defaultdict
from collections.abc import Generator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from drawn_shop import Shop, open_shop
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lookalike import shortlist
from lookalike.collection import CollectionInfo, LocalCollection
from lookalike.engine import SearchEngine
from lookalike.errors import NotFound
from lookalike.ranking import FOLDS, RankConfig
from lookalike.shortlist import Request
from lookalike.types import Entry, Filter, Float32Array, Image, Product, unit_rows


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Generator[Shop]:
    with open_shop(tmp_path_factory.mktemp("photos")) as opened:
        yield opened


def ranked_by(shop: Shop, **how: object) -> SearchEngine:
    """The shop's engine with another ranking; the collection stays the shop's."""
    engine = shop.engine
    return SearchEngine(engine.encoder, engine.head, engine.collection, photos=shop.photos, rank=RankConfig(**how))  # pyright: ignore


def slow_scores(engine: SearchEngine, vector: Float32Array, by: str, where: Filter | None = None) -> dict[str, float]:
    """Each product's score from all its photos, one by one."""
    scores: dict[str, list[float]] = defaultdict(list)
    for hit in engine.collection.search(vector[None], 1000, where=where)[0].hits:
        scores[hit.product_id].append(hit.score)
    kept = {"max": 1, "top2": 2, "mean": 1000}[by]
    return {product: float(np.mean(sorted(each, reverse=True)[:kept])) for product, each in scores.items()}


@pytest.mark.parametrize("by", FOLDS)
def test_each_fold_agrees_with_its_slow_twin(shop: Shop, by: str) -> None:
    engine = ranked_by(shop, fold=by)
    (vector,) = engine.embed([shop.lamp])
    expected = slow_scores(engine, vector, by)
    results = engine.search(shop.lamp, k=1000)
    assert {result.product_id: result.score for result in results} == {
        product: pytest.approx(score, abs=1e-5) for product, score in expected.items()
    }
    assert [result.score for result in results] == sorted((result.score for result in results), reverse=True)
    for result in results[:5]:  # the photo that is shown is the product's best one
        mine = [image.image_id for image in engine.product(result.product_id).images]
        assert result.image_id == mine[int((engine.collection.vectors(mine) @ vector).argmax())]


def test_the_defaults_are_the_collections_own_search(shop: Shop) -> None:
    (vector,) = shop.engine.embed([shop.lamp])
    hits = shop.engine.collection.search(vector[None], 7, by_product=True)[0].hits
    found = shop.engine.search(shop.lamp, k=7)
    assert [(one.image_id, one.score) for one in found] == [(hit.image_id, hit.score) for hit in hits]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    k=st.integers(1, 60),
    by=st.sampled_from(FOLDS),
    prototypes=st.booleans(),
    boost=st.floats(0, 2),
    category=st.sampled_from([None, "Clothes", "Odd", "Home & Garden / Lamps"]),
    by_product=st.booleans(),
)
def test_no_switch_ever_gives_fewer_or_lets_through_what_the_filter_holds_back(
    shop: Shop, k: int, by: str, prototypes: bool, boost: float, category: str | None, by_product: bool
) -> None:
    where = Filter(category=category, exclude_products=frozenset({"lamp-4"}))
    plain = shop.engine.search(shop.lamp, k, where=where, by_product=by_product)
    engine = ranked_by(shop, fold=by, prototypes=prototypes, boost=boost)
    found = engine.search(shop.lamp, k, where=where, by_product=by_product)
    assert len(found) == len(plain)
    ids = [one.product_id if by_product else one.image_id for one in found]
    assert len(set(ids)) == len(ids)
    assert all((one.category or "").startswith(category or "") and one.product_id != "lamp-4" for one in found)


def test_photos_that_the_filter_leaves_out_do_not_count(shop: Shop) -> None:
    engine = ranked_by(shop, fold="mean", prototypes=True)
    (vector,) = engine.embed([shop.lamp])
    where = Filter(exclude_images=frozenset({"rug-3#0", "hat-2#1"}))
    expected = slow_scores(engine, vector, "mean", where)
    results = {result.product_id: result for result in engine.search(shop.lamp, k=100, where=where)}
    for product in ("rug-3", "hat-2"):  # one photo is left: it is the mean, and there is no prototype
        assert results[product].score == pytest.approx(expected[product], abs=1e-5)
    assert {result.image_id for result in results.values()}.isdisjoint(where.exclude_images)


def hand_collection() -> LocalCollection:
    """Product A has photos on either side of the query, B one that is nearer than either, C one far off."""
    vectors = {"a1": (0.8, 0.6), "a2": (0.8, -0.6), "b1": (0.9, np.sqrt(1 - 0.81)), "c1": (0.0, 1.0)}
    collection = LocalCollection.in_memory(CollectionInfo(2, "e", "h"))
    entries = [
        Entry(Product(name[0].upper(), category=f"kind {name[0]}"), Image(name, name[0].upper(), f"{name}.jpg", 8, 8),
              unit_rows([vector])[0])
        for name, vector in vectors.items()
    ]  # fmt: skip
    collection.put(entries)
    return collection


def test_a_prototype_stands_between_its_photos_and_is_never_shown() -> None:
    """The mean of (.8, .6) and (.8, -.6) at length 1 is (1, 0): A scores 1 with it and 0.8 without."""
    collection, query = hand_collection(), np.array([[1, 0]], np.float32)
    (plain,) = shortlist.search(collection, query, Request(3, by_product=True), RankConfig())
    assert [(hit.product_id, round(hit.score, 3)) for hit in plain.hits] == [("B", 0.9), ("A", 0.8), ("C", 0.0)]
    (found,) = shortlist.search(collection, query, Request(3, by_product=True), RankConfig(prototypes=True))
    assert [(hit.product_id, round(hit.score, 3)) for hit in found.hits] == [("A", 1.0), ("B", 0.9), ("C", 0.0)]
    assert found.hits[0].image_id in {"a1", "a2"}
    (first,) = shortlist.search(collection, query, Request(1, by_product=True), RankConfig(prototypes=True))
    assert [hit.product_id for hit in first.hits] == ["A"]  # more than k are put in order
    photos = shortlist.search(collection, query, Request(9), RankConfig(prototypes=True))[0]
    assert sorted(hit.image_id for hit in photos.hits) == ["a1", "a2", "b1", "c1"]
    assert collection.count() == 4


def test_a_product_whose_photo_goes_in_the_middle_is_ranked_by_what_was_found(monkeypatch: pytest.MonkeyPatch) -> None:
    collection = hand_collection()

    def gone(self: object, image_ids: object) -> Float32Array:
        raise NotFound("there is no such photo in the collection")

    monkeypatch.setattr(LocalCollection, "vectors", gone)
    (found,) = shortlist.search(
        collection, np.array([[1, 0]], np.float32), Request(3, by_product=True), RankConfig(fold="mean")
    )
    assert [hit.product_id for hit in found.hits] == ["B", "A", "C"]


def test_several_photos_of_one_thing_are_asked_together(shop: Shop) -> None:
    engine = ranked_by(shop, fold="mean")
    results = engine.similar_to_product("hat-2", k=100)
    vectors = engine.collection.vectors([image.image_id for image in engine.product("hat-2").images])
    for result in results[:5]:
        mine = engine.collection.vectors([image.image_id for image in engine.product(result.product_id).images])
        assert result.score == pytest.approx(float((mine @ vectors.T).max(axis=1).mean()), abs=1e-5)
    assert len(results) == len(shop.engine.similar_to_product("hat-2", k=100))


def leaving_out(request: Request) -> Request:
    """The same, the slow way: what is to stay apart left out by the filter."""
    mine = frozenset({request.apart or ""})
    kept_out = {"exclude_products": mine} if request.by_product else {"exclude_images": mine}
    return replace(request, where=replace(request.where or Filter(), **kept_out), apart=None)


RANKS = st.builds(RankConfig, st.sampled_from(FOLDS), st.booleans(), st.floats(0, 2))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    k=st.integers(1, 100),
    rank=RANKS,
    category=st.sampled_from([None, "Clothes", "Odd", "Home & Garden / Lamps"]),
    by_product=st.booleans(),
    asked=st.sampled_from(["lamp-3", "hat-2", "a/b", "..", "shoe-7"]),
)
def test_staying_apart_is_being_left_out_by_the_filter(
    shop: Shop, k: int, rank: RankConfig, category: str | None, by_product: bool, asked: str
) -> None:
    photos = [image.image_id for image in shop.engine.product(asked).images]
    vectors = shop.engine.collection.vectors(photos)
    probabilities = np.random.default_rng(k).dirichlet([1] * len(shop.engine.head.label_names), len(vectors))
    guess = shortlist.Guess(shop.engine.head, probabilities.astype(np.float32))
    request = Request(k, (category and Filter(category)) or None, by_product, apart=asked if by_product else photos[0])
    slow = leaving_out(request)
    collection = shop.engine.collection
    assert shortlist.search(collection, vectors, request, rank, guess) == shortlist.search(
        collection, vectors, slow, rank, guess
    )
    engine = SearchEngine(shop.engine.encoder, shop.engine.head, collection, rank=rank)
    expected = engine.search_vectors(vectors[:1], k, where=slow.where, by_product=by_product)[0]
    assert engine.similar(photos[0], k, where=request.where, by_product=by_product) == expected
    if by_product:
        together = shortlist.search_together(collection, vectors, slow, rank)
        found = engine.similar_to_product(asked, k, where=request.where)
        assert [(one.image_id, one.score) for one in found] == [(hit.image_id, hit.score) for hit in together.hits]


@settings(max_examples=80, deadline=None)
@given(
    photos=st.lists(st.tuples(st.integers(0, 5), st.integers(0, 3)), min_size=1, max_size=40),
    k=st.integers(1, 45),
    rank=RANKS,
    by_product=st.booleans(),
    category=st.sampled_from([None, "kind 0", "kind 1"]),
)
def test_staying_apart_among_many_equal_scores(
    photos: list[tuple[int, int]], k: int, rank: RankConfig, by_product: bool, category: str | None
) -> None:
    """Products with many photos, of four looks only: what is asked about need not be the first that is found."""
    with LocalCollection.in_memory(CollectionInfo(2, "e", "h")) as collection:
        collection.put(
            [
                Entry(
                    Product(str(product), category=f"kind {product % 2}"),
                    Image(str(number), str(product), f"{number}.jpg", 8, 8),
                    unit_rows([(np.cos(look), np.sin(look))])[0],
                )
                for number, (product, look) in enumerate(photos)
            ]
        )
        product = str(photos[-1][0])
        mine = [image.image_id for image in collection.images_of(product)]
        vectors = collection.vectors(mine)
        request = Request(
            k, (category and Filter(category)) or None, by_product, apart=product if by_product else mine[-1]
        )
        slow = leaving_out(request)
        found = shortlist.search(collection, vectors, request, rank)
        assert found == shortlist.search(collection, vectors, slow, rank)
        others = len({number for number, _ in photos if str(number) != product} if by_product else photos[1:])
        assert category or [len(each.hits) for each in found] == [min(k, others)] * len(mine)
        if by_product:
            assert shortlist.search_together(collection, vectors, request, rank) == shortlist.search_together(
                collection, vectors, slow, rank
            )


def test_what_is_asked_about_makes_no_filter_of_its_own(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Such a filter reads the whole table, and pushes those that are shared out of the cache."""
    asked: list[Filter | None] = []
    search = LocalCollection.search

    def spy(self: LocalCollection, *args: Any, where: Filter | None = None, **kwargs: Any) -> object:
        asked.append(where)
        return search(self, *args, where=where, **kwargs)

    monkeypatch.setattr(LocalCollection, "search", spy)
    clothes = Filter("Clothes")
    shop.engine.similar("lamp-3#0", 5)
    shop.engine.similar("lamp-3#0", 5, where=clothes, by_product=False)
    shop.engine.similar_to_product("hat-2", 5, where=clothes)
    assert asked == [None, clothes, clothes]


def test_the_boost_puts_the_guessed_category_first_and_hides_nothing(shop: Shop) -> None:
    plain, boosted = shop.engine.search(shop.lamp, k=100), ranked_by(shop, boost=50.0).search(shop.lamp, k=100)
    assert {one.product_id for one in plain} == {one.product_id for one in boosted}
    guessed = shop.engine.classify(shop.lamp, top=1)[0].label
    assert [one.category for one in boosted[:8]] == [guessed] * 8
    likely = {label.label: label.probability for label in shop.engine.classify(shop.lamp, top=100)}
    scores = {one.product_id: one.score for one in plain}
    for one in boosted:
        label = shop.engine.head.labels.of(one.category)
        agreed = likely.get(label or "", 0.0)
        assert one.score == pytest.approx((scores[one.product_id] + 50 * agreed) / 51, abs=1e-5)
    assert ranked_by(shop, boost=0.0).search(shop.lamp, k=9) == plain[:9]
    assert [ids[0] for ids in ranked_by(shop, boost=50.0).search_ids([shop.lamp], k=3)] != []


def test_an_automatic_boost_is_the_one_that_the_head_chose(shop: Shop) -> None:
    engine = shop.engine
    head = replace(engine.head, facts={**engine.head.facts, "boost": {"weight": 0.3, "tried": []}})
    chosen = SearchEngine(engine.encoder, head, engine.collection, rank=RankConfig(boost=None))
    assert chosen.rank.boost == 0.3
    assert ranked_by(shop, boost=None).rank.boost == 0  # nothing was chosen here
    assert ranked_by(shop, boost=None).search(shop.lamp, k=5) == engine.search(shop.lamp, k=5)


def test_stored_photos_are_not_boosted(shop: Shop) -> None:
    """What a stored photo is of is known, not guessed: there the boost has nothing to say."""
    assert ranked_by(shop, boost=0.5).similar("lamp-3#0", k=20) == shop.engine.similar("lamp-3#0", k=20)
