"""The encoder: an ONNX file and its preprocess card, run by OpenVINO.

An encoder folder, stock or exported, holds `encoder.onnx` (normalised float32 NCHW in, pooled float32 features
out, dynamic batch), `preprocess.json` and `manifest.json`.
"""

import json
import os
import queue
import sys
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib import resources
from pathlib import Path
from types import MappingProxyType
from typing import Protocol

import numpy as np

# Importing OpenVINO sends a usage event to its makers; where this module cannot be imported it uses a stub of its own.
sys.modules["openvino_telemetry"] = None  # pyright: ignore[reportArgumentType]
# Its model converter, which nothing here uses, takes as long to import as the runtime; it counts as optional there.
sys.modules["openvino.tools.ovc"] = None  # pyright: ignore[reportArgumentType]

import openvino as ov
from openvino.preprocess import PrePostProcessor

from lookalike.artifacts import digest, open_artifact
from lookalike.batching import Together
from lookalike.errors import EncoderError
from lookalike.types import Float32Array, Preprocess, UInt8Array

STOCK = ("lite0", "lite2")
"""Encoders whose weights are in the package."""
PRESETS: Mapping[str, tuple[str, int]] = MappingProxyType({"fast": ("lite0", 160), "best": ("lite2", 260)})
"""Stock encoders by what they are for, and their image size; see docs/performance.md. A size other than the
stock encoder's own is a multiple of 32, as its own is: only then is the padding in the graph that of the new size."""
_ONNX = "encoder.onnx"
_CARD = "preprocess.json"
_MICRO_BATCH = 4
"""Photos a call: more fall out of the processor's cache (measured, docs/experiments.md)."""


class Encoder(Protocol):
    """Turns prepared photos into features; a fake fits in eight lines."""

    @property
    def name(self) -> str:
        """A short name for people."""
        ...

    @property
    def hash(self) -> str:
        """Identity of weights and preprocessing; a collection refuses queries from another one."""
        ...

    @property
    def dim(self) -> int:
        """Width of the features."""
        ...

    @property
    def generic_dim(self) -> int:
        """How many of the features, from the first, are of a network that no label has tuned; usually all."""
        ...

    @property
    def card(self) -> Preprocess:
        """How a photo becomes this encoder's input."""
        ...

    @property
    def precision(self) -> str:
        """Arithmetic that is really used: `bf16` or `fp32`."""
        ...

    def encode(self, images: UInt8Array) -> Float32Array:
        """Turn uint8 RGB of shape (n, size_px, size_px, 3) into float32 features of shape (n, dim); thread-safe."""
        ...


@dataclass(frozen=True)
class EncoderFolder:
    """Where an encoder lies and what it is, before any weights are loaded."""

    path: Path
    name: str
    hash: str
    card: Preprocess
    generic_dim: int | None = None
    """How many of the features, from the first, are those of the network that no label has tuned; None means all."""

    @property
    def source(self) -> dict[str, str] | None:
        """`{"stock": name}` for an encoder of the package, else None."""
        return {"stock": self.name} if self.path.parent == _stock_folder() else None


def find_encoder(spec: str | Path) -> EncoderFolder:
    """Find an encoder by stock name (`lite0`, `lite2`), preset (`fast`, `best`) or folder, and read its card.

    Raises
    ------
    EncoderError
        No such encoder, or its card asks for preprocessing that this version does not do.
    ArtifactError
        The folder holds something else.
    """
    stock, size_px = PRESETS.get(str(spec), (str(spec), None))
    path = _stock_folder() / stock if stock in STOCK else Path(spec)
    if not path.is_dir():
        raise EncoderError(
            f"there is no encoder called {Path(spec).name!r}",
            where=str(spec),
            mend=f"Use {', '.join((*STOCK, *PRESETS))}, or the folder that `lookalike export` made",
        )
    artifact = open_artifact(path, "encoder")
    try:
        card = Preprocess.from_json(json.loads((path / _CARD).read_text(encoding="utf-8")))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise EncoderError(
            f"the encoder's {_CARD} cannot be used ({error})", where=str(path), mend="Export the encoder again"
        ) from error
    name, identity = str(artifact.config.get("name", path.name)), artifact.hash
    if size_px is not None:
        name = str(spec)
        if size_px != card.size_px:
            card = replace(card, size_px=size_px)
            identity = digest([identity, card.to_json()])
    return EncoderFolder(path, name, identity, card, artifact.config.get("generic_dim"))


def load_encoder(spec: str | Path, *, precision: str = "auto", requests: int | None = None) -> "OpenVinoEncoder":
    """Load an encoder.

    Parameters
    ----------
    spec : `lite0`, `lite2`, `fast`, `best` or a folder
    precision : "auto", "bf16" or "fp32"
        `auto` takes bf16 only where the processor lists it among its capabilities: forced elsewhere it is slower than
        fp32, or an exception.
    requests : int, optional
        Infer requests in the pool, that is, calls that can be under way at once; default one per core.
    """
    folder = find_encoder(spec)
    chosen = choose_precision(precision)
    return OpenVinoEncoder(folder, chosen, requests or os.cpu_count() or 1)


