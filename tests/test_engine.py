"""The search engine: what the CLI, the API and the evaluation all call, over a real collection and head."""

import io
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from drawn_shop import GridEncoder, Shop, open_shop
from PIL import Image, ImageOps

from lookalike.collection import CollectionInfo, LocalCollection
from lookalike.engine import SearchEngine
from lookalike.errors import CollectionError, Mismatch, NotFound, PhotoError, QueryError
from lookalike.ranking import RankConfig
from lookalike.shortlist import Request
from lookalike.types import Filter, Result


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Generator[Shop]:
    with open_shop(tmp_path_factory.mktemp("photos")) as opened:
        yield opened


def test_a_photo_of_the_collection_finds_itself_first(shop: Shop) -> None:
    photo = shop.photos / "3-0.jpg"
    results = shop.engine.search(photo, k=5)
    assert (results[0].image_id, results[0].product_id) == ("lamp-3#0", "lamp-3")
    assert results[0].score == pytest.approx(1, abs=2e-3)
    assert (results[0].name, results[0].price, results[0].currency) == ("Lamp number 3", Decimal(25), "GBP")
    assert [result.score for result in results] == sorted((result.score for result in results), reverse=True)
    assert len({result.product_id for result in results}) == 5


def test_every_way_to_hand_in_a_photo_gives_the_same(shop: Shop) -> None:
    path = shop.photos / "3-0.jpg"  # lies on its side, its EXIF says so
    data = path.read_bytes()
    with Image.open(io.BytesIO(data)) as opened:
        ways = [path, str(path), data, opened.copy()]
        ways[3].info["exif"] = opened.info["exif"]
        vectors = shop.engine.embed(ways)
    for vector in vectors[1:]:
        np.testing.assert_allclose(vector, vectors[0], atol=0.03)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)


def test_many_are_one_list_each_in_their_order(shop: Shop) -> None:
    photos = [shop.photos / f"{order}-1.jpg" for order in (8, 0, 16)]
    many = shop.engine.search_many(photos, k=3)
    for together, photo in zip(many, photos, strict=True):
        alone = shop.engine.search(photo, k=3)
        assert [replace(one, score=0) for one in together] == [replace(one, score=0) for one in alone]
        # float32 products of matrices round differently for other numbers of rows
        assert [one.score for one in together] == pytest.approx([one.score for one in alone], abs=1e-6)
    assert shop.engine.search_many([], k=3) == []
    ids = shop.engine.search_ids(photos, k=4)
    assert [found[0] for found in ids] == ["rug-0#1", "lamp-0#1", "hat-0#1"]
    assert all(len(found) == 4 for found in ids)


def test_more_than_there_is_gives_what_there_is(shop: Shop) -> None:
    everything = shop.engine.search(shop.lamp, k=10_000, by_product=False)
    assert len(everything) == shop.engine.collection.count()
    products = shop.engine.search(shop.lamp, k=10_000)
    assert len(products) == len({result.product_id for result in everything})


def test_filters_reach_the_collection(shop: Shop) -> None:
    where = Filter(category="Clothes", max_price=Decimal(30))
    results = shop.engine.search(shop.lamp, k=100, where=where)
    assert {result.category for result in results} == {"Clothes / Hats", "Clothes / Shoes"}
    assert all(result.price is not None and result.price <= 30 for result in results)
    assert len(results) == 2 * 4  # numbers 1 to 4 cost 15 to 30


def test_similar_leaves_itself_out(shop: Shop) -> None:
    by_product = shop.engine.similar("lamp-3#0", k=100)
    assert "lamp-3" not in {result.product_id for result in by_product}
    by_photo = shop.engine.similar("lamp-3#0", k=1000, by_product=False)
    assert "lamp-3#0" not in {result.image_id for result in by_photo}
    assert "lamp-3#1" in {result.image_id for result in by_photo}
    assert len(by_photo) == shop.engine.collection.count() - 1


def test_a_product_is_as_similar_as_its_best_photo(shop: Shop) -> None:
    results = shop.engine.similar_to_product("hat-2", k=6)
    assert "hat-2" not in {result.product_id for result in results}
    best: dict[str, float] = {}
    for image in shop.engine.product("hat-2").images:
        for result in shop.engine.similar(image.image_id, k=1000):
            best[result.product_id] = max(best.get(result.product_id, -1), result.score)
    expected = sorted(best.values(), reverse=True)[:6]
    assert [result.score for result in results] == pytest.approx(expected, abs=1e-6)


def test_classify_tells_the_shelf(shop: Shop) -> None:
    labels = shop.engine.classify(shop.lamp, top=2)
    assert labels[0].label == "Home & Garden / Lamps"
    assert labels[0].probability >= labels[1].probability
    assert len(labels) == 2


