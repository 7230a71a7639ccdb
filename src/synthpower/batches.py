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

from functools import lru_cache
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from synthpower.grid import Chunk, Grid
from synthpower.inventory import Inventory
from synthpower.signals import Signal
from synthpower.specification import Specification

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
    """Preallocated arrays for one chunk of a grid, filled again for each."""

    def __init__(self, grid: Grid) -> None:
        steps, servers = grid.chunk_shape
        self._values = np.empty(steps * servers * grid.measurements)
        self._times = np.empty((steps + 1) * servers, np.int64)

    def values(self, *shape: int) -> NDArray[np.float64]:
        return self._values[: np.prod(shape)].reshape(shape)

    def counts(self, *shape: int) -> NDArray[np.int64]:
        return self.values(*shape).view(np.int64)

    def times(self, *shape: int) -> NDArray[np.int64]:
        return self._times[: np.prod(shape)].reshape(shape)


class Batches:
    """The record batches of a file of readings, each a pure function of its chunk.

    Parameters
    ----------
    specification : Specification
    inventory : Inventory
    chunk_rows : int
        The rows that a batch should have at most.
    """

    def __init__(self, specification: Specification, inventory: Inventory, chunk_rows: int) -> None:
        self.specification = specification
        self.inventory = inventory
        self.schema = reading_schema(specification.end)
        self._servers = inventory.by_serial
        self._signal = Signal(specification)
        self._columns = {
            "name": _distinct([m.name for m in specification.measurements]),
            "unit": _distinct([m.unit for m in specification.measurements]),
        }
        self.grid = Grid(
            specification.steps, len(inventory), len(specification.measurements), chunk_rows
        )
        # A method under lru_cache would keep every instance alive.
        self._templates = lru_cache(max(2, _KEPT_ROWS // chunk_rows))(self._make_templates)

    def batch(self, chunk: Chunk, buffers: Buffers | None = None) -> pa.RecordBatch:
        """Return the rows of a chunk, of type `schema`.

        Parameters
        ----------
        chunk : Chunk
            One of ``grid.chunks()``.
        buffers : Buffers, optional
            Arrays to fill: the batch is valid until they are filled again. Its own otherwise.
        """
        buffers = buffers or Buffers(self.grid)
        columns: dict[str, pa.Array] = {}
        for name, times in self._times(chunk, buffers).items():
            rows = self._rows(chunk, times * 1_000_000)
            columns[name] = pa.Array.from_buffers(TIME, rows.size, [None, pa.py_buffer(rows)])
        values = buffers.values(chunk.steps, chunk.servers, self.grid.measurements)
        self._signal.fill_values(*self._coordinates(chunk), values)
        columns["measurement_value"] = pa.array(values.reshape(-1))
        columns |= self._templates(chunk.steps, chunk.first_server, chunk.servers)
        return pa.record_batch([columns[name] for name in self.schema.names], self.schema)

    def text_batch(self, chunk: Chunk, buffers: Buffers | None = None) -> pa.RecordBatch:
        """Return the rows of a chunk as CSV shows them: times as text, values as decimals or text.

        The same columns as `batch`; its times are dictionaries of strings and its values
        decimals, where all measurements have the same few decimals, or strings.
        """
        buffers = buffers or Buffers(self.grid)
        columns: dict[str, pa.Array] = {}
        for name, times in self._times(chunk, buffers).items():
            # Arrow takes 2 us to render a time: each distinct one is rendered once.
            encoded = pa.array(times.reshape(-1)).dictionary_encode()
            indices = self._rows(chunk, encoded.indices.to_numpy().reshape(times.shape))
            texts = encoded.dictionary.cast(pa.timestamp("s", "UTC")).cast(pa.string())
            columns[name] = pa.DictionaryArray.from_arrays(indices, texts)
        columns["measurement_value"] = self._value_texts(chunk, buffers)
        columns |= self._templates(chunk.steps, chunk.first_server, chunk.servers)
        return pa.record_batch({name: columns[name] for name in self.schema.names})

    def template_texts(self) -> list[pa.StringArray]:
        """Return the distinct texts of each template column."""
        servers = self._servers
        few = [*servers.templates.values(), *self._columns.values()]
        return [servers.sn, *(column.dictionary for column in few)]

    def _coordinates(self, chunk: Chunk) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
        """Return the keys of a chunk's servers and the starts of its steps."""
        keys = self._servers.keys[chunk.first_server : chunk.first_server + chunk.servers]
        return keys, self._boundaries(chunk)[:-1]

    def _boundaries(self, chunk: Chunk) -> NDArray[np.int64]:
        spec = self.specification
        steps = np.arange(chunk.first_step, chunk.first_step + chunk.steps + 1)
        return spec.start + spec.interval * steps

    def _times(self, chunk: Chunk, buffers: Buffers) -> dict[str, NDArray[np.int64]]:
        """Return the time columns: seconds since the epoch, (steps, servers), or (steps, 1)."""
        boundaries = self._boundaries(chunk)
        if self.specification.fuzz:
            times = buffers.times(chunk.steps + 1, chunk.servers)
            self._signal.fill_times(self._coordinates(chunk)[0], boundaries, times)
        else:
            times = boundaries.reshape(-1, 1)
        columns = {"start_time": times[:-1], "end_time": times[1:]}
        return {name: columns[name] for name in columns if name in self.schema.names}

    def _rows(self, chunk: Chunk, times: NDArray[Any]) -> NDArray[Any]:
        """Return (steps, servers) or (steps, 1) repeated for every row of the chunk."""
        shape = (chunk.steps, chunk.servers, self.grid.measurements)
        return np.ascontiguousarray(np.broadcast_to(times[:, :, np.newaxis], shape)).reshape(-1)

    def _make_templates(
        self, steps: int, first_server: int, servers: int
    ) -> dict[str, pa.DictionaryArray]:
        """Return the template columns of `steps` times the same servers."""
        measurements = self.grid.measurements

        def of_servers(indices: NDArray[np.int32], texts: pa.StringArray) -> pa.DictionaryArray:
            rows = np.tile(np.repeat(indices, measurements), steps)
            return pa.DictionaryArray.from_arrays(rows, texts)

        sn = self._servers.sn.slice(first_server, servers)
        columns = {"sn": of_servers(np.arange(servers, dtype=np.int32), sn)}
        for name, column in self._servers.templates.items():
            indices = column.indices.slice(first_server, servers).to_numpy()
            columns[name] = of_servers(indices, column.dictionary)
        for name, column in self._columns.items():
            rows = np.tile(column.indices.to_numpy(), steps * servers)
            columns[name] = pa.DictionaryArray.from_arrays(rows, column.dictionary)
        return columns

    def _value_texts(self, chunk: Chunk, buffers: Buffers) -> pa.Array:
        """Return the values as decimals where one decimal type holds them all, else as text."""
        measurements = self.specification.measurements
        keys, times = self._coordinates(chunk)
        shape = (chunk.steps, chunk.servers, len(measurements))
        places = {m.decimals for m in measurements}
        if len(places) == 1 and (common := places.pop()) is not None and common <= _PLAIN_DECIMALS:
            counts = buffers.counts(*shape)
            self._signal.fill_counts(keys, times, counts)
            return _decimals(counts.reshape(-1), common)
        counts = np.empty(shape, np.int64)
        self._signal.fill_counts(keys, times, counts)
        values = buffers.values(*shape)
        self._signal.fill_values(keys, times, values)
        columns = [
            _double_texts(values[:, :, i].reshape(-1))
            if m.decimals is None
            else _count_texts(counts[:, :, i].reshape(-1), m.decimals)
            for i, m in enumerate(measurements)
        ]
        order = np.arange(counts.size).reshape(len(columns), -1).T
        return pa.concat_arrays(columns).take(pa.array(order.reshape(-1)))


def longest_row(specification: Specification, inventory: Inventory) -> int:
    """Return the bytes that a row of readings has as text at most, but for a few."""
    servers = inventory.by_serial
    columns = [servers.sn, *(column.dictionary for column in servers.templates.values())]
    widths: list[int] = [pc.max(pc.binary_length(texts)).as_py() for texts in columns]
    names = max(len(m.name.encode()) + len(m.unit.encode()) for m in specification.measurements)
    return sum(widths) + names + 80  # two times, a number, separators


def _distinct(texts: list[str]) -> pa.DictionaryArray:
    return pa.array(texts, pa.string()).dictionary_encode()


def _decimals(counts: NDArray[np.int64], places: int) -> pa.Decimal128Array:
    words = np.zeros((counts.size, 2), np.int64)  # low word first; no count is negative
    words[:, 0] = counts
    kind = pa.decimal128(_PRECISION, places)
    return pa.Array.from_buffers(kind, counts.size, [None, pa.py_buffer(words)])


def _count_texts(counts: NDArray[np.int64], places: int) -> pa.StringArray:
    """Return counts of 10**-places as decimals with just so many places."""
    if not places:
        return pa.array(counts).cast(pa.string())
    whole, rest = np.divmod(counts, 10 ** min(places, 18))  # no count reaches 10**16
    digits = pc.utf8_lpad(pa.array(rest).cast(pa.string()), places, "0")
    return pc.binary_join_element_wise(pa.array(whole).cast(pa.string()), digits, ".")


def _double_texts(values: NDArray[np.float64]) -> pa.StringArray:
    """Return doubles as Python's `repr` writes them.

    Arrow finds the same shortest digits, but writes 1.0, 1e-05 and 12345678901.5 in its own way.
    """
    texts = pa.array(values).cast(pa.string())
    other = (values < 1e-4) | (values >= 1e10) | (values == np.trunc(values))
    if not other.any():
        return texts
    ours = pa.array([repr(value) for value in values[other].tolist()], pa.string())
    return pc.replace_with_mask(texts, pa.array(other), ours)
