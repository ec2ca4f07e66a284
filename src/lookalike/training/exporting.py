"""From a trained model to an encoder of the same kind as the stock ones; an export proves itself, or is refused."""

import hashlib
import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch

from lookalike import images
from lookalike.artifacts import Artifact, Recipe, create, find, installed, open_artifact, resolve_root
from lookalike.encoder import OpenVinoEncoder, choose_precision
from lookalike.encoder_folder import EncoderFolder
from lookalike.errors import PhotoError, TrainingError
from lookalike.files import write_bytes, write_text
from lookalike.training.beginning import BEST, FACTS, starting_backbone
from lookalike.training.cut import Tail, TwoBranches, copied, cut
from lookalike.training.graph import OPSET, to_onnx
from lookalike.training.module import normalise
from lookalike.training.network import Backbone, load_weights, read_state, rebuild_backbone
from lookalike.types import Float32Array, Json, Preprocess, UInt8Array, unit_rows

VERSION = 1
"""Raise when the same checkpoint would become another encoder."""

MIN_COSINE = 0.9999
_NEIGHBOURS = 10
_BATCH = 16


@dataclass(frozen=True)
class Fidelity:
    """What the runtime that serves makes of the network, on `photos` real photos; cosines are to torch in fp32.

    `bf16_overlap` is the mean share of each photo's ten nearest, among these photos, that bf16 leaves as they are. The
    bf16 figures are None where the processor has no native bf16.
    """

    photos: int
    fp32_worst: float
    bf16_mean: float | None = None
    bf16_worst: float | None = None
    bf16_overlap: float | None = None


@dataclass(frozen=True)
class _Source:
    folder: Path
    checkpoint: Path
    parents: dict[str, str]
    facts: Json


def export(model: Path, out: Path, *, photos: Path | None = None) -> Artifact:
    """Export a trained model as an encoder that embed, head, index and serve take like a stock one.

    Parameters
    ----------
    model : a model artefact, of which the best checkpoint is taken, or one `.ckpt` file of a finished or stopped run
    out : where to put the encoder
    photos : photo root of the catalogue that it was trained on, where it is no longer where it was

    Returns
    -------
    Artifact of kind "encoder", whose `about["check"]` holds the fields of `Fidelity`.

    Raises
    ------
    TrainingError
        No usable checkpoint, no photo to check the export on, or the worst cosine between the served fp32 output and
        torch is under 0.9999.
    """
    source = _find_source(model)
    card = Preprocess.from_json(source.facts["preprocess"])
    name = str(source.facts["backbone"])
    state = read_state(source.checkpoint)
    trained_stages = int(source.facts.get("trained_stages", 0))
    width = int(source.facts["dim"])
    config = {
        "name": f"{name}-tuned",
        "backbone": name,
        "dim": 2 * width if trained_stages else width,
        "size_px": card.size_px,
        "opset": OPSET,
        "preprocess": card.to_json(),
        "weights_sha256": _weights_sha256(state),
    }
    if trained_stages:
        config |= {"trained_stages": trained_stages, "generic_dim": width}
    recipe = Recipe("encoder", VERSION, config, source.parents)
    if (finished := find(out, recipe)) is not None:
        return finished
    backbone = _two_branches(source, state) if trained_stages else rebuild_backbone(name, card)
    if not trained_stages:
        load_weights(backbone.network, state, str(source.checkpoint))
    sample = _read_sample(source, card, photos)
    data = to_onnx(backbone.network, card.size_px)
    with create(out, recipe) as draft:
        write_bytes(draft.path / "encoder.onnx", data)
        write_text(draft.path / "preprocess.json", json.dumps(card.to_json(), indent=2) + "\n")
        fidelity = measure(backbone, EncoderFolder(draft.path, f"{name}-tuned", recipe.hash, card), sample)
        if not fidelity.fp32_worst >= MIN_COSINE:  # so that NaN is refused, too
            shutil.rmtree(draft.path)
            raise TrainingError(
                f"the exported encoder is not the trained network: on {fidelity.photos} photos the worst cosine to "
                f"torch is {fidelity.fp32_worst:.5f}, and {MIN_COSINE} is needed",
                where=str(model),
                mend="Train another backbone; this one does not survive the export",
            )
        draft.about = {
            "check": asdict(fidelity),
            "onnx_sha256": hashlib.sha256(data).hexdigest(),
            "versions": installed("torch", "timm", "onnx", "onnxscript", "openvino"),
        }
    return open_artifact(out, "encoder")


