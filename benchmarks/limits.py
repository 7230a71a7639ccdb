"""How near synthpower comes to what the machine can do: the disk, memory, start-up, every shape.

    python benchmarks/limits.py            measure, and write benchmarks/results/limits.json
    python benchmarks/limits.py --render   put that file's tables into benchmarks/README.md, and
                                           the short one of both results into README.md

Each run is a process of its own. Those that write to the disk are the command, from its start to
its end, and take turns with a plain direct write of the same number of bytes. The others write to
/dev/null, and say how long that took without imports and reading the inventory; beside each stands
how long one Philox call a value takes on as many cores, in the same turn.
"""

from __future__ import annotations

import argparse
import json
import mmap
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import compare

HERE = Path(__file__).resolve().parent
RESULT = HERE / "results" / "limits.json"
OURSELVES = [sys.executable, str(Path(__file__).resolve())]
STEP = 2**23  # bytes of a plain write


class Case(NamedTuple):
    """A run of ``synthpower data``; a billion rows unless its name says otherwise."""

    name: str
    servers: int
    options: str
    doubles: bool = False


BILLION = "--date 2023-01-01 --days 208"  # of 100,000 servers: 998.4 M rows
CASES = [
    Case("Parquet, decimals, 208 files", 100_000, f"{BILLION} --format parquet"),
    Case("Parquet, decimals, one file by the minute", 350_000,
         "--date 2023-01-01 --interval 60 --format parquet"),
    Case("Parquet, doubles, 208 files", 100_000, f"{BILLION} --format parquet", doubles=True),
    Case("Parquet, decimals, 100 M rows", 100_000, "--date 2023-01-01 --days 21 --format parquet"),
    Case("Parquet, doubles, 100 M rows", 100_000, "--date 2023-01-01 --days 21 --format parquet",
         doubles=True),
    Case("Parquet, fuzz, 100 M rows", 100_000,
         "--date 2023-01-01 --days 21 --fuzz 60 --format parquet"),
    Case("CSV, decimals, 48 M rows", 100_000, "--date 2023-01-01 --days 10"),
    Case("CSV, doubles, 48 M rows", 100_000, "--date 2023-01-01 --days 10", doubles=True),
]  # fmt: skip
CHECKS = [
    Case("verify, Parquet", 100_000, "--date 2023-01-01 --days 21 --format parquet"),
    Case("verify, CSV", 100_000, "--date 2023-01-01 --days 4"),
    Case("verify --contract, Parquet", 100_000, "--date 2023-01-01 --days 4 --format parquet"),
    Case("verify --contract, CSV", 100_000, "--date 2023-01-01 --days 4"),
]
FLEETS = [1_000_000, 10_000_000]  # servers of the inventories that are made and read


PHILOX = "one Philox call a value"


class Shape(NamedTuple):
    """Readings to /dev/null in one process: what the engine does where no disk is in the way."""

    name: str
    servers: int
    interval: int = 3600
    days: int = 1
    measurements: int = 2
    doubles: bool = False
    fuzz: int = 0
    end: bool = False
    format: str = "parquet"
    workers: int | None = None
    text: int = 8  # characters of a measurement's name
    hour: bool = False
    with_inventory: bool = False  # time its reading too


