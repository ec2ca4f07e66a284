"""From a source to a catalogue: every row and file ends as a row or as a reject with its reason."""

import csv
import io
import os
import shutil
from collections import Counter
from collections.abc import Callable, Sequence
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lookalike.artifacts import Artifact
from lookalike.catalogue import REASONS, SourceOptions, ingest, load_source_config, photo_root, read
from lookalike.errors import ArtifactError, SourceError

Draw = Callable[..., bytes]
Write = Callable[[dict[str, bytes | str]], Path]


def run(root: Path, options: SourceOptions | None = None, *, rehash: bool = False) -> Artifact:
    return ingest(load_source_config(root, options), root.parent / "site" / "catalogue", rehash=rehash)


def reasons(artifact: Artifact) -> dict[tuple[str, str, int | None], str]:
    return {(row["table"], row["id"], row["row"]): row["reason"] for row in artifact.rejects().iter_rows(named=True)}


def table(*rows: Sequence[str], end: str = "\n") -> str:
    file = io.StringIO(newline="")
    csv.writer(file, lineterminator=end).writerows(rows)
    return file.getvalue()


PRODUCTS = (
    ",id,product_name,category,product_description,price,location\n"
    '0, 007 ,"Oak\r wardrobe  | in Wokingham, Berkshire | Gumtree",'
    '"Home & Garden /  Beds & Bedroom Furniture / Wardrobes, Shelving & Storage / Private",'
    '"Says ""as new"",\r\n 😀 ok","£1,250.00", Wokingham \n'
    '1,b,Chair,Home & Garden / Private,un\rquoted\r,"1.250,00 €",\n'
    "2,b,Second,X,,£1,\n"
    "3,,No id,X,,£1,\n"
    "4,c,No photo,X,,£1,\n"
    "5,d,Short row\n"
    "6,e,Plain,,,POA,Bath\n"
)


