"""Thrift's compact protocol, as far as Parquet's metadata needs it: structs by field name.

See https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md. What a
struct's fields are called, and their numbers and types, is in `structs`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_TRUE, _FALSE = 1, 2
_I16, _I32, _I64, _BINARY, _LIST, _STRUCT = 4, 5, 6, 8, 9, 12


def varint(number: int) -> bytes:
    """Return a number of 0 or more in base 128, low digits first."""
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    out.append(number)
    return bytes(out)


BOOL, I16, I32, I64, BINARY = "bool", "i16", "i32", "i64", "binary"

_KINDS = {BOOL: _TRUE, I16: _I16, I32: _I32, I64: _I64, BINARY: _BINARY}
_LARGEST = {I16: 2**15, I32: 2**31, I64: 2**63}


class ThriftError(ValueError):
    """What was read is not what it should be, in one line."""


class Fields:
    """A struct's name and its fields: by their numbers, their names and types.

    A type is one of the constants above, other fields, or a list of one type.
    """

    def __init__(self, name: str, fields: Mapping[int, tuple[str, Any]]) -> None:
        self.name = name
        self.fields = fields
        self.names = frozenset(name for name, _ in fields.values())
        self.codes = {number: _kind(type) for number, (_, type) in fields.items()}


def encode(kind: Fields, values: Mapping[str, Any]) -> bytes:
    """Return a struct's bytes.

    Parameters
    ----------
    kind : Fields
        What it is.
    values : mapping of str to object
        Its fields by their names: bool, int, bytes, lists of these and, for a struct, a mapping
        or bytes that are encoded already. None is a field that is not there.
    """
    if unknown := values.keys() - kind.names:
        raise KeyError(f"{kind.name} has no field {min(unknown)}")
    out = bytearray()
    last = 0
    for number, (name, type) in kind.fields.items():
        if (value := values.get(name)) is None:
            continue
        code = (_TRUE if value else _FALSE) if type is BOOL else kind.codes[number]
        # The number is a step of 1 to 15 from the last one: Parquet has no larger gaps.
        out.append((number - last) << 4 | code)
        last = number
        if type is not BOOL:
            out += _encoded(type, value)
    out.append(0)
    return bytes(out)


def _encoded(type: Any, value: Any) -> bytes:
    if type is BINARY:
        return varint(len(value)) + bytes(value)
    if isinstance(type, str):
        return varint(value << 1 if value >= 0 else (-value << 1) - 1)
    if isinstance(type, list):
        return _encoded_list(type[0], value)
    return value if isinstance(value, bytes) else encode(type, value)


def _encoded_list(type: Any, values: list[Any]) -> bytes:
    size, code = len(values), _TRUE if type is BOOL else _kind(type)
    head = bytes([size << 4 | code]) if size < 15 else bytes([0xF0 | code]) + varint(size)
    if type is BOOL:
        return head + bytes(_TRUE if value else _FALSE for value in values)
    return head + b"".join(_encoded(type, value) for value in values)


class Reader:
    """A reader of structs that nothing but `ThriftError` comes out of, whatever the bytes.

    It is strict: what it has read, any other reader reads in the same way. A field that is not
    known, of another type or not in the order of the numbers is an error. Nothing is made room
    for that is not there.

    Parameters
    ----------
    data : bytes
    at : int
        Where to begin; where the next byte is.
    """

    def __init__(self, data: bytes, at: int = 0) -> None:
        self._data = data
        self.at = at

    def struct(self, kind: Fields) -> dict[str, Any]:
        """Return a struct's fields by their names, those that are there."""
        found: dict[str, Any] = {}
        last = 0
        while head := self._byte():
            number = last + (head >> 4) if head >> 4 else self._zigzag(I16)
            if number not in kind.fields:
                raise ThriftError(f"{kind.name} has an unknown field, {number}")
            name, type = kind.fields[number]
            if number <= last:
                raise ThriftError(f"{kind.name} has its field {name} out of order")
            if type is BOOL and head & 15 in (_TRUE, _FALSE):
                found[name] = head & 15 == _TRUE
            elif head & 15 != _kind(type):
                raise ThriftError(f"{kind.name} has a field {name} of another type")
            else:
                found[name] = self._value(type)
            last = number
        return found

    def _value(self, type: Any) -> Any:
        if isinstance(type, Fields):
            return self.struct(type)
        if isinstance(type, list):
            return self._list(type[0])
        if type is BINARY:
            return self._bytes(self._varint())
        return self._zigzag(type)

    def _list(self, type: Any) -> list[Any]:
        head = self._byte()
        size = head >> 4 if head >> 4 < 15 else self._varint()
        if size > len(self._data) - self.at:  # each takes a byte at least
            raise ThriftError("a list is longer than what is there")
        if type is BOOL and head & 15 in (_TRUE, _FALSE):
            return [self._bool() for _ in range(size)]
        if size and head & 15 != _kind(type):
            raise ThriftError("a list has elements of another type")
        return [self._value(type) for _ in range(size)]

    def _bool(self) -> bool:
        value = self._byte()
        if value not in (_TRUE, _FALSE):
            raise ThriftError("a truth value is neither true nor false")
        return value == _TRUE

    def _byte(self) -> int:
        return self._bytes(1)[0]

    def _bytes(self, size: int) -> bytes:
        if size > len(self._data) - self.at:
            raise ThriftError("it ends too early")
        self.at += size
        return self._data[self.at - size : self.at]

    def _varint(self) -> int:
        number = 0
        for shift in range(0, 70, 7):
            byte = self._byte()
            number |= (byte & 127) << shift
            if byte < 128:
                return number
        raise ThriftError("a number has too many digits")

    def _zigzag(self, type: str) -> int:
        number = self._varint()
        number = number >> 1 if number % 2 == 0 else -(number + 1 >> 1)
        if not -_LARGEST[type] <= number < _LARGEST[type]:
            raise ThriftError("a number is too large for its type")
        return number


def _kind(type: Any) -> int:
    if isinstance(type, Fields):
        return _STRUCT
    return _LIST if isinstance(type, list) else _KINDS[type]
