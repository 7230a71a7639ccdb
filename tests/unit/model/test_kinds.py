from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from synthpower import InputError, Location, ServerType


@pytest.mark.parametrize("weight", [-1, "-0.5", Decimal(-1)])
def test_a_weight_is_not_negative(weight: Any) -> None:
    for make in (lambda: Location("A", weight), lambda: ServerType("m", "p", weight)):
        with pytest.raises(InputError, match="must not be negative"):
            make()


@pytest.mark.parametrize("weight", [None, "x", "nan", float("inf"), True, "1_0", []])
def test_a_weight_is_a_finite_number(weight: Any) -> None:
    with pytest.raises(InputError, match="must be a finite number"):
        Location("A", weight)


@pytest.mark.parametrize("weight", [2, "2", 2.0, Decimal(2)])
def test_a_weight_is_a_decimal_however_it_is_given(weight: Any) -> None:
    assert Location("A", weight).weight == Decimal(2)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: ServerType("", "p"), "empty model"),
        (lambda: ServerType("m", 7), "product_id '7' is not a string"),  # type: ignore[arg-type]
        (lambda: Location("a\tb"), r"U\+0009 in location"),
    ],
)
def test_names_can_be_in_a_table(make: Any, words: str) -> None:
    with pytest.raises(InputError, match=words):
        make()


@pytest.mark.parametrize("zone", ["Nowhere/There", "../etc/passwd", "Europe", "a\0b"])
def test_a_time_zone_is_one_of_the_iana_database(zone: str) -> None:
    with pytest.raises(InputError, match="is not known; write one of the IANA database"):
        Location("A", facts={"time_zone": zone})
