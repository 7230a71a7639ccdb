"""Datasets of the load signal: made, resumed and made again like any other."""

from __future__ import annotations

import shutil
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from loads import BERLIN, DAY, MIXED, data, make, record, run, wrong
from support import ROOT, contents

from synthpower import Dataset, Request
from synthpower.formats.interface import Certainty
from synthpower.tables import shipped


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """A dataset without readings, whose measurements are all that there is of load."""
    return make(tmp_path, "--measurements", "load")


@pytest.mark.parametrize(
    "options",
    [
        [],
        ["--interval", "300"],
        ["--interval", "720", "--fuzz", "60", "--end"],
        ["--format", "parquet"],
        ["--format", "parquet", "--interval", "450", "--compression", "zstd"],
        ["--format", "parquet", "--writer", "pyarrow"],
        ["--writer", "pyarrow"],
        ["--shard", "2/3", "--format", "parquet"],
        ["--seed", "9"],
        ["--measurements", "MIXED"],
        ["--measurements", "MIXED", "--format", "parquet"],
    ],
)
def test_files_of_all_options_are_right(directory: Path, options: list[str]) -> None:
    (directory.parent / "MIXED").write_text(MIXED)
    given = [str(directory.parent / o) if o == "MIXED" else o for o in options]
    assert data(directory, *given, date=f"{DAY}T05") == 0
    assert wrong(directory) == []


def test_a_dataset_is_made_again_from_its_readme_and_manifest(directory: Path) -> None:
    assert data(directory, "--days", 3, "--fuzz", 60, date="2023-03-25") == 0
    assert data(directory, "--interval", 7200, "--format", "parquet") == 0
    kept = directory.with_name("kept")
    kept.mkdir()
    for name in ("README.md", "manifest.json"):
        shutil.copy(directory / name, kept)
    assert run("remake", kept, "--quiet") == 0
    assert contents(kept) == contents(directory)


@pytest.mark.parametrize("writer", ["fast", "pyarrow"])
def test_a_parquet_file_is_made_again_from_its_metadata_alone(
    directory: Path, tmp_path: Path, writer: str
) -> None:
    path = directory / f"data-{DAY}.parquet"
    assert data(directory, "--format", "parquet", "--writer", writer) == 0
    (directory / "manifest.json").unlink()
    assert run("remake", path, "--directory", tmp_path / "again") == 0
    assert (tmp_path / "again" / path.name).read_bytes() == path.read_bytes()


@pytest.mark.parametrize("interval", ["300", "720"])
def test_both_writers_write_the_same_readings(directory: Path, interval: str) -> None:
    for format in ("csv", "parquet"):
        for writer in ("fast", "pyarrow"):
            output = directory / f"{writer}.{format}"
            options = ["--writer", writer, "--interval", interval, "--output", output]
            assert data(directory, *options, date=f"{DAY}T05") == 0
    assert (directory / "fast.csv").read_bytes() == (directory / "pyarrow.csv").read_bytes()
    ours, theirs = (pq.read_table(directory / f"{w}.parquet") for w in ("fast", "pyarrow"))
    assert ours.to_pylist() == theirs.to_pylist()


