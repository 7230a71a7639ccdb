"""manifest.json: the one record of a dataset.

``{"version": 3, "seed": …, "inventory": {…}, "files": {name: entry, …}}``. What a run has planned
is in it before the run starts, and what of that is whole while it goes on: see `Entry`. Nothing
in it differs between two equal runs.

In a store without locks nobody can add to a file that others add to. There manifest.json keeps
what ``inventory`` wrote, and each run writes the entries of its files into a **fragment** of its
own, ``_manifest/DIGEST.json``, named by its files. Whoever reads the manifest reads them, too: in
the order of their generations, of which each run takes one above those that it differs from.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from synthpower.dataset.entries import PLANNED, WHOLE, Entry, as_entry
from synthpower.dataset.layout import FRAGMENTS, MANIFEST
from synthpower.errors import InputError, shown
from synthpower.model.columns import Column, field_of
from synthpower.model.description import load_json, same
from synthpower.model.streams import SEED_LIMIT
from synthpower.storage import Address, Store, folders_above, read_all
from synthpower.version import __version__

VERSION = 3
_SEED_DIGITS = 19
_REST = 20  # times as long as the manifest took to be written, until it is written again
_KEYS = ("version", "seed", "inventory", "files")


@dataclass(frozen=True)
class Manifest:
    """What a manifest says.

    Attributes
    ----------
    seed : int or None
        The dataset's: that of its inventory, or one that was drawn for its readings.
    inventory : dict or None
        What inventory.csv was made from, where that was made here: ``seed``, ``servers``, and
        the SHA-256 of ``server_types.csv`` and ``locations.csv``, and in ``own_tables`` which of
        them are not the shipped ones. Also ``columns``, of name, source and format, where a
        columns.csv was made with it.
    files : dict of str to object
        The entries of the files of readings, by name, as JSON has them.
    version : int
        Of the file that this was read from; 0 where there was none.
    generation : int
        Of a fragment.
    """

    seed: int | None = None
    inventory: Mapping[str, Any] | None = None
    files: Mapping[str, Any] = field(default_factory=dict)
    version: int = 0
    generation: int = 0

    @property
    def drawn(self) -> Mapping[str, Any] | None:
        """What it says of the servers alone."""
        if self.inventory is None:
            return None
        return {key: value for key, value in self.inventory.items() if key != "columns"}

    @property
    def columns(self) -> tuple[Column, ...] | None:
        """The columns.csv that was made with the inventory; None where none was."""
        columns = (self.inventory or {}).get("columns")
        if columns is None:
            return None
        return tuple(Column(name, field_of(source), format) for name, source, format in columns)

    def entry(self, name: str) -> Entry | None:
        """Return a file's entry, None where there is none that makes sense."""
        return as_entry(self.files.get(name))


def read_manifest(store: Store) -> Manifest:
    """Return the store's manifest with its fragments, an empty one where there is none.

    Raises
    ------
    InputError
        Where manifest.json is not one of ours, or one of a newer version.
    """
    manifest = read_kept(store)
    fragments = read_fragments(store)
    if not fragments:
        return manifest
    in_order = [
        f for _, f in sorted(fragments.items(), key=lambda each: (each[1].generation, each[0]))
    ]
    # With locks, manifest.json has been written last, and what it says holds.
    layers = [*in_order, manifest] if store.locks else [manifest, *in_order]
    files: dict[str, Any] = {}
    for layer in layers:
        for name, entry in layer.files.items():
            if not _is_known_whole(files.get(name), entry):
                files[name] = entry
    return replace(manifest, files=files, version=manifest.version or VERSION)


def _is_known_whole(known: Any, entry: Any) -> bool:
    """Return whether a file is known to be whole that is planned, of the same bytes."""
    one, other = as_entry(known), as_entry(entry)
    return (
        one is not None
        and other is not None
        and one.state == WHOLE
        and other.state == PLANNED
        and _same_bytes(one, other)
    )


def _same_bytes(one: Entry, other: Entry) -> bool:
    """Return whether two entries are of one specification, written in the same way."""
    how = (one.format, one.options) == (other.format, other.options)
    return how and same(one.record, other.record)


def read_fragments(store: Store) -> dict[str, Manifest]:
    """Return the fragments of the manifest, by their names: of runs in a store without locks."""
    if store.locks and not store.exists(FRAGMENTS):
        return {}
    with _readable(store.label(FRAGMENTS)):
        fragments = read_all(store, FRAGMENTS)
    return {name: _parsed(data, store.label(name)) for name, data in fragments.items()}


