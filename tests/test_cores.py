"""How many cores a process may use, told from files as Linux writes them."""

import math
from pathlib import Path

import pytest

from lookalike import cores as module
from lookalike.cores import cores, quota


def write(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="ascii")


@pytest.mark.parametrize(
    ("files", "granted"),
    [
        ({"own": "0::/\n", "groups/cpu.max": "150000 100000\n"}, 1.5),
        ({"own": "0::/\n", "groups/cpu.max": "max 100000\n"}, math.inf),
        ({"own": "0::/a/b\n", "groups/a/cpu.max": "200000 100000\n", "groups/a/b/cpu.max": "400000 100000\n"}, 2.0),
        ({"own": "0::/a\n"}, math.inf),
        ({}, math.inf),
        (
            {
                "own": "4:memory:/x\n3:cpu,cpuacct:/x\n0::/\n",
                "groups/cpu/x/cpu.cfs_quota_us": "50000\n",
                "groups/cpu/x/cpu.cfs_period_us": "100000\n",
            },
            0.5,
        ),
        (
            {
                "own": "3:cpu:/\n",
                "groups/cpu/cpu.cfs_quota_us": "-1\n",
                "groups/cpu/cpu.cfs_period_us": "100000\n",
            },
            math.inf,
        ),
    ],
)
def test_the_quota_is_the_least_of_the_groups_around(files: dict[str, str], granted: float, tmp_path: Path) -> None:
    write(tmp_path, files)
    assert quota(tmp_path / "groups", tmp_path / "own") == granted


@pytest.mark.parametrize(("granted", "found"), [(math.inf, 8), (16.0, 8), (1.5, 2), (0.2, 1)])
def test_a_quota_takes_cores_away(granted: float, found: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "quota", lambda: granted)
    monkeypatch.setattr(module.os, "sched_getaffinity", lambda _: set(range(8)), raising=False)
    cores.cache_clear()
    try:
        assert cores() == found
    finally:
        cores.cache_clear()
