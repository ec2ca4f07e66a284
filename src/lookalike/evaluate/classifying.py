"""The classifier's figures on the label queries: as a whole, label by label, and how sure it may be."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np

from lookalike import metrics
from lookalike.evaluate.plan import EvaluateConfig, Photo
from lookalike.heads import FeatureArray, Head
from lookalike.metrics import Float64Array, Summary
from lookalike.types import Json

_LABEL_DRAWS = 200
"""For each of hundreds of labels, perhaps: fewer draws than a figure of the whole has."""


@dataclass(frozen=True, eq=False)
class Classified:
    """What the classifier said of n photos: label numbers predicted and true, and the probability of the predicted."""

    labels: tuple[str, ...]
    predicted: metrics.IntArray
    true: metrics.IntArray
    confidence: Float64Array
    figures: Mapping[str, Summary]
    by_label: Mapping[str, Sequence[Summary]]

    @property
    def names(self) -> list[str]:
        """The predicted labels by name."""
        return [self.labels[place] for place in self.predicted]

    @property
    def confusion(self) -> Float64Array:
        """Counts by true label (rows) and predicted label (columns)."""
        return metrics.confusion_matrix(self.predicted, self.true, len(self.labels))

    def to_json(self) -> Json:
        """Confusion matrix and reliability bins as JSON."""
        bins = metrics.calibration_bins(self.confidence, (self.predicted == self.true).astype(np.float64))
        return {
            "confusion": {"labels": list(self.labels), "counts": self.confusion.astype(int).tolist()},
            "calibration": [asdict(one) for one in bins],
        }

    def per_label(self, retrieval: Mapping[str, Mapping[str, Summary]]) -> list[Json]:
        """A row for each label: support, precision, recall, F1, and the retrieval figures of its queries."""
        support = self.confusion.sum(axis=1).astype(int).tolist()
        rows: list[Json] = []
        for place, label in enumerate(self.labels):
            row: Json = {"label": label, "support": support[place]}
            row |= {name: asdict(figures[place]) for name, figures in self.by_label.items()}
            row |= {name: asdict(by_label[label]) for name, by_label in retrieval.items() if label in by_label}
            rows.append(row)
        return rows


def classify(head: Head, features: FeatureArray, photos: Sequence[Photo], config: EvaluateConfig) -> Classified:
    """Ask a head's classifier about photos, given their features (n, in_dim)."""
    labels = head.label_names
    probabilities = head.classify(features).astype(np.float64)
    true = metrics.codes_of([str(photo.label) for photo in photos], labels)
    predicted = probabilities.argmax(axis=1)
    confidence = probabilities.max(axis=1, initial=0)
    right = (predicted == true).astype(np.float64)
    groups = [photo.group for photo in photos]

    def confusion(weights: Float64Array) -> Float64Array:
        return metrics.confusion_matrix(predicted, true, len(labels), weights)

    figures = {
        "accuracy": metrics.summary(right, groups, seed=config.seed),
        "top-3 accuracy": metrics.summary(metrics.top_k_accuracy(probabilities, true, 3), groups, seed=config.seed),
        "balanced accuracy": metrics.statistic_summary(
            lambda weights: metrics.balanced_accuracy(confusion(weights)), groups, seed=config.seed
        ),
        "macro F1": metrics.statistic_summary(
            lambda weights: metrics.macro_f1(confusion(weights)), groups, seed=config.seed
        ),
        "calibration error": metrics.statistic_summary(
            lambda weights: metrics.expected_calibration_error(confidence, right, weights), groups, seed=config.seed
        ),
    }
    return Classified(labels, predicted, true, confidence, figures, _by_label(confusion, labels, groups, config))


def _by_label(
    confusion: Callable[[Float64Array], Float64Array],
    labels: Sequence[str],
    groups: Sequence[int | str],
    config: EvaluateConfig,
) -> dict[str, list[Summary]]:
    """Each label's precision, recall and F1, all over the same draws."""
    columns = {
        "precision": metrics.precision_by_label,
        "recall": metrics.recall_by_label,
        "f1": metrics.f1_by_label,
    }

    def figures(weights: Float64Array) -> Float64Array:
        counts = confusion(weights)
        return np.concatenate([column(counts) for column in columns.values()])

    every = metrics.statistics_summary(figures, groups, seed=config.seed, draws=_LABEL_DRAWS)
    size = len(labels)
    return {name: every[place * size : (place + 1) * size] for place, name in enumerate(columns)}
