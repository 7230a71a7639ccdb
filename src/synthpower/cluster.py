"""A plan whose files are written by processes of a cluster; what Dask and Spark have in common.

This process plans, and keeps the manifest; the others need the directory, and a fleet.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable, Sequence
from itertools import pairwise

from synthpower.dataset.dataset import Dataset
from synthpower.dataset.plan import Plan
from synthpower.dataset.request import Request
from synthpower.dataset.writing import Finished, write_plan
from synthpower.engine import Job, Progress, Run, Summary
from synthpower.errors import InputError
from synthpower.fleet.fleet import Fleet
from synthpower.storage import StreamStore

Result = list[Summary] | InputError | OSError

_FILES = 4  # of a group, at least: their ends are waited for beside each other
_ROUNDS = 32  # groups for each slot, at most


def grouped(jobs: Sequence[Job], slots: int) -> list[list[Job]]:
    """Return jobs in groups, each of them work for one slot.

    A group is several files where there are enough: a process that writes one waits for the
    disk at its end. The groups go round the slots evenly, and several times where they can, so
    that little is lost with a process.

    Parameters
    ----------
    jobs : sequence of Job
    slots : int
        How many groups can be written at once, at least 1.
    """
    rounds = min(_ROUNDS, max(1, len(jobs) // (slots * _FILES)))
    count = min(len(jobs), slots * rounds)
    ends = [number * len(jobs) // count for number in range(count + 1)] if count else [0]
    return [list(jobs[begin:end]) for begin, end in pairwise(ends)]


def write_group(
    jobs: Sequence[Job],
    fleet: Fleet,
    workers: int,
    progress: Progress | None = None,
    finished: Finished | None = None,
) -> Result:
    """Write the files of a group, in a process of the cluster; see `engine.Run`.

    One that another process had made before it was killed is made again.

    Returns
    -------
    list of Summary, InputError or OSError
        An error is no failure of the task: the cluster would try again, and say so at length.
    """
    try:
        return Run(jobs, fleet, workers).write(progress, finished)
    except (InputError, OSError) as error:
        return error


def write_through(
    dataset: Dataset,
    wanted: Request | Plan,
    run: Callable[[Plan, Callable[[Result], None]], None],
    progress: Progress | None,
    finished: Finished | None,
) -> list[Summary]:
    """Write what is wanted of a dataset through `run`, and return a summary of each file.

    Parameters
    ----------
    dataset : Dataset
    wanted : Request or Plan
    run : callable
        Have the jobs of a plan written, and call back with what became of each file, or group:
        once, or again.
    progress, finished
        As of `Dataset.write`; progress comes with each whole file.

    Raises
    ------
    InputError, OSError
        As `Dataset.write`; also where a file is a stream of this process.
    """
    plan = dataset.plan(wanted) if isinstance(wanted, Request) else wanted
    for job in plan.jobs:
        if isinstance(job.store, StreamStore):
            raise InputError(
                f"{job.label} is a stream of this process; a cluster writes files", "output"
            )

    def runner(plan: Plan, progress: Progress | None, keep: Finished) -> list[Summary]:
        labels = {job.name: job.label for job in plan.jobs}
        made: dict[str, Summary] = {}

        def take(result: Result) -> None:
            if isinstance(result, Exception):
                raise result
            for summary in result:
                if summary.name not in made:
                    made[summary.name] = summary._replace(path=labels[summary.name])
                    keep(made[summary.name])
                    if progress:
                        progress(summary.rows, summary.bytes)

        try:
            run(plan, take)
        finally:
            plan.target.clear()  # of processes that were killed
        return [made[job.name] for job in plan.jobs]

    return write_plan(plan, None, progress, finished, runner)


def packed(value: object) -> bytes:
    """Return the bytes that a summary, a fleet or an error goes to another process as."""
    return pickle.dumps(value, pickle.HIGHEST_PROTOCOL)
