"""Search by a photo that is sent, by a photo or product of the catalogue, and classification."""

from enum import Enum
from typing import Annotated, TypeVar

from fastapi import APIRouter, Query, Request
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError

from lookalike.api import browse
from lookalike.api.context import Context, Ctx
from lookalike.api.errors import documented
from lookalike.api.params import ClassifyParams, ImageId, ProductId, SearchParams, SimilarParams
from lookalike.api.schemas import ClassifyAnswer, FoundProduct, FoundResult, LabelGuess, SearchAnswer
from lookalike.api.uploads import Upload, form_schema, uploaded
from lookalike.types import Filter, LabelProbability, Result

Params = TypeVar("Params", SearchParams, ClassifyParams)

_PHOTO = "photo"


async def search(request: Request, context: Ctx) -> SearchAnswer:
    """Find what looks like a photo.

    Send the photo as the form field `photo`. The parameters may stand in the query or in the form; the form wins.
    """
    async with uploaded(request, _PHOTO, context.settings) as upload:
        params = _merged(SearchParams, request, upload)
        k = params.checked_k(context.settings.max_results)
        where = params.where()
        results = await context.work(
            lambda: context.engine.search(upload.photo(), k, where=where, by_product=params.by_product)
        )
    return _answer(results)


async def classify(request: Request, context: Ctx) -> ClassifyAnswer:
    """Predict the category of a photo, sent as the form field `photo`. 409 where the head learned no labels."""
    async with uploaded(request, _PHOTO, context.settings) as upload:
        params = _merged(ClassifyParams, request, upload)
        labels = await context.work(lambda: context.engine.classify(upload.photo(), top=params.top))
    return ClassifyAnswer(labels=[_guess(label) for label in labels])


async def similar_to_image(image_id: ImageId, params: Annotated[SearchParams, Query()], context: Ctx) -> SearchAnswer:
    """Find what looks like a photo of the catalogue, leaving out the photo itself and, by product, its product."""
    k, where = _checked(params, context)
    results = await context.work(lambda: context.engine.similar(image_id, k, where=where, by_product=params.by_product))
    return _answer(results, await context.read(lambda: browse.subject_of_image(context.engine.collection, image_id)))


async def similar_to_product(
    product_id: ProductId, params: Annotated[SimilarParams, Query()], context: Ctx
) -> SearchAnswer:
    """Find products that look like any photo of a product, leaving out the product itself."""
    k, where = _checked(params, context)
    results = await context.work(lambda: context.engine.similar_to_product(product_id, k, where=where))
    return _answer(
        results, await context.read(lambda: browse.subject_of_product(context.engine.collection, product_id))
    )


def add_search_routes(router: APIRouter) -> None:
    """Add the routes of this module."""
    tags: list[str | Enum] = ["search"]
    router.add_api_route(
        "/v1/search",
        search,
        methods=["POST"],
        tags=tags,
        summary="Search by photo",
        responses=documented(400, 413, 422),
        openapi_extra=form_schema(_PHOTO, SearchParams),
    )
    router.add_api_route(
        "/v1/classify",
        classify,
        methods=["POST"],
        tags=tags,
        summary="Predict a photo's category",
        responses=documented(400, 409, 413, 422),
        openapi_extra=form_schema(_PHOTO, ClassifyParams),
    )
    router.add_api_route(
        "/v1/images/{image_id}/similar",
        similar_to_image,
        tags=tags,
        summary="Search by a photo of the catalogue",
        responses=documented(404, 422),
    )
    router.add_api_route(
        "/v1/products/{product_id}/similar",
        similar_to_product,
        tags=tags,
        summary="Search by a product of the catalogue",
        responses=documented(404, 422),
    )


def _checked(params: SimilarParams, context: Context) -> tuple[int, Filter]:
    return params.checked_k(context.settings.max_results), params.where()


def _merged(kind: type[Params], request: Request, upload: Upload) -> Params:
    """Read parameters from the query and, with precedence, from the form."""
    try:
        return kind.model_validate({**request.query_params, **upload.fields})
    except ValidationError as error:
        raise RequestValidationError(error.errors(include_context=False)) from error


def _answer(results: list[Result], subject: FoundProduct | None = None) -> SearchAnswer:
    return SearchAnswer(query=subject, results=[FoundResult.of_result(result) for result in results])


def _guess(label: LabelProbability) -> LabelGuess:
    return LabelGuess(label=label.label, probability=label.probability)
