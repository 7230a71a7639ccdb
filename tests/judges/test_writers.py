"""What is in the files, as other people's readers see it."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from conftest import COLUMNS
from pyarrow import csv as pa_csv

from synthpower import Inventory, Location, Measurement, Readings, ServerType
from synthpower.formats import find_format
from synthpower.formats.interface import IMPLEMENTATIONS, Options

NAME = "data-2023-02-27"


def by_pandas(path: Path) -> pd.DataFrame:
    if path.suffix == ".parquet":
        return pd.read_parquet(path)
    return pd.read_csv(path, parse_dates=["start_time", "end_time"])


def by_polars(path: Path) -> pd.DataFrame:
    if path.suffix == ".parquet":
        return pl.read_parquet(path).to_pandas()
    times = {
        name: pl.col(name).str.to_datetime("%Y-%m-%d %H:%M:%SZ", time_zone="UTC")
        for name in ("start_time", "end_time")
    }
    return pl.read_csv(path).with_columns(**times).to_pandas()


def by_duckdb(path: Path) -> pd.DataFrame:
    connection = duckdb.connect()
    connection.execute("set timezone = 'UTC'")
    return connection.sql(f"from '{path}'").to_arrow_table().to_pandas()


def by_pyarrow(path: Path) -> pd.DataFrame:
    if path.suffix == ".parquet":
        return pq.read_table(path).to_pandas()
    types = {name: pa.timestamp("s", "UTC") for name in ("start_time", "end_time")}
    options = pa_csv.ConvertOptions(column_types=types)
    return pa_csv.read_csv(path, convert_options=options).to_pandas()


READERS = [by_pandas, by_polars, by_duckdb, by_pyarrow]


def normal(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a frame of one make: readers differ in how long a second is, and in their strings."""
    for name in frame.columns:
        if name.endswith("_time"):
            times = pd.to_datetime(frame[name], utc=True)
            frame[name] = times.astype("datetime64[us, UTC]")
        elif name != "measurement_value":
            frame[name] = frame[name].astype(object)
    return frame


@pytest.fixture(scope="module")
def expected(power: Path) -> pd.DataFrame:
    return normal(by_pyarrow(power / f"{NAME}.parquet"))


@pytest.mark.parametrize("format", ["csv", "parquet"])
@pytest.mark.parametrize("reader", READERS)
def test_every_reader_reads_the_same_table(
    power: Path, expected: pd.DataFrame, reader: object, format: str
) -> None:
    pd.testing.assert_frame_equal(normal(reader(power / f"{NAME}.{format}")), expected)


def test_the_table_is_the_contracts(power: Path, expected: pd.DataFrame) -> None:
    assert list(expected.columns) == COLUMNS
    assert len(expected) == 48_000
    assert not expected.isna().any().any()
    scales = expected["name"].map({"server cpu utilization": 100, "server power": 300})
    assert expected["measurement_value"].between(0, scales).all()
    units = expected.groupby("name")["unit"].unique()
    assert {name: list(unit) for name, unit in units.items()} == {
        "server cpu utilization": ["%"],
        "server power": ["W"],
    }


def test_every_server_stands_there_with_its_own_model_and_site(
    power: Path, expected: pd.DataFrame
) -> None:
    columns = ["sn", "model", "product_id", "location"]
    inventory = pd.read_csv(power / "inventory.csv", dtype=object).sort_values("sn")
    found = expected[columns].drop_duplicates().sort_values("sn")
    assert found.to_numpy().tolist() == inventory[columns].to_numpy().tolist()


def test_every_time_server_and_measurement_stands_there_once_and_in_order(
    expected: pd.DataFrame,
) -> None:
    assert not expected.duplicated(["start_time", "sn", "name"]).any()
    assert expected["start_time"].nunique() == 24
    assert (expected["end_time"] - expected["start_time"] == pd.Timedelta(hours=1)).all()
    assert expected["start_time"].min() == pd.Timestamp("2023-02-27", tz="UTC")
    ordered = expected.sort_values(["start_time", "sn", "name"], ignore_index=True)
    pd.testing.assert_frame_equal(ordered, expected)


def test_csv_text_is_as_the_contract_says(power: Path) -> None:
    data = (power / f"{NAME}.csv").read_bytes()
    assert b"\r" not in data
    assert b'"' not in data
    header, first, *_ = data.decode().split("\n")
    assert header == ",".join(COLUMNS)
    fields = first.split(",")
    assert fields[4:6] == ["2023-02-27 00:00:00Z", "2023-02-27 01:00:00Z"]
    assert len(fields[6].partition(".")[2]) == 2
    assert data.endswith(b"\n")
    assert not data.endswith(b"\n\n")


