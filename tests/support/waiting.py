"""Waiting for a state that nothing announces."""

import threading
from collections.abc import Callable


def until(true: Callable[[], bool]) -> None:
    """Look again and again for half a minute; fail where it does not come."""
    idle = threading.Event()
    for _ in range(3000):
        if true():
            return
        idle.wait(0.01)
    raise AssertionError("it never came")
