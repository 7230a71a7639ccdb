"""Readings as Parquet by splicing: what repeats is encoded once, and only values are new.

A row group is a chunk. Its template columns are the same bytes in every row group of the same
servers: pyarrow encodes them once, and they are copied into each. A time column is a small
dictionary and one run for each step. The values are plain doubles or, where the measurements
have few possible values, 16-bit places in a dictionary of all of them: these are the counts
that the kernel draws. See https://parquet.apache.org/docs/file-format/.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyarrow import parquet as pq

from synthpower.batches import Buffers, reading_schema
from synthpower.errors import InputError
from synthpower.files import Sink
from synthpower.grid import Chunk, Grid
from synthpower.inventory import Inventory
from synthpower.signals import Signal
from synthpower.specification import Specification
from synthpower.templates import OF_MEASUREMENTS, OF_SERVERS, Templates
from synthpower.writers.parquet_file import (
    BYTE_ARRAY,
    CODECS,
    DOUBLE,
    INT64,
    Column,
    ColumnEncoder,
    ParquetFile,
    Part,
    RowGroup,
)
from synthpower.writers.plain import (
    BATCH_ROWS,
    DICTIONARY_BYTES,
    DICTIONARY_VALUES,
    METADATA_KEY,
    VALUE,
    metadata,
)
from synthpower.writers.thrift import varint

# A template is worth its bytes where it holds several steps: 12 steps of 100,000 servers and two
# measurements take 0.47 B/row, one step 3. Twice the rows: twice the memory, no faster.
_GROUP_ROWS = 2_500_000
_MOST_GROUPS = 32_767  # a row group's ordinal has 16 bits
_PAGE_ROWS = 2**18  # 2 MB of doubles: what a reader holds at least
_DICTIONARY_REPEATS = 4  # a dictionary pays where a row group has several times its values

# Of zstd: level 3 takes 0.72 B/row, 9 takes 0.47 and 25 % more time, once; 19 takes 0.35 and ten
# times as much.
_TEMPLATE_LEVEL = 9
_STEP_LEVEL = 1  # a single step repeats nothing, and its template serves a few row groups only
_KEPT_TEMPLATES = 128  # columns: those of 50 million servers


class ParquetWriter:
    """Write readings as Parquet, fast.

    Parameters
    ----------
    specification : Specification
        The first file's; others may have another date.
    inventory : Inventory
    compression : str, optional
        ``none``, ``snappy`` or ``zstd`` for all columns. Otherwise Zstandard for the
        templates, which repeat, and none for the rest: random numbers hardly shrink.
    """

    def __init__(
        self,
        specification: Specification,
        inventory: Inventory,
        compression: str | None = None,
    ) -> None:
        self._specification = specification
        self._inventory = inventory
        self._servers = inventory.by_serial
        self._templates = Templates(specification, inventory)
        self._signal = Signal(specification)
        self._template_codec = compression or "zstd"
        self._codec = None if compression in (None, "none") else compression
        self._names = reading_schema(specification.end).names
        measurements = len(specification.measurements)
        rows = min(_GROUP_ROWS, DICTIONARY_BYTES // (self._templates.longest_row() + 1))
        self.grid = Grid(specification.steps, len(inventory), measurements, max(1, rows))
        if self.grid.num_chunks > _MOST_GROUPS:
            raise InputError(
                f"a Parquet file has {_MOST_GROUPS:,} row groups at most, and this one would have "
                f"{self.grid.num_chunks:,}; make files of one hour, or a longer interval"
            )
        first = next(self.grid.chunks())
        self._dictionary = _value_dictionary(specification, self.grid.rows(first))
        # A method under lru_cache would keep every instance alive.
        self._encoded = lru_cache(_KEPT_TEMPLATES)(self._encode)
        # Once, before all workers ask for them; side by side, they took 100 MB more.
        for name in (*OF_SERVERS, *OF_MEASUREMENTS):
            self._template(name, first)

    def render(self, chunk: Chunk, start: int, buffers: Buffers, fill: bool = True) -> RowGroup:
        """Return a chunk's row group; without `fill` only its sizes are right."""
        pages = list(Grid(chunk.steps, chunk.servers, self.grid.measurements, _PAGE_ROWS).chunks())
        columns = {VALUE: self._values(chunk, start, pages, buffers, fill)}
        boundaries = self._signal.boundaries(chunk, start)
        for name, firsts in (("start_time", boundaries[:-1]), ("end_time", boundaries[1:])):
            if name in self._names:
                columns[name] = self._times(name, chunk, firsts, pages, buffers, fill)
        for name in (*OF_SERVERS, *OF_MEASUREMENTS):
            columns[name] = self._template(name, chunk)
        return RowGroup(self.grid.rows(chunk), [columns[name] for name in self._names])

    @contextmanager
    def open(self, specification: Specification, sink: Sink) -> Iterator[Callable[[Any], object]]:
        """Begin a file and return what writes its row groups; leaving ends it."""
        file = ParquetFile(sink)
        yield file.write
        file.close(self._names, {METADATA_KEY: metadata(specification, self._inventory)})

    def size(self, specification: Specification) -> int:
        """Return the size of a file: exactly, or about, where values are to be compressed."""
        return self._size(specification, self.grid.chunks())

    def estimate(self, specification: Specification) -> int:
        """Return about the size of a file, at once: as if all row groups were like the first."""
        first = self._size(specification, islice(self.grid.chunks(), 1))
        return first * self.grid.num_chunks

    def _size(self, specification: Specification, chunks: Iterable[Chunk]) -> int:
        sink = _Counter()
        with self.open(specification, sink) as write:  # type: ignore[arg-type]
            for chunk in chunks:
                write(self.render(chunk, specification.start, Buffers(), fill=False))
        return sink.size

    def _template(self, name: str, chunk: Chunk) -> Column:
        return self._encoded(*_key(name, chunk))

    def _encode(self, name: str, steps: int, first_server: int, servers: int) -> Column:
        """Return a template column as pyarrow encodes it: one data page."""
        level = _TEMPLATE_LEVEL if steps > 1 else _STEP_LEVEL
        texts = self._templates.column(name, Chunk(0, steps, first_server, servers))
        out = io.BytesIO()
        pq.write_table(
            pa.table({name: texts}),
            out,
            row_group_size=len(texts),
            compression=self._template_codec,
            compression_level=level if self._template_codec == "zstd" else None,
            use_dictionary=True,
            dictionary_pagesize_limit=DICTIONARY_BYTES,
            data_page_size=2**31 - 1,
            max_rows_per_page=len(texts),
            write_batch_size=BATCH_ROWS,
            store_schema=False,
        )
        made = pq.read_metadata(out).row_group(0).column(0)
        begin, size = made.dictionary_page_offset, made.total_compressed_size
        dictionary_size = made.data_page_offset - begin
        limits = []
        if made.statistics and made.statistics.has_min_max:
            limits = [(made.statistics.min, made.statistics.max)]
        return Column(
            name,
            BYTE_ARRAY,
            CODECS[made.compression],
            [out.getbuffer()[begin : begin + size]],
            size,
            made.total_uncompressed_size,
            dictionary_size,
            [(size - dictionary_size, 0)],
            limits,
        )

    def _values(
        self, chunk: Chunk, start: int, pages: list[Chunk], buffers: Buffers, fill: bool
    ) -> Column:
        keys = self._servers.keys_of(chunk)
        times = self._signal.boundaries(chunk, start)[:-1]
        shape = self.grid.shape(chunk)
        least = greatest = 0.0
        codec = self._codec if fill else None
        page_rows = list(map(self.grid.rows, pages))
        if self._dictionary is None:
            column = ColumnEncoder(VALUE, DOUBLE, codec)
            values = buffers.array("values", shape, np.float64)
            if fill:
                least, greatest = self._signal.fill_values(keys, times, values)
            column.add_plain(values.reshape(-1), page_rows)
        else:
            column = ColumnEncoder(VALUE, DOUBLE, codec, self._dictionary.values)
            values = buffers.array("values", shape, np.uint16)
            if fill:
                firsts = self._dictionary.firsts
                least, greatest = self._signal.fill_counts(keys, times, firsts, values)
            column.add_indices(values.reshape(-1), page_rows)
        # Pages of random values exclude nothing.
        return column.finish([(least, greatest)], indexed=False)

    def _times(
        self,
        name: str,
        chunk: Chunk,
        firsts: NDArray[np.int64],
        pages: list[Chunk],
        buffers: Buffers,
        fill: bool,
    ) -> Column:
        fuzz = self._specification.fuzz
        codec = self._codec if fill else None
        page_rows = list(map(self.grid.rows, pages))
        if not fuzz:
            dictionary = firsts * 1_000_000
            column = ColumnEncoder(name, INT64, codec, dictionary)
            for page, rows in zip(pages, page_rows, strict=True):
                column.add_page(rows, [_runs(page, rows // page.steps, chunk.steps)])
            limits = [
                dictionary[[page.first_step, page.first_step + page.steps - 1]] for page in pages
            ]
        else:
            keys = self._servers.keys_of(chunk)
            shape = self.grid.shape(chunk)
            dictionary = ((firsts[:, np.newaxis] + np.arange(fuzz + 1)) * 1_000_000).reshape(-1)
            few = dictionary.size <= DICTIONARY_VALUES
            if few and dictionary.size * _DICTIONARY_REPEATS <= self.grid.rows(chunk):
                places = np.arange(firsts.size) * (fuzz + 1)
                column = ColumnEncoder(name, INT64, codec, dictionary)
                times = buffers.array(name, shape, np.uint16)
                if fill:
                    self._signal.fill_times(keys, firsts, places, 1, times)
                column.add_indices(times.reshape(-1), page_rows)
            else:
                column = ColumnEncoder(name, INT64, codec)
                times = buffers.array(name, shape, np.int64)
                if fill:
                    self._signal.fill_times(keys, firsts, firsts * 1_000_000, 1_000_000, times)
                column.add_plain(times.reshape(-1), page_rows)
                dictionary = None
            limits = []
            row = 0
            for rows in page_rows:
                of_page = times.reshape(-1)[row : row + rows]
                ends = np.array([of_page.min(), of_page.max()] if fill else [0, 0])
                limits.append(ends if dictionary is None else dictionary[ends])
                row += rows
        return column.finish([(int(least), int(greatest)) for least, greatest in limits])


@dataclass(frozen=True)
class _Dictionary:
    """All possible values, and where each measurement's counts begin among them."""

    values: NDArray[np.float64]
    firsts: NDArray[np.uint64]


def _value_dictionary(specification: Specification, rows: int) -> _Dictionary | None:
    """Return the dictionary of a specification's values, None where it would not pay.

    Measurements of the same decimals share their counts.
    """
    most: dict[int, int] = {}
    for m in specification.measurements:
        if m.decimals is None:
            return None
        most[m.decimals] = max(most.get(m.decimals, 0), m.max_count)
    places = [m.decimals for m in specification.measurements if m.decimals is not None]
    size = sum(count + 1 for count in most.values())
    if size > DICTIONARY_VALUES or size * _DICTIONARY_REPEATS > rows:
        return None
    firsts = dict(zip(most, np.cumsum([0, *(count + 1 for count in most.values())]), strict=False))
    values = [np.arange(count + 1) / float(10**decimals) for decimals, count in most.items()]
    return _Dictionary(
        np.concatenate(values),
        np.array([firsts[place] for place in places], np.uint64),
    )


def _key(name: str, chunk: Chunk) -> tuple[str, int, int, int]:
    """Return what a template depends on."""
    if name in OF_MEASUREMENTS:
        return name, chunk.steps, 0, chunk.servers
    return name, chunk.steps, chunk.first_server, chunk.servers


@lru_cache(2**14)
def _runs(page: Chunk, step_rows: int, steps: int) -> bytes:
    """Return a page's indices into a dictionary of `steps` times: a run for each of its steps."""
    bits = max(1, (steps - 1).bit_length())
    size = -(-bits // 8)
    head = varint(step_rows << 1)
    places = range(page.first_step, page.first_step + page.steps)
    return bytes([bits]) + b"".join(head + place.to_bytes(size, "little") for place in places)


class _Counter:
    """A sink that only counts."""

    size = 0

    def write(self, data: Part) -> None:
        self.size += memoryview(data).nbytes
