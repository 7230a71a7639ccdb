"""The signals of independent random numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synthpower import kernels
from synthpower.errors import InputError
from synthpower.fleet.fleet import Fleet
from synthpower.model.grid import Chunk
from synthpower.model.measurement import without_quantities
from synthpower.model.specification import Specification
from synthpower.model.streams import VALUE, stream_key
from synthpower.signals.quantity import Quantities
from synthpower.signals.steps import Steps
from synthpower.signals.totals import Totals, totals_of

_NARROW = 2**32  # bounds below it take half the products


class Uniform:
    """A random number between the minimum and the scale, each count equally likely."""

    name = "uniform"
    facts = ()
    code = kernels.UNIFORM

    def complete(self, specification: Specification, fleet: Fleet) -> Specification:  # noqa: ARG002
        if specification.faults:
            raise InputError("they go with the load signal only", "faults")
        measurements = without_quantities(specification.measurements)
        return replace(specification, measurements=measurements, offsets=())

    def bind(self, specification: Specification, fleet: Fleet) -> RandomValues:
        return RandomValues(self.code, specification, fleet)


class Triangular(Uniform):
    """The smaller of two such numbers."""

    name = "triangular"
    code = kernels.TRIANGULAR


class RandomValues:
    """Evaluates a signal of independent random numbers; see `Evaluator`."""

    def __init__(self, code: int, specification: Specification, fleet: Fleet) -> None:
        measurements = specification.measurements
        self.quantities = Quantities.of(measurements)
        self._code = code
        self._servers = fleet.by_serial
        self._steps = Steps(specification)
        keys = [stream_key(specification.seed, VALUE, m.name) for m in measurements]
        self._keys = np.array([keys, keys], np.uint64)

    def counts(
        self, chunk: Chunk, start: int, firsts: NDArray[np.uint64], out: NDArray[Any]
    ) -> Totals:
        summary = self.fill_counts(chunk, start, firsts, out)
        return totals_of(self.quantities, summary, out, firsts)

    def values(self, chunk: Chunk, start: int, out: NDArray[np.float64]) -> Totals:
        return totals_of(self.quantities, self.fill_values(chunk, start, out), out)

    def fill_counts(
        self,
        chunk: Chunk,
        start: int,
        firsts: NDArray[np.uint64],
        out: NDArray[Any],
        only: Sequence[int] | None = None,
    ) -> NDArray[np.uint64]:
        """Fill the counts of all measurements, or of some only, and return their summary."""
        bounds = self.quantities.count_bounds
        if out.dtype == np.uint16:
            kinds = ["codes"] * bounds.size
        else:
            kinds = ["counts" if bound < _NARROW else "wide_counts" for bound in bounds.tolist()]
        return self._fill(kinds, chunk, start, bounds, firsts, out, only)

    def fill_values(
        self,
        chunk: Chunk,
        start: int,
        out: NDArray[np.float64],
        only: Sequence[int] | None = None,
    ) -> NDArray[np.uint64]:
        """Fill the values of all measurements, or of some only, and return their summary."""
        bounds = self.quantities.bounds
        kinds = [
            "doubles" if not bound else "decimals" if bound < _NARROW else "wide_decimals"
            for bound in bounds.tolist()
        ]
        return self._fill(kinds, chunk, start, bounds, self.quantities.scales, out, only)

    def _fill(
        self,
        kinds: list[str],
        chunk: Chunk,
        start: int,
        bounds: NDArray[np.uint64],
        terms: NDArray[Any],
        out: NDArray[Any],
        only: Sequence[int] | None,
    ) -> NDArray[np.uint64]:
        """Fill the measurements, each of its kind: all at once where these are alike."""
        summary = kernels.new_summary(bounds.size)
        keys, times = self._servers.keys_of(chunk), self._steps.starts(chunk, start)
        minima = self.quantities.minima
        if only is None and len(set(kinds)) == 1:
            fill = kernels.FILLS[self._code, kinds[0]]
            fill(keys, times, self._keys, bounds, terms, summary, out, minima=minima)
            return summary
        for m in range(bounds.size) if only is None else only:
            fill = kernels.FILLS[self._code, kinds[m]]
            fill(keys, times, self._keys, bounds, terms, summary, out, range(m, m + 1), minima)
        return summary
