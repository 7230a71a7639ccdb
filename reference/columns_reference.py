"""Files of any columns in plain Python, one row at a time: the judge of columns.csv and of text.

It imports nothing but the standard library and the reference beside it. A file is rows of cells;
a cell is a text, a number as text, or absent (None). What a format makes of cells is below.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from itertools import groupby
from typing import Any, NamedTuple

import synthpower_reference as reference
from synthpower_reference import Measurement, Reading, Server

VALUES = ("double", "float", "decimal", "integer")
UNITS = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}  # in a second
HOUR = 3600


class Column(NamedTuple):
    """A line of columns.csv."""

    name: str
    source: str
    format: str = ""


class Facts(NamedTuple):
    """The further columns of the tables: by serial number, product id, location and measurement."""

    inventory: Mapping[str, Mapping[str, str]]
    server_types: Mapping[str, Mapping[str, str]]
    locations: Mapping[str, Mapping[str, str]]
    measurements: Mapping[str, Mapping[str, str]]


NO_FACTS = Facts({}, {}, {}, {})


class Row(NamedTuple):
    """A row: a reading or, of a wide table, the readings of a server and a time by their names."""

    server: Server
    start_time: int
    end_time: int
    readings: dict[str, Reading]


def is_value(source: str) -> bool:
    return source == "measurement_value" or source.startswith("value:")


def rows_of(readings: Sequence[Reading], columns: Sequence[Column]) -> Iterator[Row]:
    """The rows of a file of these columns."""
    wide = any(column.source.startswith("value:") for column in columns)
    for (*server, start, end, _), found in groupby(
        enumerate(readings), key=lambda pair: (*pair[1][:6], None if wide else pair[0])
    ):
        yield Row(Server(*server), start, end, {reading.name: reading for _, reading in found})


# --- cells ----------------------------------------------------------------------------


def local_text(time: int, offset: Callable[[int], int]) -> str:
    """The wall clock of a site: as far ahead of UTC as it is at the last full hour of UTC."""
    ahead = timezone(timedelta(seconds=offset(time // HOUR * HOUR)))
    return (reference.EPOCH + timedelta(seconds=time)).astimezone(ahead).isoformat()


def time_text(time: int, format: str, offset: Callable[[int], int]) -> str:
    if format == "local":
        return local_text(time, offset)
    if format in UNITS:
        return str(time * UNITS[format])
    text = reference.time_text(time)
    return text.replace(" ", "T") if format == "iso" else text


def as_float(value: float) -> float:
    return float(struct.unpack("<f", struct.pack("<f", value))[0])


def number_text(reading: Reading, measurement: Measurement, format: str) -> str | None:
    if reading.value is None:
        return None
    if reading.count is None and format == "float":
        return repr(as_float(reading.value))
    return reference.value_text(reading, measurement)


def string_of(row: Row, source: str, facts: Facts) -> str:
    """What a column of strings has: a constant, one of the four and two, or a further column."""
    if source.startswith("="):
        return source[1:]
    if source in Server._fields:
        return str(getattr(row.server, source))
    if source in ("unit", "name"):
        (reading,) = row.readings.values()
        return str(getattr(reading, source))
    of_measurement = [facts.measurements.get(name, {}) for name in row.readings]
    if source in of_measurement[0]:
        return of_measurement[0][source]
    known = [
        facts.inventory.get(row.server.sn, {}),
        facts.server_types.get(row.server.product_id, {}),
        facts.locations.get(row.server.location, {}),
    ]
    return next((each[source] for each in known if source in each), "")


def cell(
    row: Row,
    column: Column,
    measurements: dict[str, Measurement],
    facts: Facts,
    offsets: Callable[[str], Callable[[int], int]],
) -> str | None:
    """The text of a cell, as no format has escaped it; None where a value is absent."""
    if column.source in ("start_time", "end_time"):
        zone = facts.locations.get(row.server.location, {}).get("time_zone") or "UTC"
        return time_text(getattr(row, column.source), column.format or "utc", offsets(zone))
    if is_value(column.source):
        name = column.source.removeprefix("value:")
        reading = row.readings[name] if name in row.readings else next(iter(row.readings.values()))
        return number_text(reading, measurements[reading.name], column.format)
    return string_of(row, column.source, facts)


def typed(
    text: str | None, column: Column, measurements: Sequence[Measurement]
) -> str | int | float | Decimal | None:
    """A cell as Parquet and Arrow have it: times in microseconds, unless they are counted."""
    if text is None:
        return None
    if column.source in ("start_time", "end_time") and column.format != "local":
        if column.format in UNITS:
            return int(text)
        moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
        return int((moment - reference.EPOCH) / timedelta(microseconds=1))
    if not is_value(column.source):
        return text
    if column.format == "decimal":
        name = column.source.removeprefix("value:")
        named = [m for m in measurements if m.name == name or column.source == "measurement_value"]
        places = max(int(m.decimals) for m in named)
        return Decimal(text).quantize(Decimal(1).scaleb(-places))
    if column.format == "integer":
        return int(text)
    return as_float(float(text)) if column.format == "float" else float(text)


# --- formats --------------------------------------------------------------------------


def csv_field(text: str, delimiter: str = ",") -> str:
    """RFC 4180: quotes only where a field needs them."""
    if any(character in text for character in (delimiter, '"', "\r", "\n")):
        return '"' + text.replace('"', '""') + '"'
    return text


def in_json(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)[1:-1]


def in_sql(text: str) -> str:
    return text.replace("'", "''")


def in_tag(text: str) -> str:
    return "".join("\\" + c if c in ",= \\" else c for c in text)


ESCAPES: dict[str, Callable[[str], str]] = {
    "": str, "csv": csv_field, "json": in_json, "sql": in_sql, "tag": in_tag
}  # fmt: skip

Cells = Callable[[Row, Column], "str | None"]


def csv_lines(
    rows: Iterator[Row],
    columns: Sequence[Column],
    cells: Cells,
    delimiter: str = ",",
    header: bool = True,
) -> Iterator[str]:
    if header:
        yield delimiter.join(csv_field(column.name, delimiter) for column in columns) + "\n"
    for row in rows:
        texts = [cells(row, column) for column in columns]
        yield delimiter.join(csv_field(text or "", delimiter) for text in texts) + "\n"


def is_number(column: Column) -> bool:
    return is_value(column.source) or column.format in UNITS


def json_lines(rows: Iterator[Row], columns: Sequence[Column], cells: Cells) -> Iterator[str]:
    for row in rows:
        members = []
        for column in columns:
            text = cells(row, column)
            value = "null" if text is None else text if is_number(column) else f'"{in_json(text)}"'
            members.append(f'"{in_json(column.name)}":{value}')
        yield "{" + ",".join(members) + "}\n"


def pattern_parts(pattern: str) -> Iterator[tuple[str, Column | None]]:
    """The literals of a pattern, and its columns: of strings the format is an escape."""
    at, literal = 0, ""
    while at < len(pattern):
        two = pattern[at : at + 2]
        if two in ("{{", "}}"):
            literal, at = literal + two[0], at + 2
        elif two in (r"\n", r"\t"):
            literal, at = literal + {"n": "\n", "t": "\t"}[two[1]], at + 2
        elif pattern[at] == "{":
            end = pattern.index("}", at)
            source, colon, format = pattern[at + 1 : end].rpartition(":")
            if source == "value" and colon:  # no format, but the name of a measurement
                source, format = f"value:{format}", ""
            elif source.startswith("value:") and format not in VALUES:
                source, format = f"{source}:{format}", ""
            yield literal, Column("", source if colon else format, format if colon else "")
            at, literal = end + 1, ""
        else:
            literal, at = literal + pattern[at], at + 1
    yield literal + "\n", None


def pattern_columns(pattern: str) -> list[Column]:
    return [column for _, column in pattern_parts(pattern) if column]


def pattern_lines(rows: Iterator[Row], pattern: str, cells: Cells) -> Iterator[str]:
    parts = list(pattern_parts(pattern))
    for row in rows:
        line = ""
        for literal, column in parts:
            line += literal
            if column and (text := cells(row, column)) is not None:
                line += ESCAPES[column.format](text) if column.format in ESCAPES else text
        yield line


def cells_of(measurements: Sequence[Measurement], facts: Facts = NO_FACTS) -> Cells:
    """What makes the cells of a file."""
    import load_reference as load

    by_name = {measurement.name: measurement for measurement in measurements}
    known: dict[str, Any] = {}

    def offsets(zone: str) -> Callable[[int], int]:
        return known.setdefault(zone, load.zone_offset(zone))

    return lambda row, column: cell(row, column, by_name, facts, offsets)
