"""The encoder: turns prepared photos into features; an ONNX file and its preprocess card, run by OpenVINO."""

import os
import queue
import sys
import threading
import time
from collections.abc import Generator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Protocol

import numpy as np

# Importing OpenVINO sends a usage event to its makers; where this module cannot be imported it uses a stub of its own.
sys.modules["openvino_telemetry"] = None  # pyright: ignore[reportArgumentType]
# Its model converter, which nothing here uses, takes as long to import as the runtime; it counts as optional there.
sys.modules["openvino.tools.ovc"] = None  # pyright: ignore[reportArgumentType]

import openvino as ov
from openvino.preprocess import PrePostProcessor

from lookalike.cores import cores
from lookalike.encoder_folder import ONNX, EncoderFolder, find_encoder
from lookalike.errors import EncoderError
from lookalike.types import Float32Array, Preprocess, UInt8Array

# OpenVINO sets up its types for NumPy when they are first used; two threads that came first at once waited for ever,
# one for the interpreter's lock and one for that of the set-up. An import has one thread.
_SET_UP = (ov.Type.u8.to_dtype(), ov.Tensor(np.zeros(1, np.uint8), shared_memory=True).data)

MICRO_BATCH = 4
"""Photos that one thread takes at a time: more fall out of the processor's cache (measured, docs/experiments.md)."""
_STREAM_PHOTOS = {"bf16": MICRO_BATCH, "fp32": 1}
"""Photos that a stream takes in one go of the network: in fp32 one after the other is quicker."""
_STREAM_CORES = 4
"""Most cores that share a photo when many run at once: it does not keep more of them busy."""
_COMPANY_S = 0.05
"""So long after two calls were under way at once, one that is alone counts as having company: it soon will."""


@dataclass(frozen=True)
class _Network:
    """A compiled network's free infer requests, and how many photos each takes at most: one, or up to so many."""

    free: queue.LifoQueue[ov.InferRequest]
    photos: int


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
        """How many features, from the first, are of a network that no label has tuned; 0 where it was tuned whole."""
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


def load_encoder(spec: str | Path, *, precision: str = "auto", requests: int | None = None) -> "OpenVinoEncoder":
    """Load an encoder.

    Parameters
    ----------
    spec : `lite0`, `lite2`, `fast`, `best` or a folder
    precision : "auto", "bf16" or "fp32"
        `auto` takes bf16 only where the processor lists it among its capabilities: forced elsewhere it is slower than
        fp32, or an exception.
    requests : int, optional
        Calls with the whole network that can be under way at once, until the streams are compiled; default one a core.

    Raises
    ------
    ArtifactError, EncoderError
        There is no such encoder, it cannot be read, or the processor has no bf16.
    """
    return OpenVinoEncoder(find_encoder(spec), choose_precision(precision), requests or cores())


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


