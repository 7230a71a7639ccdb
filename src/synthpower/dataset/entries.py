"""A file's entry in the manifest: what it was made from, and what it is to be or is."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from synthpower.dataset.layout import parse_data_name
from synthpower.dataset.paths import pattern_of
from synthpower.engine import Job
from synthpower.errors import InputError, shown
from synthpower.fleet.fleet import Fleet
from synthpower.formats import FORMATS, find_format, is_text, suffix_of, what_says
from synthpower.formats.interface import Options, word_of
from synthpower.model.description import FleetRecord, describe, parse, same
from synthpower.model.specification import Specification
from synthpower.model.total import Total, total_of_json
from synthpower.signals import find_signal, fleet_record
from synthpower.storage import Store

PLANNED, WHOLE = "planned", "whole"
_ALWAYS = {"parquet": ("implementation", "compression")}  # others only where they are given
_MOST_SHRUNK = 2**15  # of zstd: 128 KiB of one byte are a block of 4; gzip has 2**10


@dataclass(frozen=True)
class Entry:
    """What is known of a file of readings.

    Attributes
    ----------
    record : mapping
        What it was made from: see `model.description`.
    format : str
    options : Options
        How it was written.
    rows : int or None
    bytes : int or None
        None before it is written.
    state : str
        ``planned`` before it is whole, then ``whole``.
    totals : mapping or None
        What its readings come to, by measurement, as JSON has it; see `parse_totals`.
    """

    record: Mapping[str, Any]
    format: str
    options: Options
    rows: int | None
    bytes: int | None = None
    state: str = WHOLE
    totals: Mapping[str, Any] | None = None

    def parse(self) -> tuple[Specification, FleetRecord]:
        """Return the specification and the fleet's record.

        Raises
        ------
        InputError
            Where the record is none, or cannot be true of a file of this size.
        """
        specification, fleet = parse(self.record)
        if not re.fullmatch("[0-9a-f]{64}", str(fleet.sha256)):
            raise InputError("the recorded specification does not say which servers")
        find_signal(specification.signal)
        # What is made room for must not depend on a number that anybody may have edited.
        names_servers = any(specification.columns_of("sn"))
        least = fleet.servers if names_servers else fleet.servers // _MOST_SHRUNK
        if is_text(self.format):  # a line's end for each row and, where it names it, a server
            rows = specification.grid(fleet.servers, 1).num_rows
            least = rows * (2 if names_servers else 1)
            least //= _MOST_SHRUNK if self.options.compression else 1
        if self.bytes is not None and specification.part.of == 1 and self.bytes < least:
            raise InputError(
                f"the readings of {fleet.servers:,} servers do not fit into {self.bytes:,} bytes"
            )
        return specification, fleet

    def parse_totals(self) -> dict[str, Total] | None:
        """Return what its readings come to, by measurement; None where that is not recorded.

        Raises
        ------
        InputError
            Where the totals cannot be those of such a file.
        """
        if self.totals is None:
            return None
        specification, fleet = self.parse()
        measurements = specification.measurements
        grid = specification.grid(fleet.servers, 1)
        readings = grid.num_rows // grid.measurements
        names = [measurement.name for measurement in measurements]
        if self.totals.keys() != set(names):
            raise InputError(f"its totals are not of {', '.join(map(shown, names))}")
        found = {}
        for each in measurements:
            total = total_of_json(each.decimals, self.totals[each.name])
            if total is None or not total.can_be_of(readings):
                raise InputError(f"its totals of {shown(each.name)} are inconsistent")
            found[each.name] = total
        return found

    def job(self, store: Store, name: str, replace: bool = False) -> Job:
        """Return what makes the file again."""
        specification, _ = self.parse()
        return Job(specification, store, name, find_format(self.format), self.options, replace)

    def pattern(self, name: str) -> str | None:
        """Return the pattern of a path that gives the file its name, None where there is none.

        Raises
        ------
        InputError
            As `parse`.
        """
        if parse_data_name(name):
            return None
        suffix = suffix_of(self.format, self.options.compression)
        return pattern_of(name, self.parse()[0], suffix)

    def planned(self) -> Entry:
        return replace(self, state=PLANNED)

    def as_json(self) -> dict[str, Any]:
        """Return the entry as the manifest has it."""
        entry = {
            "state": self.state,
            "format": self.format,
            "rows": self.rows,
            "bytes": self.bytes,
            "specification": dict(self.record),
        }
        given = self.options.recorded(find_format(self.format)).given()
        for field in {**dict.fromkeys(_ALWAYS.get(self.format, ())), **given}:
            entry[word_of(field)] = getattr(self.options, field)
        if self.totals is not None:
            entry["totals"] = dict(self.totals)
        return entry

    def whole(self, size: int, totals: Mapping[str, Total]) -> Entry:
        """Return the entry of the file when it is written."""
        return replace(self.with_totals(totals), bytes=size, state=WHOLE)

    def with_totals(self, totals: Mapping[str, Total]) -> Entry:
        """Return the entry with what its readings come to."""
        return replace(self, totals={name: total.as_json() for name, total in totals.items()})


def record_of(specification: Specification, fleet: Fleet) -> dict[str, Any]:
    """Return the record of a file; its servers are those that it has."""
    fleet = fleet.at(specification.location)
    return describe(specification, fleet_record(specification, fleet))


def entry_of(job: Job, fleet: Fleet, size: int | None, state: str = WHOLE) -> Entry:
    """Return the entry of a job's file."""
    servers = len(fleet.at(job.specification.location))
    rows = job.specification.grid(servers, 1).num_rows
    record = record_of(job.specification, fleet)
    options = job.options.recorded(job.format)
    return Entry(record, job.format.name, options, rows, size, state)


