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
        ({"scale": 10**16, "decimals": 0}, "more than a double can hold"),
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


@pytest.mark.parametrize("quantity", QUANTITIES)
def test_a_quantity_has_a_unit_and_is_left_out_where_it_is_ignored(quantity: str) -> None:
    made = Measurement("a", QUANTITIES[quantity], Decimal(1), 2, quantity)
    plain = Measurement("a", QUANTITIES[quantity], Decimal(1), 2)
    assert made != plain
    assert without_quantities([made, plain]) == (plain, plain)
