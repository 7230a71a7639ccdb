"""What it takes to tell a Delta or an Iceberg table of 208 files, and to read them back.

    python benchmarks/lake_tables.py            measure; writes results/lake_tables.json
    python benchmarks/lake_tables.py --render   put that file's table into benchmarks/README.md

The files, of 13 days, 16 sites and 1,000 servers by the hour, are there before. Each run is a
process of its own; medians. What is read back is compared with the totals of the manifest: rows,
and exact sums.
"""

from __future__ import annotations

import json
import shutil
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

import compare
import limits

from synthpower import Dataset, Request
from synthpower.dataset.lake import LAKES

SERVERS, DAYS = 1000, 13
PATH = "readings/dt={date}/site={location}/data"
TARGET = 1.0  # seconds
RUN = """
import json, sys, time, warnings
from decimal import Decimal
warnings.simplefilter("ignore")
from synthpower import Dataset, Request

directory, kind, days, path = sys.argv[1:]
dataset = Dataset.open(directory)
request = {"date": "2023-02-27", "days": int(days), "format": "parquet", "path": path}
files = dataset.plan(Request(**request)).complete
found = {"files": len(files)}

def timed(what, act):
    started = time.perf_counter()
    result = act()
    found[what] = time.perf_counter() - started
    return result

from synthpower.dataset.lake import find_log
timed("the library imported", lambda: find_log(kind))
plan = dataset.plan(Request(**request, table=kind))
timed("the files added to a new table", lambda: plan.table.add(files, dataset.inventory))
assert plan.table.added == len(files)
again = dataset.plan(Request(**request, table=kind))
timed("the same again: nothing added", lambda: again.table.add(files, dataset.inventory))
assert again.table.added == 0

import polars
from deltalake import DeltaTable
from pyiceberg.table import StaticTable
folder = f"{directory}/readings"
version = f"{folder}/metadata/v1.metadata.json"
own, scan = {
    "delta": (
        lambda: polars.from_arrow(DeltaTable(folder).to_pyarrow_dataset().to_table()),
        lambda: polars.scan_delta(folder).collect(),
    ),
    "iceberg": (
        lambda: polars.from_arrow(StaticTable.from_metadata(version).scan().to_arrow()),
        lambda: polars.scan_iceberg(version).collect(),
    ),
}[kind]
value = (polars.col("measurement_value") * 100).round().cast(polars.Int64).sum()
expected = {
    each.name: (each.total.count, int(each.total.sum * 100)) for each in dataset.totals()
}
for what, act in (("all rows read by its own library", own), ("by Polars", scan)):
    rows = timed(what, act).with_columns(polars.col("name").cast(polars.String))
    sums = rows.group_by("name").agg(polars.len(), value.alias("sum")).rows()
    assert {name: (count, sum) for name, count, sum in sums} == expected
    found["rows"] = rows.height
print(json.dumps(found))
"""
TIMED = (
    "the files added to a new table",
    "the same again: nothing added",
    "the library imported",
    "all rows read by its own library",
    "by Polars",
)


def measure(folder: Path, tiny: bool, rounds: int) -> dict[str, Any]:
    directory = limits.inventory(folder, 3 if tiny else SERVERS)
    days = 2 if tiny else DAYS
    dataset = Dataset.open(directory)
    given = {"days": days, "format": "parquet", "path": PATH}
    dataset.write(dataset.plan(Request("2023-02-27", **given)))
    runs = []
    for _ in range(rounds):
        for kind, lake in LAKES.items():
            done = subprocess.run(
                [sys.executable, "-c", RUN, str(directory), kind, str(days), PATH],
                capture_output=True,
                text=True,
            )
            if done.returncode:
                raise SystemExit(done.stderr)
            runs.append({"kind": kind, **json.loads(done.stdout)})
            shutil.rmtree(directory / "readings" / lake.log)
    return {"runs": runs}


def table(result: dict[str, Any]) -> str:
    """Return the table of a result, with the target."""
    runs = result["runs"]
    lines = [
        f"{runs[0]['files']:,} files, {runs[0]['rows']:,} rows:",
        "",
        f"| seconds | {' | '.join(LAKES)} | target | met |",
        "| --- | ---: | ---: | --- | --- |",
    ]
    for what in TIMED:
        seconds = [
            statistics.median(run[what] for run in runs if run["kind"] == kind) for kind in LAKES
        ]
        target = what == TIMED[0]
        met = ("yes" if max(seconds) <= TARGET else "no") if target else ""
        lines.append(
            f"| {what} | {' | '.join(f'{each:.2f}' for each in seconds)} | "
            f"{f'≤ {TARGET:.0f}' if target else ''} | {met} |"
        )
    return "\n".join(lines) + "\n"


def main() -> None:
    compare.script(__file__, __doc__, measure, table)


if __name__ == "__main__":
    main()
