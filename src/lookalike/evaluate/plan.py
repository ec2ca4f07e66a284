"""Who is asked and against what: the queries and galleries of both protocols, and what is left out and why."""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from lookalike.collection import Collection
from lookalike.cores import cores
from lookalike.engine import SearchEngine
from lookalike.errors import NotFound, PhotoError, QueryError
from lookalike.evaluate.distortions import distort, draw
from lookalike.evaluate.scenes import draw_scene, stage_scene
from lookalike.heads import Head
from lookalike.labels import LabelSet, prefixes, split_path
from lookalike.types import Filter, Image, Product


@dataclass(frozen=True)
class EvaluateConfig:
    """How to evaluate.

    Parameters
    ----------
    k : ranks at which recall (and, above 1, precision) is taken
    label_queries, instance_queries : int
        At most so many photos are asked; which ones, if there are more, depends on the seed and their ids only.
    seed : int
        Of that choice, the distortions, the shuffling and the intervals.
    queries, gallery : the parts of the split that ask and that are asked
    """

    k: tuple[int, ...] = (1, 2, 5, 10, 20, 50)
    label_queries: int = 5000
    instance_queries: int = 400
    seed: int = 0
    queries: str = "test"
    gallery: str = "train"


@dataclass(frozen=True)
class Photo:
    """A photo of the collection with its product and its label, None where it has none to be scored by."""

    image: Image
    product: Product
    label: str | None

    @property
    def group(self) -> int | str:
        """Its group; a photo without one is a group of its own."""
        return self.image.image_id if self.image.group_id is None else self.image.group_id


@dataclass(frozen=True)
class LabelQuery:
    """A test photo, the gallery that it may find (as a filter, and as a count), and the answers among them.

    Products count where a photo of theirs does.
    """

    photo: Photo
    where: Filter
    answers: int
    gallery: int
    product_answers: int
    product_gallery: int


@dataclass(frozen=True)
class InstanceQuery:
    """A test photo distorted (`jpeg`) and in a `scene`, and what counts as found: itself and its exact copies."""

    photo: Photo
    twins: frozenset[str]
    jpeg: bytes
    scene: bytes


@dataclass(frozen=True)
class PhotosQuery:
    """A test photo of a product with other photos: those are the answers; itself and its exact copies are left out."""

    photo: Photo
    answers: frozenset[str]
    left_out: frozenset[str]


@dataclass(frozen=True)
class Plan:
    """Both protocols' queries. `gallery` are the labelled photos of the gallery part."""

    photos: Mapping[str, Photo]
    labels: tuple[str, ...]
    gallery: tuple[Photo, ...]
    label_queries: tuple[LabelQuery, ...]
    instance_queries: tuple[InstanceQuery, ...]
    photos_queries: tuple[PhotosQuery, ...]
    left_out: Mapping[str, Mapping[str, int]]


def make_plan(engine: SearchEngine, config: EvaluateConfig) -> Plan:
    """Choose queries and galleries from what is in the collection now.

    Labels are those of the head; where it has fewer than two, the parent categories. Ignored labels are neither asked
    nor stand in the gallery of the label protocol; they stand in the instance protocol's, which holds every photo.

    Raises
    ------
    QueryError
        A k below 1, or none.
    """
    if min(config.k, default=0) < 1:
        raise QueryError("recall needs at least one k, each 1 or more", mend="Ask for k = 1 and 10")
    labels = _labels(engine.head, engine.collection)
    photos = _photos(engine.collection, labels)
    asked = [photo for photo in photos.values() if photo.image.split == config.queries]
    gallery = tuple(photo for photo in photos.values() if photo.image.split == config.gallery and photo.label)
    unscored = frozenset(
        photo.image.image_id for photo in photos.values() if photo.image.split == config.gallery and not photo.label
    )
    where = Filter(splits=frozenset({config.gallery}), exclude_images=unscored)
    ignored = [photo for photo in asked if _is_ignored(photo, labels)]
    labelled = [photo for photo in asked if photo.label]
    sampled = _sample(labelled, config.label_queries, config.seed)
    known = [photo for photo in asked if not _is_ignored(photo, labels)]
    instances = _sample(known, config.instance_queries, config.seed)
    paired = _photos_queries(photos, known)
    distorted, unreadable = _instance_queries(engine, photos, instances, config.seed)
    left_out = {
        "label queries": {
            "ignored label": len(ignored),
            "no label": len(asked) - len(ignored) - len(labelled),
            "not sampled": len(labelled) - len(sampled),
        },
        "label gallery": {"no label or an ignored one": len(unscored)},
        "instance queries": {
            "ignored label": len(ignored),
            "not sampled": len(known) - len(instances),
            "photo not readable": unreadable,
        },
        "photos queries": {"ignored label": len(ignored), "no other photo of its product": len(known) - len(paired)},
    }
    return Plan(
        photos,
        labels.labels,
        gallery,
        _label_queries(sampled, gallery, where),
        distorted,
        tuple(_sample_pairs(paired, config)),
        left_out,
    )


