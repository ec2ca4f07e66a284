"""The documented columns and reason codes are those of the code."""

import re
from pathlib import Path

from lookalike.catalogue import REASONS
from lookalike.catalogue.columns import PRODUCT_PARTS, TABLE_PARTS
from lookalike.catalogue.store import HINTS_SCHEMA, IMAGES_SCHEMA, PRODUCTS_SCHEMA

DOC = Path(__file__).resolve().parents[2] / "docs" / "data-formats.md"


def first_cells(text: str) -> list[str]:
    rows = [line.split("|") for line in text.splitlines() if line.startswith("| `")]
    return [name for row in rows for name in re.findall(r"`([^`]+)`", row[1])]


def section(start: str, stop: str) -> str:
    return DOC.read_text(encoding="utf-8").split(start, 1)[1].split(stop, 1)[0]


def test_reason_codes() -> None:
    text = section("Reason codes of `ingest`", "### catalogue")
    assert [line for line in text.splitlines() if line.startswith("| `")] == [
        f"| `{code}` | {words} |" for code, words in REASONS.items()
    ]


def test_columns_of_the_catalogue() -> None:
    assert first_cells(section("`products.parquet`\n", "`images.parquet`\n")) == list(PRODUCTS_SCHEMA)
    assert first_cells(section("`images.parquet`\n", "`hints.parquet`")) == list(IMAGES_SCHEMA)
    assert first_cells(section("`hints.parquet`", "### split")) == list(HINTS_SCHEMA)


def test_parts_and_the_names_they_are_guessed_from() -> None:
    rows = [line.split("|") for line in section("### Columns", "### catalogue.toml").splitlines() if line[:3] == "| `"]
    told = {re.findall(r"`([^`]+)`", row[1])[0]: re.findall(r"`([^`]+)`", row[2]) for row in rows}
    assert set(told) == set(TABLE_PARTS)
    for part, names in told.items():
        assert names[: len(TABLE_PARTS[part])] == list(TABLE_PARTS[part])
        assert set(PRODUCT_PARTS.get(part, ())) <= set(names)
