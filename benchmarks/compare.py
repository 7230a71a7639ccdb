"""The same readings by synthpower and by general engines: time, processor, memory, bytes.

    python benchmarks/compare.py            measure, and write benchmarks/results/compare.json
    python benchmarks/compare.py --render   put that file's table into benchmarks/README.md

benchmarks/README.md says what is compared. Only the processes that do the work import anything
big: a child's peak memory is at least what its parent had when it started it.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import synthpower

HERE = Path(__file__).resolve().parent
RESULT = HERE / "results" / "compare.json"
READMES = [HERE.parent / "README.md", HERE / "README.md"]

SERVERS = {"tiny": 50, "full": 100_000}
FLEET = {"tiny": 500, "full": 1_000_000}  # servers of the inventory that is made and read back
DATE = "2023-02-27"
ROWS_PER_SERVER = 24 * 2  # a day of the two shipped measurements
ROW_BYTES = 200  # more than a row has in any format
COLUMNS = "sn,model,product_id,location,start_time,end_time,measurement_value,unit,name"
SYNTHPOWER = [sys.executable, "-m", "synthpower"]
OURSELVES = [sys.executable, str(Path(__file__).resolve())]
PACKAGES = ("numpy", "numba", "pyarrow", "duckdb", "polars", "chdb")

# The columns of few different texts, by table.
TEXTS = {"inventory": ("model", "product_id", "location"), "measurements": ("unit", "name")}

# Peers: each makes data.csv or data.parquet out of inventory.csv and measurements.csv, all in the
# working directory. Snappy is the fastest codec, or nearly so, of each.


def original(format: str) -> None:
    """Do as the original scripts did: plain SQL."""
    import duckdb

    duckdb.sql("CREATE TABLE inventory AS FROM read_csv('inventory.csv')")
    duckdb.sql("CREATE TABLE measurements AS FROM read_csv('measurements.csv')")
    duckdb.sql(f"""
        COPY (
            SELECT sn, model, product_id, location, time AS start_time,
                time + INTERVAL 1 HOUR AS end_time,
                least(random(), random()) * scale AS measurement_value, unit, name
            FROM inventory CROSS JOIN measurements CROSS JOIN generate_series(
                TIMESTAMP '{DATE}', TIMESTAMP '{DATE} 23:00:00', INTERVAL 1 HOUR) AS times(time)
            ORDER BY time, sn
        ) TO 'data.{format}' (HEADER)""")


def tuned_duckdb(
    format: str, order: str = "", target: str = "data.{}", enums: bool = False
) -> None:
    """COPY from a cross join. In CSV, timestamps and rounded doubles take twice as long."""
    import duckdb

    if format == "csv":
        text, options = "strftime({}, '%Y-%m-%d %H:%M:%SZ')", "HEADER"
        value = "(random() * scale)::DECIMAL(9, 2)"
    else:
        text, options = "{}", "COMPRESSION snappy"
        value = "round(random() * scale, 2)"
    duckdb.sql("SET TimeZone = 'UTC'")
    duckdb.sql("SET preserve_insertion_order = false")
    duckdb.sql(f"SET threads = {cores()}")
    duckdb.sql("CREATE TABLE inventory AS FROM read_csv('inventory.csv')")
    duckdb.sql("CREATE TABLE measurements AS FROM read_csv('measurements.csv')")
    for table, columns in TEXTS.items() if enums else ():
        for column in columns:
            duckdb.sql(f"CREATE TYPE all_{column} AS ENUM (SELECT DISTINCT {column} FROM {table})")
            duckdb.sql(f"ALTER TABLE {table} ALTER {column} TYPE all_{column}")
    duckdb.sql(f"""
        CREATE TABLE times AS
        SELECT {text.format("time")} AS start_time,
            {text.format("time + INTERVAL 1 HOUR")} AS end_time
        FROM generate_series(TIMESTAMPTZ '{DATE} 00:00:00Z', TIMESTAMPTZ '{DATE} 23:00:00Z',
            INTERVAL 1 HOUR) AS hours(time)""")
    duckdb.sql(f"""
        COPY (
            SELECT sn, model, product_id, location, start_time, end_time,
                {value} AS measurement_value, unit, name
            FROM inventory CROSS JOIN times CROSS JOIN measurements {order}
        ) TO '{target.format(format)}' ({options}, FORMAT {format})""")


def duckdb_to_nowhere(format: str) -> None:
    """Write what nobody keeps: standard output is /dev/null."""
    tuned_duckdb(format, target="/dev/stdout")


def ordered_duckdb(format: str) -> None:
    """Sort them too, as ours are but for the order of the measurements."""
    tuned_duckdb(format, "ORDER BY start_time, sn, name")


def enum_duckdb(format: str) -> None:
    """Have its columns of few texts as ENUM: twice as fast in Parquet, and slower in CSV."""
    tuned_duckdb(format, enums=True)


def polars(format: str) -> None:
    """Join eagerly. In CSV, timestamps take twice as long as ready-made texts."""
    import numpy as np
    import polars as pl

    start = datetime.fromisoformat(DATE)
    hours = pl.datetime_range(start, interval="1h", end=start.replace(hour=23), time_zone="UTC")
    times = pl.select(start_time=hours, end_time=hours.dt.offset_by("1h"))
    if format == "csv":
        times = times.with_columns(pl.all().dt.strftime("%Y-%m-%d %H:%M:%SZ"))
    table = times.join(pl.read_csv("inventory.csv"), how="cross")
    table = table.join(pl.read_csv("measurements.csv"), how="cross")
    random = pl.Series(np.random.default_rng().random(len(table)))
    value = (pl.col("scale") * random).round(2).alias("measurement_value")
    table = table.with_columns(value).select(COLUMNS.split(","))
    if format == "csv":
        table.write_csv("data.csv")
    else:
        table.write_parquet("data.parquet", compression="snappy")


def streaming_polars(format: str) -> None:
    """Join lazily, columns of few texts as categories, through its streaming writer."""
    import numpy as np
    import polars as pl

    start = datetime.fromisoformat(DATE)
    hours = pl.datetime_range(start, interval="1h", end=start.replace(hour=23), time_zone="UTC")
    times = pl.select(start_time=hours, end_time=hours.dt.offset_by("1h"))
    inventory, measurements = (
        pl.read_csv(f"{table}.csv", schema_overrides=dict.fromkeys(columns, pl.Categorical))
        for table, columns in TEXTS.items()
    )
    rows = len(times) * len(inventory) * len(measurements)
    random = pl.lit(pl.Series(np.random.default_rng().random(rows)))
    table = times.lazy().join(inventory.lazy(), how="cross")
    table = table.join(measurements.lazy(), how="cross")
    value = (pl.col("scale") * random).round(2).alias("measurement_value")
    table = table.with_columns(value).select(COLUMNS.split(","))
    table.sink_parquet(f"data.{format}", compression="snappy")


def clickhouse(format: str) -> None:
    """Join in chdb. Its FORMAT CSV quotes all texts: it takes longer, and more bytes."""
    import chdb

    if format == "csv":
        text = "formatDateTime({}, '%Y-%m-%d %H:%i:%SZ')"
        options = (
            "CustomSeparatedWithNames SETTINGS format_custom_escaping_rule = 'Raw', "
            "format_custom_field_delimiter = ','"
        )
    else:
        text = "{}"
        options = "Parquet SETTINGS output_format_parquet_compression_method = 'snappy'"
    hour = f"toDateTime64('{DATE} 00:00:00', 6, 'UTC') + INTERVAL number HOUR"
    chdb.query(f"""
        SELECT sn, toLowCardinality(model) AS model, toLowCardinality(product_id) AS product_id,
            toLowCardinality(location) AS location, start_time, end_time,
            round(randCanonical() * scale, 2) AS measurement_value, unit, name
        FROM file('inventory.csv', CSVWithNames,
            'sn String, model String, product_id String, location String') AS inventory
        CROSS JOIN (
            SELECT {text.format(hour)} AS start_time,
                {text.format(hour + " + INTERVAL 1 HOUR")} AS end_time
            FROM numbers(24)) AS times
        CROSS JOIN file('measurements.csv', CSVWithNames,
            'name String, unit String, scale Float64, decimals UInt8') AS measurements
        INTO OUTFILE 'data.{format}' FORMAT {options}""")


class Peer(NamedTuple):
    """What runs, the package it needs, and what it makes; without `make`, the command line."""

    package: str
    make: Callable[[str], None] | None = None
    formats: tuple[str, ...] = ("csv", "parquet")
    days: int = 1  # of rows
    options: tuple[str, ...] = ()
    kept: bool = True  # or to /dev/null


OURS = "synthpower"
PEERS = {
    OURS: Peer("synthpower"),
    "clickhouse": Peer("chdb", clickhouse),
    "duckdb": Peer("duckdb", tuned_duckdb),
    "polars": Peer("polars", polars),
    "polars, streaming": Peer("polars", streaming_polars, ("parquet",)),
    "duckdb, ENUM": Peer("duckdb", enum_duckdb, ("parquet",)),
    "duckdb ordered": Peer("duckdb", ordered_duckdb),
    "original": Peer("duckdb", original, ("csv",)),
    "synthpower, a week": Peer("synthpower", days=7),
    "synthpower, by pyarrow": Peer("synthpower", options=("--writer", "pyarrow")),
    "synthpower, 208 days": Peer("synthpower", formats=("parquet",), days=208),
    "duckdb, to /dev/null": Peer("duckdb", duckdb_to_nowhere, ("csv",), kept=False),
    "synthpower, to /dev/null": Peer(
        "synthpower",
        formats=("csv",),
        days=6,
        kept=False,
        options=("--interval", "600", "--output", "-"),
    ),
}


def cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def count_rows(path: Path) -> int:
    """Return the rows of a data file, whose columns must be as they should."""
    if path.suffix == ".parquet":
        from pyarrow import parquet

        metadata = parquet.read_metadata(path)
        columns, rows = ",".join(metadata.schema.names), int(metadata.num_rows)
    else:
        with path.open("rb") as file:
            columns = file.readline().decode().strip()
            rows = sum(block.count(b"\n") for block in iter(lambda: file.read(2**20), b""))
    if columns != COLUMNS:
        raise SystemExit(f"{path.name} has the columns {columns}")
    return rows


def measure(command: list[str], out: int | None = None) -> dict[str, float]:
    """Run a command: wall seconds from its start to its end, CPU seconds, peak bytes of memory."""
    os.sync()  # so that nobody pays for what an earlier run left in the page cache
    with tempfile.TemporaryFile("w+") as said:
        started = time.perf_counter()
        process = subprocess.Popen(command, stdout=said if out is None else out, stderr=said)
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            said.seek(0)
            raise SystemExit(f"{' '.join(command)}: exit {process.returncode}\n{said.read()}")
    peak = usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    return {"wall_s": wall, "cpu_s": usage.ru_utime + usage.ru_stime, "peak_bytes": peak}


def run_once(who: str, format: str, inventory: Path, servers: int) -> dict[str, Any]:
    """Make a peer's files beside a copy of the inventory, check and remove them."""
    peer = PEERS[who]
    directory = inventory.with_name("run")
    shutil.copytree(inventory, directory)
    if peer.make:
        command = [*OURSELVES, "--run", who, format, str(directory)]
    else:
        command = [*SYNTHPOWER, "data", "--directory", str(directory), "--date", DATE]
        command += ["--days", str(peer.days)] if peer.kept else []
        command += ["--format", format, *peer.options]
    measured = measure(command, None if peer.kept else subprocess.DEVNULL)
    expected = servers * ROWS_PER_SERVER * peer.days
    if not peer.kept:
        shutil.rmtree(directory)
        return {"who": who, "format": format, "rows": expected, "bytes": 0, **measured}
    files = sorted(directory.glob(f"data*.{format}"))
    # In a process too: pyarrow here would raise the peak memory of all that follow.
    count = [*OURSELVES, "--count", *map(str, files)]
    counted = subprocess.run(count, stdout=subprocess.PIPE, text=True, check=True)
    rows = int(counted.stdout)
    if rows != expected:
        raise SystemExit(f"{who}, {format}: {rows:,} rows, not {expected:,}")
    size = sum(file.stat().st_size for file in files)
    shutil.rmtree(directory)
    return {"who": who, "format": format, "rows": rows, "bytes": size, **measured}


