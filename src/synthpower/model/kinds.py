"""What an inventory is drawn from: server types and sites."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from synthpower.errors import InputError, shown
from synthpower.model.measurement import check_text, finite_decimal

TIME_ZONE = "time_zone"


@dataclass(frozen=True)
class ServerType:
    """A model with its product id.

    Parameters
    ----------
    model, product_id : str
        They belong together: a product id has one model.
    weight : Decimal or int or float or str
        How likely it is, compared with others; not negative.
    facts : mapping of str to str
        What else its table says of it: ``load_curve``, ``sockets``, columns of the user's own.
    """

    model: str
    product_id: str
    weight: Decimal = Decimal(1)
    facts: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_text("model", self.model)
        check_text("product_id", self.product_id)
        object.__setattr__(self, "weight", _weight(self.weight))


@dataclass(frozen=True)
class Location:
    """A site.

    Parameters
    ----------
    location : str
        Its name.
    weight : Decimal or int or float or str
        How likely it is, compared with others; not negative.
    facts : mapping of str to str
        What else its table says of it: ``time_zone``, columns of the user's own.
    """

    location: str
    weight: Decimal = Decimal(1)
    facts: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_text("location", self.location)
        object.__setattr__(self, "weight", _weight(self.weight))
        if zone := self.facts.get(TIME_ZONE):
            _check_zone(zone)


def _weight(value: object) -> Decimal:
    weight = finite_decimal("weight", value)
    if weight < 0:
        raise InputError(f"weight {shown(weight)}: it must not be negative")
    # What is zero as a double is zero: a denominator of 10^400 would serve nobody.
    return weight if float(weight) else Decimal(0)


def _check_zone(name: str) -> None:
    import zoneinfo  # 5 ms, which a job that reads no table need not wait for

    try:
        zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        raise InputError(
            f"time zone {shown(name)!r} is not known; write one of the IANA database, such as "
            f"Europe/Berlin"
        ) from None
