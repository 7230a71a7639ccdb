"""Kernels of the readings: counts, values and times. Arrays in, `out` last, nothing allocated.

Each draws a tile of servers for two measurements in one loop, or for one measurement the two
halves of the tile, and then spreads what it has drawn over the rows. What was tried, in Philox
calls stored into a tile, for a value with its sums and extremes:

===========================================================================  ==================
two measurements in a loop: LLVM interleaves four iterations of eight lanes  0.9 to 1.0
one measurement in a loop, not interleaved: the calls' latency shows         1.2 to 1.3
two times of one measurement, or halves of a tile, under one key             1.2 to 1.4
halves of a tile, the key loaded twice: LLVM takes them for two              1.0 to 1.1
drawn, widened, scaled and stored in four loops over a tile (version 0.1)    2.0 to 3.6
stored to where they belong, with a stride known only at run time: no SIMD   9
===========================================================================  ==================

A bound below 2**32 takes two products of 32 bits, not four.
"""

from __future__ import annotations

from typing import Any, NamedTuple, cast

import numpy as np
from numpy.typing import NDArray

from synthpower.jit import Kernel, inlined, kernel, variant
from synthpower.kernels.blocks import put_four, put_pair, put_two
from synthpower.kernels.philox import HALF, LOW, U64, draws, scaled
from synthpower.kernels.quantity import value_of_count, value_of_unit

UNIFORM = 0
TRIANGULAR = 1

TILE = 512  # servers: what is drawn of them stays in the first-level cache
SUMMARY = 4  # numbers of each measurement: least, greatest count, low and high half of their sum

_TO_53_BITS = U64(11)
_CODE = U64(16)  # bits
_CODE_32 = np.uint32(16)


@inlined
def uniform(a: np.uint64, b: np.uint64, key: np.uint64) -> np.uint64:
    """Return a random number."""
    first, _ = draws(a, b, key)
    return first


@inlined
def triangular(a: np.uint64, b: np.uint64, key: np.uint64) -> np.uint64:
    """Return the smaller of two random numbers: one call of Philox has both."""
    first, second = draws(a, b, key)
    return min(first, second)


@inlined
def narrow(draw: np.uint64, bound: np.uint64) -> np.uint64:
    """Return floor(draw * bound / 2**64), for a bound below 2**32."""
    bound &= LOW  # what the compiler does not know: or it multiplies 64 bits
    return ((draw >> HALF) * bound + (((draw & LOW) * bound) >> HALF)) >> HALF


@inlined
def unit(draw: np.uint64, _bound: np.uint64) -> np.uint64:
    """Return floor(draw * 2**53 / 2**64)."""
    return draw >> _TO_53_BITS


@inlined
def code_of(count: np.uint64, first: np.uint64) -> np.uint64:
    """Return a count's index in a dictionary."""
    return count + first


@inlined
def decimal_of(count: np.uint64, scale: float) -> float:
    """Return the value of a count of 10**-decimals."""
    value: float = value_of_count(np.float64(np.int64(count)), scale)
    return value


@inlined
def count_from(count: np.uint64, first: np.uint64, _minimum: float) -> np.uint64:
    """Return a count, which is counted from the minimum."""
    return count + first


@inlined
def decimal_from(count: np.uint64, scale: float, minimum: float) -> float:
    """Return the value of a count of 10**-decimals above the minimum."""
    value: float = value_of_count(np.float64(np.int64(count)) + minimum, scale)
    return value


@inlined
def double_from(count: np.uint64, scale: float, minimum: float) -> float:
    """Return the value of a count of 2**-53 of the scale above the minimum."""
    value: float = value_of_unit(np.int64(count), scale) + minimum
    return value


# What the templates below draw, and make of it: each kernel has its own.
draw, count_of, number_of = uniform, narrow, count_from


