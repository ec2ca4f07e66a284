"""Pure ASGI middleware: security headers on every answer, and paths that keep their percent signs."""

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
