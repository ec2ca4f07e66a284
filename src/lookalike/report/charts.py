"""Charts as SVG text: pure functions from numbers to drawings, coloured by the page's style sheet."""

import html
import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

Points = Sequence[tuple[float, float]]
_WIDTH, _HEIGHT, _LEFT, _BOTTOM, _TOP, _RIGHT = 440, 260, 62, 38, 12, 16
SERIES = 8
"""Colours that the style sheet has for series, `.s0` to `.s7`."""
MOST_LABELS = 40
"""Labels past which a confusion matrix can no longer be read."""


@dataclass(frozen=True)
class Axes:
    """What a chart's axes are called, and how they run: from the data's least to its greatest, or as given.

    With `log_x`, and with `whole_x` where there are few, ticks stand at the points themselves.
    """

    x: str
    y: str
    x_range: tuple[float, float] | None = None
    y_range: tuple[float, float] | None = None
    log_x: bool = False
    whole_x: bool = False


def lines(series: Mapping[str, Points], axes: Axes, *, dashed: str = "") -> str:
    """Draw lines over each other; points that are not finite are left out. `dashed` names a line to compare with."""
    known = {
        name: [(a, b) for a, b in points if math.isfinite(a) and math.isfinite(b)] for name, points in series.items()
    }
    every = [point for points in known.values() for point in points]
    if not every:
        return '<p class="none">Nothing to draw.</p>'
    across = axes.x_range or (min(a for a, _ in every), max(a for a, _ in every))
    along = axes.y_range or (min(b for _, b in every), max(b for _, b in every))
    at_x = _scale(*across, _LEFT, _WIDTH - _RIGHT, log=axes.log_x)
    at_y = _scale(*along, _HEIGHT - _BOTTOM, _TOP)
    parts = [_frame(axes.x, axes.y), *_y_ticks(along, at_y), *_x_ticks(across, {a for a, _ in every}, at_x, axes)]
    for place, (name, points) in enumerate(known.items()):
        kind = "reference" if name == dashed else f"s{place % SERIES}"
        path = " ".join(f"{at_x(a):.1f},{at_y(b):.1f}" for a, b in points)
        title = html.escape(f"{name}: " + ", ".join(f"{number(a)}: {number(b)}" for a, b in points[-12:]))
        parts.append(f'<polyline class="line {kind}" points="{path}"><title>{title}</title></polyline>')
        if name != dashed:
            parts += [f'<circle class="dot {kind}" r="2.5" cx="{at_x(a):.1f}" cy="{at_y(b):.1f}"/>' for a, b in points]
    drawn = f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{html.escape(f"{axes.y} by {axes.x}")}">'
    return drawn + "".join(parts) + "</svg>"


