"""Totals without files: of groups of servers, of hours, of shards; held against the readings."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import CPU, specified

from synthpower import Fault, Inventory, Measurement, Part, Readings, Specification
from synthpower.engine import add_up
from synthpower.engine import totals as module
from synthpower.model.total import Total
from synthpower.signals import find_signal

SERVERS = Inventory.generate(23, 1)
FULL = Measurement("full", "W", Decimal(300), minimum=-7)
LOAD = (Measurement("power", "W", Decimal(1), 1, "power"), FULL)
OFF = (Fault("off", Decimal("0.2")),)


def groups_of(spec: Specification, group_of: Sequence[int], by_hour: bool) -> dict:
    """Return the values of each group, hour and measurement, by the rows of a table."""
    readings = Readings(
        SERVERS, spec.date, spec.interval, measurements=spec.measurements, seed=spec.seed,
        signal=spec.signal, part=spec.part, faults=spec.faults,
    )  # fmt: skip
    group = dict(zip(SERVERS.by_serial.sn.to_pylist(), group_of, strict=True))
    found: dict[tuple[int, int, str], list[float | None]] = {}
    columns = ("sn", "start_time", "name", "measurement_value")
    table = readings.to_table()
    for sn, start, name, value in zip(*(table[each].to_pylist() for each in columns), strict=True):
        hour = int(start.timestamp()) // 3600 if by_hour else 0
        found.setdefault((group[sn], hour, name), []).append(value)
    return found


def total_of(measurement: Measurement, values: Sequence[float | None]) -> Total:
    there = [Fraction(value) for value in values if value is not None]
    if measurement.decimals is not None:
        power = 10**measurement.decimals
        there = [Fraction(round(value * power), power) for value in there]
    return Total(
        measurement.decimals, len(there), len(values) - len(there), sum(there, Fraction(0)),
        min(there, default=None), max(there, default=None),
    )  # fmt: skip


@given(
    chunk_rows=st.integers(1, 400),
    group_of=st.lists(st.integers(0, 3), min_size=23, max_size=23),
    by_hour=st.booleans(),
    part=st.sampled_from([Part(), Part(1, 7), Part(3, 7), Part(7, 7), Part(500, 999)]),
    date=st.sampled_from(["2023-02-27", "2023-02-27T05"]),
    table=st.sampled_from([((CPU,), "uniform", ()), ((CPU, FULL), "triangular", ()), (LOAD, "load", OFF)]),
)  # fmt: skip
@settings(max_examples=60)
def test_they_are_those_of_the_readings(
    monkeypatch: pytest.MonkeyPatch,
    chunk_rows: int,
    group_of: list[int],
    by_hour: bool,
    part: Part,
    date: str,
    table: tuple[tuple[Measurement, ...], str, tuple[Fault, ...]],
) -> None:
    measurements, signal, faults = table
    given = specified(
        date=date, interval=1800 if "T" in date else 7200, measurements=measurements,
        signal=signal, faults=faults, part=part,
    )  # fmt: skip
    spec = find_signal(signal).complete(given, SERVERS)
    with monkeypatch.context() as patched:
        patched.setattr(module, "_CHUNK_ROWS", chunk_rows)
        (sums,) = add_up([spec], SERVERS, np.array(group_of), by_hour, 2)
    found = {
        (group, hour, m.name): total
        for (group, hour), totals in sums.items()
        for m, total in zip(measurements, totals.exact(), strict=True)
    }
    by_name = {m.name: m for m in measurements}
    assert found == {
        key: total_of(by_name[key[2]], values)
        for key, values in groups_of(spec, group_of, by_hour).items()
    }


def test_files_follow_one_another() -> None:
    days = [specified(date=f"2023-02-{day}", measurements=(CPU,)) for day in (26, 27)]
    both = [sums[0, 0].exact() for sums in add_up(days, SERVERS)]
    assert both == [next(add_up([day], SERVERS))[0, 0].exact() for day in days]
    assert both[0] != both[1]
