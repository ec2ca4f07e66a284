"""Cleaning rules: product facts from text to names, prices and category paths; rows that fail a rule are set aside."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import polars as pl

from lookalike.catalogue.columns import FACTS
from lookalike.catalogue.prices import Price, decimal_mark, parse_price
from lookalike.catalogue.reasons import REASONS, STAGE
from lookalike.catalogue.store import PRODUCTS_SCHEMA
from lookalike.labels import join_path, split_path
from lookalike.types import Reject

_EXAMPLES = 20
_NAME_END = " | "
SPLITS = {
    "train": "train",
    "training": "train",
    "validation": "validation",
    "val": "validation",
    "valid": "validation",
    "dev": "validation",
    "test": "test",
    "testing": "test",
}


@dataclass
class Sieve:
    """Sets rows of one table aside, each with a reason."""

    table: str
    id_column: str
    rejects: list[Reject] = field(default_factory=list[Reject])

    def drop(
        self, frame: pl.DataFrame, bad: pl.Expr, reason: str | pl.Expr, detail: str | pl.Expr = ""
    ) -> pl.DataFrame:
        """Return the rows for which `bad` is not true; the others become rejects.

        Parameters
        ----------
        frame : DataFrame with `row` and the id column
        bad : boolean expression
        reason : reason code, or an expression that gives it
        detail : text, or an expression that gives it
        """
        marked = frame.with_columns(bad.fill_null(value=False).alias("_bad"))
        left_out = marked.filter("_bad").select(
            "row", pl.col(self.id_column).alias("id"), _text(reason).alias("reason"), _text(detail).alias("detail")
        )
        for row, identity, code, words in left_out.iter_rows():
            if code not in REASONS:
                raise ValueError(f"{code!r} is no reason code of ingest")
            self.rejects.append(Reject(self.table, row, identity, STAGE, code, words or ""))
        return marked.filter(~pl.col("_bad")).drop("_bad")


@dataclass(frozen=True)
class Products:
    """Cleaned products (columns of `PRODUCTS_SCHEMA`) and the price texts that could not be read."""

    frame: pl.DataFrame
    unread_prices: tuple[str, ...]

    def examples(self) -> list[str]:
        """Return some of the unread price texts, each once."""
        return list(dict.fromkeys(self.unread_prices))[:_EXAMPLES]


def clean_products(facts: pl.DataFrame, currency: str | None) -> Products:
    """Turn raw facts into the catalogue's product table.

    Parameters
    ----------
    facts : DataFrame with String columns `product` and `FACTS`, one row per product
    currency : str, optional
        ISO code for prices that name none.

    Returns
    -------
    Products, in the order of `facts`.
    """
    texts = facts["price"].to_list()
    prices, unread = _prices(texts, facts["currency"].to_list(), currency)
    categories = _mapped(facts["category"], clean_category)
    names = [squeeze(name) if name else "" for name in facts["name"]]
    frame = pl.DataFrame(
        {
            "product_id": facts["product"],
            "name": [name.partition(_NAME_END)[0].strip() or name for name in names],
            "name_raw": facts["name"].fill_null(""),
            "description": facts["description"].fill_null(""),
            "price": [price.amount for price in prices],
            "currency": [price.currency for price in prices],
            "location": _mapped(facts["location"], squeeze),
            "seller_id": facts["seller"].str.strip_chars(),
            "category": categories,
            "parent": [split_path(category)[0] if category else None for category in categories],
        },
        schema=PRODUCTS_SCHEMA,
    )
    return Products(frame, unread)


def first_facts(rows: pl.DataFrame) -> tuple[pl.DataFrame, dict[str, int]]:
    """Gather each product's facts from the rows of its photos: of each fact, the first one that is stated counts.

    Returns
    -------
    DataFrame with `product` and `FACTS`, in order of first appearance; and how many products state a fact in two ways,
    by fact.
    """
    stated = [pl.col(fact).str.strip_chars() for fact in FACTS]
    grouped = rows.group_by("product", maintain_order=True)
    facts = grouped.agg(pl.col(fact).drop_nulls().first() for fact in FACTS)
    kinds = grouped.agg(fact.drop_nulls().n_unique() for fact in stated)
    return facts, {fact: int((kinds[fact] > 1).sum()) for fact in FACTS if (kinds[fact] > 1).any()}


def squeeze(text: str) -> str:
    """Trim, and turn each run of white space (line ends included) into one space."""
    return " ".join(text.split())


def clean_category(text: str) -> str | None:
    """Bring a category path to its one spelling; None where no part is left."""
    return join_path(split_path(squeeze(text))) or None


def _prices(
    texts: Sequence[str | None], currencies: Sequence[str | None], default: str | None
) -> tuple[list[Price], tuple[str, ...]]:
    mark = decimal_mark(text for text in texts if text)
    prices: list[Price] = []
    unread: list[str] = []
    for text, stated in zip(texts, currencies, strict=True):
        code = stated.strip().upper() if stated else ""
        own = code if re.fullmatch("[A-Z]{3}", code) else default
        price = parse_price(text, currency=own, decimal_mark=mark) if text else Price()
        if price is None:
            unread.append(text or "")
        prices.append(price or Price())
    return prices, tuple(unread)


def _mapped(column: pl.Series, clean: Callable[[str], str | None]) -> list[str | None]:
    """Clean each distinct value once."""
    known = {value: clean(value) or None for value in column.unique() if value is not None}
    return [known.get(value) if value is not None else None for value in column]


def _text(value: str | pl.Expr) -> pl.Expr:
    return pl.lit(value) if isinstance(value, str) else value
