"""Arrow files and streams as other people's readers see them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.dataset as ds
import pytest
from support import write

from synthpower import Inventory, Readings
from synthpower.formats.arrow import Arrow

DATE = "2023-02-27"
OLD_POLARS = tuple(map(int, pl.__version__.split(".")[:2])) < (1, 34)


def by_pyarrow(path: Path) -> pa.Table:
    with pa.ipc.open_file(pa.memory_map(str(path))) as file:
        return file.read_all()


def by_polars(path: Path) -> pa.Table:
    return pl.read_ipc(path).to_arrow()


def by_polars_lazily(path: Path) -> pa.Table:
    return pl.scan_ipc(path).filter(pl.col("measurement_value") >= 0).collect().to_arrow()


def by_duckdb(path: Path) -> pa.Table:
    files = ds.dataset(path, format="ipc")
    connection = duckdb.connect()
    connection.execute("set timezone = 'UTC'")
    connection.register("files", files)
    return connection.sql("from files").to_arrow_table()


def by_pandas(path: Path) -> pa.Table:
    return pa.Table.from_pandas(pd.read_feather(path), preserve_index=False)


READERS = [by_pyarrow, by_polars, by_polars_lazily, by_duckdb, by_pandas]


def plain(table: pa.Table, schema: pa.Schema) -> pa.Table:
    """Return a table with plain strings: readers differ in what they make of dictionaries."""
    types = [pa.string() if pa.types.is_dictionary(field.type) else field.type for field in schema]
    return table.cast(pa.schema(zip(schema.names, types, strict=True)))


@pytest.fixture(scope="module", params=["hourly", "fuzz", "nulls"])
def readings(request: pytest.FixtureRequest) -> Readings:
    from decimal import Decimal

    from synthpower import Fault, read_measurements

    inventory = Inventory.generate(1000, seed=1)
    return {
        "hourly": lambda: Readings(inventory, DATE),
        "fuzz": lambda: Readings(inventory, DATE, fuzz=60),
        "nulls": lambda: Readings(
            inventory, DATE, signal="load", measurements=read_measurements("load"),
            faults=[Fault("off", Decimal("0.1"))],
        ),
    }[request.param]()  # fmt: skip


@pytest.mark.filterwarnings("ignore:Series.values returning")  # an old pyarrow, a new pandas
@pytest.mark.parametrize(
    "compression",
    [None, *(pytest.param(each, marks=pytest.mark.slow) for each in ("none", "zstd"))],
)
@pytest.mark.parametrize("reader", READERS)
def test_every_reader_reads_the_readings(
    readings: Readings, tmp_path: Path, reader: object, compression: str | None
) -> None:
    if reader in (by_polars, by_polars_lazily) and compression is None and OLD_POLARS:
        pytest.skip("Polars before 1.34 takes what is not compressed for compressed")
    path = tmp_path / "data.arrow"
    write(readings, path, compression=compression, format=Arrow(batch_rows=15_000))
    found, expected = (plain(each, readings.schema) for each in (reader(path), readings.to_table()))
    if reader is by_polars_lazily:
        expected = expected.filter(pa.compute.is_valid(expected["measurement_value"]))
    assert found.equals(expected)


def test_arrows_own_writer_writes_the_same_table(readings: Readings, tmp_path: Path) -> None:
    for implementation in ("fast", "pyarrow"):
        write(readings, tmp_path / f"{implementation}.arrow", implementation)
    fast, pyarrow = (by_pyarrow(tmp_path / f"{name}.arrow") for name in ("fast", "pyarrow"))
    assert fast.equals(pyarrow)
    assert fast.schema.equals(pyarrow.schema)
    assert fast.schema.metadata[b"synthpower"] == pyarrow.schema.metadata[b"synthpower"]


STREAM = """
import sys, polars as pl
frame = pl.read_ipc_stream(sys.stdin.buffer)
print(frame.height, frame["measurement_value"].sum())
"""


@pytest.mark.skipif(OLD_POLARS, reason="the same, and it is Polars that reads")
def test_a_stream_is_read_from_a_pipe(power: Path) -> None:
    arguments = ["data", "--directory", str(power), "--date", DATE, "--format", "arrow"]
    made = subprocess.Popen(
        [sys.executable, "-m", "synthpower", *arguments, "--output", "-", "--quiet"],
        stdout=subprocess.PIPE,
    )
    found = subprocess.run(
        [sys.executable, "-c", STREAM],
        stdin=made.stdout,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    made.communicate()
    assert made.returncode == 0
    expected = pl.read_parquet(power / f"data-{DATE}.parquet")
    assert int(found[0]) == expected.height
    assert float(found[1]) == pytest.approx(expected["measurement_value"].sum())
