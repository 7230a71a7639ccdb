"""The kernels of CSV."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import ROOT, doubles

from synthpower import kernels


def shortest(values: np.ndarray) -> list[str]:
    out = np.empty((values.size, kernels.LONGEST_NUMBER), np.uint8)
    kernels.format_doubles(values.view(np.uint64), kernels.powers_of_ten(), out)
    return [bytes(row).split(b"\0", 1)[0].decode() for row in out]


@given(st.lists(doubles, min_size=1))
def test_doubles_are_text_as_repr_writes_them(values: list[float]) -> None:
    assert shortest(np.array(values)) == list(map(repr, values))


def test_the_long_run_against_repr_runs(tmp_path: Path) -> None:
    script, result = ROOT / "reference" / "check_doubles.py", tmp_path / "result.json"
    command = [sys.executable, str(script), "--count", "1000000", "--result", str(result)]
    subprocess.run(command, check=True)
    assert sum(json.loads(result.read_text())["compared"].values()) > 1_000_000


def test_doubles_around_every_power_of_two_and_ten() -> None:
    values = [0.0, 5e-324, 2.2250738585072014e-308, 1.7976931348623157e308, 9007199254740993.0]
    for x in [float(f"1e{p}") for p in range(-323, 309)] + [2.0**p for p in range(-1074, 1024)]:
        values += [x, math.nextafter(x, 0), math.nextafter(x, math.inf), min(1.5 * x, 1e308)]
    assert shortest(np.array(values)) == list(map(repr, values))


@pytest.mark.parametrize("kind", ["any", "subnormal", "values", "whole"])
def test_random_doubles(kind: str) -> None:
    random = np.random.default_rng(1)
    bits = {
        "any": lambda: random.integers(0, 0x7FEFFFFFFFFFFFFF, 100_000),
        "subnormal": lambda: random.integers(0, 2**52, 100_000),
        "values": lambda: (random.random(300_000) * 300).view(np.int64),
        "whole": lambda: random.integers(0, 2**53, 100_000).astype(float).view(np.int64),
    }[kind]()
    values = bits.view(np.float64)
    assert shortest(values) == list(map(repr, values.tolist()))


@given(st.lists(st.integers(0, 253_402_300_799), min_size=1))
def test_times_are_text_in_utc(seconds: list[int]) -> None:
    out = np.empty((len(seconds), kernels.SLOT), np.uint8)
    kernels.format_times(np.array(seconds), out)
    for row, second in zip(out, seconds, strict=True):
        time = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=second)
        assert bytes(row[:21]).decode() == time.strftime("%Y-%m-%d %H:%M:%SZ,").rjust(21, "0")
