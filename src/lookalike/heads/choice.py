"""How much the label part of a mixed head may weigh: chosen on validation photos, for labels and instances together."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field

import numpy as np

from lookalike.heads.head import Block, FeatureArray, Head
from lookalike.heads.linear import IntArray
from lookalike.labels import LabelSet
from lookalike.types import Float32Array, unit_rows

GRID = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7)
TOLERANCE = 0.02
"""How far instance recall may fall below that of the raw features."""
MIN_ASKED = 30
"""Fewer queries of either kind would make the choice a matter of luck; the default weight stays."""

_MOST_ASKED = 1000
_MOST_GALLERY = 20_000
_AT_ONCE = 100


@dataclass(frozen=True)
class Trade:
    """Label and instance recall@1 on the validation part at one weight of the label part."""

    label_weight: float
    label_recall: float
    instance_recall: float


@dataclass(frozen=True)
class Choice:
    """The weight that was chosen, everything that was tried, and the raw features' figures beside."""

    label_weight: float
    tried: tuple[Trade, ...]
    raw: Trade

    def to_json(self) -> dict[str, object]:
        """Describe it as JSON."""
        return {
            "label_weight": self.label_weight,
            "tried": [asdict(one) for one in self.tried],
            "raw": asdict(self.raw),
        }


@dataclass(frozen=True, eq=False)
class Asked:
    """What a weight is judged by.

    `gallery` (g, d) are training photos' features with their label numbers, -1 without a label. `labelled` (n, d) are
    validation photos with theirs: each is to find its label in the gallery. `views` (m, d) are views of the validation
    photos `sources` (m, d), each to find its own photo among gallery and sources. `source_codes` are the label numbers
    of those, -1 without a label; what does not ask for them may leave them out.
    """

    gallery: FeatureArray
    gallery_codes: IntArray
    labelled: FeatureArray
    codes: IntArray
    views: FeatureArray
    sources: FeatureArray
    source_codes: IntArray = field(default_factory=lambda: np.empty(0, np.int64))

    @property
    def enough(self) -> bool:
        """Whether there is enough to ask for a choice to mean something."""
        return min(len(self.labelled), len(self.views)) >= MIN_ASKED


def choose(label_part: Block, generic: Block, asked: Asked, *, generic_dim: int, seed: int) -> Choice:
    """Weigh the label part by what it gives and takes on photos that the head was not fitted on.

    The choice is the best label recall among the weights whose instance recall is at least that of the raw features
    (the first `generic_dim` numbers, cosine) less `TOLERANCE`; where no weight reaches that, the smallest.
    """
    asked = sampled(asked, seed)
    gallery = np.concatenate([asked.gallery, asked.sources]).astype(np.float32)
    parts = [embedder(block, gallery.shape[1]) for block in (label_part, generic)]
    queries = [_Pair(part(asked.labelled), part(asked.views), part(gallery)) for part in parts]
    raw_part = [array[:, :generic_dim].astype(np.float32) for array in (asked.labelled, asked.views, gallery)]
    raw = _recalls(_Pair(*(unit_rows(array) for array in raw_part)), None, asked, (0.0,))[0]
    tried = _recalls(queries[0], queries[1], asked, GRID)
    allowed = [one for one in tried if one.instance_recall >= raw.instance_recall - TOLERANCE] or [tried[0]]
    best = max(allowed, key=lambda one: (one.label_recall, -one.label_weight))
    return Choice(best.label_weight, tuple(tried), raw)


@dataclass(frozen=True, eq=False)
class _Pair:
    """One part's embeddings of labelled queries, views and gallery."""

    labelled: Float32Array
    views: Float32Array
    gallery: Float32Array


def _recalls(first: _Pair, second: _Pair | None, asked: Asked, weights: Sequence[float]) -> list[Trade]:
    """Recall@1 of both kinds at each weight of the first part; `second` None means the first alone."""
    g = len(asked.gallery)
    known = np.flatnonzero(asked.gallery_codes >= 0)
    label_hits, instance_hits = np.zeros(len(weights)), np.zeros(len(weights))
    for start in range(0, len(asked.codes), _AT_ONCE):
        rows = slice(start, start + _AT_ONCE)
        ones = first.labelled[rows] @ first.gallery[known].T
        others = ones if second is None else second.labelled[rows] @ second.gallery[known].T
        for place, weight in enumerate(weights):
            found = known[(weight * ones + (1 - weight) * others).argmax(axis=1)]
            label_hits[place] += (asked.gallery_codes[found] == asked.codes[rows]).sum()
    for start in range(0, len(asked.views), _AT_ONCE):
        rows = slice(start, start + _AT_ONCE)
        ones = first.views[rows] @ first.gallery.T
        others = ones if second is None else second.views[rows] @ second.gallery.T
        own = g + np.arange(start, start + len(ones))
        for place, weight in enumerate(weights):
            scores = weight * ones + (1 - weight) * others
            instance_hits[place] += (scores[np.arange(len(own)), own] >= scores.max(axis=1)).sum()
    return [
        Trade(weight, float(label) / len(asked.codes), float(instance) / len(asked.views))
        for weight, label, instance in zip(weights, label_hits, instance_hits, strict=True)
    ]


def embedder(block: Block, in_dim: int) -> Callable[[FeatureArray], Float32Array]:
    """Make the function from features to one part's embeddings, rows of length 1."""
    return Head("part", in_dim, (block,), LabelSet(())).apply


def sampled(asked: Asked, seed: int) -> Asked:
    """Take so many of each at most that a choice costs seconds."""
    rng = np.random.default_rng(seed)

    def some(n: int, most: int) -> IntArray:
        return np.sort(rng.permutation(n)[:most])

    gallery = some(len(asked.gallery), _MOST_GALLERY)
    labelled = some(len(asked.labelled), _MOST_ASKED)
    views = some(len(asked.views), _MOST_ASKED)
    return Asked(
        asked.gallery[gallery],
        asked.gallery_codes[gallery],
        asked.labelled[labelled],
        asked.codes[labelled],
        asked.views[views],
        asked.sources[views],
        asked.source_codes[views] if len(asked.source_codes) else asked.source_codes,
    )
