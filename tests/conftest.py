"""Shared fixtures: where the real photos are, a fake encoder that fits in eight lines, and a small shop on disk."""

import os
from pathlib import Path

import numpy as np
import pytest
from small_shop import draw_shop

from lookalike.types import Float32Array, Preprocess, UInt8Array

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data" / "clothing"


class GridEncoder:
    """Features that can be read by eye: the mean colours of a 4 by 4 grid, in [0, 1]."""

    name, hash, dim, generic_dim, precision = "grid", "grid-1", 48, 48, "fp32"
    card = Preprocess(16, (0.0, 0.0, 0.0), (1.0, 1.0, 1.0))

    def encode(self, images: UInt8Array) -> Float32Array:
        """Average 4 by 4 blocks."""
        return (images.reshape(-1, 4, 4, 4, 4, 3).mean(axis=(2, 4)) / 255).reshape(-1, 48).astype(np.float32)


@pytest.fixture
def grid_encoder() -> GridEncoder:
    return GridEncoder()


@pytest.fixture(scope="session")
def clothing() -> Path:
    """The 5,398 labelled real photos; tests on them skip where they are absent."""
    if not (SHARED / "images.csv").is_file():
        pytest.skip("the clothing photos are not in ../shared/data/clothing")
    return SHARED


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """36 small photos in a folder per category."""
    return draw_shop(tmp_path / "shop")


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Under `make check` only tests on ../shared may skip: a browser or torch test that skips is a failure."""
    if os.environ.get("LOOKALIKE_TESTS_STRICT") != "1" or exitstatus != 0:
        return
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    skipped = [] if reporter is None else reporter.stats.get("skipped", [])
    wrong = [report.nodeid for report in skipped if "../shared" not in str(report.longrepr)]
    if reporter is not None:
        reporter.write_line(f"skipped for want of ../shared: {len(skipped) - len(wrong)}")
    if wrong:
        session.exitstatus = 1
        if reporter is not None:
            reporter.write_line(f"skipped, but must run here: {', '.join(wrong)}", red=True)
