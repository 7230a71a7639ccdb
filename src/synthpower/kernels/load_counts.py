"""Counts of the quantities, from what the slots of an interval have added up to."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from synthpower.jit import called, inlined
from synthpower.kernels.load_scratch import (
    AT_FAN,
    AT_HEAT,
    AT_IDLE,
    AT_LEAST_OF,
    AT_METER,
    AT_MOST_OF,
    AT_RANGE,
    AT_SUM_BITS,
    AT_SUM_SHARE,
    AT_SUM_X,
    COUNT_ROW,
    POWER_ROW,
)
from synthpower.kernels.philox import U64

I64 = np.int64

QUANTITIES = (
    "cpu_utilization", "power", "power_minimum", "power_peak", "inlet_temperature", "energy",
    "cpu_power",
)  # fmt: skip
OF_CPU, OF_POWER, OF_LEAST, OF_MOST, OF_INLET, OF_ENERGY, OF_CPU_POWER = range(7)


@inlined
def quotient(number: np.int64, divisor: np.int64, inverse: float) -> np.int64:
    """Return floor(number / divisor), by a double that may be one off: SIMD units do not divide."""
    found = I64(np.float64(number) * inverse)
    rest = I64(number - found * divisor)
    return I64(found + I64(rest >= divisor) - I64(rest < 0))


@called
def sum_power(
    interval: int, unit: int, n: int, s: NDArray[np.int32], wide: NDArray[np.int64]
) -> None:
    """Fill the numerator of the average power."""
    for j in range(n):
        i = U64(j)
        steady = 65536 * interval * I64(s[AT_IDLE + i])
        load = I64(s[AT_RANGE + i]) * (I64(s[AT_SUM_SHARE + i]) * unit)
        meter = I64(64) * I64(s[AT_METER + i]) * (I64(s[AT_SUM_BITS + i]) * unit)
        over = I64(s[AT_HEAT + i]) - 1800 * interval
        wide[POWER_ROW + i] = steady + load + meter + I64(s[AT_FAN + i]) * over


@called
def count_power(interval: int, many: int, row: np.uint64, n: int, wide: NDArray[np.int64]) -> None:
    """Fill the counts of the average power."""
    half = I64(6553600) * interval
    divisor = I64(2) * half
    inverse = 1.0 / np.float64(divisor)
    for j in range(n):
        i = U64(j)
        wide[row + i] = quotient(2 * many * wide[POWER_ROW + i] + half, divisor, inverse)


@called
def count_cpu(
    many: int, interval: int, unit: int, row: np.uint64, n: int, s: NDArray[np.int32],
    wide: NDArray[np.int64],
) -> None:  # fmt: skip
    """Fill the counts of the CPU."""
    half = I64(65536) * interval
    inverse = 1.0 / np.float64(2 * half)
    for j in range(n):
        i = U64(j)
        number = 200 * many * (I64(s[AT_SUM_X + i]) * unit) + half
        wide[row + i] = quotient(number, 2 * half, inverse)


@called
def count_more(
    quantity: int, many: int, interval: int, unit: int, row: np.uint64, n: int,
    s: NDArray[np.int32], wide: NDArray[np.int64],
) -> None:  # fmt: skip
    """Fill the counts of a quantity that is neither CPU, power nor energy."""
    if quantity in (OF_LEAST, OF_MOST):
        count_power(interval, many, COUNT_ROW, n, wide)
        inverse = 1.0 / 409600.0
        for j in range(n):
            i = U64(j)
            power = wide[COUNT_ROW + i]
            low = quotient(I64(s[AT_LEAST_OF + i]) * many, I64(409600), inverse)
            high = quotient(I64(s[AT_MOST_OF + i]) * many + 409599, I64(409600), inverse)
            wide[row + i] = min(low, power) if quantity == OF_LEAST else max(high, power)
    elif quantity == OF_INLET:
        half = I64(100) * interval
        inverse = 1.0 / np.float64(2 * half)
        for j in range(n):
            i = U64(j)
            wide[row + i] = quotient(2 * many * I64(s[AT_HEAT + i]) + half, 2 * half, inverse)
    elif quantity == OF_CPU_POWER:
        half = I64(6553600) * interval
        inverse = 1.0 / np.float64(2 * half)
        for j in range(n):
            i = U64(j)
            steady = 102 * 65536 * interval * I64(s[AT_IDLE + i])
            load = 179 * I64(s[AT_RANGE + i]) * (I64(s[AT_SUM_SHARE + i]) * unit)
            number = 2 * many * ((steady + load) >> 8) + half
            wide[row + i] = quotient(number, 2 * half, inverse)
