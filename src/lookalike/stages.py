"""The two stages that join what other modules made: fit the head, and fill the collection."""

import logging
import math
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from lookalike import catalogue as catalogues
from lookalike import heads, images, jpeg
from lookalike.artifacts import Artifact, Recipe, create, find, open_artifact, write_rejects
from lookalike.collection import CollectionInfo, LocalCollection
from lookalike.cores import cores
from lookalike.embeddings import Embeddings, load_embeddings
from lookalike.encoder_folder import EncoderFolder
from lookalike.errors import CollectionError, Mismatch, PhotoError
from lookalike.labels import prefixes
from lookalike.sources import DATABASE, describe_sources
from lookalike.splits import read_split
from lookalike.types import Entry, Image, Product, Reject
from lookalike.views import Views, load_views

HEAD_VERSION = 5
COLLECTION_VERSION = 2

Progress = Callable[[int, int], None]

_PUT = 512
_CENT = Decimal("0.01")
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Inputs:
    """The artefacts that the head and the collection are made from."""

    catalogue: Path
    split: Path
    embeddings: Path
    views: Path | None = None


def fit_head(inputs: Inputs, out: Path, config: heads.HeadConfig | None = None) -> Artifact:
    """Fit the head on the training part's features; an artefact of its own, so that changing it re-embeds nothing.

    Returns
    -------
    Artifact of kind "head"; `counts` holds the photos it was fitted on, its labels and its width.
    """
    config = config or heads.HeadConfig()
    split = open_artifact(inputs.split, "split")
    embedded = open_artifact(inputs.embeddings, "embeddings")
    parents = {"split": split.hash, "embeddings": embedded.hash}
    seen = None
    if inputs.views is not None and inputs.views.exists():
        views = open_artifact(inputs.views, "views")
        if views.config["encoder"] == embedded.config["encoder"] and views.parents["split"] == split.hash:
            parents["views"], seen = views.hash, load_views(inputs.views)
    recipe = Recipe("head", HEAD_VERSION, config.to_json(), parents)
    if (finished := find(out, recipe)) is not None:
        return finished
    embeddings = load_embeddings(inputs.embeddings)
    rows = _joined(inputs, embeddings)
    _warn_of_unknown(config.ignored, rows["category"].to_list())
    train = rows.filter(pl.col("split") == "train")
    held_out = rows.filter(pl.col("split") == "validation")
    with create(out, recipe) as draft:
        head = heads.fit(
            embeddings.of(train["image_id"].to_list()),
            train["category"].to_list(),
            train["group_id"].to_list(),
            config,
            aids=_aids(held_out, embeddings, seen, embedded.about.get("generic_dim")),
        )
        if embedded.config.get("flip"):
            head = replace(head, facts={**head.facts, "flip": True})  # so that queries are encoded likewise
        heads.save(head, draft.path)
        draft.counts = {"photos": train.height, "labels": len(head.label_names), "dim": head.dim}
        draft.about = {"encoder": embedded.config["encoder"], "kind": head.kind, **head.facts}
    return open_artifact(out, "head")


def _aids(held_out: pl.DataFrame, embeddings: Embeddings, seen: Views | None, generic_dim: int | None) -> heads.Aids:
    """Gather what helps the fit: the validation part, and views of photos that were embedded."""
    ids: list[str] = held_out["image_id"].to_list()
    validation = embeddings.of(ids)
    if seen is None:
        return heads.Aids(validation, held_out["category"].to_list(), generic_dim=generic_dim)
    row = {image_id: number for number, image_id in enumerate(ids)}
    known = [place for place, image_id in enumerate(seen.validation_ids) if image_id in row]
    asked = seen.validation[known]
    rows = np.array([row[seen.validation_ids[place]] for place in known], np.int64)
    return heads.Aids(
        validation,
        held_out["category"].to_list(),
        seen.train,
        asked.reshape(-1, asked.shape[-1]),
        np.repeat(rows, asked.shape[1]),
        generic_dim,
    )


