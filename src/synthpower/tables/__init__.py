"""The tables that a fleet and its readings are made from: shipped, or the user's own.

Small CSV files are part of this package. Each can be replaced; further columns are kept, as facts
of a server type, a location or a measurement. A table of columns is an example only: without one,
files have those of `model.columns.COLUMNS`.

================  ============================  ===================
file              columns needed                columns optional
================  ============================  ===================
server_types.csv  model, product_id             weight
locations.csv     location                      weight, time_zone
measurements.csv  name, unit, scale             decimals, quantity,
                                                minimum
columns.csv       column, source                format
================  ============================  ===================
"""

from __future__ import annotations

import csv
import io
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from synthpower.errors import InputError, shown
from synthpower.model.columns import Column, check_columns, field_of
from synthpower.model.faults import Fault
from synthpower.model.kinds import TIME_ZONE, Location, ServerType
from synthpower.model.measurement import Measurement, finite_decimal, wrong_decimals
from synthpower.tables.reader import Source, at_line, read_rows

SERVER_TYPES = "server_types.csv"
LOCATIONS = "locations.csv"
MEASUREMENTS = "measurements.csv"
LOAD_MEASUREMENTS = "measurements_load.csv"
SHIPPED_MEASUREMENTS = {"load": LOAD_MEASUREMENTS}  # by the names that they go by
COLUMNS = "columns.csv"
TABLES = (SERVER_TYPES, LOCATIONS, MEASUREMENTS, LOAD_MEASUREMENTS, COLUMNS)

_SERVER_FACTS = ("generation", "sockets", "height_u", "load_curve")  # of the shipped table


def shipped(table: str) -> Traversable:
    """Return a shipped table, one of `TABLES`: a file, or what is one in a zip archive."""
    return files(__name__) / table


def read_server_types(path: str | os.PathLike[str] | Source | None = None) -> list[ServerType]:
    """Read the server types, the shipped ones where no `path` is given.

    Raises
    ------
    InputError
        As `read_rows`; also a product id listed twice, no row, all weights zero.
    """
    source = _source(path, SERVER_TYPES)
    types: dict[str, ServerType] = {}
    needed = ("model", "product_id")
    for line, row in read_rows(source, needed, ("weight",), _SERVER_FACTS):
        with at_line(source, line):
            kind = ServerType(
                row["model"], row["product_id"], _weight(row), _facts(row, *needed, "weight")
            )
            if seen := types.get(kind.product_id):
                if seen.model == kind.model:
                    raise InputError(f"server type {shown(kind.product_id)} is listed twice")
                raise InputError(
                    f"product id {shown(kind.product_id)} has two models, "
                    f"{shown(seen.model)!r} and {shown(kind.model)!r}"
                )
            types[kind.product_id] = kind
    _check_weights(source, [t.weight for t in types.values()])
    return list(types.values())


def read_locations(path: str | os.PathLike[str] | Source | None = None) -> list[Location]:
    """Read the locations, the shipped ones where no `path` is given.

    Raises
    ------
    InputError
        As `read_rows`; also a location listed twice, an unknown time zone, no row, all weights
        zero.
    """
    source = _source(path, LOCATIONS)
    locations: dict[str, Location] = {}
    for line, row in read_rows(source, ("location",), ("weight", TIME_ZONE)):
        with at_line(source, line):
            site = Location(row["location"], _weight(row), _facts(row, "location", "weight"))
            if site.location in locations:
                raise InputError(f"location {shown(site.location)} is listed twice")
            locations[site.location] = site
    _check_weights(source, [site.weight for site in locations.values()])
    return list(locations.values())


def read_measurements(path: str | os.PathLike[str] | Source | None = None) -> list[Measurement]:
    """Read the measurements, the shipped ones where no `path` is given.

    ``load`` is the shipped table of all quantities; a file of that name is ``Path("load")``.

    Raises
    ------
    InputError
        As `read_rows` and `Measurement`; also a measurement listed twice, no row.
    """
    source = _source(path, MEASUREMENTS)
    measurements: dict[str, Measurement] = {}
    needed, optional = ("name", "unit", "scale"), ("decimals", "quantity", "minimum")
    for line, row in read_rows(source, needed, optional):
        with at_line(source, line):
            text = row.get("decimals", "")
            if text and not re.fullmatch("[0-9]{1,4}", text):
                raise wrong_decimals(text)
            measurement = Measurement(
                row["name"],
                row["unit"],
                finite_decimal("scale", row["scale"]),
                int(text) if text else None,
                row.get("quantity") or None,
                finite_decimal("minimum", row.get("minimum") or 0),
                tuple(_facts(row, *needed, *optional).items()),
            )
            if measurement.name in measurements:
                raise InputError(f"measurement {shown(measurement.name)!r} is listed twice")
            measurements[measurement.name] = measurement
    if not measurements:
        raise InputError(f"{source}: no measurement; one row at least is needed")
    return list(measurements.values())


