"""How long `lookalike --help` takes, and how soon a server answers its first query; from the start of the process.

    python benchmarks/startup.py [--photos 100000] [--cache FOLDER] [--base SITE] [--repeats 7]

`python` is an interpreter that does nothing: the floor. `first answer` ends with the 200 of a search by a real photo,
through a connection that is tried again every 5 ms until the server takes it; `listening` is how much of it had gone by
when the server took a connection. The file cache is warm: what was read before lies in memory.
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from harness import CLOTHING, alternate, bars, keep
from lookalike.sizing.asking import served
from serving import ask_all
from sites import base_site, make_site

_MAIN = "from lookalike.cli import main; main()"


def main() -> None:
    """Measure both and keep what was measured."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=int, default=100_000, help="photos in the collection")
    parser.add_argument("--source", type=Path, default=CLOTHING, help="a folder with the photos in images/")
    parser.add_argument("--cache", type=Path, help="where sites are kept (default: nowhere)")
    parser.add_argument("--base", type=Path, help="a site built of the clothing photos (default: built)")
    parser.add_argument("--repeats", type=int, default=7)
    arguments = parser.parse_args()
    photo = min((arguments.source / "images").iterdir()).read_bytes()
    with tempfile.TemporaryDirectory() as scratch:
        cache = arguments.cache or Path(scratch)
        site = make_site(arguments.base or base_site(arguments.source, cache), cache, arguments.photos)
        listening: list[float] = []

        def first_answer() -> None:
            started = time.perf_counter()
            with served(site) as (port, _):
                listening.append(time.perf_counter() - started)
                if not ask_all(port, "/v1/search?k=10", [photo]).seconds:
                    raise SystemExit("the server refused")
                answered.append(time.perf_counter() - started)

        answered: list[float] = []
        seconds = alternate(
            {
                "python": lambda: run("pass"),
                "--help": lambda: run(_MAIN, "--help"),
                "first answer": first_answer,
            },
            repeats=arguments.repeats,
        )
    seconds |= {"first answer": answered[1:], "listening": listening[1:]}  # without the time that stopping takes
    medians = {name: round(statistics.median(turns), 3) for name, turns in seconds.items()}
    turns = {name: [round(turn, 3) for turn in each] for name, each in seconds.items()}
    picture = bars(f"Seconds from the start of the process ({arguments.photos:,} photos)", medians, unit="s")
    keep("startup", {"photos": arguments.photos, "median_s": medians, "seconds": turns}, picture)


def run(code: str, *arguments: str) -> None:
    """Run Python code in a process of its own."""
    subprocess.run([sys.executable, "-c", code, *arguments], stdout=subprocess.DEVNULL, check=True)


if __name__ == "__main__":
    main()
