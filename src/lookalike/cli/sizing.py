"""The command that tells what a catalogue of some size would take on this machine."""

import json
import logging
import re
import tempfile
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from lookalike.cli.console import err, out
from lookalike.errors import QueryError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lookalike.sizing import Costs, Size

_MOST_DRAWN = 120  # which takes half a minute
_UNITS = {"": 1, "k": 10**3, "m": 10**6}


def register(app: typer.Typer) -> None:
    """Add the command to the app."""
    app.command(rich_help_panel="Start here")(sizing)


def sizing(
    source: Annotated[
        Path | None, typer.Argument(help="A folder of your photos, at any depth (default: some are drawn).")
    ] = None,
    photos: Annotated[str, typer.Option("--photos", help="Sizes to tell of, such as 5000,20k,1m.")] = "10k,100k,1m",
    sample: Annotated[int, typer.Option(min=40, help="Photos to measure by; more are slower and surer.")] = 400,
    encoder: Annotated[str, typer.Option(help="As for build.")] = "lite0",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, with all that was measured.")] = False,
) -> None:
    """Measure for about a minute, and tell what catalogues of some sizes take here: time, memory, disk, speed.

    Nothing is kept. Example: [bold]lookalike sizing my-photos/ --photos 10k,1m[/]
    """
    from lookalike.sizing import draw_photos, find_photos, measure, size

    counts, console = read_counts(photos), err()

    def tell(text: str) -> None:
        console.print(f"[dim]{text} …[/]")

    with tempfile.TemporaryDirectory(prefix="lookalike-") as scratch:
        if source is None:
            tell("drawing photos")
            files = draw_photos(Path(scratch) / "drawn", min(sample, _MOST_DRAWN))
        else:
            files = find_photos(source, sample)
        with _errors_alone():  # what is odd about the sample is no news
            costs = measure(files, counts, Path(scratch) / "sites", encoder, tell)
    sizes = [size(costs, count) for count in counts]
    if as_json:
        told = {"drawn": source is None, "measured": asdict(costs), "sizes": [asdict(one) for one in sizes]}
        typer.echo(json.dumps(told, indent=2))
    else:
        _show(costs, sizes, drawn=source is None)


@contextmanager
def _errors_alone() -> Generator[None]:
    logger = logging.getLogger("lookalike")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)


def read_counts(text: str) -> tuple[int, ...]:
    """Read numbers of photos such as 5000,20k,1m.

    Raises
    ------
    QueryError
        One is none.
    """
    counts: list[int] = []
    for part in text.split(","):
        found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)([km]?)\s*", part, re.IGNORECASE)
        count = round(float(found[1]) * _UNITS[found[2].lower()]) if found else 0
        if not 1 <= count <= 10**9:
            raise QueryError(f"{part!r} is no number of photos", mend="Write 5000, 20k or 1m")
        counts.append(count)
    return tuple(counts)


def _show(costs: "Costs", sizes: "Sequence[Size]", *, drawn: bool) -> None:
    from rich.table import Table

    table = Table(title=f"{costs.cores} cores, {costs.precision}, {costs.site} photos measured", title_justify="left")
    table.add_column("photos")
    for one in sizes:
        table.add_column(f"{one.photos:,}", justify="right")
    rows: dict[str, list[str]] = {
        "build, in all": [_time(one.build_s) for one in sizes],
        "  ingest and split": [_time(one.stages["catalogue"] + one.stages["split"]) for one in sizes],
        "  embed": [_time(one.stages["embeddings"]) for one in sizes],
        "  views and head": [_time(one.stages["views"] + one.stages["head"]) for one in sizes],
        "  database and index": [_time(one.stages["collection"] + one.stages["index"]) for one in sizes],
        "server's memory": [_bytes(one.memory_bytes) for one in sizes],
        "disk": [_bytes(one.disk_bytes) for one in sizes],
        "a query": [f"{one.query_ms:.1f} ms" for one in sizes],
        "queries a second": [f"{one.queries_per_s:.0f}" for one in sizes],
        "index": [one.index.split(",")[0] for one in sizes],
    }
    for name, told in rows.items():
        table.add_row(name, *told)
    out().print(table)
    out().print("\n".join(_footer(costs, drawn=drawn)), soft_wrap=True)


def _footer(costs: "Costs", *, drawn: bool) -> list[str]:
    lines = [
        f"Measured: sites of {costs.site // 4} and {costs.site} photos, built and served (a query over HTTP: "
        f"{costs.query_ms:.1f} ms, of it {costs.decode_ms:.1f} to decode and {costs.encode_ms:.1f} to encode; queries "
        "a second: of 16 clients that share the cores with the server); heads and indexes of random numbers.",
        "Extrapolated: time and disk by a straight line in photos, views up to their limit; whole scans by photos; "
        "inverted lists by centroids and the share of rows in the lists that are read, learning them by lists squared.",
        "Vectors that are mapped from disk are not in the memory; the photos themselves are not in the disk figure.",
        "Not in it: tables, the network to clients, the evaluation, training, the choice of the head's weights; "
        "the memory of a build, some 3 kB a photo.",
    ]
    if drawn:
        lines.append("The photos were drawn: real ones are mostly larger, and slower to read. Name a folder of yours.")
    return lines


def _time(seconds: float) -> str:
    for unit, length in (("h", 3600), ("min", 60)):
        if seconds >= length:
            return f"{seconds / length:.1f} {unit}"
    return f"{seconds:.1f} s"


def _bytes(count: float) -> str:
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.0f} MB"