def _code_pairs(  # noqa: C901 - a kernel is one loop
    server_keys: NDArray[np.uint64],
    times: NDArray[np.int64],
    stream_keys: NDArray[np.uint64],
    bounds: NDArray[np.uint64],
    firsts: NDArray[np.uint64],
    scratch: NDArray[np.uint32],
    summary: NDArray[np.uint64],
    out: NDArray[np.uint16],
) -> None:
    measurements = bounds.size
    for t in range(times.size):
        time = U64(times[t])
        for low in range(0, server_keys.size, TILE):
            keys = server_keys[low : min(low + TILE, server_keys.size)]
            begin = (t * server_keys.size + low) * measurements
            for m in range(0, measurements - 1, 2):
                row = scratch[(m >> 1) & 1]
                key_0, bound_0, first_0 = stream_keys[0, m], bounds[m], firsts[m]
                key_1, bound_1, first_1 = stream_keys[0, m + 1], bounds[m + 1], firsts[m + 1]
                least_0, most_0, low_0 = summary[m, 0], summary[m, 1], summary[m, 2]
                least_1, most_1, low_1 = summary[m + 1, 0], summary[m + 1, 1], summary[m + 1, 2]
                for i in range(keys.size):
                    a = count_of(draw(keys[i], time, key_0), bound_0)
                    b = count_of(draw(keys[i], time, key_1), bound_1)
                    least_0, most_0, low_0 = min(least_0, a), max(most_0, a), low_0 + a
                    least_1, most_1, low_1 = min(least_1, b), max(most_1, b), low_1 + b
                    row[i] = (a + first_0) | ((b + first_1) << _CODE)
                summary[m, 0], summary[m, 1], summary[m, 2] = least_0, most_0, low_0
                summary[m + 1, 0], summary[m + 1, 1], summary[m + 1, 2] = least_1, most_1, low_1
                if measurements == 2:
                    for i in range(keys.size):
                        put_two(out, begin + 2 * i, row[i])
                elif (m >> 1) & 1:
                    index = begin + m - 2
                    for i in range(keys.size):
                        put_four(out, index, U64(scratch[0, i]) | (U64(row[i]) << HALF))
                        index += measurements
                elif m + 3 >= measurements:
                    index = begin + m
                    for i in range(keys.size):
                        put_two(out, index, row[i])
                        index += measurements


def _code_column(
    server_keys: NDArray[np.uint64],
    times: NDArray[np.int64],
    stream_keys: NDArray[np.uint64],
    bounds: NDArray[np.uint64],
    firsts: NDArray[np.uint64],
    column: int,
    scratch: NDArray[np.uint32],
    summary: NDArray[np.uint64],
    out: NDArray[np.uint16],
) -> None:
    measurements = bounds.size
    key_0, key_1 = stream_keys[0, column], stream_keys[1, column]
    bound, first = bounds[column], firsts[column]
    for t in range(times.size):
        time = U64(times[t])
        for low in range(0, server_keys.size, TILE):
            keys = server_keys[low : min(low + TILE, server_keys.size)]
            half = keys.size >> 1
            keys_0, keys_1 = keys[:half], keys[half : 2 * half]
            row = scratch[0, : keys.size]
            row_0, row_1 = row[:half], row[half : 2 * half]
            least_0 = least_1 = summary[column, 0]
            most_0 = most_1 = summary[column, 1]
            low_0 = low_1 = U64(0)
            for i in range(half):
                a = count_of(draw(keys_0[i], time, key_0), bound)
                b = count_of(draw(keys_1[i], time, key_1), bound)
                least_0, most_0, low_0 = min(least_0, a), max(most_0, a), low_0 + a
                least_1, most_1, low_1 = min(least_1, b), max(most_1, b), low_1 + b
                row_0[i] = a + first
                row_1[i] = b + first
            if keys.size & 1:
                a = count_of(draw(keys[2 * half], time, key_0), bound)
                least_0, most_0, low_0 = min(least_0, a), max(most_0, a), low_0 + a
                row[2 * half] = a + first
            summary[column, 0] = min(least_0, least_1)
            summary[column, 1] = max(most_0, most_1)
            summary[column, 2] += low_0 + low_1
            index = (t * server_keys.size + low) * measurements + column
            if measurements == 1:
                of_tile = out[index : index + keys.size]
                for i in range(keys.size):
                    of_tile[i] = row[i]
            else:
                for i in range(keys.size):
                    out[index] = row[i]
                    index += measurements


