"""Anybody's dataset -> does it keep the contract? The data unit test of a real producer's output.

Nothing is made again here. The rows are read in any order, from CSV or Parquet, a batch at a
time, and held against the inventory, the measurement table and each other. A file must hold what
its name says: a day, an hour, or a part of one. Files of other names must together hold the span
that the user or README.md's front matter names (``span: FROM/TO``), or else whole hours.

=============================================  ==================================================
in a file                                      verdict
=============================================  ==================================================
rows in any order; ``7.5`` for ``7.50``        accepted
strings of another width, or dictionaries      accepted with a note
times in ms or ns, or of another time zone     accepted with a note
CSV times with ``T``, or with an offset        accepted with a note
byte order mark, lines that end in CR LF       accepted with a note
files that repeat others' readings, and agree  accepted with a note
times without a time zone                      wrong: nobody knows which times they are
times as text or dates in Parquet              wrong
times with a part of a second, or none         wrong
times of another day than the file's           wrong
values as text, booleans, floats, integers     wrong: in Parquet they are doubles
values out of range, with more decimals, -0    wrong; of load the range is the quantity's
readings that are missing, or doubled          wrong
no value                                       wrong, unless events-....csv has the server off then
columns in another order, or more of them      wrong
statistics of a row group that are not true    wrong: readers leave out rows by them
what is damaged, compressed or a folder        not checked, which is not passed either
=============================================  ==================================================

Memory: some blocks of 4 MiB of CSV, or of 2**18 rows of Parquet: two more than there are threads;
one bit for each reading that a file must hold; where boundaries are fuzzed 1, 2 or 4 bytes for
each server and boundary (`cells`). What would take more than 1 GiB
and more than 16 bytes for each reading that is there is "not checked". Files that have readings in
common are compared by sums, of 8 bytes for each step.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from synthpower.dataset.check import Check
from synthpower.dataset.inventory import Inventory
from synthpower.dataset.layout import DATA, INVENTORY, OURS, README
from synthpower.dataset.manifest import read_manifest
from synthpower.dataset.readme import front_matter
from synthpower.dataset.validate.child import Child
from synthpower.dataset.validate.compared import joined, meeting, overlapping, same_readings
from synthpower.dataset.validate.groups import Group, Result, examine
from synthpower.dataset.validate.known import Known
from synthpower.dataset.validate.source import is_typed
from synthpower.dataset.validate.spans import Expected, Span, of_name, parse_span
from synthpower.engine import Progress, checked_workers
from synthpower.errors import InputError, shown
from synthpower.formats import what_says
from synthpower.model.faults import Fault
from synthpower.model.grid import WHOLE
from synthpower.storage import LocalStore
from synthpower.tables import MEASUREMENTS, read_measurements

__all__ = ["check_contract", "contract_files", "listed_rows", "parse_span"]

_ANY = Span(0, 2**62)
_NOT_READ = ("arrow", "jsonl")
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
        files = contract_files(directory)
    except ValueError as error:  # InputError too
        yield Check(devices, "inventory", passed=False, count=0, detail=str(error))
        return
    yield Check(devices, "inventory", passed=True, count=len(inventory), detail="each once")
    detail = f"match {shown(matter.get('data') or DATA)}"
    yield Check(README, "files", bool(files), len(files), detail)
    reasons = {path: _unread(path) for path in files}
    for path, detail in reasons.items():
        if detail:
            yield Check(path.name, "columns", passed=False, count=0, detail=detail, checked=False)
    files = [path for path in files if not reasons[path]]
    with Child(directory / devices, table, workers) as child:
        loads = _of_load(directory, files)
        yield from _checks(files, loads, known, child, _Watcher(progress), span, why, workers)


def _unread(path: Path) -> str:
    """Return why a file is not read, nothing where it is."""
    if path.is_dir():
        return "a folder: its files are not read"
    if not path.is_file():  # a pipe might never end
        return "no regular file"
    format = what_says(path.name).format
    return f"{format}: only CSV and Parquet are read" if format in _NOT_READ else ""


def contract_files(directory: Path) -> list[Path]:
    """Return the files of readings, and folders; `InputError` where README.md's glob is none."""
    matter = front_matter(LocalStore(directory))
    pattern = matter.get("data") or DATA
    others = {*OURS, matter.get("devices")}
    try:
        return sorted(
            path
            for path in directory.glob(pattern)
            # Spark's mark of success, Hadoop's sums, hidden files
            if not (path.name in others or path.name[0] in "._" or path.suffix == ".crc")
        )
    except (ValueError, NotImplementedError) as error:
        raise InputError(f"{directory / README}: data: {error}") from None


