"""What a process keeps of the memory that it freed, each case in a process of its own."""

import os
import platform
import subprocess
import sys

import pytest

_ASK = """
import resource, sys
import numpy as np
from lookalike.allocator import keep_freed_memory

told = keep_freed_memory() if sys.argv[1] == "keep" else None

def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(100):
        photo = [np.ones(250_000, np.uint8) for _ in range(8)]
        del photo
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

faults()
print(told, faults())
"""

pytestmark = pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="it is glibc that gives memory back")


def ask(what: str, **environment: str) -> tuple[str, int]:
    settings = {name: value for name, value in os.environ.items() if not name.startswith(("MALLOC_", "GLIBC_"))}
    done = subprocess.run(
        [sys.executable, "-c", _ASK, what],
        env={**settings, **environment},
        check=True,
        capture_output=True,
        text=True,
    )
    told, faults = done.stdout.split()
    return told, int(faults)


def test_freed_memory_is_there_for_the_next_photo() -> None:
    told, faults = ask("keep")
    assert told == "True"
    assert ask("leave")[1] > 20 * max(faults, 1)


def test_the_environment_wins() -> None:
    assert ask("keep", MALLOC_TRIM_THRESHOLD_="131072")[0] == "False"
