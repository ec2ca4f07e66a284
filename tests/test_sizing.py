"""Lines and laws by hand-worked numbers, and the command on a tiny shop."""

import json
import logging
from dataclasses import replace
from pathlib import Path

import pytest
from small_shop import draw_shop
from typer.testing import CliRunner

from lookalike.cli import app
from lookalike.cli.sizing import read_counts
from lookalike.collection.plan import IndexPlan, plan_for
from lookalike.errors import QueryError, SourceError
from lookalike.sizing import Costs, IndexCosts, Line, find_photos, size
from lookalike.sizing.asking import ask
from lookalike.sizing.laws import search_ms, views_of
from lookalike.sizing.measuring import index_costs
from lookalike.types import Float32Array

FLAT = IndexCosts(Line(0.5, 0.001), Line(0.0), Line(2e-6), row_bytes=1000)
LISTS = IndexCosts(Line(0.25, 0.0001), Line(1.0, 1e-6), Line(1e-6, 1e-8), row_bytes=300)
MILLION = plan_for(1_000_000)
COSTS = Costs(
    site=400,
    dim=256,
    stages={"embeddings": Line(2, 0.01), "views": Line(1, 0.02), "head": Line(5, 0.001)},
    artefacts={"collection": Line(1_000, 17_000), "views": Line(0, 2_000)},
    indexes={"flat": FLAT, MILLION.kind: LISTS},
    query_ms=20.0,
    decode_ms=4.0,
    encode_ms=15.0,
    queries_per_s=100.0,
    server_bytes=200_000_000,
    cores=2,
    precision="fp32",
)


def test_a_line_goes_through_both_points() -> None:
    line = Line.through((100, 7), (400, 13))
    assert (line.fixed, line.each) == (pytest.approx(5), pytest.approx(0.02))
    assert line.at(1_000) == pytest.approx(25)


def test_no_part_of_a_line_is_below_zero() -> None:
    assert Line.through((100, 8), (400, 6)) == Line(6, 0)
    assert Line.through((100, 1), (400, 8)) == Line(0, 0.02)


def test_views_are_made_up_to_their_limit() -> None:
    assert views_of(1_000) == pytest.approx(700 * 3 + 150)
    assert views_of(2_000) == pytest.approx(1_000 * 3 + 300)
    assert views_of(1_000_000) == 1_000 * 3 + 800


def test_a_whole_scan_grows_with_the_photos() -> None:
    # 400 photos: 0.5 + 0.4 ms; 10,000: 0.5 + 10 ms; the query that took 20 ms takes 9.6 more.
    assert search_ms(COSTS, 10_000) == pytest.approx(10.5)
    told = size(COSTS, 10_000)
    assert told.query_ms == pytest.approx(29.6)
    assert told.queries_per_s == pytest.approx(1000 / (10 + 9.6 / 2))
    assert told.stages == pytest.approx(
        {"embeddings": 102, "views": 1 + 0.02 * 3_800, "head": 15, "index": 2e-6 * 10_000}
    )
    assert told.build_s == pytest.approx(194.02)
    assert told.memory_bytes == 200_000_000 + (1_000 + 16) * 10_000
    assert told.disk_bytes == pytest.approx(1_000 + (17_000 + 1_000 + 512) * 10_000 + 2_000 * 3_800)


def test_lists_cost_their_centroids_and_a_share_of_the_rows() -> None:
    lists, probes = MILLION.lists, MILLION.probes
    scanned = 1_000_000 * probes / lists
    assert search_ms(COSTS, 1_000_000) == pytest.approx(0.25 + 0.0001 * scanned + 0.001 * lists)
    told = size(COSTS, 1_000_000)
    assert told.stages["index"] == pytest.approx(1 + 1e-6 * lists**2 + (1e-6 + 1e-8 * lists) * 1_000_000)
    assert told.memory_bytes == 200_000_000 + (300 + 16) * 1_000_000
    assert told.disk_bytes == pytest.approx(1_000 + (17_000 + 300 + 1_024) * 1_000_000 + 2_000 * 3_800)


