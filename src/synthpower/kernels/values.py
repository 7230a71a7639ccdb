"""Kernels of the readings: values and times. Arrays in, `out` last, nothing allocated."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from synthpower.kernels._jit import inlined, kernel
from synthpower.kernels.philox import U64, draws, scaled

UNIFORM = 0
TRIANGULAR = 1

TILE = 512  # cells of `scratch`: 4 KiB, a few of which stay in the first-level cache

_TO_53_BITS = U64(11)
_UNIT = 2.0**-53


@inlined
def _fill_draws(
    server_keys: NDArray[np.uint64],
    time: np.uint64,
    key: np.uint64,
    signal: int,
    out: NDArray[np.uint64],
) -> None:
    # One loop for each signal: a choice inside the loop, made per cell, stops the vectoriser.
    if signal == TRIANGULAR:
        for i in range(out.size):
            first, second = draws(server_keys[i], time, key)
            out[i] = min(first, second)
    else:
        for i in range(out.size):
            first, _ = draws(server_keys[i], time, key)
            out[i] = first


@inlined
def _widen(draws_of_tile: NDArray[np.uint64], extremes: NDArray[np.uint64]) -> None:
    # Whole numbers: the compiler makes SIMD of their minimum, which of doubles it may not.
    low, high = extremes[0], extremes[1]
    for i in range(draws_of_tile.size):
        low = min(low, draws_of_tile[i])
        high = max(high, draws_of_tile[i])
    extremes[0] = low
    extremes[1] = high


@inlined
def _scale_draws(bound: np.uint64, out: NDArray[np.uint64]) -> None:
    for i in range(out.size):
        out[i] = scaled(out[i], bound)


@kernel(written=3)
def fill_counts(
    server_keys: NDArray[np.uint64],
    times: NDArray[np.int64],
    stream_keys: NDArray[np.uint64],
    signal: int,
    bounds: NDArray[np.uint64],
    firsts: NDArray[np.uint64],
    scratch: NDArray[np.uint64],
    extremes: NDArray[np.uint64],
    out: NDArray[Any],
) -> None:
    """Fill the integer counts of readings.

    Parameters
    ----------
    server_keys : (servers,) uint64
        The servers' coordinates.
    times : (times,) int64
        Starts of the nominal intervals, seconds since the epoch, >= 0.
    stream_keys : (measurements,) uint64
        One Philox key for each measurement.
    signal : int
        `UNIFORM` or `TRIANGULAR`.
    bounds : (measurements,) uint64
        How many counts there are: a count is below it. 1 to 2**53 + 1.
    firsts : (measurements,) uint64
        What is added to the counts: where a measurement's begin in a dictionary.
    scratch : (TILE,) uint64
        Overwritten.
    extremes : (measurements, 2) uint64
        The least and the greatest draw so far, updated. A count grows with its draw.
    out : (times, servers, measurements) of any integers
        The counts.
    """
    # A tile of one measurement is drawn contiguously, then spread over the rows: with a stride
    # known only at run time the loop of Philox is not vectorised (0.09 G cells/s, not 0.2).
    for t in range(times.size):
        for low in range(0, server_keys.size, TILE):
            high = min(low + TILE, server_keys.size)
            tile = scratch[: high - low]
            for m in range(stream_keys.size):
                _fill_draws(server_keys[low:high], U64(times[t]), stream_keys[m], signal, tile)
                _widen(tile, extremes[m])
                _scale_draws(bounds[m], tile)
                first = firsts[m]
                for i in range(tile.size):
                    out[t, low + i, m] = tile[i] + first


@kernel(written=3)
def fill_values(
    server_keys: NDArray[np.uint64],
    times: NDArray[np.int64],
    stream_keys: NDArray[np.uint64],
    signal: int,
    bounds: NDArray[np.uint64],
    scales: NDArray[np.float64],
    scratch: NDArray[np.uint64],
    extremes: NDArray[np.uint64],
    out: NDArray[np.float64],
) -> None:
    """Fill the values of readings.

    Parameters
    ----------
    server_keys, times, stream_keys, signal, scratch, extremes
        As in `fill_counts`.
    bounds : (measurements,) uint64
        As in `fill_counts`; 0 means full double precision.
    scales : (measurements,) float64
        What a count is divided by (a power of ten); for full precision, what a
        number in [0, 1), a multiple of 2**-53, is multiplied by.
    out : (times, servers, measurements) float64
        The values, in the unit of the measurement.
    """
    for t in range(times.size):
        for low in range(0, server_keys.size, TILE):
            high = min(low + TILE, server_keys.size)
            tile = scratch[: high - low]
            for m in range(stream_keys.size):
                _fill_draws(server_keys[low:high], U64(times[t]), stream_keys[m], signal, tile)
                _widen(tile, extremes[m])
                scale = scales[m]
                if bounds[m] > U64(0):
                    _scale_draws(bounds[m], tile)
                    for i in range(tile.size):
                        out[t, low + i, m] = np.float64(np.int64(tile[i])) / scale
                else:
                    for i in range(tile.size):
                        unit = np.float64(np.int64(tile[i] >> _TO_53_BITS)) * _UNIT
                        out[t, low + i, m] = unit * scale


@kernel()
def fill_late_times(
    server_keys: NDArray[np.uint64],
    times: NDArray[np.int64],
    stream_key: np.uint64,
    fuzz: int,
    firsts: NDArray[np.int64],
    unit: int,
    out: NDArray[Any],
) -> None:
    """Fill the step boundaries of servers, each late by 0 to `fuzz` whole seconds.

    Parameters
    ----------
    server_keys : (servers,) uint64
        The servers' coordinates.
    times : (boundaries,) int64
        Nominal step boundaries, seconds since the epoch, >= 0.
    stream_key : uint64
        The Philox key.
    fuzz : int
        The greatest delay, in seconds.
    firsts : (boundaries,) int64
        What stands for the nominal boundary: its time, or its place in a dictionary.
    unit : int
        What a second of delay adds.
    out : (boundaries, servers, measurements) of any integers
        The same for all measurements of a server.
    """
    bound = U64(fuzz + 1)
    for t in range(times.size):
        for s in range(server_keys.size):
            draw, _ = draws(server_keys[s], U64(times[t]), stream_key)
            time = firsts[t] + np.int64(scaled(draw, bound)) * unit
            for m in range(out.shape[2]):
                out[t, s, m] = time
