"""Words, figures and tables as HTML; whatever came from outside is escaped here."""

import html
from collections.abc import Iterable, Mapping, Sequence

from lookalike.artifacts import Artifact
from lookalike.types import Json

_SHORT = 12
"""Rows up to which a table is kept on one page of paper."""


def missing(what: str, command: str) -> str:
    """Say what is not there, and what makes it."""
    return f'<p class="none">{html.escape(what)}. Make it: <code>{html.escape(command)}</code></p>'


def made_by(artifacts: Iterable[Artifact | None]) -> str:
    """Name the commands that the figures below come from, each with the artefacts that it made."""
    commands: dict[str, list[str]] = {}
    for made in artifacts:
        if made is not None:
            commands.setdefault(command_of(made), []).append(f"{made.kind} {made.hash}")
    lines = [
        f"From <code>{html.escape(command)}</code> ({html.escape(_few(names))})" for command, names in commands.items()
    ]
    return f'<p class="from">{"<br>".join(lines)}</p>' if lines else ""


def command_of(made: Artifact) -> str:
    """The command that made an artefact, as it was typed."""
    return str(made.about.get("command", "unknown"))


def table(
    heads: Sequence[str], rows: Sequence[Sequence[str]], *, ours: str = "", sortable: bool = False, text: int = 1
) -> str:
    """Write a table of cells that are HTML already: `text` columns of words, the rest numbers.

    With `sortable`, heads are buttons; the row that begins with `ours` stands out.
    """
    names = [f"<button>{html.escape(name)}</button>" if sortable else html.escape(name) for name in heads]
    head = _row("th", names, text)
    body = "".join(_row("td", row, text, mine=bool(ours) and row[0] == ours) for row in rows)
    short = ' class="short"' if len(rows) <= _SHORT else ""
    return f'<div class="scroll"><table{short}><thead>{head}</thead><tbody>{body}</tbody></table></div>'


def cell(figure: Json | None) -> str:
    """A figure with its interval."""
    if figure is None or figure["value"] is None:
        return "–"
    bounds = "" if figure["low"] is None else f" <small>({figure['low']:.3f}–{figure['high']:.3f})</small>"
    return f"{figure['value']:.3f}{bounds}"


def share(value: object) -> str:
    """A number in [0, 1] with three digits, or whatever else it is."""
    return f"{value:.3f}" if isinstance(value, float) else plain("–" if value is None else value)


def plain(value: object) -> str:
    """Text from outside, as it stands."""
    return html.escape(str(value))


def words(name: object) -> str:
    """One of our own names, as words: `near_copy_pairs` is "near copy pairs"."""
    return html.escape(str(name).replace("_", " "))


def counted(value: object) -> str:
    """A count, or counts by name."""
    if isinstance(value, Mapping):
        return ", ".join(f"{counted(one)} {words(name)}" for name, one in value.items()) or "none"
    return f"{value:,}" if isinstance(value, int | float) else plain(value)


def _few(names: Sequence[str]) -> str:
    return ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")


def _row(tag: str, row: Sequence[str], text: int, *, mine: bool = False) -> str:
    marked = ' class="ours"' if mine else ""
    cells = [f"<{tag}{' class=text' if place < text else ''}>{one}</{tag}>" for place, one in enumerate(row)]
    return f"<tr{marked}>{''.join(cells)}</tr>"
