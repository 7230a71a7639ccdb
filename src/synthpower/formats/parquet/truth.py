"""A Parquet file that is not the one made again -> whether its metadata says the truth.

Whatever a reader may skip data by, or find it with, is held against the pages and against the
values made again: sizes, encodings, statistics, page indexes. What is not known here is a fault,
as it cannot be checked. No library reads the file: it may be damaged in any way.
"""

from __future__ import annotations

import struct
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import pairwise
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.compute as pc

from synthpower.errors import shown
from synthpower.formats.batches import Batches
from synthpower.formats.parquet.layout import (
    Footer,
    LayoutError,
    Page,
    Struct,
    footer_of,
    read_index,
    read_pages,
)
from synthpower.formats.parquet.structs import (
    ASCENDING,
    BYTE_ARRAY,
    COLUMN_INDEX,
    DATA_PAGE_TYPE,
    DESCENDING,
    DICTIONARY_PAGE_TYPE,
    DOUBLE,
    FLOAT,
    INT64,
    MAGIC,
    OFFSET_INDEX,
    PLAIN,
    PLAIN_DICTIONARY,
    RLE,
    RLE_DICTIONARY,
    UNORDERED,
)

_WIDTHS = {INT64: 8, FLOAT: 4, DOUBLE: 8}  # bytes of a value


@dataclass(frozen=True)
class Expected:
    """What a file's metadata has to agree with.

    Attributes
    ----------
    rows : int
        All of its readings.
    codecs : dict of str to int
        The compression of each column, by the number that Parquet has for it.
    footer : Footer
        That of an empty file of the same specification: schema, orders, key-value metadata.
    """

    rows: int
    codecs: Mapping[str, int]
    footer: Footer


@dataclass(frozen=True)
class Column:
    """A column chunk, its pages and what is said of both.

    Attributes
    ----------
    about : str
        The row group and the column, for what is wrong.
    ends : list of int
        The row of the file behind each data page.
    """

    about: str
    name: str
    first_row: int
    ends: list[int]
    chunk: Struct
    pages: list[Page]
    offset_index: Struct
    column_index: Struct

    @property
    def meta(self) -> Struct:
        return dict(self.chunk["meta"])

    @property
    def data_pages(self) -> list[Page]:
        return [page for page in self.pages if "data" in page.header]

    @property
    def begin(self) -> int:
        return self.pages[0].offset

    @property
    def end(self) -> int:
        return self.pages[-1].offset + self.pages[-1].size


@dataclass(frozen=True)
class Layout:
    """A file's structure, which holds together: the column chunks in the order of the file."""

    footer: Footer
    columns: list[Column]

    @property
    def data_end(self) -> int:
        """The first byte behind the pages."""
        return self.columns[-1].end

    def where(self, offset: int) -> str:
        """Return in words where a byte is."""
        for column in self.columns:
            if column.begin <= offset < column.end:
                return f"in {column.about}"
        return "in the page indexes or the footer"


def read_layout(file: BinaryIO, expected: Expected) -> Layout:
    """Return a file's structure.

    Raises
    ------
    LayoutError
        Naming the first thing that does not hold together, or is not as `expected`.
    """
    file.seek(0)
    if file.read(len(MAGIC)) != MAGIC:
        raise LayoutError("it does not begin with PAR1")
    footer = footer_of(file)
    _check_footer(footer, expected)
    columns: list[Column] = []
    end, row = len(MAGIC), 0
    names = list(expected.codecs)
    for number, group in enumerate(footer.fields["row_groups"]):
        rows = _positive(group, "num_rows", f"row group {number}")
        chunks = group.get("columns", [])
        if len(chunks) != len(names):
            raise LayoutError(f"row group {number} has {len(chunks)} columns, not {len(names)}")
        before = len(columns)
        for name, chunk in zip(names, chunks, strict=True):
            about = f"row group {number}, column {name}"
            column = _read_column(file, footer, about, name, chunk, end, row, rows)
            _check_column(column, expected.codecs[name], _kind(expected, name), rows)
            columns.append(column)
            end = column.end
        _check_group(number, group, columns[before:])
        row += rows
    _same("number of rows", row, expected.rows)
    return Layout(footer, columns)


