"""What surrounds the routes: the one error shape, headers, metrics, documentation, a read-only collection."""

import http.client
import re
import threading
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from drawn_shop import Shop
from starlette.testclient import TestClient

from lookalike import errors
from lookalike.api import create_app
from lookalike.api.errors import problem_of
from lookalike.collection import LocalCollection
from lookalike.engine import SearchEngine
from lookalike.settings import Settings
from lookalike.types import Entry


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nothing", 404, "unknown_route"),
        ("GET", "/v1/nothing", 404, "unknown_route"),
        ("GET", "/static/nothing.js", 404, "unknown_route"),
        ("GET", "/static/..%2F..%2Fcli.py", 404, "unknown_route"),
        ("GET", "/v1/search", 405, "method_not_allowed"),
        ("DELETE", "/v1/products/lamp-1", 405, "method_not_allowed"),
        ("POST", "/v1/search", 422, "photo_field_missing"),
        ("GET", "/v1/images/x?size=y", 422, "bad_parameter"),
        ("GET", "/v1/images/x", 404, "not_found"),
    ],
)
def test_every_error_has_the_one_shape(client: TestClient, method: str, path: str, status: int, code: str) -> None:
    response = client.request(method, path)
    problem = response.json()["error"]
    assert list(response.json()) == ["error"]
    assert set(problem) == {"status", "code", "message", "mend"}
    assert (response.status_code, problem["status"], problem["code"]) == (status, status, code)
    assert problem["message"]


def test_a_method_that_is_not_allowed_names_those_that_are(client: TestClient) -> None:
    assert client.get("/v1/search").headers["allow"] == "POST"
    assert client.delete("/v1/products/lamp-1").headers["allow"] == "GET, HEAD"
    assert client.delete("/static/app.js").headers["allow"] == "GET, HEAD"


@pytest.mark.parametrize("wanted", ["bytes=abc", "bytes=99999999-", "bytes=0-3", "lines=1", "bytes=5-2,-0"])
@pytest.mark.parametrize("path", ["/", "/static/app.js", "/static-offline-docs/swagger-ui.css", "/v1/images/hat-1%230"])
def test_a_range_is_not_served_but_the_whole(client: TestClient, path: str, wanted: str) -> None:
    whole = client.get(path)
    answer = client.get(path, headers={"range": wanted, "if-range": whole.headers["etag"]})
    assert (answer.status_code, answer.content) == (200, whole.content)
    assert answer.headers.get("accept-ranges", "none") == "none"


HEAD_PATHS = [
    "/",
    "/healthcheck",
    "/metrics",
    "/docs",
    "/openapi.json",
    "/static/app.js",
    "/v1/info",
    "/v1/products?limit=3",
    "/v1/images/hat-1%230",
    "/v1/images/hat-1%230?size=thumb",
    "/v1/images/x",
    "/static/nothing.js",
    "/v1/search",
]


@pytest.mark.parametrize("path", [path for path in HEAD_PATHS if path != "/metrics"])  # whose length differs each time
def test_head_answers_as_get_but_for_the_body(client: TestClient, path: str) -> None:
    whole, head = client.get(path), client.head(path)
    assert head.content == b""
    assert ("server-timing" in head.headers) == ("server-timing" in whole.headers)
    for answer in (whole, head):
        answer.headers.pop("server-timing", None)  # differs each time
    assert (head.status_code, dict(head.headers)) == (whole.status_code, dict(whole.headers))


def test_head_works_over_real_http_also_on_a_kept_connection(address: str) -> None:
    parts = urlsplit(address)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=30)
    for path in HEAD_PATHS:
        connection.request("HEAD", path)
        head = connection.getresponse()
        assert head.read() == b""
        connection.request("GET", path)
        whole = connection.getresponse()
        assert (head.status, head.headers["content-type"]) == (whole.status, whole.headers["content-type"]), path
        assert whole.read()
    connection.close()


