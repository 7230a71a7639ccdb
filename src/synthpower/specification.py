"""What a file of readings is made from: one frozen value, checked once at the door."""

from __future__ import annotations

import operator
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from synthpower.catalog import Measurement, shown
from synthpower.errors import InputError
from synthpower.streams import SEED_LIMIT

MODEL_VERSION = 1  # of the values: another number, other values for the same seed
FORMAT_VERSION = 1  # of the files: their columns, and what their metadata says

SIGNALS = ("uniform", "triangular")
FORMATS = ("csv", "parquet")
FAST, PLAIN = WRITERS = ("fast", "pyarrow")
COMPRESSIONS = ("none", "snappy", "zstd")

DAY = 86_400
HOUR = 3_600
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
LAST_DATE = "9999-12-30"

_DATE = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})(?:T([0-9]{2}))?")


@dataclass(frozen=True)
class Specification:
    """The specification of one file of readings, all but its inventory.

    Parameters
    ----------
    date : str
        The base time in UTC: ``YYYY-MM-DD`` for 24 hours, ``YYYY-MM-DDTHH`` for one.
    measurements : tuple of Measurement
        At least one, no name twice.
    seed : int
        0 <= seed < 2**63.
    interval : int
        Seconds from one sample to the next; divides the span.
    fuzz : int
        Seconds by which a sample may be late; below the interval.
    end : bool
        Only the end time of each interval is a column, not its start time.
    signal : str
        One of `SIGNALS`.

    Raises
    ------
    InputError
        Naming the option that is wrong, and what would be right.
    """

    date: str
    measurements: tuple[Measurement, ...]
    seed: int
    interval: int = HOUR
    fuzz: int = 0
    end: bool = False
    signal: str = SIGNALS[0]

    def __post_init__(self) -> None:
        object.__setattr__(self, "measurements", tuple(self.measurements))
        object.__setattr__(self, "date", str(self.date))
        base_time(self.date)
        for option in ("seed", "interval", "fuzz"):
            value = getattr(self, option)
            if isinstance(value, bool) or not hasattr(value, "__index__"):
                raise InputError(f"{shown(value)!r} is not a whole number", option)
            object.__setattr__(self, option, operator.index(value))
        if not 0 <= self.seed < SEED_LIMIT:
            raise InputError(f"{shown(self.seed)}: it must be 0 to 2^63 - 1", "seed")
        if self.interval < 1:
            raise InputError(f"{shown(self.interval)}: it must be 1 second or more", "interval")
        if self.span % self.interval:
            what = "a day" if self.span == DAY else "an hour"
            raise InputError(
                f"{shown(self.interval)} does not divide the {self.span} seconds of {what}; "
                f"the nearest that do: {' and '.join(map(str, self._nearest_intervals()))}",
                "interval",
            )
        if not 0 <= self.fuzz < self.interval:
            raise InputError(
                f"{shown(self.fuzz)}: it must be 0 to {self.interval - 1}, "
                f"less than the interval of {self.interval}",
                "fuzz",
            )
        if self.signal not in SIGNALS:
            raise InputError(f"{shown(self.signal)!r}: choose {' or '.join(SIGNALS)}", "signal")
        names = [measurement.name for measurement in self.measurements]
        if not names:
            raise InputError("there is no measurement; one at least is needed", "measurements")
        if len(set(names)) < len(names):
            raise InputError("a measurement is listed twice", "measurements")

    def _nearest_intervals(self) -> list[int]:
        divisors = [n for n in range(1, self.span + 1) if self.span % n == 0]
        below = [n for n in divisors if n < self.interval][-1:]
        above = [n for n in divisors if n > self.interval][:1]
        return below + above

    @property
    def start(self) -> int:
        """The base time in seconds since the epoch."""
        return int((base_time(self.date) - EPOCH).total_seconds())

    @property
    def span(self) -> int:
        """The seconds that the file covers: those of a day, or of an hour."""
        return HOUR if "T" in self.date else DAY

    @property
    def undated(self) -> tuple[object, ...]:
        """Everything but the date: what the files of several days have in common."""
        fields = (self.seed, self.interval, self.fuzz, self.end, self.signal)
        return (*fields, self.span, self.measurements)

    @property
    def steps(self) -> int:
        """The number of sample times."""
        return self.span // self.interval

    @property
    def name(self) -> str:
        """The name of the file, without its format's ending."""
        return f"data-{self.date}"

    @classmethod
    def parse(cls, described: Any) -> Specification:
        """Return the specification that `describe` described, whatever else stands beside it.

        Raises
        ------
        InputError
            Where it is none, or one of another version of the values or the files.
        """
        try:
            start, end = (parse_utc(described[key]) for key in ("start", "end"))
            date = described["start"][:10]
            if end - start == HOUR:
                date = described["start"][:13].replace(" ", "T")
            measurements = tuple(
                Measurement(m["name"], m["unit"], Decimal(m["scale"]), m["decimals"])
                for m in described["measurements"]
            )
            keys = ("seed", "interval", "fuzz")
            numbers = {key: described[key] for key in keys}
            specification = cls(
                date, measurements, end=described["times"] == "end", signal=described["signal"],
                **numbers,
            )  # fmt: skip
            expected = specification.describe()
            found = {key: described[key] for key in expected}
        except (KeyError, TypeError, ValueError, ArithmeticError):
            raise InputError("what it was made from cannot be read") from None
        for version in ("model_version", "format_version"):
            if found[version] != expected[version]:
                raise InputError(
                    f"{version.replace('_', ' ')} {shown(found[version])}: this program makes "
                    f"{expected[version]}"
                )
        if found != expected:
            raise InputError("what it was made from does not hold together")
        return specification

    def describe(self) -> dict[str, object]:
        """Return the specification as JSON would have it, for metadata and manifest."""
        return {
            "model_version": MODEL_VERSION,
            "format_version": FORMAT_VERSION,
            "seed": self.seed,
            "signal": self.signal,
            "start": utc_text(self.start),
            "end": utc_text(self.start + self.span),
            "interval": self.interval,
            "fuzz": self.fuzz,
            "times": "end" if self.end else "start and end",
            "measurements": [
                {
                    "name": measurement.name,
                    "unit": measurement.unit,
                    "scale": str(measurement.scale),
                    "decimals": measurement.decimals,
                }
                for measurement in self.measurements
            ],
        }


