"""The page at /: every way a photo comes in, results, filters, the dialog, the keyboard, a phone."""

import base64
import re

import pytest
from drawn_shop import Shop
from playwright.sync_api import Page, Route, expect

pytestmark = pytest.mark.browser

DROP = """([data, name, type, events]) => {
  const bytes = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0));
  const transfer = new DataTransfer();
  transfer.items.add(new File([bytes], name, { type }));
  for (const event of events) {
    const options = { bubbles: true, cancelable: true };
    if (event === "paste") document.dispatchEvent(new ClipboardEvent(event, { ...options, clipboardData: transfer }));
    else document.body.dispatchEvent(new DragEvent(event, { ...options, dataTransfer: transfer }));
  }
}"""


def bring(page: Page, photo: bytes, *events: str, name: str = "lamp.jpg", kind: str = "image/jpeg") -> None:
    page.evaluate(DROP, [base64.b64encode(photo).decode(), name, kind, events])


def shown(page: Page) -> list[str]:
    """Image ids in the grid, in order."""
    return page.locator("#grid .card[data-image]").evaluate_all("cards => cards.map((card) => card.dataset.image)")


def expected(shop: Shop, k: int = 24) -> list[str]:
    return [result.image_id for result in shop.engine.search(shop.lamp, k)]


def expect_found(page: Page, shop: Shop) -> None:
    expect(page.locator("#results-title")).to_have_text("Most alike")
    expect(page.locator("#grid .score")).to_have_count(24)
    assert shown(page) == expected(shop)


def test_the_first_view_shows_the_catalogue_and_asks_for_a_photo(watched) -> None:
    page = watched.visit()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Find what looks like")
    expect(page.get_by_role("button", name="Drop a photo here")).to_be_visible()
    expect(page.locator("#grid .card")).to_have_count(24)
    assert page.locator("#grid .score").count() == 0
    assert page.locator("#facts").text_content() == "77 photos"
    before = shown(page)
    page.get_by_role("button", name="Show others").click()
    expect(page).to_have_url(re.compile("seed=1$"))
    watched.settle()
    assert len(shown(page)) == 24
    assert shown(page) != before


def test_a_dropped_photo_finds_its_like(watched, drawn: Shop) -> None:
    page = watched.visit()
    bring(page, drawn.lamp, "dragenter")
    expect(page.get_by_text("Let go to search by this photo")).to_be_visible()
    bring(page, drawn.lamp, "dragover", "drop")
    expect(page.get_by_text("Let go to search by this photo")).to_be_hidden()
    expect_found(page, drawn)
    best = drawn.engine.search(drawn.lamp, 1)[0]
    card = page.locator("#grid .card").first
    expect(card.locator(".card-name")).to_have_text(best.name)
    expect(card.locator(".card-price")).to_have_text(f"£{best.price}")
    expect(card.locator(".card-category")).to_have_text("Home & Garden › Lamps")
    expect(card.locator(".score-number")).to_have_text(f"{best.score:.2f}")
    expect(page.get_by_role("status")).to_have_text("Most alike: 24 products")
    expect(page.locator("#asked-photo img")).to_have_attribute("src", re.compile("^blob:"))


def test_a_pasted_photo_finds_its_like(watched, drawn: Shop) -> None:
    page = watched.visit()
    bring(page, drawn.lamp, "paste")
    expect_found(page, drawn)


def test_a_chosen_photo_finds_its_like_also_a_second_time(watched, drawn: Shop) -> None:
    page = watched.visit()
    hat = drawn.engine.thumbnail("hat-1#0")
    for button, photo, category in (
        ("Drop a photo here", hat, "Clothes › Hats"),
        ("Another photo", drawn.lamp, "Lamps"),
    ):
        with page.expect_file_chooser() as chooser:
            page.get_by_role("button", name=button).first.click()
        chooser.value.set_files({"name": "same.jpg", "mimeType": "image/jpeg", "buffer": photo})
        expect(page.locator("#grid .card-category").first).to_contain_text(category)
        assert page.locator("#file").input_value() == ""  # or the same file could not be chosen again
    expect_found(page, drawn)


