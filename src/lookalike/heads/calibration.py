"""The classifier's temperature: how sure it may be, learned from photos that it was not fitted on."""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from lookalike.heads.head import Classifier, FeatureArray, Float64Array, discriminant_scores
from lookalike.heads.linear import IntArray, LdaSettings, class_statistics, lda
from lookalike.labels import LabelSet

_MIN_SCORED = 20
"""Held-out photos below which a temperature would be noise; it stays 1."""
_MAX_SCORED = 2000
_MAX_SCORES = 1_000_000
"""One number is learned: more photos, or photos times labels, would only cost time."""
_HELD_SHARE = 0.2
_LOG_RANGE = (-5.0, 5.0)
_STEPS = 24


@dataclass(frozen=True, eq=False)
class Labelled:
    """Photos with a label: features (n, d), label numbers (n,), and group numbers (n,), 0 where none were given."""

    features: FeatureArray
    codes: IntArray
    groups: IntArray

    def take(self, rows: IntArray) -> "Labelled":
        """Return some of the rows."""
        return Labelled(self.features[rows], self.codes[rows], self.groups[rows])


def labelled(
    features: FeatureArray,
    categories: Sequence[str | None],
    labels: LabelSet,
    groups: Sequence[Hashable] | None = None,
) -> Labelled:
    """Keep the photos whose category has a label; labels and groups become numbers."""
    number = {label: code for code, label in enumerate(labels.labels)}
    of = {category: labels.of(category) for category in set(categories)}
    codes = np.array([-1 if (label := of[c]) is None else number[label] for c in categories], np.int64)
    seen: dict[Hashable, int] = {}
    numbers = [seen.setdefault(group, len(seen)) for group in groups or [0] * len(codes)]
    everything = Labelled(features, codes, np.array(numbers, np.int64))
    return everything.take(np.flatnonzero(codes >= 0))


def calibrated(
    classifier: Classifier, learned: Labelled, validation: Labelled | None, settings: LdaSettings, *, seed: int
) -> Classifier:
    """Set the classifier's temperature.

    From the validation part where it has enough labelled photos. Otherwise a fifth of the training groups is held out,
    a second classifier fitted on the rest, and its temperature taken over. With too few photos for that too it is 1.

    Parameters
    ----------
    classifier : fitted on all of `learned`, at temperature 1
    seed : int
        Chooses the groups to hold out.
    """
    probe, scored = classifier, validation
    if scored is None or len(scored.codes) < _MIN_SCORED:
        probe, scored = _probe(learned, settings, seed)
    if probe is None or scored is None or len(scored.codes) < _MIN_SCORED:
        return classifier
    enough = min(_MAX_SCORED, max(_MIN_SCORED, _MAX_SCORES // len(probe.bias)))
    if len(scored.codes) > enough:
        scored = scored.take(np.random.default_rng(seed).permutation(len(scored.codes))[:enough])
    scores = discriminant_scores(scored.features.astype(np.float64), probe) * probe.sharpness
    return replace(classifier, sharpness=classifier.sharpness / temperature(scores, scored.codes))


def temperature(scores: Float64Array, codes: IntArray) -> float:
    """Find the T that makes softmax(scores / T) most likely, between e^-5 and e^5.

    Parameters
    ----------
    scores : float64 array of shape (n, n_labels)
    codes : int64 array of shape (n,)
        The true labels' columns.

    Notes
    -----
    Minimises sum of -log p(true label) + (log T)^2 / 2 over log T by golden-section search; the second term, worth
    about one photo, keeps T finite where every photo is right.
    Source: Guo et al., On Calibration of Modern Neural Networks, arXiv:1706.04599.
    """
    true = scores[np.arange(len(codes)), codes]
    gaps = scores - true[:, None]  # softmax needs differences only
    tops = gaps.max(axis=1)

    def loss(log_t: float) -> float:
        beta = np.exp(-log_t)
        terms = beta * tops + np.log(np.exp(beta * (gaps - tops[:, None])).sum(axis=1))
        return float(terms.sum()) + log_t**2 / 2

    return float(np.exp(_golden(loss, *_LOG_RANGE)))


def _probe(learned: Labelled, settings: LdaSettings, seed: int) -> tuple[Classifier | None, Labelled | None]:
    """A classifier fitted without a fifth of the groups, and the photos of those groups that it can be asked about."""
    groups = np.unique(learned.groups)
    held_groups = np.random.default_rng(seed).permutation(groups)[: max(1, round(_HELD_SHARE * len(groups)))]
    held = np.isin(learned.groups, held_groups)
    rest = learned.take(np.flatnonzero(~held))
    present = np.unique(rest.codes)
    asked = learned.take(np.flatnonzero(held & np.isin(learned.codes, present)))
    if len(present) < 2 or len(asked.codes) < _MIN_SCORED:
        return None, None
    statistics = class_statistics(rest.features, np.searchsorted(present, rest.codes), len(present))
    _, classifier = lda(statistics, replace(settings, k=0))
    return classifier, replace(asked, codes=np.searchsorted(present, asked.codes))


def _golden(loss: Callable[[float], float], low: float, high: float) -> float:
    """Golden-section search for the minimum of a function with one valley."""
    ratio = (np.sqrt(5) - 1) / 2
    left, right = high - ratio * (high - low), low + ratio * (high - low)
    at_left, at_right = loss(left), loss(right)
    for _ in range(_STEPS):
        if at_left <= at_right:
            high, right, at_right = right, left, at_left
            left = high - ratio * (high - low)
            at_left = loss(left)
        else:
            low, left, at_left = left, right, at_right
            right = low + ratio * (high - low)
            at_right = loss(right)
    return float((low + high) / 2)
