"""What a dataset, or one of its files, says of itself -> what is missing, to be made again."""

from __future__ import annotations

import hashlib
import os
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import contextmanager
from functools import partial
from typing import Any

from synthpower.dataset.complete import check_complete
from synthpower.dataset.create import data_files, inventory_record
from synthpower.dataset.entries import Entry, check_entry, complete_entry
from synthpower.dataset.events import missing_events
from synthpower.dataset.inventory import Inventory, StoreFile, dataset_seed
from synthpower.dataset.layout import INVENTORY, MANIFEST, OURS, README, check_name
from synthpower.dataset.manifest import VERSION, Manifest, read_manifest
from synthpower.dataset.plan import Pieces, Plan, pieces_of
from synthpower.dataset.prose import OwnTables
from synthpower.dataset.readme import (
    front_matter,
    inventory_command,
    render_readme,
)
from synthpower.dataset.servers import has_other_facts, is_of, other_facts, own_servers
from synthpower.engine import Job
from synthpower.errors import InputError, Notice, shown
from synthpower.fleet.serials import CAPACITY
from synthpower.formats import format_of_name
from synthpower.model.measurement import Measurement, without_quantities
from synthpower.storage import Store, same_place
from synthpower.tables import (
    COLUMNS,
    LOCATIONS,
    MEASUREMENTS,
    SERVER_TYPES,
    columns_text,
    locations_text,
    measurements_text,
    read_columns,
    read_locations,
    read_measurements,
    read_server_types,
    server_types_text,
)

_ADVICE = "remove it, or choose another directory"
_PIECE = 2**20  # bytes
_SERVER_BYTES = 48  # of memory, while an inventory is drawn and its digest taken
_INVENTORY = "synthpower inventory "
_TABLES = (SERVER_TYPES, LOCATIONS)


def plan_rebuild(
    source: Store, target: Store, name: str | None = None, workers: int | None = None
) -> Plan:
    """Return what is to be made again.

    Parameters
    ----------
    source : Store
        The dataset: all that its manifest lists, its tables and its inventory.
    target : Store
        Where to; it may be the dataset itself.
    name : str, optional
        One file of readings: only that.
    workers : int, optional
        Threads that compute; as many as there are cores otherwise.

    Raises
    ------
    InputError
        Where something does not say how it was made, or is there and another.
    """
    _ = target.is_there()  # or could be
    if name is not None:
        return _plan_file(source, target, name, workers)
    into_other = not same_place(source, target)
    _check_names(target, ())
    _check_files(source)
    manifest = read_manifest(source)
    if 0 < manifest.version < VERSION:
        warnings.warn(
            f"{source.label(MANIFEST)} is of version {manifest.version}; what is written is of "
            f"today's, {VERSION}",
            Notice,
            stacklevel=2,
        )
    entries = _entries(source, manifest, into_other)
    _check_names(target, entries)
    fleet = _fleet(source, manifest, entries)
    tables = _tables(source, fleet, manifest, entries, into_other)
    for each in list(tables):
        if target.exists(each) and not _is_made_of(target, each, tables.pop(each)):
            label = target.label(each)
            raise InputError(f"{label} exists, and it is not that of {source.label('')}; {_ADVICE}")
    plan = _sorted_out(target, entries, fleet, workers)
    plan.tables = tables
    if into_other:
        plan.kept = {"seed": manifest.seed, "inventory": manifest.inventory}
    return plan


def _plan_file(source: Store, target: Store, name: str, workers: int | None) -> Plan:
    _check_names(target, [name])
    with _about(source.label(name)):
        entry = _own_entry(source, name, read_manifest(source).entry(name))
        specification, record = entry.parse()
        fleet = _drawn(record.servers, specification.seed)
        if fleet is None or not is_of(fleet, entry):
            fleet = own_servers(source, name, entry)
        if not is_of(fleet, entry):
            raise InputError("its servers are not those that it was made from")
    return _sorted_out(target, {name: entry}, fleet, workers)


def _entries(source: Store, manifest: Manifest, into_other: bool) -> dict[str, Entry]:
    """Return what each file was made from; those that the manifest does not list say it."""
    entries = {}
    for name, found in manifest.files.items():
        with _about(source.label(MANIFEST)):
            check_name(name)
        with _about(f"{source.label(MANIFEST)}: the entry of {shown(name)}"):
            entries[name] = check_entry(name, found)
    if into_other:
        for name in set(data_files(source)) - entries.keys():
            with _about(source.label(name)):
                entries[name] = _own_entry(source, name, None)
    return dict(sorted(entries.items()))


