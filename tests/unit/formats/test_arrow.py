"""Arrow IPC by splicing: what is in the messages, as pyarrow and Polars read them."""

from __future__ import annotations

import io
from decimal import Decimal
from pathlib import Path

import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import write

from synthpower import (
    FIELDS,
    Column,
    Fault,
    InputError,
    Inventory,
    Measurement,
    Part,
    Readings,
    read_measurements,
)
from synthpower.formats.arrow import Arrow
from synthpower.formats.arrow.flatbuffer import FlatbufferError, Number, Structs, Table, encode
from synthpower.formats.arrow.messages import CONTINUATION, END
from synthpower.formats.buffers import Buffers
from synthpower.formats.interface import Certainty, Options
from synthpower.model.columns import field_of
from synthpower.storage import Sink

# Before 1.34 it takes what is not compressed for compressed.
OLD_POLARS = tuple(map(int, pl.__version__.split(".")[:2])) < (1, 34)

DATE = "2023-02-27"
DAY = 1_677_456_000
SMALL_BATCHES = Arrow(batch_rows=15_000)


@pytest.fixture(scope="module")
def inventory() -> Inventory:
    return Inventory.generate(1000, seed=1)


# Every form that a column can have; those of single measurements make the table wide.
FORMS = [
    *[Column(f"end, {form}", FIELDS["end_time"], form)
      for form in ("utc", "local", "s", "ms", "us", "ns")],
    *[Column(f"power, {form}", field_of("value:server power"), form)
      for form in ("double", "float", "decimal")],
    Column("source", field_of("=made up")),
    Column("sn", FIELDS["sn"]),
]  # fmt: skip


@pytest.fixture(
    params=["decimals", "doubles", "fuzz", "end", "columns", "forms", "shard", "faults"]
)
def readings(request: pytest.FixtureRequest, inventory: Inventory) -> Readings:
    named = ("measurement_value", "sn", "end_time", "sn", "measurement_value", "name")
    columns = [Column(f"{field}, no. {i}", FIELDS[field]) for i, field in enumerate(named)]
    faults = [Fault("off", Decimal("0.1"))]
    return {
        "decimals": lambda: Readings(inventory, DATE, 600),
        "doubles": lambda: Readings(
            inventory, DATE, measurements=[Measurement("m", "W", Decimal(3))]
        ),
        "fuzz": lambda: Readings(inventory, DATE, fuzz=60),
        "end": lambda: Readings(inventory, DATE, 7200, end=True),
        "columns": lambda: Readings(inventory, DATE, columns=columns),
        "forms": lambda: Readings(inventory, DATE, fuzz=9, columns=FORMS),
        "shard": lambda: Readings(inventory, DATE, part=Part(2, 7)),
        "faults": lambda: Readings(
            inventory, DATE, signal="load", measurements=read_measurements("load"), faults=faults
        ),
    }[request.param]()


class Pipe(Sink):
    """A sink that is read as it is written, and keeps what each write has brought."""

    streams = True

    def __init__(self) -> None:
        super().__init__()
        self.writes: list[bytes] = []

    def put(self, view: memoryview) -> None:
        self.writes.append(bytes(view))


def streamed(readings: Readings, implementation: str = "fast", stop: int | None = None) -> Pipe:
    """Write readings into a pipe, up to a failure behind so many batches if there is one."""
    options = Options(implementation)
    writer = SMALL_BATCHES.writer(readings.specification, readings.inventory, options)
    pipe = Pipe()
    try:
        with writer.open(readings.specification, pipe) as write:
            for number, chunk in enumerate(writer.grid.chunks()):
                if number == stop:
                    raise InterruptedError
                write(writer.render(chunk, readings.specification.start, Buffers()).data)
    except InterruptedError:
        assert stop is not None
    return pipe


def read(path: Path) -> pa.Table:
    with pa.ipc.open_file(str(path)) as file:
        table = file.read_all()
    table.validate(full=True)
    return table


