"""What a head is and does: features in, embeddings of length 1 and label probabilities out."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from lookalike.errors import HeadError, NoLabels
from lookalike.labels import LabelSet
from lookalike.types import Float32Array, Json, unit_rows

Float64Array = npt.NDArray[np.float64]
FeatureArray = npt.NDArray[np.float16] | npt.NDArray[np.float32] | npt.NDArray[np.float64]
_CHUNK_ROWS = 4096


@dataclass(frozen=True, eq=False)
class Block:
    """One part of an embedding: sqrt(weight) * unit((features - mean) @ matrix).

    `mean` is float32 of shape (in_dim,), `matrix` float32 of shape (in_dim, k) with entries of at most 1: its overall
    size is without meaning, since the part is scaled to length 1.
    """

    mean: Float32Array
    matrix: Float32Array
    weight: float


@dataclass(frozen=True, eq=False)
class Classifier:
    """A linear discriminant with priors: softmax(sharpness * ((features - mean) @ weights + bias)).

    `weights` is float32 of shape (in_dim, n_labels) with entries of at most 1; `bias` is float64 of shape (n_labels,).
    `sharpness` holds their common size and the inverse temperature.
    """

    mean: Float32Array
    weights: Float32Array
    bias: Float64Array
    sharpness: float


@dataclass(frozen=True, eq=False)
class Head:
    """A fitted linear map. Without blocks (kind `none`) the embedding is the features at length 1.

    `kind` is what was fitted, which is less than what was asked for where labels or photos were too few.
    `labels` are the labels that were chosen; there may be one or none, and then there is no classifier.
    """

    kind: str
    in_dim: int
    blocks: tuple[Block, ...]
    labels: LabelSet
    classifier: Classifier | None = None
    facts: Json = field(default_factory=dict)

    @property
    def dim(self) -> int:
        """Width of the embeddings."""
        return sum(block.matrix.shape[1] for block in self.blocks) or self.in_dim

    @property
    def label_names(self) -> tuple[str, ...]:
        """The labels that `classify` tells apart, in its column order; empty where it cannot."""
        return () if self.classifier is None else self.labels.labels

    def apply(self, features: FeatureArray) -> Float32Array:
        """Turn features into embeddings.

        Parameters
        ----------
        features : float array of shape (n, in_dim)
            One photo a row, as the encoder gave them; n may be 0. Left unchanged.

        Returns
        -------
        float32 array of shape (n, dim)
            Rows of length 1, always finite. What lies exactly on a block's mean gets the block's first axis.

        Raises
        ------
        HeadError
            Another width, or a value that is not finite.
        """
        return self._by_chunks(features, self._embed, self.dim)

    def classify(self, features: FeatureArray) -> Float32Array:
        """Tell how probable each label is.

        Parameters
        ----------
        features : float array of shape (n, in_dim)

        Returns
        -------
        float32 array of shape (n, n_labels)
            Columns as in `label_names`; each row sums to 1.

        Raises
        ------
        NoLabels
            Fewer than two labels were learned.
        HeadError
            Another width, or a value that is not finite.
        """
        classifier = self.classifier
        if classifier is None:
            raise NoLabels(
                "this head learned fewer than two labels, so it cannot classify",
                mend="Fit a head on a catalogue with at least two categories of five photos in two groups each",
            )

        def probabilities(rows: Float64Array) -> Float32Array:
            return _softmax(discriminant_scores(rows, classifier) * classifier.sharpness)

        return self._by_chunks(features, probabilities, len(self.label_names))

    def _embed(self, rows: Float64Array) -> Float32Array:
        if not self.blocks:
            return unit_rows(_at_most_one(rows))
        total = sum(block.weight for block in self.blocks)
        parts = [
            unit_rows(_at_most_one(rows - block.mean).astype(np.float32) @ block.matrix)
            * np.float32(np.sqrt(block.weight / total))
            for block in self.blocks
        ]
        return unit_rows(np.concatenate(parts, axis=1))

    def _by_chunks(self, features: FeatureArray, work: Callable[[Float64Array], Float32Array], k: int) -> Float32Array:
        check_features(features, self.in_dim)
        out = np.empty((len(features), k), np.float32)
        for start in range(0, len(features), _CHUNK_ROWS):
            out[start : start + _CHUNK_ROWS] = work(features[start : start + _CHUNK_ROWS].astype(np.float64))
        return out


def discriminant_scores(rows: Float64Array, classifier: Classifier) -> Float64Array:
    """Linear discriminant scores before sharpness; (n, in_dim) to (n, n_labels)."""
    return (rows - classifier.mean) @ classifier.weights.astype(np.float64) + classifier.bias


def check_features(features: FeatureArray, in_dim: int | None = None) -> None:
    """Refuse what is no (n, in_dim) array of finite floats.

    Raises
    ------
    HeadError
    """
    if features.ndim != 2 or not np.issubdtype(features.dtype, np.floating):
        raise HeadError("features must be a two-dimensional array of floats", mend="Give one row of floats per photo")
    if in_dim is not None and features.shape[1] != in_dim:
        raise HeadError(
            f"the features have {features.shape[1]} numbers a photo, the head was fitted on {in_dim}",
            mend="Use the encoder that the head was fitted with, or fit the head again",
        )
    if not np.isfinite(features).all():
        raise HeadError("the features hold values that are not finite", mend="Embed these photos again")


def _at_most_one(rows: Float64Array) -> Float64Array:
    """Scale each row to a largest entry of 1, so that nothing over- or underflows; length is set afterwards anyway."""
    largest = np.abs(rows).max(axis=1, keepdims=True, initial=0)
    return rows / (largest if largest.all() else np.where(largest > 0, largest, 1))


def _softmax(logits: Float64Array) -> Float32Array:
    """Softmax along rows, safe for logits of any size."""
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return (powers / powers.sum(axis=1, keepdims=True)).astype(np.float32)
