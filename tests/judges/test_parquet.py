"""The spliced Parquet file: field by field, and against pyarrow's own writer."""

from __future__ import annotations

import struct
from decimal import Decimal
from pathlib import Path
from typing import Any

import datafusion
import duckdb
import fastparquet
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from judges.thrift_reader import Reader, read_footer
from support import write

from synthpower import InputError, Inventory, Measurement, Readings, __version__
from synthpower.formats import find_format
from synthpower.formats.buffers import Buffers
from synthpower.formats.interface import Certainty, Options, Size, Writer
from synthpower.formats.parquet import Parquet
from synthpower.formats.parquet.writer import Sizes

DATE = "2023-02-27"
CPU = Measurement("server cpu utilization", "%", Decimal(100), 2)
POWER = Measurement("server power", "W", Decimal(300), 2)
FULL = Measurement("temperature", "C", Decimal(90))
DAY = 1677456000  # seconds of DATE


def writer_of(readings: Readings) -> Writer[Any]:
    parquet = find_format("parquet")
    return parquet.writer(readings.specification, readings.inventory, Options())


@pytest.fixture(scope="module")
def inventory() -> Inventory:
    return Inventory.generate(1000, seed=1)


@pytest.fixture(params=["decimals", "doubles", "fuzz", "wide fuzz", "end"])
def readings(request: pytest.FixtureRequest, inventory: Inventory) -> Readings:
    return {
        "decimals": lambda: Readings(inventory, DATE, 600),
        "doubles": lambda: Readings(inventory, DATE, measurements=[FULL, POWER]),
        "fuzz": lambda: Readings(inventory, DATE, fuzz=60),
        "wide fuzz": lambda: Readings(inventory, DATE, fuzz=3599),
        "end": lambda: Readings(inventory, DATE, 7200, end=True),
    }[request.param]()


SMALL_GROUPS = Parquet(Sizes(group_rows=15_000, page_rows=3000, dictionary_repeats=0))


def file(
    readings: Readings, folder: Path, format: Parquet | None = None
) -> tuple[bytes, dict[int, Any]]:
    write(readings, folder / "data.parquet", format=format)
    data = (folder / "data.parquet").read_bytes()
    return data, read_footer(data)


def chunks(footer: dict[int, Any]) -> list[tuple[dict[int, Any], dict[int, Any]]]:
    """Return each column chunk of the file with its row group."""
    return [(group, chunk) for group in footer[4] for chunk in group[1]]


def pages(data: bytes, meta: dict[int, Any]) -> list[tuple[int, dict[int, Any], int]]:
    """Return each page of a column chunk: its place, its header, where its body begins."""
    found = []
    at = meta.get(11, meta[9])
    end = at + meta[7]
    while at < end:
        reader = Reader(data, at)
        header = reader.struct()
        found.append((at, header, reader.at))
        at = reader.at + header[3]
    assert at == end
    return found


def test_the_footer_says_what_the_file_is(readings: Readings, tmp_path: Path) -> None:
    _, footer = file(readings, tmp_path)
    names = [column.name for column in readings.specification.columns]
    assert footer[1] == 2
    assert footer[3] == readings.num_rows
    assert [pair[1] for pair in footer[5]] == [b"synthpower"]
    assert (
        footer[6] == f"synthpower version {__version__} (build pyarrow {pa.__version__})".encode()
    )
    assert footer[7] == [{1: {}}] * len(names)
    root, *leaves = footer[2]
    assert root == {4: b"schema", 5: len(names)}
    text = {1: 6, 3: 1, 6: 0, 10: {1: {}}}
    time = {1: 2, 3: 1, 6: 10, 10: {8: {1: True, 2: {2: {}}}}}
    value = {1: 5, 3: 1}
    for name, leaf in zip(names, leaves, strict=True):
        kind = time if name.endswith("_time") else value if name == "measurement_value" else text
        assert leaf == kind | {4: name.encode()}


