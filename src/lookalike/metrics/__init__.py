"""Metrics in pure NumPy, each defined in full; `docs/metrics.md` says it in words.

Retrieval gives one number per query, NaN where the query has no answer: such queries are counted and left out of every
mean. `summary` makes a mean of them, `statistic_summary` bootstraps what is no mean, both with intervals over groups.
"""

from lookalike.metrics.classification import (
    Bin,
    accuracy,
    auroc,
    balanced_accuracy,
    calibration_bins,
    codes_of,
    confusion_matrix,
    expected_calibration_error,
    f1_by_label,
    macro_f1,
    precision_by_label,
    recall_by_label,
    top_k_accuracy,
)
from lookalike.metrics.intervals import Summary, difference, statistic_summary, statistics_summary, summary
from lookalike.metrics.retrieval import (
    BoolArray,
    Float64Array,
    IntArray,
    Judged,
    average_precision_at_r,
    ndcg_at_k,
    precision_at_k,
    recall_at_k,
    reciprocal_rank,
)

__all__ = [
    "Bin",
    "BoolArray",
    "Float64Array",
    "IntArray",
    "Judged",
    "Summary",
    "accuracy",
    "auroc",
    "average_precision_at_r",
    "balanced_accuracy",
    "calibration_bins",
    "codes_of",
    "confusion_matrix",
    "difference",
    "expected_calibration_error",
    "f1_by_label",
    "macro_f1",
    "ndcg_at_k",
    "precision_at_k",
    "precision_by_label",
    "recall_at_k",
    "recall_by_label",
    "reciprocal_rank",
    "statistic_summary",
    "statistics_summary",
    "summary",
    "top_k_accuracy",
]
