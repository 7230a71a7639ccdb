"""Which readings are there, in one bit each, and how late each boundary between intervals is.

Memory: a bit for each reading that there must be. Where intervals are fuzzed, for each server and
boundary one byte (intervals below 255 s), two (below 65,535 s) or four. It is asked for in whole,
but the system hands out only the pages that are written to: a few scattered readings touch few.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

Flags = NDArray[np.bool_]
Numbers = NDArray[np.int64]

_SPREAD = 16  # times as far apart as there are readings in a batch: then they are scattered


class Cells:
    """A bit for each of the cells from `first` to `last`: whether a reading of it was seen."""

    def __init__(self, first: int, last: int) -> None:
        self.first, self.last = first, last
        self._bits = np.zeros((last - first + 7) // 8, np.uint8)

    def add(self, cells: Numbers) -> Flags:
        """Add cells, each of them within; return which were there before, or come twice here."""
        at = cells - self.first
        if not at.size:
            return np.zeros(0, np.bool_)
        low, high = int(at.min()) >> 3, (int(at.max()) >> 3) + 1
        if (high - low) * 8 < _SPREAD * at.size + 2**16:
            fresh = self._add_near(at, low, high)
        else:
            fresh = self._add_scattered(at)
        return np.zeros(at.size, np.bool_) if fresh is None else fresh

    def _add_near(self, at: Numbers, low: int, high: int) -> Flags | None:
        near = np.zeros((high - low) * 8, np.bool_)
        near[at - low * 8] = True
        added = np.packbits(near, bitorder="little")
        kept = self._bits[low:high]
        doubled = np.count_nonzero(near) < at.size or (kept & added).any()
        again = (self._has(at) | _repeated(at)) if doubled else None
        kept |= added
        return again

    def _add_scattered(self, at: Numbers) -> Flags:
        again = self._has(at) | _repeated(at)
        np.bitwise_or.at(self._bits, at >> 3, np.left_shift(1, at & 7).astype(np.uint8))
        return again

    def _has(self, at: Numbers) -> Flags:
        found: Flags = (self._bits[at >> 3] >> (at & 7).astype(np.uint8) & 1).astype(np.bool_)
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

    @property
    def seen(self) -> int:
        """How many cells were seen."""
        return int(np.bitwise_count(self._bits).sum(dtype=np.int64))


def _repeated(at: Numbers) -> Flags:
    """Return which numbers are repetitions of one before them."""
    order = np.argsort(at, kind="stable")
    ordered = at[order]
    again = np.zeros(at.size, np.bool_)
    again[order[1:]] = ordered[1:] == ordered[:-1]
    return again


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

    def keep(self, seen: Iterator[tuple[int, Flags]]) -> None:
        """Begin to keep boundaries; `seen` yields steps and which servers were seen in them."""
        self.late = np.zeros(self.shape, self.dtype)
        for step, servers in seen:
            self.late[step : step + 2, servers] = 1

    def add(self, steps: Numbers, servers: Numbers, late: Numbers) -> Flags:
        """Add boundaries; return which are at another time than was known before."""
        assert self.late is not None
        flat = self.late.reshape(-1)
        at = steps * self.shape[1] + servers
        stored = (late + 1).astype(self.dtype)
        unknown = np.flatnonzero(flat[at] == 0)[::-1]  # the first of several stays
        flat[at[unknown]] = stored[unknown]
        other: Flags = flat[at] != stored
        return other

    def seconds(self, step: int, server: int) -> int:
        """Return how many seconds late a boundary is that is known."""
        assert self.late is not None
        return int(self.late[step, server]) - 1
