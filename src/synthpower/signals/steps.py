"""When the steps of a chunk begin and end: nominally and, with fuzz, for each server."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from synthpower import kernels
from synthpower.model.grid import Chunk
from synthpower.model.specification import Specification
from synthpower.model.streams import FUZZ, stream_key

Times = NDArray[np.int64]


class Steps:
    """The step boundaries of a specification, in seconds since the epoch.

    Attributes
    ----------
    fuzz : int
        The seconds by which a boundary may be late.
    """

    def __init__(self, specification: Specification) -> None:
        self.fuzz = specification.fuzz
        self._interval = specification.interval
        self._key = stream_key(specification.seed, FUZZ)

    def boundaries(self, chunk: Chunk, start: int) -> Times:
        """Return where a chunk's steps begin and, last, where its last one ends.

        `start` is the base time of the file.
        """
        return start + self._interval * np.arange(
            chunk.first_step, chunk.first_step + chunk.steps + 1
        )

    def starts(self, chunk: Chunk, start: int) -> Times:
        """Return where a chunk's steps begin."""
        return self.boundaries(chunk, start)[:-1]

    def fill_late(
        self,
        server_keys: NDArray[np.uint64],
        boundaries: Times,
        firsts: Times,
        unit: int,
        out: NDArray[Any],
    ) -> None:
        """Fill `out` (boundaries, servers, measurements) with when they really are.

        A time is that in `firsts`, and later by `unit` for each second of delay.
        """
        kernels.fill_late_times(server_keys, boundaries, self._key, self.fuzz, firsts, unit, out)