SHAPES = [
    Shape("350,000 servers, by the minute: a billion rows", 350_000, 60),
    Shape("350,000 servers, by the minute, doubles", 350_000, 60, doubles=True),
    Shape("10 servers, by the second, 58 files", 10, 1, 58),
    Shape("1,000 servers, by the minute, 35 files", 1_000, 60, 35),
    Shape("100,000 servers, hourly, 21 files", 100_000, 3600, 21),
    Shape("2 million servers, hourly", 2_000_000),
    Shape("60,000 servers, by the minute, 1 measurement", 60_000, 60, measurements=1),
    Shape("10,000 servers, 40 measurements", 10_000, 360, measurements=40),
    Shape("2,000 servers, 500 measurements", 2_000, 900, measurements=500),
    Shape("35,000 servers, by the minute, end times only", 35_000, 60, end=True),
    Shape("35,000 servers, by the minute, names of 1,000 letters", 35_000, 60, text=1000),
    Shape("35,000 servers, by the minute, fuzz", 35_000, 60, fuzz=30),
    Shape("10 million servers, one step, their inventory read", 10_000_000,
          hour=True, with_inventory=True),
    Shape("CSV, decimals", 20_000, 60, format="csv"),
    Shape("CSV, decimals, one core", 20_000, 60, format="csv", workers=1),
    Shape("CSV, doubles", 20_000, 60, doubles=True, format="csv"),
    Shape("CSV, doubles, one core", 20_000, 60, doubles=True, format="csv", workers=1),
]  # fmt: skip
SMALL = ["data", "--date", "2023-01-01", "--overwrite"]
FIRST = "the first run ever, which compiles"  # all that its format needs
STARTS = [
    ("synthpower --help", ["--help"]),
    ("1,000 servers, a day, CSV", SMALL),
    ("1,000 servers, a day, Parquet", [*SMALL, "--format", "parquet"]),
    (f"{FIRST}, CSV", SMALL),
    (f"{FIRST}, Parquet", [*SMALL, "--format", "parquet"]),
]
ORIGINAL = "the original script, CSV"


def measurements(case: Case) -> str:
    """Return the measurement table of a case."""
    decimals = "" if case.doubles else "2"
    return (
        "name,unit,scale,decimals\n"
        f"server cpu utilization,%,100,{decimals}\nserver power,W,300,{decimals}\n"
    )


def inventory(folder: Path, servers: int) -> Path:
    """Return a directory with an inventory of so many servers, made where there is none."""
    directory = folder / f"inventory-{servers}"
    if not directory.exists():
        command = [*compare.SYNTHPOWER, "inventory", "--directory", str(directory), "--quiet"]
        subprocess.run([*command, "--count", str(servers), "--seed", "1"], check=True)
    return directory


@cache
def count_rows(command: tuple[str, ...]) -> int:
    """Return the rows that a command says it would write."""
    done = subprocess.run([*command, "--dry-run"], stdout=subprocess.PIPE, text=True, check=True)
    lines = dict(line.split(None, 1) for line in done.stdout.splitlines())
    return int(lines["rows"].replace(",", ""))


