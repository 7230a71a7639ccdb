"""README's table of what to use when, with a figure of each way from the other benchmarks' results.

python benchmarks/reach.py    put the table into README.md; nothing is measured
"""

from __future__ import annotations

import argparse
import json
import statistics
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import clusters
import compare
import databases


def result(name: str) -> dict[str, Any]:
    """Return what a benchmark has measured."""
    found: dict[str, Any] = json.loads((compare.HERE / "results" / f"{name}.json").read_text())
    return found


def median(runs: list[dict[str, Any]], key: str, **wanted: str) -> float:
    """Return the median of a figure of those runs that are wanted."""
    return statistics.median(
        run[key] for run in runs if all(run.get(k) == v for k, v in wanted.items())
    )


def rate_of(runs: list[dict[str, Any]], case: str) -> float:
    """Return how many million rows a second those of a case are."""
    return median(runs, "rows", case=case) / median(runs, "seconds", case=case) / 1e6


def rows() -> Iterator[tuple[str, str, str]]:
    """Yield what somebody has, what to use, and a figure."""
    queries = result("in_process")
    seconds = {
        run["case"]: statistics.median(run["seconds"])
        for run in queries["runs"]
        if run["engine"] == "duckdb" and run["source"] == "made"
    }
    average = queries["rows"] / seconds["avg by location"] / 1e6
    yield (
        "DuckDB, Polars, DataFusion in the process",
        "`readings.dataset()`",
        f"average by site {average:.0f} M rows/s; one site of 16 of "
        f"{queries['rows'] / 1e6:.0f} M rows {seconds['one site of 16']:.2f} s",
    )
    objects = result("object_storage")["runs"]
    rate = rate_of(objects, "Parquet, one object")
    yield (
        "a bucket: S3, Google, Azure [`object`]",
        "`--directory s3://bucket/power`",
        f"Parquet {rate:.0f} M rows/s to a server that discards it",
    )
    cluster = result("clusters")["runs"]
    rates = {
        case: clusters.rate_of(cluster, case)[1]
        for case in ("shards", "four threads", "dask", "two threads", "spark")
    }
    yield (
        "Slurm, Kubernetes, AWS Batch, PBS",
        "`--shard auto`",
        f"four processes {rates['shards'] / rates['four threads']:.2f} times as fast as four "
        "threads",
    )
    yield (
        "a Dask cluster [`dask`]",
        "`synthpower.dask.write`",
        f"two workers {rates['dask'] / rates['two threads']:.2f} times as fast as two threads",
    )
    yield (
        "Spark [`spark`]",
        "`synthpower.spark.write`",
        f"{rates['spark']:.0f} M rows/s on two cores",
    )
    tables = result("lake_tables")["runs"]
    added = {
        kind: median(tables, "the files added to a new table", kind=kind)
        for kind in ("delta", "iceberg")
    }
    yield (
        "a lakehouse [`delta`], [`iceberg`]",
        "`--table delta`, `--table iceberg`",
        f"208 files added in {added['delta']:.1f} s, {added['iceberg']:.1f} s",
    )
    loads = result("databases")["runs"]
    pipe, adbc = (rate_of(loads, case) for case in list(databases.CASES)[:2])
    yield (
        "PostgreSQL, ClickHouse, Kafka",
        "`--output - \\| psql`, `adbc_ingest(…, readings)`",
        f"PostgreSQL takes {pipe:.1f} and {adbc:.1f} M rows/s",
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--readme", type=Path, nargs="+", default=compare.READMES[:1])
    args = parser.parse_args()
    date = max(
        result(name)["date"]
        for name in ("in_process", "object_storage", "clusters", "lake_tables", "databases")
    )
    lines = ["| you have | use | measured |", "| --- | --- | --- |"]
    lines += [f"| {' | '.join(row)} |" for row in rows()]
    text = "\n".join(lines)
    source = "[benchmarks/README.md](benchmarks/README.md)"
    compare.put_into(args.readme, {"reach": f"{text}\n\n2 cores, medians, by {date}: {source}."})


if __name__ == "__main__":
    main()
