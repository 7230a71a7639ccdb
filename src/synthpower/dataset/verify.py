"""A dataset -> is it what it was made to be? Its files made again, and compared."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from typing import Any

from synthpower.dataset.check import Check, right, wrong
from synthpower.dataset.compare import compare
from synthpower.dataset.create import inventory_record
from synthpower.dataset.entries import PLANNED, Entry, check_entry
from synthpower.dataset.events import events_text, read_events
from synthpower.dataset.inventory import Inventory, StoreFile
from synthpower.dataset.layout import (
    INVENTORY,
    MANIFEST,
    OURS,
    README,
    events_name,
    is_events_name,
    parse_data_name,
)
from synthpower.dataset.manifest import Manifest, read_manifest
from synthpower.dataset.paths import glob_of
from synthpower.dataset.readme import front_matter, readme_seed
from synthpower.dataset.servers import has_other_facts, is_of, other_facts, own_servers
from synthpower.engine import Progress, checked_workers
from synthpower.errors import InputError, shown
from synthpower.formats import find_format, format_of_name, what_says
from synthpower.formats.compressed import as_text
from synthpower.formats.interface import Format, Options, Writer
from synthpower.lazy import lazy
from synthpower.model import streams
from synthpower.model.description import FleetRecord
from synthpower.model.specification import Specification
from synthpower.model.total import Total
from synthpower.storage import Store
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

_KEPT = 64  # writers: of the sites and measurements of an hour, one after the other


class Verification:
    """The check of a dataset, or of some files of readings in it, against what they were made from.

    Parameters
    ----------
    store : Store
        The dataset that they are in.
    workers : int, optional
        Threads that compute; as many as there are cores otherwise.
    """

    def __init__(self, store: Store, workers: int | None = None) -> None:
        self._store = store
        self._workers = checked_workers(workers)
        self._inventory: Inventory | None = None
        self._own: Inventory | None = None
        self._writers: dict[object, Writer[Any]] = {}

    def checks(
        self, names: Iterable[str] | None = None, progress: Progress | None = None
    ) -> Iterator[Check]:
        """Yield what was looked at: of the named files, or of all that the dataset has."""
        check = self._check_inventory()
        if names is None or self._store.exists(INVENTORY):
            yield check  # a file on its own names its servers itself
        chosen = [*OURS, *self.files()] if names is None else list(names)
        yield from self._check_others(chosen)
        for name in chosen:
            if name not in OURS:
                yield from self._check_file(name, progress)

    def files(self) -> list[str]:
        """Return the names of the dataset's files of readings, those that are gone too."""
        names = {name for name in self._store.names() if parse_data_name(name)}
        with suppress(InputError):  # `_look_at_manifest` says why
            manifest = read_manifest(self._store)
            names |= manifest.files.keys()
        folders = {pattern.rpartition("/")[0] for pattern in self._patterns if "/" in pattern}
        for folder in folders:  # whoever reads the folders reads what is added there
            found = self._store.names(f"{glob_of(folder, '')}/*")
            names |= {name for name in found if what_says(name).format and not is_events_name(name)}
        return sorted(names)

    def rows(self, names: Iterable[str]) -> int | None:
        """Return how many readings files have, None where one does not say it."""
        total = 0
        for name in names:
            if name in OURS:
                continue
            entry = self._entry(name)
            if entry is None:
                return None
            try:
                specification, record = entry.parse()
            except InputError:  # `_check_file` says why
                return None
            total += specification.grid(record.servers, 1).num_rows
        return total

    @lazy
    def _patterns(self) -> set[str]:
        """The patterns of paths by which the dataset's files have their names."""
        found = set()
        for name in self._manifest.files:
            with suppress(InputError):  # `_look_at_manifest` says why
                entry = self._manifest.entry(name)
                found.add(entry.pattern(name) if entry else None)
        return {pattern for pattern in found if pattern}

    @lazy
    def _manifest(self) -> Manifest:
        try:
            return read_manifest(self._store)
        except InputError:  # somebody else's, beside a file of ours
            return Manifest()

    def _check_inventory(self) -> Check:
        try:
            self._inventory = self._read_inventory()
        except InputError as error:
            return wrong(INVENTORY, "servers", 0, str(error))
        except OSError as error:
            return wrong(INVENTORY, "servers", 0, error.strerror or str(error))
        return right(INVENTORY, "servers", len(self._inventory), "each once")

    def _read_inventory(self) -> Inventory:
        """Return the servers; if need be without what is beside them, which has its own check."""
        try:
            return Inventory.read_from(self._store)
        except InputError as error:
            with suppress(InputError, OSError):
                return Inventory.read_file(StoreFile(self._store, INVENTORY), "")
            raise error from None

    def _check_others(self, chosen: Collection[str]) -> Iterator[Check]:
        """Look at what else a dataset has, and yield a check of each that is chosen."""
        for name, what, look in (
            (README, "front matter", self._look_at_readme),
            (MEASUREMENTS, "measurements", self._look_at_measurements),
            (COLUMNS, "columns", self._look_at_columns),
            (SERVER_TYPES, "server types", self._look_at_server_types),
            (LOCATIONS, "locations", self._look_at_locations),
            (MANIFEST, "entries", self._look_at_manifest),
        ):
            if name not in chosen:
                continue
            if not self._store.exists(name):
                if name in (README, MANIFEST):
                    yield right(name, what, 0, "there is none, and none is needed")
                continue
            try:
                yield right(name, what, *look())
            except InputError as error:
                yield wrong(name, what, 0, str(error))
            except OSError as error:
                yield wrong(name, what, 0, error.strerror or str(error))

    def _look_at_readme(self) -> tuple[int, str]:
        """Hold the front matter against the manifest, the inventory and itself."""
        with self._store.open(README):
            pass
        said = front_matter(self._store)
        seed = readme_seed(self._store)
        if self._manifest.inventory and "servers" not in said:
            raise InputError("there is no front matter that says how many servers there are")
        if "servers" in said:  # one of ours: somebody else's has an id of its own
            if seed is None or said.get("glcp_customer_id") != streams.customer_id(seed):
                raise InputError(f"the seed {seed} and the glcp_customer_id do not belong together")
            known: list[object] = [len(self._inventory)] if self._inventory else []
            if record := self._manifest.inventory:
                known.append(record.get("servers"))
                if record.get("seed") != seed:
                    raise InputError(
                        f"the seed is {seed}, and {MANIFEST} has {shown(record.get('seed'))}"
                    )
            for count in known:
                if said["servers"] != str(count):
                    raise InputError(f"servers: {shown(said['servers'])}, and there are {count}")
        return len(said), "as it should be" if seed is None else f"seed {seed}"

    def _look_at_measurements(self) -> tuple[int, str]:
        return len(read_measurements(StoreFile(self._store, MEASUREMENTS))), "each once"

    def _look_at_columns(self) -> tuple[int, str]:
        return len(read_columns(StoreFile(self._store, COLUMNS))), "each once"

    def _look_at_server_types(self) -> tuple[int, str]:
        return len(read_server_types(StoreFile(self._store, SERVER_TYPES))), "each once"

    def _look_at_locations(self) -> tuple[int, str]:
        return len(read_locations(StoreFile(self._store, LOCATIONS))), "each once"

    def _look_at_manifest(self) -> tuple[int, str]:
        """See that each entry is consistent; whether it is true of its file is seen there."""
        manifest = read_manifest(self._store)
        for name, entry in manifest.files.items():
            try:
                check_entry(name, entry)
            except InputError as error:
                raise InputError(f"the entry of {shown(name)}: {error}") from None
        record = manifest.inventory
        if record is not None:
            if manifest.seed != record.get("seed"):
                raise InputError("its seed is not that of its inventory")
            expected = record = manifest.drawn or {}
            if self._inventory:
                expected = {**record, "servers": len(self._inventory)}
                with suppress(InputError):  # of the tables, said there
                    if self._inventory.seed is not None:
                        expected = inventory_record(self._inventory)
            for key in sorted(expected.keys() | record.keys()):
                if record.get(key) != expected.get(key):
                    where = INVENTORY if key == "servers" else key
                    raise InputError(f"the inventory's {key} is not that of {where}")
        return len(manifest.files), "consistent"

    def _entry(self, name: str) -> Entry | None:
        """Return what is known of a file: from the manifest or, in the end, from itself."""
        if entry := self._manifest.entry(name):
            return entry
        format = format_of_name(name)
        if format is None or self._store.size(name) is None:
            return None
        try:
            with self._store.open(name) as file:
                own = format.provenance(file)
        except (InputError, OSError):
            return None
        if own is None:
            return None
        return Entry(own.record, format.name, own.options, None)

    def _check_file(self, name: str, progress: Progress | None) -> Iterator[Check]:
        """Make a file again and compare it; yield what was looked at."""
        what = "provenance"
        try:
            entry = self._known(name)
            if entry is None:
                yield wrong(name, "planned", 0, "not made yet: 'synthpower remake' makes it")
                return
            specification, record = entry.parse()
            said = parse_data_name(name)
            if said and said.stem != specification.name:
                raise InputError(f"it holds the readings of {specification.name}")
            if "/" in name and self._patterns and entry.pattern(name) not in self._patterns:
                raise InputError(
                    f"it holds other readings than its path says: of {specification.name}"
                )
            yield right(name, what, 1, _summary(specification))
            what = "servers"
            fleet, detail = self._servers_of(name, entry, record)
            yield right(name, what, len(fleet), detail)
            what = "bytes"
            yield self._compared(name, entry, specification, fleet, progress)
            if specification.faults:
                name, what = events_name(name), "events"
                yield self._check_events(name, specification, fleet)
        except InputError as error:
            yield wrong(name, what, 0, str(error))
        except OSError as error:
            yield wrong(name, what, 0, error.strerror or str(error))

    def _check_events(self, name: str, specification: Specification, fleet: Inventory) -> Check:
        text = events_text(specification, fleet).encode()
        found = read_events(self._store, name)
        if found is None:
            raise InputError("it is not there: 'synthpower remake' makes it")
        if found != text:
            raise InputError("it does not say which faults are in the readings")
        return right(name, "events", text.count(b"\n") - 1, "as they are in the readings")

    def _known(self, name: str) -> Entry | None:
        """Return what a file was made from, None where it is planned only."""
        entry = self._manifest.entry(name)
        if self._store.size(name) is None:
            if self._store.exists(name):
                raise InputError("it is not a file, or a link to nothing")
            if entry and entry.state == PLANNED:
                return None
            raise InputError("manifest.json names it, and it is not there")
        if entry is None and (format := format_of_name(name)):
            with self._store.open(name) as file:
                own = format.provenance(file)
            entry = Entry(own.record, format.name, own.options, None) if own else None
        if entry is None:
            raise InputError("nothing says what it was made from: not in manifest.json")
        return entry

    def _servers_of(self, name: str, entry: Entry, record: FleetRecord) -> tuple[Inventory, str]:
        """Return the file's servers: the inventory's, or where that has changed, its own."""
        location = entry.parse()[0].location
        if self._inventory and is_of(self._inventory, entry):
            return self._inventory.at(location), "those of inventory.csv"
        if self._inventory and has_other_facts(self._inventory, entry):
            raise InputError(other_facts(entry))
        own = self._own  # as of the file before
        if own is None or not is_of(own, entry):
            own = own_servers(self._store, name, entry, self._inventory)
        if not is_of(own, entry):
            if has_other_facts(own, entry):
                raise InputError(other_facts(entry))
            raise InputError(
                f"not the {record.servers:,} that it was made from, nor those of inventory.csv"
            )
        self._own = own
        why = "has changed since" if self._inventory else "cannot be read"
        return own, f"its own: inventory.csv {why}"

    def _compared(
        self,
        name: str,
        entry: Entry,
        specification: Specification,
        fleet: Inventory,
        progress: Progress | None,
    ) -> Check:
        format = find_format(entry.format)
        files, options = as_text(self._store, format, entry.options)
        writer = self._writer_of(format, options, specification, fleet)
        mismatch, totals = compare(files, name, writer, specification, self._workers, progress)
        if mismatch is None:
            size = self._store.size(name) or 0
            if entry.bytes not in (None, size):
                detail = f"{size:,}, and not {entry.bytes:,} as manifest.json has it"
                return wrong(name, "bytes", size, detail)
            said = entry.parse_totals()
            if said and (differing := _differing(said, totals)):
                return wrong(name, "totals", size, differing)
            same = "equal to those made again"
            if files is not self._store:
                same = "its text is equal to that made again"
            return right(name, "bytes", size, f"{same}{_rules(specification)}")
        made_from = (specification, fleet, options)
        finding = format.explain(files, name, made_from, mismatch)
        return Check(name, finding.what, finding.passed, finding.count, finding.detail)

    def _writer_of(
        self, format: Format, options: Options, specification: Specification, fleet: Inventory
    ) -> Writer[Any]:
        """Return the writer of a file: that of another one that differs in its date only."""
        kind = (format.name, options, specification.undated, fleet.record())
        if kind not in self._writers:
            if len(self._writers) == _KEPT:
                self._writers.clear()
            self._writers[kind] = format.writer(specification, fleet, options)
        return self._writers[kind]


def _differing(said: Mapping[str, Total], totals: Mapping[str, Total]) -> str:
    """Return in words where the totals of the manifest are not those of the readings."""
    for name, total in totals.items():
        expected, found = total.as_json(), said[name].as_json()
        for key, value in expected.items():
            if found[key] != value:
                return f"{shown(name)}: {key} {value}, and not {found[key]} as {MANIFEST} has it"
    return ""


def _rules(spec: Specification) -> str:
    """Say so where the rules of a time zone have changed since a file was made."""
    if not spec.offsets:
        return ""
    from synthpower.signals.sites import offsets_now

    now = dict(offsets_now(spec))
    changed = [zone for zone, times in spec.offsets if now[zone] not in (None, times)]
    return f"; the local time of {changed[0]} has other rules now" if changed else ""


def _summary(spec: Specification) -> str:
    fuzz = f", fuzz {spec.fuzz}" if spec.fuzz else ""
    return f"{spec.date}, every {spec.interval} s{fuzz}, {spec.signal}, seed {spec.seed}"
