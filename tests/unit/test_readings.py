from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from synthpower import COLUMNS, FIELDS, Column, InputError, Inventory, Part, Readings
from synthpower.signals import SIGNALS


@pytest.fixture(scope="module")
def readings() -> Readings:
    return Readings(Inventory.generate(1000, seed=1), "2023-02-27")


def test_shape_and_rows_are_known_without_making_any(readings: Readings) -> None:
    assert readings.shape == (24, 1000, 2)
    assert readings.num_rows == 48_000


def test_batches_are_lazy_and_make_up_the_table(readings: Readings) -> None:
    batches = list(readings.batches(chunk_rows=5000))
    assert len(batches) > 1
    assert all(batch.schema == readings.schema for batch in batches)
    assert pa.Table.from_batches(batches).to_pylist() == readings.to_table().to_pylist()


def test_batches_do_not_share_their_values(readings: Readings) -> None:
    first, second, *_ = readings.batches(chunk_rows=5000)
    assert first["measurement_value"] != second["measurement_value"]


def test_batches_of_some_servers_each_go_into_one_ipc_file(
    readings: Readings, tmp_path: Path
) -> None:
    batches = list(readings.batches(chunk_rows=500))
    assert len(batches) == 24 * 4
    with pa.ipc.new_file(str(tmp_path / "data.arrow"), readings.schema) as file:
        for batch in batches:  # a dictionary may not be replaced in it
            file.write_batch(batch)
    with pa.ipc.open_file(str(tmp_path / "data.arrow")) as file:
        assert file.read_all().to_pylist() == readings.to_table().to_pylist()


def test_duckdb_queries_it_without_a_file(readings: Readings, tmp_path: Path) -> None:
    readings.write(tmp_path / "data.parquet")
    query = "select name, avg(measurement_value), count(*) from {} group by 1 order by 1"
    found = duckdb.sql(query.format("readings")).fetchall()
    again = duckdb.sql(query.format("readings")).fetchall()
    assert found == again == duckdb.sql(query.format(f"'{tmp_path}/data.parquet'")).fetchall()
    assert [row[2] for row in found] == [24_000, 24_000]


def test_polars_reads_it_without_a_file(readings: Readings) -> None:
    frame = pl.DataFrame(readings)
    assert frame.shape == (48_000, 9)
    made = pl.from_arrow(readings)  # newer versions: a Series of structs, as of any Arrow stream
    assert (made.struct.unnest() if isinstance(made, pl.Series) else made).equals(frame)
    assert (
        frame["measurement_value"].to_list() == readings.to_table()["measurement_value"].to_pylist()
    )


def test_pandas_and_pyarrow_read_it_without_a_file(readings: Readings) -> None:
    assert pa.table(readings).num_rows == 48_000
    assert len(pd.DataFrame.from_arrow(readings)) == 48_000


def test_less_of_them_is_a_data_set(readings: Readings) -> None:
    table = readings.to_table()
    site, sn = table["location"][0].as_py(), table["sn"][0].as_py()
    power = pc.field("name") == "server power"
    assert readings.filter(power).count_rows() == 24_000
    assert readings.select(["sn"]).schema.names == ["sn"]
    assert len(readings.between("2023-02-27T05", "2023-02-27T07")) == 4000
    assert set(readings.at_sites(site).to_table()["location"].to_pylist()) == {site}
    assert set(readings.of_servers(sn).to_table()["sn"].to_pylist()) == {sn}
    assert readings.head().to_pylist() == table.slice(0, 5).to_pylist()
    assert len(readings) == readings.num_rows
    assert len(readings.dataset(days=3)) == 3 * len(readings)


def test_they_are_a_data_frame_of_any_kind(readings: Readings) -> None:
    values = readings.to_table()["measurement_value"].to_pylist()
    assert readings.to_pandas()["measurement_value"].tolist() == values
    assert readings.to_polars()["measurement_value"].to_list() == values
    total = readings.lazy().select(pl.col("measurement_value").sum()).collect().item()
    assert total == pytest.approx(sum(values))


def test_a_data_frame_of_their_iteration_says_what_to_do(readings: Readings) -> None:
    with pytest.raises(TypeError, match=r"to_pandas\(\)"):
        pd.DataFrame(readings)


