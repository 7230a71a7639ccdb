"""The readings of one file or of several days: their axes, and batches of some rows and columns."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import DTypeLike, NDArray

from synthpower.arrays import as_array
from synthpower.engine import in_order
from synthpower.errors import InputError
from synthpower.fleet.fleet import Fleet
from synthpower.formats.batches import Batches, arrow_type, reading_schema
from synthpower.formats.buffers import Buffers
from synthpower.formats.templates import Templates
from synthpower.lazy import lazy
from synthpower.model.calendar import TIME_UNITS
from synthpower.model.columns import START, Axis, Column, Kind
from synthpower.model.grid import Chunk, Grid
from synthpower.model.specification import Specification
from synthpower.signals import find_signal

CHUNK_ROWS = 2**21  # 2**20: DuckDB takes 8 % longer; 2**17: twice as long
FEW_ROWS = 2**14  # of a batch, where only the first rows are wanted
_GAP_ROWS = 2**14  # that are made and filtered, where leaving them out cuts the rows in pieces
_KEPT = 4  # of what makes batches, each with its templates: 20 MB for 100,000 servers
_NONE = Axis(0)
AXES = (Axis.TIME, Axis.SERVER, Axis.MEASUREMENT)

Filter = Callable[[pa.RecordBatch], pa.RecordBatch]
Places = NDArray[np.int64]


class Selection(NamedTuple):
    """Which of the rows: those of some steps, servers and measurements, each ascending.

    Attributes
    ----------
    steps : int64
        Of all files, one after the other.
    servers : int64
        In the order of their serial numbers.
    measurements : int64
        A wide table has one, for all.
    """

    steps: Places
    servers: Places
    measurements: Places

    def of(self, axis: Axis) -> Places:
        return self[AXES.index(axis)]

    def keeping(self, axis: Axis, places: Places) -> Selection:
        """Return it with these places of an axis only."""
        return Selection(*(places if each == axis else self.of(each) for each in AXES))


class _Pooled(Buffers):
    """Arrays in memory of Arrow's pool, which has it ready: pages of the system's cost more."""

    def array(self, name: str, shape: tuple[int, ...], dtype: DTypeLike) -> NDArray[Any]:  # noqa: ARG002
        size = int(np.prod(shape))
        memory = pa.allocate_buffer(size * np.dtype(dtype).itemsize)
        return np.frombuffer(memory, dtype, size).reshape(shape)


class _Piece(NamedTuple):
    """Rows that are made at once, and what makes them."""

    batches: Batches
    chunk: Chunk
    start: int


class Source:
    """The readings of a fleet in files that differ in their date only.

    Parameters
    ----------
    specifications : sequence of Specification
        One for each file, in order.
    fleet : Fleet
    """

    def __init__(self, specifications: Sequence[Specification], fleet: Fleet) -> None:
        self.specifications = tuple(specifications)
        self.fleet = fleet
        first = self.specifications[0]
        self.schema = reading_schema(first)
        self.columns = {column.name: column for column in first.columns}
        self.steps = first.steps  # of each file
        self._rows = 1 if first.wide else len(first.measurements)  # of a server's step
        self._made: dict[object, Batches] = {}
        self._values: dict[tuple[Axis, str], pa.Array] = {}

    def __getstate__(self) -> dict[str, Any]:
        """Leave out what can be worked out again."""
        return {"specifications": self.specifications, "fleet": self.fleet}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(**state)  # type: ignore[misc]

    @lazy
    def whole(self) -> Selection:
        """All rows."""
        lengths = self.steps * len(self.specifications), len(self.fleet), self._rows
        return Selection(*map(np.arange, lengths))

    def axes_of(self, name: str) -> Axis:
        """Return what the values of a column depend on."""
        axes = self.columns[name].axes
        late = self.specifications[0].fuzz and Axis.TIME in axes
        return axes | Axis.SERVER if late else axes

    def is_known(self, name: str, axis: Axis) -> bool:
        """Return whether a column depends on one axis only, or on none."""
        return self.axes_of(name) in (axis, _NONE)

    def values(self, name: str, axis: Axis) -> pa.Array:
        """Return what a column that depends on an axis only has along it."""
        if (axis, name) not in self._values:
            self._values[axis, name] = self._values_of(self.columns[name], axis)
        return self._values[axis, name]

    def _values_of(self, column: Column, axis: Axis) -> pa.Array:
        length = len(self.whole.of(axis))
        if column.field.kind is Kind.TIMESTAMP:
            first = self.specifications[0]
            steps = np.arange(self.steps) + (column.field != START)
            times = [spec.start + spec.interval * steps for spec in self.specifications]
            counted = np.concatenate(times) * TIME_UNITS[column.format]
            return as_array(counted, arrow_type(column, first))
        field = column.field.name
        if column.axes == Axis.SERVER:
            return self._templates.of_servers(field, 0, length).dictionary_decode()
        strings = self._templates.of_measurements[field].dictionary_decode()
        if column.axes == _NONE:
            strings = strings.take(as_array(np.zeros(length, np.int64)))
        return strings

    @lazy
    def _templates(self) -> Templates:
        return Templates(self.specifications[0], self.fleet)

    def num_rows(self, selection: Selection) -> int:
        """Return how many rows a selection has."""
        return sum(
            len(chosen) * (end - begin) * len(selection.measurements)
            for spec, steps in self._files(selection)
            for chosen, begin, end in self._blocks(spec, steps, selection)
        )

    def batches(
        self,
        selection: Selection,
        names: Sequence[str],
        keep: Filter | None = None,
        workers: int = 1,
        chunk_rows: int = CHUNK_ROWS,
    ) -> Iterator[pa.RecordBatch]:
        """Yield batches of some rows and columns, in order, none of them empty.

        Parameters
        ----------
        selection : Selection
        names : sequence of str
            The columns.
        keep : callable, optional
            What becomes of each batch, on the thread that makes it.
        workers : int
            Threads.
        chunk_rows : int
            The rows that a batch should have at most.
        """
        make = partial(self._batch, [self.columns[name] for name in names], keep)
        pieces = self._pieces(selection, names, chunk_rows)
        for batch in in_order(make, pieces, workers):
            if batch.num_rows:
                yield batch

    def _batch(self, columns: Sequence[Column], keep: Filter | None, piece: _Piece) -> Any:
        made = piece.batches.columns(piece.chunk, columns, _Pooled(), piece.start)
        fields = [self.schema.field(column.name) for column in columns]
        arrays = [
            array if array.type == field.type else array.cast(field.type)  # fewer decimals
            for array, field in zip(made, fields, strict=True)
        ]
        batch = pa.record_batch(arrays, schema=pa.schema(fields))
        return keep(batch) if keep else batch

    def covering(self, selection: Selection, within: Selection) -> Selection:
        """Return a selection with small gaps between its steps filled, by steps of another.

        It is made faster, and has to be filtered.
        """
        rows = max(1, len(selection.servers) * len(selection.measurements))
        steps, every = selection.steps, within.steps
        at = np.searchsorted(every, steps)
        small = (np.diff(steps) - 1) * rows <= _GAP_ROWS
        change = np.zeros(len(every) + 1, np.int64)  # of how many small gaps a step is in
        change[at[:-1][small]] += 1
        change[at[1:][small]] -= 1
        kept = np.cumsum(change[:-1]) > 0
        kept[at] = True
        return selection._replace(steps=every[kept])

    def _pieces(
        self, selection: Selection, names: Sequence[str], chunk_rows: int
    ) -> Iterator[_Piece]:
        rows = len(selection.measurements)
        made: dict[object, Batches] = {}  # files that differ in their date only have the same
        for spec, steps in self._files(selection):
            for chosen, begin, end in self._blocks(spec, steps, selection):
                if spec.undated not in made:
                    made[spec.undated] = self._batches_of(spec, selection, names)
                batches = made[spec.undated]
                for run in np.split(chosen, np.flatnonzero(np.diff(chosen) > 1) + 1):
                    for chunk in Grid(len(run), end - begin, rows, chunk_rows).chunks():
                        moved = chunk._replace(
                            first_step=int(run[0]) + chunk.first_step,
                            first_server=begin + chunk.first_server,
                        )
                        yield _Piece(batches, moved, spec.start)

    def _files(self, selection: Selection) -> Iterator[tuple[Specification, Places]]:
        """Yield the files, and which of the steps of each are selected."""
        for number, spec in enumerate(self.specifications):
            begin = number * self.steps
            low, high = np.searchsorted(selection.steps, [begin, begin + self.steps])
            yield spec, selection.steps[low:high] - begin

    def _blocks(
        self, spec: Specification, steps: Places, selection: Selection
    ) -> Iterator[tuple[Places, int, int]]:
        """Yield the steps, and the range of the selected servers, that a file's part has."""
        for block in spec.grid(len(self.fleet), 1).blocks():
            first, last = block.first_step, block.first_step + block.steps
            chosen = steps[(steps >= first) & (steps < last)]
            ends = [block.first_server, block.first_server + block.servers]
            begin, end = np.searchsorted(selection.servers, ends).tolist()
            if len(chosen) and begin < end and len(selection.measurements):
                yield chosen, begin, end

    def _batches_of(
        self, spec: Specification, selection: Selection, names: Sequence[str]
    ) -> Batches:
        """Return what makes the rows of a file for the selected servers and measurements."""
        fewer = self._with_fewer(spec, selection, names)
        if len(selection.servers) < len(self.fleet):
            return Batches(fewer, self.fleet.picked(selection.servers), CHUNK_ROWS)
        # The last used last; another thread may do the same.
        batches = self._made.pop(fewer.undated, None) or Batches(fewer, self.fleet, CHUNK_ROWS)
        self._made[fewer.undated] = batches
        for oldest in list(self._made)[:-_KEPT]:
            self._made.pop(oldest, None)
        return batches

    def _with_fewer(
        self, spec: Specification, selection: Selection, names: Sequence[str]
    ) -> Specification:
        """Return a specification of the measurements only that rows or columns are wanted of."""
        if not spec.wide:
            chosen = tuple(spec.measurements[m] for m in selection.measurements.tolist())
            return replace(spec, measurements=chosen)
        values = [column for column in spec.columns if column.field.is_value]
        wanted = [column for column in values if column.name in names] or values[:1]
        columns = tuple(c for c in spec.columns if c in wanted or not c.field.is_value)
        fewer = replace(spec, columns=columns)
        return fewer if self._can_make(fewer) else spec

    def can_make(self, measurements: Places) -> bool:
        """Return whether the signal makes these measurements without the others."""
        spec = self.specifications[0]
        if len(measurements) in (0, self._rows):
            return True
        chosen = tuple(spec.measurements[m] for m in measurements.tolist())
        return self._can_make(replace(spec, measurements=chosen))

    def _can_make(self, spec: Specification) -> bool:
        try:
            find_signal(spec.signal).complete(spec, self.fleet)
        except InputError:  # the load signal needs one that has a quantity
            return False
        return True
