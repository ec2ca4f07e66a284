"""Which column plays which part: named by the user, or guessed from common names, and the guess is reported."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import polars as pl

from lookalike.catalogue.tables import Table
from lookalike.errors import SourceError

Guesses = Mapping[str, Sequence[str]]

_PRODUCT_FACTS: Guesses = {
    "name": ("name", "product_name", "title"),
    "category": ("category", "label", "category_path", "class"),
    "description": ("description", "product_description"),
    "price": ("price",),
    "currency": ("currency",),
    "location": ("location",),
    "seller": ("seller_id", "seller", "sender_id", "sender", "user_id", "shop_id"),
}
FACTS = tuple(_PRODUCT_FACTS)
"""The parts that say something about a product."""

PRODUCT_PARTS: Guesses = MappingProxyType({"product": ("product_id", "id", "uuid"), **_PRODUCT_FACTS})
"""Parts of the product table of a pair, and the names they are guessed from, best first."""

IMAGE_PARTS: Guesses = MappingProxyType(
    {
        "image": ("image_id", "image", "photo_id", "photo", "id", "uuid"),
        "path": ("path", "filename", "file_name", "file", "image_path"),
        "product": ("product_id", "product", "listing_id", "item_id"),
        "split": ("split",),
    }
)
"""Parts of the image table of a pair."""

TABLE_PARTS: Guesses = MappingProxyType(
    {**IMAGE_PARTS, **_PRODUCT_FACTS, "category": ("label", "category", "category_path", "class")}
)
"""Parts of a single table of images."""

_IDS = ("image", "path", "product", "seller")


@dataclass(frozen=True)
class Columns:
    """The parts that were found: part to column name; `guessed` were not named by the user, `unused` play no part."""

    chosen: Mapping[str, str]
    guessed: tuple[str, ...]
    unused: tuple[str, ...]


def choose_columns(table: Table, parts: Guesses, named: Mapping[str, str]) -> Columns:
    """Find each part's column; names match whatever their case, and blanks around them.

    Parameters
    ----------
    table : Table
    parts : mapping from part to the column names it is guessed from, best first
    named : mapping from part to the column that the user named; an empty name says that the part is not there

    Raises
    ------
    SourceError
        A part that does not exist was named, a named column is not there or stands twice, a column to be read
        holds lists or objects, or one of ids holds floats too large to be exact.
    """
    unknown = sorted(set(named) - set(parts))
    if unknown:
        raise SourceError(
            f"{unknown[0]!r} is no part that a column can play",
            where=str(table.file),
            mend=f"Name one of: {', '.join(sorted(parts))}",
        )
    chosen: dict[str, str] = {}
    guessed: list[str] = []
    for part, names in parts.items():
        if part in named:
            if named[part]:
                chosen[part] = _exact(table, part, named[part])
            continue
        taken = set(chosen.values()) | {_match(table, name) for name in named.values()}
        guess = next((found for name in names if (found := _match(table, name)) and found not in taken), None)
        if guess is not None:
            chosen[part] = guess
            guessed.append(part)
    for part, column in chosen.items():
        _refuse_unreadable(table, part, column)
    unused = tuple(name for name in table.columns if name and name not in chosen.values())
    return Columns(chosen, tuple(guessed), unused)


def require(table: Table, columns: Columns, *parts: str) -> None:
    """Refuse a table that has none of these parts.

    Raises
    ------
    SourceError
        Lists the columns that were found and says how to name the right one.
    """
    if any(part in columns.chosen for part in parts):
        return
    raise SourceError(
        f"no column was found for: {' or '.join(parts)}",
        where=f"{table.file}, line 1",
        mend=f"The columns are: {', '.join(table.columns)}. Name the right one by an option, or in catalogue.toml",
    )


def select(table: Table, columns: Columns, parts: Guesses) -> pl.DataFrame:
    """Take the chosen columns under their parts' names.

    Returns
    -------
    DataFrame with Int64 `row` and one String column per part; all null where the table has no such column. Values are
    as they stand in the file, but an empty or blank one is null.
    """
    expressions: list[pl.Expr] = [pl.col("row")]
    for part in parts:
        if part in columns.chosen:
            source = pl.col(str(table.columns.index(columns.chosen[part])))
            value = pl.when(source.str.strip_chars() != "").then(source)
        else:
            value = pl.lit(None, pl.String)
        expressions.append(value.alias(part))
    return table.frame.select(expressions)


def _match(table: Table, name: str) -> str | None:
    wanted = name.strip().casefold()
    return next((column for column in table.columns if wanted and column.strip().casefold() == wanted), None)


def _exact(table: Table, part: str, name: str) -> str:
    found = name if name in table.columns else _match(table, name)
    if found is None:
        raise SourceError(
            f"there is no column {name!r}, named for: {part}",
            where=f"{table.file}, line 1",
            mend=f"The columns are: {', '.join(table.columns)}",
        )
    return found


def _refuse_unreadable(table: Table, part: str, column: str) -> None:
    if table.columns.count(column) > 1:
        raise SourceError(
            f"the column {column!r}, wanted for: {part}, stands twice in the header",
            where=f"{table.file}, line 1",
            mend="Rename one of the two",
        )
    if column in table.nested:
        raise SourceError(
            f"the column {column!r}, wanted for: {part}, holds lists, objects or bytes",
            where=str(table.file),
            mend="Give it as plain text or numbers, or name another column",
        )
    if column in table.inexact and part in _IDS:
        raise SourceError(
            f"the column {column!r}, wanted for: {part}, holds whole numbers stored as floats too large to be exact",
            where=str(table.file),
            mend="Write the ids as text or as whole numbers",
        )
