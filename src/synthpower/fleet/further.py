"""What a fleet's tables have besides what is needed: further columns, a string for each server."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from synthpower.arrays import as_array, as_numpy, as_strings, by_appearance, string_buffers
from synthpower.errors import InputError, shown

if TYPE_CHECKING:
    from synthpower.model.kinds import Location, ServerType

Further = Callable[[str], pa.DictionaryArray | None]  # a column's name -> its strings

_CONTROL = r"[\x{00}-\x{1f}\x{7f}-\x{9f}]"


class FurtherColumns:
    """The further columns of a fleet's tables. Each is read once: every file of a run asks for it.

    Parameters
    ----------
    of_inventory : callable, optional
        Return a column of the inventory in its order, None where it has none of that name.
    templates : mapping of str to pyarrow.DictionaryArray
        The servers' product ids and locations, in the order of their serial numbers.
    order : callable
        Return which server of the inventory is first in that order, and so on.
    server_types, locations : sequence
    """

    def __init__(
        self,
        of_inventory: Further | None,
        templates: Mapping[str, pa.DictionaryArray],
        order: Callable[[], NDArray[np.int64]],
        server_types: Sequence[ServerType],
        locations: Sequence[Location],
    ) -> None:
        self._read_inventory = of_inventory
        self._templates = templates
        self._order = order
        self._server_types = server_types
        self._locations = locations
        self._of_inventory: dict[str, pa.DictionaryArray | None] = {}
        self._strings: dict[str, pa.DictionaryArray] = {}

    def strings(self, column: str) -> pa.DictionaryArray:
        """Return what each server has in a column, in the order of the serial numbers.

        The column is one of its inventory, of its server types or of its locations. A server of
        whose type or site the table says nothing has an empty string.

        Raises
        ------
        InputError
            Where no table has such a column, or several have, or it has control characters.
        """
        if column not in self._strings:
            self._strings[column] = self._read(column)
        return self._strings[column]

    def of_inventory(self, column: str) -> pa.DictionaryArray | None:
        """Return a column of the inventory in its order, None where it has none of that name."""
        if column not in self._of_inventory:
            found = self._read_inventory(column) if self._read_inventory else None
            self._of_inventory[column] = found
        return self._of_inventory[column]

    def check(self, columns: Sequence[str], unknown: Sequence[str]) -> None:
        """Raise `InputError` unless one table each has these columns, and none has the unknown."""
        for column in columns:
            _ = self.strings(column)
        for column in unknown:
            known, *others = self._tables_with(column)
            if known is not None or any(others):
                raise InputError(
                    f"source {shown(column)!r}: a table of measurements and one of servers have a "
                    f"column of that name; rename one",
                    "columns",
                )

    def digest(self, digest: str, columns: Sequence[str]) -> str:
        """Return the SHA-256 of another digest and of the strings of some columns."""
        whole = hashlib.sha256(digest.encode())
        for column in columns:
            strings = self.strings(column)
            whole.update(column.encode())
            update(whole, strings.dictionary)
            whole.update(as_numpy(strings.indices).astype("<i4").tobytes())
        return whole.hexdigest()

    def _read(self, column: str) -> pa.DictionaryArray:
        known, of_types, of_sites = self._tables_with(column)
        found = [known is not None, bool(of_types), bool(of_sites)]
        if sum(found) != 1:
            tables = ("the inventory", "the server types", "the locations")
            named = " and ".join(t for t, there in zip(tables, found, strict=True) if there)
            why = f"{named} have one" if named else "no table has one"
            raise InputError(f"source {shown(column)!r}: {why} of that name", "columns")
        if known is not None:
            strings = by_appearance(as_numpy(known.indices), known.dictionary, self._order())
        else:
            own, facts = ("product_id", of_types) if of_types else ("location", of_sites)
            template = self._templates[own]
            texts = [facts.get(text, "") for text in template.dictionary.to_pylist()]
            encoded = as_strings(texts).dictionary_encode()
            indices = as_numpy(encoded.indices)[as_numpy(template.indices)]
            strings = pa.DictionaryArray.from_arrays(as_array(indices), encoded.dictionary)
        if pc.any(pc.match_substring_regex(strings.dictionary, _CONTROL)).as_py():
            raise InputError(f"source {shown(column)!r}: a control character in it", "columns")
        return strings

    def _tables_with(
        self, column: str
    ) -> tuple[pa.DictionaryArray | None, dict[str, str], dict[str, str]]:
        """Return what the inventory, the server types and the locations say in a column."""
        known = self.of_inventory(column)
        of_types = {t.product_id: t.facts[column] for t in self._server_types if column in t.facts}
        of_sites = {s.location: s.facts[column] for s in self._locations if column in s.facts}
        return known, of_types, of_sites


class PickedColumns(FurtherColumns):
    """The further columns of some servers, by those of all."""

    def __init__(self, columns: Callable[[], FurtherColumns], which: pa.Array) -> None:
        self._columns = columns
        self._which = which

    def strings(self, column: str) -> pa.DictionaryArray:
        known = self._columns().strings(column)
        return pa.DictionaryArray.from_arrays(known.indices.take(self._which), known.dictionary)


def update(digest: hashlib._Hash, strings: pa.StringArray) -> None:
    """Add strings to a digest: their lengths in four bytes each, then the strings."""
    data, offsets = string_buffers(strings)
    digest.update(np.diff(offsets).astype("<u4").tobytes())
    digest.update(data[offsets[0] : offsets[-1]].tobytes())
