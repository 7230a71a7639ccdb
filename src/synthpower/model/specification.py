"""What a file of readings is made from: one frozen value, checked once at the door."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from synthpower.errors import InputError, shown, whole_number
from synthpower.model.calendar import DAY, EPOCH, HOUR, LAST_SECOND, base_time, span_of
from synthpower.model.columns import (
    COLUMNS,
    LOCAL,
    VALUE,
    Column,
    Kind,
    check_columns,
    is_wide,
    measurements_of,
)
from synthpower.model.faults import Fault, check_faults
from synthpower.model.grid import WHOLE, Grid, Part
from synthpower.model.measurement import Measurement, check_text
from synthpower.model.streams import SEED_LIMIT

DEFAULT_SIGNAL = "uniform"

_LAST_NANOSECOND = 2**63 // 10**9
_MOST_FLOAT = 2**128 - 2**104
_DECIMAL_DIGITS = 18  # of a decimal in one word; no more of them are decimals, for Parquet

# Of a time zone: the seconds since the file's start from which on local time is so many seconds
# ahead of UTC. The first is 0, or before it.
Offsets = tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Specification:
    """The specification of one file of readings, all but its fleet.

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
    columns : tuple of Column
        The file's columns, in order.
    signal : str
        The name of one of `synthpower.signals.SIGNALS`, which looks at it when it is bound.
    part : Part
        Which of the rows of the span the file has: all, or those of a shard.
    offsets : tuple of (str, Offsets)
        The local time of each time zone in the span, by its name, of a signal that needs it: as
        it was known when the file was first made.
    faults : tuple of Fault
        What is put into the readings, of a signal that has faults.
    location : str, optional
        The only site whose servers the file has.

    Raises
    ------
    InputError
        Naming the argument that is wrong, and what would be right.
    """

    date: str
    measurements: tuple[Measurement, ...]
    seed: int
    interval: int = HOUR
    fuzz: int = 0
    columns: tuple[Column, ...] = COLUMNS
    signal: str = DEFAULT_SIGNAL
    part: Part = WHOLE
    offsets: tuple[tuple[str, Offsets], ...] = ()
    faults: tuple[Fault, ...] = ()
    location: str | None = None

    def __post_init__(self) -> None:
        measurements = _checked_measurements(self.measurements)
        columns = tuple(c.of_tables(measurements) for c in check_columns(self.columns))
        object.__setattr__(self, "columns", check_columns(columns))
        object.__setattr__(self, "measurements", measurements_of(columns, measurements))
        if self.location is not None:
            check_text("location", self.location)
        object.__setattr__(self, "date", str(self.date))
        base_time(self.date)
        object.__setattr__(self, "faults", check_faults(self.faults))
        for argument in ("seed", "interval", "fuzz"):
            object.__setattr__(self, argument, whole_number(getattr(self, argument), argument))
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
        offsets = _checked_offsets(self.offsets, self.span + self.fuzz)
        object.__setattr__(self, "offsets", offsets)
        self._check_formats()

    def _check_formats(self) -> None:
        """Raise `InputError` where a value or a time cannot be in the form of its column."""
        for column in self.columns:
            for m in self.measurements_in(column):
                if column.kind is Kind.INTEGER and m.decimals != 0:
                    raise _wrong_format(column, f"{shown(m.name)} has decimals")
                if column.kind is Kind.DECIMAL and m.decimals is None:
                    raise _wrong_format(column, f"{shown(m.name)} has no number of decimals")
                if column.kind is Kind.FLOAT and max(abs(m.minimum), abs(m.scale)) > _MOST_FLOAT:
                    raise _wrong_format(column, f"{shown(m.name)} is beyond what a float can hold")
            if column.kind is Kind.DECIMAL and self._digits_in(column) > _DECIMAL_DIGITS:
                raise _wrong_format(column, f"it would have more than {_DECIMAL_DIGITS} digits")
            end = self.start + self.span + self.fuzz
            if column.format == LOCAL and end + DAY > LAST_SECOND + 1:
                raise _wrong_format(column, "local time ends with the year 9999")
            if column.format == "ns" and end > _LAST_NANOSECOND:
                raise _wrong_format(column, "nanoseconds of 64 bits end on 2262-04-11")

    def _digits_in(self, column: Column) -> int:
        """Return how many digits the decimals of a column have at most, all with as many places."""
        measurements = self.measurements_in(column)
        places = max(m.decimals or 0 for m in measurements)
        counts = (
            max(abs(m.min_count), abs(m.max_count)) * 10 ** (places - (m.decimals or 0))
            for m in measurements
        )
        return max(places, *(len(str(count)) for count in counts))

    def measurements_in(self, column: Column) -> tuple[Measurement, ...]:
        """Return the measurements whose values a column holds."""
        if column.field == VALUE:
            return self.measurements
        return tuple(m for m in self.measurements if m.name == column.field.measurement)

    @property
    def wide(self) -> bool:
        """Whether a row holds the values of several measurements."""
        return is_wide(self.columns)

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
        """The seconds that are covered: those of a day, or of an hour."""
        return span_of(self.date)

    @property
    def undated(self) -> tuple[object, ...]:
        """Everything but the date: what the files of several days have in common."""
        return (
            self.seed, self.interval, self.fuzz, self.columns, self.signal, self.span,
            self.measurements, self.part, self.offsets, self.faults, self.location,
        )  # fmt: skip

    @property
    def steps(self) -> int:
        """The number of sample times."""
        return self.span // self.interval

    @property
    def name(self) -> str:
        """The name of the file, without its format's suffix."""
        if self.part == WHOLE:
            return f"data-{self.date}"
        return f"data-{self.date}-{self.part.number:05}-of-{self.part.of:05}"

    def grid(self, servers: int, chunk_rows: int) -> Grid:
        """Return the rows of the file for so many servers, cut into chunks."""
        rows = 1 if self.wide else len(self.measurements)
        return Grid(self.steps, servers, rows, chunk_rows, self.part)

    def columns_of(self, *fields: str) -> Iterator[Column]:
        """Yield the columns that hold one of these fields, in the file's order."""
        return (column for column in self.columns if column.field.name in fields)


def _wrong_format(column: Column, why: str) -> InputError:
    return InputError(f"column {shown(column.name)!r} as {column.format}: {why}", "columns")


def _checked_measurements(measurements: object) -> tuple[Measurement, ...]:
    checked = tuple(measurements) if hasattr(measurements, "__iter__") else (measurements,)
    for each in checked:
        if not isinstance(each, Measurement):
            raise InputError(f"{shown(each)!r} is not a Measurement", "measurements")
    names = [measurement.name for measurement in checked]
    if not names:
        raise InputError("there is no measurement; one at least is needed", "measurements")
    if len(set(names)) < len(names):
        raise InputError("a measurement is listed twice", "measurements")
    return checked


def _checked_offsets(offsets: object, span: int) -> tuple[tuple[str, Offsets], ...]:
    checked = tuple(
        (str(zone), tuple((int(since), int(ahead)) for since, ahead in times))
        for zone, times in offsets  # type: ignore[attr-defined]
    )
    for zone, times in checked:
        begins = [since for since, _ in times]
        if any(since % HOUR for since in begins):
            raise InputError(f"{shown(zone)!r} is not given by the hour", "offsets")
        if not begins or begins[0] > 0 or begins != sorted(set(begins)) or begins[-1] > span:
            raise InputError(f"{shown(zone)!r} is not given from the file's start on", "offsets")
        if any(abs(ahead) >= DAY for _, ahead in times):
            raise InputError(f"{shown(zone)!r} is a day or more from UTC", "offsets")
    return checked
