"""Readings as Parquet by splicing: what repeats is encoded once, and only values are new.

A row group is a chunk. Its template columns are the same bytes in every row group of the same
servers: they are encoded once, and copied into each. A time column is a small
dictionary and one run for each step. The values are plain doubles or, where the measurements
have few possible values, 16-bit places in a dictionary of all of them: these are the counts
that the kernel draws. See https://parquet.apache.org/docs/file-format/.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from itertools import islice
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from synthpower import kernels
from synthpower.arrow import as_numpy, by_appearance
from synthpower.batches import Buffers, reading_schema
from synthpower.errors import InputError
from synthpower.grid import Chunk, Grid
from synthpower.inventory import Inventory, string_buffers
from synthpower.signals import MOST_PLACES, Places, Signal, places_of_counts
from synthpower.specification import Specification
from synthpower.storage import Sink
from synthpower.templates import OF_MEASUREMENTS, OF_SERVERS, Templates
from synthpower.writers.parquet_file import (
    BYTE_ARRAY,
    DOUBLE,
    INT64,
    Column,
    ColumnEncoder,
    ParquetFile,
    Part,
    RowGroup,
)
from synthpower.writers.plain import (
    DICTIONARY_BYTES,
    METADATA_KEY,
    VALUE,
    metadata,
)
from synthpower.writers.thrift import varint

# A template is worth its bytes where it holds several steps: 12 steps of 100,000 servers and two
# measurements take 0.42 B/row, one step 3. Twice the rows: twice the memory, no faster.
_GROUP_ROWS = 2_500_000
_MOST_GROUPS = 32_767  # a row group's ordinal has 16 bits
_PAGE_ROWS = 2**18  # 2 MB of doubles: what a reader holds at least
_DICTIONARY_REPEATS = 4  # a dictionary pays where a row group has several times its values

_TEMPLATE_LEVEL = 9  # of zstd, for what serves many row groups; 12 takes five times as long
_STEP_LEVEL = 1  # a single step repeats nothing, and its template serves a few row groups only
_RUN = 8  # values of a packed group; so many equal ones are shorter as a run
_LONGEST_LIMIT = 4096  # bytes of a text in the statistics; longer ones Arrow leaves out too
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
        self._codec = None if compression in (None, "none") else compression
        self._template_codec = self._codec if compression else "zstd"
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
        self._places = places_of_counts(specification)
        if self._places and self._places.size * _DICTIONARY_REPEATS > self.grid.rows(first):
            self._places = None  # plain values are smaller
        # A method under lru_cache would keep every instance alive.
        self._encoded = lru_cache(_KEPT_TEMPLATES)(self._encode)
        if first.servers == self.grid.servers:  # once, before all workers ask for them
            for name in (*OF_SERVERS, *OF_MEASUREMENTS):
                self._template(name, first)

    @property
    def chunk_bytes(self) -> int:
        """What a chunk takes in memory at most, but for the templates that all share."""
        columns = 3 if self._specification.fuzz else 1
        return self.grid.rows(next(self.grid.chunks())) * 8 * columns

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
        """Return a template column: a dictionary page, and one data page of all its rows."""
        measurements = self.grid.measurements
        if name in OF_MEASUREMENTS:
            texts, repeats = self._templates.measurement_texts[name], 1
            indices = np.tile(as_numpy(texts.indices), servers)
        else:
            texts, repeats = self._templates.of_servers(name, first_server, servers), measurements
            if servers < self.grid.servers and name != "sn":
                texts = by_appearance(as_numpy(texts.indices), texts.dictionary)
            indices = as_numpy(texts.indices)
        different = texts.dictionary
        column = ColumnEncoder(
            name, BYTE_ARRAY, self._template_codec, _TEMPLATE_LEVEL if steps > 1 else _STEP_LEVEL
        )
        column.add_dictionary(_plain_texts(different), len(different))
        column.add_page(
            steps * servers * measurements, _repeated(indices, repeats, steps, len(different))
        )
        if name == "sn":  # in their order
            limits = different[0].as_py(), different[-1].as_py()
        else:
            limits = tuple(pc.min_max(different).as_py().values())
        known = all(len(limit.encode()) <= _LONGEST_LIMIT for limit in limits)
        return column.finish([limits] if known else [])

    def _values(
        self, chunk: Chunk, start: int, pages: list[Chunk], buffers: Buffers, fill: bool
    ) -> Column:
        keys = self._servers.keys_of(chunk)
        times = self._signal.boundaries(chunk, start)[:-1]
        shape = self.grid.shape(chunk)
        least = greatest = 0.0
        codec = self._codec if fill else None
        page_rows = list(map(self.grid.rows, pages))
        if not self._places:
            column = ColumnEncoder(VALUE, DOUBLE, codec)
            values = buffers.array("values", shape, np.float64)
            if fill:
                least, greatest = self._signal.fill_values(keys, times, values)
            column.add_plain(values.reshape(-1), page_rows)
        else:
            column = ColumnEncoder(VALUE, DOUBLE, codec)
            column.add_dictionary(_values_of(self._places), self._places.size)
            values = buffers.array("values", shape, np.uint16)
            if fill:
                firsts = self._places.firsts
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
            column = ColumnEncoder(name, INT64, codec)
            column.add_dictionary(dictionary, dictionary.size)
            for page, rows in zip(pages, page_rows, strict=True):
                column.add_page(rows, [_runs(page, rows // page.steps, chunk.steps)])
            limits = [
                dictionary[[page.first_step, page.first_step + page.steps - 1]] for page in pages
            ]
        else:
            keys = self._servers.keys_of(chunk)
            shape = self.grid.shape(chunk)
            dictionary = ((firsts[:, np.newaxis] + np.arange(fuzz + 1)) * 1_000_000).reshape(-1)
            few = dictionary.size <= MOST_PLACES
            if few and dictionary.size * _DICTIONARY_REPEATS <= self.grid.rows(chunk):
                places = np.arange(firsts.size) * (fuzz + 1)
                column = ColumnEncoder(name, INT64, codec)
                column.add_dictionary(dictionary, dictionary.size)
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


def _values_of(places: Places) -> NDArray[np.float64]:
    """Return the values of all counts, in the order of their places."""
    return np.concatenate(
        [np.arange(count) / float(10**decimals) for decimals, count in places.counts.items()]
    )


def _key(name: str, chunk: Chunk) -> tuple[str, int, int, int]:
    """Return what a template depends on."""
    if name in OF_MEASUREMENTS:
        return name, chunk.steps, 0, chunk.servers
    return name, chunk.steps, chunk.first_server, chunk.servers


@lru_cache(2**14)
def _runs(page: Chunk, step_rows: int, steps: int) -> bytes:
    """Return a page's indices into a dictionary of `steps` times: a run for each of its steps."""
    bits, size = _width(steps)
    head = varint(step_rows << 1)
    places = range(page.first_step, page.first_step + page.steps)
    return bytes([bits]) + b"".join(head + place.to_bytes(size, "little") for place in places)


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


def _plain_texts(texts: pa.StringArray) -> NDArray[np.uint8]:
    """Return texts as PLAIN encodes them: each behind its length."""
    data, offsets = string_buffers(texts)
    out = np.empty(int(offsets[-1] - offsets[0]) + 4 * len(texts), np.uint8)
    kernels.put_texts(data, offsets, out)
    return out


class _Counter:
    """A sink that only counts."""

    size = 0

    def write(self, data: Part) -> None:
        self.size += memoryview(data).nbytes
