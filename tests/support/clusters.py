"""Vectors that lie in clusters, as embeddings do."""

import numpy as np
import numpy.typing as npt

from lookalike.types import unit_rows

DIM = 24


def clustered(count: int, seed: int = 0) -> npt.NDArray[np.float16]:
    """Vectors of `DIM` numbers in forty clusters, as stored: float16 of shape (count, DIM)."""
    random = np.random.default_rng(seed)
    centres = random.standard_normal((40, DIM))
    rows = centres[random.integers(0, 40, count)] + 0.7 * random.standard_normal((count, DIM))
    return unit_rows(rows).astype(np.float16)
