"""An inventory: a fleet that is read from a dataset and written into one."""

from __future__ import annotations

import os
import warnings
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import BinaryIO, Literal, Self

from synthpower.dataset.layout import INVENTORY
from synthpower.dataset.manifest import read_manifest
from synthpower.dataset.readme import readme_seed
from synthpower.errors import InputError, Notice
from synthpower.fleet.fleet import Fleet, Kinds
from synthpower.model.columns import Column
from synthpower.model.measurement import Measurement
from synthpower.storage import ObjectStore, Store, folders_above, kind_of, open_store
from synthpower.tables import (
    COLUMNS,
    LOCATIONS,
    MEASUREMENTS,
    SERVER_TYPES,
    read_columns,
    read_locations,
    read_measurements,
    read_server_types,
)


class StoreFile:
    """A file of a store, as those read it that want to open something with a name."""

    def __init__(self, store: Store, name: str) -> None:
        self._store = store
        self._name = name

    def __str__(self) -> str:
        return self._store.label(self._name)

    def open(self, mode: Literal["rb"], /) -> BinaryIO:  # noqa: ARG002
        return self._store.open(self._name)


class Inventory(Fleet):
    """Servers: serial number, model, product id and location of each.

    Make one with `generate` or `read`; see `Fleet` for its attributes.
    """

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> Self:
        """Read an inventory and check it.

        Parameters
        ----------
        path : path-like
            A CSV file with the columns sn, model, product_id and location, in any
            order, others ignored; or a dataset directory, whose inventory.csv is
            read, with what the dataset says of its seed. What is known of server types
            and sites is in the tables beside it, where there are any.

        Raises
        ------
        InputError
            Naming file and line: see `Fleet.read_file`.
        """
        if kind_of(path) == "directory":
            return cls.read_from(open_store(path))
        store, name = next(folders_above(path))
        file = StoreFile(store, name) if isinstance(store, ObjectStore) else Path(path)
        kinds = partial(read_kinds, store)
        return cls.read_file(file, _advice(store), kinds=kinds)

    @classmethod
    def read_from(cls, store: Store, name: str = INVENTORY) -> Self:
        """Read the inventory of a dataset; see `read`."""
        label, advice = store.label(name), _advice(store)
        if not store.exists(name):
            if name == INVENTORY and has_record(store):
                advice = f"'synthpower remake {store.label('')}' makes it again"
            raise InputError(f"{label}: no inventory there; {advice}")
        file = StoreFile(store, name)
        return cls.read_file(file, advice, dataset_seed(store), partial(read_kinds, store))

    def write(
        self,
        directory: str | os.PathLike[str] | Store,
        measurements: Sequence[Measurement] | None = None,
        overwrite: bool = False,
        columns: Sequence[Column] | None = None,
    ) -> int:
        """Make a dataset of these servers, and return the bytes of its inventory.csv.

        Parameters
        ----------
        directory : path-like, URL or Store
            Made where it does not exist.
        measurements : sequence of Measurement, optional
            What measurements.csv is to hold; the shipped ones otherwise.
        overwrite : bool
            Replace what is there, unless files of readings were made from it.
        columns : sequence of Column, optional
            What columns.csv is to hold; otherwise there is none.

        Raises
        ------
        InputError
            Where one of the files exists, or cannot be written.
        """
        from synthpower.dataset.create import create_dataset

        return create_dataset(open_store(directory), self, measurements, overwrite, columns)


def read_kinds(store: Store) -> Kinds:
    """Return the server types and the locations of a dataset, as far as it has them."""
    types = StoreFile(store, SERVER_TYPES) if store.exists(SERVER_TYPES) else None
    sites = StoreFile(store, LOCATIONS) if store.exists(LOCATIONS) else None
    return read_server_types(types) if types else (), read_locations(sites) if sites else ()


def dataset_measurements(store: Store) -> list[Measurement]:
    """Return what a dataset's measurements.csv has; the shipped ones where there is none."""
    exists = store.exists(MEASUREMENTS)
    if not exists and has_record(store):  # which came with one
        label = store.label(MEASUREMENTS)
        warnings.warn(f"{label} is gone: the shipped table serves", Notice, stacklevel=3)
    return read_measurements(StoreFile(store, MEASUREMENTS) if exists else None)


def dataset_columns(store: Store) -> tuple[Column, ...] | None:
    """Return the columns of a dataset's columns.csv, None where there is none."""
    return read_columns(StoreFile(store, COLUMNS)) if store.exists(COLUMNS) else None


def has_record(store: Store) -> bool:
    """Return whether the manifest says how the dataset's inventory was made."""
    with suppress(InputError):  # of a manifest that cannot be read
        return read_manifest(store).inventory is not None
    return False


def dataset_seed(store: Store) -> int | None:
    """Return a dataset's seed: from manifest.json, or where there is none from README.md."""
    manifest = read_manifest(store)
    if manifest.seed is not None and manifest.version > 1:
        return manifest.seed
    seed = readme_seed(store)  # the first version kept only a drawn one in the manifest
    return manifest.seed if seed is None else seed


def _advice(store: Store) -> str:
    where = store.label("")
    return f"make one with 'synthpower inventory --directory {where} --count 1000'"
