"""CSV and its kin: only a line feed outside quotes ends a row; no row is lost, split or shifted.

The fields are cut by one regular expression, because no reader at hand does all of this: bare carriage returns stay in
their fields, rows with too few fields are told from rows with empty ones, and a quote left open harms its own row only,
unless a later one happens to close it properly (`docs/decisions/0004-reading-delimited-text.md`).
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from lookalike.errors import SourceError

DELIMITERS = (",", ";", "\t", "|")


@dataclass(frozen=True)
class DelimitedRows:
    """What stood in a delimited file.

    `frame` holds Int64 `row`, the row's number from 1, and one String column per header entry, named by its position.
    `total` data rows = rows of `frame` + `malformed` (row number, detail).
    """

    header: tuple[str, ...]
    frame: pl.DataFrame
    total: int
    malformed: tuple[tuple[int, str], ...]


def read_delimited(text: str, file: Path, *, delimiter: str | None = None) -> DelimitedRows:
    """Read delimited text; a row whose fields are not as many as the header's is set aside, never shifted.

    Parameters
    ----------
    text : str
        The whole file, without byte order mark.
    file : path
        For messages.
    delimiter : str, optional
        One character; default: the one of `DELIMITERS` that the header holds most.

    Raises
    ------
    SourceError
        No header, or no telling which delimiter.
    """
    chosen = _sniff(text, file) if delimiter is None else delimiter
    if len(chosen) != 1 or chosen in '"\r\n':
        raise SourceError(f"{chosen!r} cannot be a delimiter", where=str(file), mend="Give one character")
    records = split_records(text, chosen)
    header = tuple(next(records, ()))
    if not header:
        raise SourceError("the table is empty", where=str(file), mend="Give a table with a header and a row per item")
    rows: list[list[str]] = []
    numbers: list[int] = []
    malformed: list[tuple[int, str]] = []
    total = 0
    for total, record in enumerate(records, start=1):
        if len(record) == len(header):
            rows.append(record)
            numbers.append(total)
        else:
            detail = f"{len(record)} fields where the header has {len(header)}: {chosen.join(record)[:80]}"
            malformed.append((total, detail))
    frame = pl.DataFrame(rows, schema={str(position): pl.String for position in range(len(header))}, orient="row")
    frame.insert_column(0, pl.Series("row", numbers, dtype=pl.Int64))
    return DelimitedRows(header, frame, total, tuple(malformed))


def split_records(text: str, delimiter: str) -> Iterator[list[str]]:
    r"""Yield each row's fields.

    A field that begins with a quote reaches to its closing quote, doubled quotes standing for one, if the field ends
    there. If something else follows, or none closes it, the quote is a character like any other, as it is elsewhere in
    a field. A line feed ends the row, and a carriage return before it goes with it. Blank lines are no rows.

    Examples
    --------
    >>> list(split_records('1,a\rb\r\n"2","x ""y""\n"', ","))
    [['1', 'a\rb'], ['2', 'x "y"\n']]
    """
    stop = re.escape(delimiter)
    field = re.compile(rf'(?:"([^"]*+(?:""[^"]*+)*+)"(?={stop}|\r?(?:\n|\Z))\r?|([^{stop}\n]*+))({stop}|\n|\Z)')
    record: list[str] = []
    for match in field.finditer(text):
        quoted, bare, end = match.groups()
        if quoted is not None:
            record.append(quoted.replace('""', '"'))
        else:
            record.append(bare if end == delimiter else bare.removesuffix("\r"))
        if end != delimiter:
            if record != [""] or quoted is not None:
                yield record
            record = []


def _sniff(text: str, file: Path) -> str:
    first_line = re.search(r'(?:[^"\r\n]++|"[^"]*+")++', text)
    bare = re.sub(r'"[^"]*"', "", first_line[0]) if first_line else ""
    counts = sorted(((bare.count(delimiter), delimiter) for delimiter in DELIMITERS), reverse=True)
    (most, best), (next_most, other) = counts[:2]
    if most and most == next_most:
        raise SourceError(
            f"the header could be cut at {best!r} or at {other!r}",
            where=f"{file}, line 1",
            mend="Name the delimiter, for example --delimiter ';'",
        )
    return best if most else ","  # none of them: one column
