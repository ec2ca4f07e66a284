"""How many cores this process may use: in a container, or under `taskset`, fewer than the machine has."""

import math
import os
from functools import cache
from pathlib import Path

_GROUPS = Path("/sys/fs/cgroup")
_OWN = Path("/proc/self/cgroup")


@cache
def cores() -> int:
    """Cores that the process may run on, or fewer where its control group has a quota of processor time; at least 1."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, math.ceil(min(allowed, quota())))


def quota(groups: Path = _GROUPS, own: Path = _OWN) -> float:
    """Cores' worth of processor time that Linux grants to this process and the groups around it; else infinite.

    Version 2 of control groups says `quota period`, or `max period`, in `cpu.max`; version 1 has a file for each
    (kernel documentation, admin-guide/cgroup-v2 and scheduler/sched-bwc).
    """
    granted = [math.inf]
    for line in _read(own).splitlines():
        _, names, path = line.split(":", 2)
        root = groups if not names else groups / "cpu"
        if names and "cpu" not in names.split(","):
            continue
        group = root / path.strip("/")
        for folder in [group, *group.parents]:
            if not folder.is_relative_to(root):
                break
            limit = _read(folder / "cpu.max").split() if not names else _old_limit(folder)
            if len(limit) == 2 and limit[0].isdigit():  # neither "max" nor "-1", which are no limit
                granted.append(int(limit[0]) / int(limit[1]))
    return min(granted)


def _old_limit(folder: Path) -> list[str]:
    return [_read(folder / name).strip() for name in ("cpu.cfs_quota_us", "cpu.cfs_period_us")]


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="ascii")
    except OSError:
        return ""  # no Linux, or nothing that limits