def test_head_is_measured_as_head_under_its_route(drawn: Shop) -> None:
    with TestClient(create_app(drawn.engine, Settings())) as client:
        client.head("/v1/products/lamp-1")
        text = client.get("/metrics").text
    assert 'lookalike_http_requests_total{method="HEAD",route="/v1/products/{product_id}",status="200"} 1.0' in text
    assert 'method="GET",route="/v1/products' not in text


def test_each_error_of_ours_has_a_status_and_hides_where() -> None:
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and kind is not errors.PhotoError]
    for kind in kinds:
        problem = problem_of(kind("what", where="/secret/place", mend="mend"))
        assert (problem.message, problem.mend) == ("what", "mend")
        assert problem.status in (403, 404, 409, 422, 500, 503)
    assert problem_of(errors.Mismatch("x")).status == 503
    assert problem_of(errors.NoLabels("x")).status == 409
    assert problem_of(errors.HeadError("x")).status == 500
    assert problem_of(errors.PhotoError("too_large", "x")).status == 413
    assert problem_of(errors.PhotoError("truncated", "x")).code == "photo_truncated"


def test_a_bug_of_ours_tells_nothing_but_that(drawn: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: str) -> None:
        raise RuntimeError("secret in /secret/place")

    with TestClient(create_app(drawn.engine, Settings()), raise_server_exceptions=False) as client:
        monkeypatch.setattr(drawn.engine, "product", fail)
        response = client.get("/v1/products/lamp-1")
        assert (response.status_code, response.json()["error"]["code"]) == (500, "internal")
        assert "secret" not in response.text
        assert response.headers["x-content-type-options"] == "nosniff"
        assert 'route="/v1/products/{product_id}",status="500"} 1.0' in client.get("/metrics").text


@pytest.mark.parametrize("path", ["/", "/docs", "/v1/info", "/nothing", "/static/app.js", "/v1/images/hat-1%230"])
def test_every_answer_carries_the_security_headers(client: TestClient, path: str) -> None:
    headers = client.get(path, headers={"origin": "http://elsewhere.example"}).headers
    assert headers["x-content-type-options"] == "nosniff"
    policy = headers["content-security-policy"]
    assert "default-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy
    assert ("unsafe-inline" in policy) == (path == "/docs")
    assert not [name for name in headers if name.startswith("access-control-")]


def test_metrics_count_by_route_template_and_never_by_id(drawn: Shop) -> None:
    with TestClient(create_app(drawn.engine, Settings())) as client:
        for path in ("/v1/products/lamp-1", "/v1/products/a%2Fb", "/v1/products/none", "/wp-admin", "/x.php"):
            client.get(path)
        client.request("BREW", "/coffee")
        text = client.get("/metrics").text
    requests = dict(re.findall(r"^lookalike_http_requests_total\{(.+)\} (.+)$", text, re.MULTILINE))
    assert requests['method="GET",route="/v1/products/{product_id}",status="200"'] == "2.0"
    assert requests['method="GET",route="/v1/products/{product_id}",status="404"'] == "1.0"
    assert requests['method="GET",route="other",status="404"'] == "2.0"
    assert requests['method="other",route="other",status="404"'] == "1.0"
    assert 'lookalike_http_request_seconds_count{method="GET",route="/v1/products/{product_id}"} 3.0' in text
    assert f"lookalike_photos {float(drawn.engine.collection.count())}" in text
    assert "lamp-1" not in text


def test_two_applications_keep_their_metrics_apart(drawn: Shop) -> None:
    first, second = (TestClient(create_app(drawn.engine, Settings())) for _ in range(2))
    first.get("/healthcheck")
    assert "/healthcheck" in first.get("/metrics").text
    assert "/healthcheck" not in second.get("/metrics").text


def test_the_documentation_needs_no_network(client: TestClient) -> None:
    page = client.get("/docs").text
    addresses = re.findall(r"""(?:src|href)=["']([^"']+)""", page)
    assert addresses
    assert all(address.startswith("/") and not address.startswith("//") for address in addresses)
    assert "https://" not in page
    for address in addresses:
        assert client.get(address).status_code == 200
    assert client.get("/redoc").status_code == 404


