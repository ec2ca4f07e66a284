"""Calls of several threads run together: who comes while one is under way waits, and goes along with the next."""

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

    A caller who finds nothing under way runs at once, alone. Those who come meanwhile wait; when it is done, the first
    of them runs for all who wait, and so on.
    """

    def __init__(self, run: Callable[[Sequence[Asked]], Sequence[Answer]], most: int) -> None:
        self._run = run
        self._most = most
        self._mutex = threading.Lock()
        self._waiting: list[_Call[Asked, Answer]] = []
        self._busy = False

    @property
    def waiting(self) -> int:
        """How many wait for the next run."""
        return len(self._waiting)

    def __call__(self, asked: Asked) -> Answer:
        """Answer one; an exception of `run` is raised in every caller of that run."""
        call = _Call[Asked, Answer](asked)
        with self._mutex:
            self._waiting.append(call)
            call.leads = not self._busy
            self._busy = True
        if not call.leads:
            call.woken.wait()
        if call.leads:
            self._lead()
        if call.error is not None:
            raise call.error
        return call.answer  # pyright: ignore[reportReturnType] - set where there is no error

    def _lead(self) -> None:
        with self._mutex:
            calls = self._waiting[: self._most]
            del self._waiting[: self._most]
        try:
            for call, answer in zip(calls, self._run([call.asked for call in calls]), strict=True):
                call.answer = answer
        except BaseException as error:
            for call in calls:
                call.error = error
        finally:
            with self._mutex:
                heir = self._waiting[0] if self._waiting else None
                self._busy = heir is not None
            for call in calls[1:]:
                call.woken.set()
            if heir is not None:
                heir.leads = True
                heir.woken.set()
