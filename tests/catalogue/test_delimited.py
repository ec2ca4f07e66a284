"""CSV: only a line feed outside quotes ends a row; nothing is lost, split or shifted."""

import csv
import io
from pathlib import Path
from typing import Literal

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lookalike.catalogue.delimited import DelimitedRows, read_delimited
from lookalike.errors import SourceError

FILE = Path("table.csv")


def rows_of(read: DelimitedRows) -> list[tuple[str, ...]]:
    return read.frame.drop("row").rows()


def read(text: str, delimiter: str = ",") -> DelimitedRows:
    return read_delimited(text, FILE, delimiter=delimiter)


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("a,b\n1,2\n", [("1", "2")]),
        ("a,b\n1,2", [("1", "2")]),
        ("a,b\r\n1,2\r\n", [("1", "2")]),
        ("a,b\n1,x\ry\n", [("1", "x\ry")]),
        ("a,b\n\rx\r,y\n", [("\rx\r", "y")]),
        ('a,b\n1,"x\ry"\n', [("1", "x\ry")]),
        ('a,b\r\n1,"x\r\ny"\r\n', [("1", "x\r\ny")]),
        ('a,b\n1,"x\ny, ""z"""\n2,\n', [("1", 'x\ny, "z"'), ("2", "")]),
        ('a,b\n"",""\n', [("", "")]),
        ('a,b\n"""",1\n', [('"', "1")]),
        ("a,b\n,\n", [("", "")]),
        ("a,b\n\n1,2\n\r\n\n3,4\n\n", [("1", "2"), ("3", "4")]),
        ("\n\na,b\n1,2\n", [("1", "2")]),
        ("a,b\n#1,2\n", [("#1", "2")]),
        ("a,b\n007, 😀 \n", [("007", " 😀 ")]),
        ("a,b\n1,x\r\r\n", [("1", "x\r")]),
        ("a,b\n1,x\u2028y\x0b\x85\n", [("1", "x\u2028y\x0b\x85")]),
        ("a,b\n1,\x00\n", [("1", "\x00")]),
        ("a\n1\n\n2\n", [("1",), ("2",)]),
        ('a\n""\n2\n', [("",), ("2",)]),
        ("a,b\n", []),
        ("a,b", []),
        ('a,"b\nc"\n1,2\n', [("1", "2")]),
    ],
)
def test_well_formed_files(text: str, rows: list[tuple[str, ...]]) -> None:
    found = read(text)
    assert rows_of(found) == rows
    assert found.total == len(rows)
    assert found.malformed == ()


@pytest.mark.parametrize(
    ("text", "rows", "malformed"),
    [
        ('a,b\n1,12" ruler\n2,x\n', [("1", '12" ruler'), ("2", "x")], []),
        ('a,b\n1,12" and 5" ruler\n2,x\n', [("1", '12" and 5" ruler'), ("2", "x")], []),
        ('a,b\n1,"12" ruler"\n2,x\n', [("1", '"12" ruler"'), ("2", "x")], []),
        ('a,b\n0,"5 inch tv\n1,x\n2,"baz"\n3,y\n', [("0", '"5 inch tv'), ("1", "x"), ("2", "baz"), ("3", "y")], []),
        ('a,b\r\n0,"5 inch tv\r\n1,"baz"\r\n2,""\r\n', [("0", '"5 inch tv'), ("1", "baz"), ("2", "")], []),
        ('a,b\n"5 inch, tv\n"1","x"', [('"5 inch', " tv"), ("1", "x")], []),
        ('a,b\n0,"5 inch, black\n1,"baz"\n', [("1", "baz")], [1]),
        ('a,b\n0,"x ""y""\n1,"z"\n', [("0", '"x ""y""'), ("1", "z")], []),
        ('a,b\n0,"x"\r', [("0", "x")], []),
        ('a,b\n1,"never closed\n2,x\n', [("1", '"never closed'), ("2", "x")], []),
        ('a,b\n1, "x, y"\n2,x\n', [("2", "x")], [1]),
        ('a,b\n1,"x"\ry\n', [("1", '"x"\ry')], []),
    ],
)
def test_a_stray_quote_harms_its_own_row_only(text: str, rows: list[tuple[str, ...]], malformed: list[int]) -> None:
    found = read(text)
    assert rows_of(found) == rows
    assert [row for row, _ in found.malformed] == malformed
    assert found.total == len(rows) + len(malformed)


def test_ragged_rows_are_set_aside_and_shift_nobody() -> None:
    found = read('a,b,c\n1,2,3\n4,5\n6,7,8,9\n"x\ny",,\n\n1,2,3,\n')
    assert rows_of(found) == [("1", "2", "3"), ("x\ny", "", "")]
    assert found.frame["row"].to_list() == [1, 4]
    assert [row for row, _ in found.malformed] == [2, 3, 5]
    assert found.malformed[0][1].startswith("2 fields where the header has 3: 4,5")


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_told_from_the_header(delimiter: str) -> None:
    text = (
        delimiter.join(["id", '"a,;b,;"', "c", "d"])
        + "\n"
        + delimiter.join(["1", "x,y", "2,5", "z"]).replace("x,y", '"x,y"').replace("2,5", '"2,5"')
    )
    found = read_delimited(text, FILE)
    assert found.header == ("id", "a,;b,;", "c", "d")
    assert rows_of(found) == [("1", "x,y", "2,5", "z")]


