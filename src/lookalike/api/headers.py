"""Pure ASGI middleware: security headers, paths that keep their percent signs, whole files, and HEAD for every GET."""

from typing import Final

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_COMMON = "object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
_POLICY = f"default-src 'self'; img-src 'self' blob: data:; {_COMMON}"
_DOCS_POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; "
    f"img-src 'self' data:; {_COMMON}"
)

SECURITY_HEADERS: Final = {
    "content-security-policy": _POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
}
"""Sent with every answer. `blob:` shows the photo that the visitor chose; only the docs page has inline code."""


class SecurityHeaders:
    """Add the security headers; where an answer does not say how long it may be kept, a browser must ask again."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and the answer back with the headers."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        is_docs = scope["path"].removeprefix(scope.get("root_path", "")) == "/docs"

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.update(SECURITY_HEADERS)
                if is_docs:
                    headers["content-security-policy"] = _DOCS_POLICY
                headers.setdefault("cache-control", "no-cache")
            await send(message)

        await self.app(scope, receive, send_with_headers)


class RawPaths:
    """Match the routes under /v1/ on the path as it was sent, still percent-encoded.

    A server decodes the path before it is matched, and then an id with a slash, or one that ends in "/similar", can no
    longer be told from a longer route. Matched raw, an id is always one segment; `params` decodes it.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Put the raw path in place of the decoded one, in place: outer middleware reads the matched route."""
        raw: bytes | None = scope.get("raw_path")
        if scope["type"] == "http" and raw and scope["path"].startswith(f"{scope.get('root_path', '')}/v1/"):
            scope["path"] = raw.decode("latin-1")
        await self.app(scope, receive, send)


class WholeFiles:
    """Leave ranges out of requests: HTTP allows to answer with the whole, and the files of the page are small.

    The file answers of Starlette would refuse an odd range as plain text, which is not the one shape of our errors.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on without its range, and say in the answer that none can be had."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        scope["headers"] = [(name, value) for name, value in scope["headers"] if name != b"range"]

        async def send_without_ranges(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                if "accept-ranges" in headers:
                    headers["accept-ranges"] = "none"
            await send(message)

        await self.app(scope, receive, send_without_ranges)


class HeadAsGet:
    """Answer HEAD on every route as GET would be answered, headers and all, but without the body (RFC 9110, 9.3.2)."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass HEAD on as GET, in a copy: the server and the metrics go on seeing HEAD."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        is_head = scope["method"] == "HEAD"

        async def send_head(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                if headers.get("allow") == "GET":
                    headers["allow"] = "GET, HEAD"
            elif is_head:
                message = {"type": "http.response.body", "body": b"", "more_body": message.get("more_body", False)}
            await send(message)

        if not is_head:
            await self.app(scope, receive, send_head)
            return
        as_get = {**scope, "method": "GET"}
        try:
            await self.app(as_get, receive, send_head)
        finally:
            if "route" in as_get:  # outer middleware reads the matched route
                scope["route"] = as_get["route"]
