"""The report: its figures are those of the artefacts, nothing is needed beside it, and parts may be missing."""

import html
import itertools
import json
import math
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from reported import HOSTILE, LABELS, Site, sweep_nothing, train_nothing
from typer.testing import CliRunner

from lookalike.cli import app
from lookalike.errors import ArtifactError
from lookalike.evaluate import append_use
from lookalike.evaluate.ledger import new_use
from lookalike.report import charts, write_report
from lookalike.report.found import KINDS

RUNNER = CliRunner()


class Read(HTMLParser):
    """The text of a report: by section, and its tables by section as rows of cells."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.text: dict[str, str] = {}
        self.tables: dict[str, list[list[list[str]]]] = {}
        self._section, self._tag, self._open = "", "", False
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._tag = tag
        if tag == "h2":
            self._section = ""
        elif tag == "table":
            self.tables.setdefault(self._section, []).append([])
        elif tag == "tr":
            self.tables[self._section][-1].append([])
        elif tag in ("td", "th"):
            self.tables[self._section][-1][-1].append("")
            self._open = True
        elif tag == "br":
            self.handle_data(" ")

    def handle_endtag(self, tag: str) -> None:
        if tag in ("td", "th"):
            self._open = False

    def handle_data(self, data: str) -> None:
        if self._tag == "h2" and not self._section:
            self._section = data
        self.text[self._section] = self.text.get(self._section, "") + data
        if self._open:
            self.tables[self._section][-1][-1][-1] += data


def told(figure: dict[str, float | None]) -> str:
    """How a figure stands in a table."""
    if figure["value"] is None:
        return "–"
    bounds = "" if figure["low"] is None else f" ({figure['low']:.3f}–{figure['high']:.3f})"
    return f"{figure['value']:.3f}{bounds}"


def test_every_figure_is_that_of_the_evaluation(site: Site) -> None:
    read, evaluation = Read(site.report()), site.evaluation()
    figures = evaluation["figures"]
    main, *_ = read.tables["The figures"]
    for row in main[1:]:
        for name, shown in zip(main[0][1:], row[1:], strict=True):
            assert shown == (told(figures[row[0]][name]) if name in figures[row[0]] else "–"), (row[0], name)
    assert [row[0] for row in main[1:]] == list(figures)
    (every,) = read.tables["Retrieval"]
    assert {row[0] for row in every[1:]} == {name for named in figures.values() for name in named}
    for row in every[1:]:
        expected = [told(figures[one][row[0]]) if row[0] in figures[one] else "–" for one in every[0][1:]]
        assert row[1:] == expected


def test_the_classifier_is_told_label_by_label(site: Site) -> None:
    page, evaluation = site.report(), site.evaluation()
    figures, pairs, by_label, calibration = Read(page).tables["The classifier"]
    whole = evaluation["figures"]["lookalike"]
    assert figures[1] == [told(whole[name]) for name in figures[0]]
    assert [row[0] for row in by_label[1:]] == [one["label"] for one in evaluation["per_label"]] == sorted(LABELS)
    for row, one in zip(by_label[1:], evaluation["per_label"], strict=True):
        assert row[1] == str(one["support"])
        for place, name in enumerate(("precision", "recall", "f1", "label recall@1"), start=2):
            assert row[place] == told(one[name]), name
    counts, labels = evaluation["confusion"]["counts"], evaluation["confusion"]["labels"]
    for true, row in zip(labels, counts, strict=True):
        for said, count in zip(labels, row, strict=True):
            assert html.escape(f"{true}, called {said}: {count} of {sum(row)}") in page
            assert ([true, said, str(count)] in [pair[:3] for pair in pairs[1:]]) == (count > 0 and true != said)
    assert sum(int(row[3]) for row in calibration[1:]) == sum(map(sum, counts))


def test_counts_and_rejects_are_those_of_the_catalogue(site: Site) -> None:
    read = Read(site.report())
    stages, rejects = read.tables["The catalogue"]
    assert dict(stages[1:])["split"].startswith("36 images, ")
    assert f"{site.artifact('split').counts['train']} train" in dict(stages[1:])["split"]
    frame = site.artifact("catalogue").rejects()
    (reason,) = frame["reason"]
    assert rejects[1:] == [["ingest", reason.replace("_", " "), "1"]]


def test_every_artefact_names_its_command_its_hash_and_its_seed(site: Site) -> None:
    read = Read(site.report())
    origins = {row[0].split()[0]: row for row in read.tables["Where it comes from"][0][1:]}
    for kind in KINDS:
        if not (site.path / kind).exists():
            continue
        made = site.artifact(kind)
        assert made.hash in origins[kind][0]
        assert str(made.about["command"]) in origins[kind][1]
        assert all(parent in origins[kind][1] for parent in made.parents.values())
    assert "seed=0" in origins["split"][1]
    assert "python 3." in origins["head"][1]
    for section in (
        "The figures",
        "The catalogue",
        "Label and instance",
        "The classifier",
        "Retrieval",
        "What was found",
    ):
        kind = {"The catalogue": "catalogue", "Label and instance": "head"}.get(section, "evaluation")
        if "Make it:" not in read.text[section]:
            assert site.artifact(kind).hash in read.text[section]
            assert str(site.artifact(kind).about["command"]) in read.text[section]


def test_the_ledger_is_shown(site: Site) -> None:
    read = Read(site.report())
    assert "Uses of this test part: 1" in read.text["Where it comes from"]
    _, uses = read.tables["Where it comes from"]
    (use,) = site.evaluation()["ledger"]["last"]
    assert uses[1][1] == use["command"]
    assert uses[1][3] == site.artifact("evaluation").hash


def test_uses_that_came_after_the_evaluation_are_shown(site: Site) -> None:
    ledger = site.path / "test-uses.jsonl"
    for number in range(6):
        append_use(ledger, {**new_use(f"later {number}", site.artifact("split").hash, {}), "command": f"<{number}>"})
    append_use(ledger, new_use("elsewhere", "another split", {}))
    read = Read(site.report())
    assert "Uses of this test part: 7" in read.text["Where it comes from"]
    assert [row[1] for row in read.tables["Where it comes from"][1][1:]] == [f"<{n}>" for n in range(1, 6)]
    ledger.unlink()
    assert "Uses of this test part: 1" in Read(site.report()).text["Where it comes from"]


def test_nothing_is_fetched_and_no_label_becomes_markup(site: Site) -> None:
    page = site.report()
    assert HOSTILE not in page
    assert "<i id" not in page.lower()
    assert html.escape(HOSTILE) in page
    assert "red_wine" in page  # labels are shown as they are
    markup = re.sub(r"<script>.*?</script>", "", page, flags=re.DOTALL)
    linked = re.findall(r"""(?:src|href|xlink:href|action|poster|srcset)\s*=\s*["']?([^"'\s>]{1,12})""", markup)
    assert {one[:5] for one in linked if one[0] != "#"} == {"data:"}
    assert not re.search(r"url\(|@import|https?://|<link|<iframe|fetch\(|XMLHttp|import\(", page)
    for picture in re.findall(r"<img [^>]*>", page):
        assert 'alt="' in picture


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in ("catalogue", "model", "encoder")])
def test_a_site_without_a_part_still_has_a_report(site: Site, kind: str) -> None:
    read = Read(site.without(kind).report())
    if kind == "evaluation":
        for section in ("The figures", "The classifier", "Retrieval", "What was found"):
            assert f"Make it: lookalike evaluate {site.path}" in read.text[section]
    if kind == "collection":
        assert "Make it: lookalike build" in read.text["A map"]
    assert kind not in [row[0].split()[0] for row in read.tables["Where it comes from"][0]]


