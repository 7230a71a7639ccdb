"""What each stage of a file costs on one core and on two: what gives first on sixteen.

    python benchmarks/scaling.py            measure; writes results/scaling.json
    python benchmarks/scaling.py --render   put that file's table into benchmarks/README.md

A file is made by threads that render chunks, by the main thread, which puts them in order into the
sink, and by the thread that writes to the disk. What each takes of a processor is measured in
processes of their own, without start-up; medians. What holds no lock of Python's is told apart: in
the workers kernels, compression and copies; in the main thread the copying into the stages. The
rest is taken to hold it, which is too much: other calls into NumPy let go of it, too.

The limits are a prediction, by division. Of sixteen cores, one is the main thread's, and no more
workers compute than there are chunks in the making.
"""

from __future__ import annotations

import json
import shutil
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import compare
import limits

SERVERS, CORES = 20_000, 16
FAST_DISK = 7e9  # bytes a second


class Case(NamedTuple):
    """A kind of file: its format, its options, and the seconds between samples."""

    name: str
    format: str
    decimals: str
    interval: int


CASES = [
    Case("Parquet, decimals", "parquet", "yes", 60),
    Case("Parquet, doubles", "parquet", "no", 60),
    Case("Arrow", "arrow", "yes", 60),
    Case("CSV", "csv", "yes", 120),
]
RUN = """
import json, os, sys, threading, time
os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")  # as the command does
from collections import Counter
from dataclasses import replace
from pathlib import Path
import numpy
import pyarrow
from synthpower import Inventory, Specification, read_measurements
from synthpower.engine import Job, Run
from synthpower.engine.chunks import chunks_ahead
from synthpower.formats import find_format
from synthpower.jit.kernel import Kernel
from synthpower.storage import direct, locate

directory, format, decimals, interval, workers, out = sys.argv[1:]
measurements = tuple(
    each if decimals == "yes" else replace(each, decimals=None) for each in read_measurements()
)
seconds = Counter()

def timed(what, function):
    def call(*arguments):
        cpu, clock = time.thread_time(), time.perf_counter()
        result = function(*arguments)
        seconds[what] += time.thread_time() - cpu
        seconds[f"{what}, on the clock"] += time.perf_counter() - clock
        return result
    return call

unlocked = []  # of all workers: kernels, copies and compression
main_thread = threading.get_ident()

def without_lock(function):
    def call(*arguments, **options):
        before = time.thread_time()
        result = function(*arguments, **options)
        if threading.get_ident() != main_thread:
            unlocked.append(time.thread_time() - before)
        return result
    return call

class Codec:
    def __init__(self, *given, **options):
        self.compress = without_lock(plain_codec(*given, **options).compress)

load, plain_codec = Kernel._machine_code, pyarrow.Codec
Kernel._machine_code = lambda self, kinds: without_lock(load(self, kinds))
pyarrow.Codec = Codec
numpy.ascontiguousarray = without_lock(numpy.ascontiguousarray)
direct._write_directly = timed("writing", direct._write_directly)
direct.StagedSink.put = timed("copying", direct.StagedSink.put)

def run_of(fleet, interval):
    spec = Specification("2023-02-27", measurements, 1, interval)
    job = Job(spec, *locate(Path(out)), find_format(format), replace=True)
    return Run([job], fleet, int(workers))

run_of(Inventory.generate(50, seed=1), 3600).write()
run = run_of(Inventory.read(directory), int(interval))
seconds.clear()
unlocked.clear()
main, cpu, clock = time.thread_time(), time.process_time(), time.perf_counter()
(made,) = run.write()
wall = time.perf_counter() - clock
cpu, main = time.process_time() - cpu, time.thread_time() - main
print(json.dumps({
    "rows": made.rows, "bytes": made.bytes, "wall_s": wall, "main_s": main,
    "copying_s": seconds["copying"], "unlocked_s": sum(unlocked),
    "workers_s": cpu - main - seconds["writing"], "writer_s": seconds["writing"],
    "disk_s": seconds["writing, on the clock"],
    "ahead": chunks_ahead(run._writers[0].chunk_bytes, 16),
}))
"""
RUNS = {"one": (1, False), "two": (2, False), "disk": (2, True)}  # workers, to the disk


