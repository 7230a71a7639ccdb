"""The public API as its users write it: mypy reads this file, nothing runs it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import assert_type

import numpy as np

import synthpower
from synthpower import (
    FIELDS,
    Check,
    Column,
    Dataset,
    InputError,
    Inventory,
    Location,
    Measurement,
    Part,
    Plan,
    Readings,
    Request,
    ServerType,
    Specification,
    Summary,
    kernels,
)

servers: Inventory = Inventory.generate(1000, seed=1)
servers = Inventory.generate(
    10, None, synthpower.read_server_types(None), synthpower.read_locations("sites.csv")
)
servers = Inventory.read(Path("power"))
assert_type(len(servers), int)
assert_type(servers.seed, int | None)
assert_type(servers.write("power"), int)

types: list[ServerType] = list(synthpower.read_server_types("types.csv"))
sites: list[Location] = list(synthpower.read_locations(None))
measured: list[Measurement] = list(synthpower.read_measurements(None))
measured.append(Measurement("fan speed", "%", Decimal(100), None))

readings = Readings(servers, "2023-02-27T05", 600, fuzz=5, end=True, measurements=measured, seed=7)
assert_type(readings.shape, tuple[int, int, int])
assert_type(readings.num_rows, int)
assert_type(readings.specification, Specification)
assert_type(readings.at("2M2007R8VZ", "2023-02-27 05:00:00Z", "fan speed"), float)
assert_type(readings.at("2M2007R8VZ", datetime.now(), "fan speed"), float)
batches: Iterator[object] = readings.batches(chunk_rows=1000)

assert_type(len(readings), int)
week = readings.dataset(days=7)
some = week.between("2023-02-27", datetime.now()).at_sites("UK-S1-01").of_servers("2M2007R8VZ")
assert_type(len(some.select(["sn"])), int)
readings.lazy().collect()
readings.to_polars()
readings.select(["sn"]).lazy()


def progress(rows: int, size: int) -> None: ...


assert_type(readings.write("day.csv", overwrite=True, workers=2, progress=progress), Summary)
written: Summary = readings.write(Path("-"), format="parquet", compression="zstd")
text: str = f"{written.path}: {written.rows + written.bytes} {written.seconds:.1f}"

try:
    Specification("2023-02-30", tuple(measured), seed=1)
except InputError as error:
    assert_type(error.argument, str | None)

columns = (Column("serial", FIELDS["sn"]), Column("watt", FIELDS["measurement_value"]))
shard = Readings(servers, "2023-02-27", columns=columns, part=Part(2, 16))
assert_type(shard.specification.part, Part)
assert_type(synthpower.array_part(10), Part)

dataset = Dataset.create(Path("power"), servers, measured, overwrite=True)
dataset = Dataset.open("power")
request = Request("2023-02-27", days=7, columns=columns, part=Part(1, 2), format="parquet")
plan = dataset.plan(request, workers=2)
assert_type(plan, Plan)
assert_type(plan.rows, int)
assert_type(dataset.write(plan, progress=progress), list[Summary])
totals = dataset.totals(["location"], ["data-2023-02-27.csv"])
assert_type([each.total.sum for each in totals], list[Fraction])
assert_type(dataset.totals_query("duckdb", "readings"), str)
checks: list[Check] = [*dataset.verify(["data-2023-02-27.csv"]), *dataset.validate()]
assert_type(checks[0].passed, bool)
assert_type(dataset.rebuild("again"), Plan)
Request("2023-02-27", path="dt={date}/hour={hour}/data{suffix}")
Request(days=7)  # type: ignore[call-arg]

keys = np.array([1, 2, 3], np.uint64)
late = np.empty((2, 3), np.int64)
times = np.array([0, 3600])
kernels.fill_late_times(keys, times, 1, 5, times, 1, late[:, :, np.newaxis])
kernels.fill_late_times(
    server_keys=keys, times=times, stream_key=1, fuzz=5, firsts=times, step=1, out=late
)
kernels.fill_late_times(keys, times)  # type: ignore[call-arg]
kernels.format_times("1970", late)  # type: ignore[arg-type]
first, second = kernels.draws(keys[0], keys[1], keys[2])
assert_type((first, second), tuple[np.uint64, np.uint64])
compiled = [kernels.fill_decimals.pairs.dispatcher, kernels.draws.dispatcher]
assert_type(kernels.cache_problem(), str)
kernels.on_notice(print)
