"""The HTTP service: `create_app(engine, settings)` gives a FastAPI application with routes, page and metrics."""

from lookalike.api.app import create_app

__all__ = ["create_app"]
