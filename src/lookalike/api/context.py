"""What every route needs: the engine, the settings, and threads to work in, so that the event loop never waits."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, TypeVar

import anyio.to_thread
from anyio import CapacityLimiter
from fastapi import Depends, Request

from lookalike.engine import SearchEngine
from lookalike.settings import Settings

Answer = TypeVar("Answer")

_READERS = 16


@dataclass(frozen=True)
class Context:
    """The engine and settings of one application, and its two bounded kinds of work.

    `workers` decode and embed: each may hold a whole photo in memory, so there are as many as decode threads. `readers`
    only look rows up, so that a page of thumbnails need not queue behind somebody's large photo.
    """

    engine: SearchEngine
    settings: Settings
    workers: CapacityLimiter
    readers: CapacityLimiter

    @classmethod
    def of(cls, engine: SearchEngine, settings: Settings) -> "Context":
        """Make the context of an application: one worker per decode thread, by default one per core."""
        workers = settings.threads or os.cpu_count() or 1
        return cls(engine, settings, CapacityLimiter(workers), CapacityLimiter(_READERS))

    async def work(self, task: Callable[[], Answer]) -> Answer:
        """Run what decodes, embeds or searches in a worker thread."""
        return await anyio.to_thread.run_sync(task, limiter=self.workers)

    async def read(self, task: Callable[[], Answer]) -> Answer:
        """Run a look-up in a reader thread."""
        return await anyio.to_thread.run_sync(task, limiter=self.readers)


def context_of(request: Request) -> Context:
    """Return the context of the application that serves this request."""
    return request.app.state.context


Ctx = Annotated[Context, Depends(context_of)]
"""A route's way to the engine."""
