"""What readings come to: held against Python's exact numbers."""

from __future__ import annotations

import math
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from support import CPU, POWER, limits_of, specified

from synthpower import Fault, Inventory, Measurement, Specification
from synthpower.fleet.fleet import Fleet
from synthpower.model.grid import Chunk
from synthpower.model.total import Total
from synthpower.signals import find_signal
from synthpower.signals.quantity import NULLS, Numbers, Quantities
from synthpower.signals.totals import Totals, totals_by_name, totals_of_counts

FULL = Measurement("full", "W", Decimal(300))
SERVERS = Inventory.generate(700, 1)
BELOW = Measurement("below", "W", 5, minimum=-7)
FAULTS = tuple(Fault(kind, Decimal("0.05")) for kind in ("off", "stuck_power", "meter_drift"))


def evaluated(
    spec: Specification, servers: Fleet, chunk: Chunk, as_values: bool
) -> tuple[Totals, Quantities, np.ndarray]:
    """Return the totals of a chunk, and the values that they should be of."""
    signal = find_signal(spec.signal)
    evaluator = signal.bind(signal.complete(spec, servers), servers)
    shape = chunk.steps, chunk.servers, len(spec.measurements)
    values, counts = np.empty(shape), np.empty(shape, np.int64)
    firsts = np.arange(shape[2], dtype=np.uint64) * np.uint64(7)
    firsts[[m.decimals is None for m in spec.measurements]] = 0
    totals = evaluator.values(chunk, spec.start, values)
    if not as_values:
        totals = evaluator.counts(chunk, spec.start, firsts, counts)
    return totals, evaluator.quantities, values


def expected(quantities: Quantities, m: int, values: list[float]) -> Total:
    """Return the total of values, as it should be."""
    decimals, step = quantities.numbers[m].decimals, quantities.numbers[m].step
    there = [value for value in values if not math.isnan(value)]
    exact = [
        Fraction(value)
        if decimals is None
        else Fraction(round(Fraction(value) * 10**decimals / step) * step, 10**decimals)
        for value in there
    ]
    return Total(
        decimals, len(there), len(values) - len(there), sum(exact, Fraction(0)),
        min(exact, default=None), max(exact, default=None),
    )  # fmt: skip


LOAD_TABLE = (
    CPU,
    Measurement("energy", "J", Decimal(1), 1, "energy"),
    Measurement("power", "W", Decimal(1), None, "power"),
    Measurement("power peak", "W", Decimal(1), 0, "power_peak"),
    FULL,
)


@pytest.mark.parametrize("as_values", [True, False])
@pytest.mark.parametrize(
    ("spec", "servers"),
    [
        (specified(measurements=(CPU, POWER)), SERVERS),
        (specified(measurements=(CPU,), signal="triangular"), SERVERS),
        (specified(measurements=(FULL, POWER, Measurement("n", "W", "1e-300"))), SERVERS),
        (specified(measurements=(Measurement("m", "W", 2**53, 0), CPU)), SERVERS),
        (specified(measurements=(Measurement("m", "W", 40, 1, minimum="-20.5"), BELOW)), SERVERS),
        (specified(measurements=LOAD_TABLE, signal="load", interval=900), SERVERS),
        (
            specified(measurements=LOAD_TABLE, signal="load", interval=900, faults=FAULTS),
            SERVERS,
        ),
    ],
)
def test_totals_are_those_of_the_readings(
    spec: Specification, servers: Fleet, as_values: bool
) -> None:
    chunk = Chunk(3, 5, 40, 600)
    totals, quantities, values = evaluated(spec, servers, chunk, as_values)
    columns = values.reshape(-1, values.shape[2]).T.tolist()
    assert totals.exact() == [expected(quantities, m, each) for m, each in enumerate(columns)]
    assert limits_of(totals) == (np.nanmin(values), np.nanmax(values))
    if spec.faults:
        assert all(each.absent for each in totals.exact())


@given(st.integers(1, 4), st.integers(1, 5), st.lists(st.integers(0, 9), max_size=3), st.data())
def test_groups_of_servers_are_added_up_each(
    steps: int, measurements: int, cuts: list[int], data: st.DataObject
) -> None:
    quantities = Quantities([Numbers(0, 500)] * measurements, nullable=True)
    kind = data.draw(st.sampled_from([np.uint16, np.int64]))
    null = NULLS[np.dtype(kind)]
    cells = st.one_of(st.integers(7, 500), st.just(null))
    size = steps * 9 * measurements
    flat = data.draw(st.lists(cells, min_size=size, max_size=size))
    counts = np.array(flat, kind).reshape(steps, 9, measurements)
    begins = [0, *sorted(cuts), 9]
    firsts = np.full(measurements, 7, np.uint64)
    found = totals_of_counts(quantities, counts, firsts, begins)
    assert len(found) == len(begins) - 1
    for totals, begin, end in zip(found, begins[:-1], begins[1:], strict=True):
        for m, total in enumerate(totals.exact()):
            own = counts[:, begin:end, m].reshape(-1).tolist()
            there = [each - 7 for each in own if each != null]
            assert (total.count, total.absent) == (len(there), len(own) - len(there))
            assert total.sum == sum(there)
            assert total.minimum == min(there, default=None)
            assert total.maximum == max(there, default=None)


ends = st.floats(-1e308, 1e308) | st.floats(-1e-300, 1e-300) | st.sampled_from([0.0, 5e-324])


@given(ends, ends, st.lists(st.integers(0, 2**53 - 1), min_size=1, max_size=30))
def test_doubles_of_any_scale_have_their_exact_sum(a: float, b: float, counts: list[int]) -> None:
    low, high = sorted([a, b])
    assume(low < high and not math.isinf(high - low))
    measurement = Measurement("m", "W", repr(high), minimum=repr(low))
    quantities = Quantities.of([measurement])
    cells = np.array([0, *counts], np.int64).reshape(1, -1, 1)
    values = quantities.values(cells, np.zeros(1, np.uint64)).reshape(-1).tolist()
    (totals,) = totals_of_counts(quantities, cells)
    (total,) = totals.exact()
    assert total.sum == sum(map(Fraction, values))
    assert (total.minimum, total.maximum) == (Fraction(min(values)), Fraction(max(values)))


def test_totals_add_up() -> None:
    spec = specified(measurements=(FULL, POWER))
    whole, *_ = evaluated(spec, SERVERS, Chunk(0, 4, 0, 700), as_values=True)
    parts = [
        evaluated(spec, SERVERS, Chunk(first, 2, 0, 700), as_values=True)[0] for first in (0, 2)
    ]
    assert (parts[1] + parts[0]).exact() == whole.exact()


def test_a_file_without_rows_has_totals() -> None:
    found = totals_by_name(specified(measurements=(POWER,)), None)
    assert found["server power"].as_json() == {
        "count": 0, "absent": 0, "sum": "0.00", "minimum": None, "maximum": None,
    }  # fmt: skip
