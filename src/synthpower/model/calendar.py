"""Dates and times: UTC, in seconds since the epoch."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone

from synthpower.errors import InputError, shown, whole_number

DAY = 86_400
HOUR = 3_600
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
LAST_DATE = "9999-12-30"
LAST_SECOND = 253_402_300_799  # of the year 9999

_DATE = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})(?:T([0-9]{2}))?")


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


def span_of(date: str) -> int:
    """Return the seconds that a date stands for: a day's or, with an hour, an hour's."""
    return HOUR if "T" in date else DAY


def parse_utc(text: str) -> int:
    """Return the seconds since the epoch of ``2023-02-27 00:00:00Z``."""
    time = datetime.fromisoformat(text)  # strptime's import takes 5 ms, and this takes more forms
    if time.tzinfo is None or utc_text(seconds := int((time - EPOCH).total_seconds())) != text:
        raise ValueError(f"{text!r} is not of the form 2023-02-27 00:00:00Z")
    return seconds


def utc_text(seconds: int) -> str:
    """Return seconds since the epoch as ``2023-02-27 00:00:00Z``."""
    return f"{EPOCH + timedelta(seconds=seconds):%Y-%m-%d %H:%M:%S}Z"


# What a second is in the units of times that are counted; a timestamp counts microseconds.
TIME_UNITS = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9, "utc": 10**6, "iso": 10**6}


def time_text(seconds: int, format: str, ahead: int = 0) -> str:
    """Return a time as text, in one of the formats of a column of times.

    `ahead` is by how many seconds local time is ahead of UTC.
    """
    if format == "utc":
        return utc_text(seconds)
    if format == "iso":
        return utc_text(seconds).replace(" ", "T")
    if format == "local":
        return datetime.fromtimestamp(seconds, timezone(timedelta(seconds=ahead))).isoformat()
    return str(seconds * TIME_UNITS[format])


def following_dates(date: str, days: int) -> list[str]:
    """Return `date` and the dates after it, `days` in all.

    Raises
    ------
    InputError
        Where `date` is wrong or has an hour and `days` is not 1, or the last is after 9999-12-30.
    """
    first = base_time(date)
    days = whole_number(days, "days")
    if days < 1:
        raise InputError(f"{shown(days)}: it must be 1 or more", "days")
    if days == 1:
        return [date]
    if "T" in date:
        raise InputError(f"{date!r} is one hour; for {shown(days)} days write YYYY-MM-DD", "date")
    if days - 1 > (base_time(LAST_DATE) - first).days:
        raise InputError(f"{shown(days)} days from {date} end after {LAST_DATE}", "days")
    return [(first + timedelta(days=day)).date().isoformat() for day in range(days)]