def pair(draw: Draw) -> dict[str, bytes | str]:
    whole = draw(3, size=(400, 300))
    return {
        "Products.csv": PRODUCTS,
        "Images.csv": ",id,product_id\n"
        "0,p0,007\n1, p1 ,007\n2,p2,007\n3,p3,b\n4,p0,b\n5,,b\n6,p6,\n7,p7,nobody\n8,p8,c\n9,p9,b\n10,p10,b\n"
        "11,p11,b\n12,p12,b\n13,../x,b\n14,p14\n15,p15,e\n16,two,e\n",
        "images/p0.jpg": draw(0),
        "images/p1": draw(1, form="PNG"),
        "images/p2.webp": draw(0),  # as p0, in the same product
        "images/p3.gif": draw(0),  # as p0, in another product
        "images/p6.jpg": draw(6),
        "images/p7.jpg": draw(7),
        "images/p9.jpg": b"",
        "images/p10.jpg": whole[: len(whole) // 2],
        "images/p11.jpg": b"no photo",
        "images/p12.png": draw(12, size=(2000, 1000), form="PNG"),
        "images/p15.jpg": draw(15, size=(90, 60)),
        "images/two.jpg": draw(20),
        "images/two.png": draw(21),
        "images/unlisted.jpg": draw(16),
    }


def test_the_marketplace_pair_with_its_dirt(write: Write, draw: Draw) -> None:
    artifact = run(write(pair(draw)), SourceOptions(max_pixels=1_000_000))
    found = read(artifact.path)
    first, second, third = found.products.rows(named=True)
    assert first == {
        "product_id": "007",
        "name": "Oak wardrobe",
        "name_raw": "Oak\r wardrobe  | in Wokingham, Berkshire | Gumtree",
        "description": 'Says "as new",\r\n 😀 ok',
        "price": Decimal("1250.0000"),
        "currency": "GBP",
        "location": "Wokingham",
        "seller_id": None,
        "category": "Home & Garden / Beds & Bedroom Furniture / Wardrobes, Shelving & Storage / Private",
        "parent": "Home & Garden",
    }
    assert (second["product_id"], second["price"], second["currency"]) == ("b", Decimal(1250), "EUR")
    assert second["description"] == "un\rquoted\r"
    assert (third["category"], third["parent"], third["price"], third["location"]) == (None, None, None, "Bath")
    assert artifact.counts["prices_unread"] == 1
    assert artifact.about["unread_price_examples"] == ["POA"]
    assert found.images.select("image_id", "product_id", "path", "format", "duplicate_of").rows() == [
        ("p0", "007", "p0.jpg", "jpeg", None),
        ("p1", "007", "p1", "png", None),
        ("p3", "b", "p3.gif", "jpeg", "p0"),
        ("p15", "e", "p15.jpg", "jpeg", None),
    ]
    assert found.images.row(3)[3:5] == (90, 60)
    assert found.hints["image_id"].to_list() == found.images["image_id"].to_list()
    assert found.hints["phash"].null_count() == 0


def test_each_reject_of_the_pair(write: Write, draw: Draw) -> None:
    artifact = run(write(pair(draw)), SourceOptions(max_pixels=1_000_000))
    assert reasons(artifact) == {
        ("Products.csv", None, 6): "malformed_row",
        ("Products.csv", None, 4): "empty_id",
        ("Products.csv", "b", 3): "duplicate_id",
        ("Products.csv", "c", 5): "no_photo",
        ("Images.csv", None, 15): "malformed_row",
        ("Images.csv", None, 6): "empty_id",
        ("Images.csv", "p0", 5): "duplicate_id",
        ("Images.csv", "p6", 7): "no_product",
        ("Images.csv", "p7", 8): "unknown_product",
        ("Images.csv", "p8", 9): "missing",
        ("Images.csv", "../x", 14): "outside_root",
        ("Images.csv", "two", 17): "ambiguous_file",
        ("Images.csv", "p9", 10): "empty",
        ("Images.csv", "p10", 11): "truncated",
        ("Images.csv", "p11", 12): "unreadable",
        ("Images.csv", "p12", 13): "too_large",
        ("Images.csv", "p2", 3): "duplicate_in_product",
        ("photos", "two.jpg", None): "no_row",
        ("photos", "two.png", None): "no_row",
        ("photos", "unlisted.jpg", None): "no_row",
    }
    assert set(artifact.rejects()["stage"]) == {"ingest"}
    assert set(artifact.rejects()["reason"]) <= set(REASONS)
    assert artifact.counts["rejects"] == dict(Counter(artifact.rejects()["reason"]))
    assert artifact.counts["product_rows"] == 7
    assert artifact.counts["image_rows"] == 17
    assert artifact.counts["photo_files"] == 14


def test_every_reason_is_reached() -> None:
    text = Path(__file__).read_text(encoding="utf-8")
    assert {reason for reason in REASONS if f'"{reason}"' not in text} == set()


@pytest.mark.parametrize("form", ["csv-crlf", "tsv", "parquet", "jsonl"])
def test_the_same_rows_in_any_table_form(write: Write, draw: Draw, form: str) -> None:
    rows = [("id", "product_id", "title"), ("001", "07", "Hat | Shop"), ("002", "07", "x"), ("003", "08", "")]
    root = write({f"{i:03}.jpg": draw(i) for i in (1, 2, 3)})
    if form == "csv-crlf":
        (root / "t.csv").write_text(table(*rows, end="\r\n"), encoding="utf-8-sig", newline="")
    elif form == "tsv":
        (root / "t.tsv").write_text("\n".join("\t".join(row) for row in rows), encoding="utf-8")
    else:
        frame = pl.DataFrame(rows[1:], schema=list(rows[0]), orient="row")
        frame.write_parquet(root / "t.parquet") if form == "parquet" else frame.write_ndjson(root / "t.jsonl")
    found = read(run(root).path)
    assert found.images.select("image_id", "product_id").rows() == [("001", "07"), ("002", "07"), ("003", "08")]
    assert found.products.select("product_id", "name").rows() == [("07", "Hat"), ("08", "")]
    assert found.artifact.rejects().height == 0


def test_a_pair_from_a_continental_office(write: Write, draw: Draw) -> None:
    files: dict[str, bytes | str] = {
        "Products.csv": "id;product_name;price\r\n1;Möbel, groß;1.250,00 €\r\n".encode("cp1252"),
        "Images.csv": "id;product_id\r\nä;1\r\n".encode("cp1252"),
        "ä.jpg": draw(1),
    }
    root = write(files)
    with pytest.raises(SourceError, match=r"Products\.csv, line 2: the bytes are not utf-8"):
        run(root)
    found = read(run(root, SourceOptions(encoding="cp1252")).path)
    assert found.products.select("name", "price", "currency").rows() == [("Möbel, groß", Decimal(1250), "EUR")]
    assert found.images["path"].to_list() == ["ä.jpg"]


def test_one_table_like_the_clothing_set(write: Write, draw: Draw) -> None:
    rows = table(("image", "sender_id", "label", "kids"), ("a", "1", "T-Shirt", "x"), ("gone", "1", "Hat", "x"))
    artifact = run(write({"images.csv": rows, "images/a.jpg": draw(1), "images/b.jpg": draw(2)}))
    found = read(artifact.path)
    assert found.products.select("product_id", "seller_id", "category", "parent").rows() == [
        ("a", "1", "T-Shirt", "T-Shirt")
    ]
    assert reasons(artifact) == {("images.csv", "gone", 2): "missing", ("photos", "b.jpg", None): "no_row"}
    assert artifact.about["columns"]["guessed"] == ["image", "category", "seller"]
    assert artifact.about["columns"]["unused"] == ["kids"]


def test_the_first_stated_fact_counts_and_conflicts_are_counted(write: Write, draw: Draw) -> None:
    rows = table(
        ("id", "product_id", "label", "seller", "price"),
        ("a", "p", "", " s", "£1"),
        ("b", "p", "Hats", "s ", "£2"),
        ("c", "p", "Caps", "s", ""),
    )
    artifact = run(write({"t.csv": rows, **{f"{name}.jpg": draw(i) for i, name in enumerate("abc")}}))
    (product,) = read(artifact.path).products.rows(named=True)
    assert (product["category"], product["seller_id"], product["price"]) == ("Hats", "s", Decimal(1))
    assert artifact.counts["conflicts"] == {"category": 1, "price": 1}


def test_without_an_id_column_the_path_makes_the_id(write: Write, draw: Draw) -> None:
    rows = table(
        ("filename", "label"),
        ("x/a.jpg", "A"),
        ("x/b", "B"),
        ("x/a.jpg", "A"),
        ("no", "A"),
        ("", "A"),
        ("x/b.png", "B"),
    )
    artifact = run(write({"t.csv": rows, "x/a.jpg": draw(1), "x/b.png": draw(2)}))
    images = read(artifact.path).images
    # sha256sum of "x/a.jpg" and of "x/b.png"
    assert images["image_id"].to_list() == [_sha("x/a.jpg"), _sha("x/b.png")]
    assert images["product_id"].to_list() == images["image_id"].to_list()
    assert images["path"].to_list() == ["x/a.jpg", "x/b.png"]
    assert sorted(reasons(artifact).values()) == ["duplicate_id", "duplicate_id", "empty_id", "missing"]


def _sha(path: str) -> str:
    known = {"x/a.jpg": "9734e2128262dc1d", "x/b.png": "1fd09cff20d55f18", "Hats/Straw/a.jpg": "412dd2e583e4b9e3"}
    return known[path]


def test_a_path_column_beside_the_ids(write: Write, draw: Draw) -> None:
    rows = table(("id", "path"), ("1", "pics/a.jpg"), ("2", ""), ("3", "/etc/passwd"))
    artifact = run(write({"t.csv": rows, "pics/a.jpg": draw(1), "2.jpg": draw(2)}))
    assert read(artifact.path).images.select("image_id", "path").rows() == [("1", "pics/a.jpg"), ("2", "2.jpg")]
    assert reasons(artifact) == {("t.csv", "3", 3): "outside_root"}


def test_a_photo_goes_to_no_row_that_only_resembles_its_name(write: Write, draw: Draw) -> None:
    ids = ["10", "10.1", "aB", "ab", "CD", "Cd", "EF", "/g", "1:2"]
    files: dict[str, bytes | str] = {
        f"{name}.jpg": draw(i) for i, name in enumerate(["10", "ab", "cD", "ef", "g", "1:2"])
    }
    artifact = run(write({"t.csv": table(["id"], *[[one] for one in ids]), **files}))
    assert read(artifact.path).images.select("image_id", "path").rows() == [
        ("10", "10.jpg"), ("ab", "ab.jpg"), ("EF", "ef.jpg"), ("/g", "g.jpg"), ("1:2", "1:2.jpg"),
    ]  # fmt: skip
    assert reasons(artifact) == {
        ("t.csv", "10.1", 2): "missing",
        ("t.csv", "aB", 3): "missing",
        ("t.csv", "CD", 5): "missing",
        ("t.csv", "Cd", 6): "missing",
        ("photos", "cD.jpg", None): "no_row",
    }


def test_a_folder_per_category(write: Write, draw: Draw) -> None:
    files = {"Hats/Straw/a.jpg": draw(1), "Hats/b.png": draw(2, form="PNG"), "c.jpg": draw(3), "Shoes/d.txt": "x"}
    artifact = run(write(files))
    found = read(artifact.path)
    by_path = found.images.join(found.products, on="product_id").select("path", "category", "parent").rows()
    assert sorted(by_path) == [
        ("Hats/Straw/a.jpg", "Hats / Straw", "Hats"),
        ("Hats/b.png", "Hats", "Hats"),
        ("c.jpg", None, None),
    ]
    assert _sha("Hats/Straw/a.jpg") in found.images["image_id"]
    (reject,) = artifact.rejects().rows(named=True)
    assert (reject["table"], reject["row"], reject["reason"]) == ("photos", None, "unreadable")
    assert reject["id"] == "Shoes/d.txt"


def test_a_file_name_that_is_not_utf8_costs_only_its_file(write: Write, draw: Draw) -> None:
    root = write({"Hats/a.jpg": draw(1), "Hats/b.jpg": "no photo"})
    (root / "Hats" / os.fsdecode(b"caf\xe9.jpg")).write_bytes(draw(2))
    (root / os.fsdecode(b"\xff")).mkdir()
    (root / os.fsdecode(b"\xff") / "z.jpg").write_bytes(draw(3))
    artifact = run(root)
    assert read(artifact.path).images["path"].to_list() == ["Hats/a.jpg"]
    assert reasons(artifact) == {
        ("photos", "Hats/b.jpg", None): "unreadable",
        ("photos", r"Hats/caf\udce9.jpg", None): "bad_file_name",
        ("photos", r"\udcff/z.jpg", None): "bad_file_name",
    }
    assert artifact.counts["image_rows"] == artifact.counts["photo_files"] == 4
    (root / "t.csv").write_text(table(["id"], ["a"], ["z"]), encoding="utf-8")
    listed = run(root, rehash=True)
    assert read(listed.path).images["path"].to_list() == ["Hats/a.jpg"]
    assert reasons(listed) == {
        ("t.csv", "z", 2): "missing",
        ("photos", "Hats/b.jpg", None): "no_row",
        ("photos", r"Hats/caf\udce9.jpg", None): "bad_file_name",
        ("photos", r"\udcff/z.jpg", None): "bad_file_name",
    }


def test_the_source_s_split_is_read(write: Write, draw: Draw) -> None:
    said = ["Train", "val", "dev", "VALID", "test", "", "holdout"]
    rows = table(("id", "split"), *[(str(i), split) for i, split in enumerate(said)])
    artifact = run(write({"t.csv": rows, **{f"{i}.jpg": draw(i) for i in range(7)}}))
    assert read(artifact.path).hints["split"].to_list() == [
        "train", "validation", "validation", "validation", "test", None,
    ]  # fmt: skip
    assert reasons(artifact) == {("t.csv", "6", 7): "unknown_split"}


def test_a_split_column_that_holds_no_split_is_refused(write: Write, draw: Draw) -> None:
    root = write({"t.csv": table(("id", "split"), ("a", "banana")), "a.jpg": draw(1)})
    with pytest.raises(SourceError, match=r"'split' holds no known split, but 'banana'"):
        run(root)
    assert not (root.parent / "site" / "catalogue").exists()
    assert run(root, SourceOptions(columns={"split": ""})).counts["images"] == 1


def test_a_default_currency_and_a_currency_column(write: Write, draw: Draw) -> None:
    rows = table(("id", "price", "currency"), ("a", "5", ""), ("b", "6", "sek"), ("c", "£7", "SEK"), ("d", "", "SEK"))
    artifact = run(
        write({"t.csv": rows, **{f"{n}.jpg": draw(i) for i, n in enumerate("abcd")}}), SourceOptions(currency="EUR")
    )
    prices = read(artifact.path).products.select("price", "currency").rows()
    assert prices == [(Decimal(5), "EUR"), (Decimal(6), "SEK"), (Decimal(7), "GBP"), (None, None)]


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"t.csv": "nr;name\n1;x\n"}, r"t\.csv, line 1: .*image or path.*columns are: nr, name"),
        ({"Products.csv": "id\na\n", "Images.csv": "id\na\n"}, r"Images\.csv, line 1: .*product"),
        ({"Products.csv": "name\na\n", "Images.csv": "id,product_id\na,b\n"}, r"Products\.csv, line 1: .*product"),
        ({"t.csv": b"id,name\n1,\xff\n"}, r"t\.csv, line 2: the bytes are not utf-8"),
        ({"t.jsonl": '{"id": ["a"]}'}, "'id', wanted for: image, holds lists"),
    ],
)
def test_a_source_that_cannot_be_understood_stops_the_run(
    write: Write, files: dict[str, bytes | str], message: str
) -> None:
    root = write(files)
    with pytest.raises(SourceError, match=message):
        run(root)
    assert not (root.parent / "site" / "catalogue").exists()


