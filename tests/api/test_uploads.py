"""What is uploaded: too large, too many parts, no photo, broken photos, malformed forms."""

import io
import json
import socket
import struct
import zlib
from collections.abc import Iterator
from urllib.parse import urlsplit

import anyio
import httpx2
import pytest
from drawn_shop import Shop, as_jpeg, draw_thing
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image as PillowImage
from starlette.testclient import TestClient
from starlette.types import Message, Receive, Scope, Send

from lookalike.api.errors import ApiError
from lookalike.api.uploads import FORM_ROOM_BYTES, LimitBody

LIMIT = 200_000
ROUTES = [("/v1/search", "photo"), ("/v1/classify", "photo"), ("/predict/image", "image")]
BOUNDARY = "b0undary"


def encoded(image: PillowImage.Image, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def png_header(width: int, height: int) -> bytes:
    """A PNG that claims a size, and holds nothing."""
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


LAMP = as_jpeg(draw_thing("#f0c060", "ellipse", 5))
NO_PHOTOS = {
    "empty": (b"", 400, "photo_empty"),
    "text": (b"hello", 400, "photo_unreadable"),
    "html": (b"<script>alert(1)</script>" * 50, 400, "photo_unreadable"),
    "svg": (b'<svg xmlns="http://www.w3.org/2000/svg"></svg>', 400, "photo_unreadable"),
    "pdf": (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n", 400, "photo_unreadable"),
    "zeros": (bytes(5000), 400, "photo_unreadable"),
    "jpeg magic": (b"\xff\xd8\xff\xe0" + bytes(200), 400, "photo_unreadable"),
    "jpeg cut short": (LAMP[: len(LAMP) // 2], 400, "photo_truncated"),
    "bmp": (encoded(PillowImage.new("RGB", (8, 8)), "BMP"), 400, "photo_unreadable"),
    "tiff": (encoded(PillowImage.new("RGB", (8, 8)), "TIFF"), 400, "photo_unreadable"),
    "png bomb": (encoded(PillowImage.new("1", (9000, 9000)), "PNG"), 413, "photo_too_large"),
    "png above this server's pixels": (encoded(PillowImage.new("1", (3000, 2000)), "PNG"), 413, "photo_too_large"),
    "png that claims to be huge": (png_header(2**31 - 1, 2**31 - 1), 413, "photo_too_large"),
    "png of no width": (png_header(0, 10), 400, "photo_unreadable"),
    "png without pixels": (png_header(10, 10), 400, None),
}
PHOTOS = {
    "one pixel": encoded(PillowImage.new("RGB", (1, 1), "red"), "PNG"),
    "very wide": encoded(PillowImage.new("RGB", (20_000, 10), "red"), "PNG"),
    "gif": encoded(draw_thing("#f0c060", "ellipse", 5), "GIF"),
    "webp with alpha": encoded(draw_thing("#f0c060", "ellipse", 5).convert("RGBA"), "WEBP"),
    "16 bit": encoded(PillowImage.new("I;16", (40, 40), 30_000), "PNG"),
    "palette": encoded(draw_thing("#f0c060", "ellipse", 5).convert("P"), "PNG"),
    "cmyk": encoded(draw_thing("#f0c060", "ellipse", 5).convert("CMYK"), "JPEG"),
    "polyglot": LAMP + b"PK\x03\x04<script>alert(1)</script>",
}


@pytest.mark.parametrize(("route", "field"), ROUTES)
@pytest.mark.parametrize("name", NO_PHOTOS)
def test_what_is_no_photo_is_refused_with_a_reason(client: TestClient, route: str, field: str, name: str) -> None:
    data, status, code = NO_PHOTOS[name]
    response = client.post(route, files={field: ("photo.jpg", data, "image/jpeg")})
    assert response.status_code == status, response.text
    assert code is None or response.json()["error"]["code"] == code


@pytest.mark.parametrize("name", PHOTOS)
def test_odd_photos_are_photos_whatever_they_are_called(client: TestClient, name: str) -> None:
    response = client.post("/v1/search", files={"photo": ("x.exe", PHOTOS[name], "application/octet-stream")})
    assert response.status_code == 200, response.text
    assert len(response.json()["results"]) == 10


@pytest.mark.parametrize(("route", "field"), ROUTES)
def test_a_photo_above_the_limit_is_too_large(client: TestClient, route: str, field: str) -> None:
    just_over = client.post(route, files={field: bytes(LIMIT + 1)})
    far_over = client.post(route, files={field: bytes(LIMIT * 5)})
    at_limit = client.post(route, files={field: bytes(LIMIT)})
    assert (just_over.status_code, far_over.status_code, at_limit.status_code) == (413, 413, 400)
    assert just_over.json() == far_over.json()
    assert just_over.json()["error"]["message"] == "the upload is larger than 0.2 MB"


def test_a_body_of_unknown_length_is_refused_while_it_grows(address: str) -> None:
    sent = 0

    def endless() -> Iterator[bytes]:
        nonlocal sent
        yield f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="photo"; filename="a"\r\n\r\n'.encode()
        while sent < 50_000_000:
            sent += 50_000
            yield bytes(50_000)

    with httpx2.Client(trust_env=False) as real:
        response = real.post(
            f"{address}/v1/search",
            content=endless(),
            headers={"content-type": f"multipart/form-data; boundary={BOUNDARY}"},
            timeout=60,
        )
    assert (response.status_code, response.json()["error"]["code"]) == (413, "photo_too_large")


def test_no_more_of_a_body_is_read_than_the_limit() -> None:
    """One chunk too many is fetched and not passed on; after that nothing is fetched at all."""
    fetched: list[int] = []
    passed_on: list[int] = []

    async def receive() -> Message:
        fetched.append(10)
        return {"type": "http.request", "body": bytes(10), "more_body": True}

    async def app(_: Scope, receive: Receive, __: Send) -> None:
        for _attempt in range(2):
            with pytest.raises(ApiError):
                while True:
                    passed_on.append(len((await receive())["body"]))

    async def send(_: Message) -> None:
        raise AssertionError

    anyio.run(LimitBody(app, max_bytes=35), {"type": "http", "headers": []}, receive, send)
    assert (sum(passed_on), sum(fetched)) == (30, 40)


def test_an_announced_length_above_the_limit_is_refused_before_a_byte_of_it_comes(address: str) -> None:
    parts = urlsplit(address)
    with socket.create_connection((parts.hostname or "", parts.port or 0), timeout=30) as real:
        real.sendall(
            b"POST /v1/search HTTP/1.1\r\nHost: x\r\nContent-Length: 9999999999\r\n"
            b"Content-Type: multipart/form-data; boundary=b\r\n\r\n"
        )
        assert real.recv(4096).startswith(b"HTTP/1.1 413 ")


def test_an_upload_that_breaks_off_harms_nobody(address: str, drawn: Shop) -> None:
    parts = urlsplit(address)
    with socket.create_connection((parts.hostname or "", parts.port or 0), timeout=30) as real:
        real.sendall(
            b"POST /v1/search HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n"
            b"Content-Type: multipart/form-data; boundary=b\r\n\r\n--b\r\n"
        )
    with httpx2.Client(trust_env=False) as other:
        assert other.post(f"{address}/v1/search", files={"photo": drawn.lamp}).status_code == 200


def form(*parts: tuple[str, bytes]) -> bytes:
    body = b"".join(f"--{BOUNDARY}\r\n{head}\r\n\r\n".encode() + data + b"\r\n" for head, data in parts)
    return body + f"--{BOUNDARY}--\r\n".encode()


FILE = 'Content-Disposition: form-data; name="photo"; filename="a.jpg"'
GOOD = form((FILE, LAMP))
MULTIPART = f"multipart/form-data; boundary={BOUNDARY}"
MALFORMED = {
    "no boundary": ("multipart/form-data", GOOD, 400),
    "empty boundary": ("multipart/form-data; boundary=", GOOD, 400),
    "another boundary": ("multipart/form-data; boundary=other", GOOD, 400),
    "endless boundary": (f"multipart/form-data; boundary={'x' * 5000}", GOOD, 400),
    "no body": (MULTIPART, b"", None),
    "cut short": (MULTIPART, GOOD[:-60], None),
    "rubbish": (MULTIPART, bytes(range(256)) * 20, 400),
    "part without a name": (MULTIPART, form(("Content-Disposition: form-data", b"x")), 400),
    "part without a disposition": (MULTIPART, form(("X-Nothing: 1", b"x")), 400),
    "endless header": (MULTIPART, form((f"{FILE}\r\nX-Long: {'x' * 100_000}", LAMP)), 400),
    "many headers": (MULTIPART, form((FILE + "\r\nX-A: 1" * 5000, LAMP)), 400),
    "json": ("application/json", b'{"photo": "x"}', 422),
    "bare photo": ("image/jpeg", LAMP, 422),
    "urlencoded": ("application/x-www-form-urlencoded", b"photo=abc&k=3", 422),
    "no content type": ("", GOOD, 422),
    "odd content type": ("multipart/form-data; boundary*=utf-8''x; =;;;", GOOD, 400),
    "photo as text": (MULTIPART, form(('Content-Disposition: form-data; name="photo"', b"x")), 422),
    "photo under another name": (MULTIPART, form((FILE.replace("photo", "picture"), LAMP)), 422),
    "two photos": (MULTIPART, form((FILE, LAMP), (FILE, LAMP)), 400),
    "many fields": (MULTIPART, form(*[(f'Content-Disposition: form-data; name="f{i}"', b"1") for i in range(50)]), 400),
    "a long field": (
        MULTIPART,
        form(('Content-Disposition: form-data; name="category"', b"x" * 9000), (FILE, LAMP)),
        400,
    ),
    "utf-7": (
        f"{MULTIPART}; charset=utf-7",
        form(('Content-Disposition: form-data; name="category"', b"+2AA-"), (FILE, LAMP)),
        422,
    ),
    "idna": (f"{MULTIPART}; charset=idna", GOOD, 422),
    "unicode-escape": (f"{MULTIPART}; charset=unicode_escape", GOOD, 422),
    "invalid utf-8 field": (
        MULTIPART,
        form(('Content-Disposition: form-data; name="category"', b"\xff\xfe"), (FILE, LAMP)),
        422,
    ),
    "invalid utf-8 field name": (
        MULTIPART,
        form(('Content-Disposition: form-data; name="k\xff"', b"1"), (FILE, LAMP)).replace("\xff".encode(), b"\xff"),
        422,
    ),
    "quote that is never closed": (
        f'{MULTIPART}; x="',
        form(('Content-Disposition: form-data; name="category"', "\N{DIYA LAMP}".encode()), (FILE, LAMP)),
        422,
    ),
    "utf-8 named as such": (
        f"{MULTIPART}; charset=utf-8",
        form(('Content-Disposition: form-data; name="category"', "Möbel".encode()), (FILE, LAMP)),
        200,
    ),
    "null in a field": (
        MULTIPART,
        form(('Content-Disposition: form-data; name="category"', b"a\x00b"), (FILE, LAMP)),
        200,
    ),
}


@pytest.mark.filterwarnings("ignore:Unclosed file <tempfile.SpooledTemporaryFile:ResourceWarning")  # Starlette's
@pytest.mark.parametrize("name", MALFORMED)
def test_malformed_forms_are_the_senders_fault(client: TestClient, name: str) -> None:
    kind, body, status = MALFORMED[name]
    response = client.post("/v1/search", content=body, headers={"content-type": kind} if kind else {})
    assert response.status_code == status or (status is None and 400 <= response.status_code < 500), response.text
    if response.status_code != 200:
        assert set(response.json()["error"]) == {"status", "code", "message", "mend"}


def test_text_between_photo_and_limit_leaves_room_for_the_form(client: TestClient) -> None:
    assert FORM_ROOM_BYTES > 20 * 128  # boundaries and heads of all the fields that a form may have
    fields = {"category": "x" * 900, "currency": "GBP"}
    response = client.post("/v1/search", files={"photo": bytes(LIMIT)}, data=fields)
    assert (response.status_code, json.loads(response.text)["error"]["code"]) == (400, "photo_unreadable")


@pytest.mark.filterwarnings("ignore:Unclosed file <tempfile.SpooledTemporaryFile:ResourceWarning")  # Starlette's
@given(st.binary(max_size=400), st.integers(0, len(GOOD)), st.integers(0, 30))
def test_no_damaged_form_is_our_fault(client: TestClient, noise: bytes, place: int, left_out: int) -> None:
    """Noise anywhere in a form, over what stood there, never gives a 5xx."""
    body = GOOD[:place] + noise + GOOD[place + left_out :]
    response = client.post("/v1/search", content=body, headers={"content-type": MULTIPART})
    assert response.status_code in (200, 400, 413, 422)