def _number_pairs(
    server_keys: NDArray[np.uint64],
    times: NDArray[np.int64],
    stream_keys: NDArray[np.uint64],
    bounds: NDArray[np.uint64],
    terms: NDArray[Any],
    minima: NDArray[np.float64],
    scratch: NDArray[Any],
    summary: NDArray[np.uint64],
    out: NDArray[Any],
) -> None:
    measurements = bounds.size
    for t in range(times.size):
        time = U64(times[t])
        for low in range(0, server_keys.size, TILE):
            keys = server_keys[low : min(low + TILE, server_keys.size)]
            begin = (t * server_keys.size + low) * measurements
            row_0, row_1 = scratch[0, : keys.size], scratch[1, : keys.size]
            for m in range(0, measurements - 1, 2):
                key_0, bound_0 = stream_keys[0, m], bounds[m]
                key_1, bound_1 = stream_keys[0, m + 1], bounds[m + 1]
                term_0, minimum_0 = terms[m], minima[m]
                term_1, minimum_1 = terms[m + 1], minima[m + 1]
                least_0, most_0 = summary[m, 0], summary[m, 1]
                least_1, most_1 = summary[m + 1, 0], summary[m + 1, 1]
                low_0 = high_0 = low_1 = high_1 = U64(0)
                for i in range(keys.size):
                    a = count_of(draw(keys[i], time, key_0), bound_0)
                    b = count_of(draw(keys[i], time, key_1), bound_1)
                    least_0, most_0 = min(least_0, a), max(most_0, a)
                    least_1, most_1 = min(least_1, b), max(most_1, b)
                    low_0, high_0 = low_0 + (a & LOW), high_0 + (a >> HALF)
                    low_1, high_1 = low_1 + (b & LOW), high_1 + (b >> HALF)
                    row_0[i] = number_of(a, term_0, minimum_0)
                    row_1[i] = number_of(b, term_1, minimum_1)
                summary[m, 0], summary[m, 1] = least_0, most_0
                summary[m, 2] += low_0
                summary[m, 3] += high_0
                summary[m + 1, 0], summary[m + 1, 1] = least_1, most_1
                summary[m + 1, 2] += low_1
                summary[m + 1, 3] += high_1
                if measurements == 2:
                    pairs = out[begin : begin + 2 * keys.size]
                    for i in range(keys.size):
                        even = U64(2) * U64(i)  # unsigned: no test for one behind the end
                        pairs[even] = row_0[i]
                        pairs[even + U64(1)] = row_1[i]
                else:
                    index = begin + m
                    for i in range(keys.size):
                        put_pair(out, index, row_0[i], row_1[i])
                        index += measurements


def _number_column(
    server_keys: NDArray[np.uint64],
    times: NDArray[np.int64],
    stream_keys: NDArray[np.uint64],
    bounds: NDArray[np.uint64],
    terms: NDArray[Any],
    minima: NDArray[np.float64],
    column: int,
    scratch: NDArray[Any],
    summary: NDArray[np.uint64],
    out: NDArray[Any],
) -> None:
    measurements = bounds.size
    key_0, key_1 = stream_keys[0, column], stream_keys[1, column]
    bound, term, minimum = bounds[column], terms[column], minima[column]
    for t in range(times.size):
        time = U64(times[t])
        for low in range(0, server_keys.size, TILE):
            keys = server_keys[low : min(low + TILE, server_keys.size)]
            half = keys.size >> 1
            keys_0, keys_1 = keys[:half], keys[half : 2 * half]
            index = (t * server_keys.size + low) * measurements + column
            row = out[index : index + keys.size] if measurements == 1 else scratch[0, : keys.size]
            row_0, row_1 = row[:half], row[half : 2 * half]
            least_0 = least_1 = summary[column, 0]
            most_0 = most_1 = summary[column, 1]
            low_0 = high_0 = low_1 = high_1 = U64(0)
            for i in range(half):
                a = count_of(draw(keys_0[i], time, key_0), bound)
                b = count_of(draw(keys_1[i], time, key_1), bound)
                least_0, most_0 = min(least_0, a), max(most_0, a)
                least_1, most_1 = min(least_1, b), max(most_1, b)
                low_0, high_0 = low_0 + (a & LOW), high_0 + (a >> HALF)
                low_1, high_1 = low_1 + (b & LOW), high_1 + (b >> HALF)
                row_0[i] = number_of(a, term, minimum)
                row_1[i] = number_of(b, term, minimum)
            if keys.size & 1:
                a = count_of(draw(keys[2 * half], time, key_0), bound)
                least_0, most_0 = min(least_0, a), max(most_0, a)
                low_0, high_0 = low_0 + (a & LOW), high_0 + (a >> HALF)
                row[2 * half] = number_of(a, term, minimum)
            summary[column, 0] = min(least_0, least_1)
            summary[column, 1] = max(most_0, most_1)
            summary[column, 2] += low_0 + low_1
            summary[column, 3] += high_0 + high_1
            if measurements > 1:
                for i in range(keys.size):
                    out[index] = row[i]
                    index += measurements


