"""What is measured of one photo, or of two: on drawn pictures whose answer is known, and on the real ones."""

import numpy as np
import pytest
from faulty_shop import HUES, draw_page, draw_thing
from PIL import Image as PillowImage
from PIL import ImageDraw, ImageEnhance, ImageFilter, ImageOps

from lookalike import images
from lookalike.audit.likeness import likeness, sketch
from lookalike.audit.not_products import LEAST_SPREAD, is_text, measure
from lookalike.audit.sheets import Card, clipped, contact_sheet

THING = draw_thing(HUES["red"], 1)


def cut(photo: PillowImage.Image, left: float, top: float, right: float, bottom: float) -> PillowImage.Image:
    width, height = photo.size
    return photo.crop((round(left * width), round(top * height), round(right * width), round(bottom * height)))


@pytest.mark.parametrize(
    "copy",
    [
        THING,
        THING.resize((160, 120)),
        ImageOps.mirror(THING),
        cut(THING, 0.1, 0.05, 0.9, 0.95),
        ImageOps.mirror(cut(THING, 0.25, 0.2, 1, 1)),
        ImageEnhance.Brightness(THING).enhance(1.2),
        ImageEnhance.Color(THING).enhance(0.2),
        THING.filter(ImageFilter.GaussianBlur(0.7)),
        THING.resize((180, 180)),
    ],
    ids=["itself", "smaller", "mirrored", "cut", "cut and mirrored", "brighter", "paler", "blurred", "squeezed"],
)
def test_copies_are_the_same_picture(copy: PillowImage.Image) -> None:
    assert likeness(sketch(THING), sketch(copy)) > 0.7
    assert likeness(sketch(copy), sketch(THING)) > 0.7


def test_another_thing_in_the_same_place_and_light_is_not_the_same_picture() -> None:
    others = [likeness(sketch(THING), sketch(draw_thing(HUES["red"], seed))) for seed in range(2, 12)]
    assert max(others) < 0.5


def test_a_changed_middle_is_not_the_same_picture() -> None:
    """The same outline and background, as two trousers before one wall have them."""
    changed = THING.copy()
    changed.paste(draw_thing(HUES["red"], 5).crop((50, 30, 190, 150)), (50, 30))
    assert likeness(sketch(THING), sketch(changed)) < 0.7


def test_a_photo_of_one_pixel_can_be_compared_and_measured() -> None:
    dot = PillowImage.new("RGB", (1, 1), "red")
    assert -1 <= likeness(sketch(dot), sketch(THING)) <= 1
    assert measure(dot).spread == 0


def test_measures_of_two_bars_by_hand() -> None:
    """100 x 100, white; two bars of black, each 10 wide and 20 high, in the same rows: 400 of 10,000 pixels."""
    photo = PillowImage.new("RGB", (100, 100), "white")
    for left in (20, 60):
        ImageDraw.Draw(photo).rectangle((left, 40, left + 9, 59), fill="black")
    measured = measure(photo)
    assert measured.ink == pytest.approx(0.04)
    assert measured.ground == pytest.approx(0.96)
    assert measured.between == pytest.approx(0)
    assert (measured.strokes, measured.lines, measured.four_colours) == (2.0, 1, 1.0)
    # flat counts 99 x 99 pixels; a bar's edges break 20 to the left and 20 at its right, 10 above, 10 below: 60, of
    # which the last one of the bar (bottom right) is counted twice: 59 each
    assert measured.flat == pytest.approx(1 - 2 * 59 / 99**2)
    assert not is_text(measured), "one band is no text"


def test_pages_are_text_whatever_their_colours() -> None:
    page = draw_page()
    assert is_text(measure(page))
    assert is_text(measure(ImageOps.invert(page)))
    assert is_text(measure(page.resize((1200, 1000))))


def test_a_placeholder_of_a_few_big_words_is_text() -> None:
    page = PillowImage.new("RGB", (600, 600), "#e8e8e8")
    for place, words in enumerate(("photo coming", "soon, please", "ask for one")):
        ImageDraw.Draw(page).text((60, 180 + 80 * place), words, fill="#333333", font_size=60)
    assert is_text(measure(page))


@pytest.mark.parametrize("hue", sorted(HUES))
def test_things_are_neither_text_nor_blank(hue: str) -> None:
    for seed in range(5):
        measured = measure(draw_thing(HUES[hue], seed))
        assert not is_text(measured)
        assert measured.spread > LEAST_SPREAD


def test_wires_on_a_white_ground_are_no_text() -> None:
    """A bicycle or a lattice: strokes enough in each row, but no empty rows between."""
    photo = PillowImage.new("RGB", (384, 384), "white")
    for place in range(60, 330, 30):
        ImageDraw.Draw(photo).line((place, 60, place, 320), fill="black", width=3)
    measured = measure(photo)
    assert measured.strokes >= 4
    assert not is_text(measured)


def test_grain_does_not_hide_a_blank() -> None:
    grain = np.random.default_rng(0).normal(200, 8, (300, 300, 3)).clip(0, 255).astype(np.uint8)
    assert measure(PillowImage.fromarray(grain)).spread < LEAST_SPREAD


def test_long_captions_are_clipped_and_missing_photos_are_squares(tmp_path) -> None:
    sheet = contact_sheet("Title", "words " * 60, [Card(("gone.jpg",), ("x" * 300, "two"))] * 9, tmp_path)
    assert images.facts(sheet).width == 1280
    from PIL import ImageFont

    font = ImageFont.load_default(13)
    assert clipped("short", font, 100) == "short"
    assert clipped("a long\nline of words", font, 60).endswith("…")
    assert font.getlength(clipped("m" * 99, font, 60)) <= 60


@pytest.mark.shared
def test_real_photos_of_clothes_are_neither_text_nor_blank(clothing) -> None:
    for path in sorted((clothing / "images").iterdir())[::20]:
        measured = measure(images.decode(images.read_bytes(path), min_side_px=192))
        assert not is_text(measured), path.name
        assert measured.spread > LEAST_SPREAD, path.name
