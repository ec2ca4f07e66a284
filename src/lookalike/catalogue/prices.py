"""Prices as people write them, to a decimal amount and an ISO 4217 currency; what is ambiguous stays unread."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

DecimalMark = Literal[".", ","]

_SYMBOLS = {
    "£": "GBP",
    "€": "EUR",
    "$": "USD",
    "us$": "USD",
    "c$": "CAD",
    "ca$": "CAD",
    "a$": "AUD",
    "au$": "AUD",
    "nz$": "NZD",
    "hk$": "HKD",
    "s$": "SGD",
    "r$": "BRL",
    "¥": "JPY",
    "₹": "INR",
    "₽": "RUB",
    "₺": "TRY",
    "₴": "UAH",
    "₩": "KRW",
    "zł": "PLN",
    "kč": "CZK",
    "chf": "CHF",
}
_SHARED_SYMBOLS = {
    "$": frozenset({"USD", "CAD", "AUD", "NZD", "HKD", "SGD", "MXN", "ARS", "CLP", "COP", "TWD"}),
    "¥": frozenset({"JPY", "CNY"}),
}
_FREE = frozenset({"free", "for free", "gratis", "kostenlos", "zu verschenken", "gratuit"})
_REMARKS = re.compile(r"\b(?:o\.?n\.?o\.?|o\.?b\.?o\.?|vhb|vb|each|only|negotiable)(?!\w)\.?", re.IGNORECASE)
_SPACES = re.compile(r"[\s\u00a0\u2009\u202f'’]+")
_THOUSANDS = re.compile(r"(?<![0-9.,])[0-9]{1,3}(?:[\s\u00a0\u2009\u202f'’][0-9]{3})+(?![0-9])")
_TWO_NUMBERS = re.compile(r"[0-9][.,]?[\s\u00a0\u2009\u202f'’]+[.,]?[0-9]")
_NO_PENCE = re.compile(r"(?<=[0-9])[.,][-–—]{1,2}(?![0-9])")  # 12,- €
_NUMBER = re.compile(r"[.,]?[0-9][0-9.,]*")
_DIGITS = 13
"""The column is Decimal(18, 4): fourteen digits before the point, one of them for rounding up."""


@dataclass(frozen=True, slots=True)
class Price:
    """An amount of at least 0 in a currency (ISO 4217), either of which may be unknown."""

    amount: Decimal | None = None
    currency: str | None = None


def parse_price(text: str, *, currency: str | None = None, decimal_mark: DecimalMark | None = None) -> Price | None:
    """Read one price.

    Parameters
    ----------
    text : str
        `£1,250.00`, `1.250,00 €`, `$5`, `EUR 12`, `Free`, `12,50`, ….
    currency : str, optional
        ISO code for prices that name none, and for symbols that several currencies share (`$`, `¥`).
    decimal_mark : "." or ",", optional
        What the rest of the column uses; decides `1.250`, which else is read only where the currency is the euro.

    Returns
    -------
    Price, or None where the text is no single non-negative price that can be read without guessing.

    Examples
    --------
    >>> parse_price("1.250,00 €")
    Price(amount=Decimal('1250.00'), currency='EUR')
    >>> parse_price("POA") is None
    True
    """
    bare = _REMARKS.sub(" ", text).strip().casefold()
    if bare in _FREE:
        return Price(Decimal(0), currency)
    squeezed = _NO_PENCE.sub("", _squeeze(bare))
    match = _NUMBER.search(squeezed)
    if match is None:
        return None
    before, after = squeezed[: match.start()], squeezed[match.end() :]
    if before and after:
        return None
    unit = before or after
    found = _currency(unit, currency) if unit else currency
    if unit and found is None:
        return None
    amount = _amount(match[0], found if unit else None, decimal_mark)
    return None if amount is None else Price(amount, found)


def decimal_mark(texts: Iterable[str]) -> DecimalMark | None:
    """Tell which decimal mark a column uses, by the prices that leave no doubt; None where they are even or none."""
    points = commas = 0
    for text in texts:
        squeezed = _squeeze(text)
        points += re.search(r"\.[0-9]{1,2}(?![0-9.,])|,[0-9]{3}\.", squeezed) is not None
        commas += re.search(r",[0-9]{1,2}(?![0-9.,])|\.[0-9]{3},", squeezed) is not None
    if points == commas:
        return None
    return "." if points > commas else ","


def _squeeze(text: str) -> str:
    """Take the spaces out; empty where one between digits does not set off thousands: 10 20 is no 1020."""
    joined = _THOUSANDS.sub(lambda match: _SPACES.sub("", match[0]), text)
    return "" if _TWO_NUMBERS.search(joined) else _SPACES.sub("", joined)


def _currency(unit: str, default: str | None) -> str | None:
    if default is not None and default in _SHARED_SYMBOLS.get(unit, ()):
        return default
    if unit in _SYMBOLS:
        return _SYMBOLS[unit]
    return unit.upper() if re.fullmatch(r"[a-z]{3}", unit) and unit not in ("poa", "per", "pcm") else None


def _amount(number: str, currency: str | None, mark: DecimalMark | None) -> Decimal | None:
    number = number.rstrip(".,")
    marks = [character for character in number if character in ".,"]
    if not marks:
        return _decimal(number, "")
    kinds = set(marks)
    if len(kinds) == 2:  # the last one is the decimal mark, and it stands once
        last = marks[-1]
        return _grouped(number, last) if marks.count(last) == 1 else None
    only = marks[0]
    if len(marks) > 1:
        return _grouped(number, "")
    whole, fraction = number.split(only)
    if len(fraction) != 3 or whole in ("", "0"):
        return _decimal(whole, fraction)
    # One mark and three digits: thousands or decimals? Nobody writes three decimals beside a currency.
    thousands = mark != only if mark is not None else only == "," or currency == "EUR"
    if thousands:
        return _grouped(number, "")
    return _decimal(whole, fraction) if mark == "." and currency is None else None


def _grouped(number: str, mark: str) -> Decimal | None:
    """Read a number whose other mark sets off thousands; None where the groups are not of three digits."""
    whole, _, fraction = number.partition(mark) if mark else (number, "", "")
    groups = re.split(r"[.,]", whole)
    if len(groups) > 1 and not (1 <= len(groups[0]) <= 3 and all(len(group) == 3 for group in groups[1:])):
        return None
    return _decimal("".join(groups), fraction)


def _decimal(whole: str, fraction: str) -> Decimal | None:
    if len(whole.lstrip("0")) > _DIGITS:
        return None
    return Decimal(f"{whole or '0'}.{fraction or '0'}").quantize(Decimal("0.0001"))