def _check_footer(footer: Footer, expected: Expected) -> None:
    fields, right = footer.fields, expected.footer.fields
    if fields.get("version") not in (1, 2):
        raise LayoutError("its version is neither 1 nor 2")
    schema = [_without_root(element) for element in fields.get("schema", [])]
    if schema != [_without_root(element) for element in right["schema"]]:
        raise LayoutError("its columns are not those that it should have, or of other types")
    if fields.get("column_orders") != right["column_orders"]:
        raise LayoutError("the orders of its columns are not those of their types")
    if len(fields.get("key_values", [])) != len(footer.key_values) or (
        footer.key_values.keys() != expected.footer.key_values.keys()
    ):
        raise LayoutError("its key-value metadata has other keys")
    _same("number of rows", fields.get("num_rows"), expected.rows)
    if not fields.get("row_groups"):
        raise LayoutError("it has no row groups")


def _without_root(element: Struct) -> Struct:
    """Return an element of the schema; whether the root repeats means nothing."""
    if "num_children" in element:
        return element | {"repetition_type": None}
    return element


def _kind(expected: Expected, name: str) -> int:
    schema = expected.footer.fields["schema"]
    return next(int(e["type"]) for e in schema if e["name"] == name.encode())


def _read_column(
    file: BinaryIO, footer: Footer, about: str, name: str, chunk: Struct, begin: int, row: int,
    rows: int,
) -> Column:  # fmt: skip
    """Return a column chunk, which begins where the one before ended."""
    meta = chunk.get("meta", {})
    size = _positive(meta, "compressed_size", about)
    if begin + size > footer.offset:
        raise LayoutError(f"{about} is longer than the file")
    if (found := meta.get("dictionary_page_offset", meta.get("data_page_offset"))) != begin:
        raise LayoutError(f"{about} is said to begin at byte {shown(found)}, not {begin:,}")
    pages = read_pages(file, begin, size)
    ends = []
    at = row
    for page in pages:
        if "data" in page.header:
            at += _positive(page.header["data"], "num_values", about)
            ends.append(at)
    _same(f"{about}: number of values in its pages", at - row, rows)
    indexes = []
    for key, kind in (("offset_index", OFFSET_INDEX), ("column_index", COLUMN_INDEX)):
        offset, length = (chunk.get(f"{key}_{part}") for part in ("offset", "length"))
        if (offset is None) != (length is None):
            raise LayoutError(f"{about}: its {key} has an offset or a length only")
        index = read_index(file, kind, offset, length, footer.offset) if offset and length else {}
        indexes.append(index)
    return Column(about, name, row, ends, chunk, pages, *indexes)


def _check_column(column: Column, codec: int, kind: int, rows: int) -> None:
    """See that what is said of a column chunk is what its pages are."""
    about, meta, chunk = column.about, column.meta, column.chunk
    for key in ("bloom_filter_offset", "bloom_filter_length", "index_page_offset", "key_values"):
        if key in meta:
            raise LayoutError(f"{about} has a {key}, which is not checked")
    if "file_path" in chunk or chunk.get("file_offset", 0) not in (0, column.begin):
        raise LayoutError(f"{about} is said to be in another file, or at another offset")
    _same(f"{about}: type", meta.get("type"), kind)
    _same(f"{about}: name", meta.get("path"), [column.name.encode()])
    _same(f"{about}: compression", meta.get("codec"), codec)
    _same(f"{about}: number of values", meta.get("num_values"), rows)
    sizes = sum(page.uncompressed_size for page in column.pages)
    _same(f"{about}: uncompressed size", meta.get("uncompressed_size"), sizes)
    for page in column.pages:
        _check_page(column, page, codec, kind)
    _check_encodings(column)
    _check_offset_index(column)


