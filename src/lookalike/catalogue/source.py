"""What a source is: a product table and an image table, one table of images, or a folder per category."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from lookalike.catalogue.files import LEDGER
from lookalike.catalogue.tables import is_table
from lookalike.errors import SourceError
from lookalike.images import MAX_PIXELS
from lookalike.types import Json

CATALOGUE_TOML = "catalogue.toml"
_PHOTO_FOLDERS = ("images", "photos")
Form = Literal["pair", "table", "folders"]


@dataclass(frozen=True)
class SourceOptions:
    """What the user said about a source; None and missing keys mean: find out.

    The same keys stand in `catalogue.toml`, where paths are relative to that file; an option wins over the file.
    `columns` are the parts of the image table, `product_columns` those of a separate product table.
    """

    table: Path | None = None
    products: Path | None = None
    photos: Path | None = None
    columns: Mapping[str, str] = field(default_factory=dict[str, str])
    product_columns: Mapping[str, str] = field(default_factory=dict[str, str])
    encoding: str | None = None
    delimiter: str | None = None
    currency: str | None = None
    max_pixels: int | None = None


@dataclass(frozen=True)
class SourceConfig:
    """A source that was understood: where its tables and photos are and how to read them."""

    form: Form
    photos: Path
    table: Path | None = None
    products: Path | None = None
    columns: Mapping[str, str] = field(default_factory=dict[str, str])
    product_columns: Mapping[str, str] = field(default_factory=dict[str, str])
    encoding: str | None = None
    delimiter: str | None = None
    currency: str | None = None
    max_pixels: int = MAX_PIXELS

    def recipe(self) -> Json:
        """Return what decides how the source is read, without this machine's paths."""
        return {
            "form": self.form,
            "columns": dict(self.columns),
            "product_columns": dict(self.product_columns),
            "encoding": self.encoding,
            "delimiter": self.delimiter,
            "currency": self.currency,
            "max_pixels": self.max_pixels,
        }

    def tables(self) -> list[Path]:
        """Return the table files, the product table first."""
        return [file for file in (self.products, self.table) if file is not None]


def load_source_config(source: Path, overrides: SourceOptions | None = None) -> SourceConfig:
    """Find out what a source is.

    Parameters
    ----------
    source : path
        A table file, a `catalogue.toml`, or a folder: with `catalogue.toml`; with `Products` and `Images` tables
        (any case, any table form) and `images/`; with exactly one table; or with a folder of photos per category.
    overrides : SourceOptions, optional
        What the user said; wins over `catalogue.toml`.

    Raises
    ------
    SourceError
        Nothing there, more than one table to choose from, a key or value that makes no sense.
    """
    if not source.exists():
        raise SourceError("there is no such source", where=str(source), mend="Give a folder or a table file")
    options = overrides or SourceOptions()
    folder = source if source.is_dir() else source.parent
    toml = folder / CATALOGUE_TOML if source.is_dir() else source
    if toml.suffix.lower() == ".toml" and toml.is_file():
        options = _merge(_read_toml(toml), options)
    elif not source.is_dir():
        options = replace(options, table=options.table or source)
    options = options if options.table else _find_tables(folder, options)
    config = SourceConfig(
        form="folders" if options.table is None else "table" if options.products is None else "pair",
        photos=options.photos or _find_photos(folder, options),
        table=options.table,
        products=options.products,
        columns=dict(options.columns),
        product_columns=dict(options.product_columns),
        encoding=options.encoding,
        delimiter=options.delimiter,
        currency=options.currency.upper() if options.currency else None,
        max_pixels=MAX_PIXELS if options.max_pixels is None else options.max_pixels,
    )
    _check(config, source)
    return config


