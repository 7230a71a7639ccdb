"""A Parquet file's bytes: pages, column chunks, row groups, page indexes and the footer.

See https://parquet.apache.org/docs/file-format/ and `structs`.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from synthpower.formats.batches import PRECISION
from synthpower.formats.parquet.structs import (
    ASCENDING,
    BYTE_ARRAY,
    CODECS,
    COLUMN_CHUNK,
    COLUMN_INDEX,
    COLUMN_META,
    CONVERTED_DECIMAL,
    CONVERTED_MICROSECONDS,
    CONVERTED_STRING,
    DATA_PAGE_TYPE,
    DICTIONARY_PAGE_TYPE,
    DOUBLE,
    FLOAT,
    FOOTER,
    INT64,
    MAGIC,
    OFFSET_INDEX,
    OPTIONAL,
    PAGE,
    PLAIN,
    RLE,
    RLE_DICTIONARY,
    ROW_GROUP,
    UNORDERED,
)
from synthpower.formats.parquet.thrift import encode, varint
from synthpower.model.columns import Column, Kind
from synthpower.signals.quantity import DICTIONARY_BITS
from synthpower.storage import Sink

_LEVEL = 1  # of zstd for what is in every row group, where it is asked for
_FORMS = {INT64: "<q", DOUBLE: "<d", FLOAT: "<f"}
_SHORT = 1024  # bytes of a part that is joined to its neighbour: a write costs a microsecond

_SCHEMA: Mapping[Kind, Mapping[str, Any]] = {
    Kind.STRING: {
        "type": BYTE_ARRAY,
        "converted_type": CONVERTED_STRING,
        "logical_type": {"string": {}},
    },
    Kind.TIMESTAMP: {
        "type": INT64,
        "converted_type": CONVERTED_MICROSECONDS,
        "logical_type": {"timestamp": {"utc": True, "unit": {"micros": {}}}},
    },
    Kind.INTEGER: {"type": INT64},
    Kind.DOUBLE: {"type": DOUBLE},
    Kind.FLOAT: {"type": FLOAT},
}

Part = Any  # bytes-like


def _leaf(kind: Kind, decimals: int) -> Mapping[str, Any]:
    """Return what the schema says of a column's type."""
    if kind is not Kind.DECIMAL:
        return _SCHEMA[kind]
    decimal = {"scale": decimals, "precision": PRECISION}
    logical = {"decimal": decimal}
    return {"type": INT64, "converted_type": CONVERTED_DECIMAL, "logical_type": logical, **decimal}


class ColumnChunk(NamedTuple):
    """A column chunk: its bytes, and what the footer says of them.

    Attributes
    ----------
    parts : list of bytes-like
        The dictionary page, where there is one, and the data pages.
    pages : list of (int, int)
        The bytes of each data page and its first row.
    nulls : int
    limits : list of (value, value)
        The least and greatest value of each page, or of the column chunk; empty where they are
        not known.
    column_index : bytes
        Encoded; empty where there is none.
    """

    name: str
    kind: int
    codec: int
    parts: list[Part]
    size: int
    raw_size: int
    dictionary_size: int
    pages: list[tuple[int, int]]
    nulls: int
    limits: list[tuple[Any, Any]]
    column_index: bytes


class RowGroup(NamedTuple):
    """A rendered chunk."""

    rows: int
    columns: list[ColumnChunk]