@pytest.mark.parametrize("ids", [pl.Series([2.0**53, 1.0]), pl.Series([2.0**24, 1.0], dtype=pl.Float32)])
def test_ids_that_a_float_may_have_rounded_are_refused_by_name(write: Write, draw: Draw, ids: pl.Series) -> None:
    root = write({"1.jpg": draw(1)})
    pl.DataFrame({"id": ids, "price": [1e20, 5.0]}).write_parquet(root / "t.parquet")
    with pytest.raises(SourceError, match=r"t\.parquet.*'id'|'id'.*t\.parquet"):
        run(root)
    pl.DataFrame({"id": [2, 1], "price": [1e20, 5.0]}).write_parquet(root / "t.parquet")
    assert run(root).counts["images"] == 1, "a price may be any number"


def test_nothing_changed_nothing_done(write: Write, draw: Draw, monkeypatch: pytest.MonkeyPatch) -> None:
    root = write({"Hats/a.jpg": draw(1)})
    first = run(root)
    calls: list[tuple[int, int]] = []
    config, out = load_source_config(root), root.parent / "site" / "catalogue"
    assert ingest(config, out, progress=lambda *done: calls.append(done)) == first
    assert calls == []
    (root / "Hats" / "b.jpg").write_bytes(draw(2))
    second = ingest(config, out, progress=lambda *done: calls.append(done))
    assert calls == [(1, 2), (2, 2)]
    assert second.hash != first.hash
    assert read(out).images.height == 2