def read_kept(store: Store) -> Manifest:
    """Return what manifest.json says, without fragments."""
    label = store.label(MANIFEST)
    with _readable(label):
        if store.size(MANIFEST) is None:
            if store.exists(MANIFEST):
                raise InputError(f"{label}: it is not a file; remove it")
            return Manifest()
        with store.open(MANIFEST) as file:
            data = file.read()
    return _parsed(data, label)


@contextlib.contextmanager
def _readable(label: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise InputError(f"{label}: cannot be read: {error.strerror}") from None


def _loaded(data: bytes, label: str) -> dict[str, Any]:
    try:
        found = load_json(data)
    except InputError:
        raise
    except ValueError:
        found = None
    if not (isinstance(found, dict) and isinstance(found.get("files"), dict)):
        raise InputError(f"{label}: not a manifest of synthpower; remove it or put it right")
    return found


def _parsed(data: bytes, label: str) -> Manifest:
    found = _loaded(data, label)
    version = found.get("version", 1)
    if type(version) is not int or version < 1:
        raise InputError(f"{label}: version {shown(version)}: there is no such version")
    if version > VERSION:
        raise InputError(
            f"{label}: version {version}: this program, synthpower {__version__}, reads manifests "
            f"up to version {VERSION}; it needs a newer one"
        )
    generation = found.pop("generation", 0)
    if type(generation) is not int or generation < 0:
        raise InputError(f"{label}: generation {shown(generation)}: there is no such generation")
    if version > 1 and (unknown := found.keys() - set(_KEYS)):
        raise InputError(
            f"{label}: {shown(min(unknown))!r} is no key of a manifest of version {version}; it "
            f"needs another version of synthpower than this one, {__version__}"
        )
    seed, inventory = found.get("seed"), found.get("inventory")
    if seed is not None:
        seed = checked_seed(seed, label)
    if not isinstance(inventory, dict | None):
        raise InputError(f"{label}: the inventory must be an object")
    if inventory is not None and not _is_inventory(inventory):
        raise InputError(f"{label}: what it says of the inventory is not what is written there")
    files = {_from_json(name): entry for name, entry in found["files"].items()}
    return Manifest(seed, inventory, files, version, generation)


def _is_inventory(found: Mapping[str, Any]) -> bool:
    """Return whether all is of the types that README.md is made of, and a new fleet."""
    numbers = ("seed", "servers")
    texts = [value for key, value in found.items() if key not in (*numbers, "columns")]
    texts = [text for value in texts for text in (value if isinstance(value, list) else [value])]
    try:
        _ = Manifest(inventory=found).columns
    except (InputError, TypeError, ValueError, AttributeError):
        return False
    return all(type(found.get(key)) is int and found[key] >= 0 for key in numbers) and all(
        isinstance(text, str) and text.isprintable() for text in texts
    )


def checked_seed(value: object, label: str) -> int:
    """Return a seed that was read; `InputError` where it is none."""
    text = str(value)
    digits = text.isascii() and text.isdigit() and len(text) <= _SEED_DIGITS
    if digits and not isinstance(value, bool) and int(text) < SEED_LIMIT:
        return int(text)
    raise InputError(f"{label}: the seed must be a whole number of 0 to 2^63 - 1")


def write_manifest(
    store: Store, manifest: Manifest, name: str = MANIFEST, anew: bool = False
) -> None:
    """Write the manifest, or a fragment of it, in today's version; `anew` only if there is none."""
    with store.create(name, replace=not anew) as sink:
        sink.write(manifest_text(manifest))


def manifest_text(manifest: Manifest) -> bytes:
    """Return the manifest as its file has it, in today's version."""
    found: dict[str, Any] = {"version": VERSION}
    if manifest.generation:
        found["generation"] = manifest.generation
    if manifest.seed is not None:
        found["seed"] = manifest.seed
    if manifest.inventory is not None:
        found["inventory"] = manifest.inventory
    found["files"] = {_to_json(name): entry for name, entry in manifest.files.items()}
    return json.dumps(found, indent=2, sort_keys=True).encode() + b"\n"


def place_of(where: Address) -> tuple[Store, str]:
    """Return the dataset that a file is in, and its name there.

    The dataset is the one whose manifest names it, or else the folder that the file is in.
    """
    for store, name in folders_above(where):
        with contextlib.suppress(InputError):
            if name in read_manifest(store).files:
                return store, name
    return next(folders_above(where))


class ManifestLog:
    """Brings the manifest up to date while files are written: once a second, and at the end.

    To write it for each file would take longer than many a file. One of very many files takes a
    while: then it is written less often.

    Parameters
    ----------
    store : Store
    planned : mapping of str to Entry
        What is to be written: it is in the manifest from the beginning.
    whole : mapping of str to Entry
        What is there already.
    """

    def __init__(
        self, store: Store, planned: Mapping[str, Entry], whole: Mapping[str, Entry]
    ) -> None:
        self._store = store
        self._entries = {name: entry.as_json() for name, entry in {**whole, **planned}.items()}
        self._next = 0.0
        self._fragment = None if store.locks else Fragment(store, self._entries)

    def __enter__(self) -> ManifestLog:
        self._write()
        return self

    def __exit__(self, *error: object) -> None:
        self._write()

    def add(self, name: str, entry: Entry) -> None:
        self._entries[name] = entry.as_json()
        if time.monotonic() > self._next:
            self._write()

    def _write(self) -> None:
        started = time.monotonic()
        if self._entries:
            if self._fragment:
                self._fragment.update(self._entries)
            else:
                update_files(self._store, self._entries)
        self._entries = {}
        ended = time.monotonic()
        self._next = ended + max(1, _REST * (ended - started))


class Fragment:
    """The manifest of one run in a store without locks.

    Parameters
    ----------
    store : Store
    entries : mapping of str to object
        All that the run is about, as JSON has it: equal runs have one fragment.
    """

    def __init__(self, store: Store, entries: Mapping[str, Any]) -> None:
        digest = hashlib.sha256("\0".join(map(_to_json, sorted(entries))).encode()).hexdigest()
        self._store = store
        self._name = f"{FRAGMENTS}/{digest[:16]}.json"
        self._known = read_manifest(store).files
        fragments = read_fragments(store) if entries else {}
        own = fragments.pop(self._name, Manifest())
        self._files = dict(own.files)
        above = [
            other.generation + 1
            for other in fragments.values()
            if any(_differs(other.files.get(name), entry) for name, entry in entries.items())
        ]
        self._generation = max([own.generation, *above])

    def update(self, entries: Mapping[str, Any]) -> None:
        """Add entries, if the manifest does not have them."""
        self._files = {**self._files, **entries}
        if any(self._known.get(name) != entry for name, entry in entries.items()):
            fragment = Manifest(files=self._files, generation=self._generation)
            write_manifest(self._store, fragment, self._name)
            self._known = self._files


def _differs(found: Any, entry: Any) -> bool:
    """Return whether there is an entry, and it is of other bytes."""
    one, other = as_entry(found), as_entry(entry)
    return one is not None and other is not None and not _same_bytes(one, other)


def update_files(store: Store, entries: Mapping[str, Any]) -> None:
    """Add entries to the manifest."""
    with store.lock():
        manifest = read_manifest(store)
        files = {**manifest.files, **entries}
        if files != manifest.files or manifest.version != VERSION:
            write_manifest(store, Manifest(manifest.seed, manifest.inventory, files))


def empty_fragments(store: Store) -> None:
    """Have the fragments say nothing: their files are gone."""
    for name, fragment in read_fragments(store).items():
        if fragment.files:
            write_manifest(store, Manifest(), name)


def keep_seed(store: Store, seed: int) -> int:
    """Keep a drawn seed in the manifest and return it; where another run has kept one, that."""
    with store.lock():
        manifest = read_kept(store)
        if manifest.seed is None:
            kept = replace(manifest, seed=seed)
            if store.locks or manifest.version:
                write_manifest(store, kept)
                return seed
            with contextlib.suppress(InputError):  # without locks, who comes first has made it
                write_manifest(store, kept, anew=True)
            first = read_kept(store).seed
            return seed if first is None else first
        return manifest.seed


def _from_json(name: str) -> str:
    """Return a file's name in the manifest, where it is UTF-8, as it is in this locale."""
    with contextlib.suppress(UnicodeError):  # one that no file can have
        return os.fsdecode(name.encode("utf-8", "surrogateescape"))
    return name


def _to_json(name: str) -> str:
    """Return a file's name as the manifest has it, whatever the locale."""
    with contextlib.suppress(UnicodeError):
        return os.fsencode(name).decode("utf-8", "surrogateescape")
    return name
