"""Charts as SVG text: pure functions from numbers to drawings, coloured by the page's style sheet."""

import html
import math
from collections.abc import Callable, Mapping, Sequence

Points = Sequence[tuple[float, float]]
_WIDTH, _HEIGHT, _LEFT, _BOTTOM, _TOP, _RIGHT = 520, 260, 48, 34, 12, 14
SERIES = 8
"""Colours that the style sheet has for series, `.s0` to `.s7`."""


def lines(
    series: Mapping[str, Points], *, x: str, y: str, y_range: tuple[float, float] | None = None, log_x: bool = False
) -> str:
    """Draw lines over each other, named in a legend where there are few; points that are not finite are left out."""
    known = {
        name: [(a, b) for a, b in points if math.isfinite(a) and math.isfinite(b)] for name, points in series.items()
    }
    every = [point for points in known.values() for point in points]
    if not every:
        return '<p class="none">Nothing to draw.</p>'
    scale_x = _scale([_log(a) if log_x else a for a, _ in every], None, _LEFT, _WIDTH - _RIGHT)
    scale_y = _scale([b for _, b in every], y_range, _HEIGHT - _BOTTOM, _TOP)
    parts = [_frame(x, y)]
    low, high = y_range or (min(b for _, b in every), max(b for _, b in every))
    for value in ticks(low, high):
        at = scale_y(value)
        parts.append(f'<line class="grid" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{at:.1f}" y2="{at:.1f}"/>')
        parts.append(f'<text class="tick" x="{_LEFT - 5}" y="{at + 4:.1f}" text-anchor="end">{number(value)}</text>')
    places = sorted({a for a, _ in every})
    for a in places if len(places) <= 9 else places[:: math.ceil(len(places) / 9)]:
        at = scale_x(_log(a) if log_x else a)
        parts.append(
            f'<text class="tick" x="{at:.1f}" y="{_HEIGHT - _BOTTOM + 15}" text-anchor="middle">{number(a)}</text>'
        )
    for place, (name, points) in enumerate(known.items()):
        path = " ".join(f"{scale_x(_log(a) if log_x else a):.1f},{scale_y(b):.1f}" for a, b in points)
        title = html.escape(f"{name}: " + ", ".join(f"{number(a)}: {number(b)}" for a, b in points[-12:]))
        parts.append(f'<polyline class="line s{place % SERIES}" points="{path}"><title>{title}</title></polyline>')
        parts += [
            f'<circle class="dot s{place % SERIES}" r="2.5" cx="{scale_x(_log(a) if log_x else a):.1f}" '
            f'cy="{scale_y(b):.1f}"/>'
            for a, b in points
        ]
    drawn = f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{html.escape(f"{y} by {x}")}">'
    return drawn + "".join(parts) + "</svg>" + _legend(list(known))


def reliability(bins: Sequence[Mapping[str, float]]) -> str:
    """Draw accuracy over confidence, with the diagonal that a calibrated classifier follows."""
    ours = [(float(one["confidence"]), float(one["accuracy"])) for one in bins]
    return lines(
        {"classifier": ours, "perfect": [(0.0, 0.0), (1.0, 1.0)]}, x="confidence", y="accuracy", y_range=(0, 1)
    )


def heat_map(labels: Sequence[str], counts: Sequence[Sequence[int]]) -> str:
    """Draw a confusion matrix: rows true, columns predicted, shaded by share of the row, counts in the cells."""
    n = len(labels)
    cell = max(14, min(30, 620 // max(n, 1)))
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
        f'<svg class="matrix" viewBox="0 0 {size} {size}" style="max-width:{size}px" role="img" '
        f'aria-label="Confusion matrix, rows true, columns predicted">{"".join(parts)}</svg>'
    )


def scatter(points: Sequence[tuple[float, float, int, int]], names: Sequence[str]) -> str:
    """Draw places (x, y in [0, 1], series, image number) as dots that a script shows thumbnails for."""
    parts = [
        f'<circle class="dot s{series % SERIES} g{series // SERIES % 3}" tabindex="0" data-i="{image}" '
        f'r="4" cx="{12 + x * 696:.1f}" cy="{12 + (1 - y) * 456:.1f}"/>'
        for x, y, series, image in points
    ]
    drawn = '<svg class="map" viewBox="0 0 720 480" role="img" aria-label="Map of the catalogue">'
    return drawn + "".join(parts) + "</svg>" + _legend(names)


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


def _legend(names: Sequence[str]) -> str:
    if len(names) < 2:
        return ""
    shown = [
        f'<li><span class="key s{place % SERIES} g{place // SERIES % 3}"></span>{html.escape(name)}</li>'
        for place, name in enumerate(names)
    ]
    return f'<ul class="legend">{"".join(shown)}</ul>'


def _frame(x: str, y: str) -> str:
    return (
        f'<line class="axis" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{_HEIGHT - _BOTTOM}" y2="{_HEIGHT - _BOTTOM}"/>'
        f'<text class="name" x="{(_LEFT + _WIDTH) / 2}" y="{_HEIGHT - 4}" text-anchor="middle">{html.escape(x)}</text>'
        f'<text class="name" transform="translate(11,{_HEIGHT / 2}) rotate(-90)" text-anchor="middle">'
        f"{html.escape(y)}</text>"
    )


def _scale(
    values: Sequence[float], fixed: tuple[float, float] | None, start: float, end: float
) -> Callable[[float], float]:
    low, high = fixed or (min(values), max(values))
    span = (high - low) or 1.0

    def at(value: float) -> float:
        return start + (value - low) / span * (end - start)

    return at


def _log(value: float) -> float:
    return math.log10(max(value, 1e-12))
