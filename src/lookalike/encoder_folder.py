"""Which encoders there are: those of the package by name, and folders that `lookalike export` made.

An encoder folder, stock or exported, holds `encoder.onnx` (normalised float32 NCHW in, pooled float32 features
out, dynamic batch), `preprocess.json` and `manifest.json`.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib import resources
from pathlib import Path
from types import MappingProxyType

from lookalike.artifacts import digest, open_artifact
from lookalike.errors import EncoderError
from lookalike.types import Preprocess

STOCK = ("lite0", "lite2")
"""Encoders whose weights are in the package."""
PRESETS: Mapping[str, tuple[str, int]] = MappingProxyType({"fast": ("lite0", 160), "best": ("lite0", 256)})
"""Stock encoders by what they are for, and their image size; see docs/performance.md. A size other than the
stock encoder's own is a multiple of 32, as its own is: only then is the padding in the graph that of the new size."""
ONNX = "encoder.onnx"
_CARD = "preprocess.json"


@dataclass(frozen=True)
class EncoderFolder:
    """Where an encoder lies and what it is, before any weights are loaded."""

    path: Path
    name: str
    hash: str
    card: Preprocess
    generic_dim: int | None = None
    """How many of the features, from the first, are those of the network that no label has tuned; None means all, and
    0 none: the network was tuned whole."""

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
    tuned_whole = "model" in artifact.parents and "generic_dim" not in artifact.config
    return EncoderFolder(path, name, identity, card, 0 if tuned_whole else artifact.config.get("generic_dim"))


def _stock_folder() -> Path:
    return Path(str(resources.files("lookalike"))) / "stock"
