"""What exact totals cost while decimals are written, and how fast they are without files.

    python benchmarks/totals_speed.py            measure; writes results/totals_speed.json
    python benchmarks/totals_speed.py --render   put that file's table into benchmarks/README.md

Each run is a process of its own; medians. What is written to the disk is timed without imports and
the reading of the inventory, with totals and without in turns. Without, the writer gets the limits
of a chunk and nothing is added up; the sums that kernels take of random numbers stay.
"""

from __future__ import annotations

import shutil
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import compare
import limits

DOUBLES = "name,unit,scale,decimals\ncpu,%,100,\npower,W,300,\n"


class Case(NamedTuple):
    """Totals without files.

    Attributes
    ----------
    options : str
        The signal, and the measurements: ``doubles`` have none.
    target : int or None
        Million rows a second that it should reach at least.
    """

    name: str
    by: str
    options: str
    days: int
    target: int | None


CASES = [
    Case("all together", "", "uniform", 10, None),
    Case("by site", "location", "uniform", 10, 400),
    Case("by site and hour", "location,hour", "uniform", 10, None),
    Case("by model", "model", "uniform", 10, None),
    Case("doubles, by site", "location", "uniform doubles", 5, None),
    Case("load, by site", "location", "load", 5, None),
]
SERVERS, INTERVAL = 100_000, 300
WITHOUT_FILES = """
import sys, time
from datetime import date, timedelta
from synthpower import Inventory, Specification, read_measurements
from synthpower.dataset.totals import _groups
from synthpower.engine import add_up
from synthpower.signals import find_signal

directory, interval, days, by, signal, table = sys.argv[1:]
measurements = tuple(read_measurements(table or None))
by = by.split(",") if by else []

def run(fleet, days):
    dates = [f"{date(2023, 1, 2) + timedelta(day)}" for day in range(days)]
    wanted = [Specification(each, measurements, 1, int(interval), signal=signal) for each in dates]
    specs = [find_signal(signal).complete(each, fleet) for each in wanted]
    _, group_of = _groups(fleet, [each for each in by if each != "hour"])
    made = add_up(specs, fleet, group_of, "hour" in by)
    totals = [total for sums in made for each in sums.values() for total in each.exact()]
    return sum(total.count for total in totals)

run(Inventory.generate(50, seed=1), 1)
fleet = Inventory.read(directory)
started = time.perf_counter()
rows = run(fleet, int(days))
print(rows, time.perf_counter() - started)
"""
FORMATS = {"csv": 1, "parquet": 5}  # and days
DISK_TARGET = 1.03
DISK = """
import os, sys, time
os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")  # as the command does
from datetime import date, timedelta
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from synthpower import Inventory, Specification, read_measurements
from synthpower.engine import Job, Run
from synthpower.formats import find_format
from synthpower.signals import random
from synthpower.signals.totals import Totals
from synthpower.storage import LocalStore

directory, interval, days, format, totals = sys.argv[1:]

class Limits(Totals):
    def __init__(self, quantities, summary):
        self.quantities, self.summary, self.measured = quantities, summary, []

    def __add__(self, other):
        return self

    def exact(self):
        ends = [
            [Fraction(self.quantities.value(m, int(end))) for end in row[:2]]
            for m, row in enumerate(self.summary)
        ]
        return [SimpleNamespace(minimum=least, maximum=greatest) for least, greatest in ends]

if totals == "without":
    random.totals_of = lambda quantities, summary, *_: Limits(quantities, summary)
measurements = tuple(read_measurements())

def run(fleet, days):
    dates = [f"{date(2023, 1, 2) + timedelta(day)}" for day in range(days)]
    store = LocalStore(Path(directory))
    jobs = [
        Job(Specification(each, measurements, 1, int(interval)), store, f"data-{each}.{format}",
            find_format(format), replace=True)
        for each in dates
    ]
    return sum(summary.rows for summary in Run(jobs, fleet).write())

run(Inventory.generate(2, seed=1), 1)
fleet = Inventory.read(directory)
started = time.perf_counter()
rows = run(fleet, int(days))
print(rows, time.perf_counter() - started)
"""


def timed(case: str, script: str, *arguments: object) -> dict[str, Any]:
    """Return the rows and the seconds that a script prints."""
    done = subprocess.run(
        [sys.executable, "-c", script, *map(str, arguments)],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    rows, seconds = done.stdout.split()
    return {"case": case, "rows": int(rows), "wall_s": float(seconds)}


def without_files(case: Case, directory: Path, folder: Path) -> dict[str, Any]:
    signal, _, doubles = case.options.partition(" ")
    table = folder / "doubles.csv"
    table.write_text(DOUBLES)
    given = [directory, INTERVAL, case.days, case.by, signal, table if doubles else ""]
    return timed(case.name, WITHOUT_FILES, *given)


def to_disk(format: str, totals: str, directory: Path) -> dict[str, Any]:
    """Return how long files take to the disk, and remove them."""
    given = [directory, INTERVAL, FORMATS[format], format, totals]
    measured = timed(f"{format}, {totals}", DISK, *given)
    for file in directory.glob("data-*"):
        file.unlink()
    return measured


def measure(folder: Path, shrink: int, rounds: int) -> list[dict[str, Any]]:
    directory = limits.inventory(folder, max(20, SERVERS // shrink))
    runs: list[dict[str, Any]] = []
    for number in range(rounds):
        runs += [without_files(case, directory, folder) for case in CASES]
        for format in FORMATS:
            order = ("with", "without") if number % 2 else ("without", "with")
            runs += [to_disk(format, totals, directory) for totals in order]
    shutil.rmtree(directory)
    return runs


def table(runs: list[dict[str, Any]]) -> str:
    """Return the table of a result, with the targets."""
    lines = ["| what | found | target | met |", "| --- | ---: | ---: | --- |"]

    def times(case: str) -> list[float]:
        return [run["wall_s"] for run in runs if run["case"] == case]

    def rows(case: str) -> int:
        return next(run["rows"] for run in runs if run["case"] == case)

    for format in FORMATS:
        pairs = zip(times(f"{format}, with"), times(f"{format}, without"), strict=True)
        ratio = statistics.median(a / b for a, b in pairs)
        what = f"{rows(f'{format}, with') / 1e6:.0f} M rows of {format} to the disk, in times of "
        met = "yes" if ratio <= DISK_TARGET else "no"
        lines.append(f"| {what}those without totals | {ratio:.3f} | ≤ {DISK_TARGET} | {met} |")
    for case in CASES:
        rate = rows(case.name) / statistics.median(times(case.name)) / 1e6
        target = f"≥ {case.target}" if case.target else ""
        met = "" if case.target is None else "yes" if rate >= case.target else "no"
        lines.append(f"| without files, {case.name}, M rows/s | {rate:.0f} | {target} | {met} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    def made(folder: Path, tiny: bool, rounds: int) -> dict[str, Any]:
        return {"runs": measure(folder, 10_000 if tiny else 1, rounds)}

    compare.script(__file__, __doc__, made, lambda result: table(result["runs"]))


if __name__ == "__main__":
    main()