def measure_inventory(servers: int, directory: Path) -> dict[str, Any]:
    """Make an inventory and read it back, each in its own process."""
    making = [*SYNTHPOWER, "inventory", "--directory", str(directory), "--count", str(servers)]
    made = measure([*making, "--seed", "1"])
    read = measure([*OURSELVES, "--read", str(directory)])
    shutil.rmtree(directory)
    return {"servers": servers, "made": made, "read": read}


def compare(size: str, repeat: int, scratch: Path | None) -> dict[str, Any]:
    """Run all peers in turn, `repeat` times, and return what there is to know."""
    skipped = {who: p.package for who, p in PEERS.items() if not find_spec(p.package)}
    for who, package in skipped.items():
        print(f"{who}: skipped, {package} is not installed", file=sys.stderr)
    cases = [(who, f) for who, peer in PEERS.items() if who not in skipped for f in peer.formats]
    with tempfile.TemporaryDirectory(dir=scratch) as folder:
        days = 7 if size == "full" else 208  # of CSV, where it is not tiny
        need = SERVERS[size] * ROWS_PER_SERVER * days * ROW_BYTES
        if shutil.disk_usage(folder).free < need:
            raise SystemExit(f"{need / 1e9:.1f} GB of disk are needed; choose another --scratch")
        if size != "tiny":  # brings libraries and compiled kernels into caches
            run_all(cases, "tiny", 1, Path(folder, "tiny"))
        runs = run_all(cases, size, repeat, Path(folder, size))
        fleet = [measure_inventory(FLEET[size], Path(folder, "fleet")) for _ in range(repeat)]
    return {
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "command": f"python benchmarks/compare.py --size {size} --repeat {repeat}",
        "machine": machine(),
        "versions": versions(),
        "servers": SERVERS[size],
        "skipped": skipped,
        "runs": runs,
        "inventories": fleet,
    }


