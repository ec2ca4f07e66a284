"""Artefact folders appear whole or not at all, are found again by what they were made of, and say what they are."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lookalike import artifacts
from lookalike.artifacts import Recipe
from lookalike.errors import ArtifactError
from lookalike.types import Reject

RECIPE = Recipe("head", 1, {"kind": "mix"}, {"split": "abc"})


def make(out: Path, recipe: Recipe = RECIPE, text: str = "data") -> artifacts.Artifact:
    with artifacts.create(out, recipe) as draft:
        (draft.path / "file.txt").write_text(text)
        draft.counts = {"photos": 3}
    return artifacts.open_artifact(out, recipe.kind)


def test_an_artifact_is_published_under_its_plain_name(tmp_path: Path) -> None:
    artifact = make(tmp_path / "head")
    assert (tmp_path / "head" / "file.txt").read_text() == "data"
    assert artifact.path == tmp_path / f"head.{RECIPE.hash}"
    assert artifact.counts == {"photos": 3}
    assert artifact.parents == {"split": "abc"}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["head", f"head.{RECIPE.hash}"]


def test_it_is_found_again_only_by_an_equal_recipe(tmp_path: Path) -> None:
    assert artifacts.find(tmp_path / "head", RECIPE) is None
    made = make(tmp_path / "head")
    assert artifacts.find(tmp_path / "head", RECIPE) == made
    for other in (
        Recipe("head", 2, {"kind": "mix"}, {"split": "abc"}),
        Recipe("head", 1, {"kind": "pca"}, {"split": "abc"}),
        Recipe("head", 1, {"kind": "mix"}, {"split": "abd"}),
    ):
        assert artifacts.find(tmp_path / "head", other) is None


def test_going_back_to_an_earlier_recipe_only_moves_the_pointer(tmp_path: Path) -> None:
    make(tmp_path / "head", text="first")
    other = Recipe("head", 1, {"kind": "pca"})
    make(tmp_path / "head", other, text="second")
    assert (tmp_path / "head" / "file.txt").read_text() == "second"
    artifacts.find(tmp_path / "head", RECIPE)
    assert (tmp_path / "head" / "file.txt").read_text() == "first"


def test_a_failure_leaves_the_old_one_and_the_work_done(tmp_path: Path) -> None:
    make(tmp_path / "head", text="old")
    other = Recipe("head", 1, {"kind": "pca"})
    with pytest.raises(RuntimeError, match="power cut"), artifacts.create(tmp_path / "head", other) as draft:
        (draft.path / "half.txt").write_text("half")
        raise RuntimeError("power cut")
    assert (tmp_path / "head" / "file.txt").read_text() == "old"
    with artifacts.create(tmp_path / "head", other) as draft:
        assert (draft.path / "half.txt").read_text() == "half"


KILLED = """
import os
import sys
from pathlib import Path
from lookalike import artifacts
from lookalike.artifacts import Recipe
out, stop = Path(sys.argv[1]), sys.argv[2]
real = {name: getattr(os, name) for name in ("replace", "symlink")}
count = 0
def counted(name):
    def call(*args, **kwargs):
        global count
        count += 1
        if count > int(stop):
            os._exit(9)
        return real[name](*args, **kwargs)
    return call
for name in real:
    setattr(os, name, counted(name))
with artifacts.create(out, Recipe("head", 1, {"kind": "new"})) as draft:
    (draft.path / "file.txt").write_text("new")
