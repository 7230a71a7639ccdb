"""Kernels of the inventory: serial numbers, choices, keys. Arrays in, `out` last."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from synthpower.jit import kernel
from synthpower.kernels.offsets import offsets_problem
from synthpower.kernels.philox import U64, draws, scaled

UNITS = 31**4  # ZZZZ, base 31 without vowels
YEARS = 10  # Y, a year's last digit
WEEKS = 52  # WW, 01 to 52: the weeks that every year has
ROUNDS = 8
PACKED_LENGTH = 12

_BASE = U64(37)
_PACKED_CHARACTERS = np.frombuffer(b"\0" + b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ", np.uint8)
_PACKED_DIGITS = np.zeros(256, np.uint8)  # 1 to 36; 0 for what cannot be packed
_PACKED_DIGITS[_PACKED_CHARACTERS] = np.arange(37)
_UNIT_DIGITS = np.frombuffer(b"0123456789BCDFGHJKLMNPQRSTVWXYZ", np.uint8)


@kernel(first="int64", key="uint64", prefixes="uint8[>= 1, 3]", out="out uint8[servers, 10]")
def fill_serials(
    first: int, key: np.uint64, prefixes: NDArray[np.uint8], out: NDArray[np.uint8]
) -> None:
    """Fill the serial numbers of servers `first`, `first` + 1, ... in HPE's form CC S Y WW ZZZZ.

    A keyed bijection of the index: an alternating Feistel network over
    (prefix, year, week) x unit, after Black and Rogaway, "Ciphers with arbitrary
    finite domains" (CT-RSA 2002), whose round function is Philox. Two indices
    below ``len(prefixes) * YEARS * WEEKS * UNITS`` never share a serial number.

    Parameters
    ----------
    first : int
        Index of the first server.
    key : uint64
        The Philox key.
    prefixes : (prefixes, 3) uint8
        Country and site, in ASCII.
    out : (servers, 10) uint8
        ASCII.
    """
    left_size = U64(prefixes.shape[0] * YEARS * WEEKS)
    right_size = U64(UNITS)
    for i in range(out.shape[0]):
        index = U64(first + i)
        left = index // right_size
        right = index % right_size
        for step in range(0, ROUNDS, 2):
            draw, _ = draws(right, U64(step), key)
            left = (left + scaled(draw, left_size)) % left_size
            draw, _ = draws(left, U64(step + 1), key)
            right = (right + scaled(draw, right_size)) % right_size
        week = np.int64(left % U64(WEEKS)) + 1
        year = np.int64((left // U64(WEEKS)) % U64(YEARS))
        prefix = np.int64(left // U64(WEEKS * YEARS))
        for j in range(3):
            out[i, j] = prefixes[prefix, j]
        out[i, 3] = 48 + year
        out[i, 4] = 48 + week // 10
        out[i, 5] = 48 + week % 10
        unit = np.int64(right)
        for j in range(9, 5, -1):
            out[i, j] = _UNIT_DIGITS[unit % 31]
            unit //= 31


@kernel(first="int64", key="uint64", thresholds="uint64[>= 0]", out="out int32[servers]")
def fill_choices(
    first: int, key: np.uint64, thresholds: NDArray[np.uint64], out: NDArray[np.int32]
) -> None:
    """Fill the choices of servers `first`, `first` + 1, ... among weighted alternatives.

    Parameters
    ----------
    first : int
        Index of the first server.
    key : uint64
        The Philox key.
    thresholds : (alternatives - 1,) uint64
        Ascending: alternative j is chosen by a draw of at least thresholds[j - 1]
        and below thresholds[j], out of 2**64.
    out : (servers,) int32
        0 <= choice <= len(thresholds).
    """
    for i in range(out.size):
        draw, _ = draws(U64(first + i), U64(0), key)
        low = 0
        high = thresholds.size
        while low < high:
            middle = (low + high) // 2
            if draw < thresholds[middle]:
                high = middle
            else:
                low = middle + 1
        out[i] = low


def _server_keys_problem(data: NDArray[np.uint8], offsets: NDArray[np.int32]) -> str | None:
    return offsets_problem("offsets", offsets, data.size)


@kernel(
    _server_keys_problem,
    data="uint8[bytes]",
    offsets="int32[servers + 1]",
    out="out uint64[servers]",
)
def fill_server_keys(
    data: NDArray[np.uint8], offsets: NDArray[np.int32], out: NDArray[np.uint64]
) -> None:
    """Fill the 64-bit keys of serial numbers by packing them, without loss.

    One to twelve characters of 0-9A-Z are digits 1 to 36 in base 37, ended by
    zeros: below 37**12 < 2**63, and in the order of the serial numbers' bytes.

    Parameters
    ----------
    data : (bytes,) uint8
        The serial numbers, one after the other.
    offsets : (servers + 1,) int32
        Where each begins and, last, where the last ends.
    out : (servers,) uint64
        The key, or 0 where a serial number cannot be packed.
    """
    for i in range(out.size):
        length = offsets[i + 1] - offsets[i]
        key = U64(0)
        if length <= PACKED_LENGTH:
            for j in range(length):
                digit = _PACKED_DIGITS[data[offsets[i] + j]]
                if digit == 0:
                    key = U64(0)
                    break
                key = key * _BASE + U64(digit)
            else:
                for _ in range(PACKED_LENGTH - length):
                    key = key * _BASE
        out[i] = key


def _put_serials_problem(keys: NDArray[np.uint64], out: NDArray[np.uint8]) -> str | None:
    needed = keys.size * PACKED_LENGTH
    return None if out.size >= needed else f"out has {out.size} bytes; {needed} are needed"


@kernel(
    _put_serials_problem,
    keys="uint64[servers]",
    offsets="out int32[servers + 1]",
    out="out uint8[>= 0]",
)
def put_serials(
    keys: NDArray[np.uint64], offsets: NDArray[np.int32], out: NDArray[np.uint8]
) -> None:
    """Write the serial numbers of packed keys: the inverse of `fill_server_keys`.

    Ten times as fast as picking them up in another order than they lie in memory.

    Parameters
    ----------
    keys : (servers,) uint64
        From `fill_server_keys`, none of them 0.
    offsets : (servers + 1,) int32
        Overwritten: where each serial number begins and, last, where the last ends.
    out : (bytes,) uint8
        The serial numbers, one after the other: PACKED_LENGTH bytes for each, at least.
    """
    at = 0
    for i in range(keys.size):
        offsets[i] = at
        key = keys[i]
        length = 0
        for j in range(PACKED_LENGTH - 1, -1, -1):
            rest = key // _BASE
            digit = np.int64(key - rest * _BASE)
            out[at + j] = _PACKED_CHARACTERS[digit]
            length += 1 if digit else 0
            key = rest
        at += length
    offsets[keys.size] = at
