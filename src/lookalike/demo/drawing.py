"""Draw the whole sample catalogue into a folder."""

from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from lookalike.cores import cores
from lookalike.demo.dirt import soil, spoil_photos
from lookalike.demo.shop import Listing, image_rows, photograph, stock
from lookalike.demo.table import images_csv, products_csv
from lookalike.demo.textures import Noise
from lookalike.files import write_text

PRODUCTS, IMAGES, PHOTOS = "Products.csv", "Images.csv", "images"
_BATCH = 8


def draw(
    out: Path, *, seed: int = 0, progress: Callable[[int, int], None] | None = None, workers: int | None = None
) -> Path:
    """Draw a second-hand shop: `Products.csv`, `Images.csv` and `images/<id>.jpg`, with the dirt of real exports.

    Parameters
    ----------
    out : Path
        The folder; made where it is missing, files of an earlier drawing are replaced. The tables come last,
        so a folder that has them has the photos, too.
    seed : int
        The same seed gives the same bytes with the same versions of NumPy and Pillow.
    progress : callable, optional
        Told (photos drawn, photos in all) now and then.
    workers : int, optional
        Processes to draw with; as many as there are processors by default. 1 draws in this process, which a
        script without an `if __name__ == "__main__":` guard needs.

    Returns
    -------
    `out`.
    """
    photos = out / PHOTOS
    photos.mkdir(parents=True, exist_ok=True)
    for table in (PRODUCTS, IMAGES):
        (out / table).unlink(missing_ok=True)
    listings = stock(seed)
    _photograph_all(listings, photos, seed, workers or cores(), progress or (lambda _done, _total: None))
    rng = np.random.default_rng([seed, 4])
    products, images, dirt = soil([listing.row for listing in listings], image_rows(listings), rng)
    spoil_photos(photos, dirt)
    write_text(out / PRODUCTS, products_csv(products))
    write_text(out / IMAGES, images_csv(images))
    return out


def _photograph_all(
    listings: list[Listing], folder: Path, seed: int, workers: int, progress: Callable[[int, int], None]
) -> None:
    total = sum(len(listing.image_ids) for listing in listings)
    batches = [listings[start : start + _BATCH] for start in range(0, len(listings), _BATCH)]
    done = 0
    progress(done, total)
    if workers == 1:
        for batch in batches:
            done += draw_batch(batch, folder, seed)
            progress(done, total)
        return
    # spawn: a fork of a process with threads (a test run, a server) may hang
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        for future in as_completed([pool.submit(draw_batch, batch, folder, seed) for batch in batches]):
            done += future.result()
            progress(done, total)


def draw_batch(listings: list[Listing], folder: Path, seed: int) -> int:
    """Photograph some products into `folder`; returns how many photos were written."""
    noise = Noise(seed)
    count = 0
    for listing in listings:
        for image_id, photo in zip(listing.image_ids, photograph(listing, noise), strict=True):
            (folder / f"{image_id}.jpg").write_bytes(photo)
            count += 1
    return count
