"""Runs at the same time, and runs that were killed."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from support import contents, names, ok

pytestmark = pytest.mark.slow

PROGRAM = [sys.executable, "-m", "synthpower"]


def start(directory: Path, *options: str) -> subprocess.Popen[str]:
    arguments = ["data", "--directory", str(directory), "--date", "2023-02-27", *options]
    return subprocess.Popen([*PROGRAM, *arguments], stderr=subprocess.PIPE, text=True)


def make(command, directory: Path, count: int = 50) -> Path:
    ok(command("inventory", "--directory", directory, "--count", count, "--seed", "5", "--quiet"))
    return directory


@pytest.fixture
def directory(command, tmp_path: Path) -> Path:
    return make(command, tmp_path / "power")


@pytest.fixture
def alone(command, tmp_path: Path) -> Path:
    """A second directory, for a run that nothing disturbs."""
    return make(command, tmp_path / "alone")


def finish(process: subprocess.Popen[str]) -> str:
    """Wait for a run, which has to succeed, and return what it said."""
    _, said = process.communicate(timeout=120)
    assert process.returncode == 0, said
    return said


@pytest.mark.parametrize("format", ["csv", "parquet"])
def test_equal_runs_at_once_all_succeed(directory: Path, alone: Path, format: str) -> None:
    options = ("--days", "6", "--format", format)
    for process in [start(directory, *options) for _ in range(4)]:
        finish(process)
    finish(start(alone, *options))
    assert contents(directory) == contents(alone)


def test_equal_runs_at_once_draw_one_seed(command, tmp_path: Path) -> None:
    (tmp_path / "inventory.csv").write_text("sn,model,product_id,location\nA1,m,p,x\n")
    said = [finish(process) for process in [start(tmp_path) for _ in range(3)]]
    seed = json.loads((tmp_path / "manifest.json").read_text())["seed"]
    for line in said:
        assert re.fullmatch(
            rf"data-2023-02-27.csv  (48 rows  .*  seed {seed} \(UTC\)|already complete)\n", line
        )
    assert "  0 wrong  " in ok(command("verify", tmp_path)).stderr


def when_writing(process: subprocess.Popen[str], directory: Path, files: int = 1) -> None:
    """Wait until a run has made so many files and goes on with another."""
    for _ in range(6000):
        done = [name for name in names(directory) if name.startswith("data-")]
        if len(done) >= files and list(directory.glob(".synthpower-*.tmp")):
            return
        assert process.poll() is None, "it was too fast"
        time.sleep(0.01)
    raise AssertionError("nothing was written")


def test_a_run_that_starts_while_another_writes_finds_what_is_whole(
    command, tmp_path: Path
) -> None:
    directory, alone = (make(command, tmp_path / name, 5000) for name in ("power", "alone"))
    options = ("--days", "6", "--interval", "600")
    first = start(directory, *options)
    when_writing(first, directory)
    second = start(directory, *options)
    finish(first)
    assert "already complete" in finish(second)
    finish(start(alone, *options))
    assert contents(directory) == contents(alone)


@pytest.mark.parametrize("format", ["csv", "parquet"])
def test_a_killed_run_is_finished_by_remake(command, tmp_path: Path, format: str) -> None:
    directory, alone = (make(command, tmp_path / name, 3000) for name in ("power", "alone"))
    options = ("--days", "40", "--interval", "900", "--format", format)
    process = start(directory, *options)
    when_writing(process, directory, 2)
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=60)
    assert process.returncode == -signal.SIGKILL

    files = json.loads((directory / "manifest.json").read_text())["files"]
    there = {name for name in names(directory) if name.startswith("data-")}
    assert len(files) == 40
    assert 2 <= len(there) < 40
    whole = {name for name, entry in files.items() if entry["state"] == "whole"}
    assert whole <= there  # what is there may be planned still
    assert {entry["state"] for name, entry in files.items() if name not in there} == {"planned"}

    done = command("verify", directory, "--json")
    assert done.returncode == 1
    checks = json.loads(done.stdout)["checks"]
    wrong = {check["file"] for check in checks if not check["passed"]}
    assert wrong == files.keys() - there
    assert {check["what"] for check in checks if not check["passed"]} == {"planned"}

    ok(command("remake", directory))
    finish(start(alone, *options))
    assert contents(directory) == contents(alone)


def test_a_killed_run_is_finished_by_the_same_command(command, tmp_path: Path) -> None:
    directory, alone = (make(command, tmp_path / name, 3000) for name in ("power", "alone"))
    options = ("--days", "12", "--interval", "900")
    process = start(directory, *options)
    when_writing(process, directory, 2)
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=60)
    assert "already complete" in finish(start(directory, *options))
    finish(start(alone, *options))
    assert contents(directory) == contents(alone)


def test_ctrl_c_says_how_many_files_are_written(command, tmp_path: Path) -> None:
    directory = make(command, tmp_path / "power", 3000)
    options = ("--days", "40", "--interval", "900")
    process = start(directory, *options)
    when_writing(process, directory, 2)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    written = [name for name in names(directory) if name.startswith("data-")]
    assert said == (
        f"synthpower data: error: interrupted; {len(written)} of 40 files written: "
        "the same command goes on\n"
    )
    files = json.loads((directory / "manifest.json").read_text())["files"]
    assert sorted(n for n, entry in files.items() if entry["state"] == "whole") == written
    assert not list(directory.glob(".synthpower-*.tmp"))
    assert "already complete" in finish(start(directory, *options))
