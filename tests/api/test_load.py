"""Under load: places and queue, slow uploads, heavy photos, clients that go, a server that stops; each step's time."""

import io
import re
import threading
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import anyio
import anyio.lowlevel
import anyio.to_thread
import httpx2
import pytest
import uvicorn
from drawn_shop import Shop, as_jpeg, draw_thing
from fastapi import FastAPI
from PIL import Image as PillowImage
from starlette.testclient import TestClient
from starlette.types import Message
from waiting import until

from lookalike.api import create_app
from lookalike.api.context import Context
from lookalike.api.errors import ApiError
from lookalike.api.schemas import FoundResult, SearchAnswer
from lookalike.settings import Settings
from lookalike.timing import STEPS, record_step

MULTIPART = b"multipart/form-data; boundary=b0undary"
HEAD = b'--b0undary\r\nContent-Disposition: form-data; name="photo"; filename="a.jpg"\r\n\r\n'


def form(photo: bytes) -> bytes:
    return HEAD + photo + b"\r\n--b0undary--\r\n"


def blank(width: int, height: int, kind: str) -> bytes:
    buffer = io.BytesIO()
    PillowImage.new("L", (width, height)).save(buffer, kind)
    return buffer.getvalue()


HEAVY = blank(2000, 2000, "PNG")


class Gate:
    """Holds every search that comes until it is opened, and tells how many came."""

    def __init__(self, shop: Shop, monkeypatch: pytest.MonkeyPatch, holds: Callable[[bytes], bool] = bool) -> None:
        self.open = threading.Event()
        self.came = threading.Semaphore(0)
        search = shop.engine.search

        def held(photo: bytes, *args: object, **kwargs: object) -> object:
            if holds(photo):
                self.came.release()
                assert self.open.wait(30)
            return search(photo, *args, **kwargs)

        monkeypatch.setattr(shop.engine, "search", held)

    def wait_for(self, number: int) -> None:
        for _ in range(number):
            assert self.came.acquire(timeout=30)


class Asking:
    """Requests on their way, each in a thread of its own."""

    def __init__(self, post: Callable[[], httpx2.Response]) -> None:
        self.post = post
        self.answers: list[httpx2.Response] = []
        self.threads: list[threading.Thread] = []

    def start(self, number: int) -> None:
        for _ in range(number):
            self.threads.append(threading.Thread(target=lambda: self.answers.append(self.post())))
            self.threads[-1].start()

    def statuses(self) -> list[int]:
        for thread in self.threads:
            thread.join(30)
        return [answer.status_code for answer in self.answers]


def context_of(app: FastAPI) -> Context:
    return app.state.context


