"""Text of any columns, as other people's programs read it."""

from __future__ import annotations

import csv
import io
import json
import re
import sqlite3
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from synthpower import Inventory, Location, Measurement, Readings, ServerType
from synthpower.engine import Job, Run
from synthpower.formats import find_format
from synthpower.formats.interface import Options
from synthpower.formats.text.row import pattern_columns
from synthpower.model.columns import Column, field_of
from synthpower.storage import LocalStore

TYPES = [
    ServerType('O\'Brien "Pro", 2 U', "P1", facts={"owner": "a\\b; 'c'"}),
    ServerType("größer 😀", "P2", facts={"owner": ""}),
]
SITES = [Location("here, there", facts={"time_zone": "Europe/Berlin"}), Location("x=y z")]
FLEET = Inventory.generate(9, 1, TYPES, SITES)
TABLE = [Measurement("power", "W", 300, 2), Measurement("inlet, °C", "Cel", 45, 2, minimum=-20)]
COLUMNS = [
    ("serial", "sn", ""), ("the \"model\"", "model", ""), ("owner", "owner", ""),
    ("dc", "location", ""), ("ts", "end_time", "iso"), ("ns", "start_time", "ns"),
    ("local", "end_time", "local"), ("value", "measurement_value", ""),
    ("exact", "measurement_value", "decimal"), ("metric", "name", ""), ("by", "=a; b", ""),
]  # fmt: skip


def columns_of(rows: Sequence[tuple[str, str, str]]) -> list[Column]:
    return [Column(name, field_of(source), format) for name, source, format in rows]


def made(columns: Sequence[Column], table: Sequence[Measurement] = TABLE) -> Readings:
    return Readings(FLEET, "2023-02-27", 7200, 60, columns=columns, measurements=table, seed=1)


def written(readings: Readings, folder: Path, format: str, **options: Any) -> Path:
    given = Options(**options)
    job = Job(readings.specification, LocalStore(folder), f"d.{format}", find_format(format), given)
    Run([job], FLEET, 2).write()
    return folder / f"d.{format}"


def rows_of(readings: Readings) -> list[list[Any]]:
    """Return the rows as a table has them, but with times and decimals as text shows them."""
    table = readings.to_table()
    columns = [
        [f"{t:%Y-%m-%dT%H:%M:%SZ}" for t in column.to_pylist()]
        if pa.types.is_timestamp(column.type)
        else [float(v) if pa.types.is_decimal(column.type) else v for v in column.to_pylist()]
        for column in table.columns
    ]
    return [list(row) for row in zip(*columns, strict=True)]


def test_json_lines_are_read_as_they_are_in_a_table(tmp_path: Path) -> None:
    readings = made(columns_of(COLUMNS))
    path, expected = written(readings, tmp_path, "jsonl"), rows_of(readings)
    names = [name for name, _, _ in COLUMNS]
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert [list(line) for line in lines] == [names] * len(expected)
    assert [list(line.values()) for line in lines] == expected
    assert [list(row.values()) for row in pl.read_ndjson(path).to_dicts()] == expected
    frame = pd.read_json(path, lines=True, dtype=False, precise_float=True)
    assert list(frame) == names
    assert frame.to_numpy().tolist() == expected
    found = duckdb.sql(
        f"select * from read_json('{path}', format='newline_delimited', timestampformat='none')"
    )
    assert found.columns == names
    assert [[*row] for row in found.fetchall()] == expected


@pytest.mark.parametrize("delimiter", [";", "\t", "|", ","])
@pytest.mark.parametrize("header", [True, False])
def test_csv_with_other_delimiters_is_read(tmp_path: Path, delimiter: str, header: bool) -> None:
    readings = made(columns_of(COLUMNS))
    path = written(readings, tmp_path, "csv", delimiter=delimiter, header=header)
    expected = rows_of(readings)
    names = [name for name, _, _ in COLUMNS]
    texts = list(csv.reader(io.StringIO(path.read_text(), newline=""), delimiter=delimiter))
    if header:
        assert texts.pop(0) == names
    assert [[t for t in row if t] for row in texts] == [
        [f"{v:.2f}" if isinstance(v, float) else str(v) for v in row if v != ""] for row in expected
    ]
    polars = pl.read_csv(path, separator=delimiter, has_header=header, infer_schema=False)
    assert [list(row) for row in polars.fill_null("").rows()] == texts
    frame = pd.read_csv(
        path, sep=delimiter, header=0 if header else None, dtype=str, keep_default_na=False
    )
    assert frame.to_numpy().tolist() == texts
    types = ", ".join(f"c{i}: varchar" for i in range(len(names)))
    found = duckdb.sql(
        f"select * from read_csv('{path}', delim='{delimiter}', header={header}, "
        f"auto_detect=false, quote='\"', escape='\"', columns={{{types}}})"
    )
    assert [[value or "" for value in row] for row in found.fetchall()] == texts


def unescaped(text: str) -> str:
    return re.sub(r"\\([,= \\])", r"\1", text)