def _y_ticks(along: tuple[float, float], at: Callable[[float], float]) -> list[str]:
    parts: list[str] = []
    for value in ticks(*along):
        y = at(value)
        parts.append(f'<line class="grid" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(f'<text class="tick" x="{_LEFT - 5}" y="{y + 4:.1f}" text-anchor="end">{number(value)}</text>')
    return parts


def _x_ticks(
    across: tuple[float, float], places: Collection[float], at: Callable[[float], float], axes: Axes
) -> list[str]:
    shown = sorted(places) if axes.log_x or (axes.whole_x and len(places) <= 10) else ticks(*across)
    return [
        f'<text class="tick" x="{at(a):.1f}" y="{_HEIGHT - _BOTTOM + 16}" text-anchor="middle">{number(a)}</text>'
        for a in shown
        if not axes.whole_x or a == round(a)
    ]


def reliability(bins: Sequence[Mapping[str, float]]) -> str:
    """Draw accuracy over confidence, with the diagonal that a calibrated classifier follows."""
    ours = [(float(one["confidence"]), float(one["accuracy"])) for one in bins]
    return lines(
        {"classifier": ours, "calibrated": [(0.0, 0.0), (1.0, 1.0)]},
        Axes("confidence", "accuracy", (0, 1), (0, 1)),
        dashed="calibrated",
    )


def heat_map(labels: Sequence[str], counts: Sequence[Sequence[int]]) -> str:
    """Draw a confusion matrix: rows true, columns predicted, shaded by share of the row, counts in the cells."""
    n = len(labels)
    cell = max(20, min(30, 620 // max(n, 1)))
    margin = 8 + 6 * max((min(len(label), 22) for label in labels), default=0)
    size = margin + n * cell + 4
    parts: list[str] = []
    for row, label in enumerate(labels):
        total = sum(counts[row])
        name = html.escape(label if len(label) <= 22 else "…" + label[-21:])
        middle = margin + row * cell + cell / 2
        parts.append(f'<text class="tick" x="{margin - 4}" y="{middle + 4:.0f}" text-anchor="end">{name}</text>')
        parts.append(
            f'<text class="tick" transform="translate({middle + 4:.0f},{margin - 4}) rotate(-90)">{name}</text>'
        )
        for column, count in enumerate(counts[row]):
            share = count / total if total else 0.0
            what = html.escape(f"{label}, called {labels[column]}: {count} of {total}")
            kind = "right" if row == column else "wrong"
            parts.append(
                f'<g><title>{what}</title><rect class="cell {kind}" style="--share:{share:.3f}" '
                f'x="{margin + column * cell}" y="{margin + row * cell}" width="{cell}" height="{cell}"/>'
                + (
                    f'<text class="count" x="{margin + column * cell + cell / 2:.0f}" y="{middle + 3:.0f}" '
                    f'text-anchor="middle">{count}</text>'
                    if count
                    else ""
                )
                + "</g>"
            )
    return (
        f'<div class="scroll"><svg class="matrix" viewBox="0 0 {size} {size}" style="width:{size}px" role="img" '
        f'aria-label="Confusion matrix, rows true, columns predicted">{"".join(parts)}</svg></div>'
    )


def scatter(points: Sequence[tuple[float, float, int]]) -> str:
    """Draw places (x, y in [0, 1], series) as dots; a script shows the thumbnail of the n-th where it is pointed at."""
    parts = [
        f'<circle class="dot {key(series)}" r="4" cx="{12 + x * 696:.1f}" cy="{12 + (1 - y) * 456:.1f}"/>'
        for x, y, series in points
    ]
    told = "Map of the catalogue: arrow keys go from photo to photo"
    return f'<svg class="map" viewBox="0 0 720 480" tabindex="0" role="img" aria-label="{told}">{"".join(parts)}</svg>'


def key(series: int) -> str:
    """The classes of a series' colour and filling: 24 kinds can be told apart."""
    return f"s{series % SERIES} g{series // SERIES % 3}"


def ticks(low: float, high: float) -> list[float]:
    """Choose about five round numbers from low to high."""
    span = high - low
    if span <= 0:
        return [low]
    step = 10 ** math.floor(math.log10(span / 4))
    step = next(step * times for times in (1, 2, 2.5, 5, 10) if span / (step * times) <= 5)
    first = math.ceil(low / step - 1e-9)
    return [round(place * step, 12) for place in range(first, math.floor(high / step + 1e-9) + 1)]


def number(value: float) -> str:
    """Write a number shortly: no more than three digits that tell."""
    return f"{value:.3g}" if abs(value) < 1000 else f"{value:,.0f}"


def legend(names: Sequence[str]) -> str:
    """Name the series of the charts above, in their order."""
    shown = [f'<li><span class="key {key(place)}"></span>{html.escape(name)}</li>' for place, name in enumerate(names)]
    return f'<ul class="legend">{"".join(shown)}</ul>'


def _frame(x: str, y: str) -> str:
    return (
        f'<line class="axis" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{_HEIGHT - _BOTTOM}" y2="{_HEIGHT - _BOTTOM}"/>'
        f'<text class="name" x="{(_LEFT + _WIDTH) / 2}" y="{_HEIGHT - 4}" text-anchor="middle">{html.escape(x)}</text>'
        f'<text class="name" transform="translate(12,{_HEIGHT / 2}) rotate(-90)" text-anchor="middle">'
        f"{html.escape(y)}</text>"
    )


def _scale(low: float, high: float, start: float, end: float, *, log: bool = False) -> Callable[[float], float]:
    change = _log if log else float
    span = (change(high) - change(low)) or 1.0

    def at(value: float) -> float:
        return start + (change(value) - change(low)) / span * (end - start)

    return at


def _log(value: float) -> float:
    return math.log10(max(value, 1e-12))
