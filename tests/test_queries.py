"""Query photos of several threads: each gets its own answer and its own steps, whoever it went with."""

import queue
import threading
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image
from waiting import until

from lookalike.errors import PhotoError
from lookalike.queries import Queries
from lookalike.timing import recording, step
from lookalike.types import Float32Array, Preprocess, UInt8Array


class Means:
    """An encoder whose one feature is a photo's mean; each call waits until it is let go."""

    name, hash, precision = "means", "0", "fp32"
    dim = generic_dim = 1
    card = Preprocess(size_px=8, mean=(0, 0, 0), std=(1, 1, 1))

    def __init__(self) -> None:
        self.calls: queue.SimpleQueue[int] = queue.SimpleQueue()
        self.let_go = threading.Semaphore(0)

    def encode(self, images: UInt8Array) -> Float32Array:
        self.calls.put(len(images))
        assert self.let_go.acquire(timeout=30)
        return images.mean(axis=(1, 2, 3), dtype=np.float32)[:, None]


class Searched:
    """Finds a photo's mean and what was wanted, and keeps what it was asked for together."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, list[float]]] = []

    def __call__(self, features: Float32Array, wanted: str) -> list[str]:
        with step("search"):
            means = features[:, 0].tolist()
            self.asked.append((wanted, means))
            if wanted == "trouble":
                raise ValueError(wanted)
            return [f"{mean:.0f} {wanted}" for mean in means]


def grey(level: int) -> Image.Image:
    """A photo of one grey."""
    return Image.new("RGB", (9, 9), (level, level, level))


class Crowd:
    """Two lone queries that hold the encoder, and behind them those who ask meanwhile."""

    def __init__(self) -> None:
        self.encoder, self.searched = Means(), Searched()
        self.queries = Queries[str, str](self.encoder, self.searched, flip=False, max_pixels=10_000)

    def ask(self, pool: ThreadPoolExecutor, wanted: Sequence[tuple[int, str]]) -> list[Future[tuple[str, list[str]]]]:
        """Ask one after another: each one's answer and the names of its steps."""

        def one(level: int, what: str) -> tuple[str, list[str]]:
            with recording() as steps:
                return self.queries.search(grey(level), what), list(steps.seconds)

        together = self.queries._together  # pyright: ignore
        futures: list[Future[tuple[str, list[str]]]] = []
        for level, what in wanted:
            came = together.waiting + together.running
            futures.append(pool.submit(one, level, what))
            until(lambda came=came: together.waiting + together.running == came + 1)
        return futures

    def go(self) -> None:
        """Let one of the two go; all who wait follow it together, and then everybody goes."""
        self.encoder.let_go.release()
        until(lambda: not self.queries._together.waiting)  # pyright: ignore
        self.encoder.let_go.release(10)


@pytest.fixture
def crowd(monkeypatch: pytest.MonkeyPatch) -> Crowd:
    monkeypatch.setattr("lookalike.queries.cores", lambda: 2)
    return Crowd()


def test_who_comes_meanwhile_is_encoded_together_and_searched_for_by_what_is_wanted(crowd: Crowd) -> None:
    with ThreadPoolExecutor(8) as pool:
        first = crowd.ask(pool, [(1, "a"), (2, "a")])
        others = crowd.ask(pool, [(3, "a"), (4, "b"), (5, "a")])
        crowd.go()
        assert [one.result(30)[0] for one in first] == ["1 a", "2 a"]
        assert [one.result(30)[0] for one in others] == ["3 a", "4 b", "5 a"]
        assert all(one.result()[1] == ["decode", "wait", "encode", "search"] for one in [*first, *others])
    assert sorted(crowd.encoder.calls.get(timeout=30) for _ in range(3)) == [1, 1, 3]
    assert ("a", [3, 5]) in crowd.searched.asked
    assert ("b", [4]) in crowd.searched.asked


def test_features_go_along_and_are_not_searched_for(crowd: Crowd) -> None:
    with ThreadPoolExecutor(8) as pool:
        crowd.ask(pool, [(1, "a"), (2, "a")])
        features = pool.submit(crowd.queries.features, [grey(7)])
        until(lambda: crowd.queries._together.waiting == 1)  # pyright: ignore
        (other,) = crowd.ask(pool, [(8, "a")])
        crowd.go()
        np.testing.assert_array_equal(features.result(30), [[7]])
        assert other.result(30)[0] == "8 a"
    assert sorted(crowd.searched.asked) == [("a", [1]), ("a", [2]), ("a", [8])]


def test_several_at_once_are_what_each_is_alone(crowd: Crowd) -> None:
    crowd.encoder.let_go.release(100)
    photos = [grey(level) for level in range(40)]
    alone = np.concatenate([crowd.queries.features([photo]) for photo in photos])
    np.testing.assert_array_equal(crowd.queries.features(photos), alone)


def test_what_is_no_photo_is_refused_alone_and_a_failed_go_is_everybodys(crowd: Crowd) -> None:
    with ThreadPoolExecutor(8) as pool:
        crowd.ask(pool, [(1, "a"), (2, "a")])
        with pytest.raises(PhotoError):
            crowd.queries.search(b"no photo", "a")
        others = crowd.ask(pool, [(3, "a"), (4, "trouble")])
        crowd.go()
        for other in others:
            with pytest.raises(ValueError, match="trouble"):
                other.result(30)
