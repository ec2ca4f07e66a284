"""The whole chain on 36 drawn photos and the stock encoder: built, skipped, moved, resumed."""

import shutil
import subprocess
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest
from small_shop import draw_shop

from lookalike import catalogue, pipeline
from lookalike.artifacts import open_artifact
from lookalike.embedding import EmbedConfig
from lookalike.encoder_folder import find_encoder
from lookalike.engine import SearchEngine
from lookalike.errors import ArtifactError, Mismatch, SourceError
from lookalike.evaluate import EvaluateConfig, lines
from lookalike.heads import HeadConfig
from lookalike.splits import SplitConfig
from lookalike.stages import fill_collection
from lookalike.types import Filter

CONFIG = pipeline.BuildConfig(
    precision="fp32",
    split=SplitConfig(train=0.5, validation=0.2, test=0.3),
    evaluation=EvaluateConfig(instance_queries=5),
)


class Quiet:
    """A reporter that only remembers."""

    def __init__(self) -> None:
        self.calls: dict[str, list[tuple[int, int]]] = {}

    @contextmanager
    def stage(self, name: str) -> Generator[Callable[[int, int], None]]:
        seen = self.calls.setdefault(name, [])
        yield lambda done, total: seen.append((done, total))

    def finished(self, stage: pipeline.StageReport) -> None:
        self.calls[stage.name].append((1, 1) if stage.made else (0, 0))


def build(source: Path, out: Path, config: pipeline.BuildConfig = CONFIG) -> dict[str, bool]:
    reports = pipeline.build(catalogue.load_source_config(source), out, config, Quiet())
    return {report.name: report.made for report in reports}


@pytest.fixture
def site(shop: Path, tmp_path: Path) -> Path:
    (shop / "red" / "broken.jpg").write_bytes(b"\xff\xd8 no photo")
    build(shop, tmp_path / "site")
    return tmp_path / "site"


def test_a_build_serves_and_is_skipped_the_second_time(shop: Path, site: Path) -> None:
    with SearchEngine.open(site) as engine:
        results = engine.search(shop / "green" / "03.jpg", k=5)
        assert results[0].score == pytest.approx(1, abs=5e-3)
        assert results[0].category == "green"
        assert engine.collection.count(Filter(splits=frozenset({"train"}))) > 10
    assert set(build(shop, site).values()) == {False}
    rejects = pipeline.rejects_by_reason(site)
    assert rejects.rows() == [("ingest", "unreadable", 1)]
    assert pipeline.Site(site).ledger.read_text().count("\n") == 1  # a skipped evaluation is no use of the test part


def test_flipping_reaches_from_the_embeddings_to_the_queries(shop: Path, tmp_path: Path) -> None:
    build(shop, tmp_path / "site", replace(CONFIG, embed=EmbedConfig(flip=True), evaluation=None))
    photo = shop / "green" / "03.jpg"
    with SearchEngine.open(tmp_path / "site", precision="fp32") as engine:
        assert engine.flip
        assert engine.search(photo, k=1)[0].score == pytest.approx(1, abs=2e-3)


def test_prices_come_out_as_people_write_them(shop: Path, tmp_path: Path) -> None:
    photos = sorted((shop / "red").glob("*.jpg"))[:3]
    lines_ = [
        f"{photo.stem},{price}" for photo, price in zip(photos, ("£19.99", '"£1,250"', "BHD 1.2345"), strict=True)
    ]
    (shop / "red" / "table.csv").write_text("\n".join(["image,price", *lines_]))
    build(shop / "red", tmp_path / "site", pipeline.BuildConfig(precision="fp32", evaluation=None))
    with SearchEngine.open(tmp_path / "site") as engine:
        prices = {str(result.price) for result in engine.search(photos[0], k=5)}
    assert prices == {"19.99", "1250.00", "1.2345"}


def test_only_what_changed_is_made_again(shop: Path, site: Path) -> None:
    other = pipeline.BuildConfig(
        precision="fp32", split=CONFIG.split, head=HeadConfig(kind="pca"), evaluation=CONFIG.evaluation
    )
    assert [name for name, made in build(shop, site, other).items() if made] == ["head", "collection", "evaluation"]
    (shop / "blue" / "05.jpg").unlink()
    assert "catalogue" in [name for name, made in build(shop, site).items() if made]
    with SearchEngine.open(site) as engine:
        assert engine.collection.count() == 35


def test_a_site_that_moves_with_its_photos_still_serves(shop: Path, site: Path, tmp_path: Path) -> None:
    moved = tmp_path / "elsewhere"
    moved.mkdir()
    shutil.move(shop, moved / shop.name)
    shutil.move(site, moved / site.name)
    with SearchEngine.open(moved / site.name) as engine:
        image_id = engine.collection.image_ids()[0]
        assert engine.photo(image_id).size == (64, 48)
        assert engine.photos == moved / shop.name


def test_a_read_only_site_is_served_and_left_alone(shop: Path, site: Path) -> None:
    before = {file: file.stat().st_mtime_ns for file in site.rglob("*")}
    with SearchEngine.open(site) as engine:
        engine.search(shop / "red" / "01.jpg", k=3)
        engine.thumbnail(engine.collection.image_ids()[0])
    assert {file: file.stat().st_mtime_ns for file in site.rglob("*")} == before


