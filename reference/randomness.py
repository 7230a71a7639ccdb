"""Put the numbers as they are addressed through TestU01: along servers, times, and so on.

    python reference/randomness.py                   SmallCrush, and write results/randomness.json
    python reference/randomness.py --battery crush   hours

Philox itself passes BigCrush (Salmon et al. 2011). What is tested here is our addressing: a
sequence walks along one axis of the product first. Needs a C compiler and Debian's
libtestu01-0-dev. A p-value outside [0.001, 0.999] is listed; one beyond 1e-10 is a failure.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from synthpower import Inventory, kernels
from synthpower.model import streams

HERE = Path(__file__).resolve().parent
RESULT = HERE / "results" / "randomness.json"
SEED = 8123
START = 1_672_531_200  # 2023-01-01
FAILED, SUSPECT = 1e-10, 1e-3
SERVERS, STREAMS = 2**20, 2**16


def keys(names: list[str]) -> np.ndarray:
    return np.array([streams.stream_key(SEED, streams.VALUE, name) for name in names], np.uint64)


def counts(servers: np.ndarray, times: np.ndarray, stream_keys: np.ndarray) -> np.ndarray:
    """Return the 53-bit counts of full precision, (times, servers, streams)."""
    out = np.empty((times.size, servers.size, stream_keys.size), np.int64)
    bounds = np.full(stream_keys.size, 2**53, np.uint64)
    kernels.FILLS[kernels.UNIFORM, "wide_counts"](
        servers, times, np.array([stream_keys, stream_keys]), bounds, np.zeros_like(bounds),
        kernels.new_summary(stream_keys.size), out,
    )  # fmt: skip
    return out.reshape(-1).view(np.uint64)


def along_servers(fleet: np.ndarray) -> Iterator[np.ndarray]:
    for hour in range(10**9):
        yield counts(fleet, np.array([START + 3600 * hour]), keys(["server power"]))


def along_hours(fleet: np.ndarray) -> Iterator[np.ndarray]:
    for server in fleet:
        yield counts(np.array([server]), START + 3600 * np.arange(2**17), keys(["server power"]))


def along_seconds(fleet: np.ndarray) -> Iterator[np.ndarray]:
    for server in fleet:
        yield counts(np.array([server]), START + np.arange(2**20), keys(["server power"]))


def across_measurements(fleet: np.ndarray) -> Iterator[np.ndarray]:
    names = keys([f"sensor {i}" for i in range(256)])
    for hour in range(10**9):
        yield counts(fleet[: 2**12], np.array([START + 3600 * hour]), names)


def across_seeds(fleet: np.ndarray) -> Iterator[np.ndarray]:
    seeds = [streams.stream_key(seed, streams.VALUE, "server power") for seed in range(STREAMS)]
    for hour in range(10**9):
        time = np.array([START + 3600 * hour])
        yield counts(fleet[:16], time, np.array(seeds, np.uint64))


def as_in_a_file(fleet: np.ndarray) -> Iterator[np.ndarray]:
    both = keys(["server cpu utilization", "server power"])
    for hour in range(10**9):
        yield counts(fleet[:100_000], np.array([START + 3600 * hour]), both)


ORDERS: list[Callable[[np.ndarray], Iterator[np.ndarray]]] = [
    along_servers, along_hours, along_seconds, across_measurements, across_seeds, as_in_a_file
]  # fmt: skip
WORDS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "high bits": lambda numbers: numbers >> np.uint64(21),
    "low bits": lambda numbers: numbers & np.uint64(0xFFFFFFFF),
}


def run(battery: str, program: Path, blocks: Iterator[np.ndarray], words: Any) -> dict[str, float]:
    """Return the p-value of each test of a battery."""
    said = program.with_name("p-values")
    process = subprocess.Popen([str(program), battery, str(said)], stdin=subprocess.PIPE)
    with contextlib.suppress(BrokenPipeError), process.stdin:
        for block in blocks:
            process.stdin.write(words(block).astype("<u4").data)
    if process.wait():
        raise SystemExit(f"TestU01: exit {process.returncode}")
    lines = [line.split("\t") for line in said.read_text().splitlines()]
    return {f"{number}: {name}": float(p) for number, (name, p) in enumerate(lines, 1)}


def build(folder: Path) -> Path:
    """Return the program, compiled."""
    arch = subprocess.run(
        ["cc", "-print-multiarch"], stdout=subprocess.PIPE, text=True, check=True
    ).stdout.strip()
    program = folder / "testu01"
    include = [f"-I/usr/include/{arch}/testu01", "-I/usr/include/testu01"]
    libraries = ["-ltestu01", "-ltestu01probdist", "-ltestu01mylib", "-lm"]
    source = str(HERE / "testu01.c")
    subprocess.run(
        ["cc", "-O2", "-w", *include, source, "-o", str(program), *libraries], check=True
    )
    return program


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--battery", choices=["small", "crush"], default="small")
    parser.add_argument("--result", type=Path, default=RESULT, metavar="FILE")
    args = parser.parse_args()
    started = time.perf_counter()
    table = Inventory.generate(SERVERS, SEED)
    fleet = table.by_serial.keys
    runs = {}
    with tempfile.TemporaryDirectory() as folder:
        program = build(Path(folder))
        for order in ORDERS:
            for name, words in WORDS.items():
                found = run(args.battery, program, order(fleet), words)
                title = f"{order.__name__.replace('_', ' ')}, {name}"
                odd = {test: p for test, p in found.items() if not SUSPECT <= p <= 1 - SUSPECT}
                runs[title] = {"tests": len(found), "outside": odd}
                print(f"{title}: {len(found)} tests, outside: {odd}", file=sys.stderr)
    failed = [
        title for title, found in runs.items()
        for p in found["outside"].values() if not FAILED <= p <= 1 - FAILED
    ]  # fmt: skip
    result = {
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "command": f"python reference/randomness.py --battery {args.battery}",
        "seconds": round(time.perf_counter() - started),
        "tests": sum(found["tests"] for found in runs.values()),
        "failed": len(failed),
        "runs": runs,
    }
    args.result.write_text(json.dumps(result, indent=1) + "\n")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
