"""How fast `verify --contract` checks files: by the time, and one server after another.

    python benchmarks/validate_speed.py            measure, and write results/validate_speed.json
    python benchmarks/validate_speed.py --render   put that file's table into benchmarks/README.md

Each run is the command from its start to its end, on about ten million readings; medians. Files in
the order of the time are ours; those of one server after another are DuckDB's, also with times of
another form.
"""

from __future__ import annotations

import shutil
import statistics
import subprocess
from pathlib import Path
from typing import Any, NamedTuple

import compare
import duckdb


class Shape(NamedTuple):
    name: str
    servers: int
    interval: int
    days: int


SHAPES = [
    Shape("35,000 servers, hourly", 35_000, 3600, 6),
    Shape("5,000 servers, every 5 minutes", 5_000, 300, 4),
    Shape("10 servers, by the second", 10, 1, 6),
]
# The orders, and how many million rows a second it should be.
ORDERS = {"by time": 4, "by server": 3, "by server, nanoseconds": 3}
ISO = "%Y-%m-%dT%H:%M:%S.000000000Z"
PLAIN = "%Y-%m-%d %H:%M:%SZ"


def make(shape: Shape, format: str, directory: Path) -> None:
    """Make a dataset in the order of the time."""
    command = [*compare.SYNTHPOWER, "inventory", "--directory", str(directory), "--quiet"]
    subprocess.run([*command, "--count", str(shape.servers), "--seed", "1"], check=True)
    command = [*compare.SYNTHPOWER, "data", "--directory", str(directory), "--quiet"]
    command += ["--date", "2023-01-02", "--days", str(shape.days)]
    command += ["--interval", str(shape.interval), "--format", format]
    subprocess.run(command, check=True)


def reorder(directory: Path, form: str) -> None:
    """Write each file again, one server after another; a CSV file's times in a form."""
    duckdb.sql("SET TimeZone='UTC'")
    for path in sorted(directory.glob("data-*")):
        columns, rows, options = "*", f"'{path}'", "format parquet"
        if path.suffix == ".csv":
            rows, options = f"read_csv('{path}', all_varchar=true)", "header"
            texts = ", ".join(
                f"strftime({name}::TIMESTAMPTZ, '{form}') AS {name}"
                for name in ("start_time", "end_time")
            )
            columns = f"* REPLACE ({texts})"
        other = path.with_name("other")
        query = f"SELECT {columns} FROM {rows} ORDER BY sn, start_time, name"
        duckdb.sql(f"COPY ({query}) TO '{other}' ({options})")
        other.replace(path)
    (directory / "manifest.json").unlink(missing_ok=True)


def measure(folder: Path, shrink: int, rounds: int) -> list[dict[str, Any]]:
    runs: list[dict[str, Any]] = []
    for shape in SHAPES:
        small = shape._replace(servers=max(1, shape.servers // shrink))
        small = small._replace(interval=min(3600, shape.interval * shrink))
        for format in ("csv", "parquet"):
            directory = folder / "power"
            make(small, format, directory)
            rows = duckdb.sql(f"SELECT count(*) FROM '{directory}/data-*.{format}'").fetchall()[0][
                0
            ]
            for order in ORDERS:
                if order != "by time":
                    if format == "parquet" and "nanoseconds" in order:
                        continue
                    reorder(directory, ISO if "nanoseconds" in order else PLAIN)
                for _ in range(rounds):
                    command = [*compare.SYNTHPOWER, "verify", "--contract", str(directory)]
                    measured = compare.measure(command)
                    case = {"shape": shape.name, "format": format, "order": order, "rows": rows}
                    runs.append({**case, **measured})
            shutil.rmtree(directory)
    return runs


def table(runs: list[dict[str, Any]]) -> str:
    """Return the table of a result, with the targets: million rows a second."""

    def rate(shape: str, format: str, order: str) -> str:
        found = [
            run["rows"] / run["wall_s"] / 1e6
            for run in runs
            if (run["shape"], run["format"], run["order"]) == (shape, format, order)
        ]
        return f"{statistics.median(found):.1f}" if found else ""

    lines = [
        f"| M rows/s | format | {' | '.join(ORDERS)} |",
        f"| --- | --- |{' ---: |' * len(ORDERS)}",
        *(
            f"| {shape.name} | {format} | "
            + " | ".join(rate(shape.name, format, order) for order in ORDERS)
            + " |"
            for shape in SHAPES
            for format in ("csv", "parquet")
        ),
        f"| target | | {' | '.join(f'≥ {target}' for target in ORDERS.values())} |",
    ]
    return "\n".join(lines) + "\n"


def main() -> None:
    def made(folder: Path, tiny: bool, rounds: int) -> dict[str, Any]:
        return {"runs": measure(folder, 10_000 if tiny else 1, rounds)}

    compare.script(__file__, __doc__, made, lambda result: table(result["runs"]))


if __name__ == "__main__":
    main()
