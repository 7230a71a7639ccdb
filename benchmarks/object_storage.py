"""What object storage costs: a billion rows to an S3 server on loopback that throws the bytes away.

    python benchmarks/object_storage.py            measure, and write
                                                   benchmarks/results/object_storage.json
    python benchmarks/object_storage.py --render   put that file's tables into benchmarks/README.md

The server is one of ours, in Python, on the same cores. Each run is a process of its own, which
says how long it took without imports and reading the inventory; obstore's own put of as many bytes,
from memory, takes turns with it. Memory is the peak of the process, against a fast server and a
slow one, and as if the object were of 100 GB, whose parts are larger.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, NamedTuple

import compare

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from s3_server import S3Server

OURSELVES = [sys.executable, str(Path(__file__).resolve())]
BUCKET = "s3://bucket"
RAW = "obstore's put"
SLOW = 20e6  # bytes a second of a connection
HUGE = 100 * 10**9  # bytes


class Case(NamedTuple):
    """A run, of so many servers, every so many seconds, in files of days."""

    name: str
    format: str
    servers: int
    interval: int = 3600
    days: int = 1
    rounds: int | None = None
    slow: bool = False
    huge: bool = False


CASES = [
    Case("Parquet, one object", "parquet", 350_000, 60),
    Case("Parquet, 208 objects", "parquet", 100_000, days=208),
    Case("CSV, one object", "csv", 35_000, 600),
    Case("Parquet, slow server", "parquet", 350_000, 240, rounds=1, slow=True),
    Case("CSV, slow server", "csv", 35_000, 1800, rounds=1, slow=True),
    Case("Parquet, as of 100 GB", "parquet", 350_000, 240, rounds=1, huge=True),
]
TARGETS = {"Parquet, one object": 280, "Parquet, 208 objects": 280, "CSV, one object": 12}


def write(case: Case) -> dict[str, Any]:
    """Write the files of a case, in this process."""
    from synthpower import Dataset, Inventory, Readings, Request
    from synthpower.storage import remote

    if case.huge:
        size = remote.part_size(HUGE)
        remote.part_size = lambda _: size
    dataset = Dataset.open(f"{BUCKET}/{case.servers}")
    tiny = Readings(Inventory.generate(9, seed=1), "2023-01-01")
    given = {"interval": case.interval, "format": case.format, "overwrite": True}
    tiny.write(f"{BUCKET}/tiny.{case.format}", overwrite=True)  # which loads all that is needed
    _ = dataset.inventory
    started, cpu = time.perf_counter(), time.process_time()
    files = dataset.write(dataset.plan(Request("2023-01-01", days=case.days, **given)))
    return {
        "seconds": time.perf_counter() - started,
        "process_cpu_s": time.process_time() - cpu,
        "rows": sum(file.rows for file in files),
        "bytes": sum(file.bytes for file in files),
    }


def put(size: int) -> dict[str, Any]:
    """Have obstore send so many bytes, from memory, in this process."""
    import obstore
    from obstore.store import from_url

    client, data = from_url(BUCKET), os.urandom(2**23)
    obstore.put(client, "first", b"1")
    started, cpu = time.perf_counter(), time.process_time()
    pieces = (data[: size - at] for at in range(0, size, len(data)))
    options = {"use_multipart": True, "chunk_size": len(data), "max_concurrency": 12}
    obstore.put(client, "raw", pieces, **options)
    seconds = time.perf_counter() - started
    return {"seconds": seconds, "process_cpu_s": time.process_time() - cpu, "bytes": size}


def in_process(words: list[str], folder: Path) -> dict[str, Any]:
    """Run one of the above in a process of its own."""
    result = folder / "said.json"
    usage = compare.measure([*OURSELVES, *words, str(result)])
    return {**json.loads(result.read_text()), "peak_bytes": usage["peak_bytes"]}


def measure(folder: Path, tiny: bool, rounds: int) -> list[dict[str, Any]]:
    cases = [case._replace(servers=20, days=min(case.days, 2)) for case in CASES] if tiny else CASES
    runs = []
    with S3Server() as server:
        os.environ.update(server.environment)
        for servers in {case.servers for case in cases}:
            command = [*compare.SYNTHPOWER, "inventory", "--directory", f"{BUCKET}/{servers}"]
            command += ["--count", str(servers), "--seed", "1", "--quiet"]
            subprocess.run(command, check=True)
        for turn in range(rounds):
            for case in cases:
                if turn >= (case.rounds or rounds):
                    continue
                server.set(rate=SLOW if case.slow else 0)
                found = in_process(["--write", json.dumps(case)], folder)
                runs.append({"case": case.name, **found})
                if case.name in TARGETS:
                    raw = in_process(["--put", str(found["bytes"])], folder)
                    runs.append({"case": f"{RAW}: {case.name}", **raw})
    return runs


def table(runs: list[dict[str, Any]]) -> str:
    """Return the table of a result, with the targets."""

    def median(case: str, key: str) -> float:
        return statistics.median(run[key] for run in runs if run["case"] == case)

    lines = [
        "| to the server | GB | seconds | M rows/s | target | GB/s | raw put | of raw | peak MB |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for case in dict.fromkeys(run["case"] for run in runs if not run["case"].startswith(RAW)):
        seconds, size = median(case, "seconds"), median(case, "bytes")
        raw, ratio = "", ""
        if case in TARGETS:
            own = f"{RAW}: {case}"
            raw = f"{median(own, 'bytes') / median(own, 'seconds') / 1e9:.2f}"
            ratio = f"{median(own, 'seconds') / seconds:.2f}"
        peak = max(run["peak_bytes"] for run in runs if run["case"] == case)
        lines.append(
            f"| {case} | {size / 1e9:.2f} | {seconds:.2f} | "
            f"{median(case, 'rows') / seconds / 1e6:.1f} | "
            f"{f'≥ {TARGETS[case]}' if case in TARGETS else ''} | {size / seconds / 1e9:.2f} | "
            f"{raw} | {ratio} | {peak / 1e6:.0f} |"
        )
    return "\n".join(lines) + "\n"


def main() -> None:
    if sys.argv[1:2] in (["--write"], ["--put"]):
        what, given, result = sys.argv[1:]
        # As the command does.
        os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
        found = write(Case(*json.loads(given))) if what == "--write" else put(int(given))
        Path(result).write_text(json.dumps(found))
        return

    def made(folder: Path, tiny: bool, rounds: int) -> dict[str, Any]:
        return {"runs": measure(folder, tiny, rounds)}

    compare.script(__file__, __doc__, made, lambda result: table(result["runs"]))


if __name__ == "__main__":
    main()
