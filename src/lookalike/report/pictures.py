"""The report's pictures: grids of queries with what they found, and the map of the catalogue."""

import base64
import html
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl
from PIL import Image as PillowImage

from lookalike.collection import LocalCollection
from lookalike.labels import split_path
from lookalike.report.charts import key, scatter

GRID_ROWS, GRID_HITS = 6, 6
MAP_PHOTOS = 500
NO_LABEL = "no label"
_SIDE_PX, _MAP_SIDE_PX = 96, 64
_COLOURED, _MOST_KINDS = 24, 40
_SEED = 0

Float64Array = npt.NDArray[np.float64]

Row = Mapping[str, object]


@dataclass(frozen=True)
class Pictures:
    """A collection whose thumbnails are shown, opened for reading."""

    collection: LocalCollection

    @classmethod
    def open(cls, folder: Path) -> "Pictures":
        """Open a collection's folder."""
        return cls(LocalCollection.open(folder, read_only=True))

    def uri(self, image_id: str, side_px: int = _SIDE_PX) -> str:
        """A photo's thumbnail as a data URI; empty where it has none."""
        stored = self.collection.thumbnail(image_id)
        if stored is None:
            return ""
        with PillowImage.open(io.BytesIO(stored)) as opened:
            small = opened.convert("RGB")
        small.thumbnail((side_px, side_px))
        buffer = io.BytesIO()
        small.save(buffer, "JPEG", quality=70)
        return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode()

    def figure(self, image_id: str, caption: str, kind: str = "", mark: str = "") -> str:
        """A thumbnail with a caption, and a mark before it that is HTML."""
        uri = self.uri(image_id)
        shown = html.escape(caption)
        picture = f'<img src="{uri}" alt="{shown}">' if uri else '<span class="gone">no picture</span>'
        return f'<figure class="{kind}">{picture}<figcaption>{mark}{shown}</figcaption></figure>'


def grids(pictures: Pictures, queries: pl.DataFrame) -> dict[str, str]:
    """Draw label queries with their first hits: at random, the best, the worst, and the surest that were wrong."""
    asked = queries.filter(
        (pl.col("variant") == "lookalike") & (pl.col("protocol") == "label") & (pl.col("answers") > 0)
    )
    if not asked.height:
        return {}
    order = asked.with_columns(pl.col("first_answer_rank").fill_null(10**6).alias("rank")).sort("image_id")
    top = order.with_columns(pl.col("scores").list.first().alias("top"))
    wrong = top.filter(pl.col("predicted").is_not_null() & (pl.col("predicted") != pl.col("label")))
    chosen = {
        "At random": order.sample(min(GRID_ROWS, order.height), seed=_SEED),
        "Best: most answers among the hits": top.sort("answers_found", "top", descending=True),
        "Worst: first answer lowest, or none": top.sort("rank", "top", descending=True),
        "Most confused: wrong, and most sure": wrong.sort("confidence", descending=True),
    }
    return {name: _grid(pictures, frame.head(GRID_ROWS)) for name, frame in chosen.items() if frame.height}


def _grid(pictures: Pictures, frame: pl.DataFrame) -> str:
    return "".join(_row(pictures, row) for row in frame.iter_rows(named=True))


def _row(pictures: Pictures, row: Row) -> str:
    label = str(row["label"])
    said = row.get("predicted")
    caption = f"query: {label}" + (f", called {said}" if said is not None and said != label else "")
    cells = [pictures.figure(str(row["image_id"]), caption, "query")]
    ids = [str(one) for one in _list(row["hits"])][:GRID_HITS]
    scores = [float(str(one)) for one in _list(row["scores"])][:GRID_HITS]
    labels = _categories(pictures.collection, ids)
    for image_id, score in zip(ids, scores, strict=True):
        category = labels[image_id]
        right = category == label or category.startswith(label + " / ")
        mark = "✓" if right else "✗"
        shown = f"{mark} {score:.2f} {split_path(category)[-1] if category else NO_LABEL}"
        cells.append(pictures.figure(image_id, shown, "right" if right else "wrong"))
    return f'<div class="row">{"".join(cells)}</div>'


def _categories(collection: LocalCollection, ids: Sequence[str]) -> dict[str, str]:
    images = [image for image in collection.images(ids) if image is not None]
    products = collection.products([image.product_id for image in images])
    return {
        image.image_id: (product.category or "") if product is not None else ""
        for image, product in zip(images, products, strict=True)
    } | {image_id: "" for image_id in ids if image_id not in {image.image_id for image in images}}


@dataclass(frozen=True)
class Mapped:
    """A map's drawing and its legend in pictures; each dot's thumbnail and caption; and how many photos there are."""

    drawn: str
    kinds: str
    thumbnails: list[tuple[str, str]]
    photos: int


def draw_map(pictures: Pictures) -> Mapped:
    """Draw a sample of the catalogue along the first two principal axes of its embeddings."""
    every = pictures.collection.image_ids()
    rng = np.random.default_rng(_SEED)
    ids = [every[place] for place in np.sort(rng.permutation(len(every))[:MAP_PHOTOS]).tolist()]
    places = _principal(pictures.collection.vectors(ids).astype(np.float64)) if len(ids) >= 3 else np.empty((0, 0))
    if places.shape[1] < 2:
        return Mapped("", "", [], len(every))
    categories = _categories(pictures.collection, ids)
    parents = [next(iter(split_path(categories[image_id])), NO_LABEL) for image_id in ids]
    names = sorted(set(parents), key=lambda name: (-parents.count(name), name))
    points = [
        (float(x), float(y), names.index(parent)) for (x, y), parent in zip(places.tolist(), parents, strict=True)
    ]
    thumbnails = [
        (pictures.uri(image_id, _MAP_SIDE_PX), f"{categories[image_id] or NO_LABEL}: {image_id}") for image_id in ids
    ]
    return Mapped(scatter(points), _kinds(pictures, ids, parents, names, places), thumbnails, len(every))


def _principal(vectors: Float64Array) -> Float64Array:
    """Places along the first two principal axes, each scaled to [0, 1]; float64 of shape (n, 2) or narrower."""
    vectors = vectors - vectors.mean(axis=0)
    places = vectors @ np.linalg.svd(vectors, full_matrices=False)[2][:2].T
    spread = np.ptp(places, axis=0)
    return (places - places.min(axis=0)) / np.where(spread > 0, spread, 1)


def _kinds(
    pictures: Pictures, ids: Sequence[str], parents: Sequence[str], names: Sequence[str], places: Float64Array
) -> str:
    """The map's legend: each kind's colour, its name, and the photo nearest to its middle."""
    of = np.array(parents)
    shown: list[str] = []
    for number, name in enumerate(names):
        mine = np.flatnonzero(of == name)
        middle = np.median(places[mine], axis=0)
        nearest = ids[int(mine[np.square(places[mine] - middle).sum(axis=1).argmin()])]
        mark = f'<span class="key {key(number)}"></span>' if number < _COLOURED else ""
        shown.append(pictures.figure(nearest, f"{name} ({len(mine)})", "kind", mark))
    return f'<div class="row">{"".join(shown[:_MOST_KINDS])}</div>'


def _list(value: object) -> list[object]:
    return list(value) if isinstance(value, list) else []
