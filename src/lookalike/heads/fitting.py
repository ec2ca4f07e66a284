"""Fitting a head: which kind the labels allow, its parts, and its classifier."""

import logging
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace

import numpy as np

from lookalike.errors import HeadError
from lookalike.heads.aids import Aids
from lookalike.heads.boost import BoostChoice, choose_boost
from lookalike.heads.calibration import Labelled, calibrated, labelled
from lookalike.heads.choice import Choice, choose
from lookalike.heads.head import Block, FeatureArray, Float64Array, Head, check_features
from lookalike.heads.linear import (
    LdaSettings,
    class_statistics,
    lda,
    moments,
    pca_block,
    view_covariance,
    wccn_block,
)
from lookalike.heads.shrinkage import DEFAULT, ShrinkageChoice, choose_on_validation, choose_shrinkage
from lookalike.labels import MIN_GROUPS, MIN_PHOTOS, choose_labels
from lookalike.types import Json

KINDS = ("auto", "mix", "lda", "wccn", "pca", "none")
MIN_LABELS = 3
"""Learnable labels that the label part needs."""
MIN_RANK = 8
"""Photos that vary in fewer directions leave the features as they are."""
LABEL_WEIGHT = 0.2
"""Share of the label part where there is no validation part to choose it on."""

_LEAST_DEVIATION = 1e-6
"""A feature that varies less than this share of the most varying one counts as constant."""
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class HeadConfig:
    """How a head is fitted.

    Parameters
    ----------
    kind : "auto", "mix", "lda", "wccn", "pca" or "none"
        `auto` is `mix` where there are labels to learn, else `pca`.
    dim : int
        Width of the embeddings; fewer where the photos vary in fewer directions. `none` keeps the features' width.
    label_weight : float, optional
        Share a of the label part in a `mix`, in (0, 1); None chooses it on the validation part, see `choice.choose`.
    level : "auto", "parent" or a path depth as text
        How deep labels go; see `labels.choose_labels`.
    ignored : labels that are searchable, but never learned or scored
    lda_shrinkage, wccn_shrinkage : float
        Share of the scaled identity in the within-class covariance, in (0, 1]; None chooses it, see `shrinkage`.
    seed : int
        Deals training groups into folds, and chooses those that set the classifier's temperature where there is no
        validation part.
    """

    kind: str = "auto"
    dim: int = 256
    label_weight: float | None = None
    level: str = "auto"
    ignored: tuple[str, ...] = ()
    lda_shrinkage: float | None = None
    wccn_shrinkage: float = 0.6
    seed: int = 0

    def __post_init__(self) -> None:
        wrong = {
            f"kind must be one of {', '.join(KINDS)}": self.kind not in KINDS,
            "dim must be at least 2": self.dim < 2,
            "label_weight must lie between 0 and 1": self.label_weight is not None and not 0 < self.label_weight < 1,
            "lda_shrinkage must be above 0 and at most 1": self.lda_shrinkage is not None
            and not 0 < self.lda_shrinkage <= 1,
            "wccn_shrinkage must be above 0 and at most 1": not 0 < self.wccn_shrinkage <= 1,
            "level must be auto, parent or a depth from 1": not _is_level(self.level),
        }
        for what, applies in wrong.items():
            if applies:
                raise HeadError(f"the head's {what}", mend="Correct the head's options")

    def to_json(self) -> Json:
        """Describe the configuration as JSON; equal configurations are described alike."""
        return {**asdict(self), "ignored": sorted(set(self.ignored))}