"""


@pytest.mark.parametrize("stop", range(5))
def test_a_kill_between_any_two_steps_leaves_the_old_or_the_new(tmp_path: Path, stop: int) -> None:
    out = tmp_path / "head"
    make(out, text="old")
    done = subprocess.run([sys.executable, "-c", KILLED, str(out), str(stop)], check=False)
    assert done.returncode == (9 if stop < 4 else 0)  # four steps in all
    text = (artifacts.open_artifact(out, "head").path / "file.txt").read_text()
    assert text == ("new" if done.returncode == 0 else "old")
    make(out, Recipe("head", 1, {"kind": "new"}), text="new")
    assert (out / "file.txt").read_text() == "new"


def test_two_makers_of_the_same_artifact_are_refused(tmp_path: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from lookalike.artifacts import Recipe, create\n"
        "with create(Path(sys.argv[1]), Recipe('head', 1, {'kind': 'mix'}, {'split': 'abc'})):\n"
        "    print('making', flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", script, str(tmp_path / "head")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"making\n"
        with pytest.raises(ArtifactError, match="another process"), artifacts.create(tmp_path / "head", RECIPE):
            pass
        other.communicate()
    assert artifacts.find(tmp_path / "head", RECIPE) is not None


def test_what_is_not_ours_is_never_replaced(tmp_path: Path) -> None:
    (tmp_path / "head").mkdir()
    (tmp_path / "head" / "precious.txt").write_text("mine")
    with pytest.raises(ArtifactError, match="not Lookalike's"):
        make(tmp_path / "head")
    assert (tmp_path / "head" / "precious.txt").read_text() == "mine"


def test_opening_says_what_is_wrong_and_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match=r"there is no head here.*first"):
        artifacts.open_artifact(tmp_path / "head", "head")
    (tmp_path / "head.0123.partial").mkdir()
    with pytest.raises(ArtifactError, match="resumes"):
        artifacts.open_artifact(tmp_path / "head", "head")
    make(tmp_path / "split")
    with pytest.raises(ArtifactError, match="this is a head, not a split"):
        artifacts.open_artifact(tmp_path / "split", "split")
    manifest = tmp_path / "split" / artifacts.MANIFEST
    manifest.write_text(json.dumps({**json.loads(manifest.read_text()), "schema": 99}))
    with pytest.raises(ArtifactError, match="Upgrade"):
        artifacts.open_artifact(tmp_path / "split", "head")
    manifest.write_text("{}")
    with pytest.raises(ArtifactError, match="no readable manifest"):
        artifacts.open_artifact(tmp_path / "split", "head")


def test_a_damaged_artifact_is_made_again_in_its_place(tmp_path: Path) -> None:
    make(tmp_path / "head", text="old")
    (tmp_path / "head" / artifacts.MANIFEST).write_text("{")
    assert artifacts.find(tmp_path / "head", RECIPE) is None
    make(tmp_path / "head", text="new")
    assert (tmp_path / "head" / "file.txt").read_text() == "new"


def test_what_failed_before_it_began_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), artifacts.create(tmp_path / "head", RECIPE):
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []


def test_pruning_keeps_what_is_named_and_what_is_not_ours(tmp_path: Path) -> None:
    kept = make(tmp_path / "head", Recipe("head", 1, {"kind": "pca"})).path
    make(tmp_path / "head")
    artifacts.find(tmp_path / "head", Recipe("head", 1, {"kind": "pca"}))
    (tmp_path / "head.0123456789abcdef.partial").mkdir()
    for name in ("photos", "notes.txt.d", "my.photos"):
        (tmp_path / name).mkdir()
    removed = {path.name for path in artifacts.prune(tmp_path)}
    assert removed == {f"head.{RECIPE.hash}", "head.0123456789abcdef.partial"}
    assert {path.name for path in tmp_path.iterdir()} == {"head", kept.name, "photos", "notes.txt.d", "my.photos"}


@given(st.dictionaries(st.text(max_size=5), st.one_of(st.integers(), st.text(max_size=5), st.booleans()), max_size=5))
def test_the_hash_does_not_depend_on_the_order_of_keys(config: dict[str, object]) -> None:
    backwards = dict(reversed(config.items()))
    assert Recipe("split", 1, config).hash == Recipe("split", 1, backwards).hash
    assert Recipe("split", 1, config).hash != Recipe("split", 1, {**config, "new key": 1}).hash


def test_rejects_keep_their_columns_also_when_there_are_none(tmp_path: Path) -> None:
    artifacts.write_rejects(tmp_path, [])
    assert artifacts.read_rejects(tmp_path).columns == ["table", "row", "id", "stage", "reason", "detail"]
    artifacts.write_rejects(tmp_path, [Reject("images", None, "a", "ingest", "missing", "gone")])
    assert artifacts.read_rejects(tmp_path).rows() == [("images", None, "a", "ingest", "missing", "gone")]


def test_a_root_is_found_when_everything_moves_and_when_nothing_does(tmp_path: Path) -> None:
    photos, site = tmp_path / "a" / "photos", tmp_path / "a" / "site"
    photos.mkdir(parents=True)
    site.mkdir()
    described = artifacts.relative_root(photos, site)
    assert artifacts.resolve_root(described, site) == photos
    (tmp_path / "a").rename(tmp_path / "b")
    assert artifacts.resolve_root(described, tmp_path / "b" / "site") == tmp_path / "b" / "photos"
    (tmp_path / "a" / "photos").mkdir(parents=True)
    (tmp_path / "elsewhere" / "site").mkdir(parents=True)
    assert artifacts.resolve_root(described, tmp_path / "elsewhere" / "site") == photos
