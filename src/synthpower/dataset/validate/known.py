"""The servers and measurements that there are, and which of them each row is of."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from synthpower.arrays import as_numpy, as_strings
from synthpower.dataset.validate.texts import Codes, Flags, KnownTexts, TextColumn
from synthpower.errors import InputError
from synthpower.fleet.fleet import Fleet
from synthpower.model.columns import (
    COLUMNS,
    FIELDS,
    Axis,
    Column,
    Kind,
    check_columns,
    further_columns,
    is_wide,
    measurements_of,
)
from synthpower.model.faults import Fault
from synthpower.model.measurement import Measurement

NAME, SN = "name", "sn"


class Facts:
    """A text of each server, or of each measurement.

    Attributes
    ----------
    strings : pyarrow.StringArray
        The different texts.
    own : (things,) int32
        Which of them each has.
    """

    def __init__(self, texts: pa.DictionaryArray) -> None:
        self.strings = texts.dictionary
        self.own: Codes = as_numpy(texts.indices)
        self._known = KnownTexts(self.strings)

    @property
    def differ(self) -> bool:
        """Whether no two have the same text."""
        return np.unique(self.own).size == self.own.size

    def others(self, texts: TextColumn, things: Codes) -> Flags:
        """Return which rows have another text than the server or measurement that they are of."""
        return texts.others(self._known, self.own, things)

    def find(self, texts: TextColumn) -> Codes:
        """Return which server or measurement each row's text is of, -1 where it is of none."""
        of_text = np.full(len(self.strings) + 1, -1, np.int32)
        of_text[self.own] = np.arange(self.own.size)
        found: Codes = of_text[texts.find(self._known)]
        return found


class Things:
    """The servers, or the measurements: what a row is of.

    Parameters
    ----------
    axis : Axis
    name : str
        What one of them is called.
    where : str
        What they are listed in.
    columns : iterable of Column
        Some may say which of them a row is of, and others what is true of it.
    facts_of : callable
        Returns what each of them has, by a column's source.

    Attributes
    ----------
    key : str or None
        The column that says which of them a row is of.
    facts : dict of str to Facts
        What other columns say of them.
    """

    def __init__(
        self,
        axis: Axis,
        name: str,
        where: str,
        columns: Iterable[Column],
        facts_of: Callable[[str], pa.DictionaryArray],
    ) -> None:
        self.rule, self.name, self.where = f"{name}s", name, where
        own = [column for column in columns if column.field.axes == axis]
        # By serial number or name, where they are there.
        own.sort(key=lambda column: column.field.name not in (SN, NAME))
        self.facts = {c.name: Facts(facts_of(c.field.name)) for c in own}
        self.key = next((c.name for c in own if self.facts[c.name].differ), None)
        self._keys = self.facts.pop(self.key) if self.key else None

    def of(self, texts: TextColumn) -> Codes:
        """Return which of them each row is of, -1 where it is of none."""
        assert self._keys
        return self._keys.find(texts)


class Known:
    """An inventory's servers in the order of their serial numbers, and a measurement table.

    Parameters
    ----------
    fleet : Fleet
    table : list of Measurement
    columns : sequence of Column
        Those of the files.

    Raises
    ------
    InputError
        Where the columns do not say what a row is of, or the tables do not have one of them.
    """

    def __init__(
        self, fleet: Fleet, table: list[Measurement], columns: Sequence[Column] = COLUMNS
    ) -> None:
        self.columns = columns = check_columns(column.of_tables(table) for column in columns)
        self.wide = is_wide(columns)
        self._fleet, self._table = fleet, measurements_of(columns, table)
        self.servers = servers = fleet.by_serial
        self.names = [m.name for m in self._table]
        # A value times this is whole; 0 where any double will do.
        self.powers = np.array(
            [0.0 if m.decimals is None else 10.0**m.decimals for m in self._table]
        )
        further = further_columns(columns)
        others = [c.field.name for c in columns if c.field.axes == Axis.MEASUREMENT]
        others = [name for name in others if name not in FIELDS]
        if further or others:
            fleet.further.check(further, others)
        self.of_servers = Things(Axis.SERVER, "server", "inventory", columns, self._of_server)
        self.of_measurements = Things(
            Axis.MEASUREMENT, "measurement", "measurement table", columns, self._of_measurement
        )
        self.constants = {
            column.name: Facts(as_strings([column.field.name[1:]]).dictionary_encode())
            for column in columns
            if column.field.is_constant
        }
        self.sites = servers.templates["location"]
        self._sn = KnownTexts(servers.sn)
        self._check_keys()

    def _of_server(self, name: str) -> pa.DictionaryArray:
        if name == SN:
            return self.servers.sn.dictionary_encode()
        return self.servers.templates.get(name) or self._fleet.further.strings(name)

    def _of_measurement(self, name: str) -> pa.DictionaryArray:
        texts = [
            m.name if name == NAME else m.unit if name == "unit" else dict(m.facts).get(name, "")
            for m in self._table
        ]
        return as_strings(texts).dictionary_encode()

    def _check_keys(self) -> None:
        if not self.of_servers.key:
            raise InputError(
                "no column says which server a row is of; add sn, or one that differs for all"
            )
        if not (self.of_measurements.key or self.wide or len(self.names) == 1):
            raise InputError("no column says which measurement a row is of; add name")
        if not any(column.field.kind is Kind.TIMESTAMP for column in self.columns):
            raise InputError("no column has a time; add start_time or end_time")

    def bounds(self, faults: Sequence[Fault] | None) -> NDArray[np.float64]:
        """Return the least and the greatest values, (2, measurements).

        Of files of the load signal the greatest are other ones than the scales.
        """
        least = [float(m.minimum) for m in self._table]
        if faults is None:
            return np.array([least, [float(m.scale) for m in self._table]])
        from synthpower.signals.load import greatest

        return np.array([least, [greatest(each, self._fleet, faults) for each in self._table]])

    @property
    def per_step(self) -> int:
        """How many readings a step has."""
        return len(self.servers.sn) * len(self.names)

    def find_sn(self, texts: TextColumn) -> Codes:
        """Return the index of the server that has each serial number, -1 where none has."""
        return texts.find(self._sn)
