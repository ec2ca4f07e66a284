"""The sample shop, drawn once for all tests that look at it."""

from pathlib import Path

import pytest

from lookalike.demo import draw


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return draw(tmp_path_factory.mktemp("shop"))
