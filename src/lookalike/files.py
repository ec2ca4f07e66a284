"""Files are written whole or not at all, and flushed to disk before they take another's place; JSON lines are read."""

import json
import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

TYPE_CHECKING = False
if TYPE_CHECKING:
    import polars as pl  # to load it takes a tenth of a server's start, and a server writes no tables


def write_parquet(file: Path, frame: "pl.DataFrame") -> None:
    """Write a Parquet file whole or not at all."""
    with replacing(file) as temporary:
        frame.write_parquet(temporary)


def write_text(file: Path, text: str) -> None:
    """Write a text file whole or not at all."""
    write_bytes(file, text.encode())


def write_bytes(file: Path, data: bytes) -> None:
    """Write a file whole or not at all."""
    with replacing(file) as temporary:
        temporary.write_bytes(data)


@contextmanager
def replacing(file: Path) -> Generator[Path]:
    """Yield a path to write to; what was written there takes the file's place when all went well."""
    temporary = file.with_name(file.name + ".tmp")
    try:
        yield temporary
        _sync(temporary)
        temporary.replace(file)
    finally:
        temporary.unlink(missing_ok=True)


def read_json_lines(file: Path) -> list[dict[str, Any]]:
    """Read JSON objects, one a line; none where there is no file, `{"unreadable": line}` for a damaged one."""
    if not file.is_file():
        return []
    lines = file.read_text(encoding="utf-8", errors="replace").splitlines()
    return [_parsed(line) for line in lines if line.strip()]


def _parsed(line: str) -> dict[str, Any]:
    try:
        entry = json.loads(line)
    except ValueError:
        return {"unreadable": line}
    return entry if isinstance(entry, dict) else {"unreadable": line}


def sync_tree(folder: Path) -> None:
    """Flush every file of a folder to disk, so that a published artefact survives a power cut."""
    for file in folder.rglob("*"):
        if file.is_file():
            _sync(file)
    sync_folder(folder)


def sync_folder(folder: Path) -> None:
    """Flush a folder's own entries to disk."""
    _sync(folder)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