def test_row_groups_tile_the_file(readings: Readings, tmp_path: Path) -> None:
    data, footer = file(readings, tmp_path, SMALL_GROUPS)
    at = 4
    for ordinal, group in enumerate(footer[4]):
        assert group[7] == ordinal
        assert group[5] == at
        assert group[2] == sum(chunk[3][6] for chunk in group[1])
        assert group[6] == sum(chunk[3][7] for chunk in group[1])
        for chunk in group[1]:
            assert chunk[3].get(11, chunk[3][9]) == at
            at += chunk[3][7]
    assert len(footer[4]) > 1
    assert sum(group[3] for group in footer[4]) == readings.num_rows
    # Then the page indexes, column indexes first, and the footer.
    for offset, length in ((6, 7), (4, 5)):
        for _, chunk in chunks(footer):
            if length in chunk:
                assert chunk[offset] == at
                at += chunk[length]
    assert at == len(data) - 8 - int.from_bytes(data[-8:-4], "little")


def test_pages_are_as_the_footer_lists_them(readings: Readings, tmp_path: Path) -> None:
    data, footer = file(readings, tmp_path, SMALL_GROUPS)
    for group, chunk in chunks(footer):
        meta = chunk[3]
        found = pages(data, meta)
        assert meta[5] == group[3]
        assert meta[7] == sum(body - at + header[3] for at, header, body in found)
        assert meta[6] == sum(body - at + header[2] for at, header, body in found)
        kinds = [(header[1], header[7 if header[1] == 2 else 5][2]) for _, header, _ in found]
        listed = {(entry[1], entry[2]): entry[3] for entry in meta[13]}
        assert listed == {kind: kinds.count(kind) for kind in kinds}
        if 11 in meta:
            assert kinds[0] == (2, 0)
            assert set(kinds[1:]) == {(0, 8)}
            assert set(meta[2]) == {0, 3, 8}
            assert meta[9] == found[1][0]
        else:
            assert set(kinds) == {(0, 0)}
            assert set(meta[2]) == {0, 3}
        rows = [header[5][1] for _, header, _ in found if header[1] == 0]
        assert sum(rows) == group[3]


def test_the_page_index_says_where_pages_are_and_what_they_hold(
    readings: Readings, tmp_path: Path
) -> None:
    data, footer = file(readings, tmp_path, SMALL_GROUPS)
    table = pq.read_table(tmp_path / "data.parquet")
    first = 0
    for number, (group, chunk) in enumerate(chunks(footer)):
        column = number % len(footer[4][0][1])
        name = table.schema.names[column]
        places = Reader(data, chunk[4]).struct()[1]
        found = [page for page in pages(data, chunk[3]) if page[1][1] == 0]
        row = 0
        for place, (at, header, body) in zip(places, found, strict=True):
            assert place == {1: at, 2: body - at + header[3], 3: row}
            row += header[5][1]
        if name == "measurement_value":
            assert 6 not in chunk  # pages of random values exclude nothing
        else:
            index = Reader(data, chunk[6]).struct()
            ends = [*[place[3] for place in places[1:]], group[3]]
            for i, (place, end) in enumerate(zip(places, ends, strict=True)):
                rows = table[name].slice(first + place[3], end - place[3]).unique().to_pylist()
                limits = index[2][i], index[3][i]
                if name.endswith("_time"):
                    limits = tuple(struct.unpack("<q", time)[0] for time in limits)
                    rows = [int(time.timestamp()) * 1_000_000 for time in rows]
                else:
                    limits = tuple(text.decode() for text in limits)
                assert limits == (min(rows), max(rows))
            assert index[1] == [False] * len(places)
            assert index[5] == [0] * len(places)
            if name.endswith("_time") and not readings.specification.fuzz:
                assert index[4] == 1
        if column == len(footer[4][0][1]) - 1:
            first += group[3]


def test_statistics_are_those_of_the_rows(readings: Readings, tmp_path: Path) -> None:
    write(readings, tmp_path / "data.parquet", format=SMALL_GROUPS)
    opened = pq.ParquetFile(tmp_path / "data.parquet")
    for i in range(opened.num_row_groups):
        table = opened.read_row_group(i)
        for j, name in enumerate(table.schema.names):
            statistics = opened.metadata.row_group(i).column(j).statistics
            values = table[name].unique().to_pylist()
            assert statistics.null_count == 0
            assert (statistics.min, statistics.max) == (min(values), max(values)), name


