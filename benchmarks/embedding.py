"""How fast photos become features, against the plain way and against the limit; ratios from one run.

    python benchmarks/embedding.py [FOLDER] [--photos 1500] [--repeats 3]

Contestants, alternating, each after a warm-up: `plain` reads, decodes with Pillow and encodes one photo after another;
`lookalike` is the embedding pipeline, shards written; `decode` and `encode` are its two parts alone, and `limit` what
they allow together on the same cores (the sum of their times a photo). Prints a table and one JSON line, and keeps
`benchmarks/results/<date>-<machine>.json`. FOLDER is any folder of photos; default ../shared/data/clothing/images.
"""

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from PIL import Image

from harness import keep
from lookalike import catalogue, embedding, images
from lookalike.encoder import load_encoder

ROOT = Path(__file__).resolve().parents[1]
DEFAULT = ROOT.parent / "shared" / "data" / "clothing" / "images"


def main() -> None:
    """Run the contestants and keep what was measured."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", type=Path, default=DEFAULT)
    parser.add_argument("--photos", type=int, default=1500)
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args()
    files = sorted(file for file in arguments.folder.rglob("*") if file.is_file())[: arguments.photos]
    if not files:
        parser.error(f"no photos in {arguments.folder}: name a folder of photos")
    with tempfile.TemporaryDirectory() as scratch:
        seconds = measure(files, Path(scratch), arguments.repeats)
    seconds["limit"] = [decode + encode for decode, encode in zip(seconds["decode"], seconds["encode"], strict=True)]
    report(seconds, len(files))


def measure(files: list[Path], scratch: Path, repeats: int) -> dict[str, list[float]]:
    """Return seconds per contestant and repeat."""
    encoder = load_encoder("lite0")
    source = scratch / "source" / "all"
    source.mkdir(parents=True)
    for file in files:
        (source / file.name).symlink_to(file)
    catalogue.ingest(catalogue.load_source_config(source.parent), scratch / "catalogue")
    data = [file.read_bytes() for file in files]
    cores = os.cpu_count() or 1
    pool = ThreadPoolExecutor(cores)
    prepared = np.stack(list(pool.map(lambda one: images.prepare(one, encoder.card), data)))

    def plain() -> None:
        for file in files[: len(files) // 4]:  # slow: a quarter of the photos, scaled up below
            with Image.open(file) as opened:
                pixels = images.square(opened.convert("RGB"), encoder.card)
            encoder.encode(pixels[None])

    def lookalike() -> None:
        with tempfile.TemporaryDirectory(dir=scratch) as out:
            embedding.embed(scratch / "catalogue", encoder, Path(out) / "embeddings")

    def decode() -> None:
        for _ in pool.map(lambda one: images.prepare(one, encoder.card), data):
            pass

    def encode() -> None:
        encoder.encode(prepared)

    contestants: dict[str, Callable[[], None]] = {
        "plain": plain, "lookalike": lookalike, "decode": decode, "encode": encode,
    }  # fmt: skip
    seconds: dict[str, list[float]] = {name: [] for name in contestants}
    for round_number in range(repeats + 1):
        for name, run in contestants.items():
            started = time.perf_counter()
            run()
            if round_number:  # the first round warms up
                scale = len(files) / max(1, len(files) // 4) if name == "plain" else 1
                seconds[name].append((time.perf_counter() - started) * scale)
    pool.shutdown()
    return seconds


def report(seconds: dict[str, list[float]], photos: int) -> None:
    """Print photos a second and the ratios to `lookalike`, and keep them."""
    rates = {name: photos / statistics.median(each) for name, each in seconds.items()}
    ratios = {name: rates["lookalike"] / rate for name, rate in rates.items()}
    for name, rate in rates.items():
        print(f"{name:<10} {rate:8.1f} photos/s   lookalike is {ratios[name]:5.2f} times that")
    result = {
        "precision": load_encoder("lite0").precision,
        "photos": photos,
        "seconds": {name: [round(value, 3) for value in each] for name, each in seconds.items()},
        "photos_per_second": {name: round(rate, 1) for name, rate in rates.items()},
        "lookalike_times": {name: round(ratio, 3) for name, ratio in ratios.items()},
    }
    keep("embedding", result)


if __name__ == "__main__":
    main()
