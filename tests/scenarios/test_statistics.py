"""The statistics of values and inventory, at sizes where a wrong kernel would fail.

Every seed is fixed, so a test that passes passes always; the bounds are 5 standard
deviations of the quantity in question.
"""

from __future__ import annotations

import math
from decimal import Decimal

import numpy as np
import pytest
from numpy.typing import NDArray

from synthpower import Inventory, Measurement, Readings, kernels
from synthpower.model import streams

SERVERS = 2000
STEPS = 96
MEASUREMENTS = 3


def made(signal: str, decimals: int | None) -> NDArray[np.float64]:
    """Return values divided by their scale, (times, servers, measurements)."""
    table = [Measurement(f"m{i}", "W", Decimal(300), decimals) for i in range(MEASUREMENTS)]
    readings = Readings(
        Inventory.generate(SERVERS, seed=1), "2023-02-27", 900, signal=signal, measurements=table
    )
    return readings.to_table()["measurement_value"].to_numpy().reshape(readings.shape) / 300


@pytest.fixture(scope="module", params=[2, None], ids=["decimals", "doubles"])
def uniform(request: pytest.FixtureRequest) -> NDArray[np.float64]:
    return made("uniform", request.param)


@pytest.fixture(scope="module", params=[2, None], ids=["decimals", "doubles"])
def triangular(request: pytest.FixtureRequest) -> NDArray[np.float64]:
    return made("triangular", request.param)


def kolmogorov_smirnov(values: NDArray[np.float64], distribution: NDArray[np.float64]) -> float:
    """Return the statistic times the root of n: above 1.95 once in a thousand times."""
    n = values.size
    return float(np.abs(distribution - np.arange(1, n + 1) / n).max() * math.sqrt(n))


def test_uniform_values_are_uniform(uniform: NDArray[np.float64]) -> None:
    values = np.sort(uniform.ravel())
    assert kolmogorov_smirnov(values, values) < 1.95
    assert values[0] >= 0
    assert values[-1] <= 1


def test_triangular_values_are_the_smaller_of_two(triangular: NDArray[np.float64]) -> None:
    values = np.sort(triangular.ravel())
    assert kolmogorov_smirnov(values, 1 - (1 - values) ** 2) < 1.95
    assert values[0] >= 0
    assert values[-1] <= 1


def test_every_count_is_equally_likely() -> None:
    table = [Measurement("m", "W", Decimal(99), 0)]
    readings = Readings(Inventory.generate(SERVERS, 1), "2023-02-27", 900, measurements=table)
    values = readings.to_table()["measurement_value"].to_numpy()
    counts = np.bincount(values.astype(int), minlength=100)
    assert counts.size == 100
    expected = values.size / 100
    chi_squared = ((counts - expected) ** 2 / expected).sum()
    assert abs(chi_squared - 99) < 5 * math.sqrt(2 * 99)


@pytest.mark.parametrize("axis", [0, 1, 2], ids=["times", "servers", "measurements"])
@pytest.mark.parametrize("lag", [1, 2])
def test_neighbours_are_independent(uniform: NDArray[np.float64], axis: int, lag: int) -> None:
    here = np.moveaxis(uniform, axis, 0)[:-lag].ravel()
    there = np.moveaxis(uniform, axis, 0)[lag:].ravel()
    bound = 5 / math.sqrt(here.size)
    assert abs(np.corrcoef(here, there)[0, 1]) < bound
    # What a correlation does not see: all of the plane is filled alike.
    cells, _, _ = np.histogram2d(here, there, bins=16, range=[[0, 1], [0, 1]])
    expected = here.size / 256
    chi_squared = ((cells - expected) ** 2 / expected).sum()
    assert abs(chi_squared - 255) < 5 * math.sqrt(2 * 255)


def test_low_bits_of_doubles_are_fair() -> None:
    table = [Measurement("m", "W", Decimal(1))]
    readings = Readings(Inventory.generate(SERVERS, 1), "2023-02-27", 900, measurements=table)
    values = readings.to_table()["measurement_value"].to_numpy()
    numbers = (values * 2**53).astype(np.uint64)  # exact: a value is a multiple of 2**-53
    for bit in range(8):
        ones = (numbers >> np.uint64(bit)) & np.uint64(1)
        assert abs(ones.mean() - 0.5) < 5 * 0.5 / math.sqrt(ones.size)


def test_lateness_is_uniform_over_whole_seconds() -> None:
    inventory = Inventory.generate(SERVERS, seed=1)
    table = [Measurement("m", "W", Decimal(1), 0)]
    fuzzy = Readings(inventory, "2023-02-27", 900, fuzz=9, measurements=table).to_table()
    starts = fuzzy["start_time"].cast("int64").to_numpy() // 1_000_000
    counts = np.bincount(starts % 900, minlength=10)
    assert counts.size == 10
    expected = starts.size / 10
    chi_squared = ((counts - expected) ** 2 / expected).sum()
    assert abs(chi_squared - 9) < 5 * math.sqrt(2 * 9)


