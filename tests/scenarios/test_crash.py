"""Whatever happens to a run: no half file, no older one harmed, and the next run finishes it."""

from __future__ import annotations

import errno
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from long.crash import CALLS, DAYS, Crashes, command, contents

from synthpower.cli import main as cli

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module", params=["csv", "parquet"])
def crashes(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Crashes:
    return Crashes(tmp_path_factory.mktemp("crash"), request.param, servers=1000, seed=os.getpid())


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_a_killed_run_leaves_whole_files_and_the_next_one_finishes(
    crashes: Crashes, number: int
) -> None:
    crashes.kill(number)


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("nth", [1, 2, 5, 12])
def test_where_the_system_refuses_something_nothing_is_lost(
    crashes: Crashes, call: str, nth: int
) -> None:
    for number in (errno.EIO, errno.EACCES):
        crashes.refuse(call, nth, number)


@pytest.fixture(scope="module")
def in_folders(tmp_path_factory: pytest.TempPathFactory) -> Crashes:
    folder = tmp_path_factory.mktemp("folders")
    return Crashes(folder, "parquet", servers=1000, seed=os.getpid(), in_folders=True)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_a_killed_run_leaves_whole_files_in_folders(in_folders: Crashes, number: int) -> None:
    in_folders.kill(number)


@pytest.mark.parametrize("call", ["mkdir", "open", "fsync", "link", "replace"])
@pytest.mark.parametrize("nth", [1, 5, 12])
def test_where_the_system_refuses_something_nothing_in_folders_is_lost(
    in_folders: Crashes, call: str, nth: int
) -> None:
    for number in (errno.ENOSPC, errno.EACCES):
        in_folders.refuse(call, nth, number)


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
    assert f"{2 * DAYS + 6} files" in done.stderr


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
    left = contents(directory)
    entries = json.loads(left["manifest.json"])["files"]
    assert [entry["state"] for entry in entries.values()] == ["planned"] * DAYS
    assert left | {"manifest.json": before["manifest.json"]} == before


@pytest.fixture
def little(tmp_path: Path) -> Iterator[Path]:
    """A file system of 2 MB."""
    place = tmp_path / "little"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(place)]
    try:
        subprocess.run(mount, check=True, capture_output=True)
    except (OSError, subprocess.SubprocessError):
        pytest.skip("no file system may be mounted")
    yield place
    subprocess.run(["umount", str(place)], check=True)


# Files that fill it after about two thirds of them, and of how many days.
FILLING = {"csv": (20, ["--interval", "86400"]), "parquet": (40, ["--format", "parquet"])}


def fill(directory: Path, format: str, *options: str) -> int:
    days, others = FILLING[format]
    arguments = ["data", "--directory", str(directory), "--date", "2023-01-01", "--quiet"]
    return cli.main([*arguments, "--days", str(days), *others, *options])


@pytest.mark.parametrize("format", ["csv", "parquet"])
def test_a_file_system_that_fills_up_has_whole_files_only(
    directory: Path,
    little: Path,
    format: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    whole = little.with_name("whole")
    shutil.copytree(directory, whole)
    assert fill(whole, format) == 0
    expected = contents(whole)
    full = little / "power"
    shutil.copytree(directory, full)
    older = "data-2023-02-01"  # of another specification; the run never comes so far
    others = ["--date", "2023-02-01", "--interval", "43200", "--format", format]
    assert cli.main(["data", "--directory", str(full), *others, "--quiet"]) == 0
    before = contents(full)

    assert fill(full, format, "--overwrite") == 2  # it is seen beforehand
    assert "make room or choose another directory" in capsys.readouterr().err
    assert contents(full) == before

    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=10**12))
    assert fill(full, format, "--overwrite") == 1
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert said.endswith(": No space left on device\n")
    left = contents(full)
    assert not [name for name in left if name.startswith(".")]
    made = left.keys() - before.keys() - {"manifest.json"}
    assert 0 < len(made) < len(expected) - len(before)
    assert all(left[name] == expected[name] for name in made)
    kept = before.keys() - {"manifest.json"}
    assert all(left[name] == before[name] for name in kept)

    subprocess.run(["mount", "-o", "remount,size=20m", str(little)], check=True)
    (full / f"{older}.{format}").unlink()
    assert fill(full, format) == 0
    left = contents(full)
    said = ("README.md", "manifest.json")  # they still know the older one: it may be remade
    assert {n: left[n] for n in left if n not in said} == {
        n: expected[n] for n in expected if n not in said
    }
    entries, made = (json.loads(each["manifest.json"])["files"] for each in (left, expected))
    assert {**entries, **made} == entries
    assert entries.keys() - made.keys() <= {f"{older}.{format}"}
