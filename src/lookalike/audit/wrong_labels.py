"""Likely wrong labels: confident learning over what photos of other groups say."""

import hashlib
import importlib.util
import logging

import numpy as np
import polars as pl

from lookalike import heads
from lookalike.audit.config import AuditConfig, Photos
from lookalike.audit.neighbours import Float16Array, Float64Array, Int64Array, vote
from lookalike.errors import AuditError
from lookalike.labels import choose_labels
from lookalike.types import CATEGORY_SEPARATOR

SCHEMA = pl.Schema(
    {
        "rank": pl.Int64(),
        "reason": pl.String(),
        "score": pl.Float64(),
        "image_id": pl.String(),
        "product_id": pl.String(),
        "category": pl.String(),
        "label": pl.String(),
        "label_probability": pl.Float64(),
        "suggested_label": pl.String(),
        "suggested_probability": pl.Float64(),
        "split": pl.String(),
        "path": pl.String(),
    }
)
REASON = "looks like another label"
LEAST_PROBABILITY = 0.5
"""What is suggested must be likelier than all else together."""
_LDA_LABELS = 3


def installed() -> bool:
    """Tell whether the library that finds wrong labels is there."""
    return importlib.util.find_spec("cleanlab") is not None


def need_cleanlab() -> None:
    """Stop where the library that finds wrong labels is not installed.

    Raises
    ------
    AuditError
    """
    if not installed():
        raise AuditError(
            "looking for wrong labels needs cleanlab, which is not installed", mend="pip install 'lookalike[analyse]'"
        )


def find_wrong_labels(photos: Photos, config: AuditConfig) -> pl.DataFrame:
    """Find photos whose label is likely wrong, surest first.

    Returns
    -------
    DataFrame with the columns of `SCHEMA`. `score` in [0, 1] is how much likelier the suggested label is than the
    given one: (1 + suggested - given) / 2. Empty where there are fewer than two labels to tell apart.

    Raises
    ------
    AuditError
        cleanlab is not installed.

    Notes
    -----
    Probabilities are the mean of two opinions, neither of which has seen the photo's own group (product, seller,
    copies), so long as no label has tuned the features (`gather`): the LDA head fitted on the other folds, and the vote
    of the nearest photos of other groups. cleanlab's confident learning estimates from them how many labels are wrong;
    those with the lowest normalised margin (given - best other) are taken, if what is suggested has a probability of
    0.5.
    Source: Northcutt, Jiang and Chuang, Confident Learning: Estimating Uncertainty in Dataset Labels, JAIR 2021.
    """
    need_cleanlab()
    known = photos.frame[photos.rows]
    chosen = choose_labels(
        known["category"].to_list(), known["group_id"].to_list(), level=config.level, ignored=config.ignored
    )
    names = chosen.labels
    number = {label: code for code, label in enumerate(names)}
    codes = np.array([number.get(chosen.of(category) or "", -1) for category in known["category"]], np.int64)
    rows = np.flatnonzero(codes >= 0)
    if len(names) < 2:
        return pl.DataFrame(schema=SCHEMA)
    labels, groups = codes[rows], known["group_id"].to_numpy()[rows]
    features = photos.features[rows]
    voted = vote(features, labels, groups, n_labels=len(names), neighbours=config.neighbours)
    probabilities = (out_of_fold(features, labels, groups, len(names), folds=config.folds) + voted) / 2
    return _table(known[rows], labels, names, probabilities)


def out_of_fold(
    features: Float16Array, labels: Int64Array, groups: Int64Array, n_labels: int, *, folds: int
) -> Float64Array:
    """Ask for each photo a head that was fitted without its fold.

    Parameters
    ----------
    features : float16 array of shape (n, d)
    labels, groups : int64 arrays of shape (n,)
    n_labels, folds : int
        A group's fold is the sha256 of its number, modulo this.

    Returns
    -------
    float64 array of shape (n, n_labels); rows sum to 1, even where the other folds show fewer than two labels.
    """
    fold_of = {int(g): int(hashlib.sha256(str(g).encode()).hexdigest(), 16) % folds for g in np.unique(groups)}
    fold = np.array([fold_of[int(group)] for group in groups], np.int64)
    probabilities = np.full((len(labels), n_labels), 1 / n_labels)
    config = heads.HeadConfig(kind="lda" if n_labels >= _LDA_LABELS else "wccn")
    for number in range(folds):
        asked, rest = np.flatnonzero(fold == number), np.flatnonzero(fold != number)
        if not len(asked) or not len(rest):
            continue
        numbers: list[str | None] = [str(code) for code in labels[rest].tolist()]  # not paths: nothing is handed up
        head = heads.fit(features[rest], numbers, groups[rest].tolist(), config)
        if head.label_names:
            probabilities[asked] = 0
            columns = np.array([int(name) for name in head.label_names])
            probabilities[np.ix_(asked, columns)] = head.classify(features[asked])
    return probabilities


def _table(
    known: pl.DataFrame, labels: Int64Array, names: tuple[str, ...], probabilities: Float64Array
) -> pl.DataFrame:
    found = _issues(labels, probabilities)
    suggested = probabilities[found].argmax(axis=1).astype(np.int64)
    codes = zip(labels[found].tolist(), suggested.tolist(), strict=True)
    better = probabilities[found, suggested]
    wrong = (better >= LEAST_PROBABILITY) & np.array(
        [not _related(names[said], names[seen]) for said, seen in codes], np.bool_
    )
    found, suggested = found[wrong], suggested[wrong]
    given, better = probabilities[found, labels[found]], better[wrong]
    return (
        known[found]
        .select("image_id", "product_id", "category", "split", "path")
        .with_columns(
            pl.Series("rank", np.arange(1, len(found) + 1), pl.Int64),
            pl.lit(REASON).alias("reason"),
            pl.Series("score", (1 + better - given) / 2, pl.Float64),
            pl.Series("label", [names[code] for code in labels[found]], pl.String),
            pl.Series("label_probability", given, pl.Float64),
            pl.Series("suggested_label", [names[code] for code in suggested], pl.String),
            pl.Series("suggested_probability", better, pl.Float64),
        )
        .select(list(SCHEMA))
    )


def _issues(labels: Int64Array, probabilities: Float64Array) -> Int64Array:
    """Rows that confident learning holds for wrong, worst first."""
    from cleanlab.filter import find_label_issues  # an extra, and slow to import

    log = logging.getLogger("cleanlab")
    before = log.level
    log.setLevel(logging.ERROR)
    try:
        found = find_label_issues(
            labels,
            probabilities,
            filter_by="low_normalized_margin",
            return_indices_ranked_by="normalized_margin",
            n_jobs=1,
        )
    finally:
        log.setLevel(before)
    return np.asarray(found, np.int64)


def _related(label: str, suggested: str) -> bool:
    """The same label, or one within the other: no contradiction."""
    first, second = (name + CATEGORY_SEPARATOR for name in (label, suggested))
    return first.startswith(second) or second.startswith(first)
