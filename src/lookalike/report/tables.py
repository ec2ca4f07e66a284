"""Words, figures and tables as HTML; whatever came from outside is escaped here."""

import html
from collections.abc import Iterable, Mapping, Sequence

from lookalike.artifacts import Artifact

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


def cell(figure: object) -> str:
    """A figure as `evaluation.json` has it, with its interval; or a number; or whatever else it is."""
    if isinstance(figure, Mapping) and "value" in figure:
        low, high = figure.get("low"), figure.get("high")
        bounds = "" if low is None or high is None else f" <small>({low:.3f}–{high:.3f})</small>"
        return cell(figure["value"]) + bounds
    return f"{figure:.3f}" if isinstance(figure, float) else plain("–" if figure is None else figure)


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
