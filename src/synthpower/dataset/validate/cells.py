"""Which readings are there, in one bit each, and how late each boundary between intervals is.

Memory: a bit for each reading that there must be. Where intervals are fuzzed, for each server and
boundary one byte (intervals below 255 s), two (below 65,535 s) or four. It is asked for in whole,
but the system hands out only the pages that are written to: a few scattered readings touch few.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from synthpower import kernels
from synthpower.dataset.validate.texts import Flags

Numbers = NDArray[np.int64]


class Cells:
    """A bit for each of the cells from `first` to `last`: whether a reading of it was seen."""

    def __init__(self, first: int, last: int) -> None:
        self.first, self.last = first, last
        self._bits = np.zeros((last - first + 7) // 8, np.uint8)

    def add(self, cells: Numbers) -> NDArray[np.uint8]:
        """Add cells; return what is wrong with each, as `kernels.mark_cells` says it."""
        found = np.empty(cells.size, np.uint8)
        kernels.mark_cells(cells, self.first, self.last, self._bits, found)
        return found

    def flags(self, first: int, last: int) -> Flags:
        """Return which cells of a range were seen; none outside of what is kept."""
        seen = np.zeros(last - first, np.bool_)
        low, high = max(first, self.first) - self.first, min(last, self.last) - self.first
        if low < high:
            bits = np.unpackbits(self._bits[low >> 3 : (high + 7) >> 3], bitorder="little")
            begin = low + self.first - first
            seen[begin : begin + high - low] = bits[low & 7 : (low & 7) + high - low]
        return seen

    def counts(self, begin: int, steps: int, per_step: int) -> Numbers:
        """Return how many cells were seen of each of so many steps, from `begin`."""
        found = np.empty(steps, np.int64)
        kernels.count_seen(self._bits, self.first, self.last, per_step, begin, found)
        return found

    @property
    def seen(self) -> int:
        """How many cells were seen."""
        return int(self.counts(0, 1, self.last)[0]) if self.last else 0

    def keep_punctual(self, measurements: int, known: NDArray[np.unsignedinteger]) -> None:
        """Keep that the boundaries of all that was seen are not late."""
        kernels.keep_punctual(self._bits, self.first, self.last, measurements, known)


class Boundaries:
    """How many seconds late each server's boundary between two steps is.

    Nothing is kept while none is late: then whatever was seen was at its nominal time.
    """

    def __init__(self, steps: int, servers: int, interval: int) -> None:
        self.shape = steps + 1, servers
        self.dtype = np.min_scalar_type(interval)
        self.late: NDArray[np.unsignedinteger] | None = None  # and one more; 0 is not known

    @property
    def size(self) -> int:
        """The bytes that it takes where a boundary is late."""
        return self.shape[0] * self.shape[1] * self.dtype.itemsize

    def keep(self, seen: Cells, measurements: int) -> None:
        """Begin to keep boundaries; those of all cells that were seen are not late."""
        self.late = np.zeros(self.shape, self.dtype)
        seen.keep_punctual(measurements, self.late)

    def add(self, cells: Numbers, measurements: int, ahead: int, late: NDArray[np.int32]) -> Flags:
        """Add boundaries; return which are at another time than was known before.

        Parameters
        ----------
        cells, measurements, ahead, late
            As `kernels.keep_boundaries` has them.
        """
        assert self.late is not None
        found = np.empty(cells.size, np.bool_)
        kernels.keep_boundaries(cells, measurements, ahead, late, self.late, found)
        return found

    def seconds(self, step: int, server: int) -> int:
        """Return how many seconds late a boundary is that is known."""
        assert self.late is not None
        return int(self.late[step, server]) - 1
