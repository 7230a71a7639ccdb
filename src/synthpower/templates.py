"""The columns that depend on the server or the measurement only: made once, reused."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from synthpower.arrow import as_array, as_numpy, as_texts
from synthpower.grid import Chunk
from synthpower.inventory import Inventory
from synthpower.specification import Specification

OF_SERVERS = ("sn", "model", "product_id", "location")
OF_MEASUREMENTS = ("unit", "name")


class Templates:
    """The template columns of an inventory and its measurements.

    Attributes
    ----------
    server_texts, measurement_texts : dict of str to pyarrow.DictionaryArray
        Each column's texts: one for each server, in the order of the serial numbers,
        or for each measurement. int32 indices; no text stands in a dictionary twice.
    """

    def __init__(self, specification: Specification, inventory: Inventory) -> None:
        servers = inventory.by_serial
        places = as_array(np.arange(len(inventory), dtype=np.int32))
        sn = pa.DictionaryArray.from_arrays(places, servers.sn)
        self.server_texts = {"sn": sn, **servers.templates}
        self.measurement_texts = {
            column: as_texts(
                [getattr(m, column) for m in specification.measurements]
            ).dictionary_encode()
            for column in OF_MEASUREMENTS
        }

    def column(self, name: str, chunk: Chunk) -> pa.DictionaryArray:
        """Return a column's rows of a chunk; which steps these are makes no difference."""
        measurements = len(self.measurement_texts["name"])
        if texts := self.measurement_texts.get(name):
            rows = np.tile(as_numpy(texts.indices), chunk.steps * chunk.servers)
            return pa.DictionaryArray.from_arrays(as_array(rows), texts.dictionary)
        texts = self.of_servers(name, chunk.first_server, chunk.servers)
        rows = np.tile(np.repeat(as_numpy(texts.indices), measurements), chunk.steps)
        return pa.DictionaryArray.from_arrays(as_array(rows), texts.dictionary)

    def of_servers(self, name: str, first: int, servers: int) -> pa.DictionaryArray:
        """Return a column's texts of some servers, the serial numbers of no others among them."""
        if name != "sn":
            return self.server_texts[name].slice(first, servers)
        places = as_array(np.arange(servers, dtype=np.int32))
        numbers = self.server_texts["sn"].dictionary.slice(first, servers)
        return pa.DictionaryArray.from_arrays(places, numbers)

    def distinct_texts(self) -> list[pa.StringArray]:
        """Return the distinct texts of each column."""
        columns = [*self.server_texts.values(), *self.measurement_texts.values()]
        return [column.dictionary for column in columns]

    def longest_row(self) -> int:
        """Return the bytes that the texts of a row have at most."""
        widths = [pc.max(pc.binary_length(texts)).as_py() for texts in self.distinct_texts()]
        return int(sum(widths))