def _late_codes(  # noqa: C901
    server_keys: NDArray[np.uint64],
    times: NDArray[np.int64],
    stream_keys: NDArray[np.uint64],
    fuzz: int,
    firsts: NDArray[np.int64],
    scratch: NDArray[np.uint32],
    out: NDArray[np.uint16],
) -> None:
    bound = U64(fuzz + 1)
    measurements = out.size // max(1, times.size * server_keys.size)
    for t in range(times.size):
        time, first = U64(times[t]), U64(firsts[t])
        for low in range(0, server_keys.size, TILE):
            keys = server_keys[low : min(low + TILE, server_keys.size)]
            half = keys.size >> 1
            keys_0, keys_1 = keys[:half], keys[half : 2 * half]
            row = scratch[0, : keys.size]
            row_0, row_1 = row[:half], row[half : 2 * half]
            for i in range(half):
                row_0[i] = first + narrow(uniform(keys_0[i], time, stream_keys[0]), bound)
                row_1[i] = first + narrow(uniform(keys_1[i], time, stream_keys[1]), bound)
            if keys.size & 1:
                row[2 * half] = first + narrow(uniform(keys[2 * half], time, stream_keys[0]), bound)
            index = (t * server_keys.size + low) * measurements
            if measurements == 1:
                of_tile = out[index : index + keys.size]
                for i in range(keys.size):
                    of_tile[i] = row[i]
            elif measurements == 2:
                for i in range(keys.size):
                    put_two(out, index + 2 * i, row[i] | (row[i] << _CODE_32))
            else:
                for i in range(keys.size):
                    for _ in range(measurements):
                        out[index] = row[i]
                        index += 1


def _late_times(
    server_keys: NDArray[np.uint64],
    times: NDArray[np.int64],
    stream_keys: NDArray[np.uint64],
    fuzz: int,
    firsts: NDArray[np.int64],
    step: int,
    scratch: NDArray[np.int64],
    out: NDArray[np.int64],
) -> None:
    bound = U64(fuzz + 1)
    measurements = out.size // max(1, times.size * server_keys.size)
    for t in range(times.size):
        time, first = U64(times[t]), firsts[t]
        for low in range(0, server_keys.size, TILE):
            keys = server_keys[low : min(low + TILE, server_keys.size)]
            half = keys.size >> 1
            keys_0, keys_1 = keys[:half], keys[half : 2 * half]
            index = (t * server_keys.size + low) * measurements
            row = out[index : index + keys.size] if measurements == 1 else scratch[0, : keys.size]
            row_0, row_1 = row[:half], row[half : 2 * half]
            for i in range(half):
                a = narrow(uniform(keys_0[i], time, stream_keys[0]), bound)
                b = narrow(uniform(keys_1[i], time, stream_keys[1]), bound)
                row_0[i] = first + np.int64(a) * step
                row_1[i] = first + np.int64(b) * step
            if keys.size & 1:
                a = narrow(uniform(keys[2 * half], time, stream_keys[0]), bound)
                row[2 * half] = first + np.int64(a) * step
            if measurements == 2:
                for i in range(keys.size):
                    put_pair(out, index + 2 * i, row[i], row[i])
            elif measurements > 2:
                for i in range(keys.size):
                    for _ in range(measurements):
                        out[index] = row[i]
                        index += 1