class ColumnEncoder:
    """A column chunk in the making: a dictionary page, where there is one, and data pages."""

    def __init__(self, name: str, kind: int, codec: str | None, level: int = _LEVEL) -> None:
        self._name = name
        self._kind = kind
        self._codec = codec
        self._level = level
        self._encoding = PLAIN
        self._parts: list[Part] = []
        self._pages: list[tuple[int, int]] = []
        self._rows = self._size = self._raw_size = self._dictionary_size = self._nulls = 0

    def add_dictionary(self, values: Part, count: int) -> None:
        """Begin with a dictionary page of plain values: data pages have indices into it."""
        self._encoding = RLE_DICTIONARY
        self._dictionary_size = self._add(DICTIONARY_PAGE_TYPE, count, [values])

    def add_plain(
        self, values: NDArray[Any], page_rows: list[int], there: NDArray[np.bool_] | None = None
    ) -> None:
        """Add pages of plain values; `there` says which of them are not null."""
        for rows in page_rows:
            body, levels = self._of_page(values, rows, there)
            self.add_page(rows, [body], levels)

    def add_indices(
        self,
        indices: NDArray[np.uint16],
        page_rows: list[int],
        there: NDArray[np.bool_] | None = None,
    ) -> None:
        """Add pages of indices; `there` says which of them are not null."""
        for rows in page_rows:
            body, levels = self._of_page(indices, rows, there)
            # Bit-packed runs have multiples of eight values; those behind the last do not count.
            head = bytes([DICTIONARY_BITS]) + varint(-(-body.size // 8) << 1 | 1)
            self.add_page(rows, [head, body, bytes(-body.size % 8 * 2)], levels)

    def _of_page(
        self, values: NDArray[Any], rows: int, there: NDArray[np.bool_] | None
    ) -> tuple[NDArray[Any], bytes]:
        """Return a page's values, and its levels where some are null."""
        body = values[self._rows : self._rows + rows]
        if there is None or (of_page := there[self._rows : self._rows + rows]).all():
            return body, b""
        body = body[of_page]
        self._nulls += rows - body.size
        return body, varint(-(-rows // 8) << 1 | 1) + np.packbits(
            of_page, bitorder="little"
        ).tobytes()

    def add_page(self, rows: int, body: list[Part], levels: bytes = b"") -> None:
        """Add a data page of `rows` values, none of them null unless `levels` say which."""
        levels = levels or varint(rows << 1) + b"\1"  # one run of ones: each value is there
        levels = struct.pack("<I", len(levels)) + levels
        self._pages.append((self._add(DATA_PAGE_TYPE, rows, [levels, *body]), self._rows))
        self._rows += rows

    def _add(self, page: int, count: int, body: list[Part]) -> int:
        raw_size = sum(memoryview(part).nbytes for part in body)
        size = raw_size
        if self._codec:
            raw = b"".join(memoryview(part).cast("B") for part in body)
            body = [_compress(self._codec, self._level, raw)]
            size = len(body[0])
        header = _page_header(page, raw_size, size, count, self._encoding)
        for part in (header, *body):
            self._append(part)
        self._raw_size += len(header) + raw_size
        self._size += len(header) + size
        return len(header) + size

    def _append(self, part: Part) -> None:
        last = self._parts[-1] if self._parts else None
        if all(type(each) is bytes and len(each) < _SHORT for each in (last, part)):
            self._parts[-1] += part
        else:
            self._parts.append(part)

    def finish(self, limits: list[tuple[Any, Any]], indexed: bool = True) -> ColumnChunk:
        """Return the column chunk; `limits` are of each page, of all together unless `indexed`."""
        codec = CODECS[self._codec or "none"]
        column_index = _column_index(self._kind, limits) if indexed and limits else b""
        return ColumnChunk(
            self._name, self._kind, codec, self._parts, self._size, self._raw_size,
            self._dictionary_size, self._pages, self._nulls, limits, column_index,
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
        self._write(MAGIC)

    def _write(self, data: Part) -> None:
        self._offset += self._sink.write(data)

    def write(self, group: RowGroup) -> None:
        """Write a row group."""
        begin = self._offset
        columns = []
        for column in group.columns:
            columns.append(_describe(column, group.rows, self._offset))
            for part in column.parts:
                self._write(part)
        raw_size = sum(column.raw_size for column in group.columns)
        self._groups.append(_Group(begin, self._offset - begin, raw_size, group.rows, columns))

    def close(
        self, columns: Sequence[tuple[Column, int]], metadata: Mapping[str, str], created_by: str
    ) -> None:
        """Write what comes behind the row groups; with each column are its decimals."""
        described = [column for group in self._groups for column in group.columns]
        column_indexes = [self._write_index(column.column_index) for column in described]
        offset_indexes = [self._write_index(column.offset_index) for column in described]
        indexes = zip(column_indexes, offset_indexes, strict=True)
        groups = []
        for number, group in enumerate(self._groups):
            chunks = []
            for column in group.columns:
                (column_offset, column_length), (offset, length) = next(indexes)
                chunk = {
                    "file_offset": 0,
                    "meta": column.meta,
                    "offset_index_offset": offset,
                    "offset_index_length": length,
                }
                if column_length:
                    chunk["column_index_offset"] = column_offset
                    chunk["column_index_length"] = column_length
                chunks.append(encode(COLUMN_CHUNK, chunk))
            groups.append(
                encode(
                    ROW_GROUP,
                    {
                        "columns": chunks,
                        "uncompressed_size": group.raw_size,
                        "num_rows": group.rows,
                        "file_offset": group.begin,
                        "compressed_size": group.size,
                        "ordinal": number,
                    },
                )
            )
        footer = encode(
            FOOTER,
            {
                "version": 2,
                "schema": _schema(columns),
                "num_rows": sum(group.rows for group in self._groups),
                "row_groups": groups,
                "key_values": [
                    {"key": key.encode(), "value": value.encode()}
                    for key, value in metadata.items()
                ],
                "created_by": created_by.encode(),
                "column_orders": [{"of_type": {}}] * len(columns),
            },
        )
        self._write(footer + struct.pack("<I", len(footer)) + MAGIC)

    def _write_index(self, index: bytes) -> tuple[int, int]:
        """Write a page index, and return where it begins and its length."""
        begin = self._offset
        self._write(index)
        return begin, len(index)


class _Described(NamedTuple):
    """What the page indexes and the footer say of a column chunk, encoded."""

    meta: bytes
    column_index: bytes
    offset_index: bytes


class _Group(NamedTuple):
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
    header = {"type": page, "uncompressed_size": raw_size, "compressed_size": size}
    if page == DICTIONARY_PAGE_TYPE:
        return encode(PAGE, header | {"dictionary": {"num_values": count, "encoding": PLAIN}})
    data = {
        "num_values": count,
        "encoding": encoding,
        "definition_encoding": RLE,
        "repetition_encoding": RLE,
    }
    return encode(PAGE, header | {"data": data})


def _column_index(kind: int, limits: list[tuple[Any, Any]]) -> bytes:
    """Return each page's limits."""
    least, greatest = map(list, zip(*limits, strict=True))
    ascending = least == sorted(least) and greatest == sorted(greatest)
    return encode(
        COLUMN_INDEX,
        {
            "null_pages": [False] * len(least),
            "min_values": [_packed(kind, value) for value in least],
            "max_values": [_packed(kind, value) for value in greatest],
            "boundary_order": ASCENDING if ascending else UNORDERED,
            "null_counts": [0] * len(least),
        },
    )


def _offset_index(column: ColumnChunk, offset: int) -> bytes:
    """Return where each page is."""
    offset += column.dictionary_size
    pages = []
    for size, first_row in column.pages:
        pages.append({"offset": offset, "size": size, "first_row": first_row})
        offset += size
    return encode(OFFSET_INDEX, {"pages": pages})


def _describe(column: ColumnChunk, rows: int, offset: int) -> _Described:
    meta = _column_meta(column, rows, offset)
    return _Described(meta, column.column_index, _offset_index(column, offset))


def _column_meta(column: ColumnChunk, rows: int, offset: int) -> bytes:
    in_dictionary = column.dictionary_size > 0
    encoding = RLE_DICTIONARY if in_dictionary else PLAIN
    statistics: dict[str, Any] = {"null_count": column.nulls}
    if column.limits:
        least, greatest = zip(*column.limits, strict=True)
        statistics |= {
            "max_value": _packed(column.kind, max(greatest)),
            "min_value": _packed(column.kind, min(least)),
            "is_max_value_exact": True,
            "is_min_value_exact": True,
        }
    pages = {"page_type": DATA_PAGE_TYPE, "encoding": encoding, "count": len(column.pages)}
    dictionary = {"page_type": DICTIONARY_PAGE_TYPE, "encoding": PLAIN, "count": 1}
    return encode(
        COLUMN_META,
        {
            "type": column.kind,
            "encodings": [PLAIN, RLE, RLE_DICTIONARY] if in_dictionary else [PLAIN, RLE],
            "path": [column.name.encode()],
            "codec": column.codec,
            "num_values": rows,
            "uncompressed_size": column.raw_size,
            "compressed_size": column.size,
            "data_page_offset": offset + column.dictionary_size,
            "dictionary_page_offset": offset if in_dictionary else None,
            "statistics": statistics,
            "encoding_stats": [dictionary, pages] if in_dictionary else [pages],
        },
    )


def _packed(kind: int, value: Any) -> bytes:
    """Return a value as PLAIN encodes it, but for the length of a string."""
    if kind == BYTE_ARRAY:
        return bytes(value.encode())
    return struct.pack(_FORMS[kind], value)


def _schema(columns: Sequence[tuple[Column, int]]) -> list[Mapping[str, Any]]:
    """Return the schema's elements: the root and a leaf for each column."""
    leaves = [
        {"repetition_type": OPTIONAL, "name": column.name.encode(), **_leaf(column.kind, decimals)}
        for column, decimals in columns
    ]
    return [{"name": b"schema", "num_children": len(columns)}, *leaves]
