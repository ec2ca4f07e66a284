"""How long the steps of one piece of work took. Who wants to know records; where nobody does, a step costs nothing.

    with recording() as steps:
        engine.search(photo)
    steps.seconds  # {"decode": 0.002, "encode": 0.004, "search": 0.001, "rank": 0.0003}

The record goes with the context (PEP 567): requests that run beside each other keep theirs apart, and a worker thread
that was given a copy of its caller's context writes into its caller's record.
"""

import time
from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

STEPS = ("upload", "wait", "decode", "encode", "search", "rank", "json")
"""The steps of a query, in their order."""


@dataclass(slots=True)
class Steps:
    """Seconds by step; a step that came several times is the sum."""

    seconds: dict[str, float] = field(default_factory=dict)

    def add(self, name: str, seconds: float) -> None:
        """Add to a step."""
        self.seconds[name] = self.seconds.get(name, 0.0) + seconds


_RECORD: ContextVar[Steps | None] = ContextVar("lookalike_steps", default=None)


@contextmanager
def recording() -> Generator[Steps]:
    """Record the steps that are taken inside."""
    steps = Steps()
    token = _RECORD.set(steps)
    try:
        yield steps
    finally:
        _RECORD.reset(token)


def record_step(name: str, seconds: float) -> None:
    """Record a step that was timed otherwise."""
    record = _RECORD.get()
    if record is not None:
        record.add(name, seconds)


@contextmanager
def step(name: str) -> Generator[None]:
    """Time one step, also when it fails."""
    started = time.perf_counter()
    try:
        yield
    finally:
        record_step(name, time.perf_counter() - started)
