"""Kernels of text: numbers."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synthpower.jit import inlined, intrinsic, kernel
from synthpower.kernels.philox import HALF, LOW, U64

LONGEST_NUMBER = 48  # bytes, for a count of up to 22 decimals and for any double

ZERO, POINT, MINUS = 48, 46, 45
_INFINITY = U64(0x7FF << 52)  # the bits of it
_NEGATIVE = U64(1 << 63)
_TEN = U64(10)


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
def put_digits(out: NDArray[np.uint8], at: int, number: np.uint64, digits: int) -> int:
    """Write the last `digits` digits of a number, leading zeros too."""
    for place in range(at + digits - 1, at - 1, -1):
        rest = number // _TEN
        out[place] = ZERO + np.int64(number - rest * _TEN)
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
def put_signed(out: NDArray[np.uint8], at: int, count: int, decimals: int) -> int:
    """Write a count of 10**-decimals, which may be negative, as a decimal."""
    if count < 0:
        out[at] = MINUS
        at += 1
    return put_count(out, at, U64(abs(count)), decimals)


@inlined
def put_count(out: NDArray[np.uint8], at: int, count: np.uint64, decimals: int) -> int:
    """Write a count of 10**-decimals as a decimal, and return where it ends."""
    # From the last digit to the first. (Tried, for two decimals: whole part and decimals apart,
    # 27 ns more; two digits at a time from a table, as much.)
    place = end = at + max(_count_digits(count), decimals + 1) + (1 if decimals else 0)
    for _ in range(decimals):
        rest = count // _TEN
        place -= 1
        out[place] = ZERO + np.int64(count - rest * _TEN)
        count = rest
    if decimals:
        place -= 1
        out[place] = POINT
    while place > at:
        rest = count // _TEN
        place -= 1
        out[place] = ZERO + np.int64(count - rest * _TEN)
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
def put_double(out: NDArray[np.uint8], at: int, bits: np.uint64, powers: NDArray[np.uint64]) -> int:
    """Write a finite double as Python's `repr` does."""
    if bits & _NEGATIVE:
        out[at] = MINUS
        at += 1
        bits ^= _NEGATIVE
    if bits == U64(0):
        out[at] = ZERO
        out[at + 1] = POINT
        out[at + 2] = ZERO
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
        put_digits(out, at + 1, number, digits)
        for place in range(at, at + point):
            out[place] = out[place + 1]
        out[at + point] = POINT
        return at + digits + 1
    if -4 < point <= 0:
        out[at] = ZERO
        out[at + 1] = POINT
        return put_digits(out, at + 2, number, digits - point)
    if 0 < point <= 16:
        at = put_digits(out, at, number, digits)
        for _ in range(point - digits):
            out[at] = ZERO
            at += 1
        out[at] = POINT
        out[at + 1] = ZERO
        return at + 2
    put_digits(out, at + 1, number, digits)
    out[at] = out[at + 1]
    at += 1
    if digits > 1:
        out[at] = POINT
        at += digits
    out[at] = 101  # e
    out[at + 1] = 43 if point > 0 else 45
    power = U64(abs(point - 1))
    return put_digits(out, at + 2, power, max(2, _count_digits(power)))


def _doubles_problem(values: NDArray[np.uint64]) -> str | None:
    if values.size and (values & ~_NEGATIVE).max() >= _INFINITY:
        return "values has doubles that are not finite"
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
        The bits of doubles, all finite.
    powers : (617, 2) uint64
        `powers_of_ten`.
    out : (values, LONGEST_NUMBER) uint8
        A text in each row, ended by a zero byte.
    """
    for i in range(values.size):
        end = put_double(out[i], 0, values[i], powers)
        out[i, end] = 0
