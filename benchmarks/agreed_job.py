"""A pipeline tester's job: readings in an agreed format, by synthpower and by DuckDB alone.

    python benchmarks/agreed_job.py            measure, and write results/agreed_job.json
    python benchmarks/agreed_job.py --render   put that file's table into both READMEs

Three days of 5,000 servers every five minutes, seven columns with names of their own, ISO times, a
constant, gzip, a file for each hour in folders dt=.../hour=..., and the totals that a load must
show. The peer is one statement of DuckDB, and one more for the totals. Both write to the disk, in
turns, and are timed from the start of the process to its end.
"""

from __future__ import annotations

import statistics
import sys
from pathlib import Path
from typing import Any

import compare
import limits

SERVERS, DATE, DAYS, INTERVAL = 5_000, "2023-02-27", 3, 300

COLUMNS = """\
column,source,format
serial,sn,
ts_end,end_time,iso
metric,name,
value,measurement_value,
unit,unit,
dc,location,
source,=synthpower,
"""
PATH = "dt={date}/hour={hour}/readings{suffix}"
DUCKDB = """
import sys, duckdb

directory, target, date, days, interval = sys.argv[1:]
duckdb.sql("set preserve_insertion_order = false")
duckdb.sql("set TimeZone = 'UTC'")
rows = f'''
    select sn as serial,
        strftime(start + interval {interval} second, '%Y-%m-%dT%H:%M:%SZ') as ts_end,
        name as metric, (random() * scale)::decimal(9, 2) as value, unit, location as dc,
        'synthpower' as source, strftime(start, '%Y-%m-%d') as dt, strftime(start, '%H') as hour
    from read_csv('{directory}/inventory.csv'), read_csv('{directory}/measurements.csv'),
        range(timestamp '{date}', timestamp '{date}' + interval {days} day,
            interval {interval} second) as steps(start)
'''
duckdb.sql(f"copy ({rows}) to '{target}' (format csv, compression gzip, partition_by (dt, hour))")
print(duckdb.sql(f"select metric, count(*), sum(value), min(value), max(value) "
                 f"from read_csv('{target}/*/*/*.csv.gz') group by metric"))
"""


def ours(folder: Path, servers: int) -> list[list[str]]:
    """Return the commands of synthpower: the data, with its totals, and the totals shown."""
    directory = limits.inventory(folder, servers)
    table = folder / "columns.csv"
    table.write_text(COLUMNS)
    data = [*compare.SYNTHPOWER, "data", "--directory", str(directory), "--date", DATE]
    data += ["--days", str(DAYS), "--interval", str(INTERVAL), "--columns", str(table)]
    return [[*data, "--compression", "gzip", "--path", PATH]]


def theirs(folder: Path, servers: int) -> list[list[str]]:
    """Return DuckDB's command."""
    directory, target = limits.inventory(folder, servers), folder / "duckdb"
    options = [str(directory), str(target), DATE, str(DAYS), str(INTERVAL)]
    return [[sys.executable, "-c", DUCKDB, *options]]


def clear(folder: Path) -> int:
    """Remove the files that were written, and return their bytes."""
    size = 0
    for file in folder.glob("**/*.csv.gz"):
        size += file.stat().st_size
        file.unlink()
    for file in folder.glob("*/manifest.json"):
        file.unlink()
    return size


def measure(folder: Path, servers: int, rounds: int) -> list[dict[str, Any]]:
    runs = []
    for _ in range(rounds):
        for who, commands in (("synthpower", ours), ("DuckDB", theirs)):
            for command in commands(folder, servers):
                found = compare.measure(command)
                runs.append({"who": who, **found, "bytes": clear(folder)})
    return runs


def table(runs: list[dict[str, Any]], rows: int) -> str:
    """Return the table of a result."""
    lines = [
        "| who | seconds | M rows/s | B/row | peak MB |",
        "| --- | ---: | ---: | ---: | ---: |",
    ]
    seconds = {}
    for who in ("synthpower", "DuckDB"):
        own = [run for run in runs if run["who"] == who]
        seconds[who] = statistics.median(run["wall_s"] for run in own)
        memory = statistics.median(run["peak_bytes"] for run in own) / 1e6
        lines.append(
            f"| {who} | {seconds[who]:.1f} | {rows / seconds[who] / 1e6:.2f} | "
            f"{own[0]['bytes'] / rows:.1f} | {memory:.0f} |"
        )
    ratio = seconds["DuckDB"] / seconds["synthpower"]
    return "\n".join(lines) + f"\n\n{rows:,} readings: {ratio:.0f} times as fast.\n"


def main() -> None:
    def made(folder: Path, tiny: bool, rounds: int) -> dict[str, Any]:
        servers = 5 if tiny else SERVERS
        rows = servers * DAYS * 86_400 // INTERVAL * 2
        return {"rows": rows, "runs": measure(folder, servers, rounds)}

    def shown(result: dict[str, Any]) -> str:
        return table(result["runs"], result["rows"])

    compare.script(__file__, __doc__, made, shown, compare.READMES)


if __name__ == "__main__":
    main()