def complete_entry(job: Job, fleet: Fleet, size: int, known: Entry | None) -> Entry:
    """Return the entry of a job's file that is there, with the totals that are known of it."""
    entry = entry_of(job, fleet, size)
    of_it = known is not None and known.bytes == size and same(known.record, entry.record)
    return replace(entry, totals=known.totals) if known and of_it else entry


def as_entry(found: Any) -> Entry | None:
    """Return the entry that JSON says, None where it says none; see `check_entry`."""
    if not isinstance(found, Mapping) or not isinstance(found.get("specification"), Mapping):
        return None
    rows, size = found.get("rows"), found.get("bytes")
    format = found.get("format")
    if not isinstance(format, str) or format not in FORMATS:
        return None
    return Entry(
        found["specification"],
        format,
        _options(found, format),
        rows if type(rows) is int else None,
        size if type(size) is int else None,
        PLANNED if found.get("state") == PLANNED else WHOLE,
        totals if isinstance(totals := found.get("totals"), Mapping) else None,
    )


def _options(found: Mapping[str, Any], format: str) -> Options:
    """Return the options that JSON says; as by default where it says none that there are."""
    given = {
        field: found[word_of(field)]
        for field, option in find_format(format).options.items()
        if word_of(field) in found and option.takes(found[word_of(field)])
    }
    return Options(**given).recorded(find_format(format))


def check_entry(name: str, found: Any) -> Entry:
    """Return the entry of a file; `InputError` unless it is one that this program has made."""
    entry = as_entry(found)
    if not entry:
        format = found.get("format") if isinstance(found, Mapping) else None
        if isinstance(format, str) and format not in FORMATS:
            raise InputError(f"its format is {shown(format)}: this program has no such format")
        raise InputError("it does not say what it was made from")
    specification, fleet = entry.parse()
    expected = replace(entry, rows=specification.grid(fleet.servers, 1).num_rows).as_json()
    if parse_data_name(name) or "/" in name:
        said = what_says(name)
        expected["format"] = said.format
        if is_text(entry.format) and said.compression != entry.options.compression:
            expected["compression"] = said.compression
    if "state" not in found:  # of the first version
        del expected["state"]
    for key in sorted(expected.keys() | found.keys()):
        if not same(found.get(key), expected.get(key)):
            right = expected.get(key)
            advice = f", not {shown(right)}" if key in ("format", "rows") else ""
            raise InputError(f"its {shown(key)} is {shown(found.get(key))}{advice}")
    entry.parse_totals()
    return entry
