"""What every route needs: the engine, the settings, and threads to work in, so that the event loop never waits."""

import time
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Annotated, TypeVar

import anyio.to_thread
from anyio import CapacityLimiter
from fastapi import Depends, Request

from lookalike.api.errors import ApiError
from lookalike.api.metrics import Metrics
from lookalike.api.uploads import Arrivals, Upload, uploaded
from lookalike.cores import cores
from lookalike.engine import SearchEngine
from lookalike.settings import Settings
from lookalike.timing import record_step

Answer = TypeVar("Answer")

_READERS = 16
_PLACES_A_CORE = 8
_QUEUE_A_PLACE = 4
_ARRIVALS_A_REQUEST = 2  # uploads that may arrive for each request that may be inside: most are slower than a search
_RETRY_AFTER_S = 1


@dataclass(eq=False, slots=True)
class Places:
    """Places to work in, and room for `queue` more who wait for one.

    Whoever asks is counted at once: the limiter learns of them one turn of the event loop later, and until then would
    let in all who ask in that turn.
    """

    limiter: CapacityLimiter
    queue: int
    inside: int = 0

    @property
    def full(self) -> bool:
        """Whether who asks now finds no room."""
        return self.inside >= self.limiter.total_tokens + self.queue


@dataclass(frozen=True)
class Context:
    """The engine and settings of one application, and its three bounded kinds of work.

    `workers` decode, embed and search. `heavy` lets one photo at a time through that is slow to decode, so that such
    photos never hold all workers. `readers` only look rows up, so that a page of thumbnails need not queue behind
    somebody's photo. Each has a queue of its own, equally long. Uploads that still arrive take no place among these;
    they are bounded by themselves, as `arrivals`.
    """

    engine: SearchEngine
    settings: Settings
    metrics: Metrics
    workers: Places
    heavy: Places
    readers: Places
    arrivals: Arrivals

    @classmethod
    def of(cls, engine: SearchEngine, settings: Settings, metrics: Metrics) -> "Context":
        """Make the context of an application; see the settings `threads`, `queue` and `uploads`."""
        workers = settings.threads or _PLACES_A_CORE * cores()
        queue = _QUEUE_A_PLACE * workers if settings.queue is None else settings.queue
        work, heavy, read = (Places(CapacityLimiter(number), queue) for number in (workers, 1, _READERS))
        arrivals = Arrivals(settings.uploads or _ARRIVALS_A_REQUEST * (workers + queue), settings.upload_seconds)
        return cls(engine, settings, metrics, work, heavy, read, arrivals)

    async def work(self, task: Callable[[], Answer]) -> Answer:
        """Run what decodes, embeds or searches in a worker thread.

        Raises
        ------
        ApiError
            503: the queue is full.
        """
        asked = time.perf_counter()

        def run() -> Answer:
            record_step("wait", time.perf_counter() - asked)
            return task()

        with self._counted(self.workers):
            return await anyio.to_thread.run_sync(run, limiter=self.workers.limiter)

    async def work_on(self, upload: Upload, task: Callable[[bytes], Answer]) -> Answer:
        """Run a task on an uploaded photo in a worker thread; heavy photos one after another.

        Raises
        ------
        ApiError
            413: more bytes than allowed. 503: the queue is full.
        PhotoError
            Empty, not a photo, or more pixels than allowed.
        """

        def unless_heavy() -> tuple[Answer] | None:
            photo = upload.photo()
            return None if photo.heavy else (task(photo.data),)

        if (done := await self.work(unless_heavy)) is not None:
            return done[0]
        with self._counted(self.heavy):
            async with self.heavy.limiter:
                return await self.work(lambda: task(upload.photo().data))

    async def read(self, task: Callable[[], Answer]) -> Answer:
        """Run a look-up in a reader thread; 503 as for `work`."""
        with self._counted(self.readers):
            return await anyio.to_thread.run_sync(task, limiter=self.readers.limiter)

    @asynccontextmanager
    async def uploaded(self, request: Request, field: str) -> AsyncGenerator[Upload]:
        """Take a form with a photo in, see `uploads.uploaded`.

        Raises
        ------
        ApiError
            503: as many arrive as may, or what arrives would find the queue full.
        """
        if self.workers.full or not self.arrivals.make_room():
            raise self._refused()
        async with uploaded(request, field, self.settings, self.arrivals) as upload:
            yield upload

    @contextmanager
    def _counted(self, places: Places) -> Generator[None]:
        if places.full:
            raise self._refused()
        places.inside += 1
        try:
            yield
        finally:
            places.inside -= 1

    def _refused(self) -> ApiError:
        self.metrics.refused.inc()
        return ApiError(
            503,
            "overloaded",
            "the server has as much to do as it can take",
            f"Try again in {_RETRY_AFTER_S} s",
            headers={"retry-after": str(_RETRY_AFTER_S)},
        )


async def context_of(request: Request) -> Context:
    """Return the context of the application that serves this request; `async`: FastAPI would go to a thread for it."""
    return request.app.state.context


Ctx = Annotated[Context, Depends(context_of)]
"""A route's way to the engine."""