def test_who_finds_no_room_is_refused_at_once_and_told_when_to_come_back(
    drawn: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = Gate(drawn, monkeypatch)
    app = create_app(drawn.engine, Settings(threads=2, queue=1))
    with TestClient(app) as client:
        asking = Asking(lambda: client.post("/v1/search", files={"photo": drawn.lamp}))
        asking.start(2)
        gate.wait_for(2)
        asking.start(1)
        until(lambda: context_of(app).workers.limiter.statistics().tasks_waiting == 1)
        for refused in (
            client.post("/v1/search", files={"photo": drawn.lamp}),
            client.post("/v1/classify", files={"photo": drawn.lamp}),
            client.post("/predict/image", files={"image": drawn.lamp}),
            client.get("/v1/images/hat-1%230/similar"),
            client.get("/v1/products/hat-1/similar"),
        ):
            assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
            assert refused.json()["error"] == {
                "status": 503,
                "code": "overloaded",
                "message": "the server has as much to do as it can take",
                "mend": "Try again in 1 s",
            }
        for path in ("/healthcheck", "/metrics", "/", "/static/app.js", "/docs", "/v1/info", "/v1/products/lamp-1"):
            assert client.get(path).status_code == 200, path
        assert "lookalike_refused_total 5.0" in client.get("/metrics").text
        gate.open.set()
        assert asking.statuses() == [200, 200, 200]
        assert client.post("/v1/search", files={"photo": drawn.lamp}).status_code == 200


def test_look_ups_that_find_no_room_are_refused_too(drawn: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    leave, came = threading.Event(), threading.Semaphore(0)

    def held(_: str) -> None:
        came.release()
        assert leave.wait(30)

    monkeypatch.setattr(drawn.engine, "product", held)
    app = create_app(drawn.engine, Settings(queue=0))
    with TestClient(app, raise_server_exceptions=False) as client:
        asking = Asking(lambda: client.get("/v1/products/lamp-1"))
        asking.start(16)
        for _ in range(16):
            assert came.acquire(timeout=30)
        assert client.get("/v1/products/lamp-1").status_code == 503
        assert client.get("/healthcheck").status_code == 200
        leave.set()
        asking.statuses()


@pytest.mark.parametrize("kind", ["work", "read"])
def test_who_asks_in_the_same_moment_is_counted_too(drawn: Shop, kind: str) -> None:
    """All ask in one turn of the event loop, before any of them has reached a thread."""
    context = context_of(create_app(drawn.engine, Settings(threads=1, queue=2)))
    room = {"work": 1, "read": 16}[kind] + 2
    leave, statuses = threading.Event(), list[int]()

    async def ask() -> None:
        try:
            await (context.work if kind == "work" else context.read)(lambda: leave.wait(30))
            statuses.append(200)
        except ApiError as error:
            statuses.append(error.problem.status)

    async def all_at_once() -> None:
        async with anyio.create_task_group() as group:
            for _ in range(room + 3):
                group.start_soon(ask)
            for _ in range(10):
                await anyio.lowlevel.checkpoint()
            leave.set()

    anyio.run(all_at_once)
    assert sorted(statuses) == [200] * room + [503] * 3
    assert (context.workers.inside, context.readers.inside) == (0, 0)


def test_an_upload_holds_no_place_before_it_is_there(drawn: Shop) -> None:
    """With one place and no queue, another is served while the first still sends."""
    app = create_app(drawn.engine, Settings(threads=1, queue=0))
    body = form(drawn.lamp)

    async def both() -> tuple[int, int]:
        waits, goes_on = anyio.Event(), anyio.Event()
        slow = Client(app, [body[:300], body[300:]], before_last=(waits, goes_on))
        async with anyio.create_task_group() as group:
            group.start_soon(slow.post)
            await waits.wait()
            quick = Client(app, [body])
            await quick.post()
            goes_on.set()
        return quick.status, slow.status

    assert anyio.run(both) == (200, 200)


def test_an_upload_that_takes_too_long_is_given_up(drawn: Shop) -> None:
    app = create_app(drawn.engine, Settings(upload_seconds=0.01))

    async def never_ending() -> "Client":
        client = Client(app, [b"--b0undary\r\n", b""], before_last=(anyio.Event(), anyio.Event()))
        with anyio.fail_after(30):
            await client.post()
        return client

    client = anyio.run(never_ending)
    assert (client.status, client.headers[b"connection"]) == (408, b"close")
    assert b'"upload_too_slow"' in client.body
    assert b"0.01 s" in client.body


def slow_uploads(app: FastAPI, number: int, photo: bytes) -> tuple[list["Client"], list[anyio.Event], anyio.Event]:
    """Uploads that stop before their end: events that tell when each did, and the one that all wait for."""
    body, goes_on = form(photo), anyio.Event()
    stopped = [anyio.Event() for _ in range(number)]
    return [Client(app, [body[:300], body[300:]], before_last=(each, goes_on)) for each in stopped], stopped, goes_on


def test_uploads_that_come_while_as_many_arrive_as_may_are_refused(drawn: Shop) -> None:
    app = create_app(drawn.engine, Settings(threads=4, uploads=2))
    context = context_of(app)

    async def all_at_once() -> list[Client]:
        clients, stopped, goes_on = slow_uploads(app, 5, drawn.lamp)
        with anyio.fail_after(30):
            async with anyio.create_task_group() as group:
                for client in clients:
                    group.start_soon(client.post)
                await stopped[0].wait()
                await stopped[1].wait()
                while sum(client.status for client in clients) < 3 * 503:
                    await anyio.lowlevel.checkpoint()
                assert (len(context.arrivals), context.workers.inside) == (2, 0)
                goes_on.set()
            clients.append(Client(app, [form(drawn.lamp)]))
            await clients[-1].post()
        return clients

    clients = anyio.run(all_at_once)
    assert [client.status for client in clients] == [200, 200, 503, 503, 503, 200]
    assert {client.headers.get(b"retry-after") for client in clients[2:5]} == {b"1"}
    assert context.metrics.registry.get_sample_value("lookalike_refused_total") == 3
    assert len(context.arrivals) == 0


def test_slow_uploads_make_room_for_others(drawn: Shop) -> None:
    """The eldest, and no more of them than are needed, once they have had their time."""
    app = create_app(drawn.engine, Settings(threads=4, uploads=3))
    context_of(app).arrivals.patience_s = 0

    async def one_after_another() -> list[int]:
        clients, stopped, goes_on = slow_uploads(app, 3, drawn.lamp)
        with anyio.fail_after(30):
            async with anyio.create_task_group() as group:
                for client, each in zip(clients, stopped, strict=True):
                    group.start_soon(client.post)
                    await each.wait()
                for _ in range(2):
                    quick = Client(app, [form(drawn.lamp)])
                    await quick.post()
                    clients.append(quick)
                goes_on.set()
        assert b'"upload_too_slow"' in clients[0].body
        assert b"others wait" in clients[0].body
        assert clients[0].headers[b"connection"] == b"close"
        return [client.status for client in clients]

    assert anyio.run(one_after_another) == [408, 200, 200, 200, 200]
    assert len(context_of(app).arrivals) == 0


def test_heavy_photos_go_one_at_a_time_and_leave_the_other_places_free(
    drawn: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = Gate(drawn, monkeypatch, holds=lambda photo: photo == HEAVY)
    app = create_app(drawn.engine, Settings(threads=2))
    with TestClient(app) as client:
        heavy = Asking(lambda: client.post("/v1/search", files={"photo": HEAVY}))
        heavy.start(4)
        gate.wait_for(1)
        until(lambda: context_of(app).heavy.limiter.statistics().tasks_waiting == 3)
        assert client.post("/v1/search", files={"photo": drawn.lamp}).status_code == 200
        assert not gate.came.acquire(blocking=False)
        gate.open.set()
        assert heavy.statuses() == [200] * 4


def test_heavy_photos_do_not_pile_up_either(drawn: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    gate = Gate(drawn, monkeypatch)
    with TestClient(create_app(drawn.engine, Settings(threads=4, queue=0))) as client:
        heavy = Asking(lambda: client.post("/v1/search", files={"photo": HEAVY}))
        heavy.start(1)
        gate.wait_for(1)
        assert client.post("/v1/search", files={"photo": HEAVY}).status_code == 503
        gate.open.set()
        assert heavy.statuses() == [200]


def test_which_photos_are_heavy(drawn: Shop) -> None:
    """By pixels of the header, and a JPEG, which need not be decoded whole, eight times later than others."""
    app = create_app(drawn.engine, Settings())
    taken: list[int] = []
    heavy = context_of(app).heavy.limiter
    with TestClient(app) as client, pytest.MonkeyPatch.context() as patch:
        search = drawn.engine.search

        def spy(*args: object, **kwargs: object) -> object:
            taken.append(int(heavy.borrowed_tokens))
            return search(*args, **kwargs)

        patch.setattr(drawn.engine, "search", spy)
        for width, kind in ((1500, "PNG"), (1501, "PNG"), (1501, "JPEG")):
            photo = blank(width, 2000, kind)
            assert client.post("/v1/search", files={"photo": photo}).status_code == 200
    assert taken == [0, 1, 0]


@pytest.mark.parametrize("moment", ["waiting", "working"])
def test_a_client_that_goes_gives_its_place_back(drawn: Shop, monkeypatch: pytest.MonkeyPatch, moment: str) -> None:
    gate = Gate(drawn, monkeypatch)
    app = create_app(drawn.engine, Settings(threads=1, queue=1))
    places = context_of(app).workers
    workers = places.limiter
    stays, goes, later = (Client(app, [form(drawn.lamp)]) for _ in range(3))

    async def leave() -> None:
        with anyio.CancelScope() as leaving:
            async with anyio.create_task_group() as group:
                group.start_soon(goes.post)
                if moment == "waiting":
                    while workers.statistics().tasks_waiting == 0:
                        await anyio.lowlevel.checkpoint()
                else:
                    await anyio.to_thread.run_sync(gate.wait_for, 1)
                leaving.cancel()
                gate.open.set()  # a thread that works cannot be stopped: the place is given back when it is done

    async def going() -> None:
        async with anyio.create_task_group() as group:
            if moment == "waiting":
                group.start_soon(stays.post)
                await anyio.to_thread.run_sync(gate.wait_for, 1)
            await leave()
        await later.post()

    anyio.run(going)
    assert (workers.borrowed_tokens, workers.statistics().tasks_waiting, places.inside) == (0, 0, 0)
    assert later.status == 200
    assert moment == "working" or (goes.status, stays.status) == (0, 200)


def test_a_server_that_stops_answers_all_that_it_took(drawn: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    gate = Gate(drawn, monkeypatch)
    app = create_app(drawn.engine, Settings(threads=2, queue=2))
    with serving(app) as (server, address), httpx2.Client(trust_env=False, timeout=30) as client:
        asking = Asking(lambda: client.post(f"{address}/v1/search", files={"photo": drawn.lamp}))
        asking.start(2)
        gate.wait_for(2)
        asking.start(2)
        until(lambda: context_of(app).workers.limiter.statistics().tasks_waiting == 2)
        server.should_exit = True
        until(lambda: not server.servers[0].is_serving())
        gate.open.set()
        assert asking.statuses() == [200] * 4
    assert all(answer.json() == asking.answers[0].json() for answer in asking.answers)


def test_each_step_is_told_to_the_client_and_to_prometheus(drawn: Shop) -> None:
    with TestClient(create_app(drawn.engine, Settings())) as client:
        header = client.post("/v1/search", files={"photo": drawn.lamp}).headers["server-timing"]
        told = dict(re.findall(r"(\w+);dur=([\d.]+)", header))
        assert tuple(told) == (*STEPS, "total")
        steps = {name: float(milliseconds) for name, milliseconds in told.items()}
        total = steps.pop("total")
        assert 0 < sum(steps.values()) <= total + 0.01
        assert min(steps.values()) >= 0
        assert "server-timing" not in client.get("/healthcheck").headers
        client.post("/v1/search", files={"photo": b"no photo"})
        text = client.get("/metrics").text
    for name in STEPS:
        answered = {"upload": 2, "wait": 2, "decode": 2}.get(name, 1)
        assert f'lookalike_step_seconds_count{{step="{name}"}} {answered:.1f}' in text
    assert 'lookalike_step_seconds_bucket{le="0.001",step="decode"}' in text


def test_requests_beside_each_other_keep_their_steps_apart(drawn: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    photos = {as_jpeg(draw_thing("#2060a0", "ellipse", place)): f"own{place}" for place in range(4)}
    together, search = threading.Barrier(4), drawn.engine.search

    def marked(photo: bytes, *args: object, **kwargs: object) -> object:
        together.wait(30)
        record_step(photos[photo], 1.0)
        together.wait(30)
        return search(photo, *args, **kwargs)

    monkeypatch.setattr(drawn.engine, "search", marked)
    with TestClient(create_app(drawn.engine, Settings(threads=4))) as client, ThreadPoolExecutor(4) as pool:
        answers = pool.map(lambda photo: client.post("/v1/search", files={"photo": photo}), photos)
        told = [re.findall(r"own\d", answer.headers["server-timing"]) for answer in answers]
    assert told == [["own0"], ["own1"], ["own2"], ["own3"]]


def test_what_is_written_is_what_the_schema_says(client: TestClient, drawn: Shop) -> None:
    """The answer goes out without FastAPI's own check: it must be the same text."""
    answer = client.post("/v1/search", files={"photo": drawn.lamp}, data={"k": "50"})
    expected = SearchAnswer(results=[FoundResult.of_result(result) for result in drawn.engine.search(drawn.lamp, 50)])
    assert answer.headers["content-type"] == "application/json"
    assert answer.text == expected.model_dump_json()
    assert SearchAnswer.model_validate_json(answer.text) == expected


def test_many_at_once_get_what_each_gets_alone(drawn: Shop) -> None:
    photos = [as_jpeg(draw_thing(colour, "ellipse", place)) for place in range(8) for colour in ("#2060a0", "#f0c060")]
    with TestClient(create_app(drawn.engine, Settings(threads=8))) as client:
        alone = [client.post("/v1/search", files={"photo": photo}).json() for photo in photos]
        with ThreadPoolExecutor(8) as pool:
            answers = pool.map(lambda photo: client.post("/v1/search", files={"photo": photo}).json(), photos)
            together = list(answers)
    assert together == alone


class Client:
    """One request, driven through the application by hand: `before_last` tells, and waits, before its last chunk."""

    def __init__(
        self, app: FastAPI, chunks: Sequence[bytes], before_last: tuple[anyio.Event, anyio.Event] | None = None
    ) -> None:
        self.app = app
        self.chunks = list(chunks)
        self.before_last = before_last
        self.status = 0
        self.headers: dict[bytes, bytes] = {}
        self.body = b""

    async def post(self) -> None:
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": "POST",
            "scheme": "http",
            "path": "/v1/search",
            "raw_path": b"/v1/search",
            "query_string": b"",
            "root_path": "",
            "headers": [(b"content-type", MULTIPART)],
            "client": ("test", 1),
            "server": ("test", 80),
        }
        await self.app(scope, self._receive, self._send)

    async def _receive(self) -> Message:
        if len(self.chunks) == 1 and self.before_last is not None:
            self.before_last[0].set()
            await self.before_last[1].wait()
        return {"type": "http.request", "body": self.chunks.pop(0), "more_body": bool(self.chunks)}

    async def _send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.headers = dict(message["headers"])
        else:
            self.body += message["body"]


@contextmanager
def serving(app: FastAPI) -> Generator[tuple[uvicorn.Server, str]]:
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="error", ws="none", lifespan="off"))
    thread = threading.Thread(target=server.run)
    thread.start()
    until(lambda: server.started)
    host, port = server.servers[0].sockets[0].getsockname()[:2]
    yield server, f"http://{host}:{port}"
    server.should_exit = True
    thread.join(30)