def test_a_catalogue_alone_has_a_report(site: Site) -> None:
    site.without("split", "embeddings", "views", "head", "collection", "evaluation")
    read = Read(site.report())
    assert [row[0].split()[0] for row in read.tables["Where it comes from"][0][1:]] == ["catalogue"]
    assert read.text["Training"].startswith("TrainingNo network was trained here. Make it: lookalike train")


def test_what_is_no_site_or_damaged_is_refused_and_nothing_is_written(site: Site, tmp_path: Path) -> None:
    out = tmp_path / "out.html"
    with pytest.raises(ArtifactError, match=r"no built site.*lookalike build"):
        write_report(tmp_path, out)
    for damaged in ("{", "{}", '{"figures": {}}'):
        (site.path / "evaluation" / "evaluation.json").write_text(damaged)
        with pytest.raises(ArtifactError, match=r"cannot be read.*Evaluate again"):
            write_report(site.path, out)
    assert not out.exists()


def test_runs_are_laid_over_each_other_best_first(site: Site) -> None:
    train_nothing(site.path / "model", 0.003, [0.1, 0.2, 0.15])
    sweep_nothing(site.path / "sweep")
    page = site.report()
    read = Read(page)
    (runs,) = read.tables["Training"]
    assert runs[1:] == [
        ["model", "0.2000", "2", "0.1500", "3", "3"],
        ["lr=0.002", "0.6250", "2", "0.6250", "2", "2"],
        ["lr=0.001", "0.5500", "2", "0.5500", "2", "2"],
    ]
    assert page.count('<polyline class="line s2"') == 4  # the third run, in each of the four charts
    assert "1 settings of the sweep failed" in read.text["Training"]
    assert "From lookalike sweep --lr 0.002" in read.text["Training"]
    assert "not the model that was trained here" in read.text["Training"]
    origins = {row[0].split()[0]: row[1] for row in read.tables["Where it comes from"][0][1:]}
    assert "torch 9.9.9" in origins["lr=0.001"]
    assert "seed=7" in origins["model"]


