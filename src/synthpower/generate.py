"""Specification + inventory -> file, on all cores. The room with the threads; prints nothing."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from synthpower.batches import Buffers
from synthpower.catalog import shown
from synthpower.errors import InputError
from synthpower.grid import Chunk
from synthpower.inventory import Inventory
from synthpower.lazy import lazy
from synthpower.specification import FAST, PLAIN, Specification
from synthpower.storage import Sink, check_output, locate
from synthpower.workers import available_workers
from synthpower.writers import Writer, make_writer

_SPARE = 2  # chunks that wait to be written, so that no worker does
_MEMORY = 2**28  # bytes of chunks in the making or waiting, whatever the number of workers
_LEAST_AHEAD = 4  # chunks, however large

Progress = Callable[[int, int], None]
Finished = Callable[["Summary"], None]


@dataclass(frozen=True)
class Job:
    """One file to write."""

    specification: Specification
    path: Path
    format: str
    overwrite: bool = False
    writer: str = FAST
    compression: str | None = None

    @property
    def kind(self) -> object:
        """What files that differ in their date and name only have in common."""
        return self.format, self.writer, self.compression, self.specification.undated


@dataclass(frozen=True)
class Summary:
    """What was written.

    Attributes
    ----------
    path : Path
        The file.
    rows, bytes : int
        Its readings and its size.
    seconds : float
        The wall-clock time that it took.
    """

    path: Path
    rows: int
    bytes: int
    seconds: float


def generate(
    jobs: Sequence[Job],
    inventory: Inventory,
    workers: int | None = None,
    progress: Progress | None = None,
    finished: Finished | None = None,
) -> list[Summary]:
    """Write files of readings; their bytes do not depend on the workers.

    Parameters
    ----------
    jobs : sequence of Job
        The files, each of its own name.
    inventory : Inventory
        The servers of all of them.
    workers : int, optional
        Threads that compute; as many as there are cores otherwise.
    progress : callable, optional
        Called with the rows and the bytes that have been written since the last
        call.
    finished : callable, optional
        Called with the summary of each file when it is whole.

    Returns
    -------
    list of Summary
        One for each job.

    Raises
    ------
    InputError
        Before anything is written, where a file exists or cannot be one, or
        `workers` is below 1.
    OSError
        Where writing fails. No unfinished file is left.
    """
    return Run(jobs, inventory, workers).write(progress, finished)


@dataclass(frozen=True)
class Plan:
    """How much a run will write.

    Attributes
    ----------
    rows, bytes : int
        Of all files.
    certainty : str
        Of the bytes: ``exactly``, ``at most`` (CSV) or ``about`` (where values are
        compressed, or pyarrow decides).
    """

    rows: int
    bytes: int
    certainty: str


class Run:
    """Files to be written, looked at before; see `generate` for the parameters and errors."""

    def __init__(
        self, jobs: Sequence[Job], inventory: Inventory, workers: int | None = None
    ) -> None:
        workers = available_workers() if workers is None else workers
        if workers < 1:
            raise InputError(f"{shown(workers)}: it must be 1 or more", "workers")
        for job in jobs:
            check_output(job.path, job.overwrite)
        self._jobs = jobs
        self._inventory = inventory
        self._workers = workers
        self._writers = self._make_writers()

    def _make_writers(self) -> list[Writer]:
        """Return a writer for each job: the same for all that differ in their date only."""
        kinds: dict[object, Writer] = {}
        for job in self._jobs:
            if job.kind not in kinds:
                plain = job.writer == PLAIN
                kinds[job.kind] = make_writer(
                    job.format, job.specification, self._inventory, plain, job.compression
                )
        return [kinds[job.kind] for job in self._jobs]

    @lazy
    def plan(self) -> Plan:
        """How large the files will be; a file of many row groups takes a while to be added up."""
        certainty = "exactly"
        if any(job.writer == PLAIN or job.compression not in (None, "none") for job in self._jobs):
            certainty = "about"
        if any(job.format == "csv" for job in self._jobs):
            certainty = "at most"
        return Plan(self.rows, self._bytes(lambda writer: writer.size), certainty)

    @property
    def rows(self) -> int:
        """The readings of all files."""
        return sum(writer.grid.num_rows for writer in self._writers)

    def fits(self, free: int) -> bool:
        """Return whether the files take no more than `free` bytes."""
        about = self._bytes(lambda writer: writer.estimate)
        return about * 2 <= free or self.plan.bytes <= free

    def _bytes(self, measure: Callable[[Writer], Callable[[Specification], int]]) -> int:
        """Return the sum of the files' sizes: those that differ in their date only have one."""
        sizes: dict[object, int] = {}
        for job, writer in zip(self._jobs, self._writers, strict=True):
            if job.kind not in sizes:
                sizes[job.kind] = measure(writer)(job.specification)
        return sum(sizes[job.kind] for job in self._jobs)

    def write(
        self, progress: Progress | None = None, finished: Finished | None = None
    ) -> list[Summary]:
        """Write them."""
        pairs = list(zip(self._jobs, self._writers, strict=True))
        starts = [(writer, job.specification.start) for job, writer in pairs]
        with rendering(starts, self._workers) as rendered:
            return _write_files(pairs, rendered, progress, finished)


