"""The value kernels against Philox alone, on each instruction set: thread CPU time, one core.

    python benchmarks/value_kernels.py            measure, and write results/value_kernels.json
    python benchmarks/value_kernels.py --render   put that file's table into benchmarks/README.md

One Philox call a value is what the numbers themselves cost. Here each goes into a tile that stays
in the first-level cache; the kernels write all values, and keep the extremes and the exact sums.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import compare
import numpy as np
from numpy.typing import NDArray

from synthpower import kernels
from synthpower.jit import kernel
from synthpower.kernels import draws

RESULT = Path(__file__).resolve().parent / "results" / "value_kernels.json"
# As LLVM calls them: this machine, AVX2, and what each 64-bit x86 has.
MACHINES = {"native": None, "AVX2": "x86-64-v3", "generic": "x86-64"}
TYPES = {"codes": np.uint16, "counts": np.int64, "decimals": np.float64, "doubles": np.float64}
TARGETS = {"codes": 1.15, "counts": 1.4, "decimals": 1.4, "doubles": 1.2}
SIGNALS = {"uniform": kernels.UNIFORM, "triangular": kernels.TRIANGULAR}
NAMES = ("signal", "kind", "measurements")
CASES = list(product(SIGNALS, TYPES, (1, 2, 3, 4, 5, 40)))
TILE = 1024
VALUES = 2**15  # of a call: what is written stays in the second-level cache
KEY = np.uint64(42)


@kernel(
    keys=f"uint64[{TILE}]",
    time="uint64",
    key="uint64",
    repeats="int64",
    out=f"out uint64[2, {TILE}]",
)
def fill_tile(
    keys: NDArray[np.uint64], time: np.uint64, key: np.uint64, repeats: int, out: NDArray[np.uint64]
) -> None:
    """Write the first number of one Philox call for each key, under two streams, repeatedly.

    Two, as the kernels have: with one the processor waits for each product.
    """
    for n in range(repeats):
        for i in range(keys.size):
            out[0, i] = draws(keys[i], time + np.uint64(n), key)[0]
            out[1, i] = draws(keys[i], time + np.uint64(n), ~key)[0]


def philox_ns(workers: int) -> float:
    """Return the wall time of a Philox call on all of so many threads, in nanoseconds a value."""
    keys = np.arange(TILE, dtype=np.uint64)
    tiles = [np.empty((2, TILE), np.uint64) for _ in range(workers)]
    fill_tile(keys, KEY, KEY, 1, tiles[0])
    with ThreadPoolExecutor(workers) as pool:
        started = time.perf_counter()
        list(pool.map(lambda tile: fill_tile(keys, KEY, KEY, 2**16, tile), tiles))
        return (time.perf_counter() - started) * 1e9 / (2**17 * TILE * workers)


def nanoseconds(function: Callable[[], None], repeats: int) -> float:
    """Return the least thread CPU time of a call."""
    function()
    found = []
    for _ in range(repeats):
        started = time.thread_time_ns()
        function()
        found.append(time.thread_time_ns() - started)
    return min(found)


def measure_one(signal: str, kind: str, measurements: int, repeats: int) -> dict[str, float]:
    """Return the time of a value, and of a Philox call beside it, on this instruction set."""
    terms: NDArray[Any] = np.full(measurements, 100.0)
    if kind in ("codes", "counts"):
        terms = np.zeros(measurements, np.uint64)
    fill, summary = kernels.FILLS[SIGNALS[signal], kind], kernels.new_summary(measurements)

    def call(servers: int) -> Callable[[], None]:
        values = np.empty((1, servers, measurements), TYPES[kind])
        streams = np.tile(np.arange(measurements, dtype=np.uint64), (2, 1))
        bounds = np.full(measurements, 30_001, np.uint64)
        keys, times = np.arange(servers, dtype=np.uint64), np.array([1_677_456_000])
        return partial(fill, keys, times, streams, bounds, terms, summary, values)

    servers = max(TILE, VALUES // measurements)
    keys, tile = np.arange(TILE, dtype=np.uint64), np.empty((2, TILE), np.uint64)
    philox = nanoseconds(lambda: fill_tile(keys, KEY, KEY, 32 * VALUES // TILE, tile), repeats)
    filled = nanoseconds(call(servers), repeats) - nanoseconds(call(0), repeats)
    return {"philox_ns": philox / (64 * VALUES), "ns": filled / (servers * measurements)}


def measure(size: str) -> list[dict[str, Any]]:
    """Return what there is to know of each kernel on this instruction set."""
    if size == "tiny":
        return [{**dict(zip(NAMES, CASES[0], strict=True)), **measure_one(*CASES[0], 1)}]
    return [{**dict(zip(NAMES, case, strict=True)), **measure_one(*case, 300)} for case in CASES]


def measure_all(size: str, repeat: int) -> dict[str, Any]:
    """Measure on all instruction sets, each in a process of its own, in turns."""
    runs = []
    for turn in range(1, repeat + 1):
        for machine, cpu in MACHINES.items() if size == "full" else [("native", None)]:
            command = [sys.executable, str(Path(__file__).resolve()), "--child", "--size", size]
            environment = {**os.environ, **({"NUMBA_CPU_NAME": cpu} if cpu else {})}
            done = subprocess.run(
                command, env=environment, stdout=subprocess.PIPE, text=True, check=True
            )
            runs += [{"turn": turn, "machine": machine, **r} for r in json.loads(done.stdout)]
    return {
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "command": f"python benchmarks/value_kernels.py --repeat {repeat}",
        "machine": compare.machine(),
        "versions": compare.versions(),
        "runs": runs,
    }


def render(result: dict[str, Any]) -> str:
    """Return a sentence and a table in Markdown: medians of the ratios to Philox."""
    found: dict[tuple[str, ...], dict[int, list[float]]] = {}
    for run in result["runs"]:
        ratios = found.setdefault((run["machine"], run["signal"], run["kind"]), {})
        ratios.setdefault(run["measurements"], []).append(run["ns"] / run["philox_ns"])
    calls: dict[str, list[float]] = {}
    for run in result["runs"]:
        calls.setdefault(run["machine"], []).append(run["philox_ns"])
    counts = sorted({run["measurements"] for run in result["runs"]})
    lines = [
        ["instructions", "signal", "kind", *map(str, counts), "target"],
        ["---", "---", "---", *["---:"] * (len(counts) + 1)],
    ]
    for (machine, signal, kind), ratios in found.items():
        target = f"{TARGETS[kind]}" if (machine, signal) == ("native", "uniform") else ""
        medians = [f"{statistics.median(ratios[count]):.2f}" for count in counts]
        lines.append([machine, signal, kind, *medians, target])
    of = result["machine"]
    said = ", ".join(f"{statistics.median(ns):.2f} ns ({name})" for name, ns in calls.items())
    sentence = (
        f"Measured on {result['date']} on {of['processor']} by `{result['command']}`: the time of "
        f"a value as a multiple of one Philox call, for tables of 1 to 40 measurements, extremes "
        f"and exact sums included. A call takes {said}."
    )
    return "\n".join([sentence, "", *(f"| {' | '.join(line)} |" for line in lines)])


def main() -> None:
    """Run the command line; ``--child`` and ``--philox`` are for calling itself."""
    parser = compare.build_parser(__doc__, repeat=5, result=RESULT)
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--philox", type=int, help=argparse.SUPPRESS)
    args = parser.parse_args()
    full = args.size == "full"
    path = args.result or RESULT
    if args.philox:
        print(philox_ns(args.philox))
    elif args.child:
        print(json.dumps(measure(args.size)))
    elif args.render:
        readmes = args.readme or compare.READMES
        compare.put_into(readmes, {"value_kernels": render(json.loads(path.read_text()))})
    else:
        result = measure_all(args.size, args.repeat or (5 if full else 1))
        if full or args.result:
            path.write_text(json.dumps(result, indent=1) + "\n")
        print(render(result))


if __name__ == "__main__":
    main()
