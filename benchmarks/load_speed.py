"""How fast the load signal is: to /dev/null, to the disk beside uniform, the first run, one cell.

    python benchmarks/load_speed.py            measure, and write benchmarks/results/load_speed.json
    python benchmarks/load_speed.py --render   put that file's table into benchmarks/README.md

Each run is a process of its own; medians. What goes to /dev/null is timed without imports and the
reading of the inventory, as limits.py does; what goes to the disk is the command from its start to
its end.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

import compare
import limits

WATTS = "name,unit,scale,decimals,quantity\ncpu,%,100,2,cpu_utilization\npower,W,1200,0,power\n"


class Case(NamedTuple):
    """Readings to /dev/null.

    Attributes
    ----------
    target : int
        Million rows a second that it should reach at least.
    """

    name: str
    servers: int
    interval: int
    days: int
    table: str
    target: int


CASES = [
    Case("CPU and power, hourly", 100_000, 3600, 60, "", 150),
    Case("CPU and power, every 5 minutes", 100_000, 300, 7, "", 400),
    Case("CPU and power, by the minute", 100_000, 60, 2, "", 400),
    Case("the table of seven quantities, hourly", 100_000, 3600, 20, "load", 120),
    Case("the table of seven quantities, every 5 minutes", 100_000, 300, 2, "load", 120),
    Case("2 million servers, hourly", 2_000_000, 3600, 4, "", 80),
]
NULL = """
import os, sys, time
os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")  # as the command does
from datetime import date, timedelta
from pathlib import Path
from synthpower import Inventory, Specification, read_measurements
from synthpower.engine import Job, Run
from synthpower.formats import find_format
from synthpower.signals import find_signal
from synthpower.storage import locate

directory, interval, days, table = sys.argv[1:]
measurements, signal = tuple(read_measurements(table or None)), find_signal("load")

def run(fleet, days):
    dates = [f"{date(2023, 1, 2) + timedelta(day)}" for day in range(days)]
    wanted = [Specification(each, measurements, 1, int(interval), signal="load") for each in dates]
    jobs = [
        Job(signal.complete(each, fleet), *locate(Path(os.devnull)), find_format("parquet"))
        for each in wanted
    ]
    return sum(summary.rows for summary in Run(jobs, fleet).write())