def read_faults(path: str | os.PathLike[str] | Source) -> list[Fault]:
    """Read a table of faults: the columns kind and share, and optionally scope.

    Raises
    ------
    InputError
        As `read_rows` and `Fault`; also no row.
    """
    source = _source(path, "")
    faults = []
    for line, row in read_rows(source, ("kind", "share"), ("scope",)):
        with at_line(source, line):
            faults.append(
                Fault(
                    row["kind"], finite_decimal("share", row["share"]), row.get("scope") or "server"
                )
            )
    if not faults:
        raise InputError(f"{source}: no fault; one row at least is needed")
    return faults


def read_columns(path: str | os.PathLike[str] | Source) -> tuple[Column, ...]:
    """Read a table of columns: column, source and, optionally, format; ``#`` begins a comment.

    Raises
    ------
    InputError
        As `read_rows`, `Column` and `check_columns`.
    """
    source = _source(path, COLUMNS)
    columns = []
    for line, row in read_rows(source, ("column", "source"), ("format",), comment="#"):
        with at_line(source, line):
            columns.append(Column(row["column"], field_of(row["source"]), row.get("format", "")))
    try:
        return check_columns(columns)
    except InputError as error:
        raise InputError(f"{source}: {error}") from None


def server_types_text(types: Sequence[ServerType]) -> str:
    """Return server types as the text of a table."""
    weighted = any(t.weight != 1 for t in types)
    rows = [
        {"model": t.model, "product_id": t.product_id}
        | ({"weight": str(t.weight)} if weighted else {})
        | dict(t.facts)
        for t in types
    ]
    return _text(rows)


def locations_text(locations: Sequence[Location]) -> str:
    """Return locations as the text of a table."""
    weighted = any(site.weight != 1 for site in locations)
    rows = [
        {"location": site.location}
        | ({"weight": str(site.weight)} if weighted else {})
        | dict(site.facts)
        for site in locations
    ]
    return _text(rows)


def measurements_text(measurements: Sequence[Measurement]) -> str:
    """Return measurements as the text of a table."""
    with_quantity = any(m.quantity for m in measurements)
    with_minimum = any(m.minimum for m in measurements)
    return _text(
        {
            "name": m.name,
            "unit": m.unit,
            "scale": str(m.scale),
            "decimals": "" if m.decimals is None else str(m.decimals),
        }
        | ({"quantity": m.quantity or ""} if with_quantity else {})
        | ({"minimum": str(m.minimum) if m.minimum else ""} if with_minimum else {})
        | dict(m.facts)
        for m in measurements
    )


def columns_text(columns: Sequence[Column]) -> str:
    """Return columns as the text of a table."""
    text = _text(
        {
            "column": column.name,
            "source": column.field.name,
            "format": "" if column.by_default else column.format,
        }
        for column in columns
    )
    return re.sub("^(#[^,]*)", r'"\1"', text, flags=re.MULTILINE)  # which is no comment


def _text(rows: Iterable[Mapping[str, str]]) -> str:
    listed = list(rows)
    columns = list(dict.fromkeys(column for row in listed for column in row))
    out = io.StringIO()
    writer = csv.DictWriter(out, columns, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(listed)
    return out.getvalue()


def _facts(row: Mapping[str, str], *others: str) -> dict[str, str]:
    """Return the further columns of a row."""
    return {column: text for column, text in row.items() if column not in others}


def _weight(row: Mapping[str, str]) -> Decimal:
    return finite_decimal("weight", row.get("weight") or 1)


def _source(path: str | os.PathLike[str] | Source | None, table: str) -> Source:
    if table == MEASUREMENTS and isinstance(path, str) and path in SHIPPED_MEASUREMENTS:
        return shipped(SHIPPED_MEASUREMENTS[path])
    if path is None:
        return shipped(table)
    return Path(path) if isinstance(path, str | os.PathLike) else path


def _check_weights(source: Source, weights: Sequence[Decimal]) -> None:
    if not weights:
        raise InputError(f"{source}: no row below the header; one at least is needed")
    if not any(weights):
        raise InputError(f"{source}: all weights are zero; one at least must be positive")