def test_a_size_that_was_built_takes_what_was_measured() -> None:
    slow_site = replace(COSTS, site=1_000_000)
    assert size(slow_site, 1_000_000).query_ms == 20


@pytest.mark.parametrize("plan", [IndexPlan("flat"), IndexPlan("sq8"), MILLION], ids=lambda plan: plan.kind)
def test_indexes_of_any_kind_are_measured(plan: IndexPlan) -> None:
    costs = index_costs(plan, 16, rows=2_000)
    assert costs.search_ms.at(1_000) > 0
    assert costs.add_s.at(plan.lists) > 0
    assert 8 < costs.row_bytes <= 16 * 4 + 8 + 512 * 16 * 4 / 2_000


def test_lists_are_measured_by_fewer_and_by_more_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    def tried(plan: IndexPlan, vectors: Float32Array) -> tuple[float, float, float, float]:
        scanned = len(vectors) * (plan.probes / plan.lists if plan.lists else 1)
        return 0.25 + 0.001 * (scanned + plan.lists), 1 + 1e-6 * plan.lists**2, 1e-6 + 1e-8 * plan.lists, 300

    monkeypatch.setattr("lookalike.sizing.measuring._try", tried)
    costs = index_costs(MILLION, 16, rows=2_000)
    assert (costs.search_ms.fixed, costs.search_ms.each) == (pytest.approx(0.25), pytest.approx(0.001))
    assert (costs.train_s.fixed, costs.train_s.each) == (pytest.approx(1), pytest.approx(1e-6))
    assert (costs.add_s.fixed, costs.add_s.each) == (pytest.approx(1e-6), pytest.approx(1e-8))


def test_counts_are_read_or_refused() -> None:
    assert read_counts("5000, 10k,1.5M") == (5_000, 10_000, 1_500_000)
    for wrong in ("", "0", "ten", "-5", "10kk"):
        with pytest.raises(QueryError, match="no number of photos"):
            read_counts(wrong)


def test_a_sample_comes_from_all_over_the_folder(tmp_path: Path) -> None:
    shop = draw_shop(tmp_path / "shop", per_label=14)
    (shop / "red" / "note.txt").write_text("no photo")
    assert len(find_photos(shop, 500)) == 42
    assert {file.parent.name for file in find_photos(shop, 3)} == {"red", "green", "blue"}
    with pytest.raises(SourceError, match="14 photos are too few"):
        find_photos(shop / "red", 40)


def test_a_server_that_does_not_start_tells_why(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"did not start.*(?s:.*)nothing"):
        ask(tmp_path / "nothing", [])


def _no_head(dim: int) -> Line:
    return Line(dim, 1.0)


def test_the_command_measures_and_tells(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lookalike.sizing.measuring._head", _no_head)
    monkeypatch.setattr("lookalike.sizing.measuring._ROWS", 2_000)
    monkeypatch.setattr("lookalike.sizing.measuring._QUERIES", 5)
    shop, level = draw_shop(tmp_path / "shop", per_label=14), logging.getLogger("lookalike").level
    result = CliRunner().invoke(
        app, ["sizing", str(shop), "--photos", "1k,10k", "--encoder", "fast", "--json"], catch_exceptions=False
    )
    assert result.exit_code == 0, result.output
    assert logging.getLogger("lookalike").level == level
    told = json.loads(result.stdout)
    small, large = told["sizes"]
    assert not told["drawn"]
    assert told["measured"]["site"] == 42
    assert (small["photos"], large["photos"], large["index"]) == (1_000, 10_000, "flat")
    assert large["stages"]["head"] - small["stages"]["head"] == 9_000
    assert large["build_s"] > small["build_s"]
    assert large["disk_bytes"] > small["disk_bytes"] > 1_000_000
    assert large["memory_bytes"] - small["memory_bytes"] == pytest.approx(9_000 * (256 * 4 + 8 + 16))
    assert small["memory_bytes"] > 50e6
    assert not list((tmp_path / "shop").glob("site"))
