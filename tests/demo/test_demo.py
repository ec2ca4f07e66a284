"""The sample catalogue: its tables, its dirt, and that the same seed draws the same shop."""

import csv
import io
import re
from collections import Counter, defaultdict
from pathlib import Path
from uuid import UUID

import numpy as np
import polars as pl
import pytest

from lookalike.demo import draw, drawing
from lookalike.demo.dirt import Dirt, soil
from lookalike.demo.shop import PALETTES, image_rows, photograph, stock
from lookalike.demo.stock_list import kinds
from lookalike.demo.table import ImageRow, ProductRow, images_csv, products_csv
from lookalike.demo.textures import Noise
from lookalike.errors import PhotoError
from lookalike.images import decode

PRODUCT_COLUMNS = ["", "id", "product_name", "category", "product_description", "price", "location"]


@pytest.fixture(scope="module")
def products(shop: Path) -> pl.DataFrame:
    return pl.read_csv(shop / "Products.csv", infer_schema=False)


@pytest.fixture(scope="module")
def images(shop: Path) -> pl.DataFrame:
    return pl.read_csv(shop / "Images.csv", infer_schema=False)


@pytest.fixture(scope="module")
def dirt() -> Dirt:
    listings = stock(0)
    rows = [listing.row for listing in listings]
    return soil(rows, image_rows(listings), np.random.default_rng([0, 4]))[2]


def test_tables_have_the_marketplace_format(shop: Path, products: pl.DataFrame, images: pl.DataFrame) -> None:
    assert products.columns == PRODUCT_COLUMNS
    assert images.columns == ["", "id", "product_id"]
    for frame in (products, images):
        assert frame[""].to_list() == [str(number) for number in range(len(frame))]
        assert all(UUID(text).version == 4 and str(UUID(text)) == text for text in frame["id"])
    assert not (shop / "Products.csv").read_bytes().startswith(b"\xef\xbb\xbf")
    assert products["product_name"].str.contains(r"^[^|]+ \| in [^|]+, [^|]+ \| Gumtree$").all()
    assert products["location"].str.contains(r"^[A-Z][\w ]+, [A-Z][\w ]+$").all()
    usual = products["price"].str.contains(r"^£\d{1,3}(,\d{3})*\.\d\d$")
    assert usual.sum() >= len(products) - 3
    assert products["price"].str.contains(r"^£\d,\d{3}\.\d\d$").any()


def test_shop_has_thirteen_parents_and_enough_of_everything(products: pl.DataFrame, images: pl.DataFrame) -> None:
    paths = [category.split(" / ") for category in products["category"]]
    assert len({path[0] for path in paths}) == 13
    assert {len(path) for path in paths} == {2, 3, 4}
    assert min(Counter(path[0] for path in paths).values()) >= 12
    endings = Counter(path[-1] for path in paths)
    assert endings["Private"] > 20
    assert endings["Other"] > 5
    assert 195 <= len(products) <= 230
    assert 440 <= len(images) <= 510
    owned = Counter(listing_count for listing_count in Counter(images["product_id"]).values())
    assert set(owned) <= {1, 2, 3, 4, 5}
    assert min(owned[count] for count in (1, 2, 3, 4)) >= 10


def test_no_row_is_lost_though_other_readers_choke(shop: Path, products: pl.DataFrame) -> None:
    text = (shop / "Products.csv").read_bytes().decode()
    assert len(products) == len(stock(0)) + 2
    with pytest.raises(csv.Error, match="new-line character"):
        list(csv.reader(io.StringIO(text)))
    assert re.search(r',[^",\n]*[^\n",]\r[^\n",][^",\n]*,', text), "no carriage return in an unquoted field"
    descriptions = products["product_description"].to_list()
    quoted = ['"' + text_.replace('"', '""') + '"' for text_ in descriptions]
    assert any("\r" in field and field in text for field in quoted), "no carriage return in a quoted field"
    assert any("\n" in description for description in descriptions)
    assert any('"' in description for description in descriptions)
    assert any("," in description for description in descriptions)
    assert any(ord(sign) > 0x1F000 for description in descriptions for sign in description)


