"""A head on disk: `head.npz` (arrays) and `head.json` (all else), inside the artefact folder of kind `head`."""

import hashlib
import io
import json
import zipfile
from pathlib import Path

import numpy as np
import numpy.typing as npt

from lookalike.errors import ArtifactError
from lookalike.files import write_bytes, write_text
from lookalike.heads.head import Block, Classifier, Head
from lookalike.labels import LabelSet, label_set_config
from lookalike.types import Json

ARRAYS = "head.npz"
DESCRIPTION = "head.json"
_SCHEMA = 1


def save(head: Head, folder: Path) -> None:
    """Write a head into a folder; each of the two files appears whole or not at all, the description last.

    Raises
    ------
    OSError
        The folder is missing or cannot be written.
    """
    arrays: dict[str, npt.NDArray[np.generic]] = {}
    for number, block in enumerate(head.blocks):
        arrays[f"block{number}_mean"], arrays[f"block{number}_matrix"] = block.mean, block.matrix
    if head.classifier is not None:
        arrays["classifier_mean"], arrays["classifier_weights"] = head.classifier.mean, head.classifier.weights
        arrays["classifier_bias"] = head.classifier.bias
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **arrays)
    data = buffer.getvalue()
    description = {
        "schema": _SCHEMA,
        "kind": head.kind,
        "in_dim": head.in_dim,
        "dim": head.dim,
        "weights": [block.weight for block in head.blocks],
        "labels": label_set_config(head.labels),
        "sharpness": None if head.classifier is None else head.classifier.sharpness,
        "facts": head.facts,
        "arrays_sha256": hashlib.sha256(data).hexdigest(),
    }
    write_bytes(folder / ARRAYS, data)
    write_text(folder / DESCRIPTION, json.dumps(description, indent=2, ensure_ascii=False) + "\n")


def load(folder: Path) -> Head:
    """Read a head and check it: files that belong together, shapes that fit, finite numbers.

    Raises
    ------
    ArtifactError
        Missing, damaged, or written by a newer Lookalike.
    """
    try:
        description: Json = json.loads((folder / DESCRIPTION).read_text(encoding="utf-8"))
        if int(description["schema"]) > _SCHEMA:
            raise ArtifactError(
                f"this head has schema {description['schema']}, this Lookalike reads up to {_SCHEMA}",
                where=str(folder),
                mend="Upgrade Lookalike",
            )
        data = (folder / ARRAYS).read_bytes()
        if hashlib.sha256(data).hexdigest() != description["arrays_sha256"]:
            raise ValueError(f"{ARRAYS} is not the file that {DESCRIPTION} was written with")
        head = _assemble(description, data)
        _check(head, int(description["dim"]))
    except (OSError, ValueError, KeyError, TypeError, AttributeError, EOFError, zipfile.BadZipFile) as error:
        raise ArtifactError(
            f"this is no readable head ({_reason(error)})", where=str(folder), mend="Fit the head again"
        ) from error
    return head


def _assemble(description: Json, data: bytes) -> Head:
    with np.load(io.BytesIO(data), allow_pickle=False) as stored:
        arrays = {name: stored[name] for name in stored.files}
    blocks = tuple(
        Block(arrays[f"block{number}_mean"], arrays[f"block{number}_matrix"], float(weight))
        for number, weight in enumerate(description["weights"])
    )
    classifier = None
    if description["sharpness"] is not None:
        classifier = Classifier(
            arrays["classifier_mean"],
            arrays["classifier_weights"],
            arrays["classifier_bias"],
            float(description["sharpness"]),
        )
    told = description["labels"]
    labels = LabelSet(tuple(told["labels"]), told["level"], frozenset(told["ignored"]))
    return Head(description["kind"], int(description["in_dim"]), blocks, labels, classifier, dict(description["facts"]))


def _check(head: Head, dim: int) -> None:
    """Refuse arrays that do not fit together or hold what is not finite."""
    expected: list[tuple[npt.NDArray[np.floating], tuple[int, ...]]] = []
    for block in head.blocks:
        expected += [(block.mean, (head.in_dim,)), (block.matrix, (head.in_dim, block.matrix.shape[-1]))]
    if head.classifier is not None:
        n_labels = len(head.labels.labels)
        expected += [
            (head.classifier.mean, (head.in_dim,)),
            (head.classifier.weights, (head.in_dim, n_labels)),
            (head.classifier.bias, (n_labels,)),
        ]
    for array, shape in expected:
        if array.shape != shape:
            raise ValueError(f"an array has shape {array.shape}, not {shape}")
        if not np.issubdtype(array.dtype, np.floating) or not np.isfinite(array).all():
            raise ValueError("an array holds what is no finite number")
    numbers = [block.weight for block in head.blocks] + ([head.classifier.sharpness] if head.classifier else [])
    if not all(np.isfinite(number) and number > 0 for number in numbers):
        raise ValueError("a weight is not positive")
    if head.in_dim < 1 or head.dim != dim:
        raise ValueError(f"it makes {head.dim} numbers a photo and says {dim}")


def _reason(error: Exception) -> str:
    return f"{type(error).__name__}: {error.args[-1] if error.args else ''}".strip(": ")
