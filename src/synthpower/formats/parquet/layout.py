"""A Parquet file's metadata, read: footer, page headers and page indexes. No value is read.

Whatever the bytes, nothing but `LayoutError` (or `OSError`) comes out: no library that may be
ended by a damaged file has a part in it. What is not among the fields in `structs` is an error.
"""

from __future__ import annotations

import os
from typing import Any, BinaryIO, NamedTuple

from synthpower.errors import InputError
from synthpower.formats.parquet.structs import FOOTER, MAGIC, PAGE
from synthpower.formats.parquet.thrift import Fields, Reader, ThriftError

_MOST_FOOTER = 2**27  # bytes; a file of the most row groups that there can be has 60 MB
_PAGE_HEADER = 2**14  # bytes that are read for one, which has some 30, at first
_MOST_PAGE_HEADER = 2**24  # with statistics of long strings

Struct = dict[str, Any]


class LayoutError(InputError):
    """A file that is not a whole Parquet file, or one that says what it must not."""


class Page(NamedTuple):
    """A page: where it begins, the bytes of its header, and what that says."""

    offset: int
    header_size: int
    header: Struct

    @property
    def size(self) -> int:
        return self.header_size + int(self.header["compressed_size"])

    @property
    def uncompressed_size(self) -> int:
        return self.header_size + int(self.header["uncompressed_size"])


class Footer(NamedTuple):
    """A footer: its first byte, and what it says."""

    offset: int
    fields: Struct

    @property
    def created_by(self) -> str:
        return bytes(self.fields.get("created_by", b"")).decode("utf-8", "backslashreplace")

    @property
    def key_values(self) -> dict[bytes, bytes]:
        pairs = self.fields.get("key_values", [])
        return {pair.get("key", b""): pair.get("value", b"") for pair in pairs}


def footer_of(file: BinaryIO) -> Footer:
    """Return what the footer of an open file says, or of one in memory."""
    whole = file.seek(0, os.SEEK_END)
    if whole < 2 * len(MAGIC) + 4:
        raise LayoutError("it is not a whole Parquet file: it is too short")
    file.seek(whole - 8)
    tail = file.read(8)
    size = int.from_bytes(tail[:4], "little")
    if tail[4:] != MAGIC:
        raise LayoutError("it is not a whole Parquet file: it does not end with PAR1")
    begin = whole - 8 - size
    if begin < len(MAGIC) or size > _MOST_FOOTER:
        raise LayoutError(f"it is not a whole Parquet file: a footer of {size:,} bytes")
    file.seek(begin)
    return Footer(begin, _parsed(file.read(size), FOOTER, "footer"))


def read_index(file: BinaryIO, kind: Fields, offset: int, size: int, end: int) -> Struct:
    """Return a page index, which lies before `end`."""
    if not (len(MAGIC) <= offset and size > 0 and offset + size <= end):
        raise LayoutError(f"its {kind.name} is said to be where none can be")
    file.seek(offset)
    return _parsed(file.read(size), kind, kind.name)


def read_pages(file: BinaryIO, begin: int, size: int) -> list[Page]:
    """Return the pages of a column chunk, which fill it."""
    pages: list[Page] = []
    offset, end = begin, begin + size
    while offset < end:
        page = _read_page(file, offset, end)
        pages.append(page)
        offset += page.size
    if offset != end:
        raise LayoutError(f"a page at byte {pages[-1].offset:,} is longer than its column chunk")
    return pages


def _read_page(file: BinaryIO, at: int, end: int) -> Page:
    room = _PAGE_HEADER
    while True:
        file.seek(at)
        data = file.read(min(room, end - at))
        reader = Reader(data)
        try:
            header = reader.struct(PAGE)
            break
        except ThriftError as error:
            if len(data) == end - at or room >= _MOST_PAGE_HEADER:
                raise LayoutError(f"a page header at byte {at:,}: {error}") from None
        room *= 32
    for key in ("compressed_size", "uncompressed_size"):
        if header.get(key, -1) < 0:
            raise LayoutError(f"a page header at byte {at:,} has no {key}")
    return Page(at, reader.at, header)


def _parsed(data: bytes, kind: Fields, what: str) -> Struct:
    """Return a struct that takes all of the data."""
    reader = Reader(data)
    try:
        found = reader.struct(kind)
    except ThriftError as error:
        raise LayoutError(f"its {what} cannot be read: {error}") from None
    if reader.at != len(data):
        raise LayoutError(f"its {what} has something behind its end")
    return found
