"""Kernels of the load signal, which docs/LOAD.md defines: traits of servers, and readings.

What decides the speed is not the number of Philox calls but whether LLVM vectorises. A server and
hour of two readings took, in a trial of the same arithmetic:

====================================================================================  ======
separate scratch arrays, slices of two axes, tables as arguments                      187 ns
one scratch of int32, rows at constant offsets, signed indices                        208 ns
and unsigned indices (no test for one behind the end), tables as globals               22 ns
and three slots of a word in one loop                                                  19 ns
====================================================================================  ======

Numba widens int32 to int64 at each operation, so each is told its type again.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from synthpower.jit import Kernel, called, inlined, kernel, variant
from synthpower.kernels.blocks import put_pair, put_two
from synthpower.kernels.load_tables import (
    BY_MEAN,
    CONSTANTS,
    CURVE_SIZE,
    FULL,
    IDLE,
    KINDS,
    MAXIMUM,
    ONE,
    PROFILES,
    SHAPE,
    SKEW,
    SLOPE,
    SLOT,
    SOCKETS,
    TEXTURE,
    TEXTURE_LEAST,
    TEXTURE_MOST,
    TEXTURE_SUMS,
    TICKS,
    WINDOWS,
)
from synthpower.kernels.philox import HALF, LOW, U64, philox4x32
from synthpower.kernels.values import SUMMARY, TILE, code_of, decimal_of

I32, I64, U32 = np.int32, np.int64, np.uint32

QUANTITIES = (
    "cpu_utilization", "power", "power_minimum", "power_peak", "inlet_temperature", "energy",
    "cpu_power",
)  # fmt: skip
_CPU, _POWER, _LEAST, _MOST, _INLET, _ENERGY, _CPU_POWER = range(7)

# What the servers of a tile have, each a row of the scratch: their traits, what an hour and a slot
# add, and the sums of an interval.
TRAITS = (
    "mean", "day", "hour", "four", "thirty_two", "noise_of_slots", "chance", "length", "lift",
    "texture", "draws", "in_steps", "kind", "site", "curve", "idle", "range", "fan", "inlet",
    "meter",
)  # fmt: skip
_ROWS = (
    *TRAITS,
    "h0", "h1", "h2", "h3", "f0", "f1", "f2", "f3", "t0", "t1", "t2", "t3",  # words
    "s0", "s1", "s2", "s3", "m0", "m1", "m2", "m3",
    "four_now", "four_before", "thirty_now", "thirty_before",
    "level", "next_level", "factor", "burst_from", "burst_for", "step_at",  # of an hour
    "x", "shape", "bits", "swing", "slope",  # of a slot
    "cpu", "shares", "meters", "heat", "low", "high", "least", "most",  # of an interval
)  # fmt: skip
SCRATCH = len(_ROWS) * TILE
STATE = 8  # which words there are
WIDE = 4 * TILE + STATE  # of int64: the power's numerator, a power, two columns of counts

(
    _MEAN, _DAY, _HOUR, _FOUR, _THIRTY_TWO, _SLOT, _CHANCE, _LENGTH, _LIFT, _TEXTURE, _DRAWS,
    _IN_STEPS, _KIND, _SITE, _CURVE, _IDLE, _RANGE, _FAN, _INLET_OWN, _METER,
    _H, _, _, _, _F, _, _, _, _T, _, _, _, _S, _, _, _, _M, _, _, _,
    _FOUR_NOW, _FOUR_BEFORE, _THIRTY_NOW, _THIRTY_BEFORE,
    _V0, _V1, _FACTOR, _BURST_FROM, _BURST_FOR, _STEP_AT,
    _X, _SHARE, _BITS, _SWING, _STEEP,
    _SUM_X, _SUM_SHARE, _SUM_BITS, _HEAT, _LOW, _HIGH, _LEAST_OF, _MOST_OF,
) = (U64(i * TILE) for i in range(len(_ROWS)))  # fmt: skip
_TILE = U64(TILE)
_POWER_ROW, _COUNT_ROW, _RESULTS = U64(0), U64(TILE), U64(2 * TILE)

_PARTS = np.array([(2 * q + 1) * 256 // 24 for q in range(12)], np.int32)
_SUMS = np.append(TEXTURE_SUMS.reshape(-1), np.int32(0))  # one more: t = 300 reads behind the end
_TICKS = TEXTURE.reshape(-1)
_SUM_COUNT = TICKS + 1

_ON_OFF = np.array([CONSTANTS["on_off_weights"][k] for k in ("hour", "four", "thirty_two", "slot")])
_SHARES = np.array(CONSTANTS["profile_shares"])
_WINDOWS = np.array(CONSTANTS["maintenance"]["thresholds"])
_SOCKETS = len(SOCKETS)
_IS_ON_OFF = 4096  # where their numbers begin in SKEW


@kernel(
    server_keys="uint64[servers]",
    stream_key="uint64",
    curves="int32[servers]",
    sites="int32[servers]",
    out=f"out int32[{len(TRAITS)}, servers]",
)
def fill_traits(
    server_keys: NDArray[np.uint64],
    stream_key: int,
    curves: NDArray[np.int32],
    sites: NDArray[np.int32],
    out: NDArray[np.int32],
) -> None:
    """Fill what is the same of a server at all times.

    Parameters
    ----------
    server_keys : (servers,) uint64
    stream_key : uint64
        That of "load server".
    curves : (servers,) int32
        The load curve and sockets: an index into `load_tables.IDLE`.
    sites : (servers,) int32
        The index of the server's site.
    out : (TRAITS, servers) int32
    """
    key = U64(stream_key)
    for i in range(server_keys.size):
        a = server_keys[i]
        words = philox4x32(a & LOW, a >> HALF, U64(0), U64(0), key & LOW, key >> HALF)
        w0, w1, w2, w3 = I64(words[0]), I64(words[1]), I64(words[2]), I64(words[3])
        words = philox4x32(a & LOW, a >> HALF, U64(1), U64(0), key & LOW, key >> HALF)
        v0, v1, v2, v3 = I64(words[0]), I64(words[1]), I64(words[2]), I64(words[3])
        u = w0 >> 20
        mean = I64(BY_MEAN[0, u])
        profile = 0
        for share in _SHARES:
            profile += (w1 >> 16) >= share
        window = 0
        for threshold in _WINDOWS:
            window += (w2 & 255) >= threshold
        batch = profile == 2
        idle = mean < 1310
        on_off = batch and 2621 < mean < 26214
        out[0, i] = mean
        out[1, i] = BY_MEAN[5, u] * (64 + (w1 >> 8 & 255) * 3 // 2) >> 8
        for k in range(4):
            out[2 + k, i] = _ON_OFF[k] if on_off else BY_MEAN[1 + k, u]
        out[6, i] = 2 + (v2 & 255) // 8 if idle else BY_MEAN[6, u] * (4 if batch else 1)
        out[7, i] = 1 if idle else 24 if batch else 9
        lift = FULL * (20 + (w2 >> 24) * 60 // 255) // 100
        out[8, i] = lift // 6 if idle else lift
        out[9, i] = BY_MEAN[7, u]
        out[10, i] = _IS_ON_OFF if on_off else 0
        out[11, i] = (v1 & 255) < 110
        out[12, i] = sites[i] * KINDS + ((v3 & 7) * PROFILES + profile) * WINDOWS + window
        out[13, i] = sites[i]
        curve = curves[i]
        out[14, i] = curve // _SOCKETS * CURVE_SIZE
        own_idle = I64(IDLE[curve]) * (262144 + (w3 & 65535)) >> 18
        own_range = I64(MAXIMUM[curve] - IDLE[curve]) * (26214 + (39322 * (w3 >> 16) >> 16)) >> 16
        out[15, i] = own_idle
        out[16, i] = own_range
        out[17, i] = (own_idle + own_range) * 131072 // 90000
        out[18, i] = (v0 >> 24) * 500 // 255
        out[19, i] = (own_idle + own_range) * 6 // 1000


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
        s[at + _TILE + U64(i)] = I32(x1)
        s[at + _TILE + _TILE + U64(i)] = I32(x2)
        s[at + _TILE + _TILE + _TILE + U64(i)] = I32(x3)


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


@inlined
def quotient(number: np.int64, divisor: np.int64, inverse: float) -> np.int64:
    """Return floor(number / divisor), by a double that may be one off: SIMD units do not divide."""
    found = I64(np.float64(number) * inverse)
    rest = I64(number - found * divisor)
    return I64(found + I64(rest >= divisor) - I64(rest < 0))


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
        now = (_H, _FOUR_NOW, _THIRTY_NOW)[k]
        before = (_H, _FOUR_BEFORE, _THIRTY_BEFORE)[k]
        words = (_H, _F, _T)[k]
        if k > 0 and back == 0:
            copy_row(s, before, now, n)
        for which in range(block - back, block + 1):
            index = which if k == 0 else which >> 2
            if index != state[3 + k]:
                state[3 + k] = index
                words_to(keys, U64(index), stream_keys[k], s, words)
            if k > 0:
                copy_row(s, now if which == block else before, words + U64(which & 3) * _TILE, n)
        state[k] = block
    hour_word = _H + U64((g & 7) >> 1) * _TILE
    shift = I32(((g & 1) << 4) + 4)
    in_four, in_thirty_two = I32(g & 3), I32(g & 31)
    for j in range(n):
        s[_FACTOR + U64(j)] = factors[row, U32(s[_KIND + U64(j)])]
    for j in range(n):
        i = U64(j)
        u = U32(I32(I32(s[hour_word + i] >> shift) & 0xFFF))
        four = in_force(s[_FOUR_NOW + i], s[_FOUR_BEFORE + i], in_four, I32(3))
        thirty = in_force(s[_THIRTY_NOW + i], s[_THIRTY_BEFORE + i], in_thirty_two, I32(31))
        a = I32(I32(I32(SKEW[u] - ONE) * s[_HOUR + i]) >> 8)
        b = I32(I32(I32(SKEW[U32(s[_DRAWS + i]) + four] - ONE) * s[_FOUR + i]) >> 8)
        c = I32(I32(I32(SKEW[thirty] - ONE) * s[_THIRTY_TWO + i]) >> 8)
        noise = I32(I32(ONE) + I32(I32(a + b) + c))
        factor, gate = I32(s[_FACTOR + i] & 0xFFFF), I32(s[_FACTOR + i] >> 16)
        day = I32(max(I32(ONE + I32(I32(I32(factor - ONE) * s[_DAY + i]) >> 8)), I32(0)))
        v = I64(s[_MEAN + i]) * I64(day) >> 12
        v = v * I64(noise) >> 12
        v = v * I64(gate) >> 12
        s[_V1 + i] = I32(min(v, I64(FULL)))


@called
def begin_hour(
    keys: NDArray[np.uint64], h: int, stream_keys: NDArray[np.uint64], s: NDArray[np.int32]
) -> None:
    """Fill what an hour has besides its levels: bursts, and the words of its slots."""
    first = I32((h & 3) * 12)
    word = _FOUR_BEFORE if (h + 1) & 3 == 0 else _FOUR_NOW  # that of h, and h + 1 may have begun
    for k in range(3, 5):
        words_to(keys, U64(h), stream_keys[k], s, _S if k == 3 else _M)
    for j in range(keys.size):
        i = U64(j)
        r = s[word + i]
        bursts = I32(I32(r >> 14) & 0xFF) < s[_CHANCE + i]
        room = I32(49 - s[_LENGTH + i])
        s[_BURST_FROM + i] = I32(I32(I32(I32(I32(r >> 22) & 0x3FF) * room) >> 10) - first)
        s[_BURST_FOR + i] = s[_LENGTH + i] if bursts else I32(0)
        a = I32(I32(s[_S + i] >> 30) & 3)
        b = I32(I32(s[_S + _TILE + i] >> 30) & 3)
        c = I32(I32(s[_S + _TILE + _TILE + i] >> 30) & 3)
        bits: Any = I32(I32(a << 4) | I32(I32(b << 2) | c))
        s[_STEP_AT + i] = I32(I32(bits * 12) >> 6) if s[_IN_STEPS + i] else I32(-1)


@called
def three_slots(q: int, n: int, s: NDArray[np.int32]) -> None:
    """Add three slots, whose bits are in the same words: 0.8 in place of 1.4 ns a slot."""
    word, bits = _S + U64(q // 3) * _TILE, _M + U64(q // 3) * _TILE
    part_0, part_1, part_2, q0 = _PARTS[q], _PARTS[q + 1], _PARTS[q + 2], I32(q)
    for j in range(n):
        i = U64(j)
        a, b, v0, v1, w = s[word + i], s[bits + i], s[_V0 + i], s[_V1 + i], s[_SLOT + i]
        since, length, lift = s[_BURST_FROM + i], s[_BURST_FOR + i], s[_LIFT + i]
        curve, step = s[_CURVE + i], s[_STEP_AT + i]
        x0, y0, z0 = slot_of(a, b, v0, v1, w, since, length, lift, curve, step, I32(0), part_0, q0)
        x1, y1, z1 = slot_of(
            a, b, v0, v1, w, since, length, lift, curve, step, I32(10), part_1, I32(q0 + 1)
        )
        x2, y2, z2 = slot_of(
            a, b, v0, v1, w, since, length, lift, curve, step, I32(20), part_2, I32(q0 + 2)
        )
        s[_SUM_X + i] = I32(I32(s[_SUM_X + i] + x0) + I32(x1 + x2))
        s[_SUM_SHARE + i] = I32(I32(s[_SUM_SHARE + i] + y0) + I32(y1 + y2))
        s[_SUM_BITS + i] = I32(I32(s[_SUM_BITS + i] + z0) + I32(z1 + z2))


@called
def one_slot(q: int, n: int, s: NDArray[np.int32]) -> None:
    """Add a slot."""
    word, bits = _S + U64(q // 3) * _TILE, _M + U64(q // 3) * _TILE
    shift, part, q0 = I32(10 * (q % 3)), _PARTS[q], I32(q)
    for j in range(n):
        i = U64(j)
        x, y, z = slot_of(
            s[word + i], s[bits + i], s[_V0 + i], s[_V1 + i], s[_SLOT + i], s[_BURST_FROM + i],
            s[_BURST_FOR + i], s[_LIFT + i], s[_CURVE + i], s[_STEP_AT + i], shift, part, q0,
        )  # fmt: skip
        s[_SUM_X + i] = I32(s[_SUM_X + i] + x)
        s[_SUM_SHARE + i] = I32(s[_SUM_SHARE + i] + y)
        s[_SUM_BITS + i] = I32(s[_SUM_BITS + i] + z)


@called
def begin_slot(q: int, n: int, s: NDArray[np.int32]) -> None:
    """Fill what a slot has, for parts of it and for its extremes."""
    word, bits = _S + U64(q // 3) * _TILE, _M + U64(q // 3) * _TILE
    shift, part, q0 = I32(10 * (q % 3)), _PARTS[q], I32(q)
    for j in range(n):
        i = U64(j)
        x, y, z = slot_of(
            s[word + i], s[bits + i], s[_V0 + i], s[_V1 + i], s[_SLOT + i], s[_BURST_FROM + i],
            s[_BURST_FOR + i], s[_LIFT + i], s[_CURVE + i], s[_STEP_AT + i], shift, part, q0,
        )  # fmt: skip
        s[_X + i] = x
        s[_SHARE + i] = y
        s[_BITS + i] = z
        strong = I32(min(I32(1 << I32(z >> 8)), I32(4)))
        swing = I32(I32(min(x, I32(FULL - x)) * s[_TEXTURE + i]) >> 8)
        s[_SWING + i] = I32(I32(swing * strong) >> 2)
        steep = I32(I32(s[_SWING + i] * SLOPE[U32(s[_CURVE + i] + I32(x >> 6))]) >> 6)
        s[_STEEP + i] = min(steep, I32(min(y, I32(FULL - y))))


@called
def whole_slot(n: int, s: NDArray[np.int32]) -> None:
    """Add the slot that was begun, and its extremes."""
    for j in range(n):
        i = U64(j)
        s[_SUM_X + i] = I32(s[_SUM_X + i] + s[_X + i])
        s[_SUM_SHARE + i] = I32(s[_SUM_SHARE + i] + s[_SHARE + i])
        s[_SUM_BITS + i] = I32(s[_SUM_BITS + i] + s[_BITS + i])
    for j in range(n):
        i = U64(j)
        pattern = U32(s[_BITS + i] & 255)
        down = I32(I32(s[_STEEP + i] * TEXTURE_LEAST[pattern]) >> 7)
        up = I32(I32(s[_STEEP + i] * TEXTURE_MOST[pattern]) >> 7)
        s[_LOW + i] = min(s[_LOW + i], I32(s[_SHARE + i] + down))
        s[_HIGH + i] = max(s[_HIGH + i], I32(s[_SHARE + i] + up))


@called
def part_of_slot(t0: int, t1: int, n: int, s: NDArray[np.int32]) -> None:
    """Add the seconds t0 to t1 of the slot that was begun."""
    tick_0, tick_1 = I32(t0 // 10), I32(t1 // 10)
    rest_0, rest_1 = I32(t0 % 10), I32(t1 % 10)
    seconds = I32(t1 - t0)
    for j in range(n):
        i = U64(j)
        sums = I32(I32(s[_BITS + i] & 255) * _SUM_COUNT)
        at_0, at_1 = U32(sums + tick_0), U32(sums + tick_1)
        g0 = I32(I32(_SUMS[at_0] * I32(10 - rest_0)) + I32(_SUMS[at_0 + U32(1)] * rest_0))
        g1 = I32(I32(_SUMS[at_1] * I32(10 - rest_1)) + I32(_SUMS[at_1 + U32(1)] * rest_1))
        swing, steep = s[_SWING + i], s[_STEEP + i]
        a = I32(I32(I32(swing * g1) >> 7) - I32(I32(swing * g0) >> 7))
        b = I32(I32(I32(steep * g1) >> 7) - I32(I32(steep * g0) >> 7))
        s[_SUM_X + i] = I32(s[_SUM_X + i] + I32(I32(s[_X + i] * seconds) + a))
        s[_SUM_SHARE + i] = I32(s[_SUM_SHARE + i] + I32(I32(s[_SHARE + i] * seconds) + b))
        s[_SUM_BITS + i] = I32(s[_SUM_BITS + i] + I32(s[_BITS + i] * seconds))


@called
def part_extremes(t0: int, t1: int, n: int, s: NDArray[np.int32]) -> None:
    """Look for the extremes in the ticks of the seconds t0 to t1 of the slot that was begun."""
    for tick in range(t0 // 10, (t1 - 1) // 10 + 1):
        for j in range(n):
            i = U64(j)
            texture = _TICKS[U32(I32(I32(s[_BITS + i] & 255) * TICKS) + I32(tick))]
            change = I32(I32(s[_STEEP + i] * texture) >> 7)
            s[_LOW + i] = min(s[_LOW + i], I32(s[_SHARE + i] + change))
            s[_HIGH + i] = max(s[_HIGH + i], I32(s[_SHARE + i] + change))


@called
def add_extremes(hour_air: NDArray[np.int32], n: int, s: NDArray[np.int32]) -> None:
    """Make power of the extremes within an hour, and look whether they are the interval's."""
    for j in range(n):
        i = U64(j)
        over = I64(hour_air[U32(s[_SITE + i])]) + I64(s[_INLET_OWN + i]) - 1800
        base = I64(65536) * I64(s[_IDLE + i]) + I64(s[_FAN + i]) * over
        least = I32((base + I64(s[_RANGE + i]) * I64(s[_LOW + i])) >> 4)
        most = I32((base + I64(s[_RANGE + i]) * I64(s[_HIGH + i]) + 15) >> 4)
        most = I32(most + I32(4096 * s[_METER + i]))
        s[_LEAST_OF + i] = min(s[_LEAST_OF + i], least)
        s[_MOST_OF + i] = max(s[_MOST_OF + i], most)
        s[_LOW + i] = I32(1 << 30)
        s[_HIGH + i] = I32(0)


