"""Chunk -> Arrow record batch of text: what pyarrow's own CSV writer is given."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from synthpower.arrays import as_array
from synthpower.formats.batches import Batches, Drawn, as_decimals
from synthpower.formats.buffers import Buffers
from synthpower.formats.interface import Rendered
from synthpower.model.columns import Axis, Column, Kind
from synthpower.model.grid import Chunk

# Arrow writes a decimal below 10**-6 with an exponent, so more decimals are strings of our own.
_PLAIN_DECIMALS = 6


class TextBatches(Batches):
    """The record batches of files of readings, in which all is as text shows it."""

    def text_batch(
        self, chunk: Chunk, buffers: Buffers | None = None, start: int | None = None
    ) -> pa.RecordBatch:
        """Return the rows of a chunk as text shows them.

        The same columns as `batch`; times are dictionaries of strings, and values decimals, where
        all measurements of a column have the same few decimals, or strings.
        """
        start = self.specification.start if start is None else start
        return self.render_text(chunk, start, buffers or Buffers()).data

    def render_text(self, chunk: Chunk, start: int, buffers: Buffers) -> Rendered[pa.RecordBatch]:
        """Return the rows of a chunk as text shows them, and what the readings come to."""
        drawn = Drawn(self, chunk, buffers, start)
        arrays = {
            column.name: self._value_strings(column, drawn)
            if column.field.is_value
            else self.time_strings(column, drawn)
            for column in self.specification.columns
            if Axis.TIME in column.axes
        }
        return Rendered(self._assembled(chunk, arrays), drawn.totals)

    def _value_strings(self, column: Column, drawn: Drawn) -> pa.Array:
        """Return values as decimals where one decimal type holds them all, else as strings."""
        counts = drawn.counts[:, :, self.chosen(column)]
        strings = self._strings_of(column, counts, drawn)
        if self.nullable:
            strings = pc.if_else(pa.array(counts.reshape(-1) < 0), None, strings)
        return strings

    def _strings_of(self, column: Column, counts: NDArray[np.int64], drawn: Drawn) -> pa.Array:
        chosen, measurements = self.chosen(column), self.specification.measurements_in(column)
        counts = counts * self.quantities.steps[chosen] + self.quantities.first_counts[chosen]
        decimals = {m.decimals for m in measurements}
        if len(decimals) == 1:
            (common,) = decimals
            if common is not None and common <= _PLAIN_DECIMALS:
                return as_decimals(np.ascontiguousarray(counts).reshape(-1), common)
        values = drawn.values[:, :, chosen]
        if column.kind is Kind.FLOAT:
            values = values.astype(np.float32).astype(np.float64)
        columns = [
            _double_strings(values[:, :, i].reshape(-1))
            if m.decimals is None
            else _count_strings(counts[:, :, i].reshape(-1), m.decimals)
            for i, m in enumerate(measurements)
        ]
        order = np.arange(counts.size).reshape(len(columns), -1).T
        return pa.concat_arrays(columns).take(as_array(order))


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