def listed_rows(directory: Path) -> int | None:
    """Return how many readings files have by the manifest, None where it does not say it.

    A Parquet file says it too, but it may be damaged.
    """
    try:
        manifest = read_manifest(LocalStore(directory))
        files = contract_files(directory)
    except InputError:
        return None
    entries = [manifest.entry(path.name) for path in files]
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
            entry = manifest.entry(path.name)
            if entry and entry.record.get("signal") == "load":
                found[path] = entry.parse()[0].faults
    return found


def _checks(
    files: list[Path],
    loads: dict[Path, tuple[Fault, ...]],
    known: Known,
    child: Child,
    watcher: _Watcher,
    span: Span | None,
    why: str,
    workers: int,
) -> Iterator[Check]:
    """Yield the checks of CSV files, of Parquet files, and of both: they are alternatives."""
    groups: list[Group] = []
    for parquet in (False, True):
        chosen = [path for path in files if is_typed(path) == parquet]
        groups += _groups(chosen, span, why)
        yield from _missing_parts(chosen)
        if chosen and span:
            yield from _missing_files(chosen, span, why, "Parquet" if parquet else "CSV")
    results: list[Result] = []
    groups = [replace(group, faults=_faults_of(group, loads)) for group in groups]
    for group in _with_sums(groups):
        if is_typed(group.paths[0]):
            results += yield from child.examine(group, watcher)
        else:
            results += yield from examine(group, known, watcher, workers)
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


def _groups(files: list[Path], span: Span | None, why: str) -> list[Group]:
    named = {path: expected for path in files if (expected := of_name(path.name))}
    groups = [Group((path,), expected, "by its name") for path, expected in named.items()]
    others = tuple(path for path in files if path not in named)
    if others and span:
        covered = tuple(expected.span for expected in named.values())
        groups.append(Group(others, Expected(span), why, covered))
    elif others:
        why = "no name says what there must be, so whole hours or days of what there is"
        groups.append(Group(others, None, why))
    return groups


def _missing_parts(files: list[Path]) -> Iterator[Check]:
    """Yield which parts of a file that was cut are not there."""
    sets: dict[tuple[Span, int], list[tuple[int, Path]]] = {}
    for path in files:
        if (expected := of_name(path.name)) and expected.part != WHOLE:
            sets.setdefault((expected.span, expected.part.of), []).append(
                (expected.part.number, path)
            )
    for (_, of), parts in sets.items():
        there = {part for part, _ in parts}
        missing = of - len(there)
        first = next((part for part in range(1, of + 1) if part not in there), 0)
        detail = "all are there"
        if missing:
            detail = f"{missing:,} of {of:,} are missing, the first is part {first:,}"
        name = parts[0][1].name
        yield Check(name, "parts", passed=not missing, count=len(there), detail=detail)


def _missing_files(files: list[Path], span: Span, why: str, format: str) -> Iterator[Check]:
    """Yield which times of a span no file is for, where all say by their names what they hold."""
    named = [expected.span for path in files if (expected := of_name(path.name))]
    if len(named) < len(files):
        return
    at, gaps = span.start, []
    for each in sorted(named, key=lambda s: s.start):
        if each.start > at:
            gaps.append(Span(at, min(each.start, span.end)))
        at = max(at, each.end)
        if at >= span.end:
            break
    if at < span.end:
        gaps.append(Span(at, span.end))
    gaps = [gap for gap in gaps if gap.start < gap.end]
    detail = f"{span}: {why}"
    if gaps:
        more = f" and {len(gaps) - 1} more" if gaps[1:] else ""
        detail = f"no file for {gaps[0]}{more}"
    yield Check(f"all {format}", "span", passed=not gaps, count=len(files), detail=detail)
