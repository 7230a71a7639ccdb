"""Count <-> value: what the numbers that kernels draw mean. The only place that knows.

A reading with decimals is a whole count of 10**-decimals, divided once; one without is a
multiple of 2**-53, multiplied once by the scale (see `kernels.value_of_count`, `value_of_unit`).
Where there is a minimum, counts are counted from it: it is added before the division, or to the
product, whose factor is then the scale less the minimum.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import accumulate
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from synthpower import kernels
from synthpower.kernels.totals import Doubles
from synthpower.lazy import lazy
from synthpower.model.measurement import Measurement

DICTIONARY_BITS = 16  # whole bytes, and the widest that all readers of Parquet take
NULLS = {np.dtype(np.uint16): 2**16 - 1, np.dtype(np.int64): -1, np.dtype(np.float64): np.nan}
_UNITS = 2**53  # of a measurement without decimals, in its scale


class Numbers(NamedTuple):
    """What the readings of a measurement can be.

    Attributes
    ----------
    decimals, max_count : int or None
        A reading is a count of 10**-decimals, 0 to so many above the minimum; None for full
        double precision.
    scale : float
        For full precision, what a multiple of 2**-53 is multiplied by.
    step : int
        A count is of so many 10**-decimals: of energy, an interval's seconds of watts.
    minimum : float
        What is added to a count or, for full precision, to a value. A whole number of
        10**-decimals, at most 2**53; where it is not 0, the step is 1.
    """

    decimals: int | None
    max_count: int | None
    scale: float = 1.0
    step: int = 1
    minimum: float = 0.0

    @classmethod
    def of(cls, measurement: Measurement) -> Numbers:
        """Return what a number between the minimum and the scale can be."""
        if measurement.decimals is None:
            # Even where the difference is rounded up, no multiple of it, added to the minimum, is
            # above the scale: the greatest is below it by at least as much.
            minimum = float(measurement.minimum)
            return cls(None, None, float(measurement.scale) - minimum, minimum=minimum)
        least = measurement.min_count
        count = measurement.max_count - least
        return cls(measurement.decimals, count, minimum=float(least))

    @property
    def first(self) -> int:
        """The least count of 10**-decimals."""
        return 0 if self.decimals is None else int(self.minimum)

    def values(self, counts: NDArray[np.integer]) -> NDArray[np.float64]:
        """Return the values of counts as kernels draw them, from 0 on."""
        counts = counts.astype(np.int64) * self.step
        values: NDArray[np.float64]
        if self.decimals is None:
            values = kernels.value_of_unit(counts, self.scale) + self.minimum
        else:
            values = kernels.value_of_count(counts + self.first, float(10**self.decimals))
        return values

    def exact(self, readings: int, counts: int) -> Fraction:
        """Return the sum of so many readings with decimals, of counts as kernels draw them."""
        return Fraction(counts * self.step + readings * self.first, 10 ** (self.decimals or 0))


class Quantities:
    """The measurements of a file, as kernels take them.

    Attributes
    ----------
    numbers : sequence of Numbers
    nullable : bool
        Readings may be absent.
    bounds : (measurements,) uint64
        How many counts there are; 0 for full double precision.
    count_bounds : (measurements,) uint64
        The same, with 2**53 for full double precision.
    scales : (measurements,) float64
        What a count is divided by; for full precision, what a multiple of 2**-53 is
        multiplied by.
    decimals : (measurements,) int64
        -1 for full double precision.
    steps : (measurements,) int64
        What a count has to be multiplied by first.
    minima : (measurements,) float64
        What is added to a count before it is divided; for full precision, to the product.
    first_counts : (measurements,) int64
        The same of counts; 0 for full precision.
    """

    def __init__(self, numbers: Sequence[Numbers], nullable: bool = False) -> None:
        self.numbers = numbers
        self.nullable = nullable
        self.bounds = np.array(
            [0 if n.max_count is None else n.max_count + 1 for n in numbers], np.uint64
        )
        self.count_bounds = np.where(self.bounds == 0, np.uint64(_UNITS), self.bounds)
        self.scales = np.array(
            [n.scale if n.decimals is None else float(10**n.decimals) for n in numbers]
        )
        self.decimals = np.array(
            [-1 if n.decimals is None else n.decimals for n in numbers], np.int64
        )
        self.steps = np.array([n.step for n in numbers], np.int64)
        self.minima = np.array([n.minimum for n in numbers])
        self.first_counts = np.array([n.first for n in numbers], np.int64)

    @classmethod
    def of(cls, measurements: Sequence[Measurement]) -> Quantities:
        """Return those of measurements whose values are between their minima and scales."""
        return cls([Numbers.of(measurement) for measurement in measurements])

    @lazy
    def full(self) -> set[int]:
        """The measurements of full double precision."""
        return {m for m, bound in enumerate(self.bounds.tolist()) if not bound}

    @lazy
    def doubles(self) -> Doubles:
        """What there is to know of values of full precision to add them up."""
        return Doubles.between(
            [(n.minimum, n.minimum + n.scale) if n.decimals is None else None for n in self.numbers]
        )

    def value(self, m: int, count: int) -> float:
        """Return the value of a count of a measurement."""
        return float(self.numbers[m].values(np.array(count)))

    def values(self, counts: NDArray[Any], firsts: NDArray[np.uint64]) -> NDArray[np.float64]:
        """Return the values of counts that `firsts` were added to, NaN of what is absent."""
        found = counts.astype(np.int64) - firsts.astype(np.int64)
        values = np.empty(counts.shape)
        for m, number in enumerate(self.numbers):
            values[:, :, m] = number.values(found[:, :, m])
        if self.nullable:
            values[counts == NULLS[counts.dtype]] = np.nan
        return values


class ValueDictionary(NamedTuple):
    """All possible values, where they are few: measurements of the same decimals share theirs.

    Attributes
    ----------
    counts : dict of (int, int, int) to int
        How many counts there are of each number of decimals, step and first count, in order of
        their codes.
    firsts : (measurements,) uint64
        The code of each measurement's count of 0.
    """

    counts: dict[tuple[int, int, int], int]
    firsts: NDArray[np.uint64]

    @property
    def size(self) -> int:
        return sum(self.counts.values())

    def values(self) -> NDArray[np.float64]:
        """Return the values, in the order of their codes."""
        return np.concatenate(
            [
                kernels.value_of_count(first + np.arange(count) * step, float(10**decimals))
                for (decimals, step, first), count in self.counts.items()
            ]
        )


def value_dictionary(quantities: Quantities) -> ValueDictionary | None:
    """Return the dictionary of all possible values; None where 16 bits do not address them."""
    counts: dict[tuple[int, int, int], int] = {}
    kinds = []
    for number in quantities.numbers:
        if number.decimals is None or number.max_count is None:
            return None
        kinds.append((number.decimals, number.step, number.first))
        counts[kinds[-1]] = max(counts.get(kinds[-1], 0), number.max_count + 1)
    if sum(counts.values()) > 2**DICTIONARY_BITS - quantities.nullable:
        return None
    firsts = dict(zip(counts, accumulate(counts.values(), initial=0), strict=False))
    return ValueDictionary(counts, np.array([firsts[kind] for kind in kinds], np.uint64))
