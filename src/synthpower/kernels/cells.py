"""Kernels of other people's files: lines into cells, and what the text of a cell means.

Texts are bytes and where each begins and ends. PADDED bytes follow the last one, so that words of
eight can be loaded; what is in them makes no difference.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from synthpower.jit import inlined, kernel
from synthpower.kernels.blocks import word_at
from synthpower.kernels.philox import HALF, LOW, U64

PADDED = 8  # bytes behind the last text

LINE, RETURN, QUOTE = 10, 13, 34
_ONES = U64(2**64 - 1)
_LOW_MULTIPLIER, _HIGH_MULTIPLIER = U64(0x9E3779B1), U64(0x85EBCA77)  # xxHash's primes


def _split_problem(data: NDArray[np.uint8], size: int) -> str | None:
    if not 0 <= size <= min(data.size, 2**31 - 1):
        return f"size is {size}; data has {data.size} bytes"
    return None


@kernel(
    _split_problem,
    data="uint8[bytes]",
    size="int64",
    delimiter="int64",
    begins="out int32[columns, rows]",
    ends="out int32[columns, rows]",
    out="out int64[2]",
)
def split_lines(
    data: NDArray[np.uint8],
    size: int,
    delimiter: int,
    begins: NDArray[np.int32],
    ends: NDArray[np.int32],
    out: NDArray[np.int64],
) -> None:
    r"""Find the cells of lines that have no quotes.

    Parameters
    ----------
    data : (bytes,) uint8
        Lines, each ended by ``\n`` or ``\r\n``.
    size : int
        How many of the bytes are lines.
    delimiter : int
        The byte between two cells.
    begins, ends : (columns, rows) int32
        Overwritten: where each cell begins, and ends. There are no more rows than lines.
    out : (2,) int64
        How many lines have as many cells as there are columns, up to the first that has not; how
        many of them end with ``\r\n``.
    """
    last = begins.shape[0] - 1
    rows = begins.shape[1]
    row = column = begin = returns = 0
    for at in range(size):
        byte = data[at]
        if byte == delimiter:
            if column == last or row == rows:
                break
            begins[column, row] = begin
            ends[column, row] = at
            column += 1
            begin = at + 1
        elif byte == LINE:
            if column != last or row == rows:
                break
            begins[column, row] = begin
            with_return = 1 if at > begin and data[at - 1] == RETURN else 0
            ends[column, row] = at - with_return
            returns += with_return
            row += 1
            column = 0
            begin = at + 1
    out[0] = row
    out[1] = returns


@kernel(data="uint8[bytes]", delimiter="int64", out="out int64[1]")
def find_row_end(data: NDArray[np.uint8], delimiter: int, out: NDArray[np.int64]) -> None:
    r"""Find where the last row ends that is whole, of rows that may have quoted cells.

    Parameters
    ----------
    data : (bytes,) uint8
        Begins with a row. A quote matters at the beginning of a cell, and in one that has begun
        with it.
    delimiter : int
        The byte between two cells.
    out : (1,) int64
        The bytes up to and with the last ``\n`` that ends a row; 0 if none does.
    """
    out[0] = 0
    quoted = False
    begins = True
    for at in range(data.size):
        byte = data[at]
        if quoted:
            quoted = byte != QUOTE  # a doubled one ends a quotation, and begins the next
            begins = not quoted
            continue
        if byte == QUOTE and begins:
            quoted = True
        elif byte == LINE:
            out[0] = at + 1
        begins = byte in (delimiter, LINE, RETURN)


@inlined
def _word(data: NDArray[np.uint8], at: int, length: int) -> Any:
    """Return up to eight bytes of a text of so many that are left."""
    word = word_at(data, at)
    return word if length >= 8 else word & (_ONES >> U64(64 - 8 * length))


@inlined
def _slot(data: NDArray[np.uint8], begin: int, length: int, slots: int) -> Any:
    """Return in which slot a text is looked for first."""
    found = U64(length)
    for at in range(0, length, 8):
        found ^= _word(data, begin + at, length - at)
        found = ((found & LOW) * _LOW_MULTIPLIER) ^ ((found >> HALF) * _HIGH_MULTIPLIER)
        found ^= found >> U64(29)
    return np.int64(found & U64(slots - 1))


@inlined
def _are_equal(
    data: NDArray[np.uint8], begin: int, known: NDArray[np.uint8], other: int, length: int
) -> bool:
    for at in range(0, length, 8):
        if _word(data, begin + at, length - at) != _word(known, other + at, length - at):
            return False
    return True


def texts_problem(
    data: NDArray[np.uint8], begins: NDArray[np.int32], ends: NDArray[np.int32]
) -> str | None:
    """Return what is wrong with where texts begin and end in an array."""
    if begins.size and (begins.min() < 0 or ends.max() > data.size - PADDED):
        return f"texts from {begins.min()} to {ends.max()}, of {data.size} bytes with padding"
    if (ends < begins).any():
        return "a text ends before it begins"
    return None


def _known_problem(known: NDArray[np.uint8], offsets: NDArray[np.int32]) -> str | None:
    return texts_problem(known, offsets[:-1], offsets[1:])


def _slots_problem(
    known: NDArray[np.uint8], offsets: NDArray[np.int32], out: NDArray[np.int32]
) -> str | None:
    if out.size & (out.size - 1) or out.size < offsets.size:
        return f"out has {out.size} slots; a power of two above {offsets.size - 1} is needed"
    return _known_problem(known, offsets)


@kernel(
    _slots_problem,
    known="uint8[bytes]",
    offsets="int32[texts + 1]",
    out="out int32[slots]",
)
def fill_slots(
    known: NDArray[np.uint8], offsets: NDArray[np.int32], out: NDArray[np.int32]
) -> None:
    """Fill a hash table of texts for `find_texts`.

    Parameters
    ----------
    known : (bytes,) uint8
        The texts, one after the other. Of equal ones the first is found.
    offsets : (texts + 1,) int32
        Where each begins and, last, where the last ends.
    out : (slots,) int32
        The index of a text, or -1. Its size is a power of two, and at least one more than there
        are texts.
    """
    for slot in range(out.size):
        out[slot] = -1
    for text in range(offsets.size - 1):
        length = int(offsets[text + 1]) - int(offsets[text])
        slot = _slot(known, int(offsets[text]), length, out.size)
        while out[slot] >= 0:
            slot = (slot + 1) & (out.size - 1)
        out[slot] = text


def _find_problem(
    data: NDArray[np.uint8],
    begins: NDArray[np.int32],
    ends: NDArray[np.int32],
    known: NDArray[np.uint8],
    offsets: NDArray[np.int32],
    slots: NDArray[np.int32],
) -> str | None:
    if slots.size & (slots.size - 1) or (slots >= 0).all() or slots.max() >= offsets.size - 1:
        return "slots are not of these texts"
    return texts_problem(data, begins, ends) or _known_problem(known, offsets)


@kernel(
    _find_problem,
    data="uint8[bytes]",
    begins="int32[rows]",
    ends="int32[rows]",
    known="uint8[known_bytes]",
    offsets="int32[texts + 1]",
    slots="int32[>= 1]",
    out="out int32[rows]",
)
def find_texts(
    data: NDArray[np.uint8],
    begins: NDArray[np.int32],
    ends: NDArray[np.int32],
    known: NDArray[np.uint8],
    offsets: NDArray[np.int32],
    slots: NDArray[np.int32],
    out: NDArray[np.int32],
) -> None:
    """Find which of the known texts each text is.

    Parameters
    ----------
    data, begins, ends : (bytes,) uint8, (rows,) int32, (rows,) int32
        The texts.
    known, offsets, slots : (known_bytes,) uint8, (texts + 1,) int32, (slots,) int32
        The known ones, and a table of them by `fill_slots`.
    out : (rows,) int32
        The index of the text among the known ones, -1 where it is none of them.
    """
    for row in range(out.size):
        begin = int(begins[row])
        length = int(ends[row]) - begin
        slot = _slot(data, begin, length, slots.size)
        out[row] = -1
        while slots[slot] >= 0:
            text = slots[slot]
            other = int(offsets[text])
            if int(offsets[text + 1]) - other == length and _are_equal(
                data, begin, known, other, length
            ):
                out[row] = text
                break
            slot = (slot + 1) & (slots.size - 1)


def _compare_problem(
    data: NDArray[np.uint8],
    begins: NDArray[np.int32],
    ends: NDArray[np.int32],
    known: NDArray[np.uint8],
    offsets: NDArray[np.int32],
    own: NDArray[np.int32],
    rows_of: NDArray[np.int32],
) -> str | None:
    if own.size and not 0 <= own.min() <= own.max() < offsets.size - 1:
        return "own has others than the known texts"
    if rows_of.size and rows_of.max() >= own.size:
        return "rows_of has others than there are"
    return texts_problem(data, begins, ends) or _known_problem(known, offsets)


@kernel(
    _compare_problem,
    data="uint8[bytes]",
    begins="int32[rows]",
    ends="int32[rows]",
    known="uint8[known_bytes]",
    offsets="int32[texts + 1]",
    own="int32[things]",
    rows_of="int32[rows]",
    out="out bool[rows]",
)
def compare_texts(
    data: NDArray[np.uint8],
    begins: NDArray[np.int32],
    ends: NDArray[np.int32],
    known: NDArray[np.uint8],
    offsets: NDArray[np.int32],
    own: NDArray[np.int32],
    rows_of: NDArray[np.int32],
    out: NDArray[np.bool_],
) -> None:
    """Compare texts with those that their rows should have.

    Parameters
    ----------
    data, begins, ends : (bytes,) uint8, (rows,) int32, (rows,) int32
        The texts.
    known, offsets : (known_bytes,) uint8, (texts + 1,) int32
        The known ones.
    own : (things,) int32
        Which of the known texts each thing has: a server, say, or a measurement.
    rows_of : (rows,) int32
        Which thing a row is of; below 0 it is of none.
    out : (rows,) bool
        Whether it is another one; not where the row is of none.
    """
    for row in range(out.size):
        out[row] = False
        if rows_of[row] >= 0:
            text = own[rows_of[row]]
            begin = int(begins[row])
            length = int(ends[row]) - begin
            other = int(offsets[text])
            out[row] = int(offsets[text + 1]) - other != length or not _are_equal(
                data, begin, known, other, length
            )
