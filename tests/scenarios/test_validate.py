"""The contract, held against files that anybody may have made."""

from __future__ import annotations

import json
import random
import shutil
from pathlib import Path
from unittest.mock import Mock

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from foreign import END, NAME, SN, START, UNIT, VALUE, Rows, check, edit, inventory, make, set_cell

from synthpower import Inventory
from synthpower.dataset.validate import check_contract, parse_span
from synthpower.dataset.validate.groups import Group, examine
from synthpower.dataset.validate.known import Known
from synthpower.dataset.validate.spans import of_name
from synthpower.tables import read_measurements


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return inventory(tmp_path / "power")


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
    path.unlink()
    (directory / "data-first.csv").write_text("".join(rows[:300]))
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
        (
            SN,
            "nobody",
            "servers",
            "1 wrong: data-2023-02-27.csv row 8, sn nobody is not in the inventory",
        ),
        (
            1,
            "a model",
            "servers",
            "1 wrong: data-2023-02-27.csv row 8, model a model is not the server's",
        ),
        (2, "P1", "servers", "row 8, product_id P1 is not the server's"),
        (3, "XX", "servers", "row 8, location XX is not the server's"),
        (UNIT, "V", "measurements", "row 8, unit V is not the measurement's"),
        (NAME, "noise", "measurements", "row 8, name noise is not in the measurement table"),
        (VALUE, "-0.01", "values", "row 8, measurement_value -0.01"),
        (VALUE, "300.01", "values", "row 8, measurement_value 300.01"),
        (VALUE, "nan", "values", "row 8, measurement_value nan"),
        (VALUE, "inf", "values", "row 8, measurement_value inf"),
        (VALUE, "", "values", "row 8, measurement_value None"),
        (VALUE, "much", "values", "row 8, measurement_value much"),
        (VALUE, "-0.0", "values", "row 8, measurement_value -0.0"),
        (VALUE, "1.234", "values", "row 8, measurement_value 1.234 has more decimals"),
        (END, "yesterday", "times", "row 8, end_time yesterday is no time in UTC"),
        (END, "2023-02-30 01:00:00Z", "times", "row 8, end_time 2023-02-30 01:00:00Z is no time"),
        (
            END,
            "2023-02-27 01:00:00",
            "times",
            "row 8, end_time 2023-02-27 01:00:00 is no time in UTC",
        ),
        (END, "2023-02-27 01:00:00.5Z", "times", "end_time 2023-02-27 01:00:00.5Z is not a whole"),
        (END, "9999-12-31 01:00:00Z", "times", "00:00:00Z to 9999-12-31 01:00:00Z is no"),
        (END, "2023-02-27 03:00:00Z", "times", "is no interval of 3600 s"),
        (END, "2023-02-27 00:30:00Z", "times", "00:00:00Z to 2023-02-27 00:30:00Z"),
        (
            START,
            "2023-02-27 00:00:01Z",
            "times",
            "row 8, start_time 2023-02-27 00:00:01Z, where other rows of ",
        ),
    ],
)
def test_a_wrong_cell_is_named(
    directory: Path, column: int, text: str, rule: str, said: str
) -> None:
    edit(make(directory), set_cell(7, column, text))
    found = check(directory)
    assert said in found[rule]
    assert found.keys() <= {rule, "missing"}


def test_missing_readings_are_named(directory: Path) -> None:
    edit(make(directory), lambda rows: rows[:100] + rows[104:])
    found = check(directory)
    assert found.keys() == {"missing"}
    assert found["missing"].startswith("4 missing: ")
    assert found["missing"].count(", 2023-02-27 02:00:00Z, server") == 3
    assert found["missing"].endswith("; ...")


@pytest.mark.parametrize("first", [0, 7])
def test_doubled_readings_are_named(directory: Path, first: int) -> None:
    edit(make(directory), lambda rows: [*rows, rows[first]])
    found = check(directory)
    assert found.keys() == {"doubled"}
    assert found["doubled"].startswith("1 doubled: data-2023-02-27.csv row 961, ")


def test_a_doubled_reading_of_one_batch_is_named_at_its_second_row(directory: Path) -> None:
    edit(make(directory), lambda rows: [rows[0], *rows])
    assert "row 2, " in check(directory)["doubled"]


def test_what_several_files_of_other_names_have_twice_is_doubled(directory: Path) -> None:
    path = make(directory)
    shutil.copy(path, directory / "data-again.csv")
    path.rename(directory / "data-one.csv")
    assert check(directory)["doubled"].startswith("960 doubled: data-one.csv row 1, ")


@pytest.mark.parametrize(
    ("first", "last", "said"),
    [
        (80, 120, "40 missing: all of 2023-02-27 02:00:00Z"),
        (0, 40, "40 missing: all of 2023-02-27 00:00:00Z"),
        (920, 960, "40 missing: all of 2023-02-27 23:00:00Z"),
        (40, 960, "920 missing: all of 2023-02-27 01:00:00Z to 2023-02-27 23:00:00Z"),
    ],
)
@pytest.mark.parametrize("options", [[], ["--end"], ["--fuzz", "600"]])
def test_missing_hours_are_found(
    directory: Path, options: list[str], first: int, last: int, said: str
) -> None:
    path = make(directory, *options)
    edit(path, lambda rows: rows[:first] + rows[last:])
    found = check(directory)
    if options == ["--end"] and last - first > 40:  # one step may also be an interval of a day
        assert found
    else:
        assert found == {"missing": said}