def test_a_click_on_a_result_searches_by_it_and_back_returns(watched, drawn: Shop) -> None:
    page = watched.visit()
    bring(page, drawn.lamp, "drop")
    expect_found(page, drawn)
    second = shown(page)[1]
    page.locator("#grid .card-main").nth(1).click()
    expect(page.locator("#asked-what")).to_have_text("More like this photo")
    expect(page.locator("#asked-name")).to_contain_text(drawn.engine.search(drawn.lamp, 2)[1].name)
    watched.settle()
    assert shown(page) == [result.image_id for result in drawn.engine.similar(second, 24)]
    page.reload()  # the address says it all
    watched.settle()
    assert shown(page) == [result.image_id for result in drawn.engine.similar(second, 24)]
    page.go_back()
    expect(page.locator("#results-title")).to_have_text("From the catalogue")  # a reload loses the visitor's own photo


def test_back_returns_to_the_visitors_own_photo(watched, drawn: Shop) -> None:
    page = watched.visit()
    bring(page, drawn.lamp, "drop")
    expect_found(page, drawn)
    page.locator("#grid .card-main").nth(1).click()
    expect(page.locator("#asked-what")).to_have_text("More like this photo")
    page.go_back()
    expect(page.locator("#asked-what")).to_have_text("Your photo")
    expect_found(page, drawn)
    page.go_forward()
    expect(page.locator("#asked-what")).to_have_text("More like this photo")


def test_the_predicted_category_is_an_offer_to_filter(watched, drawn: Shop) -> None:
    page = watched.visit()
    bring(page, drawn.lamp, "drop")
    guess = page.locator(".guess").first
    expect(guess).to_contain_text("Home & Garden › Lamps")
    expect(guess).to_contain_text(re.compile(r"\d+%"))
    expect_found(page, drawn)  # a guess filters nothing by itself
    guess.click()
    expect(page.locator("#category")).to_have_value("Home & Garden / Lamps")
    expect(page.locator("#grid .card")).to_have_count(8)
    expect(guess).to_have_attribute("aria-pressed", "true")
    guess.click()
    expect(page.locator("#grid .card")).to_have_count(24)


def test_filters_by_category_and_price_and_clears_them(watched, drawn: Shop) -> None:
    page = watched.visit()
    bring(page, drawn.lamp, "drop")
    expect_found(page, drawn)
    options = page.locator("#category option").all_text_contents()
    assert options[:3] == ["All categories", "Clothes (16)", "\u2003Hats (8)"]
    assert "\u2003\u2003Private (8)" in options
    page.get_by_label("Category").select_option("Clothes")
    expect(page.locator("#grid .card")).to_have_count(16)
    page.get_by_label("Price from").fill("20")
    page.get_by_label("to", exact=True).fill("30")
    page.keyboard.press("Enter")
    expect(page.locator("#grid .card")).to_have_count(6)
    assert set(page.locator(".card-price").all_text_contents()) == {"£20", "£25", "£30"}
    assert "category=Clothes&min=20&max=30" in page.url
    page.get_by_label("Price from").fill("40")
    page.keyboard.press("Enter")
    expect(page.get_by_role("status")).to_have_text("The lowest price is above the highest")
    expect(page.locator("#grid .card")).to_have_count(6)
    page.get_by_role("button", name="Clear filter").click()
    expect(page.locator("#grid .card")).to_have_count(24)
    expect(page.get_by_label("Price from")).to_have_value("")


def test_a_filter_that_leaves_nothing_says_so_and_offers_the_way_out(watched) -> None:
    page = watched.visit("?category=Clothes&min=5000")
    expect(page.locator(".notice-text")).to_have_text("No product passes this filter.")
    page.locator("#notice").get_by_role("button", name="Clear filter").click()
    expect(page.locator("#grid .card")).to_have_count(24)


def test_more_results_come_below_the_first(watched, drawn: Shop) -> None:
    page = watched.visit()
    bring(page, drawn.lamp, "drop")
    expect_found(page, drawn)
    page.get_by_role("button", name="Show more").click()
    expect(page.locator("#grid .card")).to_have_count(30)  # the server's max_results
    assert shown(page) == expected(drawn, 30)
    expect(page.get_by_role("button", name="Show more")).to_be_hidden()
    expect(page.locator("#grid .card-main").nth(24)).to_be_focused()


