"""How fast ingest is, against decoding alone on the same cores; the ratio from one run.

    python benchmarks/ingest.py [FOLDER] [--photos 12600] [--repeats 3] [--work DIR]

A source of that many photos is made in --work: Products.csv (two photos a product), Images.csv, and the folder's photos
in turn, each copy followed by bytes of its own behind the end of its JPEG, so that none is a duplicate by bytes and all
decode as they did. Contestants take turns in one process, with as many threads as cores, from a warm page cache:

`decode`   read each file and decode it to upright RGB by the project's decoder at the scale that ingest needs: whole,
           so that truncation is found, its shorter side at 128 pixels or above; nothing is kept
`grey`     the same in grey, which is all that ingest works out: what it cannot be faster than
`examine`  what ingest does for each photo: that, and its facts, sha256 and perceptual hash
`ingest`   the stage: tables read and cleaned, photos found and examined, artefacts written, from nothing

Prints a table and one JSON line, and keeps both with a picture.
"""

import argparse
import os
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from harness import CLOTHING, alternate, bars, keep, rates, times_faster
from lookalike import catalogue, images
from lookalike.catalogue.photos import examine_all

SIDE_PX = 128
"""What ingest decodes to."""
AT_ONCE = 32
"""Photos that a thread takes at a time, as in ingest."""


def main() -> None:
    """Run the contestants and keep what was measured."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", type=Path, default=CLOTHING / "images")
    parser.add_argument("--photos", type=int, default=12_600)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--work", type=Path, default=Path("ingest.work"))
    arguments = parser.parse_args()
    files = sorted(file.resolve() for file in arguments.folder.rglob("*.jpg"))
    if not files:
        parser.error(f"no photos in {arguments.folder}: name a folder of photos")
    cores = len(os.sched_getaffinity(0))
    source = make_source(files, arguments.photos, arguments.work / f"source-{arguments.photos}")
    root = source / "images"
    names = sorted(file.name for file in root.iterdir())
    tasks = [names[start : start + AT_ONCE] for start in range(0, len(names), AT_ONCE)]
    out = arguments.work / "out"

    def ingest() -> None:
        shutil.rmtree(out, ignore_errors=True)
        out.mkdir()
        made = catalogue.ingest(catalogue.load_source_config(source), out / "catalogue", workers=cores)
        assert made.counts["images"] + len(made.rejects()) == len(names), made.counts

    def in_threads(work: Callable[[Path], object]) -> None:
        with ThreadPoolExecutor(cores) as pool:
            for _ in pool.map(lambda some: [work(root / name) for name in some], tasks):
                pass

    seconds = alternate(
        {
            "decode": lambda: in_threads(decoded),
            "grey": lambda: in_threads(inspected),
            "examine": lambda: examine_all(root, names, max_pixels=images.MAX_PIXELS, workers=cores),
            "ingest": ingest,
        },
        repeats=arguments.repeats,
    )
    speeds, ratios = rates(seconds, len(names)), times_faster(seconds, "ingest")
    for name, speed in speeds.items():
        print(f"{name:<8} {speed:8.1f} photos/s   ingest is {ratios[name]:.3f} times that")
    told = {
        "photos": len(names),
        "originals": len(files),
        "megabytes": round(sum((root / name).stat().st_size for name in names) / 1e6, 1),
        "threads": cores,
        "seconds": seconds,
        "photos_per_second": speeds,
        "times ingest": ratios,
    }
    keep("ingest", told, bars(f"Photos a second, {cores} cores", speeds, unit="/s", ours="ingest"))


def decoded(file: Path) -> tuple[int, int]:
    """Decode as ingest does, and keep the size alone."""
    return images.decode(images.read_bytes(file), min_side_px=SIDE_PX).size


def inspected(file: Path) -> tuple[int, int]:
    """Do the same in grey."""
    return images.inspect(images.read_bytes(file), min_side_px=SIDE_PX)[1].size


def make_source(files: list[Path], count: int, folder: Path) -> Path:
    """Make a source of so many photos; one that is there is taken as it is."""
    if (folder / "Products.csv").is_file():
        return folder
    (folder / "images").mkdir(parents=True, exist_ok=True)
    image_rows, product_rows = ["id,product_id"], ["id,product_name,category,product_description,price,location"]
    for number in range(count):
        data = files[number % len(files)].read_bytes() + b"copy %d" % (number // len(files))
        (folder / "images" / f"photo-{number:06d}.jpg").write_bytes(data)
        image_rows.append(f"photo-{number:06d},product-{number // 2:06d}")
        if number % 2 == 0:
            product = number // 2
            product_rows.append(f"product-{product:06d},Product {product},Kind {product % 20},As new,£{product},Leeds")
    (folder / "Images.csv").write_text("\n".join(image_rows) + "\n", encoding="utf-8")
    (folder / "Products.csv").write_text("\n".join(product_rows) + "\n", encoding="utf-8")
    return folder


if __name__ == "__main__":
    main()
