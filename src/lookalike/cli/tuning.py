"""The command that measures ways to search a collection, and keeps the best one."""

import re
from pathlib import Path
from typing import Annotated

import typer

from lookalike.cli.console import err, out, progress_bar
from lookalike.errors import QueryError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lookalike.collection import Goals, Tuning

_UNITS = {"": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "KIB": 2**10, "MIB": 2**20, "GIB": 2**30}


def register(app: typer.Typer) -> None:
    """Add the command to the app."""
    app.command(rich_help_panel="Use a built site")(tune)


def tune(
    site: Annotated[Path, typer.Argument(help="The folder that `lookalike build` made, or its collection/.")],
    recall: Annotated[float, typer.Option(min=0, max=1, help="Least recall@10 against the exact answer.")] = 0.98,
    max_ms: Annotated[float, typer.Option("--max-ms", help="Most milliseconds a query, on one thread.")] = 5.0,
    max_memory: Annotated[str | None, typer.Option(help="Most memory for the index, such as 500MB or 2GB.")] = None,
    frozen: Annotated[
        bool, typer.Option("--frozen", help="Nothing will be removed: a graph (HNSW) may be chosen.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Measure and print; change nothing.")] = False,
) -> None:
    """Measure ways to search a site's collection against the exact answer, and keep the best one.

    A whole scan, which is always exact, is kept while it meets the goals; else the fastest that does. Queries are 200
    of the collection's own vectors, each left out of its own answer; what must reach the goal is the lower end of
    recall's one-sided 95 % interval (the column "at least"). Memory counts what stays resident; the stored vectors
    that refine answers are mapped from disk.

    Example: [bold]lookalike tune site/ --recall 0.98 --max-ms 5 --max-memory 2GB[/]
    """
    from lookalike.collection import Goals, LocalCollection
    from lookalike.sources import find_collection

    goals = Goals(recall, max_ms, None if max_memory is None else read_bytes(max_memory), frozen)
    with (
        LocalCollection.open(find_collection(site), read_only=dry_run) as collection,
        progress_bar("measuring") as show,
    ):
        tuning = collection.tune(goals, keep=not dry_run, progress=show)
    _show(tuning, goals)
    if tuning.chosen is None:
        raise QueryError(
            "nothing that was measured reaches these goals, so nothing was changed",
            mend="Ask for less recall, or allow more time or memory; the table says how far each is off",
        )
    kept = "would be chosen" if dry_run else "is how this collection is searched from now on"
    err().print(f"[bold]{tuning.chosen.plan}[/] {kept}", soft_wrap=True)


def read_bytes(text: str) -> int:
    """Read a number of bytes such as 500MB, 2GB or 2GiB.

    Raises
    ------
    QueryError
        It is none.
    """
    found = re.fullmatch(r"\s*([0-9]+(?:\.[0-9]+)?)\s*([kmg]i?b)?\s*", text, re.IGNORECASE)
    if found is None or not float(found[1]):
        raise QueryError(f"{text!r} is no amount of memory", mend="Write 500MB, 2GB or 2GiB")
    return int(float(found[1]) * _UNITS[(found[2] or "").upper()])


def _show(tuning: "Tuning", goals: "Goals") -> None:
    from rich import box
    from rich.table import Table

    title = f"{tuning.count:,} photos; bytes are those of a photo, built is in seconds"
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column("index")
    for column in ("recall@10", "at least", "ms", "bytes", "built", ""):
        table.add_column(column, justify="right" if column else "left", no_wrap=True)
    for one in tuning.measured:
        chosen = one is tuning.chosen
        note = "chosen" if chosen else "" if one.meets(goals, tuning.count) else "misses a goal"
        table.add_row(
            str(one.plan),
            f"{one.recall:.4f}",
            f"{one.recall_low:.4f}",
            f"{one.ms:.3f}",
            f"{one.bytes_a_vector:,.0f}",
            f"{one.build_s:.1f}",
            note,
            style="bold" if chosen else None,
        )
    out().print(table)
