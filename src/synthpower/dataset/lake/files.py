"""What a table is told of a file: its rows and bytes, and the bounds of its columns.

All of it is known from what the file was made from and its totals; no file is read. Engines skip
files by the bounds, and answer ``min`` and ``max`` from them: they are exact, or left out.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from functools import partial
from typing import Any, NamedTuple, Protocol

import numpy as np

from synthpower.arrays import as_numpy
from synthpower.dataset.entries import Entry
from synthpower.errors import InputError
from synthpower.fleet.fleet import Fleet
from synthpower.formats.batches import PRECISION, decimals_of
from synthpower.formats.templates import Templates
from synthpower.model.calendar import EPOCH, TIME_UNITS
from synthpower.model.columns import LOCAL, START, Axis, Column, Kind
from synthpower.model.grid import Chunk
from synthpower.model.specification import Specification
from synthpower.model.total import Total, no_readings, total_of_json
from synthpower.signals.steps import Steps
from synthpower.storage import LocalStore, ObjectStore, Store

_LONGEST_BOUND = 4096  # bytes of a string; of longer ones the file itself says none either


class Bounds(NamedTuple):
    """The least and the greatest value of a column, None where all are null, and its nulls."""

    least: Any
    greatest: Any
    nulls: int = 0


class TableFile(NamedTuple):
    """A file of a table.

    Attributes
    ----------
    name : str
        Below the table's folder.
    rows, bytes : int
    bounds : mapping of str to Bounds
        Of those columns of which they are known. Times are `datetime`, in UTC.
    """

    name: str
    rows: int
    bytes: int
    bounds: Mapping[str, Bounds]


class Log(Protocol):
    """The record of a table: which files it has.

    Attributes
    ----------
    columns : dict of str to str or None
        The types of the table's columns, as `columns_of` names them; None before there is a table.
    """

    columns: dict[str, str] | None

    def __init__(self, store: Store, root: str) -> None:
        """Open the log of a folder.

        Raises
        ------
        InputError
            Where the log cannot be read, or the store can have none.
        """
        ...

    @staticmethod
    def check(columns: Mapping[str, str], name: str) -> None:
        """Raise `InputError` where such a table cannot have these columns, or a file so named."""
        ...

    def missing(self, files: Sequence[TableFile]) -> list[TableFile]:
        """Return the files that the table does not have, or of which it says something else."""
        ...

    def add(self, columns: Mapping[str, str], files: Sequence[TableFile]) -> None:
        """Add files, in one commit, in place of those of their names; make the table with it."""
        ...


def columns_of(specification: Specification) -> dict[str, str]:
    """Return the types of the columns of a table.

    ``string``, ``timestamp`` (in UTC), ``long``, ``double``, ``float`` or ``decimal(18,2)``.
    """
    return {column.name: _type_of(column, specification) for column in specification.columns}


def _type_of(column: Column, specification: Specification) -> str:
    if column.kind is Kind.DECIMAL:
        return f"decimal({PRECISION},{decimals_of(column, specification)})"
    return "long" if column.kind is Kind.INTEGER else column.kind.value


class FileFacts:
    """Makes a `TableFile` of an entry; what files have in common is worked out once.

    Parameters
    ----------
    fleet : Fleet
        Of all sites.
    """

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet
        self._strings: dict[object, dict[str, Bounds]] = {}

    def of(self, name: str, entry: Entry) -> TableFile:
        """Return what a table is told of a file, which is whole."""
        specification, _ = entry.parse()
        fleet = self._fleet.at(specification.location)
        assert entry.rows is not None
        assert entry.bytes is not None
        if not entry.rows:  # a shard of very many
            return TableFile(name, 0, entry.bytes, {})
        key = specification.undated
        if key not in self._strings:
            self._strings[key] = dict(_bounds_of_strings(specification, fleet))
        bounds = dict(self._strings[key])
        bounds.update(_bounds_of_times(specification, fleet))
        bounds.update(_bounds_of_values(specification, _totals_of(specification, entry)))
        return TableFile(name, entry.rows, entry.bytes, bounds)


def _bounds_of_strings(specification: Specification, fleet: Fleet) -> Iterator[tuple[str, Bounds]]:
    """Yield the bounds of the columns that depend on the server or the measurement alone."""
    templates = Templates(specification, fleet)
    blocks = list(specification.grid(len(fleet), 1).blocks())
    for column in specification.columns:
        if column.field.kind is not Kind.STRING:
            continue
        if Axis.SERVER in column.axes:
            found = set()
            for block in blocks:
                some = templates.of_servers(column.field.name, block.first_server, block.servers)
                codes = np.unique(as_numpy(some.indices))
                if column.field.name == "sn":  # in their order
                    codes = codes[[0, -1]]
                found |= {some.dictionary[code].as_py() for code in codes.tolist()}
        else:
            found = {*templates.of_measurements[column.field.name].dictionary.to_pylist()}
        # Python orders code points, which is the order of the bytes of UTF-8.
        bounds = Bounds(min(found), max(found))
        if all(len(each.encode()) <= _LONGEST_BOUND for each in bounds[:2]):
            yield column.name, bounds


def _bounds_of_times(specification: Specification, fleet: Fleet) -> Iterator[tuple[str, Bounds]]:
    """Yield the bounds of the columns of times: the first and the last step have them.

    A sample is late by less than the interval.
    """
    columns = [c for c in specification.columns if c.field.kind is Kind.TIMESTAMP]
    if not columns:
        return
    steps = Steps(specification)
    blocks = list(specification.grid(len(fleet), 1).blocks())
    first, last = blocks[0], blocks[-1]
    last = last._replace(first_step=last.first_step + last.steps - 1)
    times = [_times(steps, chunk, specification.start, fleet) for chunk in (first, last)]
    for column in columns:
        if column.format == LOCAL:  # text, of the sites' hours
            continue
        which = 0 if column.field == START else 1
        least, greatest = int(times[0][which].min()), int(times[1][which].max())
        if column.kind is Kind.TIMESTAMP:
            yield column.name, Bounds(_time(least), _time(greatest))
        else:
            unit = TIME_UNITS[column.format]
            yield column.name, Bounds(least * unit, greatest * unit)


def _times(steps: Steps, chunk: Chunk, start: int, fleet: Fleet) -> Any:
    """Return when the first step of a chunk begins and ends: (2, servers or 1)."""
    boundaries = steps.boundaries(chunk._replace(steps=1), start)
    if not steps.fuzz:
        return boundaries.reshape(-1, 1)
    times = np.empty((2, chunk.servers), np.int64)
    keys = fleet.by_serial.keys_of(chunk)
    steps.fill_late(keys, boundaries, boundaries, 1, times[:, :, np.newaxis])
    return times


def _time(seconds: int) -> datetime:
    return EPOCH + timedelta(seconds=seconds)


def _totals_of(specification: Specification, entry: Entry) -> dict[str, Total]:
    """Return the recorded totals; `Entry.parse_totals` would make the specification once more."""
    made = {
        each.name: total_of_json(each.decimals, (entry.totals or {}).get(each.name))
        for each in specification.measurements
    }
    return {name: total for name, total in made.items() if total}


def _bounds_of_values(
    specification: Specification, totals: Mapping[str, Total]
) -> Iterator[tuple[str, Bounds]]:
    for column in specification.columns:
        measured = specification.measurements_in(column) if column.field.is_value else ()
        if not measured or any(each.name not in totals for each in measured):
            continue
        total = sum((totals[each.name] for each in measured), no_readings(0))
        as_stored = partial(_as_stored, column, decimals_of(column, specification))
        yield column.name, Bounds(as_stored(total.minimum), as_stored(total.maximum), total.absent)


def _as_stored(column: Column, decimals: int, number: Fraction | None) -> Any:
    """Return a value as a column of its type has it."""
    if number is None:
        return None
    if column.kind is Kind.INTEGER:
        return int(number)
    if column.kind is Kind.DECIMAL:
        return Decimal(int(number * 10**decimals)).scaleb(-decimals)
    double = float(number)
    return float(np.float32(double)) if column.kind is Kind.FLOAT else double


def location_of(store: Store, root: str, buckets: bool) -> str:
    """Return the path of a table's folder, or its URL where such a table may be in a bucket.

    Raises
    ------
    InputError
        Where it can be neither.
    """
    if isinstance(store, LocalStore):
        return os.path.join(os.path.abspath(store.directory), root)  # noqa: PTH100, PTH118 - links stay
    if isinstance(store, ObjectStore) and buckets:
        return f"{store.url}/{root}"
    where = "in a directory or a bucket" if buckets else "in a directory"
    raise InputError(f"{store.label('')}: such a table is made {where} only", "table")


def has_folder(store: Store, name: str) -> bool:
    """Return whether there is a folder; a bucket has none, but names that begin so."""
    return store.exists(name) or (isinstance(store, ObjectStore) and bool(store.names(f"{name}/*")))
