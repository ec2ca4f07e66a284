"""From a source's rows and files to products, images and rejects: every row and file ends as one of them."""

import hashlib
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from lookalike.catalogue import columns as parts
from lookalike.catalogue.clean import SPLITS, Products, Sieve, clean_products, first_facts
from lookalike.catalogue.columns import Columns, choose_columns, require, select
from lookalike.catalogue.files import FileStamp, PhotoFolder
from lookalike.catalogue.photos import PhotoFailure, PhotoRecord, Progress, examine_all
from lookalike.catalogue.reasons import PHOTO_FILES, STAGE
from lookalike.catalogue.source import SourceConfig
from lookalike.catalogue.store import HINTS_SCHEMA, IMAGES_SCHEMA
from lookalike.catalogue.tables import Table, read_table
from lookalike.errors import SourceError
from lookalike.labels import join_path
from lookalike.types import Json, Reject


@dataclass(frozen=True)
class Gathered:
    """What a source holds: tables in the catalogue's columns, what was left out, and figures for the manifest."""

    products: pl.DataFrame
    images: pl.DataFrame
    hints: pl.DataFrame
    rejects: list[Reject]
    counts: Json
    about: Json


@dataclass(frozen=True)
class _Rows:
    """Rows of photos: `row`, `image`, `path` (found, relative), `product`, `split` and facts; and how they were read.

    `stated` are all rows with an id of their own, for the facts they state; `named` are the files that rows name.
    """

    kept: pl.DataFrame
    stated: pl.DataFrame
    named: frozenset[str]
    total: int
    about: Json


def gather(
    config: SourceConfig,
    files: Mapping[str, FileStamp],
    *,
    workers: int | None = None,
    progress: Progress | None = None,
) -> Gathered:
    """Read a whole source.

    Parameters
    ----------
    config : SourceConfig
    files : mapping from relative path to stamp
        The files of the photo folder.
    workers, progress : see `examine_all`

    Raises
    ------
    SourceError
        A table cannot be understood.
    """
    listed = _product_rows(config, config.products) if config.products else None
    escaped = {path: _escaped(path) for path in files}
    paths = [path for path, name in escaped.items() if name == path]
    unlisted = [
        Reject(PHOTO_FILES, None, name, STAGE, "bad_file_name", "") for path, name in escaped.items() if name != path
    ]
    if config.table is None:
        sieve, unlisted = Sieve(PHOTO_FILES, "path", unlisted), []
        rows = _rows_of_folders(paths, len(files))
    else:
        sieve = Sieve(config.table.name, "image")
        known = None if listed is None else listed.frame["product"]
        rows = _rows_of_table(config, config.table, PhotoFolder(config.photos, paths), known, sieve)
        unlisted += [Reject(PHOTO_FILES, None, path, STAGE, "no_row", "") for path in paths if path not in rows.named]
    images, hints = _examine(config, rows.kept, sieve, workers, progress)
    conflicts: dict[str, int] = {}
    if listed is not None:
        with_photo = ~pl.col("product").is_in(images["product_id"].implode())
        facts = listed.sieve.drop(listed.frame, with_photo, "no_photo")
    else:
        owned = rows.stated.filter(pl.col("product").is_in(images["product_id"].implode()))
        facts, conflicts = first_facts(owned)
    products = clean_products(facts, config.currency)
    rejects = [*(listed.sieve.rejects if listed else []), *sieve.rejects, *unlisted]
    counts = _counts(rows, files, products, images, conflicts)
    if listed is not None:
        counts["product_rows"] = listed.total
        _check_sum(listed.total, products.frame.height, listed.sieve.rejects)
    _check_sum(rows.total, images.height, sieve.rejects)
    about: Json = {"columns": rows.about, "unread_price_examples": products.examples()}
    if listed is not None:
        about["product_columns"] = listed.about
    return Gathered(products.frame, images, hints, rejects, counts, about)


@dataclass(frozen=True)
class _Listed:
    """Rows of the product table with an id of their own."""

    frame: pl.DataFrame
    total: int
    sieve: Sieve
    about: Json


