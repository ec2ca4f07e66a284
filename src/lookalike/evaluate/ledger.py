"""The ledger of the test part: every look at it makes the next figure less honest, so each is written down."""

import json
import os
import subprocess
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from lookalike.artifacts import typed_command
from lookalike.files import read_json_lines
from lookalike.types import Json


def append_use(ledger: Path, entry: Mapping[str, object]) -> None:
    """Add one line of JSON, in a single write that is flushed to disk.

    A last line that a crash cut short is closed first, so that it spoils nothing but itself.
    """
    line = json.dumps(dict(entry), ensure_ascii=False, default=str) + "\n"
    torn = ledger.is_file() and not ledger.read_bytes().endswith(b"\n") and ledger.stat().st_size > 0
    descriptor = os.open(ledger, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    try:
        os.write(descriptor, (("\n" if torn else "") + line).encode())
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def read_uses(ledger: Path, *, split: str | None = None) -> list[Json]:
    """Read the ledger, oldest first; empty where there is none.

    Parameters
    ----------
    ledger : path
    split : hash of a split, optional
        Only the uses of this split's test part; a line that cannot be read counts as one, to be on the safe side.

    Returns
    -------
    One dictionary per line; `{"unreadable": line}` for a damaged one.
    """
    return [use for use in read_json_lines(ledger) if split is None or use.get("split", split) == split]


def new_use(evaluation: str, split: str, figures: Mapping[str, float | None]) -> Json:
    """Describe a use that happens now: when, by which code and command, and what it showed."""
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": code_commit(Path(__file__).resolve().parent),
        "version": version("lookalike"),
        "evaluation": evaluation,
        "split": split,
        "command": typed_command(),
        "figures": dict(figures),
    }


def code_commit(folder: Path) -> str:
    """Return the git commit of the code in a folder, with `-dirty` behind it where files were changed.

    `unknown` where there is no git, or where the folder is not part of the repository around it (an installed package).
    """
    if _git(folder, "ls-files", "--error-unmatch", Path(__file__).name) is None:
        return "unknown"
    return _git(folder, "describe", "--always", "--dirty", "--abbrev=40", "--exclude", "*") or "unknown"


def _git(folder: Path, *arguments: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *arguments], capture_output=True, text=True, timeout=10, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
