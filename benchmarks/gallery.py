"""A gallery of any size out of real photos: served embeddings, each copied with noise like what distortions cause.

The clothing photos go through the stages that build a site, up to the default head (`mix`). The noise: training photos
are distorted as in `evaluate`'s instance protocol and embedded again; the covariance of distorted minus undistorted is
what a copy is moved by. Gallery: training photos' embeddings in turn, plus a draw from that normal distribution, scaled
back to length 1. Queries: the test part's photos, of senders of whom no photo is in the gallery, as they are.
"""

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl

from lookalike import catalogue, embedding, embeddings, heads, images, splits, stages, views
from lookalike.encoder import load_encoder
from lookalike.evaluate.distortions import distort, draw
from lookalike.types import Float32Array, unit_rows

NO_CLOTHES = ("Not sure", "Skip", "Other")
_DISTORTED = 2000
_AT_ONCE = 50_000


@dataclass(frozen=True)
class Seeds:
    """Real embeddings: `train` (n, d) is copied, `queries` (q, d) ask; `spread` (d, d) shapes noise."""

    train: Float32Array
    queries: Float32Array
    spread: npt.NDArray[np.float64]


def make_seeds(source: Path, work: Path) -> Seeds:
    """Embed the photos of a source, undistorted and distorted; kept in `work`, where the next run finds it."""
    kept = work / "seeds.npz"
    if not kept.is_file():
        train, queries, moved = _embed(source, work)
        np.savez(kept, train=train, queries=queries, moved=moved)
    with np.load(kept) as read:
        covariance = np.cov(read["moved"].astype(np.float64), rowvar=False)
        values, vectors = np.linalg.eigh(covariance)
        return Seeds(read["train"], read["queries"], vectors * np.sqrt(np.maximum(values, 0)))


def gallery(seeds: Seeds, count: int, *, seed: int = 0) -> npt.NDArray[np.float16]:
    """Draw a gallery: float16 (count, d), as a collection stores it; copies of one photo lie far apart in it."""
    rng = np.random.default_rng(seed)
    dim = seeds.train.shape[1]
    out = np.empty((count, dim), np.float16)
    spread = seeds.spread.T.astype(np.float32)
    order = np.arange(count) % len(seeds.train)
    for start in range(0, count, _AT_ONCE):
        chosen = order[start : start + _AT_ONCE]
        noise = rng.standard_normal((len(chosen), dim), np.float32) @ spread
        out[start : start + len(chosen)] = unit_rows(seeds.train[chosen] + noise)
    return out


def _embed(source: Path, work: Path) -> tuple[Float32Array, Float32Array, Float32Array]:
    """Return the embeddings of the training part, of the test part, and how distortions moved training photos."""
    encoder = load_encoder("lite0")
    inputs = stages.Inputs(work / "catalogue", work / "split", work / "embeddings", work / "views")
    catalogue.ingest(catalogue.load_source_config(source), inputs.catalogue)
    splits.split(inputs.catalogue, inputs.split)
    embedding.embed(inputs.catalogue, encoder, inputs.embeddings)
    views.make_views(inputs.catalogue, inputs.split, encoder, work / "views")
    head = heads.load(stages.fit_head(inputs, work / "head", heads.HeadConfig(ignored=NO_CLOTHES)).path)
    read = catalogue.read(inputs.catalogue)
    rows = read.images.join(splits.read_split(inputs.split, of=read), on="image_id", maintain_order="left")
    features = embeddings.load_embeddings(inputs.embeddings)
    parts = {
        part: head.apply(features.of(rows.filter(pl.col("split") == part)["image_id"].to_list()))
        for part in ("train", "test")
    }
    asked = rows.filter(pl.col("split") == "train").head(_DISTORTED)
    root = catalogue.photo_root(read, None)

    def bend(path: str, image_id: str) -> np.ndarray:
        photo = images.decode(images.read_bytes(root / path))
        return images.prepare(distort(photo, draw(image_id, seed=0)), encoder.card)

    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        bent = encoder.encode(np.stack(list(pool.map(bend, asked["path"], asked["image_id"]))))
    return parts["train"], parts["test"], head.apply(bent) - parts["train"][: asked.height]
