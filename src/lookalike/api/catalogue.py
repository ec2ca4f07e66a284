"""What is in the catalogue: products, photos, categories, and facts about what is served."""

import hashlib
from enum import Enum
from typing import Annotated, Literal

from fastapi import APIRouter, Header, Query
from fastapi.responses import Response

from lookalike import __version__, jpeg
from lookalike.api import browse
from lookalike.api.context import Context, Ctx
from lookalike.api.errors import ApiError, documented, problem_of
from lookalike.api.params import BrowseParams, ImageId, ProductId
from lookalike.api.schemas import (
    BrowseAnswer,
    CategoriesAnswer,
    EncoderFacts,
    FoundProduct,
    HeadFacts,
    Info,
    PhotoFacts,
    ProductAnswer,
)
from lookalike.errors import NotFound, PhotoError

Size = Literal["thumb", "full"]

_KEEP = "public, max-age=3600"


async def list_products(params: Annotated[BrowseParams, Query()], context: Ctx) -> BrowseAnswer:
    """Show a varied sample of the catalogue, category by category; the same seed and filters give the same products."""
    found = await context.read(
        lambda: browse.sample(context.engine.collection, params.where(), params.limit, seed=params.seed)
    )
    return BrowseAnswer(products=[FoundProduct.of(product, image_id) for product, image_id in found])


async def get_product(product_id: ProductId, context: Ctx) -> ProductAnswer:
    """Return a product with its photos."""
    details = await context.read(lambda: context.engine.product(product_id))
    product = details.product
    return ProductAnswer(
        product_id=product.product_id,
        name=product.name,
        description=product.description,
        price=product.price,
        currency=product.currency,
        location=product.location,
        category=product.category,
        images=[
            PhotoFacts(image_id=photo.image_id, width=photo.width, height=photo.height) for photo in details.images
        ],
    )


async def get_image(
    image_id: ImageId,
    context: Ctx,
    size: Annotated[Size, Query(description="`thumb`: at most 320 pixels a side.")] = "full",
    if_none_match: Annotated[str | None, Header(include_in_schema=False)] = None,
) -> Response:
    """Return a photo as an upright JPEG, re-encoded, without EXIF, XMP or comments."""
    (stored,) = await context.read(lambda: context.engine.collection.images([image_id]))
    if stored is None:
        raise NotFound(f"there is no photo {image_id!r}")
    tag = f'"{stored.sha256[:32]}-{size}"' if stored.sha256 else None
    if tag is not None and _is_known(tag, if_none_match):
        return Response(status_code=304, headers={"etag": tag, "cache-control": _KEEP})
    jpeg = await _jpeg(context, image_id, size)
    tag = tag or f'"{hashlib.sha256(jpeg).hexdigest()[:32]}"'
    return Response(jpeg, media_type="image/jpeg", headers={"etag": tag, "cache-control": _KEEP})


async def list_categories(context: Ctx) -> CategoriesAnswer:
    """List all categories with their counts, in the order of a tree."""
    counts = await context.read(context.engine.collection.categories)
    return CategoriesAnswer(categories=browse.tree(counts))


async def get_info(context: Ctx) -> Info:
    """Tell what is served, and what a request may ask for."""
    return await context.read(lambda: _info(context))


def add_catalogue_routes(router: APIRouter) -> None:
    """Add the routes of this module."""
    tags: list[str | Enum] = ["catalogue"]
    router.add_api_route(
        "/v1/products", list_products, tags=tags, summary="A sample of the catalogue", responses=documented(422, 503)
    )
    router.add_api_route(
        "/v1/products/{product_id}",
        get_product,
        tags=tags,
        summary="A product and its photos",
        responses=documented(404, 422, 503),
    )
    router.add_api_route(
        "/v1/images/{image_id}",
        get_image,
        tags=tags,
        summary="A photo",
        response_class=Response,
        responses={**documented(404, 422, 503), 200: {"content": {"image/jpeg": {}}, "description": "The photo."}},
    )
    router.add_api_route(
        "/v1/categories", list_categories, tags=tags, summary="All categories", responses=documented(503)
    )
    router.add_api_route("/v1/info", get_info, tags=["service"], summary="What is served", responses=documented(503))


async def _jpeg(context: Context, image_id: str, size: Size) -> bytes:
    """Encode a photo of the catalogue; one that cannot be read any more is not found: no fault of who asks for it."""
    engine = context.engine
    try:
        if size == "full":
            return await context.work(lambda: jpeg.to_jpeg(engine.photo(image_id)))
        stored = await context.read(lambda: engine.collection.thumbnail(image_id))
        return stored if stored is not None else await context.work(lambda: engine.thumbnail(image_id))
    except NotFound as error:
        raise ApiError(404, "photo_missing", error.what, error.mend) from error
    except PhotoError as error:
        problem = problem_of(error)
        raise ApiError(404, problem.code, problem.message, "The file in the photo folder is damaged") from error


def _is_known(tag: str, if_none_match: str | None) -> bool:
    known = [part.strip().removeprefix("W/") for part in (if_none_match or "").split(",")]
    return tag in known or known == ["*"]


def _info(context: Context) -> Info:
    engine, settings = context.engine, context.settings
    return Info(
        version=__version__,
        images=engine.collection.count(),
        categories=len(engine.collection.categories()),
        generation=engine.collection.generation,
        read_only=engine.collection.read_only,
        encoder=EncoderFacts(
            name=engine.encoder.name,
            hash=engine.encoder.hash,
            dim=engine.encoder.dim,
            precision=engine.encoder.precision,
        ),
        head=HeadFacts(kind=engine.head.kind, dim=engine.head.dim, labels=len(engine.head.label_names)),
        max_upload_bytes=settings.max_upload_bytes,
        max_pixels=settings.max_pixels,
        max_results=settings.max_results,
    )