def test_what_is_whole_stays_and_what_is_missing_is_made(
    directory: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert data(directory, "--days", 3) == 0
    before = contents(directory)
    (directory / "data-2023-02-28.csv").unlink()
    capsys.readouterr()
    assert data(directory, "--days", 3) == 0
    said = capsys.readouterr().err.splitlines()
    assert said[0].startswith("2 files, data-2023-02-27.csv to data-2023-03-01.csv  already")
    assert said[1].startswith("data-2023-02-28.csv  5,040 rows")
    assert contents(directory) == before


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (["--signal", "uniform"], "signal load, not uniform"),
        (["--measurements", "OTHER"], "other measurements"),
    ],
)
def test_another_signal_or_quantity_is_another_file(
    directory: Path, options: list[str], reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    other = directory.parent / "other.csv"
    text = (directory / "measurements.csv").read_text()
    other.write_text(text.replace("0,power_peak", "0,power"))
    assert data(directory) == 0
    before = contents(directory)
    assert data(directory, *[str(other) if o == "OTHER" else o for o in options]) == 2
    assert f"it was made from {reason}; --overwrite" in capsys.readouterr().err
    assert contents(directory) == before


def test_days_around_a_clock_change_are_as_each_made_alone(directory: Path, tmp_path: Path) -> None:
    """They are written together, and the local time is not the same."""
    alone = Path(shutil.copytree(directory, tmp_path / "alone"))
    assert data(directory, "--days", 3, date="2023-03-25") == 0
    for day in (27, 25, 26):
        assert data(alone, date=f"2023-03-{day}") == 0
    assert contents(directory) == contents(alone)
    found = [
        record(directory, f"data-2023-03-{day}.csv")["offsets"][BERLIN] for day in (25, 26, 27)
    ]
    assert found == [[[0, 3600]], [[0, 3600], [3600, 7200]], [[0, 7200]]]


@pytest.mark.parametrize("table", ["load", None])
def test_a_measurement_table_that_is_gone_comes_back_with_its_quantities(
    tmp_path: Path, table: str | None
) -> None:
    """Also of files whose records have none, as they are of a signal that ignores them."""
    directory = make(tmp_path, *(["--measurements", table] if table else []))
    assert run("data", "--directory", directory, "--date", DAY, "--quiet") == 0
    path = directory / "measurements.csv"
    before = path.read_bytes()
    name = "measurements_load.csv" if table else "measurements.csv"
    assert before == shipped(name).read_bytes()
    path.unlink()
    assert run("remake", directory, "--quiet") == 0
    assert path.read_bytes() == before


def test_it_comes_back_of_files_of_several_signals(directory: Path) -> None:
    assert data(directory) == 0
    assert run("data", "--directory", directory, "--date", "2023-03-01", "--quiet") == 0
    before = contents(directory)
    (directory / "measurements.csv").unlink()
    assert run("remake", directory, "--quiet") == 0
    assert contents(directory) == before


def test_a_table_of_the_users_own_comes_back_of_a_file_of_load(tmp_path: Path) -> None:
    (tmp_path / "mixed").write_text(MIXED)
    directory = make(tmp_path, "--measurements", tmp_path / "mixed")
    assert data(directory) == 0
    assert run("data", "--directory", directory, "--date", "2023-03-01", "--quiet") == 0
    before = contents(directory)
    (directory / "measurements.csv").unlink()
    assert run("remake", directory, "--quiet") == 0
    assert contents(directory) == before


def test_the_commands_of_readme_make_it_again(directory: Path, tmp_path: Path) -> None:
    assert data(directory, "--days", 3, date="2023-03-25") == 0
    assert data(directory, "--interval", 300, "--format", "parquet", date=f"{DAY}T05") == 0
    readme = (directory / "README.md").read_text()
    lines = [line.split()[1:] for line in readme.splitlines() if line.startswith("    synthpower ")]
    again = tmp_path / "again"
    again.mkdir()
    shutil.copy(directory / "measurements.csv", again)
    for words in lines:
        given = [str(again) if word == "." else word for word in words]
        given = [str(again / word) if word.endswith(".csv") else word for word in given]
        assert run(*given, "--quiet", *(["--overwrite"] if given[0] == "inventory" else [])) == 0
    assert contents(again) == contents(directory)


def test_a_dataset_of_the_first_version_takes_readings_of_load(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It has no facts: servers have LOAD.md's defaults, and local time is UTC."""
    first = Path(shutil.copytree(ROOT / "tests" / "data" / "first_version" / "csv", tmp_path / "a"))
    capsys.readouterr()
    assert data(first, date="2024-01-01") == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "error: argument --measurements: none has a quantity" in said
    assert data(first, "--measurements", "load", date="2024-01-01") == 0
    assert record(first, "data-2024-01-01.csv")["offsets"] == {"UTC": [[0, 0]]}
    assert wrong(first) == []


@pytest.mark.parametrize("interval", [300, 450])
def test_the_size_is_known_before(directory: Path, interval: int) -> None:
    """Of numbers that the quantities bound: a scale says nothing."""
    dataset = Dataset.open(directory)
    for format in ("csv", "parquet"):
        plan = dataset.plan(Request(DAY, format=format, interval=interval, signal="load"))
        (made,) = dataset.write(plan)
        if format == "parquet":
            assert plan.run.size == (made.bytes, Certainty.EXACTLY)
        else:
            assert 0.9 * plan.run.size.bytes < made.bytes <= plan.run.size.bytes
