"""The photo folder: which files there are, which one a row means, and whether anything changed."""

import hashlib
import json
import os
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from lookalike.artifacts import MANIFEST
from lookalike.errors import SourceError

_PHOTO_SUFFIXES = frozenset({".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".gif"})


@dataclass(frozen=True, slots=True)
class FileStamp:
    """What tells an unchanged file: its size in bytes and its modification time in nanoseconds."""

    size: int
    mtime_ns: int


@dataclass(frozen=True, slots=True)
class Found:
    """The file that a row means (`path`, relative to the photo root), or the reason why there is none."""

    path: str | None
    reason: str = ""
    detail: str = ""


def list_files(root: Path, *, leave_out: Iterable[Path] = ()) -> dict[str, FileStamp]:
    """List every file below a folder by relative path with forward slashes, sorted.

    Hidden files and Lookalike's own artefacts are passed over; links are followed.

    Parameters
    ----------
    root : path
    leave_out : paths
        Files and folders that are no photos, such as the table itself.

    Raises
    ------
    SourceError
        The folder does not exist or cannot be read.
    """
    if not root.is_dir():
        raise SourceError("there is no such photo folder", where=str(root), mend="Name it with --photos")
    left_out = frozenset(str(path.resolve()) for path in leave_out)
    return dict(sorted(_walk(root.resolve(), "", frozenset(), left_out)))


def _walk(
    folder: Path, prefix: str, above: frozenset[tuple[int, int]], left_out: frozenset[str]
) -> Iterator[tuple[str, FileStamp]]:
    try:
        here = folder.stat()
        entries = list(os.scandir(folder))
    except OSError as error:
        raise SourceError(
            f"a folder of photos cannot be read ({error.strerror})", where=str(folder), mend="Check its permissions"
        ) from error
    identity = (here.st_dev, here.st_ino)
    if identity in above or _is_artifact(folder, entries):  # a link that leads back up
        return
    for entry in entries:
        if entry.name.startswith(".") or entry.path in left_out:
            continue
        if entry.is_dir():
            yield from _walk(Path(entry.path), f"{prefix}{entry.name}/", above | {identity}, left_out)
        else:
            yield f"{prefix}{entry.name}", _stamp(entry)


def _is_artifact(folder: Path, entries: Iterable[os.DirEntry[str]]) -> bool:
    if not any(entry.name == MANIFEST and entry.is_file() for entry in entries):
        return False
    try:
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(manifest, dict) and {"schema", "kind", "hash", "parents"} <= set(manifest)


def _stamp(entry: os.DirEntry[str]) -> FileStamp:
    try:
        found = entry.stat()
    except OSError:  # a dangling link: reading it will say `missing`
        return FileStamp(0, 0)
    return FileStamp(found.st_size, found.st_mtime_ns)


def fingerprint(files: Mapping[str, FileStamp]) -> str:
    """Digest paths, sizes and times: equal as long as no file was added, removed, renamed or written."""
    total = hashlib.sha256()
    for path, stamp in files.items():
        total.update(f"{path}\0{stamp.size}\0{stamp.mtime_ns}\n".encode(errors="surrogateescape"))
    return total.hexdigest()[:16]


def content_fingerprint(root: Path, paths: Iterable[str]) -> str:
    """Digest paths and bytes; an unreadable file counts by its path alone."""
    total = hashlib.sha256()
    for path in paths:
        try:
            with (root / path).open("rb") as file:
                content = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError:
            content = ""
        total.update(f"{path}\0{content}\n".encode(errors="surrogateescape"))
    return total.hexdigest()[:16]


class PhotoFolder:
    """Finds the file that a table's value means: with or without extension, with or without folder."""

    def __init__(self, root: Path, paths: Iterable[str]) -> None:
        self.root = root
        self.paths = frozenset(paths)
        self._by_stem: dict[str, list[str]] = defaultdict(list)
        self._by_name: dict[str, list[str]] = defaultdict(list)
        self._by_name_stem: dict[str, list[str]] = defaultdict(list)
        for path in sorted(self.paths):
            pure = PurePosixPath(path)
            self._by_stem[_stem(path)].append(path)
            self._by_name[pure.name].append(path)
            self._by_name_stem[_stem(pure.name)].append(path)

    def find(self, value: str) -> Found:
        """Find the photo file for an id or path.

        The first of these that gives a file counts: the very path; the path with any extension; the path with another
        extension than it says; the bare file name anywhere below the root, likewise. Of several files in one step the
        only one with a photo's extension counts, else none (`ambiguous_file`).

        Returns
        -------
        Found
            With `reason` `outside_root`, `missing` or `ambiguous_file` where there is no path.
        """
        path = value.replace("\\", "/")
        while path.startswith("./"):
            path = path[2:]
        parts = PurePosixPath(path).parts
        if path.startswith("/") or ".." in parts or (len(path) > 1 and path[1] == ":"):
            return Found(None, "outside_root", value[:200])
        if len(parts) > 1 and parts[0] == self.root.name and path not in self.paths:
            path = "/".join(parts[1:])  # written from the folder above: images/x.jpg
        if path in self.paths:
            return Found(path)
        name = PurePosixPath(path).name
        steps = [(self._by_stem, path), (self._by_stem, _stem(path))]
        if name == path:
            steps += [(self._by_name, name), (self._by_name_stem, name), (self._by_name_stem, _stem(name))]
        for index, key in steps:
            candidates = index.get(key, [])
            if candidates:
                return _only(candidates)
        return Found(None, "missing", f"no file for {value[:200]!r}")


def _only(candidates: list[str]) -> Found:
    photos = [path for path in candidates if PurePosixPath(path).suffix.lower() in _PHOTO_SUFFIXES]
    best = photos if len(photos) == 1 else candidates
    if len(best) == 1:
        return Found(best[0])
    return Found(None, "ambiguous_file", ", ".join(candidates[:5]))


def _stem(path: str) -> str:
    return path[: len(path) - len(PurePosixPath(path).suffix)]
