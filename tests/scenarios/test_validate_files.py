"""Several files in one directory: each judged by its own name, and all of them in agreement."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from foreign import START, VALUE, Rows, check, edit, inventory, make

from synthpower.dataset.validate import check_contract


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return inventory(tmp_path / "power")


@pytest.mark.parametrize("format", ["csv", "parquet"])
@pytest.mark.parametrize("second", ["2023-02-27T05", "2023-02-28", "2023-03-09"])
@pytest.mark.parametrize("options", [[], ["--interval", "600"], ["--end"], ["--fuzz", "9"]])
def test_files_of_one_directory_may_be_of_different_times(
    directory: Path, format: str, second: str, options: list[str]
) -> None:
    """Each is judged by what its own name says."""
    make(directory, "--format", format)
    make(directory, "--format", format, "--date", second, *options)
    if options == ["--fuzz", "9"] and second == "2023-02-27T05":
        assert list(check(directory)) == [f"same as data-2023-02-27.{format}"]
    else:
        assert check(directory) == {}


def other_value(rows: Rows) -> None:
    rows[7][VALUE] = "1.23"


def test_a_csv_and_a_parquet_file_of_one_name_must_be_equal(directory: Path) -> None:
    path = make(directory, "--fuzz", "7")
    make(directory, "--format", "parquet", "--fuzz", "7")
    assert check(directory) == {}
    edit(path, other_value)
    assert check(directory) == {
        "same as data-2023-02-27.csv": "1 of 24 steps have other readings: 2023-02-27 00:00:00Z"
    }
    make(directory, "--interval", "1800", "--overwrite")
    found = check(directory)["same as data-2023-02-27.csv"]
    assert found == "every 3600 s, but there every 1800 s"


def test_a_day_and_its_hour_must_agree(directory: Path) -> None:
    make(directory)
    make(directory, "--date", "2023-02-27T05")
    (found,) = (each for each in check_contract(directory) if each.what.startswith("same"))
    assert found.passed
    assert "all readings from 2023-02-27 05:00:00Z to 2023-02-27 06:00:00Z agree" in found.detail
    edit(directory / "data-2023-02-27T05.csv", other_value)
    assert list(check(directory)) == ["same as data-2023-02-27.csv"]


def test_days_of_one_fuzz_must_meet(directory: Path) -> None:
    make(directory, "--days", "2", "--fuzz", "100")
    path = directory / "data-2023-02-28.csv"
    assert check(directory) == {}

    def change(rows: Rows) -> None:
        for row in rows[6:8]:
            row[START] = "2023-02-28 00:00:59Z"

    edit(path, change)
    assert check(directory) == {
        "times": "1 servers' intervals do not begin where those of data-2023-02-27.csv end"
    }


def test_days_of_other_fuzz_need_not_meet(directory: Path) -> None:
    make(directory, "--fuzz", "100")
    make(directory, "--date", "2023-02-28", "--fuzz", "1000")
    assert check(directory) == {}


def cut(path: Path, parts: int, measurements: int = 2) -> list[Path]:
    """Cut a CSV file into parts, as its name says them."""
    header, *rows = path.read_text().splitlines(keepends=True)
    path.unlink()
    made = []
    steps = len(rows) // measurements
    for part in range(parts):
        first, last = (at * steps // parts * measurements for at in (part, part + 1))
        name = f"{path.stem}-{part + 1:05}-of-{parts:05}.csv"
        made.append(path.with_name(name))
        made[-1].write_text("".join([header, *rows[first:last]]))
    return made


@pytest.mark.parametrize("options", [[], ["--end"], ["--fuzz", "9"]])
def test_parts_of_a_file_hold_their_parts(directory: Path, options: list[str]) -> None:
    make(directory, "--format", "parquet", *options)
    paths = cut(make(directory, *options), 7)
    assert check(directory) == {}
    edit(paths[2], lambda rows: rows[1:])
    found = check(directory)
    assert found["missing"].startswith("1 missing: ")
    assert found.keys() > {"missing"}  # the Parquet file holds it


def test_a_part_of_a_file_that_is_another_one_is_found(directory: Path) -> None:
    paths = cut(make(directory), 4)
    shutil.copy(paths[0], paths[1])
    found = check(directory)
    assert "belongs to another part" in found["times"]
    assert found["missing"].startswith("240 missing: all of ")


def test_a_missing_part_is_found(directory: Path) -> None:
    cut(make(directory), 4)[2].unlink()
    assert check(directory) == {"parts": "1 of 4 are missing, the first is part 3"}
