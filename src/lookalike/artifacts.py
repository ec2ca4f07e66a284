"""Artefacts: immutable folders, named by what they were made of, that appear whole or not at all.

`site/head` is a pointer (a symlink) to `site/head.<hash>/`; the hash covers the stage's kind and version, its
configuration and its parents' hashes. Unfinished work lies in `head.<hash>.partial/`, where the same command
finds it again. Time, machine and code version stand in the manifest beside the hash, never in it.
"""

import hashlib
import json
import os
import platform
import re
import shlex
import shutil
import sys
import time
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from filelock import FileLock, Timeout

from lookalike.errors import ArtifactError
from lookalike.files import sync_folder, sync_tree, write_parquet, write_text
from lookalike.types import Json, Reject

TYPE_CHECKING = False
if TYPE_CHECKING:
    import polars as pl

MANIFEST = "manifest.json"
REJECTS = "rejects.parquet"
_SCHEMA = 1
_OURS = re.compile(r"\w+\.[0-9a-f]{16}(\.partial)?")


@dataclass(frozen=True)
class Recipe:
    """What an artefact is made of; two artefacts with equal recipes are interchangeable.

    `version` is the stage's own number: raise it when the stage's code changes what it writes.
    """

    kind: str
    version: int
    config: Mapping[str, object]
    parents: Mapping[str, str] = field(default_factory=dict)

    @property
    def hash(self) -> str:
        """The first 16 hex digits of the sha256 of the recipe's canonical JSON."""
        return digest(
            {
                "schema": _SCHEMA,
                "kind": self.kind,
                "version": self.version,
                "config": dict(self.config),
                "parents": dict(self.parents),
            }
        )


@dataclass(frozen=True)
class Artifact:
    """A finished artefact folder and its manifest."""

    path: Path
    kind: str
    hash: str
    config: Json
    parents: Mapping[str, str]
    counts: Json
    about: Json

    def rejects(self) -> "pl.DataFrame":
        """What this stage left out; empty where it left out nothing."""
        return read_rejects(self.path)


@dataclass
class Draft:
    """An artefact being made: write into `path`, set `counts`, put facts outside the hash into `about`."""

    path: Path
    counts: Json = field(default_factory=dict)
    about: Json = field(default_factory=dict)