def _product_rows(config: SourceConfig, file: Path) -> _Listed:
    table = read_table(file, encoding=config.encoding, delimiter=config.delimiter)
    columns = choose_columns(table, parts.PRODUCT_PARTS, config.product_columns)
    require(table, columns, "product")
    _report(table, columns)
    sieve = Sieve(table.name, "product", list(table.rejects))
    frame = select(table, columns, parts.PRODUCT_PARTS).with_columns(pl.col("product").str.strip_chars())
    frame = sieve.drop(frame, pl.col("product").is_null(), "empty_id")
    frame = sieve.drop(frame, ~pl.col("product").is_first_distinct(), "duplicate_id")
    return _Listed(frame, table.total, sieve, _describe(columns))


def _rows_of_table(
    config: SourceConfig, file: Path, folder: PhotoFolder, products: pl.Series | None, sieve: Sieve
) -> _Rows:
    table = read_table(file, encoding=config.encoding, delimiter=config.delimiter)
    wanted = parts.TABLE_PARTS if products is None else parts.IMAGE_PARTS
    columns = choose_columns(table, wanted, config.columns)
    require(table, columns, "image", "path")
    if products is not None:
        require(table, columns, "product")
    _report(table, columns)
    sieve.rejects.extend(table.rejects)
    trimmed = [pl.col(name).str.strip_chars() for name in ("image", "path", "product")]
    frame = select(table, columns, wanted).with_columns(trimmed)
    has_ids = "image" in columns.chosen
    if not has_ids:
        frame = frame.with_columns(image=pl.col("path"))  # stands for the id until the file is known
    frame = sieve.drop(frame, pl.col("image").is_null(), "empty_id")
    frame = _resolve(frame, folder)
    named = frozenset(frame["path"].drop_nulls())
    if not has_ids:
        frame = sieve.drop(frame, pl.col("path").is_null(), pl.col("_reason"), pl.col("_detail"))
        frame = frame.with_columns(image=_hashed(frame["path"]))
    frame = sieve.drop(frame, ~pl.col("image").is_first_distinct(), "duplicate_id")
    if "product" in columns.chosen:
        frame = sieve.drop(frame, pl.col("product").is_null(), "no_product")
    else:
        frame = frame.with_columns(product=pl.col("image"))
    if products is not None:
        unknown = ~pl.col("product").is_in(products.implode())
        frame = sieve.drop(frame, unknown, "unknown_product", pl.format("product {}", "product"))
    stated = frame
    frame = sieve.drop(frame, pl.col("path").is_null(), pl.col("_reason"), pl.col("_detail"))
    frame = _split_hints(frame, table, columns, sieve)
    return _Rows(frame, stated, named, table.total, _describe(columns))


def _rows_of_folders(files: Sequence[str], total: int) -> _Rows:
    paths = pl.Series("path", files, dtype=pl.String)
    identity = _hashed(paths)
    facts = {fact: pl.Series(fact, [None] * len(paths), dtype=pl.String) for fact in parts.FACTS}
    facts["category"] = pl.Series([join_path(path.split("/")[:-1]) or None for path in paths], dtype=pl.String)
    frame = pl.DataFrame({"path": paths, "image": identity, "product": identity, **facts}).with_columns(
        row=pl.lit(None, pl.Int64), split=pl.lit(None, pl.String)
    )
    return _Rows(frame, frame, frozenset(files), total, {})


def _escaped(path: str) -> str:
    """Spell out the bytes of a file name that are not UTF-8: no table can hold them."""
    return path.encode(errors="backslashreplace").decode()


def _resolve(frame: pl.DataFrame, folder: PhotoFolder) -> pl.DataFrame:
    """Replace `path` by the file that each row means, or null with `_reason` and `_detail`."""
    wanted = frame.select(pl.coalesce("path", "image").alias("value"), pl.col("path").is_null().alias("is_id")).rows()
    found = folder.find_all(wanted)
    return frame.with_columns(
        pl.Series("path", [one.path for one in found], dtype=pl.String),
        pl.Series("_reason", [one.reason for one in found], dtype=pl.String),
        pl.Series("_detail", [one.detail for one in found], dtype=pl.String),
    )


def _hashed(paths: pl.Series) -> pl.Series:
    """The image id of a photo that has none: the first 16 hex digits of the sha256 of its relative path."""
    digests = [hashlib.sha256(path.encode(errors="surrogateescape")).hexdigest()[:16] for path in paths]
    return pl.Series("image", digests, dtype=pl.String)


