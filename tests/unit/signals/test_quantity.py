"""Count <-> value: what the numbers that kernels draw mean."""

from __future__ import annotations

import math
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from support import CPU, POWER

from synthpower import Measurement
from synthpower.signals.quantity import Numbers, Quantities, value_dictionary

FULL = Measurement("full", "W", Decimal(300))

decided = st.builds(
    Measurement,
    *(st.just("m"), st.just("W"), st.decimals(1, 1000, places=3), st.integers(0, 6)),
    minimum=st.just(0) | st.decimals(-1000, 0, places=3),
)


def test_measurements_are_as_kernels_take_them() -> None:
    found = Quantities.of([CPU, POWER, FULL])
    assert found.bounds.tolist() == [10_001, 30_001, 0]
    assert found.count_bounds.tolist() == [10_001, 30_001, 2**53]
    assert found.scales.tolist() == [100.0, 100.0, 300.0]
    assert found.decimals.tolist() == [2, 2, -1]
    assert found.minima.tolist() == found.first_counts.tolist() == [0, 0, 0]


def test_a_minimum_is_counted_or_added() -> None:
    below = Measurement("b", "Cel", "45.05", 1, minimum="-20.55")
    full = Measurement("f", "Cel", 45, minimum="-0.1")
    found = Quantities.of([below, full])
    assert found.bounds.tolist() == [450 + 205 + 1, 0]
    assert found.scales.tolist() == [10.0, 45.1]
    assert found.minima.tolist() == [-205.0, -0.1]
    assert found.first_counts.tolist() == [-205, 0]


@given(st.floats(allow_nan=False, allow_infinity=False), st.floats(1e-300, 1e300))
def test_the_greatest_double_is_not_above_the_scale(minimum: float, more: float) -> None:
    scale = minimum + more
    assume(minimum < scale and not math.isinf(scale - minimum))
    made = Measurement("m", "W", repr(scale), minimum=repr(minimum))
    least, greatest = (Quantities.of([made]).value(0, count) for count in (0, 2**53 - 1))
    assert least == minimum
    assert scale - 2 * (math.ulp(scale) + math.ulp(minimum) + math.ulp(more)) <= greatest <= scale


@given(decided, st.data())
def test_a_value_is_the_decimal_of_its_count(measurement: Measurement, data: st.DataObject) -> None:
    least = measurement.min_count
    count = data.draw(st.integers(least, measurement.max_count))
    quantities = Quantities.of([measurement])
    decimal = Decimal(count).scaleb(-measurement.decimals)
    assert quantities.value(0, count - least) == float(decimal)
    assert quantities.numbers[0].exact(1, count - least) == Fraction(decimal)


@given(st.integers(0, 2**53 - 1))
def test_a_value_of_full_precision_is_its_share_of_the_scale(count: int) -> None:
    quantities = Quantities.of([FULL])
    assert quantities.value(0, count) == count / 2**53 * 300


def test_measurements_of_the_same_decimals_share_their_values() -> None:
    other = Measurement("whole", "W", Decimal(9), 0)
    found = value_dictionary(Quantities.of([CPU, other, POWER]))
    assert found is not None
    assert found.counts == {(2, 1, 0): 30_001, (0, 1, 0): 10}
    assert found.firsts.tolist() == [0, 30_001, 0]
    assert found.size == 30_011


def test_counts_of_a_step_have_values_of_their_own() -> None:
    energy = Numbers(0, 5, step=3600)
    quantities = Quantities([Numbers(0, 7), energy, energy])
    found = value_dictionary(quantities)
    assert found is not None
    assert found.firsts.tolist() == [0, 8, 8]
    assert found.values().tolist() == [*range(8), *range(0, 6 * 3600, 3600)]
    assert quantities.value(2, 5) == energy.exact(1, 5) == 18_000


few = decided.filter(lambda m: m.max_count - m.min_count < 1000)


@given(st.lists(few, min_size=1, max_size=4))
def test_the_code_of_a_count_is_that_of_its_value(measurements: list[Measurement]) -> None:
    found = value_dictionary(Quantities.of(measurements))
    assert found is not None
    values = found.values().tolist()
    assert len(values) == found.size
    for measurement, first in zip(measurements, found.firsts.tolist(), strict=True):
        least, most = measurement.min_count, measurement.max_count
        for count in (least, (least + most) // 2, most):
            value = float(Decimal(count).scaleb(-measurement.decimals))
            assert values[first + count - least] == value


@pytest.mark.parametrize(
    ("measurements", "there"),
    [
        ([Measurement("m", "W", Decimal(65_535), 0)], True),
        ([Measurement("m", "W", Decimal(65_536), 0)], False),
        ([Measurement("m", "W", Decimal(0), 0, minimum=-65_535)], True),
        ([Measurement("m", "W", Decimal(0), 0, minimum=-65_536)], False),
        ([Measurement("m", "W", Decimal(10**15), 0, minimum=10**15 - 65_535)], True),
        ([Measurement("m", "W", Decimal(65_000), 0), Measurement("n", "W", Decimal(6), 2)], False),
        ([CPU, FULL], False),
    ],
)
def test_values_that_16_bits_do_not_address_have_no_dictionary(
    measurements: list[Measurement], there: bool
) -> None:
    assert (value_dictionary(Quantities.of(measurements)) is not None) is there
