"""What all benchmarks share: contestants that take turns, medians and ratios of one run, a kept file and a picture.

Ratios are taken turn by turn, so that a machine whose speed drifts does not favour whoever ran first. What is kept goes
to `benchmarks/results/<date>-<machine>-<name>.json`, with the machine and the versions in it, and an SVG beside it.
"""

import hashlib
import html
import json
import math
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from lookalike.allocator import keep_freed_memory
from lookalike.artifacts import installed, typed_command

ROOT = Path(__file__).resolve().parents[1]
CLOTHING = Path(os.environ.get("BENCH_PHOTOS") or ROOT.parent / "shared" / "data" / "clothing")
"""The real photos that benchmarks run on unless told otherwise: images.csv (image, sender_id, label) and images/."""

_FOLDER = Path(__file__).resolve().parent / "results"
_PACKAGES = (
    "lookalike",
    "faiss-cpu",
    "openvino",
    "numpy",
    "polars",
    "torch",
    "timm",
    "pillow",
    "simplejpeg",
    "cykooz-resizer",
)
_BAR_PX, _ROW_PX, _LEFT_PX, _WIDTH_PX = 16, 28, 220, 760

Seconds = dict[str, list[float]]

keep_freed_memory()  # as the command line does, and before anything is measured


def alternate(contestants: Mapping[str, Callable[[], object]], *, repeats: int = 5, warmups: int = 1) -> Seconds:
    """Run all contestants in turn, `repeats` times after `warmups` that do not count; seconds of each turn."""
    seconds: Seconds = {name: [] for name in contestants}
    for turn in range(warmups + repeats):
        for name, run in contestants.items():
            started = time.perf_counter()
            run()
            if turn >= warmups:
                seconds[name].append(time.perf_counter() - started)
    return seconds


def rates(seconds: Mapping[str, Sequence[float]], units: Mapping[str, int] | int) -> dict[str, float]:
    """Units a second of each contestant, by its median turn; `units` is the work of a turn."""
    each = units if isinstance(units, Mapping) else dict.fromkeys(seconds, units)
    return {name: each[name] / statistics.median(turns) for name, turns in seconds.items()}


def turn_ratios(
    seconds: Mapping[str, Sequence[float]], ours: str, units: Mapping[str, int] | int = 1
) -> dict[str, list[float]]:
    """How many times faster `ours` is than each contestant, turn by turn."""
    each = units if isinstance(units, Mapping) else dict.fromkeys(seconds, units)
    return {
        name: [(theirs / each[name]) / (mine / each[ours]) for theirs, mine in zip(turns, seconds[ours], strict=True)]
        for name, turns in seconds.items()
    }


def times_faster(
    seconds: Mapping[str, Sequence[float]], ours: str, units: Mapping[str, int] | int = 1
) -> dict[str, float]:
    """How many times faster `ours` is than each contestant: the median of the ratios turn by turn."""
    return {name: statistics.median(ratios) for name, ratios in turn_ratios(seconds, ours, units).items()}


def percentiles(values: Sequence[float]) -> dict[str, float]:
    """p50, p90 and p99 of the values: the least value that so many of a hundred do not exceed."""
    ordered = sorted(values)
    return {f"p{p}": ordered[min(len(ordered) - 1, -(-len(ordered) * p // 100) - 1)] for p in (50, 90, 99)}


def machine() -> str:
    """The processor's name and the number of cores that this process may use."""
    name = platform.machine()
    info = Path("/proc/cpuinfo")
    if info.is_file():
        lines = info.read_text(encoding="utf-8").splitlines()
        name = next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), name)
    return f"{name}, {len(os.sched_getaffinity(0))} cores"


def collection_code() -> str:
    """A digest of the code that fills and indexes collections: what another wrote says nothing of this one."""
    digest = hashlib.sha256()
    for file in sorted((ROOT / "src" / "lookalike" / "collection").glob("*.py")):
        digest.update(file.read_bytes())
    return digest.hexdigest()[:16]


def command() -> str:
    """The command as it was typed, of folders only their names: where they lie here says nothing to others."""
    told = typed_command()
    for argument in sys.argv[1:]:
        place = argument.rpartition("=")[2]
        if Path(place).is_absolute():
            told = told.replace(place, f".../{Path(place).name}")
    return told


def keep(name: str, measured: Mapping[str, object], picture: str) -> Path:
    """Print what was measured as one JSON line and keep it, with its picture (SVG) beside; returns the JSON file."""
    print(json.dumps(measured))
    _FOLDER.mkdir(exist_ok=True)
    now = datetime.now(UTC)
    told = {
        "benchmark": name,
        "date": now.isoformat(timespec="seconds"),
        "command": command(),
        "machine": machine(),
        "versions": installed(*_PACKAGES),
        **measured,
    }
    file = _FOLDER / f"{now:%Y-%m-%d}-{platform.machine()}-{len(os.sched_getaffinity(0))}cores-{name}.json"
    file.write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")
    file.with_suffix(".svg").write_text(picture, encoding="utf-8")
    print(file)
    return file


def bars(title: str, values: Mapping[str, float], *, unit: str, ours: str | None = None) -> str:
    """Draw horizontal bars, named and numbered, as a standalone SVG; `ours` stands out."""
    most = max(values.values(), default=1.0) or 1.0
    height = 44 + _ROW_PX * len(values)
    left = max(_LEFT_PX, 7 * max(map(len, values), default=0) + 16)
    room = _WIDTH_PX - left - 110
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH_PX} {height}" '
        'font-family="system-ui, sans-serif" font-size="13">'
        f'<rect width="100%" height="100%" fill="#fff"/><text x="12" y="24" font-size="15">{html.escape(title)}</text>'
    ]
    for place, (name, value) in enumerate(values.items()):
        top, length = 40 + place * _ROW_PX, max(1.0, room * value / most)
        shown = f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"
        parts.append(
            f'<text x="{left - 8}" y="{top + 13}" text-anchor="end">{html.escape(name)}</text>'
            f'<rect x="{left}" y="{top}" width="{length:.1f}" height="{_BAR_PX}" '
            f'fill="{"#c2410c" if name == ours else "#94a3b8"}"/>'
            f'<text x="{left + length + 6:.1f}" y="{top + 13}">{html.escape(f"{shown} {unit}".rstrip())}</text>'
        )
    return "".join(parts) + "</svg>\n"


