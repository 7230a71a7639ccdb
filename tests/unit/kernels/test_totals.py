"""Sums of doubles, against exact fractions."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthpower.kernels.totals import LIMBS, Doubles, tally_doubles

SCALES = [1.0, 300.0, 0.1, 1e-300, 5e-324, 1e300, 1.7976931348623157e308]


def drawn(counts: list[int], low: float, width: float) -> list[float]:
    """Return values as signals without decimals make them."""
    return [count * 2.0**-53 * width + low for count in counts]


@given(
    st.lists(st.integers(0, 2**53 - 1) | st.integers(0, 3), min_size=1, max_size=300),
    st.sampled_from(SCALES),
    st.sampled_from([0.0, -1.0, -(2.0**-140), 1e-200, 0.5]),
)
def test_a_sum_is_exact(counts: list[int], scale: float, low: float) -> None:
    values = drawn(counts, low, scale)
    doubles = Doubles.between([(low, low + scale)])
    limbs = np.zeros((1, 1, LIMBS), np.int64)
    tally_doubles(np.array(values).reshape(1, -1, 1), np.array([0, len(values)]), doubles, limbs)
    assert doubles.sum(0, limbs[0, 0].tolist()) == sum(map(Fraction, values))


def test_groups_and_measurements_are_apart_and_absent_values_are_none() -> None:
    values = np.random.default_rng(1).random((3, 1100, 2)) * [300, 1]
    values[1, 5, 0] = math.nan
    doubles = Doubles.between([(0.0, 300.0), (0.0, 1.0)])
    begins = np.array([0, 0, 700, 1100])
    limbs = np.zeros((3, 2, LIMBS), np.int64)
    tally_doubles(values, begins, doubles, limbs)
    for g, (begin, end) in enumerate([(0, 0), (0, 700), (700, 1100)]):
        for m in range(2):
            own = values[:, begin:end, m].reshape(-1).tolist()
            expected = sum(Fraction(value) for value in own if value == value)
            assert doubles.sum(m, limbs[g, m].tolist()) == expected


def test_a_measurement_that_is_left_out_takes_no_time_and_no_sum() -> None:
    doubles = Doubles.between([None, (0.0, 1.0)])
    limbs = np.zeros((1, 2, LIMBS), np.int64)
    tally_doubles(np.full((1, 10, 2), 0.5), np.array([0, 10]), doubles, limbs)
    assert limbs[0, 0].tolist() == [0] * LIMBS
    assert doubles.sum(1, limbs[0, 1].tolist()) == 5


@pytest.mark.parametrize("rows", [2**22 + 3])
def test_many_values_are_added_up_in_parts(rows: int) -> None:
    doubles = Doubles.between([(0.0, 1.0)])
    limbs = np.zeros((1, 1, LIMBS), np.int64)
    value = 1 - 2.0**-53
    tally_doubles(np.full((1, rows, 1), value), np.array([0, rows]), doubles, limbs)
    assert doubles.sum(0, limbs[0, 0].tolist()) == rows * Fraction(value)