@called
def sum_power(
    interval: int, unit: int, n: int, s: NDArray[np.int32], wide: NDArray[np.int64]
) -> None:
    """Fill the numerator of the average power."""
    for j in range(n):
        i = U64(j)
        steady = 65536 * interval * I64(s[_IDLE + i])
        load = I64(s[_RANGE + i]) * (I64(s[_SUM_SHARE + i]) * unit)
        meter = I64(64) * I64(s[_METER + i]) * (I64(s[_SUM_BITS + i]) * unit)
        over = I64(s[_HEAT + i]) - 1800 * interval
        wide[_POWER_ROW + i] = steady + load + meter + I64(s[_FAN + i]) * over


@called
def count_power(interval: int, many: int, row: np.uint64, n: int, wide: NDArray[np.int64]) -> None:
    """Fill the counts of the average power."""
    half = I64(6553600) * interval
    divisor = I64(2) * half
    inverse = 1.0 / np.float64(divisor)
    for j in range(n):
        i = U64(j)
        wide[row + i] = quotient(2 * many * wide[_POWER_ROW + i] + half, divisor, inverse)


@called
def count_cpu(
    many: int, interval: int, unit: int, row: np.uint64, n: int, s: NDArray[np.int32],
    wide: NDArray[np.int64],
) -> None:  # fmt: skip
    """Fill the counts of the CPU."""
    half = I64(65536) * interval
    inverse = 1.0 / np.float64(2 * half)
    for j in range(n):
        i = U64(j)
        number = 200 * many * (I64(s[_SUM_X + i]) * unit) + half
        wide[row + i] = quotient(number, 2 * half, inverse)


