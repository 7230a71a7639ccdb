"""What --output may name, and which format that says."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from support import contents, ok

pytestmark = pytest.mark.slow

HOUR = ("--date", "2023-02-27T05")


@pytest.fixture
def directory(command, tmp_path: Path) -> Path:
    made = tmp_path / "power"
    ok(command("inventory", "--directory", made, "--count", "3", "--seed", "5"))
    return made


def data(
    command, directory: Path, *options: object, **more: object
) -> subprocess.CompletedProcess[Any]:
    return command("data", "--directory", directory, *HOUR, *options, **more)


@pytest.fixture
def expected(command, directory: Path, tmp_path: Path) -> dict[str, bytes]:
    """The file's bytes in each format."""
    for format in ("csv", "parquet"):
        ok(data(command, directory, "--format", format))
    files = contents(directory)
    found = {format: files[f"data-2023-02-27T05.{format}"] for format in ("csv", "parquet")}
    for format in found:
        (directory / f"data-2023-02-27T05.{format}").unlink()
    return found


@pytest.mark.parametrize(
    ("name", "options", "format"),
    [
        ("x.csv", [], "csv"),
        ("x.CSV", [], "csv"),
        ("x.parquet", [], "parquet"),
        ("x.y.parquet", [], "parquet"),
        ("x.parquet", ["--format", "parquet"], "parquet"),
        ("x.txt", ["--format", "csv"], "csv"),
        ("x.txt", ["--format", "parquet"], "parquet"),
        ("x", ["--format", "csv"], "csv"),
    ],
)
def test_a_name_that_says_the_format(
    command, directory: Path, expected: dict[str, bytes], tmp_path: Path, name: str,
    options: list[str], format: str,
) -> None:  # fmt: skip
    ok(data(command, directory, "--output", tmp_path / name, *options))
    assert (tmp_path / name).read_bytes() == expected[format]


@pytest.mark.parametrize(
    ("name", "options", "words"),
    [
        ("x", [], "x: it has no suffix; end it in .csv, .jsonl, .txt, .parquet or .arrow, or say"),
        ("x.log", [], "the suffix '.log' names no format"),
        ("x.json", [], "the suffix '.json' names no format"),
        ("x.parquet.gz", [], "the suffix '.gz' names no format"),
        ("x.csv.gz", ["--format", "parquet"], "the suffix '.csv.gz' says another format than"),
        ("x.jsonl", ["--format", "csv"], "the suffix '.jsonl' says another format than csv"),
        ("x.json", ["--format", "csv"], "the suffix '.json' says another format than csv"),
        ("x.csv", ["--format", "parquet"], "says another format than parquet; end it in .parquet"),
        ("x.parquet", ["--format", "csv"], "says another format than csv; end it in .csv"),
        ("power/data-2023-02-28.csv", [], "the name of other readings of the dataset"),
        ("power/data-2023-02-27T05-00001-of-00002.csv", [], "the name of other readings"),
        ("power/manifest.json", ["--format", "csv"], "manifest.json"),
        ("power/README.md", ["--format", "csv", "--overwrite"], "is part of the dataset"),
    ],
)
def test_a_name_that_lies_is_refused(
    command, directory: Path, tmp_path: Path, name: str, options: list[str], words: str
) -> None:
    before = contents(directory)
    done = data(command, directory, "--output", tmp_path / name, *options)
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert line.startswith("synthpower data: error: argument --output: ")
    assert words in line
    assert line.endswith("; see 'synthpower data --help'")
    assert contents(directory) == before
    assert [path.name for path in tmp_path.iterdir()] == ["power"]


def test_the_files_own_name_is_no_other(
    command, directory: Path, expected: dict[str, bytes]
) -> None:
    path = directory / "data-2023-02-27T05.csv"
    ok(data(command, directory, "--output", path))
    assert path.read_bytes() == expected["csv"]


@pytest.mark.parametrize("format", [None, "csv", "parquet"])
def test_standard_output_is_csv_unless_it_is_said(
    command, directory: Path, expected: dict[str, bytes], format: str | None
) -> None:
    options = ["--format", format] if format else []
    done = data(command, directory, "--output", "-", *options, text=False)
    assert done.stdout == expected[format or "csv"]


@pytest.mark.parametrize("name", ["pipe", "pipe.parquet"])
def test_a_pipe_is_csv_unless_it_is_said(
    directory: Path, expected: dict[str, bytes], tmp_path: Path, name: str
) -> None:
    """Its name says nothing: it is not a file, and stays what it is."""
    pipe = tmp_path / name
    os.mkfifo(pipe)
    arguments = ["data", "--directory", str(directory), *HOUR, "--output", str(pipe)]
    with subprocess.Popen([sys.executable, "-m", "synthpower", *arguments]) as process:
        assert pipe.read_bytes() == expected["csv"]
        assert process.wait(timeout=60) == 0
    assert pipe.is_fifo()


def test_dev_null_takes_any_format(command, directory: Path) -> None:
    for options in ([], ["--format", "parquet"]):
        done = ok(data(command, directory, "--output", "/dev/null", *options))
        assert done.stderr.startswith("/dev/null  6 rows")