def test_the_schema_documents_every_route_with_examples_and_errors(client: TestClient) -> None:
    schema = client.get("/openapi.json").json()
    assert set(schema["paths"]) == {
        "/v1/search",
        "/v1/classify",
        "/v1/products",
        "/v1/products/{product_id}",
        "/v1/products/{product_id}/similar",
        "/v1/images/{image_id}",
        "/v1/images/{image_id}/similar",
        "/v1/categories",
        "/v1/info",
        "/healthcheck",
        "/predict/image",
    }
    search = schema["paths"]["/v1/search"]["post"]
    form = search["requestBody"]["content"]["multipart/form-data"]["schema"]
    assert form["required"] == ["photo"]
    assert {"photo", "k", "category", "min_price", "max_price", "currency", "by_product"} == set(form["properties"])
    assert {parameter["name"] for parameter in search["parameters"]} == set(form["properties"]) - {"photo"}
    assert {"400", "413", "422"} <= set(search["responses"])
    for methods in schema["paths"].values():
        for operation in methods.values():
            assert operation["tags"]
            assert operation["description"]
            for status, answer in operation["responses"].items():
                if status != "200":
                    assert answer["content"]["application/json"]["schema"]["$ref"].endswith("/ErrorBody"), operation
    assert schema["components"]["schemas"]["Problem"]["properties"]["code"]["examples"]


def test_a_read_only_collection_is_served(drawn: Shop, tmp_path: Path) -> None:
    source = drawn.engine.collection
    ids = source.image_ids()
    images = [image for image in source.images(ids) if image]
    products = source.products([image.product_id for image in images])
    vectors = source.vectors(ids)
    with LocalCollection.create(tmp_path / "collection", source.info) as made:
        made.put(
            [
                Entry(p, i, v, source.thumbnail(i.image_id))
                for p, i, v in zip(products, images, vectors, strict=True)
                if p
            ]
        )
        made.checkpoint()
    for file in (tmp_path / "collection").iterdir():
        file.chmod(0o444)
    (tmp_path / "collection").chmod(0o555)
    try:
        collection = LocalCollection.open(tmp_path / "collection", read_only=True)
        with (
            SearchEngine(drawn.engine.encoder, drawn.engine.head, collection) as engine,
            TestClient(create_app(engine, Settings())) as client,
        ):
            assert client.get("/v1/info").json()["read_only"] is True
            found = client.post("/v1/search", files={"photo": drawn.lamp}).json()["results"]
            assert [item["image_id"] for item in found] == [r.image_id for r in drawn.engine.search(drawn.lamp)]
            assert client.get("/v1/images/hat-1%230?size=thumb").status_code == 200
            assert client.get("/v1/images/hat-1%230").json()["error"]["code"] == "photo_missing"  # no photo root
    finally:
        (tmp_path / "collection").chmod(0o755)


def test_slow_work_does_not_hold_up_the_rest(drawn: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """While every worker is busy with a photo, look-ups and the sign of life still answer."""
    entered, leave = threading.Barrier(3), threading.Event()
    search = drawn.engine.search

    def slow(*args: object, **kwargs: object) -> object:
        entered.wait(30)
        leave.wait(30)
        return search(*args, **kwargs)

    monkeypatch.setattr(drawn.engine, "search", slow)
    with TestClient(create_app(drawn.engine, Settings(threads=2))) as client:
        answers: list[int] = []
        asking = [
            threading.Thread(
                target=lambda: answers.append(client.post("/v1/search", files={"photo": drawn.lamp}).status_code)
            )
            for _ in range(2)
        ]
        for thread in asking:
            thread.start()
        entered.wait(30)
        assert client.get("/healthcheck").status_code == 200
        assert client.get("/v1/images/hat-1%230?size=thumb").status_code == 200
        assert answers == []
        leave.set()
        for thread in asking:
            thread.join()
    assert answers == [200, 200]