@pytest.mark.parametrize("compression", [None, "none", "snappy", "zstd"])
def test_a_compression_is_that_of_all_columns(
    readings: Readings, tmp_path: Path, compression: str | None
) -> None:
    write(readings, tmp_path / "data.parquet", compression=compression)
    group = pq.read_metadata(tmp_path / "data.parquet").row_group(0)
    found = {group.column(i).path_in_schema: group.column(i).compression
             for i in range(group.num_columns)}  # fmt: skip
    if compression:
        name = compression.upper() if compression != "none" else "UNCOMPRESSED"
        assert set(found.values()) == {name}
    else:
        assert found["sn"] == found["name"] == "ZSTD"
        assert found["end_time"] == found["measurement_value"] == "UNCOMPRESSED"
    assert pq.read_table(tmp_path / "data.parquet").equals(_plain(readings, tmp_path))


def _plain(readings: Readings, folder: Path) -> pa.Table:
    write(readings, folder / "plain.parquet", "pyarrow")
    return pq.read_table(folder / "plain.parquet")


# fastparquet leaves its file open.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_other_readers_read_what_the_plain_writer_wrote(readings: Readings, tmp_path: Path) -> None:
    write(readings, tmp_path / "data.parquet", format=SMALL_GROUPS)
    plain = _plain(readings, tmp_path)
    spliced = pq.read_table(tmp_path / "data.parquet")
    assert spliced.schema.equals(plain.schema, check_metadata=True)
    assert spliced.equals(plain)
    paths = [tmp_path / name for name in ("data.parquet", "plain.parquet")]
    assert pl.read_parquet(paths[0]).equals(pl.read_parquet(paths[1]))
    with duckdb.connect() as connection:
        tables = [connection.sql(f"from '{path}'").to_arrow_table() for path in paths]
    assert tables[0].equals(tables[1])
    in_order = datafusion.SessionConfig().with_target_partitions(1)
    context = datafusion.SessionContext(in_order)
    tables = [context.read_parquet(path).to_arrow_table() for path in paths]
    assert tables[0].equals(tables[1])
    frames = [fastparquet.ParquetFile(str(path)).to_pandas() for path in paths]
    pd.testing.assert_frame_equal(*frames)
    pd.testing.assert_frame_equal(*map(pd.read_parquet, paths))


@settings(max_examples=60)
@given(
    servers=st.integers(1, 60),
    interval=st.sampled_from([600, 1800, 3600]),
    fuzz=st.integers(0, 599),
    end=st.booleans(),
    decimals=st.lists(st.none() | st.integers(0, 3), min_size=1, max_size=10),
    compression=st.sampled_from([None, "none", "snappy", "zstd"]),
    group_rows=st.integers(1, 3000),
    page_rows=st.integers(1, 3000),
    repeats=st.sampled_from([0, 4]),
)
def test_spliced_and_plain_files_read_the_same(
    tmp_path: Path, servers: int, interval: int, fuzz: int,
    end: bool, decimals: list[int | None], compression: str | None, group_rows: int,
    page_rows: int, repeats: int,
) -> None:  # fmt: skip
    table = [Measurement(f"m{i}", "W", Decimal(60 + i), d) for i, d in enumerate(decimals)]
    readings = Readings(
        Inventory.generate(servers, 1), f"{DATE}T05", interval, fuzz, end, measurements=table
    )
    format = Parquet(Sizes(group_rows, page_rows, repeats))
    write(readings, tmp_path / "data.parquet", compression=compression, format=format)
    spliced = pq.read_table(tmp_path / "data.parquet")
    plain = _plain(readings, tmp_path)
    assert spliced.schema.equals(plain.schema, check_metadata=True)
    assert spliced.equals(plain)


def test_values_of_few_decimals_are_places_in_one_dictionary(
    inventory: Inventory, tmp_path: Path
) -> None:
    table = [CPU, POWER, Measurement("fans", "1", Decimal(10), 0)]
    write(Readings(inventory, DATE, 600, measurements=table), tmp_path / "data.parquet")
    data = (tmp_path / "data.parquet").read_bytes()
    meta = read_footer(data)[4][0][1][6][3]
    (_, header, body), *_ = pages(data, meta)
    values = np.frombuffer(data, np.float64, header[7][1], body)
    # Measurements of the same decimals share their values.
    expected = [count / 100 for count in range(30_001)] + list(range(11))
    assert values.tolist() == expected


