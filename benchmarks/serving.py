"""How fast a served site answers, over real HTTP, against what decoding and encoding alone take; ratios from one run.

    python benchmarks/serving.py [--sizes 5000,100000] [--cache FOLDER] [--base SITE] [--source FOLDER] [--photos 120]
        [--repeats 3] [--crowd CLIENTS] [--build-only]

`lookalike serve` runs in a process of its own; the clients are this process: threads with a kept connection each. On
few cores they take their share of the processor from the server. Asked is for ten products by real photos of the
clothing set, without a filter and with filters that let 50 %, 1 % and 0.01 % of the photos through.

One client: its own p50, p90, p99, and the server's total from its `Server-Timing`, turn by turn beside `alone`: the
same photos decoded and encoded one at a time, without a server. 16 clients: requests a second, and the tail, turn by
turn beside `limit`: what all cores do in decoding alone and encoding alone, their times added. --crowd adds a flood of
clients, to see it refuse. Sites are kept in --cache (default: a temporary folder, so that they are built anew);
1,000,000 photos take some two minutes to fill in and 1.7 GB.
"""

import argparse
import json
import os
import statistics
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from http.client import HTTPConnection
from pathlib import Path

import numpy as np

from harness import CLOTHING, alternate, bars, keep, percentiles
from lookalike import images
from lookalike.encoder import OpenVinoEncoder, load_encoder
from lookalike.sizing.asking import FORM_HEADERS, form_of, read_timing, served
from sites import FILTERS, base_site, filter_query, make_site

CLIENTS = 16


@dataclass
class Asked:
    """What a client saw: seconds of each answer, the server's steps in milliseconds, and statuses."""

    seconds: list[float] = field(default_factory=list)
    steps_ms: list[dict[str, float]] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)


