"""Stored embeddings as other tools read them: JSON, and a table for Parquet."""

import json
from collections.abc import Generator
from itertools import chain

import numpy as np
import polars as pl

from lookalike.embedding import Embeddings


def json_pieces(embeddings: Embeddings) -> Generator[str]:
    """Write `{image id: [floats]}` piece by piece, so that memory stays flat; float16 needs five digits at most."""
    opening = "{"
    for image_id, features in zip(embeddings.image_ids, chain.from_iterable(embeddings.shards), strict=True):
        numbers = ", ".join(f"{value:.5g}" for value in features.tolist())
        yield f"{opening}{json.dumps(image_id, ensure_ascii=False)}: [{numbers}]"
        opening = ",\n"
    yield "}\n" if embeddings.image_ids else "{}\n"


def to_frame(embeddings: Embeddings) -> pl.DataFrame:
    """Return a table of `image_id` and `features` (Array of Float32), as other tools read it from Parquet."""
    features = pl.Series("features", embeddings.features.astype(np.float32), dtype=pl.Array(pl.Float32, embeddings.dim))
    return pl.DataFrame({"image_id": pl.Series(embeddings.image_ids, dtype=pl.String), "features": features})
