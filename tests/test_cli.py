"""The command line as users meet it: what it prints, where, and with which exit code."""

import asyncio
import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from small_shop import draw_shop
from typer.testing import CliRunner

from lookalike.cli import app, main, use
from lookalike.cli.options import split_labels
from lookalike.cli.use import listen
from lookalike.errors import LookalikeError, SettingsError
from lookalike.settings import Settings, load_settings
from lookalike.sizing.asking import served

RUNNER = CliRunner()


def run(*arguments: str | Path) -> str:
    """Run a command that must succeed; return what it prints on standard output."""
    result = RUNNER.invoke(app, [str(argument) for argument in arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A source and the site built from it, stage by stage, by the commands themselves."""
    root = tmp_path_factory.mktemp("cli")
    source, site = draw_shop(root / "shop"), root / "site"
    site.mkdir()
    run("ingest", source, "-o", site / "catalogue")
    run("split", site / "catalogue", "--train", "0.5", "--validation", "0.2")
    run("embed", site / "catalogue")
    run("head", site / "embeddings", "--ignore-labels", "blue")
    run("index", site / "embeddings")
    return source, site


def test_stages_by_themselves_make_a_site_that_answers(built: tuple[Path, Path]) -> None:
    source, site = built
    photo = source / "red" / "04.jpg"
    ((first, *rest),) = json.loads(run("search", site, photo, "-k", "3", "--json"))
    assert first["category"] == "red"
    assert first["score"] == pytest.approx(1, abs=5e-3)
    assert len(rest) == 2
    assert set(first) == {"image_id", "product_id", "score", "name", "price", "currency", "category"}
    two = json.loads(run("search", site / "collection", photo, source / "green" / "01.jpg", "--json", "-k", "1"))
    assert [results[0]["category"] for results in two] == ["red", "green"]
    table = run("search", site, photo, "-k", "2", "--category", "green")
    assert "green" in table
    assert "│ red" not in table
    assert "nothing passes" in run("search", site, photo, "--max-price", "5")


def test_switches_of_the_ranking_reach_the_search(built: tuple[Path, Path]) -> None:
    source, site = built
    photo = source / "red" / "04.jpg"
    (plain,) = json.loads(run("search", site, photo, "-k", "5", "--json"))
    (boosted,) = json.loads(run("search", site, photo, "-k", "5", "--json", "--boost", "3"))
    assert boosted[0]["category"] == plain[0]["category"]
    assert boosted[0]["score"] != pytest.approx(plain[0]["score"], abs=1e-4) or boosted[1]["score"] != pytest.approx(
        plain[1]["score"], abs=1e-4
    )
    (same,) = json.loads(run("search", site, photo, "-k", "5", "--json", "--fold", "top2", "--prototypes"))
    assert [one["image_id"] for one in same] == [one["image_id"] for one in plain]  # one photo a product
    for wrong, told in ((("--fold", "median"), "no fold"), (("--boost", "much"), "no boost")):
        result = RUNNER.invoke(app, ["search", str(site), str(photo), *wrong])
        assert isinstance(result.exception, LookalikeError)
        assert told in str(result.exception)


def test_evaluate_prints_figures_and_writes_the_ledger(built: tuple[Path, Path]) -> None:
    _, site = built
    told = run("evaluate", site, "--queries", "5")
    assert "label recall@1" in told
    assert "used once" in told
    figures = json.loads(run("evaluate", site, "--queries", "5", "--json"))
    assert 0 <= figures["figures"]["lookalike"]["label recall@1"]["value"] <= 1
    assert "used 2 times" in run("evaluate", site, "--queries", "6")


def test_validation_is_asked_beside_test_and_leaves_its_evaluation_and_ledger_alone(built: tuple[Path, Path]) -> None:
    _, site = built
    run("evaluate", site, "--queries", "5")
    pointer, uses = (site / "evaluation").readlink(), (site / "test-uses.jsonl").read_text()
    assert "was not used" in run("evaluate", site, "--queries", "5", "--part", "validation")
    told = json.loads(run("evaluate", site, "--queries", "5", "--part", "validation", "--json"))
    assert told["queries"] == "validation"
    assert ((site / "evaluation").readlink(), (site / "test-uses.jsonl").read_text()) == (pointer, uses)
    assert (site / "validation").readlink() != pointer
    assert "+0.000" in run("compare", site, site, "--part", "validation")
    for wrong, words in (
        (("compare", site, site / "validation"), "not asked the same"),
        (("compare", site, site, "--part", "train"), "no part to evaluate"),
        (("evaluate", site, "--part", "train"), "no part to evaluate"),
    ):
        with pytest.raises(LookalikeError, match=words):
            run(*wrong)
    run("prune", site)
    assert (site / "validation" / "evaluation.json").is_file()


def test_export_embeddings_gives_id_to_floats(built: tuple[Path, Path], tmp_path: Path) -> None:
    _, site = built
    exported = json.loads(run("export-embeddings", site / "embeddings", "--json"))
    assert len(exported) == 36
    assert {len(features) for features in exported.values()} == {1280}
    run("export-embeddings", site / "embeddings", "-o", tmp_path / "e.json")
    assert json.loads((tmp_path / "e.json").read_text()) == exported
    run("export-embeddings", site / "embeddings", "--parquet", "-o", tmp_path / "e.parquet")
    frame = pl.read_parquet(tmp_path / "e.parquet")
    np.testing.assert_allclose(frame["features"].to_numpy()[0], exported[frame["image_id"][0]], rtol=1e-3)
    with pytest.raises(LookalikeError, match="-o"):
        run("export-embeddings", site / "embeddings", "--parquet")


def test_labels_that_hold_a_comma_can_be_ignored(
    built: tuple[Path, Path], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert split_labels(' Other, "Beds, Cots" ,Skip,Skip') == ("Beds, Cots", "Other", "Skip")
    assert split_labels("") == ()
    _, site = built
    beside = ("--catalogue", site / "catalogue", "--split", site / "split", "-o", tmp_path / "head")
    run("head", site / "embeddings", *beside, "--ignore-labels", "blue,Typo")
    assert "'Typo'" in caplog.text
    assert "'blue'" not in caplog.text


def test_prune_removes_what_nothing_points_at(built: tuple[Path, Path]) -> None:
    _, site = built
    run("head", site / "embeddings", "--kind", "pca")
    run("head", site / "embeddings", "--ignore-labels", "blue")
    assert run("prune", site).count("removed head.") == 1
    assert run("prune", site) == ""


def in_a_shell(*arguments: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from lookalike.cli import main; main()", *map(str, arguments)]
    variables = {**os.environ, "COLUMNS": "100", **environment}
    return subprocess.run(command, capture_output=True, text=True, check=False, env=variables)


def test_errors_say_what_where_and_what_to_do(tmp_path: Path) -> None:
    done = in_a_shell("search", tmp_path, "photo.jpg")
    assert done.returncode == 1
    assert done.stdout == ""
    assert "error: There is no collection here" in done.stderr
    assert f"at: {tmp_path}" in done.stderr
    assert "do: Make one with `lookalike build" in done.stderr
    assert "Traceback" not in done.stderr


def test_senseless_options_are_refused_with_words(built: tuple[Path, Path], tmp_path: Path) -> None:
    source, site = built
    for arguments, words in (
        (("search", site, source / "red" / "01.jpg", "--min-price", "cheap"), "no price"),
        (("ingest", tmp_path / "nowhere", "-o", tmp_path / "c"), "no such source"),
        (("ingest", source, "--column", "label", "-o", tmp_path / "c"), "PART=NAME"),
        (("head", site / "catalogue"), "not a"),
        (("build", source, "-o", tmp_path / "s", "--encoder", "lite9"), "lite9"),
        (("build", source, "-o", tmp_path / "s", "--head", "foo"), "kind must be one of"),
        (("build", source, "-o", tmp_path / "s", "--level", "foo"), "level must be"),
        (("build", source, "-o", tmp_path / "s", "--precision", "fp8"), "fp8"),
        (("split", site / "catalogue", "--train", "0.9", "--validation", "0.5"), "add up to 1"),
        (("split", site / "catalogue", "--train", "nan"), "add up to 1"),
        (("search", site, source / "red" / "01.jpg", "--min-price", "9", "--max-price", "5"), "above the highest"),
        (("prune", source), "no built site"),
    ):
        with pytest.raises(LookalikeError, match=words):
            run(*arguments)
    assert not (tmp_path / "s").exists()  # refused before any work was done


def test_settings_come_from_flags_environment_file_and_default_in_that_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert load_settings().port == 8080
    (tmp_path / "lookalike.toml").write_text("port = 1001\nmax_results = 7\n")
    assert (load_settings().port, load_settings().max_results) == (1001, 7)
    monkeypatch.setenv("LOOKALIKE_PORT", "1002")
    assert load_settings(port=None).port == 1002
    assert load_settings(port=1003).port == 1003
    for flags, toml, words in (
        ({"port": 70_000}, "", r"'port' makes no sense.*Correct --port, LOOKALIKE_PORT or"),
        ({"port": None}, "colour = 1", r"'colour' makes no sense.*Correct LOOKALIKE_COLOUR or"),
        ({}, "port = ", "no readable TOML"),
    ):
        (tmp_path / "lookalike.toml").write_text(toml)
        with pytest.raises(SettingsError, match=words):
            load_settings(**flags)


def test_serve_hands_its_flags_to_the_server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    served: list[Settings] = []
    monkeypatch.setattr(use, "_serve", lambda _, settings: served.append(settings))
    run("serve", tmp_path, "--threads", "3", "--queue", "0", "--port", "1", "--boost", "auto")
    run("serve", tmp_path)
    assert served == [Settings(threads=3, queue=0, port=1, boost="auto"), Settings()]
    with pytest.raises(SettingsError, match="Correct --threads"):
        run("serve", tmp_path, "--threads", "0")


def test_a_taken_address_is_a_clear_error(built: tuple[Path, Path]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        done = in_a_shell("serve", built[1], "--port", str(taken.getsockname()[1]))
    assert done.returncode == 1
    assert "cannot be listened on" in done.stderr
    assert "--port" in done.stderr


def test_answers_are_not_held_back_to_be_sent_together() -> None:
    """Nagle's algorithm with delayed acknowledgements makes each answer 40 ms later."""

    async def nodelay() -> int:
        accepted: asyncio.Future[int] = asyncio.get_running_loop().create_future()

        async def greet(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            accepted.set_result(writer.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
            writer.close()

        listening = listen("127.0.0.1", 0)
        async with await asyncio.start_server(greet, sock=listening):
            _, writer = await asyncio.open_connection(*listening.getsockname())
            found = await accepted
            writer.close()
            await writer.wait_closed()
        return found

    assert asyncio.run(nodelay()) != 0


def test_help_teaches_and_needs_no_heavy_imports() -> None:
    script = (
        "import sys\n"
        "sys.argv = ['lookalike', '--help']\n"
        "from lookalike.cli import main\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "heavy = {'openvino', 'faiss', 'polars', 'torch', 'fastapi', 'numpy', 'rich.progress'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    for command in ("build", "demo", "serve", "search", "evaluate", "train"):
        assert command in done.stdout


def test_a_request_whose_head_does_not_end_is_refused(built: tuple[Path, Path]) -> None:
    with served(built[1]) as (port, _), socket.create_connection(("127.0.0.1", port), timeout=60) as real:
        real.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 100_000)
        assert real.recv(4096).startswith(b"HTTP/1.1 400 ")


def test_a_server_starts_without_what_it_does_not_need() -> None:
    script = (
        "import sys\n"
        "import lookalike.api, lookalike.engine, lookalike.settings, uvicorn\n"
        "needless = {'polars', 'torch', 'rich', 'openvino.tools.ovc.convert'} & set(sys.modules)\n"
        "assert not needless, needless\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_version_and_interrupts(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--version").startswith("lookalike 0.")

    def interrupted() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("lookalike.cli.app", interrupted)
    with pytest.raises(SystemExit) as caught:
        main()
    assert caught.value.code == 130
    assert "goes on from there" in capsys.readouterr().err
