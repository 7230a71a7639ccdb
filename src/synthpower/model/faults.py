"""Faults that are put into readings of the load signal; docs/LOAD.md defines them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from synthpower.errors import InputError, shown
from synthpower.model.measurement import QUANTITIES, finite_decimal

SLOTS = 288  # of 300 s, in a day
MOST_DAYS = 7  # that an event goes on, at most
SCOPES = ("server", "site")

# How many slots an event takes: one of these, each equally likely.
_LONG = (1, 2, 3, 4, 6, 8, 12, 18, 24, 36, 48, 72, 108, 168, 288, 576)
_SHORT = (1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 2, 2, 3, 3, 4, 6)
_HOURS = (6, 6, 9, 12, 12, 18, 18, 24, 24, 36, 36, 48, 48, 72, 72, 96)
_DAYS = (288, 288, 288, 432, 432, 576, 576, 720, 864, 1008, 1152, 1296, 1440, 1728, 1872, 2016)
LENGTHS = {
    "off": _LONG,
    "hung": _LONG,
    "false_zero": _SHORT,
    "stuck_power": _LONG,
    "meter_drift": _DAYS,
    "lost_cooling": _HOURS,
    "runaway": _HOURS,
}

_LEAST_SHARE = Decimal("0.000000001")

_POWER = frozenset({"power", "power_minimum", "power_peak", "energy"})
_ALL = frozenset(QUANTITIES)
AFFECTED = {
    "off": _ALL,
    "hung": _ALL,
    "false_zero": _POWER | {"cpu_power"},
    "stuck_power": _POWER | {"cpu_power"},
    "meter_drift": _POWER,
    "lost_cooling": _POWER | {"inlet_temperature"},
    "runaway": _POWER | {"cpu_utilization", "cpu_power"},
}
REPEATING = ("hung", "stuck_power")  # these show an earlier reading


@dataclass(frozen=True)
class Fault:
    """A kind of fault, and how much of the readings has it.

    Parameters
    ----------
    kind : str
        One of `LENGTHS`.
    share : Decimal or int or float or str
        Of the readings, in expectation; 10**-9 or more, and below 1.
    scope : str
        ``server``, or ``site``: all servers of a site together.

    Raises
    ------
    InputError
        Where one of these is not so.
    """

    kind: str
    share: Decimal
    scope: str = "server"

    def __post_init__(self) -> None:
        if self.kind not in LENGTHS:
            raise InputError(f"kind {shown(self.kind)!r}: choose {', '.join(LENGTHS)}")
        if self.scope not in SCOPES:
            raise InputError(f"scope {shown(self.scope)!r}: choose {' or '.join(SCOPES)}")
        object.__setattr__(self, "share", finite_decimal("share", self.share))
        if not 0 < self.share < 1:
            raise InputError(f"share {shown(self.share)}: it must be above 0 and below 1")
        if self.share < _LEAST_SHARE:  # a denominator of 10^400 would serve nobody
            raise InputError(f"share {shown(self.share)}: write {_LEAST_SHARE:f} or more")

    @property
    def a_day(self) -> Fraction:
        """How likely it is that an event begins on a day."""
        lengths = LENGTHS[self.kind]
        return Fraction(self.share) * SLOTS * len(lengths) / sum(lengths)


def check_faults(faults: object) -> tuple[Fault, ...]:
    """Return the faults of a specification; `InputError` where they cannot be."""
    checked = tuple(faults) if hasattr(faults, "__iter__") else (faults,)
    for each in checked:
        if not isinstance(each, Fault):
            raise InputError(f"{shown(each)!r} is not a Fault", "faults")
    kinds = [(each.kind, each.scope) for each in checked]
    if len(set(kinds)) < len(kinds):
        raise InputError("a kind of fault is listed twice for one scope", "faults")
    for scope in SCOPES:
        if (total := sum(thresholds(checked, scope)[-1:])) > 2**32:
            raise InputError(
                f"the shares of each {scope} are too great together: events would begin on "
                f"{total / 2**32:.3f} of its days, and 1 is the most",
                "faults",
            )
    return checked


def thresholds(faults: Sequence[Fault], scope: str) -> list[int]:
    """Return below which 32 bits an event of each fault begins on a day; of another scope, never.

    They ascend: a fault has what is between the one before it and itself.
    """
    total = Fraction(0)
    found = []
    for fault in faults:
        total += fault.a_day if fault.scope == scope else 0
        found.append(int(total * 2**32))
    return found
