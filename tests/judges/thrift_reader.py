"""Thrift's compact protocol, read without knowing what is in it: structs are dicts by field."""

from __future__ import annotations

from typing import Any


class Reader:
    def __init__(self, data: bytes, at: int = 0) -> None:
        self.data = data
        self.at = at

    def byte(self) -> int:
        self.at += 1
        return self.data[self.at - 1]

    def varint(self) -> int:
        number = shift = 0
        while True:
            byte = self.byte()
            number |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return number

    def zigzag(self) -> int:
        number = self.varint()
        return number >> 1 if number % 2 == 0 else -(number + 1 >> 1)

    def binary(self) -> bytes:
        size = self.varint()
        self.at += size
        return self.data[self.at - size : self.at]

    def value(self, kind: int) -> Any:
        if kind in (4, 5, 6):
            return self.zigzag()
        return {3: self.byte, 8: self.binary, 9: self.list, 12: self.struct}[kind]()

    def list(self) -> list[Any]:
        head = self.byte()
        size, kind = head >> 4, head & 15
        size = self.varint() if size == 15 else size
        if kind in (1, 2):
            return [self.byte() == 1 for _ in range(size)]
        return [self.value(kind) for _ in range(size)]

    def struct(self) -> dict[int, Any]:
        fields: dict[int, Any] = {}
        field = 0
        while head := self.byte():
            step, kind = head >> 4, head & 15
            field = field + step if step else self.zigzag()
            fields[field] = kind == 1 if kind in (1, 2) else self.value(kind)
        return fields


def read_footer(data: bytes) -> dict[int, Any]:
    """Return the file's metadata."""
    assert data[:4] == data[-4:] == b"PAR1"
    size = int.from_bytes(data[-8:-4], "little")
    reader = Reader(data, len(data) - 8 - size)
    footer = reader.struct()
    assert reader.at == len(data) - 8
    return footer