def run_all(
    cases: list[tuple[str, str]], size: str, repeat: int, folder: Path
) -> list[dict[str, Any]]:
    """Make an inventory and run each case on it, `repeat` times."""
    inventory, count = folder / "inventory", str(SERVERS[size])
    command = [*SYNTHPOWER, "inventory", "--directory", str(inventory), "--count", count]
    subprocess.run([*command, "--seed", "1", "--quiet"], check=True)
    runs = []
    for turn in range(1, repeat + 1):
        for case in cases:
            run = {"turn": turn, **run_once(*case, inventory, SERVERS[size])}
            print(f"{size} {turn}: {', '.join(case)}: {run['wall_s']:.2f} s", file=sys.stderr)
            runs.append(run)
    return runs


def machine() -> dict[str, Any]:
    """Describe this machine, by nothing that tells it from others of its kind."""
    processor = platform.processor()
    if sys.platform == "darwin":
        ask = ["/usr/sbin/sysctl", "-n", "machdep.cpu.brand_string"]
        processor = subprocess.run(ask, capture_output=True, text=True, check=True).stdout.strip()
    elif Path("/proc/cpuinfo").exists():
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
        processor = models[0] if models else processor
    return {
        "processor": f"{processor} ({platform.machine()})",
        "cores": cores(),
        "memory_bytes": os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"),
        "system": platform.system(),
        "python": platform.python_version(),
    }