def _check(config: SourceConfig, source: Path) -> None:
    for file in config.tables():
        if not file.is_file():
            raise SourceError("there is no such table", where=str(file), mend="Check the path")
    if not config.photos.is_dir():
        raise SourceError("there is no such photo folder", where=str(config.photos), mend="Name it with --photos")
    if config.max_pixels < 1:
        raise SourceError("max_pixels must be at least 1", where=str(source), mend="Give a positive number")
    if config.currency and not (len(config.currency) == 3 and config.currency.isascii() and config.currency.isalpha()):
        raise SourceError(f"{config.currency!r} is no currency", where=str(source), mend="Give three letters: GBP, EUR")
    if config.form != "pair" and config.product_columns:
        raise SourceError(
            "product columns were named, but there is no product table",
            where=str(source),
            mend="Name it, or use columns",
        )
    if config.form == "folders" and config.columns:
        raise SourceError(
            "columns were named, but no table was found", where=str(source), mend="Name the table in catalogue.toml"
        )


def _find_tables(folder: Path, options: SourceOptions) -> SourceOptions:
    files = (file for file in folder.iterdir() if file.is_file() and file.name[0] != "." and file.name != LEDGER)
    tables = sorted(file for file in files if is_table(file))
    by_stem: dict[str, list[Path]] = {}
    for file in tables:
        by_stem.setdefault(file.stem.casefold(), []).append(file)
    if options.products is not None:
        tables = [file for file in tables if file.resolve() != options.products.resolve()]
    products, images = by_stem.get("products", []), by_stem.get("images", [])
    if len(products) == 1 and len(images) == 1:
        return replace(options, table=images[0], products=options.products or products[0])
    if len(tables) > 1:
        raise SourceError(
            f"there are several tables here: {', '.join(file.name for file in tables)}",
            where=str(folder),
            mend=f'Name the one to read, or say in {CATALOGUE_TOML}: table = "…"',
        )
    return replace(options, table=tables[0]) if tables else options


def _find_photos(folder: Path, options: SourceOptions) -> Path:
    """Return `images/` or `photos/` beside the table, else the folder itself; without a table, the folder itself."""
    if options.table is None:
        return folder
    beside = options.table.parent
    folders = {entry.name.casefold(): entry for entry in sorted(beside.iterdir()) if entry.is_dir()}
    return next((folders[name] for name in _PHOTO_FOLDERS if name in folders), beside)


def _read_toml(file: Path) -> SourceOptions:
    try:
        content = tomllib.loads(file.read_text(encoding="utf-8-sig"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SourceError(f"this is no readable TOML ({error})", where=str(file), mend="Correct it") from error
    types: dict[str, type] = {
        **dict.fromkeys(("table", "products", "photos", "encoding", "delimiter", "currency"), str),
        **dict.fromkeys(("columns", "product_columns"), dict),
        "max_pixels": int,
    }
    for key, value in content.items():
        if key not in types:
            known = ", ".join(types)
            raise SourceError(f"the key {key!r} is not known", where=str(file), mend=f"The keys are: {known}")
        if not isinstance(value, types[key]) or isinstance(value, bool):
            raise SourceError(
                f"the value of {key!r} is of the wrong kind", where=str(file), mend="See docs/data-formats.md"
            )
    return SourceOptions(
        **{key: file.parent / content[key] for key in ("table", "products", "photos") if key in content},
        **{key: _texts(file, content[key]) for key in ("columns", "product_columns") if key in content},
        **{key: content[key] for key in ("encoding", "delimiter", "currency", "max_pixels") if key in content},
    )


def _texts(file: Path, mapping: Mapping[str, Any]) -> dict[str, str]:
    for part, column in mapping.items():
        if not isinstance(column, str):
            raise SourceError(f"the column for {part!r} must be a name in quotes", where=str(file), mend="Correct it")
    return dict(mapping)


def _merge(below: SourceOptions, above: SourceOptions) -> SourceOptions:
    return SourceOptions(
        table=above.table or below.table,
        products=above.products or below.products,
        photos=above.photos or below.photos,
        columns={**below.columns, **above.columns},
        product_columns={**below.product_columns, **above.product_columns},
        encoding=above.encoding or below.encoding,
        delimiter=above.delimiter or below.delimiter,
        currency=above.currency or below.currency,
        max_pixels=below.max_pixels if above.max_pixels is None else above.max_pixels,
    )
