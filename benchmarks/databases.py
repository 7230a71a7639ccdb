"""How fast readings go into PostgreSQL and DuckDB: by a pipe, or from Python by ADBC.

    PGHOST=... PGUSER=... python benchmarks/databases.py    measure; writes results/databases.json
    python benchmarks/databases.py --render                 put its table into benchmarks/README.md

The PostgreSQL server is yours, on this machine: libpq's variables say where, and a table `readings`
in its database postgres is dropped and made. Each run is the whole command, from its start to the
commit; all take turns; medians.
"""

from __future__ import annotations

import shlex
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import compare

SERVERS, INTERVAL = 1000, 180  # 960,000 readings
TABLE = """create unlogged table readings (
    sn text, model text, product_id text, location text, start_time timestamptz,
    end_time timestamptz, measurement_value double precision, unit text, name text)"""
ADBC = """
import sys
import adbc_driver_postgresql.dbapi as adbc
from synthpower import Dataset, Readings
directory, interval = sys.argv[1:]
dataset = Dataset.open(directory)
readings = Readings(dataset.inventory, "2023-02-27", int(interval), seed=dataset.seed())
with adbc.connect("postgresql:///postgres") as connection, connection.cursor() as cursor:
    cursor.adbc_ingest("readings", readings, mode="append")
    connection.commit()
"""
DUCKDB = """
import duckdb
duckdb.sql("create table readings as from read_csv('/dev/stdin')")
"""
CASES = {
    "PostgreSQL, a pipe into `psql \\copy`": (
        "{data} | psql -q -d postgres -c '\\copy readings from stdin (format csv, header)'"
    ),
    "PostgreSQL, `adbc_ingest` of `Readings`": "{python} -c {adbc} {directory} {interval}",
    "DuckDB, a pipe into `read_csv`": "{data} | {python} -c {duckdb}",
}


def psql(statement: str) -> str:
    """Run a statement in the server's database, and return what it prints."""
    words = ["psql", "-qAt", "-v", "ON_ERROR_STOP=1", "-d", "postgres", "-c", statement]
    return subprocess.run(words, check=True, capture_output=True, text=True).stdout.strip()


def case(what: str, directory: Path, interval: int) -> dict[str, Any]:
    """Return how long a load takes from its start to its end."""
    data = [*compare.SYNTHPOWER, "data", "--directory", str(directory), "--date", "2023-02-27"]
    data += ["--interval", str(interval), "--output", "-", "--quiet"]
    command = CASES[what].format(
        data=shlex.join(data),
        python=shlex.quote(sys.executable),
        adbc=shlex.quote(ADBC),
        duckdb=shlex.quote(DUCKDB),
        directory=shlex.quote(str(directory)),
        interval=interval,
    )
    psql("set client_min_messages = error; drop table if exists readings")
    psql(TABLE)
    started = time.perf_counter()
    subprocess.run(["bash", "-euo", "pipefail", "-c", command], check=True)
    seconds = time.perf_counter() - started
    if what.startswith("PostgreSQL"):
        rows = int(psql("select count(*) from readings"))
        assert rows == expected_rows(directory, interval), rows
    psql("drop table readings")
    return {"case": what, "rows": expected_rows(directory, interval), "seconds": seconds}


def expected_rows(directory: Path, interval: int) -> int:
    """Return how many readings there must be."""
    servers = sum(1 for _ in (directory / "inventory.csv").open()) - 1
    return 86400 // interval * servers * 2


def measure(folder: Path, tiny: bool, rounds: int) -> dict[str, Any]:
    servers, interval = (3, 3600) if tiny else (SERVERS, INTERVAL)
    directory = folder / "power"
    compare.measure([*compare.SYNTHPOWER, "inventory", "--directory", str(directory),
                     "--count", str(servers), "--seed", "1", "--quiet"])  # fmt: skip
    version = psql("show server_version")
    runs = [case(what, directory, interval) for _ in range(rounds) for what in CASES]
    return {"postgresql": version, "runs": runs}


def table(result: dict[str, Any]) -> str:
    """Return the table of a result."""
    lines = ["| into | seconds | M rows/s |", "| --- | ---: | ---: |"]
    for what in CASES:
        own = [run for run in result["runs"] if run["case"] == what]
        seconds = statistics.median(run["seconds"] for run in own)
        lines.append(f"| {what} | {seconds:.2f} | {own[0]['rows'] / seconds / 1e6:.2f} |")
    rows = result["runs"][0]["rows"]
    return "\n".join(lines) + f"\n\n{rows:,} readings; PostgreSQL {result['postgresql']}.\n"


if __name__ == "__main__":
    compare.script(__file__, __doc__, measure, table)