def digest(value: object) -> str:
    """Return the first 16 hex digits of the sha256 of a JSON-able value in canonical form."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def find(out: Path, recipe: Recipe) -> Artifact | None:
    """Return the finished artefact of `recipe` and point `out` at it; None where it is still to be made."""
    folder = _folder(out, recipe)
    if not (folder / MANIFEST).is_file():
        return None
    try:
        artifact = open_artifact(folder, recipe.kind)
    except ArtifactError:  # damaged: `create` makes it again in its place
        return None
    if artifact.hash != recipe.hash:
        return None
    _point(out, folder)
    return artifact


@contextmanager
def create(out: Path, recipe: Recipe) -> Generator[Draft]:
    """Make the artefact of `recipe`: work in its partial folder, then publish it under `out` in one step.

    A partial folder left by an interrupted run is handed back as it was, so that the stage can resume.

    Raises
    ------
    ArtifactError
        `out` is something else than an artefact's pointer, or another process is making the same artefact.
    """
    _refuse_foreign(out)
    folder = _folder(out, recipe)
    partial = folder.with_name(folder.name + ".partial")
    partial.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder.with_name(folder.name + ".lock"))
    try:
        lock.acquire(timeout=0)
    except Timeout as error:
        raise ArtifactError(
            f"another process is making this {recipe.kind}",
            where=str(partial),
            mend="Wait for it, or stop it; the work it finished is kept",
        ) from error
    try:
        draft = Draft(partial)
        started = time.perf_counter()
        yield draft
        manifest = {
            "schema": _SCHEMA,
            "kind": recipe.kind,
            "version": recipe.version,
            "hash": recipe.hash,
            "config": dict(recipe.config),
            "parents": dict(recipe.parents),
            "counts": draft.counts,
            "about": {
                "command": typed_command(),
                "created": datetime.now(UTC).isoformat(timespec="seconds"),
                "seconds": round(time.perf_counter() - started, 3),
                "machine": f"{platform.machine()}, {os.cpu_count()} cores, {platform.system()}",
                "lookalike": version("lookalike"),
                "python": platform.python_version(),
                **draft.about,
            },
        }
        write_text(partial / MANIFEST, json.dumps(manifest, indent=2, ensure_ascii=False, default=str) + "\n")
        if folder.exists():  # unreadable leftovers of the same recipe: `find` did not take them
            shutil.rmtree(folder)
        sync_tree(partial)
        partial.replace(folder)
        sync_folder(folder.parent)
        _point(out, folder)
    finally:
        if partial.is_dir() and not any(partial.iterdir()):
            partial.rmdir()  # it failed before it began: nothing to resume
        lock.release()
        Path(lock.lock_file).unlink(missing_ok=True)


def open_artifact(path: Path, kind: str) -> Artifact:
    """Read an artefact and check that it is what was asked for.

    Raises
    ------
    ArtifactError
        Nothing there, no readable manifest, another kind, or a newer schema than this version reads.
    """
    if not path.exists():
        unfinished = sorted(path.parent.glob(f"{path.name}.*.partial")) if path.parent.is_dir() else []
        mend = "Run the same command again; it resumes" if unfinished else f"Run the stage that makes the {kind} first"
        raise ArtifactError(f"there is no {kind} here", where=str(path), mend=mend)
    try:
        manifest: Json = json.loads((path / MANIFEST).read_text(encoding="utf-8"))
        artifact = Artifact(
            path=path.resolve(),
            kind=manifest["kind"],
            hash=manifest["hash"],
            config=manifest["config"],
            parents=manifest["parents"],
            counts=manifest["counts"],
            about=manifest["about"],
        )
        schema = int(manifest["schema"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ArtifactError(
            f"this folder has no readable {MANIFEST}",
            where=str(path),
            mend=f"Make the {kind} again, elsewhere or here",
        ) from error
    if schema > _SCHEMA:
        raise ArtifactError(
            f"its schema is {schema}, this Lookalike reads up to {_SCHEMA}",
            where=str(path),
            mend="Upgrade Lookalike",
        )
    if artifact.kind != kind:
        raise ArtifactError(f"this is a {artifact.kind}, not a {kind}", where=str(path), mend=f"Name the {kind} folder")
    return artifact


def write_rejects(folder: Path, rejects: Sequence[Reject]) -> None:
    """Write `rejects.parquet` with its fixed columns, also where nothing was left out."""
    import polars as pl  # here and below: who serves opens artefacts, and never a table

    frame = pl.DataFrame([asdict(reject) for reject in rejects], schema=_reject_columns())
    write_parquet(folder / REJECTS, frame)


def read_rejects(folder: Path) -> "pl.DataFrame":
    """Read `rejects.parquet`; a stage that writes none has none."""
    import polars as pl

    file = folder / REJECTS
    return pl.read_parquet(file) if file.is_file() else pl.DataFrame(schema=_reject_columns())


def _reject_columns() -> "pl.Schema":
    import polars as pl

    names = {"table": pl.String, "row": pl.Int64, "id": pl.String}
    return pl.Schema({**names, "stage": pl.String, "reason": pl.String, "detail": pl.String})


def relative_root(root: Path, base: Path) -> Json:
    """Describe a folder so that it is found again when it moves along with `base`, or when it stays."""
    return {"absolute": str(root.resolve()), "relative": os.path.relpath(root.resolve(), base.resolve())}


def resolve_root(described: Mapping[str, str], base: Path) -> Path:
    """Undo `relative_root`: the relative place if there is a folder, else the absolute one."""
    relative = Path(os.path.normpath(base.resolve() / described["relative"]))
    return relative if relative.is_dir() else Path(described["absolute"])


def _folder(out: Path, recipe: Recipe) -> Path:
    return out.with_name(f"{out.name}.{recipe.hash}")


def _refuse_foreign(out: Path) -> None:
    if out.exists() and not out.is_symlink():
        raise ArtifactError(
            "this already exists and is not Lookalike's to replace",
            where=str(out),
            mend="Choose another output name",
        )


def _point(out: Path, folder: Path) -> None:
    _refuse_foreign(out)
    if out.is_symlink() and out.readlink() == Path(folder.name):
        return
    temporary = out.with_name(f"{out.name}.{os.getpid()}.pointer")
    temporary.unlink(missing_ok=True)
    temporary.symlink_to(folder.name, target_is_directory=True)
    temporary.replace(out)
    sync_folder(out.parent)


def prune(folder: Path) -> list[Path]:
    """Remove the artefacts and unfinished work in a folder that no plain name points at; return what was removed."""
    named = {link.readlink().name for link in folder.iterdir() if link.is_symlink()}
    unnamed = [
        path
        for path in sorted(folder.iterdir())
        if path.is_dir() and not path.is_symlink() and path.name not in named and _OURS.fullmatch(path.name)
    ]
    for path in unnamed:
        shutil.rmtree(path)
    return unnamed


def installed(*packages: str) -> dict[str, str]:
    """Versions of installed packages, for a manifest's `about`."""
    found: dict[str, str] = {}
    for package in packages:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def typed_command(argv: Sequence[str] | None = None) -> str:
    """Return this process's command line (or `argv`) as it would be typed, the program by its bare name."""
    given = sys.argv if argv is None else argv
    return shlex.join([Path(given[0]).name, *given[1:]]) if given else "unknown"
