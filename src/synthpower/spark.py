"""Files of readings written by the executors of a Spark cluster: `write`."""

from __future__ import annotations

import pickle
import warnings
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

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

_OTHER_PYTHON = ("No module named", "PYTHON_VERSION_MISMATCH", "Cannot run program")


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
    comes when all are done; who reads the files needs no more than ``spark.read.parquet``.

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
        from pyspark.errors import PySparkException

        groups = grouped(plan.jobs, spark.sparkContext.defaultParallelism)
        shipped, count = packed((plan.fleet, groups)), len(groups)

        def write_groups(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
            fleet, groups = pickle.loads(shipped)  # noqa: S301 - as Spark itself does
            for batch in batches:
                results = [write_group(groups[n], fleet, workers) for n in batch["id"].to_pylist()]
                yield pa.record_batch({"result": [packed(each) for each in results]})

        tasks = spark.range(count, numPartitions=count)
        try:
            with warnings.catch_warnings():  # of PySpark's, about a pandas that nothing here uses
                warnings.simplefilter("ignore", FutureWarning)
                made = tasks.mapInArrow(write_groups, "result binary")
            rows = made.collect()
        except PySparkException as error:
            raise OSError(_what_failed(str(error))) from None
        for row in rows:
            take(pickle.loads(row.result))  # noqa: S301

    return write_through(dataset, wanted, run, progress, finished)


def _what_failed(said: str) -> str:
    """Return in one line what Spark says at length."""
    lines = [line.strip() for line in said.splitlines()]
    about = [line for line in lines if any(each in line for each in _OTHER_PYTHON)]
    if about:
        return (
            f"Spark's executors run another Python, or one without synthpower: "
            f"{one_line(about[0])}; set PYSPARK_PYTHON before the session is made"
        )
    causes = [line for line in lines if "Error: " in line or "Exception: " in line]
    return f"Spark: {one_line((causes or lines)[-1])}"