class Fill(NamedTuple):
    """What fills the readings of one signal and one kind of number.

    Two measurements at a time, and what is left of an odd number: what a job does not use is not
    compiled.

    Attributes
    ----------
    pairs : Kernel
        Fills the measurements two by two; the last of an odd number is left out.
    column : Kernel
        Fills one measurement.
    """

    pairs: Kernel[...]
    column: Kernel[...]

    def __call__(
        self,
        server_keys: NDArray[np.uint64],
        times: NDArray[np.int64],
        stream_keys: NDArray[np.uint64],
        bounds: NDArray[np.uint64],
        terms: NDArray[Any],
        summary: NDArray[np.uint64],
        out: NDArray[Any],
        columns: range | None = None,
        minima: NDArray[np.float64] | None = None,
    ) -> None:
        """Fill the readings of a chunk.

        Parameters
        ----------
        server_keys : (servers,) uint64
            The servers' coordinates.
        times : (times,) int64
            Starts of the nominal intervals, seconds since the epoch, >= 0.
        stream_keys : (2, measurements) uint64
            One Philox key for each measurement, twice.
        bounds : (measurements,) uint64
            How many counts there are: a count is below it. 1 to 2**53 + 1; below 2**32 where
            the kernel is not a wide one; for doubles it is not used.
        terms : (measurements,) uint64 or float64
            Of codes and counts what is added to them, of decimals what a count is divided by (a
            power of ten), of doubles what a number in [0, 1), a multiple of 2**-53, is
            multiplied by.
        summary : (measurements, SUMMARY) uint64
            The least and the greatest count so far, and the sums of their low and high 32 bits:
            updated. Begin with `new_summary`.
        out : (times, servers, measurements) of uint16, int64 or float64
            The codes, counts or values.
        columns : range, optional
            Which measurements; all of them otherwise.
        minima : (measurements,) float64, optional
            Of decimals what is added to a count before it is divided, of doubles to a value;
            nothing otherwise. Codes and counts are counted from it.
        """
        scratch = np.empty((2, TILE), _SCRATCH[out.dtype.str])
        cells = out.reshape(-1)
        measurements = bounds.size
        given = [server_keys, times, stream_keys, bounds, terms]
        if out.dtype != np.uint16:
            given.append(np.zeros(measurements) if minima is None else minima)
        if columns is None and measurements > 1:
            self.pairs(*given, scratch, summary, cells)
        if columns is None:
            columns = range(measurements - 1, measurements) if measurements % 2 else range(0)
        for column in columns:
            self.column(*given, column, scratch, summary, cells)


def new_summary(measurements: int) -> NDArray[np.uint64]:
    """Return the summary of no reading."""
    summary = np.zeros((measurements, SUMMARY), np.uint64)
    summary[:, 0] = 2**64 - 1
    return summary


_SCRATCH = {"<u2": np.uint32, "<i8": np.int64, "<f8": np.float64}

# What is filled: its type, that of the scratch and of the terms, and what is made of a draw.
_CODES = ("uint16", "uint32", "uint64", narrow, code_of)
_KINDS: dict[str, tuple[str, str, str, Any, Any]] = {
    "codes": _CODES,
    "counts": ("int64", "int64", "uint64", narrow, count_from),
    "wide_counts": ("int64", "int64", "uint64", scaled, count_from),
    "decimals": ("float64", "float64", "float64", narrow, decimal_from),
    "wide_decimals": ("float64", "float64", "float64", scaled, decimal_from),
    "doubles": ("float64", "float64", "float64", unit, double_from),
}
_DRAWS = {UNIFORM: uniform, TRIANGULAR: triangular}


def _cells_problem(
    server_keys: NDArray[np.uint64],
    times: NDArray[np.int64],
    bounds: NDArray[np.uint64],
    out: NDArray[Any],
) -> str | None:
    if out.size != (cells := server_keys.size * times.size * bounds.size):
        return f"out has {out.size} cells, not {cells}"
    return None


def _column_problem(
    server_keys: NDArray[np.uint64],
    times: NDArray[np.int64],
    bounds: NDArray[np.uint64],
    column: int,
    out: NDArray[Any],
) -> str | None:
    if not 0 <= column < bounds.size:
        return f"column is {column}; there are {bounds.size}"
    return _cells_problem(server_keys, times, bounds, out)


