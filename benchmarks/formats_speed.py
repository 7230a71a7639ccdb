"""How fast each format is written: to /dev/null, without imports and reading the inventory.

    python benchmarks/formats_speed.py            measure, and write results/formats_speed.json
    python benchmarks/formats_speed.py --render   put that file's table into README.md

Each run is a process of its own, all take turns; medians. Another line is an entry of `LINES`.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import compare
import limits


class Target(NamedTuple):
    """What a line should reach: at least, of its size at most."""

    rows: float | None = None  # million a second
    bytes: float | None = None  # GB a second
    row_bytes: float | None = None


class Line(NamedTuple):
    """Readings in a format.

    Attributes
    ----------
    options : mapping
        As of `Options`.
    columns : sequence of (str, str, str)
        Name, source and format of each, as in columns.csv; those by default if none.
    workers : int, optional
        Threads; as many as there are cores otherwise.
    """

    name: str
    format: str
    options: Mapping[str, Any] = {}
    target: Target = Target()
    servers: int = 35_000
    interval: int = 60
    columns: Sequence[tuple[str, str, str]] = ()
    workers: int | None = None


AGREED = [
    ("serial", "sn", ""), ("ts_end", "end_time", "iso"), ("metric", "name", ""),
    ("value", "measurement_value", ""), ("unit", "unit", ""), ("dc", "location", ""),
    ("source", "=synthpower", ""),
]  # fmt: skip
WIDE = [
    ("sn", "sn", ""), ("model", "model", ""), ("product_id", "product_id", ""),
    ("location", "location", ""), ("start_time", "start_time", ""), ("end_time", "end_time", ""),
    ("cpu", "value:server cpu utilization", ""), ("power", "value:server power", ""),
]  # fmt: skip
PROTOCOL = (
    "power,sn={sn},site={location:tag},name={name:tag} value={measurement_value} {end_time:ns}"
)
PROTOCOL_COLUMNS = [
    ("sn", "sn", ""), ("location", "location", ""), ("name", "name", ""),
    ("measurement_value", "measurement_value", ""), ("end_time:ns", "end_time", "ns"),
]  # fmt: skip
INSERT = (
    "INSERT INTO readings VALUES ('{sn}', '{model:sql}', '{end_time}', {measurement_value}, "
    "'{name:sql}');"
)
INSERT_COLUMNS = [
    ("sn", "sn", ""), ("model", "model", ""), ("end_time", "end_time", ""),
    ("measurement_value", "measurement_value", ""), ("name", "name", ""),
]  # fmt: skip
LINES = [
    Line("Parquet", "parquet"),
    Line("Parquet, wide, a row for two readings", "parquet", columns=WIDE),
    Line("CSV, one core", "csv", interval=300, workers=1),
    Line("CSV of chosen, renamed columns, one core", "csv", interval=300, columns=AGREED,
         workers=1, target=Target(bytes=5)),
    Line("JSON lines, one core", "jsonl", interval=300, workers=1, target=Target(bytes=4)),
    Line("JSON lines of the chosen columns, one core", "jsonl", interval=300, columns=AGREED,
         workers=1),
    Line("text, line protocol, one core", "text", {"row": PROTOCOL}, interval=300,
         columns=PROTOCOL_COLUMNS, workers=1, target=Target(bytes=4)),
    Line("text, SQL inserts, one core", "text", {"row": INSERT}, interval=300,
         columns=INSERT_COLUMNS, workers=1),
    Line("Arrow", "arrow", target=Target(rows=170, row_bytes=9)),
    Line("Arrow, 100,000 servers every 5 minutes", "arrow", servers=100_000, interval=300,
         target=Target(rows=170, row_bytes=9)),
    Line("Arrow, values compressed, too", "arrow", {"compression": "zstd"}, interval=600),
    Line("Arrow, not compressed", "arrow", {"compression": "none"}),
    Line("Arrow, by pyarrow's writer", "arrow", {"implementation": "pyarrow"}, interval=600),
    Line("CSV, gzip", "csv", {"compression": "gzip"}, Target(rows=12, row_bytes=15), interval=300),
    Line("CSV, zstd", "csv", {"compression": "zstd"}, Target(rows=10, row_bytes=15), interval=300),
]  # fmt: skip
RUN = """
import json, os, sys, time
os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")  # as the command does
from pathlib import Path
from synthpower import Column, Inventory, Readings
from synthpower.engine import Job, Run
from synthpower.formats import find_format
from synthpower.formats.interface import Options
from synthpower.model.columns import field_of
from synthpower.storage import locate

line = json.loads(sys.argv[2])
columns = [Column(name, field_of(source), form) for name, source, form in line["columns"]]

def run(fleet):
    readings = Readings(fleet, "2023-02-27", line["interval"], seed=1, columns=columns or None)
    options = Options(**line["options"])
    job = Job(
        readings.specification, *locate(Path(os.devnull)), find_format(line["format"]), options
    )
    return Run([job], fleet, line["workers"]).write()[0]

run(Inventory.generate(2, seed=1))
fleet = Inventory.read(sys.argv[1])
started = time.perf_counter()
made = run(fleet)
print(made.rows, made.bytes, time.perf_counter() - started)
"""


def measure(line: Line, folder: Path, shrink: int) -> dict[str, Any]:
    """Return the rows, the bytes and the seconds of a line."""
    directory = limits.inventory(folder, max(1, line.servers // shrink))
    command = [sys.executable, "-c", RUN, str(directory), json.dumps(line._asdict())]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{line.name}: {done.stderr}")
    rows, size, seconds = done.stdout.split()
    return {"line": line.name, "rows": int(rows), "bytes": int(size), "wall_s": float(seconds)}


def table(runs: list[dict[str, Any]]) -> str:
    """Return the table of a result, with the targets."""
    lines = [
        "| to /dev/null | M rows | M rows/s | GB/s | B/row | target | met |",
        "| --- | ---: | ---: | ---: | ---: | --- | --- |",
    ]
    for line in LINES:
        own = [run for run in runs if run["line"] == line.name]
        seconds = statistics.median(run["wall_s"] for run in own)
        rows, size = own[0]["rows"], own[0]["bytes"]
        found = Target(rows / seconds / 1e6, size / seconds / 1e9, size / rows)
        wanted, met = _held(found, line.target)
        lines.append(
            f"| {line.name} | {rows / 1e6:,.1f} | {found.rows:.0f} | {found.bytes:.2f} | "
            f"{found.row_bytes:.2f} | {wanted} | {met} |"
        )
    return "\n".join(lines) + "\n"


def _held(found: Target, target: Target) -> tuple[str, str]:
    """Return a target in words, and whether it is met."""
    words, met = [], []
    if target.rows is not None:
        words.append(f"≥ {target.rows:g} M rows/s")
        met.append(found.rows >= target.rows)
    if target.bytes is not None:
        words.append(f"≥ {target.bytes:g} GB/s")
        met.append(found.bytes >= target.bytes)
    if target.row_bytes is not None:
        words.append(f"≤ {target.row_bytes:g} B/row")
        met.append(found.row_bytes <= target.row_bytes)
    return ", ".join(words), ("yes" if all(met) else "no") if met else ""


def main() -> None:
    def made(folder: Path, tiny: bool, rounds: int) -> dict[str, Any]:
        shrink = 5000 if tiny else 1
        return {"runs": [measure(line, folder, shrink) for _ in range(rounds) for line in LINES]}

    compare.script(__file__, __doc__, made, lambda result: table(result["runs"]))


if __name__ == "__main__":
    main()
