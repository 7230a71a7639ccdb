"""What a file must hold: what its name says, or README.md's front matter, or the user."""

from __future__ import annotations

from dataclasses import dataclass

from synthpower.dataset.layout import parse_data_name
from synthpower.errors import InputError, shown
from synthpower.model.calendar import DAY, EPOCH, HOUR, base_time, parse_utc, span_of, utc_text
from synthpower.model.grid import WHOLE, Part


@dataclass(frozen=True)
class Span:
    """From one time to another, in seconds since the epoch; the second is not part of it."""

    start: int
    end: int

    def __str__(self) -> str:
        return f"{utc_text(self.start)} to {utc_text(self.end)}"

    def meets(self, other: Span) -> bool:
        """Return whether two spans have a time in common."""
        return self.start < other.end and other.start < self.end


@dataclass(frozen=True)
class Expected:
    """What a file must hold: a span, or one of the parts that a span is cut into."""

    span: Span
    part: Part = WHOLE

    def cells(self, steps: int, servers: int, measurements: int) -> tuple[int, int]:
        """Return the first reading and the one after the last, in the order of the rows."""
        first, last = self.part.range(steps * servers)
        return first * measurements, last * measurements


def of_name(name: str) -> Expected | None:
    """Return what a file must hold by its name, None where the name does not say it."""
    said = parse_data_name(name)
    if said is None:
        return None
    try:
        start = int((base_time(said.date) - EPOCH).total_seconds())
    except InputError:
        return None
    return Expected(Span(start, start + span_of(said.date)), said.part)


def parse_span(text: str) -> Span:
    """Return the span that ``FROM/TO`` means: two dates, hours or times in UTC.

    Raises
    ------
    InputError
        Where it is in another form, or empty.
    """
    first, _, last = text.partition("/")
    try:
        span = Span(_seconds(first), _seconds(last))
    except ValueError:  # InputError too
        raise InputError(
            f"{shown(text)!r} is no span; write FROM/TO, each YYYY-MM-DD, YYYY-MM-DDTHH or "
            "YYYY-MM-DDTHH:MM:SSZ",
            "span",
        ) from None
    if span.start >= span.end:
        raise InputError(f"{shown(text)!r}: it ends before it begins", "span")
    return span


def _seconds(text: str) -> int:
    text = text.strip()
    if text.endswith("Z"):
        return parse_utc(text.replace("T", " "))
    return int((base_time(text) - EPOCH).total_seconds())


def whole(first: int, last: int, interval: int) -> Span:
    """Return the whole hours around two times; whole days where the interval divides no hour."""
    unit = DAY if HOUR % interval else HOUR
    return Span(first // unit * unit, -(-last // unit) * unit)
