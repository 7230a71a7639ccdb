"""What a signal is: a pure function of a reading's coordinates."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from synthpower.fleet.fleet import Fleet
from synthpower.model.grid import Chunk
from synthpower.model.specification import Specification
from synthpower.signals.quantity import Quantities
from synthpower.signals.totals import Totals


class Evaluator(Protocol):
    """A signal bound to a specification and a fleet.

    What looks like state has to come from the time, from noise at fixed knots or from facts of
    the fleet: any chunk is evaluated alone, on any thread, in any order.

    Attributes
    ----------
    quantities : Quantities
        What its readings can be.
    """

    quantities: Quantities

    def counts(
        self, chunk: Chunk, start: int, firsts: NDArray[np.uint64], out: NDArray[Any]
    ) -> Totals:
        """Fill the counts of a chunk; return what they come to (see `totals_of`).

        A reading that is absent is the `quantity.NULLS` of the type of `out`.

        Parameters
        ----------
        chunk : Chunk
        start : int
            The base time of the file, in seconds since the epoch.
        firsts : (measurements,) uint64
            What is added to each measurement's counts.
        out : (steps, servers, measurements) of any integers
            Counts of 10**-decimals, or of a step of it (see `Numbers`); without decimals, of
            2**-53 of the scale.
        """
        ...

    def values(self, chunk: Chunk, start: int, out: NDArray[np.float64]) -> Totals:
        """Fill the values of a chunk, as `counts`."""
        ...


class Signal(Protocol):
    """A rule that makes values.

    Attributes
    ----------
    name : str
    facts : tuple of str
        The columns of server_types.csv and locations.csv that it needs to know of each server
        (see `Fleet.facts`): their digest is part of a file's record.
    """

    name: str
    facts: tuple[str, ...]

    def complete(self, specification: Specification, fleet: Fleet) -> Specification:
        """Return a specification with what it takes of the fleet, and nothing that it ignores."""
        ...

    def bind(self, specification: Specification, fleet: Fleet) -> Evaluator:
        """Return what evaluates the signal for files that differ in their date only."""
        ...
