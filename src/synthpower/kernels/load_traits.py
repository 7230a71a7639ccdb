"""What is the same of a server at all times, for the load signal."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from synthpower.jit import kernel
from synthpower.kernels.load_scratch import TRAITS
from synthpower.kernels.load_tables import (
    BY_MEAN,
    CONSTANTS,
    CURVE_SIZE,
    FULL,
    IDLE,
    KINDS,
    MAXIMUM,
    PROFILES,
    SOCKETS,
    WINDOWS,
)
from synthpower.kernels.philox import HALF, LOW, U64, philox4x32

I64 = np.int64

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