def test_csv_quotes_only_what_must_be_quoted() -> None:
    row = ProductRow("1", 'a "good", one', "C / D", "one\rtwo", "£1.00", "line\nfeed")
    assert products_csv([row]) == (
        ",id,product_name,category,product_description,price,location\n"
        '0,1,"a ""good"", one",C / D,one\rtwo,£1.00,"line\nfeed"\n'
    )
    assert images_csv([ImageRow("7", "1")]) == ",id,product_id\n0,7,1\n"


def test_photos_hold_the_promised_dirt(shop: Path, dirt: Dirt, images: pl.DataFrame, products: pl.DataFrame) -> None:
    def photo(image_id: str) -> Path:
        return shop / "images" / f"{image_id}.jpg"

    owner = dict(zip(images["id"], images["product_id"], strict=True))
    assert not photo(dirt.missing_photo).exists()
    assert dirt.missing_photo in owner
    for image_id, reason in ((dirt.truncated_photo, "truncated"), (dirt.empty_photo, "empty")):
        with pytest.raises(PhotoError) as caught:
            decode(photo(image_id).read_bytes())
        assert caught.value.reason == reason
    for (copy, original), same_product in ((dirt.copy_in_product, True), (dirt.copy_across_products, False)):
        assert copy != original
        assert photo(copy).read_bytes() == photo(original).read_bytes()
        assert (owner[copy] == owner[original]) == same_product
    known = set(products["id"])
    assert owner[dirt.photo_of_nobody] not in known
    assert dirt.product_without_photos in known - set(owner.values())
    assert products["id"].to_list().count(dirt.repeated_product) == 2
    assert len(known) == len(products) - 1
    prices = set(products["price"])
    assert {"£0.00", "$25.00", "1.250,00 €"} <= prices
    assert products["price"].null_count() == 1


def test_all_else_is_whole(shop: Path, dirt: Dirt, images: pl.DataFrame) -> None:
    spoilt = {dirt.missing_photo, dirt.truncated_photo, dirt.empty_photo}
    on_disk = {file.stem for file in (shop / "images").iterdir()}
    assert on_disk == set(images["id"]) - {dirt.missing_photo}
    whole: dict[str, list[str]] = defaultdict(list)
    for image_id, product_id in zip(images["id"], images["product_id"], strict=True):
        if image_id not in spoilt:
            size = decode((shop / "images" / f"{image_id}.jpg").read_bytes()).size
            assert 360 <= min(size) <= max(size) <= 640
            whole[product_id].append(image_id)
    assert all(listing.row.id in whole for listing in stock(0)), "a clean product lost its last photo"


def test_same_seed_draws_the_same_shop(shop: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dirt: Dirt) -> None:
    some = stock(0)[:36]
    monkeypatch.setattr(drawing, "stock", lambda _seed: some)
    told: list[tuple[int, int]] = []
    again = draw(tmp_path, workers=1, progress=lambda done, total: told.append((done, total)))
    total = sum(len(listing.image_ids) for listing in some)
    assert told[0] == (0, total)
    assert told[-1] == (total, total)
    spoilt = {dirt.missing_photo, dirt.truncated_photo, dirt.empty_photo}
    compared = 0
    for listing in some:
        for image_id in listing.image_ids:
            here, there = (folder / "images" / f"{image_id}.jpg" for folder in (again, shop))
            if image_id not in spoilt and here.exists() and here.stat().st_size > 0:
                pair = here.read_bytes(), there.read_bytes()
                compared += pair[0] == pair[1]
    assert compared >= total - 4  # the smaller shop has dirt of its own


def test_seeds_differ() -> None:
    assert stock(3) == stock(3)
    first, second = stock(0), stock(1)
    assert not {listing.row.id for listing in first} & {listing.row.id for listing in second}
    assert first[0].image_ids != second[0].image_ids


def test_photos_of_a_product_differ() -> None:
    listing = next(listing for listing in stock(0) if len(listing.image_ids) == 4)
    photos = photograph(listing, Noise(0))
    assert len(set(photos)) == 4


def test_every_kind_is_sold_in_colours_that_exist() -> None:
    sold = Counter(listing.kind for listing in stock(0))
    assert sold == {number: kind.count for number, kind in enumerate(kinds())}
    assert all(kind.count >= len(kind.styles) for kind in kinds()), "a style that nobody sees"
    assert all(kind.palette in PALETTES and kind.accents in PALETTES for kind in kinds())
