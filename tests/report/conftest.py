"""A site with labels that would like to be markup, built once."""

import shutil
from pathlib import Path

import pytest
from reported import LABELS, Silent, Site
from small_shop import draw_shop

from lookalike import catalogue, pipeline
from lookalike.evaluate import EvaluateConfig
from lookalike.splits import SplitConfig


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Made by the chain itself: 36 photos of three labels, one of them no photo. Not to be written to."""
    root = tmp_path_factory.mktemp("report")
    source = draw_shop(root / "shop", labels=LABELS)
    (source / "blue" / "broken.jpg").write_bytes(b"\xff\xd8 no photo")
    config = pipeline.BuildConfig(
        precision="fp32",
        split=SplitConfig(train=0.5, validation=0.2, test=0.3),
        evaluation=EvaluateConfig(instance_queries=8),
    )
    pipeline.build(catalogue.load_source_config(source), root / "site", config, Silent())
    return root / "site"


@pytest.fixture
def site(built: Path, tmp_path: Path) -> Site:
    """A copy to change."""
    return Site(shutil.copytree(built, tmp_path / "site", symlinks=True))
