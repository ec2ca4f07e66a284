"""The FastAPI application: routes, page, metrics, and the middleware around them."""

from importlib import resources
from pathlib import Path

from fastapi import APIRouter, Depends, FastAPI
from fastapi.responses import FileResponse
from fastapi.staticfiles import StaticFiles
from fastapi_offline import FastAPIOffline
from starlette.middleware import Middleware

from lookalike import __version__
from lookalike.api.catalogue import add_catalogue_routes
from lookalike.api.context import Context
from lookalike.api.errors import add_error_handlers, documented
from lookalike.api.headers import HeadAsGet, RawPaths, SecurityHeaders, WholeFiles
from lookalike.api.metrics import MeasureRequests, Metrics, show_metrics
from lookalike.api.params import check_query
from lookalike.api.search import add_search_routes
from lookalike.api.simple import add_simple_routes
from lookalike.api.uploads import FORM_ROOM_BYTES, LimitBody
from lookalike.engine import SearchEngine
from lookalike.settings import Settings

_DESCRIPTION = """
Find the products that look like a photo.

Send a photo to **POST /v1/search**, or ask for what looks like a photo or product that is already in the catalogue.
Ids in addresses are percent-encoded, so that `a/b` is `a%2Fb`. Every error has the same shape:
`{"error": {"status": 400, "code": "photo_unreadable", "message": "…", "mend": "…"}}`.
"""


def create_app(engine: SearchEngine, settings: Settings) -> FastAPI:
    """Make the application that serves an engine: the API, its documentation, the metrics and the page.

    Parameters
    ----------
    engine : SearchEngine
        Stays the caller's: open it before, close it after.
    settings : Settings
        `max_upload_bytes`, `max_pixels`, `max_results`, `threads`, `queue`, `uploads` and `upload_seconds` are
        obeyed here.

    Returns
    -------
    FastAPI
        Works under any ASGI server, also behind a proxy that strips a prefix (`root_path`). Documentation at /docs
        needs no network.
    """
    metrics = Metrics(engine.collection)
    app = FastAPIOffline(
        title="Lookalike",
        version=__version__,
        summary="Visual search for marketplaces",
        description=_DESCRIPTION,
        redoc_url=None,  # one documentation page is enough
        redirect_slashes=False,
        swagger_ui_parameters={"validatorUrl": None},  # otherwise the page would ask a server on the internet
        openapi_tags=[
            {"name": "search", "description": "By a photo that is sent, or by one of the catalogue."},
            {"name": "catalogue", "description": "Products, photos and categories."},
            {"name": "simple", "description": "Two routes for small clients."},
            {"name": "service", "description": "What runs here."},
        ],
        middleware=[  # the first is the outermost
            Middleware(SecurityHeaders),
            Middleware(RawPaths),
            Middleware(MeasureRequests, metrics=metrics),
            Middleware(WholeFiles),
            Middleware(HeadAsGet),
            Middleware(LimitBody, max_bytes=settings.max_upload_bytes + FORM_ROOM_BYTES),
        ],
    )
    app.state.context = Context.of(engine, settings, metrics)
    app.state.metrics = metrics
    add_error_handlers(app)
    api = APIRouter(dependencies=[Depends(check_query)], responses=documented(422), redirect_slashes=False)
    add_search_routes(api)
    add_catalogue_routes(api)
    add_simple_routes(api)
    app.include_router(api)
    app.add_api_route("/metrics", show_metrics, tags=["service"], summary="Prometheus metrics", include_in_schema=False)
    _add_page(app)
    return app


def _add_page(app: FastAPI) -> None:
    folder = Path(str(resources.files("lookalike") / "web"))

    async def page() -> FileResponse:
        return FileResponse(folder / "index.html", media_type="text/html; charset=utf-8")

    app.add_api_route("/", page, include_in_schema=False, response_class=FileResponse)
    app.mount("/static", StaticFiles(directory=folder / "static"), name="static")
