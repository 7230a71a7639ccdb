"""A Parquet file's structure: pages, column chunks, row groups, page indexes and the footer.

See https://github.com/apache/parquet-format/blob/master/src/main/thrift/parquet.thrift for the
numbers of the fields.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from synthpower import __version__
from synthpower.signals import PLACE_BITS
from synthpower.storage import Sink
from synthpower.writers.plain import VALUE
from synthpower.writers.thrift import Struct, varint

CODECS = {"UNCOMPRESSED": 0, "SNAPPY": 1, "ZSTD": 6}
_LEVEL = 1  # of zstd for what is in every row group, where it is asked for
_PLAIN, _RLE, _RLE_DICTIONARY = 0, 3, 8
_DATA_PAGE, _DICTIONARY_PAGE = 0, 2
INT64, DOUBLE, BYTE_ARRAY = 2, 5, 6
_OPTIONAL = 1
_ASCENDING, _UNORDERED = 1, 0

Part = Any  # bytes-like


@dataclass
class Column:
    """A column chunk: its bytes, and what the footer says of them.

    Attributes
    ----------
    parts : list of bytes-like
        The dictionary page, where there is one, and the data pages.
    pages : list of (int, int)
        The bytes of each data page and its first row.
    limits : list of (value, value)
        The least and greatest value of each page; of the column chunk where
        `indexed` is not set; empty where they are not known.
    """

    name: str
    kind: int
    codec: int
    parts: list[Part]
    size: int
    raw_size: int
    dictionary_size: int
    pages: list[tuple[int, int]]
    limits: list[tuple[Any, Any]]
    indexed: bool = True


@dataclass
class RowGroup:
    """A rendered chunk."""

    rows: int
    columns: list[Column]


class ColumnEncoder:
    """A column chunk in the making: a dictionary page, where there is one, and data pages."""

    def __init__(self, name: str, kind: int, codec: str | None, level: int = _LEVEL) -> None:
        self._name = name
        self._kind = kind
        self._codec = codec
        self._level = level
        self._encoding = _PLAIN
        self._parts: list[Part] = []
        self._pages: list[tuple[int, int]] = []
        self._rows = self._size = self._raw_size = self._dictionary_size = 0

    def add_dictionary(self, values: Part, count: int) -> None:
        """Begin with a dictionary page of plain values: data pages have indices into it."""
        self._encoding = _RLE_DICTIONARY
        self._dictionary_size = self._add(_DICTIONARY_PAGE, count, [values])

    def add_plain(self, values: NDArray[Any], page_rows: list[int]) -> None:
        for rows in page_rows:
            self.add_page(rows, [values[self._rows : self._rows + rows]])

    def add_indices(self, indices: NDArray[np.uint16], page_rows: list[int]) -> None:
        for rows in page_rows:
            # Bit-packed runs have multiples of eight values; those behind the last do not count.
            head = bytes([PLACE_BITS]) + varint(-(-rows // 8) << 1 | 1)
            body = indices[self._rows : self._rows + rows]
            self.add_page(rows, [head, body, bytes(-rows % 8 * 2)])

    def add_page(self, rows: int, body: list[Part]) -> None:
        """Add a data page of `rows` values, none of them null."""
        levels = varint(rows << 1) + b"\1"  # one run of ones: each value is there
        levels = struct.pack("<I", len(levels)) + levels
        self._pages.append((self._add(_DATA_PAGE, rows, [levels, *body]), self._rows))
        self._rows += rows

    def _add(self, page: int, count: int, body: list[Part]) -> int:
        raw_size = sum(memoryview(part).nbytes for part in body)
        size = raw_size
        if self._codec:
            raw = b"".join(memoryview(part).cast("B") for part in body)
            body = [_compress(self._codec, self._level, raw)]
            size = len(body[0])
        header = _page_header(page, raw_size, size, count, self._encoding)
        self._parts += [header, *body]
        self._raw_size += len(header) + raw_size
        self._size += len(header) + size
        return len(header) + size

    def finish(self, limits: list[tuple[Any, Any]], indexed: bool = True) -> Column:
        codec = CODECS[self._codec.upper()] if self._codec else 0
        return Column(
            self._name, self._kind, codec, self._parts, self._size, self._raw_size,
            self._dictionary_size, self._pages, limits, indexed,
        )  # fmt: skip


class ParquetFile:
    """The row groups of a file, one after the other, then its page indexes and its footer.

    What the footer says of a row group is encoded when that is written, beside other threads'
    work: a large file's end would take a fifth of a second otherwise.
    """

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._offset = 0
        self._groups: list[_Group] = []
        self._write(b"PAR1")

    def _write(self, data: Part) -> None:
        self._offset += memoryview(data).nbytes
        self._sink.write(data)

    def write(self, group: RowGroup) -> None:
        begin = self._offset
        columns = []
        for column in group.columns:
            columns.append(_describe(column, group.rows, self._offset))
            for part in column.parts:
                self._write(part)
        raw_size = sum(column.raw_size for column in group.columns)
        self._groups.append(_Group(begin, self._offset - begin, raw_size, group.rows, columns))

    def close(self, names: list[str], metadata: dict[str, str]) -> None:
        described = [column for group in self._groups for column in group.columns]
        column_indexes = [self._place(column.column_index) for column in described]
        offset_indexes = [self._place(column.offset_index) for column in described]
        indexes = zip(column_indexes, offset_indexes, strict=True)
        groups = []
        for number, group in enumerate(self._groups):
            chunks = []
            for column in group.columns:
                column_index, offset_index = next(indexes)
                chunk = Struct().i64(2, 0).struct(3, column.meta)
                chunk.i64(4, offset_index[0]).i32(5, offset_index[1])
                if column_index[1]:
                    chunk.i64(6, column_index[0]).i32(7, column_index[1])
                chunks.append(chunk)
            groups.append(
                Struct()
                .structs(1, chunks)
                .i64(2, group.raw_size)
                .i64(3, group.rows)
                .i64(5, group.begin)
                .i64(6, group.size)
                .i16(7, number)
            )
        order = Struct().struct(1, Struct())  # by the column's type
        pairs = [
            Struct().binary(1, key.encode()).binary(2, value.encode())
            for key, value in metadata.items()
        ]
        footer = bytes(
            Struct()
            .i32(1, 2)
            .structs(2, _schema(names))
            .i64(3, sum(group.rows for group in self._groups))
            .structs(4, groups)
            .structs(5, pairs)
            .binary(
                6, f"synthpower version {__version__} (build pyarrow {pa.__version__})".encode()
            )
            .structs(7, [order] * len(names))
        )
        self._write(footer + struct.pack("<I", len(footer)) + b"PAR1")

    def _place(self, index: bytes) -> tuple[int, int]:
        """Write a page index, and return where it begins and its length."""
        begin = self._offset
        self._write(index)
        return begin, len(index)


@dataclass
class _Described:
    """What the page indexes and the footer say of a column chunk, encoded."""

    meta: bytes
    column_index: bytes
    offset_index: bytes


@dataclass
class _Group:
    """A row group that has been written."""

    begin: int
    size: int
    raw_size: int
    rows: int
    columns: list[_Described]


def _compress(codec: str, level: int, data: bytes) -> bytes:
    return bytes(pa.Codec(codec, level if codec == "zstd" else None).compress(data, asbytes=True))


@lru_cache(256)
def _page_header(page: int, raw_size: int, size: int, count: int, encoding: int) -> bytes:
    header = Struct().i32(1, page).i32(2, raw_size).i32(3, size)
    if page == _DICTIONARY_PAGE:
        return bytes(header.struct(7, Struct().i32(1, count).i32(2, _PLAIN)))
    levels = Struct().i32(1, count).i32(2, encoding).i32(3, _RLE).i32(4, _RLE)
    return bytes(header.struct(5, levels))


def _column_index(column: Column) -> bytes:
    """Return each page's limits, where they are known."""
    if not column.indexed or not column.limits:
        return b""
    least, greatest = map(list, zip(*column.limits, strict=True))
    ascending = least == sorted(least) and greatest == sorted(greatest)
    none = [0] * len(least)
    return bytes(
        Struct()
        .booleans(1, map(bool, none))
        .binaries(2, [_packed(column, value) for value in least])
        .binaries(3, [_packed(column, value) for value in greatest])
        .i32(4, _ASCENDING if ascending else _UNORDERED)
        .i64s(5, none)
    )