def streams(cores_here: int) -> int:
    """Calls that are best under way at once where there is much to encode: two, or one for every four cores."""
    return max(min(2, cores_here), cores_here // _STREAM_CORES)


class OpenVinoEncoder:
    """An encoder on the CPU.

    A compiled OpenVINO model must not be called from several threads: it gives errors, or another photo's vector. Each
    call takes an infer request of its own from a pool, and copies what comes out of it. The network is compiled for one
    photo, which is quicker than for any number; and once more for the streams, when they are first needed: where four
    at once are quicker than one by one, for any number (docs/experiments.md).

    A call of up to four photos that is alone has all cores. One in company (another is under way, or just was) has a
    stream's share of them, half of up to 11 cores and four or five of more, since threads that share one photo mostly
    wait for each other; many photos go through all streams at once. On a single core there is but the one network.
    """

    def __init__(self, folder: EncoderFolder, precision: str, requests: int) -> None:
        self.name = folder.name
        self.hash = folder.hash
        self.card = folder.card
        self.precision = precision
        self._model = _read(folder)
        fewer = cores() < (os.cpu_count() or 1)  # OpenVINO knows nothing of a control group's quota
        alone = {"PERFORMANCE_HINT": "LATENCY"} | ({"INFERENCE_NUM_THREADS": cores()} if fewer else {})
        compiled = _compile(self._model, folder, precision, alone, photos=1)
        self.dim = int(compiled.output(0).partial_shape[1].get_length())
        self.generic_dim = self.dim if folder.generic_dim is None else folder.generic_dim
        self._whole = _network(compiled, requests, photos=1)
        self._streams: _Network | None = None
        self._mutex, self._compiling = threading.Lock(), threading.Lock()
        self._small = 0  # calls of up to MICRO_BATCH photos under way
        self._company_until = 0.0
        self._folder = folder
        self._count = streams(cores())

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
        if len(images) > MICRO_BATCH and self._count > 1:
            network = self._in_streams()
            parts = [images[start : start + MICRO_BATCH] for start in range(0, len(images), MICRO_BATCH)]
            with ThreadPoolExecutor(self._count, "encode") as threads:
                return np.concatenate(list(threads.map(partial(self._encode, network=network), parts)))
        with self._mutex:
            self._small += 1
            alone = not self._note_company()
        try:
            return self._encode(images, self._whole if alone else self._in_streams())
        finally:
            with self._mutex:
                self._note_company()
                self._small -= 1

    def _note_company(self) -> bool:  # whether more calls are under way than one, or just were
        now = time.monotonic()
        if self._small > 1:
            self._company_until = now + _COMPANY_S
        return now < self._company_until

    def _in_streams(self) -> _Network:
        if self._count > 1 and self._streams is None and self._compiling.acquire(blocking=False):
            try:
                settings = {"NUM_STREAMS": self._count, "INFERENCE_NUM_THREADS": cores()}
                photos = _STREAM_PHOTOS[self.precision]
                compiled = _compile(self._model, self._folder, self.precision, settings, photos=photos)
                self._streams = _network(compiled, self._count, photos=photos)
            finally:
                self._compiling.release()
        return self._whole if self._streams is None else self._streams  # nobody waits for somebody else's compiling

    def _encode(self, images: UInt8Array, network: _Network) -> Float32Array:
        features = np.empty((len(images), self.dim), dtype=np.float32)
        with _lent(network.free) as request:
            for start in range(0, len(images), network.photos):
                some = slice(start, start + network.photos)
                try:
                    request.infer({0: np.ascontiguousarray(images[some])}, share_inputs=True)
                except RuntimeError as error:
                    raise EncoderError(f"the encoder {self.name} failed at inference ({error})") from error
                features[some] = request.get_output_tensor(0).data
        if not np.isfinite(features).all():
            mend = "Try --precision fp32; if that helps not, export the encoder again"
            raise EncoderError(f"the encoder {self.name} gave features that are not finite", mend=mend)
        return features


def _network(compiled: ov.CompiledModel, requests: int, *, photos: int) -> _Network:
    free = queue.LifoQueue[ov.InferRequest]()
    for _ in range(requests):
        free.put(compiled.create_infer_request())
    return _Network(free, photos)


@contextmanager
def _lent(free: queue.LifoQueue[ov.InferRequest]) -> Generator[ov.InferRequest]:
    request = free.get()
    try:
        yield request
    finally:
        free.put(request)


def _read(folder: EncoderFolder) -> ov.Model:
    try:
        model = ov.Core().read_model(folder.path / ONNX)
        model.reshape([-1, 3, folder.card.size_px, folder.card.size_px])
        return _with_preprocessing(model, folder.card)
    except RuntimeError as error:
        raise _unusable(folder) from error


def _compile(
    model: ov.Model, folder: EncoderFolder, precision: str, settings: Mapping[str, str | int], *, photos: int
) -> ov.CompiledModel:
    hint = {"INFERENCE_PRECISION_HINT": "bf16" if precision == "bf16" else "f32"}
    try:
        if photos == 1:
            model = model.clone()
            model.reshape([1, folder.card.size_px, folder.card.size_px, 3])
        return ov.Core().compile_model(model, "CPU", {**settings, **hint})
    except RuntimeError as error:
        raise _unusable(folder) from error


def _unusable(folder: EncoderFolder) -> EncoderError:
    return EncoderError(
        f"the encoder {folder.name} cannot be loaded",
        where=str(folder.path / ONNX),
        mend="Export it again, or use lite0",
    )


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