@called
def count_more(
    quantity: int, many: int, interval: int, unit: int, row: np.uint64, n: int,
    s: NDArray[np.int32], wide: NDArray[np.int64],
) -> None:  # fmt: skip
    """Fill the counts of a quantity that is neither CPU, power nor energy."""
    if quantity in (_LEAST, _MOST):
        count_power(interval, many, _COUNT_ROW, n, wide)
        inverse = 1.0 / 409600.0
        for j in range(n):
            i = U64(j)
            power = wide[_COUNT_ROW + i]
            low = quotient(I64(s[_LEAST_OF + i]) * many, I64(409600), inverse)
            high = quotient(I64(s[_MOST_OF + i]) * many + 409599, I64(409600), inverse)
            wide[row + i] = min(low, power) if quantity == _LEAST else max(high, power)
    elif quantity == _INLET:
        half = I64(100) * interval
        inverse = 1.0 / np.float64(2 * half)
        for j in range(n):
            i = U64(j)
            wide[row + i] = quotient(2 * many * I64(s[_HEAT + i]) + half, 2 * half, inverse)
    elif quantity == _CPU_POWER:
        half = I64(6553600) * interval
        inverse = 1.0 / np.float64(2 * half)
        for j in range(n):
            i = U64(j)
            steady = 102 * 65536 * interval * I64(s[_IDLE + i])
            load = 179 * I64(s[_RANGE + i]) * (I64(s[_SUM_SHARE + i]) * unit)
            number = 2 * many * ((steady + load) >> 8) + half
            wide[row + i] = quotient(number, 2 * half, inverse)


