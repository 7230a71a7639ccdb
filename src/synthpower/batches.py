"""Chunk -> Arrow record batch: templates shared by all, times and values filled per chunk.

==============================================  ===========  ==============================
column                                          depends on   so it is
==============================================  ===========  ==============================
sn, model, product_id, location                 server       a template: made once, reused
name, unit                                      measurement  a template too
start_time, end_time                            time         a run: one value for a step
  with fuzz                                     and server   dense, but for the measurements
measurement_value                               all three    dense
==============================================  ===========  ==============================
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import DTypeLike, NDArray

from synthpower.arrow import as_array, as_numpy
from synthpower.grid import Chunk, Grid
from synthpower.inventory import Inventory
from synthpower.signals import Signal
from synthpower.specification import Specification
from synthpower.templates import OF_MEASUREMENTS, OF_SERVERS, Templates

TEXT = pa.dictionary(pa.int32(), pa.string())
TIME = pa.timestamp("us", "UTC")

# Rows of templates that are kept, of 24 bytes each. Whole steps have two templates at most; the
# slices of a step have one each, and where they are many, all are made again for each step.
_KEPT_ROWS = 2**22

# Arrow writes a decimal below 10**-6 with an exponent, so more decimals are text of our own.
_PLAIN_DECIMALS = 6
_PRECISION = 18  # digits of a decimal128, enough for 2**53


def reading_schema(end: bool) -> pa.Schema:
    """Return the schema of readings: the columns, in order, and their Arrow types."""
    times = [("end_time", TIME)] if end else [("start_time", TIME), ("end_time", TIME)]
    return pa.schema(
        [("sn", TEXT), ("model", TEXT), ("product_id", TEXT), ("location", TEXT)]
        + times
        + [("measurement_value", pa.float64()), ("unit", TEXT), ("name", TEXT)]
    )


class Buffers:
    """Arrays for the columns of one chunk, filled again for the next."""

    def __init__(self) -> None:
        self._bytes: dict[str, NDArray[np.uint8]] = {}

    def array(self, name: str, shape: tuple[int, ...], dtype: DTypeLike) -> NDArray[Any]:
        """Return the array of that name, its content left over from an earlier chunk."""
        size = math.prod(shape) * np.dtype(dtype).itemsize
        if name not in self._bytes or self._bytes[name].size < size:
            self._bytes[name] = np.empty(size, np.uint8)
        return self._bytes[name][:size].view(dtype).reshape(shape)


class Batches:
    """The record batches of files of readings, each a pure function of its chunk.

    Parameters
    ----------
    specification : Specification
        The first file's. Others may have another date: their `start` is given with the chunk.
    inventory : Inventory
    chunk_rows : int
        The rows that a batch should have at most.
    """

    def __init__(self, specification: Specification, inventory: Inventory, chunk_rows: int) -> None:
        self.specification = specification
        self.schema = reading_schema(specification.end)
        self._servers = inventory.by_serial
        self._templates = Templates(specification, inventory)
        self._signal = Signal(specification)
        self.grid = Grid(
            specification.steps, len(inventory), len(specification.measurements), chunk_rows
        )
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
        buffers = buffers or Buffers()
        columns: dict[str, pa.Array] = {}
        for name, times in self._times(chunk, buffers, start).items():
            rows = self._rows(chunk, times * 1_000_000)
            columns[name] = as_array(rows, TIME)
        values = buffers.array("values", self.grid.shape(chunk), np.float64)
        self._signal.fill_values(*self._coordinates(chunk, start), values)
        columns["measurement_value"] = as_array(values)
        columns |= self._templates_of(chunk)
        return pa.record_batch([columns[name] for name in self.schema.names], self.schema)

    def text_batch(
        self, chunk: Chunk, buffers: Buffers | None = None, start: int | None = None
    ) -> pa.RecordBatch:
        """Return the rows of a chunk as CSV shows them: times as text, values as decimals or text.

        The same columns as `batch`; its times are dictionaries of strings and its values
        decimals, where all measurements have the same few decimals, or strings.
        """
        buffers = buffers or Buffers()
        columns: dict[str, pa.Array] = {}
        for name, times in self._times(chunk, buffers, start).items():
            # Arrow takes 2 us to render a time: each distinct one is rendered once.
            encoded = as_array(times).dictionary_encode()
            indices = self._rows(chunk, as_numpy(encoded.indices).reshape(times.shape))
            texts = encoded.dictionary.cast(pa.timestamp("s", "UTC")).cast(pa.string())
            columns[name] = pa.DictionaryArray.from_arrays(as_array(indices), texts)
        columns["measurement_value"] = self._value_texts(chunk, buffers, start)
        columns |= self._templates_of(chunk)
        return pa.record_batch({name: columns[name] for name in self.schema.names})

    def _coordinates(
        self, chunk: Chunk, start: int | None
    ) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
        """Return the keys of a chunk's servers and the starts of its steps."""
        return self._servers.keys_of(chunk), self._signal.boundaries(chunk, start)[:-1]

    def _times(
        self, chunk: Chunk, buffers: Buffers, start: int | None
    ) -> dict[str, NDArray[np.int64]]:
        """Return the time columns: seconds since the epoch, (steps, servers), or (steps, 1)."""
        boundaries = self._signal.boundaries(chunk, start)
        if self.specification.fuzz:
            times = buffers.array("times", (chunk.steps + 1, chunk.servers), np.int64)
            keys = self._servers.keys_of(chunk)
            self._signal.fill_times(keys, boundaries, boundaries, 1, times[:, :, np.newaxis])
        else:
            times = boundaries.reshape(-1, 1)
        columns = {"start_time": times[:-1], "end_time": times[1:]}
        return {name: columns[name] for name in columns if name in self.schema.names}

    def _rows(self, chunk: Chunk, times: NDArray[Any]) -> NDArray[Any]:
        """Return (steps, servers) or (steps, 1) repeated for every row of the chunk."""
        rows = np.broadcast_to(times[:, :, np.newaxis], self.grid.shape(chunk))
        return np.ascontiguousarray(rows).reshape(-1)

    def _templates_of(self, chunk: Chunk) -> dict[str, pa.DictionaryArray]:
        """Return the template columns of a chunk, shared by all that have the same servers."""
        return self._kept(Chunk(0, chunk.steps, chunk.first_server, chunk.servers))

    def _make_templates(self, chunk: Chunk) -> dict[str, pa.DictionaryArray]:
        names = (*OF_SERVERS, *OF_MEASUREMENTS)
        return {name: self._templates.column(name, chunk) for name in names}

    def _value_texts(self, chunk: Chunk, buffers: Buffers, start: int | None) -> pa.Array:
        """Return the values as decimals where one decimal type holds them all, else as text."""
        measurements = self.specification.measurements
        keys, times = self._coordinates(chunk, start)
        firsts = np.zeros(len(measurements), np.uint64)
        counts = buffers.array("counts", self.grid.shape(chunk), np.int64)
        self._signal.fill_counts(keys, times, firsts, counts)
        places = {m.decimals for m in measurements}
        if len(places) == 1 and (common := places.pop()) is not None and common <= _PLAIN_DECIMALS:
            return _decimals(counts.reshape(-1), common)
        values = buffers.array("values", self.grid.shape(chunk), np.float64)
        self._signal.fill_values(keys, times, values)
        columns = [
            _double_texts(values[:, :, i].reshape(-1))
            if m.decimals is None
            else _count_texts(counts[:, :, i].reshape(-1), m.decimals)
            for i, m in enumerate(measurements)
        ]
        order = np.arange(counts.size).reshape(len(columns), -1).T
        return pa.concat_arrays(columns).take(as_array(order))


