"""Networks to ONNX and back: one file that holds the graph and, by their own names, the trained weights."""

import contextlib
import io
import logging
from collections.abc import Generator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
import torch
from onnx import numpy_helper
from onnxscript import optimizer

from lookalike.errors import TrainingError
from lookalike.types import Float32Array

OPSET = 20
_HALF_SUFFIX = "_half"


def to_onnx(network: torch.nn.Module, size_px: int, *, half: bool = False) -> bytes:
    """Export a network that gives pooled features.

    Parameters
    ----------
    network : torch.nn.Module
        Maps float32 (n, 3, size_px, size_px), already normalised, to float32 (n, d). Left in eval mode.
    size_px : int
        Height and width of the input.
    half : bool
        Store weights of two or more dimensions as float16, cast up to float32 in the graph: half the file, and the
        arithmetic stays float32. Vectors (batch normalisation, biases) stay float32.

    Returns
    -------
    bytes
        An ONNX model: input `images`, output `features`, the batch dynamic. Batch normalisation is not folded into
        the convolutions, and initialisers keep the names of the network's state, so that `read_weights` can undo
        this. The same network gives the same bytes; nothing in them tells of the machine.

    Raises
    ------
    TrainingError
        The exporter cannot follow the network.
    """
    network.eval()
    example = torch.zeros(2, 3, size_px, size_px)
    try:
        with _quiet(), torch.no_grad():
            program = torch.onnx.export(
                network,
                (example,),
                dynamo=True,
                input_names=["images"],
                output_names=["features"],
                dynamic_shapes=({0: torch.export.Dim("batch")},),
                opset_version=OPSET,
                optimize=False,  # it would fold batch normalisation away
                verbose=False,
            )
    except torch.onnx.OnnxExporterError as error:
        raise TrainingError(
            "this network cannot be exported to ONNX", where=type(network).__name__, mend="Train another backbone"
        ) from error
    if program is None:
        raise TrainingError("the exporter returned nothing", where=type(network).__name__)
    optimizer.fold_constants(program.model)
    optimizer.remove_unused_nodes(program.model)
    model = program.model_proto
    _strip(model)
    if half:
        _halve(model)
    onnx.checker.check_model(model, full_check=True)
    return model.SerializeToString(deterministic=True)


def read_weights(file: Path) -> dict[str, Float32Array]:
    """Read the weights that `to_onnx` wrote, as float32, by their names in the network's state."""
    model = onnx.load_from_string(file.read_bytes())
    arrays: dict[str, npt.NDArray[np.generic]] = {
        tensor.name.removesuffix(_HALF_SUFFIX): numpy_helper.to_array(tensor) for tensor in model.graph.initializer
    }
    return {name: array.astype(np.float32) for name, array in arrays.items() if array.dtype.kind == "f"}


@contextlib.contextmanager
def _quiet() -> Generator[None]:
    """Keep the exporter's progress off the terminal; what goes wrong comes as an exception."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            yield
    finally:
        logger.setLevel(level)


def _strip(model: onnx.ModelProto) -> None:
    """Take out what tells of the machine: stack traces with paths, and the exporter's own notes."""
    graph = model.graph
    for part in (model, graph, *model.functions, *graph.node, *graph.input, *graph.output, *graph.value_info):
        part.ClearField("doc_string")
        part.ClearField("metadata_props")
    for tensor in graph.initializer:
        tensor.ClearField("doc_string")
        tensor.ClearField("metadata_props")
    graph.ClearField("value_info")
    for index, node in enumerate(graph.node):
        node.name = f"{node.op_type}_{index}"
    graph.name = "encoder"
    model.producer_name = "lookalike"
    model.producer_version = ""


def _halve(model: onnx.ModelProto) -> None:
    casts: list[onnx.NodeProto] = []
    for tensor in model.graph.initializer:
        if tensor.data_type != onnx.TensorProto.FLOAT or len(tensor.dims) < 2:
            continue
        name = tensor.name
        halved = numpy_helper.to_array(tensor).astype(np.float16)
        tensor.CopyFrom(numpy_helper.from_array(halved, name + _HALF_SUFFIX))
        casts.append(
            onnx.helper.make_node("Cast", [tensor.name], [name], name=f"Cast_{name}", to=onnx.TensorProto.FLOAT)
        )
    nodes = [*casts, *model.graph.node]
    model.graph.ClearField("node")
    model.graph.node.extend(nodes)
