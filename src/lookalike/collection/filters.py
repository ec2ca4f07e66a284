"""A `Filter` as an SQL condition, and lists of ids as SQL parameters."""

import json
from collections.abc import Iterable
from decimal import Decimal

from lookalike.errors import QueryError
from lookalike.types import CATEGORY_SEPARATOR, Filter

Condition = tuple[str, list[str | float]]
"""SQL text with `?` for each parameter, over `images AS i JOIN products AS p`; and the parameters."""

_LISTED = "(SELECT value FROM json_each(?))"


def condition(where: Filter) -> Condition | None:
    """Translate a filter; None where it lets everything pass.

    The SQL calls `compare_decimals(a, b)`, which `store` registers: prices are compared as floats, which cannot put
    two decimals in the wrong order, only hold them equal; then the exact decimals decide.

    Raises
    ------
    QueryError
        A price bound is not a finite number, or a text is not valid Unicode.
    """
    clauses: list[str] = []
    values: list[str | float] = []

    def add(clause: str, *parameters: str | float) -> None:
        clauses.append(clause)
        values.extend(parameters)

    if where.category is not None:
        below = _text(where.category) + CATEGORY_SEPARATOR
        # Text compares byte by byte here, so the paths below a path are one range: no LIKE, no case folding.
        add("(p.category = ? OR (p.category >= ? AND p.category < ?))", where.category, below, _successor(below))
    if where.min_price is not None:
        add(*_bound(">", where.min_price))
    if where.max_price is not None:
        add(*_bound("<", where.max_price))
    if where.currency is not None:
        add("p.currency = ?", _text(where.currency))
    if where.seller_id is not None:
        add("p.seller_id = ?", _text(where.seller_id))
    if where.splits is not None:
        add(f"i.split IN {_LISTED}", text_list(where.splits))
    if where.exclude_images:
        add(f"i.image_id NOT IN {_LISTED}", text_list(where.exclude_images))
    if where.exclude_products:
        add(f"p.product_id NOT IN {_LISTED}", text_list(where.exclude_products))
    if where.exclude_groups:
        add(f"(i.group_id IS NULL OR i.group_id NOT IN {_LISTED})", json.dumps(sorted(where.exclude_groups)))
    return (" AND ".join(clauses), values) if clauses else None


def text_list(ids: Iterable[str]) -> str:
    """Return ids as the JSON list that `json_each` reads; ids that no collection can hold are left out."""
    return json.dumps([text for text in ids if is_storable(text)], ensure_ascii=False)


def is_storable(text: str) -> bool:
    """Whether a text can be an id: valid Unicode without NUL, at which SQLite's JSON functions stop reading."""
    return "\0" not in text and _is_unicode(text)


def compare_decimals(left: str, right: str) -> int:
    """Return -1, 0 or 1 as the exact decimal `left` is below, equal to or above `right`."""
    return (Decimal(left) > Decimal(right)) - (Decimal(left) < Decimal(right))


def _bound(sign: str, bound: Decimal) -> tuple[str, float, float, str]:
    if not bound.is_finite():
        raise QueryError("a price bound must be a finite number", mend="Give a number such as 12.50")
    clause = f"(p.price_float {sign} ? OR (p.price_float = ? AND compare_decimals(p.price, ?) {sign}= 0))"
    return clause, float(bound), float(bound), str(bound)


def _text(text: str) -> str:
    if not _is_unicode(text):
        raise QueryError("a filter holds text that is not valid Unicode", mend="Spell it as it stands in the catalogue")
    return text


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _successor(prefix: str) -> str:
    """Return the least text that is above every text beginning with `prefix`, whose last character is ASCII."""
    return prefix[:-1] + chr(ord(prefix[-1]) + 1)
