"""Ids with slashes, spaces, percent signs, emoji and dots, in process and over real HTTP."""

import http.client
import json
from urllib.parse import quote, urlsplit

import pytest
from drawn_shop import ODD_IDS, Shop
from hypothesis import assume, given
from hypothesis import strategies as st
from starlette.testclient import TestClient

from lookalike.api import create_app
from lookalike.settings import Settings


def raw_get(address: str, path: str) -> tuple[int, bytes]:
    """Send exactly this path: no client that tidies it up."""
    parts = urlsplit(address)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=30)
    connection.putrequest("GET", path, skip_host=False)
    connection.endheaders()
    response = connection.getresponse()
    body = response.read()
    connection.close()
    return response.status, body


@pytest.mark.parametrize("odd", ODD_IDS)
def test_every_route_takes_odd_ids_over_real_http(address: str, drawn: Shop, odd: str) -> None:
    coded = quote(odd, safe="").replace(".", "%2E")
    status, body = raw_get(address, f"/v1/products/{coded}")
    assert (status, json.loads(body).get("product_id")) == (200, odd)
    assert json.loads(body)["images"][0]["image_id"] == odd
    status, body = raw_get(address, f"/v1/products/{coded}/similar?k=3")
    assert (status, len(json.loads(body)["results"])) == (200, 3)
    assert json.loads(body)["query"]["product_id"] == odd
    status, body = raw_get(address, f"/v1/images/{coded}/similar?k=3")
    assert (status, json.loads(body)["query"]["image_id"]) == (200, odd)
    status, body = raw_get(address, f"/v1/images/{coded}?size=thumb")
    assert (status, body) == (200, drawn.engine.thumbnail(odd))


@pytest.mark.parametrize("odd", [odd for odd in ODD_IDS if odd != ".."])
def test_every_route_takes_odd_ids_in_process(client: TestClient, odd: str) -> None:
    coded = quote(odd, safe="")
    assert client.get(f"/v1/products/{coded}").json()["product_id"] == odd
    assert client.get(f"/v1/products/{coded}/similar").json()["query"]["product_id"] == odd
    assert client.get(f"/v1/images/{coded}").status_code == 200


def test_an_id_that_ends_in_similar_is_not_the_similar_route(client: TestClient) -> None:
    assert client.get("/v1/products/x%2Fsimilar").json()["product_id"] == "x/similar"
    assert client.get("/v1/products/x/similar").json()["error"]["code"] == "not_found"
    assert "'x'" in client.get("/v1/products/x/similar").json()["error"]["message"]


@pytest.mark.parametrize("coded", ["%FF", "%C3", "a%ED%A0%80b"])
def test_ids_that_are_not_utf_8_are_refused(address: str, client: TestClient, coded: str) -> None:
    status, body = raw_get(address, f"/v1/products/{coded}")
    assert (status, json.loads(body)["error"]["code"]) == (422, "bad_parameter")
    assert client.get(f"/v1/images/{coded}").status_code == 422


@pytest.mark.parametrize("coded", ["%00", "%", "%zz", "a%2", "%25", "%2525", "a;b", "x" * 5000])
def test_strange_ids_are_just_not_found(address: str, coded: str) -> None:
    for route in (f"/v1/products/{coded}", f"/v1/images/{coded}", f"/v1/images/{coded}/similar"):
        status, body = raw_get(address, route)
        assert (status, json.loads(body)["error"]["code"]) == (404, "not_found"), route


@pytest.mark.parametrize("path", ["/v1/products/", "/v1/products//", "/v1/products/a/b", "/v1/images/../../etc/passwd"])
def test_paths_that_are_no_route(address: str, path: str) -> None:
    status, body = raw_get(address, path)
    assert (status, json.loads(body)["error"]["code"]) == (404, "unknown_route")


@given(st.text(min_size=1))
def test_any_text_is_an_id(client: TestClient, text: str) -> None:
    """What the route looks up is exactly what was encoded: the answer names it."""
    assume(text not in (".", "..") and text not in ODD_IDS)
    problem = client.get(f"/v1/products/{quote(text, safe='')}").json()["error"]
    assert (problem["code"], problem["message"]) == ("not_found", f"there is no product {text!r}")


def test_ids_work_behind_a_prefix(drawn: Shop) -> None:
    with TestClient(create_app(drawn.engine, Settings()), root_path="/find") as client:
        assert client.get("/find/v1/products/a%2Fb").json()["product_id"] == "a/b"