def _decimals(counts: NDArray[np.int64], places: int) -> pa.Decimal128Array:
    words = np.zeros((counts.size, 2), np.int64)  # low word first; no count is negative
    words[:, 0] = counts
    kind = pa.decimal128(_PRECISION, places)
    return pa.Array.from_buffers(kind, counts.size, [None, pa.py_buffer(words)])


def _count_texts(counts: NDArray[np.int64], places: int) -> pa.StringArray:
    """Return counts of 10**-places as decimals with just so many places."""
    if not places:
        return as_array(counts).cast(pa.string())
    whole, rest = np.divmod(counts, 10 ** min(places, 18))  # no count reaches 10**16
    digits = pc.utf8_lpad(as_array(rest).cast(pa.string()), places, "0")
    return pc.binary_join_element_wise(as_array(whole).cast(pa.string()), digits, ".")


def _double_texts(values: NDArray[np.float64]) -> pa.StringArray:
    """Return doubles as Python's `repr` writes them.

    Arrow finds the same shortest digits, but writes 1.0, 1e-05 and 12345678901.5 in its own way.
    """
    texts = as_array(values).cast(pa.string())
    other = (values < 1e-4) | (values >= 1e10) | (values == np.trunc(values))
    if not other.any():
        return texts
    ours = pa.array([repr(value) for value in values[other].tolist()], pa.string())
    return pc.replace_with_mask(texts, pa.array(other), ours)
