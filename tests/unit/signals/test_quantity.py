"""Count <-> value: what the numbers that kernels draw mean."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import CPU, POWER

from synthpower import Measurement
from synthpower.signals.quantity import Numbers, Quantities, value_dictionary

FULL = Measurement("full", "W", Decimal(300))

decided = st.builds(
    Measurement, st.just("m"), st.just("W"), st.decimals(1, 1000, places=3), st.integers(0, 6)
)


def test_measurements_are_as_kernels_take_them() -> None:
    found = Quantities.of([CPU, POWER, FULL])
    assert found.bounds.tolist() == [10_001, 30_001, 0]
    assert found.count_bounds.tolist() == [10_001, 30_001, 2**53]
    assert found.scales.tolist() == [100.0, 100.0, 300.0]
    assert found.decimals.tolist() == [2, 2, -1]


@given(decided, st.data())
def test_a_limit_is_the_decimal_of_its_count(measurement: Measurement, data: st.DataObject) -> None:
    count = data.draw(st.integers(0, measurement.max_count))
    value = float(Decimal(count).scaleb(-measurement.decimals))
    assert Quantities.of([measurement]).limits(np.array([[count, count]], np.uint64)) == (
        value,
        value,
    )


@given(st.integers(0, 2**53 - 1))
def test_a_limit_of_full_precision_is_its_share_of_the_scale(count: int) -> None:
    value = count / 2**53 * 300
    assert Quantities.of([FULL]).limits(np.array([[count, count]], np.uint64)) == (value, value)


def test_the_limits_are_those_of_all_measurements() -> None:
    summary = np.array([[500, 500, 9, 9], [0, 700, 9, 9], [2**51, 2**53 - 1, 9, 9]], np.uint64)
    found = Quantities.of([CPU, POWER, FULL]).limits(summary)
    assert found == (0.0, (2**53 - 1) / 2**53 * 300)


def test_measurements_of_the_same_decimals_share_their_values() -> None:
    other = Measurement("whole", "W", Decimal(9), 0)
    found = value_dictionary(Quantities.of([CPU, other, POWER]))
    assert found is not None
    assert found.counts == {(2, 1): 30_001, (0, 1): 10}
    assert found.firsts.tolist() == [0, 30_001, 0]
    assert found.size == 30_011


def test_counts_of_a_step_have_values_of_their_own() -> None:
    energy = Numbers(0, 5, step=3600)
    quantities = Quantities([Numbers(0, 7), energy, energy])
    found = value_dictionary(quantities)
    assert found is not None
    assert found.firsts.tolist() == [0, 8, 8]
    assert found.values().tolist() == [*range(8), *range(0, 6 * 3600, 3600)]
    assert quantities.limits(np.array([[1, 2], [1, 2], [0, 5]], np.uint64)) == (0.0, 18_000.0)


@given(st.lists(decided.filter(lambda m: m.max_count < 1000), min_size=1, max_size=4))
def test_the_code_of_a_count_is_that_of_its_value(measurements: list[Measurement]) -> None:
    found = value_dictionary(Quantities.of(measurements))
    assert found is not None
    values = found.values().tolist()
    assert len(values) == found.size
    for measurement, first in zip(measurements, found.firsts.tolist(), strict=True):
        for count in (0, measurement.max_count // 2, measurement.max_count):
            assert values[first + count] == float(Decimal(count).scaleb(-measurement.decimals))


@pytest.mark.parametrize(
    ("measurements", "there"),
    [
        ([Measurement("m", "W", Decimal(65_535), 0)], True),
        ([Measurement("m", "W", Decimal(65_536), 0)], False),
        ([Measurement("m", "W", Decimal(65_000), 0), Measurement("n", "W", Decimal(6), 2)], False),
        ([CPU, FULL], False),
    ],
)
def test_values_that_16_bits_do_not_address_have_no_dictionary(
    measurements: list[Measurement], there: bool
) -> None:
    assert (value_dictionary(Quantities.of(measurements)) is not None) is there
