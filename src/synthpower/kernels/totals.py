"""Kernels of totals: counts and doubles added up exactly, by groups of servers.

A double is 53 bits at some power of two. All of a measurement's are multiples of 2**-108 of what is
above the greatest: so their sum is some integers, whatever the order. Only a minimum that is near 0
may have lower bits: it is counted.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from synthpower.jit import Kernel, inlined, kernel, variant
from synthpower.kernels.philox import HALF, LOW, U64
from synthpower.kernels.values import SUMMARY

LIMBS = 4  # numbers of an exact sum of doubles
LOWEST = 108  # bits below the greatest value that doubles may have

_LIMB_BITS = 36
_LANES = 512
_HIGH, _MIDDLE, _LOW = 2.0**36, 2.0**72, 2.0**108
_TO_HIGH, _TO_MIDDLE = 1.5 * 2.0**16, 1.5 * 2.0**-20  # which leave no bits below 2**-36, 2**-72
_MOST_ADDED = 2**16  # numbers of 36 bits whose sum is exact
_LEAST, _GREATEST = -1000, 1024  # exponents whose powers of two doubles have

I64 = np.int64


def _groups_problem(
    begins: NDArray[np.int64], cells: NDArray[Any], servers: int, measurements: int
) -> str | None:
    if begins[0] < 0 or begins[-1] > servers or (begins[1:] < begins[:-1]).any():
        return f"begins does not divide {servers} servers"
    if servers < 1 or cells.size % (servers * measurements):
        return f"cells has {cells.size}, no multiple of {servers * measurements}"
    return None


def _counts_problem(
    cells: NDArray[Any], servers: int, begins: NDArray[np.int64], firsts: NDArray[np.uint64]
) -> str | None:
    return _groups_problem(begins, cells, servers, firsts.size)


def _doubles_problem(
    cells: NDArray[Any],
    servers: int,
    begins: NDArray[np.int64],
    factors: NDArray[np.float64],
    limbs: NDArray[np.int64],
) -> str | None:
    if factors.size % limbs.shape[1]:
        return f"factors has {factors.size}, no multiple of {limbs.shape[1]}"
    return _groups_problem(begins, cells, servers, limbs.shape[1])


def _tally_counts(
    cells: NDArray[Any],
    servers: int,
    begins: NDArray[np.int64],
    firsts: NDArray[np.uint64],
    null: int,
    absent: NDArray[np.int64],
    summary: NDArray[np.uint64],
) -> None:
    measurements = firsts.size
    for t in range(cells.size // (servers * measurements)):
        for g in range(begins.size - 1):
            for m in range(measurements):
                index = (t * servers + begins[g]) * measurements + m
                first = firsts[m]
                least, greatest = summary[g, m, 0], summary[g, m, 1]
                low = high = U64(0)
                gone = I64(0)
                for _ in range(begins[g + 1] - begins[g]):
                    cell = cells[index]
                    index += measurements
                    if cell == null:
                        gone += 1
                    else:
                        count = U64(cell) - first
                        least, greatest = min(least, count), max(greatest, count)
                        low, high = low + (count & LOW), high + (count >> HALF)
                summary[g, m, 0], summary[g, m, 1] = least, greatest
                summary[g, m, 2] += low
                summary[g, m, 3] += high
                absent[g, m] += gone


def _make(number: str) -> Kernel[...]:
    name = f"tally_counts_{number}"
    loop: Any = variant(_tally_counts, name)
    made: Kernel[...] = kernel(
        _counts_problem,
        cells=f"{number}[cells]",
        servers="int64",
        begins="int64[groups + 1]",
        firsts="uint64[measurements]",
        null="int64",
        absent="out int64[groups, measurements]",
        summary=f"out uint64[groups, measurements, {SUMMARY}]",
    )(loop)
    globals()[name] = made  # a kernel is pickled by its name
    return made


_TALLIES = {np.dtype(number): _make(number) for number in ("uint16", "int64")}


def tally_counts(
    counts: NDArray[Any],
    begins: NDArray[np.int64],
    firsts: NDArray[np.uint64],
    null: int,
    absent: NDArray[np.int64],
    summary: NDArray[np.uint64],
) -> None:
    """Add up the counts of groups of servers.

    Parameters
    ----------
    counts : (steps, servers, measurements) of uint16 or int64
        Counts, or codes.
    begins : (groups + 1,) int64
        Where each group of servers begins, and the last ends.
    firsts : (measurements,) uint64
        What was added to each measurement's counts.
    null : int
        What a reading has in place of a count that is absent.
    absent : (groups, measurements) int64
        How many there are of these: updated.
    summary : (groups, measurements, SUMMARY) uint64
        As of `Fill`: updated. Begin with `new_summary`.
    """
    tally = _TALLIES[counts.dtype]
    tally(counts.reshape(-1), counts.shape[1], begins, firsts, null, absent, summary)


@inlined
def _empty(sums: NDArray[np.float64], limbs: NDArray[np.int64]) -> None:
    """Add the lanes to their measurements, and begin again."""
    for j in range(sums.shape[1]):
        m = j % limbs.shape[0]
        limbs[m, 0] += I64(sums[0, j] * _HIGH)
        limbs[m, 1] += I64(sums[1, j] * _MIDDLE)
        limbs[m, 2] += I64(sums[2, j] * _LOW)
        sums[0, j] = sums[1, j] = sums[2, j] = 0.0


@kernel(
    _doubles_problem,
    cells="float64[cells]",
    servers="int64",
    begins="int64[groups + 1]",
    factors="float64[lanes]",
    apart="float64[lanes]",
    sums="out float64[3, lanes]",
    others="out int64[lanes]",
    limbs=f"out int64[groups, measurements, {LIMBS}]",
)
def _tally_doubles(  # noqa: C901 - a kernel is one loop
    cells: NDArray[np.float64],
    servers: int,
    begins: NDArray[np.int64],
    factors: NDArray[np.float64],
    apart: NDArray[np.float64],
    sums: NDArray[np.float64],
    others: NDArray[np.int64],
    limbs: NDArray[np.int64],
) -> None:
    # Numbers of 36 bits are taken off a value, from the top, by adding and subtracting a number so
    # great that it leaves no lower bits; their sums are exact (Rump, Ogita and Oishi, "Accurate
    # floating-point summation", 2008). Each lane is of one measurement, so that values are read as
    # they are and no sum is reordered: 0.4 ns a value. (Tried, in times of this: fewer lanes, 1.3;
    # each measurement by itself, with a stride, 2; mantissas shifted into words of 32 bits, 6.)
    measurements, lanes = limbs.shape[1], factors.size
    high, middle, low = sums[0], sums[1], sums[2]
    any_apart = False
    for j in range(lanes):
        any_apart |= apart[j] == apart[j]
    for g in range(begins.size - 1):
        added = 0
        for j in range(lanes):
            high[j] = middle[j] = low[j] = 0.0
            others[j] = 0
        for t in range(cells.size // (servers * measurements)):
            first = (t * servers + begins[g]) * measurements
            last = (t * servers + begins[g + 1]) * measurements
            for index in range(first, last, lanes):
                row = cells[index : min(index + lanes, last)]
                if any_apart:
                    for j in range(row.size):
                        others[j] += 1 if row[j] == apart[j] else 0
                for j in range(row.size):
                    value = row[j]
                    there = value == value and value != apart[j]
                    value = value * factors[j] if there else 0.0
                    a = (value + _TO_HIGH) - _TO_HIGH
                    rest = value - a
                    b = (rest + _TO_MIDDLE) - _TO_MIDDLE
                    high[j] += a
                    middle[j] += b
                    low[j] += rest - b
                added += 1
                if added == _MOST_ADDED:
                    _empty(sums, limbs[g])
                    added = 0
        _empty(sums, limbs[g])
        for j in range(lanes):
            limbs[g, j % measurements, 3] += others[j]


class Doubles(NamedTuple):
    """What `tally_doubles` has to know of the doubles of some measurements.

    Attributes
    ----------
    exponents : (measurements,) int64
        None is greater, in size, than 2**exponent.
    factors : (measurements,) float64
        2**-exponent; 0 of a measurement that is left out.
    apart : (measurements,) float64
        A value that is counted and not added, as it has lower bits than all others; NaN where
        there is none.
    """

    exponents: NDArray[np.int64]
    factors: NDArray[np.float64]
    apart: NDArray[np.float64]

    @classmethod
    def between(cls, limits: Sequence[tuple[float, float] | None]) -> Doubles:
        """Return it of doubles from a minimum on: the minimum, and a part of what is above it.

        None stands for a measurement that is left out.
        """
        count = len(limits)
        exponents, factors, apart = (
            np.zeros(count, np.int64),
            np.zeros(count),
            np.full(count, np.nan),
        )
        for m, pair in enumerate(limits):
            if pair is not None:
                exponent = math.frexp(max(map(abs, pair)))[1]
                exponents[m] = exponent = min(max(exponent, _LEAST), _GREATEST)
                factors[m] = math.ldexp(1.0, -exponent)
                if (Fraction(pair[0]) * Fraction(2) ** (LOWEST - exponent)).denominator > 1:
                    apart[m] = pair[0]
        return cls(exponents, factors, apart)

    def sum(self, m: int, limbs: Sequence[int]) -> Fraction:
        """Return the sum of a measurement's values, of what `tally_doubles` has found."""
        high, middle, low, others = limbs
        whole = (high << 2 * _LIMB_BITS) + (middle << _LIMB_BITS) + low
        total = whole * Fraction(2) ** (int(self.exponents[m]) - LOWEST)
        return total + others * Fraction(float(self.apart[m])) if others else total


def tally_doubles(
    values: NDArray[np.float64],
    begins: NDArray[np.int64],
    doubles: Doubles,
    limbs: NDArray[np.int64],
) -> None:
    """Add up the values of groups of servers, exactly; NaN is none.

    Parameters
    ----------
    values : (steps, servers, measurements) float64
        Multiples of 2**(exponent - `LOWEST`), but for the one that is apart; 2**27 of each
        measurement at most.
    begins : (groups + 1,) int64
        Where each group of servers begins, and the last ends.
    doubles : Doubles
    limbs : (groups, measurements, LIMBS) int64
        The sums in 2**(exponent - 36), 2**(exponent - 72) and 2**(exponent - `LOWEST`), to be
        added; then how many values are the one that is apart. Updated.
    """
    measurements = doubles.factors.size
    repeats = max(1, _LANES // measurements)
    lanes = repeats * measurements
    factors, apart = np.tile(doubles.factors, repeats), np.tile(doubles.apart, repeats)
    sums, others = np.empty((3, lanes)), np.empty(lanes, np.int64)
    cells = values.reshape(-1)
    _tally_doubles(cells, values.shape[1], begins, factors, apart, sums, others, limbs)
