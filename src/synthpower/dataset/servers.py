"""The servers of a file whose inventory has changed since: those that it names itself."""

from __future__ import annotations

from functools import partial

import numpy as np
import pyarrow as pa

from synthpower import isolated
from synthpower.arrays import in_tables
from synthpower.dataset.entries import Entry
from synthpower.dataset.inventory import Inventory, read_kinds
from synthpower.dataset.layout import INVENTORY
from synthpower.errors import InputError
from synthpower.fleet.fleet import Fleet
from synthpower.formats import find_format
from synthpower.formats.compressed import as_text
from synthpower.formats.interface import Options
from synthpower.model.columns import SERVER_FIELDS, further_columns
from synthpower.model.grid import WHOLE
from synthpower.model.specification import Specification
from synthpower.signals import facts_of, fleet_record
from synthpower.storage import Store
from synthpower.tables import LOCATIONS, SERVER_TYPES


def is_of(fleet: Fleet, entry: Entry) -> bool:
    """Return whether a file was made from these servers."""
    specification, record = entry.parse()
    fleet = fleet.at(specification.location)
    try:
        return len(fleet) == record.servers and fleet_record(specification, fleet) == record
    except InputError:  # it has no such column
        return False


def has_other_facts(fleet: Fleet, entry: Entry) -> bool:
    """Return whether a file was made from these servers when tables said other things of them."""
    specification, record = entry.parse()
    bare = record._replace(facts=None)
    same = fleet.at(specification.location).record() == bare
    return record.facts is not None and same and not is_of(fleet, entry)


def other_facts(entry: Entry) -> str:
    """Return that the tables do not say of a file's servers what it was made from."""
    specification, _ = entry.parse()
    further = further_columns(specification.columns)
    tables = f"{SERVER_TYPES} and {LOCATIONS}"
    if further:
        tables = f"{INVENTORY}, {tables}"
    facts = ", ".join(dict.fromkeys((*facts_of(specification), *further)))
    return f"{tables} do not say of them what it was made from: other {facts}"


def own_servers(
    store: Store,
    name: str,
    entry: Entry,
    known: Fleet | None = None,
) -> Inventory:
    """Return the servers that a file names in its first step.

    What is known of products and sites is as in `known`, or in the tables that are there.

    Raises
    ------
    InputError
        Where it does not name all of them, or cannot be read.
    """
    specification, record = entry.parse()
    fields = {column.field.name for column in specification.columns}
    if specification.part != WHOLE or not fields.issuperset(SERVER_FIELDS):
        raise InputError("not those of inventory.csv, and it does not name all of its own")
    table = isolated.call(
        isolated.patience(store.size(name)),
        _first_servers, store, name, entry.format, entry.options, specification, record.servers,
    )  # fmt: skip
    return Inventory(table, None, known.kinds if known else partial(read_kinds, store))


def _first_servers(
    store: Store,
    name: str,
    format: str,
    options: Options,
    specification: Specification,
    count: int,
) -> pa.Table:
    """Return the servers of the first step; in a process of its own, as the file may be damaged."""
    measurements = specification.grid(count, 1).measurements
    rows = count * measurements
    found = find_format(format)
    files, _ = as_text(store, found, options)
    with files.open(name) as file:
        batches = found.read(file, specification, options, SERVER_FIELDS)
        table = next(in_tables(batches, [rows]), None)
    if table is None or table.num_rows < rows:
        raise InputError(f"fewer than the {count:,} that it was made from")
    table = table.take(pa.array(np.arange(0, rows, measurements)))
    columns = {"sn": table["sn"].combine_chunks()}
    for field in SERVER_FIELDS[1:]:
        columns[field] = table[field].combine_chunks().dictionary_encode()
    servers = pa.table(columns)
    servers.validate(full=True)  # UTF-8, and no index outside of a dictionary
    _ = Fleet(servers).record()
    return servers