def measure(folder: Path, tiny: bool, rounds: int) -> dict[str, Any]:
    directory = limits.inventory(folder, 30 if tiny else SERVERS)
    runs = []
    for _ in range(rounds):
        for case in CASES:
            for kind, (workers, disk) in RUNS.items():
                suffix = f".{case.format}"
                out = folder / f"out{suffix}" if disk else Path("/dev/null")
                given = [
                    directory, case.format, case.decimals, case.interval,
                    workers, out,
                ]  # fmt: skip
                done = subprocess.run(
                    [sys.executable, "-c", RUN, *map(str, given)], capture_output=True, text=True
                )
                if done.returncode:
                    raise SystemExit(done.stderr)
                runs.append({"case": case.name, "kind": kind, **json.loads(done.stdout)})
                if disk:
                    out.unlink()
    shutil.rmtree(directory)
    return {"runs": runs}


def table(result: dict[str, Any]) -> str:
    """Return the costs, and the limits that follow."""
    costs = [
        "| ms of a million rows | B/row | one worker, no lock | two | and Python | "
        "main thread | and copying | disk's thread | disk busy |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    bounds = [
        f"| M rows/s on {CORES} cores | computing | main thread | lock | this disk | first limit | "
        "on a disk of 7 GB/s | cores busy | to a pipe that takes all |",
        "| --- | ---: | ---: | ---: | ---: | --- | --- | ---: | --- |",
    ]
    for case in CASES:
        own = [run for run in result["runs"] if run["case"] == case.name]
        rows = own[0]["rows"] / 1e6

        def ms(kind: str, what: str, own: Any = own, rows: float = rows) -> float:
            """Return the median of a cost, in milliseconds of a million rows."""
            found = statistics.median(run[what] for run in own if run["kind"] == kind)
            return max(1e3 * found / rows, 1e-3)

        python = max(ms("two", "workers_s") - ms("two", "unlocked_s"), 1e-3)
        main = max(ms("disk", "main_s") - ms("disk", "copying_s"), 1e-3)
        costs.append(
            f"| {case.name} | {own[0]['bytes'] / rows / 1e6:.1f} | "
            f"{ms('one', 'unlocked_s'):.2f} | {ms('two', 'unlocked_s'):.2f} | {python:.2f} | "
            f"{main:.2f} | {ms('disk', 'copying_s'):.2f} | "
            f"{ms('disk', 'writer_s'):.2f} | {ms('disk', 'disk_s'):.2f} |"
        )
        rates = {
            "computing": 1e3 * min(CORES - 1, own[0]["ahead"]) / ms("two", "workers_s"),
            "main thread": 1e3 / ms("disk", "main_s"),
            "lock": 1e3 / (python + main),
            "disk": 1e3 / ms("disk", "disk_s"),
        }
        row_bytes = own[0]["bytes"] / own[0]["rows"]
        fast = {**rates, "disk": FAST_DISK / row_bytes / 1e6}
        pipe = {**rates, "main thread": 1e3 / ms("two", "main_s"), "disk": float("inf")}
        first, fast_first, pipe_first = (min(r, key=r.__getitem__) for r in (rates, fast, pipe))
        busy = fast[fast_first] * (ms("two", "workers_s") + ms("disk", "main_s")) / 1e3
        bounds.append(
            f"| {case.name} | {' | '.join(f'{each:,.0f}' for each in rates.values())} | "
            f"{first} | {fast_first}, {fast[fast_first]:,.0f} | {busy:.1f} | "
            f"{pipe_first}, {pipe[pipe_first]:,.0f} |"
        )
    return "\n".join([*costs, "", *bounds]) + "\n"


def main() -> None:
    compare.script(__file__, __doc__, measure, table)


if __name__ == "__main__":
    main()
