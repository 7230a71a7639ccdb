"""Kernels of totals: counts and doubles added up exactly, by groups of servers.

A double is 53 bits at some power of two. A measurement's are multiples of one such power, and
their sizes below 2**108 of it: so a sum is some integers, of words of 32 bits, whatever the order.
Only a minimum that is near 0 may be no multiple: such values are counted.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synthpower.jit import Kernel, kernel, variant
from synthpower.kernels.philox import HALF, LOW, U64
from synthpower.kernels.values import SUMMARY

LIMBS = 5  # integers of an exact sum of doubles
_SMALLEST = -1074  # every double is a multiple of this power of two
_BITS = 55  # that a value may be multiplied by to be a multiple of the power

I64 = np.int64
_FRACTION = U64(2**52 - 1)
_IMPLICIT = U64(2**52)
_FIELD = U64(2047)
_TO_FIELD, _TO_SIGN, _ONE, _MOST = U64(52), U64(63), U64(1), U64(63)


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
    cells: NDArray[Any], servers: int, begins: NDArray[np.int64], exponents: NDArray[np.int64]
) -> str | None:
    return _groups_problem(begins, cells, servers, exponents.size)


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


@kernel(
    _doubles_problem,
    cells="uint64[cells]",
    servers="int64",
    begins="int64[groups + 1]",
    exponents="int64[measurements]",
    limbs=f"out int64[groups, measurements, {LIMBS}]",
)
def _tally_doubles(
    cells: NDArray[np.uint64],
    servers: int,
    begins: NDArray[np.int64],
    exponents: NDArray[np.int64],
    limbs: NDArray[np.int64],
) -> None:
    measurements = exponents.size
    for t in range(cells.size // (servers * measurements)):
        for g in range(begins.size - 1):
            for m in range(measurements):
                index = (t * servers + begins[g]) * measurements + m
                to_shift = I64(1075) + exponents[m]
                a = b = c = d = others = I64(0)
                for _ in range(begins[g + 1] - begins[g]):
                    bits = cells[index]
                    index += measurements
                    field = (bits >> _TO_FIELD) & _FIELD
                    digits = bits & _FRACTION
                    if field:
                        digits |= _IMPLICIT
                    if field == _FIELD:  # NaN: absent
                        digits = U64(0)
                    shift = max(I64(field), I64(1)) - to_shift
                    if shift < 0:
                        back = U64(min(-shift, I64(63)))
                        shift = I64(0)
                        if ((digits >> back) << back) == digits:
                            digits >>= back
                        else:
                            digits = U64(0)
                            others += 1
                    left = U64(shift)
                    word, rest = digits << left, (digits >> _ONE) >> (_MOST - left)
                    sign = I64(1) - (I64(bits >> _TO_SIGN) << I64(1))
                    a += sign * I64(word & LOW)
                    b += sign * I64(word >> HALF)
                    c += sign * I64(rest & LOW)
                    d += sign * I64(rest >> HALF)
                limbs[g, m, 0] += a
                limbs[g, m, 1] += b
                limbs[g, m, 2] += c
                limbs[g, m, 3] += d
                limbs[g, m, 4] += others


def least_exponent(greatest: float) -> int:
    """Return the exponent that `tally_doubles` takes, of values that are this or less in size."""
    return max(math.frexp(greatest)[1] - 53, _SMALLEST) - _BITS


def tally_doubles(
    values: NDArray[np.float64],
    begins: NDArray[np.int64],
    exponents: NDArray[np.int64],
    limbs: NDArray[np.int64],
) -> None:
    """Add up the values of groups of servers, exactly; NaN is none.

    Parameters
    ----------
    values : (steps, servers, measurements) float64
    begins : (groups + 1,) int64
        Where each group of servers begins, and the last ends.
    exponents : (measurements,) int64
        `least_exponent` of the greatest of a measurement's values.
    limbs : (groups, measurements, LIMBS) int64
        The sums, in 2**exponent: words of 32 bits, the lowest first; then how many values are no
        multiple of it, and left out. Updated.
    """
    cells = values.view(np.uint64).reshape(-1)
    _tally_doubles(cells, values.shape[1], begins, exponents, limbs)
