"""What a fit may use beside the training part."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from lookalike.heads.calibration import labelled
from lookalike.heads.choice import Asked
from lookalike.heads.head import FeatureArray
from lookalike.heads.linear import IntArray
from lookalike.labels import LabelSet


@dataclass(frozen=True, eq=False)
class Aids:
    """What a fit may use beside the training part; each may be missing.

    `validation` (m, d) are the validation part's features, with their `categories`: for the classifier's temperature,
    the label part's weight, and its shrinkage where a label has tuned some of the features. `train_views` (p, v, d) are
    views of training photos: how features change when a photo is seen differently. `asked_views` (q, d) are views of
    the validation photos in rows `asked_rows`. `generic_dim` tells how many of the features, from the first, no label
    has tuned; None means all, and 0 that the network was tuned whole.
    """

    validation: FeatureArray | None = None
    categories: Sequence[str | None] = ()
    train_views: FeatureArray | None = None
    asked_views: FeatureArray | None = None
    asked_rows: IntArray = field(default_factory=lambda: np.empty(0, np.int64))
    generic_dim: int | None = None

    def tuned(self, dim: int) -> bool:
        """Whether some of `dim` features were themselves learned from the training photos' labels."""
        return self.generic_dim is not None and self.generic_dim < dim

    def asked(self, features: FeatureArray, categories: Sequence[str | None], labels: LabelSet) -> Asked | None:
        """What a choice can be judged by, with these training photos as the gallery; None where that is too little."""
        if self.validation is None or self.asked_views is None:
            return None
        codes = _codes(categories, labels)
        known = labelled(self.validation, self.categories, labels)
        sources, source_codes = self.validation[self.asked_rows], _codes(self.categories, labels)[self.asked_rows]
        asked = Asked(features, codes, known.features, known.codes, self.asked_views, sources, source_codes)
        return asked if asked.enough else None


def _codes(categories: Sequence[str | None], labels: LabelSet) -> IntArray:
    """Number each photo's label; -1 where it has none."""
    numbers = {label: code for code, label in enumerate(labels.labels)}
    return np.array([numbers.get(labels.of(category) or "", -1) for category in categories], np.int64)
