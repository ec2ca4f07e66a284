"""Prometheus metrics: how many requests, how long they and their steps took; by route template and never by id."""

import time

from fastapi import Request
from fastapi.responses import Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from lookalike.collection import Collection
from lookalike.timing import STEPS, Steps, recording

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_BUCKETS_S = (0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_STEP_BUCKETS_S = (0.0001, 0.00025, 0.0005, 0.001, 0.002, 0.003, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0)


class Metrics:
    """The metrics of one application, in a registry of its own, so that two of them in one process do not clash."""

    def __init__(self, collection: Collection) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "lookalike_http_requests",
            "Requests answered.",
            ("method", "route", "status"),
            registry=self.registry,
        )
        self.seconds = Histogram(
            "lookalike_http_request_seconds",
            "Time from the first byte of a request's head to the last byte of its answer.",
            ("method", "route"),
            buckets=_BUCKETS_S,
            registry=self.registry,
        )
        self.steps = Histogram(
            "lookalike_step_seconds",
            f"Time that each step of a query took: {', '.join(STEPS)}.",
            ("step",),
            buckets=_STEP_BUCKETS_S,
            registry=self.registry,
        )
        self.refused = Counter(
            "lookalike_refused",
            "Requests refused with 503, because as many as may were waiting or arriving.",
            registry=self.registry,
        )
        photos = Gauge("lookalike_photos", "Photos in the collection.", registry=self.registry)
        photos.set_function(lambda: float(collection.count()))


class MeasureRequests:
    """Count and time every request and the steps of its work, and tell these to the client as `Server-Timing`.

    What no route took is counted under one name, so that labels stay few.
    """

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self.app = app
        self.metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on; a request that ends in an exception counts as status 500."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        status = 500
        started = time.perf_counter()
        with recording() as steps:

            async def send_and_note(message: Message) -> None:
                nonlocal status
                if message["type"] == "http.response.start":
                    status = message["status"]
                    if steps.seconds:
                        MutableHeaders(scope=message)["server-timing"] = _told(steps, time.perf_counter() - started)
                await send(message)

            try:
                await self.app(scope, receive, send_and_note)
            finally:
                method = scope["method"] if scope["method"] in _METHODS else "other"
                route = str(getattr(scope.get("route"), "path", "other"))
                self.metrics.requests.labels(method, route, str(status)).inc()
                self.metrics.seconds.labels(method, route).observe(time.perf_counter() - started)
                for name, seconds in steps.seconds.items():
                    self.metrics.steps.labels(name).observe(seconds)


def _told(steps: Steps, total_s: float) -> str:
    """Write the steps as the W3C's Server-Timing: milliseconds, and the total up to this header."""
    return ", ".join(
        f"{name};dur={seconds * 1e3:.3f}" for name, seconds in (*steps.seconds.items(), ("total", total_s))
    )


def show_metrics(request: Request) -> Response:
    """Return the metrics in the Prometheus text format."""
    metrics: Metrics = request.app.state.metrics
    return Response(generate_latest(metrics.registry), media_type=CONTENT_TYPE_LATEST)