def _offset_index(column: Column, offset: int) -> bytes:
    """Return where each page is."""
    offset += column.dictionary_size
    places = []
    for size, first_row in column.pages:
        places.append(Struct().i64(1, offset).i32(2, size).i64(3, first_row))
        offset += size
    return bytes(Struct().structs(1, places))


def _describe(column: Column, rows: int, offset: int) -> _Described:
    meta = _column_meta(column, rows, offset)
    return _Described(bytes(meta), _column_index(column), _offset_index(column, offset))


def _column_meta(column: Column, rows: int, offset: int) -> Struct:
    in_dictionary = column.dictionary_size > 0
    encoding = _RLE_DICTIONARY if in_dictionary else _PLAIN
    encodings = [_PLAIN, _RLE, _RLE_DICTIONARY] if in_dictionary else [_PLAIN, _RLE]
    statistics = Struct().i64(3, 0)
    if column.limits:
        least, greatest = zip(*column.limits, strict=True)
        statistics.binary(5, _packed(column, max(greatest)))
        statistics.binary(6, _packed(column, min(least))).true(7).true(8)
    counts = [Struct().i32(1, _DICTIONARY_PAGE).i32(2, _PLAIN).i32(3, 1)] if in_dictionary else []
    counts.append(Struct().i32(1, _DATA_PAGE).i32(2, encoding).i32(3, len(column.pages)))
    meta = (
        Struct()
        .i32(1, column.kind)
        .i32s(2, encodings)
        .binaries(3, [column.name.encode()])
        .i32(4, column.codec)
        .i64(5, rows)
        .i64(6, column.raw_size)
        .i64(7, column.size)
        .i64(9, offset + column.dictionary_size)
    )
    if in_dictionary:
        meta.i64(11, offset)
    return meta.struct(12, statistics).structs(13, counts)


def _packed(column: Column, value: Any) -> bytes:
    """Return a value as PLAIN encodes it, but for the length of a text."""
    if column.kind == BYTE_ARRAY:
        return bytes(value.encode())
    return struct.pack("<q" if column.kind == INT64 else "<d", value)


def _schema(names: list[str]) -> list[Struct]:
    """Return the schema's elements: the root and a leaf for each column."""
    elements = [Struct().binary(4, b"schema").i32(5, len(names))]
    utc_microseconds = Struct().true(1).struct(2, Struct().struct(2, Struct()))
    for name in names:
        if name.endswith("_time"):
            element = Struct().i32(1, INT64).i32(3, _OPTIONAL).binary(4, name.encode())
            element.i32(6, 10).struct(10, Struct().struct(8, utc_microseconds))
        elif name == VALUE:
            element = Struct().i32(1, DOUBLE).i32(3, _OPTIONAL).binary(4, name.encode())
        else:
            element = Struct().i32(1, BYTE_ARRAY).i32(3, _OPTIONAL).binary(4, name.encode())
            element.i32(6, 0).struct(10, Struct().struct(1, Struct()))
        elements.append(element)
    return elements