@contextmanager
def rendering(files: Sequence[tuple[Writer, int]], workers: int) -> Iterator[Iterator[Any]]:
    """Render the chunks of files, each a writer and a base time, in order, on `workers` threads."""
    chunks = ((writer, chunk, start) for writer, start in files for chunk in writer.grid.chunks())
    depth = chunks_ahead(max(writer.chunk_bytes for writer, _ in files), workers)
    with ThreadPoolExecutor(workers) as pool:
        try:
            yield _ahead(pool, depth, chunks)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def chunks_ahead(chunk_bytes: int, workers: int) -> int:
    """Return how many chunks are in the making or waiting: memory bounds what many workers do."""
    return min(workers + _SPARE, max(_LEAST_AHEAD, _MEMORY // chunk_bytes))


def _ahead(
    pool: ThreadPoolExecutor, depth: int, chunks: Iterable[tuple[Writer, Chunk, int]]
) -> Iterator[Any]:
    """Yield rendered chunks in order, and keep `depth` of them in the making or waiting.

    Files make no difference: the first chunks of one are rendered while the last of another
    are written. What is yielded is valid until the next.
    """
    ahead: deque[Future[Any]] = deque()
    buffers = [Buffers() for _ in range(depth)]
    for number, (writer, chunk, start) in enumerate(chunks):
        if len(ahead) == depth:
            yield ahead.popleft().result()  # from here on its buffers are free
        ahead.append(pool.submit(writer.render, chunk, start, buffers[number % depth]))
    while ahead:
        yield ahead.popleft().result()


def _write_files(
    files: Sequence[tuple[Job, Writer]],
    rendered: Iterator[Any],
    progress: Progress | None,
    finished: Finished | None,
) -> list[Summary]:
    """Write one file after the other; the end of each goes on beside the beginning of the next."""
    summaries: list[Summary] = []

    def keep(summary: Summary, told: int) -> None:
        if progress:
            progress(0, summary.bytes - told)
        summaries.append(summary)
        if finished:
            finished(summary)

    ending: tuple[Future[Summary], int] | None = None
    with ThreadPoolExecutor(1) as ender:
        try:
            for job, writer in files:
                started = time.perf_counter()
                with ExitStack() as stack:
                    store, name = locate(job.path)
                    sink = stack.enter_context(store.create(name, replace=job.overwrite))
                    write = stack.enter_context(writer.open(job.specification, sink))
                    told = _write_chunks(writer, write, rendered, sink, progress)
                    if ending:
                        before, ending = ending, None
                        keep(before[0].result(), before[1])
                    file = stack.pop_all()
                end = partial(_end, file, job, writer, sink, started)
                if job is files[-1][0]:  # here, where a signal ends even a write that is blocked
                    keep(end(), told)
                else:
                    ending = ender.submit(end), told
        except BaseException:
            # The file before is whole all the same, and should not be forgotten.
            if ending and finished and not ending[0].exception():
                finished(ending[0].result())
            raise
    return summaries


def _write_chunks(
    writer: Writer,
    write: Callable[[Any], object],
    rendered: Iterator[Any],
    sink: Sink,
    progress: Progress | None,
) -> int:
    """Write a file's chunks, and return of how many bytes `progress` was told."""
    told = 0
    for chunk in writer.grid.chunks():
        write(next(rendered))
        if progress:
            progress(writer.grid.rows(chunk), sink.size - told)
            told = sink.size
    return told


def _end(file: ExitStack, job: Job, writer: Writer, sink: Sink, started: float) -> Summary:
    """Make a file whole."""
    file.close()
    seconds = time.perf_counter() - started
    return Summary(job.path, writer.grid.num_rows, sink.size, seconds)
