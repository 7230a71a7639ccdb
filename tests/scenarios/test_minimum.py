"""Random values from a minimum on, also below zero: made, read by others, verified, made again."""

from __future__ import annotations

import json
from collections import Counter
from decimal import Decimal
from pathlib import Path

import duckdb
import numpy as np
import polars as pl
import pyarrow.parquet as pq
import pytest
from foreign import VALUE, Rows, check, edit, inventory, make

from synthpower import Inventory, Measurement, Readings
from synthpower.cli import main as cli

NAME = "data-2023-02-27"
TABLE = """\
name,unit,scale,decimals,minimum
inlet,Cel,45.5,1,-20.25
balance,W,0.3,,-0.1
frozen,Cel,-1.5,2,-1.75
power,W,300,2,
"""
BOUNDS = {
    "inlet": (-20.2, 45.5),
    "balance": (-0.1, 0.3),
    "frozen": (-1.75, -1.5),
    "power": (0, 300),
}


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    directory = inventory(tmp_path / "power")
    (directory / "measurements.csv").write_text(TABLE)
    return directory


@pytest.mark.parametrize("signal", ["uniform", "triangular"])
def test_other_readers_find_the_same_values_within_their_bounds(
    directory: Path, signal: str
) -> None:
    text = make(directory, "--signal", signal)
    parquet = make(directory, "--signal", signal, "--format", "parquet").with_suffix(".parquet")
    texts = [line.split(",") for line in text.read_text().splitlines()[1:]]
    expected = [(row[-1], float(row[VALUE]).hex()) for row in texts]
    names = "name, measurement_value"
    for source in (text, parquet):
        duck = duckdb.sql(f"select {names} from '{source}'").fetchall()
        assert [(name, value.hex()) for name, value in duck] == expected
        read = pl.read_csv if source == text else pl.read_parquet
        polars = read(source).select("name", "measurement_value").rows()
        assert [(name, value.hex()) for name, value in polars] == expected
    for name, (least, greatest) in BOUNDS.items():
        values = [float(row[VALUE]) for row in texts if row[-1] == name]
        assert least <= min(values) < max(values) <= greatest
        wide = (greatest - least) / (4 if name == "frozen" else 10)
        assert min(values) < least + wide
        assert max(values) > greatest - wide or signal == "triangular"
        share = (np.mean(values) - least) / (greatest - least)  # a half, or a third
        assert (share < 5 / 12) == (signal == "triangular")
    assert not any(float(row[VALUE]) == 0 and "-" in row[VALUE] for row in texts)


def test_pyarrows_writers_make_the_same_readings(directory: Path) -> None:
    own = make(directory).read_bytes()
    assert make(directory, "--writer", "pyarrow", "--overwrite").read_bytes() == own
    made = []
    for writer in ("fast", "pyarrow"):
        options = ("--format", "parquet", "--writer", writer, "--overwrite")
        made.append(pq.read_table(make(directory, *options).with_suffix(".parquet")))
    assert made[0].equals(made[1])


@pytest.mark.parametrize("least", [-3, 4])
def test_each_count_is_equally_likely(least: int) -> None:
    part = Decimal("0.9")
    table = [Measurement("m", "W", least + 6 + part, 0, minimum=least - part)]
    readings = Readings(Inventory.generate(5000, seed=1), "2023-02-27", seed=2, measurements=table)
    counts = Counter(readings.to_table()["measurement_value"].to_pylist())
    assert sorted(counts) == list(range(least, least + 7))
    expected = readings.num_rows / 7
    assert all(abs(count - expected) < 5 * expected**0.5 for count in counts.values())


def test_one_reading_computed_alone_is_the_one_in_the_table() -> None:
    table = [Measurement("a", "Cel", 45, 1, minimum=-20), Measurement("b", "W", 1, minimum="-0.1")]
    readings = Readings(Inventory.generate(3, seed=1), "2023-02-27", measurements=table)
    for row in readings.to_table().to_pylist():
        assert row["measurement_value"] == readings.at(row["sn"], row["start_time"], row["name"])


@pytest.mark.parametrize("minimum", ["0", "-0.00", "0e9"])
def test_a_minimum_of_zero_changes_no_byte(tmp_path: Path, minimum: str) -> None:
    made = []
    for column, cell in (("", ""), (",minimum", f",{minimum}")):
        directory = inventory(tmp_path / f"power{column}")
        table = f"name,unit,scale,decimals{column}\na,W,300,2{cell}\nb,W,0.7,{cell}\n"
        (directory / "measurements.csv").write_text(table)
        text = make(directory)
        make(directory, "--format", "parquet")
        names = (text.name, f"{NAME}.parquet", "manifest.json")
        made.append([(directory / name).read_bytes() for name in names])
    assert made[0] == made[1]


