"""The columns of values: codes in a dictionary of all there can be, or plain numbers."""

from __future__ import annotations

from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from synthpower import kernels
from synthpower.fleet.fleet import Fleet
from synthpower.formats.batches import decimals_of
from synthpower.formats.buffers import Buffers
from synthpower.formats.parquet.file import ColumnChunk, ColumnEncoder
from synthpower.formats.parquet.structs import DOUBLE, FLOAT, INT64
from synthpower.lazy import lazy
from synthpower.model.columns import Column, Kind
from synthpower.model.grid import Chunk
from synthpower.model.specification import Specification
from synthpower.signals import find_signal
from synthpower.signals.quantity import NULLS, Quantities, ValueDictionary, value_dictionary
from synthpower.signals.totals import Totals

_TYPES = {Kind.DOUBLE: DOUBLE, Kind.FLOAT: FLOAT, Kind.DECIMAL: INT64, Kind.INTEGER: INT64}


class ValueColumns:
    """The columns of values of files that differ in their date only.

    Parameters
    ----------
    specification : Specification
    fleet : Fleet
    group_rows : int
        The rows of a row group.
    repeats : int
        How many times a row group must hold the values of a dictionary to have one.
    """

    def __init__(
        self, specification: Specification, fleet: Fleet, group_rows: int, repeats: int
    ) -> None:
        self._specification = specification
        self.signal = find_signal(specification.signal).bind(specification, fleet)
        self.quantities = self.signal.quantities
        self.per_row = self.quantities.steps.size if specification.wide else 1
        names = [measurement.name for measurement in specification.measurements]
        self._places = {
            column: names.index(column.field.measurement)
            for column in specification.columns
            if column.field.measurement is not None
        }
        # A column of one measurement has a dictionary of its own, whose codes begin at 0.
        columns = [column for column in specification.columns if column.field.is_value]
        found = {column: value_dictionary(self._numbers(column)) for column in columns}
        # Plain values are smaller than a dictionary of which a row group hardly has them all.
        few = [each for each in found.values() if each and each.size * repeats <= group_rows]
        self._dictionaries: dict[Column, Dictionary] = {}
        if len(few) == len(found):
            for column, dictionary in found.items():
                assert dictionary is not None
                values = self._typed(column, dictionary)
                self._dictionaries[column] = Dictionary(dictionary.firsts, values)

    def encode(
        self,
        chunk: Chunk,
        start: int,
        page_rows: list[int],
        codec: str | None,
        buffers: Buffers,
    ) -> tuple[dict[Column, ColumnChunk], Totals]:
        """Return the column chunks of a chunk, and what its readings come to."""
        drawn = _Drawn(self, chunk, start, buffers)
        made = self._encoded(drawn, page_rows, codec)
        assert drawn.totals is not None
        return made, drawn.totals

    def sized(
        self, chunk: Chunk, page_rows: list[int], buffers: Buffers
    ) -> dict[Column, ColumnChunk]:
        """Return column chunks of which only the sizes are right."""
        return self._encoded(_Drawn(self, chunk, None, buffers), page_rows, None)

    def _encoded(
        self, drawn: _Drawn, page_rows: list[int], codec: str | None
    ) -> dict[Column, ColumnChunk]:
        made = {}
        for column in self._specification.columns:
            if column.field.is_value:
                encoder = ColumnEncoder(column.name, _TYPES[column.kind], codec)
                limits = self._add(encoder, column, drawn, page_rows)
                # Pages of random values exclude nothing.
                made[column] = encoder.finish([limits] if limits else [], indexed=False)
        return made

    def _add(
        self, encoder: ColumnEncoder, column: Column, drawn: _Drawn, page_rows: list[int]
    ) -> tuple[Any, Any] | None:
        """Add a column's pages, and return the least and the greatest value."""
        if dictionary := self._dictionaries.get(column):
            encoder.add_dictionary(dictionary.values, dictionary.values.size)
            codes = drawn.codes[self._places.get(column, 0)]
            there = codes != NULLS[codes.dtype] if drawn.nullable else None
            encoder.add_indices(codes, page_rows, there)
            return self._limits(column, drawn.totals)
        if column.kind in (Kind.DOUBLE, Kind.FLOAT):
            values = self._chosen(column, drawn.values)
            there = ~np.isnan(values) if drawn.nullable else None
            if column.kind is Kind.FLOAT:
                with np.errstate(all="ignore"):  # of what is sized only, and not filled
                    values = values.astype(np.float32)
        else:
            counts = self._chosen(column, drawn.counts)
            there = counts >= 0 if drawn.nullable else None
            values = self._counted(column, drawn.counts)
        encoder.add_plain(values, page_rows, there)
        return self._limits(column, drawn.totals)

    def _limits(self, column: Column, totals: Totals | None) -> tuple[Any, Any] | None:
        """Return the least and the greatest value of a column; None where it has none."""
        if totals is None:  # of what is sized only
            return 0, 0
        place = self._places.get(column)
        ends = [
            end
            for m, total in enumerate(totals.exact())
            if place in (None, m)
            for end in (total.minimum, total.maximum)
            if end is not None
        ]
        if not ends:
            return None
        least, greatest = (self._typed_end(column, end) for end in (min(ends), max(ends)))
        return least, greatest

    def _typed_end(self, column: Column, end: Fraction) -> float | int:
        """Return a value as a column has it."""
        if column.kind is Kind.DECIMAL:
            return int(end * 10 ** decimals_of(column, self._specification))
        if column.kind is Kind.INTEGER:
            return int(end)
        return float(np.float32(float(end))) if column.kind is Kind.FLOAT else float(end)

    def _numbers(self, column: Column) -> Quantities:
        if column not in self._places:
            return self.quantities
        numbers = [self.quantities.numbers[self._places[column]]]
        return Quantities(numbers, self.quantities.nullable)

    def _chosen(self, column: Column, drawn: NDArray[Any]) -> NDArray[Any]:
        """Return a column's values of those of all measurements, in order of the rows."""
        if column not in self._places:
            return drawn.reshape(-1)
        return np.ascontiguousarray(drawn[:, :, self._places[column]]).reshape(-1)

    def _counted(self, column: Column, counts: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return a column's values as counts of the decimals that it has."""
        place = self._places.get(column)
        chosen = slice(None) if place is None else slice(place, place + 1)
        decimals, quantities = decimals_of(column, self._specification), self.quantities
        powers = [10 ** (decimals - int(own)) for own in quantities.decimals[chosen]]
        found = counts[:, :, chosen] * quantities.steps[chosen] + quantities.first_counts[chosen]
        return np.ascontiguousarray(found * np.array(powers)).reshape(-1)

    def _typed(self, column: Column, dictionary: ValueDictionary) -> NDArray[Any]:
        """Return the values of a dictionary, of a column's type."""
        if column.kind is Kind.DOUBLE:
            return dictionary.values()
        if column.kind is Kind.FLOAT:
            return dictionary.values().astype(np.float32)
        decimals = decimals_of(column, self._specification)
        return np.concatenate(
            [
                (first + np.arange(count) * step) * 10 ** (decimals - own)
                for (own, step, first), count in dictionary.counts.items()
            ]
        )

    def firsts(self) -> NDArray[np.uint64]:
        """Return what is added to each measurement's codes."""
        for column, dictionary in self._dictionaries.items():
            if column not in self._places:
                return dictionary.firsts
        return np.zeros(self.quantities.steps.size, np.uint64)


class Dictionary(NamedTuple):
    """The values that a column can have, of its type, and the first code of each measurement."""

    firsts: NDArray[np.uint64]
    values: NDArray[Any]


class _Drawn:
    """The values of a chunk, in each form that a column asks for, worked out once.

    Without a `start` nothing is worked out.
    """

    def __init__(
        self, columns: ValueColumns, chunk: Chunk, start: int | None, buffers: Buffers
    ) -> None:
        self._columns, self._chunk, self._start, self._buffers = columns, chunk, start, buffers
        self._shape = chunk.steps, chunk.servers, columns.quantities.steps.size
        self.nullable = columns.quantities.nullable and start is not None
        self.totals: Totals | None = None

    @lazy
    def codes(self) -> NDArray[np.uint16]:
        """Codes of dictionaries: of all measurements together, or (measurements, rows)."""
        codes = self._counted("codes", np.uint16, self._columns.firsts())
        if self._columns.per_row == 1:
            return codes.reshape(1, -1)
        apart = self._buffers.array("codes apart", (self._shape[2], codes[..., 0].size), np.uint16)
        kernels.split_codes(codes.reshape(-1, self._shape[2]), apart)
        return apart

    @lazy
    def counts(self) -> NDArray[np.int64]:
        """Counts, negative where there is no reading."""
        firsts = np.zeros(self._shape[2], np.uint64)
        return self._counted("counts", np.int64, firsts)

    @lazy
    def values(self) -> NDArray[np.float64]:
        """Doubles."""
        values = self._buffers.array("values", self._shape, np.float64)
        if self._start is not None:
            self.totals = self._columns.signal.values(self._chunk, self._start, values)
        return values

    def _counted(self, name: str, kind: type, firsts: NDArray[np.uint64]) -> NDArray[Any]:
        counts = self._buffers.array(name, self._shape, kind)
        if self._start is not None:
            signal = self._columns.signal
            self.totals = signal.counts(self._chunk, self._start, firsts, counts)
        return counts