@pytest.mark.parametrize(
    "time",
    [
        "2023-02-27 05:00:00Z",
        "2023-02-27T05:00:00",
        "2023-02-27T06:00:00+01:00",
        datetime(2023, 2, 27, 5),
        datetime(2023, 2, 27, 5, tzinfo=UTC),
        datetime(2023, 2, 26, 23, tzinfo=timezone(-timedelta(hours=6))),
    ],
)
def test_one_cell_is_found_by_any_way_of_saying_its_time(
    readings: Readings, time: str | datetime
) -> None:
    row = readings.to_table().slice(5 * 2000 + 3, 1).to_pylist()[0]
    assert readings.at(row["sn"], time, row["name"]) == row["measurement_value"]


@pytest.mark.parametrize("signal", SIGNALS)
def test_a_cell_is_found_of_a_server_whose_key_is_a_hash(signal: str) -> None:
    """Hashes are not in the order of the serial numbers."""
    odd = pa.array([f"server {i}" for i in range(40)])
    table = Inventory.generate(40, seed=1).table.set_column(0, "sn", odd)
    made = Readings(Inventory(table), "2023-02-27", signal=signal, seed=1)
    for row in made.to_table().to_pylist()[:80]:
        assert made.at(row["sn"], row["start_time"], row["name"]) == row["measurement_value"]


@pytest.mark.parametrize(
    ("sn", "time", "measurement", "words"),
    [
        ("CZ00000000", "2023-02-27 05:00:00Z", "server power", "no server"),
        ("not one of ours", "2023-02-27 05:00:00Z", "server power", "no server"),
        ("ZZZZZZZZZZZZ", "2023-02-27 05:00:00Z", "server power", "no server"),
        (None, "2023-02-28 00:00:00Z", "server power", "no interval"),
        (None, "2023-02-26 23:00:00Z", "server power", "no interval"),
        (None, "2023-02-27 05:30:00Z", "server power", "no interval"),
        (None, "2023-02-27 05:00:00.5Z", "server power", "no interval"),
        (None, "2023-02-27 05:00:00Z", "power", "no measurement"),
    ],
)
def test_a_cell_that_is_not_there_is_a_key_error(
    readings: Readings, sn: str | None, time: str, measurement: str, words: str
) -> None:
    sn = sn or readings.inventory.table["sn"][0].as_py()
    with pytest.raises(KeyError, match=words):
        readings.at(sn, time, measurement)


def test_a_cell_of_no_time_is_a_type_error(readings: Readings) -> None:
    sn = readings.inventory.table["sn"][0].as_py()
    with pytest.raises(TypeError, match="time is int, not a string or a datetime"):
        readings.at(sn, 0, "server power")  # type: ignore[arg-type]


def test_the_seed_is_the_inventorys_unless_given() -> None:
    inventory = Inventory.generate(3, seed=5)
    assert Readings(inventory, "2023-02-27").specification.seed == 5
    assert Readings(inventory, "2023-02-27", seed=0).specification.seed == 0
    drawn = Readings(Inventory(inventory.table), "2023-02-27").specification.seed
    assert 0 <= drawn < 2**53


@pytest.mark.parametrize(("name", "format"), [("a.csv", "csv"), ("a.PARQUET", "parquet")])
def test_the_format_is_that_of_the_name(
    readings: Readings, tmp_path: Path, name: str, format: str
) -> None:
    readings.write(tmp_path / name)
    readings.write(tmp_path / "other", format=format)
    assert (tmp_path / name).read_bytes() == (tmp_path / "other").read_bytes()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({}, r"the suffix '.doc' names no format; end it in .csv, "),
        ({"format": "xml"}, "'xml': choose csv, jsonl, text, parquet or arrow"),
    ],
)
def test_an_unknown_format_is_refused(
    readings: Readings, tmp_path: Path, options: dict[str, str], words: str
) -> None:
    with pytest.raises(InputError, match=words):
        readings.write(tmp_path / "data.doc", **options)
    assert list(tmp_path.iterdir()) == []


