"""Files written by a Dask cluster, by Spark, by four processes: beside one process's threads.

    python benchmarks/clusters.py            measure, and write benchmarks/results/clusters.json
    python benchmarks/clusters.py --render   put that file's table into benchmarks/README.md

Parquet of 35,000 servers. What starts a cluster, a session or a process is not in it, nor is the
first run of each; both of a pair take turns; medians.
"""

from __future__ import annotations

import importlib.metadata
import os
import shutil
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import compare

import synthpower.dask
import synthpower.spark
from synthpower import Dataset, Inventory, Part, Request

SERVERS = 35_000
SHARDS = 4
DATE = "2023-02-27"
DAYS = Request(DATE, days=10, interval=60, format="parquet")
DAY_IN_SHARDS = Request(DATE, interval=30, shards=SHARDS, format="parquet")
LARGE = Request(DATE, interval=6, format="parquet")
CASES = {  # what, beside what, and the target: of the ratio, or of M rows/s
    "dask": ("Dask, two workers, 10 files", "two threads", 0.9),
    "spark": ("Spark, two cores, 4 shards", "", 80),
    "read": ("Spark reads them: count, average", "", None),
    "source": ("Spark reads one column never written", "", None),
    "shards": ("four shards, four processes", "four threads", 0.95),
}

Write = Callable[[Dataset, Request], int]


def threaded(dataset: Dataset, request: Request, workers: int) -> int:
    return sum(each.rows for each in dataset.write(dataset.plan(request), workers))


def timed(
    folder: Path, write: Write, request: Request, read: Callable[[], int] | None = None
) -> list[tuple[int, float]]:
    """Return the rows and seconds of a run, and of what reads its files, and remove them."""
    dataset = Dataset.open(folder)
    _ = dataset.inventory.by_serial
    os.sync()  # so that nobody pays for what an earlier run left in the page cache
    started = time.perf_counter()
    found = [(write(dataset, request), time.perf_counter() - started)]
    if read:
        started = time.perf_counter()
        found.append((read(), time.perf_counter() - started))
    for file in folder.glob("data-*"):
        file.unlink()
    (folder / "manifest.json").unlink()
    return found


@contextmanager
def dask() -> Iterator[Write]:
    from distributed import Client, LocalCluster

    def write(dataset: Dataset, request: Request) -> int:
        return sum(each.rows for each in synthpower.dask.write(client, dataset, request))

    cluster = LocalCluster(2, threads_per_worker=1, dashboard_address=None)
    with cluster, Client(cluster) as client:
        yield write


@contextmanager
def spark(folder: Path) -> Iterator[tuple[Write, Callable[[], int], Callable[[], int]]]:
    os.environ["PYSPARK_PYTHON"] = sys.executable
    from pyspark.sql import SparkSession

    session = (
        SparkSession.builder.master("local[2]")
        .config("spark.driver.bindAddress", "127.0.0.1")
        .config("spark.ui.enabled", "false")
        .config("spark.ui.showConsoleProgress", "false")
        .getOrCreate()
    )
    session.sparkContext.setLogLevel("ERROR")

    def read() -> int:
        files = session.read.option("pathGlobFilter", "data-*").parquet(str(folder))
        return files.selectExpr("count(*)", "avg(measurement_value)").collect()[0][0]

    def write(dataset: Dataset, request: Request) -> int:
        return sum(each.rows for each in synthpower.spark.write(session, dataset, request))

    def read_source() -> int:
        source = session.read.format("synthpower").options(date=DATE, interval="300")
        values = source.option("columns", "measurement_value").load(str(folder))
        return values.selectExpr("count(*)", "avg(measurement_value)").collect()[0][0]

    from synthpower.spark_source import register  # which needs PySpark; the table does not

    register(session)
    yield write, read, read_source
    session.stop()


_opened: list[Dataset] = []  # of a process that makes shards


def open_dataset(folder: Path) -> None:
    """Have all that a process has before its first file."""
    _opened[:] = [Dataset.open(folder)]
    _ = _opened[0].inventory.by_serial


def write_shard(request: dict[str, Any], number: int) -> int:
    return threaded(_opened[0], Request(**request, part=Part(number, SHARDS)), 1)


@contextmanager
def four_processes(folder: Path) -> Iterator[Write]:
    with ProcessPoolExecutor(SHARDS, get_context("spawn"), open_dataset, (folder,)) as pool:

        def write(_: Dataset, request: Request) -> int:
            given = {"date": request.date, "interval": request.interval, "format": request.format}
            return sum(pool.map(partial(write_shard, given), range(1, SHARDS + 1)))

        yield write


def measure(folder: Path, tiny: bool, rounds: int) -> dict[str, Any]:
    directory = folder / "power"
    Dataset.create(directory, Inventory.generate(20 if tiny else SERVERS, seed=1))
    kept = (directory / "manifest.json").read_bytes()
    runs: list[dict[str, Any]] = []

    def run(case: str, *arguments: Any) -> None:
        (directory / "manifest.json").write_bytes(kept)
        written, *read = timed(directory, *arguments)
        for name, found in ((case, written), *(("read", each) for each in read)):
            runs.append({"case": name, "rows": found[0], "seconds": found[1]})
            print(f"{name}: {found[0] / found[1] / 1e6:.0f} M rows/s", file=sys.stderr)

    with dask() as write:
        for _ in range(rounds + 1):
            run("dask", write, DAYS)
            run("two threads", partial(threaded, workers=2), DAYS)
    with spark(directory) as (write, read, read_source):
        for _ in range(rounds + 1):
            run("spark", write, DAY_IN_SHARDS, read)
        for _ in range(rounds + 1):
            started = time.perf_counter()
            rows = read_source()
            seconds = time.perf_counter() - started
            runs.append({"case": "source", "rows": rows, "seconds": seconds})
    with four_processes(directory) as write:
        for _ in range(rounds + 1):
            run("shards", write, LARGE)
            run("four threads", partial(threaded, workers=SHARDS), LARGE)
    shutil.rmtree(directory)
    packages = {name: importlib.metadata.version(name) for name in ("distributed", "pyspark")}
    return {"versions": {**compare.versions(), **packages}, "runs": runs}


def table(runs: list[dict[str, Any]]) -> str:
    """Return the table of a result, with the targets."""
    lines = [
        "| what | M rows | M rows/s | beside | M rows/s | times | target | met |",
        "| --- | ---: | ---: | --- | ---: | ---: | --- | --- |",
    ]
    for case, (what, other, target) in CASES.items():
        rows, rate = rate_of(runs, case)
        cells = [what, f"{rows / 1e6:,.1f}", f"{rate:.0f}", other]
        if other:
            _, theirs = rate_of(runs, other)
            ratio = rate / theirs
            met = "yes" if ratio >= target else "no"
            cells += [f"{theirs:.0f}", f"{ratio:.2f}", f"≥ {target}", met]
        elif target:
            cells += ["", "", f"≥ {target} M rows/s", "yes" if rate >= target else "no"]
        else:
            cells += [""] * 4
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def rate_of(runs: list[dict[str, Any]], case: str) -> tuple[int, float]:
    """Return the rows of a case, and how many millions of them a second; not of its first run."""
    own = [run for run in runs if run["case"] == case][1:]
    seconds = statistics.median(run["seconds"] for run in own)
    return own[0]["rows"], own[0]["rows"] / seconds / 1e6


def main() -> None:
    compare.script(__file__, __doc__, measure, lambda result: table(result["runs"]))


if __name__ == "__main__":
    main()
