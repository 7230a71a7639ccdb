"""Kernels of text: rows of any pieces, in any order.

A row is some pieces: texts that depend on the server, on the measurement, or on the time (and
the server), and numbers. Which, is data: one kernel writes CSV of any columns, JSON lines and
whatever a pattern says. `rows` has the one for the order of columns by default: there a row takes
5 ns; here one of six pieces takes 11.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from synthpower.jit import inlined, kernel, variant
from synthpower.kernels.blocks import copy_block
from synthpower.kernels.offsets import offsets_problem
from synthpower.kernels.quantity import value_of_unit
from synthpower.kernels.rows import NUMBER, PADDING, put_decimal, put_known_number
from synthpower.kernels.text import LONGEST_NUMBER, put_double, put_signed

OF_SERVER, OF_MEASUREMENT, OF_TIME, A_NUMBER = range(4)  # what a piece depends on, or is
FLOAT_DECIMALS = -2  # of a number that is a float, in full; -1: a double
BLOCK = 32

_MOST_BLOCKS = PADDING // BLOCK  # that are copied whatever a text's size
_MOST_DECIMALS = 22


@inlined
def _put_number(
    out: NDArray[np.uint8],
    at: int,
    _numbers: NDArray[np.uint8],
    count: int,
    decimals: int,
    scale: float,
    minimum: float,
    powers: NDArray[np.uint64],
) -> int:
    if count < 0:
        return at
    if decimals >= 0:
        return put_signed(out, at, count + int(minimum), decimals)
    value = np.float64(value_of_unit(count, scale) + minimum)
    bits = value.view(np.uint64)
    if decimals == FLOAT_DECIMALS:
        bits = np.float64(np.float32(value)).view(np.uint64)
    return put_double(out, at, bits, powers)


@inlined
def _put_text(
    out: NDArray[np.uint8], at: int, texts: NDArray[np.uint8], begin: int, length: int, blocks: int
) -> int:
    """Copy a text of so many bytes, by so many blocks; -1 for as many as it takes."""
    copy_block(out, at, texts, begin)
    if blocks != 1:
        if blocks < 0:
            blocks = (length + BLOCK - 1) // BLOCK
        for block in range(1, blocks):
            copy_block(out, at + BLOCK * block, texts, begin + BLOCK * block)
    return at + length


def _pieces_problem(
    pieces: NDArray[np.int64],
    server_texts: NDArray[np.uint8],
    server_offsets: NDArray[np.int32],
    measurement_texts: NDArray[np.uint8],
    measurement_offsets: NDArray[np.int32],
    time_sizes: NDArray[np.int32],
    time_texts: NDArray[np.uint8],
    absent: NDArray[np.uint8],
    counts: NDArray[np.int64],
    rows: int,
    decimals: NDArray[np.int64],
    out: NDArray[np.uint8],
) -> str | None:
    times, servers, measurements = counts.shape
    if time_texts.shape[2] not in (1, servers):
        return f"time_texts is of {time_texts.shape[2]} servers, not 1 or {servers}"
    if decimals.size and not FLOAT_DECIMALS <= decimals.min() <= decimals.max() <= _MOST_DECIMALS:
        return f"decimals must be {FLOAT_DECIMALS} to {_MOST_DECIMALS}"
    if absent[NUMBER - 1] >= NUMBER:
        return "absent is too long"
    if not 1 <= rows <= measurements:
        return f"rows is {rows}; it must be 1 to {measurements}"
    most = {
        OF_SERVER: (server_offsets.size - 1) // max(1, servers),
        OF_MEASUREMENT: (measurement_offsets.size - 1) // rows,
        OF_TIME: time_texts.shape[0],
        A_NUMBER: measurements - rows + 1,
    }
    for kind, segment, blocks, form in pieces.tolist():
        if not 0 <= segment < most.get(kind, 0):
            return f"pieces has a segment {segment} of kind {kind}"
        if not -1 <= blocks <= _MOST_BLOCKS or form not in (0, 1):
            return f"pieces has {blocks} blocks in form {form}"
    kinds = pieces[:, 0].tolist()
    room = time_texts.shape[3] * kinds.count(OF_TIME) + LONGEST_NUMBER * kinds.count(A_NUMBER)
    if ((time_sizes < 0) | (time_sizes > time_texts.shape[3] - BLOCK)).any():
        return "time_sizes has a text that is too long, or shorter than nothing"
    heads = int(server_offsets[-1]) - int(server_offsets[0])
    tails = int(measurement_offsets[-1]) - int(measurement_offsets[0])
    needed = times * (rows * (heads + servers * room) + servers * tails) + PADDING
    if out.size < needed:
        return f"out has {out.size} bytes; {needed} are needed"
    return offsets_problem(
        "server_offsets", server_offsets, server_texts.size - PADDING
    ) or offsets_problem(
        "measurement_offsets", measurement_offsets, measurement_texts.size - PADDING
    )


def _pieces(
    pieces: NDArray[np.int64],
    server_texts: NDArray[np.uint8],
    server_offsets: NDArray[np.int32],
    measurement_texts: NDArray[np.uint8],
    measurement_offsets: NDArray[np.int32],
    time_sizes: NDArray[np.int32],
    time_texts: NDArray[np.uint8],
    numbers: NDArray[np.uint8],
    absent: NDArray[np.uint8],
    counts: NDArray[np.int64],
    rows: int,
    decimals: NDArray[np.int64],
    scales: NDArray[np.float64],
    minima: NDArray[np.float64],
    powers: NDArray[np.uint64],
    size: NDArray[np.int64],
    out: NDArray[np.uint8],
) -> None:
    """Write the rows of a chunk.

    Parameters
    ----------
    pieces : (pieces, 4) int64
        What a row is made of, in order: `OF_SERVER`, `OF_MEASUREMENT`, `OF_TIME` or `A_NUMBER`;
        which of that kind's segments or, of a number, which measurement after the row's own; how
        many blocks of 32 bytes are copied of each text, -1 for as many as it takes; and whether a
        number is in the second form of `decimals`.
    server_texts, server_offsets : (bytes + PADDING,) uint8, (servers * segments + 1,) int32
        The segments of each server, one server after the other.
    measurement_texts, measurement_offsets : as those, (rows * segments + 1,)
    time_sizes, time_texts : (segments, times, servers or 1) int32, and (.., width) uint8
        From `fill_time_texts`.
    numbers : (bytes + PADDING,) uint8
        For `render_known_pieces`: all numbers' texts, from `count_texts`.
    absent : (NUMBER + PADDING,) uint8
        What stands for a number that is not there, as `count_texts` has it; of
        `render_known_pieces` it is among the numbers.
    counts : (times, servers, measurements) int64
        As of `render_known_rows`.
    rows : int
        Of each server and time: the measurements, or 1 where a row has several.
    decimals : (2, measurements) int64
        In either form; -1 for a double in full, -2 for a float.
    scales, minima, powers
        As of `render_known_rows`.
    size : (1,) int64
        How many bytes were written.
    out : (bytes,) uint8
        The text, with room for all rows and PADDING.
    """
    # Tried, for a row of six pieces, which takes 11 ns: its first blocks in the loop over them, 15;
    # texts copied by their sizes, without a number of blocks for each piece, 19, as the processor
    # guesses wrong where a text ends.
    server_segments = (server_offsets.size - 1) // max(1, counts.shape[1])
    measurement_segments = (measurement_offsets.size - 1) // rows
    at = 0
    for t in range(counts.shape[0]):
        for s in range(counts.shape[1]):
            column = s if time_texts.shape[2] > 1 else 0
            for m in range(rows):
                for p in range(pieces.shape[0]):
                    kind, segment, blocks = pieces[p, 0], pieces[p, 1], pieces[p, 2]
                    if kind == A_NUMBER:
                        i = m + segment
                        count = counts[t, s, i]
                        if count < 0:
                            copy_block(out, at, absent, 0)
                            at += int(absent[NUMBER - 1])
                        else:
                            at = put_number(
                                out, at, numbers, count, decimals[pieces[p, 3], i], scales[i],
                                minima[i], powers,
                            )  # fmt: skip
                    elif kind == OF_TIME:
                        length = time_sizes[segment, t, column]
                        text = time_texts[segment, t, column]
                        at = _put_text(out, at, text, 0, length, blocks)
                    elif kind == OF_SERVER:
                        i = s * server_segments + segment
                        begin, end = server_offsets[i], server_offsets[i + 1]
                        at = _put_text(out, at, server_texts, begin, end - begin, blocks)
                    else:
                        i = m * measurement_segments + segment
                        begin, end = measurement_offsets[i], measurement_offsets[i + 1]
                        at = _put_text(out, at, measurement_texts, begin, end - begin, blocks)
    size[0] = at


put_number: Any = _put_number  # what `_pieces` calls; each of its variants has its own
_PIECES = {
    "pieces": "int64[pieces, 4]",
    "server_texts": f"uint8[>= {PADDING}]",
    "server_offsets": "int32[>= 1]",
    "measurement_texts": f"uint8[>= {PADDING}]",
    "measurement_offsets": "int32[>= 1]",
    "time_sizes": "int32[segments, times, columns]",
    "time_texts": "uint8[segments, times, columns, >= 32]",
    "numbers": "uint8[>= 0]",
    "absent": f"uint8[{NUMBER + PADDING}]",
    "counts": "int64[times, servers, measurements]",
    "rows": "int64",
    "decimals": "int64[2, measurements]",
    "scales": "float64[measurements]",
    "minima": "float64[measurements]",
    "powers": "uint64[617, 2]",
    "size": "out int64[1]",
    "out": f"out uint8[>= {PADDING}]",
}
render_known_pieces = kernel(
    _pieces_problem, **(_PIECES | {"numbers": f"uint8[>= {NUMBER + PADDING}]"})
)(variant(_pieces, "render_known_pieces", put_number=put_known_number))
render_decimal_pieces = kernel(_pieces_problem, **_PIECES)(
    variant(_pieces, "render_decimal_pieces", put_number=put_decimal)
)
render_any_pieces = kernel(_pieces_problem, **_PIECES)(
    variant(_pieces, "render_any_pieces", put_number=_put_number)
)
