"""What the routes take: ids, filters and numbers, each checked where it arrives."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Annotated
from urllib.parse import parse_qsl, unquote_to_bytes

from fastapi import Path, Request
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from lookalike.errors import QueryError
from lookalike.labels import join_path, split_path
from lookalike.types import Filter

MAX_PRICE = 1_000_000_000_000


def _decode_id(raw: str) -> str:
    """Decode an id that `RawPaths` kept percent-encoded."""
    try:
        return unquote_to_bytes(raw.encode("latin-1")).decode("utf-8")
    except UnicodeDecodeError:
        raise ValueError("is not percent-encoded UTF-8") from None


def _upper(text: object) -> object:
    return text.strip().upper() if isinstance(text, str) else text


ImageId = Annotated[
    str, Path(description="A photo's id, percent-encoded.", examples=["photo-1"]), AfterValidator(_decode_id)
]
ProductId = Annotated[
    str, Path(description="A product's id, percent-encoded.", examples=["product-1"]), AfterValidator(_decode_id)
]
Price = Annotated[Decimal | None, Field(ge=0, le=MAX_PRICE, decimal_places=4)]


class Filters(BaseModel):
    """Which products may be found; a field that is left out or empty does not filter."""

    model_config = ConfigDict(extra="forbid")

    category: str | None = Field(
        default=None,
        max_length=1000,
        description="A category path or the beginning of one, by whole parts.",
        examples=["Home & Garden / Beds"],
    )
    min_price: Price = Field(default=None, description="Lowest price, inclusive.", examples=["10"])
    max_price: Price = Field(default=None, description="Highest price, inclusive.", examples=["250.00"])
    currency: Annotated[str | None, BeforeValidator(_upper)] = Field(
        default=None, pattern="^[A-Z]{3}$", description="ISO 4217 code of the price.", examples=["GBP"]
    )

    @model_validator(mode="before")
    @classmethod
    def _leave_out_empty(cls, values: object) -> object:
        """HTML forms send empty fields; they mean no filter."""
        return {name: value for name, value in values.items() if value != ""} if isinstance(values, dict) else values

    @model_validator(mode="after")
    def _check_range(self) -> "Filters":
        if self.min_price is not None and self.max_price is not None and self.min_price > self.max_price:
            raise ValueError("min_price is above max_price")
        return self

    def where(self) -> Filter:
        """Return what a collection understands."""
        return Filter(
            category=join_path(split_path(self.category)) or None,
            min_price=self.min_price,
            max_price=self.max_price,
            currency=self.currency,
        )


class SimilarParams(Filters):
    """How many products, and which."""

    k: int = Field(default=10, ge=1, description="How many results; at most `max_results` of /v1/info.")

    def checked_k(self, max_results: int) -> int:
        """Return k, or refuse one above what this server allows."""
        return check_k(self.k, max_results, "k")


class SearchParams(SimilarParams):
    """How many results, which, and whether each product may appear once or once per photo."""

    by_product: bool = Field(default=True, description="Each product once, by its most similar photo.")


class BrowseParams(Filters):
    """Which part of the catalogue to show."""

    limit: int = Field(default=24, ge=1, le=100, description="How many products.")
    seed: int = Field(default=0, ge=0, le=2**31, description="Another seed shows other products.")


class ClassifyParams(BaseModel):
    """How many labels."""

    model_config = ConfigDict(extra="forbid")

    top: int = Field(default=5, ge=1, le=100, description="How many labels, the most probable first.")


def check_k(k: int, max_results: int, name: str) -> int:
    """Return k, or refuse one above what this server allows."""
    if k > max_results:
        raise QueryError(f"{name} is above {max_results}, the most that this server allows", mend="Ask for fewer")
    return k


async def check_query(request: Request) -> None:
    """Refuse a query that cannot be taken at its word; every route of the API depends on it.

    Left alone, Starlette would put replacement characters in place of odd bytes and take the last of repeated values.
    It is `async` because FastAPI would go to a thread and back for it.

    Raises
    ------
    QueryError
        Not percent-encoded UTF-8, or a parameter more than once.
    """
    raw: bytes = request.scope["query_string"]
    try:
        pairs = parse_qsl(raw.decode("ascii"), keep_blank_values=True, errors="strict")
    except UnicodeDecodeError:
        raise QueryError("the query is not percent-encoded UTF-8", mend="Percent-encode its text as UTF-8") from None
    once(pairs)


def once(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Return values by name, or refuse a name that comes twice: which of its values is meant cannot be told."""
    values: dict[str, str] = {}
    for name, value in pairs:
        if name in values:
            raise QueryError(f"{name}: is given more than once", mend="Give it once")
        values[name] = value
    return values
