"""Specification + inventory -> file, on all cores. The only room with threads; prints nothing."""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from synthpower.batches import Buffers
from synthpower.catalog import shown
from synthpower.errors import InputError
from synthpower.files import check_output, open_output
from synthpower.grid import Chunk
from synthpower.inventory import Inventory
from synthpower.specification import FAST, PLAIN, Specification
from synthpower.writers import Writer, make_writer

_SPARE = 2  # chunks that wait to be written, so that no worker does

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


def available_workers() -> int:
    """Return the number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


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
    workers = available_workers() if workers is None else workers
    if workers < 1:
        raise InputError(f"{shown(workers)}: it must be 1 or more", "workers")
    for job in jobs:
        check_output(job.path, job.overwrite)
    with ThreadPoolExecutor(workers) as pool:
        writers = _writers(jobs, inventory, pool)
        rendered = _ahead(
            pool,
            workers + _SPARE,
            (
                (writer, chunk, job.specification.start)
                for job, writer in zip(jobs, writers, strict=True)
                for chunk in writer.grid.chunks()
            ),
        )
        summaries = []
        try:
            for job, writer in zip(jobs, writers, strict=True):
                summaries.append(_write_file(job, writer, rendered, progress))
                if finished:
                    finished(summaries[-1])
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return summaries


def _writers(jobs: Sequence[Job], inventory: Inventory, pool: ThreadPoolExecutor) -> list[Writer]:
    """Return a writer for each job: the same for all that differ in their date only."""
    kinds: dict[object, Writer] = {}
    writers = []
    for job in jobs:
        specification = job.specification
        kind = (job.format, job.writer, job.compression, specification.undated)
        if kind not in kinds:
            kinds[kind] = make_writer(
                job.format, specification, inventory, job.writer == PLAIN, job.compression, pool.map
            )
        writers.append(kinds[kind])
    return writers


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


def _write_file(
    job: Job, writer: Writer, rendered: Iterator[Any], progress: Progress | None
) -> Summary:
    started = time.perf_counter()
    with open_output(job.path, job.overwrite) as sink:
        written = 0
        with writer.open(job.specification, sink) as write:
            for chunk in writer.grid.chunks():
                write(next(rendered))
                if progress:
                    progress(writer.grid.rows(chunk), sink.size - written)
                    written = sink.size
        if progress:
            progress(0, sink.size - written)
    return Summary(job.path, writer.grid.num_rows, sink.size, time.perf_counter() - started)
