"""Readings as Parquet by splicing: what repeats is encoded once, and only values are new.

A row group is a chunk. Its template columns are the same bytes in every row group of the same
servers: they are encoded once, and copied into each. A time column is a small
dictionary and one run for each step. The values are plain doubles or, where the measurements
have few possible values, 16-bit codes in a dictionary of all of them: these are the counts
that the kernel draws. See https://parquet.apache.org/docs/file-format/.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from itertools import islice
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from synthpower import kernels
from synthpower.arrays import as_numpy, by_appearance, string_buffers
from synthpower.errors import InputError
from synthpower.fleet.fleet import Fleet
from synthpower.formats.buffers import Buffers
from synthpower.formats.interface import Certainty, Rendered, Size
from synthpower.formats.parquet.file import ColumnChunk, ColumnEncoder, ParquetFile, Part, RowGroup
from synthpower.formats.parquet.structs import BYTE_ARRAY, DOUBLE, INT64
from synthpower.formats.parquet.thrift import varint
from synthpower.formats.templates import DICTIONARY_BYTES, Templates
from synthpower.model.columns import MEASUREMENT_FIELDS, START, Column, Kind
from synthpower.model.grid import WHOLE, Chunk, Grid
from synthpower.model.specification import Specification
from synthpower.signals import find_signal
from synthpower.signals.quantity import DICTIONARY_BITS, NULLS, value_dictionary
from synthpower.signals.steps import Steps
from synthpower.signals.totals import Totals
from synthpower.storage import Sink

# A template is worth its bytes where it holds several steps: 12 steps of 100,000 servers and two
# measurements take 0.42 B/row, one step 3. Twice the rows: twice the memory, no faster.
_GROUP_ROWS = 2_500_000
_MOST_GROUPS = 32_767  # a row group's ordinal has 16 bits
_PAGE_ROWS = 2**18  # 2 MB of doubles: what a reader holds at least
_DICTIONARY_REPEATS = 4  # a dictionary pays where a row group has several times its values

_TEMPLATE_LEVEL = 9  # of zstd, for what serves many row groups; 12 takes five times as long
_STEP_LEVEL = 1  # a single step repeats nothing, and its template serves a few row groups only
_RUN = 8  # values of a packed group; so many equal ones are shorter as a run
_LONGEST_LIMIT = 4096  # bytes of a string in the statistics; longer ones Arrow leaves out too
_KEPT_TEMPLATES = 128  # columns: those of 50 million servers


class Sizes(NamedTuple):
    """How the rows of a file are cut; a reader sees the same rows.

    Attributes
    ----------
    group_rows : int
        The rows of a row group, at most.
    page_rows : int
        The rows of a page of numbers, at most.
    dictionary_repeats : int
        How many times a row group must hold the values of a dictionary to have one.
    """

    group_rows: int = _GROUP_ROWS
    page_rows: int = _PAGE_ROWS
    dictionary_repeats: int = _DICTIONARY_REPEATS


SIZES = Sizes()


class ParquetWriter:
    """Write readings as Parquet, fast; see `Writer`.

    Parameters
    ----------
    specification : Specification
        The first file's; others may have another date.
    fleet : Fleet
    compression : str or None
        ``none``, ``snappy`` or ``zstd`` for all columns. Otherwise Zstandard for the
        templates, which repeat, and none for the rest: random numbers hardly shrink.
    metadata : callable
        Return what a file says of its making.
    created_by : str
        What a file calls its program.
    sizes : Sizes
    """

    def __init__(
        self,
        specification: Specification,
        fleet: Fleet,
        compression: str | None,
        metadata: Callable[[Specification], Mapping[str, str]],
        created_by: str,
        sizes: Sizes = SIZES,
    ) -> None:
        self._sizes = sizes
        self._columns = specification.columns
        self._metadata = metadata
        self._created_by = created_by
        self._servers = fleet.by_serial
        self._templates = Templates(specification, fleet)
        self._steps = Steps(specification)
        self._signal = find_signal(specification.signal).bind(specification, fleet)
        self._codec = None if compression in (None, "none") else compression
        self._template_codec = self._codec if compression else "zstd"
        self._certainty = Certainty.ABOUT if self._codec else Certainty.EXACTLY
        if self._signal.quantities.nullable:
            self._certainty = max(self._certainty, Certainty.AT_MOST)
        rows = min(sizes.group_rows, DICTIONARY_BYTES // (self._templates.longest_row() + 1))
        self.grid = specification.grid(len(fleet), max(1, rows))
        if self.grid.num_chunks > _MOST_GROUPS:
            raise InputError(
                f"a Parquet file has {_MOST_GROUPS:,} row groups at most, and this one would have "
                f"{self.grid.num_chunks:,}; make larger row groups, files of one hour, or a longer "
                "interval"
            )
        self._group_rows = max(map(self.grid.rows, islice(self.grid.chunks(), 2)), default=0)
        self._dictionary = value_dictionary(self._signal.quantities)
        values = self._dictionary.size if self._dictionary else 0
        if values * sizes.dictionary_repeats > self._group_rows:
            self._dictionary = None  # plain values are smaller
        self._dictionary_values = self._dictionary.values() if self._dictionary else None
        # A method under lru_cache would keep every instance alive.
        self._encoded = lru_cache(_KEPT_TEMPLATES)(self._encode)
        for chunk in islice(self.grid.chunks(), 1 if self.grid.part == WHOLE else 0):
            if chunk.servers == self.grid.servers:  # once, before all workers ask for them
                for column in self._columns:
                    if column.field.kind is Kind.STRING:
                        self._template(column, chunk)

    @property
    def chunk_bytes(self) -> int:
        dense = 3 if self._steps.fuzz else 1
        return max(1, self._group_rows) * 8 * dense

    def render(self, chunk: Chunk, start: int, buffers: Buffers) -> Rendered[RowGroup]:
        """Return a chunk's row group, and what its readings come to."""
        cells = self._cells(chunk, buffers)
        if self._dictionary:
            totals = self._signal.counts(chunk, start, self._dictionary.firsts, cells)
        else:
            totals = self._signal.values(chunk, start, cells)
        return Rendered(self._row_group(chunk, start, buffers, cells, totals), totals)

    def _cells(self, chunk: Chunk, buffers: Buffers) -> NDArray[Any]:
        """Return the room of a chunk's values, or of their codes."""
        kind = np.uint16 if self._dictionary else np.float64
        return buffers.array("values", self.grid.shape(chunk), kind)

    def _row_group(
        self,
        chunk: Chunk,
        start: int,
        buffers: Buffers,
        cells: NDArray[Any],
        totals: Totals | None,
    ) -> RowGroup:
        """Return a chunk's row group; without `totals` nothing is filled: only sizes are right."""
        page_rows, fill = self._sizes.page_rows, totals is not None
        pages = list(Grid(chunk.steps, chunk.servers, self.grid.measurements, page_rows).chunks())
        made = {
            Kind.STRING: lambda column: self._template(column, chunk),
            Kind.TIMESTAMP: lambda column: self._times(column, chunk, start, pages, buffers, fill),
            Kind.DOUBLE: lambda column: self._values(column, pages, cells, totals),
        }
        columns = [made[column.field.kind](column) for column in self._columns]
        return RowGroup(self.grid.rows(chunk), columns)

    @contextmanager
    def open(self, specification: Specification, sink: Sink) -> Iterator[Callable[[Any], object]]:
        file = ParquetFile(sink)
        yield file.write
        file.close(self._columns, self._metadata(specification), self._created_by)

    def size(self, specification: Specification) -> Size:
        """Return the size of a file: exactly, or about, where values are to be compressed."""
        return Size(self._size(specification, self.grid.chunks()), self._certainty)

    def estimate(self, specification: Specification) -> int:
        """Return about the size of a file, at once: as if all row groups were like the first."""
        first = self._size(specification, islice(self.grid.chunks(), 1))
        return first * max(1, self.grid.num_chunks)

    def _size(self, specification: Specification, chunks: Iterable[Chunk]) -> int:
        sink, levels = _Counter(), 0
        with self.open(specification, sink) as write:
            for chunk in chunks:
                buffers = Buffers()
                cells = self._cells(chunk, buffers)
                write(self._row_group(chunk, specification.start, buffers, cells, None))
                levels += self.grid.rows(chunk) // 8 + 64  # a bit for each, where some are null
        return sink.size + levels * self._signal.quantities.nullable

    def _template(self, column: Column, chunk: Chunk) -> ColumnChunk:
        return self._encoded(column, *_key(column.field.name, chunk))

    def _encode(self, column: Column, steps: int, first_server: int, servers: int) -> ColumnChunk:
        """Return a template column: a dictionary page, and one data page of all its rows."""
        measurements, field = self.grid.measurements, column.field.name
        if field in MEASUREMENT_FIELDS:
            strings, repeats = self._templates.of_measurements[field], 1
            indices = np.tile(as_numpy(strings.indices), servers)
        else:
            strings = self._templates.of_servers(field, first_server, servers)
            repeats = measurements
            if servers < self.grid.servers and field != "sn":
                strings = by_appearance(as_numpy(strings.indices), strings.dictionary)
            indices = as_numpy(strings.indices)
        different = strings.dictionary
        level = _TEMPLATE_LEVEL if steps > 1 else _STEP_LEVEL
        encoder = ColumnEncoder(column.name, BYTE_ARRAY, self._template_codec, level)
        encoder.add_dictionary(_plain_strings(different), len(different))
        encoder.add_page(
            steps * servers * measurements, _repeated(indices, repeats, steps, len(different))
        )
        if field == "sn":  # in their order
            limits = different[0].as_py(), different[-1].as_py()
        else:
            limits = tuple(pc.min_max(different).as_py().values())
        known = all(len(limit.encode()) <= _LONGEST_LIMIT for limit in limits)
        return encoder.finish([limits] if known else [])

    def _values(
        self, column: Column, pages: list[Chunk], cells: NDArray[Any], totals: Totals | None
    ) -> ColumnChunk:
        limits = totals.limits if totals else (0.0, 0.0)
        page_rows = list(map(self.grid.rows, pages))
        encoder = ColumnEncoder(column.name, DOUBLE, self._codec if totals else None)
        there = self._there(cells) if totals else None
        if not self._dictionary:
            encoder.add_plain(cells.reshape(-1), page_rows, there)
        else:
            encoder.add_dictionary(self._dictionary_values, self._dictionary.size)
            encoder.add_indices(cells.reshape(-1), page_rows, there)
        # Pages of random values exclude nothing.
        return encoder.finish([limits] if limits else [], indexed=False)

    def _there(self, values: NDArray[Any]) -> NDArray[np.bool_] | None:
        """Return which values are not null, where any may be."""
        if not self._signal.quantities.nullable:
            return None
        flat = values.reshape(-1)
        there: NDArray[np.bool_] = (
            ~np.isnan(flat) if flat.dtype == np.float64 else flat != NULLS[flat.dtype]
        )
        return there

    def _times(
        self,
        column: Column,
        chunk: Chunk,
        start: int,
        pages: list[Chunk],
        buffers: Buffers,
        fill: bool,
    ) -> ColumnChunk:
        boundaries = self._steps.boundaries(chunk, start)
        firsts = boundaries[:-1] if column.field == START else boundaries[1:]
        page_rows = list(map(self.grid.rows, pages))
        encoder = ColumnEncoder(column.name, INT64, self._codec if fill else None)
        if self._steps.fuzz:
            limits = self._late_times(encoder, chunk, column.name, firsts, page_rows, buffers, fill)
        else:
            times = firsts * 1_000_000
            encoder.add_dictionary(times, times.size)
            for page, rows in zip(pages, page_rows, strict=True):
                encoder.add_page(rows, [_runs(page, rows // page.steps, chunk.steps)])
            limits = [times[[p.first_step, p.first_step + p.steps - 1]] for p in pages]
        return encoder.finish([(int(least), int(greatest)) for least, greatest in limits])

    def _late_times(
        self,
        encoder: ColumnEncoder,
        chunk: Chunk,
        name: str,
        firsts: NDArray[np.int64],
        page_rows: list[int],
        buffers: Buffers,
        fill: bool,
    ) -> list[NDArray[np.int64]]:
        """Add the boundaries that begin at `firsts`, and return the limits of each page."""
        fuzz = self._steps.fuzz
        keys = self._servers.keys_of(chunk)
        shape = self.grid.shape(chunk)
        dictionary: NDArray[np.int64] | None = (
            (firsts[:, np.newaxis] + np.arange(fuzz + 1)) * 1_000_000
        ).reshape(-1)
        assert dictionary is not None
        few = dictionary.size <= 2**DICTIONARY_BITS
        if few and dictionary.size * self._sizes.dictionary_repeats <= self.grid.rows(chunk):
            encoder.add_dictionary(dictionary, dictionary.size)
            times = buffers.array(name, shape, np.uint16)
            if fill:
                codes = np.arange(firsts.size) * (fuzz + 1)
                self._steps.fill_late(keys, firsts, codes, 1, times)
            encoder.add_indices(times.reshape(-1), page_rows)
        else:
            times = buffers.array(name, shape, np.int64)
            if fill:
                self._steps.fill_late(keys, firsts, firsts * 1_000_000, 1_000_000, times)
            encoder.add_plain(times.reshape(-1), page_rows)
            dictionary = None
        limits = []
        row = 0
        for rows in page_rows:
            of_page = times.reshape(-1)[row : row + rows]
            ends = np.array([of_page.min(), of_page.max()] if fill else [0, 0])
            limits.append(ends if dictionary is None else dictionary[ends])
            row += rows
        return limits


def _key(field: str, chunk: Chunk) -> tuple[int, int, int]:
    """Return what a template depends on, besides its column."""
    first_server = 0 if field in MEASUREMENT_FIELDS else chunk.first_server
    return chunk.steps, first_server, chunk.servers


@lru_cache(2**14)
def _runs(page: Chunk, step_rows: int, steps: int) -> bytes:
    """Return a page's indices into a dictionary of `steps` times: a run for each of its steps."""
    bits, size = _width(steps)
    head = varint(step_rows << 1)
    codes = range(page.first_step, page.first_step + page.steps)
    return bytes([bits]) + b"".join(head + code.to_bytes(size, "little") for code in codes)


def _repeated(indices: NDArray[np.int32], repeats: int, steps: int, different: int) -> list[Part]:
    """Return the indices of a step, each `repeats` times, for all steps, in the shortest encoding.

    They are runs, or packed. Packed steps are the same bytes again and again wherever a step
    ends at a whole one, and Zstandard finds that. (Arrow begins another packed run every 512
    values, which hides it: 3 to 13 % more bytes, ten times the time.)
    """
    bits, size = _width(different)
    step_rows = indices.size * repeats
    if different == 1:
        return [bytes([bits]), varint(step_rows * steps << 1), bytes(size)]
    if repeats >= _RUN:
        head = np.frombuffer(varint(repeats << 1), np.uint8)
        runs = np.empty((indices.size, head.size + size), np.uint8)
        runs[:, : head.size] = head
        runs[:, head.size :] = indices.astype("<i4").view(np.uint8).reshape(-1, 4)[:, :size]
        return [bytes([bits]), np.tile(runs.reshape(-1), steps)]
    groups = -(-step_rows * steps // _RUN)
    cycle = min(steps, _RUN // math.gcd(_RUN, step_rows))  # steps that end at a whole byte
    packed = np.empty(-(-step_rows * cycle // _RUN) * bits, np.uint8)
    kernels.pack_indices(np.tile(indices, cycle), repeats, bits, packed)
    return [bytes([bits]), varint(groups << 1 | 1), np.resize(packed, groups * bits)]


def _width(different: int) -> tuple[int, int]:
    """Return the bits of an index into so many values, and its whole bytes."""
    bits = max(1, (different - 1).bit_length())
    return bits, -(-bits // 8)


def _plain_strings(strings: pa.StringArray) -> NDArray[np.uint8]:
    """Return strings as PLAIN encodes them: each behind its length."""
    data, offsets = string_buffers(strings)
    out = np.empty(int(offsets[-1] - offsets[0]) + 4 * len(strings), np.uint8)
    kernels.put_texts(data, offsets, out)
    return out


class _Counter(Sink):
    """A sink that only counts."""

    def put(self, view: memoryview) -> None: ...