def _late_problem(
    server_keys: NDArray[np.uint64], times: NDArray[np.int64], fuzz: int, out: NDArray[Any]
) -> str | None:
    if not 0 <= fuzz < 2**32 - 1:
        return f"fuzz is {fuzz}"
    boundaries = server_keys.size * times.size
    if out.size % max(1, boundaries):
        return f"out has {out.size} cells, no multiple of {boundaries}"
    return None


def _make(signal: int, kind: str) -> Fill:
    """Return the kernels of a signal and a kind of number."""
    number, scratch, term, counting, making = _KINDS[kind]
    templates = (_code_pairs, _code_column) if kind == "codes" else (_number_pairs, _number_column)
    kernels = []
    for template, part in zip(templates, ("pairs", "column"), strict=True):
        name = f"fill_{('uniform', 'triangular')[signal]}_{kind}_{part}"
        uses = {"draw": _DRAWS[signal], "count_of": counting, "number_of": making}
        declared = {
            "server_keys": "uint64[servers]",
            "times": "int64[times]",
            "stream_keys": "uint64[2, measurements]",
            "bounds": "uint64[measurements]",
        }
        if kind == "codes":
            declared["firsts"] = f"{term}[measurements]"
        else:
            declared |= {"terms": f"{term}[measurements]", "minima": "float64[measurements]"}
        if part == "column":
            declared["column"] = "int64"
        declared |= {
            "scratch": f"out {scratch}[2, {TILE}]",
            "summary": f"out uint64[measurements, {SUMMARY}]",
            "out": f"out {number}[cells]",
        }
        check = _column_problem if part == "column" else _cells_problem
        made: Kernel[...] = kernel(check, **declared)(variant(cast(Any, template), name, **uses))
        globals()[name] = made  # a kernel is pickled by its name
        kernels.append(made)
    return Fill(*kernels)


FILLS = {(signal, kind): _make(signal, kind) for signal in _DRAWS for kind in _KINDS}
fill_codes = FILLS[UNIFORM, "codes"]
fill_counts = FILLS[UNIFORM, "counts"]
fill_decimals = FILLS[UNIFORM, "decimals"]
fill_doubles = FILLS[UNIFORM, "doubles"]

_LATE = {
    "server_keys": "uint64[servers]",
    "times": "int64[boundaries]",
    "stream_keys": "uint64[2]",
    "fuzz": "int64",
    "firsts": "int64[boundaries]",
}
fill_late_codes = kernel(
    _late_problem, **_LATE, scratch=f"out uint32[2, {TILE}]", out="out uint16[cells]"
)(variant(_late_codes, "fill_late_codes"))
fill_late_seconds = kernel(
    _late_problem, **_LATE, step="int64", scratch=f"out int64[2, {TILE}]", out="out int64[cells]"
)(variant(_late_times, "fill_late_seconds"))


def fill_late_times(
    server_keys: NDArray[np.uint64],
    times: NDArray[np.int64],
    stream_key: int,
    fuzz: int,
    firsts: NDArray[np.int64],
    step: int,
    out: NDArray[Any],
) -> None:
    """Fill the step boundaries of servers, each late by 0 to `fuzz` whole seconds.

    Parameters
    ----------
    server_keys : (servers,) uint64
        The servers' coordinates.
    times : (boundaries,) int64
        Nominal step boundaries, seconds since the epoch, >= 0.
    stream_key : int
        The Philox key.
    fuzz : int
        The greatest delay, in seconds: below 2**32 - 1.
    firsts : (boundaries,) int64
        What stands for the nominal boundary: its time, or its code in a dictionary.
    step : int
        What a second of delay adds: of codes it is 1.
    out : (boundaries, servers, measurements) of uint16 or int64
        Codes or times, the same for all measurements of a server.
    """
    keys = np.array([stream_key, stream_key], np.uint64)
    scratch, cells = np.empty((2, TILE), _SCRATCH[out.dtype.str]), out.reshape(-1)
    if out.dtype == np.uint16:
        fill_late_codes(server_keys, times, keys, fuzz, firsts, scratch, cells)
    else:
        fill_late_seconds(server_keys, times, keys, fuzz, firsts, step, scratch, cells)