def run_case(case: Case, folder: Path, shrink: int) -> dict[str, Any]:
    """Run a case, remove what it wrote, and return what there is to know of it."""
    directory = inventory(folder, max(1, case.servers // shrink))
    (directory / "measurements.csv").write_text(measurements(case))
    command = [*compare.SYNTHPOWER, "data", "--directory", str(directory), *case.options.split()]
    rows = count_rows(tuple(command))
    measured = compare.measure(command)
    files = list(directory.glob("data-*"))
    size = sum(file.stat().st_size for file in files)
    for file in files:
        file.unlink()
    (directory / "manifest.json").unlink(missing_ok=True)
    return {"case": case.name, "rows": rows, "bytes": size, **measured}


def run_shape(number: int, directory: Path) -> dict[str, Any]:
    """Write the readings of a shape to /dev/null, after a small run that loads what it needs."""
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")  # as the command does
    from synthpower import Inventory, Measurement, Specification
    from synthpower.engine import Job, Run
    from synthpower.formats import find_format
    from synthpower.model.columns import COLUMNS, END_COLUMNS
    from synthpower.storage import locate

    shape = SHAPES[number]
    table = tuple(
        Measurement(f"sensor {i}".ljust(shape.text, "x"), "C", Decimal(100 * (i % 2 * 2 + 1)),
                    None if shape.doubles else 2)
        for i in range(shape.measurements)
    )  # fmt: skip
    hour = "T00" if shape.hour else ""
    dates = [f"{date(2023, 1, 1) + timedelta(day)}{hour}" for day in range(shape.days)]
    columns, format = END_COLUMNS if shape.end else COLUMNS, find_format(shape.format)
    jobs = [
        Job(Specification(each, table, 1, shape.interval, shape.fuzz, columns),
            *locate(Path(os.devnull)), format)
        for each in dates
    ]  # fmt: skip
    Run(jobs[:1], Inventory.generate(2, seed=1), shape.workers).write()
    started = time.perf_counter()
    servers = Inventory.read(directory)
    if not shape.with_inventory:
        started = time.perf_counter()
    rows = sum(summary.rows for summary in Run(jobs, servers, shape.workers).write())
    return {"case": shape.name, "rows": rows, "wall_s": time.perf_counter() - started}


def write_plainly(path: Path, size: int) -> float:
    """Return the seconds that a direct write of `size` bytes to a new file takes, and its fsync."""
    stage = mmap.mmap(-1, STEP)
    stage.write(os.urandom(STEP))
    os.sync()
    started = time.perf_counter()
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
    try:
        descriptor = os.open(path, flags | getattr(os, "O_DIRECT", 0))
    except OSError:  # a file system without direct writes
        descriptor = os.open(path, flags)
    for _ in range(max(1, size // STEP)):
        os.write(descriptor, stage)
    os.fsync(descriptor)
    os.close(descriptor)
    seconds = time.perf_counter() - started
    path.unlink()
    return seconds * size / (max(1, size // STEP) * STEP)


READERS = {
    "pyarrow": """
from pyarrow import dataset, compute
rows = total = 0
for batch in dataset.dataset(path).to_batches(columns=["measurement_value"]):
    rows += len(batch)
    total += compute.sum(batch[0]).as_py()
""",
    "duckdb": """
import duckdb
rows, total = duckdb.sql(f"select count(*), sum(measurement_value) from '{path}'").fetchall()[0]
""",
    "polars": """
import polars as pl
value = pl.col("measurement_value")
rows, total = pl.scan_parquet(path).select(value.count().alias("n"), value.sum()).collect(
    engine="streaming").row(0)
""",
    "clickhouse": """
import chdb
text = chdb.query(f"select count(), sum(measurement_value) from file('{path}')", "CSV")
rows, total = map(float, str(text).split(","))
rows = int(rows)
""",
}
# Who is named in README.md's short table, and how.
PEERS = {
    "clickhouse": "ClickHouse",
    "duckdb": "DuckDB",
    "duckdb, ENUM": "DuckDB with ENUM",
    "polars": "Polars",
    "polars, streaming": "Polars streaming",
    "original": "the original script",
}
# What a reader of a file might ask; each is timed on our file and on pyarrow's, in turns.
QUERIES = [
    "DuckDB, sum of the values",
    "DuckDB, mean by model",
    "DuckDB, one server's readings",
    "Polars, mean by measurement",
    "Polars, whole file",
    "pyarrow, whole file",
]


def run_check(case: Case, folder: Path, shrink: int) -> dict[str, Any]:
    """Write the files of a case, time their verification, and remove them."""
    directory = inventory(folder, max(1, case.servers // shrink))
    (directory / "measurements.csv").write_text(measurements(case))
    command = [*compare.SYNTHPOWER, "data", "--directory", str(directory), *case.options.split()]
    rows = count_rows(tuple(command))
    subprocess.run([*command, "--quiet"], check=True)
    option = ["--contract"] if "--contract" in case.name else []
    measured = compare.measure([*compare.SYNTHPOWER, "verify", str(directory), *option])
    for file in [*directory.glob("data-*"), directory / "manifest.json"]:
        file.unlink()
    return {"case": case.name, "rows": rows, **measured}


def start(title: str, options: list[str], small: Path, cache: Path) -> dict[str, float]:
    """Time a small run, or the first one of a machine."""
    directory = [] if "--help" in options else ["--directory", str(small), "--quiet"]
    command = [*compare.SYNTHPOWER, *options, *directory]
    if not title.startswith(FIRST):
        return compare.measure(command)
    with tempfile.TemporaryDirectory(dir=cache) as empty:
        return compare.measure(["env", f"NUMBA_CACHE_DIR={empty}", *command])


def start_original(small: Path) -> dict[str, float]:
    """Time the original script on a small inventory, where DuckDB is installed."""
    measured = compare.measure([*compare.OURSELVES, "--run", "original", "csv", str(small)])
    (small / "data.csv").unlink()
    return measured


def read_back(folder: Path, shrink: int) -> dict[str, Any]:
    """Write a billion rows as one file, and have it read by other people's readers."""
    case = CASES[1]
    directory = inventory(folder, max(1, case.servers // shrink))
    (directory / "measurements.csv").write_text(measurements(case))
    path = directory / "data-2023-01-01.parquet"
    command = [*compare.SYNTHPOWER, "data", "--directory", str(directory), *case.options.split()]
    subprocess.run([*command, "--quiet"], check=True)
    found = {}
    for reader, script in READERS.items():
        if not find_spec("chdb" if reader == "clickhouse" else reader):
            continue
        code = f"import sys\npath = sys.argv[1]\n{script}\nprint(rows, round(total, 2))"
        started = time.perf_counter()
        done = subprocess.run(
            [sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE, text=True, check=True
        )
        rows, total = done.stdout.splitlines()[-1].split()[-2:]  # a reader may show its progress
        seconds = time.perf_counter() - started
        found[reader] = {"rows": int(rows), "sum": float(total), "wall_s": seconds}
    path.unlink()
    sums = [reader["sum"] for reader in found.values()]
    if max(sums) - min(sums) > 1e-9 * max(sums) or len({r["rows"] for r in found.values()}) > 1:
        raise SystemExit(f"readers do not agree: {found}")
    return found


def ask(query: str, path: str) -> None:
    """Run one of `QUERIES` on a Parquet file."""
    who, what = query.split(", ")
    if who == "pyarrow":
        from pyarrow import parquet

        parquet.read_table(path)
    elif who == "Polars":
        import polars as pl

        value = pl.col("measurement_value")
        if what == "whole file":
            pl.read_parquet(path)
        else:
            pl.scan_parquet(path).group_by("name").agg(value.mean()).collect()
    else:
        import duckdb

        select = {
            "sum of the values": "sum(measurement_value) from '{}'",
            "mean by model": "model, avg(measurement_value) from '{}' group by model",
            "one server's readings": "count(*) from '{}' where sn = '2M2007R8VZ'",
        }[what]
        duckdb.sql(f"select {select.format(path)}").fetchall()


def ask_all(paths: list[str], repeat: int) -> list[dict[str, Any]]:
    """Return the median seconds of each query on each file."""
    found = []
    for query in QUERIES:
        seconds: dict[str, list[float]] = {path: [] for path in paths}
        for turn in range(repeat + 1):
            for path in paths:
                started = time.perf_counter()
                ask(query, path)
                if turn:  # the first one imports, and reads from the disk
                    seconds[path].append(time.perf_counter() - started)
        found.append({"query": query, "seconds": list(map(statistics.median, seconds.values()))})
    return found


def compare_readers(folder: Path, shrink: int, repeat: int) -> dict[str, Any]:
    """Have the same readings read from our Parquet file and from pyarrow's."""
    directory = inventory(folder, max(1, 100_000 // shrink))
    (directory / "measurements.csv").write_text(measurements(CASES[0]))
    paths = []
    for writer in ("fast", "pyarrow"):
        paths.append(directory / f"{writer}.parquet")
        command = [*compare.SYNTHPOWER, "data", "--directory", str(directory), "--interval", "600"]
        command += ["--date", "2023-01-01", "--output", str(paths[-1]), "--writer", writer]
        subprocess.run([*command, "--quiet"], check=True)
    found = folder / "queries.json"
    command = [*OURSELVES, "--queries", *map(str, paths), str(found), "--repeat", str(repeat)]
    subprocess.run(command, check=True)
    sizes = [path.stat().st_size for path in paths]
    for path in paths:
        path.unlink()
    return {"bytes": sizes, "queries": json.loads(found.read_text())}


def philox_ns(cores: int) -> float:
    """Return how long one Philox call a value takes on so many cores, in nanoseconds a value."""
    command = [sys.executable, str(HERE / "value_kernels.py"), "--philox", str(cores)]
    return float(subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout)


def measure_all(size: str, repeat: int, scratch: Path | None) -> dict[str, Any]:
    """Measure everything, in turns."""
    shrink = 1 if size == "full" else 10_000
    runs: list[dict[str, Any]] = []
    starts: list[dict[str, Any]] = []
    fleets: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory(dir=scratch) as name:
        folder = Path(name)
        if size == "full" and shutil.disk_usage(folder).free < 20e9:
            raise SystemExit("20 GB of disk are needed; choose another --scratch")
        small = inventory(folder, 1000)
        for title, options in STARTS[:-2]:  # compiles, and fills caches
            start(title, options, small, folder)
        for turn in range(1, repeat + 1):
            runs += [
                {"turn": turn, "case": f"{PHILOX}, {cores}", "ns": philox_ns(cores)}
                for cores in {1, compare.cores()}
            ]
            for case in CASES:
                run = {"turn": turn, **run_case(case, folder, shrink)}
                run["plain_write_s"] = write_plainly(folder / "plain", run["bytes"])
                runs.append(run)
                print(f"{turn}: {case.name}: {run['wall_s']:.2f} s", file=sys.stderr)
            for number, shape in enumerate(SHAPES):
                directory = inventory(folder, max(1, shape.servers // shrink))
                found = folder / "shape.json"
                command = [*OURSELVES, "--shape", str(number), str(directory), str(found)]
                run = compare.measure(command) | json.loads(found.read_text())
                runs.append({"turn": turn, **run})
                print(f"{turn}: {shape.name}: {run['wall_s']:.2f} s", file=sys.stderr)
            for title, options in STARTS:
                starts.append({"turn": turn, "case": title, **start(title, options, small, folder)})
            if find_spec("duckdb"):
                starts.append({"turn": turn, "case": ORIGINAL, **start_original(small)})
            runs += [{"turn": turn, **run_check(case, folder, shrink)} for case in CHECKS]
            for servers in FLEETS:
                fleet = compare.measure_inventory(max(1, servers // shrink), folder / "fleet")
                fleets.append({"turn": turn, "fleet": servers, **fleet})
                print(f"{turn}: {servers:,} servers", file=sys.stderr)
        queries = compare_readers(folder, shrink, repeat)
        readers = read_back(folder, shrink)
    return {
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "command": f"python benchmarks/limits.py --size {size} --repeat {repeat}",
        "machine": compare.machine(),
        "versions": compare.versions(),
        "runs": runs,
        "starts": starts,
        "fleets": fleets,
        "readers": readers,
        "queries": queries,
    }


def medians(runs: list[dict[str, Any]], name: str) -> dict[str, float]:
    """Return the medians of a case's numbers."""
    of_case = [run for run in runs if run["case"] == name]
    keys = [key for key in of_case[0] if key not in ("case", "turn")]
    return {key: statistics.median(run[key] for run in of_case) for key in keys}


def philox_seconds(result: dict[str, Any], rows: float, workers: int | None = None) -> float:
    """Return how long one Philox call for each row takes."""
    cores = workers or result["machine"]["cores"]
    return rows * medians(result["runs"], f"{PHILOX}, {cores}")["ns"] / 1e9


def table(lines: list[list[str]]) -> str:
    """Return lines as a table in Markdown; all columns but the first are numbers."""
    head = [["---", *["---:"] * (len(lines[0]) - 1)]]
    return "\n".join(f"| {' | '.join(line)} |" for line in [lines[0], *head, *lines[1:]])


def rates(name: str, m: dict[str, float], digits: int) -> list[str]:
    """Return a line of a table: rows, seconds, rate and memory of medians."""
    return [
        name,
        f"{m['rows'] / 1e6:,.1f}",
        f"{m['wall_s']:.2f}",
        f"{m['rows'] / m['wall_s'] / 1e6:,.{digits}f}",
        f"{m['peak_bytes'] / 1e6:,.0f}",
    ]


def headline(result: dict[str, Any]) -> str:
    """Return the result in one sentence."""
    first, full = (medians(result["runs"], CASES[i].name) for i in (0, 2))
    return (
        f"**A billion rows of standard Parquet in {first['wall_s']:.1f} s**, in full doubles "
        f"{full['wall_s']:.1f} s: {first['rows'] / 1e6:,.1f} M rows, 208 files, on the disk, with "
        f"{result['machine']['cores']} cores and {first['peak_bytes'] / 1e6:,.0f} MB of memory."
    )


def speed(result: dict[str, Any], others: dict[str, Any]) -> str:
    """Return a short table for README.md: what others take for the same, losses included.

    Parameters
    ----------
    result, others : dict
        What this program has measured, and what compare.py has.
    """
    lines = [["the same work", "synthpower", "others"]]
    for kind, name in (("parquet", "Parquet"), ("csv", "CSV")):
        seconds: dict[str, list[float]] = {}
        for run in others["runs"]:
            if run["format"] == kind:
                seconds.setdefault(run["who"], []).append(run["wall_s"])
        medians_of = {who: statistics.median(walls) for who, walls in seconds.items()}
        rows = f"{others['servers'] * compare.ROWS_PER_SERVER / 1e6:.1f} M rows"
        theirs = [
            f"{title} {medians_of[who]:.2f} s" for who, title in PEERS.items() if who in medians_of
        ]
        lines.append([f"{rows}, {name}", f"{medians_of[compare.OURS]:.2f} s", ", ".join(theirs)])
    started = medians(result["starts"], STARTS[1][0])["wall_s"]
    original = f"{medians(result['starts'], ORIGINAL)['wall_s']:.2f} s"
    lines.append([STARTS[1][0], f"{started:.2f} s", f"the original script {original}"])
    first = medians(result["starts"], STARTS[3][0])["wall_s"]
    lines.append(["the same, the first run ever, which compiles", f"{first:.2f} s", original])
    asked = {query["query"]: query["seconds"] for query in result["queries"]["queries"]}
    ours, plain = asked[QUERIES[-1]]
    what = "pyarrow reads a file of 28.8 M rows"
    lines.append([what, f"{ours:.2f} s", f"one that it wrote {plain:.2f} s"])
    checked = medians(result["runs"], CHECKS[-1].name)
    what = f"check {checked['rows'] / 1e6:.1f} M rows of any producer's CSV"
    lines.append([what, f"{checked['wall_s']:.2f} s", "-"])
    of = others["machine"]
    return (
        f"Medians, process start included, on {of['processor']}, {of['cores']} cores; only our "
        f"files are synced to the disk.\n\n{table(lines)}"
    )


def render(result: dict[str, Any]) -> str:
    """Return the result as text and tables in Markdown, medians of its runs."""
    of = result["machine"]
    disk = [["to the disk", "M rows", "s", "M rows/s", "B/row", "GB/s", "a plain write takes",
             "Philox takes", "times the larger", "peak MB"]]  # fmt: skip
    for case in CASES:
        m = medians(result["runs"], case.name)
        philox = philox_seconds(result, m["rows"])
        disk.append([
            case.name, f"{m['rows'] / 1e6:,.1f}", f"{m['wall_s']:.2f}",
            f"{m['rows'] / m['wall_s'] / 1e6:,.0f}", f"{m['bytes'] / m['rows']:.2f}",
            f"{m['bytes'] / m['wall_s'] / 1e9:.2f}", f"{m['plain_write_s']:.2f} s",
            f"{philox:.2f} s", f"{m['wall_s'] / max(philox, m['plain_write_s']):.2f}",
            f"{m['peak_bytes'] / 1e6:,.0f}",
        ])  # fmt: skip
    null = [["to /dev/null", "M rows", "s", "M rows/s", "peak MB", "Philox takes", "times that"]]
    for shape in SHAPES:
        m = medians(result["runs"], shape.name)
        philox = philox_seconds(result, m["rows"], shape.workers)
        ratio = m["wall_s"] / philox
        null.append([*rates(shape.name, m, 0), f"{philox:.2f} s", f"{ratio:.1f}"])
    titles = dict.fromkeys(start["case"] for start in result["starts"])
    starts = [f"{title}: {medians(result['starts'], title)['wall_s']:.2f} s" for title in titles]
    checked = [["on the disk", "M rows", "s", "M rows/s", "peak MB"]]
    for case in CHECKS:
        m = medians(result["runs"], case.name)
        checked.append(rates(case.name, m, 1))
    fleets = [["servers", "made in", "peak MB", "read, checked and sorted in", "peak MB"]]
    for servers in FLEETS:
        acts = [
            statistics.median(fleet[act][key] for fleet in result["fleets"]
                              if fleet["fleet"] == servers)
            for act in ("made", "read")
            for key in ("wall_s", "peak_bytes")
        ]  # fmt: skip
        seconds, peaks = acts[::2], [peak / 1e6 for peak in acts[1::2]]
        fleets.append([
            f"{servers:,}", f"{seconds[0]:.2f} s", f"{peaks[0]:,.0f}",
            f"{seconds[1]:.2f} s", f"{peaks[1]:,.0f}",
        ])  # fmt: skip
    ours, plain = result["queries"]["bytes"]
    asked = [["asked of 28.8 M rows", f"our file, {ours / 1e6:,.0f} MB",
              f"pyarrow's, {plain / 1e6:,.0f} MB"]]  # fmt: skip
    asked += [
        [query["query"], *(f"{seconds:.2f} s" for seconds in query["seconds"])]
        for query in result["queries"]["queries"]
    ]
    readers = [f"{name} in {found['wall_s']:.1f} s" for name, found in result["readers"].items()]
    rows = next(iter(result["readers"].values()))["rows"]
    return "\n\n".join([
        f"Measured on {result['date']} on {of['processor']}, {of['cores']} cores, "
        f"{of['memory_bytes'] / 2**30:.0f} GiB, by `{result['command']}`; medians, process start "
        "and fsync included. A plain write is a direct one of as many bytes, in the same run; "
        "Philox is one call for each value, on all cores, into the first-level cache.",
        table(disk),
        "Without a disk, and without start-up (imports, reading the inventory):",
        table(null),
        "Files made again and compared, and any producer's files checked:",
        table(checked),
        "Inventories, process start included:",
        table(fleets),
        "Readers, on the same readings by our writer and by pyarrow's:",
        table(asked),
        f"Start-up: {'; '.join(starts)}. One file of {rows:,} rows was read back whole, with equal "
        f"counts and sums, by {', '.join(readers)}.",
    ])  # fmt: skip


def main() -> None:
    """Run the command line; ``--shape`` and ``--queries`` are for calling itself."""
    parser = compare.build_parser(__doc__, repeat=5, result=RESULT)
    parser.add_argument("--shape", nargs=3, help=argparse.SUPPRESS)
    parser.add_argument("--queries", nargs=3, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.shape:
        number, directory, found = args.shape
        Path(found).write_text(json.dumps(run_shape(int(number), Path(directory))))
        return
    if args.queries:
        *paths, found = args.queries
        Path(found).write_text(json.dumps(ask_all(paths, args.repeat)))
        return
    full = args.size == "full"
    path = args.result or RESULT
    if args.render:
        result = json.loads(path.read_text())
        others = json.loads(compare.RESULT.read_text())
        texts = {"headline": headline(result), "speed": speed(result, others)}
        compare.put_into(args.readme or compare.READMES, texts | {"limits": render(result)})
        return
    result = measure_all(args.size, args.repeat or (5 if full else 1), args.scratch)
    if full or args.result:
        path.write_text(json.dumps(result, indent=1) + "\n")
    print(headline(result), render(result), sep="\n\n")


if __name__ == "__main__":
    main()
