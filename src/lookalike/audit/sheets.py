"""Contact sheets: thumbnails in rows, with readable captions, as one JPEG."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image as PillowImage
from PIL import ImageDraw, ImageFont

from lookalike import images, jpeg
from lookalike.errors import PhotoError

WIDTH_PX = 1280
_THUMB_PX = 148
_LEAST_CARD_PX = 184
"""Room for a caption below a single photo."""
_GAP_PX = 12
_LINE_PX = 17
_TEXT_PX = 13
_TITLE_PX = 22
_PAPER, _INK, _FAINT, _ALARM, _FRAME = "#ffffff", "#1b1b1f", "#6a6a72", "#b3261e", "#d9d9de"


@dataclass(frozen=True)
class Card:
    """One finding: its photos side by side (relative paths), and lines of words; `alarm` prints the first in red."""

    photos: tuple[str, ...]
    lines: tuple[str, ...]
    alarm: bool = False


def contact_sheet(title: str, words: str, cards: Sequence[Card], root: Path) -> bytes:
    """Draw a contact sheet.

    Parameters
    ----------
    title, words : str
        The heading, and what the reader is to do with the sheet.
    cards : sequence of Card, at least one
        All with about as many photos; the widest decides how many stand in a row.
    root : path
        Photo root. A photo that cannot be read is a grey square.

    Returns
    -------
    bytes of a JPEG, 1,280 pixels wide
    """
    font, heading = ImageFont.load_default(_TEXT_PX), ImageFont.load_default(_TITLE_PX)
    card_width = max(_LEAST_CARD_PX, max(len(card.photos) for card in cards) * (_THUMB_PX + 4) - 4)
    per_row = max(1, (WIDTH_PX - _GAP_PX) // (card_width + 2 * _GAP_PX))
    pitch = (WIDTH_PX - 2 * _GAP_PX) // per_row
    height = _THUMB_PX + 6 + max(len(card.lines) for card in cards) * _LINE_PX + 2 * _GAP_PX
    wrapped = _wrapped(words, font, WIDTH_PX - 2 * _GAP_PX)
    top = 2 * _GAP_PX + _TITLE_PX + len(wrapped) * _LINE_PX + _GAP_PX
    page = PillowImage.new("RGB", (WIDTH_PX, top + -(-len(cards) // per_row) * height + _GAP_PX), _PAPER)
    draw = ImageDraw.Draw(page)
    draw.text((_GAP_PX, _GAP_PX), title, fill=_INK, font=heading)
    for number, line in enumerate(wrapped):
        draw.text((_GAP_PX, 2 * _GAP_PX + _TITLE_PX + number * _LINE_PX), line, fill=_FAINT, font=font)
    for number, card in enumerate(cards):
        row, column = divmod(number, per_row)
        left, upper = _GAP_PX + column * pitch, top + row * height
        for place, path in enumerate(card.photos):
            _paste(page, root, path, (left + place * (_THUMB_PX + 4), upper))
        for place, line in enumerate(card.lines):
            colour = (_ALARM if card.alarm else _INK) if place == 0 else _FAINT
            at = (left, upper + _THUMB_PX + 6 + place * _LINE_PX)
            draw.text(at, clipped(line, font, pitch - _GAP_PX), fill=colour, font=font)
    return jpeg.to_jpeg(page, quality=82)


def clipped(text: str, font: ImageFont.ImageFont | ImageFont.FreeTypeFont, width: int) -> str:
    """Shorten a line to a width in pixels, an ellipsis for what is left out."""
    text = " ".join(text.split())
    if font.getlength(text) <= width:
        return text
    while text and font.getlength(text + "…") > width:
        text = text[:-1]
    return text + "…"


def _wrapped(text: str, font: ImageFont.ImageFont | ImageFont.FreeTypeFont, width: int) -> list[str]:
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if font.getlength(longer) <= width:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines


def _paste(page: PillowImage.Image, root: Path, path: str, at: tuple[int, int]) -> None:
    """Paste a photo, centred in its square."""
    try:
        photo = images.decode(images.read_bytes(images.under(root, path)), min_side_px=_THUMB_PX)
    except PhotoError:
        photo = PillowImage.new("RGB", (_THUMB_PX, _THUMB_PX), _FRAME)
    photo.thumbnail((_THUMB_PX, _THUMB_PX), PillowImage.Resampling.LANCZOS)
    left, top = at[0] + (_THUMB_PX - photo.width) // 2, at[1] + (_THUMB_PX - photo.height) // 2
    page.paste(photo, (left, top))
    frame = (at[0] - 1, at[1] - 1, at[0] + _THUMB_PX, at[1] + _THUMB_PX)
    ImageDraw.Draw(page).rectangle(frame, outline=_FRAME)