def choose_precision(wanted: str) -> str:
    """Settle `auto`, and refuse bf16 where the processor does not have it.

    Raises
    ------
    EncoderError
        bf16 was asked for and is not there, or the word is unknown.
    """
    native = "BF16" in ov.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    if wanted == "auto":
        return "bf16" if native else "fp32"
    if wanted not in ("bf16", "fp32"):
        raise EncoderError(f"precision {wanted!r} is unknown", mend="Use auto, bf16 or fp32")
    if wanted == "bf16" and not native:
        raise EncoderError("this processor has no native bf16", mend="Use --precision auto or fp32")
    return wanted


def encode(encoder: Encoder, images: UInt8Array, *, flip: bool = False) -> Float32Array:
    """Encode prepared photos; with `flip` each one's features are the mean of its own and its mirror image's."""
    features = encoder.encode(images)
    if not flip:
        return features
    return (features + encoder.encode(np.ascontiguousarray(images[:, :, ::-1]))) * np.float32(0.5)


class OpenVinoEncoder:
    """An encoder on the CPU.

    A compiled OpenVINO model must not be called from several threads: it gives errors, or another photo's vector. Each
    call takes an infer request of its own from a pool, and copies what comes out of it. Single photos that several
    threads hand in at the same time go through the network together, which is faster than beside each other.
    """

    def __init__(self, folder: EncoderFolder, precision: str, requests: int) -> None:
        self.name = folder.name
        self.hash = folder.hash
        self.card = folder.card
        self.precision = precision
        self._compiled = _compile(folder, precision)
        self.dim = int(self._compiled.output(0).partial_shape[1].get_length())
        self.generic_dim = folder.generic_dim or self.dim
        self._one = Together[UInt8Array, Float32Array](
            lambda photos: list(self._encode(np.stack(photos))), _MICRO_BATCH
        )
        self._free: queue.LifoQueue[ov.InferRequest] = queue.LifoQueue()
        for _ in range(requests):
            self._free.put(self._compiled.create_infer_request())

    def encode(self, images: UInt8Array) -> Float32Array:
        """Turn prepared photos into features.

        Parameters
        ----------
        images : uint8 array of shape (n, size_px, size_px, 3), RGB
            n may be 0.

        Returns
        -------
        float32 array of shape (n, dim)

        Raises
        ------
        ValueError
            Another shape or dtype.
        EncoderError
            The runtime failed, or gave numbers that are not finite.
        """
        size = self.card.size_px
        if images.dtype != np.uint8 or images.shape[1:] != (size, size, 3):
            raise ValueError(f"images must be uint8 of shape (n, {size}, {size}, 3), not {images.dtype} {images.shape}")
        return self._one(images[0])[None] if len(images) == 1 else self._encode(images)

    def _encode(self, images: UInt8Array) -> Float32Array:
        features = np.empty((len(images), self.dim), dtype=np.float32)
        with self._request() as request:
            for start in range(0, len(images), _MICRO_BATCH):
                batch = np.ascontiguousarray(images[start : start + _MICRO_BATCH])
                try:
                    request.infer({0: batch}, share_inputs=True)
                except RuntimeError as error:
                    raise EncoderError(f"the encoder {self.name} failed at inference ({error})") from error
                features[start : start + len(batch)] = request.get_output_tensor(0).data
        if not np.isfinite(features).all():
            raise EncoderError(
                f"the encoder {self.name} gave features that are not finite",
                mend="Try --precision fp32; if that helps not, export the encoder again",
            )
        return features

    @contextmanager
    def _request(self) -> Generator[ov.InferRequest]:
        request = self._free.get()
        try:
            yield request
        finally:
            self._free.put(request)


def _compile(folder: EncoderFolder, precision: str) -> ov.CompiledModel:
    core = ov.Core()
    try:
        model = core.read_model(folder.path / _ONNX)
        model.reshape([-1, 3, folder.card.size_px, folder.card.size_px])
        compiled = core.compile_model(
            _with_preprocessing(model, folder.card),
            "CPU",
            {
                "PERFORMANCE_HINT": "LATENCY",
                "INFERENCE_PRECISION_HINT": "bf16" if precision == "bf16" else "f32",
            },
        )
    except RuntimeError as error:
        raise EncoderError(
            f"the encoder {folder.name} cannot be loaded",
            where=str(folder.path / _ONNX),
            mend="Export it again, or use lite0",
        ) from error
    return compiled


def _with_preprocessing(model: ov.Model, card: Preprocess) -> ov.Model:
    """Let the graph take uint8 NHWC and normalise inside: a quarter of the bytes to move, and no float copies."""
    wrapped = PrePostProcessor(model)
    wrapped.input().tensor().set_element_type(ov.Type.u8).set_layout(ov.Layout("NHWC")).set_shape(
        ov.PartialShape([-1, card.size_px, card.size_px, 3])
    )
    wrapped.input().preprocess().convert_element_type(ov.Type.f32).mean([value * 255 for value in card.mean]).scale(
        [value * 255 for value in card.std]
    )
    wrapped.input().model().set_layout(ov.Layout("NCHW"))
    return wrapped.build()


def _stock_folder() -> Path:
    return Path(str(resources.files("lookalike"))) / "stock"
