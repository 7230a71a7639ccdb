"""Queries of readings that were never written, of our cached Parquet file, and of the stream.

    python benchmarks/in_process.py            measure; writes results/in_process.json
    python benchmarks/in_process.py --render   put that file's table into benchmarks/README.md

A day of 35,000 servers by the minute. Each case is a process of its own with its peak memory; what
is timed is the query alone, the median of some repetitions, after one of a few readings that brings
libraries and compiled kernels. The file is in the page cache.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import compare

SERVERS, INTERVAL = 35_000, 60
SITE, HOUR = "UK-S1-01", ("2023-02-27 05:00:00Z", "2023-02-27 06:00:00Z")
VALUE = "measurement_value"


class Case(NamedTuple):
    """A query.

    Attributes
    ----------
    target : float or None
        Million rows a second at least, or seconds at most where the query selects.
    """

    name: str
    engine: str
    target: float | None
    selects: bool = False


CASES = [
    Case("avg by location", "duckdb", 180),
    Case("sum", "duckdb", 300),
    Case("count", "duckdb", None),
    Case("sum", "polars", None),
    Case("one site of 16", "duckdb", 0.12, selects=True),
    Case("one site of 16", "polars", 0.12, selects=True),
    Case("one hour of 24", "duckdb", 0.1, selects=True),
    Case("one hour of 24", "polars", 0.1, selects=True),
    Case("one server", "duckdb", 0.015, selects=True),
    Case("one server", "polars", 0.015, selects=True),
]
SOURCES = ("made", "file", "stream")
MOST_MEMORY = 400e6
FILE_SHARE = 0.8  # of the speed of the same query of the file

QUERY = """
import json, resource, sys, time
from datetime import datetime
from pathlib import Path
from synthpower import Inventory, Readings

name, engine, source, path, servers, interval, repeats, hour, site = sys.argv[1:]

def wanted(servers, path):
    readings = Readings(Inventory.generate(servers, seed=1), "2023-02-27", int(interval))
    if not Path(path).exists():
        readings.write(path)
    if engine == "polars":
        import polars as pl
        frame = readings.lazy() if source == "made" else pl.scan_parquet(path)
    else:
        import duckdb
        table = f"'{path}'" if source == "file" else "readings"
        held = {"made": readings.dataset(), "stream": readings}.get(source)
        connection = duckdb.connect()
        connection.execute("set enable_progress_bar = false")  # it prints
        if held is not None:
            connection.register("readings", held)
    begin, end = hour.split(",")
    sn = readings.inventory.by_serial.sn[servers // 2].as_py()
    if engine == "polars":
        times = [datetime.fromisoformat(each) for each in (begin, end)]
        query = {
            "sum": frame,
            "one site of 16": frame.filter(pl.col("location") == site),
            "one hour of 24": frame.filter(
                (pl.col("start_time") >= times[0]) & (pl.col("start_time") < times[1])
            ),
            "one server": frame.filter(pl.col("sn") == sn),
        }[name].select(pl.len(), pl.col("measurement_value").sum())
        return lambda: query.collect().row(0)
    where = {
        "one site of 16": f"where location = '{site}'",
        "one hour of 24": f"where start_time >= '{begin}' and start_time < '{end}'",
        "one server": f"where sn = '{sn}'",
    }
    what = {
        "avg by location": "location, avg(measurement_value)", "count": "count(*)",
        "sum": "sum(measurement_value)",
    }.get(name, "count(*), sum(measurement_value)")
    group = "group by location" if name == "avg by location" else ""
    sql = f"select {what} from {table} {where.get(name, '')} {group}"
    return lambda: connection.execute(sql).fetchall()

wanted(20, f"{path}.few.parquet")()
query, seconds = wanted(int(servers), path), []
for _ in range(int(repeats)):
    started = time.perf_counter()
    query()
    seconds.append(time.perf_counter() - started)
unit = 1 if sys.platform == "darwin" else 1024
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
print(json.dumps({"seconds": seconds, "peak_bytes": peak}))
"""


def measure(folder: Path, tiny: bool, rounds: int) -> dict[str, Any]:
    servers = 100 if tiny else SERVERS

    def run(case: Case, source: str, rounds: int) -> dict[str, Any]:
        given = [folder / "day.parquet", servers, INTERVAL, rounds, ",".join(HOUR), SITE]
        done = subprocess.run(
            [sys.executable, "-c", QUERY, case.name, case.engine, source, *map(str, given)],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        found = {"case": case.name, "engine": case.engine, "source": source}
        return found | json.loads(done.stdout)

    run(CASES[0], "file", 0)  # writes it
    runs = [
        run(case, source, rounds)
        for case in CASES
        for source in SOURCES
        # Without pushdown, what a query selects is made with all the rest.
        if source != "stream" or (case.engine == "duckdb" and not case.selects)
    ]
    rows = servers * 86_400 // INTERVAL * 2
    return {"rows": rows, "versions": compare.versions(), "runs": runs}


def table(result: dict[str, Any]) -> str:
    """Return the table of a result, with the targets."""
    runs = {(run["case"], run["engine"], run["source"]): run for run in result["runs"]}
    versions = ", ".join(
        f"{name} {version}"
        for name, version in result["versions"].items()
        if name in ("duckdb", "polars", "pyarrow")
    )
    lines = [
        f"{result['rows'] / 1e6:.1f} M rows; {versions}.",
        "",
        "| query | engine | made for it | target | met | peak MB | cached Parquet | stream |",
        "| --- | --- | ---: | ---: | --- | ---: | ---: | ---: |",
    ]
    for case in CASES:

        def shown(source: str, case: Case = case) -> str:
            run = runs.get((case.name, case.engine, source))
            if run is None:
                return ""
            seconds = statistics.median(run["seconds"])
            if case.selects:
                return f"{seconds:.3f} s"
            return f"{result['rows'] / seconds / 1e6:.0f} M rows/s"

        made = runs[case.name, case.engine, "made"]
        seconds = statistics.median(made["seconds"])
        reached = seconds if case.selects else result["rows"] / seconds / 1e6
        target, reaches = "", made["peak_bytes"] <= MOST_MEMORY
        if case.target is not None:
            reaches &= reached <= case.target if case.selects else reached >= case.target
            target = f"≤ {case.target} s" if case.selects else f"≥ {case.target} M rows/s"
        met = "yes" if reaches else "no"
        lines.append(
            f"| {case.name} | {case.engine} | {shown('made')} | {target} | {met} "
            f"| {made['peak_bytes'] / 1e6:.0f} | {shown('file')} | {shown('stream')} |"
        )
    file, made = (
        statistics.median(runs["avg by location", "duckdb", source]["seconds"])
        for source in ("file", "made")
    )
    met = "yes" if file / made >= FILE_SHARE else "no"
    lines += [
        "",
        f"The average by location is {file / made:.2f} x as fast as that of the file "
        f"(target ≥ {FILE_SHARE}: {met}). All have a target of {MOST_MEMORY / 1e6:.0f} MB.",
    ]
    return "\n".join(lines) + "\n"


def main() -> None:
    compare.script(__file__, __doc__, measure, table)


if __name__ == "__main__":
    main()
