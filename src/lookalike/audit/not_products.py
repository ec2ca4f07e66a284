"""Photos that are no product photos: blank, only text, tiny, or extremely thin. Simple measures, few false alarms.

The thresholds were set on 6,228 photos of goods (clothes at home, the drawn sample shop), none of which may be
reported, and on 120 drawn pages of text. `docs/audit.md` has the figures.
"""

from collections import deque
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl
from PIL import Image as PillowImage

from lookalike import images
from lookalike.audit.config import Photos
from lookalike.cores import cores
from lookalike.errors import PhotoError

BLANK, TEXT, TINY, THIN = "blank", "text only", "tiny", "thin"

LEAST_SIDE_PX = 64
"""Photos whose shorter side has fewer pixels are tiny."""
MOST_STRETCH = 4.0
"""Photos more than this many times as long as they are wide are thin."""
LEAST_SPREAD = 24.0
"""Photos whose colours spread over fewer of the 256 levels are blank."""
LEAST_GROUND = 0.65
MOST_INK = 0.25
MOST_BETWEEN = 0.2
LEAST_STROKES = 3.5
LEAST_LINES = 2
LEAST_FLAT = 0.45
LEAST_FOUR_COLOURS = 0.7
"""What text looks like; see `is_text`."""

SCHEMA = pl.Schema(
    {
        "rank": pl.Int64(),
        "reason": pl.String(),
        "score": pl.Float64(),
        "detail": pl.String(),
        "image_id": pl.String(),
        "product_id": pl.String(),
        "category": pl.String(),
        "width": pl.Int64(),
        "height": pl.Int64(),
        "split": pl.String(),
        "path": pl.String(),
    }
)
_SIDE_PX = 384
_SMALL_PX = 64
_NEAR_GROUND = 20
_INK = 60
_FLAT = 4
_AHEAD = 256

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Measures:
    """What is measured of a photo, reduced to a longer side of 384 pixels.

    `spread` is how far the colours of a 64 x 64 copy reach in the widest channel, 1st to 99th percentile, in levels of
    256. The ground is the most common colour: `ground` the share of pixels within 20 levels of it, `ink` the share more
    than 60 away, `between` the rest. `strokes` is the median number of runs of ink in the rows that have ink, `lines`
    the number of bands of such rows. `flat` is the share of pixels like both the next and the one below to 4 levels.
    `four_colours` is the share of the four most common of 4,096 coarse colours.
    """

    spread: float
    ground: float
    ink: float
    strokes: float
    lines: int
    flat: float
    four_colours: float

    @property
    def between(self) -> float:
        """The share of pixels that are neither ground nor ink."""
        return 1 - self.ground - self.ink


def measure(photo: PillowImage.Image) -> Measures:
    """Measure an upright RGB photo."""
    scale = _SIDE_PX / max(photo.size)
    if scale < 1:
        size = (max(2, round(photo.width * scale)), max(2, round(photo.height * scale)))
        photo = photo.resize(size, PillowImage.Resampling.BOX)
    small = np.asarray(photo.resize((_SMALL_PX, _SMALL_PX), PillowImage.Resampling.BOX), np.float64).reshape(-1, 3)
    spread = (np.quantile(small, 0.99, axis=0) - np.quantile(small, 0.01, axis=0)).max()
    pixels = np.asarray(photo, np.int16)
    coarse = pixels >> 4
    colours = (coarse[..., 0] << 8) | (coarse[..., 1] << 4) | coarse[..., 2]
    counts = np.bincount(colours.ravel(), minlength=4096)
    away = np.abs(pixels - np.median(pixels[colours == counts.argmax()], axis=0)).max(axis=2)
    ink = away > _INK
    starts = np.diff(ink.astype(np.int8), axis=1, prepend=0) == 1
    inked = ink.any(axis=1)
    return Measures(
        spread=float(spread),
        ground=float((away <= _NEAR_GROUND).mean()),
        ink=float(ink.mean()),
        strokes=float(np.median(starts.sum(axis=1)[inked])) if inked.any() else 0.0,
        lines=int((np.diff(inked.astype(np.int8), prepend=0) == 1).sum()),
        flat=_flat_share(pixels),
        four_colours=float(np.sort(counts)[-4:].sum() / counts.sum()),
    )


