"""The page in a headless Chromium, against a real server over the drawn shop."""

import threading
from collections.abc import Generator

import pytest
import uvicorn
from browsing import open_browser
from drawn_shop import Shop, open_shop
from playwright.sync_api import Browser, ConsoleMessage, Page, Request

from lookalike.api import create_app
from lookalike.settings import Settings

GONE = ("lamp-1%230", "lamp-2%230", "/v1/?size=thumb")
"""Photos of the drawn shop that cannot be shown; a browser notes each in its console. The last is the photo with the id
`..`, which no browser can ask for: it takes dots for a way up, percent-encoded or not."""


@pytest.fixture(scope="session")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Generator[Shop]:
    with open_shop(tmp_path_factory.mktemp("photos")) as shop:
        yield shop


@pytest.fixture(scope="session")
def address(drawn: Shop) -> Generator[str]:
    """A real uvicorn on a free port."""
    settings = Settings(max_upload_bytes=200_000, max_results=30)
    config = uvicorn.Config(create_app(drawn.engine, settings), port=0, log_level="error", ws="none", lifespan="off")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started and thread.is_alive():
        thread.join(0.01)
    host, port = server.servers[0].sockets[0].getsockname()[:2]
    yield f"http://{host}:{port}/"
    server.should_exit = True
    thread.join()


@pytest.fixture(scope="module")
def browser() -> Generator[Browser]:
    with open_browser() as opened:
        yield opened


class Watched:
    """A page, and what went wrong on it: errors in the console, requests that leave the origin."""

    def __init__(self, page: Page, address: str) -> None:
        self.page = page
        self.address = address
        self.errors: list[str] = []
        self.strays: list[str] = []
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("console", self._hear)
        page.on("request", self._note)
        page.on("filechooser", lambda _: None)  # from now on: a key pressed early would open a real dialog
        page.set_default_timeout(20_000)

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type == "error" and not any(gone in message.location["url"] for gone in GONE):
            self.errors.append(f"{message.text} {message.location['url']}")

    def _note(self, request: Request) -> None:
        if not request.url.startswith((self.address, "blob:", "data:")):
            self.strays.append(request.url)

    def visit(self, path: str = "") -> Page:
        """Open the page and wait until it shows something."""
        self.page.goto(self.address + path)
        self.settle()
        return self.page

    def settle(self) -> None:
        """Wait until what was asked for is there."""
        self.page.wait_for_selector("#grid[aria-busy='false']", state="attached")
        self.page.wait_for_selector("#facts:not(:empty)", state="attached")
        self.page.wait_for_selector("#category option + option", state="attached")


@pytest.fixture
def watched(browser: Browser, address: str) -> Generator[Watched]:
    """A desktop page; the test fails if anything went wrong on it that the test did not clear."""
    context = browser.new_context(locale="en-GB", viewport={"width": 1200, "height": 800})
    watched = Watched(context.new_page(), address)
    yield watched
    context.close()
    assert watched.errors == []
    assert watched.strays == []


@pytest.fixture
def on_phone(browser: Browser, address: str) -> Generator[Watched]:
    """A phone: narrow, touched rather than pointed at, dark."""
    context = browser.new_context(
        locale="en-GB",
        viewport={"width": 360, "height": 740},
        has_touch=True,
        is_mobile=True,
        color_scheme="dark",
        reduced_motion="reduce",
    )
    watched = Watched(context.new_page(), address)
    yield watched
    context.close()
    assert watched.errors == []
    assert watched.strays == []
