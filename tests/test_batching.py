"""Calls that run together: each caller gets its own answer, whoever its company was, and an error is everybody's."""

import queue
import threading
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import pytest
from waiting import until

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


def ask(pool: ThreadPoolExecutor, together: Together[int, int], numbers: Sequence[int]) -> list[Future[int]]:
    """Ask one after another, so that their order is known."""
    futures: list[Future[int]] = []
    for place, number in enumerate(numbers):
        futures.append(pool.submit(together, number))
        until(lambda place=place: together.waiting == place + 1)
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


class Gate:
    """Lets each run that enters go on only when it is told to, one by one."""

    def __init__(self) -> None:
        self.entered: queue.SimpleQueue[list[int]] = queue.SimpleQueue()
        self.leave = threading.Semaphore(0)

    def __call__(self, asked: Sequence[int]) -> list[int]:
        self.entered.put(list(asked))
        assert self.leave.acquire(timeout=30)
        return [one * 10 for one in asked]


@pytest.mark.parametrize("turn", range(20))
def test_two_runs_go_on_at_once_and_each_hands_over_to_another_heir(turn: int) -> None:
    del turn  # whether both end before an heir has woken is chance
    gate = Gate()
    together = Together(gate, most=2, at_once=2)
    with ThreadPoolExecutor(8) as pool:
        futures = [pool.submit(together, 1)]
        assert gate.entered.get(timeout=30) == [1]
        futures.append(pool.submit(together, 2))
        assert gate.entered.get(timeout=30) == [2]
        assert together.running == 2
        futures += ask(pool, together, [3, 4, 5, 6])
        gate.leave.release(2)  # both end, perhaps before the first heir has woken
        runs = [gate.entered.get(timeout=30) for _ in range(2)]
        assert sorted(map(len, runs)) == [2, 2]
        assert sorted(one for run in runs for one in run) == [3, 4, 5, 6]
        assert (together.running, together.waiting) == (2, 0)
        gate.leave.release(2)
        assert [future.result(30) for future in futures] == [10, 20, 30, 40, 50, 60]
    assert together.running == 0


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


@pytest.mark.parametrize("at_once", [1, 2, 3])
def test_many_threads_get_their_own_answers(at_once: int) -> None:
    together = Together(lambda asked: [one * 10 for one in asked], most=4, at_once=at_once)
    numbers = range(4000)
    with ThreadPoolExecutor(16) as pool:
        assert list(pool.map(together, numbers)) == [number * 10 for number in numbers]
    assert (together.running, together.waiting) == (0, 0)
