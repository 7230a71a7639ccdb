"""Readings as Parquet by splicing: what repeats is encoded once, and only values are new.

A row group is a chunk. Its template columns are the same bytes in every row group of the same
servers: they are encoded once, and copied into each. A time column is a small
dictionary and one run for each step. The values are plain doubles or, where the measurements
have few possible values, 16-bit codes in a dictionary of all of them: these are the counts
that the kernel draws. See https://parquet.apache.org/docs/file-format/.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from itertools import islice
from typing import Any, NamedTuple

import numpy as np
import pyarrow.compute as pc

from synthpower.arrays import as_numpy, by_appearance
from synthpower.errors import InputError
from synthpower.fleet.fleet import Fleet
from synthpower.formats.batches import decimals_of
from synthpower.formats.buffers import Buffers
from synthpower.formats.interface import Certainty, Rendered, Size
from synthpower.formats.parquet.file import ColumnChunk, ColumnEncoder, ParquetFile, RowGroup
from synthpower.formats.parquet.indices import plain_strings, repeated
from synthpower.formats.parquet.structs import BYTE_ARRAY
from synthpower.formats.parquet.times import Pages, TimeColumns
from synthpower.formats.parquet.values import ValueColumns
from synthpower.formats.templates import DICTIONARY_BYTES, Templates
from synthpower.model.columns import Axis, Column
from synthpower.model.grid import WHOLE, Chunk, Grid
from synthpower.model.specification import Specification
from synthpower.storage import Sink

# A template is worth its bytes where it holds several steps: 12 steps of 100,000 servers and two
# measurements take 0.42 B/row, one step 3. Twice the rows: twice the memory, no faster.
_GROUP_ROWS = 2_500_000
_MOST_GROUPS = 32_767  # a row group's ordinal has 16 bits
_PAGE_ROWS = 2**18  # 2 MB of doubles: what a reader holds at least
_DICTIONARY_REPEATS = 4  # a dictionary pays where a row group has several times its values

_TEMPLATE_LEVEL = 9  # of zstd, for what serves many row groups; 12 takes five times as long
_STEP_LEVEL = 1  # a single step repeats nothing, and its template serves a few row groups only
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
        self._schema = [(column, decimals_of(column, specification)) for column in self._columns]
        self._templates = Templates(specification, fleet)
        self._times = TimeColumns(specification, fleet, sizes.dictionary_repeats)
        self._codec = None if compression in (None, "none") else compression
        self._template_codec = self._codec if compression else "zstd"
        self._certainty = Certainty.ABOUT if self._codec else Certainty.EXACTLY
        rows = min(sizes.group_rows, DICTIONARY_BYTES // (self._templates.longest_row() + 1))
        self.grid = specification.grid(len(fleet), max(1, rows))
        if self.grid.num_chunks > _MOST_GROUPS:
            raise InputError(
                f"a Parquet file has {_MOST_GROUPS:,} row groups at most, and this one would have "
                f"{self.grid.num_chunks:,}; make larger row groups, files of one hour, or a longer "
                "interval"
            )
        self._group_rows = max(map(self.grid.rows, islice(self.grid.chunks(), 2)), default=0)
        self._values = ValueColumns(
            specification, fleet, self._group_rows, sizes.dictionary_repeats
        )
        if self._values.quantities.nullable:
            self._certainty = max(self._certainty, Certainty.AT_MOST)
        # A method under lru_cache would keep every instance alive.
        self._encoded = lru_cache(_KEPT_TEMPLATES)(self._encode)
        for chunk in islice(self.grid.chunks(), 1 if self.grid.part == WHOLE else 0):
            if chunk.servers == self.grid.servers:  # once, before all workers ask for them
                for column in self._columns:
                    if Axis.TIME not in column.axes:
                        self._template(column, chunk)

    @property
    def chunk_bytes(self) -> int:
        dense = 2 * bool(self._times.steps.fuzz) + self._values.per_row
        return max(1, self._group_rows) * 8 * dense

    def render(self, chunk: Chunk, start: int, buffers: Buffers) -> Rendered[RowGroup]:
        """Return a chunk's row group, and what its readings come to."""
        cut = self._cut(chunk)
        values, totals = self._values.encode(chunk, start, cut.rows, self._codec, buffers)
        group = self._row_group(cut, start, values, self._codec, buffers)
        return Rendered(group, totals)

    def _cut(self, chunk: Chunk) -> Pages:
        rows = self._sizes.page_rows
        pages = list(Grid(chunk.steps, chunk.servers, self.grid.measurements, rows).chunks())
        return Pages(chunk, self.grid.shape(chunk), pages, list(map(self.grid.rows, pages)))

    def _row_group(
        self,
        cut: Pages,
        start: int,
        values: Mapping[Column, ColumnChunk],
        codec: str | None,
        buffers: Buffers,
        fill: bool = True,
    ) -> RowGroup:
        """Return a chunk's row group; without `fill` only its sizes are right."""
        columns = []
        for column in self._columns:
            if column in values:
                columns.append(values[column])
            elif Axis.TIME in column.axes:
                columns.append(self._times.encode(column, cut, start, codec, buffers, fill))
            else:
                columns.append(self._template(column, cut.chunk))
        return RowGroup(self.grid.rows(cut.chunk), columns)

    @contextmanager
    def open(self, specification: Specification, sink: Sink) -> Iterator[Callable[[Any], object]]:
        file = ParquetFile(sink)
        yield file.write
        file.close(self._schema, self._metadata(specification), self._created_by)

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
                cut, buffers = self._cut(chunk), Buffers()
                values = self._values.sized(chunk, cut.rows, buffers)
                start = specification.start
                write(self._row_group(cut, start, values, None, buffers, fill=False))
                levels += self.grid.rows(chunk) // 8 + 64  # a bit for each, where some are null
        return sink.size + levels * self._values.quantities.nullable

    def _template(self, column: Column, chunk: Chunk) -> ColumnChunk:
        """Return a template column; what it depends on, besides its column, is its key."""
        first_server = chunk.first_server if Axis.SERVER in column.axes else 0
        return self._encoded(column, chunk.steps, first_server, chunk.servers)

    def _encode(self, column: Column, steps: int, first_server: int, servers: int) -> ColumnChunk:
        """Return a template column: a dictionary page, and one data page of all its rows."""
        measurements, field = self.grid.measurements, column.field.name
        if field in self._templates.of_measurements:
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
        encoder.add_dictionary(plain_strings(different), len(different))
        encoder.add_page(
            steps * servers * measurements, repeated(indices, repeats, steps, len(different))
        )
        if field == "sn":  # in their order
            limits = different[0].as_py(), different[-1].as_py()
        else:
            limits = tuple(pc.min_max(different).as_py().values())
        known = all(len(limit.encode()) <= _LONGEST_LIMIT for limit in limits)
        return encoder.finish([limits] if known else [])


class _Counter(Sink):
    """A sink that only counts."""

    def put(self, view: memoryview) -> None: ...