run(Inventory.generate(2, seed=1), 1)
fleet = Inventory.read(directory)
started = time.perf_counter()
rows = run(fleet, int(days))
print(rows, time.perf_counter() - started)
"""
DISK = "--date 2023-01-02 --days 5 --interval 300 --format parquet"  # of 350,000: 1,008 M rows
DISK_SERVERS = 350_000
DISK_TARGET = 1.3
FIRST_TARGET = 5.0  # seconds, of compiling
CELL_TARGET = 100.0  # microseconds

CELL = """
import sys, time
from synthpower import Inventory, Readings
servers = int(sys.argv[1])
readings = Readings(Inventory.generate(servers, seed=1), "2023-02-27", 300, signal="load")
numbers = readings.inventory.by_serial.sn.to_pylist()[:: max(1, servers // 300)]
readings.at(numbers[0], "2023-02-27 05:00:00Z", "server power")
times = []
for sn in numbers:
    started = time.perf_counter()
    readings.at(sn, "2023-02-27 05:00:00Z", "server power")
    times.append(time.perf_counter() - started)
print(sorted(times)[len(times) // 2] * 1e6)
"""


def null_case(case: Case, folder: Path, shrink: int) -> dict[str, Any]:
    """Return the rows and the seconds of a case."""
    directory = limits.inventory(folder, max(1, case.servers // shrink))
    arguments = [str(directory), str(case.interval), str(case.days), case.table]
    done = subprocess.run(
        [sys.executable, "-c", NULL, *arguments], capture_output=True, text=True, check=True
    )
    rows, seconds = done.stdout.split()
    return {"case": case.name, "rows": int(rows), "wall_s": float(seconds)}


def disk_case(signal: str, folder: Path, shrink: int) -> dict[str, Any]:
    """Return how long a billion rows take to the disk, and remove them."""
    directory = limits.inventory(folder, max(1, DISK_SERVERS // shrink))
    (directory / "measurements.csv").write_text(WATTS)
    command = [*compare.SYNTHPOWER, "data", "--directory", str(directory), *DISK.split()]
    command += ["--signal", signal]
    rows = limits.count_rows(tuple(command))
    measured = compare.measure(command)
    for file in [*directory.glob("data-*"), directory / "manifest.json"]:
        file.unlink(missing_ok=True)
    return {"case": f"disk, {signal}", "rows": rows, **measured}


def first_run(folder: Path) -> list[dict[str, Any]]:
    """Return how long a small job takes without kept kernels, and with them."""
    directory = limits.inventory(folder, 1000)
    found = []
    for format in ("csv", "parquet"):
        command = [*compare.SYNTHPOWER, "data", "--directory", str(directory), "--signal", "load"]
        command += ["--date", "2023-02-27", "--format", format, "--overwrite", "--quiet"]
        with tempfile.TemporaryDirectory(dir=folder) as empty:
            cached = ["env", f"NUMBA_CACHE_DIR={empty}", *command]
            found.append({"case": f"first run, {format}", **compare.measure(cached)})
            found.append({"case": f"next run, {format}", **compare.measure(cached)})
        for file in [*directory.glob("data-*"), directory / "manifest.json"]:
            file.unlink(missing_ok=True)
    return found


def one_cell(servers: int) -> dict[str, Any]:
    """Return the microseconds of one reading alone."""
    done = subprocess.run(
        [sys.executable, "-c", CELL, str(servers)], capture_output=True, text=True, check=True
    )
    return {"case": "one cell", "us": float(done.stdout)}


def measure(folder: Path, shrink: int, rounds: int) -> list[dict[str, Any]]:
    runs: list[dict[str, Any]] = []
    for _ in range(rounds):
        runs += [null_case(case, folder, shrink) for case in CASES]
        runs += [disk_case(signal, folder, shrink) for signal in ("uniform", "load")]
        runs += first_run(folder)
        runs.append(one_cell(max(1, 100_000 // shrink)))
    return runs


def table(runs: list[dict[str, Any]]) -> str:
    """Return the table of a result, with the targets."""

    def median(case: str, key: str = "wall_s") -> float:
        return statistics.median(run[key] for run in runs if run["case"] == case)

    lines = ["| what | found | target | met |", "| --- | ---: | ---: | --- |"]

    def add(what: str, found: float, form: str, target: str, met: bool) -> None:
        lines.append(f"| {what} | {form.format(found)} | {target} | {'yes' if met else 'no'} |")

    for case in CASES:
        rows = next(run["rows"] for run in runs if run["case"] == case.name)
        rate = rows / median(case.name) / 1e6
        add(f"{case.name}, M rows/s", rate, "{:.0f}", f"≥ {case.target}", rate >= case.target)
    ratio = median("disk, load") / median("disk, uniform")
    rows = next(run["rows"] for run in runs if run["case"] == "disk, load")
    what = f"{rows / 1e6:.0f} M rows every 5 minutes to the disk, in times of uniform"
    add(what, ratio, "{:.2f}", f"≤ {DISK_TARGET}", ratio <= DISK_TARGET)
    for format in ("csv", "parquet"):
        compiling = median(f"first run, {format}") - median(f"next run, {format}")
        what = f"compiling, the first run ever, {format}, s"
        add(what, compiling, "{:.1f}", f"≤ {FIRST_TARGET:.0f}", compiling <= FIRST_TARGET)
    cell = median("one cell", "us")
    add("one cell alone through `at`, µs", cell, "{:.0f}", f"≤ {CELL_TARGET:.0f}",
        cell <= CELL_TARGET)  # fmt: skip
    return "\n".join(lines) + "\n"


def main() -> None:
    def made(folder: Path, tiny: bool, rounds: int) -> dict[str, Any]:
        return {"runs": measure(folder, 10_000 if tiny else 1, rounds)}

    compare.script(__file__, __doc__, made, lambda result: table(result["runs"]))


if __name__ == "__main__":
    main()
