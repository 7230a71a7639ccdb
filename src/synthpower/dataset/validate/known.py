"""The servers and measurements that there are, and which of them each row is of."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from synthpower.arrays import as_numpy, as_strings
from synthpower.dataset.validate.cells import Numbers
from synthpower.fleet.fleet import Fleet
from synthpower.fleet.serials import server_keys
from synthpower.model.faults import Fault
from synthpower.model.measurement import Measurement

_DICTIONARY = pa.dictionary(pa.int32(), pa.string())


class Known:
    """An inventory's servers in the order of their serial numbers, and a measurement table."""

    def __init__(self, fleet: Fleet, table: list[Measurement]) -> None:
        self.servers = servers = fleet.by_serial
        self._by_key = np.argsort(servers.keys)
        self._keys = servers.keys[self._by_key]
        self.names = [m.name for m in table]
        self.units = [m.unit for m in table]
        self.minima = np.array([float(m.minimum) for m in table])
        self.scales = np.array([float(m.scale) for m in table])
        self._fleet, self._table = fleet, table
        # A value times this is whole; 0 where any double will do.
        self.powers = np.array([0.0 if m.decimals is None else 10.0**m.decimals for m in table])
        # Of each server, model and so on as an index; -1 for a server that is not known.
        self.templates = {
            name: (texts.dictionary, np.append(as_numpy(texts.indices), -1))
            for name, texts in servers.templates.items()
        }
        self._names = as_strings(self.names)
        self._units = as_strings(self.units)
        first = [self.units.index(unit) for unit in self.units]  # two may have one unit
        self._unit_of = np.array([*first, -1])

    def bounds(self, faults: Sequence[Fault] | None) -> NDArray[np.float64]:
        """Return the least and the greatest values, (2, measurements).

        Of files of the load signal the greatest are other ones than the scales.
        """
        if faults is None:
            return np.array([self.minima, self.scales])
        from synthpower.signals.load import greatest

        most = [greatest(each, self._fleet, faults) for each in self._table]
        return np.array([self.minima, most])

    @property
    def per_step(self) -> int:
        """How many readings a step has."""
        return len(self.servers.sn) * len(self.names)

    def servers_of(self, texts: pa.Array) -> Numbers:
        """Return the index of each row's server, -1 where it has none."""
        encoded = _encoded(texts)
        keys, _ = server_keys(encoded.dictionary)
        at = np.searchsorted(self._keys, keys).clip(max=self._keys.size - 1)
        return _spread(encoded, np.where(self._keys[at] == keys, self._by_key[at], -1))

    def names_of(self, texts: pa.Array) -> Numbers:
        """Return the index of each row's measurement, -1 where it has none."""
        return _codes(texts, self._names)

    def units_of(self, texts: pa.Array, names: Numbers) -> tuple[Numbers, Numbers]:
        """Return for each row a number for the unit that it has, and for the one it should have."""
        return _codes(texts, self._units), self._unit_of[names]

    def templates_of(
        self, name: str, texts: pa.Array, servers: Numbers
    ) -> tuple[Numbers, NDArray[np.integer]]:
        """Return the same of a column that depends on the server."""
        dictionary, own = self.templates[name]
        return _codes(texts, dictionary), own[servers]


def _encoded(texts: pa.Array) -> pa.DictionaryArray:
    """Return strings of any type, each different one once, and known to be UTF-8."""
    if texts.type == _DICTIONARY and not texts.dictionary.null_count:
        encoded = texts
    else:
        if texts.type != pa.string():
            texts.validate(full=True)
            texts = texts.cast(pa.string())
        encoded = texts.dictionary_encode()
    encoded.validate(full=True)  # a damaged file's indices may point anywhere
    return encoded


def _codes(texts: pa.Array, known: pa.StringArray) -> Numbers:
    """Return the index of each string among the known ones, -1 where it is none of them."""
    encoded = _encoded(texts)
    return _spread(encoded, as_numpy(pc.fill_null(pc.index_in(encoded.dictionary, known), -1)))


def _spread(encoded: pa.DictionaryArray, codes: NDArray[np.integer]) -> Numbers:
    """Return for each row what belongs to its string, -1 where it has none."""
    indices = as_numpy(pc.fill_null(encoded.indices, len(encoded.dictionary)))
    found: Numbers = np.append(codes.astype(np.int64), -1)[indices]
    return found