@inlined
def put_codes(out: Any, index: int, first: np.uint64, second: np.uint64) -> None:
    """Store two codes."""
    put_two(out, index, U32(first) | (U32(second) << U32(16)))


@inlined
def put_numbers(out: Any, index: int, first: Any, second: Any) -> None:
    """Store two numbers."""
    put_pair(out, index, first, second)


# Of the template below: each kernel has its own, and is compiled with what it needs.
number_of, put_both = code_of, put_codes
WHOLE, IN_THREES, MORE = True, True, False
EACH = False  # a server has a time of its own, in place of all times


def _load(  # noqa: C901 - a kernel is one loop
    server_keys: NDArray[np.uint64],
    traits: NDArray[np.int32],
    times: NDArray[np.int64],
    interval: int,
    stream_keys: NDArray[np.uint64],
    first_hour: int,
    factors: NDArray[np.int32],
    air: NDArray[np.int32],
    wanted: NDArray[np.int64],
    terms: NDArray[Any],
    scratch: NDArray[np.int32],
    wide: NDArray[np.int64],
    summary: NDArray[np.uint64],
    out: NDArray[Any],
) -> None:
    measurements = summary.shape[0]
    s, state = scratch, wide[4 * TILE :]
    quantities, columns, multipliers, steps = wanted[0], wanted[1], wanted[2], wanted[3]
    unit = SLOT if WHOLE else 1  # of the sums, in seconds
    width = 1 if EACH else TILE
    for low in range(0, server_keys.size, width):
        keys = server_keys[low : min(low + width, server_keys.size)]
        n = keys.size
        for r in range(len(TRAITS)):
            of_tile = traits[r, low : low + n]
            at_row = U64(r) * _TILE
            for j in range(n):
                s[at_row + U64(j)] = of_tile[j]
        for k in range(STATE):
            state[k] = -9
        hour = slot = I64(-9)
        for t in range(low if EACH else 0, low + 1 if EACH else times.size):
            at, end = times[t], times[t] + interval
            for j in range(n):
                i = U64(j)
                s[_SUM_X + i] = I32(0)
                s[_SUM_SHARE + i] = I32(0)
                s[_SUM_BITS + i] = I32(0)
                s[_HEAT + i] = I32(0)
                s[_LOW + i] = I32(1 << 30)
                s[_HIGH + i] = I32(0)
                s[_LEAST_OF + i] = I32(2**31 - 1)
                s[_MOST_OF + i] = I32(0)
            while at < end:
                h = at // 3600
                if h != hour:
                    again = h == hour + 1
                    if again:
                        copy_row(s, _V0, _V1, n)
                    for g in range(h + 1 if again else h, h + 2):
                        sway(keys, g, stream_keys, factors, g - first_hour, state, s)
                        if g == h:
                            copy_row(s, _V0, _V1, n)
                    begin_hour(keys, h, stream_keys, s)
                    hour = h
                until = min(end, (h + 1) * 3600)
                hour_air, seconds = air[h - first_hour], I32(until - at)
                for j in range(n):
                    i = U64(j)
                    warm = I32(hour_air[U32(s[_SITE + i])] + s[_INLET_OWN + i])
                    s[_HEAT + i] = I32(s[_HEAT + i] + I32(warm * seconds))
                while at < until:
                    number = at // SLOT
                    q = number - 12 * h
                    if WHOLE:
                        if MORE:
                            begin_slot(q, n, s)
                            whole_slot(n, s)
                            at += SLOT
                        elif IN_THREES:
                            three_slots(q, n, s)
                            at += 3 * SLOT
                        else:
                            one_slot(q, n, s)
                            at += SLOT
                    else:
                        if number != slot:
                            begin_slot(q, n, s)
                            slot = number
                        t0 = at - number * SLOT
                        t1 = min(until - number * SLOT, SLOT)
                        part_of_slot(t0, t1, n, s)
                        if MORE:
                            part_extremes(t0, t1, n, s)
                        at = number * SLOT + t1
                if MORE:
                    add_extremes(hour_air, n, s)
            sum_power(interval, unit, n, s, wide)
            begin = (low if EACH else t * server_keys.size + low) * measurements
            together = measurements == 2 and columns.size == 2
            for c in range(columns.size):
                row, column = _RESULTS + U64(c & 1) * _TILE, columns[c]
                if quantities[c] == _CPU:
                    count_cpu(multipliers[c], interval, unit, row, n, s, wide)
                elif not MORE or quantities[c] in (_POWER, _ENERGY):
                    count_power(interval, multipliers[c], row, n, wide)
                if MORE and quantities[c] != _CPU:
                    count_more(quantities[c], multipliers[c], interval, unit, row, n, s, wide)
                for j in range(n if steps[c] > 1 else 0):
                    wide[row + U64(j)] *= steps[c]
                least, most = summary[column, 0], summary[column, 1]
                for j in range(n):
                    count = U64(wide[row + U64(j)])
                    least, most = min(least, count), max(most, count)
                summary[column, 0], summary[column, 1] = least, most
                if not together:
                    index = begin + column
                    for j in range(n):
                        out[index] = number_of(U64(wide[row + U64(j)]), terms[column])
                        index += measurements
                elif c == 1:
                    term_0, term_1 = terms[columns[0]], terms[columns[1]]
                    swapped = columns[0] == 1
                    for j in range(n):
                        i = U64(j)
                        a = number_of(U64(wide[_RESULTS + i]), term_0)
                        b = number_of(U64(wide[_RESULTS + _TILE + i]), term_1)
                        if swapped:
                            a, b = b, a
                        put_both(out, begin + 2 * j, a, b)


