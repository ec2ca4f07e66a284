"""How far the within-class covariance is pulled towards the identity: chosen on photos that the fit has not seen.

By cross-validation over groups, or on the validation part where the features were themselves learned from the training
photos. Many photos a label bear little shrinkage, few need much: on the clothing photos .3 to .5 is best with all of
them, .9 with ten a label (docs/experiments.md).
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace

import numpy as np

from lookalike.heads.calibration import Labelled
from lookalike.heads.choice import embedder
from lookalike.heads.head import Block, Classifier, FeatureArray, discriminant_scores
from lookalike.heads.linear import IntArray, LdaSettings, class_statistics, discriminants, shrunken_whiteners

GRID = (0.1, 0.3, 0.5, 0.7, 0.9)
DEFAULT = 0.3
"""Where there are too few photos to choose by, or validation photos do not tell another one to be better."""
FOLDS = 3
MIN_ASKED = 60
"""Fewer photos asked in all the folds would make the choice a matter of luck."""
GROUPS, VALIDATION = "training groups left out in turn", "the validation part"
"""Who may be asked."""

_MOST_PHOTOS = 12_000
_AT_ONCE = 512


@dataclass(frozen=True)
class Tried:
    """What photos that were left out gave at one shrinkage."""

    shrinkage: float
    accuracy: float
    label_recall: float

    @property
    def mean(self) -> float:
        """Of both."""
        return (self.accuracy + self.label_recall) / 2


@dataclass(frozen=True)
class ShrinkageChoice:
    """The shrinkage that was chosen, everything that was tried, and who was asked: `GROUPS` or `VALIDATION`."""

    shrinkage: float
    tried: tuple[Tried, ...]
    asked: str

    def to_json(self) -> dict[str, object]:
        """Describe it as JSON."""
        return {"shrinkage": self.shrinkage, "asked": self.asked, "tried": [asdict(one) for one in self.tried]}


def choose_shrinkage(learned: Labelled, settings: LdaSettings, *, seed: int) -> ShrinkageChoice | None:
    """Choose an LDA's shrinkage by cross-validation over groups.

    The photos of a third of the groups are asked about the rest, in turn: the classifier names their label (accuracy),
    and the nearest photo in the label part's space has it (label recall@1). The choice is the best mean of the two;
    among equals the largest, which keeps more of what tells one thing from another.

    Parameters
    ----------
    learned : labelled training photos with their groups; of a very large catalogue a sample of groups is taken
    settings : its `shrinkage` is not looked at
    seed : deals the groups into folds

    Returns
    -------
    None where fewer than `MIN_ASKED` photos can be asked.
    """
    learned = _sampled(learned, seed)
    rows = np.arange(len(learned.codes))
    folds = _folds(learned.groups, seed)
    pairs = ((learned.take(np.setdiff1d(rows, held)), learned.take(held)) for held in folds)
    tried = _tried(pairs, settings)
    return None if tried is None else ShrinkageChoice(_best(tried).shrinkage, tried, GROUPS)


def choose_on_validation(
    learned: Labelled, validation: Labelled | None, settings: LdaSettings, *, seed: int
) -> ShrinkageChoice | None:
    """Choose by asking the validation part about the training part, for features that a label has tuned.

    Their network was trained on all of `learned`: groups of it that this fit leaves out were still learned from, and
    any shrinkage looks fine to them. A validation part is often small, so `DEFAULT` stays unless another one's mean of
    accuracy and label recall is better by more than one standard error of such a share.

    Returns
    -------
    None where there is no validation part of `MIN_ASKED` labelled photos.
    """
    if validation is None or (tried := _tried([(_sampled(learned, seed), validation)], settings)) is None:
        return None
    usual, best = next(one for one in tried if one.shrinkage == DEFAULT), _best(tried)
    error = math.sqrt(usual.mean * (1 - usual.mean) / len(validation.codes))
    chosen = best if best.mean - usual.mean > error else usual
    return ShrinkageChoice(chosen.shrinkage, tried, VALIDATION)


def _tried(pairs: Iterable[tuple[Labelled, Labelled]], settings: LdaSettings) -> tuple[Tried, ...] | None:
    """Ask the second of each pair about the first; None where too few can be asked."""
    hits = np.zeros((len(GRID), 2))
    asked = 0
    for rest, held in pairs:
        counted = _hits(rest, held, settings)
        if counted is not None:
            hits += counted[0]
            asked += counted[1]
    if asked < MIN_ASKED:
        return None
    shares = hits / asked
    return tuple(
        Tried(shrinkage, float(right), float(found)) for shrinkage, (right, found) in zip(GRID, shares, strict=True)
    )


def _best(tried: Sequence[Tried]) -> Tried:
    return max(tried, key=lambda one: (one.accuracy + one.label_recall, one.shrinkage))


def _folds(groups: IntArray, seed: int) -> list[IntArray]:
    """Deal whole groups into folds of about as many groups each; rows of each fold."""
    names = np.random.default_rng(seed).permutation(np.unique(groups))
    return [np.flatnonzero(np.isin(groups, names[fold::FOLDS])) for fold in range(FOLDS)]


def _hits(rest: Labelled, held: Labelled, settings: LdaSettings) -> tuple[Sequence[tuple[int, int]], int] | None:
    """Count right answers of classifier and nearest photo at each shrinkage, and the photos that were asked."""
    present = np.unique(rest.codes)
    asked = held.take(np.flatnonzero(np.isin(held.codes, present)))
    if len(present) < 2 or not len(asked.codes):
        return None
    rest = replace(rest, codes=np.searchsorted(present, rest.codes))
    asked = replace(asked, codes=np.searchsorted(present, asked.codes))
    classes = class_statistics(rest.features, rest.codes, len(present))
    counted: list[tuple[int, int]] = []
    for whitener in shrunken_whiteners(classes, settings.deviations, GRID):
        block, classifier = discriminants(classes, settings, whitener)
        counted.append((_named(classifier, asked), 0 if block is None else _found(block, rest, asked)))
    return counted, len(asked.codes)


def _named(classifier: Classifier, asked: Labelled) -> int:
    scores = discriminant_scores(asked.features.astype(np.float64), classifier)
    return int((scores.argmax(axis=1) == asked.codes).sum())


def _found(block: Block, rest: Labelled, asked: Labelled) -> int:
    embed = embedder(block, rest.features.shape[1])
    gallery = embed(rest.features)

    def right(features: FeatureArray, codes: IntArray) -> int:
        return int((rest.codes[(embed(features) @ gallery.T).argmax(axis=1)] == codes).sum())

    starts = range(0, len(asked.codes), _AT_ONCE)
    return sum(right(asked.features[at : at + _AT_ONCE], asked.codes[at : at + _AT_ONCE]) for at in starts)


def _sampled(learned: Labelled, seed: int) -> Labelled:
    """Of a very large catalogue take whole groups, in a seeded order, as long as there are not too many photos."""
    if len(learned.codes) <= _MOST_PHOTOS:
        return learned
    names, sizes = np.unique(learned.groups, return_counts=True)
    order = np.random.default_rng(seed).permutation(len(names))
    kept = names[order[np.cumsum(sizes[order]) <= _MOST_PHOTOS]]
    return learned.take(np.flatnonzero(np.isin(learned.groups, kept)))
