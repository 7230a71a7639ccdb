"""What a dataset's readings come to: as recorded, or made without the files."""

from __future__ import annotations

import json
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from synthpower.arrays import as_numpy
from synthpower.dataset.entries import PLANNED, Entry
from synthpower.dataset.inventory import Inventory
from synthpower.dataset.layout import MANIFEST
from synthpower.dataset.manifest import read_manifest
from synthpower.dataset.servers import is_of, other_facts, own_servers
from synthpower.dataset.sql import check_query
from synthpower.engine import add_up
from synthpower.errors import InputError, Notice, shown
from synthpower.fleet.fleet import Fleet
from synthpower.model.calendar import EPOCH
from synthpower.model.specification import Specification
from synthpower.model.total import Total
from synthpower.signals.totals import totals_by_name
from synthpower.storage import Store

OF_SERVERS = ("location", "model", "product_id")
BY = (*OF_SERVERS, "name", "hour", "date", "file")


@dataclass(frozen=True)
class GroupTotal:
    """What the readings of a group come to, those of one measurement.

    Attributes
    ----------
    group : dict of str to str
        What the group has in common.
    name, unit : str
        The measurement's.
    total : Total
    """

    group: Mapping[str, str]
    name: str
    unit: str
    total: Total

    def as_json(self) -> dict[str, object]:
        return {**self.group, "name": self.name, "unit": self.unit, **self.total.as_json()}


class _Part(NamedTuple):
    """What some of the readings of a file come to, by measurement: those of a group."""

    name: str
    specification: Specification
    group: dict[str, str]
    totals: Mapping[str, Total]


def with_totals(
    entries: Mapping[str, Entry], fleet: Fleet, workers: int | None = None
) -> dict[str, Entry]:
    """Return entries of files that are there, with their totals where these were not recorded.

    Such are files of earlier versions, and those of a run that was killed before it had recorded
    them: so its manifest does not differ from that of one that was not.
    """
    found = dict(entries)
    for name, entry in entries.items():
        if entry.totals is None:
            with suppress(InputError):  # `verify` says why
                if is_of(fleet, entry):
                    specification, _ = entry.parse()
                    servers = fleet.at(specification.location)
                    (sums,) = add_up([specification], servers, workers=workers)
                    totals = totals_by_name(specification, sums.get((0, 0)))
                    found[name] = entry.with_totals(totals)
    return found


def dataset_totals(
    store: Store,
    by: Sequence[str] = (),
    names: Iterable[str] | None = None,
    workers: int | None = None,
) -> list[GroupTotal]:
    """Return the totals of files; see `Dataset.totals`."""
    by = _checked(by)
    entries = _entries(store, names, by)
    recorded = _are_recorded(entries, by)
    parts = _recorded(entries) if recorded else _made(store, entries, by, workers)
    found: dict[tuple[tuple[str, ...], str], GroupTotal] = {}
    for part in parts:
        own = _label(part.name, part.specification) | part.group
        group = {each: own[each] for each in by if each != "name"}
        for each in part.specification.measurements:
            key, total = (tuple(group.values()), each.name), part.totals[each.name]
            if before := found.get(key):
                total += before.total
            found[key] = GroupTotal(group, each.name, each.unit, total)
    return sorted(found.values(), key=lambda each: tuple(each.group.values()))


def totals_query(
    store: Store,
    engine: str,
    table: str,
    by: Sequence[str] = (),
    names: Iterable[str] | None = None,
    workers: int | None = None,
) -> str:
    """Return an SQL query that checks a table; see `Dataset.totals_query`."""
    if "file" in by:
        raise InputError("a table does not say which file a row is from; take date or hour", "by")
    entries = _entries(store, names, _checked(by))
    specs = [entry.parse()[0] for entry in entries.values()]
    if len({(spec.columns, spec.interval) for spec in specs}) > 1:
        raise InputError("the files differ in their columns or interval; name those of one table")
    totals = dataset_totals(store, by, entries, workers)
    expected = [(each.group, each.name, each.total) for each in totals]
    return check_query(engine, table, specs[0], expected, by)


def _checked(by: Sequence[str]) -> tuple[str, ...]:
    for each in by:
        if each not in BY:
            raise InputError(f"{shown(each)!r}: choose some of {', '.join(BY)}", "by")
        if list(by).count(each) > 1:
            raise InputError(f"{each} is listed twice", "by")
    return tuple(by)


