"""The contract, held against files that anybody may have made."""

from __future__ import annotations

import csv
import json
import random
import shutil
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from synthpower import cli
from synthpower.conformance import check_contract

Rows = list[list[str]]
SN, START, END, VALUE, UNIT, NAME = 0, 4, 5, 6, 7, 8


def check(directory: Path) -> dict[str, str]:
    """Return what is wrong, by what was looked at."""
    return {check.what: check.detail for check in check_contract(directory) if not check.passed}


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    made = tmp_path / "power"
    arguments = ["inventory", "--directory", str(made), "--count", "20", "--seed", "5", "--quiet"]
    assert cli.main(arguments) == 0
    return made


def make(directory: Path, *options: str) -> Path:
    arguments = ["data", "--directory", str(directory), "--date", "2023-02-27", "--quiet"]
    assert cli.main([*arguments, *options]) == 0
    return directory / "data-2023-02-27.csv"


def edit(path: Path, change: Callable[[Rows], Rows | None]) -> None:
    with path.open(newline="") as file:
        header, *rows = csv.reader(file)
    rows = change(rows) or rows
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([header, *rows])


def set_cell(row: int, column: int, text: str) -> Callable[[Rows], None]:
    def change(rows: Rows) -> None:
        rows[row][column] = text

    return change


@pytest.mark.parametrize(
    "options",
    [
        [],
        ["--format", "parquet"],
        ["--interval", "600", "--fuzz", "599"],
        ["--end", "--interval", "1800"],
        ["--end", "--fuzz", "60", "--format", "parquet"],
        ["--days", "3", "--fuzz", "10"],
    ],
)
def test_what_we_make_keeps_the_contract(directory: Path, options: list[str]) -> None:
    make(directory, *options)
    assert check(directory) == {}


@pytest.mark.parametrize("options", [[], ["--fuzz", "100"], ["--end"]])
def test_the_order_of_rows_and_files_makes_no_difference(
    directory: Path, options: list[str]
) -> None:
    path = make(directory, *options)

    def shuffle(rows: Rows) -> None:
        random.Random(1).shuffle(rows)

    edit(path, shuffle)
    assert check(directory) == {}
    rows = path.read_text().splitlines(keepends=True)
    path.write_text("".join(rows[:300]))
    (directory / "data-rest.csv").write_text("".join([rows[0], *rows[300:]]))
    assert check(directory) == {}


def test_other_peoples_parquet_is_read(directory: Path) -> None:
    make(directory, "--format", "parquet")
    path = directory / "data-2023-02-27.parquet"
    table = pq.read_table(path)
    wide = pa.table(
        {
            name: column.cast(pa.large_string())
            if pa.types.is_string(column.type)
            else column.cast(pa.timestamp("ms", "UTC"))
            if pa.types.is_timestamp(column.type)
            else column
            for name, column in zip(table.column_names, table.columns, strict=True)
        }
    )
    pq.write_table(wide, path, row_group_size=100)
    assert check(directory) == {}


@pytest.mark.parametrize(
    ("column", "text", "rule", "said"),
    [
        (SN, "nobody", "servers", "1 wrong: data-2023-02-27.csv row 8, sn nobody is not there"),
        (1, "a model", "servers", "1 wrong: data-2023-02-27.csv row 8, model a model is not its"),
        (2, "P1", "servers", "row 8, product_id P1 is not its"),
        (3, "XX", "servers", "row 8, location XX is not its"),
        (UNIT, "V", "measurements", "row 8, unit V is not its"),
        (NAME, "noise", "measurements", "row 8, name noise is not there"),
        (VALUE, "-0.01", "values", "row 8, measurement_value -0.01"),
        (VALUE, "300.01", "values", "row 8, measurement_value 300.01"),
        (VALUE, "nan", "values", "row 8, measurement_value None"),
        (VALUE, "inf", "values", "row 8, measurement_value inf"),
        (VALUE, "", "values", "row 8, measurement_value None"),
        (END, "2023-02-27 03:00:00Z", "times", "row 8"),
        (END, "2023-02-27 00:30:00Z", "times", "row 8"),
        (START, "2023-02-27 00:00:01Z", "times", "is not at the time of its server's others"),
    ],
)
def test_a_wrong_cell_is_named(
    directory: Path, column: int, text: str, rule: str, said: str
) -> None:
    edit(make(directory), set_cell(7, column, text))
    found = check(directory)
    assert said in found[rule]
    assert found.keys() <= {rule, "cells"}


def test_missing_and_repeated_rows_are_named(directory: Path) -> None:
    path = make(directory)
    whole = path.read_bytes()
    edit(path, lambda rows: rows[:100] + rows[103:])
    assert check(directory)["cells"].startswith("3 wrong: no row of ")
    path.write_bytes(whole)
    edit(path, lambda rows: [*rows, rows[7]])
    found = check(directory)
    assert found.keys() == {"cells"}
    assert found["cells"].startswith("1 wrong: data-2023-02-27.csv row 961: ")
    assert found["cells"].endswith("is there twice")
    path.write_bytes(whole)
    edit(path, lambda rows: [rows[0], *rows])
    assert "row 2: " in check(directory)["cells"]


def test_a_row_of_another_file_again_is_found(directory: Path) -> None:
    make(directory)
    shutil.copy(directory / "data-2023-02-27.csv", directory / "data-again.csv")
    assert check(directory)["cells"].startswith("960 wrong: data-again.csv row 1: ")


def test_a_missing_hour_is_found(directory: Path) -> None:
    edit(make(directory), lambda rows: rows[:80] + rows[120:])
    assert check(directory)["cells"] == "40 wrong: nothing at 2023-02-27 02:00:00Z"


def test_an_interval_that_does_not_meet_the_next_is_found(directory: Path) -> None:
    path = make(directory, "--fuzz", "100")

    def change(rows: Rows) -> None:
        for row in rows[6:8]:  # both measurements of a server
            row[END] = "2023-02-27 01:02:03Z"

    edit(path, change)
    assert "does not end where the next begins" in check(directory)["times"]


def test_columns_of_other_names_or_types_are_found(directory: Path) -> None:
    path = make(directory)
    whole = path.read_text()
    path.write_text(whole.replace("measurement_value", "value", 1))
    assert "not sn, model" in check(directory)["columns"]
    path.write_text(whole)
    edit(path, set_cell(7, VALUE, "much"))
    assert "much" in check(directory)["columns"]
    path.write_text(whole)
    edit(path, set_cell(7, END, "yesterday"))
    assert "columns" in check(directory)


def test_the_front_matter_is_looked_at(directory: Path) -> None:
    make(directory)
    readme = directory / "README.md"
    text = readme.read_text()
    readme.write_text(text.replace("devices:", "servers:"))
    assert check(directory) == {"front matter": "there is no devices"}
    readme.write_text(text.replace("data: data-*", "data: readings-*"))
    assert check(directory) == {"files": "match readings-*"}
    readme.unlink()
    assert "front matter" in check(directory)


def test_more_than_one_batch(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(directory, "--format", "parquet", "--interval", "600")
    monkeypatch.setattr("synthpower.conformance._BATCH_ROWS", 17)
    assert check(directory) == {}


def test_the_command(command, directory: Path) -> None:
    edit(make(directory), set_cell(7, VALUE, "-1"))
    done = command("verify", "--contract", directory, "--json")
    assert done.returncode == 1
    assert not json.loads(done.stdout)["passed"]
    done = command("verify", "--contract", directory)
    assert "measurement_value -1.0" in done.stdout
    done = command("verify", "--contract", directory / "inventory.csv")
    assert done.returncode == 2
    assert "name its directory" in done.stderr
