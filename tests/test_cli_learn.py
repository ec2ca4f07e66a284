"""`train`, `sweep` and `build` by budget: what is refused before any work, and what comes next."""

import json
import shlex
from pathlib import Path

import pytest
from small_shop import draw_shop
from train_shop import draw_inputs
from typer.testing import CliRunner, Result

from lookalike.cli import app
from lookalike.errors import LookalikeError


def invoke(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def refused(*arguments: str | Path) -> str:
    error = invoke(*arguments).exception
    assert isinstance(error, LookalikeError), error
    return str(error)


@pytest.mark.parametrize(
    ("option", "told"),
    [
        (("--split", "elsewhere"), "--split"),
        (("-o", "model"), "--output"),
        (("--seed", "3"), "--seed"),
        (("--lr", "1e-3", "--epochs", "2"), "--epochs, --lr"),
        (("--restart",), "--restart"),
        (("--resume",), "--resume"),
        (("--freeze-backbone",), "--freeze-backbone"),
        (("--device", "auto"), "--device"),  # the default, but typed all the same
    ],
)
def test_two_minutes_refuse_what_they_would_not_use(option: tuple[str, ...], told: str, tmp_path: Path) -> None:
    error = refused("train", tmp_path / "catalogue", "--budget", "2m", *option)
    named = error.partition("no use for ")[2].partition(".")[0]
    assert sorted(named.split(", ")) == told.split(", ")
    assert not list(tmp_path.iterdir())


def test_what_two_minutes_fitted_is_what_the_next_command_builds_on(tmp_path: Path) -> None:
    """The command is run as it is told: the head is up to date, so level, labels, encoder and precision agree."""
    site = tmp_path / "a site"
    site.mkdir()
    shop = draw_inputs(site)
    options = ["--budget", "2m", "--backbone", "lite0", "--level", "parent", "--ignore-labels", 'red,"a, b"']
    done = invoke("train", shop.catalogue, *options, "--precision", "fp32")
    assert done.exit_code == 0, done.output
    (line,) = (line for line in done.stdout.splitlines() if line.startswith("Next:"))
    program, *words = shlex.split(line.removeprefix("Next:"))
    assert (program, words[:4]) == ("lookalike", ["build", "SOURCE", "-o", str(site)])
    assert set(words[4::2]) == {"--encoder", "--level", "--ignore-labels", "--precision"}
    fitted = (site / "head").readlink()
    words[1] = str(shop.photos)
    assert invoke(*words, "--no-evaluate").exit_code == 0
    assert (site / "head").readlink() == fitted
    about = json.loads((site / "head" / "manifest.json").read_text())
    assert about["config"]["ignored"] == ["a, b", "red"]


def test_each_command_knows_its_own_budgets_and_says_so_before_any_work(tmp_path: Path) -> None:
    source, site = draw_shop(tmp_path / "shop"), tmp_path / "site"
    for command, unknown, known in (
        (("build", source, "-o", site), "full", ["2m", "20m", "2h"]),
        (("train", site / "catalogue"), "3w", ["2m", "20m", "2h", "full"]),
        (("sweep", site / "catalogue", "--lr", "1e-3"), "2m", ["20m", "2h", "full"]),
    ):
        told = refused(*command, "--budget", unknown)
        assert f"'{unknown}' is unknown" in told
        assert told.partition("Choose ")[2].split(", ") == known
    assert not site.exists()
