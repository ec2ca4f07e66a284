"""Read a table (CSV, TSV, Parquet, JSON Lines) with every value as text: ids keep their zeros, no row is lost."""

import codecs
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl

from lookalike.catalogue.delimited import read_delimited
from lookalike.catalogue.reasons import STAGE
from lookalike.errors import SourceError
from lookalike.types import Reject

TABLE_SUFFIXES = (".csv", ".tsv", ".parquet", ".jsonl", ".ndjson")
_HALVES = re.compile("[\ud800-\udfff]")
_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # before UTF-16: its mark begins with UTF-16's
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


@dataclass(frozen=True)
class Table:
    """A table as it was read.

    `frame` holds the Int64 column `row` (data rows counted from 1, as they stand in the file) and one String column
    per header entry, named by its position ("0", "1", …), because headers may be empty or stand twice.
    `total` = rows of `frame` + `rejects`. `nested` are columns that hold lists or objects, `inexact` those of
    whole numbers that were stored as floats too large to tell neighbours apart.
    """

    file: Path
    columns: tuple[str, ...]
    frame: pl.DataFrame
    total: int
    rejects: tuple[Reject, ...] = ()
    nested: frozenset[str] = field(default_factory=frozenset[str])
    inexact: frozenset[str] = field(default_factory=frozenset[str])

    @property
    def name(self) -> str:
        """The file's name, as it stands in the rejects."""
        return self.file.name


def is_table(file: Path) -> bool:
    """Tell by its extension whether a file is a table."""
    return file.suffix.lower() in TABLE_SUFFIXES


def read_table(file: Path, *, encoding: str | None = None, delimiter: str | None = None) -> Table:
    """Read a table whose form is told by its extension.

    Parameters
    ----------
    file : path
        `.csv`, `.tsv`, `.parquet`, `.jsonl` or `.ndjson`, in any case.
    encoding : str, optional
        Name of a text encoding. Default: UTF-8, or what a byte order mark says.
    delimiter : str, optional
        One character. Default: whichever of comma, semicolon, tab and bar the header holds most.

    Raises
    ------
    SourceError
        The table cannot be understood; names the file and the line or column.
    """
    suffix = file.suffix.lower()
    if suffix not in TABLE_SUFFIXES:
        raise SourceError(
            f"a table of the form {suffix or file.name!r} is not known",
            where=str(file),
            mend=f"Give one of {', '.join(TABLE_SUFFIXES)}",
        )
    if suffix == ".parquet":
        return _read_parquet(file)
    text = decode_text(_read_file(file), file, encoding)
    if suffix in (".jsonl", ".ndjson"):
        return _read_json_lines(text, file)
    rows = read_delimited(text, file, delimiter=delimiter)
    rejects = tuple(Reject(file.name, row, None, STAGE, "malformed_row", detail) for row, detail in rows.malformed)
    return Table(file, rows.header, rows.frame, rows.total, rejects)


def decode_text(data: bytes, file: Path, encoding: str | None = None) -> str:
    """Decode a table's bytes strictly, without its byte order mark.

    Raises
    ------
    SourceError
        The bytes are not what the encoding (UTF-8 where none is named) allows, or no such encoding exists.
    """
    marked = next((name for mark, name in _BOMS if data.startswith(mark)), None)
    chosen = encoding or marked or "utf-8"
    try:
        text = data.decode(chosen)
    except LookupError as error:
        raise SourceError(
            f"no text encoding is called {chosen!r}", where=str(file), mend="Use for example utf-8, cp1252 or utf-16"
        ) from error
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise SourceError(
            f"the bytes are not {chosen}",
            where=f"{file}, line {line}",
            mend="Name the table's encoding, for example --encoding cp1252, or save it as UTF-8",
        ) from error
    if "\x00" in text[:1000] and not encoding and not marked:
        raise SourceError(
            "the text holds zero bytes, so it is hardly UTF-8",
            where=f"{file}, line 1",
            mend="Name the table's encoding, for example --encoding utf-16-le",
        )
    return text.removeprefix("\ufeff")  # what a byte order mark decodes to


