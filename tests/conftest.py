"""Shared fixtures: where the real photos are, and small photos drawn for a test."""

from pathlib import Path

import pytest

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data" / "clothing"


@pytest.fixture(scope="session")
def clothing() -> Path:
    """The 5,398 labelled real photos; tests on them skip where they are absent."""
    if not (SHARED / "images.csv").is_file():
        pytest.skip("the clothing photos are not in ../shared/data/clothing")
    return SHARED