def _load_problem(
    server_keys: NDArray[np.uint64],
    times: NDArray[np.int64],
    interval: int,
    first_hour: int,
    factors: NDArray[np.int32],
    wanted: NDArray[np.int64],
    summary: NDArray[np.uint64],
    out: NDArray[Any],
) -> str | None:
    if out.size != (cells := server_keys.size * times.size * summary.shape[0]):
        return f"out has {out.size} cells, not {cells}"
    for quantity, column in zip(*wanted[:2].tolist(), strict=True):
        if not (0 <= column < summary.shape[0] and 0 <= quantity < len(QUANTITIES)):
            return f"wanted has quantity {quantity} of measurement {column}"
    if not 1 <= interval <= 86400:
        return f"interval is {interval}"
    if times.size:
        last = (int(times.max()) + interval - 1) // 3600 + 1
        if int(times.min()) // 3600 < first_hour or last >= first_hour + factors.shape[0]:
            return "factors has not all hours"
    return None


def _each_problem(
    server_keys: NDArray[np.uint64],
    times: NDArray[np.int64],
    interval: int,
    first_hour: int,
    factors: NDArray[np.int32],
    wanted: NDArray[np.int64],
    summary: NDArray[np.uint64],
    out: NDArray[Any],
) -> str | None:
    if out.size != (cells := server_keys.size * summary.shape[0]):
        return f"out has {out.size} cells, not {cells}"
    at_once = np.broadcast_to(out[:1], (server_keys.size * times.size * summary.shape[0],))
    return _load_problem(
        server_keys, times, interval, first_hour, factors, wanted, summary, at_once
    )


