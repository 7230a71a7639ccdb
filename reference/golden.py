"""The sums that hold for ever: SHA-256 of small datasets, made by the reference.

    python reference/golden.py

writes reference/golden.json. While the model version stays, that file must not change: the
tests hold the reference and the engine to it. A change of values needs a new model version.
"""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import columns_reference as judge
import synthpower_reference as reference

GOLDEN = Path(__file__).resolve().parent / "golden.json"
MODEL_VERSION = 1
SEED = 8123
SERVERS = 7
# Serial numbers that are hashed, because they are not of ten capitals and digits; quoted texts.
ODD = [
    reference.Server("café", 'model "x"', "P1", "here, there"),
    reference.Server("a serial number of more than ten", "model y", "P2", "nowhere"),
    reference.Server("Z", "model y", "P2", "=1+1"),
]
SHIPPED = [("server cpu utilization", "%", "100", "2"), ("server power", "W", "300", "2")]
# What is shipped for the load signal: each measurement with its quantity.
LOAD = [(*SHIPPED[0], "cpu_utilization"), (*SHIPPED[1], "power")]
QUANTITIES = [
    LOAD[0],
    ("server power minimum", "W", "1200", "0", "power_minimum"),
    ("server power", "W", "1200", "0", "power"),
    ("server power peak", "W", "1200", "0", "power_peak"),
    ("server inlet temperature", "Cel", "40", "1", "inlet_temperature"),
    ("server energy", "J", "4320000", "0", "energy"),
    ("server cpu power", "W", "800", "0", "cpu_power"),
]
TABLES = {
    "shipped": SHIPPED,
    "full precision": [(name, unit, scale, "") for name, unit, scale, _ in SHIPPED],
    "mixed": [*SHIPPED, ("inlet, front", "C", "45.5", ""), ("fans", "1", "8", "0"),
              ("tiny", "m", "0.000123", "9"), ("huge", "B", "9007199254740992", "0")],
    "minimum": [("outside", "Cel", "45.59", "1", "", "-30.21"),
                ("balance", "W", "0.3", "", "", "-0.1"),
                ("frozen", "Cel", "-1.5", "2", "", "-1.75"),
                ("deep", "m", "-2", "", "", "-10935.5"),
                ("far", "B", "9007199254740992", "0", "", "9007199254700000")],
    "load": LOAD,
    "load quantities": QUANTITIES,
    "load of mixed decimals": [("fans", "1", "8", "0", ""), ("watts", "W", "9", "", "power"),
                               ("milliwatts", "W", "9", "3", "power"), *QUANTITIES[4:]],
}  # fmt: skip
# name: table, servers, and the arguments of `readings`; in files with end times only too.
CASES: dict[str, tuple[str, str, dict[str, Any]]] = {
    "day": ("shipped", "made", {"date": "2023-02-27"}),
    "day of full precision": ("full precision", "made", {"date": "2023-02-27"}),
    "day of mixed decimals": ("mixed", "made", {"date": "2023-02-27", "interval": 14_400}),
    "triangular": ("mixed", "made", {"date": "2023-02-27", "signal": "triangular"}),
    "fuzz": ("shipped", "made", {"date": "2023-02-27", "interval": 1800, "fuzz": 1799}),
    "leap day": ("shipped", "made", {"date": "2024-02-29", "interval": 7200, "fuzz": 1}),
    "hour by the minute": ("mixed", "made", {"date": "2023-02-27T05", "interval": 60}),
    "first day": ("shipped", "made", {"date": "1970-01-01", "interval": 21_600}),
    "last day": ("shipped", "made", {"date": "9999-12-30", "interval": 21_600, "fuzz": 60}),
    "minimum": ("minimum", "made", {"date": "2023-02-27", "interval": 14_400}),
    "minimum, triangular": (
        "minimum", "odd", {"date": "2023-02-27", "interval": 14_400, "signal": "triangular"}),
    "odd servers": ("mixed", "odd", {"date": "2023-02-27", "interval": 14_400, "fuzz": 600}),
    "load": ("load", "made", {"date": "2023-02-27", "signal": "load"}),
    "load every 5 minutes": (
        "load", "made", {"date": "2023-02-27T14", "signal": "load", "interval": 300}),
    "load quantities": ("load quantities", "made", {"date": "2023-02-27", "signal": "load"}),
    "load quantities every 5 minutes": (
        "load quantities", "made", {"date": "2023-02-27T14", "signal": "load", "interval": 300}),
    "load hour by the minute": (
        "load quantities", "made", {"date": "2023-02-27T05", "signal": "load", "interval": 60}),
    "load day of a clock change": (
        "load of mixed decimals", "made",
        {"date": "2023-03-26", "signal": "load", "interval": 3200, "fuzz": 60}),
    "load of odd servers": (
        "load of mixed decimals", "odd", {"date": "2023-02-27", "signal": "load"}),
}  # fmt: skip
TIMES = ("start_time", "end_time")
ROWS = [("serial", "sn", ""), ("the \"model\"", "model", ""), ("rack", "rack", ""),
        ("from", "start_time", "ns"), ("to", "end_time", "iso"), ("there", "end_time", "local"),
        ("by", "=O'Brien, 2 \\ \"x\"", "")]  # fmt: skip
