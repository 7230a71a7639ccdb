"""Kernels of CSV: rows put together from ready texts, times and numbers.

A row is some copies and a number. Copies are of whole blocks of 32 bytes, one instruction
each: what is too much is written over by the next one. (Tried, for rows of 140 bytes: loops
over bytes, 69 ns a row, calls of memcpy, 15 ns; blocks, 11 ns.)
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synthpower.jit import inlined, intrinsic, kernel, variant
from synthpower.kernels.offsets import offsets_problem
from synthpower.kernels.philox import HALF, LOW, U64
from synthpower.kernels.quantity import value_of_unit

SLOT = 32  # bytes of a time's text: a block
PADDING = 128  # bytes that must follow what is copied from, and what is written to
NUMBER = 16  # bytes of a count's text where all texts are made before, the last one its length
NUMBER_DECIMALS = NUMBER - 3  # at most: a digit and a point stand before them
LONGEST_NUMBER = 48  # bytes, for a count of up to 22 decimals and for any double

_ZERO, _POINT, _COMMA = 48, 46, 44
_INFINITY = U64(0x7FF << 52)  # the bits of it
_TIME = 21  # bytes of a time's text that are copied
_LEAST_DECIMALS, _MOST_DECIMALS = -1, 22  # of a row's number
_TEN = U64(10)


def _copy_block_code(_context: Any, out: Any, _at: Any, texts: Any, _begin: Any) -> Any:
    from llvmlite import ir
    from numba.core import types

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        block = ir.VectorType(ir.IntType(8), 32).as_pointer()
        places = []
        for array, index in ((0, 1), (2, 3)):
            make = context.make_array(signature.args[array])
            data = make(context, builder, arguments[array]).data
            places.append(builder.bitcast(builder.gep(data, [arguments[index]]), block))
        loaded = builder.load(places[1])
        loaded.align = 1
        builder.store(loaded, places[0]).align = 1
        return context.get_dummy_value()

    return types.void(out, types.int64, texts, types.int64), generate


@intrinsic(_copy_block_code)
def _copy_block(out: Any, at: int, texts: Any, begin: int) -> None:
    """Copy 32 bytes."""
    out[at : at + 32] = texts[begin : begin + 32]


def _multiply_code(_context: Any, _a: Any, _b: Any) -> Any:
    from llvmlite import ir
    from numba.core import types

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        wide = ir.IntType(128)
        a, b = (builder.zext(argument, wide) for argument in arguments)
        product = builder.mul(a, b)
        high = builder.trunc(builder.lshr(product, ir.Constant(wide, 64)), ir.IntType(64))
        low = builder.trunc(product, ir.IntType(64))
        return context.make_tuple(builder, signature.return_type, (high, low))

    return types.containers.UniTuple(types.uint64, 2)(types.uint64, types.uint64), generate


@intrinsic(_multiply_code)
def _multiply(a: Any, b: Any) -> Any:
    """Return the high and the low half of a 128-bit product: one instruction of most machines."""
    product = int(a) * int(b)
    return U64(product >> 64), U64(product & (1 << 64) - 1)


@inlined
def _put_digits(out: NDArray[np.uint8], at: int, number: np.uint64, digits: int) -> int:
    """Write the last `digits` digits of a number, leading zeros too."""
    for place in range(at + digits - 1, at - 1, -1):
        rest = number // _TEN
        out[place] = _ZERO + np.int64(number - rest * _TEN)
        number = rest
    return at + digits


@inlined
def _count_digits(number: np.uint64) -> int:
    digits = 1
    limit = _TEN
    while digits < 20 and number >= limit:  # 10**19 is the last that fits
        digits += 1
        limit = limit * _TEN if digits < 20 else limit
    return digits


@inlined
def _put_count(out: NDArray[np.uint8], at: int, count: np.uint64, decimals: int) -> int:
    # From the last digit to the first. (Tried, for two decimals: whole part and decimals apart,
    # 27 ns more; two digits at a time from a table, as much.)
    place = end = at + max(_count_digits(count), decimals + 1) + (1 if decimals else 0)
    for _ in range(decimals):
        rest = count // _TEN
        place -= 1
        out[place] = _ZERO + np.int64(count - rest * _TEN)
        count = rest
    if decimals:
        place -= 1
        out[place] = _POINT
    while place > at:
        rest = count // _TEN
        place -= 1
        out[place] = _ZERO + np.int64(count - rest * _TEN)
        count = rest
    return end


@cache
def powers_of_ten() -> NDArray[np.uint64]:
    """Return 10**-292 to 10**324 for `render_any_rows`: 128 bits of each, rounded up.

    Returns
    -------
    (617, 2) uint64
        High and low half.
    """
    out = np.empty((617, 2), np.uint64)
    for i, k in enumerate(range(-292, 325)):
        shift = 127 - (k * 1741647 >> 19)  # floor(log2(10**k)), exact for |k| <= 1233
        above, below = 10 ** max(k, 0), 10 ** max(-k, 0)
        above, below = (above << shift, below) if shift >= 0 else (above, below << -shift)
        out[i] = divmod(-(-above // below), 1 << 64)
    return out


@inlined
def _round_to_odd(high: np.uint64, low: np.uint64, number: np.uint64) -> np.uint64:
    carried, _ = _multiply(low, number)
    upper, lower = _multiply(high, number)
    middle = (lower & LOW) + (carried & LOW)
    middle = (lower >> HALF) + (carried >> HALF) + (middle >> HALF)
    # Of lower + carried the low word matters only in so far as it is above 1.
    low_word = _add(lower, carried)
    return U64((upper + (middle >> HALF)) | (U64(1) if low_word > U64(1) else U64(0)))


@inlined
def _add(a: np.uint64, b: np.uint64) -> np.uint64:
    """Return the sum modulo 2**64 (a plain sum would warn where the JIT is off)."""
    low = (a & LOW) + (b & LOW)
    high = (a >> HALF) + (b >> HALF) + (low >> HALF)
    return ((high & LOW) << HALF) | (low & LOW)


@inlined
def _shortest(bits: np.uint64, powers: NDArray[np.uint64]) -> tuple[np.uint64, int]:
    """Return digits and exponent of the shortest decimal that reads back as a positive double.

    Schubfach: Raffaello Giulietti, "The Schubfach way to render doubles" (2020), the
    closest of the shortest.
    """
    fraction = bits & U64((1 << 52) - 1)
    biased = int(bits >> U64(52))
    if biased:
        c = fraction | U64(1 << 52)
        q = biased - 1075
    else:
        c = fraction
        q = -1074
    closer = fraction == U64(0) and biased > 1  # the next double below is half as far
    k = (q * 1262611 - (524031 if closer else 0)) >> 22
    h = U64(q + ((-k * 1741647) >> 19) + 1)
    high = powers[292 - k, 0]
    low = powers[292 - k, 1]
    four = c << U64(2)
    below = _round_to_odd(high, low, (four - (U64(1) if closer else U64(2))) << h)
    exact = _round_to_odd(high, low, four << h)
    above = _round_to_odd(high, low, (four + U64(2)) << h)
    if c & U64(1):  # an odd one is not what its neighbours' midpoints round to
        below += U64(1)
        above -= U64(1)
    s = exact >> U64(2)
    if s >= _TEN:
        tens = s // _TEN
        forty = tens * U64(40)
        lower_inside = below <= forty
        upper_inside = forty + U64(40) <= above
        if lower_inside != upper_inside:
            return (tens + U64(1) if upper_inside else tens), k + 1
    four_s = s << U64(2)
    lower_inside = below <= four_s
    upper_inside = four_s + U64(4) <= above
    if lower_inside != upper_inside:
        return (s + U64(1) if upper_inside else s), k
    middle = four_s + U64(2)
    if exact > middle or (exact == middle and s & U64(1)):
        s += U64(1)
    return s, k


@inlined
def _put_double(
    out: NDArray[np.uint8], at: int, bits: np.uint64, powers: NDArray[np.uint64]
) -> int:
    """Write a double of 0 or more as Python's `repr` does."""
    if bits == U64(0):
        out[at] = _ZERO
        out[at + 1] = _POINT
        out[at + 2] = _ZERO
        return at + 3
    number, exponent = _shortest(bits, powers)
    rest = number // _TEN
    while rest * _TEN == number:
        number = rest
        exponent += 1
        rest = number // _TEN
    digits = _count_digits(number)
    point = digits + exponent  # digits before the point
    if 0 < point < digits:
        # Digit by digit, the first ones a place to the left of the others.
        _put_digits(out, at + 1, number, digits)
        for place in range(at, at + point):
            out[place] = out[place + 1]
        out[at + point] = _POINT
        return at + digits + 1
    if -4 < point <= 0:
        out[at] = _ZERO
        out[at + 1] = _POINT
        return _put_digits(out, at + 2, number, digits - point)
    if 0 < point <= 16:
        at = _put_digits(out, at, number, digits)
        for _ in range(point - digits):
            out[at] = _ZERO
            at += 1
        out[at] = _POINT
        out[at + 1] = _ZERO
        return at + 2
    _put_digits(out, at + 1, number, digits)
    out[at] = out[at + 1]
    at += 1
    if digits > 1:
        out[at] = _POINT
        at += digits
    out[at] = 101  # e
    out[at + 1] = 43 if point > 0 else 45
    power = U64(abs(point - 1))
    return _put_digits(out, at + 2, power, max(2, _count_digits(power)))


