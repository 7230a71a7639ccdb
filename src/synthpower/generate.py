"""Specification + inventory -> file, on all cores. The only room with threads; prints nothing."""

from __future__ import annotations

import os
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from synthpower.batches import Batches, Buffers
from synthpower.catalog import shown
from synthpower.errors import InputError
from synthpower.files import Sink, check_output, open_output
from synthpower.inventory import Inventory
from synthpower.specification import Specification
from synthpower.writers import WRITERS, Writer

Progress = Callable[[int, int], None]
Finished = Callable[["Summary"], None]


@dataclass(frozen=True)
class Job:
    """One file to write."""

    specification: Specification
    path: Path
    format: str
    overwrite: bool = False


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
        call, from any thread.
    finished : callable, optional
        Called with the summary of each file when it is whole, from any thread.

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
    _ = inventory.by_serial  # once, not by each thread
    stopped = threading.Event()

    def run(job: Job) -> Summary:
        summary = _write_file(job, inventory, max(1, workers // at_once), progress, stopped)
        if finished:
            finished(summary)
        return summary

    # A Parquet file is encoded by one thread, so files of a run are written side by side. A
    # single file is written by the calling thread: there a signal ends even a blocked write.
    at_once = min(workers, len(jobs))
    if at_once == 1:
        return [run(job) for job in jobs]
    with ThreadPoolExecutor(at_once) as pool:
        files = [pool.submit(run, job) for job in jobs]
        try:
            for file in as_completed(files):
                file.result()
            return [file.result() for file in files]
        except BaseException:
            stopped.set()
            pool.shutdown(cancel_futures=True)
            raise


class _Stopped(Exception):
    """Another file has failed, or the run was interrupted."""


def _write_file(
    job: Job,
    inventory: Inventory,
    threads: int,
    progress: Progress | None,
    stopped: threading.Event,
) -> Summary:
    started = time.perf_counter()
    writer_type = WRITERS[job.format]
    chunk_rows = writer_type.chunk_rows(job.specification, inventory)
    batches = Batches(job.specification, inventory, chunk_rows)
    with open_output(job.path, job.overwrite) as sink:
        with ExitStack() as stack:
            writer: Writer = writer_type(batches, sink)
            stack.enter_context(writer)
            pool = stack.enter_context(ThreadPoolExecutor(threads))
            _stream(batches, writer, sink, pool, threads, progress, stopped)
        size = sink.size
    return Summary(job.path, batches.grid.num_rows, size, time.perf_counter() - started)


def _stream(
    batches: Batches,
    writer: Writer,
    sink: Sink,
    pool: ThreadPoolExecutor,
    threads: int,
    progress: Progress | None,
    stopped: threading.Event,
) -> None:
    """Render chunks on the pool's threads, a few ahead of the one that is being written."""
    ahead: deque[tuple[int, Future[Any]]] = deque()
    buffers = [Buffers(batches.grid) for _ in range(threads + 1)]
    written = 0

    def write_next() -> None:
        nonlocal written
        rows, rendered = ahead.popleft()
        writer.write(rendered.result())
        if progress:
            progress(rows, sink.size - written)
            written = sink.size

    try:
        for number, chunk in enumerate(batches.grid.chunks()):
            if stopped.is_set():
                raise _Stopped
            if len(ahead) == len(buffers):
                write_next()  # from here on its buffers are free
            free = buffers[number % len(buffers)]
            ahead.append((batches.grid.rows(chunk), pool.submit(writer.render, chunk, free)))
        while ahead:
            write_next()
    except BaseException:
        pool.shutdown(wait=False, cancel_futures=True)
        raise
