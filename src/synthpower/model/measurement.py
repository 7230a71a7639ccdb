"""A kind of measurement."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction

from synthpower.errors import InputError, shown

MAX_DECIMALS = 22  # 10**22 is the last power of ten that a double holds exactly
MAX_COUNT = 2**53

QUANTITIES = {  # and their units; the names are iLO's and OpenTelemetry's
    "cpu_utilization": "%",
    "power": "W",
    "power_minimum": "W",
    "power_peak": "W",
    "inlet_temperature": "Cel",
    "energy": "J",
    "cpu_power": "W",
}

_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f]")
_SURROGATE = re.compile("[\ud800-\udfff]")
_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,9})?")


@dataclass(frozen=True)
class Measurement:
    """A kind of measurement.

    Parameters
    ----------
    name, unit : str
        Not empty, without control characters.
    scale : Decimal or int or float or str
        The greatest value, in `unit`; above the minimum.
    decimals : int, optional
        A value is a whole number of 10**-decimals; without it, a full double.
    quantity : str, optional
        One of `QUANTITIES`, which has a unit of its own: what ``load`` is to make of it. Other
        signals need none.
    minimum : Decimal or int or float or str
        The least value, which may be negative; 0 where there is a quantity, which has bounds of
        its own.
    facts : tuple of (str, str)
        What else its table says of it: columns of the user's own, which a file may have.

    Raises
    ------
    InputError
        Where one of these is not so, a count is beyond 2**53, or there is none.
    """

    name: str
    unit: str
    scale: Decimal
    decimals: int | None = None
    quantity: str | None = None
    minimum: Decimal = Decimal(0)
    facts: tuple[tuple[str, str], ...] = ()

    def __post_init__(self) -> None:
        for column, text in (("name", self.name), ("unit", self.unit)):
            check_text(column, text)
        for column in ("scale", "minimum"):  # of 0 neither sign nor exponent
            number = finite_decimal(column, getattr(self, column)) or Decimal(0)
            object.__setattr__(self, column, number)
        if self.quantity is not None:
            self._check_quantity(self.quantity)
        object.__setattr__(self, "facts", tuple(dict(self.facts).items()))
        self._check_bounds()
        if self.decimals is None:
            return
        if isinstance(self.decimals, bool) or not isinstance(self.decimals, int):
            raise wrong_decimals(self.decimals)
        if not 0 <= self.decimals <= MAX_DECIMALS:
            raise wrong_decimals(self.decimals)
        self._check_counts()

    def _check_bounds(self) -> None:
        low, high = float(self.minimum), float(self.scale)
        if high <= low and not self.minimum:
            raise InputError(f"scale {shown(self.scale)}: it must be a positive number")
        if high <= low:
            raise InputError(
                f"scale {shown(self.scale)}: it must be above the minimum, {shown(self.minimum)}"
            )
        for column, number in (("scale", self.scale), ("minimum", self.minimum)):
            if number and not float(number):
                raise InputError(f"{column} {shown(number)}: no double is so near 0; write 0")
        if math.isinf(high - low):
            raise InputError(
                f"scale {shown(self.scale)} is further from the minimum, {shown(self.minimum)}, "
                "than a double can hold"
            )

    def _check_counts(self) -> None:
        least, most = self.min_count, self.max_count
        if max(most, most - least, -least) > MAX_COUNT:
            what, each = f"scale {shown(self.scale)}", "scale"
            if self.minimum:
                what = f"minimum {shown(self.minimum)} to {what}"
                each = "each, and their difference,"
            raise InputError(
                f"{what} with {self.decimals} decimals is more than a double can hold: {each} "
                "times 10^decimals must be at most 2^53; use fewer, or none"
            )
        if least > most:
            raise InputError(
                f"minimum {shown(self.minimum)}: no number of {self.decimals} decimals is between "
                f"it and the scale, {shown(self.scale)}"
            )

    def _check_quantity(self, quantity: object) -> None:
        if not isinstance(quantity, str) or quantity not in QUANTITIES:
            raise InputError(
                f"quantity {shown(quantity)!r}: choose {', '.join(QUANTITIES)}, or leave it empty"
            )
        if self.unit != QUANTITIES[quantity]:
            raise InputError(f"unit {shown(self.unit)!r}: {quantity} is in {QUANTITIES[quantity]}")
        if self.minimum:
            raise InputError(
                f"minimum {shown(self.minimum)}: what has a quantity has bounds of its own; leave "
                "one of the two empty"
            )

    def with_facts(self, names: Collection[str]) -> Measurement:
        """Return it with these facts only."""
        if all(name in names for name, _ in self.facts):
            return self
        return replace(self, facts=tuple(pair for pair in self.facts if pair[0] in names))

    @property
    def max_count(self) -> int:
        """The greatest value as a count of 10**-decimals: floor(scale * 10**decimals), exactly."""
        return math.floor(self._in_counts(self.scale))

    @property
    def min_count(self) -> int:
        """The least value as such a count: ceil(minimum * 10**decimals), exactly."""
        return math.ceil(self._in_counts(self.minimum))

    def _in_counts(self, number: Decimal) -> Fraction:
        return Fraction(number) * Fraction(10) ** (self.decimals or 0)


def without_quantities(measurements: Iterable[Measurement]) -> tuple[Measurement, ...]:
    """Return measurements as signals take them that ignore quantities."""
    return tuple(replace(each, quantity=None) for each in measurements)


def wrong_decimals(value: object) -> InputError:
    """Return the error of a number of decimals that cannot be."""
    return InputError(f"decimals {shown(value)!r}: they must be 0 to {MAX_DECIMALS}, or empty")


def check_text(column: str, text: object) -> None:
    """Raise `InputError` unless `text` can be in a table: not empty, no control characters."""
    if not isinstance(text, str):
        raise InputError(f"{column} {shown(text)!r} is not a string")
    if not text:
        raise InputError(f"empty {column}: each must have a value")
    if control := _CONTROL.search(text):
        code = ord(control[0])
        raise InputError(f"control character U+{code:04X} in {column}: remove it")
    if surrogate := _SURROGATE.search(text):
        raise InputError(f"U+{ord(surrogate[0]):04X} in {column} is no character: remove it")


def finite_decimal(column: str, value: object) -> Decimal:
    """Return a finite decimal, small and great enough for a double."""
    text = str(value)
    if not _NUMBER.fullmatch(text) or abs(float(text)) == float("inf"):
        raise InputError(
            f"{column} {shown(text)!r}: it must be a finite number, such as 300 or 0.5"
        )
    return Decimal(text)
