"""A fleet: its servers in the order of an inventory, and in that of their serial numbers."""

from __future__ import annotations

import hashlib
import json
import pickle
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple, Self, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from synthpower.arrays import as_array, as_numpy, by_appearance
from synthpower.errors import InputError, shown, whole_number
from synthpower.fleet.csv_file import REPEATING, explain, read_further, read_table, render
from synthpower.fleet.further import Further, FurtherColumns, PickedColumns, update
from synthpower.fleet.serials import CAPACITY, server_keys, unpacked
from synthpower.lazy import lazy
from synthpower.model.description import FleetRecord
from synthpower.model.grid import Chunk
from synthpower.model.streams import SEED_LIMIT, draw_seed

if TYPE_CHECKING:
    from synthpower.model.kinds import Location, ServerType
    from synthpower.tables.reader import Source

Kinds = tuple[Sequence["ServerType"], Sequence["Location"]]

T = TypeVar("T")

_CONTROL = r"[\x{00}-\x{1f}\x{7f}-\x{9f}]"
_EMPTY_OR_CONTROL = rf"^$|{_CONTROL}"


class Servers(NamedTuple):
    """The servers of a fleet in the order of their serial numbers' bytes.

    Attributes
    ----------
    keys : (servers,) uint64
        Their coordinates.
    ascending : (servers,) uint64
        The same, ascending.
    sn : pyarrow.StringArray
        Their serial numbers.
    templates : dict of str to pyarrow.DictionaryArray
        `model`, `product_id` and `location`, int32 indices, no value twice, in order
        of their appearance: the same servers give the same bytes, however they came.
    """

    keys: NDArray[np.uint64]
    ascending: NDArray[np.uint64]
    sn: pa.StringArray
    templates: dict[str, pa.DictionaryArray]

    def keys_of(self, chunk: Chunk) -> NDArray[np.uint64]:
        """Return the coordinates of a chunk's servers."""
        return self.keys[chunk.first_server : chunk.first_server + chunk.servers]