def _own_entry(source: Store, name: str, entry: Entry | None) -> Entry:
    """Return what a file says of itself or, where it says nothing, the manifest of it."""
    format = format_of_name(name)
    if format is not None and source.size(name) is not None:
        with source.open(name) as file:
            own = format.provenance(file)
        if own:
            return Entry(own.record, format.name, own.options, None, source.size(name))
    if entry is None:
        raise InputError("nothing says what it was made from: not in manifest.json")
    return entry


def _check_files(source: Store) -> None:
    """Raise `InputError` where something else, such as a pipe, has the name of one of ours."""
    for name in OURS:
        if source.exists(name) and source.size(name) is None:
            label = source.label(name)
            raise InputError(f"{label}: it is not a file, or a link to nothing; remove it")


def _check_names(target: Store, names: Iterable[str]) -> None:
    """Raise `InputError` where a file could not be created, or would be outside the dataset."""
    if target.is_there():
        for name in (*names, *OURS):
            target.check(name)


def _fleet(source: Store, manifest: Manifest, entries: Mapping[str, Entry]) -> Inventory:
    """Return the servers of a dataset; drawn again where inventory.csv is missing."""
    if source.exists(INVENTORY):
        fleet = Inventory.read_from(source)
        if manifest.inventory is None or all(source.exists(name) for name in _TABLES):
            return fleet
        types = fleet.server_types if source.exists(SERVER_TYPES) else read_server_types()
        sites = fleet.locations if source.exists(LOCATIONS) else read_locations()
        return Inventory(fleet.table, fleet.seed, (types, sites))
    count, seed = _said(source, manifest, entries)
    for own in (True, False):
        if own and not all(source.exists(name) for name in _TABLES):
            continue
        drawn = _drawn(count, seed, source if own else None)
        if drawn is None:
            continue
        if manifest.inventory is not None:
            of_record = inventory_record(drawn) == manifest.drawn
        else:
            of_record = bool(entries) or _is_of_readme(source, drawn)
        if of_record and all(is_of(drawn, entry) for entry in list(entries.values())[:1]):
            return drawn
    raise InputError(
        f"{source.label(INVENTORY)} is missing, and was not drawn from the tables that are there, "
        f"nor from the shipped ones: put it back"
    )


def _is_of_readme(source: Store, fleet: Inventory) -> bool:
    """Return whether README.md, where it shows how the inventory is made, shows what makes this."""
    command = inventory_command(Manifest(fleet.seed, inventory_record(fleet)))
    with source.open(README) as file:
        lines = [line.strip() for line in file.read().decode(errors="replace").splitlines()]
    commands = [
        line.partition(" --measurements ")[0] for line in lines if line.startswith(_INVENTORY)
    ]
    return command in commands or not commands


def _said(source: Store, manifest: Manifest, entries: Mapping[str, Entry]) -> tuple[int, int]:
    """Return how many servers a dataset has, and the seed that they were drawn with."""
    if manifest.inventory is not None:
        count, seed = (manifest.inventory.get(key) for key in ("servers", "seed"))
    elif entries:  # of the first version
        specification, record = next(iter(entries.values())).parse()
        seed = dataset_seed(source)
        count, seed = record.servers, specification.seed if seed is None else seed
    else:
        count = front_matter(source).get("servers", "")
        count = int(count) if count.isdigit() and len(count) < 10 else None
        seed = dataset_seed(source)
    if type(count) is not int or type(seed) is not int or not 1 <= count <= CAPACITY:
        raise InputError(
            f"{source.label('')}: neither {MANIFEST} nor {README} says what it was made of, and "
            f"there is no {INVENTORY}"
        )
    return count, seed


def _drawn(count: int, seed: int, tables: Store | None = None) -> Inventory | None:
    """Return servers drawn from the shipped tables or a dataset's, None where they cannot be."""
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    if count * _SERVER_BYTES > memory:
        raise InputError(
            f"{count:,} servers need about {count * _SERVER_BYTES >> 30:,} GiB of memory, and this "
            f"machine has {memory >> 30:,}"
        )
    if tables is None:
        return Inventory.generate(count, seed)
    try:
        types = read_server_types(StoreFile(tables, SERVER_TYPES))
        sites = read_locations(StoreFile(tables, LOCATIONS))
        return Inventory.generate(count, seed, types, sites)
    except InputError:
        return None


def _measured(tables: AbstractSet[tuple[Measurement, ...]]) -> Sequence[Measurement]:
    """Return the table that files were made with, the shipped one where they are of several.

    Those of signals that ignore quantities have none in their records.
    """
    default = read_measurements()
    if len(plain := {without_quantities(table) for table in tables}) != 1:
        return default
    shipped = (tuple(default), tuple(read_measurements("load")))
    whole = [t for t in (*tables, *shipped) if t not in plain and without_quantities(t) in plain]
    return [*whole, *plain][0]


