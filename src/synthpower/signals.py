"""What a reading's value is: the rule, its kernel and the kernel's parameters."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synthpower import kernels
from synthpower.grid import Chunk
from synthpower.specification import SIGNALS, Specification
from synthpower.streams import FUZZ, VALUE, stream_key

# uniform: a random number in [0, 1) times the scale. triangular: the smaller of two such numbers.
_CODES = dict(zip(SIGNALS, (kernels.UNIFORM, kernels.TRIANGULAR), strict=True))

PLACE_BITS = 16  # whole bytes, and the widest that all readers of Parquet take
MOST_PLACES = 2**PLACE_BITS

Keys = NDArray[np.uint64]
Times = NDArray[np.int64]


class Signal:
    """A specification's kernels with their parameters bound.

    A reading with decimals is a whole count of 10**-decimals, each of 0 to
    ``max_count`` equally likely under `uniform`; one without is a multiple of
    2**-53 times the scale.
    """

    def __init__(self, specification: Specification) -> None:
        measurements = specification.measurements
        self._specification = specification
        self.fuzz = specification.fuzz
        self._code = _CODES[specification.signal]
        self._keys = np.array(
            [stream_key(specification.seed, VALUE, m.name) for m in measurements], np.uint64
        )
        self._bounds = np.array(
            [0 if m.decimals is None else m.max_count + 1 for m in measurements], np.uint64
        )
        self._count_bounds = np.where(self._bounds == 0, np.uint64(2**53), self._bounds)
        self._scales = np.array(
            [float(m.scale) if m.decimals is None else float(10**m.decimals) for m in measurements]
        )
        self._fuzz_key = np.uint64(stream_key(specification.seed, FUZZ))

    def boundaries(self, chunk: Chunk, start: int | None = None) -> Times:
        """Return where a chunk's steps begin and, last, where its last one ends.

        In seconds since the epoch; `start` is the base time, the specification's otherwise.
        """
        spec = self._specification
        steps = np.arange(chunk.first_step, chunk.first_step + chunk.steps + 1)
        return (spec.start if start is None else start) + spec.interval * steps

    def fill_values(
        self, server_keys: Keys, times: Times, out: NDArray[np.float64]
    ) -> tuple[float, float]:
        """Fill `out` (times, servers, measurements); return the least and greatest value."""
        scratch, extremes = self._scratch()
        kernels.fill_values(
            server_keys, times, self._keys, self._code, self._bounds, self._scales,
            scratch, extremes, out,
        )  # fmt: skip
        return self._range(extremes)

    def fill_counts(
        self, server_keys: Keys, times: Times, firsts: NDArray[np.uint64], out: NDArray[Any]
    ) -> tuple[float, float]:
        """Fill `out` (times, servers, measurements) with counts; return the least, greatest value.

        Counts of 10**-decimals that begin at `firsts`; without decimals, of 2**-53 of the scale.
        """
        scratch, extremes = self._scratch()
        kernels.fill_counts(
            server_keys, times, self._keys, self._code, self._count_bounds, firsts,
            scratch, extremes, out,
        )  # fmt: skip
        return self._range(extremes)

    def fill_times(
        self, server_keys: Keys, times: Times, firsts: Times, unit: int, out: NDArray[Any]
    ) -> None:
        """Fill `out` (times, servers, measurements) with when the servers' steps really begin.

        A time is its place in `firsts`, and later by `unit` for each second of delay.
        """
        kernels.fill_late_times(server_keys, times, self._fuzz_key, self.fuzz, firsts, unit, out)

    def _scratch(self) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
        extremes = np.empty((self._keys.size, 2), np.uint64)
        extremes[:] = 2**64 - 1, 0
        return np.empty(kernels.TILE, np.uint64), extremes

    def _range(self, extremes: NDArray[np.uint64]) -> tuple[float, float]:
        """Return the least and the greatest value of the least and greatest draws."""
        values = []
        for draws, bound, scale in zip(
            extremes.tolist(), self._bounds.tolist(), self._scales.tolist(), strict=True
        ):
            for draw in draws:
                count = draw * bound >> 64
                values.append(count / scale if bound else (draw >> 11) * 2.0**-53 * scale)
        return min(values), max(values)


@dataclass(frozen=True)
class Places:
    """Places of few counts: measurements of the same decimals share theirs.

    Attributes
    ----------
    counts : dict of int to int
        How many counts there are of each number of decimals, in order of their places.
    firsts : (measurements,) uint64
        The place of each measurement's count of 0.
    """

    counts: dict[int, int]
    firsts: NDArray[np.uint64]

    @property
    def size(self) -> int:
        return sum(self.counts.values())


def places_of_counts(specification: Specification) -> Places | None:
    """Return the places of all possible counts; None where there are more than 16 bits address."""
    counts: dict[int, int] = {}
    for m in specification.measurements:
        if m.decimals is None:
            return None
        counts[m.decimals] = max(counts.get(m.decimals, 0), m.max_count + 1)
    if sum(counts.values()) > MOST_PLACES:
        return None
    firsts = dict(zip(counts, accumulate(counts.values(), initial=0), strict=False))
    places = [firsts[m.decimals] for m in specification.measurements if m.decimals is not None]
    return Places(counts, np.array(places, np.uint64))