def _make(kind: str, cut: str, each: bool = False) -> Kernel[...]:
    number, term, making, putting = _KINDS[kind]
    whole, in_threes, more = _CUTS[cut]
    name = f"fill_load_{'each_' * each}{kind}_{cut}"
    declared = {
        "server_keys": "uint64[servers]",
        "traits": f"int32[{len(TRAITS)}, servers]",
        "times": "int64[servers]" if each else "int64[times]",
        "interval": "int64",
        "stream_keys": "uint64[5]",
        "first_hour": "int64",
        "factors": "int32[hours, kinds]",
        "air": "int32[hours, sites]",
        "wanted": "int64[4, columns]",
        "terms": f"{term}[measurements]",
        "scratch": f"out int32[{SCRATCH}]",
        "wide": f"out int64[{WIDE}]",
        "summary": f"out uint64[measurements, {SUMMARY}]",
        "out": f"out {number}[cells]",
    }
    cutting = {"WHOLE": whole, "IN_THREES": in_threes, "MORE": more}
    uses = {"number_of": making, "put_both": putting, "EACH": each, **cutting}
    loop: Any = variant(_load, name, **uses)
    made: Kernel[...] = kernel(_each_problem if each else _load_problem, **declared)(loop)
    globals()[name] = made  # a kernel is pickled by its name
    return made