def curves(title: str, series: Mapping[str, Mapping[int, float]], *, x: str) -> str:
    """Draw positive values by count on logarithmic axes, a named line each, as a standalone SVG."""
    points = [(count, value) for line in series.values() for count, value in line.items() if value > 0]
    width, height, left, top, right, bottom = _WIDTH_PX, 420, 70, 44, 150, 50
    spans = [(math.log(min(axis)), math.log(max(axis))) for axis in zip(*points, strict=True)]

    def place(axis: int, value: float) -> float:
        low, high = spans[axis]
        share = (math.log(value) - low) / ((high - low) or 1)
        return left + share * (width - left - right) if axis == 0 else height - bottom - share * (height - top - bottom)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="system-ui, sans-serif" '
        f'font-size="13"><rect width="100%" height="100%" fill="#fff"/>'
        f'<text x="12" y="24" font-size="15">{html.escape(title)}</text>'
        f'<text x="{(left + width - right) / 2}" y="{height - 10}" text-anchor="middle">{html.escape(x)}</text>'
    ]
    for count in sorted({count for count, _ in points}):
        at = place(0, count)
        parts.append(
            f'<line x1="{at:.1f}" x2="{at:.1f}" y1="{top}" y2="{height - bottom}" stroke="#e2e8f0"/>'
            f'<text x="{at:.1f}" y="{height - bottom + 18}" text-anchor="middle">{count:,}</text>'
        )
    for power in range(math.floor(spans[1][0] / math.log(10)) + 1, math.floor(spans[1][1] / math.log(10)) + 1):
        at = place(1, 10.0**power)
        parts.append(
            f'<line x1="{left}" x2="{width - right}" y1="{at:.1f}" y2="{at:.1f}" stroke="#e2e8f0"/>'
            f'<text x="{left - 8}" y="{at + 4:.1f}" text-anchor="end">{10.0**power:g}</text>'
        )
    free = float(height)
    colours = ("#c2410c", "#0369a1", "#15803d", "#7e22ce", "#b45309", "#334155", "#be123c")
    for number, (name, line) in enumerate(sorted(series.items(), key=lambda named: -place(1, named[1][max(named[1])]))):
        colour, last = colours[number % len(colours)], max(line)
        path = " ".join(f"{place(0, count):.1f},{place(1, value):.1f}" for count, value in sorted(line.items()))
        free = min(free - 15, place(1, line[last]) + 4)
        parts.append(
            f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>'
            f'<text x="{width - right + 8}" y="{free:.1f}" fill="{colour}">{html.escape(name)}</text>'
        )
    return "".join(parts) + "</svg>\n"


def scatter(title: str, series: Mapping[str, Sequence[tuple[float, float]]], axes: tuple[str, str]) -> str:
    """Draw points, those of a series joined by a line and named at its last, as a standalone SVG."""
    points = [point for line in series.values() for point in line]
    lows, highs = (tuple(pick(axis) for axis in zip(*points, strict=True)) for pick in (min, max))
    width, height, left, top, right, bottom = _WIDTH_PX, 480, 64, 44, 90, 50

    def place(point: tuple[float, float]) -> tuple[float, float]:
        x, y = ((value - low) / ((high - low) or 1) for value, low, high in zip(point, lows, highs, strict=True))
        return left + x * (width - left - right), height - bottom - y * (height - top - bottom)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="system-ui, sans-serif" '
        f'font-size="13"><rect width="100%" height="100%" fill="#fff"/>'
        f'<text x="12" y="24" font-size="15">{html.escape(title)}</text>'
        f'<path d="M{left - 8} {top}V{height - bottom + 8}H{width - right}" fill="none" stroke="#94a3b8"/>'
        f'<text x="{(left + width - right) / 2}" y="{height - 10}" text-anchor="middle">{html.escape(axes[0])}</text>'
        f'<text x="14" y="{height / 2}" text-anchor="middle" transform="rotate(-90 14 {height / 2})">'
        f"{html.escape(axes[1])}</text>"
    ]
    for (x, y), corner in ((place(lows), lows), (place(highs), highs)):
        parts.append(
            f'<text x="{x:.1f}" y="{height - bottom + 24}" text-anchor="middle">{corner[0]:.3g}</text>'
            f'<text x="{left - 12}" y="{y + 4:.1f}" text-anchor="end">{corner[1]:.3g}</text>'
        )
    colours = ("#c2410c", "#0369a1", "#15803d", "#7e22ce", "#b45309", "#334155", "#be123c")
    for number, (name, line) in enumerate(series.items()):
        colour, placed = colours[number % len(colours)], [place(point) for point in line]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in placed)
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" fill="{colour}"/>' for x, y in placed]
        x, y = placed[-1]
        parts.append(f'<text x="{x + 7:.1f}" y="{y + 4:.1f}" fill="{colour}">{html.escape(name)}</text>')
    return "".join(parts) + "</svg>\n"