def test_another_sweep_can_be_named(site: Site, tmp_path: Path) -> None:
    read = Read(site.report(sweep=sweep_nothing(tmp_path / "elsewhere")))
    assert [row[0] for row in read.tables["Training"][0][1:]] == ["lr=0.002", "lr=0.001"]
    with pytest.raises(ArtifactError, match=r"no runs in this sweep.*lookalike sweep"):
        site.report(sweep=tmp_path)


def test_ablations_are_shown_as_given(site: Site, tmp_path: Path) -> None:
    file = tmp_path / "tried.json"
    rows = [
        {
            "name": "as it is",
            "command": "lookalike build <shop>",
            "accuracy": {"value": 0.764, "low": 0.7, "high": 0.8},
            "why": "the default",
        },
        {"name": "<u>raw</u>", "accuracy": 0.5, "seconds": 12},
    ]
    file.write_text(json.dumps(rows))
    page = site.report(ablations=file)
    assert Read(page).tables["Ablations"] == [
        [
            ["name", "accuracy", "why", "seconds", "command"],
            ["as it is", "0.764 (0.700–0.800)", "the default", "–", "lookalike build <shop>"],
            ["<u>raw</u>", "0.500", "–", "12", "no command was given"],
        ]
    ]
    assert "<u>" not in page
    for wrong in ("{}", "[1]", '[{"accuracy": 1}]', "[", ""):
        file.write_text(wrong)
        with pytest.raises(ArtifactError, match="no table of ablations"):
            site.report(ablations=file)


def test_photos_without_a_thumbnail_say_so(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lookalike.collection.LocalCollection.thumbnail", lambda *_: None)
    page = site.report()
    assert "no picture" in page
    assert "<img src" not in page


def test_the_commands(site: Site, tmp_path: Path) -> None:
    out = tmp_path / "r.html"
    result = RUNNER.invoke(app, ["report", str(site.path), "-o", str(out)], catch_exceptions=False)
    assert result.exit_code == 0
    assert f"{out.stat().st_size / 1e6:.1f} MB" in result.stdout.replace("\n", "")
    result = RUNNER.invoke(app, ["compare", str(site.path), str(site.path), "--json"], catch_exceptions=False)
    compared = {one["name"]: one for one in json.loads(result.stdout)}
    recall = site.evaluation()["figures"]["lookalike"]["label recall@1"]["value"]
    assert compared["label recall@1"]["first"] == compared["label recall@1"]["second"] == pytest.approx(recall)
    assert compared["label recall@1"]["difference"]["value"] == 0


# Charts


@given(st.floats(-1e6, 1e6), st.floats(1e-4, 1e4))
def test_ticks_are_few_even_and_within(low: float, span: float) -> None:
    span *= max(1, abs(low))
    found = charts.ticks(low, low + span)
    assert 1 <= len(found) <= 6
    steps = [b - a for a, b in itertools.pairwise(found)]
    assert all(step == pytest.approx(steps[0], rel=1e-6) and step > 0 for step in steps)
    slack = 1e-6 * (abs(low) + span)
    assert all(low - slack <= value <= low + span + slack for value in found)


def test_what_is_not_finite_is_not_drawn() -> None:
    drawn = charts.lines({"one": [(1, 0.5), (2, math.nan), (3, math.inf), (4, 0.7)]}, charts.Axes("epoch", "loss"))
    assert "nan" not in drawn
    assert "inf" not in drawn
    assert drawn.count("<circle") == 2
    assert "Nothing to draw" in charts.lines({"one": [(1, math.nan)]}, charts.Axes("epoch", "loss"))


def test_lines_stand_where_they_should() -> None:
    drawn = charts.lines({"one": [(0, 0.0), (10, 1.0)]}, charts.Axes("x", "y", (0, 20), (0, 2)))
    left, middle = ((float(a), float(b)) for a, b in re.findall(r'cx="([\d.]+)" cy="([\d.]+)"', drawn))
    assert left == (62, 222)
    assert middle == (pytest.approx((62 + 424) / 2), pytest.approx((222 + 12) / 2))
    decades = charts.lines({"one": [(1, 0), (10, 0), (100, 1)]}, charts.Axes("k", "y", log_x=True))
    xs = [float(x) for x in re.findall(r'cx="([\d.]+)"', decades)]
    assert xs[1] - xs[0] == pytest.approx(xs[2] - xs[1])


def test_a_matrix_of_many_labels_shows_the_largest(site: Site) -> None:
    evaluation = site.evaluation()
    n = 60
    labels = [f"label {place:02d}" for place in range(n)]
    counts = [[row + 1 if row == column else int(column == 0) for column in range(n)] for row in range(n)]
    evaluation["confusion"] = {"labels": labels, "counts": counts}
    (site.path / "evaluation" / "evaluation.json").write_text(json.dumps(evaluation))
    page = site.report()
    assert "The 40 labels of 60 with most photos" in page
    assert page.count('<rect class="cell') == 40 * 40
    assert "label 59, called label 59: 60 of 60" in page  # its row within what is shown
    assert "label 05, called label 05" not in page