@pytest.mark.parametrize("column", ["model", "location"])
def test_server_types_and_sites_are_evenly_chosen(column: str) -> None:
    count = 200_000
    chosen = Inventory.generate(count, seed=3).table[column].combine_chunks()
    counts = np.bincount(chosen.indices.to_numpy(), minlength=len(chosen.dictionary))
    expected = count / counts.size
    chi_squared = ((counts - expected) ** 2 / expected).sum()
    degrees = counts.size - 1
    assert abs(chi_squared - degrees) < 5 * math.sqrt(2 * degrees)


def test_type_and_site_are_chosen_independently() -> None:
    table = Inventory.generate(200_000, seed=3).table
    model, location = (table[c].combine_chunks().indices.to_numpy() for c in ("model", "location"))
    cells = np.zeros((model.max() + 1, location.max() + 1))
    np.add.at(cells, (model, location), 1)
    expected = cells.sum(1, keepdims=True) * cells.sum(0, keepdims=True) / cells.sum()
    chi_squared = ((cells - expected) ** 2 / expected).sum()
    degrees = (cells.shape[0] - 1) * (cells.shape[1] - 1)
    assert abs(chi_squared - degrees) < 5 * math.sqrt(2 * degrees)


def test_serial_numbers_spread_over_prefixes_years_weeks_and_units() -> None:
    sn = Inventory.generate(200_000, seed=3).table["sn"].to_pylist()
    for begin, end, distinct in ((0, 3, 10), (3, 4, 10), (4, 6, 52), (6, 7, 31), (9, 10, 31)):
        parts, counts = np.unique([s[begin:end] for s in sn], return_counts=True)
        assert parts.size == distinct
        expected = len(sn) / distinct
        chi_squared = ((counts - expected) ** 2 / expected).sum()
        assert abs(chi_squared - (distinct - 1)) < 5 * math.sqrt(2 * (distinct - 1))


@pytest.mark.parametrize("axis", ["time", "server", "stream"])
def test_each_bit_of_a_coordinate_changes_half_of_a_number(axis: str) -> None:
    random = np.random.default_rng(1)
    for bit in range(32 if axis == "time" else 64):
        coordinates = {
            "server": random.integers(0, 2**64, 200, np.uint64),
            "time": random.integers(0, 2**32, 1),
            "stream": random.integers(0, 2**64, 1, np.uint64),
        }
        changed = coordinates | {axis: coordinates[axis] ^ coordinates[axis].dtype.type(1 << bit)}
        before, after = (_numbers(**each) for each in (coordinates, changed))
        flipped = np.bitwise_count(before ^ after)
        # 200 numbers of 53 fair bits: 26.5 on average, five standard errors of 0.26 about it.
        assert abs(flipped.mean() - 26.5) < 1.3, (axis, bit)


def _numbers(
    server: NDArray[np.uint64], time: NDArray[np.int64], stream: NDArray[np.uint64]
) -> NDArray[np.uint64]:
    out = np.empty((time.size, server.size, stream.size), np.int64)
    kernels.FILLS[kernels.UNIFORM, "wide_counts"](
        server, time, np.array([stream, stream]), np.array([2**53], np.uint64),
        np.zeros(1, np.uint64), kernels.new_summary(1), out,
    )  # fmt: skip
    return out.reshape(-1).view(np.uint64)


@pytest.mark.parametrize("axis", ["time", "server", "measurement", "seed"])
def test_neighbours_along_an_axis_share_no_bits(axis: str) -> None:
    """Steps of 1 in a time or a name, and of one character in a serial number."""
    inventory = Inventory.generate(4000, seed=3)
    keys = inventory.by_serial.keys
    one = np.array([1_672_531_200])
    stream = np.array([streams.stream_key(1, streams.VALUE, "server power")], np.uint64)
    if axis == "time":
        numbers = _numbers(keys[:1], one[0] + np.arange(4000), stream)
    elif axis == "server":
        numbers = _numbers(keys, one, stream)
    else:
        named = [
            streams.stream_key(
                *((i, streams.VALUE, "a") if axis == "seed" else (1, streams.VALUE, f"{i}"))
            )
            for i in range(4000)
        ]
        numbers = np.concatenate(
            [_numbers(keys[:1], one, np.array([key], np.uint64)) for key in named]
        )
    flipped = np.bitwise_count(numbers[1:] ^ numbers[:-1])
    assert abs(flipped.mean() - 26.5) < 5 * 3.64 / np.sqrt(flipped.size)
