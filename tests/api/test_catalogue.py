"""Products, photos, categories and the sample; photos tell nothing about where they were taken."""

import io

import pytest
from drawn_shop import GPS_WORDS, Shop
from PIL import Image as PillowImage
from starlette.testclient import TestClient

from lookalike.api.browse import tree
from lookalike.collection.protocol import CategoryCount


def test_a_product_with_its_photos(client: TestClient) -> None:
    assert client.get("/v1/products/lamp-3").json() == {
        "product_id": "lamp-3",
        "name": "Lamp number 3",
        "description": "A fine Lamp number 3.\nCollection only.",
        "price": "25",
        "currency": "GBP",
        "location": None,
        "category": "Home & Garden / Lamps",
        "images": [
            {"image_id": "lamp-3#0", "width": 160, "height": 120},
            {"image_id": "lamp-3#1", "width": 160, "height": 120},
        ],
    }


def test_a_photo_is_upright_and_tells_nothing_of_its_past(client: TestClient, drawn: Shop) -> None:
    (stored,) = drawn.engine.collection.images(["lamp-3#0"])
    assert stored is not None
    original = (drawn.photos / stored.path).read_bytes()
    assert GPS_WORDS in original
    assert PillowImage.open(io.BytesIO(original)).size == (120, 160)  # it lies on its side
    for size in ("full", "thumb"):
        response = client.get("/v1/images/lamp-3%230", params={"size": size})
        assert response.headers["content-type"] == "image/jpeg"
        shown = PillowImage.open(io.BytesIO(response.content))
        assert shown.size == (160, 120)
        assert not shown.getexif()
        assert {"exif", "comment", "xmp", "icc_profile"}.isdisjoint(shown.info)
        assert GPS_WORDS not in response.content


def test_photos_are_kept_by_browsers_until_they_change(client: TestClient) -> None:
    full = client.get("/v1/images/hat-1%230")
    thumb = client.get("/v1/images/hat-1%230?size=thumb")
    assert full.headers["etag"] != thumb.headers["etag"]
    assert full.headers["cache-control"] == "public, max-age=3600"
    again = client.get("/v1/images/hat-1%230", headers={"if-none-match": f'"other", W/{full.headers["etag"]}'})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == full.headers["etag"]
    other = client.get("/v1/images/hat-1%230", headers={"if-none-match": thumb.headers["etag"]})
    assert other.status_code == 200


@pytest.mark.parametrize(
    ("image_id", "code"),
    [("none", "not_found"), ("lamp-1%230", "photo_missing"), ("lamp-2%230", "photo_truncated")],
)
@pytest.mark.parametrize("size", ["full", "thumb"])
def test_photos_that_can_not_be_shown_say_why(
    client: TestClient, drawn: Shop, image_id: str, code: str, size: str
) -> None:
    response = client.get(f"/v1/images/{image_id}?size={size}")
    assert (response.status_code, response.json()["error"]["code"]) == (404, code)
    assert str(drawn.photos) not in response.text


def test_another_size_is_refused(client: TestClient) -> None:
    assert client.get("/v1/images/hat-1%230?size=huge").status_code == 422


def test_categories_as_a_tree_with_counts_of_all_below(client: TestClient) -> None:
    nodes = client.get("/v1/categories").json()["categories"]
    assert [(node["category"], node["name"], node["depth"], node["products"], node["images"]) for node in nodes] == [
        ("Clothes", "Clothes", 0, 16, 32),
        ("Clothes / Hats", "Hats", 1, 8, 16),
        ("Clothes / Shoes", "Shoes", 1, 8, 16),
        ("Home & Garden", "Home & Garden", 0, 16, 32),
        ("Home & Garden / Lamps", "Lamps", 1, 8, 16),
        ("Home & Garden / Rugs", "Rugs", 1, 8, 16),
        ("Home & Garden / Rugs / Private", "Private", 2, 8, 16),
        ("Odd", "Odd", 0, 9, 13),
    ]


def test_a_category_with_products_of_its_own_and_below_is_one_node() -> None:
    nodes = tree([CategoryCount("A", 2, 3), CategoryCount("A & C", 1, 1), CategoryCount("A / B", 5, 7)])
    assert [(node.category, node.products, node.images) for node in nodes] == [
        ("A", 7, 10),
        ("A / B", 5, 7),
        ("A & C", 1, 1),
    ]


def test_the_sample_is_varied_and_always_the_same(client: TestClient) -> None:
    first = client.get("/v1/products?limit=10").json()["products"]
    assert first == client.get("/v1/products?limit=10").json()["products"]
    assert len({item["product_id"] for item in first}) == 10
    assert len({item["category"] for item in first[:5]}) == 5  # a turn of each category before the second of any
    other = client.get("/v1/products?limit=10&seed=1").json()["products"]
    assert {item["product_id"] for item in other} != {item["product_id"] for item in first}


def test_the_sample_obeys_the_filter(client: TestClient) -> None:
    found = client.get("/v1/products", params={"limit": 100, "category": "Clothes", "max_price": "25"}).json()[
        "products"
    ]
    assert {item["product_id"] for item in found} == {f"{kind}-{n}" for kind in ("hat", "shoe") for n in (1, 2, 3)}
    assert client.get("/v1/products?category=Nothing").json() == {"products": []}


@pytest.mark.parametrize("query", ["limit=0", "limit=101", "limit=x", "seed=-1", "seed=x", "min_price=nan", "what=1"])
def test_bad_parameters_of_the_sample(client: TestClient, query: str) -> None:
    assert client.get(f"/v1/products?{query}").status_code == 422


def test_info_tells_what_is_served(client: TestClient, drawn: Shop) -> None:
    info = client.get("/v1/info").json()
    assert info["images"] == drawn.engine.collection.count()
    assert info["encoder"] == {"name": "grid", "hash": "grid-1", "dim": 48, "precision": "fp32"}
    assert info["head"] == {"kind": "mix", "dim": drawn.engine.head.dim, "labels": 5}
    assert (info["max_upload_bytes"], info["max_results"], info["read_only"]) == (200_000, 50, False)
