"""Kernels of Parquet's pages: plain texts and packed indices. Arrays in, `out` last."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from synthpower.jit import kernel
from synthpower.kernels.offsets import offsets_problem
from synthpower.kernels.philox import HALF, U64


def _put_texts_problem(
    data: NDArray[np.uint8], offsets: NDArray[np.int32], out: NDArray[np.uint8]
) -> str | None:
    if problem := offsets_problem("offsets", offsets, data.size):
        return problem
    needed = int(offsets[-1]) - int(offsets[0]) + 4 * (offsets.size - 1)
    return None if out.size >= needed else f"out has {out.size} bytes; {needed} are needed"


@kernel(_put_texts_problem, data="uint8[bytes]", offsets="int32[texts + 1]", out="out uint8[>= 0]")
def put_texts(data: NDArray[np.uint8], offsets: NDArray[np.int32], out: NDArray[np.uint8]) -> None:
    """Write texts as Parquet's PLAIN encoding has them, each behind its length.

    Parameters
    ----------
    data, offsets : (bytes,) uint8, (texts + 1,) int32
        The texts, one after the other, and where each begins.
    out : (bytes,) uint8
        Room for the texts, and four bytes for each length, low ones first.
    """
    at = 0
    for i in range(offsets.size - 1):
        begin = offsets[i]
        length = offsets[i + 1] - begin
        for byte in range(4):
            out[at + byte] = (length >> (8 * byte)) & 255
        at += 4
        for j in range(length):
            out[at + j] = data[begin + j]
        at += length


def _pack_indices_problem(
    indices: NDArray[np.int32], repeats: int, bits: int, out: NDArray[np.uint8]
) -> str | None:
    if not 1 <= bits <= 31:
        return f"bits is {bits}; it must be 1 to 31"
    needed = -(-indices.size * max(0, int(repeats)) * int(bits) // 8)
    return None if out.size >= needed else f"out has {out.size} bytes; {needed} are needed"


@kernel(
    _pack_indices_problem,
    indices="int32[indices]",
    repeats="int64",
    bits="int64",
    out="out uint8[>= 0]",
)
def pack_indices(
    indices: NDArray[np.int32], repeats: int, bits: int, out: NDArray[np.uint8]
) -> None:
    """Pack indices as Parquet's bit-packed runs have them, low bits first.

    Parameters
    ----------
    indices : (indices,) int32
        Each below 2**bits.
    repeats : int
        How often each is packed.
    bits : int
        1 to 31.
    out : (bytes,) uint8
        Zeros follow the last index.
    """
    waiting = U64(0)
    filled = at = 0
    for i in range(indices.size):
        index = U64(indices[i])
        for _ in range(repeats):
            waiting |= index << U64(filled)
            filled += bits
            if filled >= 32:
                for byte in range(4):
                    out[at + byte] = (waiting >> U64(8 * byte)) & U64(255)
                at += 4
                waiting >>= HALF
                filled -= 32
    for byte in range(at, out.size):
        out[byte] = waiting & U64(255)
        waiting >>= U64(8)


@kernel(codes="uint16[rows, measurements]", out="out uint16[measurements, rows]")
def split_codes(codes: NDArray[np.uint16], out: NDArray[np.uint16]) -> None:
    """Put the codes of each measurement together.

    Parameters
    ----------
    codes : (rows, measurements) uint16
    out : (measurements, rows) uint16
    """
    # Two are shuffled apart by blocks, 0.1 ns a code; NumPy's copies take 0.8.
    rows, measurements = codes.shape
    if measurements == 2:
        first, second = out[0], out[1]
        for i in range(rows):
            first[i] = codes[i, 0]
            second[i] = codes[i, 1]
    else:
        for m in range(measurements):
            column = out[m]
            for i in range(rows):
                column[i] = codes[i, m]