def test_a_compression_is_of_its_format_and_as_the_name_says(tmp_path: Path) -> None:
    readings = Readings(Inventory.generate(3, seed=1), "2023-02-27")
    readings.write(tmp_path / "data.parquet", compression="snappy")
    group = pq.read_metadata(tmp_path / "data.parquet").row_group(0)
    assert group.column(6).compression == "SNAPPY"
    for name, compression in (("data.csv", "zstd"), ("other.parquet", "lz5")):
        with pytest.raises(InputError) as found:
            readings.write(tmp_path / name, compression=compression)
        assert found.value.argument == "compression"
        assert f"'{compression}'" in str(found.value)


def test_one_step_larger_than_a_row_group_is_written(tmp_path: Path) -> None:
    inventory = Inventory.generate(1_300_000, seed=1)
    readings = Readings(inventory, "2023-02-27T05")
    readings.write(tmp_path / "data.parquet")
    found = pq.ParquetFile(tmp_path / "data.parquet")
    assert found.metadata.num_row_groups > 1
    assert found.metadata.num_rows == 2_600_000
    sn = found.read(columns=["sn"])["sn"]
    assert pa.compute.unique(sn).to_pylist() == inventory.by_serial.sn.to_pylist()


def test_readings_show_what_they_are() -> None:
    made = Readings(Inventory.generate(1000, seed=1), "2023-02-27", seed=7)
    assert repr(made) == (
        "<Readings of 2023-02-27, seed 7: 24 steps x 1,000 servers x 2 measurements; sn, model, "
        "product_id, location, start_time, end_time, measurement_value, unit, name>"
    )


@pytest.mark.parametrize(
    ("changes", "argument", "words"),
    [
        ({"inventory": "power"}, "inventory", "'power' is not an Inventory"),
        ({"signal": "sine"}, "signal", "'sine': choose uniform, triangular, load"),
        ({"end": True, "columns": COLUMNS}, "end", "leave start_time out of the columns instead"),
        ({"measurements": []}, "measurements", "one at least"),
        ({"columns": []}, "columns", "no column holds measurement_value"),
        ({"date": "tomorrow"}, "date", "is not a date"),
    ],
)
def test_a_wrong_argument_is_named(changes: dict[str, Any], argument: str, words: str) -> None:
    given = {"inventory": Inventory.generate(3, seed=1), "date": "2023-02-27", **changes}
    with pytest.raises(InputError) as found:
        Readings(**given)
    assert found.value.argument == argument
    assert words in str(found.value)


@pytest.mark.parametrize("chunk_rows", [0, -1, 1.5, True, "9"])
def test_a_number_of_rows_that_cannot_be_is_refused_at_once(
    readings: Readings, chunk_rows: Any
) -> None:
    with pytest.raises(InputError) as found:
        readings.batches(chunk_rows)
    assert found.value.argument == "chunk_rows"


def test_end_leaves_out_the_start_times() -> None:
    made = Readings(Inventory.generate(3, seed=1), "2023-02-27", end=True)
    assert made.schema.names == [c.name for c in COLUMNS if c.name != "start_time"]


def test_columns_are_those_asked_for() -> None:
    inventory = Inventory.generate(3, seed=1)
    columns = [Column("watt", FIELDS["measurement_value"]), Column("at", FIELDS["end_time"])]
    made = Readings(inventory, "2023-02-27", columns=columns).to_table()
    whole = Readings(inventory, "2023-02-27").to_table()
    assert made.schema.names == ["watt", "at"]
    assert made["watt"] == whole["measurement_value"]
    assert made["at"] == whole["end_time"]


@pytest.mark.parametrize("of", [1, 3, 200])
def test_the_shards_are_the_table(of: int) -> None:
    inventory = Inventory.generate(3, seed=1)
    shards = [Readings(inventory, "2023-02-27", part=Part(n + 1, of)) for n in range(of)]
    tables = [shard.to_table() for shard in shards]
    assert [shard.num_rows for shard in shards] == [table.num_rows for table in tables]
    whole = Readings(inventory, "2023-02-27").to_table()
    assert pa.concat_tables(tables).to_pylist() == whole.to_pylist()


def test_an_existing_file_is_replaced_where_that_is_wanted(
    readings: Readings, tmp_path: Path
) -> None:
    (tmp_path / "a.csv").write_text("older")
    with pytest.raises(InputError, match="exists; overwrite=True"):
        readings.write(tmp_path / "a.csv")
    summary = readings.write(tmp_path / "a.csv", overwrite=True)
    assert (tmp_path / "a.csv").stat().st_size == summary.bytes