def test_options_belong_to_the_recipe(write: Write, draw: Draw) -> None:
    root = write({"t.csv": table(("id", "price"), ("a", "5")), "a.jpg": draw(1)})
    assert run(root).hash != run(root, SourceOptions(currency="GBP")).hash


def test_rehash_reads_the_bytes(write: Write, draw: Draw) -> None:
    root = write({"Hats/a.jpg": draw(1, form="PNG", compress_level=0)})
    photo = root / "Hats" / "a.jpg"
    stamp = photo.stat().st_mtime_ns
    run(root)
    photo.write_bytes(draw(2, form="PNG", compress_level=0))
    os.utime(photo, ns=(stamp, stamp))
    stale = run(root)
    fresh = run(root, rehash=True)
    assert read(stale.path).images["sha256"][0] != read(fresh.path).images["sha256"][0]
    assert run(root) == fresh, "a later run without --rehash must not fall back to the stale catalogue"
    os.utime(photo, ns=(1, 1))
    assert run(root, rehash=True) == fresh


def test_a_site_moves_with_its_photos_or_is_told_where_they_are(write: Write, draw: Draw, tmp_path: Path) -> None:
    root = write({"Hats/a.jpg": draw(1)})
    catalogue = run(root).path.parent / "catalogue"
    assert photo_root(catalogue) == root
    moved = tmp_path / "moved"
    moved.mkdir()
    shutil.move(str(root), moved / "source")
    shutil.move(str(root.parent / "site"), moved / "site")
    assert photo_root(moved / "site" / "catalogue") == moved / "source"
    shutil.move(str(moved / "source"), tmp_path / "photos")
    with pytest.raises(ArtifactError, match="--photos"):
        photo_root(read(moved / "site" / "catalogue"))
    assert photo_root(moved / "site" / "catalogue", tmp_path / "photos") == tmp_path / "photos"


