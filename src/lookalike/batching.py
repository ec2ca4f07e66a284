"""Calls of several threads run together: who comes while enough are under way waits, and goes along with the next."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

Asked = TypeVar("Asked")
Answer = TypeVar("Answer")


@dataclass(eq=False)
class _Call(Generic[Asked, Answer]):
    asked: Asked
    woken: threading.Event = field(default_factory=threading.Event)
    leads: bool = False
    answer: Answer | None = None
    error: BaseException | None = None


class Together(Generic[Asked, Answer]):
    """Runs what several threads ask in one call of `run`, at most `most` at a time; nobody waits for company.

    A caller who finds fewer than `at_once` runs under way runs at once, alone. Those who come meanwhile wait; when
    a run is done, the first of them runs for all who wait, and so on.
    """

    def __init__(self, run: Callable[[Sequence[Asked]], Sequence[Answer]], most: int, *, at_once: int = 1) -> None:
        self._run = run
        self._most = most
        self._at_once = at_once
        self._mutex = threading.Lock()
        self._waiting: list[_Call[Asked, Answer]] = []
        self._running = 0

    @property
    def waiting(self) -> int:
        """How many wait for the next run."""
        return len(self._waiting)

    @property
    def running(self) -> int:
        """How many runs are under way; inside of one, it counts."""
        return self._running

    def __call__(self, asked: Asked) -> Answer:
        """Answer one; an exception of `run` is raised in every caller of that run."""
        call = _Call[Asked, Answer](asked)
        with self._mutex:
            call.leads = self._running < self._at_once
            self._running += call.leads
            if not call.leads:
                self._waiting.append(call)
        if not call.leads:
            call.woken.wait()
        if call.leads:
            self._lead(call)
        if call.error is not None:
            raise call.error
        return call.answer  # pyright: ignore[reportReturnType] - set where there is no error

    def _lead(self, leader: _Call[Asked, Answer]) -> None:
        with self._mutex:
            calls = [leader, *self._waiting[: self._most - 1]]
            del self._waiting[: self._most - 1]
        try:
            for call, answer in zip(calls, self._run([call.asked for call in calls]), strict=True):
                call.answer = answer
        except BaseException as error:
            for call in calls:
                call.error = error
        finally:
            with self._mutex:
                heir = self._waiting.pop(0) if self._waiting else None
                self._running -= heir is None
            for call in calls[1:]:
                call.woken.set()
            if heir is not None:
                heir.leads = True
                heir.woken.set()
