"""Files of readings written by the executors of a Spark cluster: `write`."""

from __future__ import annotations

import pickle
import re
import warnings
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING
from uuid import uuid4

import pyarrow as pa

from synthpower.cluster import Result, grouped, packed, write_group, write_through
from synthpower.errors import one_line

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from synthpower.dataset.dataset import Dataset
    from synthpower.dataset.plan import Plan
    from synthpower.dataset.request import Request
    from synthpower.dataset.writing import Finished
    from synthpower.engine import Progress, Summary

_OTHER_PYTHON = r"No module named '[^']*'|Cannot run program .*|\[PYTHON_VERSION_MISMATCH\].*"


def write(
    spark: SparkSession,
    dataset: Dataset,
    wanted: Request | Plan,
    workers: int = 1,
    progress: Progress | None = None,
    finished: Finished | None = None,
) -> list[Summary]:
    """Write files of readings by a Spark cluster, and return a summary of each.

    The files, the manifest and what is returned are those of `Dataset.write`. All executors need
    the dataset's directory, by the same path, and a Python with synthpower. What they report
    comes when all are done. On an interrupt Spark kills their tasks, within seconds; the next run
    removes what they leave, and goes on.

    Parameters
    ----------
    spark : pyspark.sql.SparkSession
        One that has a `sparkContext`: no Spark Connect.
    dataset : Dataset
    wanted : Request or Plan
        Few files keep few executors busy: a request for `shards` makes more of them.
    workers : int
        Threads that compute in a task; there are as many tasks at once as Spark has cores.
    progress, finished : callable, optional
        As of `Dataset.write`; called for each file at the end.

    Raises
    ------
    InputError
        As `Dataset.plan` and `Dataset.write`.
    OSError
        Where writing fails, or Spark does.
    """

    def run(plan: Plan, take: Callable[[Result], None]) -> None:
        from py4j.protocol import Py4JError
        from pyspark.errors import PySparkException

        context, tag = spark.sparkContext, f"synthpower-{uuid4()}"
        groups = grouped(plan.jobs, context.defaultParallelism)
        shipped, count = packed((plan.fleet, groups)), len(groups)

        def write_groups(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
            fleet, groups = pickle.loads(shipped)  # noqa: S301 - as Spark itself does
            for batch in batches:
                results = [write_group(groups[n], fleet, workers) for n in batch["id"].to_pylist()]
                yield pa.record_batch({"result": [packed(each) for each in results]})

        tasks = spark.range(count, numPartitions=count)
        context.addJobTag(tag)
        try:
            with warnings.catch_warnings():  # of PySpark's, about a pandas that nothing here uses
                warnings.simplefilter("ignore", FutureWarning)
                made = tasks.mapInArrow(write_groups, "result binary")
            rows = made.collect()
        except (PySparkException, Py4JError) as error:
            raise OSError(_what_failed(error)) from None
        except KeyboardInterrupt:
            context.cancelJobsWithTag(tag)  # PySpark's own handler means to, and fails
            raise
        finally:
            context.removeJobTag(tag)
        for row in rows:
            take(pickle.loads(row.result))  # noqa: S301

    return write_through(dataset, wanted, run, progress, finished)


def _what_failed(error: Exception) -> str:
    """Return in one line what Spark says at length."""
    lines = [line for line in map(str.strip, str(error).splitlines()) if line]
    for line in lines:
        if found := re.search(_OTHER_PYTHON, line):
            return (
                f"Spark's executors run another Python, or one without synthpower: "
                f"{one_line(found[0])}; set PYSPARK_PYTHON before the session is made"
            )
    of_java = lines[0].startswith("An error occurred while calling")
    return f"Spark: {one_line(lines[1 if of_java else -1]).removeprefix(': ')}"