def test_a_header_that_could_be_cut_in_two_ways_is_refused_by_name() -> None:
    with pytest.raises(SourceError, match=r"table\.csv, line 1: .*--delimiter"):
        read_delimited("a,b;c\n1,2;3\n", FILE)
    assert read_delimited("a,b;c\n1,2;3\n", FILE, delimiter=";").header == ("a,b", "c")


@pytest.mark.parametrize("delimiter", ["", ",,", '"', "\n"])
def test_a_delimiter_that_is_none_is_refused(delimiter: str) -> None:
    if delimiter:
        with pytest.raises(SourceError, match="delimiter"):
            read_delimited("a,b\n", FILE, delimiter=delimiter)


def test_a_delimiter_beyond_ascii_is_read_carefully() -> None:
    assert rows_of(read_delimited("a§b\n1§2\n", FILE, delimiter="§")) == [("1", "2")]


@pytest.mark.parametrize("text", ["", "\n\n", "\r\n"])
def test_an_empty_table_is_refused(text: str) -> None:
    with pytest.raises(SourceError, match="empty"):
        read_delimited(text, FILE)


FIELD = st.text(st.sampled_from('ab"\r\n,; é😀'), max_size=6)


@given(
    rows=st.lists(st.tuples(FIELD, FIELD, FIELD), max_size=8),
    quoting=st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_MINIMAL]),
    end=st.sampled_from(["\n", "\r\n"]),
    delimiter=st.sampled_from([",", ";"]),
)
def test_what_was_written_is_read(
    rows: list[tuple[str, str, str]], quoting: Literal[0, 1], end: str, delimiter: str
) -> None:
    if quoting == csv.QUOTE_MINIMAL:  # unquoted, a carriage return at the end of a row belongs to the line end
        rows = [(first, second, last.rstrip("\r")) for first, second, last in rows]
    file = io.StringIO(newline="")
    csv.writer(file, quoting=quoting, lineterminator=end, delimiter=delimiter).writerows([("x", "y", "z"), *rows])
    found = read(file.getvalue(), delimiter)
    assert rows_of(found) == rows
    assert found.total == len(rows)


@given(st.lists(st.tuples(FIELD, FIELD, FIELD), min_size=1, max_size=8))
def test_polars_reads_the_same_but_for_carriage_returns_at_the_end_of_a_field(rows: list[tuple[str, str, str]]) -> None:
    rows = [(a.rstrip("\r"), b.rstrip("\r"), c.rstrip("\r")) for a, b, c in rows]
    file = io.StringIO(newline="")
    csv.writer(file, lineterminator="\n", quoting=csv.QUOTE_ALL).writerows([("x", "y", "z"), *rows])
    twin = pl.read_csv(file.getvalue().encode(), infer_schema=False, empty_string_is_null=False)
    assert rows_of(read(file.getvalue())) == twin.rows()


@given(st.text(st.sampled_from('ab"\r\n,'), max_size=40))
def test_any_text_gives_rows_in_equal_to_rows_out_and_rejects(body: str) -> None:
    found = read("x,y\n" + body)
    assert found.total == found.frame.height + len(found.malformed)
    numbers = sorted([*found.frame["row"], *(row for row, _ in found.malformed)])
    assert numbers == list(range(1, found.total + 1))


@given(
    st.lists(st.lists(st.text(st.sampled_from("ab\r é"), min_size=1, max_size=4), min_size=1, max_size=5), max_size=9)
)
def test_unquoted_rows_are_the_line_feeds(rows: list[list[str]]) -> None:
    lines = [",".join(row) for row in rows]
    kept = [row for row, line in zip(rows, lines, strict=True) if line.removesuffix("\r")]
    found = read("x,y,z\n" + "".join(line + "\n" for line in lines))
    assert found.total == len(kept)
    expected = [(*row[:2], row[2].removesuffix("\r")) for row in kept if len(row) == 3]
    assert rows_of(found) == expected


@given(st.lists(st.tuples(FIELD, FIELD), max_size=5), st.text(st.sampled_from("ab é;"), max_size=5))
def test_an_unclosed_quote_costs_no_other_row(rows: list[tuple[str, str]], words: str) -> None:
    file = io.StringIO(newline="")
    csv.writer(file, quoting=csv.QUOTE_ALL, lineterminator="\n").writerows(
        [("r" + first, last) for first, last in rows]
    )
    found = read(f'x,y\n0,"{words}\n' + file.getvalue())
    assert rows_of(found) == [("0", f'"{words}'), *(("r" + first, last) for first, last in rows)]
