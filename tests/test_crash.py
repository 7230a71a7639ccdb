"""Whatever happens to a run: no half file, no older one harmed, and the next run finishes it."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from crash import DAYS, Crashes, command, contents


@pytest.fixture(scope="module", params=["csv", "parquet"])
def crashes(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Crashes:
    return Crashes(tmp_path_factory.mktemp("crash"), request.param, servers=1000, seed=os.getpid())


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_a_killed_run_leaves_whole_files_and_the_next_one_finishes(
    crashes: Crashes, number: int
) -> None:
    crashes.kill(number)


def start(directory: Path, format: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        command(directory, format), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    made = tmp_path / "power"
    arguments = ["inventory", "--directory", str(made), "--count", "500", "--seed", "7", "--quiet"]
    subprocess.run([sys.executable, "-m", "synthpower", *arguments], check=True)
    return made


def test_two_runs_of_different_formats_at_once_lose_nothing(command, directory: Path) -> None:
    runs = [start(directory, format) for format in ("csv", "parquet")]
    for run in runs:
        assert run.communicate(timeout=60)[1].count("\n") == 1
        assert run.returncode == 0
    done = command("verify", directory)
    assert done.returncode == 0, done.stdout
    assert f"{2 * DAYS + 1} files" in done.stderr


def test_two_runs_of_the_same_files_at_once_lose_nothing(command, directory: Path) -> None:
    runs = [start(directory, "csv") for _ in range(2)]
    said = [run.communicate(timeout=60)[1] for run in runs]
    assert 0 in [run.returncode for run in runs]
    assert {run.returncode for run in runs} <= {0, 2}, said
    assert command("verify", directory).returncode == 0
    assert not [name for name in contents(directory) if name.startswith(".")]


@pytest.mark.parametrize("format", ["csv", "parquet"])
def test_a_full_disk_leaves_no_file(directory: Path, format: str) -> None:
    """A limit on a file's size, half of what one needs: then writing fails."""
    limit = {"csv": 1_500_000, "parquet": 100_000}[format]
    before = contents(directory)
    done = subprocess.run(
        command(directory, format),
        capture_output=True,
        text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)),
    )
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert f"data-2023-01-01.{format}: File too large" in done.stderr
    assert contents(directory) == before
