"""The photo folder: listing, finding, telling changes."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from lookalike.catalogue.files import FileStamp, Found, PhotoFolder, content_fingerprint, fingerprint, list_files
from lookalike.errors import SourceError

Write = Callable[[dict[str, bytes | str]], Path]


def test_files_are_listed_sorted_hidden_ones_and_tables_left_out(write: Write) -> None:
    root = write({"b/c.jpg": "x", "a": "", ".DS_Store": "x", "t.csv": "x", ".git/x": "x", "site/y.jpg": "x"})
    listed = list_files(root, leave_out=[root / "t.csv", root / "site"])
    assert list(listed) == ["a", "b/c.jpg"]
    assert listed["b/c.jpg"].size == 1


def test_artefacts_are_no_photos_but_a_foreign_manifest_may_lie_beside_some(write: Write) -> None:
    manifest = json.dumps({"schema": 1, "kind": "head", "hash": "x", "parents": {}})
    root = write({"head/manifest.json": manifest, "head/a.jpg": "x", "app/manifest.json": "{}", "app/b.jpg": "x"})
    assert list(list_files(root)) == ["app/b.jpg", "app/manifest.json"]


def test_a_site_among_the_photos_is_none_of_them(write: Write) -> None:
    root = write(
        {
            "a.jpg": "x",
            "site/catalogue.0123456789abcdef/manifest.json": '{"kind": "catalogue", "hash": "0123456789abcdef"}',
            "site/catalogue.0123456789abcdef/images.parquet": "x",
            "site/test-uses.jsonl": "{}",
            "site/thumb.jpg": "x",
            "site/.lock": "x",
            "young/split.0123456789abcdef.partial/split.parquet": "x",
            "young/catalogue.0123456789abcdef.lock": "",
            "young/b.jpg": "x",
        }
    )
    assert list(list_files(root)) == ["a.jpg", "young/b.jpg"]


def test_photos_beside_a_site_s_own_files_are_listed(write: Write) -> None:
    root = write({"a.jpg": "x", "test-uses.jsonl": "{}", "head.0123456789abcdef/manifest.json": '{"kind":1,"hash":2}'})
    assert list(list_files(root)) == ["a.jpg"]


def test_links_are_followed_but_not_in_circles(write: Write, tmp_path: Path) -> None:
    root = write({"a/x.jpg": "x"})
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "y.jpg").write_bytes(b"y")
    (root / "linked").symlink_to(elsewhere, target_is_directory=True)
    (root / "a" / "up").symlink_to(root, target_is_directory=True)
    (root / "gone.jpg").symlink_to(tmp_path / "nowhere.jpg")
    assert list(list_files(root)) == ["a/x.jpg", "gone.jpg", "linked/y.jpg"]


def test_a_missing_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="--photos"):
        list_files(tmp_path / "no")


def test_the_fingerprint_sees_each_change(write: Write) -> None:
    root = write({"a.jpg": "x", "b.jpg": "y"})
    before = fingerprint(list_files(root))
    assert fingerprint(list_files(root)) == before
    os.utime(root / "a.jpg", ns=(1, 1))
    touched = fingerprint(list_files(root))
    (root / "a.jpg").write_bytes(b"longer")
    os.utime(root / "a.jpg", ns=(1, 1))
    written = fingerprint(list_files(root))
    (root / "a.jpg").rename(root / "c.jpg")
    renamed = fingerprint(list_files(root))
    assert len({before, touched, written, renamed}) == 4


def test_names_and_numbers_do_not_run_together() -> None:
    assert fingerprint({"a": FileStamp(1, 23)}) != fingerprint({"a": FileStamp(12, 3)})


def test_the_content_fingerprint_sees_bytes_only(write: Write) -> None:
    root = write({"a.jpg": "x"})
    before = content_fingerprint(root, ["a.jpg"])
    os.utime(root / "a.jpg", ns=(1, 1))
    assert content_fingerprint(root, ["a.jpg"]) == before
    (root / "a.jpg").write_bytes(b"y")
    assert content_fingerprint(root, ["a.jpg"]) != before
    assert content_fingerprint(root, ["no.jpg"])


FILES = [
    "a.jpg", "b.JPEG", "noext", "dir/c.png", "x/same.jpg", "y/same.jpg", "two.jpg", "two.png", "v1.2", "v1.jpg",
    "é 1/ü.webp", "deep/er/d.jpg", "note.jpg", "note.txt", "10.jpg", "IMG_1.jpg", "v2.5.png", "deep/7.2", "scan.heic",
    "1:2.jpg", "c:d", "a\\b.jpg", "abs.jpg", "Cap.jpg", "cafe\u0301.JPG", "case.jpg", "Case.JPG",
]  # fmt: skip


@pytest.mark.parametrize(
    ("value", "path"),
    [
        ("a", "a.jpg"),
        ("a.jpg", "a.jpg"),
        ("a.png", "a.jpg"),
        ("b", "b.JPEG"),
        ("b.jpeg", "b.JPEG"),
        ("noext", "noext"),
        ("noext.jpg", "noext"),
        ("dir/c", "dir/c.png"),
        ("dir/c.jpg", "dir/c.png"),
        ("dir\\c.png", "dir/c.png"),
        ("./dir/c.png", "dir/c.png"),
        ("images/dir/c.png", "dir/c.png"),
        ("c", "dir/c.png"),
        ("d.gif", "deep/er/d.jpg"),
        ("x/same", "x/same.jpg"),
        ("two.png", "two.png"),
        ("v1.2", "v1.2"),
        ("v1", "v1.jpg"),
        ("note", "note.jpg"),
        ("é 1/ü", "é 1/ü.webp"),
        ("v2.5", "v2.5.png"),
        ("v2.5.jpg", "v2.5.png"),
        ("7.2", "deep/7.2"),
        ("scan.jpg", "scan.heic"),
        ("a.heic", "a.jpg"),
        ("1:2", "1:2.jpg"),
        ("1:2.jpg", "1:2.jpg"),
        ("c:d", "c:d"),
        ("a\\b", "a\\b.jpg"),
        ("a\\b.jpg", "a\\b.jpg"),
        ("case.jpg", "case.jpg"),
        ("case", "case.jpg"),
    ],
)
def test_a_file_is_found_with_or_without_extension_and_folder(value: str, path: str) -> None:
    assert PhotoFolder(Path("/photos/images"), FILES).find(value) == Found(path)


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("same", "ambiguous_file"),
        ("two", "ambiguous_file"),
        ("no", "missing"),
        ("10.1", "missing"),
        ("IMG_1.front", "missing"),
        ("v2", "missing"),
        ("7", "missing"),
        ("7.1", "missing"),
        ("é:x", "missing"),
        ("3:4", "missing"),
        ("CASE", "ambiguous_file"),
        ("other/c.png", "missing"),
        ("er/d.jpg", "missing"),
        ("../a.jpg", "outside_root"),
        ("dir/../../a.jpg", "outside_root"),
        ("/etc/passwd", "outside_root"),
        ("..\\a.jpg", "outside_root"),
        ("C:\\a.jpg", "outside_root"),
        ("/abs", "outside_root"),
    ],
)
def test_what_is_not_found_says_why(value: str, reason: str) -> None:
    found = PhotoFolder(Path("/photos/images"), FILES).find(value)
    assert (found.path, found.reason) == (None, reason)
    assert found.detail


@pytest.mark.parametrize(
    ("value", "path"),
    [
        ("cap", "Cap.jpg"),
        ("CAP.JPG", "Cap.jpg"),
        ("A.JPG", "a.jpg"),
        ("caf\u00e9", "cafe\u0301.JPG"),
        ("CAF\u00c9.jpg", "cafe\u0301.JPG"),
        ("DIR/C", "dir/c.png"),
        ("e\u0301 1/u\u0308.webp", "é 1/ü.webp"),
    ],
)
def test_as_a_last_resort_case_and_unicode_form_are_no_difference(value: str, path: str) -> None:
    assert PhotoFolder(Path("/photos/images"), FILES).find(value) == Found(path, loosely=True)


def test_an_id_may_begin_with_a_slash() -> None:
    folder = PhotoFolder(Path("/photos/images"), FILES)
    assert folder.find("/abs", is_id=True) == Found("abs.jpg", loosely=True)
    assert folder.find("/etc/passwd", is_id=True).reason == "missing"
    assert folder.find("/../abs", is_id=True).reason == "outside_root"


def test_a_pipe_is_not_waited_for(write: Write) -> None:
    root = write({"a.jpg": "x"})
    os.mkfifo(root / "pipe.jpg")
    (root / "endless.jpg").symlink_to("/dev/zero")
    paths = list(list_files(root))
    assert paths == ["a.jpg", "endless.jpg", "pipe.jpg"]
    assert content_fingerprint(root, paths)
