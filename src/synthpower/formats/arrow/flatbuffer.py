"""FlatBuffers, as far as Arrow's messages need them: tables, and vectors of structs of 8 bytes.

See https://flatbuffers.dev/internals/. A table begins with where its vtable is, and that says
where each of its slots is; what is larger than a slot comes behind, and the slot says how far.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from synthpower.errors import InputError

_WORD = 8  # bytes: all that is written begins at a whole one, so that each number is aligned


class FlatbufferError(InputError):
    """Bytes that cannot be read."""


class Number(NamedTuple):
    """A number in a slot: its form, as `struct` has it, and its value."""

    form: str
    value: int


class Structs(NamedTuple):
    """A vector of structs: the form of one, and their values."""

    form: str
    rows: Sequence[tuple[int, ...]]


class Embedded(NamedTuple):
    """Bytes that hold a table of another buffer, and where it begins in them."""

    data: bytes
    at: int


Slot = Any  # a Number, Structs, an Embedded, a tuple of slots, which is a table, or None


def encode(table: Sequence[Slot]) -> bytes:
    """Return a buffer of a table: its slots in order, None for those that are left out."""
    out = bytearray(_WORD)
    struct.pack_into("<I", out, 0, _put_table(table, out))
    return bytes(out)


def _put(slot: Slot, out: bytearray) -> int:
    """Write what is larger than a slot behind the rest; return where it begins."""
    if isinstance(slot, Structs):
        return _put_structs(slot, out)
    if isinstance(slot, Embedded):
        begin = len(out)
        out += slot.data + bytes(-len(slot.data) % _WORD)
        return begin + slot.at
    return _put_table(slot, out)


def _put_table(slots: Sequence[Slot], out: bytearray) -> int:
    vtable = len(out)
    sizes = [struct.calcsize(s.form) if isinstance(s, Number) else 4 for s in slots]
    places = [0] * len(slots)
    end = 4
    for i, slot in enumerate(slots):
        if slot is not None:
            places[i] = end + -end % sizes[i]
            end = places[i] + sizes[i]
    head = struct.pack(f"<HH{len(slots)}H", 4 + 2 * len(slots), end, *places)
    head += bytes(-len(head) % _WORD)
    begin = vtable + len(head)
    out += head + bytes(end + -end % _WORD)
    struct.pack_into("<i", out, begin, len(head))
    for slot, place in zip(slots, places, strict=True):
        at = begin + place
        if isinstance(slot, Number):
            struct.pack_into(slot.form, out, at, slot.value)
        elif slot is not None:
            struct.pack_into("<I", out, at, _put(slot, out) - at)
    return begin


def _put_structs(structs: Structs, out: bytearray) -> int:
    out += bytes(4)  # the first struct is behind the count, at a whole word
    begin = len(out)
    out += struct.pack("<I", len(structs.rows))
    out += b"".join(struct.pack(structs.form, *row) for row in structs.rows)
    return begin


class Table:
    """A table that is read; `FlatbufferError` where its bytes are not there.

    Parameters
    ----------
    data : bytes
        The buffer.
    at : int, optional
        Where the table begins; the buffer's own otherwise.
    """

    def __init__(self, data: bytes, at: int | None = None) -> None:
        self._data = data
        self.at = self._follow(0) if at is None else at
        self._vtable = self.at - self._number("<i", self.at)
        self._slots = (self._number("<H", self._vtable) - 4) // 2

    def table(self, slot: int) -> Table | None:
        """Return the table of a slot, None where it is left out."""
        at = self._place(slot)
        return None if at is None else Table(self._data, self._follow(at))

    def tables(self, slot: int) -> Iterator[Table]:
        """Yield the tables of a slot's vector."""
        first, count = self._vector(slot, 4)
        for i in range(count):
            yield Table(self._data, self._follow(first + 4 * i))

    def string(self, slot: int) -> bytes:
        """Return the bytes of a slot's string, none where it is left out."""
        first, count = self._vector(slot, 1)
        return self._data[first : first + count]

    def _vector(self, slot: int, size: int) -> tuple[int, int]:
        """Return where a slot's vector has its elements, of that size, and how many."""
        at = self._place(slot)
        if at is None:
            return 0, 0
        begin = self._follow(at)
        count = self._number("<I", begin)
        if begin + 4 + count * size > len(self._data):
            raise FlatbufferError("a vector is longer than what it is in")
        return begin + 4, count

    def _place(self, slot: int) -> int | None:
        place = self._number("<H", self._vtable + 4 + 2 * slot) if slot < self._slots else 0
        return self.at + place if place else None

    def _follow(self, at: int) -> int:
        return at + self._number("<I", at)

    def _number(self, form: str, at: int) -> int:
        if not 0 <= at <= len(self._data) - struct.calcsize(form):
            raise FlatbufferError(f"byte {at:,} is outside of it")
        number: int = struct.unpack_from(form, self._data, at)[0]
        return number
