"""The report in a browser: offline, on a phone, under a finger, by keyboard, on paper."""

import shutil
from collections.abc import Generator
from pathlib import Path

import pytest
from browsing import open_browser
from playwright.sync_api import Browser, Page
from reported import Site, sweep_nothing

pytestmark = pytest.mark.browser
PHONE = {"width": 360, "height": 740}
A4_PX = 703
"""A page of A4 less the margins that the style sheet sets, at 96 px an inch."""


@pytest.fixture(scope="module")
def browser() -> Generator[Browser]:
    with open_browser() as opened:
        yield opened


@pytest.fixture(scope="module")
def report(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    site = Site(shutil.copytree(built, tmp_path_factory.mktemp("browser") / "site", symlinks=True))
    sweep_nothing(site.path / "sweep")
    site.report()
    return site.path / "report.html"


@pytest.fixture
def opened(browser: Browser, report: Path, request: pytest.FixtureRequest) -> Generator[Page]:
    """The report, opened; fails if it asked for anything, or if anything went wrong on it."""
    context = browser.new_context(**getattr(request, "param", {}))
    page, wrong = context.new_page(), list[str]()
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda message: wrong.append(message.text))
    page.on("request", lambda asked: None if asked.url.startswith("data:") else wrong.append(asked.url))
    page.goto(report.as_uri())
    assert wrong.pop(0) == report.as_uri()
    yield page
    context.close()
    assert wrong == []


def caption(page: Page) -> str:
    return page.locator("#peek figcaption").inner_text()


def captions(page: Page) -> list[list[str]]:
    return page.evaluate("JSON.parse(document.getElementById('thumbnails').textContent)")


def centre(page: Page, place: int) -> tuple[float, float]:
    dot = page.locator("svg.map circle").nth(place)
    dot.scroll_into_view_if_needed()
    box = dot.bounding_box()
    assert box is not None
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def test_pointing_at_the_map_shows_the_photo(opened: Page) -> None:
    known = captions(opened)
    assert opened.locator("svg.map circle").count() == len(known) == 36
    assert not opened.locator("#peek").is_visible()
    opened.mouse.move(*centre(opened, 5))
    assert opened.locator("#peek").is_visible()
    assert [opened.locator("#peek img").get_attribute("src"), caption(opened)] == known[5]
    assert opened.evaluate("document.querySelector('#peek img').naturalWidth") > 20
    opened.mouse.move(1, 1)
    assert not opened.locator("#peek").is_visible()
    assert opened.locator("#x").count() == 0  # a label that would like to be markup


@pytest.mark.parametrize("opened", [{"viewport": PHONE, "has_touch": True, "is_mobile": True}], indirect=True)
def test_a_finger_shows_it_and_the_page_fits_a_phone(opened: Page) -> None:
    assert opened.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    opened.touchscreen.tap(*centre(opened, 7))
    assert opened.locator("#peek").is_visible()
    assert caption(opened) == captions(opened)[7][1]
    box = opened.locator("#peek").bounding_box()
    assert box is not None
    assert 0 <= box["x"] <= PHONE["width"] - box["width"]


def test_arrow_keys_go_from_photo_to_photo(opened: Page) -> None:
    known = captions(opened)
    opened.locator("svg.map").focus()
    for key, place in (("ArrowRight", 0), ("ArrowRight", 1), ("ArrowLeft", 0), ("ArrowLeft", 35)):
        opened.keyboard.press(key)
        assert caption(opened) == known[place][1]
    opened.keyboard.press("Escape")
    assert not opened.locator("#peek").is_visible()


def test_tables_sort_by_number(opened: Page) -> None:
    table = opened.locator("table", has=opened.locator("th", has_text="best validation accuracy"))
    first = table.locator("tbody tr td:first-child")
    assert first.all_inner_texts() == ["lr=0.002", "lr=0.001"]
    table.locator("th button", has_text="best validation").click()
    assert first.all_inner_texts() == ["lr=0.002", "lr=0.001"]
    table.locator("th button", has_text="best validation").click()
    assert first.all_inner_texts() == ["lr=0.001", "lr=0.002"]
    assert table.locator("th").nth(1).get_attribute("aria-sort") == "ascending"


@pytest.mark.parametrize(
    "opened", [{"color_scheme": "dark", "viewport": {"width": A4_PX, "height": 1000}}], indirect=True
)
def test_paper_is_white_whatever_the_screen_and_nothing_is_cut(opened: Page) -> None:
    colours = "(() => { const s = getComputedStyle(document.body); return [s.color, s.backgroundColor]; })()"
    assert opened.evaluate(colours) == ["rgb(230, 234, 237)", "rgb(21, 25, 28)"]
    opened.emulate_media(media="print")
    assert opened.evaluate(colours) == ["rgb(28, 33, 38)", "rgb(255, 255, 255)"]
    too_wide = """width => [...document.querySelectorAll('table, svg, .row, p')]
        .filter(one => one.getBoundingClientRect().right > width + 1).map(one => one.outerHTML.slice(0, 80))"""
    assert opened.evaluate(too_wide, A4_PX) == []
    assert not opened.locator("nav").is_visible()
    shown = opened.evaluate("[...document.images].filter(i => i.src && i.naturalWidth === 0 && i.alt).length")
    assert shown == 0
    assert opened.pdf(format="A4").startswith(b"%PDF")


def test_every_picture_has_words(opened: Page) -> None:
    bare = "[...document.querySelectorAll('img')].filter(i => i.id !== 'peek' && !i.closest('#peek') && !i.alt).length"
    assert opened.evaluate(bare) == 0
    assert opened.evaluate("[...document.querySelectorAll('svg')].every(s => s.getAttribute('aria-label'))")
