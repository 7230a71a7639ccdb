"""Files that are judged together: read, and held against what they must hold."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from synthpower.dataset.check import Check
from synthpower.dataset.validate.absences import Absences
from synthpower.dataset.validate.cells import Numbers
from synthpower.dataset.validate.intervals import Survey, interval_of, lengths_between
from synthpower.dataset.validate.known import Known
from synthpower.dataset.validate.numbers import Times
from synthpower.dataset.validate.readings import Readings
from synthpower.dataset.validate.rows import Judge, Rows, codes_of
from synthpower.dataset.validate.source import DEFAULT, Block, Choices, Parsed, Source
from synthpower.dataset.validate.spans import Expected, Span, whole
from synthpower.dataset.validate.texts import Codes, Flags
from synthpower.engine import in_order
from synthpower.errors import InputError, one_line
from synthpower.formats import what_says
from synthpower.model.calendar import DAY, EPOCH, LAST_DATE, base_time
from synthpower.model.columns import END, START, Kind
from synthpower.model.faults import Fault
from synthpower.model.grid import WHOLE

_SAMPLE = 64  # servers whose end times are looked at, to know the interval
_LATEST = int((base_time(LAST_DATE) - EPOCH).total_seconds()) + DAY

CANNOT = (pa.ArrowException, OSError, ValueError, OverflowError, MemoryError)


class Watcher(Protocol):
    """Who wants to know how far the reading is."""

    def file(self, path: Path) -> None: ...

    def progress(self, rows: int, size: int) -> None: ...


@dataclass(frozen=True)
class Group:
    """Files of one format that together hold what they must.

    Attributes
    ----------
    paths : tuple of Path
    expected : Expected or None
        None where nothing says what they must hold: whole hours or days, then.
    why : str
        What says it.
    covered : tuple of Span
        What other files hold, by their names; these need not.
    unread : str
        Why some files are not among them, that should be.
    summed : bool
        There are other files that these are compared with.
    faults : tuple of Fault or None
        Those of files of the load signal, by the manifest: the bounds are those of quantities.
    root : Path or None
        The dataset's directory.
    """

    paths: tuple[Path, ...]
    expected: Expected | None
    why: str
    covered: tuple[Span, ...] = ()
    unread: str = ""
    summed: bool = False
    faults: tuple[Fault, ...] | None = None
    root: Path | None = None

    def label(self, path: Path) -> str:
        """Return what a file is called: its way from the dataset's directory."""
        return str(path.relative_to(self.root)) if self.root else path.name


@dataclass(frozen=True)
class Result:
    """What is compared with other files."""

    name: str
    stems: tuple[str, ...]
    format: str
    expected: Expected
    interval: int
    ends_only: bool
    rows: int
    sums: NDArray[np.uint64]
    latest: int
    ends: tuple[NDArray[np.integer], NDArray[np.integer]] | None


Examination = Generator[Check, None, list[Result]]


def examine(
    group: Group, known: Known, watcher: Watcher, workers: int = 1, agreed: Choices = DEFAULT
) -> Examination:
    """Read the files of a group; yield what was looked at, and return what is to be compared.

    Parameters
    ----------
    group : Group
    known : Known
    watcher : Watcher
    workers : int
        Threads that compute.
    agreed : sequence of tuples of Column
        The columns that a file may have.
    """
    surveyed: dict[tuple[int, bool], list[tuple[Source, Survey]]] = {}
    unread = group.unread
    for path in group.paths:
        watcher.file(path)
        try:
            source = Source(path, agreed, group.label(path))
            survey = _survey(source, known, group.expected is None, workers)
            interval = _interval(survey, known, group.expected)
        except InputError as error:
            label = group.label(path)
            yield Check(label, "columns", passed=False, count=0, detail=str(error))
            unread = f"{label} could not be read"
        except CANNOT as error:
            yield cannot_be_read(group.label(path), 0, error)
            unread = f"{group.label(path)} could not be read"
        else:
            surveyed.setdefault((interval, survey.ends_only), []).append((source, survey))
    if not surveyed:
        yield Check(_title(group, group.paths), "readings", False, 0, unread, checked=False)  # noqa: FBT003
    found = []
    for (interval, ends_only), files in surveyed.items():
        result = yield from _read(
            group, known, watcher, files, interval, ends_only, unread, workers
        )
        if result:
            found.append(result)
    return found


