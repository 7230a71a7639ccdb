"""What the readings of a chunk, or of many, come to: exact whatever the order."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from synthpower import kernels
from synthpower.kernels.totals import LIMBS, tally_counts, tally_doubles
from synthpower.model.specification import Specification
from synthpower.model.total import Total, no_readings
from synthpower.signals.quantity import NULLS, Quantities

_NEVER = 2**62  # more than any count


class Measured(NamedTuple):
    """What the readings of one measurement come to.

    Attributes
    ----------
    readings, absent : int
        Those that are there, and those that are not.
    least, greatest : int
        Counts; the least is above the greatest where no reading is there.
    sum : int or Fraction
        Of counts or, for full double precision, of the doubles themselves.
    """

    readings: int
    absent: int
    least: int
    greatest: int
    sum: int | Fraction


class Totals:
    """What readings come to, of each measurement; `+` adds those of others.

    Attributes
    ----------
    quantities : Quantities
        What the readings can be.
    measured : sequence of Measured
    """

    def __init__(self, quantities: Quantities, measured: Sequence[Measured]) -> None:
        self.quantities = quantities
        self.measured = measured

    def __add__(self, other: Totals) -> Totals:
        return Totals(
            self.quantities,
            [
                Measured(a[0] + b[0], a[1] + b[1], min(a[2], b[2]), max(a[3], b[3]), a[4] + b[4])
                for a, b in zip(self.measured, other.measured, strict=True)
            ],
        )

    def exact(self) -> list[Total]:
        """Return the total of each measurement."""
        return [self._exact(m, each) for m, each in enumerate(self.measured)]

    def _exact(self, m: int, measured: Measured) -> Total:
        number, (readings, absent, *ends, total) = self.quantities.numbers[m], measured
        limits: list[Fraction | None] = [None, None]
        if isinstance(total, int):
            total = number.exact(readings, total)
            if readings:
                limits = [number.exact(1, end) for end in ends]
        elif readings:
            limits = [Fraction(self.quantities.value(m, end)) for end in ends]
        return Total(number.decimals, readings, absent, total, *limits)


def totals_by_name(specification: Specification, totals: Totals | None) -> dict[str, Total]:
    """Return the totals of a file's measurements by their names; None of a file without rows."""
    measurements = specification.measurements
    exact = totals.exact() if totals else [no_readings(each.decimals) for each in measurements]
    return {each.name: total for each, total in zip(measurements, exact, strict=True)}


def totals_of(
    quantities: Quantities,
    summary: NDArray[np.uint64],
    out: NDArray[Any],
    firsts: NDArray[np.uint64] | None = None,
) -> Totals:
    """Return the totals of what a kernel has filled, none of it absent.

    Parameters
    ----------
    quantities : Quantities
    summary : (measurements, SUMMARY) uint64
        What the kernel says of the counts.
    out : (steps, servers, measurements)
        What was filled: counts, or values.
    firsts : (measurements,) uint64, optional
        What was added to the counts; None where `out` has values.
    """
    begins = np.array([0, out.shape[1]])
    absent = np.zeros((1, len(summary)), np.int64)
    (totals,) = _put_together(quantities, summary[np.newaxis], absent, out, begins, firsts)
    return totals


def totals_of_counts(
    quantities: Quantities,
    counts: NDArray[Any],
    firsts: NDArray[np.uint64] | None = None,
    begins: Sequence[int] | None = None,
) -> list[Totals]:
    """Return the totals of groups of servers, whatever has filled the counts.

    Parameters
    ----------
    quantities : Quantities
    counts : (steps, servers, measurements) of uint16 or int64
        What is absent is the `NULLS` of their type.
    firsts : (measurements,) uint64, optional
        What was added to the counts.
    begins : sequence of int, optional
        Where each group begins, and the last ends; all servers are one otherwise.
    """
    ends = np.array([0, counts.shape[1]] if begins is None else begins, np.int64)
    measurements = len(quantities.numbers)
    if firsts is None:
        firsts = np.zeros(measurements, np.uint64)
    shape = ends.size - 1, measurements
    absent, summary = np.zeros(shape, np.int64), kernels.new_summary(math.prod(shape))
    summary = summary.reshape(*shape, -1)
    counts = np.ascontiguousarray(counts)
    # A code may have the value of a null where none is absent.
    null = int(NULLS[counts.dtype]) if quantities.nullable else _NEVER
    tally_counts(counts, ends, firsts, null, absent, summary)
    return _put_together(quantities, summary, absent, counts, ends, firsts)


def _put_together(
    quantities: Quantities,
    summary: NDArray[np.uint64],
    absent: NDArray[np.int64],
    out: NDArray[Any],
    begins: NDArray[np.int64],
    firsts: NDArray[np.uint64] | None,
) -> list[Totals]:
    """Return the totals of groups: with the exact sums of doubles, which counts do not have."""
    limbs = np.zeros((*absent.shape, LIMBS), np.int64)
    full = [number.decimals is None for number in quantities.numbers]
    if any(full):
        values = out if firsts is None else quantities.values(out, firsts)
        tally_doubles(values, begins, quantities.doubles, limbs)
    readings = (np.diff(begins) * out.shape[0]).tolist()
    groups = []
    for g, (own, gone) in enumerate(zip(summary.tolist(), absent.tolist(), strict=True)):
        measured = []
        for m, (least, greatest, low, high) in enumerate(own):
            total: int | Fraction = low + (high << 32)
            if full[m]:
                total = quantities.doubles.sum(m, limbs[g, m].tolist())
            measured.append(Measured(readings[g] - gone[m], gone[m], least, greatest, total))
        groups.append(Totals(quantities, measured))
    return groups
