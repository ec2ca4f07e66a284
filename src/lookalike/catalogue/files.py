"""The photo folder: which files there are, which one a row means, and whether anything changed."""

import hashlib
import json
import os
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path, PurePosixPath
from unicodedata import normalize

from lookalike.artifacts import MANIFEST
from lookalike.errors import SourceError

LEDGER = "test-uses.jsonl"
"""Lies in each site, and is neither table nor photo."""

_PHOTO_SUFFIXES = frozenset({".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".gif"})
# 10.1 and IMG_1.front are whole ids: what a value ends in is an extension only where photos are known by it, ...
_PHOTO_EXTENSION = re.compile(r"(?<=[^/])\.(?:jpe?g|jpe|jfif|png|webp|gif|bmp|tiff?|hei[cf]|avif)\Z", re.IGNORECASE)
# ... and what a file's name ends in, where it may well be one
_EXTENSION = re.compile(r"(?<=[^/])\.[a-z][a-z0-9]{0,3}\Z", re.IGNORECASE)
_OURS = re.compile(r"\w+\.[0-9a-f]{16}\.(?:partial|lock)|test-uses\.jsonl")  # unfinished work, and the ledger
_DRIVE = re.compile(r"[A-Za-z]:")


@dataclass(frozen=True, slots=True)
class FileStamp:
    """What tells an unchanged file: its size in bytes and its modification time in nanoseconds."""

    size: int
    mtime_ns: int


@dataclass(frozen=True, slots=True)
class Found:
    """The file that a row means (`path`, relative to the photo root), or the reason why there is none.

    `loosely`: only case, Unicode form or a leading slash aside; a row that means the very file comes first.
    """

    path: str | None
    reason: str = ""
    detail: str = ""
    loosely: bool = False


def list_files(root: Path, *, leave_out: Iterable[Path] = ()) -> dict[str, FileStamp]:
    """List every file below a folder by relative path with forward slashes, sorted.

    Hidden files and Lookalike's own sites and artefacts below it are passed over; links are followed.

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
    if identity in above or (above and _is_ours(folder, entries)):  # a link that leads back up
        return
    for entry in entries:
        if entry.name.startswith(".") or entry.path in left_out or _OURS.fullmatch(entry.name):
            continue
        if entry.is_dir():
            yield from _walk(Path(entry.path), f"{prefix}{entry.name}/", above | {identity}, left_out)
        else:
            yield f"{prefix}{entry.name}", _stamp(entry)


def _is_ours(folder: Path, entries: Iterable[os.DirEntry[str]]) -> bool:
    """Whether a folder is an artefact, or a site: what lies in it was made from photos."""
    files = {entry.name for entry in entries if entry.is_file()}
    if LEDGER in files:
        return True
    if MANIFEST not in files:
        return False
    try:
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(manifest, dict) and {"kind", "hash"} <= set(manifest)


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
    """Digest paths and bytes; an unreadable file, pipe or device counts by its path alone."""
    total = hashlib.sha256()
    for path in paths:
        content = ""
        file = root / path
        with suppress(OSError):
            if file.is_file():  # reading anything else may never end
                with file.open("rb") as opened:
                    content = hashlib.file_digest(opened, "sha256").hexdigest()
        total.update(f"{path}\0{content}\n".encode(errors="surrogateescape"))
    return total.hexdigest()[:16]


class PhotoFolder:
    """Finds the file that a table's value means: with or without extension, with or without folder."""

    def __init__(self, root: Path, paths: Iterable[str]) -> None:
        self.root = root
        self.paths = frozenset(paths)
        self._exact = _Index(self.paths, str)

    @cached_property
    def _folded(self) -> "_Index":
        return _Index(self.paths, _fold)

    def find_all(self, values: Sequence[tuple[str, bool]]) -> list[Found]:
        """Find the photo file of each row.

        Ids may differ by case alone: a file that is meant exactly, or loosely by two, is no guess for a loose value.

        Parameters
        ----------
        values : sequence of (value, whether it is an id)

        Returns
        -------
        list of Found, in the order of `values`
        """
        found = [self.find(value, is_id=is_id) for value, is_id in values]
        exact = {one.path for one in found if not one.loosely}
        loose: dict[str | None, set[str]] = defaultdict(set)
        for one, (value, _) in zip(found, values, strict=True):
            if one.loosely:
                loose[one.path].add(value)
        taken = exact | {path for path, meant_by in loose.items() if len(meant_by) > 1}
        return [
            Found(None, "missing", f"only {one.path!r}, which another row means as well")
            if one.loosely and one.path is not None and one.path in taken
            else one
            for one in found
        ]

    def find(self, value: str, *, is_id: bool = False) -> Found:
        """Find the photo file for an id or path.

        The first of these that gives a file counts: the very path; the path with any extension; the path with another
        photo extension than it says; the bare file name anywhere below the root, likewise; all of these again whatever
        the case and Unicode form. Of several files in one step the only one with a photo's extension counts, else none
        (`ambiguous_file`).

        Parameters
        ----------
        value : str
        is_id : bool
            A slash at the beginning belongs to an id; to a path it says that the path is absolute.

        Returns
        -------
        Found
            With `reason` `outside_root`, `missing` or `ambiguous_file` where there is no path.
        """
        candidates = self._exact.find(value)  # before it is understood as a path: a\b may be a name
        if candidates:
            return _only(candidates)
        path = value.replace("\\", "/")
        slashed = is_id and path.startswith("/")
        path = path.lstrip("/") if slashed else path
        while path.startswith("./"):
            path = path[2:]
        parts = PurePosixPath(path).parts
        if path.startswith("/") or ".." in parts or _DRIVE.match(path):
            return Found(None, "outside_root", value[:200])
        if len(parts) > 1 and parts[0] == self.root.name and path not in self.paths:
            path = "/".join(parts[1:])  # written from the folder above: images/x.jpg
        candidates = self._exact.find(path)
        if candidates:
            return replace(_only(candidates), loosely=slashed)
        candidates = self._folded.find(path)
        if candidates:
            return replace(_only(candidates), loosely=True)
        return Found(None, "missing", f"no file for {value[:200]!r}")


class _Index:
    """Paths by themselves, by their name, and by both without extension, in one spelling."""

    def __init__(self, paths: Iterable[str], spell: Callable[[str], str]) -> None:
        self._spell = spell
        self._by_path: dict[str, list[str]] = defaultdict(list)
        self._by_stem: dict[str, list[str]] = defaultdict(list)
        self._by_name: dict[str, list[str]] = defaultdict(list)
        self._by_name_stem: dict[str, list[str]] = defaultdict(list)
        for path in sorted(paths):
            spelt = spell(path)
            stem = _EXTENSION.sub("", spelt)
            self._by_path[spelt].append(path)
            self._by_stem[stem].append(path)
            self._by_name[spelt.rpartition("/")[2]].append(path)
            self._by_name_stem[stem.rpartition("/")[2]].append(path)

    def find(self, value: str) -> list[str]:
        """Return the files of the first step that gives any."""
        path = self._spell(value)
        stem = _PHOTO_EXTENSION.sub("", path)
        steps = [(self._by_path, path), (self._by_stem, path), (self._by_stem, stem)]
        if "/" not in path:
            steps += [(self._by_name, path), (self._by_name_stem, path), (self._by_name_stem, stem)]
        return next((index[key] for index, key in steps if key in index), [])


def _only(candidates: list[str]) -> Found:
    if len(candidates) == 1:
        return Found(candidates[0])
    photos = [path for path in candidates if PurePosixPath(path).suffix.lower() in _PHOTO_SUFFIXES]
    if len(photos) == 1:
        return Found(photos[0])
    return Found(None, "ambiguous_file", ", ".join(candidates[:5]))


def _fold(path: str) -> str:
    return normalize("NFC", normalize("NFC", path).casefold())
