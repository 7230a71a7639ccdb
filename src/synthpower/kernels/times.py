"""Kernels of text: times, in the formats of columns."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from synthpower.jit import inlined, kernel
from synthpower.kernels.philox import U64
from synthpower.kernels.text import MINUS, put_count, put_digits

SLOT = 32  # bytes of a time's text: a block
LONGEST_TIME = 28  # bytes: a local time whose offset has seconds

# What a part of a text of times is: `fill_time_texts`.
LITERAL, UTC_TIME, ISO_TIME, LOCAL_TIME, COUNTED_TIME = range(5)

_COMMA, _COLON, _PLUS, _SPACE, _T, _Z = 44, 58, 43, 32, 84, 90
_MOST_UNITS = 10**9


@inlined
def _put_civil(text: NDArray[np.uint8], at: int, time: int, between: int) -> int:
    """Write a time as date and clock, without a zone, with a character between them."""
    days = time // 86_400
    seconds = time - days * 86_400
    # Days -> civil date: Howard Hinnant, "chrono-compatible low-level date algorithms".
    shifted = days + 719_468  # since 0000-03-01
    era = shifted // 146_097
    of_era = shifted - era * 146_097
    years = (of_era - of_era // 1_460 + of_era // 36_524 - of_era // 146_096) // 365
    of_year = of_era - (365 * years + years // 4 - years // 100)
    month = (5 * of_year + 2) // 153
    day = of_year - (153 * month + 2) // 5 + 1
    month = month + 3 if month < 10 else month - 9
    year = years + era * 400 + (1 if month <= 2 else 0)
    put_digits(text, at, U64(year), 4)
    text[at + 4] = MINUS
    put_digits(text, at + 5, U64(month), 2)
    text[at + 7] = MINUS
    put_digits(text, at + 8, U64(day), 2)
    text[at + 10] = between
    put_digits(text, at + 11, U64(seconds // 3600), 2)
    text[at + 13] = _COLON
    put_digits(text, at + 14, U64(seconds // 60 % 60), 2)
    text[at + 16] = _COLON
    put_digits(text, at + 17, U64(seconds % 60), 2)
    return at + 19


@inlined
def _put_offset(text: NDArray[np.uint8], at: int, ahead: int) -> int:
    """Write how far local time is ahead of UTC: ``+01:00``, with seconds where there are any."""
    text[at] = _PLUS if ahead >= 0 else MINUS
    seconds = abs(ahead)
    put_digits(text, at + 1, U64(seconds // 3600), 2)
    text[at + 3] = _COLON
    put_digits(text, at + 4, U64(seconds // 60 % 60), 2)
    if seconds % 60 == 0:
        return at + 6
    text[at + 6] = _COLON
    put_digits(text, at + 7, U64(seconds % 60), 2)
    return at + 9


@kernel(times="int64[times]", out=f"out uint8[times, {SLOT}]")
def format_times(times: NDArray[np.int64], out: NDArray[np.uint8]) -> None:
    """Write times as ``2023-02-27 00:00:00Z,``.

    Parameters
    ----------
    times : (times,) int64
        Seconds since the epoch, of the years 1970 to 9999.
    out : (times, SLOT) uint8
        Text of 21 bytes, and anything behind it.
    """
    for i in range(times.size):
        text = out[i]
        _put_civil(text, 0, times[i], _SPACE)
        text[19] = _Z
        text[20] = _COMMA


def _time_texts_problem(
    times: NDArray[np.int64],
    ahead: NDArray[np.int64],
    parts: NDArray[np.int64],
    literals: NDArray[np.uint8],
    sizes: NDArray[np.int32],
    out: NDArray[np.uint8],
) -> str | None:
    if times.shape[0] != sizes.shape[0] + 1:
        return f"times has {times.shape[0]} boundaries, not one more than {sizes.shape[0]} steps"
    if ahead.size and ahead.shape != times.shape:
        return "ahead has another shape than times"
    needed = 0
    for kind, first, number in parts.tolist():
        if not LITERAL <= kind <= COUNTED_TIME:
            return f"parts has a kind {kind}"
        if kind == LITERAL and not 0 <= first <= first + number <= literals.size:
            return "parts has a text that is not in literals"
        if kind != LITERAL and first not in (0, 1):
            return "parts has a boundary that is neither 0 nor 1"
        if kind == COUNTED_TIME and not 1 <= number <= _MOST_UNITS:
            return f"parts has {number} units a second"
        if kind == LOCAL_TIME and not ahead.size:
            return "parts has a local time, and ahead is empty"
        needed += number if kind == LITERAL else LONGEST_TIME
    return None if out.shape[2] >= needed else f"out has {out.shape[2]} bytes; {needed} are needed"


@kernel(
    _time_texts_problem,
    times="int64[boundaries, columns]",
    ahead="int64[>= 0, >= 0]",
    parts="int64[parts, 3]",
    literals="uint8[>= 0]",
    sizes="out int32[steps, columns]",
    out="out uint8[steps, columns, >= 32]",
)
def fill_time_texts(
    times: NDArray[np.int64],
    ahead: NDArray[np.int64],
    parts: NDArray[np.int64],
    literals: NDArray[np.uint8],
    sizes: NDArray[np.int32],
    out: NDArray[np.uint8],
) -> None:
    """Write the texts that depend on the time, or on time and server: literals, times and so on.

    Parameters
    ----------
    times : (steps + 1, columns) int64
        The step boundaries: seconds since the epoch, of the years 1970 to 9999.
    ahead : (steps + 1, columns) int64
        The seconds by which local time is ahead of UTC; (0, 0) where none is wanted.
    parts : (parts, 3) int64
        What a text is made of, in order. A `LITERAL`, where it begins and its size; or a time:
        its format, whether it is the start (0) or the end (1), and for `COUNTED_TIME` how many
        units a second has.
    literals : (bytes,) uint8
    sizes : (steps, columns) int32
        How long each text is.
    out : (steps, columns, width) uint8
        The texts, and anything behind them.
    """
    for t in range(sizes.shape[0]):
        for c in range(sizes.shape[1]):
            text = out[t, c]
            at = 0
            for p in range(parts.shape[0]):
                kind, first, number = parts[p, 0], parts[p, 1], parts[p, 2]
                if kind == LITERAL:
                    for i in range(number):
                        text[at] = literals[first + i]
                        at += 1
                    continue
                time = times[t + first, c]
                if kind == COUNTED_TIME:
                    at = put_count(text, at, U64(time) * U64(number), 0)
                elif kind == LOCAL_TIME:
                    offset = ahead[t + first, c]
                    at = _put_offset(text, _put_civil(text, at, time + offset, _T), offset)
                else:
                    at = _put_civil(text, at, time, _T if kind == ISO_TIME else _SPACE)
                    text[at] = _Z
                    at += 1
            sizes[t, c] = at
