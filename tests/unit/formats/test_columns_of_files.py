"""Columns that are renamed, left out, moved or there twice, in each format."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from memory_store import MemoryStore
from support import CPU, POWER

from synthpower import Inventory, Measurement, Readings, ServerType
from synthpower.engine import Job, Run
from synthpower.formats import find_format
from synthpower.formats.interface import FAST, PYARROW, Options
from synthpower.formats.parquet import Parquet
from synthpower.formats.parquet.writer import Sizes
from synthpower.model.columns import (
    COLUMNS,
    FIELDS,
    FORMATS,
    Column,
    Kind,
    field_of,
)
from synthpower.storage import LocalStore

FLEET = Inventory.generate(9, 1, [ServerType('a "quoted", model', "P1"), ServerType("plain", "P2")])


def columns(*fields: str) -> tuple[Column, ...]:
    """Return columns that hold some fields, under names of their own."""
    return tuple(Column(f"{field}, no. {i}", FIELDS[field]) for i, field in enumerate(fields))


IN_ORDER = [
    COLUMNS,
    COLUMNS[2:],
    columns("measurement_value"),
    columns("location", "sn", "start_time", "measurement_value", "name", "unit"),
    columns("sn", "end_time", "measurement_value"),
    columns("sn", "sn", "measurement_value", "name", "name"),
]
MIXED = [
    COLUMNS[::-1],
    columns("measurement_value", "sn"),
    columns("end_time", "start_time", "measurement_value"),
    columns("measurement_value", "measurement_value"),
    columns("name", "sn", "measurement_value"),
]


def readings(columns: Sequence[Column], fuzz: int = 0) -> Readings:
    return Readings(FLEET, "2023-02-27T05", 1200, fuzz, columns=columns)


def written(made: Readings, folder: Path, format: str, implementation: str) -> Path:
    """Write readings to a file and return its path."""
    name = f"{implementation}.{format}"
    options = Options(implementation)
    job = Job(
        made.specification, LocalStore(folder), name, find_format(format), options, replace=True
    )
    Run([job], FLEET, 1).write()
    return folder / name


def expected(columns: Sequence[Column], fuzz: int = 0) -> list[list[Any]]:
    """Return the rows of these columns, from those of all of them."""
    rows = readings(COLUMNS, fuzz).to_table().to_pylist()
    return [[row[column.field.name] for column in columns] for row in rows]


def as_text(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.2f}"
    return value if isinstance(value, str) else f"{value:%Y-%m-%d %H:%M:%SZ}"


@pytest.mark.parametrize("fuzz", [0, 7])
@pytest.mark.parametrize("columns", [*IN_ORDER, *MIXED])
@pytest.mark.parametrize("implementation", [FAST, PYARROW])
def test_a_csv_file_has_the_columns_asked_for(
    tmp_path: Path, columns: tuple[Column, ...], fuzz: int, implementation: str
) -> None:
    path = written(readings(columns, fuzz), tmp_path, "csv", implementation)
    header, *rows = csv.reader(io.StringIO(path.read_bytes().decode(), newline=""))
    assert header == [column.name for column in columns]
    assert rows == [[as_text(value) for value in row] for row in expected(columns, fuzz)]


@pytest.mark.parametrize("fuzz", [0, 7])
@pytest.mark.parametrize("columns", [*IN_ORDER, *MIXED])
@pytest.mark.parametrize("implementation", [FAST, PYARROW])
def test_a_parquet_file_has_the_columns_asked_for(
    tmp_path: Path, columns: tuple[Column, ...], fuzz: int, implementation: str
) -> None:
    made = readings(columns, fuzz)
    table = pq.read_table(written(made, tmp_path, "parquet", implementation))
    assert table.schema.names == [column.name for column in columns]
    assert [list(row.values()) for row in table.to_pylist()] == expected(columns, fuzz)


FORMATTED = [
    ("sn", ""), ("model", ""), ("location", ""), ("unit", ""), ("name", ""), ("=a, \"b\" 😀", ""),
    *[(time, f) for time in ("start_time", "end_time") for f in FORMATS[Kind.TIMESTAMP]],
    *[("measurement_value", f) for f in ("double", "float", "decimal")],
]  # fmt: skip
TABLES = [
    [POWER, CPU],
    [Measurement("a, b", "°C", 45, 1, minimum=-20), Measurement('"c"', "W", 1, 3)],
]


@given(
    st.lists(st.sampled_from(FORMATTED), max_size=9),
    st.sampled_from(TABLES),
    st.sampled_from([0, 7]),
    st.sampled_from([",", ";", "|", "\t"]),
    st.booleans(),
)
def test_the_writers_of_csv_write_the_same_bytes(
    sources: list[tuple[str, str]],
    measurements: list[Measurement],
    fuzz: int,
    delimiter: str,
    header: bool,
) -> None:
    chosen = [*sources, ("measurement_value", "")]
    columns = [Column(f"{i}, {s}", field_of(s), f) for i, (s, f) in enumerate(chosen)]
    made = Readings(
        FLEET, "2023-02-27T05", 1200, fuzz, columns=columns, measurements=measurements, seed=1
    )
    texts = [
        text_of(made, "csv", Options(each, delimiter=delimiter, header=header))
        for each in (FAST, PYARROW)
    ]
    assert texts[0] == texts[1]
    options = Options(PYARROW, delimiter=delimiter, header=header)
    writer = find_format("csv").writer(made.specification, FLEET, options)
    assert len(texts[1]) <= writer.size(made.specification).bytes


WIDE = [
    ("value:server cpu utilization", ""), ("value:server power", "float"),
    ("value:server power", "decimal"), ("value:server power", ""),
]  # fmt: skip


@given(
    st.lists(st.sampled_from(FORMATTED), max_size=9),
    st.sampled_from(TABLES),
    st.sampled_from([0, 7, 1100]),
    st.sampled_from([None, "none", "snappy", "zstd"]),
    st.booleans(),
    st.sampled_from([1, 2]),
)
def test_the_writers_of_parquet_write_the_same_table(
    sources: list[tuple[str, str]],
    measurements: list[Measurement],
    fuzz: int,
    compression: str | None,
    wide: bool,
    repeats: int,
) -> None:
    if wide:
        measurements = TABLES[0]
        sources = [s for s in sources if s[0] not in ("unit", "name", "measurement_value")] + WIDE
    chosen = [("sn", ""), *sources, *([] if wide else [("measurement_value", "")])]
    columns = [Column(f"{i}, {s}", field_of(s), f) for i, (s, f) in enumerate(chosen)]
    made = Readings(
        FLEET, "2023-02-27T05", 1200, fuzz, columns=columns, measurements=measurements, seed=1
    )
    for implementation in (FAST, PYARROW):
        options = Options(implementation, compression)
        format = Parquet(Sizes(dictionary_repeats=repeats - 1))
        store = MemoryStore()
        Run([Job(made.specification, store, "x", format, options)], FLEET, 1).write()
        file = store.open("x")
        assert format.provenance(file).options == options
        table = pq.read_table(file)
        assert table.schema.equals(plain(made.schema))
        assert table.equals(made.to_table().cast(plain(made.schema)))


def plain(schema: pa.Schema) -> pa.Schema:
    """Return a schema without dictionaries."""
    return pa.schema(
        [(f.name, pa.string() if pa.types.is_dictionary(f.type) else f.type) for f in schema]
    )


def text_of(made: Readings, format: str, options: Options) -> bytes:
    """Return the bytes of a file."""
    store = MemoryStore()
    Run([Job(made.specification, store, "x", find_format(format), options)], FLEET, 1).write()
    return b"".join(store.files["x"])


@pytest.mark.parametrize("repeats", [0, 10**9])
def test_wide_decimals_are_those_of_their_own_measurement(tmp_path: Path, repeats: int) -> None:
    table = [
        Measurement("few", "W", 300, 0), Measurement("more", "W", 300, 3),
        Measurement("full", "W", 300), Measurement("huge", "B", 2**53, 0),
    ]  # fmt: skip
    sources = [("few", "integer"), ("few", "decimal"), ("more", "decimal"), ("huge", "integer")]
    columns = [Column(f"{name} {f}", field_of(f"value:{name}"), f) for name, f in sources]
    columns.append(Column("full", field_of("value:full")))
    for chosen in (columns, columns[:3]):
        made = Readings(FLEET, "2023-02-27", columns=chosen, measurements=table, seed=1)
        format = Parquet(Sizes(dictionary_repeats=repeats))
        store = MemoryStore()
        Run([Job(made.specification, store, "x", format, Options())], FLEET, 1).write()
        found = pq.read_table(io.BytesIO(b"".join(map(bytes, store.files["x"]))))
        assert found.to_pylist() == made.to_table().to_pylist()
