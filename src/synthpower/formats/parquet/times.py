"""The columns of times: a run for each step or, with fuzz or local times, dense."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
import pyarrow.compute as pc
from numpy.typing import NDArray

from synthpower.arrays import as_array
from synthpower.fleet.fleet import Fleet
from synthpower.formats.buffers import Buffers
from synthpower.formats.parquet.file import ColumnChunk, ColumnEncoder
from synthpower.formats.parquet.indices import plain_strings, width
from synthpower.formats.parquet.structs import BYTE_ARRAY, INT64
from synthpower.formats.parquet.thrift import varint
from synthpower.formats.time_strings import time_strings
from synthpower.model.calendar import TIME_UNITS
from synthpower.model.columns import LOCAL, START, Column
from synthpower.model.grid import Chunk
from synthpower.model.specification import Specification
from synthpower.signals.local_times import LocalTimes
from synthpower.signals.quantity import DICTIONARY_BITS
from synthpower.signals.steps import Steps


class Pages(NamedTuple):
    """How a row group is cut.

    Attributes
    ----------
    chunk : Chunk
    shape : tuple of int
        Its steps, servers, and rows of each server's step.
    pages : list of Chunk
        Counted from the row group's first step.
    rows : list of int
        Of each page.
    """

    chunk: Chunk
    shape: tuple[int, int, int]
    pages: list[Chunk]
    rows: list[int]


class TimeColumns:
    """The columns of times of files that differ in their date only.

    Parameters
    ----------
    specification : Specification
    fleet : Fleet
    repeats : int
        How many times a row group must hold the values of a dictionary to have one.
    """

    def __init__(self, specification: Specification, fleet: Fleet, repeats: int) -> None:
        self._servers = fleet.by_serial
        self._local = LocalTimes(specification, fleet)
        self._repeats = repeats
        self.steps = Steps(specification)

    def encode(
        self,
        column: Column,
        pages: Pages,
        start: int,
        codec: str | None,
        buffers: Buffers,
        fill: bool,
    ) -> ColumnChunk:
        """Return a column chunk; without `fill` only its sizes are right."""
        boundaries = self.steps.boundaries(pages.chunk, start)
        firsts = boundaries[:-1] if column.field == START else boundaries[1:]
        if column.format == LOCAL:
            return self._local_times(column, pages, start, firsts, codec, buffers)
        encoder = ColumnEncoder(column.name, INT64, codec)
        unit = TIME_UNITS[column.format]
        if self.steps.fuzz:
            limits = self._late_times(encoder, pages, column.name, firsts, unit, buffers, fill)
        else:
            times = firsts * unit
            encoder.add_dictionary(times, times.size)
            for page, rows in zip(pages.pages, pages.rows, strict=True):
                encoder.add_page(rows, [_runs(page, rows // page.steps, pages.chunk.steps)])
            limits = [times[[p.first_step, p.first_step + p.steps - 1]] for p in pages.pages]
        return encoder.finish([(int(least), int(greatest)) for least, greatest in limits])

    def _late_times(
        self,
        encoder: ColumnEncoder,
        pages: Pages,
        name: str,
        firsts: NDArray[np.int64],
        unit: int,
        buffers: Buffers,
        fill: bool,
    ) -> list[NDArray[np.int64]]:
        """Add the boundaries that begin at `firsts`, and return the limits of each page."""
        fuzz = self.steps.fuzz
        keys = self._servers.keys_of(pages.chunk)
        dictionary: NDArray[np.int64] | None = (
            (firsts[:, np.newaxis] + np.arange(fuzz + 1)) * unit
        ).reshape(-1)
        assert dictionary is not None
        few = dictionary.size <= 2**DICTIONARY_BITS
        if few and dictionary.size * self._repeats <= sum(pages.rows):
            encoder.add_dictionary(dictionary, dictionary.size)
            times = buffers.array(name, pages.shape, np.uint16)
            if fill:
                codes = np.arange(firsts.size) * (fuzz + 1)
                self.steps.fill_late(keys, firsts, codes, 1, times)
            encoder.add_indices(times.reshape(-1), pages.rows)
        else:
            times = buffers.array(name, pages.shape, np.int64)
            if fill:
                self.steps.fill_late(keys, firsts, firsts * unit, unit, times)
            encoder.add_plain(times.reshape(-1), pages.rows)
            dictionary = None
        limits = []
        row = 0
        for rows in pages.rows:
            of_page = times.reshape(-1)[row : row + rows]
            ends = np.array([of_page.min(), of_page.max()] if fill else [0, 0])
            limits.append(ends if dictionary is None else dictionary[ends])
            row += rows
        return limits

    def _local_times(
        self,
        column: Column,
        pages: Pages,
        start: int,
        firsts: NDArray[np.int64],
        codec: str | None,
        buffers: Buffers,
    ) -> ColumnChunk:
        times = firsts[:, np.newaxis]
        if self.steps.fuzz:
            times = buffers.array("late", (*pages.shape[:2], 1), np.int64)
            self.steps.fill_late(self._servers.keys_of(pages.chunk), firsts, firsts, 1, times)
            times = times[:, :, 0]
        strings, indices = time_strings(
            times, column.format, self._local.ahead(pages.chunk, times, start)
        )
        rows = np.broadcast_to(indices[:, :, np.newaxis], pages.shape).reshape(-1)
        encoder = ColumnEncoder(column.name, BYTE_ARRAY, codec)
        few = len(strings) <= 2**DICTIONARY_BITS
        if few and len(strings) * self._repeats <= rows.size:
            encoder.add_dictionary(plain_strings(strings), len(strings))
            encoder.add_indices(rows.astype(np.uint16), pages.rows)
        else:
            begin = 0
            for size in pages.rows:
                part = strings.take(as_array(rows[begin : begin + size]))
                encoder.add_page(size, [plain_strings(part)])
                begin += size
        limits = pc.min_max(strings).as_py()
        return encoder.finish([(limits["min"], limits["max"])], indexed=False)


@lru_cache(2**14)
def _runs(page: Chunk, step_rows: int, steps: int) -> bytes:
    """Return a page's indices into a dictionary of `steps` times: a run for each of its steps."""
    bits, size = width(steps)
    head = varint(step_rows << 1)
    codes = range(page.first_step, page.first_step + page.steps)
    return bytes([bits]) + b"".join(head + code.to_bytes(size, "little") for code in codes)
