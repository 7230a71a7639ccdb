"""Readings as `pyarrow.dataset.Dataset`: DuckDB, Polars and DataFusion push queries into it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as pds

from synthpower.arrays import as_strings
from synthpower.engine import available_workers
from synthpower.errors import InputError, shown, whole_number
from synthpower.model.calendar import EPOCH
from synthpower.model.columns import Axis
from synthpower.scan.pruning import Filtering, evaluate, mentioned, prune
from synthpower.scan.source import CHUNK_ROWS, FEW_ROWS, Selection, Source

if TYPE_CHECKING:
    import pandas
    import polars


NO_ROWS = (
    "readings have no rows to iterate over: to_pandas() and to_polars() make a data frame, "
    "to_batches() Arrow's record batches"
)


class ReadingsDataset(pds.InMemoryDataset):  # type: ignore[misc]
    """Readings that are made when they are asked for: only the rows and columns of a query.

    `Readings.dataset` makes one. DuckDB, Polars, DataFusion and pyarrow take it for a data set of
    files, and push the columns and the filters of a query into it. It is an `InMemoryDataset`, of
    no rows, to what looks inside.

    Parameters
    ----------
    source : Source
    selection : Selection, optional
        Which rows of it; all otherwise.
    condition : pyarrow.compute.Expression, optional
        What rows must be besides.
    columns : sequence of str, optional
        The columns, in order; all otherwise.
    """

    def __init__(
        self,
        source: Source,
        selection: Selection | None = None,
        condition: pc.Expression | None = None,
        columns: Sequence[str] | None = None,
    ) -> None:
        names = source.schema.names if columns is None else list(columns)
        super().__init__(pa.schema([source.schema.field(name) for name in names]).empty_table())
        self._source = source
        self._selection = source.whole if selection is None else selection
        self._condition = condition
        self._names = names

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self._source, self._selection, self._condition, self._names)

    def __repr__(self) -> str:
        specs = self._source.specifications
        dates = specs[0].date if len(specs) == 1 else f"{specs[0].date} to {specs[-1].date}"
        steps, servers, measurements = map(len, self._selection)
        where = "" if self._condition is None else f" where {self._condition}"
        return (
            f"<ReadingsDataset of {dates}, seed {specs[0].seed}: {steps:,} steps x {servers:,} "
            f"servers x {measurements:,} measurements{where}; {', '.join(self._names)}>"
        )

    def __len__(self) -> int:
        return self.count_rows()

    def __iter__(self) -> Iterator[NoReturn]:
        """Refuse: `pandas.DataFrame(dataset)` would take what it iterates over for its rows."""
        raise TypeError(NO_ROWS)

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        """Export the rows as an Arrow C stream, made while it is read."""
        return self.scanner().to_reader().__arrow_c_stream__(requested_schema)

    # Less of it, as one more of its kind.

    def filter(self, expression: pc.Expression) -> ReadingsDataset:
        """Return the rows for which an expression is true."""
        if not isinstance(expression, pc.Expression):
            raise InputError(
                f"{shown(expression)!r}: write pc.field('sn') == '…', of pyarrow.compute",
                "expression",
            )
        return self._changed(condition=self._conjunction(expression))

    def select(self, columns: Sequence[str]) -> ReadingsDataset:
        """Return some of the columns, in the order asked for."""
        return self._changed(columns=self.checked(columns))

    def between(self, begin: str | datetime, end: str | datetime) -> ReadingsDataset:
        """Return the rows whose nominal interval begins at `begin` or later, and before `end`.

        Parameters
        ----------
        begin, end : str or datetime
            In UTC where they do not say otherwise; a string in ISO 8601, such as
            ``2023-02-27 05:00:00Z``.
        """
        source = self._source
        starts = np.concatenate(
            [spec.start + spec.interval * np.arange(spec.steps) for spec in source.specifications]
        )
        steps = self._selection.steps
        here = starts[steps]
        first, last = _seconds(begin, "begin"), _seconds(end, "end")
        if first > last:
            raise InputError(f"{shown(end)} is before {shown(begin)}", "end")
        return self._narrowed(Axis.TIME, steps[(here >= first) & (here < last)])

    def at_sites(self, *sites: str) -> ReadingsDataset:
        """Return the rows of the servers of some sites."""
        template = self._source.fleet.by_serial.templates["location"]
        known = template.dictionary.to_pylist()
        for site in sites:
            if site not in known:
                raise InputError(f"{shown(site)!r}: there are {shown(', '.join(known))}", "sites")
        there = np.isin(template.indices, [known.index(site) for site in sites])
        servers = self._selection.servers
        return self._narrowed(Axis.SERVER, servers[there[servers]])

    def of_servers(self, *serial_numbers: str) -> ReadingsDataset:
        """Return the rows of some servers."""
        sn = self._source.fleet.by_serial.sn
        places = pc.index_in(as_strings([str(each) for each in serial_numbers]), sn)
        for place, serial_number in zip(places.to_pylist(), serial_numbers, strict=True):
            if place is None:
                raise InputError(f"{shown(serial_number)!r}: no such server", "serial_numbers")
        chosen = np.unique(places.to_numpy(zero_copy_only=False).astype(np.int64))
        servers = np.intersect1d(self._selection.servers, chosen)
        return self._narrowed(Axis.SERVER, servers)

    def _narrowed(self, axis: Axis, places: Any) -> ReadingsDataset:
        return self._changed(selection=self._selection.keeping(axis, places))

    def _changed(self, **changes: Any) -> ReadingsDataset:
        kept: dict[str, Any] = {
            "selection": self._selection,
            "condition": self._condition,
            "columns": self._names,
        }
        return ReadingsDataset(self._source, **kept | changes)

    # What Arrow's data sets do.

    def scanner(
        self,
        columns: Sequence[str] | Mapping[str, pc.Expression] | None = None,
        filter: pc.Expression | None = None,
        batch_size: int = CHUNK_ROWS,
        use_threads: bool = True,
        **_: Any,
    ) -> ReadingsScanner:
        """Return what yields some columns of the rows that pass a filter.

        Parameters
        ----------
        columns : sequence of str, or mapping of str to pyarrow.compute.Expression, optional
        filter : pyarrow.compute.Expression, optional
        batch_size : int
            The rows of a batch at most.
        use_threads : bool
            Compute on all cores.
        **_
            What only data sets of files have, such as `batch_readahead`.
        """
        workers = available_workers() if use_threads else 1
        return ReadingsScanner(self, columns, filter, batch_size, workers)

    def made(
        self,
        names: Sequence[str],
        filter: pc.Expression | None = None,
        workers: int = 1,
        chunk_rows: int = CHUNK_ROWS,
    ) -> Iterator[pa.RecordBatch]:
        """Yield the batches of some columns, and of the rows that pass a filter, in order."""
        condition = self._conjunction(filter)
        selection, exact = self._pruned(condition)
        if condition is None or exact:
            yield from self._source.batches(
                selection, names, workers=workers, chunk_rows=chunk_rows
            )
            return
        needed = mentioned(condition, self._source.schema.names)
        every = list(dict.fromkeys([*names, *needed]))
        keep = Filtering(condition, needed, names)
        rows = self._source.covering(selection, self._selection)
        yield from self._source.batches(rows, every, keep, workers=workers, chunk_rows=chunk_rows)

    def ruled_out(self, filter: pc.Expression) -> tuple[ReadingsDataset, bool]:
        """Return a data set without rows that do not pass a filter, and whether all others do."""
        selection, exact = prune(filter, self._source, self._selection)
        if not exact:
            selection = self._source.covering(selection, self._selection)
        return self._changed(selection=selection), exact

    def _pruned(self, condition: pc.Expression | None) -> tuple[Selection, bool]:
        if condition is None:
            return self._selection, True
        return prune(condition, self._source, self._selection)

    def count_rows(self, filter: pc.Expression | None = None, **_: Any) -> int:
        """Return the number of rows; where it can be told without them, none is made."""
        condition = self._conjunction(filter)
        selection, exact = self._pruned(condition)
        if exact:
            return self._source.num_rows(selection)
        batches = self.made([self.cheapest()], filter, available_workers())
        return sum(batch.num_rows for batch in batches)

    def head(
        self,
        num_rows: int,
        columns: Sequence[str] | None = None,
        filter: pc.Expression | None = None,
        **_: Any,
    ) -> pa.Table:
        """Return the first rows."""
        names = self._names if columns is None else self.checked(columns)
        left = whole_number(num_rows, "num_rows")
        if left < 0:
            raise InputError(f"{shown(left)}: it must be 0 or more", "num_rows")
        taken = []
        for batch in self.made(names, filter, chunk_rows=FEW_ROWS):
            taken.append(batch.slice(0, left))
            left -= len(taken[-1])
            if left <= 0:
                break
        return pa.Table.from_batches(taken, pa.schema([self.schema.field(n) for n in names]))

    def get_fragments(self, filter: pc.Expression | None = None) -> Iterator[ReadingsFragment]:
        """Yield a fragment for each file of readings that may have rows which pass a filter."""
        source = self._source
        selection, _ = self._pruned(self._conjunction(filter))
        for number in range(len(source.specifications)):
            begin, end = number * source.steps, (number + 1) * source.steps
            if ((selection.steps >= begin) & (selection.steps < end)).any():
                steps = self._selection.steps
                within = steps[(steps >= begin) & (steps < end)]
                yield ReadingsFragment(self._narrowed(Axis.TIME, within))

    def _refused(self, *_: Any, **__: Any) -> NoReturn:
        raise NotImplementedError(
            "readings that are made when asked for cannot do this: to_table() has them in memory"
        )

    join = join_asof = replace_schema = sort_by = take = _refused

    # Into memory, or for another library.

    def to_pandas(self) -> pandas.DataFrame:
        """Return all rows as a data frame of pandas."""
        if find_spec("pandas") is None:
            raise InputError("pandas is not installed: pip install pandas")
        return self.to_table().to_pandas()

    def to_polars(self) -> polars.DataFrame:
        """Return all rows as a data frame of Polars."""
        return self.lazy().collect()

    def lazy(self) -> polars.LazyFrame:
        """Return the rows as a lazy frame of Polars, which pushes queries into it."""
        from synthpower.scan.polars_source import lazy_frame

        return lazy_frame(self)

    def _conjunction(self, expression: pc.Expression | None) -> pc.Expression | None:
        if isinstance(expression, pa.Scalar):  # what DataFusion makes of a contradiction
            expression = pc.scalar(expression)
        if expression is None or self._condition is None:
            return self._condition if expression is None else expression
        return self._condition & expression

    def checked(self, columns: Sequence[str]) -> list[str]:
        """Return the names of columns; `InputError` where there is no such column."""
        names = [columns] if isinstance(columns, str) else list(columns)
        for name in names:
            if name not in self._names:
                raise InputError(
                    f"no column {shown(name)!r}; there are {', '.join(self._names)}", "columns"
                )
        return names

    def schema_of(self, name: str) -> pa.Field:
        """Return the field of a column, whether selected or not."""
        return self._source.schema.field(name)

    def cheapest(self) -> str:
        """Return the column that costs least to make."""
        columns = self._source.columns.values()
        return min(columns, key=lambda column: len(list(self._source.axes_of(column.name)))).name


class ReadingsScanner:
    """A query of columns and rows, made while it is read, as often as it is.

    Not a `pyarrow.dataset.Scanner`: that would read ahead without limit, on threads that wait for
    a lock which the reader may hold.
    """

    def __init__(
        self,
        dataset: ReadingsDataset,
        columns: Sequence[str] | Mapping[str, pc.Expression] | None,
        filter: pc.Expression | None,
        batch_size: int,
        workers: int,
    ) -> None:
        self._dataset = dataset
        self._filter = filter
        self._size = batch_size
        self._workers = workers
        names = dataset.schema.names
        self._expressions = columns if isinstance(columns, Mapping) else None
        if isinstance(columns, Mapping):
            used = [name for each in columns.values() for name in mentioned(each, names)]
            self._names = [name for name in names if name in used]
        else:
            self._names = names if columns is None else dataset.checked(columns)
        self._made = self._names or [dataset.cheapest()]  # columns have rows

    @property
    def dataset_schema(self) -> pa.Schema:
        """The columns that there are."""
        return self._dataset.schema

    @property
    def projected_schema(self) -> pa.Schema:
        """The columns that are asked for."""
        fields = pa.schema([self._dataset.schema_of(name) for name in self._made])
        return self._projected(fields.empty_table()).schema

    def to_batches(self) -> Iterator[pa.RecordBatch]:
        """Yield the rows in batches, in order."""
        for batch in self._dataset.made(self._made, self._filter, self._workers):
            table = self._projected(pa.Table.from_batches([batch]))
            yield from table.to_batches(max_chunksize=self._size)

    def to_reader(self) -> pa.RecordBatchReader:
        """Return the rows as a reader."""
        return pa.RecordBatchReader.from_batches(self.projected_schema, self.to_batches())

    def to_table(self) -> pa.Table:
        """Return all rows in memory."""
        return pa.Table.from_batches(self.to_batches(), self.projected_schema)

    def head(self, num_rows: int) -> pa.Table:
        """Return the first rows."""
        return self._projected(self._dataset.head(num_rows, self._made, self._filter))

    def count_rows(self) -> int:
        """Return the number of rows."""
        return self._dataset.count_rows(self._filter)

    def _projected(self, table: pa.Table) -> pa.Table:
        if self._expressions is None:
            return table.select(self._names)
        return evaluate(self._expressions, table)


class ReadingsFragment:
    """The readings of a file, as one of a data set's fragments, for DataFusion."""

    def __init__(self, dataset: ReadingsDataset) -> None:
        self._dataset = dataset

    def scanner(self, schema: pa.Schema | None = None, **options: Any) -> ReadingsScanner:  # noqa: ARG002
        return self._dataset.scanner(**options)


def _seconds(time: str | datetime, argument: str) -> float:
    """Return a time in seconds since the epoch."""
    if not isinstance(time, str | datetime):
        raise InputError(f"{shown(time)!r} is not a string or a datetime", argument)
    try:
        moment = datetime.fromisoformat(time) if isinstance(time, str) else time
    except ValueError:
        raise InputError(f"{shown(time)!r} is not a time in ISO 8601", argument) from None
    return (moment.replace(tzinfo=moment.tzinfo or UTC) - EPOCH).total_seconds()
