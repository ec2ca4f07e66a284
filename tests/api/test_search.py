"""Search by a sent photo, by photos and products of the catalogue, and classification."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from drawn_shop import Shop, as_jpeg, draw_thing
from starlette.testclient import TestClient

from lookalike import heads
from lookalike.api import create_app
from lookalike.engine import SearchEngine
from lookalike.settings import Settings


def post(client: TestClient, photo: bytes, **data: str) -> dict:
    response = client.post("/v1/search", files={"photo": ("any name.bin", photo)}, data=data)
    assert response.status_code == 200, response.text
    return response.json()


def test_a_photo_finds_the_products_that_the_engine_finds(client: TestClient, drawn: Shop) -> None:
    results = post(client, drawn.lamp, k="4")["results"]
    expected = drawn.engine.search(drawn.lamp, 4)
    assert [result["image_id"] for result in results] == [result.image_id for result in expected]
    assert len({result["product_id"] for result in results}) == 4
    assert results[0] == {
        "image_id": expected[0].image_id,
        "product_id": expected[0].product_id,
        "name": expected[0].name,
        "price": str(expected[0].price),
        "currency": "GBP",
        "category": "Home & Garden / Lamps",
        "score": pytest.approx(expected[0].score),
    }


def test_parameters_may_stand_in_the_query_or_the_form_and_the_form_wins(client: TestClient, drawn: Shop) -> None:
    files = {"photo": drawn.lamp}
    in_query = client.post("/v1/search?k=3&category=Clothes", files=files).json()["results"]
    assert len(in_query) == 3
    assert all(result["category"].startswith("Clothes / ") for result in in_query)
    both = client.post("/v1/search?k=3&category=Clothes", files=files, data={"k": "2"}).json()["results"]
    assert [result["product_id"] for result in both] == [result["product_id"] for result in in_query[:2]]


def test_photos_rather_than_products(client: TestClient, drawn: Shop) -> None:
    results = post(client, drawn.lamp, k="50", by_product="false", category="Home & Garden / Lamps")["results"]
    assert len(results) == 16
    assert len({result["product_id"] for result in results}) == 8


def test_filters_by_price_and_currency(client: TestClient, drawn: Shop) -> None:
    results = post(client, drawn.lamp, k="50", min_price="20", max_price="30.00", currency="gbp")["results"]
    assert {result["price"] for result in results} == {"20", "25", "30"}
    odd = post(client, drawn.lamp, k="50", currency="EUR")["results"]
    assert {result["category"] for result in odd} == {"Odd"}
    assert post(client, drawn.lamp, category="Home & Garden / La")["results"] == []


def test_empty_form_fields_do_not_filter(client: TestClient, drawn: Shop) -> None:
    assert post(client, drawn.lamp, k="50", category="", min_price="", max_price="", currency="") == post(
        client, drawn.lamp, k="50"
    )


def test_k_above_what_there_is_gives_what_there_is(client: TestClient, drawn: Shop) -> None:
    assert len(post(client, drawn.lamp, k="50")["results"]) == len({image.product_id for image in all_images(drawn)})


def all_images(drawn: Shop) -> list:
    return [image for image in drawn.engine.collection.images(drawn.engine.collection.image_ids()) if image]


@pytest.mark.parametrize(
    ("params", "named"),
    [
        ({"k": "abc"}, "k"),
        ({"k": "0"}, "k"),
        ({"k": "-1"}, "k"),
        ({"k": "51"}, "k"),
        ({"k": "1e9"}, "k"),
        ({"k": "9" * 4000}, "k"),
        ({"min_price": "nan"}, "min_price"),
        ({"max_price": "Infinity"}, "max_price"),
        ({"min_price": "-1"}, "min_price"),
        ({"min_price": "1e400"}, "min_price"),
        ({"min_price": "1E+999999999"}, "min_price"),
        ({"max_price": "1E-999999999"}, "max_price"),
        ({"min_price": "5", "max_price": "4"}, "min_price is above max_price"),
        ({"currency": "POUNDS"}, "currency"),
        ({"by_product": "perhaps"}, "by_product"),
        ({"max_prize": "5"}, "max_prize"),
        ({"category": "x" * 2000}, "category"),
    ],
)
@pytest.mark.parametrize("route", ["/v1/search", "/v1/images/hat-1%230/similar"])
def test_bad_parameters_are_named(
    client: TestClient, drawn: Shop, route: str, params: dict[str, str], named: str
) -> None:
    if route == "/v1/search":
        response = client.post(route, files={"photo": drawn.lamp}, data=params)
    else:
        response = client.get(route, params=params)
    assert response.status_code == 422, response.text
    assert response.json()["error"]["code"] == "bad_parameter"
    assert named in response.json()["error"]["message"]


def test_similar_to_an_image_leaves_its_product_out_and_says_what_was_asked_by(client: TestClient, drawn: Shop) -> None:
    answer = client.get("/v1/images/hat-1%230/similar", params={"k": 5}).json()
    assert [result["image_id"] for result in answer["results"]] == [
        result.image_id for result in drawn.engine.similar("hat-1#0", 5)
    ]
    assert "hat-1" not in {result["product_id"] for result in answer["results"]}
    assert (answer["query"]["image_id"], answer["query"]["name"]) == ("hat-1#0", "Hat number 1")
    photos = client.get("/v1/images/hat-1%230/similar", params={"k": 50, "by_product": False}).json()["results"]
    assert "hat-1#1" in {result["image_id"] for result in photos}
    assert "hat-1#0" not in {result["image_id"] for result in photos}


def test_similar_to_a_product(client: TestClient, drawn: Shop) -> None:
    answer = client.get("/v1/products/rug-2/similar", params={"k": 6, "max_price": 40}).json()
    assert len(answer["results"]) == 6
    assert all(float(result["price"]) <= 40 and result["product_id"] != "rug-2" for result in answer["results"])
    assert answer["query"]["product_id"] == "rug-2"
    assert answer["results"][0]["category"] == "Home & Garden / Rugs / Private"


@pytest.mark.parametrize("route", ["/v1/images/none/similar", "/v1/products/none/similar", "/v1/products/none"])
def test_unknown_ids_are_not_found(client: TestClient, route: str) -> None:
    response = client.get(route)
    assert (response.status_code, response.json()["error"]["code"]) == (404, "not_found")


def test_classify_gives_labels_with_probabilities(client: TestClient, drawn: Shop) -> None:
    response = client.post("/v1/classify", files={"photo": drawn.lamp}, data={"top": "2"})
    labels = response.json()["labels"]
    assert labels[0]["label"] == "Home & Garden / Lamps"
    assert len(labels) == 2
    assert 1 >= labels[0]["probability"] >= labels[1]["probability"] >= 0


def test_classify_without_labels_is_a_conflict(drawn: Shop) -> None:
    blind = SearchEngine(drawn.engine.encoder, replace(drawn.engine.head, classifier=None), drawn.engine.collection)
    assert isinstance(blind.head, heads.Head)
    with TestClient(create_app(blind, Settings())) as client:
        response = client.post("/v1/classify", files={"photo": drawn.lamp})
        assert (response.status_code, response.json()["error"]["code"]) == (409, "no_labels")
        assert client.get("/v1/info").json()["head"]["labels"] == 0
        assert client.post("/v1/search", files={"photo": drawn.lamp}).status_code == 200


def test_the_simple_route_answers_as_small_clients_expect(client: TestClient, drawn: Shop) -> None:
    response = client.post("/predict/image?num_results=5", files={"image": drawn.lamp})
    assert response.json() == {"Nearest similar image UUIDS": drawn.engine.search_ids([drawn.lamp], 5)}
    assert len(response.json()["Nearest similar image UUIDS"][0]) == 5
    for wrong in ("0", "51", "x"):
        refused = client.post(f"/predict/image?num_results={wrong}", files={"image": drawn.lamp})
        assert refused.status_code == 422
        assert "num_results" in refused.json()["error"]["message"]


def test_the_healthcheck_says_its_sentence(client: TestClient) -> None:
    assert client.get("/healthcheck").json() == {"message": "API is up and running!"}


def test_many_at_once_get_their_own_answers(client: TestClient, drawn: Shop) -> None:
    photos = [as_jpeg(draw_thing(colour, "ellipse", place)) for place in range(6) for colour in ("#2060a0", "#f0c060")]
    expected = [[result.image_id for result in drawn.engine.search(photo, 5)] for photo in photos]

    def ask(photo: bytes) -> list[str]:
        return [result["image_id"] for result in post(client, photo, k="5")["results"]]

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(ask, photos)) == expected


def refusal(client: TestClient, target: str, photo: bytes, data: dict[str, object] | None = None) -> str:
    """Ask with the method that the target takes; the message of the 422 that must come."""
    if target.startswith(("/v1/search", "/v1/classify", "/predict")):
        field = "image" if target.startswith("/predict") else "photo"
        response = client.post(target, files={field: photo}, data=data)
    else:
        response = client.get(target)
    problem = response.json().get("error", {})
    assert (response.status_code, problem.get("code")) == (422, "bad_parameter"), (target, response.status_code)
    return problem["message"]


WITH_QUERY = ["/v1/products", "/v1/products/lamp-1/similar", "/v1/images/hat-1%230/similar", "/v1/search"]


@pytest.mark.parametrize("path", WITH_QUERY)
@pytest.mark.parametrize("query", ["category=%ff%fe", "category=Home%C3", "category=a%ED%A0%80b", "%ff=1"])
def test_a_query_that_is_not_utf_8_is_refused(client: TestClient, drawn: Shop, path: str, query: str) -> None:
    assert "is not percent-encoded UTF-8" in refusal(client, f"{path}?{query}", drawn.lamp)


@pytest.mark.parametrize("path", WITH_QUERY)
def test_a_parameter_given_twice_is_refused(client: TestClient, drawn: Shop, path: str) -> None:
    assert refusal(client, f"{path}?category=Clothes&category=Odd", drawn.lamp) == "category: is given more than once"


@pytest.mark.parametrize(
    "target",
    [
        "/v1/images/hat-1%230?size=thumb&size=full",
        "/v1/classify?top=2&top=3",
        "/predict/image?num_results=1&num_results=2",
    ],
)
def test_every_route_refuses_a_parameter_given_twice(client: TestClient, drawn: Shop, target: str) -> None:
    assert "is given more than once" in refusal(client, target, drawn.lamp)


def test_a_form_field_given_twice_is_refused(client: TestClient, drawn: Shop) -> None:
    assert refusal(client, "/v1/search", drawn.lamp, {"k": ["2", "3"]}) == "k: is given more than once"
    assert refusal(client, "/v1/classify", drawn.lamp, {"top": ["2", "2"]}) == "top: is given more than once"


def test_text_in_queries_and_forms_is_utf_8(client: TestClient, drawn: Shop) -> None:
    """The sent text comes out as it was: an unknown field is named in the message."""
    assert "Größe 🪔" in refusal(client, "/v1/search", drawn.lamp, {"Größe 🪔": "1"})
    assert "Größe 🪔" in refusal(client, "/v1/search?Gr%C3%B6%C3%9Fe%20%F0%9F%AA%94=1", drawn.lamp)
    assert post(client, drawn.lamp, category="Möbel 🪔")["results"] == []