def _check_page(column: Column, page: Page, codec: int, kind: int) -> None:
    about = f"{column.about}, page at byte {page.offset:,}"
    header = page.header
    if "crc" in header:
        raise LayoutError(f"{about} has a checksum, which is not checked")
    if not codec:
        _same(f"{about}: uncompressed size", page.uncompressed_size, page.size)
    keys = [key for key in ("data", "dictionary") if key in header]
    types = {"data": DATA_PAGE_TYPE, "dictionary": DICTIONARY_PAGE_TYPE}
    if len(keys) != 1 or header.get("type") != types[keys[0]]:
        raise LayoutError(f"{about} is of no type that is checked")
    if keys == ["dictionary"]:
        if page is not column.pages[0] or header["dictionary"].get("encoding") not in (
            PLAIN, PLAIN_DICTIONARY,
        ) or header["dictionary"].get("sorted"):  # fmt: skip
            raise LayoutError(f"{about} is a dictionary of a form that is not checked")
        count = _positive(header["dictionary"], "num_values", about)
        if kind != BYTE_ARRAY:
            _same(f"{about}: bytes", header["uncompressed_size"], _WIDTHS[kind] * count)
        return
    data = header["data"]
    if (data.get("definition_encoding"), data.get("repetition_encoding")) != (RLE, RLE):
        raise LayoutError(f"{about} has levels of another encoding")
    wanted = (RLE_DICTIONARY, PLAIN_DICTIONARY) if "dictionary" in column.pages[0].header else ()
    if data.get("encoding") not in (*wanted, PLAIN):
        raise LayoutError(f"{about} has an encoding that is not checked")


def _check_encodings(column: Column) -> None:
    about, meta = column.about, column.meta
    found = Counter[tuple[int, int]]()
    for page in column.pages:
        of_type = page.header.get("data") or page.header["dictionary"]
        found[page.header["type"], of_type["encoding"]] += 1
    _same(
        f"{about}: encodings",
        set(meta.get("encodings", [])),
        {encoding for _, encoding in found} | {RLE},
    )
    if "encoding_stats" in meta:
        said = Counter[tuple[int, int]]()
        for each in meta["encoding_stats"]:
            said[each.get("page_type"), each.get("encoding")] += each.get("count", 0)
        _same(f"{about}: encodings of its pages", said, found)
    dictionary = "dictionary" in column.pages[0].header
    if dictionary != ("dictionary_page_offset" in meta):
        raise LayoutError(f"{about}: its dictionary page is not where it is said to be")
    if not column.data_pages:
        raise LayoutError(f"{about} has no data page")
    first = column.data_pages[0].offset
    _same(f"{about}: offset of its data pages", meta.get("data_page_offset"), first)


def _check_offset_index(column: Column) -> None:
    if not column.offset_index:
        return
    said = [(p.get("offset"), p.get("size"), p.get("first_row"))
            for p in column.offset_index.get("pages", [])]  # fmt: skip
    firsts = [end - column.first_row for end in [column.first_row, *column.ends[:-1]]]
    pages = zip(column.data_pages, firsts, strict=True)
    found = [(page.offset, page.size, first) for page, first in pages]
    if said != found:
        raise LayoutError(f"{column.about}: its offset index does not name the pages that it has")


def _check_group(number: int, group: Struct, columns: list[Column]) -> None:
    about = f"row group {number}"
    if group.get("sorting_columns"):
        raise LayoutError(f"{about} is said to be sorted, which is not checked")
    _same(f"{about}: offset", group.get("file_offset", columns[0].begin), columns[0].begin)
    _same(f"{about}: number", group.get("ordinal", number), number)
    compressed = columns[-1].end - columns[0].begin
    _same(f"{about}: size", group.get("compressed_size", compressed), compressed)
    sizes = sum(column.meta["uncompressed_size"] for column in columns)
    _same(f"{about}: uncompressed size", group.get("uncompressed_size"), sizes)


