"""The two routes that small clients already use; their addresses and answers stay as they are."""

from enum import Enum
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from lookalike.api.context import Ctx
from lookalike.api.errors import documented
from lookalike.api.params import check_k
from lookalike.api.schemas import Health, SimilarUuids, as_json
from lookalike.api.uploads import form_schema
from lookalike.timing import step

_PHOTO = "image"


async def healthcheck() -> Health:
    """Tell that the server is up."""
    return Health(message="API is up and running!")


async def predict_image(
    request: Request,
    context: Ctx,
    num_results: Annotated[
        int, Query(ge=1, description="How many photos; at most `max_results` of /v1/info.", examples=[5])
    ] = 5,
) -> Response:
    """Return the ids of the photos most similar to the one sent as the form field `image`."""
    k = check_k(num_results, context.settings.max_results, "num_results")
    async with context.uploaded(request, _PHOTO) as upload:
        return await context.work_on(upload, lambda photo: _ids(context.engine.search_ids([photo], k)))


def add_simple_routes(router: APIRouter) -> None:
    """Add the routes of this module."""
    tags: list[str | Enum] = ["simple"]
    router.add_api_route("/healthcheck", healthcheck, tags=tags, summary="Sign of life")
    router.add_api_route(
        "/predict/image",
        predict_image,
        methods=["POST"],
        tags=tags,
        summary="Ids of similar photos",
        response_model=SimilarUuids,
        responses=documented(400, 408, 413, 422, 503),
        openapi_extra=form_schema(_PHOTO),
    )


def _ids(ids: list[list[str]]) -> Response:
    with step("json"):
        return as_json(SimilarUuids(ids=ids))
