"""Uploads: read before any place is taken; refused as soon as they have too many bytes, too many parts or too long."""

from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import BinaryIO

import anyio
from fastapi import Request
from pydantic import BaseModel
from python_multipart.multipart import parse_options_header
from starlette.datastructures import FormData, UploadFile
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from lookalike import images
from lookalike.api.errors import ApiError
from lookalike.api.params import once
from lookalike.errors import QueryError
from lookalike.settings import Settings
from lookalike.timing import step

FORM_ROOM_BYTES = 65_536
"""What a form may hold beside its photo: boundaries, headers and small fields."""

_LENGTH_DIGITS = 20  # more of them than any true length has
_MAX_FIELDS = 20
_MAX_FIELD_BYTES = 4_096
_HEAVY_PIXELS = 24_000_000
_PATIENCE_S = 5.0
_JPEG_TIMES_FASTER = 8  # to decode to an encoder's input, a pixel of the photo: libjpeg leaves out what is not needed


class LimitBody:
    """Refuse a request body above a limit with 413: by its announced length, or as soon as it has grown past it.

    An answer is sent without waiting for the rest; the server throws away what still arrives.
    """

    def __init__(self, app: ASGIApp, max_bytes: int) -> None:
        self.app = app
        self.max_bytes = max_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on with a counted body."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        announced = dict(scope["headers"]).get(b"content-length", b"0")[:_LENGTH_DIGITS]
        seen = int(announced) if announced.isdigit() and int(announced) > self.max_bytes else 0

        async def counted() -> Message:
            nonlocal seen
            if seen <= self.max_bytes:
                message = await receive()
                seen += len(message.get("body", b""))
                if seen <= self.max_bytes:
                    return message
            raise too_many_bytes(self.max_bytes - FORM_ROOM_BYTES)

        await self.app(scope, counted, send)


class Arrivals:
    """The uploads that are arriving, at most so many: each may hold a megabyte of memory, and its photo on disk.

    An upload has `seconds` while there is room for all. Where there is none, the one that has taken longest makes room,
    if it has had `patience_s`: slow ones never lock the others out for longer than that.
    """

    def __init__(self, most: int, seconds: float) -> None:
        self.most = most
        self.seconds = seconds
        self.patience_s = _PATIENCE_S
        self._started: dict[anyio.CancelScope, float] = {}  # the eldest first

    def __len__(self) -> int:
        return len(self._started)

    def make_room(self) -> bool:
        """Whether one more may come; to be followed by `one` before anything is awaited."""
        if len(self) < self.most:
            return True
        eldest, started = next(iter(self._started.items()))
        if anyio.current_time() - started < self.patience_s:
            return False
        del self._started[eldest]
        eldest.cancel()
        return True

    @contextmanager
    def one(self) -> Generator[None]:
        """Count an upload while it arrives.

        Raises
        ------
        ApiError
            408: it took too long.
        """
        now = anyio.current_time()
        with anyio.CancelScope(deadline=now + self.seconds) as scope:
            self._started[scope] = now
            try:
                yield
            finally:
                self._started.pop(scope, None)
        if scope.cancelled_caught:
            late = anyio.current_time() >= scope.deadline
            raise ApiError(
                408,
                "upload_too_slow",
                f"the upload took longer than {self.seconds:g} s" if late else "the upload was slow, and others wait",
                "Send a smaller photo, or try a better connection",
                headers={"connection": "close"},  # otherwise the server would go on reading what still trickles in
            )


@dataclass(frozen=True)
class Upload:
    """A photo that arrived and the text fields beside it. The photo may still lie on disk: read it in a thread."""

    file: BinaryIO
    fields: dict[str, str]
    settings: Settings

    def photo(self) -> "UploadedPhoto":
        """Read the photo's bytes, checked to be a photo of bearable size by its header; again from its start each time.

        Raises
        ------
        ApiError
            413: more bytes than allowed.
        PhotoError
            Empty, not a photo, or more pixels than allowed.
        """
        with step("decode"):
            self.file.seek(0)
            data = self.file.read(self.settings.max_upload_bytes + 1)
            if len(data) > self.settings.max_upload_bytes:
                raise too_many_bytes(self.settings.max_upload_bytes)
            facts = images.facts(data, max_pixels=self.settings.max_pixels)
        weight = 1 if facts.format == "jpeg" else _JPEG_TIMES_FASTER
        return UploadedPhoto(data, facts.width * facts.height * weight > _HEAVY_PIXELS)


