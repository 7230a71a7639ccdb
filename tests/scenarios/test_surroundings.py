"""What is around a run: streams that are full or closed, memory, the compiler's cache, signals."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from support import names, ok

from synthpower.cli.main import main

pytestmark = pytest.mark.slow

GOOD = "sn,model,product_id,location\nA1,m,p,x\nA2,m,p,x\n"
COMMANDS = [
    ["inventory", "--directory", "new", "--count", "3", "--seed", "1"],
    ["data", "--directory", ".", "--date", "2023-02-27", "--seed", "1"],
    ["data", "--directory", ".", "--date", "2023-02-27", "--seed", "1", "--format", "parquet"],
]


def in_shell(
    folder: Path, arguments: list[str], redirection: str
) -> subprocess.CompletedProcess[str]:
    line = f'exec "$0" -m synthpower "$@" {redirection}'
    return subprocess.run(
        ["sh", "-c", line, sys.executable, *arguments],
        cwd=folder, capture_output=True, text=True, timeout=60,
    )  # fmt: skip


@pytest.mark.parametrize("arguments", COMMANDS)
@pytest.mark.parametrize("redirection", ["2>/dev/full", ">/dev/full", "2>&-", ">&-", ">&- 2>&-"])
def test_a_file_that_is_whole_is_a_success(
    tmp_path: Path, arguments: list[str], redirection: str
) -> None:
    """Nobody reads what a run says: a run all the same."""
    (tmp_path / "inventory.csv").write_text(GOOD)
    assert in_shell(tmp_path, arguments, redirection).returncode == 0
    made = tmp_path / "new" / "inventory.csv" if arguments[0] == "inventory" else None
    if made is None:
        made = tmp_path / f"data-2023-02-27.{'parquet' if 'parquet' in arguments else 'csv'}"
    assert made.stat().st_size > 100


def test_output_that_cannot_be_written_is_a_failure(tmp_path: Path) -> None:
    (tmp_path / "inventory.csv").write_text(GOOD)
    for arguments in ([*COMMANDS[1], "--output", "-"], ["tables"]):
        done = in_shell(tmp_path, arguments, ">/dev/full")
        assert done.returncode == 1
        (line,) = done.stderr.splitlines()
        assert line.startswith(f"synthpower {arguments[0]}: error: ")
        assert line.endswith("No space left on device")


def test_an_error_that_nobody_reads_is_still_an_error(tmp_path: Path) -> None:
    assert in_shell(tmp_path, COMMANDS[1], "2>/dev/full").returncode == 2


MEASURE = """
import resource, subprocess, sys
done = subprocess.run(sys.argv[1:], check=True)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""


def test_many_workers_take_little_memory(command, tmp_path: Path) -> None:
    """Measured by a process that is small itself: a child's peak is at least its parent's."""
    ok(command("inventory", "--directory", tmp_path, "--count", "20k", "--seed", "1"))
    run = [sys.executable, "-m", "synthpower", "data", "--directory", str(tmp_path), "--quiet"]
    run += ["--date", "2023-02-27", "--interval", "600", "--workers", "64"]
    measured = [sys.executable, "-c", MEASURE, *run]
    done = subprocess.run(measured, capture_output=True, text=True, check=True, timeout=120)
    unit = 1 if sys.platform == "darwin" else 1024
    assert int(done.stdout) * unit < 450e6


def test_the_first_run_says_that_it_compiles_where_no_terminal_is(command, tmp_path: Path) -> None:
    (tmp_path / "inventory.csv").write_text(GOOD)
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path / "cache")}
    arguments = ["data", "--directory", tmp_path, "--date", "2023-02-27T05", "--seed", "1"]
    first = ok(command(*arguments, env=environment))
    assert first.stderr.splitlines()[0] == (
        "compiling kernels for this machine: a few seconds, the first time only"
    )
    assert len(first.stderr.splitlines()) == 2
    second = ok(command(*arguments, "--overwrite", env=environment))
    assert len(second.stderr.splitlines()) == 1


def test_a_quiet_first_run_says_nothing(command, tmp_path: Path) -> None:
    (tmp_path / "inventory.csv").write_text(GOOD)
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path / "cache")}
    arguments = ["data", "--directory", tmp_path, "--date", "2023-02-27T05", "--seed", "1"]
    done = ok(command(*arguments, "--quiet", env=environment))
    assert (done.stdout, done.stderr) == ("", "")
    assert names(tmp_path / "cache")


def mine(number: int, frame: object) -> None: ...


@pytest.mark.parametrize("arguments", [["tables"], ["data", "--bogus"], ["remake", "nowhere"]])
def test_signal_handlers_are_put_back(arguments: list[str]) -> None:
    before = {n: signal.signal(n, mine) for n in (signal.SIGINT, signal.SIGTERM)}
    try:
        main(arguments)
        assert signal.getsignal(signal.SIGINT) is mine
        assert signal.getsignal(signal.SIGTERM) is mine
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def test_signal_handlers_are_put_back_after_an_interruption(tmp_path: Path) -> None:
    """In a process of its own, which interrupts itself and goes on."""
    (tmp_path / "inventory.csv").write_text(GOOD)
    script = """
import os, signal, sys, threading
from synthpower.cli.main import main
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job ignores it
threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT)).start()
status = main(["data", "--directory", sys.argv[1], "--date", "2023-02-27", "--interval", "1",
               "--days", "500", "--writer", "pyarrow", "--quiet"])
assert status == 130, status
assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
"""
    subprocess.run([sys.executable, "-c", script, str(tmp_path)], check=True, timeout=60)
