"""Run by `test_crash.py` in a process of its own, to be killed there: known changes, acknowledged one by one.

crash_child.py loop FOLDER
    Changes for ever; prints the generation after each committed change.
crash_child.py nursery
    For each line `N FOLDER` of its input forks a child, which makes a few changes and kills itself at the N-th call
    into SQLite, FAISS or the system; prints how many calls there were, and the last generation acknowledged.

With LISTS in the environment the index has inverted lists, at every checkpoint, however few photos there are.
"""

import os
import signal
import sys
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np

from lookalike.collection import CollectionInfo, IndexPlan, LocalCollection, live_index
from lookalike.collection.schema import DATABASE_FILE
from lookalike.types import Entry, Image, Product, unit_rows

DIM = 8
FEW = 5
INFO = CollectionInfo(DIM, "e", "h")
WATCHED = (
    *("execute", "executemany", "fsync", "replace", "unlink", "tofile", "write_index"),
    *("_add", "remove_ids", "close", "release", "open"),
)


def advance(collection: LocalCollection) -> None:
    """Make the one change that leads from this generation to the next: photos new and old, or every third removed."""
    generation = collection.generation
    if generation % 4 == 3:
        assert collection.delete(collection.image_ids()[::3])
        return
    random = np.random.default_rng(generation)
    names = [f"i{n}" for n in random.choice(40, size=12, replace=False)]
    product = Product(f"p{generation % 3}", f"as of {generation}")
    rows = unit_rows(random.standard_normal((12, DIM)))
    images = [Image(name, product.product_id, name, 1, 1) for name in names]
    collection.put([Entry(product, image, row, b"thumb") for image, row in zip(images, rows, strict=True)])


def change_for_ever(folder: Path) -> None:
    with LocalCollection.open(folder) as collection:
        while True:
            advance(collection)
            os.write(1, b"%d\n" % collection.generation)
            if collection.generation % 5 == 0:
                collection.checkpoint()


def make_a_few_changes(folder: Path, acknowledge: int) -> None:
    exists = (folder / DATABASE_FILE).exists()
    with LocalCollection.open(folder) if exists else LocalCollection.create(folder, INFO) as collection:
        os.write(acknowledge, b"0 ")
        for step in range(FEW):
            advance(collection)
            os.write(acknowledge, b"%d " % collection.generation)
            if step == 1:
                collection.checkpoint()
    os.write(acknowledge, b"closed ")


def fork(kill_at: int, folder: Path) -> str:
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        seen = 0

        def watch(_frame: FrameType, event: str, called: Any) -> None:
            nonlocal seen
            if event in ("c_call", "c_return") and called.__name__.endswith(WATCHED):
                seen += 1
                if seen == kill_at:
                    os.kill(os.getpid(), signal.SIGKILL)

        sys.setprofile(watch)
        make_a_few_changes(folder, writing)
        sys.setprofile(None)
        os.write(writing, b"%d " % seen)
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as said:
        answer = said.read()
    os.waitpid(child, 0)
    return answer


def force_lists() -> None:
    lists, flat = IndexPlan("ivf_sq8", lists=2, probes=2), IndexPlan("flat")
    live_index.plan_for = lambda count, _choice: lists if count > 2 else flat


def main() -> None:
    if "LISTS" in os.environ:
        force_lists()
    if sys.argv[1] == "loop":
        change_for_ever(Path(sys.argv[2]))
    for line in sys.stdin:
        kill_at, folder = line.rstrip("\n").split(" ", 1)
        os.write(1, f"{fork(int(kill_at), Path(folder))}\n".encode())


if __name__ == "__main__":
    main()
