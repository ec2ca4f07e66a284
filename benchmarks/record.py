"""Keeps what a benchmark measured in `benchmarks/results/`, with machine, date and versions."""

import json
import os
import platform
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from lookalike.artifacts import installed

_FOLDER = Path(__file__).resolve().parent / "results"


def keep(name: str, measured: Mapping[str, object]) -> Path:
    """Write one run's JSON file and return where it lies."""
    _FOLDER.mkdir(exist_ok=True)
    now = datetime.now(UTC)
    told = {
        "benchmark": name,
        "date": now.isoformat(timespec="seconds"),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "versions": installed("lookalike", "openvino", "numpy", "torch", "timm", "pillow", "simplejpeg"),
        **measured,
    }
    file = _FOLDER / f"{now:%Y-%m-%d}-{platform.machine()}-{os.cpu_count()}cores-{name}.json"
    file.write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")
    return file
