"""Chunk -> Arrow record batch: templates shared by all, times and values filled per chunk.

See `model.columns` for what depends on what: a template is made once and reused, a run is one
value for a step, and only what is dense is made for each row.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from synthpower.arrays import as_array, as_numpy
from synthpower.fleet.fleet import Fleet
from synthpower.formats.buffers import Buffers
from synthpower.formats.templates import Templates
from synthpower.model.columns import END, START, Column, Kind
from synthpower.model.grid import Chunk
from synthpower.model.specification import Specification
from synthpower.signals import find_signal
from synthpower.signals.steps import Steps

TIME = pa.timestamp("us", "UTC")
_TYPES = {
    Kind.STRING: pa.dictionary(pa.int32(), pa.string()),
    Kind.TIMESTAMP: TIME,
    Kind.DOUBLE: pa.float64(),
}

# Rows of templates that are kept, of 24 bytes each. Whole steps have two templates at most; the
# slices of a step have one each, and where they are many, all are made again for each step.
_KEPT_ROWS = 2**22

# Arrow writes a decimal below 10**-6 with an exponent, so more decimals are strings of our own.
_PLAIN_DECIMALS = 6
_PRECISION = 18  # digits of a decimal128, enough for 2**53


def reading_schema(columns: tuple[Column, ...]) -> pa.Schema:
    """Return the schema of readings: the columns, in order, and their Arrow types."""
    return pa.schema([(column.name, _TYPES[column.field.kind]) for column in columns])


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
        self.schema = reading_schema(specification.columns)
        self.grid = specification.grid(len(fleet), chunk_rows)
        self._servers = fleet.by_serial
        self._templates = Templates(specification, fleet)
        self._whole_dictionaries = whole_dictionaries
        self._steps = Steps(specification)
        self._values = find_signal(specification.signal).bind(specification, fleet)
        self.quantities = self._values.quantities
        # A method under lru_cache would keep every instance alive.
        self._kept = lru_cache(max(2, _KEPT_ROWS // chunk_rows))(self._make_templates)

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
        times, values = self.varying(chunk, buffers or Buffers(), start)
        return self._assembled(chunk, times, values)

    def varying(
        self, chunk: Chunk, buffers: Buffers, start: int
    ) -> tuple[dict[str, pa.Array], pa.Array]:
        """Return the columns of a batch that are no templates: the times, by field, and values."""
        times = {
            name: as_array(self._rows(chunk, times * 1_000_000), TIME)
            for name, times in self._times(chunk, buffers, start).items()
        }
        values = buffers.array("values", self.grid.shape(chunk), np.float64)
        self._values.values(chunk, start, values)
        return times, self._as_column(values)

    def template(self, field: str, chunk: Chunk) -> pa.DictionaryArray:
        """Return a template column of a batch; which steps these are makes no difference."""
        return self._templates.column(field, chunk, self._whole_dictionaries)

    def text_batch(
        self, chunk: Chunk, buffers: Buffers | None = None, start: int | None = None
    ) -> pa.RecordBatch:
        """Return the rows of a chunk as CSV shows them: times as strings, values as decimals.

        The same columns as `batch`; its times are dictionaries of strings and its values
        decimals, where all measurements have the same few decimals, or strings.
        """
        buffers = buffers or Buffers()
        start = self.specification.start if start is None else start
        fields: dict[str, pa.Array] = {}
        for name, times in self._times(chunk, buffers, start).items():
            # Arrow takes 2 us to render a time: each distinct one is rendered once.
            encoded = as_array(times).dictionary_encode()
            indices = self._rows(chunk, as_numpy(encoded.indices).reshape(times.shape))
            strings = encoded.dictionary.cast(pa.timestamp("s", "UTC")).cast(pa.string())
            fields[name] = pa.DictionaryArray.from_arrays(as_array(indices), strings)
        return self._assembled(chunk, fields, self._value_strings(chunk, buffers, start))

    def _as_column(self, values: NDArray[np.float64]) -> pa.Array:
        """Return values as Arrow's, what is absent as nulls."""
        values = values.reshape(-1)
        there = ~np.isnan(values) if self.quantities.nullable else None
        if there is None or there.all():
            return as_array(values)
        buffers = [pa.py_buffer(np.packbits(there, bitorder="little")), pa.py_buffer(values)]
        return pa.Array.from_buffers(pa.float64(), values.size, buffers)

    def _assembled(
        self, chunk: Chunk, fields: dict[str, pa.Array], values: pa.Array
    ) -> pa.RecordBatch:
        """Return the columns in order: those of `fields`, the values and the templates."""
        fields = fields | self._templates_of(chunk)
        arrays = [
            values if c.field.kind is Kind.DOUBLE else fields[c.field.name]
            for c in self.specification.columns
        ]
        return pa.record_batch(arrays, names=self.schema.names)

    def _times(self, chunk: Chunk, buffers: Buffers, start: int) -> dict[str, NDArray[np.int64]]:
        """Return the time fields: seconds since the epoch, (steps, servers), or (steps, 1)."""
        boundaries = self._steps.boundaries(chunk, start)
        if self._steps.fuzz:
            times = buffers.array("times", (chunk.steps + 1, chunk.servers), np.int64)
            keys = self._servers.keys_of(chunk)
            self._steps.fill_late(keys, boundaries, boundaries, 1, times[:, :, np.newaxis])
        else:
            times = boundaries.reshape(-1, 1)
        fields = {START.name: times[:-1], END.name: times[1:]}
        wanted = self.specification.columns_of(*fields)
        return {c.field.name: fields[c.field.name] for c in wanted}

    def _rows(self, chunk: Chunk, times: NDArray[Any]) -> NDArray[Any]:
        """Return (steps, servers) or (steps, 1) repeated for every row of the chunk."""
        rows = np.broadcast_to(times[:, :, np.newaxis], self.grid.shape(chunk))
        return np.ascontiguousarray(rows).reshape(-1)

    def _templates_of(self, chunk: Chunk) -> dict[str, pa.DictionaryArray]:
        """Return the template fields of a chunk, shared by all that have the same servers."""
        return self._kept(Chunk(0, chunk.steps, chunk.first_server, chunk.servers))

    def _make_templates(self, chunk: Chunk) -> dict[str, pa.DictionaryArray]:
        return {
            c.field.name: self.template(c.field.name, chunk)
            for c in self.specification.columns
            if c.field.kind is Kind.STRING
        }

    def _value_strings(self, chunk: Chunk, buffers: Buffers, start: int) -> pa.Array:
        """Return the values as decimals where one decimal type holds them all, else as strings."""
        firsts = np.zeros(len(self.specification.measurements), np.uint64)
        counts = buffers.array("counts", self.grid.shape(chunk), np.int64)
        self._values.counts(chunk, start, firsts, counts)
        shown = counts * self.quantities.steps + self.quantities.first_counts
        strings = self._strings_of(shown, chunk, buffers, start)
        if self.quantities.nullable:
            strings = pc.if_else(pa.array(counts.reshape(-1) < 0), None, strings)
        return strings

    def _strings_of(
        self, counts: NDArray[np.int64], chunk: Chunk, buffers: Buffers, start: int
    ) -> pa.Array:
        measurements = self.specification.measurements
        decimals = {m.decimals for m in measurements}
        if len(decimals) == 1:
            (common,) = decimals
            if common is not None and common <= _PLAIN_DECIMALS:
                return _decimals(counts.reshape(-1), common)
        values = buffers.array("values", self.grid.shape(chunk), np.float64)
        self._values.values(chunk, start, values)
        columns = [
            _double_strings(values[:, :, i].reshape(-1))
            if m.decimals is None
            else _count_strings(counts[:, :, i].reshape(-1), m.decimals)
            for i, m in enumerate(measurements)
        ]
        order = np.arange(counts.size).reshape(len(columns), -1).T
        return pa.concat_arrays(columns).take(as_array(order))