def test_the_dialog_shows_a_product_with_all_its_photos(watched, drawn: Shop) -> None:
    page = watched.visit("?image=rug-2%230")
    name = page.locator("#grid .card-name").first.text_content()
    details = page.get_by_role("button", name=f"Details of {name}")
    details.focus()
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog", name=name or "")
    expect(dialog.get_by_role("heading", level=2)).to_have_text(name or "")
    expect(dialog.locator(".product-description")).to_contain_text("Collection only.")
    expect(dialog.get_by_role("img", name="photo 1 of 2")).to_be_visible()
    dialog.get_by_role("button", name="Photo 2").click()
    expect(dialog.get_by_role("img", name="photo 2 of 2")).to_be_visible()
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(details).to_be_focused()
    assert "product=" not in page.url
    expect(page.locator("#asked-what")).to_have_text("More like this photo")  # Escape closed the dialog, no more
    details.click()
    dialog.get_by_role("button", name="More like this", exact=True).click()
    expect(dialog).to_be_hidden()
    expect(page.locator("#asked-what")).to_have_text("More like this product")
    expect(page.locator("#asked-name")).to_contain_text(name or "")
    expect(page.locator("#asked-photo img")).to_be_visible()


def test_a_closed_dialog_leaves_no_step_in_the_history(watched) -> None:
    page = watched.visit()
    page.locator("#grid .card-main").first.click()
    expect(page.locator("#results-title")).to_have_text("Most alike")
    page.locator("#grid .card-main").first.hover()
    page.locator("#grid .card-details").first.click()
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()
    page.go_back()
    expect(page.locator("#results-title")).to_have_text("From the catalogue")


def test_a_link_to_a_product_opens_it_and_closing_stays_on_the_page(watched) -> None:
    page = watched.visit("?product=lamp-3")
    dialog = page.get_by_role("dialog", name="Lamp number 3")
    expect(dialog).to_be_visible()
    dialog.get_by_role("button", name="Close").click()
    expect(dialog).to_be_hidden()
    expect(page.locator("#grid .card")).to_have_count(24)


def test_all_by_keyboard(watched, drawn: Shop) -> None:
    page = watched.visit()
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the results")).to_be_focused()
    for _ in range(3):
        page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Drop a photo here")).to_be_focused()
    with page.expect_file_chooser() as chooser:
        page.keyboard.press("Enter")
    chooser.value.set_files({"name": "lamp.jpg", "mimeType": "image/jpeg", "buffer": drawn.lamp})
    expect_found(page, drawn)
    expect(page.locator("#results-title")).to_be_focused()
    for _ in range(4):  # category, two prices, the first result
        page.keyboard.press("Tab")
    expect(page.locator("#grid .card-main").first).to_be_focused()
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    page.keyboard.press("Enter")
    expect(page.locator("#asked-what")).to_have_text("More like this photo")
    page.keyboard.press("Escape")
    expect(page.locator("#results-title")).to_have_text("From the catalogue")
    expect(page.get_by_role("button", name="Drop a photo here")).to_be_focused()


def test_what_is_no_photo_shows_the_servers_words(watched) -> None:
    page = watched.visit()
    bring(page, b"not a photo at all", "drop", name="lamp.jpg")
    expect(page.locator(".notice-title")).to_have_text("This is no JPEG, PNG, WebP or GIF photo")
    expect(page.locator(".notice-text")).to_have_text("Save it as JPEG or PNG and try again.")
    expect(page.get_by_role("status")).to_contain_text("This is no JPEG")
    expect(page.locator("#grid .card")).to_have_count(0)
    expect(page.locator("#guesses")).to_be_hidden()
    expect(page.locator("#asked-photo")).to_contain_text("No photo")
    page.wait_for_load_state("networkidle")
    assert all("400" in error for error in watched.errors)
    watched.errors.clear()


def test_a_heavy_photo_is_made_smaller_before_it_travels(watched, drawn: Shop) -> None:
    page = watched.visit()
    noise = page.evaluate(
        """async () => {
          const canvas = new OffscreenCanvas(1400, 1050);
          const pen = canvas.getContext("2d");
          pen.fillStyle = "#f4f1ea"; pen.fillRect(0, 0, 1400, 1050);
          pen.fillStyle = "#f0c060"; pen.beginPath(); pen.ellipse(700, 500, 300, 280, 0, 0, 7); pen.fill();
          const png = await canvas.convertToBlob({ type: "image/png" });
          const file = new File([png, new Uint8Array(2e6)], "big.png", { type: "image/png" });
          const transfer = new DataTransfer();
          transfer.items.add(file);
          document.body.dispatchEvent(
            new DragEvent("drop", { bubbles: true, cancelable: true, dataTransfer: transfer }));
          return file.size;
        }"""
    )
    assert noise > 200_000  # what this server takes
    expect(page.locator("#grid .score")).to_have_count(24)
    expect(page.locator("#grid .card-category").first).to_have_text("Home & Garden › Lamps")


