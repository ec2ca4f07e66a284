"""The documents are held to the code: what rots, fails."""

import re
import tomllib
from pathlib import Path

import pytest

import lookalike
from lookalike import errors
from lookalike.catalogue import REASONS
from lookalike.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "src" / "lookalike"
README = (ROOT / "README.md").read_text(encoding="utf-8")
DOCS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])


def tree() -> dict[str, str]:
    """The file tree of the README: path to its line's words."""
    block = re.search(r"```text\n(src/lookalike/.*?)```", README, re.DOTALL)
    assert block, "the README shows no file tree"
    lines = [line for line in block[1].splitlines()[1:] if line.strip()]
    return {line.split()[0]: " ".join(line.split()[1:]) for line in lines}


def test_the_readme_tree_is_the_real_one() -> None:
    shown = tree()
    real = {
        path.name + ("/" if path.is_dir() else "")
        for path in PACKAGE.iterdir()
        if path.name not in {"__init__.py", "__pycache__", "py.typed"}
    }
    assert set(shown) == real
    assert all(words for words in shown.values())


def test_every_setting_is_documented() -> None:
    deploy = (ROOT / "docs" / "deploy.md").read_text(encoding="utf-8")
    for name, field in Settings.model_fields.items():
        assert f"| {name} | `LOOKALIKE_{name.upper()}` |" in deploy, name
        assert field.description in deploy, name


def test_every_reason_for_leaving_something_out_is_documented() -> None:
    formats = (ROOT / "docs" / "data-formats.md").read_text(encoding="utf-8")
    for reason in REASONS:
        assert f"`{reason}`" in formats, reason


def test_the_error_tree_is_drawn_as_it_is() -> None:
    classes = {name for name, value in vars(errors).items() if isinstance(value, type) and issubclass(value, Exception)}
    drawn = set(re.findall(r"[├└]── (\w+)", errors.__doc__ or ""))
    assert drawn | {"LookalikeError"} == classes


def test_the_two_commands_of_the_readme_exist() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in re.findall(r"^\s*make (\w+)", README, re.MULTILINE):
        assert re.search(rf"^{target}:.*## ", makefile, re.MULTILINE), target


@pytest.mark.parametrize("document", DOCS, ids=lambda path: path.name)
def test_links_between_documents_lead_somewhere(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", text):
        if "://" not in target:
            assert (document.parent / target).exists(), target
    for named in re.findall(r"`((?:docs|tools|src|tests|benchmarks)/[\w./-]+\.\w+)`", text):
        assert (ROOT / named).exists(), named


def test_the_version_stands_in_the_changelog() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["version"] == lookalike.__version__
    assert f"## {lookalike.__version__}" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_every_direct_dependency_is_pinned() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    pinned = {
        line.split("==")[0].lower().replace("_", "-")
        for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
        if "==" in line
    }
    extras = project["optional-dependencies"].values()
    wanted = [*project["dependencies"], *(each for extra in extras for each in extra)]
    for requirement in wanted:
        name = re.match(r"[\w-]+", requirement)
        assert name
        assert name[0].lower() in pinned, requirement


def test_no_module_outgrows_its_budget() -> None:
    too_long = {
        str(path.relative_to(PACKAGE)): lines
        for path in PACKAGE.rglob("*.py")
        if (lines := path.read_text(encoding="utf-8").count("\n")) > 300
    }
    assert not too_long


def test_nothing_of_one_machine_is_in_the_repository() -> None:
    """Paths of somebody's machine and hosts of somebody's registry do not belong here."""
    telling = re.compile(r"/(?:root|home)/\w|\bfile:///|--index-url (?!https://download\.pytorch\.org)|extra-index-url")
    for path in [*PACKAGE.rglob("*.py"), *DOCS, ROOT / "Makefile", ROOT / "Dockerfile", ROOT / "constraints.txt"]:
        assert not telling.search(path.read_text(encoding="utf-8")), path
