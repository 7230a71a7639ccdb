"""Kernels of the load signal, which docs/LOAD.md defines: traits of servers, and readings.

What decides the speed is not the number of Philox calls but whether LLVM vectorises. A server and
hour of two readings took, in a trial of the same arithmetic:

====================================================================================  ======
separate scratch arrays, slices of two axes, tables as arguments                      187 ns
one scratch of int32, rows at constant offsets, signed indices                        208 ns
and unsigned indices (no test for one behind the end), tables as globals               22 ns
and three slots of a word in one loop                                                  19 ns
====================================================================================  ======
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from synthpower.jit import Kernel, inlined, kernel, variant
from synthpower.kernels.blocks import put_pair, put_two
from synthpower.kernels.load_counts import (
    OF_CPU,
    OF_ENERGY,
    OF_POWER,
    QUANTITIES,
    count_cpu,
    count_more,
    count_power,
    sum_power,
)
from synthpower.kernels.load_scratch import (
    AT_HEAT,
    AT_HIGH,
    AT_INLET_OWN,
    AT_LEAST_OF,
    AT_LOW,
    AT_MOST_OF,
    AT_SITE,
    AT_SUM_BITS,
    AT_SUM_SHARE,
    AT_SUM_X,
    AT_V0,
    AT_V1,
    RESULTS,
    ROW,
    SCRATCH,
    STATE,
    TRAITS,
    WIDE,
)
from synthpower.kernels.load_slots import (
    add_extremes,
    begin_hour,
    begin_slot,
    copy_row,
    one_slot,
    part_extremes,
    part_of_slot,
    sway,
    three_slots,
    whole_slot,
)
from synthpower.kernels.load_tables import SLOT
from synthpower.kernels.philox import HALF, LOW, U64
from synthpower.kernels.values import SUMMARY, TILE, code_of, decimal_of

I32, I64, U32 = np.int32, np.int64, np.uint32


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
            at_row = U64(r) * ROW
            for j in range(n):
                s[at_row + U64(j)] = of_tile[j]
        for k in range(STATE):
            state[k] = -9
        hour = slot = I64(-9)
        for t in range(low if EACH else 0, low + 1 if EACH else times.size):
            at, end = times[t], times[t] + interval
            for j in range(n):
                i = U64(j)
                s[AT_SUM_X + i] = I32(0)
                s[AT_SUM_SHARE + i] = I32(0)
                s[AT_SUM_BITS + i] = I32(0)
                s[AT_HEAT + i] = I32(0)
                s[AT_LOW + i] = I32(1 << 30)
                s[AT_HIGH + i] = I32(0)
                s[AT_LEAST_OF + i] = I32(2**31 - 1)
                s[AT_MOST_OF + i] = I32(0)
            while at < end:
                h = at // 3600
                if h != hour:
                    again = h == hour + 1
                    if again:
                        copy_row(s, AT_V0, AT_V1, n)
                    for g in range(h + 1 if again else h, h + 2):
                        sway(keys, g, stream_keys, factors, g - first_hour, state, s)
                        if g == h:
                            copy_row(s, AT_V0, AT_V1, n)
                    begin_hour(keys, h, stream_keys, s)
                    hour = h
                until = min(end, (h + 1) * 3600)
                hour_air, seconds = air[h - first_hour], I32(until - at)
                for j in range(n):
                    i = U64(j)
                    warm = I32(hour_air[U32(s[AT_SITE + i])] + s[AT_INLET_OWN + i])
                    s[AT_HEAT + i] = I32(s[AT_HEAT + i] + I32(warm * seconds))
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
                row, column = RESULTS + U64(c & 1) * ROW, columns[c]
                if quantities[c] == OF_CPU:
                    count_cpu(multipliers[c], interval, unit, row, n, s, wide)
                elif not MORE or quantities[c] in (OF_POWER, OF_ENERGY):
                    count_power(interval, multipliers[c], row, n, wide)
                if MORE and quantities[c] != OF_CPU:
                    count_more(quantities[c], multipliers[c], interval, unit, row, n, s, wide)
                least, most = summary[column, 0], summary[column, 1]
                added = U64(0)
                for j in range(n):
                    count = U64(wide[row + U64(j)])
                    least, most, added = min(least, count), max(most, count), added + count
                summary[column, 0], summary[column, 1] = least, most
                summary[column, 2] += added & LOW
                summary[column, 3] += added >> HALF
                for j in range(n if steps[c] > 1 else 0):
                    wide[row + U64(j)] *= steps[c]
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
                        a = number_of(U64(wide[RESULTS + i]), term_0)
                        b = number_of(U64(wide[RESULTS + ROW + i]), term_1)
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
    return _wanted_problem(times, interval, first_hour, factors, wanted, summary)


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
    return _wanted_problem(times, interval, first_hour, factors, wanted, summary)


def _wanted_problem(
    times: NDArray[np.int64],
    interval: int,
    first_hour: int,
    factors: NDArray[np.int32],
    wanted: NDArray[np.int64],
    summary: NDArray[np.uint64],
) -> str | None:
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
        The least and the greatest count so far, and the sums of their low and high 32 bits:
        updated. Begin with `new_summary`.
    out : (times, servers, measurements) of uint16, int64 or float64
        The codes, counts or values.
    """
    more = any(quantity not in (OF_CPU, OF_POWER, OF_ENERGY) for quantity in wanted[0].tolist())
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
