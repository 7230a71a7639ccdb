"""Files of readings written by the workers of a Dask cluster: `write`."""

from __future__ import annotations

import pickle
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from synthpower.cluster import Result, grouped, packed, write_group, write_through

if TYPE_CHECKING:
    from distributed import Client

    from synthpower.dataset.dataset import Dataset
    from synthpower.dataset.plan import Plan
    from synthpower.dataset.request import Request
    from synthpower.dataset.writing import Finished
    from synthpower.engine import Job, Progress, Summary
    from synthpower.fleet.fleet import Fleet


def write(
    client: Client,
    dataset: Dataset,
    wanted: Request | Plan,
    workers: int = 1,
    progress: Progress | None = None,
    finished: Finished | None = None,
) -> list[Summary]:
    """Write files of readings by a Dask cluster, and return a summary of each.

    The files, the manifest and what is returned are those of `Dataset.write`. All Dask workers
    need the dataset's directory, by the same path. What one that is killed had to write, another
    writes. On an interrupt or an error all tasks are cancelled: each ends within a chunk, and no
    unfinished file is left.

    Parameters
    ----------
    client : distributed.Client
    dataset : Dataset
    wanted : Request or Plan
        Few files keep few Dask workers busy: a request for `shards` makes more of them.
    workers : int
        Threads that compute in a task; there are as many tasks at once as Dask's own threads.
    progress, finished : callable, optional
        As of `Dataset.write`; called for each file when it is whole.

    Raises
    ------
    InputError
        As `Dataset.plan` and `Dataset.write`.
    OSError
        Where writing fails, or Dask workers are lost again and again.
    """

    def run(plan: Plan, take: Callable[[Result], None]) -> None:
        import dask.config
        from distributed import CancelledError, KilledWorker, wait

        said, topic = deque[bytes](), f"synthpower-{uuid4()}"
        client.subscribe_topic(topic, lambda event: said.append(event[1]))
        groups = grouped(plan.jobs, max(1, sum(client.nthreads().values())))
        # A task's result, not scattered: what is lost with a worker is made again.
        with dask.config.set({"distributed.admin.large-graph-warning-threshold": "1 GB"}):
            fleet = client.submit(pickle.loads, packed(plan.fleet), pure=False)
        client.replicate(fleet)  # while they are idle: later it takes a second
        pending = {*client.map(_write, groups, [fleet] * len(groups), threads=workers, topic=topic)}
        try:
            while pending:
                done: Iterable[Any] = ()
                with suppress(TimeoutError):  # half a second: then to what is said meanwhile
                    done, pending = wait(pending, 0.5, return_when="FIRST_COMPLETED")
                while said:
                    take([pickle.loads(said.popleft())])  # noqa: S301 - as Dask itself does
                for future in done:
                    take(future.result())
        except (CancelledError, KilledWorker) as error:
            raise OSError(f"the Dask cluster has lost workers, or tasks: {error}") from None
        finally:
            client.cancel([*pending, fleet])
            client.unsubscribe_topic(topic)

    return write_through(dataset, wanted, run, progress, finished)


def _write(jobs: list[Job], fleet: Fleet, threads: int, topic: str) -> Result:
    """Write the files of a task, and say of each that it is whole, until the task is cancelled."""
    from distributed import get_worker

    worker = get_worker()
    task = worker.state.tasks[worker.get_current_task()]

    def check(rows: int, size: int) -> None:  # noqa: ARG001
        if task.state == "cancelled":
            raise OSError("nobody waits for it any more")

    return write_group(jobs, fleet, threads, check, lambda s: worker.log_event(topic, packed(s)))
