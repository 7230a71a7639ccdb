"""The servers and measurements that there are, and which of them each row is of."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from synthpower.arrays import as_numpy, as_strings
from synthpower.dataset.validate.texts import Codes, Column, Flags, KnownTexts
from synthpower.fleet.fleet import Fleet
from synthpower.model.faults import Fault
from synthpower.model.measurement import Measurement


class Facts:
    """A text of each server, or of each measurement.

    Attributes
    ----------
    strings : pyarrow.StringArray
        The different texts.
    own : (things,) int32
        Which of them each has.
    """

    def __init__(self, strings: pa.StringArray, own: NDArray[np.integer]) -> None:
        self.strings = strings
        self._known = KnownTexts(strings)
        self.own = own.astype(np.int32)

    def others(self, texts: Column, things: Codes) -> Flags:
        """Return which rows have another text than the server or measurement that they are of."""
        return texts.others(self._known, self.own, things)


class Things:
    """The servers, or the measurements: what a row is of.

    Attributes
    ----------
    rule : str
        What rows break that are of none of them, or say something else of them.
    key : str
        The column that says which of them it is.
    where : str
        What they are listed in.
    one : str
        What one of them is called.
    facts : dict of str to Facts
        What other columns say of them.
    """

    def __init__(
        self,
        rule: str,
        key: str,
        where: str,
        one: str,
        keys: pa.StringArray,
        facts: dict[str, Facts],
    ) -> None:
        self.rule, self.key, self.where, self.one, self.facts = rule, key, where, one, facts
        self._keys = KnownTexts(keys)

    def of(self, texts: Column) -> Codes:
        """Return which of them each row is of, -1 where it is of none."""
        return texts.find(self._keys)


class Known:
    """An inventory's servers in the order of their serial numbers, and a measurement table."""

    def __init__(self, fleet: Fleet, table: list[Measurement]) -> None:
        self.servers = servers = fleet.by_serial
        self.names = [m.name for m in table]
        self._fleet, self._table = fleet, table
        # A value times this is whole; 0 where any double will do.
        self.powers = np.array([0.0 if m.decimals is None else 10.0**m.decimals for m in table])
        of_server = {
            name: Facts(texts.dictionary, as_numpy(texts.indices))
            for name, texts in servers.templates.items()
        }
        units = [m.unit for m in table]
        different = list(dict.fromkeys(units))  # two may have one unit
        own = np.array([different.index(unit) for unit in units])
        of_measurement = {"unit": Facts(as_strings(different), own)}
        self.things = (
            Things("servers", "sn", "inventory", "server", servers.sn, of_server),
            Things(
                "measurements", "name", "measurement table", "measurement",
                as_strings(self.names), of_measurement,
            ),
        )  # fmt: skip

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

    def servers_of(self, texts: Column) -> Codes:
        """Return the index of each row's server, -1 where it has none."""
        return self.things[0].of(texts)

    def measurements_of(self, texts: Column) -> Codes:
        """Return the index of each row's measurement, -1 where it has none."""
        return self.things[1].of(texts)
