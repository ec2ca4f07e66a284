"""CSV and its kin: only a line feed outside quotes ends a row; no row is lost, split or shifted.

Polars parses, and is checked: an independent scan of the bytes finds where each row ends and how many fields it has.
Rows with too many or too few fields are set aside first, because Polars would fill them up or stop at them. Files
whose quotes are not those of RFC 4180 (`12" ruler`, an unclosed quote) go through a careful, slower reader.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl

from lookalike.errors import SourceError

DELIMITERS = (",", ";", "\t", "|")
_QUOTE, _LF, _CR = ord('"'), ord("\n"), ord("\r")


@dataclass(frozen=True)
class DelimitedRows:
    """What stood in a delimited file: `total` data rows = rows of `frame` + `malformed` (row, detail)."""

    header: tuple[str, ...]
    frame: pl.DataFrame
    total: int
    malformed: tuple[tuple[int, str], ...]


@dataclass(frozen=True)
class _Shape:
    """Where the rows of a file lie: byte ranges without the line feed, and the fields of each. Blank lines left out."""

    starts: npt.NDArray[np.int64]
    ends: npt.NDArray[np.int64]
    fields: npt.NDArray[np.int64]


def read_delimited(text: str, file: Path, *, delimiter: str | None = None) -> DelimitedRows:
    """Read delimited text into text columns named by their position.

    Parameters
    ----------
    text : str
        The whole file, without byte order mark.
    file : path
        For messages, and because `.tsv` prefers tabs.
    delimiter : str, optional
        One character; default: the one of `DELIMITERS` that the header holds most.

    Raises
    ------
    SourceError
        No header, or no telling which delimiter.
    """
    first_line = re.compile(r'(?:[^"\n]++|"[^"]*+")*+').match(text.lstrip("\r\n"))
    if first_line is None or not first_line[0]:
        raise SourceError("the table is empty", where=str(file), mend="Give a table with a header and a row per item")
    chosen = delimiter or _sniff(first_line[0], file)
    if len(chosen) != 1 or chosen in '"\r\n':
        raise SourceError(f"{chosen!r} cannot be a delimiter", where=str(file), mend="Give one character")
    data = text.encode()
    shape = _shape(data, chosen) if chosen.isascii() else None
    rows = _read_fast(data, chosen, shape) if shape is not None else None
    return rows if rows is not None else _read_carefully(text, chosen)


def _sniff(header: str, file: Path) -> str:
    bare = re.sub(r'"[^"]*"', "", header)
    counts = sorted(((bare.count(delimiter), delimiter) for delimiter in DELIMITERS), reverse=True)
    if counts[0][0] == 0:
        return ","  # one column
    if counts[0][0] == counts[1][0]:
        raise SourceError(
            f"the header could be cut at {counts[0][1]!r} or at {counts[1][1]!r}",
            where=f"{file}, line 1",
            mend="Name the delimiter, for example --delimiter ';'",
        )
    return counts[0][1]


def _shape(data: bytes, delimiter: str) -> _Shape | None:
    """Find the rows by quote parity; None where quotes stand elsewhere than around whole fields."""
    raw = np.frombuffer(data, np.uint8)
    quotes = raw == _QUOTE
    inside = np.cumsum(quotes, dtype=np.uint8) & 1 == 1  # the parity survives the overflow
    cuts = raw == ord(delimiter)
    if not _tidy(raw, quotes, inside, cuts):
        return None
    line_feeds = np.flatnonzero((raw == _LF) & ~inside)
    stops = line_feeds if raw.size and raw[-1] == _LF else np.append(line_feeds, raw.size)
    starts = np.append(0, stops[:-1] + 1) if stops.size else stops
    cut_at = np.flatnonzero(cuts & ~inside)
    fields = np.searchsorted(cut_at, stops) - np.searchsorted(cut_at, starts) + 1
    last = raw[np.maximum(stops - 1, 0)] == _CR
    ends = np.where(last & (stops > starts), stops - 1, stops)
    row = ends > starts
    return _Shape(starts[row], ends[row], fields[row])


def _tidy(
    raw: npt.NDArray[np.uint8],
    quotes: npt.NDArray[np.bool_],
    inside: npt.NDArray[np.bool_],
    cuts: npt.NDArray[np.bool_],
) -> bool:
    """Whether every quote opens a field, closes one, or is half of a doubled quote."""
    if raw.size == 0:
        return True
    if inside[-1]:
        return False
    line_feeds, edge = raw == _LF, np.ones(1, np.bool_)
    opens, closes = quotes & inside, quotes & ~inside
    after_break = np.concatenate([edge, (cuts | line_feeds | quotes)[:-1]])
    next_feed = np.concatenate([line_feeds[1:], edge])
    before_break = np.concatenate([(cuts | line_feeds | quotes | ((raw == _CR) & next_feed))[1:], edge])
    return not bool((opens & ~after_break).any() or (closes & ~before_break).any())


def _read_fast(data: bytes, delimiter: str, shape: _Shape) -> DelimitedRows | None:
    """Let Polars parse the well-formed rows; None where it fails or counts differently."""
    header = tuple(next(_records(data[shape.starts[0] : shape.ends[0]].decode(), delimiter)))
    starts, ends, fields = shape.starts[1:], shape.ends[1:], shape.fields[1:]
    good = fields == len(header)
    malformed = tuple(
        (int(i) + 1, _ragged(int(fields[i]), len(header), data[starts[i] : ends[i]].decode()))
        for i in np.flatnonzero(~good)
    )
    schema = {str(position): pl.String for position in range(len(header))}
    frame = pl.DataFrame(schema=schema)
    if good.any():
        body = b"".join(data[a:b] + b"\r\n" for a, b in zip(starts[good].tolist(), ends[good].tolist(), strict=True))
        try:
            frame = pl.read_csv(
                body, has_header=False, separator=delimiter, schema=schema, empty_string_is_null=False, glob=False
            )
        except pl.exceptions.PolarsError:
            return None
    if frame.height != int(good.sum()):
        return None
    numbers = pl.Series("row", np.flatnonzero(good) + 1, dtype=pl.Int64)
    return DelimitedRows(header, frame.insert_column(0, numbers), len(fields), malformed)


def _read_carefully(text: str, delimiter: str) -> DelimitedRows:
    """Read field by field: a quote that does not open a field, or is never closed, is a character like any other."""
    records = _records(text, delimiter)
    header = tuple(next(records))
    rows: list[list[str]] = []
    numbers: list[int] = []
    malformed: list[tuple[int, str]] = []
    total = 0
    for total, record in enumerate(records, start=1):
        if len(record) == len(header):
            rows.append(record)
            numbers.append(total)
        else:
            malformed.append((total, _ragged(len(record), len(header), delimiter.join(record))))
    schema = {str(position): pl.String for position in range(len(header))}
    frame = pl.DataFrame(rows, schema=schema, orient="row")
    frame = frame.insert_column(0, pl.Series("row", numbers, dtype=pl.Int64))
    return DelimitedRows(header, frame, total, tuple(malformed))


def _records(text: str, delimiter: str) -> Iterator[list[str]]:
    """Yield each row's fields; blank lines are no rows."""
    stop = re.escape(delimiter)
    field = re.compile(rf'(?:"([^"]*+(?:""[^"]*+)*+)"([^{stop}\n]*+)|([^{stop}\n]*+))({stop}|\n|\Z)')
    record: list[str] = []
    for match in field.finditer(text):
        quoted, tail, bare, end = match.groups()
        rest = bare if quoted is None else tail
        if end != delimiter:
            rest = rest.removesuffix("\r")
        record.append(rest if quoted is None else quoted.replace('""', '"') + rest)
        if end != delimiter:
            if record != [""] or quoted is not None:
                yield record
            record = []


def _ragged(found: int, wanted: int, row: str) -> str:
    return f"{found} fields where the header has {wanted}: {row[:80]}"
