"""The columns that depend on the server or the measurement only: made once, reused."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from synthpower.arrays import as_array, as_numpy, as_strings
from synthpower.fleet.fleet import Fleet
from synthpower.model.columns import CONSTANT, SERVER_FIELDS, Axis, Field
from synthpower.model.grid import Chunk
from synthpower.model.measurement import Measurement
from synthpower.model.specification import Specification

DICTIONARY_BYTES = 2**30  # of Parquet: no template falls back to plain strings


class Templates:
    """The strings of a fleet and its measurements, by field: those that a file's columns hold.

    Attributes
    ----------
    of_measurements : dict of str to pyarrow.DictionaryArray
        One string for each row of a server's step; constants, too. int32 indices; no duplicates
        in a dictionary.
    """

    def __init__(self, specification: Specification, fleet: Fleet) -> None:
        servers = fleet.by_serial
        codes = as_array(np.arange(len(fleet), dtype=np.int32))
        sn = pa.DictionaryArray.from_arrays(codes, servers.sn)
        known = {"sn": sn, **servers.templates}
        self._used = [column.field.name for column in specification.columns]
        self._rows = specification.grid(len(fleet), 1).measurements
        self._of_servers: dict[str, pa.DictionaryArray] = {}
        self.of_measurements: dict[str, pa.DictionaryArray] = {}
        for field in {column.field for column in specification.columns}:
            name = field.name
            if field.axes == Axis.SERVER:
                self._of_servers[name] = (
                    known[name] if name in SERVER_FIELDS else fleet.further.strings(name)
                )
            elif field.is_constant or field.axes == Axis.MEASUREMENT:
                rows = specification.measurements[: self._rows]
                strings = as_strings([string_of(field, m) for m in rows])
                self.of_measurements[name] = strings.dictionary_encode()

    def column(self, field: str, chunk: Chunk, whole: bool = False) -> pa.DictionaryArray:
        """Return a field's rows of a chunk; which steps these are makes no difference.

        With `whole` the dictionary of serial numbers has those of all servers.
        """
        if strings := self.of_measurements.get(field):
            rows = np.tile(as_numpy(strings.indices), chunk.steps * chunk.servers)
            return pa.DictionaryArray.from_arrays(as_array(rows), strings.dictionary)
        if whole:
            strings = self._of_servers[field].slice(chunk.first_server, chunk.servers)
        else:
            strings = self.of_servers(field, chunk.first_server, chunk.servers)
        rows = np.tile(np.repeat(as_numpy(strings.indices), self._rows), chunk.steps)
        return pa.DictionaryArray.from_arrays(as_array(rows), strings.dictionary)

    def of_servers(self, field: str, first: int, servers: int) -> pa.DictionaryArray:
        """Return a field's strings of some servers, the serial numbers of no others among them."""
        if field != "sn":
            return self._of_servers[field].slice(first, servers)
        codes = as_array(np.arange(servers, dtype=np.int32))
        numbers = self._of_servers["sn"].dictionary.slice(first, servers)
        return pa.DictionaryArray.from_arrays(codes, numbers)

    def distinct(self) -> dict[str, pa.StringArray]:
        """Return the distinct strings of each field."""
        columns = self._of_servers | self.of_measurements
        return {field: strings.dictionary for field, strings in columns.items()}

    def longest(
        self, field: str, escape: Callable[[pa.StringArray], pa.StringArray] | None = None
    ) -> int:
        """Return the bytes that a field's strings have at most, escaped where that is asked for."""
        strings = self.distinct()[field]
        return int(pc.max(pc.binary_length(escape(strings) if escape else strings)).as_py())

    def longest_row(self) -> int:
        """Return the bytes that the strings of a row have at most."""
        return sum(self.longest(field) for field in self._used if field in self.distinct())


def string_of(field: Field, measurement: Measurement) -> str:
    """Return what a field that depends on no server has for a measurement."""
    if field.is_constant:
        return field.name.removeprefix(CONSTANT)
    if field.name in ("name", "unit"):
        return str(getattr(measurement, field.name))
    return dict(measurement.facts).get(field.name, "")
