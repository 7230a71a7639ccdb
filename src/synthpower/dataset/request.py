"""What somebody asks a dataset for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from synthpower.dataset.lake import ROOT
from synthpower.dataset.paths import DATE, HOUR_OF_DAY, SHARD, PathPattern
from synthpower.errors import InputError, shown, whole_number
from synthpower.fleet.fleet import Fleet
from synthpower.formats import DEFAULT_FORMAT, choose_format, find_format
from synthpower.formats.interface import FAST, Format, Options
from synthpower.formats.text.row import pattern_row
from synthpower.lazy import lazy
from synthpower.model.calendar import HOUR, following_dates
from synthpower.model.columns import END_COLUMNS, Column
from synthpower.model.faults import Fault
from synthpower.model.grid import MOST_PARTS, WHOLE, Part
from synthpower.model.measurement import Measurement
from synthpower.model.specification import DEFAULT_SIGNAL, Specification
from synthpower.signals import find_signal
from synthpower.storage import Address, StreamStore, locate

TABLE_FORMAT = "parquet"

__all__ = ["END_COLUMNS", "Request"]


@dataclass(frozen=True)
class Request:
    """Files of readings that are wanted: `Specification` has what is not said here.

    Parameters
    ----------
    date : str
        The base time of the first file.
    days : int
        So many files, one a day.
    interval, fuzz, signal
        As of a `Specification`.
    columns : tuple of Column, optional
        Those of the dataset's columns.csv otherwise, where it has one, or else `COLUMNS`.
    measurements : sequence of Measurement, optional
        Those of the dataset's measurements.csv otherwise.
    seed : int, optional
        The dataset's otherwise; where it has none, one is drawn and kept.
    part : Part
        A shard of each file.
    shards : int
        So many shards of each file in its place, and all of them.
    faults : sequence of Fault
        What is put into the readings of the load signal.
    format : str, optional
        One of `FORMATS`; by default what `output` ends in, or else CSV.
    compression, delimiter, header, row, implementation, row_group_rows
        As of `Options`.
    output : path-like or str, optional
        One file elsewhere, a URL of one, a pipe, or ``-`` for standard output.
    path : str, optional
        Where below the dataset each file goes, and by what the rows are divided: a pattern of
        names such as ``dt={date}/hour={hour}/site={location}/data{suffix}``; see docs/FORMAT.md.
    table : str, optional
        ``delta`` or ``iceberg``: the files, which are Parquet, are added to such a table when
        they are whole. It is the first folder of the path, ``readings`` without one.
    overwrite : bool
        Replace files that are there.
    """

    date: str
    days: int = 1
    interval: int = HOUR
    fuzz: int = 0
    columns: tuple[Column, ...] | None = None
    signal: str = DEFAULT_SIGNAL
    measurements: Sequence[Measurement] | None = None
    seed: int | None = None
    part: Part = WHOLE
    shards: int = 1
    faults: Sequence[Fault] = ()
    format: str | None = None
    compression: str | None = None
    delimiter: str = ","
    header: bool = True
    row: str | None = None
    implementation: str = FAST
    row_group_rows: int | None = None
    output: Address | None = None
    path: str | None = None
    table: str | None = None
    overwrite: bool = False

    def dates(self) -> list[str]:
        """Return the dates of the files; `InputError` where they are none."""
        dates = following_dates(self.date, self.days)
        for argument, files in (("days", dates), ("shards", self.parts)):
            if self.output and len(files) > 1:
                raise InputError(
                    f"it names one file; it does not go with {argument} above 1", "output"
                )
        if self.table and self.output:
            raise InputError("it names one file elsewhere; it does not go with a table", "output")
        if self.pattern:
            if self.output:
                raise InputError("it names one file; it does not go with a path", "output")
            self.pattern.check(self.days, self.parts[0], self.interval)
        return dates

    @property
    def parts(self) -> list[Part]:
        """The shards of each file; `InputError` where what is said of them does not agree."""
        shards = whole_number(self.shards, "shards")
        if not 1 <= shards <= MOST_PARTS:
            raise InputError(f"{shown(shards)}: it must be 1 to {MOST_PARTS:,}", "shards")
        if shards == 1:
            return [self.part]
        if self.part != WHOLE:
            raise InputError("they are all of a file, and the part is one; give one", "shards")
        return [Part(number, shards) for number in range(1, shards + 1)]

    @lazy
    def pattern(self) -> PathPattern | None:
        """The path, looked at; `InputError` where it cannot be one."""
        if self.table is None:
            return None if self.path is None else PathPattern(self.path)
        pattern = PathPattern(self._path_of_table() if self.path is None else self.path)
        if not pattern.folder:
            raise InputError(
                f"{shown(self.path)!r}: the files of a table are in one folder, with nothing else: "
                f"begin it with {ROOT}/",
                "path",
            )
        return pattern

    def _path_of_table(self) -> str:
        """Return the path of a table's files where none is given: called as they are without."""
        hour = f"T{HOUR_OF_DAY}" if "T" in self.date else ""
        shard = "" if self.parts[0] == WHOLE else f"-{SHARD}"
        return f"{ROOT}/data-{DATE}{hour}{shard}"

    @property
    def root(self) -> str | None:
        """The folder of the table; None where there is to be none."""
        return self.pattern.folder if self.table and self.pattern else None

    def form(self) -> tuple[Format, Options]:
        """Return in which form the files are; `InputError` where what is said does not agree."""
        if self.row is not None:
            _ = pattern_row(self.row)  # which says what is wrong with it
        options = Options(**{field: getattr(self, field) for field in Options._fields})
        store, name = locate(self.output) if self.output else (None, "")
        if store is not None and not isinstance(store, StreamStore):
            format, compression = choose_format(name, self.format, self.compression, "output")
            options = options._replace(compression=compression)
        else:
            format = find_format(self.format or (TABLE_FORMAT if self.table else DEFAULT_FORMAT))
        if self.table and format.name != TABLE_FORMAT:
            raise InputError(f"{format.name}: the files of a table are {TABLE_FORMAT}", "format")
        options.check(format)
        find_signal(self.signal)
        return format, options

    def specifications(
        self,
        measurements: Sequence[Measurement],
        seed: int,
        columns: tuple[Column, ...],
        fleet: Fleet,
    ) -> list[Specification]:
        """Return the specification of each file."""
        whole = [
            Specification(
                date,
                tuple(measurements),
                seed,
                self.interval,
                self.fuzz,
                columns,
                self.signal,
                part,
                faults=tuple(self.faults),
            )
            for date in self.dates()
            for part in self.parts
        ]
        if not self.pattern:
            return whole
        return [part for each in whole for part in self.pattern.divided(each, fleet)]

    def name(self, specification: Specification, suffix: str) -> str:
        """Return the name of a file that goes into the dataset."""
        if self.pattern:
            return self.pattern.name(specification, suffix)
        return specification.name + suffix