def fit(
    features: FeatureArray,
    categories: Sequence[str | None],
    groups: Sequence[Hashable],
    config: HeadConfig,
    *,
    aids: Aids | None = None,
) -> Head:
    """Fit a head on the training part.

    Parameters
    ----------
    features : float array of shape (n, d)
        The training photos' features; with n = 0 there is nothing to fit, and the head is `none`.
    categories, groups : one per photo
        Category path or None; the group that must not cross a split.
    config : HeadConfig
    aids : Aids, optional
        What else there is to learn from.

    Returns
    -------
    Head
        Of the kind asked for, or of the nearest one that the labels and photos allow; the log says which and why.
        `facts["choice"]` tells how the label part's weight was chosen, `facts["shrinkage"]` how it was shrunk,
        `facts["boost"]` how much agreement of categories may weigh in a ranking.

    Raises
    ------
    HeadError
        Features that are not finite, lengths that differ, or a configuration that makes no sense.

    Notes
    -----
    mix: [sqrt(a) * unit(LDA), sqrt(1 - a) * unit(WCCN, PCA)]; the label part has at most labels - 1 dimensions and at
    most half of them all. The generic part sees the first `aids.generic_dim` features alone, and is whitened by how
    photos of one label and how views of one photo differ. Photos without a label shape the generic part only.
    """
    aids = aids or Aids()
    check_features(features)
    if not len(features) == len(categories) == len(groups):
        raise HeadError("features, categories and groups differ in length", mend="Give one of each per photo")
    labels = choose_labels(categories, groups, level=config.level, ignored=config.ignored)
    if len(features) == 0:
        _log.warning("there are no training photos to fit a head on; features are used as they are")
        return Head("none", features.shape[1], (), labels, facts={"asked": config.kind, "photos": 0, "labelled": 0})
    kind = _possible(config.kind, len(labels.labels), any_category=any(category is not None for category in categories))
    mean, covariance = moments(features)
    within: list[Float64Array] = []
    learned, label_part, classifier, shrunk = None, None, None, None
    if len(labels.labels) >= 2:
        learned = labelled(features, categories, labels, groups)
        settings = LdaSettings(_deviations(covariance), config.lda_shrinkage or DEFAULT, _label_dims(config, kind))
        validation = None if aids.validation is None else labelled(aids.validation, aids.categories, labels)
        if config.lda_shrinkage is None:
            shrunk = (
                choose_on_validation(learned, validation, settings, seed=config.seed)
                if aids.tuned(features.shape[1])
                else choose_shrinkage(learned, settings, seed=config.seed)
            )
            settings = settings if shrunk is None else replace(settings, shrinkage=shrunk.shrinkage)
        classes = class_statistics(learned.features, learned.codes, len(labels.labels))
        within.append(classes.within)
        label_part, classifier = lda(classes, settings)
        classifier = calibrated(classifier, learned, validation, settings, seed=config.seed)
    if kind in ("mix", "lda") and label_part is None:
        kind = "wccn"  # every label has the same mean: there is nothing to discriminate by
    if aids.train_views is not None and aids.train_views.shape[1] >= 2 and len(aids.train_views) >= MIN_RANK:
        within.append(view_covariance(aids.train_views))
    if kind == "pca" and config.kind == "auto" and within:
        kind = "wccn"
    generic = _generic(kind, (mean, covariance), within, config.dim - _width(label_part), aids, config)
    asked, choice = aids.asked(features, categories, labels), None
    if kind == "mix" and label_part and generic and asked and config.label_weight is None:
        generic_dim = aids.generic_dim or features.shape[1]
        choice = choose(label_part, generic, asked, generic_dim=generic_dim, seed=config.seed)
    weight = choice.label_weight if choice is not None else config.label_weight or LABEL_WEIGHT
    blocks = _blocks(kind, label_part, generic, config, weight)
    head = Head(kind if blocks else "none", features.shape[1], blocks, labels, classifier)
    boost = None if classifier is None or asked is None else choose_boost(head, asked, seed=config.seed)
    told = {"choice": choice, "shrinkage": shrunk, "boost": boost}
    return replace(head, facts=_facts(config, features, learned, told))


def _facts(
    config: HeadConfig,
    features: FeatureArray,
    learned: Labelled | None,
    choices: Mapping[str, Choice | ShrinkageChoice | BoostChoice | None],
) -> Json:
    facts: Json = {
        "asked": config.kind,
        "photos": len(features),
        "labelled": 0 if learned is None else len(learned.codes),
    }
    return {**facts, **{name: one.to_json() for name, one in choices.items() if one is not None}}


def _generic(
    kind: str,
    all_moments: tuple[Float64Array, Float64Array],
    within: Sequence[Float64Array],
    k: int,
    aids: Aids,
    config: HeadConfig,
) -> Block | None:
    """The part that tells things apart whatever their label, over the features that no label has tuned."""
    mean, covariance = all_moments
    d = aids.generic_dim or len(mean)
    if kind in ("mix", "wccn") and within:
        part = wccn_block(
            mean[:d], covariance[:d, :d], [each[:d, :d] for each in within], shrinkage=config.wccn_shrinkage, k=k
        )
    elif kind == "pca":
        part = pca_block(mean[:d], covariance[:d, :d], config.dim)
    else:
        return None
    if part is None or d == len(mean):
        return part
    matrix = np.zeros((len(mean), part.matrix.shape[1]), np.float32)
    matrix[:d] = part.matrix
    return replace(part, mean=mean.astype(np.float32), matrix=matrix)


def _possible(asked: str, n_labels: int, *, any_category: bool) -> str:
    wanted = "mix" if asked == "auto" else asked
    needed = {"mix": MIN_LABELS, "lda": MIN_LABELS, "wccn": 2}.get(wanted, 0)
    if n_labels >= needed:
        return wanted
    possible = "wccn" if n_labels >= 2 else "pca"
    _log.log(
        logging.INFO if asked == "auto" and not any_category else logging.WARNING,
        "%d labels have %d training photos in %d groups, and a %s head needs %d of them; fitting %s instead",
        n_labels,
        MIN_PHOTOS,
        MIN_GROUPS,
        wanted,
        needed,
        possible,
    )
    return possible


def _label_dims(config: HeadConfig, kind: str) -> int:
    return {"mix": config.dim // 2, "lda": config.dim}.get(kind, 0)


def _width(block: Block | None) -> int:
    return 0 if block is None else block.matrix.shape[1]


def _blocks(
    kind: str, label_part: Block | None, generic: Block | None, config: HeadConfig, weight: float
) -> tuple[Block, ...]:
    """Weigh the parts; none at all where the photos differ in too few directions to say what matters."""
    if kind == "none":
        return ()
    if kind == "lda":
        return () if label_part is None else (label_part,)
    if generic is None or _width(generic) < min(MIN_RANK, len(generic.mean), config.dim - _width(label_part)):
        _log.warning("the training photos differ too little to fit a %s head; features are used as they are", kind)
        return ()
    if label_part is None:
        return (generic,)
    return replace(label_part, weight=weight), replace(generic, weight=1 - weight)


def _deviations(covariance: Float64Array) -> Float64Array:
    """Standard deviations to divide by; features that do not vary are left alone."""
    deviations = np.sqrt(np.diag(covariance))
    return np.where(deviations > _LEAST_DEVIATION * deviations.max(), deviations, deviations.max() or 1.0)


def _is_level(level: str) -> bool:
    return level in ("auto", "parent") or (level.isascii() and level.isdigit() and int(level) >= 1)
