"""Philox4x32-10 and what is made of its words. Pure functions of uint64 scalars."""

from __future__ import annotations

import numpy as np

from synthpower.jit import inlined

# All words are 32-bit numbers kept in uint64: the products need 64 bits, SIMD units multiply
# the low halves of 64-bit lanes, and nothing can overflow when the JIT is off. (Tried: uint32
# words, 0.9 to 1.25 times as fast, and thousands of overflow warnings without the JIT.)
U64 = np.uint64
LOW = U64(0xFFFFFFFF)
HALF = U64(32)

_MULTIPLIER_0 = U64(0xD2511F53)
_MULTIPLIER_1 = U64(0xCD9E8D57)
_WEYL_0 = U64(0x9E3779B9)
_WEYL_1 = U64(0xBB67AE85)


@inlined
def philox4x32(
    c0: np.uint64, c1: np.uint64, c2: np.uint64, c3: np.uint64, k0: np.uint64, k1: np.uint64
) -> tuple[np.uint64, np.uint64, np.uint64, np.uint64]:
    """Return the four random words of a counter under a key.

    Philox4x32 with ten rounds, as in Salmon et al., "Parallel random numbers: as
    easy as 1, 2, 3" (SC 2011); it gives Random123's known answers.

    Parameters
    ----------
    c0, c1, c2, c3, k0, k1 : uint64
        Counter and key words, each below 2**32.

    Returns
    -------
    tuple of four uint64
        Each below 2**32.
    """
    for _ in range(10):
        product_0 = c0 * _MULTIPLIER_0
        product_1 = c2 * _MULTIPLIER_1
        c0 = (product_1 >> HALF) ^ c1 ^ k0
        c1 = product_1 & LOW
        c2 = (product_0 >> HALF) ^ c3 ^ k1
        c3 = product_0 & LOW
        k0 = (k0 + _WEYL_0) & LOW
        k1 = (k1 + _WEYL_1) & LOW
    return c0, c1, c2, c3


@inlined
def draws(a: np.uint64, b: np.uint64, key: np.uint64) -> tuple[np.uint64, np.uint64]:
    """Return the two 64-bit random numbers at counter (`a`, `b`) under `key`, all uint64."""
    x0, x1, x2, x3 = philox4x32(a & LOW, a >> HALF, b & LOW, b >> HALF, key & LOW, key >> HALF)
    return (x0 << HALF) | x1, (x2 << HALF) | x3


@inlined
def scaled(draw: np.uint64, bound: np.uint64) -> np.uint64:
    """Return floor(draw * bound / 2**64): a number below `bound`, each equally likely.

    The 128-bit product from 32-bit halves; `bound` is at most 2**53 + 1, so no sum overflows.
    """
    high, low = draw >> HALF, draw & LOW
    bound_high, bound_low = bound >> HALF, bound & LOW
    middle = high * bound_low + ((low * bound_low) >> HALF)
    carried = low * bound_high + (middle & LOW)
    return high * bound_high + (middle >> HALF) + (carried >> HALF)