@pytest.mark.parametrize("compression", [None, "none", "zstd"])
@pytest.mark.parametrize("implementation", ["fast", "pyarrow"])
def test_a_file_holds_the_readings(
    readings: Readings, tmp_path: Path, implementation: str, compression: str | None
) -> None:
    path = tmp_path / "data.arrow"
    format = SMALL_BATCHES if implementation == "fast" else None
    write(readings, path, implementation, compression, format)
    found, expected = read(path), readings.to_table()
    assert found.schema.equals(expected.schema)
    assert found.equals(expected)
    assert found.num_rows > 0


@given(
    servers=st.integers(1, 40),
    interval=st.sampled_from([600, 1800, 3600]),
    fuzz=st.integers(0, 599),
    decimals=st.lists(st.none() | st.integers(0, 3), min_size=1, max_size=4),
    compression=st.sampled_from([None, "none", "zstd"]),
    batch_rows=st.integers(1, 500),
)
def test_any_cut_of_the_rows_reads_the_same(
    tmp_path: Path, servers: int, interval: int, fuzz: int,
    decimals: list[int | None], compression: str | None, batch_rows: int,
) -> None:  # fmt: skip
    table = [Measurement(f"m{i}", "W", Decimal(60 + i), d) for i, d in enumerate(decimals)]
    readings = Readings(
        Inventory.generate(servers, 1), f"{DATE}T05", interval, fuzz, measurements=table
    )
    path = tmp_path / "any.arrow"
    write(readings, path, compression=compression, format=Arrow(batch_rows))
    assert read(path).equals(readings.to_table())
    if compression or not OLD_POLARS:
        assert pl.read_ipc(path).equals(pl.DataFrame(readings))


def test_what_repeats_is_made_once(inventory: Inventory) -> None:
    readings = Readings(inventory, DATE, 600)
    writer = SMALL_BATCHES.writer(readings.specification, inventory, Options())
    first, second, *_ = (
        writer.render(chunk, DAY, Buffers()).data.body for chunk in writer.grid.chunks()
    )
    shared = {id(piece) for piece in first if len(piece) > 8} & set(map(id, second))
    assert len(shared) == 6


def test_a_batch_is_a_pure_function_of_its_chunk(inventory: Inventory) -> None:
    readings = Readings(inventory, DATE, fuzz=5)
    writer = SMALL_BATCHES.writer(readings.specification, inventory, Options())
    chunk = next(writer.grid.chunks())
    buffers = Buffers()
    first = b"".join(writer.render(chunk, DAY, buffers).data.body)
    other = b"".join(writer.render(chunk, DAY + 86_400, buffers).data.body)
    assert other != first
    assert b"".join(writer.render(chunk, DAY, buffers).data.body) == first


def test_values_are_raw_and_times_are_nearly_nothing(inventory: Inventory) -> None:
    readings = Readings(inventory, DATE, 60)
    writer = SMALL_BATCHES.writer(readings.specification, inventory, Options())
    chunk = next(writer.grid.chunks())
    rows = writer.grid.rows(chunk)
    message = writer.render(chunk, DAY, Buffers()).data
    assert max(map(len, message.body)) == 8 * rows
    assert message.body_size < 11 * rows


def test_compression_of_all_columns_makes_it_smaller(readings: Readings, tmp_path: Path) -> None:
    sizes = [
        write(readings, tmp_path / "data.arrow", compression=each).bytes
        for each in ("none", None, "zstd")
    ]
    assert sizes == sorted(sizes, reverse=True)


@pytest.mark.parametrize("compression", [None, "none", "zstd"])
def test_the_size_is_about_known_before(
    readings: Readings, tmp_path: Path, compression: str | None
) -> None:
    options = Options(compression=compression)
    writer = SMALL_BATCHES.writer(readings.specification, readings.inventory, options)
    size = write(
        readings, tmp_path / "a.arrow", compression=compression, format=SMALL_BATCHES
    ).bytes
    expected = writer.size(readings.specification)
    assert expected.certainty is Certainty.ABOUT
    assert 0.98 < expected.bytes / size < 1.02
    assert 0.5 < writer.estimate(readings.specification) / size < 2


@pytest.mark.parametrize("implementation", ["fast", "pyarrow"])
def test_a_pipe_gets_a_stream(readings: Readings, implementation: str) -> None:
    data = b"".join(streamed(readings, implementation).writes)
    assert data.startswith(CONTINUATION)
    assert data.endswith(CONTINUATION + END)
    table = pa.ipc.open_stream(data).read_all()
    table.validate(full=True)
    assert table.equals(readings.to_table())
    if implementation == "pyarrow" or not OLD_POLARS:
        assert pl.read_ipc_stream(io.BytesIO(data)).equals(pl.DataFrame(readings))