def test_photos_that_moved_alone_are_found_after_the_next_run(write: Write, draw: Draw, tmp_path: Path) -> None:
    root = write({"Hats/a.jpg": draw(1)})
    first = run(root)
    shutil.move(str(root), tmp_path / "elsewhere")
    second = ingest(load_source_config(tmp_path / "elsewhere"), root.parent / "site" / "catalogue")
    assert second.hash == first.hash
    assert photo_root(second) == tmp_path / "elsewhere"


def test_a_site_inside_the_photo_folder_is_no_photo(write: Write, draw: Draw) -> None:
    root = write({"Hats/a.jpg": draw(1)})
    config = load_source_config(root)
    first = ingest(config, root / "site" / "catalogue")
    (root / "site" / "thumb.jpg").write_bytes(draw(2))
    assert ingest(config, root / "site" / "catalogue") == first
    beside = ingest(config, root / "catalogue")
    assert ingest(config, root / "catalogue") == beside
    assert beside.counts["photo_files"] == 2, "the thumbnail of the foreign site; no artefact"


def test_a_damaged_catalogue_is_refused(write: Write, draw: Draw) -> None:
    artifact = run(write({"Hats/a.jpg": draw(1)}))
    (artifact.path / "images.parquet").write_bytes(b"x")
    with pytest.raises(ArtifactError, match=r"images\.parquet is missing or damaged"):
        read(artifact.path)
    pl.DataFrame({"image_id": ["x"]}).write_parquet(artifact.path / "images.parquet")
    with pytest.raises(ArtifactError, match="other columns"):
        read(artifact.path)


