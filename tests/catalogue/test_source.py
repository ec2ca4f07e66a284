"""Understanding what a source is, and saying what is wrong where it is not."""

from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from lookalike.catalogue import SourceConfig, SourceOptions, load_source_config
from lookalike.catalogue.columns import IMAGE_PARTS, PRODUCT_PARTS, TABLE_PARTS, choose_columns, require, select
from lookalike.catalogue.tables import Table
from lookalike.errors import SourceError

Write = Callable[[dict[str, bytes | str]], Path]


def table(
    *columns: str, rows: list[tuple[str | None, ...]] | None = None, nested: frozenset[str] = frozenset()
) -> Table:
    schema = {str(i): pl.String for i in range(len(columns))}
    frame = pl.DataFrame(rows or [], schema=schema, orient="row").with_row_index("row", 1)
    frame = frame.with_columns(pl.col("row").cast(pl.Int64))
    return Table(Path("t.csv"), columns, frame, frame.height, nested=nested)


@pytest.mark.parametrize("names", [("Products.csv", "Images.csv"), ("PRODUCTS.TSV", "images.parquet")])
def test_the_pair(write: Write, names: tuple[str, str]) -> None:
    root = write({names[0]: "id\n", names[1]: "id\n", "images/a.jpg": "x", "other.csv": "id\n"})
    config = load_source_config(root)
    assert config == SourceConfig("pair", root / "images", root / names[1], root / names[0])


@pytest.mark.parametrize("folder", ["images", "Photos"])
def test_one_table_in_a_folder_or_by_name(write: Write, folder: str) -> None:
    root = write({"list.csv": "id\n", f"{folder}/a.jpg": "x", "README.md": "x", ".hidden.csv": ""})
    expected = SourceConfig("table", root / folder, root / "list.csv")
    assert load_source_config(root) == expected
    assert load_source_config(root / "list.csv") == expected


def test_photos_beside_the_table(write: Write) -> None:
    root = write({"list.jsonl": "{}", "a.jpg": "x"})
    assert load_source_config(root) == SourceConfig("table", root, root / "list.jsonl")


def test_a_folder_per_category(write: Write) -> None:
    root = write({"Hats/a.jpg": "x"})
    assert load_source_config(root) == SourceConfig("folders", root)


def test_catalogue_toml_and_options_that_win(write: Write) -> None:
    root = write(
        {
            "catalogue.toml": 'table = "t/i.csv"\nproducts = "t/p.csv"\nphotos = "pics"\nencoding = "cp1252"\n'
            'delimiter = ";"\ncurrency = "eur"\nmax_pixels = 5\n'
            '[columns]\nimage = "Bild"\nproduct = "Artikel"\n[product_columns]\nname = "Titel"\n',
            "t/i.csv": "x",
            "t/p.csv": "x",
            "pics/a.jpg": "x",
            "more/a.jpg": "x",
        }
    )
    expected = SourceConfig(
        "pair",
        root / "pics",
        root / "t/i.csv",
        root / "t/p.csv",
        {"image": "Bild", "product": "Artikel"},
        {"name": "Titel"},
        "cp1252",
        ";",
        "EUR",
        5,
    )
    assert load_source_config(root) == expected
    assert load_source_config(root / "catalogue.toml") == expected
    options = SourceOptions(photos=root / "more", columns={"image": "Foto"}, currency="gbp", max_pixels=9)
    config = load_source_config(root, options)
    assert config.photos == root / "more"
    assert config.columns == {"image": "Foto", "product": "Artikel"}
    assert (config.currency, config.max_pixels, config.encoding) == ("GBP", 9, "cp1252")