def fill_collection(
    inputs: Inputs,
    head: Path,
    encoder: EncoderFolder,
    out: Path,
    *,
    photos: Path | None = None,
    progress: Progress | None = None,
) -> Artifact:
    """Fill the database that is searched: products, photos, thumbnails, and embeddings = head(features).

    An interrupted run goes on with the photos that are not in yet. The folder is a database from then on: it may be
    written to, and its manifest only tells how it began.

    Raises
    ------
    Mismatch
        The embeddings were made by another encoder.
    """
    read = catalogues.read(inputs.catalogue)
    root = catalogues.photo_root(read, photos)
    split = open_artifact(inputs.split, "split")
    embedded = open_artifact(inputs.embeddings, "embeddings")
    head_artifact = open_artifact(head, "head")
    if embedded.config["encoder"] != encoder.hash:
        raise Mismatch(
            f"the embeddings were not made by the encoder {encoder.name}", mend="Name the encoder they were made by"
        )
    parents = {
        "catalogue": read.artifact.hash,
        "split": split.hash,
        "embeddings": embedded.hash,
        "head": head_artifact.hash,
    }
    if head_artifact.parents["embeddings"] != embedded.hash:
        raise Mismatch("the head was fitted on other embeddings", mend="Run `lookalike head` again")
    recipe = Recipe("collection", COLLECTION_VERSION, {"encoder": encoder.hash}, parents)
    if (finished := find(out, recipe)) is not None and _opens(finished.path):
        return finished
    fitted = heads.load(head_artifact.path)
    embeddings = load_embeddings(inputs.embeddings)
    rows = _joined(inputs, embeddings)
    with create(out, recipe) as draft:
        info = CollectionInfo(
            dim=fitted.dim,
            encoder_hash=encoder.hash,
            head_hash=head_artifact.hash,
            sources=describe_sources(encoder, head_artifact.path, root, draft.path),
        )
        collection = _resume(draft.path, info)
        try:
            already = set(collection.image_ids())
            todo = rows.filter(~pl.col("image_id").is_in(already)) if already else rows
            rejects: list[Reject] = []
            filler = _Filler(root, fitted, embeddings, rejects)
            for done, batch in _batches(todo):
                collection.put(filler.entries(batch))
                if progress is not None:
                    progress(len(already) + done, rows.height)
            collection.checkpoint()
            draft.counts = {"photos": collection.count(), "products": rows["product_id"].n_unique()}
        finally:
            collection.close()
        write_rejects(draft.path, rejects)
        draft.about = {"encoder": encoder.name}
    return open_artifact(out, "collection")


def _opens(folder: Path) -> bool:
    try:
        LocalCollection.open(folder, read_only=True).close()
    except CollectionError as error:
        _log.warning("the collection is damaged and is made again: %s", error)
        return False
    return True


def _resume(folder: Path, info: CollectionInfo) -> LocalCollection:
    """Go on with the collection of an interrupted run; the same recipe means the same encoder and head."""
    if (folder / DATABASE).is_file():
        return LocalCollection.open(folder, read_only=False)
    return LocalCollection.create(folder, info)


def _joined(inputs: Inputs, embeddings: Embeddings) -> pl.DataFrame:
    """One row per embedded photo, in the catalogue's order: photo, product, category, split and group."""
    read = catalogues.read(inputs.catalogue)
    splits = read_split(inputs.split, of=read)
    embedded = pl.DataFrame({"image_id": pl.Series(embeddings.image_ids, dtype=pl.String)})
    return (
        read.images.join(splits, on="image_id", how="inner", maintain_order="left")
        .join(embedded, on="image_id", how="semi", maintain_order="left")
        .join(read.products, on="product_id", how="left", maintain_order="left")
    )


def _batches(rows: pl.DataFrame) -> Iterable[tuple[int, pl.DataFrame]]:
    for start in range(0, rows.height, _PUT):
        batch = rows.slice(start, _PUT)
        yield start + batch.height, batch


def _warn_of_unknown(ignored: Sequence[str], categories: Sequence[str | None]) -> None:
    known = {prefix for category in set(categories) if category for prefix in prefixes(category)}
    for label in ignored:
        if label not in known:
            _log.warning("no photo has the label %r that was to be ignored: check its spelling", label)


@dataclass(frozen=True)
class _Filler:
    root: Path
    head: heads.Head
    embeddings: Embeddings
    rejects: list[Reject]

    def entries(self, rows: pl.DataFrame) -> Sequence[Entry]:
        vectors = self.head.apply(self.embeddings.of(rows["image_id"].to_list()))
        with ThreadPoolExecutor(cores(), "thumbnail") as pool:
            thumbnails = list(pool.map(self._thumbnail, rows.iter_rows(named=True)))
        return [
            Entry(_product(row), _image(row), vector, thumbnail)
            for row, vector, thumbnail in zip(rows.iter_rows(named=True), vectors, thumbnails, strict=True)
        ]

    def _thumbnail(self, row: dict[str, Any]) -> bytes | None:
        shorter, longer = sorted((row["width"], row["height"]))
        side = math.ceil(jpeg.THUMBNAIL_PX * shorter / longer)  # the longer side is what a thumbnail goes by
        try:
            return jpeg.thumbnail(images.decode(images.read_bytes(self.root / row["path"]), min_side_px=side))
        except PhotoError as error:  # it was fine when it was embedded: searchable all the same, without a thumbnail
            self.rejects.append(Reject("thumbnails", None, row["image_id"], "index", error.reason, error.what))
            return None


def _product(row: dict[str, object]) -> Product:
    fields = ("product_id", "name", "name_raw", "description", "price", "currency", "location", "seller_id", "category")
    if isinstance(price := row["price"], Decimal):  # the table keeps four places; 19.9900 is 19.99
        shortest = price.normalize()
        row = {**row, "price": shortest if -int(shortest.as_tuple().exponent) > 2 else shortest.quantize(_CENT)}
    return Product(**{field: row[field] for field in fields if row[field] is not None})  # pyright: ignore[reportArgumentType]


def _image(row: dict[str, object]) -> Image:
    fields = ("image_id", "product_id", "path", "width", "height", "format", "sha256", "duplicate_of")
    known = {field: row[field] for field in fields}
    return Image(**known, split=row["split"], group_id=row["group_id"])  # pyright: ignore[reportArgumentType]
