"""Chunk -> Arrow record batch: templates shared by all, times and values filled per chunk.

See `model.columns` for what depends on what: a template is made once and reused, a run is one
value for a step, and only what is dense is made for each row.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from synthpower.arrays import as_array
from synthpower.fleet.fleet import Fleet
from synthpower.formats.buffers import Buffers
from synthpower.formats.interface import Rendered
from synthpower.formats.templates import Templates
from synthpower.formats.time_strings import time_strings
from synthpower.lazy import lazy
from synthpower.model.calendar import TIME_UNITS
from synthpower.model.columns import LOCAL, START, Axis, Column, Kind
from synthpower.model.grid import Chunk
from synthpower.model.specification import Specification
from synthpower.signals import find_signal
from synthpower.signals.local_times import LocalTimes
from synthpower.signals.steps import Steps
from synthpower.signals.totals import Totals

TIME = pa.timestamp("us", "UTC")
_TYPES = {
    Kind.STRING: pa.dictionary(pa.int32(), pa.string()),
    Kind.TIMESTAMP: TIME,
    Kind.INTEGER: pa.int64(),
    Kind.DOUBLE: pa.float64(),
    Kind.FLOAT: pa.float32(),
}

# Rows of each template that are kept, of 4 bytes. Whole steps have two templates at most; the
# slices of a step have one each, and where they are many, all are made again for each step.
_KEPT_ROWS = 2**22

PRECISION = 18  # digits of a decimal128, enough for 2**53


def reading_schema(specification: Specification) -> pa.Schema:
    """Return the schema of readings: the columns, in order, and their Arrow types."""
    return pa.schema([(c.name, arrow_type(c, specification)) for c in specification.columns])


def arrow_type(column: Column, specification: Specification) -> pa.DataType:
    """Return the Arrow type of a column's values."""
    if column.kind is Kind.DECIMAL:
        return pa.decimal128(PRECISION, decimals_of(column, specification))
    if column.format == LOCAL:
        return pa.string()  # as dictionaries, those of no two batches would be the same
    return _TYPES[column.kind]


def decimals_of(column: Column, specification: Specification) -> int:
    """Return how many decimals a column has, the values of all its measurements among them."""
    return max((m.decimals or 0 for m in specification.measurements_in(column)), default=0)


class Drawn:
    """The times and values of a chunk, each worked out when it is first asked for.

    Attributes
    ----------
    totals : Totals
        What the readings come to, once there are values or counts.
    """

    totals: Totals

    def __init__(self, batches: Batches, chunk: Chunk, buffers: Buffers, start: int) -> None:
        self.chunk, self.start = chunk, start
        self._batches, self._buffers = batches, buffers
        self._shape = chunk.steps, chunk.servers, batches.quantities.steps.size

    @lazy
    def values(self) -> NDArray[np.float64]:
        """The readings: (steps, servers, measurements)."""
        values = self._buffers.array("values", self._shape, np.float64)
        self.totals = self._batches.evaluator.values(self.chunk, self.start, values)
        return values

    @lazy
    def counts(self) -> NDArray[np.int64]:
        """The readings: (steps, servers, measurements)."""
        counts = self._buffers.array("counts", self._shape, np.int64)
        firsts = np.zeros(self._shape[2], np.uint64)
        self.totals = self._batches.evaluator.counts(self.chunk, self.start, firsts, counts)
        return counts

    def times(self, column: Column) -> NDArray[np.int64]:
        """Return the times of a column: seconds since the epoch, (steps, servers or 1)."""
        return self._boundaries[:-1] if column.field == START else self._boundaries[1:]

    @lazy
    def _boundaries(self) -> NDArray[np.int64]:
        steps, chunk = self._batches.steps, self.chunk
        boundaries = steps.boundaries(chunk, self.start)
        if not steps.fuzz:
            return boundaries.reshape(-1, 1)
        times = self._buffers.array("times", (chunk.steps + 1, chunk.servers), np.int64)
        keys = self._batches.servers.keys_of(chunk)
        steps.fill_late(keys, boundaries, boundaries, 1, times[:, :, np.newaxis])
        return times