def test_a_small_file_has_no_dictionary_larger_than_its_rows(tmp_path: Path) -> None:
    write(Readings(Inventory.generate(10, 1), DATE), tmp_path / "data.parquet")
    assert (tmp_path / "data.parquet").stat().st_size < 20_000


def test_row_groups_have_one_to_two_and_a_half_million_rows() -> None:
    for servers, interval in ((10, 1), (1000, 60), (100_000, 3600), (700_000, 3600)):
        inventory = Inventory.generate(servers, 1)
        grid = writer_of(Readings(inventory, DATE, interval)).grid
        rows = [grid.rows(chunk) for chunk in grid.chunks()]
        assert all(1_000_000 <= count <= 2_500_000 for count in rows[:-1]), (servers, rows)


def test_more_row_groups_than_a_file_can_have_are_refused() -> None:
    readings = Readings(Inventory.generate(10, 1), DATE, 1)
    format = Parquet(Sizes(group_rows=1))
    with pytest.raises(InputError, match=r"32,767 row groups at most.*864,000"):
        format.writer(readings.specification, readings.inventory, Options())


def test_the_size_is_known_before(readings: Readings, tmp_path: Path) -> None:
    writer = writer_of(readings)
    size = write(readings, tmp_path / "a.parquet").bytes
    assert writer.size(readings.specification) == Size(size, Certainty.EXACTLY)
    assert 0.5 < writer.estimate(readings.specification) / size < 2


def test_texts_longer_than_a_page_are_one_page(tmp_path: Path) -> None:
    table = [Measurement("n" * 3000, "u" * 5000, Decimal(3), 1)]
    readings = Readings(Inventory.generate(50, 1), DATE, measurements=table)
    write(readings, tmp_path / "data.parquet")
    assert pq.read_table(tmp_path / "data.parquet").equals(_plain(readings, tmp_path))


@pytest.mark.parametrize("measurements", [1, 2, 7, 8, 40])
def test_templates_are_one_page_of_packed_indices_or_of_runs(
    tmp_path: Path, measurements: int
) -> None:
    table = [Measurement(f"sensor {i}", "C", Decimal(90), 1) for i in range(measurements)]
    inventory = Inventory.generate(999, seed=3)
    readings = Readings(inventory, f"{DATE}T05", 600, measurements=table)
    write(readings, tmp_path / "data.parquet", compression="none")
    data = (tmp_path / "data.parquet").read_bytes()
    sizes = {}
    for _, chunk in chunks(read_footer(data)):
        if chunk[3][1] == 6:
            (*_, (_, header, _)) = pages(data, chunk[3])
            assert header[5][1] == readings.num_rows
            sizes[chunk[3][3][0].decode()] = header[3]
    packed = readings.num_rows * 10 / 8
    run_size = 6 * 999 * 3
    expected = run_size if measurements >= 8 else packed
    assert abs(sizes["sn"] - expected) < 30
    assert sizes["unit"] < 15  # one run
    assert sizes["name"] < 30 + readings.num_rows * max(1, (measurements - 1).bit_length()) / 8
    assert pq.read_table(tmp_path / "data.parquet").equals(_plain(readings, tmp_path))


def test_a_row_group_lists_the_texts_of_its_own_servers_only(
    inventory: Inventory, tmp_path: Path
) -> None:
    small = Parquet(Sizes(group_rows=20))
    write(Readings(inventory, f"{DATE}T05"), tmp_path / "data.parquet", format=small)
    data = (tmp_path / "data.parquet").read_bytes()
    read = pq.ParquetFile(tmp_path / "data.parquet")
    for number, group in enumerate(read_footer(data)[4]):
        (_, header, _), _ = pages(data, group[1][1][3])
        models = read.read_row_group(number, ["model"])["model"]
        assert header[7][1] == len(models.unique())


def test_a_group_is_a_pure_function_of_its_chunk(inventory: Inventory) -> None:
    writer = writer_of(Readings(inventory, DATE, fuzz=5))
    chunk = next(writer.grid.chunks())
    buffers = Buffers()
    first = [bytes(p) for c in writer.render(chunk, DAY, buffers).data.columns for p in c.parts]
    writer.render(chunk, DAY + 86_400, buffers)
    again = [bytes(p) for c in writer.render(chunk, DAY, buffers).data.columns for p in c.parts]
    assert first == again
