"""Anybody's dataset -> does it keep the contract? The data unit test of a real producer's output.

Nothing is made again here. The rows are read in any order, from CSV, JSON lines, Parquet or Arrow,
a block at a time, and held against the inventory, the measurement table and each other. The
columns are those of columns.csv, where there is one, in its formats. A file must hold what its
name says: a day, an hour, or a part of one; so must a folder, whose files are one. Files of other
names must together hold the span that the user or README.md's front matter names (``span:
FROM/TO``), or else whole hours.

=============================================  ==================================================
in a file                                      verdict
=============================================  ==================================================
rows in any order; ``7.5`` for ``7.50``        accepted
strings of another width, or dictionaries      accepted with a note
times in ms or ns, or of another time zone     accepted with a note
CSV times with ``T``, or with an offset        accepted with a note
byte order mark, lines that end in CR LF       accepted with a note
``;``, ``|`` or a tab between the cells        accepted with a note
text in gzip or zstd, where the name says so   accepted
files that repeat others' readings, and agree  accepted with a note
whole numbers of another width                 accepted with a note, where they were agreed on
times without a time zone                      wrong: nobody knows which times they are
times as text or dates in Parquet              wrong
times with a part of a second, or none         wrong
times of another day than the file's           wrong
values of another type than agreed on          wrong: in Parquet and Arrow; else they are doubles
values out of range, with more decimals, -0    wrong; of load the range is the quantity's
readings that are missing, or doubled          wrong
no value                                       wrong, unless events-....csv has the server off then
columns in another order, or more of them      wrong
statistics of a row group that are not true    wrong: readers leave out rows by them
what is damaged, or an empty folder            not checked, which is not passed either
=============================================  ==================================================

Memory: some blocks of 4 MiB of text, or of 2**18 rows of Parquet: two more than there are threads;
one bit for each reading that a file must hold; where boundaries are fuzzed 1, 2 or 4 bytes for
each server and boundary (`cells`). What would take more than 1 GiB and more than 16 bytes for each
reading that is there is "not checked". Files that have readings in common are compared by sums, of
8 bytes for each step.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from synthpower.dataset.check import Check
from synthpower.dataset.inventory import Inventory
from synthpower.dataset.layout import DATA, INVENTORY, README
from synthpower.dataset.manifest import read_manifest
from synthpower.dataset.readme import front_matter
from synthpower.dataset.validate.child import Child
from synthpower.dataset.validate.compared import joined, meeting, overlapping, same_readings
from synthpower.dataset.validate.files import Match, groups_of, matches
from synthpower.dataset.validate.groups import Examination, Group, Result, examine
from synthpower.dataset.validate.known import Known
from synthpower.dataset.validate.source import DEFAULT, Choices, is_typed
from synthpower.dataset.validate.spans import Span, parse_span
from synthpower.engine import Progress, checked_workers
from synthpower.errors import InputError, shown
from synthpower.model.faults import Fault
from synthpower.storage import LocalStore
from synthpower.tables import COLUMNS, MEASUREMENTS, read_columns, read_measurements

__all__ = ["check_contract", "listed_rows", "parse_span"]

_ANY = Span(0, 2**62)
_NEEDED = ("glcp_customer_id", "devices", "data")  # in README.md's front matter


def check_contract(
    directory: Path,
    progress: Progress | None = None,
    span: Span | None = None,
    workers: int | None = None,
) -> Iterator[Check]:
    """Yield what was looked at in a dataset directory: README.md, inventory, files, readings.

    Parameters
    ----------
    directory : Path
    progress : callable, optional
        Called with the rows and bytes of each batch.
    span : Span, optional
        What the files must hold together; README.md's front matter may say it otherwise.
    workers : int, optional
        Threads that compute; the cores otherwise.
    """
    workers = checked_workers(workers)
    matter = front_matter(LocalStore(directory))
    missing = [key for key in _NEEDED if not matter.get(key)]
    detail = f"there is no {' and no '.join(missing)}" if missing else "as it should be"
    why = "as asked for"
    if span is None and "span" in matter:
        why = f"by {README}"
        try:
            span = parse_span(matter["span"])
        except InputError as error:
            missing, detail = ["span"], f"span: {error}"
    passed = not missing
    yield Check(README, "front matter", passed, count=len(matter), detail=detail)
    devices = matter.get("devices") or INVENTORY
    measurements = directory / MEASUREMENTS
    table = measurements if measurements.exists() else None
    try:
        inventory = Inventory.read(directory / devices)
        known = Known(inventory, read_measurements(table))
        found = matches(directory)
    except ValueError as error:  # InputError too
        yield Check(devices, "inventory", passed=False, count=0, detail=str(error))
        return
    yield Check(devices, "inventory", passed=True, count=len(inventory), detail="each once")
    agreed = DEFAULT
    if (directory / COLUMNS).exists():
        try:
            agreed = (read_columns(directory / COLUMNS),)
            known = Known(inventory, read_measurements(table), agreed[0])
        except InputError as error:
            yield Check(COLUMNS, "columns", passed=False, count=0, detail=str(error))
            return
        yield Check(COLUMNS, "columns", passed=True, count=len(agreed[0]), detail="agreed on")
    files = [file for match in found for file in match.files]
    detail = f"match {shown(matter.get('data') or DATA)}"
    yield Check(README, "files", bool(found), len(files), detail)
    yield from _unread(found, directory)
    # A pipe might never end.
    found = [m._replace(files=tuple(f for f in m.files if f.is_file())) for m in found]
    with Child(directory / devices, table, workers, agreed) as child:
        reader = _Reader(known, child, _Watcher(progress), workers, agreed)
        yield from _checks(found, directory, reader, span, why)


def _unread(found: list[Match], directory: Path) -> Iterator[Check]:
    """Yield what is no file of readings, nor a folder of some."""
    for match in found:
        if not match.files:
            detail = "a folder without files"
            yield Check(match.path.name, "columns", False, 0, detail, checked=False)  # noqa: FBT003
        for file in match.files:
            if not file.is_file():
                name = str(file.relative_to(directory))
                yield Check(name, "columns", False, 0, "no regular file", checked=False)  # noqa: FBT003


def listed_rows(directory: Path) -> int | None:
    """Return how many readings files have by the manifest, None where it does not say it.

    A Parquet file says it too, but it may be damaged.
    """
    try:
        manifest = read_manifest(LocalStore(directory))
        files = [file for match in matches(directory) for file in match.files]
    except InputError:
        return None
    entries = [manifest.entry(str(file.relative_to(directory))) for file in files]
    rows = [entry.rows if entry else None for entry in entries]
    return sum(each or 0 for each in rows) if all(rows) else None


@dataclass(frozen=True)
class _Watcher:
    done: Progress | None

    def file(self, path: Path) -> None: ...

    def progress(self, rows: int, size: int) -> None:
        if self.done:
            self.done(rows, size)


def _of_load(directory: Path, files: list[Path]) -> dict[Path, tuple[Fault, ...]]:
    """Return which files are of the load signal, by the manifest: these the scale does not bound.

    Of a producer's own files nothing says so, and the scale is the contract.
    """
    found = {}
    with suppress(InputError):
        manifest = read_manifest(LocalStore(directory))
        for path in files:
            entry = manifest.entry(str(path.relative_to(directory)))
            if entry and entry.record.get("signal") == "load":
                found[path] = entry.parse()[0].faults
    return found


@dataclass(frozen=True)
class _Reader:
    """Reads groups of files: those that a library may die of in a process of its own."""

    known: Known
    child: Child
    watcher: _Watcher
    workers: int
    agreed: Choices

    def examine(self, group: Group) -> Examination:
        if is_typed(group.paths[0]):
            return self.child.examine(group, self.watcher)
        return examine(group, self.known, self.watcher, self.workers, self.agreed)


def _checks(
    found: list[Match], directory: Path, reader: _Reader, span: Span | None, why: str
) -> Iterator[Check]:
    """Yield the checks of the files of each format, and of all: they are alternatives."""
    loads = _of_load(directory, [file for match in found for file in match.files])
    groups: list[Group] = []
    for each in groups_of(found, directory, span, why):
        if isinstance(each, Check):
            yield each
        else:
            groups.append(replace(each, faults=_faults_of(each, loads)))
    results: list[Result] = []
    for group in _with_sums(groups):
        results += yield from reader.examine(group)
    yield from meeting(results)
    yield from same_readings(joined(results))


def _faults_of(group: Group, loads: dict[Path, tuple[Fault, ...]]) -> tuple[Fault, ...] | None:
    """Return the faults of all files of a group, None where one is not of the load signal."""
    if not all(path in loads for path in group.paths):
        return None
    return tuple(fault for path in group.paths for fault in loads[path])


def _with_sums(groups: list[Group]) -> Iterator[Group]:
    """Have readings added up for those groups only that have something to be compared with."""
    spans = [group.expected.span if group.expected else _ANY for group in groups]
    for group, compared in zip(groups, overlapping(spans), strict=True):
        yield replace(group, summed=compared)