def test_the_record_says_it_and_remakes_it(directory: Path) -> None:
    made = make(directory).read_bytes()
    record = json.loads((directory / "manifest.json").read_text())["files"][f"{NAME}.csv"]
    specification = record["specification"]
    assert specification["format_version"] == 4
    assert [m.get("minimum") for m in specification["measurements"]] == [
        "-20.25", "-0.1", "-1.75", None
    ]  # fmt: skip
    (directory / f"{NAME}.csv").unlink()
    (directory / "measurements.csv").write_text("name,unit,scale\nother,W,1\n")
    assert cli.main(["remake", str(directory), "--quiet"]) == 0
    assert (directory / f"{NAME}.csv").read_bytes() == made
    assert cli.main(["verify", str(directory), "--quiet"]) == 0


def test_load_takes_what_has_no_quantity_from_its_minimum_on(directory: Path) -> None:
    table = (
        "name,unit,scale,decimals,quantity,minimum\n"
        "inlet,Cel,45.5,1,,-20.25\nbalance,W,0.3,,,-0.1\ncpu,%,100,2,cpu_utilization,\n"
    )
    (directory / "measurements.csv").write_text(table)
    loaded = pq.read_table(
        make(directory, "--signal", "load", "--format", "parquet").with_suffix(".parquet")
    ).to_pydict()
    text = make(directory, "--signal", "load").read_text()
    (directory / "measurements.csv").write_text(TABLE)
    uniform = make(directory, "--overwrite").read_text().splitlines()
    for name in ("inlet", "balance"):
        expected = [line for line in uniform if line.endswith(f",{name}")]
        assert [line for line in text.splitlines() if line.endswith(f",{name}")] == expected
        values = zip(loaded["name"], loaded["measurement_value"], strict=True)
        assert [value for each, value in values if each == name] == [
            float(line.split(",")[VALUE]) for line in expected
        ]


@pytest.mark.parametrize("signal", ["uniform", "load"])
@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("inlet", "-20.2", ""),
        ("inlet", "-20.3", "measurement_value -20.3"),
        ("inlet", "45.6", "measurement_value 45.6"),
        ("inlet", "-0.0", "measurement_value -0.0"),
        ("inlet", "-0.05", "more decimals than the table"),
        ("balance", "-0.1", ""),
        ("balance", "-0.10000000000000002", "measurement_value -0.1"),
        ("power", "-0.01", "measurement_value -0.01"),
        ("power", "nan", "measurement_value nan"),
    ],
)
def test_the_contract_bounds_values_by_the_minimum(
    directory: Path, signal: str, name: str, text: str, said: str
) -> None:
    if signal == "load":  # bounds a quantity in its own way, and nothing else
        lines = [f"{line},," for line in TABLE.splitlines()[1:]]
        head = "name,unit,scale,decimals,minimum,quantity"
        table = "\n".join([head, *(line[:-1] for line in lines), "cpu,%,1,0,,cpu_utilization"])
        (directory / "measurements.csv").write_text(f"{table}\n")
    path = make(directory, "--signal", signal)
    assert check(directory) == {}

    def change(rows: Rows) -> None:
        next(row for row in rows if row[-1] == name)[VALUE] = text

    edit(path, change)
    assert said in check(directory).get("values", "")
    assert bool(check(directory)) == bool(said)


def test_the_least_value_below_zero_is_in_the_statistics(directory: Path) -> None:
    path = make(directory, "--format", "parquet").with_suffix(".parquet")
    values = pq.read_table(path)["measurement_value"].to_pylist()
    chunk = pq.ParquetFile(path).metadata.row_group(0).column(6).statistics
    assert (chunk.min, chunk.max) == (min(values), max(values))
    filtered = pq.read_table(path, filters=[("measurement_value", "<", -20.0)])
    assert filtered.num_rows == sum(value < -20 for value in values) > 0


def test_few_values_far_from_zero_are_a_dictionary(tmp_path: Path) -> None:
    table = [Measurement("m", "B", 10**15, 0, minimum=10**15 - 9)]
    readings = Readings(Inventory.generate(99, seed=1), "2023-02-27", measurements=table)
    readings.write(tmp_path / "m.parquet")
    encodings = pq.ParquetFile(tmp_path / "m.parquet").metadata.row_group(0).column(6).encodings
    assert "RLE_DICTIONARY" in encodings
    readings.write(tmp_path / "m.csv")
    texts = {line.split(",")[VALUE] for line in (tmp_path / "m.csv").read_text().splitlines()[1:]}
    assert texts == {str(Decimal(10**15 - 9 + n)) for n in range(10)}
