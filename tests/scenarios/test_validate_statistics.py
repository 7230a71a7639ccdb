"""What a Parquet file says of its row groups, held against its rows."""

from __future__ import annotations

import struct
from pathlib import Path

import duckdb
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from foreign import check, inventory, make

from synthpower.formats.parquet.layout import footer_of

US, MS, NS, S = (pa.timestamp(unit, "UTC") for unit in ("us", "ms", "ns", "s"))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    directory = inventory(tmp_path / "power")
    return make(directory, "--format", "parquet").with_suffix(".parquet")


def limits_of(path: Path, column: str) -> pq.Statistics:
    metadata = pq.ParquetFile(path).metadata.row_group(0)
    number = pq.ParquetFile(path).schema_arrow.get_field_index(column)
    return metadata.column(number).statistics


def in_footer(path: Path, before: bytes, after: bytes) -> None:
    """Replace some bytes of a file's footer."""
    data = path.read_bytes()
    with path.open("rb") as file:
        begin = footer_of(file).offset
    assert before in data[begin:] and len(before) == len(after)
    path.write_bytes(data[:begin] + data[begin:].replace(before, after))


def test_a_greatest_value_that_is_not_there_is_wrong(path: Path) -> None:
    true = limits_of(path, "measurement_value").max
    in_footer(path, struct.pack("<d", true), struct.pack("<d", 5.0))
    said = f"row group 0: measurement_value is said to have 5.0 as its greatest value, not {true}"
    assert check(path.parent) == {"columns": said}


@pytest.mark.parametrize("shift", [-3_600_000_000, 3_600_000_000])
def test_a_least_time_that_is_not_there_is_wrong(path: Path, shift: int) -> None:
    true = limits_of(path, "start_time").min_raw
    in_footer(path, struct.pack("<q", true), struct.pack("<q", true + shift))
    assert "row group 0: start_time is said to have" in check(path.parent)["columns"]


def test_strings_beyond_their_limits_are_wrong(path: Path) -> None:
    true = limits_of(path, "sn").max
    in_footer(path, true.encode(), b"A" * len(true))
    assert f"as its greatest value, not {true}" in check(path.parent)["columns"]
    in_footer(path, b"A" * len(true), b"z" * len(true))  # as if shortened: it excludes nothing
    assert check(path.parent) == {}


@pytest.mark.parametrize("times", [US, MS, NS, S])
@pytest.mark.parametrize("rows", [7, 10**6])
def test_what_pyarrow_says_is_true(path: Path, times: pa.DataType, rows: int) -> None:
    table = pq.read_table(path)
    for name in ("start_time", "end_time"):
        table = table.set_column(table.column_names.index(name), name, table[name].cast(times))
    pq.write_table(table, path, row_group_size=rows, write_page_index=True)
    assert check(path.parent) == {}


def test_what_duckdb_says_is_true(path: Path) -> None:
    duckdb.sql("SET TimeZone = 'UTC'")
    duckdb.sql(f"COPY (FROM '{path}') TO '{path}.new' (FORMAT parquet, ROW_GROUP_SIZE 2048)")
    Path(f"{path}.new").replace(path)
    assert check(path.parent) == {}


def test_what_polars_says_is_true(path: Path) -> None:
    pl.read_parquet(path).write_parquet(path, row_group_size=100)
    assert check(path.parent) == {}
