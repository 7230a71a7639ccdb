"""The columns that depend on the server or the measurement only: made once, reused."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from synthpower.arrays import as_array, as_numpy, as_strings
from synthpower.fleet.fleet import Fleet
from synthpower.model.columns import MEASUREMENT_FIELDS
from synthpower.model.grid import Chunk
from synthpower.model.specification import Specification

DICTIONARY_BYTES = 2**30  # of Parquet: no template falls back to plain strings


class Templates:
    """The strings of a fleet and its measurements, by field.

    Attributes
    ----------
    of_measurements : dict of str to pyarrow.DictionaryArray
        One string for each measurement. int32 indices; no duplicates in a dictionary.
    """

    def __init__(self, specification: Specification, fleet: Fleet) -> None:
        servers = fleet.by_serial
        codes = as_array(np.arange(len(fleet), dtype=np.int32))
        sn = pa.DictionaryArray.from_arrays(codes, servers.sn)
        self._of_servers = {"sn": sn, **servers.templates}
        self.of_measurements = {
            field: as_strings(
                [getattr(m, field) for m in specification.measurements]
            ).dictionary_encode()
            for field in MEASUREMENT_FIELDS
        }
        self._used = [column.field.name for column in specification.columns]

    def column(self, field: str, chunk: Chunk, whole: bool = False) -> pa.DictionaryArray:
        """Return a field's rows of a chunk; which steps these are makes no difference.

        With `whole` the dictionary of serial numbers has those of all servers.
        """
        measurements = len(self.of_measurements["name"])
        if strings := self.of_measurements.get(field):
            rows = np.tile(as_numpy(strings.indices), chunk.steps * chunk.servers)
            return pa.DictionaryArray.from_arrays(as_array(rows), strings.dictionary)
        if whole:
            strings = self._of_servers[field].slice(chunk.first_server, chunk.servers)
        else:
            strings = self.of_servers(field, chunk.first_server, chunk.servers)
        rows = np.tile(np.repeat(as_numpy(strings.indices), measurements), chunk.steps)
        return pa.DictionaryArray.from_arrays(as_array(rows), strings.dictionary)

    def of_servers(self, field: str, first: int, servers: int) -> pa.DictionaryArray:
        """Return a field's strings of some servers, the serial numbers of no others among them."""
        if field != "sn":
            return self._of_servers[field].slice(first, servers)
        codes = as_array(np.arange(servers, dtype=np.int32))
        numbers = self._of_servers["sn"].dictionary.slice(first, servers)
        return pa.DictionaryArray.from_arrays(codes, numbers)

    def distinct(self) -> list[pa.StringArray]:
        """Return the distinct strings of each column that there is."""
        columns = self._of_servers | self.of_measurements
        return [columns[field].dictionary for field in self._used if field in columns]

    def longest_row(self) -> int:
        """Return the bytes that the strings of a row have at most."""
        widths = [pc.max(pc.binary_length(strings)).as_py() for strings in self.distinct()]
        return int(sum(widths))