def _positive(fields: Mapping[str, Any], key: str, about: str) -> int:
    value = fields.get(key)
    if not isinstance(value, int) or value < 1:
        raise LayoutError(f"{about}: its {key} is {shown(value)}")
    return value


def _same(what: str, said: object, right: object) -> None:
    if said != right:
        raise LayoutError(f"{what} is said to be {_shown(said)}, not {_shown(right)}")


@dataclass(frozen=True)
class Range:
    """What is true of the values of a page, or of a column chunk.

    Attributes
    ----------
    least, greatest : value
        As Arrow's compute functions find them; None where all are null.
    bytes : int
        Of all strings.
    nulls : int
    """

    least: Any
    greatest: Any
    rows: int
    bytes: int
    nulls: int = 0

    def joined(self, other: Range) -> Range:
        if self.least is None or other.least is None:  # of nulls only
            known = self if other.least is None else other
            least, greatest = known.least, known.greatest
        else:
            least = min(self.least, other.least)
            greatest = max(self.greatest, other.greatest)
        return Range(
            least,
            greatest,
            self.rows + other.rows,
            self.bytes + other.bytes,
            self.nulls + other.nulls,
        )


def check_statistics(layout: Layout, batches: Batches) -> None:
    """Raise `LayoutError` where what a file says of its values is not true of those made again."""
    cuts: dict[str, list[int]] = {}
    for column in layout.columns:
        cuts.setdefault(column.name, []).extend(column.ends)
    ranges = {name: iter(found) for name, found in _ranges(batches, cuts).items()}
    for column in layout.columns:
        found = [next(ranges[column.name]) for _ in column.ends]
        whole = reduce(Range.joined, found)
        about, meta = column.about, column.meta
        _check_limits(about, meta.get("statistics", {}), whole)
        _check_sizes(about, meta.get("size_statistics", {}), whole)
        for page, true in zip(column.data_pages, found, strict=True):
            statistics = page.header["data"].get("statistics", {})
            _check_limits(f"{about}, page at byte {page.offset:,}", statistics, true)
        if "unencoded_bytes" in column.offset_index:
            said = column.offset_index["unencoded_bytes"]
            _same(f"{about}: bytes of its pages' strings", said, [true.bytes for true in found])
        if column.column_index:
            _check_column_index(about, column.column_index, found)


def _check_limits(about: str, said: Struct, true: Range) -> None:
    """Check the statistics of a page or of a column chunk."""
    _same(f"{about}: number of nulls", said.get("null_count", true.nulls), true.nulls)
    if "distinct_count" in said:
        raise LayoutError(f"{about} has a number of distinct values, which is not checked")
    if isinstance(true.least, bytes) and ("min" in said or "max" in said):
        raise LayoutError(f"{about} has limits in the old order, which are not checked")
    for suffix in ("", "_value"):
        for key, right in (("min", true.least), ("max", true.greatest)):
            if key + suffix in said:
                if right is None:
                    raise LayoutError(f"{about} has limits, and nulls only")
                exact = said.get(f"is_{key}_value_exact", True)
                _check_limit(about, key, said[key + suffix], right, exact)


def _check_limit(about: str, key: str, said: bytes, right: Any, exact: bool = True) -> None:
    what = f"{about}: its {'least' if key == 'min' else 'greatest'} value"
    value = _value(what, said, right)
    below = value <= right if key == "min" else value >= right
    if value != right and (exact or not below):
        raise LayoutError(f"{what} is said to be {_shown(value)}, not {_shown(right)}")
    if right == 0 and key == "max" and any(said):  # -0.0 may exclude 0.0
        raise LayoutError(f"{what} is said to be -0.0, not 0.0")


def _value(what: str, said: bytes, like: Any) -> Any:
    """Return a value that PLAIN encodes, of the same type as another."""
    if isinstance(like, bytes):
        return said
    forms = {8: "<d", 4: "<f"} if isinstance(like, float) else {8: "<q"}
    if len(said) not in forms:
        raise LayoutError(f"{what} has {len(said)} bytes, not {' or '.join(map(str, forms))}")
    return struct.unpack(forms[len(said)], said)[0]


