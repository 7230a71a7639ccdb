"""Indices into dictionaries, in the shortest encoding, and the strings of a dictionary."""

from __future__ import annotations

import math

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from synthpower import kernels
from synthpower.arrays import string_buffers
from synthpower.formats.parquet.file import Part
from synthpower.formats.parquet.thrift import varint

_RUN = 8  # values of a packed group; so many equal ones are shorter as a run


def repeated(indices: NDArray[np.int32], repeats: int, steps: int, different: int) -> list[Part]:
    """Return the indices of a step, each `repeats` times, for all steps, in the shortest encoding.

    They are runs, or packed. Packed steps are the same bytes again and again wherever a step
    ends at a whole one, and Zstandard finds that. (Arrow begins another packed run every 512
    values, which hides it: 3 to 13 % more bytes, ten times the time.)
    """
    bits, size = width(different)
    step_rows = indices.size * repeats
    if different == 1:
        return [bytes([bits]), varint(step_rows * steps << 1), bytes(size)]
    if repeats >= _RUN:
        head = np.frombuffer(varint(repeats << 1), np.uint8)
        runs = np.empty((indices.size, head.size + size), np.uint8)
        runs[:, : head.size] = head
        runs[:, head.size :] = indices.astype("<i4").view(np.uint8).reshape(-1, 4)[:, :size]
        return [bytes([bits]), np.tile(runs.reshape(-1), steps)]
    groups = -(-step_rows * steps // _RUN)
    cycle = min(steps, _RUN // math.gcd(_RUN, step_rows))  # steps that end at a whole byte
    packed = np.empty(-(-step_rows * cycle // _RUN) * bits, np.uint8)
    kernels.pack_indices(np.tile(indices, cycle), repeats, bits, packed)
    return [bytes([bits]), varint(groups << 1 | 1), np.resize(packed, groups * bits)]


def width(different: int) -> tuple[int, int]:
    """Return the bits of an index into so many values, and its whole bytes."""
    bits = max(1, (different - 1).bit_length())
    return bits, -(-bits // 8)


def plain_strings(strings: pa.StringArray) -> NDArray[np.uint8]:
    """Return strings as PLAIN encodes them: each behind its length."""
    data, offsets = string_buffers(strings)
    out = np.empty(int(offsets[-1] - offsets[0]) + 4 * len(strings), np.uint8)
    kernels.put_texts(data, offsets, out)
    return out