LONG = [
    *ROWS,
    ("metric", "name", ""),
    ("value", "measurement_value", ""),
    ("single", "measurement_value", "float"),
    ("tariff", "tariff", ""),
    ("ms", "end_time", "ms"),
]
WIDE = [
    *ROWS,
    ("fans", "value:fans", "integer"),
    ("tiny", "value:tiny", "decimal"),
    ("inlet", "value:inlet, front", "float"),
    ("fans again", "value:fans", ""),
]
PATTERN = (
    r"{{{name:tag},sn={sn:tag},m={model:sql},r={rack:json},{tariff:csv} "
    r"v={measurement_value},f={measurement_value:float} {end_time:us}\n\t{start_time:local}}} '"
)
# name: table, servers, columns or a pattern, the form (delimiter and header of CSV), arguments.
TEXTS: dict[str, tuple[str, str, Any, Any, dict[str, Any]]] = {
    "csv": ("mixed", "odd", LONG, (",", True), {"date": "2023-03-26", "interval": 7200}),
    "csv by semicolons": (
        "minimum", "odd", LONG, (";", False), {"date": "2023-02-27", "interval": 7200, "fuzz": 60}),
    "csv, wide": ("mixed", "odd", WIDE, ("|", True), {"date": "2023-02-27", "interval": 14_400}),
    "jsonl": ("mixed", "odd", LONG, None, {"date": "1972-01-07", "interval": 7200, "fuzz": 600}),
    "jsonl, wide": ("mixed", "odd", WIDE, None, {"date": "2023-02-27T05", "interval": 600}),
    "text": ("mixed", "odd", PATTERN, None, {"date": "2024-02-29", "interval": 7200, "fuzz": 1}),
}  # fmt: skip
RACKS = {"café": "r 1,", "a serial number of more than ten": "", "Z": "r=2"}
ZONES = {"here, there": "Europe/Berlin", "nowhere": "Africa/Monrovia", "=1+1": ""}


def servers(kind: str) -> list[reference.Server]:
    """Return the servers of a case."""
    if kind == "odd":
        return ODD
    names = ("server_types", "locations")
    tables = (reference.read_table(reference.TABLES / f"{name}.csv") for name in names)
    return list(reference.inventory(SEED, SERVERS, *tables))


def measurements(name: str) -> list[reference.Measurement]:
    """Return the measurements of a case."""
    return [reference.Measurement(*row) for row in TABLES[name]]


def sum_of_lines(lines: Iterable[str]) -> str:
    """Return the SHA-256 of a text file."""
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def sum_of_columns(columns: dict[str, list[Any]]) -> str:
    """Return the SHA-256 of columns: their names, texts by lines, times in microseconds, values."""
    digest = hashlib.sha256()
    for name, cells in columns.items():
        digest.update(f"{name}\n".encode())
        if name in TIMES:
            digest.update(struct.pack(f"<{len(cells)}q", *cells))
        elif name == "measurement_value":
            digest.update(struct.pack(f"<{len(cells)}d", *cells))
        else:
            digest.update("".join(f"{cell}\n" for cell in cells).encode())
    return digest.hexdigest()


def columns_of(rows: list[reference.Reading], end: bool) -> dict[str, list[Any]]:
    """Return the columns of readings as a Parquet file has them."""
    names = [*reference.Server._fields, *(TIMES[1:] if end else TIMES)]
    columns = {name: [getattr(row, name) for row in rows] for name in names}
    columns |= {
        name: [time * 1_000_000 for time in columns[name]] for name in names if name in TIMES
    }
    columns["measurement_value"] = [row.value for row in rows]
    return columns | {name: [getattr(row, name) for row in rows] for name in ("unit", "name")}


def text_lines(name: str) -> Iterator[str]:
    """Return the lines of one of `TEXTS`."""
    table, kind, rows, form, arguments = TEXTS[name]
    measured = measurements(table)
    columns = (
        judge.pattern_columns(rows) if isinstance(rows, str) else [judge.Column(*c) for c in rows]
    )
    found = list(reference.readings(servers(kind), measured, SEED, **arguments))
    facts = judge.Facts(
        {sn: {"rack": rack} for sn, rack in RACKS.items()},
        {},
        {site: {"time_zone": zone} for site, zone in ZONES.items()},
        {m.name: {"tariff": f"t, {i}"} for i, m in enumerate(measured)},
    )
    cells = judge.cells_of(measured, facts)
    if isinstance(rows, str):
        return judge.pattern_lines(judge.rows_of(found, columns), rows, cells)
    if form is None:
        return judge.json_lines(judge.rows_of(found, columns), columns, cells)
    return judge.csv_lines(judge.rows_of(found, columns), columns, cells, *form)


def sums() -> dict[str, Any]:
    """Return all sums."""
    found: dict[str, Any] = {
        "model version": MODEL_VERSION,
        "inventory.csv": sum_of_lines(reference.inventory_lines(iter(servers("made")))),
        "files": {},
    }
    for name, (table, kind, arguments) in CASES.items():
        chosen = measurements(table)
        known = dict(zip(("kinds", "zones"), reference.read_facts(reference.TABLES), strict=True))
        rows = list(reference.readings(servers(kind), chosen, SEED, **arguments, **known))
        for end in (False, True):
            found["files"][f"{name}{', end times only' if end else ''}"] = {
                "csv": sum_of_lines(reference.csv_lines(iter(rows), chosen, end)),
                "values": sum_of_columns(columns_of(rows, end)),
            }
    found["texts"] = {name: sum_of_lines(text_lines(name)) for name in TEXTS}
    return found


if __name__ == "__main__":
    GOLDEN.write_text(json.dumps(sums(), indent=1) + "\n")