def _shown(value: Any) -> str:
    if isinstance(value, bytes):
        return shown(value.decode("utf-8", "backslashreplace"))
    return shown(f"{value:,}" if isinstance(value, int) else value)


def _check_sizes(about: str, said: Struct, true: Range) -> None:
    if "unencoded_bytes" in said:
        _same(f"{about}: bytes of its strings", said["unencoded_bytes"], true.bytes)
    _check_levels(about, "repetition_histogram", said, [true.rows])
    _check_levels(about, "definition_histogram", said, [true.nulls, true.rows - true.nulls])


def _check_levels(about: str, key: str, said: Struct, right: list[int]) -> None:
    if said.get(key):
        _same(f"{about}: its {key.replace('_', ' ')}", said[key], right)


def _check_column_index(about: str, said: Struct, pages: Sequence[Range]) -> None:
    nulls = [page.nulls for page in pages]
    empty = [page.least is None for page in pages]
    _same(f"{about}: its index's null pages", said.get("null_pages"), empty)
    _same(f"{about}: its index's numbers of nulls", said.get("null_counts", nulls), nulls)
    pages_with = [page for page in pages if page.least is not None]
    for key in ("min", "max"):
        values = said.get(f"{key}_values", [])
        _same(f"{about}: its index's number of pages", len(values), len(pages))
        for number, (value, page) in enumerate(zip(values, pages, strict=True)):
            right = page.least if key == "min" else page.greatest
            if right is None:
                continue
            _check_limit(f"{about}, index of page {number}", key, value, right)
    order = said.get("boundary_order", -1)
    limits = [[page.least for page in pages_with], [page.greatest for page in pages_with]]
    sorted_as = {
        UNORDERED: True,
        ASCENDING: all(a <= b for values in limits for a, b in pairwise(values)),
        DESCENDING: all(a >= b for values in limits for a, b in pairwise(values)),
    }
    if not sorted_as.get(order):
        raise LayoutError(f"{about}: its pages are not in the order that its index says")
    rows = [page.rows for page in pages]
    _check_levels(about, "repetition_histograms", said, rows)
    there = [n for page in pages for n in (page.nulls, page.rows - page.nulls)]
    _check_levels(about, "definition_histograms", said, there)


def _ranges(batches: Batches, cuts: Mapping[str, list[int]]) -> dict[str, list[Range]]:
    """Return what is true of the values made again between cuts, the last being the last row."""
    found: dict[str, list[Range]] = {name: [] for name in cuts}
    row = 0
    for chunk in batches.grid.chunks():
        batch = batches.batch(chunk)
        end = row + batch.num_rows
        for name, ends in cuts.items():
            column = batch.column(batch.schema.get_field_index(name))
            ranges = found[name]
            # A page that the batch before has begun goes on.
            goes_on = row > 0 and ends[bisect_left(ends, row)] != row
            within = [row, *ends[bisect_right(ends, row) : bisect_left(ends, end)], end]
            for begin, to in pairwise(within):
                piece = _range(column.slice(begin - row, to - begin))
                if goes_on:
                    piece = ranges.pop().joined(piece)
                ranges.append(piece)
                goes_on = False
        row = end
    return found


def _range(values: pa.Array) -> Range:
    if pa.types.is_dictionary(values.type):
        texts = values.dictionary_decode()
        least, greatest = (v.encode() for v in pc.min_max(texts).as_py().values())
        return Range(least, greatest, len(texts), pc.sum(pc.binary_length(texts)).as_py())
    if pa.types.is_string(values.type):  # of local times
        values = values.dictionary_encode()
        return _range(values)
    if pa.types.is_timestamp(values.type):
        values = values.view(pa.int64())
    if pa.types.is_decimal(values.type):
        values = pc.multiply(values, 10**values.type.scale).cast(pa.int64())
    least, greatest = pc.min_max(values).as_py().values()
    return Range(least, greatest, len(values), 0, values.null_count)