@dataclass(frozen=True)
class UploadedPhoto:
    """A photo's bytes, and whether it is so slow to decode (some tenths of a second) that it may hold up others."""

    data: bytes
    heavy: bool


@asynccontextmanager
async def uploaded(request: Request, field: str, settings: Settings, arrivals: Arrivals) -> AsyncGenerator[Upload]:
    """Parse a form with one photo under `field`; its spooled file is removed on the way out.

    Raises
    ------
    ApiError
        422: no such photo field, or a charset other than UTF-8. 408: it takes too long, see `Arrivals`.
    QueryError
        Text that is not UTF-8, or a text field more than once.
    HTTPException
        400: malformed, or more parts than allowed.
    """
    _, options = parse_options_header(request.headers.get("content-type", ""))
    if options.get(b"charset", b"utf-8").lower() not in (b"utf-8", b"utf8", b"us-ascii"):
        raise ApiError(422, "bad_parameter", "the form's charset is not UTF-8", "Send the form as UTF-8")
    with step("upload"), arrivals.one():
        form = await _as_latin_1(request).form(max_files=1, max_fields=_MAX_FIELDS, max_part_size=_MAX_FIELD_BYTES)
    try:
        photo = form.get(field)
        if not isinstance(photo, UploadFile):
            raise ApiError(
                422,
                "photo_field_missing",
                f"the request holds no file in a form field named {field}",
                f"Send multipart/form-data with the photo as {field}, with a file name",
            )
        yield Upload(photo.file, _text_fields(form), settings)
    finally:
        await form.close()


def too_many_bytes(max_bytes: int) -> ApiError:
    """Make the error for an upload above the limit."""
    return ApiError(
        413,
        "photo_too_large",
        f"the upload is larger than {max_bytes / 1e6:g} MB",
        "Make the photo smaller and try again",
    )


def form_schema(field: str, params: type[BaseModel] | None = None) -> dict[str, object]:
    """Describe a form with one photo, and the parameters that may stand beside it, for OpenAPI."""
    photo: dict[str, object] = {
        "type": "string",
        "format": "binary",
        "description": "JPEG, PNG, WebP or GIF, told by content.",
    }
    properties: dict[str, object] = {field: photo}
    described: dict[str, object] = {}
    if params is not None:
        fields: dict[str, dict[str, object]] = params.model_json_schema()["properties"]
        properties |= fields
        described["parameters"] = [
            {"name": name, "in": "query", "required": False, "schema": schema, "description": schema["description"]}
            for name, schema in fields.items()
        ]
    schema = {"type": "object", "required": [field], "properties": properties}
    return {"requestBody": {"required": True, "content": {"multipart/form-data": {"schema": schema}}}, **described}


def _as_latin_1(request: Request) -> Request:
    """Return the request with a form that decodes to one character per byte, which loses nothing.

    As UTF-8, Starlette would silently take what is not valid for Latin-1, and nobody could tell the two apart.
    """
    headers = [
        (name, value + b"; charset=latin-1" if name == b"content-type" else value)
        for name, value in request.scope["headers"]
    ]
    return Request({**request.scope, "headers": headers}, request.receive)


def _text_fields(form: FormData) -> dict[str, str]:
    texts = [(name, value) for name, value in form.multi_items() if isinstance(value, str)]
    try:
        return once(
            (name.encode("latin-1").decode("utf-8"), value.encode("latin-1").decode("utf-8")) for name, value in texts
        )
    except UnicodeError:  # to encode fails only where an unclosed quote swallowed the charset
        raise QueryError("a text field of the form is not UTF-8", mend="Send the form as UTF-8") from None
