"""Tables of every form, all values as text."""

import codecs
from datetime import date
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest

from lookalike.catalogue.tables import decode_text, is_table, read_table
from lookalike.errors import SourceError

TEXT = "id,name\n007,Möbel £5\n"


def values(file: Path, **options: str) -> list[tuple[object, ...]]:
    table = read_table(file, **options)
    assert table.total == table.frame.height + len(table.rejects)
    return table.frame.drop("row").rows()


@pytest.mark.parametrize(
    "data",
    [
        TEXT.encode(),
        TEXT.encode("utf-8-sig"),
        codecs.BOM_UTF16_LE + TEXT.encode("utf-16-le"),
        codecs.BOM_UTF16_BE + TEXT.encode("utf-16-be"),
        codecs.BOM_UTF32_LE + TEXT.encode("utf-32-le"),
    ],
)
def test_a_byte_order_mark_tells_the_encoding(tmp_path: Path, data: bytes) -> None:
    file = tmp_path / "t.CSV"
    file.write_bytes(data)
    assert read_table(file).columns == ("id", "name")
    assert values(file) == [("007", "Möbel £5")]


@pytest.mark.parametrize("encoding", ["cp1252", "latin-1", "utf-16", "utf-16-le", "utf-8-sig"])
def test_an_encoding_can_be_named(tmp_path: Path, encoding: str) -> None:
    file = tmp_path / "t.csv"
    file.write_bytes(TEXT.encode(encoding))
    assert read_table(file, encoding=encoding).columns == ("id", "name")
    assert values(file, encoding=encoding) == [("007", "Möbel £5")]


def test_a_named_encoding_takes_its_mark_away(tmp_path: Path) -> None:
    file = tmp_path / "t.csv"
    file.write_bytes(TEXT.encode("utf-8-sig"))
    assert read_table(file, encoding="UTF8").columns == ("id", "name")


def test_another_encoding_is_refused_by_name() -> None:
    with pytest.raises(SourceError, match=r"t\.csv, line 3: the bytes are not utf-8.*--encoding cp1252"):
        decode_text("a\nb\n£\n".encode("cp1252"), Path("t.csv"))
    with pytest.raises(SourceError, match="zero bytes"):
        decode_text("a,b\n".encode("utf-16-le"), Path("t.csv"))
    with pytest.raises(SourceError, match="no text encoding is called 'klingon'"):
        decode_text(b"a", Path("t.csv"), "klingon")
    with pytest.raises(SourceError, match="the bytes are not ascii"):
        decode_text("£".encode(), Path("t.csv"), "ascii")


def test_tsv_and_semicolons(tmp_path: Path) -> None:
    (tmp_path / "t.tsv").write_text("id\tname\n1\ta, b\n", encoding="utf-8")
    (tmp_path / "t.csv").write_text("id;price\n1;1.250,00 €\n", encoding="utf-8")
    assert values(tmp_path / "t.tsv") == [("1", "a, b")]
    assert values(tmp_path / "t.csv") == [("1", "1.250,00 €")]


def test_ragged_rows_become_rejects(tmp_path: Path) -> None:
    file = tmp_path / "t.csv"
    file.write_text("id,name\n1,a\n2\n", encoding="utf-8")
    (reject,) = read_table(file).rejects
    assert (reject.table, reject.row, reject.stage, reject.reason) == ("t.csv", 2, "ingest", "malformed_row")


def test_parquet_as_text(tmp_path: Path) -> None:
    file = tmp_path / "t.parquet"
    pl.DataFrame(
        {
            "text": ["007", None],
            "whole": [7, None],
            "floated": [12.0, None],
            "real": [1.5, 2.0],
            "money": [Decimal("1.50"), None],
            "flag": [True, False],
            "day": [date(2026, 1, 2), None],
            "many": [[1], [2]],
        }
    ).write_parquet(file)
    table = read_table(file)
    assert table.nested == {"many"}
    assert table.frame.rows() == [
        (1, "007", "7", "12", "1.5", "1.50", "true", "2026-01-02", None),
        (2, None, None, None, "2.0", None, "false", None, None),
    ]


@pytest.mark.parametrize(
    ("column", "texts"),
    [
        (pl.Series("id", [2.0**53 - 1, None]), ["9007199254740991", None]),
        (pl.Series("id", [2.0**24 - 1, None], dtype=pl.Float32), ["16777215", None]),
        (pl.Series("id", [12.0, float("nan")]), ["12", None]),
        (pl.Series("id", [1e20, 1.0]), ["100000000000000000000", "1"]),
    ],
)
def test_whole_floats_in_parquet_are_never_lost(tmp_path: Path, column: pl.Series, texts: list[str | None]) -> None:
    file = tmp_path / "t.parquet"
    pl.DataFrame([column]).write_parquet(file)
    assert [value for (value,) in values(file)] == texts


def test_json_lines_keep_the_spelling_of_numbers(tmp_path: Path) -> None:
    file = tmp_path / "t.JSONL"
    file.write_text(
        '{"id": "007", "n": 1.50, "x": true}\n\n{"id": 12345678901234567890, "late": null}\n{"n": "a\u2028b"}\n',
        encoding="utf-8",
    )
    table = read_table(file)
    assert table.columns == ("id", "n", "x", "late")
    assert table.frame.rows() == [
        (1, "007", "1.50", "true", None),
        (2, "12345678901234567890", None, None, None),
        (3, None, "a\u2028b", None, None),
    ]


def test_half_a_character_in_json_costs_that_character_only(tmp_path: Path) -> None:
    file = tmp_path / "t.jsonl"
    lines = [r'{"id": "a\ud83d", "n\ud83d": "1", "n\ude00": "2"}', r'{"id": "\ud83d\ude00", "n\udc00": "é"}']
    file.write_text("\n".join(lines), encoding="utf-8")
    table = read_table(file)
    assert table.columns == ("id", "n\ufffd")
    assert table.frame.rows() == [(1, "a\ufffd", "2"), (2, "😀", "é")]


def test_bad_json_lines_are_rejected_one_by_one(tmp_path: Path) -> None:
    file = tmp_path / "t.ndjson"
    file.write_text('{"id": 1, "tags": ["a"]}\n{"id": \n[1]\n"x"\n' + "[" * 100_000 + '\n{"id": 2}\n', encoding="utf-8")
    table = read_table(file)
    assert table.total == 6
    assert [reject.row for reject in table.rejects] == [2, 3, 4, 5]
    assert table.frame["row"].to_list() == [1, 6]
    assert table.nested == {"tags"}


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("t.parquet", b"no", "no readable Parquet"),
        ("t.jsonl", b"", "no JSON object"),
        ("t.xlsx", b"", "'.xlsx' is not known"),
        ("t.csv", b"", "empty"),
    ],
)
def test_what_is_no_table_is_refused(tmp_path: Path, name: str, data: bytes, message: str) -> None:
    file = tmp_path / name
    file.write_bytes(data)
    with pytest.raises(SourceError, match=message) as caught:
        read_table(file)
    assert name in caught.value.where
    assert caught.value.mend


def test_a_folder_is_no_table_to_read(tmp_path: Path) -> None:
    (tmp_path / "t.csv").mkdir()
    with pytest.raises(SourceError, match="cannot be read"):
        read_table(tmp_path / "t.csv")


def test_extensions_in_any_case() -> None:
    assert is_table(Path("a.CSV"))
    assert not is_table(Path("a.jpg"))
