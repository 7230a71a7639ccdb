"""How many threads a process may keep busy: its cores, and what a container allows of them."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from pathlib import Path

from synthpower.errors import InputError, shown, whole_number


def available_workers(root: Path = Path("/")) -> int:
    """Return the number of cores that this process may use, at least 1.

    The cores that the scheduler allows, and no more than the CPU quota of the control groups
    that the process is in (`docker run --cpus`, Kubernetes limits), version 1 or 2, rounded up.

    Parameters
    ----------
    root : Path
        Where ``proc`` and ``sys`` are mounted.
    """
    cores = os.cpu_count() or 1
    if hasattr(os, "sched_getaffinity"):
        cores = len(os.sched_getaffinity(0))
    quota = min(_quotas(root), default=math.inf)
    return max(1, min(cores, math.ceil(quota) if quota < cores else cores))


def checked_workers(workers: object) -> int:
    """Return a number of threads: `workers`, and where that is None the available ones.

    Raises
    ------
    InputError
        Where it is not a whole number of 1 or more.
    """
    if workers is None:
        return available_workers()
    number = whole_number(workers, "workers")
    if number < 1:
        raise InputError(f"{shown(number)}: it must be 1 or more", "workers")
    return number


def _quotas(root: Path) -> Iterator[float]:
    """Yield the cores that each control group of this process may use."""
    for line in _read(root / "proc/self/cgroup").splitlines():
        _, _, rest = line.partition(":")
        controllers, _, group = rest.partition(":")
        if not controllers:  # version 2
            for folder in _up(root / "sys/fs/cgroup", group):
                limit = _read(folder / "cpu.max").split()
                yield from _ratio(limit)
        elif "cpu" in controllers.split(","):
            for mount in ("cpu", controllers):
                for folder in _up(root / "sys/fs/cgroup" / mount, group):
                    names = ("cpu.cfs_quota_us", "cpu.cfs_period_us")
                    yield from _ratio([_read(folder / name).strip() for name in names])


def _up(mount: Path, group: str) -> Iterator[Path]:
    """Yield a group's folder and those above it; a container may see its own as the mount."""
    folder = mount / group.strip("/")
    yield folder
    while folder != mount:
        folder = folder.parent
        yield folder


def _ratio(limit: list[str]) -> Iterator[float]:
    """Yield quota through period, where both are numbers above zero: ``max`` and -1 are none."""
    if len(limit) == 2 and all(part.isdigit() for part in limit):
        quota, period = map(int, limit)
        if quota and period:
            yield quota / period


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except (OSError, UnicodeError):
        return ""
