"""One table from exception to HTTP status, and one JSON shape for every error.

    {"error": {"status": 400, "code": "photo_unreadable", "message": "…", "mend": "…"}}

`code` is for programs, `message` and `mend` are for people. Of our own errors only `what` and `mend` are shown: they
never hold a path, which `where` may.
"""

from collections.abc import Mapping

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from lookalike import errors
from lookalike.api.headers import SECURITY_HEADERS

STATUS: tuple[tuple[type[errors.LookalikeError], int, str], ...] = (
    (errors.NotFound, 404, "not_found"),
    (errors.NoLabels, 409, "no_labels"),
    (errors.QueryError, 422, "bad_parameter"),
    (errors.PhotoError, 400, "photo_unreadable"),
    (errors.ReadOnly, 403, "read_only"),
    (errors.CollectionError, 503, "collection_unavailable"),
    (errors.LookalikeError, 500, "internal"),
)
"""Status and code of each of our errors; the first class that fits holds. A photo's reason refines the code."""

_HTTP_CODES = {404: "unknown_route", 405: "method_not_allowed", 400: "bad_request", 413: "body_too_large"}
_HTTP_MENDS = {404: "See /docs for the routes", 405: "See /docs for the methods that this route takes"}


class Problem(BaseModel):
    """What went wrong, for programs (`status`, `code`) and for people (`message`, `mend`)."""

    status: int = Field(description="The HTTP status once more.", examples=[400])
    code: str = Field(description="A stable word for programs.", examples=["photo_unreadable"])
    message: str = Field(description="What was wrong.", examples=["this is no JPEG, PNG, WebP or GIF photo"])
    mend: str = Field(description="What can be done; may be empty.", examples=["Save it as JPEG or PNG and try again"])


class ErrorBody(BaseModel):
    """The body of every answer that is not a success."""

    error: Problem


class ApiError(Exception):
    """An error that a route knows the status of, and perhaps headers that go with it."""

    def __init__(
        self, status: int, code: str, message: str, mend: str = "", *, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.problem = Problem(status=status, code=code, message=message, mend=mend)
        self.headers = headers


def problem_of(error: errors.LookalikeError) -> Problem:
    """Look an error up in the table: a photo's reason gives the code, and a too large one gives 413."""
    status, code = next((status, code) for kind, status, code in STATUS if isinstance(error, kind))
    if isinstance(error, errors.PhotoError):
        code = f"photo_{error.reason}"
        status = 413 if error.reason == "too_large" else status
    return Problem(status=status, code=code, message=error.what, mend=error.mend)


def add_error_handlers(app: FastAPI) -> None:
    """Give every error the one shape."""
    for kind in (errors.LookalikeError, ApiError, RequestValidationError, HTTPException, ClientDisconnect, Exception):
        app.add_exception_handler(kind, _handle)


def documented(*statuses: int) -> dict[int | str, dict[str, object]]:
    """Describe error answers for OpenAPI."""
    said = {
        400: "The photo is no photo, is empty or damaged, or the form is malformed.",
        404: "There is no such photo or product.",
        408: "The upload took longer than this server waits.",
        409: "The head of this collection learned no labels.",
        413: "The upload has too many bytes, or the photo too many pixels.",
        422: "A parameter makes no sense, or the photo field is missing.",
        503: "The server has as much to do as it can take: ask again after `Retry-After` seconds.",
    }
    return {status: {"model": ErrorBody, "description": said[status]} for status in statuses}


def _answer(problem: Problem, headers: Mapping[str, str] | None = None) -> JSONResponse:
    return JSONResponse({"error": problem.model_dump()}, status_code=problem.status, headers=headers)


def _handle(_: Request, error: Exception) -> JSONResponse:
    match error:
        case errors.LookalikeError():
            return _answer(problem_of(error))
        case ApiError():
            return _answer(error.problem, error.headers)
        case RequestValidationError():
            said = "; ".join(_sentence(problem) for problem in error.errors())
            return _answer(Problem(status=422, code="bad_parameter", message=said, mend="See /docs"))
        case HTTPException():
            return _answer(_http_problem(error), error.headers)
        case ClientDisconnect():  # nobody reads this answer, but it is no server error either
            return _answer(Problem(status=400, code="upload_incomplete", message="the upload broke off", mend=""))
        case _:  # a bug: the server's log has the traceback
            said = "something went wrong on our side"
            problem = Problem(status=500, code="internal", message=said, mend="The server's log says more")
            return _answer(problem, SECURITY_HEADERS)  # the middleware that adds them is not around this one


def _sentence(problem: Mapping[str, object]) -> str:
    """Name the parameter and what is wrong with it, never the value: that is the sender's own."""
    place = problem.get("loc", ())
    names = (
        [str(part) for part in place if part not in ("query", "path", "header", "body")]
        if isinstance(place, tuple)
        else []
    )
    text = str(problem.get("msg", "is wrong")).removeprefix("Value error, ")
    return f"{'.'.join(names)}: {text}" if names else text


def _http_problem(error: HTTPException) -> Problem:
    return Problem(
        status=error.status_code,
        code=_HTTP_CODES.get(error.status_code, "http_error"),
        message=error.detail,
        mend=_HTTP_MENDS.get(error.status_code, ""),
    )
