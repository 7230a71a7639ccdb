"""Count <-> value: what the numbers that kernels draw mean. The only place that knows.

A reading with decimals is a whole count of 10**-decimals, divided once; one without is a
multiple of 2**-53, multiplied once by the scale (see `kernels.value_of_count`, `value_of_unit`).
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from synthpower import kernels
from synthpower.model.measurement import Measurement

DICTIONARY_BITS = 16  # whole bytes, and the widest that all readers of Parquet take
_UNITS = 2**53  # of a measurement without decimals, in its scale


class Quantities:
    """The measurements of a file, as kernels take them.

    Attributes
    ----------
    bounds : (measurements,) uint64
        How many counts there are; 0 for full double precision.
    count_bounds : (measurements,) uint64
        The same, with 2**53 for full double precision.
    scales : (measurements,) float64
        What a count is divided by; for full precision, what a multiple of 2**-53 is
        multiplied by.
    decimals : (measurements,) int64
        -1 for full double precision.
    """

    def __init__(self, measurements: Sequence[Measurement]) -> None:
        self.bounds = np.array(
            [0 if m.decimals is None else m.max_count + 1 for m in measurements], np.uint64
        )
        self.count_bounds = np.where(self.bounds == 0, np.uint64(_UNITS), self.bounds)
        self.scales = np.array(
            [float(m.scale) if m.decimals is None else float(10**m.decimals) for m in measurements]
        )
        self.decimals = np.array(
            [-1 if m.decimals is None else m.decimals for m in measurements], np.int64
        )

    def limits(self, summary: NDArray[np.uint64]) -> tuple[float, float]:
        """Return the least and the greatest value of a summary: (measurements, 2 or more) counts.

        Of measurements without decimals they are counts of 2**-53, whatever was filled.
        """
        counts = summary[:, :2].astype(np.int64)
        values = [
            (kernels.value_of_count if bound else kernels.value_of_unit)(each, scale)
            for each, bound, scale in zip(counts, self.bounds, self.scales, strict=True)
        ]
        return float(np.min(values)), float(np.max(values))


class ValueDictionary(NamedTuple):
    """All possible values, where they are few: measurements of the same decimals share theirs.

    Attributes
    ----------
    counts : dict of int to int
        How many counts there are of each number of decimals, in order of their codes.
    firsts : (measurements,) uint64
        The code of each measurement's count of 0.
    """

    counts: dict[int, int]
    firsts: NDArray[np.uint64]

    @property
    def size(self) -> int:
        return sum(self.counts.values())

    def values(self) -> NDArray[np.float64]:
        """Return the values, in the order of their codes."""
        return np.concatenate(
            [
                kernels.value_of_count(np.arange(count), float(10**decimals))
                for decimals, count in self.counts.items()
            ]
        )


def value_dictionary(measurements: Sequence[Measurement]) -> ValueDictionary | None:
    """Return the dictionary of all possible values; None where 16 bits do not address them."""
    counts: dict[int, int] = {}
    for m in measurements:
        if m.decimals is None:
            return None
        counts[m.decimals] = max(counts.get(m.decimals, 0), m.max_count + 1)
    if sum(counts.values()) > 2**DICTIONARY_BITS:
        return None
    firsts = dict(zip(counts, accumulate(counts.values(), initial=0), strict=False))
    codes = [firsts[m.decimals] for m in measurements if m.decimals is not None]
    return ValueDictionary(counts, np.array(codes, np.uint64))
