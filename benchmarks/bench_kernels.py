"""The kernels alone, on one thread: a row is one value, time or server."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from synthpower import kernels
from synthpower.fleet.serials import PREFIXES

SIGNALS = {"uniform": kernels.UNIFORM, "triangular": kernels.TRIANGULAR}
KEY = np.uint64(42)
TIMES = np.array([1_677_456_000])  # one step
COUNTS = 30_001  # 0.00 to 300.00

each_signal = pytest.mark.parametrize("signal", SIGNALS)
each_width = pytest.mark.parametrize("measurements", [1, 2, 8])


@pytest.fixture(scope="module")
def keys(servers: int) -> NDArray[np.uint64]:
    return np.random.default_rng(1).integers(37**12, size=servers, dtype=np.uint64)


@each_width
@each_signal
@pytest.mark.parametrize("kind", ["codes", "counts", "wide_counts", "decimals", "doubles"])
def test_fill(
    measure: Callable[..., Any],
    keys: NDArray[np.uint64],
    kind: str,
    signal: str,
    measurements: int,
) -> None:
    types = {"codes": np.uint16, "counts": np.int64, "wide_counts": np.int64}
    out = np.empty((1, keys.size, measurements), types.get(kind, np.float64))
    streams = np.tile(np.arange(measurements, dtype=np.uint64), (2, 1))
    bounds = np.full(measurements, COUNTS, np.uint64)
    terms = np.zeros(measurements, np.uint64) if kind in types else np.full(measurements, 100.0)
    fill, summary = kernels.FILLS[SIGNALS[signal], kind], kernels.new_summary(measurements)
    measure(out.size, fill, keys, TIMES, streams, bounds, terms, summary, out)


@pytest.mark.parametrize("kind", [np.uint16, np.int64])
def test_fill_late_times(
    measure: Callable[..., Any], keys: NDArray[np.uint64], kind: type[np.generic]
) -> None:
    out = np.empty((1, keys.size, 2), kind)
    firsts = np.zeros(1, np.int64)
    measure(out.size, kernels.fill_late_times, keys, TIMES, int(KEY), 60, firsts, 1, out)


def test_format_doubles(measure: Callable[..., Any], servers: int) -> None:
    values = np.random.default_rng(1).random(servers) * 300
    out = np.empty((servers, kernels.LONGEST_NUMBER), np.uint8)
    powers = kernels.powers_of_ten()
    measure(servers, kernels.format_doubles, values.view(np.uint64), powers, out)


def test_format_times(measure: Callable[..., Any], servers: int) -> None:
    times = np.random.default_rng(1).integers(0, 2**33, servers)
    measure(servers, kernels.format_times, times, np.empty((servers, kernels.SLOT), np.uint8))


def test_fill_serials(measure: Callable[..., Any], servers: int) -> None:
    prefixes = np.array([list(prefix.encode()) for prefix in PREFIXES], np.uint8)
    measure(servers, kernels.fill_serials, 0, KEY, prefixes, np.empty((servers, 10), np.uint8))


def test_fill_choices(measure: Callable[..., Any], servers: int) -> None:
    thresholds = np.arange(1, 20, dtype=np.uint64) * np.uint64(2**64 // 20)
    measure(servers, kernels.fill_choices, 0, KEY, thresholds, np.empty(servers, np.int32))


def test_fill_server_keys(measure: Callable[..., Any], servers: int) -> None:
    data = np.frombuffer(b"CZ28486M7V" * servers, np.uint8)
    offsets = np.arange(0, data.size + 1, 10, dtype=np.int32)
    measure(servers, kernels.fill_server_keys, data, offsets, np.empty(servers, np.uint64))
