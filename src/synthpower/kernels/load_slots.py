"""The hours and the slots of a tile of servers: levels, bursts, CPU, share of the power range.

Numba widens int32 to int64 at each operation, so each is told its type again.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from synthpower.jit import called, inlined
from synthpower.kernels.load_scratch import (
    AT_BITS,
    AT_BURST_FOR,
    AT_BURST_FROM,
    AT_CHANCE,
    AT_CURVE,
    AT_DAY,
    AT_DRAWS,
    AT_F,
    AT_FACTOR,
    AT_FAN,
    AT_FOUR,
    AT_FOUR_BEFORE,
    AT_FOUR_NOW,
    AT_H,
    AT_HIGH,
    AT_HOUR,
    AT_IDLE,
    AT_IN_STEPS,
    AT_INLET_OWN,
    AT_KIND,
    AT_LEAST_OF,
    AT_LENGTH,
    AT_LIFT,
    AT_LOW,
    AT_M,
    AT_MEAN,
    AT_METER,
    AT_MOST_OF,
    AT_RANGE,
    AT_S,
    AT_SHARE,
    AT_SITE,
    AT_SLOT,
    AT_STEEP,
    AT_STEP_AT,
    AT_SUM_BITS,
    AT_SUM_SHARE,
    AT_SUM_X,
    AT_SWING,
    AT_T,
    AT_TEXTURE,
    AT_THIRTY_BEFORE,
    AT_THIRTY_NOW,
    AT_THIRTY_TWO,
    AT_V0,
    AT_V1,
    AT_X,
    ROW,
)
from synthpower.kernels.load_tables import (
    FULL,
    ONE,
    SHAPE,
    SKEW,
    SLOPE,
    TEXTURE,
    TEXTURE_LEAST,
    TEXTURE_MOST,
    TEXTURE_SUMS,
    TICKS,
)
from synthpower.kernels.philox import HALF, LOW, U64, philox4x32

I32, I64, U32 = np.int32, np.int64, np.uint32

_PARTS = np.array([(2 * q + 1) * 256 // 24 for q in range(12)], np.int32)
_SUMS = np.append(TEXTURE_SUMS.reshape(-1), np.int32(0))  # one more: t = 300 reads behind the end
_TICKS = TEXTURE.reshape(-1)
_SUM_COUNT = TICKS + 1


@called
def words_to(
    keys: NDArray[np.uint64], index: np.uint64, key: np.uint64, s: NDArray[np.int32], at: np.uint64
) -> None:
    """Fill four rows with the words of each server at an index."""
    b0, b1, k0, k1 = index & LOW, index >> HALF, key & LOW, key >> HALF
    for i in range(keys.size):
        a = keys[i]
        x0, x1, x2, x3 = philox4x32(a & LOW, a >> HALF, b0, b1, k0, k1)
        s[at + U64(i)] = I32(x0)
        s[at + ROW + U64(i)] = I32(x1)
        s[at + ROW + ROW + U64(i)] = I32(x2)
        s[at + ROW + ROW + ROW + U64(i)] = I32(x3)


@called
def copy_row(s: NDArray[np.int32], to: np.uint64, of: np.uint64, n: int) -> None:
    """Copy a row."""
    for i in range(n):
        s[to + U64(i)] = s[of + U64(i)]


@inlined
def in_force(now: np.int32, before: np.int32, hour: np.int32, mask: np.int32) -> np.uint32:
    """Return the index of the number in force: this block's from its change on, or the last's."""
    word = now if I32(I32(now >> 12) & mask) <= hour else before
    return U32(word & 0xFFF)


@inlined
def cpu_of(
    v0: np.int32, v1: np.int32, part: np.int32, weight: np.int32, u: np.int32, bursts: Any,
    lift: np.int32, step_at: np.int32, q: np.int32,
) -> np.int32:  # fmt: skip
    """Return the CPU of a slot: between the levels of two hours, times its own noise."""
    share = part if step_at < 0 else (I32(256) if q >= step_at else I32(0))
    level = I32(v0 + I32(I32(I32(v1 - v0) * share) >> 8))
    level = I32(max(level, lift)) if bursts else level
    u2 = I32(I32(u * u) >> 10)
    u5 = I32(I32(I32(I32(u2 * u2) >> 10) * u) >> 10)
    e = I32(I32(I32(u * 1229) + I32(u5 * 2470)) >> 10)
    f = I32(1024 + I32(I32(weight * I32(e - 1024)) >> 8))
    return I32(min(I32(I32(level * f) >> 10), I32(FULL)))


@inlined
def slot_of(
    word: np.int32, bits: np.int32, v0: np.int32, v1: np.int32, weight: np.int32,
    burst_from: np.int32, burst_for: np.int32, lift: np.int32, curve: np.int32,
    step_at: np.int32, shift: np.int32, part: np.int32, q: np.int32,
) -> tuple[np.int32, np.int32, np.int32]:  # fmt: skip
    """Return CPU, share of the power range and meter of a slot."""
    u = I32(I32(word >> shift) & 1023)
    since = I32(q - burst_from)
    bursts = (since >= 0) & (since < burst_for)
    x = cpu_of(v0, v1, part, weight, u, bursts, lift, step_at, q)
    return x, SHAPE[U32(curve + I32(x >> 6))], I32(I32(bits >> shift) & 1023)


@called
def sway(
    keys: NDArray[np.uint64], g: int, stream_keys: NDArray[np.uint64],
    factors: NDArray[np.int32], row: int, state: NDArray[np.int64], s: NDArray[np.int32],
) -> None:  # fmt: skip
    """Fill the next level: that at hour g."""
    n = keys.size
    for k in range(3):  # one loop around one Philox: each copy of it costs half a second to compile
        period = (1, 4, 32)[k]
        block = g >> 3 if k == 0 else g // period + 4
        if block == state[k]:
            continue
        back = 1 if k > 0 and state[k] != block - 1 else 0
        now = (AT_H, AT_FOUR_NOW, AT_THIRTY_NOW)[k]
        before = (AT_H, AT_FOUR_BEFORE, AT_THIRTY_BEFORE)[k]
        words = (AT_H, AT_F, AT_T)[k]
        if k > 0 and back == 0:
            copy_row(s, before, now, n)
        for which in range(block - back, block + 1):
            index = which if k == 0 else which >> 2
            if index != state[3 + k]:
                state[3 + k] = index
                words_to(keys, U64(index), stream_keys[k], s, words)
            if k > 0:
                copy_row(s, now if which == block else before, words + U64(which & 3) * ROW, n)
        state[k] = block
    hour_word = AT_H + U64((g & 7) >> 1) * ROW
    shift = I32(((g & 1) << 4) + 4)
    in_four, in_thirty_two = I32(g & 3), I32(g & 31)
    for j in range(n):
        s[AT_FACTOR + U64(j)] = factors[row, U32(s[AT_KIND + U64(j)])]
    for j in range(n):
        i = U64(j)
        u = U32(I32(I32(s[hour_word + i] >> shift) & 0xFFF))
        four = in_force(s[AT_FOUR_NOW + i], s[AT_FOUR_BEFORE + i], in_four, I32(3))
        thirty = in_force(s[AT_THIRTY_NOW + i], s[AT_THIRTY_BEFORE + i], in_thirty_two, I32(31))
        a = I32(I32(I32(SKEW[u] - ONE) * s[AT_HOUR + i]) >> 8)
        b = I32(I32(I32(SKEW[U32(s[AT_DRAWS + i]) + four] - ONE) * s[AT_FOUR + i]) >> 8)
        c = I32(I32(I32(SKEW[thirty] - ONE) * s[AT_THIRTY_TWO + i]) >> 8)
        noise = I32(I32(ONE) + I32(I32(a + b) + c))
        factor, gate = I32(s[AT_FACTOR + i] & 0xFFFF), I32(s[AT_FACTOR + i] >> 16)
        day = I32(max(I32(ONE + I32(I32(I32(factor - ONE) * s[AT_DAY + i]) >> 8)), I32(0)))
        v = I64(s[AT_MEAN + i]) * I64(day) >> 12
        v = v * I64(noise) >> 12
        v = v * I64(gate) >> 12
        s[AT_V1 + i] = I32(min(v, I64(FULL)))


@called
def begin_hour(
    keys: NDArray[np.uint64], h: int, stream_keys: NDArray[np.uint64], s: NDArray[np.int32]
) -> None:
    """Fill what an hour has besides its levels: bursts, and the words of its slots."""
    first = I32((h & 3) * 12)
    # That of h: h + 1 may have begun another block.
    word = AT_FOUR_BEFORE if (h + 1) & 3 == 0 else AT_FOUR_NOW
    for k in range(3, 5):
        words_to(keys, U64(h), stream_keys[k], s, AT_S if k == 3 else AT_M)
    for j in range(keys.size):
        i = U64(j)
        r = s[word + i]
        bursts = I32(I32(r >> 14) & 0xFF) < s[AT_CHANCE + i]
        room = I32(49 - s[AT_LENGTH + i])
        s[AT_BURST_FROM + i] = I32(I32(I32(I32(I32(r >> 22) & 0x3FF) * room) >> 10) - first)
        s[AT_BURST_FOR + i] = s[AT_LENGTH + i] if bursts else I32(0)
        a = I32(I32(s[AT_S + i] >> 30) & 3)
        b = I32(I32(s[AT_S + ROW + i] >> 30) & 3)
        c = I32(I32(s[AT_S + ROW + ROW + i] >> 30) & 3)
        bits: Any = I32(I32(a << 4) | I32(I32(b << 2) | c))
        s[AT_STEP_AT + i] = I32(I32(bits * 12) >> 6) if s[AT_IN_STEPS + i] else I32(-1)


@inlined
def slot_at(
    s: NDArray[np.int32], i: np.uint64, q: int, shift: np.int32
) -> tuple[np.int32, np.int32, np.int32]:
    """Return CPU, share of the power range and meter of a server's slot.

    (Tried: all of it here, each number loaded where it is used. An hour takes 12 % longer.)
    """
    words = U64(q // 3) * ROW
    return slot_of(
        s[AT_S + words + i],
        s[AT_M + words + i],
        s[AT_V0 + i],
        s[AT_V1 + i],
        s[AT_SLOT + i],
        s[AT_BURST_FROM + i],
        s[AT_BURST_FOR + i],
        s[AT_LIFT + i],
        s[AT_CURVE + i],
        s[AT_STEP_AT + i],
        shift,
        _PARTS[q],
        I32(q),
    )


@called
def three_slots(q: int, n: int, s: NDArray[np.int32]) -> None:
    """Add three slots, whose bits are in the same words: 0.8 in place of 1.4 ns a slot."""
    for j in range(n):
        i = U64(j)
        x0, y0, z0 = slot_at(s, i, q, I32(0))
        x1, y1, z1 = slot_at(s, i, q + 1, I32(10))
        x2, y2, z2 = slot_at(s, i, q + 2, I32(20))
        s[AT_SUM_X + i] = I32(I32(s[AT_SUM_X + i] + x0) + I32(x1 + x2))
        s[AT_SUM_SHARE + i] = I32(I32(s[AT_SUM_SHARE + i] + y0) + I32(y1 + y2))
        s[AT_SUM_BITS + i] = I32(I32(s[AT_SUM_BITS + i] + z0) + I32(z1 + z2))


@called
def one_slot(q: int, n: int, s: NDArray[np.int32]) -> None:
    """Add a slot."""
    for j in range(n):
        i = U64(j)
        x, y, z = slot_at(s, i, q, I32(10 * (q % 3)))
        s[AT_SUM_X + i] = I32(s[AT_SUM_X + i] + x)
        s[AT_SUM_SHARE + i] = I32(s[AT_SUM_SHARE + i] + y)
        s[AT_SUM_BITS + i] = I32(s[AT_SUM_BITS + i] + z)


@called
def begin_slot(q: int, n: int, s: NDArray[np.int32]) -> None:
    """Fill what a slot has, for parts of it and for its extremes."""
    for j in range(n):
        i = U64(j)
        x, y, z = slot_at(s, i, q, I32(10 * (q % 3)))
        s[AT_X + i] = x
        s[AT_SHARE + i] = y
        s[AT_BITS + i] = z
        strong = I32(min(I32(1 << I32(z >> 8)), I32(4)))
        swing = I32(I32(min(x, I32(FULL - x)) * s[AT_TEXTURE + i]) >> 8)
        s[AT_SWING + i] = I32(I32(swing * strong) >> 2)
        slope = SLOPE[U32(s[AT_CURVE + i] + I32(x >> 6))]
        steep = I32(I32(s[AT_SWING + i] * slope) >> 6)
        s[AT_STEEP + i] = min(steep, I32(min(y, I32(FULL - y))))


@called
def whole_slot(n: int, s: NDArray[np.int32]) -> None:
    """Add the slot that was begun, and its extremes."""
    for j in range(n):
        i = U64(j)
        s[AT_SUM_X + i] = I32(s[AT_SUM_X + i] + s[AT_X + i])
        s[AT_SUM_SHARE + i] = I32(s[AT_SUM_SHARE + i] + s[AT_SHARE + i])
        s[AT_SUM_BITS + i] = I32(s[AT_SUM_BITS + i] + s[AT_BITS + i])
    for j in range(n):
        i = U64(j)
        pattern = U32(s[AT_BITS + i] & 255)
        down = I32(I32(s[AT_STEEP + i] * TEXTURE_LEAST[pattern]) >> 7)
        up = I32(I32(s[AT_STEEP + i] * TEXTURE_MOST[pattern]) >> 7)
        s[AT_LOW + i] = min(s[AT_LOW + i], I32(s[AT_SHARE + i] + down))
        s[AT_HIGH + i] = max(s[AT_HIGH + i], I32(s[AT_SHARE + i] + up))


@called
def part_of_slot(t0: int, t1: int, n: int, s: NDArray[np.int32]) -> None:
    """Add the seconds t0 to t1 of the slot that was begun."""
    tick_0, tick_1 = I32(t0 // 10), I32(t1 // 10)
    rest_0, rest_1 = I32(t0 % 10), I32(t1 % 10)
    seconds = I32(t1 - t0)
    for j in range(n):
        i = U64(j)
        sums = I32(I32(s[AT_BITS + i] & 255) * _SUM_COUNT)
        at_0, at_1 = U32(sums + tick_0), U32(sums + tick_1)
        g0 = I32(I32(_SUMS[at_0] * I32(10 - rest_0)) + I32(_SUMS[at_0 + U32(1)] * rest_0))
        g1 = I32(I32(_SUMS[at_1] * I32(10 - rest_1)) + I32(_SUMS[at_1 + U32(1)] * rest_1))
        swing, steep = s[AT_SWING + i], s[AT_STEEP + i]
        a = I32(I32(I32(swing * g1) >> 7) - I32(I32(swing * g0) >> 7))
        b = I32(I32(I32(steep * g1) >> 7) - I32(I32(steep * g0) >> 7))
        s[AT_SUM_X + i] = I32(s[AT_SUM_X + i] + I32(I32(s[AT_X + i] * seconds) + a))
        s[AT_SUM_SHARE + i] = I32(s[AT_SUM_SHARE + i] + I32(I32(s[AT_SHARE + i] * seconds) + b))
        s[AT_SUM_BITS + i] = I32(s[AT_SUM_BITS + i] + I32(s[AT_BITS + i] * seconds))


@called
def part_extremes(t0: int, t1: int, n: int, s: NDArray[np.int32]) -> None:
    """Look for the extremes in the ticks of the seconds t0 to t1 of the slot that was begun."""
    for tick in range(t0 // 10, (t1 - 1) // 10 + 1):
        for j in range(n):
            i = U64(j)
            texture = _TICKS[U32(I32(I32(s[AT_BITS + i] & 255) * TICKS) + I32(tick))]
            change = I32(I32(s[AT_STEEP + i] * texture) >> 7)
            s[AT_LOW + i] = min(s[AT_LOW + i], I32(s[AT_SHARE + i] + change))
            s[AT_HIGH + i] = max(s[AT_HIGH + i], I32(s[AT_SHARE + i] + change))


@called
def add_extremes(hour_air: NDArray[np.int32], n: int, s: NDArray[np.int32]) -> None:
    """Make power of the extremes within an hour, and look whether they are the interval's."""
    for j in range(n):
        i = U64(j)
        over = I64(hour_air[U32(s[AT_SITE + i])]) + I64(s[AT_INLET_OWN + i]) - 1800
        base = I64(65536) * I64(s[AT_IDLE + i]) + I64(s[AT_FAN + i]) * over
        least = I32((base + I64(s[AT_RANGE + i]) * I64(s[AT_LOW + i])) >> 4)
        most = I32((base + I64(s[AT_RANGE + i]) * I64(s[AT_HIGH + i]) + 15) >> 4)
        most = I32(most + I32(4096 * s[AT_METER + i]))
        s[AT_LEAST_OF + i] = min(s[AT_LEAST_OF + i], least)
        s[AT_MOST_OF + i] = max(s[AT_MOST_OF + i], most)
        s[AT_LOW + i] = I32(1 << 30)
        s[AT_HIGH + i] = I32(0)