def raises_everywhere(data: bytes) -> None:
    with pytest.raises((pa.ArrowException, OSError)):
        pa.ipc.open_stream(data).read_all()
    with pytest.raises((pl.exceptions.PolarsError, OSError)):
        pl.read_ipc_stream(io.BytesIO(data))


@pytest.mark.parametrize("batches", [0, 1, 2])
def test_a_stream_that_fails_midway_does_not_look_whole(inventory: Inventory, batches: int) -> None:
    data = b"".join(streamed(Readings(inventory, DATE), stop=batches).writes)
    assert not data.endswith(CONTINUATION + END)
    raises_everywhere(data)


def test_a_stream_that_stops_after_any_write_does_not_look_whole(inventory: Inventory) -> None:
    # Readers take the end of a stream between two messages for its end, marked or not.
    writes = streamed(Readings(inventory, DATE)).writes
    for stop in range(1, len(writes)):
        raises_everywhere(b"".join(writes[:stop]))


def test_a_file_without_its_end_does_not_look_whole(inventory: Inventory, tmp_path: Path) -> None:
    path = tmp_path / "data.arrow"
    write(Readings(inventory, DATE), path, format=SMALL_BATCHES)
    data = path.read_bytes()
    for end in (-1, -6, -10, -100, -1000, len(data) // 2, len(data) // 20):
        path.write_bytes(data[:end])
        with pytest.raises((pa.ArrowException, OSError)):
            read(path)
        with pytest.raises((pl.exceptions.PolarsError, OSError)):
            pl.read_ipc(path)


@pytest.mark.parametrize("cut", [lambda d: d[:-1], lambda d: d[8:], lambda d: d[:7], lambda d: b""])
def test_what_is_no_whole_file_has_no_provenance(
    inventory: Inventory, tmp_path: Path, cut: object
) -> None:
    path = tmp_path / "data.arrow"
    write(Readings(inventory, DATE), path)
    found = cut(path.read_bytes())
    with pytest.raises(InputError, match="it is not a whole Arrow file: it does not"):
        Arrow().provenance(io.BytesIO(found))


@pytest.mark.parametrize("implementation", ["fast", "pyarrow"])
@pytest.mark.parametrize("compression", [None, "none", "zstd"])
def test_a_file_says_how_it_was_written(
    inventory: Inventory, tmp_path: Path, implementation: str, compression: str | None
) -> None:
    path = tmp_path / "data.arrow"
    write(Readings(inventory, DATE), path, implementation, compression)
    with path.open("rb") as file:
        own = Arrow().provenance(file)
    assert own.options == Options(implementation, compression)
    assert own.record["seed"] == 1
    assert own.created_by.startswith("synthpower" if implementation == "fast" else "pyarrow")


def test_whatever_the_footer_is_provenance_or_an_error_comes_of_it(
    inventory: Inventory, tmp_path: Path
) -> None:
    path = tmp_path / "data.arrow"
    write(Readings(inventory, f"{DATE}T05"), path)
    data = path.read_bytes()
    size = int.from_bytes(data[-10:-6], "little")
    read_anyway = 0
    for at in range(len(data) - 10 - size, len(data)):
        damaged = bytearray(data)
        damaged[at] ^= 0x85
        try:
            read_anyway += bool(Arrow().provenance(io.BytesIO(damaged)).record)
        except InputError:
            continue
    assert read_anyway


TABLE = (Number("<h", 4), None, Structs("<qi4xq", [(1, 2, 3), (4, 5, 6)]), (Number("<q", 7),))


@given(st.binary(max_size=64), st.integers(0, 200))
def test_what_is_no_flatbuffer_is_refused(patch: bytes, at: int) -> None:
    data = bytearray(encode(TABLE))
    data[at : at + len(patch)] = patch
    try:
        table = Table(bytes(data))
        assert table.table(1) is None or table.at
        assert len(list(table.tables(2))) + len(table.string(2)) >= 0
    except FlatbufferError:
        pass
