"""Frozen value types shared by all stages: what a product, a photo, a filter and a search result are."""

from dataclasses import asdict, dataclass, field
from decimal import Decimal
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

Float32Array = npt.NDArray[np.float32]
"""Features and embeddings in memory; (n, d), C-contiguous."""
UInt8Array = npt.NDArray[np.uint8]
"""Pixels: RGB, (height, width, 3) or (n, height, width, 3)."""
Json = dict[str, Any]
"""A JSON object: configurations and manifests."""

CATEGORY_SEPARATOR = " / "
"""Between the parts of a category path: `Home & Garden / Beds / Wardrobes`."""


@dataclass(frozen=True, slots=True)
class Product:
    """A listing. `category` is a full path, its parts joined by `CATEGORY_SEPARATOR`, or None where unknown."""

    product_id: str
    name: str = ""
    name_raw: str = ""
    description: str = ""
    price: Decimal | None = None
    currency: str | None = None
    location: str | None = None
    seller_id: str | None = None
    category: str | None = None

    @property
    def parent(self) -> str | None:
        """The first part of the category path."""
        return None if self.category is None else self.category.split(CATEGORY_SEPARATOR, 1)[0]


@dataclass(frozen=True, slots=True)
class Image:
    """A photo of a product. `path` is relative to the photo root, with forward slashes; sizes are upright pixels."""

    image_id: str
    product_id: str
    path: str
    width: int
    height: int
    format: str = "jpeg"
    sha256: str = ""
    duplicate_of: str | None = None
    split: str | None = None
    group_id: int | None = None


@dataclass(frozen=True, slots=True)
class ProductDetails:
    """A product and its photos, in the order they were put."""

    product: Product
    images: tuple[Image, ...]


@dataclass(frozen=True, slots=True)
class Reject:
    """A row or photo that was left out. `row` counts data rows of `table` from 1; None where there is none."""

    table: str
    row: int | None
    id: str | None
    stage: str
    reason: str
    detail: str


@dataclass(frozen=True, slots=True)
class Filter:
    """What a search may return; every field that is set must hold (logical and).

    `category` is a path prefix by whole parts. Prices are inclusive and leave out products without a price.
    The `exclude_*` fields exist for evaluation. To keep out what is asked about, `shortlist.Request` has `apart`.
    """

    category: str | None = None
    min_price: Decimal | None = None
    max_price: Decimal | None = None
    currency: str | None = None
    seller_id: str | None = None
    splits: frozenset[str] | None = None
    exclude_images: frozenset[str] = frozenset()
    exclude_products: frozenset[str] = frozenset()
    exclude_groups: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Hit:
    """One photo found for a query. `score` is cosine similarity in [-1, 1], higher is more alike."""

    image_id: str
    product_id: str
    score: float


@dataclass(frozen=True, slots=True)
class Neighbours:
    """The photos found for one query, best first; checked once, here.

    Raises
    ------
    ValueError
        Scores rise along the row, are not finite, or an image stands twice.
    """

    hits: tuple[Hit, ...]

    def __post_init__(self) -> None:
        scores = [hit.score for hit in self.hits]
        if any(later > earlier for earlier, later in pairwise(scores)):
            raise ValueError("neighbours must be sorted, best first")
        if not np.isfinite(scores).all():
            raise ValueError("a neighbour's score is not finite")
        if len({hit.image_id for hit in self.hits}) != len(self.hits):
            raise ValueError("a photo stands twice among the neighbours")


@dataclass(frozen=True, slots=True)
class RankedProduct:
    """A product in a ranking: its score and the photos that earned it, best first."""

    product_id: str
    score: float
    hits: tuple[Hit, ...]


@dataclass(frozen=True, slots=True)
class Ranking:
    """The products found for one query, best first, each once."""

    products: tuple[RankedProduct, ...]


@dataclass(frozen=True, slots=True)
class Result:
    """What a caller of the engine gets for one hit: the photo, its product's facts, and the score."""

    image_id: str
    product_id: str
    score: float
    name: str
    price: Decimal | None
    currency: str | None
    category: str | None


@dataclass(frozen=True, slots=True)
class LabelProbability:
    """A label (full category prefix) and the probability that the classifier gives it."""

    label: str
    probability: float


@dataclass(frozen=True, slots=True)
class Entry:
    """One photo as a collection stores it: product, image, embedding of length 1, and a JPEG thumbnail."""

    product: Product
    image: Image
    vector: Float32Array = field(repr=False)
    thumbnail: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Preprocess:
    """How a photo becomes the encoder's input; travels beside the weights as `preprocess.json`.

    The centred square of the upright photo (its side is the shorter side), resized to `size_px` by antialiased bicubic
    interpolation; then `(pixel / 255 - mean) / std` per channel, which is part of the compiled graph.
    """

    size_px: int
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    interpolation: str = "bicubic"
    resize: str = "shorter side"
    crop: str = "centre"

    def to_json(self) -> Json:
        """Describe the card as JSON."""
        return {**asdict(self), "mean": list(self.mean), "std": list(self.std), "channels": "RGB"}

    @classmethod
    def from_json(cls, card: Json) -> "Preprocess":
        """Read a card, refusing one that asks for what this project does not do.

        Raises
        ------
        ValueError
            A field is missing or asks for another interpolation, resize, crop or channel order.
        """
        if card.get("channels", "RGB") != "RGB":
            raise ValueError("channels must be RGB")
        try:
            red, green, blue = (float(value) for value in card["mean"])
            mean = (red, green, blue)
            red, green, blue = (float(value) for value in card["std"])
            std = (red, green, blue)
            size_px = int(card["size_px"])
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError("size_px, mean and std (three numbers each) are needed") from error
        read = cls(size_px, mean, std, card["interpolation"], card["resize"], card["crop"])
        if (read.interpolation, read.resize, read.crop) != ("bicubic", "shorter side", "centre"):
            raise ValueError("only bicubic, shorter side, centre crop is known")
        if size_px < 1 or min(std) <= 0:
            raise ValueError("size_px and std must be positive")
        return read


def unit_rows(vectors: npt.ArrayLike) -> Float32Array:
    """Scale each row to length 1.

    Parameters
    ----------
    vectors : array of shape (n, d)

    Returns
    -------
    float32 array of shape (n, d)
        An all-zero row becomes the first axis, so that the result is always finite and unit.
    """
    rows = np.asarray(vectors, dtype=np.float32)
    wide = rows.astype(np.float64)
    norms = np.sqrt(np.add.reduce(wide * wide, axis=1, keepdims=True))  # few calls: each query comes here twice
    if norms.all():
        return (rows / norms).astype(np.float32)
    unit = (rows / np.where(norms > 0, norms, 1)).astype(np.float32)
    if rows.shape[1]:
        unit[norms[:, 0] == 0] = np.eye(1, rows.shape[1], dtype=np.float32)
    return unit
