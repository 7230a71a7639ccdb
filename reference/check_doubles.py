"""Hold the CSV kernel's shortest texts of doubles to Python's `repr`.

    python reference/check_doubles.py --count 400000000

writes reference/results/doubles.json: how many of each kind were compared. The first difference
ends the run with exit 1.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from multiprocessing import Pool
from pathlib import Path

import numpy as np

from synthpower import kernels

RESULT = Path(__file__).resolve().parent / "results" / "doubles.json"
BLOCK = 2**18
Doubles = Callable[[np.random.Generator, int], np.ndarray]


def of_bits(random: np.random.Generator, count: int) -> np.ndarray:
    return random.integers(0, 0x7FF0000000000000, count, np.uint64).view(np.float64)


def subnormal(random: np.random.Generator, count: int) -> np.ndarray:
    return random.integers(0, 2**52, count, np.uint64).view(np.float64)


def readings(random: np.random.Generator, count: int) -> np.ndarray:
    return random.random(count) * random.choice([1.0, 100.0, 300.0, 1 / 3, 12345.678])


def decimal(random: np.random.Generator, count: int) -> np.ndarray:
    return random.integers(0, 2**53, count) / 10.0 ** random.integers(0, 23)


def whole(random: np.random.Generator, count: int) -> np.ndarray:
    return np.exp2(random.uniform(0, 80, count)).round()


def near_powers(random: np.random.Generator, count: int) -> np.ndarray:
    """Return doubles up to 8 steps from a power of two or ten."""
    tens = np.array([float(f"1e{power}") for power in range(-307, 308)])
    twos = np.exp2(np.arange(-1021.0, 1023))
    bits = random.choice(np.concatenate([tens, twos]), count).view(np.int64)
    return (bits + random.integers(-8, 9, count)).view(np.float64)


KINDS: dict[str, Doubles] = {
    "any bits": of_bits,
    "subnormal": subnormal,
    "as readings are": readings,
    "decimal": decimal,
    "whole": whole,
    "near powers of two and ten": near_powers,
}


def check(work: tuple[str, int]) -> str | None:
    """Compare a block of a kind and a seed, and return what differs."""
    kind, seed = work
    values = KINDS[kind](np.random.default_rng(seed), BLOCK)
    out = np.empty((values.size, kernels.LONGEST_NUMBER), np.uint8)
    kernels.format_doubles(values.view(np.uint64), kernels.powers_of_ten(), out)
    texts = list(map(repr, values.tolist()))
    expected = np.array(texts, f"S{kernels.LONGEST_NUMBER}")
    # Behind a text's zero byte stands what was there before.
    ended = np.logical_or.accumulate(out == 0, axis=1)
    found = np.where(ended, 0, out).view(f"S{kernels.LONGEST_NUMBER}").reshape(-1)
    wrong = np.flatnonzero(found != expected)
    if not wrong.size:
        return None
    return f"{texts[wrong[0]]} is written {found[wrong[0]].decode()} (kind {kind}, seed {seed})"


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--count", type=int, default=400_000_000, metavar="N", help="doubles")
    parser.add_argument("--result", type=Path, default=RESULT, metavar="FILE")
    args = parser.parse_args()
    started = time.perf_counter()
    blocks = max(1, round(args.count / BLOCK / len(KINDS)))
    work = [(kind, seed) for seed in range(blocks) for kind in KINDS]
    with Pool() as pool:
        for wrong in filter(None, pool.imap_unordered(check, work, chunksize=8)):
            print(wrong, file=sys.stderr)
            return 1
    result = {
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "command": f"python reference/check_doubles.py --count {args.count}",
        "seconds": round(time.perf_counter() - started),
        "cores": os.cpu_count(),
        "compared": dict.fromkeys(KINDS, blocks * BLOCK),
    }
    args.result.write_text(json.dumps(result, indent=1) + "\n")
    print(f"{blocks * BLOCK * len(KINDS):,} doubles, no difference")
    return 0


if __name__ == "__main__":
    sys.exit(main())