def test_the_recipe_holds_no_path(write: Write) -> None:
    root = write({"list.csv": "id\n"})
    assert str(root) not in str(load_source_config(root).recipe())


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"a.csv": "", "b.csv": ""}, r"several tables here: a\.csv, b\.csv"),
        ({"products.csv": "", "products.tsv": "", "images.csv": ""}, "several tables"),
        ({"catalogue.toml": "tabel = 'x'"}, "'tabel' is not known.*The keys are: table"),
        ({"catalogue.toml": "table = 1"}, "'table' is of the wrong kind"),
        ({"catalogue.toml": "max_pixels = true"}, "wrong kind"),
        ({"catalogue.toml": "= 1"}, "no readable TOML"),
        ({"catalogue.toml": "[columns]\nimage = 1", "a.csv": ""}, "'image' must be a name"),
        ({"catalogue.toml": "table = 'no.csv'"}, "no such table"),
        ({"catalogue.toml": "photos = 'no'"}, "no such photo folder"),
        ({"catalogue.toml": "max_pixels = 0"}, "max_pixels"),
        ({"catalogue.toml": "currency = '€'"}, "'€' is no currency"),
        ({"catalogue.toml": "[columns]\nimage = 'a'", "x/a.jpg": ""}, "no table was found"),
        ({"catalogue.toml": "[product_columns]\nname = 'a'", "a.csv": ""}, "no product table"),
    ],
)
def test_what_cannot_be_understood_is_named(write: Write, files: dict[str, bytes | str], message: str) -> None:
    root = write(files)
    with pytest.raises(SourceError, match=message) as caught:
        load_source_config(root)
    assert str(root) in caught.value.where
    assert str(root) not in caught.value.what
    assert caught.value.mend


def test_no_source(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no such source"):
        load_source_config(tmp_path / "no")


def test_columns_are_guessed_from_common_names_and_the_guess_is_told() -> None:
    columns = choose_columns(table("image", "sender_id", "label", "kids"), TABLE_PARTS, {})
    assert columns.chosen == {"image": "image", "category": "label", "seller": "sender_id"}
    assert set(columns.guessed) == {"image", "category", "seller"}
    assert columns.unused == ("kids",)


def test_the_pair_s_columns() -> None:
    head = ("", "id", "product_name", "category", "product_description", "price", "location")
    columns = choose_columns(table(*head), PRODUCT_PARTS, {})
    assert columns.chosen == {
        "product": "id",
        "name": "product_name",
        "category": "category",
        "description": "product_description",
        "price": "price",
        "location": "location",
    }
    assert columns.unused == ()
    assert choose_columns(table("", "id", "product_id"), IMAGE_PARTS, {}).chosen == {
        "image": "id",
        "product": "product_id",
    }


def test_names_match_in_any_case_and_no_column_plays_two_parts() -> None:
    columns = choose_columns(table(" Image ", "TITLE", "class"), TABLE_PARTS, {})
    assert columns.chosen == {"image": " Image ", "name": "TITLE", "category": "class"}
    named = choose_columns(table("id", "name"), TABLE_PARTS, {"product": "ID"})
    assert named.chosen == {"product": "id", "name": "name"}
    assert named.guessed == ("name",)


def test_an_empty_name_says_that_there_is_no_such_part() -> None:
    assert "split" not in choose_columns(table("id", "split"), TABLE_PARTS, {"split": ""}).chosen


def test_wrong_columns_are_refused_by_name() -> None:
    with pytest.raises(SourceError, match="'imag' is no part"):
        choose_columns(table("id"), TABLE_PARTS, {"imag": "id"})
    with pytest.raises(SourceError, match=r"line 1: there is no column 'nr'.*The columns are: id, x"):
        choose_columns(table("id", "x"), TABLE_PARTS, {"image": "nr"})
    with pytest.raises(SourceError, match="'id', wanted for: image, stands twice"):
        choose_columns(table("id", "id"), TABLE_PARTS, {})
    with pytest.raises(SourceError, match="'label', wanted for: category, holds lists"):
        choose_columns(table("id", "label", nested=frozenset({"label"})), TABLE_PARTS, {})
    choose_columns(table("id", "tags", "tags", nested=frozenset({"tags"})), TABLE_PARTS, {})


def test_a_missing_part_lists_the_columns_and_the_mend() -> None:
    found = table("nr", "x")
    columns = choose_columns(found, TABLE_PARTS, {})
    with pytest.raises(
        SourceError, match=r"image or path.*The columns are: nr, x\. Name the right one.*catalogue\.toml"
    ):
        require(found, columns, "image", "path")


def test_selected_values_are_as_they_stand_but_blank_is_null() -> None:
    found = table("id", "name", rows=[(" 007 ", " \r "), ("", None)])
    frame = select(found, choose_columns(found, TABLE_PARTS, {}), TABLE_PARTS)
    assert frame.columns == ["row", *TABLE_PARTS]
    assert frame.select("row", "image", "name", "price").rows() == [(1, " 007 ", None, None), (2, None, None, None)]


def test_a_site_s_ledger_is_no_table(tmp_path: Path) -> None:
    (tmp_path / "test-uses.jsonl").write_text("{}", encoding="utf-8")
    assert load_source_config(tmp_path).form == "folders"
