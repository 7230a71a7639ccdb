"""What a reading's value is: the rule, its kernel and the kernel's parameters."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from synthpower import kernels
from synthpower.specification import SIGNALS, Specification
from synthpower.streams import FUZZ, VALUE, stream_key

# uniform: a random number in [0, 1) times the scale. triangular: the smaller of two such numbers.
_CODES = dict(zip(SIGNALS, (kernels.UNIFORM, kernels.TRIANGULAR), strict=True))


class Signal:
    """A specification's kernels with their parameters bound.

    A reading with decimals is a whole count of 10**-decimals, each of 0 to
    ``max_count`` equally likely under `uniform`; one without is a multiple of
    2**-53 times the scale.
    """

    def __init__(self, specification: Specification) -> None:
        measurements = specification.measurements
        self.fuzz = specification.fuzz
        self._code = _CODES[specification.signal]
        self._keys = np.array(
            [stream_key(specification.seed, VALUE, m.name) for m in measurements], np.uint64
        )
        self._bounds = np.array(
            [0 if m.decimals is None else m.max_count + 1 for m in measurements], np.uint64
        )
        self._scales = np.array(
            [float(m.scale) if m.decimals is None else float(10**m.decimals) for m in measurements]
        )
        self._fuzz_key = np.uint64(stream_key(specification.seed, FUZZ))

    def fill_values(
        self,
        server_keys: NDArray[np.uint64],
        times: NDArray[np.int64],
        out: NDArray[np.float64],
    ) -> None:
        """Fill `out` (times, servers, measurements) with values."""
        scratch = np.empty(kernels.TILE, np.uint64)
        kernels.fill_values(
            server_keys, times, self._keys, self._code, self._bounds, self._scales, scratch, out
        )

    def fill_counts(
        self, server_keys: NDArray[np.uint64], times: NDArray[np.int64], out: NDArray[np.int64]
    ) -> None:
        """Fill `out` (times, servers, measurements) with counts, 0 where there are no decimals."""
        scratch = np.empty(kernels.TILE, np.uint64)
        kernels.fill_counts(server_keys, times, self._keys, self._code, self._bounds, scratch, out)

    def fill_times(
        self, server_keys: NDArray[np.uint64], times: NDArray[np.int64], out: NDArray[np.int64]
    ) -> None:
        """Fill `out` (times, servers) with the times at which the servers' steps really begin."""
        kernels.fill_late_times(server_keys, times, self._fuzz_key, self.fuzz, out)
