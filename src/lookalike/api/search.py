"""Search by a photo that is sent, by a photo or product of the catalogue, and classification."""

from enum import Enum
from typing import Annotated, TypeVar

from fastapi import APIRouter, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from pydantic import ValidationError

from lookalike.api import browse
from lookalike.api.context import Context, Ctx
from lookalike.api.errors import documented
from lookalike.api.params import ClassifyParams, ImageId, ProductId, SearchParams, SimilarParams
from lookalike.api.schemas import ClassifyAnswer, FoundProduct, FoundResult, LabelGuess, SearchAnswer, as_json
from lookalike.api.uploads import Upload, form_schema
from lookalike.timing import step
from lookalike.types import Filter, LabelProbability, Result

Params = TypeVar("Params", SearchParams, ClassifyParams)

_PHOTO = "photo"


async def search(request: Request, context: Ctx) -> Response:
    """Find what looks like a photo.

    Send the photo as the form field `photo`. The parameters may stand in the query or in the form; the form wins.
    """
    async with context.uploaded(request, _PHOTO) as upload:
        params = _merged(SearchParams, request, upload)
        k = params.checked_k(context.settings.max_results)
        where = params.where()
        return await context.work_on(
            upload, lambda photo: _answer(context.engine.search(photo, k, where=where, by_product=params.by_product))
        )


async def classify(request: Request, context: Ctx) -> Response:
    """Predict the category of a photo, sent as the form field `photo`. 409 where the head learned no labels."""
    async with context.uploaded(request, _PHOTO) as upload:
        params = _merged(ClassifyParams, request, upload)
        return await context.work_on(upload, lambda photo: _labels(context.engine.classify(photo, top=params.top)))


async def similar_to_image(image_id: ImageId, params: Annotated[SearchParams, Query()], context: Ctx) -> Response:
    """Find what looks like a photo of the catalogue, leaving out the photo itself and, by product, its product."""
    k, where = _checked(params, context)
    engine = context.engine

    def ask() -> Response:
        results = engine.similar(image_id, k, where=where, by_product=params.by_product)
        return _answer(results, browse.subject_of_image(engine.collection, image_id))

    return await context.work(ask)


async def similar_to_product(
    product_id: ProductId, params: Annotated[SimilarParams, Query()], context: Ctx
) -> Response:
    """Find products that look like any photo of a product, leaving out the product itself."""
    k, where = _checked(params, context)
    engine = context.engine

    def ask() -> Response:
        results = engine.similar_to_product(product_id, k, where=where)
        return _answer(results, browse.subject_of_product(engine.collection, product_id))

    return await context.work(ask)


def add_search_routes(router: APIRouter) -> None:
    """Add the routes of this module."""
    tags: list[str | Enum] = ["search"]
    router.add_api_route(
        "/v1/search",
        search,
        methods=["POST"],
        tags=tags,
        summary="Search by photo",
        response_model=SearchAnswer,
        responses=documented(400, 408, 413, 422, 503),
        openapi_extra=form_schema(_PHOTO, SearchParams),
    )
    router.add_api_route(
        "/v1/classify",
        classify,
        methods=["POST"],
        tags=tags,
        summary="Predict a photo's category",
        response_model=ClassifyAnswer,
        responses=documented(400, 408, 409, 413, 422, 503),
        openapi_extra=form_schema(_PHOTO, ClassifyParams),
    )
    router.add_api_route(
        "/v1/images/{image_id}/similar",
        similar_to_image,
        tags=tags,
        summary="Search by a photo of the catalogue",
        response_model=SearchAnswer,
        responses=documented(404, 422, 503),
    )
    router.add_api_route(
        "/v1/products/{product_id}/similar",
        similar_to_product,
        tags=tags,
        summary="Search by a product of the catalogue",
        response_model=SearchAnswer,
        responses=documented(404, 422, 503),
    )


def _checked(params: SimilarParams, context: Context) -> tuple[int, Filter]:
    return params.checked_k(context.settings.max_results), params.where()


def _merged(kind: type[Params], request: Request, upload: Upload) -> Params:
    """Read parameters from the query and, with precedence, from the form."""
    try:
        return kind.model_validate({**request.query_params, **upload.fields})
    except ValidationError as error:
        raise RequestValidationError(error.errors(include_context=False)) from error


def _answer(results: list[Result], subject: FoundProduct | None = None) -> Response:
    with step("json"):
        answer = SearchAnswer(query=subject, results=[FoundResult.of_result(result) for result in results])
        return as_json(answer)


def _labels(labels: list[LabelProbability]) -> Response:
    with step("json"):
        guesses = [LabelGuess(label=label.label, probability=label.probability) for label in labels]
        return as_json(ClassifyAnswer(labels=guesses))