def _decimals(counts: NDArray[np.int64], decimals: int) -> pa.Decimal128Array:
    words = np.empty((counts.size, 2), np.int64)  # low word first
    words[:, 0], words[:, 1] = counts, counts >> 63
    kind = pa.decimal128(_PRECISION, decimals)
    return pa.Array.from_buffers(kind, counts.size, [None, pa.py_buffer(words)])


def _count_strings(counts: NDArray[np.int64], decimals: int) -> pa.StringArray:
    """Return counts of 10**-decimals as decimals with just so many decimals."""
    if not decimals:
        return as_array(counts).cast(pa.string())
    whole, rest = np.divmod(abs(counts), 10 ** min(decimals, 18))  # no count reaches 10**16
    sign = pc.if_else(pa.array(counts < 0), "-", "")
    whole = pc.binary_join_element_wise(sign, as_array(whole).cast(pa.string()), "")
    digits = pc.utf8_lpad(as_array(rest).cast(pa.string()), decimals, "0")
    return pc.binary_join_element_wise(whole, digits, ".")


def _double_strings(values: NDArray[np.float64]) -> pa.StringArray:
    """Return doubles as Python's `repr` writes them.

    Arrow finds the same shortest digits, but writes 1.0, 1e-05 and 12345678901.5 in its own way.
    """
    strings = as_array(values).cast(pa.string())
    sizes = abs(values)
    other = (sizes < 1e-4) | (sizes >= 1e10) | (values == np.trunc(values))
    if not other.any():
        return strings
    ours = pa.array([repr(value) for value in values[other].tolist()], pa.string())
    return pc.replace_with_mask(strings, pa.array(other), ours)
