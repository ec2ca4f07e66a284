"""SearchEngine = encoder + head + collection + ranking: what the CLI, the API and the evaluation all call."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image as PillowImage

from lookalike import heads, images, jpeg, shortlist
from lookalike.collection import Collection, LocalCollection
from lookalike.encoder import Encoder, load_encoder
from lookalike.errors import NotFound, PhotoError
from lookalike.queries import Photo, Queries
from lookalike.ranking import RankConfig
from lookalike.shortlist import Guess, Request
from lookalike.sources import check_together, find_collection, resolve_sources
from lookalike.timing import step
from lookalike.types import Filter, Float32Array, Image, LabelProbability, Neighbours, ProductDetails, Result


class SearchEngine:
    """Finds the photos and products that look like a photo. Thread-safe.

    Parameters
    ----------
    encoder, head, collection
        Must belong together: the collection names the encoder and the head that its vectors came from.
    photos : Path, optional
        The photo root, where originals are read from; without it only thumbnails can be shown.
    max_pixels : int
        Larger query photos are refused.
    rank : RankConfig
        How what was found is put in order, in every search; a boost, in those by a query photo.

    Raises
    ------
    Mismatch
        The collection's vectors were made by another encoder or head.
    """

    def __init__(
        self,
        encoder: Encoder,
        head: heads.Head,
        collection: Collection,
        *,
        photos: Path | None = None,
        max_pixels: int = images.MAX_PIXELS,
        rank: RankConfig = RankConfig(),  # noqa: B008 - frozen
    ) -> None:
        check_together(encoder, head, collection.info)
        self.encoder = encoder
        self.head = head
        self.collection = collection
        self.photos = photos
        self.max_pixels = max_pixels
        self.flip = bool(head.facts.get("flip"))
        self.rank = rank.settled(float(head.facts.get("boost", {}).get("weight", 0)))
        find = self._find
        self._queries = Queries[Request, list[Result]](encoder, find, flip=self.flip, max_pixels=max_pixels)

    @classmethod
    def open(
        cls,
        path: str | Path,
        *,
        photos: Path | None = None,
        precision: str = "auto",
        read_only: bool = True,
        max_pixels: int = images.MAX_PIXELS,
        rank: RankConfig = RankConfig(),  # noqa: B008 - frozen
    ) -> "SearchEngine":
        """Open a built site (the folder that `lookalike build` made) or its collection.

        Parameters
        ----------
        path : site/ or site/collection/
        photos : photo root; default is where the catalogue was ingested from
        precision : "auto", "bf16" or "fp32"
        read_only : False takes the writer's lock, so that `engine.collection` can put and delete

        Raises
        ------
        CollectionError, ArtifactError, EncoderError
            There is no collection here, or its head or encoder cannot be read.
        Mismatch
            Its encoder or head is not the one that it was built with.
        """
        folder = find_collection(Path(path))
        collection = LocalCollection.open(folder, read_only=read_only)
        try:
            collection.make_ready()
            sources = resolve_sources(collection.info, folder)
            root = photos or sources.photos
            return cls(
                load_encoder(sources.encoder, precision=precision),
                heads.load(sources.head),
                collection,
                photos=root if root.is_dir() else None,
                max_pixels=max_pixels,
                rank=rank,
            )
        except BaseException:
            collection.close()
            raise

    def embed(self, photos: Sequence[Photo]) -> Float32Array:
        """Embed photos: L2-normalised head(encoder(photo)).

        Returns
        -------
        float32 array of shape (n, dim), rows of length 1

        Raises
        ------
        PhotoError
            A photo cannot be decoded; `where` tells which.
        """
        return self._ask(photos)[0]

    def features(self, photos: Sequence[Photo]) -> Float32Array:
        """Encode photos without the head: float32 of shape (n, encoder.dim); raises as `embed`."""
        return self._queries.features(photos)

    def guess(self, features: Float32Array) -> Guess | None:
        """What a boost needs to know of queries, from their features; None without a boost, or labels to guess."""
        wanted = self.rank.boost and self.head.label_names
        return Guess(self.head, self.head.classify(features)) if wanted else None

    def search(
        self, photo: Photo, k: int = 10, *, where: Filter | None = None, by_product: bool = True
    ) -> list[Result]:
        """Find what looks like a photo, best first.

        Parameters
        ----------
        photo : bytes, path or Pillow image
        k : int
            How many; more than there is gives what there is.
        where : Filter, optional
        by_product : bool
            Each product once, by its most similar photo (default); otherwise photos.

        Raises
        ------
        PhotoError, QueryError
        """
        if where is not None and not self.collection.knows(where):  # who may take long to look it up goes alone
            return self.search_many([photo], k, where=where, by_product=by_product)[0]
        return self._queries.search(photo, Request(k, None if where == Filter() else where, by_product))

    def search_many(
        self, photos: Sequence[Photo], k: int = 10, *, where: Filter | None = None, by_product: bool = True
    ) -> list[list[Result]]:
        """Search for several photos at once: one list of results per photo, in their order."""
        vectors, guess = self._ask(photos)
        return self.search_vectors(vectors, k, where=where, by_product=by_product, guess=guess)

    def search_ids(self, photos: Sequence[Photo], k: int = 10, *, where: Filter | None = None) -> list[list[str]]:
        """Search for several photos and return plain image ids: one list per photo."""
        vectors, guess = self._ask(photos)
        found = shortlist.search(self.collection, vectors, Request(k, where), self.rank, guess)
        return [[hit.image_id for hit in neighbours.hits] for neighbours in found]

    def search_vectors(
        self,
        vectors: Float32Array,
        k: int = 10,
        *,
        where: Filter | None = None,
        by_product: bool = True,
        guess: Guess | None = None,
    ) -> list[list[Result]]:
        """Search for embeddings, float32 of shape (n, dim) with rows of length 1; without a `guess` nothing boosts."""
        found = shortlist.search(self.collection, vectors, Request(k, where, by_product), self.rank, guess)
        with step("rank"):
            return self._results(found)

    def similar(
        self, image_id: str, k: int = 10, *, where: Filter | None = None, by_product: bool = True
    ) -> list[Result]:
        """Find what looks like a photo of the collection, itself (by product: its product) left out.

        Raises
        ------
        NotFound
        """
        image = self._image(image_id)
        request = Request(k, where, by_product, apart=image.product_id if by_product else image_id)
        (found,) = shortlist.search(self.collection, self.collection.vectors([image_id]), request, self.rank)
        with step("rank"):
            return self._results([found])[0]

    def similar_to_product(self, product_id: str, k: int = 10, *, where: Filter | None = None) -> list[Result]:
        """Find products that look like any of a product's photos, the product itself left out.

        Raises
        ------
        NotFound
        """
        vectors = self.collection.vectors([image.image_id for image in self.product(product_id).images])
        request = Request(k, where, by_product=True, apart=product_id)
        return self._results([shortlist.search_together(self.collection, vectors, request, self.rank)])[0]

    def classify(self, photo: Photo, *, top: int = 5) -> list[LabelProbability]:
        """Predict a photo's label: the `top` most probable, best first.

        Raises
        ------
        NoLabels, PhotoError
            The head learned fewer than two labels; the photo cannot be decoded.
        """
        probabilities = self.head.classify(self.features([photo]))[0]
        order = np.argsort(-probabilities, kind="stable")[:top]
        return [LabelProbability(self.head.label_names[place], float(probabilities[place])) for place in order]

    def product(self, product_id: str) -> ProductDetails:
        """Look a product up with its photos.

        Raises
        ------
        NotFound
        """
        (product,) = self.collection.products([product_id])
        if product is None:
            raise NotFound(f"there is no product {product_id!r}")
        return ProductDetails(product, tuple(self.collection.images_of(product_id)))

    def photo(self, image_id: str) -> PillowImage.Image:
        """Read a photo of the collection: upright RGB in its original size.

        Raises
        ------
        NotFound
            The id is unknown, or its file is not under the photo root.
        PhotoError
            The file can no longer be decoded.
        """
        image = self._image(image_id)
        if self.photos is None:
            raise NotFound("the original photos are not here", mend="Serve with --photos DIR")
        try:
            data = images.read_bytes(images.under(self.photos, image.path))
            return images.decode(data, max_pixels=self.max_pixels)
        except PhotoError as error:
            if error.reason == "missing":
                raise NotFound(f"the photo file of {image_id!r} is gone", mend="Check --photos") from error
            raise

    def thumbnail(self, image_id: str) -> bytes:
        """Return a photo's JPEG thumbnail.

        Raises
        ------
        NotFound
        """
        stored = self.collection.thumbnail(image_id)
        return stored if stored is not None else jpeg.thumbnail(self.photo(image_id))

    def close(self) -> None:
        """Close the collection."""
        self.collection.close()

    def __enter__(self) -> "SearchEngine":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _image(self, image_id: str) -> Image:
        (image,) = self.collection.images([image_id])
        if image is None:
            raise NotFound(f"there is no photo {image_id!r}")
        return image

    def _ask(self, photos: Sequence[Photo]) -> tuple[Float32Array, Guess | None]:
        features = self.features(photos)
        with step("encode"):
            return self.head.apply(features), self.guess(features)

    def _find(self, features: Float32Array, request: Request) -> list[list[Result]]:
        rows = [features[row : row + 1] for row in range(len(features))]
        with step("encode"):  # row by row: a matrix product's rounding depends on the rows around
            vectors = np.concatenate([self.head.apply(row) for row in rows])
            guesses = [guess for guess in map(self.guess, rows) if guess is not None]
        guess = Guess(self.head, np.concatenate([one.probabilities for one in guesses])) if guesses else None
        return self.search_vectors(vectors, request.k, where=request.where, by_product=request.by_product, guess=guess)

    def _results(self, found: Sequence[Neighbours]) -> list[list[Result]]:
        products = iter(self.collection.products([hit.product_id for each in found for hit in each.hits]))
        return [
            [
                Result(hit.image_id, hit.product_id, hit.score, one.name, one.price, one.currency, one.category)
                for hit, one in zip(each.hits, products, strict=False)  # each takes as many as it has hits
                if one is not None  # deleted between the search and the look-up
            ]
            for each in found
        ]