class Batches:
    """The record batches of files of readings, each a pure function of its chunk.

    Parameters
    ----------
    specification : Specification
        The first file's. Others may have another date: their `start` is given with the chunk.
    fleet : Fleet
    chunk_rows : int
        The rows that a batch should have at most.
    whole_dictionaries : bool
        All batches have the same dictionaries, as an IPC file must. Otherwise that of the serial
        numbers has those of the batch only.
    """

    def __init__(
        self,
        specification: Specification,
        fleet: Fleet,
        chunk_rows: int,
        whole_dictionaries: bool = False,
    ) -> None:
        self.specification = specification
        self.schema = reading_schema(specification)
        self.grid = specification.grid(len(fleet), chunk_rows)
        self.servers = fleet.by_serial
        self._templates = Templates(specification, fleet)
        self._whole_dictionaries = whole_dictionaries
        self.steps = Steps(specification)
        self._local = LocalTimes(specification, fleet)
        self.evaluator = find_signal(specification.signal).bind(specification, fleet)
        self.quantities = self.evaluator.quantities
        # A method under lru_cache would keep every instance alive.
        kept = max(2, _KEPT_ROWS // chunk_rows) * len(specification.columns)
        self._kept = lru_cache(kept)(self.template)

    def batch(
        self, chunk: Chunk, buffers: Buffers | None = None, start: int | None = None
    ) -> pa.RecordBatch:
        """Return the rows of a chunk, of type `schema`.

        Parameters
        ----------
        chunk : Chunk
            One of ``grid.chunks()``.
        buffers : Buffers, optional
            Arrays to fill: the batch is valid until they are filled again. Its own otherwise.
        start : int, optional
            The base time of the file, in seconds since the epoch; the specification's otherwise.
        """
        start = self.specification.start if start is None else start
        return self.render(chunk, start, buffers or Buffers()).data

    def render(self, chunk: Chunk, start: int, buffers: Buffers) -> Rendered[pa.RecordBatch]:
        """Return the batch of a chunk, and what its readings come to."""
        varying, totals = self.varying(chunk, buffers, start)
        return Rendered(self._assembled(chunk, varying), totals)

    def columns(
        self, chunk: Chunk, wanted: Sequence[Column], buffers: Buffers, start: int
    ) -> list[pa.Array]:
        """Return some columns of a batch: only they are made."""
        drawn = Drawn(self, chunk, buffers, start)
        return [
            self._varying_column(column, drawn)
            if Axis.TIME in column.axes
            else self._template_of(column, chunk)
            for column in wanted
        ]

    def varying(
        self, chunk: Chunk, buffers: Buffers, start: int
    ) -> tuple[dict[str, pa.Array], Totals]:
        """Return the columns of a batch that are no templates, by their names, and the totals."""
        drawn = Drawn(self, chunk, buffers, start)
        columns = {
            column.name: self._varying_column(column, drawn)
            for column in self.specification.columns
            if Axis.TIME in column.axes
        }
        return columns, drawn.totals

    def template(self, field: str, chunk: Chunk) -> pa.DictionaryArray:
        """Return a template column of a batch; which steps these are makes no difference."""
        return self._templates.column(field, chunk, self._whole_dictionaries)

    def _assembled(self, chunk: Chunk, varying: dict[str, pa.Array]) -> pa.RecordBatch:
        """Return the columns in order: those that vary, and the templates."""
        arrays = [
            varying[column.name] if column.name in varying else self._template_of(column, chunk)
            for column in self.specification.columns
        ]
        return pa.record_batch(arrays, names=self.schema.names)

    def _varying_column(self, column: Column, drawn: Drawn) -> pa.Array:
        if column.field.is_value:
            return self._values_in(column, drawn)
        return self._times_in(column, drawn)

    def _template_of(self, column: Column, chunk: Chunk) -> pa.DictionaryArray:
        """Return a template of a chunk, shared by all that have the same servers."""
        key = Chunk(0, chunk.steps, chunk.first_server, chunk.servers)
        return self._kept(column.field.name, key)

    def _values_in(self, column: Column, drawn: Drawn) -> pa.Array:
        chosen, kind = self.chosen(column), arrow_type(column, self.specification)
        if column.kind in (Kind.DOUBLE, Kind.FLOAT):
            values = drawn.values[:, :, chosen]
            return _as_column(values, kind, ~np.isnan(values) if self.nullable else None)
        counts = drawn.counts[:, :, chosen]
        there = counts >= 0 if self.nullable else None
        decimals = decimals_of(column, self.specification)
        powers = [10 ** (decimals - int(d)) for d in self.quantities.decimals[chosen]]
        counts = counts * self.quantities.steps[chosen] + self.quantities.first_counts[chosen]
        counts = counts * np.array(powers)
        return _as_column(_words(counts) if column.kind is Kind.DECIMAL else counts, kind, there)

    def _times_in(self, column: Column, drawn: Drawn) -> pa.Array:
        if column.format == LOCAL:
            return self.time_strings(column, drawn).dictionary_decode()
        times = drawn.times(column) * TIME_UNITS[column.format]
        return as_array(self._rows(drawn.chunk, times), arrow_type(column, self.specification))

    def time_strings(self, column: Column, drawn: Drawn) -> pa.DictionaryArray:
        """Return a column of times as text; each distinct one is rendered once."""
        times, ahead = drawn.times(column), np.zeros((1, 1), np.int64)
        if column.format == LOCAL:
            ahead = self._local.ahead(drawn.chunk, times, drawn.start)
        strings, indices = time_strings(times, column.format, ahead)
        return pa.DictionaryArray.from_arrays(as_array(self._rows(drawn.chunk, indices)), strings)

    def chosen(self, column: Column) -> slice:
        """Return which measurements a column has the values of."""
        if column.field.measurement is None:
            return slice(None)
        names = [m.name for m in self.specification.measurements]
        place = names.index(column.field.measurement)
        return slice(place, place + 1)

    @property
    def nullable(self) -> bool:
        return self.quantities.nullable

    def _rows(self, chunk: Chunk, times: NDArray[Any]) -> NDArray[Any]:
        """Return (steps, servers) or (steps, 1) repeated for every row of the chunk."""
        rows = np.broadcast_to(times[:, :, np.newaxis], self.grid.shape(chunk))
        return np.ascontiguousarray(rows).reshape(-1)


def _as_column(
    values: NDArray[Any], kind: pa.DataType, there: NDArray[np.bool_] | None
) -> pa.Array:
    """Return values as Arrow's, in order; what is absent as nulls."""
    width = 128 if pa.types.is_decimal(kind) else kind.bit_width
    if width != values.dtype.itemsize * 8 and width == 32:
        values = values.astype(np.float32)
    values = np.ascontiguousarray(values).reshape(-1)
    rows = values.nbytes * 8 // width
    valid = None
    if there is not None and not there.all():
        valid = pa.py_buffer(np.packbits(there.reshape(-1), bitorder="little"))
    return pa.Array.from_buffers(kind, rows, [valid, pa.py_buffer(values)])


def as_decimals(counts: NDArray[np.int64], decimals: int) -> pa.Decimal128Array:
    """Return counts of 10**-decimals as decimals."""
    return _as_column(_words(counts), pa.decimal128(PRECISION, decimals), None)


def _words(counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return numbers of 128 bits, low word first."""
    return np.stack([counts, counts >> 63], axis=-1)