def _two_branches(source: _Source, state: Mapping[str, torch.Tensor]) -> Backbone:
    """Put the tuned last stages beside the ones that training began with."""
    stages = int(source.facts["trained_stages"])
    start = starting_backbone(source.folder, str(source.facts["backbone"]))
    before, after = cut(start, stages), cut(copied(start), stages)
    load_weights(Tail(after), dict(state), str(source.checkpoint))
    return Backbone(start.name, TwoBranches(before, after), start.card, 2 * start.dim)


def measure(backbone: Backbone, folder: EncoderFolder, sample: UInt8Array) -> Fidelity:
    """Compare an encoder, through the runtime that serves, with the network in torch.

    Parameters
    ----------
    sample : uint8 array of shape (n, size_px, size_px, 3), n >= 1, prepared photos
    """
    truth = torch_features(backbone, sample)
    served = OpenVinoEncoder(folder, "fp32", 1).encode(sample)
    worst = float(cosines(truth, served).min())
    if choose_precision("auto") != "bf16":
        return Fidelity(len(sample), worst)
    rounded = OpenVinoEncoder(folder, "bf16", 1).encode(sample)
    near = cosines(truth, rounded)
    return Fidelity(len(sample), worst, float(near.mean()), float(near.min()), overlap(served, rounded))


def torch_features(backbone: Backbone, sample: UInt8Array) -> Float32Array:
    """Run the network in torch: float32, eval mode; (n, size, size, 3) gives (n, dim)."""
    backbone.network.eval()
    parts: list[Float32Array] = []
    with torch.no_grad():
        for start in range(0, len(sample), _BATCH):
            pixels = torch.from_numpy(sample[start : start + _BATCH])
            parts.append(backbone.network(normalise(pixels, backbone.card)).numpy())
    return np.concatenate(parts)


def cosines(left: Float32Array, right: Float32Array) -> Float32Array:
    """Cosine between each row of `left` and the same row of `right`."""
    return np.einsum("nd,nd->n", unit_rows(left), unit_rows(right))


def overlap(left: Float32Array, right: Float32Array, k: int = _NEIGHBOURS) -> float:
    """Mean share of each row's `k` nearest other rows that `left` and `right` have in common, in [0, 1].

    With k or fewer other rows all of them are near, and the share is 1.
    """
    k = min(k, len(left) - 1)
    if k < 1:
        return 1.0
    shared = [
        len(set(one) & set(other)) / k
        for one, other in zip(_nearest(left, k).tolist(), _nearest(right, k).tolist(), strict=True)
    ]
    return float(np.mean(shared))


def _nearest(features: Float32Array, k: int) -> np.ndarray[tuple[int, int], np.dtype[np.intp]]:
    unit = unit_rows(features)
    scores = unit @ unit.T
    np.fill_diagonal(scores, -np.inf)
    return np.argsort(-scores, axis=1, kind="stable")[:, :k]


def _find_source(model: Path) -> _Source:
    if model.is_file():
        folder = model.parent.parent if model.parent.name == "epochs" else model.parent
        checkpoint, parents = model, {}
    else:
        artifact = open_artifact(model, "model")
        folder, checkpoint, parents = artifact.path, artifact.path / BEST, {"model": artifact.hash}
    try:
        facts: Json = json.loads((folder / FACTS).read_text(encoding="utf-8"))
        with checkpoint.open("rb"):
            return _Source(folder, checkpoint, parents, facts)
    except (OSError, ValueError) as error:
        raise TrainingError(
            "this is no model that Lookalike trained",
            where=str(model),
            mend=f"Name a model folder, or a .ckpt file that lies where it was made, beside {FACTS}",
        ) from error


def _weights_sha256(state: Mapping[str, torch.Tensor]) -> str:
    """Identify the weights themselves: a checkpoint's bytes also hold times."""
    hashed = hashlib.sha256()
    for name in sorted(state):
        hashed.update(f"{name} {tuple(state[name].shape)}".encode())
        hashed.update(state[name].contiguous().numpy().tobytes())
    return hashed.hexdigest()


def _read_sample(source: _Source, card: Preprocess, photos: Path | None) -> UInt8Array:
    root = photos or resolve_root(source.facts["photo_root"], source.folder)
    paths: Sequence[str] = source.facts["sample"]
    read: list[UInt8Array] = []
    for path in paths:
        try:
            read.append(images.prepare(images.read_bytes(root / path), card))
        except PhotoError:  # the model's rejects tell of it
            continue
    if not read:
        raise TrainingError(
            "none of the photos that an export is checked on can be read",
            where=str(root),
            mend="Name the catalogue's photo root with --photos DIR",
        )
    return np.stack(read)
