"""Where the kernels of the load signal keep what the servers of a tile have.

One array of int32: rows at constant offsets are what LLVM needs to see that none aliases another.
"""

from __future__ import annotations

from synthpower.kernels.philox import U64
from synthpower.kernels.values import TILE

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
    AT_MEAN, AT_DAY, AT_HOUR, AT_FOUR, AT_THIRTY_TWO, AT_SLOT, AT_CHANCE, AT_LENGTH,
    AT_LIFT, AT_TEXTURE, AT_DRAWS,
    AT_IN_STEPS, AT_KIND, AT_SITE, AT_CURVE, AT_IDLE, AT_RANGE, AT_FAN, AT_INLET_OWN, AT_METER,
    AT_H, _, _, _, AT_F, _, _, _, AT_T, _, _, _, AT_S, _, _, _, AT_M, _, _, _,
    AT_FOUR_NOW, AT_FOUR_BEFORE, AT_THIRTY_NOW, AT_THIRTY_BEFORE,
    AT_V0, AT_V1, AT_FACTOR, AT_BURST_FROM, AT_BURST_FOR, AT_STEP_AT,
    AT_X, AT_SHARE, AT_BITS, AT_SWING, AT_STEEP,
    AT_SUM_X, AT_SUM_SHARE, AT_SUM_BITS, AT_HEAT, AT_LOW, AT_HIGH, AT_LEAST_OF, AT_MOST_OF,
) = (U64(i * TILE) for i in range(len(_ROWS)))  # fmt: skip
ROW = U64(TILE)
POWER_ROW, COUNT_ROW, RESULTS = U64(0), U64(TILE), U64(2 * TILE)