def versions() -> dict[str, str]:
    """Return the versions of all that takes part, where it is installed."""
    others = {name: importlib.metadata.version(name) for name in PACKAGES if find_spec(name)}
    return {"synthpower": synthpower.__version__, **others}


def render(result: dict[str, Any]) -> str:
    """Return a sentence and a table in Markdown, medians of a result's runs."""
    cases: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for run in result["runs"]:
        cases.setdefault((run["who"], run["format"]), []).append(run)
    medians = {
        case: {
            key: statistics.median(run[key] for run in runs)
            for key in ("rows", "bytes", "wall_s", "cpu_s", "peak_bytes")
        }
        for case, runs in cases.items()
    }
    lines = [
        ["who", "format", "M rows", "wall s", "M rows/s", "MB", "MB/s", "CPU s", "peak MB",
         "times slower"],
        ["---", "---", *["---:"] * 8],
    ]  # fmt: skip
    for (who, kind), m in sorted(medians.items(), key=lambda case: case[0][1]):
        rate = m["rows"] / m["wall_s"]
        ours = max(
            other["rows"] / other["wall_s"]
            for (name, format), other in medians.items()
            if name.startswith(OURS) and format == kind and PEERS[name].kept == PEERS[who].kept
        )
        lines.append([
            who, kind, f"{m['rows'] / 1e6:,.4g}", f"{m['wall_s']:.2f}", f"{rate / 1e6:.2f}",
            f"{m['bytes'] / 1e6:,.0f}", f"{m['bytes'] / m['wall_s'] / 1e6:,.0f}",
            f"{m['cpu_s']:.2f}", f"{m['peak_bytes'] / 1e6:,.0f}",
            f"{ours / rate:.1f}",
        ])  # fmt: skip
    of = result["machine"]
    packages = ", ".join(f"{name} {version}" for name, version in result["versions"].items())
    sentence = (
        f"Measured on {result['date']} on {of['processor']}, {of['cores']} cores, "
        f"{of['memory_bytes'] / 2**30:.0f} GiB, {of['system']}, Python {of['python']}, {packages}, "
        f"by `{result['command']}`; medians, process start included."
    )
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    table = ["| " + " | ".join(map(str.rjust, line, widths)) + " |" for line in lines]
    fleet = result["inventories"]
    made, read = (
        statistics.median(run[act]["wall_s"] for run in fleet) for act in ("made", "read")
    )
    inventory = (
        f"An inventory of {fleet[0]['servers']:,} servers: made in {made:.2f} s; "
        f"read, checked and sorted in {read:.2f} s, process start included in both."
    )
    return "\n".join([sentence, "", *table, "", inventory])


