"""Read a finished catalogue, and find its photos."""

from dataclasses import dataclass
from pathlib import Path

import polars as pl

from lookalike import artifacts
from lookalike.artifacts import Artifact
from lookalike.errors import ArtifactError

KIND = "catalogue"
PRODUCTS_FILE = "products.parquet"
IMAGES_FILE = "images.parquet"
HINTS_FILE = "hints.parquet"

PRODUCTS_SCHEMA = pl.Schema(
    {
        "product_id": pl.String(),
        "name": pl.String(),
        "name_raw": pl.String(),
        "description": pl.String(),
        "price": pl.Decimal(18, 4),
        "currency": pl.String(),
        "location": pl.String(),
        "seller_id": pl.String(),
        "category": pl.String(),
        "parent": pl.String(),
    }
)
IMAGES_SCHEMA = pl.Schema(
    {
        "image_id": pl.String(),
        "product_id": pl.String(),
        "path": pl.String(),
        "width": pl.Int64(),
        "height": pl.Int64(),
        "format": pl.String(),
        "sha256": pl.String(),
        "duplicate_of": pl.String(),
    }
)
HINTS_SCHEMA = pl.Schema({"image_id": pl.String(), "phash": pl.UInt64(), "split": pl.String()})


@dataclass(frozen=True)
class Catalogue:
    """A catalogue's three tables, in the order of the source.

    `products`, `images` and `hints` have the columns of `PRODUCTS_SCHEMA`, `IMAGES_SCHEMA` and `HINTS_SCHEMA`;
    `hints` has one row per image, in the same order.
    """

    artifact: Artifact
    products: pl.DataFrame
    images: pl.DataFrame
    hints: pl.DataFrame


def read(path: Path) -> Catalogue:
    """Read a catalogue and check that its tables are what this version writes.

    Raises
    ------
    ArtifactError
        Not a catalogue, or a table is missing, damaged, or has other columns.
    """
    artifact = artifacts.open_artifact(path, KIND)
    return Catalogue(
        artifact,
        _read_table(artifact, PRODUCTS_FILE, PRODUCTS_SCHEMA),
        _read_table(artifact, IMAGES_FILE, IMAGES_SCHEMA),
        _read_table(artifact, HINTS_FILE, HINTS_SCHEMA),
    )


def photo_root(catalogue: Path | Artifact | Catalogue, override: Path | None = None) -> Path:
    """Find the folder that the catalogue's photo paths are relative to.

    Parameters
    ----------
    catalogue : path, Artifact or Catalogue
    override : path, optional
        Where the photos are now, if they were moved by themselves.

    Raises
    ------
    ArtifactError
        The folder is not there.
    """
    if override is not None:
        root = override
    else:
        if isinstance(catalogue, Path):
            catalogue = artifacts.open_artifact(catalogue, KIND)
        artifact = catalogue.artifact if isinstance(catalogue, Catalogue) else catalogue
        root = artifacts.resolve_root(artifact.about["photo_root"], artifact.path.parent)
    if not root.is_dir():
        raise ArtifactError("the photo folder is not there", where=str(root), mend="Name it with --photos DIR")
    return root


def _read_table(artifact: Artifact, name: str, schema: pl.Schema) -> pl.DataFrame:
    file = artifact.path / name
    try:
        frame = pl.read_parquet(file)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise ArtifactError(
            f"the catalogue's {name} is missing or damaged", where=str(file), mend="Run ingest again"
        ) from error
    if frame.schema != schema:
        raise ArtifactError(
            f"the catalogue's {name} has other columns than this version reads",
            where=str(file),
            mend="Run ingest again",
        )
    return frame
