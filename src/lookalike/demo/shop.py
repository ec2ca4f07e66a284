"""The shop's stock: each kind made into products with a name, a price, a seed, and photos to be taken."""

from dataclasses import dataclass

import numpy as np

from lookalike.demo import textures as tx
from lookalike.demo.dirt import new_id
from lookalike.demo.kind import Kind
from lookalike.demo.look import Look
from lookalike.demo.mesh import stand
from lookalike.demo.photo import take_photo
from lookalike.demo.stock_list import kinds
from lookalike.demo.table import ImageRow, ProductRow
from lookalike.demo.textures import Noise
from lookalike.demo.words import description_of, name_of, price_of, town, with_tail

PALETTES: dict[str, dict[str, str]] = {
    "fabric": {
        "navy": "#34466b", "grey": "#8b8f94", "mustard": "#cf9f3a", "sage green": "#8a9f82", "cream": "#e6dcc6",
        "charcoal": "#4a4d52", "rust": "#b3593a", "teal": "#2f7378", "blush pink": "#d8a7a5", "burgundy": "#7c3340",
        "duck-egg blue": "#a9c3c4",
    },
    "wood": {
        "oak": "#c39a66", "pine": "#dcb57c", "walnut": "#7a5236", "white": "#eeece6", "black": "#34343a",
        "grey-painted": "#8e9598", "mahogany": "#6d3526", "blue-painted": "#5f7f97", "sage-painted": "#94a68c",
    },
    "bright": {
        "red": "#c93c34", "blue": "#3a6fb5", "yellow": "#ecc23f", "green": "#4b9056", "orange": "#e0803a",
        "pink": "#df88a6", "purple": "#7a569c", "turquoise": "#3fa39b", "black": "#2c2d31", "white": "#eeece7",
    },
    "tech": {
        "black": "#2a2b2f", "white": "#eceae6", "silver": "#bfc2c6", "space-grey": "#65686e", "blue": "#4f6f9c",
        "rose-gold": "#d6a99b", "red": "#b53a3c", "mint": "#a6cdbd",
    },
    "leather": {
        "tan": "#b67c4a", "brown": "#6f4630", "black": "#2e2b2b", "burgundy": "#74303a", "cream": "#dfd0b6",
        "navy": "#36425c", "red": "#a83a35", "olive": "#75774f",
    },
    "fur": {
        "brown": "#8a5d3b", "honey": "#c79558", "grey": "#97979a", "cream": "#e4d6bd", "pink": "#dba0ae",
        "white": "#ece9e3", "blue": "#86a0bb",
    },
    "tools": {
        "yellow": "#e6b531", "red": "#c23c32", "blue": "#2f679f", "green": "#3a7d59", "orange": "#dd7430",
        "grey": "#74787c", "black": "#313236",
    },
    "scent": {
        "pink": "#e3a3b2", "amber": "#d69b54", "lilac": "#b7a2cf", "blue": "#8db4d6", "green": "#a6c39a",
        "red": "#bf4a4f", "gold": "#dcc07a", "plum": "#7d3f63", "coral": "#e08468",
    },
    "lips": {
        "red": "#b3262f", "coral": "#e0614f", "plum": "#6f2c4f", "pink": "#d9668c", "nude": "#c58d78",
        "berry": "#93264f", "brick": "#9a4336",
    },
}  # fmt: skip
"""Colour names as sellers use them, and the colours drawn for them."""

_PHOTO_COUNTS = (1, 2, 3, 4)
_PHOTO_SHARES = (0.24, 0.42, 0.25, 0.09)


@dataclass(frozen=True)
class Listing:
    """A product for sale and the ids of its photos; `seed` fixes how it looks and how it was photographed."""

    row: ProductRow
    image_ids: tuple[str, ...]
    kind: int
    style: int
    colours: tuple[str, str]
    seed: tuple[int, int]


def stock(seed: int) -> list[Listing]:
    """Fill the shop, in an order without order; the same seed gives the same listings."""
    rng = np.random.default_rng([seed, 1])
    places = [(number, turn) for number, kind in enumerate(kinds()) for turn in range(kind.count)]
    order = rng.permutation(len(places))
    return [_listing(*places[int(place)], (seed, int(place)), rng) for place in order]


def _listing(number: int, turn: int, seed: tuple[int, int], rng: np.random.Generator) -> Listing:
    kind = kinds()[number]
    style = turn % len(kind.styles)
    colour_names = list(PALETTES[kind.palette])
    colour = colour_names[int(rng.integers(len(colour_names)))]
    accents = [code for name, code in PALETTES[kind.accents].items() if name != colour]
    thing = kind.styles[style].replace("{colour}", colour)
    place = town(rng)
    row = ProductRow(
        id=new_id(rng),
        product_name=with_tail(name_of(thing, rng), place),
        category=_category(kind.category, rng),
        product_description=description_of(kind, thing, rng),
        price=price_of(kind, rng),
        location=place,
    )
    count = int(rng.choice(_PHOTO_COUNTS, p=_PHOTO_SHARES))
    image_ids = tuple(new_id(rng) for _ in range(count))
    colours = (PALETTES[kind.palette][colour], accents[int(rng.integers(len(accents)))])
    return Listing(row, image_ids, number, style, colours, seed)


def _category(path: str, rng: np.random.Generator) -> str:
    """Add the last part that says nothing: most paths of the real tables end so."""
    if path.count(" / ") >= 3:
        return path
    last = rng.choice(["Private", "Other", "Business", ""], p=[0.45, 0.2, 0.05, 0.3])
    return f"{path} / {last}" if last else path


def image_rows(listings: list[Listing]) -> list[ImageRow]:
    """List every photo with its product."""
    return [ImageRow(image_id, listing.row.id) for listing in listings for image_id in listing.image_ids]


def photograph(listing: Listing, noise: Noise) -> list[bytes]:
    """Model the product once and take its photos: one JPEG per image id."""
    kind: Kind = kinds()[listing.kind]
    rng = np.random.default_rng([*listing.seed, 2])
    colour, accent = (tx.rgb(code) for code in listing.colours)
    parts = stand(kind.drawing(Look(rng, noise, colour, accent, listing.style)))
    return [
        take_photo(parts, kind.pose, np.random.default_rng([*listing.seed, 3, number]), noise)
        for number in range(len(listing.image_ids))
    ]
