from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from synthpower import InputError
from synthpower.engine import available_workers, checked_workers


@pytest.fixture(autouse=True)
def _eight_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 8)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)), raising=False)


def system(root: Path, groups: str, **files: str) -> Path:
    """Make a tree with what a process's control groups are, and their files."""
    (root / "proc/self").mkdir(parents=True)
    (root / "proc/self/cgroup").write_text(groups)
    for name, text in files.items():
        path = root / "sys/fs/cgroup" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def test_without_control_groups_all_cores_are_used(tmp_path: Path) -> None:
    assert available_workers(tmp_path) == 8


def test_the_cores_are_those_that_the_scheduler_allows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {3, 5}, raising=False)
    assert available_workers(tmp_path) == 2


@pytest.mark.parametrize(
    ("limit", "workers"),
    [
        ("200000 100000\n", 2),
        ("250000 100000\n", 3),
        ("10000 100000\n", 1),
        ("50000 20000\n", 3),
        ("1600000 100000\n", 8),
        ("max 100000\n", 8),
        ("0 100000\n", 8),
        ("100000 0\n", 8),
        ("", 8),
        ("nonsense\n", 8),
        ("1 2 3\n", 8),
    ],
)
def test_a_quota_of_version_2_is_rounded_up(tmp_path: Path, limit: str, workers: int) -> None:
    root = system(tmp_path, "0::/pod/container\n", **{"pod/container/cpu.max": limit})
    assert available_workers(root) == workers


def test_a_quota_of_a_group_above_holds_too(tmp_path: Path) -> None:
    files = {"pod/container/cpu.max": "max 100000\n", "pod/cpu.max": "300000 100000\n"}
    assert available_workers(system(tmp_path, "0::/pod/container\n", **files)) == 3


def test_the_least_quota_holds(tmp_path: Path) -> None:
    files = {"pod/container/cpu.max": "200000 100000\n", "pod/cpu.max": "300000 100000\n"}
    assert available_workers(system(tmp_path, "0::/pod/container\n", **files)) == 2


def test_a_container_that_sees_its_group_as_the_root_heeds_its_quota(tmp_path: Path) -> None:
    assert available_workers(system(tmp_path, "0::/\n", **{"cpu.max": "200000 100000\n"})) == 2


def test_a_container_whose_group_is_not_there_heeds_the_roots_quota(tmp_path: Path) -> None:
    root = system(tmp_path, "0::/docker/0123\n", **{"cpu.max": "200000 100000\n"})
    assert available_workers(root) == 2


FIRST = "12:cpuset:/\n4:cpu,cpuacct:/docker/0123\n1:name=systemd:/docker/0123\n"


@pytest.mark.parametrize("mount", ["cpu", "cpu,cpuacct"])
@pytest.mark.parametrize("group", ["", "docker/0123/"])
@pytest.mark.parametrize(("quota", "workers"), [("250000", 3), ("-1", 8)])
def test_a_quota_of_version_1_is_rounded_up(
    tmp_path: Path, mount: str, group: str, quota: str, workers: int
) -> None:
    folder = f"{mount}/{group}"
    files = {f"{folder}cpu.cfs_quota_us": f"{quota}\n", f"{folder}cpu.cfs_period_us": "100000\n"}
    assert available_workers(system(tmp_path, FIRST, **files)) == workers


def test_a_quota_of_another_controller_makes_no_difference(tmp_path: Path) -> None:
    files = {"cpuset/cpu.cfs_quota_us": "100000\n", "cpuset/cpu.cfs_period_us": "100000\n"}
    assert available_workers(system(tmp_path, "12:cpuset:/\n", **files)) == 8


@pytest.mark.parametrize("data", [b"\xff\n", b"0\n", b":::::\n", b"0::\n"])
def test_a_file_of_groups_that_is_not_understood_makes_no_difference(
    tmp_path: Path, data: bytes
) -> None:
    root = system(tmp_path, "")
    (root / "proc/self/cgroup").write_bytes(data)
    assert available_workers(root) == 8


def test_as_many_workers_as_asked_for_are_taken() -> None:
    assert checked_workers(100) == 100


def test_there_is_one_worker_at_least(tmp_path: Path) -> None:
    assert available_workers(system(tmp_path, "0::/\n", **{"cpu.max": "1 100000\n"})) == 1


@pytest.mark.parametrize("workers", [0, -1, 1.0, True, "2"])
def test_a_number_of_workers_that_cannot_be_is_refused(workers: Any) -> None:
    with pytest.raises(InputError) as found:
        checked_workers(workers)
    assert found.value.argument == "workers"
