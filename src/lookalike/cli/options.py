"""From what was typed to configurations: sources, labels, lists of values."""

import csv
import shlex
from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from lookalike.errors import QueryError, TrainingError

TYPE_CHECKING = False
if TYPE_CHECKING:
    import typer

    from lookalike.catalogue import SourceConfig
    from lookalike.heads import HeadConfig
    from lookalike.ranking import RankConfig
    from lookalike.training.sweep import Choices


def read_source(
    source: Path,
    photos: Path | None,
    column: Sequence[str] | None,
    product_column: Sequence[str] | None,
    reading: tuple[str | None, str | None, str | None],
) -> "SourceConfig":
    """Look at a source and settle how it is read; `reading` is encoding, delimiter and currency."""
    from lookalike.catalogue import SourceOptions, load_source_config

    encoding, delimiter, currency = reading
    return load_source_config(
        source,
        SourceOptions(
            photos=photos,
            columns=_pairs(column),
            product_columns=_pairs(product_column),
            encoding=encoding,
            delimiter=delimiter,
            currency=currency,
        ),
    )


def _pairs(given: Sequence[str] | None) -> dict[str, str]:
    pairs = [text.partition("=") for text in given or ()]
    for part, sign, _ in pairs:
        if not sign:
            raise QueryError(f"{part!r} names no column", mend="Write PART=NAME, such as --column label=kind")
    return {part.strip(): name for part, _, name in pairs}


def head_config(kind: str, level: str, ignore_labels: str) -> "HeadConfig":
    """Make the head's configuration from its options."""
    from lookalike.heads import HeadConfig

    return HeadConfig(kind=kind, level=level, ignored=split_labels(ignore_labels))


def rank_config(fold: str, boost: str, *, prototypes: bool) -> "RankConfig":
    """Make the ranking's configuration from its options; `boost` is off, auto or a number.

    Raises
    ------
    QueryError
        No such fold, or no such boost.
    """
    from lookalike.ranking import RankConfig

    known = {"off": 0.0, "auto": None}
    try:
        weight = known[boost] if boost in known else float(boost)
    except ValueError as error:
        raise QueryError(f"{boost!r} is no boost", mend="Give off, auto or a number from 0") from error
    return RankConfig(fold, prototypes, weight)


def check_budget(budget: str, known: Sequence[str]) -> None:
    """Refuse a budget that this command does not know, before any work is done.

    Raises
    ------
    TrainingError
    """
    if budget not in known:
        raise TrainingError(f"the budget {budget!r} is unknown here", mend=f"Choose {', '.join(known)}")


def given(context: "typer.Context", *names: str) -> dict[str, Any]:
    """Return those of the parameters that were typed (or came from the environment), with their values."""
    sources = {name: context.get_parameter_source(name) for name in names}
    return {
        name: context.params[name]
        for name, source in sources.items()
        if source is not None and source.name not in ("DEFAULT", "DEFAULT_MAP")
    }


def refuse_others(context: "typer.Context", used: Sequence[str], why: str) -> None:
    """Refuse parameters that were typed and would not be used.

    Raises
    ------
    QueryError
        Names them all.
    """
    unused = given(context, *(name for name in context.params if name not in used))
    if unused:
        options = {option.name: option for option in context.command.params}
        flags = [
            max((options[name].secondary_opts if value is False else ()) or options[name].opts, key=len)
            for name, value in unused.items()
        ]
        raise QueryError(
            f"{why}: there is no use for {', '.join(flags)}",
            mend="Leave it out" if len(flags) == 1 else "Leave them out",
        )


def shell(*words: object) -> str:
    """Write a command as it would be typed."""
    return shlex.join(map(str, words))


def read_price(text: str | None) -> Decimal | None:
    """Read a price; None where none was given.

    Raises
    ------
    QueryError
        It is no finite number.
    """
    if text is None:
        return None
    try:
        price = Decimal(text)
    except InvalidOperation as error:
        raise QueryError(f"{text!r} is no price", mend="Give a plain number such as 99.50") from error
    if not price.is_finite():
        raise QueryError(f"{text!r} is no price", mend="Give a plain number such as 99.50")
    return price


def split_labels(text: str) -> tuple[str, ...]:
    """Cut a comma-separated list of labels; one that holds a comma stands in double quotes, as in CSV."""
    (row,) = csv.reader([text], skipinitialspace=True) if text.strip() else ([],)
    return tuple(sorted({label.strip() for label in row if label.strip()}))


def read_values(text: str | None, kind: type[float] | type[int] | type[str]) -> "Choices | None":
    """Read `1,2,3`, or `LOW..HIGH` for numbers.

    Raises
    ------
    TrainingError
        Something is no number.
    """
    from lookalike.training.sweep import Range

    if text is None:
        return None
    try:
        if ".." in text and kind is float:
            low, high = text.split("..", 1)
            return Range(float(low), float(high))
        return tuple(kind(part.strip()) for part in text.split(","))
    except ValueError as error:
        raise TrainingError(
            f"{text!r} is not a list of values", mend="Write 1e-4,1e-3, or 1e-4..1e-2 for a range"
        ) from error