def base_time(date: str) -> datetime:
    """Return the time that ``YYYY-MM-DD`` or ``YYYY-MM-DDTHH`` means, in UTC.

    Raises
    ------
    InputError
        Where it is in another form, does not exist or is out of range.
    """
    form = "write YYYY-MM-DD or YYYY-MM-DDTHH"
    found = _DATE.fullmatch(str(date))
    if not found:
        raise InputError(f"{shown(date)!r} is not a date; {form}", "date")
    year, month, day, hour = (int(field or 0) for field in found.groups())
    try:
        time = datetime(year, month, day, hour, tzinfo=UTC)
    except ValueError as error:
        raise InputError(f"{date!r} does not exist: {error}; {form}", "date") from None
    if not time >= EPOCH or date[:10] > LAST_DATE:
        raise InputError(f"{date!r}: dates go from 1970-01-01 to {LAST_DATE}", "date")
    return time


def parse_utc(text: str) -> int:
    """Return the seconds since the epoch of ``2023-02-27 00:00:00Z``."""
    time = datetime.strptime(text, "%Y-%m-%d %H:%M:%SZ").replace(tzinfo=UTC)
    return int((time - EPOCH).total_seconds())


def utc_text(seconds: int) -> str:
    """Return seconds since the epoch as ``2023-02-27 00:00:00Z``."""
    return f"{EPOCH + timedelta(seconds=seconds):%Y-%m-%d %H:%M:%S}Z"


def following_dates(date: str, days: int) -> list[str]:
    """Return `date` and the dates after it, `days` in all.

    Raises
    ------
    InputError
        Where `date` is wrong or has an hour and `days` is not 1, or the last is after 9999-12-30.
    """
    first = base_time(date)
    if days < 1:
        raise InputError(f"{shown(days)}: it must be 1 or more", "days")
    if days == 1:
        return [date]
    if "T" in date:
        raise InputError(f"{date!r} is one hour; for {shown(days)} days write YYYY-MM-DD", "date")
    if days - 1 > (base_time(LAST_DATE) - first).days:
        raise InputError(f"{shown(days)} days from {date} end after {LAST_DATE}", "days")
    return [(first + timedelta(days=day)).date().isoformat() for day in range(days)]
