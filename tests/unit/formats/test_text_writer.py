"""The writer of text: segments, sizes, chunks, and texts of any length."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest
from memory_store import MemoryStore

from synthpower import Fault, Inventory, Location, Measurement, Readings, ServerType
from synthpower.engine import Job, Run
from synthpower.formats.interface import Certainty, Options
from synthpower.formats.text.formats import Csv, JsonLines, Pattern, TextFormat
from synthpower.formats.text.row import csv_row, json_row, pattern_columns, pattern_row
from synthpower.formats.text.segments import Segment, blocks_of, segments_of
from synthpower.kernels.pieces import A_NUMBER, OF_MEASUREMENT, OF_SERVER, OF_TIME
from synthpower.model.columns import COLUMNS, Column, field_of
from synthpower.tables import read_measurements

FIXED = [Measurement("m", "W", "9.99", 2)]  # as many digits always


def kinds(segments: list[Segment]) -> list[int]:
    return [segment.kind for segment in segments]


def of(*sources: str) -> list[Column]:
    columns = []
    for i, source in enumerate(sources):
        name, _, format = source.partition("|")
        columns.append(Column(f"{i}", field_of(name), format))
    return columns


def fleet_of(*texts: str, fact: str = "rack") -> Inventory:
    """Return servers with a further column."""
    table = {"sn": pa.array([f"S{i:03}" for i in range(len(texts))])}
    for name in ("model", "product_id", "location"):
        table[name] = pa.array([name] * len(texts)).dictionary_encode()
    further = {fact: pa.array(texts).dictionary_encode()}
    return Inventory(pa.table(table), None, ((), ()), further.get)


def text_of(format: TextFormat, readings: Readings, options: Options = Options()) -> str:  # noqa: B008
    store = MemoryStore()
    Run([Job(readings.specification, store, "x", format, options)], readings.inventory, 1).write()
    return b"".join(map(bytes, store.files["x"])).decode()


def test_neighbours_that_depend_on_the_same_are_one_segment() -> None:
    assert kinds(segments_of(csv_row(COLUMNS).parts)) == [
        OF_SERVER, OF_TIME, A_NUMBER, OF_MEASUREMENT
    ]  # fmt: skip
    turned = [OF_MEASUREMENT, A_NUMBER, OF_TIME, OF_SERVER]
    assert kinds(segments_of(csv_row(COLUMNS[::-1]).parts)) == turned
    assert kinds(segments_of(json_row(COLUMNS).parts)) == [
        OF_SERVER, OF_TIME, A_NUMBER, OF_MEASUREMENT
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("{measurement_value}", [A_NUMBER, OF_MEASUREMENT]),
        ("a{measurement_value}", [OF_MEASUREMENT, A_NUMBER, OF_MEASUREMENT]),
        ("{=a}{measurement_value}{=b}", [OF_MEASUREMENT, A_NUMBER, OF_MEASUREMENT]),
        ("{sn}{measurement_value}{measurement_value}", [OF_SERVER, A_NUMBER, A_NUMBER, OF_MEASUREMENT]),
        ("a{sn}{=b}{model}{measurement_value} {sn}", [OF_SERVER, A_NUMBER, OF_SERVER]),
        ("{end_time}a{end_time:local}{measurement_value}", [OF_TIME, A_NUMBER, OF_MEASUREMENT]),
    ],
)  # fmt: skip
def test_literals_go_with_their_neighbours(pattern: str, expected: list[int]) -> None:
    assert kinds(segments_of(pattern_row(pattern).parts)) == expected


@pytest.mark.parametrize(
    ("longest", "blocks"), [(0, 0), (1, 1), (32, 1), (33, 2), (128, 4), (129, -1)]
)
def test_blocks_are_as_many_as_the_longest_text_takes(longest: int, blocks: int) -> None:
    assert blocks_of(longest) == blocks


@pytest.mark.parametrize(
    "columns",
    [
        COLUMNS,
        COLUMNS[::-1],
        of("end_time|local", "sn", "start_time|local", "name", "end_time|iso", "measurement_value"),
        of("measurement_value", "=x", "measurement_value|decimal", "end_time"),
    ],
)
@pytest.mark.parametrize("format", [Csv(50), JsonLines(50)])
@pytest.mark.parametrize("fuzz", [0, 9])
def test_a_size_is_exact_where_no_length_varies(
    columns: list[Column], format: TextFormat, fuzz: int
) -> None:
    fleet = Inventory.generate(3, 1, [ServerType("m", "P")], [Location("here")])
    table = [Measurement("m", "W", "9.99", 2), Measurement("n", "Cel", 9, 1)]
    readings = Readings(fleet, "2023-02-27", 7200, fuzz, columns=columns, measurements=table)
    size = format.writer(readings.specification, fleet, Options()).size(readings.specification)
    assert size == (len(text_of(format, readings)), Certainty.AT_MOST)


@pytest.mark.parametrize(
    "sources",
    [
        ("sn", "start_time|ns", "measurement_value|float", "end_time|s", "name"),
        ("measurement_value", "rack", "end_time|local"),
        ("value:a|float", "rack", "value:b", "end_time", "=x", "start_time|ms"),
    ],
)
@pytest.mark.parametrize("rows", [1, 7, 10_000])
def test_a_size_is_never_exceeded(sources: tuple[str, ...], rows: int) -> None:
    fleet = fleet_of("", "é" * 40, "a")
    table = [Measurement("a", "W", "1e-300"), Measurement("b", "Cel", 45, 20 - 6, minimum=-20)]
    readings = Readings(fleet, "2023-02-27", 7200, 3, columns=of(*sources), measurements=table)
    for format in (Csv(rows), JsonLines(rows)):
        writer = format.writer(readings.specification, fleet, Options())
        size = writer.size(readings.specification).bytes
        assert len(text_of(format, readings)) <= size <= writer.estimate(readings.specification)


@pytest.mark.parametrize("length", [0, 31, 32, 33, 127, 128, 129, 160, 10_000])
def test_texts_of_any_length_are_whole(length: int) -> None:
    long = "".join(chr(97 + i % 26) for i in range(length))
    fleet = fleet_of("x", long, "")
    table = [
        Measurement("m", "W", "9.99", 2, facts=(("note", long),)),
        Measurement("n", "W", "9.99", 2, facts=(("note", "-"),)),
    ]
    columns = of("rack", "end_time", "note", "measurement_value", f"={long}", "sn", "rack")
    readings = Readings(fleet, "2023-02-27T05", 1800, columns=columns, measurements=table)
    expected = [
        f"{r['0']},{r['1']:%Y-%m-%d %H:%M:%SZ},{r['2']},{r['3']:.2f},{long},{r['5']},{r['6']}"
        for r in readings.to_table().to_pylist()
    ]
    for rows in (1, 5, 1000):
        lines = text_of(Csv(rows), readings).splitlines()
        assert lines[1:] == expected
    assert {row.partition(",")[0] for row in expected} == {"x", long, ""}


def test_a_long_literal_between_times_is_whole() -> None:
    row = "{end_time:s}" + "x" * 500 + "{start_time:iso}{measurement_value}"
    readings = Readings(
        fleet_of("a"), "2023-02-27T05", 1800, columns=pattern_columns(row), measurements=FIXED
    )
    first = text_of(Pattern(), readings, Options(row=row)).splitlines()[0]
    assert first[:-4] == "1677475800" + "x" * 500 + "2023-02-27T05:00:00Z"


@pytest.mark.parametrize("decimals", [2, 3, None])
def test_an_absent_value_is_null_whatever_stands_beside_it(decimals: int | None) -> None:
    import json

    fleet = Inventory.generate(40, 1)
    power = next(m for m in read_measurements("load") if m.quantity == "power")
    table = [Measurement("m", "W", 4000, decimals, power.quantity)]
    for sources in (("sn", "measurement_value"), ("measurement_value", "sn", "end_time")):
        readings = Readings(
            fleet, "2023-02-27", columns=of(*sources), measurements=table, signal="load",
            faults=[Fault("off", "0.1")], seed=1,
        )  # fmt: skip
        lines = [
            list(json.loads(line).values()) for line in text_of(JsonLines(), readings).splitlines()
        ]
        values = [row[sources.index("measurement_value")] for row in lines]
        column = str(sources.index("measurement_value"))
        assert values == readings.to_table()[column].to_pylist()
        assert None in values


def test_a_time_right_before_a_number_has_nothing_behind_it() -> None:
    row = "{sn} {end_time}{measurement_value}"
    readings = Readings(
        fleet_of("a"), "2023-02-27T05", 1800, columns=pattern_columns(row), measurements=FIXED
    )
    text = text_of(Pattern(), readings, Options(row=row))
    assert text.startswith("S000 2023-02-27 05:30:00Z") and text[25] in "0123456789"


def chunks(writer: Any) -> int:
    return len(list(writer.grid.chunks()))


def test_long_rows_make_short_chunks() -> None:
    columns = of("rack", "measurement_value")
    for length in (10, 3_000_000):
        fleet = fleet_of(*["x" * length] * 20)
        readings = Readings(fleet, "2023-02-27T05", columns=columns, measurements=FIXED)
        writer = Csv().writer(readings.specification, fleet, Options())
        assert chunks(writer) == (1 if length == 10 else 4)
        assert writer.chunk_bytes <= 2**24 + 100