def points(lines: str) -> Iterator[tuple[str, dict[str, str], dict[str, float], int]]:
    """Parse line protocol: measurement,tag=value,... field=value time."""
    for line in lines.splitlines():
        series, fields, time = re.split(r"(?<!\\)(?:\\\\)* ", line)
        name, *tags = re.split(r"(?<!\\),", series)
        pairs = (re.split(r"(?<!\\)=", tag) for tag in tags)
        values = (field.split("=") for field in fields.split(","))
        yield (
            unescaped(name),
            {unescaped(key): unescaped(value) for key, value in pairs},
            {key: float(value) for key, value in values},
            int(time),
        )


def test_line_protocol_says_each_reading(tmp_path: Path) -> None:
    row = "{name:tag},host={sn:tag},site={location:tag} value={measurement_value} {end_time:ns}"
    readings = made(pattern_columns(row))
    text = written(readings, tmp_path, "text", row=row).read_text()
    expected = [
        (r["name"], {"host": r["sn"], "site": r["location"]}, {"value": r["measurement_value"]},
         r["end_time:ns"])
        for r in readings.to_table().to_pylist()
    ]  # fmt: skip
    assert list(points(text)) == expected


def test_a_wide_line_has_a_field_for_each_measurement(tmp_path: Path) -> None:
    row = "power,host={sn} watts={value:power},inlet={value:inlet, °C:float} {end_time:s}"
    readings = made(pattern_columns(row))
    text = written(readings, tmp_path, "text", row=row).read_text()
    rows = readings.to_table().to_pylist()
    assert [(fields, time) for _, _, fields, time in points(text)] == [
        ({"watts": r["value:power"], "inlet": pytest.approx(r["value:inlet, °C:float"])},
         r["end_time:s"])
        for r in rows
    ]  # fmt: skip
    assert len(rows) == readings.num_rows == 12 * len(FLEET)


def test_sql_inserts_are_executed(tmp_path: Path) -> None:
    row = (
        "insert into readings values ('{sn:sql}', '{model:sql}', '{owner:sql}', '{end_time}', "
        "{measurement_value}, '{name:sql}');"
    )
    readings = made(pattern_columns(row))
    text = written(readings, tmp_path, "text", row=row).read_text()
    database = sqlite3.connect(":memory:")
    database.execute("create table readings (sn, model, owner, time, value real, name)")
    database.executescript(text)
    expected = [tuple(row) for row in rows_of(readings)]
    found = database.execute("select * from readings order by rowid").fetchall()
    assert [(*r[:3], r[3].replace(" ", "T"), *r[4:]) for r in found] == expected
    assert any("O'Brien" in row[1] for row in found)


def test_syslog_lines_have_the_time_of_the_site(tmp_path: Path) -> None:
    row = r'<134>1 {end_time:local} {sn} power - - [x@1 v="{measurement_value}"] {name}\t{unit}'
    readings = made(pattern_columns(row))
    text = written(readings, tmp_path, "text", row=row).read_text()
    form = re.compile(r'<134>1 (\S+) (\S+) power - - \[x@1 v="([-0-9.]+)"\] (.*)\t(.*)')
    times = [("t", "end_time", ""), ("v", "measurement_value", "")]
    utc = made(columns_of(times)).to_table()["t"].to_pylist()
    for line, row_of, time in zip(
        text.splitlines(), readings.to_table().to_pylist(), utc, strict=True
    ):
        found = form.fullmatch(line)
        assert found
        moment = datetime.fromisoformat(found[1])
        assert moment == time
        assert moment.utcoffset() in (timedelta(), timedelta(hours=1))
        assert found[2] == row_of["sn"]
        assert float(found[3]) == row_of["measurement_value"]
        assert (found[4], found[5]) == (row_of["name"], row_of["unit"])


def test_the_types_of_batches_follow_the_formats() -> None:
    formats = ["utc", "iso", "local", "s", "ms", "us", "ns"]
    rows = [*((f, "end_time", f) for f in formats), ("c", "=x", ""), ("n", "name", "")]
    rows += [(f, "measurement_value", f) for f in ("double", "float", "decimal", "integer")]
    table = [Measurement("a", "W", 300, 0), Measurement("b", "Cel", 45, 0, minimum=-20)]
    readings = made(columns_of(rows), table)
    time, strings = pa.timestamp("us", "UTC"), pa.dictionary(pa.int32(), pa.string())
    expected = [time, time, pa.string(), *[pa.int64()] * 4, strings, strings]
    expected += [pa.float64(), pa.float32(), pa.decimal128(18, 0), pa.int64()]
    assert readings.schema.types == expected
    assert readings.to_table().schema == readings.schema
    for row in readings.to_table().to_pylist():
        assert row["double"] == row["float"] == row["decimal"] == row["integer"]
        seconds = int(row["utc"].timestamp())
        assert [row[unit] for unit in ("s", "ms", "us", "ns")] == [
            seconds * 10**power for power in (0, 3, 6, 9)
        ]
        assert datetime.fromisoformat(row["local"]) == row["utc"] == row["iso"]
    assert duckdb.from_arrow(readings.to_table()).fetchall()
