from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthpower import InputError, Measurement
from synthpower.model.measurement import QUANTITIES, without_quantities


@given(st.decimals(1, 10**6, places=6), st.integers(0, 6))
def test_the_greatest_count_is_exact(scale: Decimal, decimals: int) -> None:
    most = Measurement("a", "W", scale, decimals).max_count
    assert most <= scale * 10**decimals < most + 1


def test_the_greatest_count_of_a_third_is_that_of_its_digits() -> None:
    # As a double, 0.3 is a little less: its floor would be 2.
    assert Measurement("a", "W", Decimal("0.3"), 1).max_count == 3


@given(st.decimals(-(10**6), 10**6, places=6), st.integers(0, 6))
def test_the_least_count_is_exact(minimum: Decimal, decimals: int) -> None:
    least = Measurement("a", "W", 10**7, decimals, minimum=minimum).min_count
    assert least - 1 < minimum * 10**decimals <= least


def test_counts_below_zero_are_between_the_bounds() -> None:
    made = Measurement("a", "W", "-0.25", 1, minimum="-0.35")
    assert (made.min_count, made.max_count) == (-3, -3)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"name": ""}, "empty name"),
        ({"name": 7}, "name '7' is not a string"),
        ({"name": "a\tb"}, r"U\+0009 in name"),
        ({"unit": "\ud800"}, r"U\+D800 in unit is no character"),
        ({"scale": 0}, "scale 0: it must be a positive number"),
        ({"scale": "1_0"}, "finite number"),
        ({"scale": None}, "finite number"),
        ({"decimals": True}, "decimals 'True'"),
        ({"decimals": 2.0}, "decimals '2.0'"),
        ({"decimals": -1}, "0 to 22"),
        ({"decimals": 23}, "0 to 22"),
        ({"scale": 10**16, "decimals": 0}, "scale 10{16} with 0 decimals is more than a double"),
        ({"minimum": "1_0"}, "minimum '1_0': it must be a finite number"),
        ({"minimum": None}, "minimum 'None': it must be a finite number"),
        ({"minimum": "nan"}, "finite number"),
        ({"minimum": "-1e400"}, "finite number"),
        ({"minimum": "-1e-999999999"}, "minimum -1E-999999999: no double is so near 0; write 0"),
        ({"minimum": -1, "scale": "1e-999999999"}, "scale 1E-999999999: no double is so near 0"),
        ({"minimum": 1}, "scale 1: it must be above the minimum, 1$"),
        ({"minimum": -1, "scale": -2}, "scale -2: it must be above the minimum, -1$"),
        ({"minimum": "0.3", "scale": "0.30000000000000000001"}, "must be above the minimum, 0.3$"),
        ({"minimum": "0.1", "scale": "0.9"}, "0.1: no number of 0 decimals is between it and the"),
        ({"minimum": -(10**16)}, "minimum -10{16} to scale 1 with 0 decimals is more than a doub"),
        ({"minimum": -(2**53) - 2, "scale": 0}, "and their difference, times 10.decimals"),
        ({"minimum": -(2**53), "scale": 1}, "and their difference, times 10.decimals must be at"),
        ({"minimum": "-1e308", "scale": "1e308", "decimals": None}, "further from the minimum"),
        ({"minimum": -1, "quantity": "power"}, "minimum -1: what has a quantity has bounds of it"),
        ({"quantity": "watts"}, "quantity 'watts': choose cpu_utilization, power, .*, or leave it"),
        ({"quantity": "Power"}, "quantity 'Power': choose"),
        ({"quantity": ""}, "quantity '': choose"),
        ({"quantity": 7}, "quantity '7': choose"),
        ({"quantity": ["power"]}, "choose cpu_utilization, power"),
        ({"quantity": "energy"}, "unit 'W': energy is in J"),
        ({"quantity": "power", "unit": "w"}, "unit 'w': power is in W"),
    ],
)
def test_what_cannot_be_measured_is_refused_in_one_line(
    changes: dict[str, Any], words: str
) -> None:
    with pytest.raises(InputError, match=words) as found:
        Measurement(**{"name": "a", "unit": "W", "scale": 1, "decimals": 0, **changes})
    assert len(str(found.value).splitlines()) == 1


@pytest.mark.parametrize("scale", [300, 300.0, "3e2", Decimal(300)])
def test_a_scale_is_a_decimal_however_it_is_given(scale: Any) -> None:
    assert Measurement("a", "W", scale).scale == Decimal(300)


@pytest.mark.parametrize("minimum", [-5, -5.0, "-5e0", Decimal(-5)])
def test_a_minimum_is_a_decimal_however_it_is_given(minimum: Any) -> None:
    assert Measurement("a", "W", 0, minimum=minimum).minimum == Decimal(-5)


@pytest.mark.parametrize("zero", [0, "0.00", "-0", "0e999999999"])
def test_a_minimum_of_zero_is_none(zero: Any) -> None:
    assert str(Measurement("a", "W", 1, 2, minimum=zero).minimum) == "0"
    assert str(Measurement("a", "W", zero, 2, minimum=-1).scale) == "0"


@pytest.mark.parametrize("quantity", QUANTITIES)
def test_a_quantity_has_a_unit_and_is_left_out_where_it_is_ignored(quantity: str) -> None:
    made = Measurement("a", QUANTITIES[quantity], Decimal(1), 2, quantity)
    plain = Measurement("a", QUANTITIES[quantity], Decimal(1), 2)
    assert made != plain
    assert without_quantities([made, plain]) == (plain, plain)
