"""The tables of the load signal: integers, made of the constants in load.json (see docs/LOAD.md).

Kernels take them as globals: constants of the machine code, which no output can alias. As
arguments they cost the vectoriser its loops (8 times slower).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from importlib.resources import files
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synthpower.kernels.philox import U64, draws

FULL = 65536  # 100 % CPU
ONE = 4096  # a factor of 1
TICKS = 30  # of 10 s, in a slot
SLOT = 300  # seconds
PATTERNS = 256  # of the texture
PROFILES = 4
WINDOWS = 4  # of maintenance, the first of them none
PHASES = 8
KINDS = PHASES * PROFILES * WINDOWS  # of servers of a site
QUARTERS = 672  # of hours, in a week
_DRAWS = 4096  # 12 bits
_GROUPS = 1024  # of the load, in a curve

Table = NDArray[np.int32]

CONSTANTS: dict[str, Any] = json.loads(
    (files("synthpower.kernels") / "load.json").read_text(encoding="utf-8")
)


def _between(knots: Sequence[int]) -> Table:
    """Return 4,096 numbers: those in the middle of equal parts between knots at equal distances."""
    count = _DRAWS // (len(knots) - 1)
    k = np.arange(count)
    parts = [a + (b - a) * (2 * k + 1) // (2 * count) for a, b in pairwise(knots)]
    return np.concatenate(parts).astype(np.int32)


def _by_mean() -> Table:
    """Return mean, hour, four, thirty_two, slot, day, burst and texture, by 12 bits."""
    columns = zip(*CONSTANTS["by_mean"]["rows"], strict=True)
    return np.ascontiguousarray(np.stack([_between(column) for column in columns]))


def _skew() -> Table:
    """Return skewed numbers of mean 1, and behind them those of servers that are on or off."""
    count, low, high = CONSTANTS["on_off"]
    on_off = np.where(np.arange(_DRAWS) < count, low, high).astype(np.int32)
    return np.concatenate([_between(CONSTANTS["skew"]), on_off])


def _profiles() -> Table:
    """Return the factor of each profile for each quarter of an hour of a week."""
    quarter = np.arange(4)
    table = []
    for work_day, week_end in CONSTANTS["profiles"].values():
        hours = work_day * 5 + week_end * 2
        pairs = zip(hours, hours[1:] + hours[:1], strict=True)
        table.append(np.concatenate([a + (b - a) * quarter // 4 for a, b in pairs]))
    return np.stack(table).astype(np.int32)


def _shapes() -> tuple[Table, Table]:
    """Return share of the power range and slope, by load, of all curves one after the other."""
    shapes = []
    i = np.arange(_GROUPS + 1)
    for curve in CONSTANTS["curves"].values():
        points = np.array([(FULL * share + 50) // 100 for share in curve["percent"]])
        k, rest = np.divmod(10 * i, _GROUPS)
        low, high = points[k], points[np.minimum(k + 1, 10)]
        shapes.append(low + ((high - low) * rest + _GROUPS // 2) // _GROUPS)
    shape = np.stack(shapes)
    up, down = np.minimum(i + 1, _GROUPS), np.maximum(i - 1, 0)
    slope = (shape[:, up] - shape[:, down]) // (up - down)
    return shape.reshape(-1).astype(np.int32), slope.reshape(-1).astype(np.int32)


def _texture() -> tuple[Table, Table]:
    """Return 256 patterns of 30 ticks whose sum is 0, and their sums before each tick and after."""
    patterns = np.repeat(np.arange(PATTERNS, dtype=np.uint64), 9)
    numbers = np.tile(np.arange(9, dtype=np.uint64), PATTERNS)
    pairs = np.stack(draws(patterns, numbers, U64(0)), axis=1)  # type: ignore[arg-type]
    words = np.stack([pairs >> U64(32), pairs & U64(0xFFFFFFFF)], axis=2)
    words = words.reshape(PATTERNS, 36).astype(np.int64)
    shifts = np.array([0, 8, 16, 24])
    noise = (words[:, :, np.newaxis] >> shifts & 255).sum(axis=2) - 510
    ticks = 7 * noise[:, 5:35] + 7 * np.repeat(noise[:, :5], 6, axis=1)
    spiked = np.arange(0, PATTERNS, 4)
    ticks[spiked, words[spiked, 35] % TICKS] += 3700
    ticks = TICKS * ticks - ticks.sum(axis=1, keepdims=True)
    sums = np.zeros((PATTERNS, TICKS + 1), np.int64)
    np.cumsum(ticks, axis=1, out=sums[:, 1:])
    sums = sums * 126 // np.abs(ticks).max(axis=1, keepdims=True)
    return np.diff(sums).astype(np.int32), sums.astype(np.int32)


def _watts() -> tuple[Table, Table]:
    """Return idle and maximum power in cW, of each curve and number of sockets."""
    pairs = [c["watts"][s] for c in CONSTANTS["curves"].values() for s in SOCKETS]
    idle, maximum = np.array(pairs, np.int32).T.copy()
    return idle, maximum


SOCKETS = ("1", "2", "4")
CURVES = tuple(CONSTANTS["curves"])
BY_MEAN = _by_mean()
SKEW = _skew()
PROFILE = _profiles()
SHAPE, SLOPE = _shapes()
CURVE_SIZE = _GROUPS + 1
TEXTURE, TEXTURE_SUMS = _texture()
TEXTURE_LEAST = TEXTURE.min(axis=1)
TEXTURE_MOST = TEXTURE.max(axis=1)
IDLE, MAXIMUM = _watts()