# What is filled: its type, that of the terms, and what is made of a count.
_KINDS: dict[str, tuple[str, str, Any, Any]] = {
    "codes": ("uint16", "uint64", code_of, put_codes),
    "counts": ("int64", "uint64", code_of, put_numbers),
    "decimals": ("float64", "float64", decimal_of, put_numbers),
}
# How intervals are cut: of whole slots, so that three at a time are; whether more is wanted than
# CPU, power and energy. What a job does not use is not compiled: it takes a second.
_CUTS = {
    "threes": (True, True, False),
    "slots": (True, False, False),
    "parts": (False, False, False),
    "slots_more": (True, False, True),
    "parts_more": (False, False, True),
}
_FILLS = {
    (np.dtype(number), cut): _make(kind, cut)
    for kind, (number, *_) in _KINDS.items()
    for cut in _CUTS
}
_FILLS_OF_EACH = {
    whole: _make("counts", cut, each=True)
    for whole, cut in ((True, "slots_more"), (False, "parts_more"))
}


def fill_load(
    server_keys: NDArray[np.uint64],
    traits: NDArray[np.int32],
    times: NDArray[np.int64],
    interval: int,
    stream_keys: NDArray[np.uint64],
    first_hour: int,
    factors: NDArray[np.int32],
    air: NDArray[np.int32],
    wanted: NDArray[np.int64],
    terms: NDArray[Any],
    summary: NDArray[np.uint64],
    out: NDArray[Any],
) -> None:
    """Fill the readings of a chunk, those of the measurements that have a quantity.

    Parameters
    ----------
    server_keys : (servers,) uint64
        The servers' coordinates.
    traits : (TRAITS, servers) int32
        What `fill_traits` says of them.
    times : (times,) int64
        Starts of the nominal intervals, seconds since the epoch, >= 0.
    interval : int
        Their length in seconds, 1 to 86,400.
    stream_keys : (5,) uint64
        Those of "load hour", "load 4 hours", "load 32 hours", "load slots" and "load meter".
    first_hour : int
        The hour since the epoch of the first row of `factors` and `air`, which go on to the hour
        that follows the last interval.
    factors : (hours, sites * KINDS) int32
        By site, phase, profile and window: the factor, and the gate in the upper 16 bits.
    air : (hours, sites) int32
        In 1/100 degrees Celsius, above 18.
    wanted : (4, columns) int64
        Of each measurement that has one, its quantity (an index into `QUANTITIES`; energy is
        power), which measurement it is, the counts in a unit, and what a count is multiplied by.
    terms : (measurements,) uint64 or float64
        Of codes and counts what is added to them, of values what a count is divided by.
    summary : (measurements, SUMMARY) uint64
        The least and the greatest count so far: updated. Begin with `new_summary`.
    out : (times, servers, measurements) of uint16, int64 or float64
        The codes, counts or values.
    """
    more = any(quantity not in (_CPU, _POWER, _ENERGY) for quantity in wanted[0].tolist())
    cut = "slots" if interval % SLOT == 0 else "parts"
    if more:
        cut += "_more"
    elif interval % (3 * SLOT) == 0:
        cut = "threes"
    _FILLS[out.dtype, cut](
        server_keys, traits, times, interval, stream_keys, first_hour, factors, air, wanted, terms,
        np.empty(SCRATCH, np.int32), np.empty(WIDE, np.int64), summary, out.reshape(-1),
    )  # fmt: skip


