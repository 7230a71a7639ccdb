"""Kernels of CSV: rows put together from ready texts, times and numbers.

A row is some copies and a number. Copies are of whole blocks of 32 bytes, one instruction
each: what is too much is written over by the next one. (Tried, for rows of 140 bytes: loops
over bytes, 69 ns a row, calls of memcpy, 15 ns; blocks, 11 ns.)
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from synthpower.jit import inlined, kernel, variant
from synthpower.kernels.blocks import copy_block
from synthpower.kernels.offsets import offsets_problem
from synthpower.kernels.philox import U64
from synthpower.kernels.quantity import value_of_unit
from synthpower.kernels.text import (
    LONGEST_NUMBER,
    MINUS,
    POINT,
    ZERO,
    put_count,
    put_double,
    put_signed,
)
from synthpower.kernels.times import SLOT

PADDING = 128  # bytes that must follow what is copied from, and what is written to
NUMBER = 16  # bytes of a count's text where all texts are made before, the last one its length
NUMBER_DECIMALS = NUMBER - 3  # at most: a digit and a point stand before them

_TIME = 21  # bytes of a time's text that are copied
_LEAST_DECIMALS, _MOST_DECIMALS = -1, 22  # of a row's number


def count_texts(count: int, decimals: int, step: int = 1, first: int = 0) -> NDArray[np.uint8]:
    """Return counts of 10**-decimals as decimals, for `render_known_rows`.

    Parameters
    ----------
    count : int
        How many.
    decimals : int
        0 to `NUMBER_DECIMALS`.
    step : int
        From one to the next; none may have more than `NUMBER` - 1 characters.
    first : int
        Which is the first, in steps from 0; it may be negative.

    Returns
    -------
    (count, NUMBER) uint8
        A text in each row, and in the last byte its length.
    """
    if first < 0:
        below = min(count, -first)
        signed = np.roll(count_texts(below, decimals, step, 1 - first - below)[::-1], 1, 1)
        signed[:, -1] = signed[:, 0] + 1
        signed[:, 0] = MINUS
        return np.concatenate([signed, count_texts(count - below, decimals, step)])
    # (Tried: a kernel. It is compiled in 0.2 s, and no faster than loaded.)
    texts = np.zeros((count, NUMBER), np.uint8)
    point = min(decimals, 1)
    at, whole = first, 1
    while at < first + count:  # those of as many digits before the point
        end = max(at, min(first + count, -(-(10 ** (whole + decimals)) // step)))
        counts, rows = np.arange(at, end) * step, texts[at - first : end - first]
        for place in range(whole + decimals - 1, -1, -1):
            counts, digits = np.divmod(counts, 10)
            rows[:, place + (point if place >= whole else 0)] = ZERO + digits
        if decimals:
            rows[:, whole] = POINT
        rows[:, -1] = whole + point + decimals
        at, whole = end, whole + 1
    return texts


def _rows_problem(
    server_texts: NDArray[np.uint8],
    server_offsets: NDArray[np.int32],
    time_texts: NDArray[np.uint8],
    with_start: bool,
    with_end: bool,
    counts: NDArray[np.int64],
    decimals: NDArray[np.int64],
    tails: NDArray[np.uint8],
    tail_offsets: NDArray[np.int32],
    out: NDArray[np.uint8],
) -> str | None:
    times, servers, measurements = counts.shape
    if time_texts.shape[1] not in (1, servers):
        return f"time_texts is of {time_texts.shape[1]} servers, not 1 or {servers}"
    if any(not _LEAST_DECIMALS <= each <= _MOST_DECIMALS for each in decimals.tolist()):
        return f"decimals must be {_LEAST_DECIMALS} to {_MOST_DECIMALS}"
    heads = int(server_offsets[-1]) - int(server_offsets[0])
    ends = int(tail_offsets[-1]) - int(tail_offsets[0])
    rows = times * (heads * measurements + ends * servers)
    shown = bool(with_start) + bool(with_end)
    needed = rows + counts.size * (shown * _TIME + LONGEST_NUMBER) + PADDING
    if out.size < needed:
        return f"out has {out.size} bytes; {needed} are needed"
    return offsets_problem(
        "server_offsets", server_offsets, server_texts.size - PADDING
    ) or offsets_problem("tail_offsets", tail_offsets, tails.size - PADDING)


@inlined
def put_known_number(
    out: NDArray[np.uint8],
    at: int,
    numbers: NDArray[np.uint8],
    count: int,
    _decimals: int,
    _scale: float,
    _minimum: float,
    _powers: NDArray[np.uint64],
) -> Any:
    """Write one of the numbers whose texts are made before: `count` is which."""
    place = count * NUMBER  # unchecked: to keep it within the texts takes 0.7 ns a row
    copy_block(out, at, numbers, place)
    return at + np.int64(numbers[place + NUMBER - 1])


@inlined
def put_decimal(
    out: NDArray[np.uint8],
    at: int,
    _numbers: NDArray[np.uint8],
    count: int,
    decimals: int,
    _scale: float,
    _minimum: float,
    _powers: NDArray[np.uint64],
) -> int:
    """Write a count, and nothing where it is negative: then there is none."""
    return put_count(out, at, U64(count), decimals) if count >= 0 else at


@inlined
def _put_number(
    out: NDArray[np.uint8],
    at: int,
    _numbers: NDArray[np.uint8],
    count: int,
    decimals: int,
    scale: float,
    minimum: float,
    powers: NDArray[np.uint64],
) -> int:
    if count < 0:
        return at
    if decimals >= 0:
        return put_signed(out, at, count + int(minimum), decimals)
    value = value_of_unit(count, scale) + minimum
    return put_double(out, at, np.float64(value).view(np.uint64), powers)


def _rows(
    server_texts: NDArray[np.uint8],
    server_offsets: NDArray[np.int32],
    time_texts: NDArray[np.uint8],
    with_start: bool,
    with_end: bool,
    numbers: NDArray[np.uint8],
    counts: NDArray[np.int64],
    decimals: NDArray[np.int64],
    scales: NDArray[np.float64],
    minima: NDArray[np.float64],
    powers: NDArray[np.uint64],
    tails: NDArray[np.uint8],
    tail_offsets: NDArray[np.int32],
    size: NDArray[np.int64],
    out: NDArray[np.uint8],
) -> None:
    """Write the rows of a chunk.

    Parameters
    ----------
    server_texts, server_offsets : (bytes + PADDING,) uint8, (servers + 1,) int32
        What a row begins with, for each server.
    time_texts : (times + 1, servers or 1, SLOT) uint8
        The step boundaries, from `format_times`.
    with_start, with_end : bool
        Which times a row has.
    numbers : (bytes + PADDING,) uint8
        For `render_known_rows`: all numbers' texts, from `count_texts`. (Copied from there, a
        row takes 5 ns; with its digits worked out, 12.)
    counts : (times, servers, measurements) int64
        For `render_known_rows` places in `numbers`, which are not checked; for the others counts
        of 10**-decimals or, without decimals, of 2**-53 of the scale, and negative where there
        is no value.
    decimals : (measurements,) int64
        0 to 22; for `render_any_rows` also -1, for a double in full.
    scales : (measurements,) float64
        Where there are no decimals, what a number in [0, 1) is multiplied by.
    minima : (measurements,) float64
        For `render_any_rows`, what is added: to a count or, where there are no decimals, to a
        value. (This, and a sign, would take the others' rows 1 to 2 ns more.)
    powers : (617, 2) uint64
        `powers_of_ten`.
    tails, tail_offsets : (bytes + PADDING,) uint8, (measurements + 1,) int32
        What a row ends with, for each measurement.
    size : (1,) int64
        How many bytes were written.
    out : (bytes,) uint8
        The text: room for all rows, LONGEST_NUMBER for each number, and PADDING.
    """
    # The compiler makes loops of their own where every head, or every tail, is short: there as
    # many blocks are copied for each row, and the next field stands over what was too much. (With
    # as many blocks as each takes, a row takes 7.3 ns in place of 5.1: the processor guesses
    # wrong where a head ends. With one flag for heads and tails, 5.7; 64 bytes at a time, 6.0;
    # with branches for the times, 0.3 ns more.)
    longest_head = longest_tail = 0
    for s in range(counts.shape[1]):
        longest_head = max(longest_head, server_offsets[s + 1] - server_offsets[s])
    for m in range(counts.shape[2]):
        longest_tail = max(longest_tail, tail_offsets[m + 1] - tail_offsets[m])
    short_heads = longest_head <= 96
    short_tails = longest_tail <= 32
    start_size = _TIME if with_start else 0
    end_size = _TIME if with_end else 0
    at = 0
    for t in range(counts.shape[0]):
        for s in range(counts.shape[1]):
            head = server_offsets[s]
            head_size = server_offsets[s + 1] - head
            slot = s if time_texts.shape[1] > 1 else 0
            for m in range(counts.shape[2]):
                copy_block(out, at, server_texts, head)
                copy_block(out, at + 32, server_texts, head + 32)
                copy_block(out, at + 64, server_texts, head + 64)
                if not short_heads:
                    for block in range(96, head_size, 32):
                        copy_block(out, at + block, server_texts, head + block)
                at += head_size
                copy_block(out, at, time_texts[t, slot], 0)
                at += start_size
                copy_block(out, at, time_texts[t + 1, slot], 0)
                at += end_size
                at = put_number(
                    out, at, numbers, counts[t, s, m], decimals[m], scales[m], minima[m], powers
                )
                tail = tail_offsets[m]
                tail_size = tail_offsets[m + 1] - tail
                copy_block(out, at, tails, tail)
                if not short_tails:
                    for block in range(32, tail_size, 32):
                        copy_block(out, at + block, tails, tail + block)
                at += tail_size
    size[0] = at


put_number: Any = _put_number  # what `_rows` calls; each of its variants has its own
_ROWS = {
    "server_texts": f"uint8[>= {PADDING}]",
    "server_offsets": "int32[servers + 1]",
    "time_texts": f"uint8[times + 1, columns, {SLOT}]",
    "with_start": "int64",
    "with_end": "int64",
    "numbers": "uint8[>= 0]",
    "counts": "int64[times, servers, measurements]",
    "decimals": "int64[measurements]",
    "scales": "float64[measurements]",
    "minima": "float64[measurements]",
    "powers": "uint64[617, 2]",
    "tails": f"uint8[>= {PADDING}]",
    "tail_offsets": "int32[measurements + 1]",
    "size": "out int64[1]",
    "out": f"out uint8[>= {PADDING}]",
}
# A job compiles only what its numbers need: 0.4 s for those known, 1.4 s for any.
render_known_rows = kernel(_rows_problem, **(_ROWS | {"numbers": f"uint8[>= {NUMBER + PADDING}]"}))(
    variant(_rows, "render_known_rows", put_number=put_known_number)
)
_decimal_rows_problem = variant(_rows_problem, "_decimal_rows_problem", _LEAST_DECIMALS=0)
render_decimal_rows = kernel(_decimal_rows_problem, **_ROWS)(
    variant(_rows, "render_decimal_rows", put_number=put_decimal)
)
render_any_rows = kernel(_rows_problem, **_ROWS)(
    variant(_rows, "render_any_rows", put_number=_put_number)
)