def script(
    file: str,
    doc: str | None,
    measure: Callable[[Path, bool, int], dict[str, Any]],
    table: Callable[[dict[str, Any]], str],
    readmes: Sequence[Path] = READMES[1:],
) -> None:
    """Do what a benchmark's command line asks for: measure, or render what was measured.

    `measure` is given a directory, whether it is only tried, and how many rounds to make.
    """
    name = Path(file).stem
    parser = argparse.ArgumentParser(description=(doc or "").partition("\n")[0])
    parser.add_argument("--size", choices=["tiny", "full"], default="full")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--result", type=Path, default=HERE / "results" / f"{name}.json")
    parser.add_argument("--scratch", type=Path)
    parser.add_argument("--render", action="store_true")
    parser.add_argument("--readme", type=Path, nargs="+", default=readmes)
    args = parser.parse_args()
    if not args.render:
        tiny = args.size == "tiny"
        with tempfile.TemporaryDirectory(dir=args.scratch) as folder:
            found = measure(Path(folder), tiny, 1 if tiny else args.rounds)
        result = {
            "date": f"{datetime.now(UTC):%Y-%m-%d}",
            "machine": machine(),
            "command": f"python benchmarks/{name}.py",
            **found,
        }
        args.result.write_text(json.dumps(result, indent=1) + "\n")
        print(table(result), end="")
        return
    result = json.loads(args.result.read_text())
    text = f"Measured on {result['date']} by `{result['command']}`; medians.\n\n"
    put_into(args.readme, {name: text + table(result)})


def put_into(readmes: Sequence[Path], texts: dict[str, str]) -> None:
    """Replace what is between two marks, in each file that has them."""
    missing = set(texts)
    for readme in readmes:
        whole = readme.read_text(encoding="utf-8")
        for name, text in texts.items():
            marks = f"<!-- {name}:begin -->", f"<!-- {name}:end -->"
            before, begin, rest = whole.partition(marks[0])
            _, end, after = rest.partition(marks[1])
            if end:
                whole = f"{before}{begin}\n{text}\n{end}{after}"
                missing.discard(name)
        readme.write_text(whole, encoding="utf-8")
    if missing == set(texts):
        names = ", ".join(readme.name for readme in readmes)
        raise SystemExit(f"{names}: no lines <!-- NAME:begin --> and <!-- NAME:end -->")


def build_parser(doc: str | None, repeat: int, result: Path) -> argparse.ArgumentParser:
    """Return the options that the comparisons have in common."""
    parser = argparse.ArgumentParser(description=(doc or "").partition("\n")[0])
    add = parser.add_argument
    add("--size", choices=SERVERS, default="full", help="tiny: a few servers, nothing to measure")
    add("--repeat", type=int, metavar="N", help=f"runs of each (default {repeat}; tiny: 1)")
    add("--result", type=Path, metavar="FILE", help=f"JSON (default: {result.name}; tiny: none)")
    add("--scratch", type=Path, metavar="DIR", help="where the data goes, and is removed")
    add("--render", action="store_true", help="measure nothing; put the result into the READMEs")
    add(
        "--readme",
        type=Path,
        metavar="FILE",
        action="append",
        help="default: README.md and benchmarks/README.md",
    )
    return parser


def main() -> None:
    """Run the command line; ``--run``, ``--read`` and ``--count`` are for calling itself."""
    parser = build_parser(__doc__, repeat=3, result=RESULT)
    add = parser.add_argument
    add("--run", nargs=3, help=argparse.SUPPRESS)
    add("--read", type=Path, help=argparse.SUPPRESS)
    add("--count", nargs="+", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    full = args.size == "full"
    path = args.result or RESULT
    if args.run:
        who, kind, directory = args.run
        os.chdir(directory)
        if make := PEERS[who].make:
            make(kind)
    elif args.read:
        _ = synthpower.Inventory.read(args.read).by_serial
    elif args.count:
        print(sum(map(count_rows, args.count)))
    elif args.render:
        put_into(args.readme or READMES, {"compare": render(json.loads(path.read_text()))})
    else:
        path.parent.mkdir(exist_ok=True)
        result = compare(args.size, args.repeat or (3 if full else 1), args.scratch)
        if full or args.result:
            path.write_text(json.dumps(result, indent=1) + "\n")
        print(render(result))


if __name__ == "__main__":
    main()