def test_parquet_types_are_plain_strings_utc_microseconds_and_doubles(power: Path) -> None:
    schema = pq.read_schema(power / f"{NAME}.parquet")
    text, time = pa.string(), pa.timestamp("us", "UTC")
    assert schema.names == COLUMNS
    assert schema.types == [text, text, text, text, time, time, pa.float64(), text, text]


def test_parquet_strings_are_dictionary_encoded_and_every_column_has_statistics(
    power: Path,
) -> None:
    metadata = pq.read_metadata(power / f"{NAME}.parquet")
    for i in range(metadata.num_row_groups):
        for j, name in enumerate(COLUMNS):
            column = metadata.row_group(i).column(j)
            assert column.statistics.has_min_max
            assert column.statistics.null_count == 0
            if name in ("sn", "model", "product_id", "location", "unit", "name"):
                assert "RLE_DICTIONARY" in column.encodings
                assert column.has_dictionary_page


def test_parquet_metadata_carries_the_specification(power: Path) -> None:
    metadata = pq.read_metadata(power / f"{NAME}.parquet").metadata
    manifest = json.loads((power / "manifest.json").read_text())
    described = manifest["files"][f"{NAME}.parquet"]["specification"]
    assert json.loads(metadata[b"synthpower"]) == described


def test_serial_numbers_stay_dictionary_encoded_however_many(tmp_path: Path) -> None:
    Readings(Inventory.generate(150_000, 1), "2023-02-27T05").write(tmp_path / "data.parquet")
    column = pq.read_metadata(tmp_path / "data.parquet").row_group(0).column(0)
    assert column.total_uncompressed_size < 150_000 * (14 + 2 * 3)


def test_many_decimals_are_not_given_a_dictionary_of_values(tmp_path: Path) -> None:
    table = [Measurement("m", "W", Decimal(300), 6)]
    readings = Readings(Inventory.generate(10, 1), "2023-02-27", measurements=table)
    readings.write(tmp_path / "data.parquet")
    column = pq.read_metadata(tmp_path / "data.parquet").row_group(0).column(6)
    assert not column.has_dictionary_page


@pytest.fixture
def hostile() -> Readings:
    types = [
        ServerType('model, with "all"', "P,1"),
        ServerType("plain", 'P"2'),
        ServerType(" ", "'"),
    ]
    inventory = Inventory.generate(40, 1, types, [Location("site, 1"), Location("=2+3")])
    table = [Measurement("a, b", '"', Decimal(3), 1), Measurement("\u202eabc", "°C", Decimal(3))]
    return Readings(inventory, "2023-02-27", measurements=table)


@pytest.mark.parametrize("reader", READERS)
def test_texts_that_need_quotes_are_read_back(
    hostile: Readings, tmp_path: Path, reader: object
) -> None:
    hostile.write(tmp_path / "data.csv")
    hostile.write(tmp_path / "data.parquet")
    found = normal(reader(tmp_path / "data.csv"))
    pd.testing.assert_frame_equal(found, normal(by_pyarrow(tmp_path / "data.parquet")))


def test_only_fields_that_need_quotes_have_them(hostile: Readings, tmp_path: Path) -> None:
    hostile.write(tmp_path / "data.csv")
    text = (tmp_path / "data.csv").read_text()
    assert ',"model, with ""all""","P,1",' in text
    assert ',plain,"P""2",=2+3,2023-02-27 00:00:00Z,' in text
    assert '"plain"' not in text


def test_chunks_of_long_texts_have_fewer_rows() -> None:
    types = [ServerType("m" * 100_000, "P1")]
    readings = Readings(Inventory.generate(1000, 1, types), "2023-02-27")
    for implementation in IMPLEMENTATIONS:
        options = Options(implementation)
        writer = find_format("csv").writer(readings.specification, readings.inventory, options)
        assert 1 <= writer.grid.rows(next(writer.grid.chunks())) < 200


def test_texts_of_a_megabyte_are_written(tmp_path: Path) -> None:
    types = [ServerType("m" * 1_000_000, "P1")]
    readings = Readings(Inventory.generate(30, 1, types), "2023-02-27T05")
    assert readings.write(tmp_path / "data.csv").bytes > 60_000_000
    readings.write(tmp_path / "data.parquet")
    assert pq.read_table(tmp_path / "data.parquet", columns=["model"]).num_rows == 60