def test_unknown_ids_and_senseless_k_are_refused(shop: Shop) -> None:
    for call in (shop.engine.similar, shop.engine.similar_to_product, shop.engine.product, shop.engine.photo):
        with pytest.raises(NotFound, match="nobody"):
            call("nobody")
    with pytest.raises(QueryError, match="k is 0"):
        shop.engine.search(shop.lamp, k=0)
    with pytest.raises(PhotoError, match="photo 1"):
        shop.engine.search_many([shop.lamp, b"no photo"])


def test_photos_come_upright_and_missing_ones_say_so(shop: Shop) -> None:
    assert shop.engine.photo("lamp-3#0").size == (160, 120)
    with pytest.raises(NotFound, match="gone"):
        shop.engine.photo("lamp-1#0")
    with pytest.raises(PhotoError):
        shop.engine.photo("lamp-2#0")
    assert shop.engine.thumbnail("lamp-3#0").startswith(b"\xff\xd8")
    without = SearchEngine(shop.engine.encoder, shop.engine.head, shop.engine.collection)
    with pytest.raises(NotFound, match="--photos"):
        without.photo("lamp-3#0")


def test_parts_that_do_not_belong_together_are_refused(shop: Shop) -> None:
    head = shop.engine.head
    other = replace(GridEncoder(), hash="grid-2")
    with pytest.raises(Mismatch, match="not built with the encoder"):
        SearchEngine(other, head, shop.engine.collection)
    with pytest.raises(Mismatch, match="the collection holds 7"):
        SearchEngine(GridEncoder(), head, LocalCollection.in_memory(CollectionInfo(7, "grid-1", "head-1")))
    with pytest.raises(Mismatch, match="the encoder grid gives 12"):
        SearchEngine(replace(GridEncoder(), dim=12), head, shop.engine.collection)


def test_where_embeddings_were_flipped_queries_are_too(shop: Shop) -> None:
    """Such a query cannot tell a photo from its mirror image."""
    head = replace(shop.engine.head, facts={**shop.engine.head.facts, "flip": True})
    engine = SearchEngine(shop.engine.encoder, head, shop.engine.collection)
    with Image.open(io.BytesIO(shop.lamp)) as lamp:
        ways = [lamp.convert("RGB"), ImageOps.mirror(lamp.convert("RGB"))]
    plain, both = shop.engine.features(ways), engine.features(ways)
    np.testing.assert_allclose(both[0], both[1], atol=0.01)
    np.testing.assert_allclose(both[0], plain.mean(axis=0), atol=0.01)
    assert np.abs(plain[0] - plain[1]).max() > 0.1


def test_threads_get_their_own_answers(shop: Shop) -> None:
    photos = sorted(shop.photos.glob("*-1.jpg"))[:24]
    serial = [shop.engine.search_ids([photo], k=3)[0] for photo in photos]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(lambda photo: shop.engine.search_ids([photo], k=3)[0], photos)) == serial


def test_a_filter_that_must_be_looked_up_goes_alone_and_then_in_company(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone: list[Filter | None] = []
    honest = shop.engine.search_many

    def noted(*given: Any, where: Filter | None = None, **more: Any) -> list[list[Result]]:
        alone.append(where)
        return honest(*given, where=where, **more)

    monkeypatch.setattr(shop.engine, "search_many", noted)
    where = Filter(category="Clothes", max_price=Decimal(31))
    first = shop.engine.search(shop.lamp, k=5, where=where)
    assert first
    assert alone == [where]
    assert shop.engine.search(shop.lamp, k=5, where=where) == first
    assert shop.engine.search(shop.lamp, k=5, where=Filter()) == shop.engine.search(shop.lamp, k=5)
    assert alone == [where]


@pytest.mark.parametrize("where", [None, Filter(max_price=Decimal(200))])
@pytest.mark.parametrize("boost", [0.0, 0.3])
def test_an_answer_does_not_depend_on_who_was_searched_for_together(
    shop: Shop, boost: float, where: Filter | None
) -> None:
    plain = shop.engine
    engine = SearchEngine(plain.encoder, plain.head, plain.collection, rank=RankConfig(boost=boost))
    features = plain.features(sorted(shop.photos.glob("*-1.jpg"))[:8])
    request = Request(10, where, by_product=True)
    alone = [engine._find(features[row : row + 1], request)[0] for row in range(len(features))]  # pyright: ignore
    assert engine._find(features, request) == alone  # pyright: ignore


def test_opening_what_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(CollectionError, match=r"no collection here.*lookalike build"):
        SearchEngine.open(tmp_path)