def cannot_be_read(label: str, rows: int, error: object) -> Check:
    """Return that a file could not be read, or not to its end."""
    after = f" after row {rows:,}" if rows else ""
    detail = f"cannot be read{after}: {_reason(error)}"
    return Check(label, "columns", passed=False, count=rows, detail=detail, checked=False)


def _reason(error: object) -> str:
    """Return one line, without the content of the file."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    text = str(error).partition("\n")[0] or type(error).__name__
    if text.startswith("CSV parse error"):
        text = ": ".join(text.split(": ")[:3])
    return one_line(text if len(text) <= 200 else text[:197] + "...")


def _read(
    group: Group,
    known: Known,
    watcher: Watcher,
    files: list[tuple[Source, Survey]],
    interval: int,
    ends_only: bool,
    unread: str,
    workers: int,
) -> Generator[Check, None, Result | None]:
    paths = tuple(source.path for source, _ in files)
    name, why = _title(group, paths), group.why
    expected = group.expected
    if expected is None:
        expected = _around([survey for _, survey in files], interval)
    rows = sum(survey.rows for _, survey in files)
    try:
        absences = Absences(known, paths)
    except InputError as error:
        yield Check(name, "events", False, 0, str(error))  # noqa: FBT003
        absences = Absences(known, ())
    try:
        bounds = known.bounds(group.faults)
    except InputError as error:
        yield Check(name, "tables", False, 0, str(error))  # noqa: FBT003
        bounds = np.outer([-np.inf, np.inf], np.ones(len(known.names)))
    judge = Judge(known, expected, interval, bounds, absences)
    readings = Readings(judge, rows, group.covered, group.summed)
    for source, _ in files:
        watcher.file(source.path)
        count = 0
        try:
            for count in _taken(readings, source, judge, watcher, workers):  # noqa: B007
                pass
        except CANNOT as error:
            yield cannot_be_read(source.label, count, error)
            unread = f"{source.label} could not be read to its end"
        else:
            yield _columns(source, count)
    if not readings.rows and not unread:
        yield _no_reading(name)
        return None
    cut = expected.part
    part = f", part {cut.number} of {cut.of}" if cut != WHOLE else ""
    held = f"{expected.span}{part}"
    yield Check(name, "span", True, readings.rows, f"{held}, every {interval} s: {why}")  # noqa: FBT003
    yield from readings.checks(name, unread)
    if unread:
        return None
    stems = tuple(what_says(path.name).stem for path in paths)
    return Result(
        name, stems, files[0][0].format, expected, interval, ends_only, readings.rows,
        readings.sums, readings.latest, readings.ends(),
    )  # fmt: skip


def _taken(
    readings: Readings, source: Source, judge: Judge, watcher: Watcher, workers: int
) -> Iterator[int]:
    """Take the readings of a file; yield how many rows have been."""
    count = 0
    for judged, size in _judged(source, judge, workers):
        for rows in judged:
            readings.take(source, count + 1, rows)
            watcher.progress(rows.cells.size, size // len(judged))
        count += judged[0].cells.size
        yield count


def _judged(source: Source, judge: Judge, workers: int) -> Iterator[tuple[list[Rows], int]]:
    """Yield the rows of each block of a file, judged by themselves, and the block's bytes."""

    def judged(block: Block) -> tuple[list[Rows], int]:
        return judge.rows(source.parsed(block)), block.size

    return in_order(judged, source.blocks(), workers)


