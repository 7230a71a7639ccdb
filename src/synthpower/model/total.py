"""The total of one measurement's readings: how many, their sum, the least and the greatest."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Context, Decimal
from fractions import Fraction
from typing import Any

_EXACT = Context(prec=999)  # more digits than any sum has
_NUMBER = re.compile(r"-?[0-9]{1,40}(?:\.[0-9]{1,40})?(?:e[+-]?[0-9]{1,3})?")


@dataclass(frozen=True)
class Total:
    """What the readings of one measurement come to, exactly.

    Attributes
    ----------
    decimals : int or None
        What its numbers have; None for full double precision.
    count, absent : int
        The readings that are there, and those that are null.
    sum : Fraction
    minimum, maximum : Fraction or None
        None where no reading is there.
    """

    decimals: int | None
    count: int
    absent: int
    sum: Fraction
    minimum: Fraction | None
    maximum: Fraction | None

    def __add__(self, other: Total) -> Total:
        places = (self.decimals, other.decimals)
        return Total(
            None if None in places else max(each or 0 for each in places),
            self.count + other.count,
            self.absent + other.absent,
            self.sum + other.sum,
            min((m for m in (self.minimum, other.minimum) if m is not None), default=None),
            max((m for m in (self.maximum, other.maximum) if m is not None), default=None),
        )

    def can_be_of(self, readings: int) -> bool:
        """Return whether so many readings can have it."""
        if self.count + self.absent != readings:
            return False
        if self.minimum is None or self.maximum is None:
            return self == replace(no_readings(self.decimals), absent=readings)
        if not self.count or self.minimum > self.maximum:
            return False
        if self.decimals is None:  # a sum that is rounded
            return True
        return self.count * self.minimum <= self.sum <= self.count * self.maximum

    def text(self, number: Fraction | None) -> str | None:
        """Return one of its numbers as a file has it: a decimal, or the nearest double."""
        if number is None:
            return None
        if self.decimals is not None:
            return f"{Decimal(int(number * 10**self.decimals)).scaleb(-self.decimals, _EXACT):f}"
        try:
            return repr(float(number))
        except OverflowError:  # a sum may be more than a double can hold
            return f"{Context(prec=17).create_decimal(int(number)):e}"

    def as_json(self) -> dict[str, object]:
        return {
            "count": self.count,
            "absent": self.absent,
            "sum": self.text(self.sum),
            "minimum": self.text(self.minimum),
            "maximum": self.text(self.maximum),
        }


def no_readings(decimals: int | None) -> Total:
    """Return the total of a measurement that has none."""
    return Total(decimals, 0, 0, Fraction(0), None, None)


def total_of_json(decimals: int | None, found: Any) -> Total | None:
    """Return the total that JSON says, None where it says none; see `Total.as_json`."""
    if not isinstance(found, Mapping):
        return None
    count, absent = found.get("count"), found.get("absent")
    if type(count) is not int or type(absent) is not int or min(count, absent) < 0:
        return None
    numbers = [found.get(key) for key in ("sum", "minimum", "maximum")]
    if not all(each is None or (type(each) is str and _NUMBER.fullmatch(each)) for each in numbers):
        return None
    sum, minimum, maximum = (None if each is None else Fraction(each) for each in numbers)
    if sum is None:
        return None
    total = Total(decimals, count, absent, sum, minimum, maximum)
    return total if total.as_json() == dict(found) else None
