"""Metrics of retrieval: one number per query, NaN where the query has no answer in the gallery."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

BoolArray = npt.NDArray[np.bool_]
IntArray = npt.NDArray[np.int64]
Float64Array = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Judged:
    """What was found for n queries, and what could have been; checked once, here.

    Parameters
    ----------
    relevant : bool array of shape (n, m)
        Whether the hit at a rank (best first, from the left) is an answer; False past the last hit.
    answers : int64 array of shape (n,)
        How many photos of the query's gallery are answers.
    gallery : int64 array of shape (n,)
        How many photos the query's gallery holds, that is: could have been found.

    Raises
    ------
    ValueError
        Shapes differ, or more was found than there is.
    """

    relevant: BoolArray
    answers: IntArray
    gallery: IntArray

    def __post_init__(self) -> None:
        if self.relevant.ndim != 2 or not self.answers.shape == self.gallery.shape == self.relevant.shape[:1]:
            raise ValueError("relevant must be (n, m), answers and gallery (n,)")
        if (self.answers < 0).any() or (self.answers > self.gallery).any():
            raise ValueError("a query has fewer than no answers, or more than its gallery holds")
        if (self.relevant.sum(axis=1) > self.answers).any():
            raise ValueError("a query found more answers than its gallery holds")


def recall_at_k(judged: Judged, k: int) -> Float64Array:
    """Whether at least one answer stands among the first k hits: 1 or 0.

    Formula: max of rel(1..k). Also known as hit rate or success@k.
    Source: Jégou, Douze and Schmid, Product quantization for nearest neighbor search, 2011 (its recall@R).
    Differs from commonly used: elsewhere recall@k is the share of all answers that stand among the first k.
    """
    return _scored(judged, np.asarray(_first(judged, k).any(axis=1), np.float64))


def precision_at_k(judged: Judged, k: int) -> Float64Array:
    """Share of answers among the first k hits.

    Formula: sum of rel(1..k) / min(k, gallery).
    Source: Manning, Raghavan and Schütze, Introduction to Information Retrieval, section 8.4.
    Differs from commonly used: a gallery smaller than k divides by its size, since no more could be found. Some divide
    by min(k, answers) instead, so that 1 can be reached with fewer than k answers; here it cannot.
    """
    found = _first(judged, k).sum(axis=1)
    return _scored(judged, found / np.maximum(np.minimum(k, judged.gallery), 1))


def reciprocal_rank(judged: Judged) -> Float64Array:
    """One over the rank of the first answer, 0 where none was found; its mean is the MRR.

    Formula: 1 / min{i : rel(i)}, over the m hits there are (MRR@m).
    Source: Voorhees, The TREC-8 question answering track report, 1999.
    Differs from commonly used: not at all, where m is stated.
    """
    first = judged.relevant.argmax(axis=1) if judged.relevant.shape[1] else np.zeros(len(judged.answers), np.int64)
    return _scored(judged, np.where(judged.relevant.any(axis=1), 1 / (first + 1), 0.0))


def average_precision_at_r(judged: Judged) -> Float64Array:
    """Average precision over the first R hits, R being how many answers the gallery holds; its mean is mAP@R.

    Formula: 1/R * sum over i = 1..R of rel(i) * (sum of rel(1..i)) / i.
    Source: Musgrave, Belongie and Lim, A metric learning reality check, arXiv:2003.08505.
    Differs from commonly used: plain average precision runs over the whole gallery.

    Raises
    ------
    ValueError
        Fewer hits were fetched than some query has answers.
    """
    most = int(judged.answers.max(initial=0))
    if most > judged.relevant.shape[1]:
        raise ValueError(f"mAP@R needs {most} hits for each query, there are {judged.relevant.shape[1]}")
    ranks = np.arange(1, judged.relevant.shape[1] + 1)
    within = judged.relevant & (ranks <= judged.answers[:, None])
    precisions = within.cumsum(axis=1) / ranks
    return _scored(judged, (precisions * within).sum(axis=1) / np.maximum(judged.answers, 1))


def ndcg_at_k(judged: Judged, k: int) -> Float64Array:
    """Normalised discounted cumulative gain of the first k hits, with gains 0 and 1.

    Formula: DCG / ideal DCG; DCG = sum over i = 1..k of rel(i) / log2(i + 1); the ideal has min(k, answers) ones first.
    Source: Järvelin and Kekäläinen, Cumulated gain-based evaluation of IR techniques, 2002.
    Differs from commonly used: some take the ideal from the hits found, so that one of fifty answers on top scores 1.
    """
    discounts = 1 / np.log2(np.arange(2, k + 2))
    first = _first(judged, k)
    gains = (first * discounts[: first.shape[1]]).sum(axis=1)
    ideal = np.concatenate([[0.0], discounts.cumsum()])[np.minimum(k, judged.answers)]
    return _scored(judged, gains / np.where(ideal > 0, ideal, 1))


def _first(judged: Judged, k: int) -> BoolArray:
    if k < 1:
        raise ValueError("k must be at least 1")
    if judged.relevant.shape[1] < k and (judged.gallery > judged.relevant.shape[1]).any():
        raise ValueError(f"fewer than {k} hits were fetched although the gallery holds more")
    return judged.relevant[:, :k]


def _scored(judged: Judged, values: Float64Array) -> Float64Array:
    return np.where(judged.answers > 0, values, np.nan)