def test_another_head_beside_the_collection_is_refused(shop: Path, site: Path) -> None:
    collection = (site / "collection").resolve()
    head = (site / "head").resolve()
    other = pipeline.BuildConfig(precision="fp32", split=CONFIG.split, head=HeadConfig(kind="pca"), evaluation=None)
    build(shop, site, other)
    shutil.rmtree(head)
    shutil.copytree((site / "head").resolve(), head)
    with pytest.raises(Mismatch, match="not the one that it was built with"):
        SearchEngine.open(collection)


KILLED = """
import os, sys
from pathlib import Path
from lookalike import stages
from lookalike.embedding import EmbedConfig
from lookalike.encoder_folder import find_encoder
stages._PUT = 8
site, left = Path(sys.argv[1]), 2
def progress(done, total):
    global left
    left -= 1
    if left == 0:
        os.kill(os.getpid(), 9)
stages.fill_collection(
    stages.Inputs(site / "catalogue", site / "split", site / "embeddings"),
    site / "head", find_encoder("lite0"), site / "collection", progress=progress)
"""


def test_a_killed_index_run_goes_on_with_the_photos_that_are_missing(shop: Path, site: Path) -> None:
    for folder in site.glob("collection*"):
        folder.unlink() if folder.is_symlink() else shutil.rmtree(folder)
    assert subprocess.run([sys.executable, "-c", KILLED, str(site)], check=False).returncode == -9
    (partial,) = site.glob("collection.*.partial")
    assert not (site / "collection").exists()
    paths = pipeline.Site(site)
    seen: list[tuple[int, int]] = []
    fill_collection(
        paths.inputs, paths.head, find_encoder("lite0"), paths.collection, progress=lambda *at: seen.append(at)
    )
    assert seen == [(36, 36)]  # one batch of what was missing
    assert not partial.exists()
    with SearchEngine.open(site) as engine:
        assert engine.collection.count() == 36
        assert len(set(engine.search_ids([shop / "red" / "01.jpg"], k=36)[0])) == 36


def test_a_damaged_collection_is_made_again(shop: Path, site: Path) -> None:
    (site / "collection" / "collection.sqlite").write_bytes(b"")
    build(shop, site)
    with SearchEngine.open(site) as engine:
        assert engine.collection.count() == 36


def test_a_split_of_another_catalogue_is_refused(shop: Path, site: Path) -> None:
    paths = pipeline.Site(site)
    (shop / "blue" / "05.jpg").unlink()
    catalogue.ingest(catalogue.load_source_config(shop), paths.inputs.catalogue)
    for folder in site.glob("collection*"):
        folder.unlink() if folder.is_symlink() else shutil.rmtree(folder)
    with pytest.raises(ArtifactError, match="from another catalogue"):
        fill_collection(paths.inputs, paths.head, find_encoder("lite0"), paths.collection)


def test_everything_that_was_left_out_is_counted_once(shop: Path, site: Path) -> None:
    (shop / "red" / "empty.jpg").touch()
    build(shop, site)
    rejects = pl.read_parquet(site / "catalogue" / "rejects.parquet")
    assert sorted(rejects["reason"]) == ["empty", "unreadable"]
    assert sorted(pipeline.rejects_by_reason(site)["count"]) == [1, 1]


@pytest.mark.parametrize("labels", [("only",), ("one", "two")])
def test_few_labels_still_give_a_search(tmp_path: Path, labels: tuple[str, ...]) -> None:
    source = draw_shop(tmp_path / "few", labels=labels, per_label=9)
    build(
        source, tmp_path / "site", pipeline.BuildConfig(precision="fp32", evaluation=EvaluateConfig(instance_queries=3))
    )
    with SearchEngine.open(tmp_path / "site") as engine:
        assert len(engine.search(source / labels[0] / "01.jpg", k=4)) == 4


def test_a_source_without_a_usable_photo_stops_with_its_rejects_kept(tmp_path: Path) -> None:
    (tmp_path / "shop" / "red").mkdir(parents=True)
    (tmp_path / "shop" / "red" / "empty.jpg").touch()
    with pytest.raises(SourceError, match=r"not one usable photo.*rejects\.parquet"):
        build(tmp_path / "shop", tmp_path / "site")
    assert pipeline.rejects_by_reason(tmp_path / "site").rows() == [("ingest", "empty", 1)]


def test_one_photo_is_a_site_without_figures(tmp_path: Path) -> None:
    source = draw_shop(tmp_path / "one", labels=("red",), per_label=1)
    build(source, tmp_path / "site")
    evaluation = open_artifact(tmp_path / "site" / "evaluation", "evaluation")
    assert lines(evaluation) == ["There are no test photos that could be asked about: nothing was measured."]
    with SearchEngine.open(tmp_path / "site") as engine:
        assert [result.score for result in engine.search(source / "red" / "00.jpg")] == [pytest.approx(1, abs=5e-3)]