def test_a_server_that_is_gone_is_said_and_can_be_tried_again(watched, drawn: Shop) -> None:
    page = watched.visit()
    page.route("**/v1/search*", lambda route: route.abort())
    bring(page, drawn.lamp, "drop")
    expect(page.locator(".notice-title")).to_have_text("The server cannot be reached")
    page.unroute("**/v1/search*")
    page.get_by_role("button", name="Try again").click()
    expect_found(page, drawn)
    assert all("ERR_FAILED" in error for error in watched.errors)
    watched.errors.clear()


def test_names_are_text_and_never_markup(watched) -> None:
    page = watched.visit("?category=Odd")
    expect(page.get_by_text("Odd <b>bold</b>")).to_be_visible()
    assert page.locator("#grid b").count() == 0
    page.get_by_role("button", name="Details of Odd a/b").click()
    expect(page.get_by_role("dialog").get_by_role("heading", level=2)).to_have_text("Odd a/b")


def test_a_photo_that_is_gone_leaves_a_quiet_sign(watched) -> None:
    page = watched.visit("?product=lamp-1")
    expect(page.get_by_role("dialog").locator(".product-stage")).to_contain_text("No photo")


def test_a_collection_without_labels_is_not_asked_for_any(watched, drawn: Shop) -> None:
    asked: list[str] = []
    watched.page.on("request", lambda request: asked.append(request.url))

    def without_labels(route: Route) -> None:
        facts = route.fetch().json()
        route.fulfill(json={**facts, "head": {**facts["head"], "labels": 0}})

    watched.page.route("**/v1/info", without_labels)
    page = watched.visit()
    bring(page, drawn.lamp, "drop")
    expect_found(page, drawn)
    page.wait_for_load_state("networkidle")
    expect(page.locator("#guesses")).to_be_hidden()
    assert any("/v1/search" in url for url in asked)
    assert not any("/v1/classify" in url for url in asked)


def test_without_facts_about_labels_the_page_asks_and_takes_no_for_an_answer(watched, drawn: Shop) -> None:
    watched.page.route("**/v1/info", lambda route: route.abort())
    watched.page.goto(watched.address)
    expect(watched.page.locator("#grid .card")).to_have_count(24)
    body = '{"error": {"status": 409, "code": "no_labels", "message": "no labels", "mend": ""}}'
    answer = {"status": 409, "body": body, "content_type": "application/json"}
    watched.page.route("**/v1/classify*", lambda route: route.fulfill(**answer))
    with watched.page.expect_response("**/v1/classify*"):
        bring(watched.page, drawn.lamp, "drop")
    expect_found(watched.page, drawn)
    expect(watched.page.locator("#guesses")).to_be_hidden()
    watched.errors.clear()


def test_on_a_phone(on_phone, drawn: Shop) -> None:
    page = on_phone.visit()
    expect(page.get_by_role("button", name="Choose a photo")).to_be_visible()
    expect(page.get_by_role("button", name="Take a photo")).to_be_visible()
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Take a photo").tap()
    assert chooser.value.element.get_attribute("capture") == "environment"
    chooser.value.set_files({"name": "lamp.jpg", "mimeType": "image/jpeg", "buffer": drawn.lamp})
    expect_found(page, drawn)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360  # nothing sticks out
    boxes = page.locator("#grid .card").evaluate_all(
        "cards => cards.slice(0, 3).map((c) => c.getBoundingClientRect().top)"
    )
    assert boxes[0] == boxes[1] < boxes[2]  # two columns
    expect(page.get_by_label("Category")).to_be_hidden()
    page.get_by_role("button", name="Filter").tap()
    page.get_by_label("Category").select_option("Clothes")
    expect(page.locator("#grid .card")).to_have_count(16)
    expect(page.get_by_role("button", name="Filter (1)")).to_be_visible()
    page.locator(".card-details").first.tap()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_be_visible()
    box = dialog.bounding_box()
    assert box is not None
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= 360
    page.go_back()  # the phone's back button closes it
    expect(dialog).to_be_hidden()


def test_the_documentation_page_works_offline(watched) -> None:
    watched.page.goto(f"{watched.address}docs")
    expect(watched.page.get_by_role("heading", name="Lookalike")).to_be_visible()
    expect(watched.page.get_by_text("/v1/search", exact=True)).to_be_visible()