def _labels(head: Head, collection: Collection) -> LabelSet:
    if head.label_names:
        return head.labels
    parents = {split_path(counted.category)[:1] for counted in collection.categories()} - {()}
    return LabelSet(tuple(sorted(parent for (parent,) in parents)), "parent", head.labels.ignored)


def _is_ignored(photo: Photo, labels: LabelSet) -> bool:
    return any(prefix in labels.ignored for prefix in prefixes(photo.product.category or ""))


def _photos(collection: Collection, labels: LabelSet) -> dict[str, Photo]:
    images = [image for image in collection.images(collection.image_ids()) if image is not None]
    ids = list(dict.fromkeys(image.product_id for image in images))
    products = {product.product_id: product for product in collection.products(ids) if product is not None}
    label_of = {category: labels.of(category) for category in {product.category for product in products.values()}}
    return {
        image.image_id: Photo(image, products[image.product_id], label_of[products[image.product_id].category])
        for image in images
        if image.product_id in products
    }


def _sample(photos: Sequence[Photo], most: int, seed: int) -> list[Photo]:
    """Choose by a hash of seed and id: a photo more or less in the catalogue changes the choice by one."""

    def rank(photo: Photo) -> bytes:
        return hashlib.sha256(f"{seed}:{photo.image.image_id}".encode()).digest()

    return sorted(photos, key=rank)[:most]


def _label_queries(asked: Sequence[Photo], gallery: Sequence[Photo], where: Filter) -> tuple[LabelQuery, ...]:
    """Leave out of each gallery what shares the query's group or bytes; where nothing does, the filter is shared."""
    by_group: dict[int | str, list[Photo]] = defaultdict(list)
    by_bytes: dict[str, list[Photo]] = defaultdict(list)
    for photo in gallery:
        by_group[photo.group].append(photo)
        by_bytes[photo.image.sha256 or photo.image.image_id].append(photo)
    answers = Counter(photo.label for photo in gallery)
    per_product = Counter(photo.product.product_id for photo in gallery)
    label_of = {photo.product.product_id: photo.label for photo in gallery}
    products = Counter(label_of.values())
    queries: list[LabelQuery] = []
    for photo in asked:
        near = {
            other.image.image_id: other
            for other in [*by_group[photo.group], *by_bytes[photo.image.sha256 or photo.image.image_id]]
        }
        without = where
        if near:
            without = Filter(splits=where.splits, exclude_images=where.exclude_images.union(near))
        taken = Counter(other.label for other in near.values())[photo.label]
        gone = Counter(other.product.product_id for other in near.values())
        lost = [product for product, count in gone.items() if count == per_product[product]]
        queries.append(
            LabelQuery(
                photo,
                without,
                answers[photo.label] - taken,
                len(gallery) - len(near),
                products[photo.label] - sum(label_of[product] == photo.label for product in lost),
                len(per_product) - len(lost),
            )
        )
    return tuple(queries)


def _instance_queries(
    engine: SearchEngine, photos: Mapping[str, Photo], asked: Sequence[Photo], seed: int
) -> tuple[tuple[InstanceQuery, ...], int]:
    """Distort what can be read; the second number counts what cannot."""
    by_bytes: dict[str, set[str]] = defaultdict(set)
    for image_id, photo in photos.items():
        by_bytes[photo.image.sha256 or image_id].add(image_id)

    def distorted(photo: Photo) -> tuple[bytes, bytes] | None:
        image_id = photo.image.image_id
        try:
            original = engine.photo(image_id)
        except (NotFound, PhotoError):
            return None
        scene = stage_scene(original, draw_scene(image_id, seed=seed))
        return distort(original, draw(image_id, seed=seed)), scene

    with ThreadPoolExecutor(cores(), "distort") as pool:
        made = list(pool.map(distorted, asked))
    queries = [
        InstanceQuery(photo, frozenset(by_bytes[photo.image.sha256 or photo.image.image_id]), *both)
        for photo, both in zip(asked, made, strict=True)
        if both is not None
    ]
    return tuple(queries), len(asked) - len(queries)


def _photos_queries(photos: Mapping[str, Photo], asked: Sequence[Photo]) -> list[PhotosQuery]:
    """The photos of products that have another one, with other bytes."""
    of_product: dict[str, list[Photo]] = defaultdict(list)
    for photo in photos.values():
        of_product[photo.product.product_id].append(photo)
    queries: list[PhotosQuery] = []
    for photo in asked:
        mine = of_product[photo.product.product_id]
        copies = {
            other.image.image_id for other in mine if other.image.sha256 and other.image.sha256 == photo.image.sha256
        } | {photo.image.image_id}
        answers = frozenset(other.image.image_id for other in mine) - copies
        if answers:
            queries.append(PhotosQuery(photo, answers, frozenset(copies)))
    return queries


def _sample_pairs(queries: Sequence[PhotosQuery], config: EvaluateConfig) -> list[PhotosQuery]:
    chosen = _sample([query.photo for query in queries], config.instance_queries, config.seed)
    by_id = {query.photo.image.image_id: query for query in queries}
    return [by_id[photo.image.image_id] for photo in chosen]