def _doubles_problem(values: NDArray[np.uint64]) -> str | None:
    if values.size and values.max() >= _INFINITY:
        return "values has doubles that are negative or not finite"
    return None


@kernel(
    _doubles_problem,
    values="uint64[values]",
    powers="uint64[617, 2]",
    out=f"out uint8[values, {LONGEST_NUMBER}]",
)
def format_doubles(
    values: NDArray[np.uint64],
    powers: NDArray[np.uint64],
    out: NDArray[np.uint8],
) -> None:
    """Write doubles as Python's `repr` does, the shortest text that reads back as the same.

    Parameters
    ----------
    values : (values,) uint64
        The bits of doubles, finite and not negative.
    powers : (617, 2) uint64
        `powers_of_ten`.
    out : (values, LONGEST_NUMBER) uint8
        A text in each row, ended by a zero byte.
    """
    for i in range(values.size):
        end = _put_double(out[i], 0, values[i], powers)
        out[i, end] = 0


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
        days = times[i] // 86_400
        seconds = times[i] - days * 86_400
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
        text = out[i]
        _put_digits(text, 0, U64(year), 4)
        text[4] = 45
        _put_digits(text, 5, U64(month), 2)
        text[7] = 45
        _put_digits(text, 8, U64(day), 2)
        text[10] = 32
        _put_digits(text, 11, U64(seconds // 3600), 2)
        text[13] = 58
        _put_digits(text, 14, U64(seconds // 60 % 60), 2)
        text[16] = 58
        _put_digits(text, 17, U64(seconds % 60), 2)
        text[19] = 90
        text[20] = _COMMA


def count_texts(count: int, decimals: int) -> NDArray[np.uint8]:
    """Return the counts 0, 1, ... of 10**-decimals as decimals, for `render_known_rows`.

    Parameters
    ----------
    count : int
        How many.
    decimals : int
        0 to `NUMBER_DECIMALS`.

    Returns
    -------
    (count, NUMBER) uint8
        A text in each row, and in the last byte its length.
    """
    # (Tried: a kernel. It is compiled in 0.2 s, and no faster than loaded.)
    texts = np.zeros((count, NUMBER), np.uint8)
    point = min(decimals, 1)
    first, whole = 0, 1
    while first < count:  # those of as many digits before the point
        end = min(count, 10 ** (whole + decimals))
        counts, rows = np.arange(first, end), texts[first:end]
        for place in range(whole + decimals - 1, -1, -1):
            counts, digits = np.divmod(counts, 10)
            rows[:, place + (point if place >= whole else 0)] = _ZERO + digits
        if decimals:
            rows[:, whole] = _POINT
        rows[:, -1] = whole + point + decimals
        first, whole = end, whole + 1
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
def _put_known_number(
    out: NDArray[np.uint8],
    at: int,
    numbers: NDArray[np.uint8],
    count: int,
    _decimals: int,
    _scale: float,
    _powers: NDArray[np.uint64],
) -> Any:
    place = count * NUMBER  # unchecked: to keep it within the texts takes 0.7 ns a row
    _copy_block(out, at, numbers, place)
    return at + np.int64(numbers[place + NUMBER - 1])


@inlined
def _put_decimal(
    out: NDArray[np.uint8],
    at: int,
    _numbers: NDArray[np.uint8],
    count: int,
    decimals: int,
    _scale: float,
    _powers: NDArray[np.uint64],
) -> int:
    return _put_count(out, at, U64(count), decimals)


@inlined
def _put_number(
    out: NDArray[np.uint8],
    at: int,
    _numbers: NDArray[np.uint8],
    count: int,
    decimals: int,
    scale: float,
    powers: NDArray[np.uint64],
) -> int:
    if decimals >= 0:
        return _put_count(out, at, U64(count), decimals)
    value = value_of_unit(count, scale)
    return _put_double(out, at, np.float64(value).view(np.uint64), powers)


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
        of 10**-decimals or, without decimals, of 2**-53 of the scale.
    decimals : (measurements,) int64
        0 to 22; for `render_any_rows` also -1, for a double in full.
    scales : (measurements,) float64
        Where there are no decimals, what a number in [0, 1) is multiplied by.
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
                _copy_block(out, at, server_texts, head)
                _copy_block(out, at + 32, server_texts, head + 32)
                _copy_block(out, at + 64, server_texts, head + 64)
                if not short_heads:
                    for block in range(96, head_size, 32):
                        _copy_block(out, at + block, server_texts, head + block)
                at += head_size
                _copy_block(out, at, time_texts[t, slot], 0)
                at += start_size
                _copy_block(out, at, time_texts[t + 1, slot], 0)
                at += end_size
                at = put_number(out, at, numbers, counts[t, s, m], decimals[m], scales[m], powers)
                tail = tail_offsets[m]
                tail_size = tail_offsets[m + 1] - tail
                _copy_block(out, at, tails, tail)
                if not short_tails:
                    for block in range(32, tail_size, 32):
                        _copy_block(out, at + block, tails, tail + block)
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
    "powers": "uint64[617, 2]",
    "tails": f"uint8[>= {PADDING}]",
    "tail_offsets": "int32[measurements + 1]",
    "size": "out int64[1]",
    "out": f"out uint8[>= {PADDING}]",
}
# A job compiles only what its numbers need: 0.4 s for those known, 1.4 s for any.
render_known_rows = kernel(_rows_problem, **(_ROWS | {"numbers": f"uint8[>= {NUMBER + PADDING}]"}))(
    variant(_rows, "render_known_rows", put_number=_put_known_number)
)
_decimal_rows_problem = variant(_rows_problem, "_decimal_rows_problem", _LEAST_DECIMALS=0)
render_decimal_rows = kernel(_decimal_rows_problem, **_ROWS)(
    variant(_rows, "render_decimal_rows", put_number=_put_decimal)
)
render_any_rows = kernel(_rows_problem, **_ROWS)(
    variant(_rows, "render_any_rows", put_number=_put_number)
)
