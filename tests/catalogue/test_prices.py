"""Prices: read what is plain, leave what is not."""

from decimal import Decimal

import pytest

from lookalike.catalogue.prices import decimal_mark, parse_price


@pytest.mark.parametrize(
    ("text", "amount", "currency"),
    [
        ("£1,250.00", "1250", "GBP"),
        ("1.250,00 €", "1250", "EUR"),
        ("€1.250", "1250", "EUR"),
        ("$5", "5", "USD"),
        ("US$ 5", "5", "USD"),
        ("EUR 12", "12", "EUR"),
        ("12 eur", "12", "EUR"),
        ("12,50", "12.50", None),
        ("1,250", "1250", None),
        ("1,250,000.5", "1250000.5", None),
        ("1.250.000", "1250000", None),
        ("1 250,00 zł", "1250", "PLN"),
        ("1\u00a0250\u202f000 €", "1250000", "EUR"),
        ("CHF 1'250.50", "1250.50", "CHF"),
        ("12 345 678,90 €", "12345678.90", "EUR"),
        ("£ 1 250", "1250", "GBP"),
        ("0.125", "0.125", None),
        ("12.34567", "12.3457", None),
        ("5.", "5", None),
        ("1234567890123.99999", "1234567890124", None),
        (".99", "0.99", None),
        ("12,- €", "12", "EUR"),
        ("£20 ono", "20", "GBP"),
        ("20 € VB", "20", "EUR"),
        ("£5 each", "5", "GBP"),
        ("Free", "0", None),
        (" GRATIS ", "0", None),
        ("0", "0", None),
        ("¥1,000", "1000", "JPY"),
    ],
)
def test_prices_that_can_be_read(text: str, amount: str, currency: str | None) -> None:
    price = parse_price(text)
    assert price is not None
    assert price.amount == Decimal(amount)
    assert price.currency == currency


@pytest.mark.parametrize(
    "text",
    [
        "POA", "Swap", "-5", "£-5", "-£5", "£10 - £20", "10-20", "£5 £6", "from £5", "£85 pw", "12pcm", "1.250",
        "£1.250", "1,25,000", "12,34.56.78", "1.2.3", "1.234,567,89", "12,5000.0", "٣", "1e5", "12345678901234",
        "9" * 60, "10 20", "£5 10", "£5, 10", "10 20 300", "1 250 00", "1 2345",
        "1234 567", "12 .50", "10'20", "5 each 10", "5 apples", "ca. 5", "10%", "",
    ],
)  # fmt: skip
def test_prices_that_are_left_unread(text: str) -> None:
    assert parse_price(text) is None


def test_the_option_names_the_currency_that_the_text_leaves_open() -> None:
    def currency(text: str, option: str) -> str | None:
        price = parse_price(text, currency=option)
        return price.currency if price else None

    assert currency("5", "GBP") == "GBP"
    assert currency("Free", "GBP") == "GBP"
    assert currency("$5", "AUD") == "AUD"
    assert currency("$5", "GBP") == "USD"
    assert currency("¥5", "CNY") == "CNY"
    assert currency("€5", "GBP") == "EUR"


@pytest.mark.parametrize(
    ("texts", "mark"),
    [
        (["1.250", "12,50", "3,00 €"], ","),
        (["£1,250.00", "3.5"], "."),
        (["1.250,00"], ","),
        (["1,250"], None),
        (["1.5", "1,5"], None),
        (["5, 10", "10 20,5"], None),
        ([], None),
    ],
)
def test_the_rest_of_the_column_tells_the_decimal_mark(texts: list[str], mark: str | None) -> None:
    assert decimal_mark(texts) == mark


@pytest.mark.parametrize(
    ("text", "mark", "amount"),
    [
        ("1.250", ",", "1250"),
        ("1.250", ".", "1.250"),
        ("1.250 €", ".", None),
        ("1,250", ".", "1250"),
        ("1,250", ",", None),
        ("1,25", ".", "1.25"),
    ],
)
def test_the_decimal_mark_decides_three_digits(text: str, mark: str, amount: str | None) -> None:
    price = parse_price(text, decimal_mark=mark)  # type: ignore[arg-type]
    assert (price.amount if price else None) == (Decimal(amount) if amount else None)
