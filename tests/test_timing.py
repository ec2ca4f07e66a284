"""The record of steps: sums, failures, contexts and threads."""

import contextvars
import threading

import pytest

from lookalike.timing import record_step, recording, step


def test_a_step_that_comes_again_is_the_sum(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([1.0, 1.5, 2.0, 4.0, 5.0, 5.25])
    monkeypatch.setattr("lookalike.timing.time.perf_counter", lambda: next(clock))
    with recording() as steps:
        with step("decode"):
            pass
        with step("encode"):
            pass
        with step("decode"):
            pass
        record_step("wait", 3.0)
    assert steps.seconds == {"decode": 0.75, "encode": 2.0, "wait": 3.0}


def test_a_step_that_fails_is_timed_too() -> None:
    with recording() as steps, pytest.raises(ZeroDivisionError), step("decode"):
        _ = 1 / 0
    assert list(steps.seconds) == ["decode"]


def test_outside_a_recording_nothing_is_kept() -> None:
    with recording() as steps:
        pass
    with step("decode"):
        record_step("wait", 1.0)
    assert steps.seconds == {}


def test_a_recording_inside_another_keeps_to_itself() -> None:
    with recording() as outer:
        record_step("a", 1.0)
        with recording() as inner:
            record_step("b", 1.0)
        record_step("c", 1.0)
    assert (list(outer.seconds), list(inner.seconds)) == (["a", "c"], ["b"])


def test_a_thread_writes_into_the_record_of_the_context_it_was_given() -> None:
    with recording() as steps:
        context = contextvars.copy_context()
        given = threading.Thread(target=lambda: context.run(record_step, "given", 1.0))
        other = threading.Thread(target=lambda: record_step("other", 1.0))
        for thread in (given, other):
            thread.start()
            thread.join()
    assert list(steps.seconds) == ["given"]
