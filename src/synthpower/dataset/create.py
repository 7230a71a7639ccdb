"""A fleet -> a dataset: inventory, tables, manifest and README."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from contextlib import ExitStack
from typing import Any

from synthpower.dataset.layout import INVENTORY, MANIFEST, README, parse_data_name
from synthpower.dataset.manifest import Manifest, empty_fragments, manifest_text, read_manifest
from synthpower.dataset.prose import OwnTables
from synthpower.dataset.readme import render_readme
from synthpower.errors import InputError
from synthpower.fleet.fleet import Fleet
from synthpower.model.columns import Column
from synthpower.model.measurement import Measurement
from synthpower.model.specification import Specification
from synthpower.signals import completed
from synthpower.storage import Store
from synthpower.tables import (
    COLUMNS,
    LOCATIONS,
    MEASUREMENTS,
    SERVER_TYPES,
    columns_text,
    locations_text,
    measurements_text,
    read_locations,
    read_measurements,
    read_server_types,
    server_types_text,
)

_WRITTEN = (INVENTORY, README, MEASUREMENTS, COLUMNS, SERVER_TYPES, LOCATIONS)
_ANY_DATE = "2000-01-01"


def create_dataset(
    store: Store,
    fleet: Fleet,
    measurements: Sequence[Measurement] | None = None,
    overwrite: bool = False,
    columns: Sequence[Column] | None = None,
) -> int:
    """Write all but the readings, and return the bytes of inventory.csv.

    Raises
    ------
    InputError
        Where one of the files exists, or cannot be written, or readings were made of another
        inventory that is there.
    """
    if fleet.seed is None:
        raise InputError("this inventory has no seed: it was not made by generate()", "seed")
    check_new_dataset(store, overwrite)
    table = list(read_measurements() if measurements is None else measurements)
    if columns is not None:  # which its files must be able to have
        _ = completed(Specification(_ANY_DATE, tuple(table), 0, columns=tuple(columns)), fleet)
    store.make()
    texts: dict[str, str] = {
        MEASUREMENTS: measurements_text(table),
        SERVER_TYPES: server_types_text(fleet.server_types),
        LOCATIONS: locations_text(fleet.locations),
    }
    record = inventory_record(fleet)
    if columns is not None:
        texts[COLUMNS] = columns_text(columns)
        record["columns"] = [[c.name, c.field.name, c.format] for c in columns]
    manifest = Manifest(fleet.seed, record)
    texts[README] = render_readme(manifest, OwnTables(table, columns))
    with ExitStack() as stack:  # all appear when all are whole
        stack.enter_context(store.lock())
        store.clear()
        check_new_dataset(store, overwrite)  # again: another run may have come first
        empty_fragments(store)
        kept = stack.enter_context(store.create(MANIFEST, replace=True))
        kept.write(manifest_text(manifest))  # without entries: no file is there that they are of
        for name, text in texts.items():
            output = stack.enter_context(store.create(name, replace=overwrite))
            output.write(text.encode())
        sink = stack.enter_context(store.create(INVENTORY, replace=overwrite))
        for piece in fleet.render():
            sink.write(piece)
        return sink.size


def check_new_dataset(store: Store, overwrite: bool) -> None:
    """Raise `InputError` where an inventory cannot be written, or data files are made from it."""
    if not store.is_there():
        return
    for name in _WRITTEN:
        store.check(name)
        if store.exists(name) and not overwrite:
            raise InputError(f"{store.label(name)} exists; overwrite=True replaces it")
    if made := data_files(store):
        raise InputError(
            f"{store.label(made[0])} was made from the inventory that is there; remove the data "
            f"files first, or choose another directory"
        )
    if not store.exists(INVENTORY) and (kept := read_manifest(store).files):
        raise InputError(
            f"{store.label(MANIFEST)} says how {min(kept)} was made: 'synthpower remake "
            f"{store.label('')}' makes all again; remove it, or choose another directory"
        )


def data_files(store: Store) -> list[str]:
    """Return the names of the store's files of readings: by their names, or the manifest."""
    names = {name for name in store.names() if parse_data_name(name)}
    names |= {name for name in read_manifest(store).files if store.size(name) is not None}
    return sorted(names)


def inventory_record(fleet: Fleet) -> dict[str, Any]:
    """Return what the manifest says of an inventory that was made here."""
    shipped = {
        SERVER_TYPES: server_types_text(read_server_types()),
        LOCATIONS: locations_text(read_locations()),
    }
    tables = {
        SERVER_TYPES: server_types_text(fleet.server_types),
        LOCATIONS: locations_text(fleet.locations),
    }
    return {
        "seed": fleet.seed,
        "servers": len(fleet),
        **{name: _digest(text) for name, text in tables.items()},
        "own_tables": [name for name, text in shipped.items() if tables[name] != text],
    }


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