def test_all_of_another_day_is_found(directory: Path) -> None:
    path = make(directory)
    path.rename(directory / "data-2023-02-28.csv")
    found = check(directory)
    assert "960 wrong: data-2023-02-28.csv row 1, start_time 2023-02-27 00:00:00Z" in found["times"]
    assert found["missing"].startswith("960 missing: ")


def test_times_a_second_early_are_found(directory: Path) -> None:
    path = make(directory)

    def earlier(rows: Rows) -> None:
        for row in rows:
            for column in (START, END):
                row[column] = str(np.datetime64(row[column][:-1]) - 1).replace("T", " ") + "Z"

    edit(path, earlier)
    assert "start_time 2023-02-26 23:59:59Z does not belong to " in check(directory)["times"]


def test_no_rows_are_no_readings(directory: Path) -> None:
    edit(make(directory), lambda rows: rows.clear())
    make(directory, "--format", "parquet")
    path = directory / "data-2023-02-27.parquet"
    pq.write_table(pq.read_table(path).slice(0, 0), path)
    found = [c for c in check_contract(directory) if c.what == "missing"]
    assert [c.file for c in found] == ["data-2023-02-27.csv", "data-2023-02-27.parquet"]
    assert not any(c.passed for c in found)


def test_an_interval_that_does_not_meet_the_next_is_found(directory: Path) -> None:
    path = make(directory, "--fuzz", "100")

    def change(rows: Rows) -> None:
        for row in rows[6:8]:  # both measurements of a server
            row[END] = "2023-02-27 01:02:03Z"

    edit(path, change)
    found = check(directory)
    assert found.keys() == {"times"}
    assert "2 wrong: " in found["times"]


def test_columns_of_other_names_are_found(directory: Path) -> None:
    path = make(directory)
    path.write_text(path.read_text().replace("measurement_value", "value", 1))
    assert "not sn, model" in check(directory)["columns"]


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
    monkeypatch.setattr("synthpower.dataset.validate.source.BATCH_ROWS", 17)
    path = directory / "data-2023-02-27.parquet"
    known = Known(Inventory.read(directory), read_measurements())
    group = Group((path,), of_name(path.name), "by its name")
    assert all(check.passed for check in examine(group, known, Mock()))


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


@pytest.mark.parametrize(
    ("span", "status", "said"),
    [
        ("2023-02-27/2023-02-28", 0, ""),
        ("2023-02-27T00:00:00Z/2023-02-27T23:00:00Z", 0, ""),
        ("2023-02-27/2023-03-01", 1, "no file for 2023-02-28 00:00:00Z to 2023-03-01 00:00:00Z"),
        ("2023-02-26/2023-02-28", 1, "no file for 2023-02-26 00:00:00Z to 2023-02-27 00:00:00Z"),
        ("2023-02-27", 2, "'2023-02-27' is no span; write FROM/TO"),
        ("2023-02-28/2023-02-27", 2, "it ends before it begins"),
    ],
)
def test_a_span_says_what_files_must_hold(
    command, directory: Path, span: str, status: int, said: str
) -> None:
    make(directory)
    done = command("verify", "--contract", directory, "--span", span, "--json")
    assert done.returncode == status
    assert said in done.stdout + done.stderr


def test_a_span_goes_with_contract(command, directory: Path) -> None:
    done = command("verify", directory, "--span", "2023-02-27/2023-02-28")
    assert done.returncode == 2
    assert "--span: it goes with --contract" in done.stderr


@pytest.mark.parametrize("by_readme", [False, True])
def test_files_of_other_names_hold_the_span(directory: Path, by_readme: bool) -> None:
    make(directory).rename(directory / "data-theirs.csv")
    span = "2023-02-27/2023-03-01"
    said = "960 missing: all of 2023-02-28 00:00:00Z to 2023-02-28 23:00:00Z"
    if by_readme:
        readme = directory / "README.md"
        readme.write_text(readme.read_text().replace("update:", f"span: {span}\nupdate:"))
        assert check(directory) == {"missing": said}
        make(directory, "--date", "2023-02-28")  # a file that says by its name what it holds
        assert check(directory) == {}
    else:
        found = check_contract(directory, span=parse_span(span))
        assert [each.detail for each in found if not each.passed] == [said]


def test_without_a_span_whole_hours_are_looked_at_and_that_is_said(directory: Path) -> None:
    path = make(directory)
    edit(path, lambda rows: rows[40:])
    path.rename(directory / "data-theirs.csv")
    (found,) = (each for each in check_contract(directory) if each.what == "span")
    assert found.passed
    assert "no name says what there must be" in found.detail
    assert found.detail.startswith("2023-02-27 01:00:00Z to 2023-02-28 00:00:00Z, every 3600 s")
