"""How much agreement of categories may weigh in a ranking: chosen on validation photos, for labels and instances."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np

from lookalike.heads.choice import Asked, sampled
from lookalike.heads.head import FeatureArray, Head
from lookalike.heads.linear import IntArray
from lookalike.types import Float32Array, Json

GRID = (0.0, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.5)

_AT_ONCE = 100


@dataclass(frozen=True)
class BoostTrade:
    """Label and instance recall@1 on the validation part at one weight of the boost."""

    weight: float
    label_recall: float
    instance_recall: float


@dataclass(frozen=True)
class BoostChoice:
    """The weight that was chosen, and everything that was tried."""

    weight: float
    tried: tuple[BoostTrade, ...]

    def to_json(self) -> Json:
        """Describe it as JSON."""
        return {"weight": self.weight, "tried": [asdict(one) for one in self.tried]}


def choose_boost(head: Head, asked: Asked, *, seed: int) -> BoostChoice:
    """Weigh the boost by what it gives and takes on photos that the head was not fitted on.

    Photos are found by score + weight · P(the found photo's label | query), see `ranking.boosted`. The choice is the
    best label recall among the weights that cost no instance recall at all; of equals the smallest.

    Parameters
    ----------
    head : Head with a classifier
    asked : Asked with `source_codes`
    """
    asked = sampled(asked, seed)
    gallery = head.apply(np.concatenate([asked.gallery, asked.sources]).astype(np.float32))
    codes = np.concatenate([asked.gallery_codes, asked.source_codes])
    known = np.flatnonzero(asked.gallery_codes >= 0)
    found = _found(head, asked.labelled, gallery[known], codes[known])
    right = [float((codes[known][row] == asked.codes).mean()) for row in found]
    own = len(asked.gallery) + np.arange(len(asked.views))
    again = [float((row == own).mean()) for row in _found(head, asked.views, gallery, codes)]
    tried = tuple(BoostTrade(*one) for one in zip(GRID, right, again, strict=True))
    allowed = [one for one in tried if one.instance_recall >= tried[0].instance_recall]
    return BoostChoice(max(allowed, key=lambda one: (one.label_recall, -one.weight)).weight, tried)


def _found(head: Head, queries: FeatureArray, gallery: Float32Array, codes: IntArray) -> Sequence[IntArray]:
    """Each query's nearest gallery photo, (n,) for each weight of the grid."""
    found = np.empty((len(GRID), len(queries)), np.int64)
    for start in range(0, len(queries), _AT_ONCE):
        rows = slice(start, start + _AT_ONCE)
        scores = head.apply(queries[rows]) @ gallery.T
        agreed = np.where(codes >= 0, head.classify(queries[rows])[:, codes], np.float32(0))
        for place, weight in enumerate(GRID):
            found[place, rows] = (scores + np.float32(weight) * agreed).argmax(axis=1)
    return list(found)