def _entries(store: Store, names: Iterable[str] | None, by: Sequence[str]) -> dict[str, Entry]:
    """Return the entries of the chosen files, of all that are whole otherwise."""
    manifest = read_manifest(store)
    chosen = sorted(manifest.files if names is None else set(names))
    entries, planned = {}, []
    for name in chosen:
        entry = manifest.entry(name)
        if entry is None:
            what = f"{MANIFEST} does not say what it was made from"
            raise InputError(f"{store.label(name)}: {what}")
        if entry.state == PLANNED:
            if names is not None:
                raise InputError(f"{store.label(name)}: it is planned, and not made yet")
            planned.append(name)
            continue
        try:
            entry.parse()
            entry.parse_totals()
        except InputError as error:
            raise InputError(f"{store.label(MANIFEST)}: the entry of {name}: {error}") from None
        entries[name] = entry
    if planned:
        more = f" and {len(planned) - 1:,} more" if planned[1:] else ""
        are = "are" if more else "is"
        what = f"{planned[0]}{more} {are} planned, and not made yet: left out"
        warnings.warn(what, Notice, stacklevel=2)
    if not entries:
        raise InputError(f"{store.label('')}: it has no readings yet")
    records = {name: json.dumps(e.record, sort_keys=True) for name, e in entries.items()}
    count = Counter(records.values())
    twice = next((name for name, record in records.items() if count[record] > 1), None)
    if twice and "file" not in by:
        warnings.warn(
            f"the readings of {twice} are in several files, and each is counted: name those that "
            f"you mean",
            Notice,
            stacklevel=2,
        )
    return entries


def _are_recorded(entries: Mapping[str, Entry], by: Sequence[str]) -> bool:
    """Return whether what the manifest says of files is enough."""
    if any(entry.totals is None for entry in entries.values()):
        return False
    specs = {name: entry.parse()[0] for name, entry in entries.items()}
    labels = [_label(name, spec) for name, spec in specs.items()]
    if any(each not in label for label in labels for each in by if each != "name"):
        return False
    # Of doubles the sums are rounded, and not to be added up.
    exact = all(m.decimals is not None for spec in specs.values() for m in spec.measurements)
    groups = {tuple(label.get(each) for each in by) for label in labels}
    return exact or len(groups) == len(specs)


def _label(name: str, spec: Specification) -> dict[str, str]:
    """Return what all readings of a file have in common."""
    label = {"file": name, "date": spec.date[:10]}
    if "T" in spec.date:
        label["hour"] = spec.date
    if spec.location is not None:
        label["location"] = spec.location
    return label


def _recorded(entries: Mapping[str, Entry]) -> Iterator[_Part]:
    for name, entry in entries.items():
        yield _Part(name, entry.parse()[0], {}, entry.parse_totals() or {})


def _made(
    store: Store, entries: Mapping[str, Entry], by: Sequence[str], workers: int | None
) -> Iterator[_Part]:
    """Yield the totals of files by groups of servers and hours, made without the files."""
    for fleet, own in _by_fleets(store, entries):
        specs = [entry.parse()[0] for entry in own.values()]
        labels, group_of = _groups(fleet, [each for each in by if each in OF_SERVERS])
        made = add_up(specs, fleet, group_of, "hour" in by, workers)
        for name, spec, sums in zip(own, specs, made, strict=True):
            for (number, hour), totals in sums.items():
                label = dict(labels[number])
                if "hour" in by:
                    label["hour"] = f"{EPOCH + timedelta(hours=hour):%Y-%m-%dT%H}"
                yield _Part(name, spec, label, totals_by_name(spec, totals))
            if not sums and not {*OF_SERVERS, "hour"} & set(by):  # a shard without rows
                yield _Part(name, spec, {}, totals_by_name(spec, None))


def _by_fleets(
    store: Store, entries: Mapping[str, Entry]
) -> Iterator[tuple[Fleet, dict[str, Entry]]]:
    """Yield the fleets that files were made from, with the entries of the files of each."""
    inventory: Inventory | None = None
    with suppress(InputError, OSError):  # a file may say itself which servers it has
        inventory = Inventory.read_from(store)
    fleets = [*filter(None, [inventory])]
    found: dict[int, tuple[Fleet, dict[str, Entry]]] = {}
    for name, entry in entries.items():
        fleet = next((each for each in fleets if is_of(each, entry)), None)
        if fleet is None:
            fleet = own_servers(store, name, entry, inventory)
            fleets.append(fleet)
            if not is_of(fleet, entry):
                raise InputError(f"{store.label(name)}: {other_facts(entry)}")
        fleet = fleet.at(entry.parse()[0].location)
        found.setdefault(id(fleet), (fleet, {}))[1][name] = entry
    return iter(found.values())


def _groups(fleet: Fleet, fields: Sequence[str]) -> tuple[list[dict[str, str]], NDArray[np.int64]]:
    """Return the groups of servers that have some fields in common, and which each is in."""
    servers = fleet.by_serial
    codes = np.zeros(len(fleet), np.int64)
    for field in fields:
        column = servers.templates[field]
        codes = codes * len(column.dictionary) + as_numpy(column.indices)
    _, firsts, group_of = np.unique(codes, return_index=True, return_inverse=True)
    labels = [
        {field: servers.templates[field][first].as_py() for field in fields}
        for first in firsts.tolist()
    ]
    return labels, group_of