class Fleet:
    """Servers: serial number, model, product id and location of each.

    Make one with `generate` or `read`; the initialiser takes a checked table.

    Attributes
    ----------
    table : pyarrow.Table
        One row for each server, in index order; columns `sn` (string), `model`,
        `product_id` and `location` (int32 dictionaries of strings, one for all chunks).
    seed : int or None
        The seed that it was made from, where that is known.
    server_types, locations : sequence
        What is known of its products and its sites: what it was drawn from.
    further : callable, optional
        Of the initialiser: return the strings of a further column of the inventory, in the order
        of `table`, None where it has none of that name.
    """

    def __init__(
        self,
        table: pa.Table,
        seed: int | None = None,
        kinds: Kinds | Callable[[], Kinds] = ((), ()),
        further: Further | None = None,
    ) -> None:
        self.table = table
        self.seed = seed
        self._given = kinds
        self._further = further

    @lazy
    def kinds(self) -> Kinds:
        """Its server types and its locations; read when a signal first needs them."""
        return self._given() if callable(self._given) else self._given

    @property
    def server_types(self) -> Sequence[ServerType]:
        return self.kinds[0]

    @property
    def locations(self) -> Sequence[Location]:
        return self.kinds[1]

    def __len__(self) -> int:
        return int(self.table.num_rows)

    def __repr__(self) -> str:
        seed = "" if self.seed is None else f", seed={self.seed}"
        return f"<{type(self).__name__} of {len(self):,} servers{seed}>"

    def __getstate__(self) -> dict[str, Any]:
        """Leave out what can be worked out again: two thirds of the bytes.

        The table goes as bytes: who sends its buffers apart (Dask) may put them at any address,
        and the kernels need aligned ones.
        """
        return {
            "table": pickle.dumps(self.table),
            "seed": self.seed,
            "_given": self.kinds,
            "_further": self._further,
        }

    def __setstate__(self, state: dict[str, Any]) -> None:
        table = pickle.loads(state["table"])  # noqa: S301 - as all that is unpickled here
        self.__dict__.update(state, table=table)

    def at(self, location: str | None) -> Self:
        """Return the servers of one site, none where there is no such site; of None, all.

        What a server's readings are does not depend on the others.
        """
        if location is None:
            return self
        sites: dict[str, Self] = self._sites
        if location not in sites:
            column = self.table["location"].combine_chunks()
            names = column.dictionary.to_pylist()  # a scalar of pyarrow's would import pandas
            code = names.index(location) if location in names else -1
            there = np.flatnonzero(as_numpy(column.indices) == code)
            table = self.table.take(as_array(there)).combine_chunks()
            further = partial(self._further_of, as_array(there))
            sites[location] = type(self)(table, None, lambda: self.kinds, further)
        return sites[location]

    def _further_of(self, rows: pa.Array, column: str) -> pa.DictionaryArray | None:
        known = self.further.of_inventory(column)
        return None if known is None else known.take(rows)

    @lazy
    def _sites(self) -> dict[str, Self]:
        """The servers of sites, as far as they were asked for."""
        return {}

    @classmethod
    def generate(
        cls,
        count: int,
        seed: int | None = None,
        server_types: Sequence[ServerType] | None = None,
        locations: Sequence[Location] | None = None,
    ) -> Self:
        """Make servers; server i is a pure function of the seed, the tables and i.

        Parameters
        ----------
        count : int
            The number of servers, 1 to `CAPACITY`.
        seed : int, optional
            0 <= seed < 2**63; drawn from the system where none is given.
        server_types, locations : sequence, optional
            What to choose from, evenly but for the weights; the shipped tables otherwise.

        Raises
        ------
        InputError
            Where count or seed is out of range, or a table cannot be drawn from.
        """
        from synthpower.fleet.draw import draw_servers
        from synthpower.model.kinds import Location, ServerType
        from synthpower.tables import read_locations, read_server_types

        count = check_count(count)
        seed = draw_seed() if seed is None else whole_number(seed, "seed")
        if not 0 <= seed < SEED_LIMIT:
            raise InputError(f"{shown(seed)}: it must be 0 to 2^63 - 1", "seed")
        types = _checked(
            read_server_types() if server_types is None else server_types,
            ServerType,
            "server_types",
        )
        sites = _checked(
            read_locations() if locations is None else locations, Location, "locations"
        )
        return cls(draw_servers(count, seed, types, sites), seed, (types, sites))

    @classmethod
    def read_file(
        cls,
        source: Source,
        advice: str,
        seed: int | None = None,
        kinds: Kinds | Callable[[], Kinds] = ((), ()),
    ) -> Self:
        """Read the servers of a CSV file and check them.

        Parameters
        ----------
        source : path
            A CSV file with the columns sn, model, product_id and location, in any
            order, others ignored.
        advice : str
            What to do where there is no server in it.
        seed, kinds
            As of the initialiser.

        Raises
        ------
        InputError
            Naming file and line: see `tables.reader.read_rows`; also a duplicate serial number,
            a product id with two models, no server at all.
        """
        try:
            fleet = cls(read_table(source), seed, kinds, partial(read_further, source))
            fleet._check()
        except (pa.ArrowException, InputError, OSError) as error:
            try:
                explain(source, advice)  # names the line; slower, only where something is wrong
            except OSError as failed:
                reason = failed.strerror or failed
                raise InputError(f"{source}: cannot be read: {reason}") from None
            raise InputError(f"{source}: {error}") from None
        return fleet

    def render(self) -> Iterator[Any]:
        """Yield the bytes of inventory.csv, one piece after the other."""
        return render(self.table, self._distinct_strings())

    @lazy
    def by_serial(self) -> Servers:
        """The servers in the order of their serial numbers' bytes, with their keys.

        Raises
        ------
        InputError
            Where a serial number is a duplicate, or two have the same hash.
        """
        keys, hashed = self._keys
        ascending = np.sort(keys)
        duplicate = np.flatnonzero(ascending[1:] == ascending[:-1])
        if duplicate.size:
            both = np.flatnonzero(keys == ascending[duplicate[0]])[:2]
            raise InputError(_same_key(*self.table["sn"].take(as_array(both)).to_pylist()))
        if hashed.size:
            order = self._serial_order()
            unordered = self.table["sn"].combine_chunks()
            by_serial, sn = keys[order], unordered.take(as_array(order))
        else:  # a packed key orders as its serial number does, and holds it
            order = self._serial_order()
            by_serial, sn = ascending, unpacked(ascending)
        templates = {}
        for name in REPEATING:  # much faster than taking the rows of a table in chunks
            column = self.table[name].combine_chunks()
            templates[name] = by_appearance(as_numpy(column.indices), column.dictionary, order)
        return Servers(by_serial, ascending, sn, templates)

    def _serial_order(self) -> NDArray[np.int64]:
        """Return which row of the table is first in the order of the serial numbers, and so on."""
        keys, hashed = self._keys
        if not hashed.size:
            return np.argsort(keys)
        return as_numpy(pc.sort_indices(self.table["sn"].combine_chunks())).astype(np.int64)

    @lazy
    def further(self) -> FurtherColumns:
        """The further columns of its tables."""
        order = self._serial_order
        return FurtherColumns(self._further, self.by_serial.templates, order, *self.kinds)

    @lazy
    def _keys(self) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
        return server_keys(self.table["sn"])

    def picked(self, which: NDArray[np.integer]) -> Fleet:
        """Return some of the servers, by their places in `by_serial`, and in this order.

        For readings: those of a server do not depend on others, nor on the order.
        """
        servers = self.by_serial
        chosen = as_array(which.astype(np.int64))
        keys, sn = servers.keys[which], servers.sn.take(chosen)
        templates = {
            name: pa.DictionaryArray.from_arrays(each.indices.take(chosen), each.dictionary)
            for name, each in servers.templates.items()
        }
        picked = Fleet(pa.table({"sn": sn, **templates}), self.seed, lambda: self.kinds)
        picked.__dict__["by_serial"] = Servers(keys, np.sort(keys), sn, templates)
        picked.__dict__["further"] = PickedColumns(lambda: self.further, chosen)
        return picked

    def record(self, facts: Sequence[str] = (), further: Sequence[str] = ()) -> FleetRecord:
        """Return what a record says of the fleet.

        Its digest is the SHA-256 of the servers in the order of their serial numbers: the
        lengths of the numbers in four bytes each, the numbers; then for model, product_id and
        location the same of the distinct values in order of appearance, and which of
        them each server has, in four bytes. The order of the file does not matter.

        Parameters
        ----------
        facts : sequence of str
            The columns of server_types.csv and locations.csv that a signal needs: where there
            are any, they have a digest of their own.
        further : sequence of str
            The further columns that a file has: the same digest is of these too.
        """
        asked = tuple(facts), tuple(further)
        if asked not in self._records:
            digest = self._facts_digest(facts) if facts else None
            if further:
                digest = self.further.digest(digest or "", further)
            self._records[asked] = FleetRecord(len(self), self._digest, digest)
        found: FleetRecord = self._records[asked]
        return found

    @lazy
    def _records(self) -> dict[object, FleetRecord]:
        return {}

    @lazy
    def _digest(self) -> str:
        digest = hashlib.sha256()
        servers = self.by_serial
        update(digest, servers.sn)
        for name in REPEATING:
            strings = servers.templates[name]
            update(digest, strings.dictionary)
            digest.update(as_numpy(strings.indices).astype("<i4").tobytes())
        return digest.hexdigest()

    def facts(self, name: str) -> Mapping[str, str]:
        """Return what the tables say under `name` of each product id and each location."""
        of_types = {t.product_id: t.facts[name] for t in self.server_types if name in t.facts}
        return of_types | {s.location: s.facts[name] for s in self.locations if name in s.facts}

    def _facts_digest(self, names: Sequence[str]) -> str:
        templates = self.by_serial.templates
        present = {*templates["product_id"].dictionary.to_pylist()}
        present |= {*templates["location"].dictionary.to_pylist()}
        known = {name: self.facts(name) for name in names}
        told = [[name, key, known[name].get(key)] for name in names for key in sorted(present)]
        return hashlib.sha256(json.dumps(told).encode()).hexdigest()

    def _check(self) -> None:
        """Raise `InputError` where a field is empty or has control characters, or models differ."""
        if not len(self):
            raise InputError("no server")
        for strings in self._distinct_strings():
            if pc.any(pc.match_substring_regex(strings, _EMPTY_OR_CONTROL)).as_py():
                raise InputError("an empty field or a control character")
        columns = [self.table[name].combine_chunks() for name in ("product_id", "model")]
        products, models = (as_numpy(column.indices) for column in columns)
        model_of = np.zeros(len(columns[0].dictionary), np.int32)
        model_of[products] = models
        if (model_of[products] != models).any():
            raise InputError("a product id has two models")
        _ = self.by_serial

    def _distinct_strings(self) -> list[pa.StringArray]:
        """Return the strings to look at, each once; of serial numbers only the unusual ones."""
        _, hashed = self._keys
        # Arrow joins all chunks to take from them, even nothing.
        sn = self.table["sn"] if hashed.size else self.table["sn"].slice(0, 0)
        unusual = sn.take(as_array(hashed)).combine_chunks()
        few = [self.table[name].chunk(0).dictionary for name in REPEATING]
        return [unusual, *few]


def check_count(count: object) -> int:
    """Return `count`; `InputError` unless a fleet can have so many servers."""
    number = whole_number(count, "count")
    if not 1 <= number <= CAPACITY:
        raise InputError(f"{shown(number)}: an inventory has 1 to {CAPACITY:,} servers", "count")
    return number


def _checked(rows: Any, kind: type[T], argument: str) -> tuple[T, ...]:
    checked: tuple[T, ...] = tuple(rows) if hasattr(rows, "__iter__") else (rows,)
    for row in checked:
        if not isinstance(row, kind):
            raise InputError(f"{shown(row)!r} is not a {kind.__name__}", argument)
    return checked


def _same_key(first: str, second: str) -> str:
    if first == second:
        return f"serial number {shown(first)} is a duplicate"
    return f"serial numbers {shown(first)} and {shown(second)} have the same hash; change one"