def _read_file(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise SourceError(
            f"the table cannot be read ({error.strerror})", where=str(file), mend="Check the path and its permissions"
        ) from error


def _read_parquet(file: Path) -> Table:
    try:
        found = pl.read_parquet(file)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise SourceError(
            "this is no readable Parquet file", where=str(file), mend="Write it again, or give the table as CSV"
        ) from error
    nested = frozenset(name for name, dtype in found.schema.items() if dtype.is_nested() or dtype == pl.Binary)
    frame = found.select(
        pl.int_range(1, pl.len() + 1, dtype=pl.Int64).alias("row"),
        *(
            (pl.lit(None, pl.String) if name in nested else pl.lit(_as_text(found[name]))).alias(str(position))
            for position, name in enumerate(found.columns)
        ),
    )
    inexact = frozenset(column.name for column in found if _inexact(column))
    return Table(file, tuple(found.columns), frame, found.height, nested=nested, inexact=inexact)


def _as_text(column: pl.Series) -> pl.Series:
    """Cast to text; whole numbers that were stored as floats (ids beside a missing one) lose their `.0`."""
    if column.dtype.is_float():
        column = column.fill_nan(None)
        if _inexact(column):
            return pl.Series([None if value is None else str(int(value)) for value in column], dtype=pl.String)
        if _is_whole(column):
            column = column.cast(pl.Int64)
    return column.cast(pl.String)


def _is_whole(column: pl.Series) -> bool:
    return column.is_finite().all() and bool((column == column.round()).all())


def _inexact(column: pl.Series) -> bool:
    """Whether whole numbers stand here as floats of a size at which neighbours are rounded to one."""
    if not column.dtype.is_float() or not _is_whole(column := column.fill_nan(None)):
        return False
    limit = 2**53 if column.dtype == pl.Float64 else 2**24 if column.dtype == pl.Float32 else 2**11
    return bool((column.cast(pl.Float64).abs() >= limit).any())


def _read_json_lines(text: str, file: Path) -> Table:
    columns: dict[str, int] = {}
    nested: set[str] = set()
    values: list[list[str | None]] = []  # one list per column; shorter ones are filled up below
    numbers: list[int] = []
    rejects: list[Reject] = []
    total = 0
    for total, line in enumerate(_json_lines(text), start=1):
        record = _json_object(line)
        if record is None:
            detail = f"not a JSON object: {line[:80]}"
            rejects.append(Reject(file.name, total, None, STAGE, "malformed_row", detail))
            continue
        for name, value in {_whole_text(name): value for name, value in record.items()}.items():
            position = columns.setdefault(name, len(columns))
            if position == len(values):
                values.append([])
            if isinstance(value, list | dict):
                nested.add(name)
            values[position].extend([None] * (len(numbers) - len(values[position])))
            values[position].append(_json_text(value))
        numbers.append(total)
    if not columns:
        raise SourceError("the table holds no JSON object", where=str(file), mend="Write one JSON object per line")
    filled = {str(i): column + [None] * (len(numbers) - len(column)) for i, column in enumerate(values)}
    frame = pl.DataFrame({"row": numbers, **filled}, schema={"row": pl.Int64, **dict.fromkeys(filled, pl.String)})
    return Table(file, tuple(columns), frame, total, tuple(rejects), frozenset(nested))


def _json_lines(text: str) -> Iterator[str]:
    """Cut at line feeds only: JSON text may hold other line separators. Blank lines are no rows."""
    return (line for line in text.split("\n") if line.strip())


def _json_object(line: str) -> dict[str, Any] | None:
    try:  # numbers keep their spelling
        record = json.loads(line, parse_int=str, parse_float=str, parse_constant=str)
    except (ValueError, RecursionError):
        return None
    return record if isinstance(record, dict) else None


def _json_text(value: object) -> str | None:
    if isinstance(value, bool):
        return "true" if value else "false"
    return _whole_text(value) if isinstance(value, str) else None


def _whole_text(text: str) -> str:
    """Replace halves of a character that was cut in two (JSON may spell them), which no table can hold."""
    return text if text.isascii() else _HALVES.sub("\ufffd", text)
