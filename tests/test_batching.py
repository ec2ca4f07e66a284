"""Calls that run together: each caller gets its own answer, whoever its company was, and an error is everybody's."""

import threading
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from lookalike.batching import Together


class Held:
    """A function that waits at its first call, and keeps what it was asked in each."""

    def __init__(self) -> None:
        self.runs: list[list[int]] = []
        self.entered, self.leave = threading.Event(), threading.Event()

    def __call__(self, asked: Sequence[int]) -> list[int]:
        self.runs.append(list(asked))
        if len(self.runs) == 1:
            self.entered.set()
            assert self.leave.wait(30)
        if 13 in asked:
            raise ValueError("thirteen")
        return [one * 10 for one in asked]


def waiting(together: Together[int, int], number: int) -> None:
    idle = threading.Event()
    for _ in range(3000):
        if together.waiting == number:
            return
        idle.wait(0.01)
    raise AssertionError("they never came")


def ask(pool: ThreadPoolExecutor, together: Together[int, int], numbers: Sequence[int]) -> list[Future[int]]:
    """Ask one after another, so that their order is known."""
    futures: list[Future[int]] = []
    for place, number in enumerate(numbers):
        futures.append(pool.submit(together, number))
        waiting(together, place + 1)
    return futures


def test_who_comes_meanwhile_goes_together_in_the_order_of_coming() -> None:
    held = Held()
    together = Together(held, most=3)
    with ThreadPoolExecutor(8) as pool:
        first = pool.submit(together, 1)
        assert held.entered.wait(30)
        others = ask(pool, together, [2, 3, 4, 5])
        held.leave.set()
        assert first.result(30) == 10
        assert [other.result(30) for other in others] == [20, 30, 40, 50]
    assert held.runs == [[1], [2, 3, 4], [5]]


def test_nobody_waits_for_company() -> None:
    runs: list[list[int]] = []

    def run(asked: Sequence[int]) -> list[int]:
        runs.append(list(asked))
        return list(asked)

    together = Together(run, most=4)
    assert [together(number) for number in (1, 2, 3)] == [1, 2, 3]
    assert runs == [[1], [2], [3]]


def test_an_error_reaches_all_that_went_along_and_nobody_else() -> None:
    held = Held()
    together = Together(held, most=2)
    with ThreadPoolExecutor(8) as pool:
        first = pool.submit(together, 1)
        assert held.entered.wait(30)
        others = ask(pool, together, [12, 13, 14])
        held.leave.set()
        assert first.result(30) == 10
        for failed in others[:2]:
            with pytest.raises(ValueError, match="thirteen"):
                failed.result(30)
        assert others[2].result(30) == 140
    assert together(5) == 50


def test_too_few_answers_are_an_error_and_nobody_waits_for_ever() -> None:
    together: Together[int, int] = Together(lambda asked: [], most=2)
    for _ in range(2):
        with pytest.raises(ValueError, match="zip"):
            together(1)


def test_many_threads_get_their_own_answers() -> None:
    together = Together(lambda asked: [one * 10 for one in asked], most=4)
    numbers = range(4000)
    with ThreadPoolExecutor(16) as pool:
        assert list(pool.map(together, numbers)) == [number * 10 for number in numbers]