def fill_load_each(
    server_keys: NDArray[np.uint64],
    traits: NDArray[np.int32],
    times: NDArray[np.int64],
    interval: int,
    stream_keys: NDArray[np.uint64],
    first_hour: int,
    factors: NDArray[np.int32],
    air: NDArray[np.int32],
    wanted: NDArray[np.int64],
    out: NDArray[np.int64],
) -> None:
    """Fill the counts of one reading of each of some servers; see `fill_load`.

    Parameters
    ----------
    times : (servers,) int64
        The start of each server's interval.
    out : (servers, measurements) int64
        The counts.
    """
    measurements = out.shape[1]
    _FILLS_OF_EACH[interval % SLOT == 0](
        server_keys, traits, times, interval, stream_keys, first_hour, factors, air, wanted,
        np.zeros(measurements, np.uint64), np.empty(SCRATCH, np.int32), np.empty(WIDE, np.int64),
        np.zeros((measurements, SUMMARY), np.uint64), out.reshape(-1),
    )  # fmt: skip


@kernel(
    server_keys="uint64[servers]", index="uint64", stream_key="uint64", out="out uint32[4, servers]"
)
def fill_words(
    server_keys: NDArray[np.uint64], index: int, stream_key: int, out: NDArray[np.uint32]
) -> None:
    """Fill the four words of each server at an index."""
    b, key = U64(index), U64(stream_key)
    for i in range(server_keys.size):
        a = server_keys[i]
        words = philox4x32(a & LOW, a >> HALF, b & LOW, b >> HALF, key & LOW, key >> HALF)
        out[0, i], out[1, i], out[2, i], out[3, i] = words
