"""A process killed at any instant leaves a collection that opens, and that is the one of the last commit."""

import random
import runpy
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lookalike.collection import LocalCollection, live_index
from lookalike.errors import CollectionError
from lookalike.types import unit_rows

CHILD = Path(__file__).with_name("crash_child.py")
child = runpy.run_path(str(CHILD))
QUERIES = unit_rows(np.random.default_rng(0).standard_normal((3, child["DIM"])))


def everything(collection: LocalCollection) -> tuple[Any, ...]:
    ids = collection.image_ids()
    products = [image.product_id for image in collection.images(ids) if image]
    return (
        collection.images(ids),
        collection.products(products),
        [collection.thumbnail(image_id) for image_id in ids],
        collection.vectors(ids).tolist(),
        collection.search(QUERIES, 100),
        collection.search(QUERIES, 100, by_product=True),
    )


@cache
def expected(generation: int) -> tuple[Any, ...]:
    with LocalCollection.in_memory(child["INFO"]) as collection:
        while collection.generation < generation:
            child["advance"](collection)
        return everything(collection)


def check(folder: Path, acknowledged: int) -> int:
    """Open what a kill left, reading only and then for writing, and compare it with what was committed."""
    found = []
    for read_only in (True, False):
        with LocalCollection.open(folder, read_only=read_only) as collection:
            found.append(collection.generation)
            assert everything(collection) == expected(collection.generation)
    assert found[0] == found[1]
    assert found[0] in (acknowledged, acknowledged + 1)
    return found[0]


@pytest.fixture(params=["flat", "lists"])
def level(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """What the killed process searches by; opening what it left then goes by the same."""
    if request.param == "lists":
        monkeypatch.setenv("LISTS", "1")
        monkeypatch.setattr(live_index, "plan_for", live_index.plan_for)  # put back afterwards
        child["force_lists"]()
    return request.param


@pytest.fixture
def nursery(level: str) -> Iterator[Any]:
    command = [sys.executable, str(CHILD), "nursery"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None

        def run(kill_at: int, folder: Path) -> list[str]:
            process.stdin.write(f"{kill_at} {folder}\n")
            process.stdin.flush()
            return process.stdout.readline().split()

        yield run
        process.stdin.close()
        assert process.wait() == 0


def test_killed_around_any_call_into_sqlite_faiss_or_the_system(nursery: Any, tmp_path: Path) -> None:
    *said, closed, calls = nursery(0, tmp_path / "whole")
    assert (said, closed) == (["0", "1", "2", "3", "4", "5"], "closed")
    assert check(tmp_path / "whole", 5) == 5
    died_at: set[int] = set()
    assert int(calls) > 300
    while_made = range(1, 60, 6)
    sample = random.Random(3).sample(range(60, int(calls) + 1), 32)  # all of them take two minutes
    for kill_at in [*while_made, *sample]:
        folder = tmp_path / str(kill_at)
        said = nursery(kill_at, folder)
        assert "closed" not in said[:-1]
        if said:
            died_at.add(check(folder, int(said[-1]) if said[-1] != "closed" else 5))
            continue
        try:  # killed while it was made: it is there, empty, or it is not there and can be made
            collection = LocalCollection.open(folder)
        except CollectionError as error:
            assert error.what == "there is no collection here"
            collection = LocalCollection.create(folder, child["INFO"])
        assert collection.generation == 0
        collection.close()
    assert died_at == {0, 1, 2, 3, 4, 5}


def test_killed_at_random_again_and_again(tmp_path: Path, level: str) -> None:
    folder = tmp_path / "collection"
    LocalCollection.create(folder, child["INFO"]).close()
    chance, generation = random.Random(7), 0
    for _ in range(4):
        process = subprocess.Popen([sys.executable, str(CHILD), "loop", str(folder)], stdout=subprocess.PIPE)
        assert process.stdout is not None
        for _ in range(chance.randint(1, 30)):
            acknowledged = int(process.stdout.readline())
        process.kill()
        acknowledged = max([acknowledged, *map(int, process.stdout.read().split())])
        process.stdout.close()
        process.wait()
        assert acknowledged > generation
        generation = check(folder, acknowledged)