FIELD = st.text(st.sampled_from('ab"\r\n, é|'), max_size=5)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40, deadline=None)
@given(products=st.lists(st.tuples(FIELD, FIELD, FIELD), max_size=8), cut=st.integers(0, 30))
def test_rows_in_are_rows_out_and_rejects(
    tmp_path: Path, draw: Draw, products: list[tuple[str, str, str]], cut: int
) -> None:
    root = tmp_path / "source"
    shutil.rmtree(root, ignore_errors=True)
    (root / "images").mkdir(parents=True)
    (root / "images" / "p.jpg").write_bytes(draw(0))
    text = table(("id", "product_name", "price"), *products)
    (root / "Products.csv").write_text(text[: max(len(text) - cut, 24)], encoding="utf-8", newline="")
    images = [("id", "product_id"), *((f"{i % 5}", row[0]) for i, row in enumerate(products))]
    (root / "Images.csv").write_text(table(*images), encoding="utf-8", newline="")
    artifact = run(root)
    rejects = Counter(artifact.rejects()["table"])
    assert artifact.counts["product_rows"] == artifact.counts["products"] + rejects["Products.csv"]
    assert artifact.counts["image_rows"] == artifact.counts["images"] + rejects["Images.csv"] == len(products)


@pytest.mark.shared
def test_the_clothing_photos_need_no_option(clothing: Path, tmp_path: Path) -> None:
    artifact = ingest(load_source_config(clothing), tmp_path / "catalogue")
    assert artifact.counts["image_rows"] == 5403
    assert artifact.counts["photo_files"] == 5756
    assert artifact.counts["images"] == 5398
    assert artifact.counts["rejects"] == {"missing": 5, "no_row": 358}
    assert read(artifact.path).products["seller_id"].n_unique() == 348
