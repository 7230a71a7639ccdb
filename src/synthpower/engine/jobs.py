"""Specification + fleet -> file. Prints nothing, and knows no directory."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NamedTuple

from synthpower.engine.chunks import rendering
from synthpower.engine.workers import checked_workers
from synthpower.fleet.fleet import Fleet
from synthpower.formats.interface import Certainty, Format, Options, Rendered, Size, Writer
from synthpower.lazy import lazy
from synthpower.model.specification import Specification
from synthpower.model.total import Total
from synthpower.signals.totals import Totals, totals_by_name
from synthpower.storage import Sink, Store

_ENDING = 4  # files, at most: 90 small ones take 1.3 x the time of one large with 1

Progress = Callable[[int, int], None]
Finished = Callable[["Summary"], None]


@dataclass(frozen=True)
class Job:
    """One file to write: what, where and how."""

    specification: Specification
    store: Store
    name: str
    format: Format
    options: Options = field(default_factory=Options)
    replace: bool = False

    @property
    def kind(self) -> object:
        """What files that differ in their date and name only have in common."""
        return self.format.name, self.options, self.specification.undated

    @property
    def label(self) -> str:
        """What a user would call the file."""
        return self.store.label(self.name)


class Summary(NamedTuple):
    """What was written.

    Attributes
    ----------
    name : str
        The file's name.
    path : str
        Where it is: its path or address.
    rows, bytes : int
        Its readings and its size.
    seconds : float
        The wall-clock time that it took.
    seed : int
    totals : dict of str to Total
        What its readings come to, by measurement.
    """

    name: str
    path: str
    rows: int
    bytes: int
    seconds: float
    seed: int
    totals: Mapping[str, Total]


class Run:
    """Files to be written, looked at before.

    Parameters
    ----------
    jobs : sequence of Job
        The files, each of its own name.
    fleet : Fleet
        The servers of all of them.
    workers : int, optional
        Threads that compute; as many as there are cores otherwise.

    Raises
    ------
    InputError
        Where `workers` is below 1, or a format cannot hold a file.
    """

    def __init__(self, jobs: Sequence[Job], fleet: Fleet, workers: int | None = None) -> None:
        self.workers = checked_workers(workers)
        self._jobs = jobs
        self._fleet = fleet
        self._writers = self._make_writers()

    def _make_writers(self) -> list[Writer[Any]]:
        """Return a writer for each job: the same for all that differ in their date only."""
        kinds: dict[object, Writer[Any]] = {}
        for job in self._jobs:
            if job.kind not in kinds:
                fleet = self._fleet.at(job.specification.location)
                kinds[job.kind] = job.format.writer(job.specification, fleet, job.options)
        return [kinds[job.kind] for job in self._jobs]

    @property
    def rows(self) -> int:
        """The readings of all files."""
        return sum(writer.grid.num_rows for writer in self._writers)

    @lazy
    def size(self) -> Size:
        """How large all files will be; one of many row groups takes a while to be added up."""
        sizes = self._of_kinds(lambda writer, specification: writer.size(specification))
        total = sum(sizes[job.kind].bytes for job in self._jobs)
        return Size(total, max((s.certainty for s in sizes.values()), default=Certainty.EXACTLY))

    def fits(self, free: int) -> bool:
        """Return whether the files take no more than `free` bytes."""
        about = sum(self._estimates[job.kind] for job in self._jobs)
        return about * 2 <= free or self.size.bytes <= free

    @lazy
    def _estimates(self) -> dict[object, int]:
        """About how large the files of each kind will be."""
        return self._of_kinds(lambda writer, specification: writer.estimate(specification))

    def _of_kinds(self, measure: Callable[[Writer[Any], Specification], Any]) -> dict[object, Any]:
        """Return what is measured of each kind of job."""
        pairs = zip(self._jobs, self._writers, strict=True)
        firsts = {job.kind: (writer, job.specification) for job, writer in reversed(list(pairs))}
        return {kind: measure(*first) for kind, first in firsts.items()}

    def seconds(self, limit: float = 0.2) -> float:
        """Return about how long the computing takes, by what some chunks take in `limit` seconds.

        The disk's time comes beside that, or instead of it where it is the longer.
        """
        rows, started = 0, time.perf_counter()
        files = self._files()[:1]
        with rendering(files, self.workers) as rendered:
            for chunk in files[0][0].grid.chunks():
                next(rendered)
                rows += files[0][0].grid.rows(chunk)
                if time.perf_counter() > started + limit:
                    break
            seconds = time.perf_counter() - started
        return seconds * self.rows / max(1, rows)

    def write(
        self, progress: Progress | None = None, finished: Finished | None = None
    ) -> list[Summary]:
        """Write them; their bytes do not depend on the workers.

        Parameters
        ----------
        progress : callable, optional
            Called with the rows and the bytes that have been written since the last
            call.
        finished : callable, optional
            Called with the summary of each file when it is whole.

        Raises
        ------
        OSError
            Where writing fails. No unfinished file is left.
        """
        keeps = any(job.store.keeps_buffers for job in self._jobs)
        with rendering(self._files(), self.workers, keeps) as rendered:
            pairs = list(zip(self._jobs, self._writers, strict=True))
            return _write_files(pairs, self._estimates, rendered, progress, finished)

    def _files(self) -> list[tuple[Writer[Any], int]]:
        pairs = zip(self._jobs, self._writers, strict=True)
        return [(writer, job.specification.start) for job, writer in pairs]


class _Endings:
    """Files that are being made whole, in their order."""

    def __init__(self, progress: Progress | None, finished: Finished | None) -> None:
        self.summaries: list[Summary] = []
        self._progress = progress
        self._finished = finished
        self._ending: deque[tuple[Future[Summary], int]] = deque()

    def add(self, ended: Future[Summary], reported: int) -> None:
        """Add a file, of which so many bytes were reported."""
        self._ending.append((ended, reported))

    def wait(self, most: int) -> None:
        """Wait until there are so many, at most; what is whole already is told."""
        while self._ending and (len(self._ending) > most or self._ending[0][0].done()):
            ended, reported = self._ending[0]
            summary = ended.result()
            self._ending.popleft()  # not before: an interrupt comes while we wait
            self.summaries.append(summary)
            if self._finished:
                self._finished(summary)
            if self._progress:
                self._progress(0, summary.bytes - reported)

    def report_whole(self) -> None:
        """Report those that become whole, whatever became of another."""
        for ended, _ in self._ending:
            with suppress(Exception):  # the first error is the one to be raised
                if self._finished and not ended.exception():
                    self._finished(ended.result())


def _write_files(
    files: Sequence[tuple[Job, Writer[Any]]],
    sizes: Mapping[object, int],
    rendered: Iterator[Rendered[Any]],
    progress: Progress | None,
    finished: Finished | None,
) -> list[Summary]:
    """Write one file after the other; the ends of some go on beside the beginnings of the next."""
    endings = _Endings(progress, finished)
    with ThreadPoolExecutor(_ENDING) as pool:
        try:
            for job, writer in files:
                started = time.perf_counter()
                with ExitStack() as stack:
                    created = job.store.create(job.name, replace=job.replace, size=sizes[job.kind])
                    sink = stack.enter_context(created)
                    write = stack.enter_context(writer.open(job.specification, sink))
                    totals, reported = _write_chunks(writer, write, rendered, sink, progress)
                    endings.wait(_ENDING - 1)
                    file = stack.pop_all()
                end = partial(_end, file, job, writer, sink, totals, started)
                if job is files[-1][0]:  # here, where a signal ends even a write that is blocked
                    ended: Future[Summary] = Future()
                    ended.set_result(end())
                else:
                    ended = pool.submit(end)
                endings.add(ended, reported)
            endings.wait(0)
        except BaseException:
            endings.report_whole()
            raise
    return endings.summaries


def _write_chunks(
    writer: Writer[Any],
    write: Callable[[Any], object],
    rendered: Iterator[Rendered[Any]],
    sink: Sink,
    progress: Progress | None,
) -> tuple[Totals | None, int]:
    """Write a file's chunks; return their totals, and how many bytes were reported."""
    totals: Totals | None = None
    reported = 0
    for chunk in writer.grid.chunks():
        made = next(rendered)
        write(made.data)
        totals = totals + made.totals if totals else made.totals
        if progress:
            progress(writer.grid.rows(chunk), sink.size - reported)
            reported = sink.size
    return totals, reported


def _end(
    file: ExitStack,
    job: Job,
    writer: Writer[Any],
    sink: Sink,
    totals: Totals | None,
    started: float,
) -> Summary:
    """Make a file whole."""
    file.close()
    seconds = time.perf_counter() - started
    seed = job.specification.seed
    by_name = totals_by_name(job.specification, totals)
    return Summary(job.name, job.label, writer.grid.num_rows, sink.size, seconds, seed, by_name)