def main() -> None:
    """Measure all sizes and keep what was measured."""
    arguments = read_arguments()
    with tempfile.TemporaryDirectory() as scratch:
        cache = arguments.cache or Path(scratch)
        base = arguments.base or base_site(arguments.source, cache)
        sites = {count: make_site(base, cache, count) for count in arguments.sizes}
        if arguments.build_only:
            return
        files = sorted((arguments.source / "images").iterdir())[:: max(1, 5400 // arguments.photos)][: arguments.photos]
        bench = Bench([file.read_bytes() for file in files], load_encoder("lite0"), arguments.repeats)
        measured = {count: bench.site(site, count, crowd=arguments.crowd) for count, site in sites.items()}
    report(measured, arguments.photos)


def read_arguments() -> argparse.Namespace:
    """Read the flags."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=lambda text: [int(size) for size in text.split(",")], default=[5_000, 100_000])
    parser.add_argument("--source", type=Path, default=CLOTHING, help="a folder with the photos in images/")
    parser.add_argument("--cache", type=Path, help="where sites are kept (default: nowhere)")
    parser.add_argument("--base", type=Path, help="a site built of the clothing photos (default: built)")
    parser.add_argument("--photos", type=int, default=120, help="different photos that are asked by")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--crowd", type=int, default=0, help="so many clients at once, to see it refuse")
    parser.add_argument("--build-only", action="store_true")
    return parser.parse_args()


@dataclass
class Bench:
    """The photos that are asked by, and the encoder that the contestants without a server use."""

    photos: list[bytes]
    encoder: OpenVinoEncoder
    repeats: int

    def site(self, site: Path, count: int, *, crowd: int) -> dict[str, dict[str, object]]:
        """Serve one site and ask it, filter by filter."""
        measured: dict[str, dict[str, object]] = {}
        with served(site) as (port, _):
            for name in FILTERS:
                target = f"/v1/search?k=10{filter_query(name, count)}"
                measured[name] = {**self.one(port, target), **self.many(port, target)}
                print(count, name, json.dumps(measured[name]), flush=True)
            if crowd:
                measured["crowd"] = self.crowd(port, crowd)
                print(count, "crowd", json.dumps(measured["crowd"]), flush=True)
        return measured

    def one(self, port: int, target: str) -> dict[str, object]:
        """One client, beside decoding and encoding alone, one at a time."""
        asked: list[Asked] = []
        alone: list[list[float]] = []

        def ask() -> None:
            asked.append(ask_all(port, target, self.photos))

        def one_by_one() -> None:
            seconds = []
            for photo in self.photos:
                started = time.perf_counter()
                self.encoder.encode(images.prepare(photo, self.encoder.card)[None])
                seconds.append(time.perf_counter() - started)
            alone.append(seconds)

        alternate({"server": ask, "alone": one_by_one}, repeats=self.repeats)
        asked, alone = asked[1:], alone[1:]
        if any(turn.statuses[503] for turn in asked):
            raise SystemExit("the server refused its only client")
        totals = [[steps["total"] for steps in turn.steps_ms] for turn in asked]
        ratios = [
            statistics.median(ours) / statistics.median(theirs) / 1e3
            for ours, theirs in zip(totals, alone, strict=True)
        ]
        return {
            "one_client_ms": in_ms([second for turn in asked for second in turn.seconds]),
            "server_ms": rounded(percentiles([total for turn in totals for total in turn])),
            "steps_p50_ms": medians([steps for turn in asked for steps in turn.steps_ms]),
            "alone_ms": in_ms([second for turn in alone for second in turn]),
            "server_p50_times_alone": round(statistics.median(ratios), 3),
        }

    def many(self, port: int, target: str) -> dict[str, object]:
        """16 clients, beside what all cores do in decoding alone and in encoding alone."""
        asked: list[Asked] = []
        prepared = np.stack([images.prepare(photo, self.encoder.card) for photo in self.photos])
        with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
            contestants: dict[str, Callable[[], object]] = {
                "served": lambda: asked.append(ask_together(port, target, self.photos * 2, CLIENTS)),
                "decode": lambda: list(pool.map(lambda photo: images.prepare(photo, self.encoder.card), self.photos)),
                "encode": lambda: self.encoder.encode(prepared),
            }
            seconds = alternate(contestants, repeats=self.repeats)
        if any(turn.statuses[503] for turn in asked):
            raise SystemExit("the server refused some of the 16: its queue is too short for this measurement")
        n = len(self.photos)
        limits = [n / (decode + encode) for decode, encode in zip(seconds["decode"], seconds["encode"], strict=True)]
        served = [2 * n / second for second in seconds["served"]]
        return {
            "many_per_s": round(statistics.median(served), 1),
            "limit_per_s": round(statistics.median(limits), 1),
            "many_of_limit": round(statistics.median(a / b for a, b in zip(served, limits, strict=True)), 3),
            "many_client_ms": in_ms([second for turn in asked[1:] for second in turn.seconds]),
            "many_server_ms": rounded(percentiles([s["total"] for turn in asked[1:] for s in turn.steps_ms])),
        }

    def crowd(self, port: int, clients: int) -> dict[str, object]:
        """More clients than there is room for: who is answered is answered soon, the others are refused at once."""
        asked = ask_together(port, "/v1/search?k=10", self.photos * 8, clients)
        return {"clients": clients, "statuses": dict(asked.statuses), "answered_ms": in_ms(asked.seconds)}


def ask_all(port: int, target: str, photos: Sequence[bytes]) -> Asked:
    """Ask by each photo over one connection."""
    asked = Asked()
    connection = HTTPConnection("127.0.0.1", port, timeout=120)
    for photo in photos:
        body = form_of(photo)
        started = time.perf_counter()
        connection.request("POST", target, body, FORM_HEADERS)
        answer = connection.getresponse()
        answer.read()
        asked.statuses[answer.status] += 1
        if answer.status == 200:
            asked.seconds.append(time.perf_counter() - started)
            asked.steps_ms.append(read_timing(answer.headers["server-timing"]))
        elif answer.status != 503:
            raise SystemExit(f"the server answered {answer.status}")
    connection.close()
    return asked


def ask_together(port: int, target: str, photos: Sequence[bytes], clients: int) -> Asked:
    """Ask by all photos, shared out among clients that start together."""
    together, parts = Asked(), [Asked() for _ in range(clients)]
    start = threading.Barrier(clients)

    def client(number: int) -> None:
        start.wait()
        parts[number] = ask_all(port, target, photos[number::clients])

    threads = [threading.Thread(target=client, args=(number,)) for number in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for part in parts:
        together.seconds += part.seconds
        together.steps_ms += part.steps_ms
        together.statuses += part.statuses
    return together


def medians(steps: Sequence[dict[str, float]]) -> dict[str, float]:
    """The median of each step."""
    return {name: round(statistics.median(one.get(name, 0.0) for one in steps), 3) for name in steps[0]}


def in_ms(seconds: Sequence[float]) -> dict[str, float]:
    """Percentiles in milliseconds."""
    return rounded(percentiles([second * 1e3 for second in seconds]))


def rounded(values: dict[str, float]) -> dict[str, float]:
    """Two digits after the point."""
    return {name: round(value, 2) for name, value in values.items()}


def report(measured: dict[int, dict[str, dict[str, object]]], photos: int) -> None:
    """Print the two ratios of each size and filter, and keep all."""
    shares: dict[str, float] = {}
    for count, by_filter in measured.items():
        for name, one in by_filter.items():
            if name in FILTERS:
                shares[f"{count:,}, {name}"] = float(str(one["many_of_limit"]))
                print(
                    f"{count:>9,} {name:>6}: one client {one['server_ms']} ms in the server, "
                    f"{one['server_p50_times_alone']} times decode + encode alone; "
                    f"16 clients {one['many_per_s']}/s, {one['many_of_limit']} of the limit"
                )
    told = {str(count): by_filter for count, by_filter in measured.items()}
    picture = bars("16 clients: share of what decode and encode allow", shares, unit="")
    keep("serving", {"photos": photos, "clients": CLIENTS, "sites": told}, picture)


if __name__ == "__main__":
    main()