def _tables(
    source: Store,
    fleet: Inventory,
    manifest: Manifest,
    entries: Mapping[str, Entry],
    into_other: bool,
) -> dict[str, Pieces]:
    """Return what has to be beside the files of readings: copied, or where missing made."""
    tables: dict[str, Pieces] = {}
    table = _measured({entry.parse()[0].measurements for entry in entries.values()})
    made = {INVENTORY: fleet.render}
    if manifest.inventory is not None:
        made |= _of_inventory(source, fleet, manifest, table)
    if manifest.inventory is not None or source.exists(README):
        made[MEASUREMENTS] = pieces_of(measurements_text(table))
    for name in (README, MEASUREMENTS, COLUMNS, *_TABLES, INVENTORY):
        if source.exists(name):
            if into_other:
                _check_readable(source, name)
                tables[name] = partial(_read, source, name)
        elif name in made:
            tables[name] = made[name]
    return tables


def _of_inventory(
    source: Store, fleet: Inventory, manifest: Manifest, table: Sequence[Measurement]
) -> dict[str, Pieces]:
    """Return what 'inventory' makes besides the inventory itself and what is measured."""
    made: dict[str, Pieces] = {}
    types = map(server_types_text, (fleet.server_types, read_server_types()))
    sites = map(locations_text, (fleet.locations, read_locations()))
    for name, texts in ((SERVER_TYPES, types), (LOCATIONS, sites)):
        if not source.exists(name):
            made[name] = pieces_of(_recorded(source, manifest, name, texts))
    columns = manifest.columns
    if columns is not None:
        made[COLUMNS] = pieces_of(columns_text(columns))
    if source.exists(COLUMNS):
        columns = read_columns(StoreFile(source, COLUMNS))
    if not source.exists(README):
        if manifest.seed is None:
            raise InputError(f"{source.label(MANIFEST)}: no seed there, to make {README} again")
        made[README] = pieces_of(render_readme(manifest, OwnTables(table, columns)))
    return made


def _recorded(source: Store, manifest: Manifest, name: str, texts: Iterable[str]) -> str:
    """Return which text is the one that the manifest has the digest of."""
    assert manifest.inventory is not None
    for text in texts:
        if hashlib.sha256(text.encode()).hexdigest() == manifest.inventory.get(name):
            return text
    raise InputError(f"{source.label(name)} is missing, and is not the shipped one: put it back")


def _check_readable(store: Store, name: str) -> None:
    try:
        with store.open(name):
            pass
    except OSError as error:
        raise InputError(f"{store.label(name)}: cannot be read: {error.strerror}") from None


def _read(store: Store, name: str) -> Iterator[bytes]:
    with store.open(name) as file:
        while piece := file.read(_PIECE):
            yield piece


def _is_made_of(store: Store, name: str, pieces: Pieces) -> bool:
    with store.open(name) as file:
        same = all(file.read(len(data)) == data for data in map(bytes, pieces()))
        return same and not file.read(1)


def _sorted_out(
    target: Store, entries: Mapping[str, Entry], fleet: Inventory, workers: int | None
) -> Plan:
    """Return which files are there, whole, and which are to be made."""
    jobs: list[Job] = []
    complete: dict[str, Entry | None] = {}
    expected: dict[str, int | None] = {}
    listed = read_manifest(target)
    for name, entry in entries.items():
        with _about(target.label(name)):
            job = entry.job(target, name)
            size = target.size(name)
            if size is None and target.exists(name):
                raise InputError("it is not a file, or a link to nothing; remove it")
            servers: Inventory = fleet
            if has_other_facts(fleet, entry):
                raise InputError(other_facts(entry))
            if not is_of(fleet, entry):
                if size is None:
                    raise InputError(
                        f"it was made from other servers than those of {INVENTORY}; put back "
                        f"the one that it was made from"
                    )
                servers = own_servers(target, name, entry, fleet)  # the inventory has changed since
                if not is_of(servers, entry):
                    raise InputError(other_facts(entry))
        if size is not None:
            check_complete(job, servers, listed.entry(name) or entry, workers, _ADVICE)
            complete[name] = complete_entry(job, servers, size, listed.entry(name) or entry)
        else:
            jobs.append(job)
            expected[name] = entry.bytes
    every = [entry.job(target, name) for name, entry in entries.items()]
    events = missing_events(every, fleet, replace=True)
    return Plan(target, fleet, jobs, complete, events=events, expected=expected, workers=workers)


@contextmanager
def _about(label: Any) -> Iterator[None]:
    """Add a file to an `InputError` raised inside."""
    try:
        yield
    except InputError as error:
        raise InputError(f"{label}: {error}") from None
