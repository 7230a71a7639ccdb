"""Thrift's compact protocol, as far as Parquet's metadata needs it: writing structs.

See https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md.
"""

from __future__ import annotations

from collections.abc import Iterable

_TRUE, _I16, _I32, _I64, _BINARY, _LIST, _STRUCT = 1, 4, 5, 6, 8, 9, 12


def varint(number: int) -> bytes:
    """Return a number of 0 or more in base 128, low digits first."""
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    out.append(number)
    return bytes(out)


def _zigzag(number: int) -> bytes:
    return varint(number << 1 if number >= 0 else (-number << 1) - 1)


class Struct:
    """A struct's fields, in the order of their numbers; each method returns the struct itself."""

    def __init__(self) -> None:
        self._out = bytearray()
        self._last = 0

    def __bytes__(self) -> bytes:
        return bytes(self._out) + b"\0"

    def _begin(self, field: int, kind: int) -> None:
        # The number is a step of 1 to 15 from the last one: Parquet has no larger gaps.
        self._out.append((field - self._last) << 4 | kind)
        self._last = field

    def true(self, field: int) -> Struct:
        self._begin(field, _TRUE)
        return self

    def i16(self, field: int, value: int) -> Struct:
        return self._whole(field, _I16, value)

    def i32(self, field: int, value: int) -> Struct:
        return self._whole(field, _I32, value)

    def i64(self, field: int, value: int) -> Struct:
        return self._whole(field, _I64, value)

    def _whole(self, field: int, kind: int, value: int) -> Struct:
        self._begin(field, kind)
        self._out += _zigzag(value)
        return self

    def binary(self, field: int, value: bytes) -> Struct:
        self._begin(field, _BINARY)
        self._out += varint(len(value)) + value
        return self

    def struct(self, field: int, value: Struct | bytes) -> Struct:
        self._begin(field, _STRUCT)
        self._out += bytes(value)
        return self

    def structs(self, field: int, values: Iterable[Struct | bytes]) -> Struct:
        return self._list(field, _STRUCT, [bytes(value) for value in values])

    def i32s(self, field: int, values: Iterable[int]) -> Struct:
        return self._list(field, _I32, list(map(_zigzag, values)))

    def i64s(self, field: int, values: Iterable[int]) -> Struct:
        return self._list(field, _I64, list(map(_zigzag, values)))

    def binaries(self, field: int, values: Iterable[bytes]) -> Struct:
        return self._list(field, _BINARY, [varint(len(value)) + value for value in values])

    def booleans(self, field: int, values: Iterable[bool]) -> Struct:
        return self._list(field, _TRUE, [b"\1" if value else b"\2" for value in values])

    def _list(self, field: int, kind: int, values: list[bytes]) -> Struct:
        self._begin(field, _LIST)
        size = len(values)
        self._out += bytes([size << 4 | kind]) if size < 15 else bytes([0xF0 | kind]) + varint(size)
        self._out += b"".join(values)
        return self
