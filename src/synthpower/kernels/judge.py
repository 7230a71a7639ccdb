"""Kernels that hold readings against what they must be: each by itself, then all together.

A cell is the number of a reading in the order of the rows: (step x servers + server) x
measurements + measurement. NOWHERE is that of a row that is no reading of the span.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from synthpower.jit import inlined, kernel
from synthpower.kernels.parse import FRACTION
from synthpower.kernels.philox import HALF, LOW, U64

NOWHERE = -1

# What is wrong with a row, in bits.
VALUE, DECIMALS, APART, OUTSIDE = 1, 2, 4, 8
# What is wrong with a cell.
DOUBLED, OTHER_PART = 1, 2

_EXACT = 2.0**50  # a count above it, times a power of ten, may be one off
_LOW_MULTIPLIER, _HIGH_MULTIPLIER = U64(0x9E3779B1), U64(0x85EBCA77)  # xxHash's primes
_POSITIVE = 2**63 - 1
_HASH_SHIFT = U64(24)  # so that sums of 2**24 hashes do not overflow


def _judge_problem(
    servers: NDArray[np.int32],
    measurements: NDArray[np.int32],
    starts: NDArray[np.int64],
    interval: int,
    bounds: NDArray[np.float64],
) -> str | None:
    if starts.size not in (0, servers.size):
        return f"starts has {starts.size} rows; none or {servers.size} are needed"
    if interval < 1:
        return f"interval is {interval}"
    if measurements.size and measurements.max() >= bounds.shape[1]:
        return "there are more measurements than bounds"
    return None


@inlined
def _is_allowed(value: float, least: float, greatest: float) -> bool:
    """Return whether a value is between its bounds; no zero is negative."""
    return least <= value <= greatest and not (value == 0.0 and np.signbit(value))


@inlined
def _is_whole(value: float, power: float) -> bool:
    """Return whether a value is a whole number divided by a power of ten, once; 0: any is."""
    if power == 0.0:
        return True
    count = np.rint(value * power)
    if count / power == value:
        return True
    return bool(
        abs(count) > _EXACT and ((count - 1.0) / power == value or (count + 1.0) / power == value)
    )


@kernel(
    _judge_problem,
    servers="int32[rows]",
    measurements="int32[rows]",
    starts="int64[>= 0]",
    ends="int64[rows]",
    forms="uint8[rows]",
    values="float64[rows]",
    first="int64",
    interval="int64",
    steps="int64",
    all_servers="int64",
    bounds="float64[2, measurements]",
    powers="float64[measurements]",
    late="out int32[2, rows]",
    wrong="out uint8[rows]",
    out="out int64[rows]",
)
def judge_rows(
    servers: NDArray[np.int32],
    measurements: NDArray[np.int32],
    starts: NDArray[np.int64],
    ends: NDArray[np.int64],
    forms: NDArray[np.uint8],
    values: NDArray[np.float64],
    first: int,
    interval: int,
    steps: int,
    all_servers: int,
    bounds: NDArray[np.float64],
    powers: NDArray[np.float64],
    late: NDArray[np.int32],
    wrong: NDArray[np.uint8],
    out: NDArray[np.int64],
) -> None:
    """Judge rows by themselves, and find their cells.

    Parameters
    ----------
    servers, measurements : (rows,) int32
        The index of each row's server and measurement, below 0 where it is not known.
    starts, ends : (rows,) int64
        Seconds; `starts` has no rows where there are no start times.
    forms : (rows,) uint8
        From FRACTION on a time is bad, as `parse_times` says it.
    values : (rows,) float64
    first, interval, steps : int
        Where the span begins, the length of a step, and how many there are.
    all_servers : int
        How many servers there are.
    bounds : (2, measurements) float64
        The least and the greatest values.
    powers : (measurements,) float64
        What a value is multiplied with to be whole, 0 where any double does.
    late : (2, rows) int32
        Overwritten: how many seconds late the start and the end are of a row that has a cell.
    wrong : (rows,) uint8
        Overwritten: the sum of VALUE where a value is out of range, DECIMALS where it has too many,
        APART where start and end are no interval, OUTSIDE where they are not of the span.
    out : (rows,) int64
        The cell, or NOWHERE.
    """
    all_measurements = bounds.shape[1]
    least = bounds[0, 0]
    greatest = bounds[1, 0]
    for measurement in range(all_measurements):
        least = min(least, bounds[0, measurement])
        greatest = max(greatest, bounds[1, measurement])
    with_starts = starts.size > 0
    for row in range(out.size):
        measurement = int(measurements[row])
        value = values[row]
        found = 0
        low = bounds[0, measurement] if measurement >= 0 else least
        high = bounds[1, measurement] if measurement >= 0 else greatest
        if not _is_allowed(value, low, high):
            found = VALUE
        elif measurement >= 0 and not _is_whole(value, powers[measurement]):
            found = DECIMALS
        cell = NOWHERE
        late_start = late_end = 0
        if forms[row] < FRACTION:
            begun = (ends[row] - first) // interval
            late_end = ends[row] - first - begun * interval
            step = begun - 1
            late_start = starts[row] - first - step * interval if with_starts else 0
            if not 0 <= late_start < interval or (with_starts and starts[row] >= ends[row]):
                found |= APART
            elif not 0 <= step < steps:
                found |= OUTSIDE
            elif servers[row] >= 0 and measurement >= 0:
                cell = (step * all_servers + servers[row]) * all_measurements + measurement
        late[0, row] = late_start if cell >= 0 else 0
        late[1, row] = late_end if cell >= 0 else 0
        wrong[row] = found
        out[row] = cell


def _bits_problem(first: int, last: int, bits: NDArray[np.uint8]) -> str | None:
    if not 0 <= first <= last <= first + 8 * bits.size:
        return f"cells {first} to {last} have not {bits.size} bytes of bits"
    return None


@kernel(
    _bits_problem,
    cells="int64[rows]",
    first="int64",
    last="int64",
    bits="out uint8[>= 0]",
    out="out uint8[rows]",
)
def mark_cells(
    cells: NDArray[np.int64],
    first: int,
    last: int,
    bits: NDArray[np.uint8],
    out: NDArray[np.uint8],
) -> None:
    """Mark cells as seen.

    Parameters
    ----------
    cells : (rows,) int64
        NOWHERE is passed over.
    first, last : int
        From which to which cell (the last is not one of them) there are bits.
    bits : uint8
        A bit for each cell, low ones first; set for the cells that are seen.
    out : (rows,) uint8
        DOUBLED where a cell was seen before, OTHER_PART where there is no bit for it, or 0.
    """
    for row in range(out.size):
        cell = cells[row]
        found = 0
        if cell != NOWHERE:
            if first <= cell < last:
                at = (cell - first) >> 3
                bit = np.uint8(1 << ((cell - first) & 7))
                if bits[at] & bit:
                    found = DOUBLED
                bits[at] |= bit
            else:
                found = OTHER_PART
        out[row] = found


def _count_problem(first: int, last: int, bits: NDArray[np.uint8], per_step: int) -> str | None:
    return f"per_step is {per_step}" if per_step < 1 else _bits_problem(first, last, bits)


@kernel(
    _count_problem,
    bits="uint8[>= 0]",
    first="int64",
    last="int64",
    per_step="int64",
    begin="int64",
    out="out int64[steps]",
)
def count_seen(
    bits: NDArray[np.uint8],
    first: int,
    last: int,
    per_step: int,
    begin: int,
    out: NDArray[np.int64],
) -> None:
    """Count the cells of steps that were seen.

    Parameters
    ----------
    bits, first, last
        As `mark_cells` has them.
    per_step : int
        How many cells a step has.
    begin : int
        The first step that is counted.
    out : (steps,) int64
    """
    for step in range(out.size):
        low = max(first, (begin + step) * per_step) - first
        high = min(last, (begin + step + 1) * per_step) - first
        count = 0
        at = low
        while at < high:
            byte = int(bits[at >> 3])
            if at & 7 == 0 and (byte == 0 or (byte == 255 and at + 8 <= high)):
                count += byte & 8
                at += 8
                continue
            count += byte >> (at & 7) & 1
            at += 1
        out[step] = count


def _add_problem(
    cells: NDArray[np.int64],
    keys: NDArray[np.uint64],
    measurements: int,
    out: NDArray[np.uint64],
) -> str | None:
    if measurements < 1:
        return f"measurements is {measurements}"
    if cells.size and cells.max() >= out.size * keys.size * measurements:
        return "there are cells of more steps"
    return None


@inlined
def _mixed(found: np.uint64, more: np.uint64) -> np.uint64:
    found ^= more
    found = ((found & LOW) * _LOW_MULTIPLIER) ^ ((found >> HALF) * _HIGH_MULTIPLIER)
    return found ^ (found >> U64(29))


@kernel(
    _add_problem,
    cells="int64[rows]",
    keys="uint64[servers]",
    measurements="int64",
    ends="int64[rows]",
    values="uint64[rows]",
    out="out uint64[steps]",
)
def add_readings(
    cells: NDArray[np.int64],
    keys: NDArray[np.uint64],
    measurements: int,
    ends: NDArray[np.int64],
    values: NDArray[np.uint64],
    out: NDArray[np.uint64],
) -> None:
    """Add a hash of each reading to its step's sum: that of the same readings is the same.

    Parameters
    ----------
    cells : (rows,) int64
        NOWHERE is passed over.
    keys : (servers,) uint64
    measurements : int
        How many there are.
    ends : (rows,) int64
        The end times in seconds.
    values : (rows,) uint64
        The bits of the doubles.
    out : (steps,) uint64
        Added to.
    """
    for row in range(cells.size):
        cell = cells[row]
        if cell != NOWHERE:
            of_server = cell // measurements
            step = of_server // keys.size
            found = _mixed(U64(cell - of_server * measurements), keys[of_server - step * keys.size])
            found = _mixed(_mixed(found, U64(ends[row] & _POSITIVE)), values[row])
            found = _mixed(found, found >> U64(17))
            out[step] += (found >> _HASH_SHIFT) + U64(1)


def _boundaries_problem(
    cells: NDArray[np.int64],
    measurements: int,
    ahead: int,
    late: NDArray[np.int32],
    known: NDArray[np.unsignedinteger],
) -> str | None:
    if measurements < 1 or not 0 <= ahead <= 1:
        return f"measurements is {measurements}, ahead is {ahead}"
    if cells.size and cells.max() >= (known.shape[0] - 1) * known.shape[1] * measurements:
        return "there are cells of more steps"
    if late.size and late.max() >= np.iinfo(known.dtype).max:
        return f"a boundary is {late.max()} s late"
    return None


@kernel(
    _boundaries_problem,
    cells="int64[rows]",
    measurements="int64",
    ahead="int64",
    late="int32[rows]",
    known="out integer[boundaries, servers]",
    out="out bool[rows]",
)
def keep_boundaries(
    cells: NDArray[np.int64],
    measurements: int,
    ahead: int,
    late: NDArray[np.int32],
    known: NDArray[np.unsignedinteger],
    out: NDArray[np.bool_],
) -> None:
    """Keep how late boundaries are, and compare with what is known.

    Parameters
    ----------
    cells : (rows,) int64
        NOWHERE is passed over.
    measurements : int
        How many there are.
    ahead : int
        0: the boundaries where the steps begin; 1: where they end.
    late : (rows,) int32
        Seconds.
    known : (boundaries, servers) unsigned integers
        One more than how late a boundary is; 0 where it is not known. The first that comes stays.
    out : (rows,) bool
        Whether another time was known.
    """
    servers = known.shape[1]
    for row in range(out.size):
        out[row] = False
        if cells[row] != NOWHERE:
            of_server = cells[row] // measurements
            boundary = of_server // servers
            server = of_server - boundary * servers
            boundary += ahead
            if known[boundary, server] == 0:
                known[boundary, server] = late[row] + 1
            else:
                out[row] = known[boundary, server] != late[row] + 1


def _punctual_problem(
    bits: NDArray[np.uint8],
    first: int,
    last: int,
    measurements: int,
    out: NDArray[np.unsignedinteger],
) -> str | None:
    if measurements < 1:
        return f"measurements is {measurements}"
    if last > (out.shape[0] - 1) * out.shape[1] * measurements:
        return "there are cells of more steps"
    return _bits_problem(first, last, bits)


@kernel(
    _punctual_problem,
    bits="uint8[>= 0]",
    first="int64",
    last="int64",
    measurements="int64",
    out="out integer[boundaries, servers]",
)
def keep_punctual(
    bits: NDArray[np.uint8],
    first: int,
    last: int,
    measurements: int,
    out: NDArray[np.unsignedinteger],
) -> None:
    """Keep that the boundaries of all cells that were seen are not late.

    Parameters
    ----------
    bits, first, last
        As `mark_cells` has them.
    measurements, out
        As `keep_boundaries` has them; `out` is the boundaries that are known.
    """
    servers = out.shape[1]
    at = 0
    while at < last - first:
        byte = int(bits[at >> 3])
        if byte == 0 and at & 7 == 0:
            at += 8
            continue
        if byte >> (at & 7) & 1:
            of_server = (first + at) // measurements
            step = of_server // servers
            server = of_server - step * servers
            out[step, server] = 1
            out[step + 1, server] = 1
        at += 1