def _split_hints(frame: pl.DataFrame, table: Table, columns: Columns, sieve: Sieve) -> pl.DataFrame:
    lowered = pl.col("split").str.strip_chars().str.to_lowercase()
    frame = frame.with_columns(_said=pl.col("split"), split=lowered.replace_strict(SPLITS, default=None))
    said = frame["_said"].drop_nulls()
    if len(said) and frame["split"].null_count() == frame.height:
        values = ", ".join(repr(value) for value in said.unique(maintain_order=True).to_list()[:5])
        raise SourceError(
            f"the column {columns.chosen['split']!r} holds no known split, but {values}",
            where=str(table.file),
            mend='Write train, validation or test, or say that it is no split: split = "" under [columns]',
        )
    unknown = pl.col("split").is_null() & pl.col("_said").is_not_null()
    return sieve.drop(frame, unknown, "unknown_split", pl.col("_said")).drop("_said")


def _examine(
    config: SourceConfig, rows: pl.DataFrame, sieve: Sieve, workers: int | None, progress: Progress | None
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Open every photo; leave out the unusable ones and repeats within a product, mark repeats across products."""
    paths = rows["path"].unique(maintain_order=True).to_list()
    results = examine_all(config.photos, paths, max_pixels=config.max_pixels, workers=workers, progress=progress)
    rows = rows.join(_photo_frame(paths, results), on="path", how="left", maintain_order="left")
    rows = sieve.drop(rows, pl.col("sha256").is_null(), pl.col("_failure"), pl.col("_words"))
    first = pl.col("image").first()
    rows = rows.with_columns(
        _in_product=first.over("product", "sha256"), _repeat=pl.struct("product", "sha256").is_first_distinct().not_()
    )
    rows = sieve.drop(rows, pl.col("_repeat"), "duplicate_in_product", pl.format("same bytes as {}", "_in_product"))
    rows = rows.with_columns(_first=first.over("sha256"))
    images = rows.select(
        image_id="image",
        product_id="product",
        path="path",
        width="width",
        height="height",
        format="format",
        sha256="sha256",
        duplicate_of=pl.when(pl.col("_first") != pl.col("image")).then("_first"),
    )
    hints = rows.select(image_id="image", phash="phash", split="split")
    return images.match_to_schema(IMAGES_SCHEMA), hints.match_to_schema(HINTS_SCHEMA)


def _photo_frame(paths: Sequence[str], results: Mapping[str, PhotoRecord | PhotoFailure]) -> pl.DataFrame:
    records = [(path, results[path]) for path in paths]
    return pl.DataFrame(
        [
            (path, None, None, None, None, None, found.reason, found.detail)
            if isinstance(found, PhotoFailure)
            else (path, found.width, found.height, found.format, found.sha256, found.phash, None, None)
            for path, found in records
        ],
        schema={
            "path": pl.String,
            "width": pl.Int64,
            "height": pl.Int64,
            "format": pl.String,
            "sha256": pl.String,
            "phash": pl.UInt64,
            "_failure": pl.String,
            "_words": pl.String,
        },
        orient="row",
    )


def _counts(
    rows: _Rows, files: Mapping[str, FileStamp], products: Products, images: pl.DataFrame, conflicts: Mapping[str, int]
) -> Json:
    return {
        "image_rows": rows.total,
        "photo_files": len(files),
        "products": products.frame.height,
        "images": images.height,
        "duplicates": images["duplicate_of"].count(),
        "prices_unread": len(products.unread_prices),
        "conflicts": dict(conflicts),
    }


def _check_sum(rows: int, kept: int, rejects: Sequence[Reject]) -> None:
    """Rows in = rows out + rejects; anything else is a fault of this program, and must not pass unseen."""
    if rows != kept + len(rejects):
        raise RuntimeError(f"{rows} rows came in, but {kept} were kept and {len(rejects)} left out")


def _describe(columns: Columns) -> Json:
    return {"chosen": dict(columns.chosen), "guessed": list(columns.guessed), "unused": list(columns.unused)}


def _report(table: Table, columns: Columns) -> None:
    if columns.guessed:
        said = ", ".join(f"{part} = {columns.chosen[part]}" for part in columns.guessed)
        logging.getLogger(__name__).info("%s: columns guessed by name: %s", table.name, said)
