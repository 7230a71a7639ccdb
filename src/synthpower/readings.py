"""The readings of an inventory as a lazy table."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import numpy as np
import pyarrow as pa

from synthpower.arrays import as_strings
from synthpower.engine import Job, Progress, Run, Summary
from synthpower.errors import InputError, shown, whole_number
from synthpower.fleet.fleet import Fleet
from synthpower.fleet.serials import server_keys
from synthpower.formats import choose_format, find_format
from synthpower.formats.batches import Batches, reading_schema
from synthpower.formats.interface import Options
from synthpower.lazy import lazy
from synthpower.model.calendar import EPOCH, HOUR, following_dates
from synthpower.model.columns import COLUMNS, END_COLUMNS, Column
from synthpower.model.faults import Fault
from synthpower.model.grid import WHOLE, Chunk, Part
from synthpower.model.measurement import Measurement
from synthpower.model.specification import DEFAULT_SIGNAL, Specification
from synthpower.model.streams import draw_seed
from synthpower.signals import completed, find_signal
from synthpower.signals.interface import Evaluator
from synthpower.storage import STDOUT, check_file, locate
from synthpower.tables import read_measurements

if TYPE_CHECKING:
    import pandas
    import polars
    import pyarrow.compute as pc

    from synthpower.scan.dataset import ReadingsDataset

_BATCH_ROWS = 2**18


class Readings:
    """The product of an inventory, sample times and measurements, made when asked for.

    DuckDB, Polars, pandas and pyarrow read it without a file, through the Arrow
    PyCapsule interface:

    >>> from synthpower import Inventory, Readings
    >>> readings = Readings(Inventory.generate(10, seed=1), "2023-02-27")
    >>> readings.shape, readings.num_rows
    ((24, 10, 2), 480)

    Parameters
    ----------
    inventory : Fleet
        The servers.
    date : str
        The base time in UTC: ``YYYY-MM-DD`` for 24 hours, ``YYYY-MM-DDTHH`` for one.
    interval : int
        Seconds from one sample to the next; divides the span.
    fuzz : int
        Seconds by which a sample may be late, below the interval.
    end : bool
        Leave out the start times.
    columns : sequence of Column, optional
        The columns, in order; all of them otherwise.
    signal : str
        ``uniform``: a random number from the minimum to the scale; ``triangular``: the
        smaller of two such numbers; ``load``: a fleet that behaves like one.
    measurements : sequence of Measurement, optional
        What is measured; the shipped ones otherwise.
    seed : int, optional
        0 <= seed < 2**63; the inventory's otherwise, and a drawn one where that has none.
    part : Part
        Which of the rows: all of them, or those of a shard.
    faults : sequence of Fault
        What is put into the readings of the load signal; absent readings are null.

    Raises
    ------
    InputError
        Naming the argument that is wrong, and what would be right.
    """

    def __init__(
        self,
        inventory: Fleet,
        date: str,
        interval: int = HOUR,
        fuzz: int = 0,
        end: bool = False,
        signal: str = DEFAULT_SIGNAL,
        measurements: Sequence[Measurement] | None = None,
        seed: int | None = None,
        columns: Sequence[Column] | None = None,
        part: Part = WHOLE,
        faults: Sequence[Fault] = (),
    ) -> None:
        if not isinstance(inventory, Fleet):
            raise InputError(f"{shown(inventory)!r} is not an Inventory", "inventory")
        if end and columns is not None:
            raise InputError("leave start_time out of the columns instead", "end")
        if seed is None:
            seed = draw_seed() if inventory.seed is None else inventory.seed
        self.inventory = inventory
        given = Specification(
            date,
            tuple(read_measurements() if measurements is None else measurements),
            seed,
            interval,
            fuzz,
            (END_COLUMNS if end else COLUMNS) if columns is None else tuple(columns),
            signal,
            part,
            faults=tuple(faults),
        )
        self.specification = completed(given, inventory)

    def __repr__(self) -> str:
        steps, servers, measurements = self.shape
        spec = self.specification
        return (
            f"<Readings of {spec.date}, seed {spec.seed}: {steps:,} steps x {servers:,} servers x "
            f"{measurements:,} measurements; {', '.join(self.schema.names)}>"
        )

    def __len__(self) -> int:
        return self.num_rows

    def __iter__(self) -> Iterator[NoReturn]:
        """Refuse: `pandas.DataFrame(readings)` would take what it iterates over for its rows."""
        raise TypeError(
            "readings have no rows to iterate over: to_pandas() and to_polars() make a data frame, "
            "batches() Arrow's record batches"
        )

    @lazy
    def _evaluator(self) -> Evaluator:
        spec = self.specification
        return find_signal(spec.signal).bind(spec, self.inventory)

    @property
    def schema(self) -> pa.Schema:
        """The columns and their Arrow types."""
        return reading_schema(self.specification)

    @property
    def shape(self) -> tuple[int, int, int]:
        """The numbers of sample steps, servers and measurements."""
        spec = self.specification
        return spec.steps, len(self.inventory), len(spec.measurements)

    @property
    def num_rows(self) -> int:
        """The number of rows: the product of `shape`, or what a shard has of it.

        A wide table has one row for all its measurements.
        """
        return self.specification.grid(len(self.inventory), 1).num_rows

    def batches(self, chunk_rows: int = _BATCH_ROWS) -> Iterator[pa.RecordBatch]:
        """Yield the readings as record batches of about `chunk_rows` rows at most, in order.

        All have the same dictionaries, so that they also go into an Arrow IPC file.
        """
        chunk_rows = whole_number(chunk_rows, "chunk_rows")
        if chunk_rows < 1:
            raise InputError(f"{shown(chunk_rows)}: it must be 1 or more", "chunk_rows")
        batches = Batches(self.specification, self.inventory, chunk_rows, whole_dictionaries=True)
        return (batches.batch(chunk) for chunk in batches.grid.chunks())

    def to_table(self) -> pa.Table:
        """Return all readings in memory: some 40 bytes a row."""
        return pa.Table.from_batches(self.batches(), self.schema)

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        """Export the readings as an Arrow C stream, made while it is read."""
        reader = pa.RecordBatchReader.from_batches(self.schema, self.batches())
        return reader.__arrow_c_stream__(requested_schema)

    def dataset(self, days: int = 1) -> ReadingsDataset:
        """Return the readings as a data set of Arrow's, into which engines push their queries.

        DuckDB, Polars, DataFusion and pyarrow have only those columns and rows made that a query
        asks for; see `ReadingsDataset`.

        Parameters
        ----------
        days : int
            So many days, from the date of these readings on.

        Raises
        ------
        InputError
            Where there are no such days, or these are the readings of an hour.
        """
        from synthpower.scan.dataset import ReadingsDataset
        from synthpower.scan.source import Source

        spec = self.specification
        dates = following_dates(spec.date, days)
        specs = [completed(replace(spec, date=date), self.inventory) for date in dates]
        return ReadingsDataset(Source(specs, self.inventory))

    def filter(self, expression: pc.Expression) -> ReadingsDataset:
        """Return the rows for which an expression is true, as a data set."""
        return self.dataset().filter(expression)

    def select(self, columns: Sequence[str]) -> ReadingsDataset:
        """Return some of the columns, in the order asked for, as a data set."""
        return self.dataset().select(columns)

    def between(self, begin: str | datetime, end: str | datetime) -> ReadingsDataset:
        """Return the rows of a range of times as a data set; see `ReadingsDataset.between`."""
        return self.dataset().between(begin, end)

    def at_sites(self, *sites: str) -> ReadingsDataset:
        """Return the rows of the servers of some sites, as a data set."""
        return self.dataset().at_sites(*sites)

    def of_servers(self, *serial_numbers: str) -> ReadingsDataset:
        """Return the rows of some servers, as a data set."""
        return self.dataset().of_servers(*serial_numbers)

    def head(self, num_rows: int = 5) -> pa.Table:
        """Return the first rows."""
        return self.dataset().head(num_rows)

    def lazy(self) -> polars.LazyFrame:
        """Return the readings as a lazy frame of Polars, into which it pushes its queries."""
        return self.dataset().lazy()

    def to_polars(self) -> polars.DataFrame:
        """Return all readings in memory, as a data frame of Polars."""
        return self.dataset().to_polars()

    def to_pandas(self) -> pandas.DataFrame:
        """Return all readings in memory, as a data frame of pandas."""
        return self.dataset().to_pandas()

    def at(self, sn: str, time: str | datetime, measurement: str) -> float:
        """Return one value, computed alone: in constant time, but for finding the server.

        It is NaN where a fault makes the reading absent.

        Parameters
        ----------
        sn : str
            The server's serial number.
        time : str or datetime
            The start of the nominal interval, in UTC where it does not say otherwise;
            a string in ISO 8601, such as ``2023-02-27 05:00:00Z``.
        measurement : str
            The measurement's name.

        Raises
        ------
        KeyError
            Where these readings have no such server, interval or measurement.
        TypeError, ValueError
            Where `time` is no time, or not in ISO 8601.
        """
        spec = self.specification
        keys, _ = server_keys(as_strings([str(sn)]))
        servers = self.inventory.by_serial
        server = int(np.searchsorted(servers.ascending, keys[0]))
        if server == len(servers.sn) or servers.ascending[server] != keys[0]:
            raise KeyError(f"no server {sn!r}")
        if servers.keys is not servers.ascending:  # some keys are hashes: in another order
            server = int(np.flatnonzero(servers.keys == keys[0])[0])
        names = [m.name for m in spec.measurements]
        if measurement not in names:
            raise KeyError(f"no measurement {measurement!r}")
        if not isinstance(time, str | datetime):
            raise TypeError(f"time is {type(time).__name__}, not a string or a datetime")
        moment = datetime.fromisoformat(time) if isinstance(time, str) else time
        moment = moment.replace(tzinfo=moment.tzinfo or UTC)
        seconds = (moment - EPOCH).total_seconds() - spec.start
        if not (0 <= seconds < spec.span and seconds % spec.interval == 0):
            raise KeyError(f"no interval begins at {time}")
        out = np.empty((1, 1, len(names)))
        self._evaluator.values(Chunk(int(seconds) // spec.interval, 1, server, 1), spec.start, out)
        return float(out[0, 0, names.index(measurement)])

    def write(
        self,
        path: str | os.PathLike[str],
        format: str | None = None,
        overwrite: bool = False,
        workers: int | None = None,
        progress: Progress | None = None,
        compression: str | None = None,
    ) -> Summary:
        """Write the readings to a file, which appears when it is whole.

        Parameters
        ----------
        path : path-like or str
            The file, or a URL such as ``s3://bucket/name.parquet``; a pipe is written in place,
            and ``-`` is standard output.
        format : str, optional
            ``csv``, ``parquet`` or ``arrow``; what the file's name ends in otherwise.
        overwrite : bool
            Replace the file where it exists.
        workers : int, optional
            Threads that compute; as many as there are cores otherwise.
        progress : callable, optional
            Called with the rows and the bytes that have been written since the last call.
        compression : str, optional
            ``none``, ``snappy`` or ``zstd`` for all columns of Parquet, ``none`` or ``zstd`` of
            Arrow; by default only what repeats is compressed. ``gzip`` or ``zstd`` of text; by
            default what the file's name ends in.

        Raises
        ------
        InputError
            Where the format is unknown, or the file exists or cannot be one.
        OSError
            Where writing fails.
        """
        store, name = locate(path)
        if Path(path) == STDOUT and format is not None:
            chosen = find_format(format)
        else:
            chosen, compression = choose_format(name, format, compression, "format")
        options = Options(compression=compression)
        options.check(chosen)
        check_file(path, overwrite)
        job = Job(self.specification, store, name, chosen, options, overwrite)
        return Run([job], self.inventory, workers).write(progress)[0]
