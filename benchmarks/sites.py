"""Built sites of any size for benchmarks of serving: real embeddings repeated with noise, in a real collection.

The clothing photos are built into a site once. A larger one holds its photos' embeddings in turn, each moved by noise
of a third of its length (cosine to the original about .95) and scaled back. Three photos make a product, all of one
original, so that grouping by product has work to do. Categories and prices are laid out so that filters of known
selectivity exist.
"""

import shutil
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import numpy as np

from harness import collection_code
from lookalike import catalogue, heads, pipeline
from lookalike.cli.console import BuildReporter
from lookalike.collection import CollectionInfo, LocalCollection
from lookalike.encoder_folder import find_encoder
from lookalike.sources import describe_sources, find_collection, resolve_sources
from lookalike.types import Entry, Float32Array, Image, Product, unit_rows

PHOTOS_A_PRODUCT = 3
_NOISE = 0.33
_PUT = 10_000
_SPREAD = 7919  # a prime: neighbours in number are far apart in category and price
_CHILDREN = 50

FILTERS = {
    "none": "",
    "50%": "&category=Half",
    "1%": "&category=Half%20/%20part%2007",
    "0.01%": "&max_price={cheapest}",
}
"""Query strings by the share of photos that pass."""


def filter_query(name: str, count: int) -> str:
    """Return the query string of a filter for a site of `count` photos; at least one product passes."""
    return FILTERS[name].format(cheapest=max(1, round(_products(count) * 1e-4)))


def base_site(photos: Path, cache: Path) -> Path:
    """Build the photos' own site, with the default head; what is up to date is skipped."""
    head = heads.HeadConfig(ignored=("Not sure", "Other", "Skip"))
    config = pipeline.BuildConfig(head=head, evaluation=None)
    pipeline.build(catalogue.load_source_config(photos), cache / "base", config, BuildReporter())
    return cache / "base"


def make_site(base: Path, cache: Path, count: int) -> Path:
    """Fill a collection with `count` photos; one in the cache that the same code filled is taken as it is."""
    site = cache / f"site-{count}"
    mark, code = site / "filled", collection_code()
    if mark.is_file() and mark.read_text(encoding="ascii") == code:
        return site
    if site.exists():
        shutil.rmtree(site)
    folder = site / "collection"
    with LocalCollection.open(find_collection(base), read_only=True) as source:
        seeds = source.vectors(source.image_ids())
        info, found = source.info, resolve_sources(source.info, find_collection(base))
    folder.mkdir(parents=True)
    sources = describe_sources(find_encoder(found.encoder), found.head, found.photos, folder)
    with LocalCollection.create(folder, CollectionInfo(info.dim, info.encoder_hash, info.head_hash, sources)) as made:
        for entries in _entries(seeds, count):
            made.put(entries)
        made.checkpoint()
    mark.write_text(code, encoding="ascii")
    return site


def _products(count: int) -> int:
    return -(-count // PHOTOS_A_PRODUCT)


def _entries(seeds: Float32Array, count: int) -> Iterator[list[Entry]]:
    rng = np.random.default_rng(0)
    products, dim = _products(count), seeds.shape[1]
    for start in range(0, count, _PUT):
        numbers = np.arange(start, min(start + _PUT, count))
        noise = rng.standard_normal((len(numbers), dim), np.float32) * np.float32(_NOISE / dim**0.5)
        vectors = unit_rows(seeds[numbers // PHOTOS_A_PRODUCT % len(seeds)] + noise)
        yield [
            Entry(_product(int(number) // PHOTOS_A_PRODUCT, products), _image(int(number)), vector)
            for number, vector in zip(numbers, vectors, strict=True)
        ]


def _product(number: int, products: int) -> Product:
    place = number * _SPREAD % products
    half, child = ("Half", "Rest")[place % 2], place // 2 % _CHILDREN
    return Product(
        f"product-{number}",
        f"Product number {number}",
        description="As good as new.",
        price=Decimal(place + 1),
        currency="GBP",
        category=f"{half} / part {child:02}",
    )


def _image(number: int) -> Image:
    return Image(f"photo-{number}", f"product-{number // PHOTOS_A_PRODUCT}", f"{number}.jpg", 640, 640)