def is_text(measured: Measures) -> bool:
    """Tell a page of text (a screenshot, a price list, a placeholder with words) from a photo.

    Text is a flat ground of one colour with little ink, hardly anything between the two, many strokes in each row of
    ink, and rows without ink between the lines. A thing on a white ground has few strokes a row or colours of its own;
    a bicycle has strokes enough, but no empty rows.
    """
    return (
        measured.ground >= LEAST_GROUND
        and measured.ink <= MOST_INK
        and measured.between <= MOST_BETWEEN
        and measured.strokes >= LEAST_STROKES
        and measured.lines >= LEAST_LINES
        and measured.flat >= LEAST_FLAT
        and measured.four_colours >= LEAST_FOUR_COLOURS
    )


def find_not_products(photos: Photos, root: Path, progress: Progress | None = None) -> tuple[pl.DataFrame, int]:
    """Find photos that show no product, or too little of one.

    Returns
    -------
    DataFrame with the columns of `SCHEMA`, one row for each photo and reason, by reason and then surest first (`score`
    in [0, 1], higher is surer); and how many photos could not be read any more.
    """
    facts = photos.frame.select("image_id", "product_id", "category", "width", "height", "split", "path")
    found: list[tuple[int, str, float, str]] = []
    unread = 0
    for row, measured in enumerate(_measured(facts["path"].to_list(), root)):
        width, height = facts["width"][row], facts["height"][row]
        found.extend((row, *each) for each in _by_size(width, height))
        if measured is None:
            unread += 1
        else:
            found.extend((row, *each) for each in _by_looks(measured))
        if progress is not None:
            progress(row + 1, facts.height)
    rows = [row for row, *_ in found]
    named = pl.DataFrame(
        [each[1:] for each in found],
        schema={"reason": pl.String, "score": pl.Float64, "detail": pl.String},
        orient="row",
    )
    order = pl.col("reason").replace_strict({BLANK: 0, TEXT: 1, TINY: 2, THIN: 3}, return_dtype=pl.Int64)
    frame = pl.concat([facts[rows], named], how="horizontal").sort(order, -pl.col("score"), "image_id")
    return frame.with_columns(pl.Series("rank", np.arange(1, len(rows) + 1), pl.Int64)).select(list(SCHEMA)), unread


def _by_size(width: int, height: int) -> Generator[tuple[str, float, str]]:
    short, long = sorted((width, height))
    if short < LEAST_SIDE_PX:
        yield TINY, 1 - short / LEAST_SIDE_PX, f"{width} x {height} pixels"
    if long > MOST_STRETCH * short:
        yield THIN, 1 - MOST_STRETCH * short / long, f"{width} x {height} pixels"


def _by_looks(measured: Measures) -> Generator[tuple[str, float, str]]:
    if measured.spread < LEAST_SPREAD:
        yield BLANK, 1 - measured.spread / LEAST_SPREAD, f"spread {measured.spread:.0f} of 256 levels"
    elif is_text(measured):
        yield TEXT, measured.ground, f"{measured.lines} lines, {measured.strokes:.0f} strokes in a row"


def _measured(paths: Sequence[str], root: Path) -> Generator[Measures | None]:
    """Measure photos in threads, a bounded number ahead, in order; None where one cannot be read."""

    def work(path: str) -> Measures | None:
        try:
            data = images.read_bytes(images.under(root, path))
            return measure(images.decode(data, min_side_px=_SIDE_PX // 2))
        except PhotoError:
            return None

    ahead: deque[Future[Measures | None]] = deque()
    with ThreadPoolExecutor(cores(), "measure") as pool:
        for path in paths:
            ahead.append(pool.submit(work, path))
            if len(ahead) > _AHEAD:
                yield ahead.popleft().result()
        while ahead:
            yield ahead.popleft().result()


def _flat_share(pixels: npt.NDArray[np.int16]) -> float:
    down = np.abs(np.diff(pixels, axis=0))[:, :-1].max(axis=2, initial=0) <= _FLAT
    across = np.abs(np.diff(pixels, axis=1))[:-1].max(axis=2, initial=0) <= _FLAT
    return float((down & across).mean()) if down.size else 1.0
