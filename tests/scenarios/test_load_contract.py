"""The contract, held against readings of load: what bounds a value is its quantity."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from foreign import NAME, VALUE, Rows, check, edit
from loads import DAY, MIXED, change_table, data, make, run

from synthpower import Inventory
from synthpower.signals.load import greatest
from synthpower.tables import read_measurements


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """A dataset without readings, whose measurements are all that there is of load."""
    return make(tmp_path, "--measurements", "load")


@pytest.mark.parametrize(
    ("format", "table", "interval"),
    [
        ("csv", "load", "300"),
        ("csv", "load", "3600"),
        ("csv", "default", "3600"),
        ("csv", "mixed", "720"),
        ("parquet", "load", "300"),
        pytest.param("parquet", "default", "3600", marks=pytest.mark.slow),
        pytest.param("parquet", "mixed", "720", marks=pytest.mark.slow),
    ],
)
def test_load_keeps_the_contract(tmp_path: Path, format: str, table: str, interval: str) -> None:
    """A scale bounds what has no quantity only."""
    (tmp_path / "mixed").write_text(MIXED)
    options = {
        "load": ["--measurements", "load"],
        "default": [],
        "mixed": ["--measurements", tmp_path / "mixed"],
    }[table]
    directory = make(tmp_path, *options)
    date = f"{DAY}T05"
    assert data(directory, "--format", format, "--interval", interval, date=date) == 0
    assert check(directory) == {}


def set_value(name: str, value: str) -> Any:
    """Give the first reading of a measurement another value."""

    def change(rows: Rows) -> None:
        next(row for row in rows if row[NAME] == name)[VALUE] = value

    return change


@pytest.mark.parametrize(
    "name", ["server cpu utilization", "server power peak", "server inlet temperature",
             "server energy", "server cpu power"],
)  # fmt: skip
def test_a_value_above_what_its_quantity_can_be_breaks_the_contract(
    directory: Path, name: str
) -> None:
    assert data(directory) == 0
    path = directory / f"data-{DAY}.csv"
    measurement = next(m for m in read_measurements("load") if m.name == name)
    most = int(greatest(measurement, Inventory.read(directory)))
    edit(path, set_value(name, str(most)))
    assert check(directory) == {}
    edit(path, set_value(name, str(most + 1)))
    found = check(directory)
    assert found.keys() == {"values"}
    assert f"measurement_value {most + 1}" in found["values"]


def test_a_negative_value_of_load_breaks_the_contract(directory: Path) -> None:
    assert data(directory) == 0
    edit(directory / f"data-{DAY}.csv", set_value("server power", "-1"))
    assert "measurement_value -1.0" in check(directory)["values"]


def test_a_scale_bounds_what_is_not_of_load(tmp_path: Path) -> None:
    """By the manifest: of a file of which it says nothing, the scale is the contract."""
    directory = make(tmp_path)
    assert data(directory) == 0
    assert check(directory) == {}
    (directory / "manifest.json").unlink()
    assert "row" in check(directory)["values"]  # some power is above 300 W
    assert run("data", "--directory", directory, "--date", "2023-03-01", "--quiet") == 0
    edit(directory / "data-2023-03-01.csv", set_value("server power", "300.01"))
    (directory / f"data-{DAY}.csv").unlink()
    assert "measurement_value 300.01" in check(directory)["values"]


@pytest.mark.parametrize("format", ["csv", "parquet"])
def test_the_contract_says_which_fact_cannot_be(directory: Path, format: str) -> None:
    assert data(directory, "--format", format, date=f"{DAY}T05") == 0
    change_table(directory, "server_types.csv", "load_curve", "Gen8")
    assert any("load_curve 'Gen8' of " in detail for detail in check(directory).values())


@pytest.mark.parametrize("other", [DAY, "2023-02-28"])
def test_load_beside_another_signal_keeps_the_contract(tmp_path: Path, other: str) -> None:
    directory = make(tmp_path)
    assert data(directory) == 0
    options = ["--date", other, "--format", "csv" if other != DAY else "parquet"]
    assert run("data", "--directory", directory, *options, "--quiet") == 0
    found = check(directory)
    assert "values" not in found
    assert (found == {}) == (other != DAY)  # a day has one set of readings