def _around(surveys: list[Survey], interval: int) -> Expected:
    """Return the whole hours or days of what was seen."""
    firsts = [survey.first for survey in surveys if survey.first is not None]
    lasts = [survey.last for survey in surveys if survey.last is not None]
    first, last = min(firsts, default=0), max(lasts, default=0)
    back = interval if surveys[0].ends_only else 0
    begin, end = (time // interval * interval - back for time in (first, last))
    return Expected(whole(max(0, begin), max(0, end) + interval, interval))


def _columns(source: Source, rows: int) -> Check:
    detail = source.wrong or "; ".join(["as they should be", *source.notes])
    return Check(source.label, "columns", not source.wrong, rows, detail)


def _no_reading(name: str) -> Check:
    return Check(name, "missing", passed=False, count=0, detail="there is no reading at all")


def _title(group: Group, paths: tuple[Path, ...]) -> str:
    first = group.label(paths[0])
    return first if len(paths) == 1 else f"{first} and {len(paths) - 1} more"


def _interval(survey: Survey, known: Known, expected: Expected | None) -> int:
    if expected is None:
        return interval_of(survey, known.per_step, None)
    span = expected.span
    return interval_of(survey, known.per_step, span.end - span.start, expected.part.of)


def _survey(source: Source, known: Known, through: bool, workers: int) -> Survey:
    """Look at the first rows of a file, or at the times of all."""
    keys = {known.of_servers.key, known.of_measurements.key}
    names = [
        column.name
        for column in source.columns
        if column.name in keys or column.field.kind is Kind.TIMESTAMP
    ]
    has_start, has_end = (
        any(column.field == wanted for column in source.columns) for wanted in (START, END)
    )
    lengths, seen = np.zeros(0, np.int64), np.zeros(0, np.int64)
    sample = _Sample()

    def parsed(block: Block) -> Parsed:
        return source.parsed(block, names)

    with closing(in_order(parsed, source.blocks(names), workers if through else 1)) as blocks:
        for found in blocks:
            times = {column.field: each for column, each in reversed(found.times)}
            start, end = times.get(START, times.get(END)), times.get(END, times.get(START))
            assert start
            assert end
            good = ~(end.bad | start.bad) & (start.seconds >= 0) & (start.seconds < _LATEST)
            if not (has_start and has_end):
                servers = codes_of(known.of_servers, found)
                sample.add(servers, codes_of(known.of_measurements, found), end, good)
            elif not lengths.size:
                lengths = (end.seconds - start.seconds)[good]
            if not through:
                break
            if good.any():
                seconds = start.seconds[good]
                seen = np.append(seen, [seconds.min(), seconds.max()])
    rows = source.size * (len(known.names) if known.wide else 1)
    survey = Survey(
        rows, lengths if has_start and has_end else sample.lengths(), not has_start, not has_end
    )
    if not seen.size:
        return survey
    return replace(survey, first=int(seen.min()), last=int(seen.max()))


class _Sample:
    """The end times of some servers, of one measurement."""

    def __init__(self) -> None:
        self._name = -1
        self._chosen = np.zeros(0, np.int32)
        self._found: list[tuple[Codes, Numbers]] = []

    def add(self, servers: Codes, names: Codes, end: Times, good: Flags) -> None:
        good = good & (servers >= 0) & (names >= 0)
        if not good.any():
            return
        if not self._chosen.size:
            self._name = int(names[good.argmax()])
            self._chosen = np.unique(servers[good])[:_SAMPLE]
        good &= (names == self._name) & np.isin(servers, self._chosen)
        self._found.append((servers[good], end.seconds[good]))

    def lengths(self) -> Numbers:
        if not self._found:
            return np.zeros(0, np.int64)
        servers, ends = (np.concatenate(parts) for parts in zip(*self._found, strict=True))
        return lengths_between(ends, servers)
