"""Kernels that read times and numbers from text; see `cells` for how texts are given."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from synthpower.jit import inlined, kernel
from synthpower.kernels.cells import texts_problem

# What a text of a time may be.
UTC, OTHER_FORM, FRACTION, NO_TIME = range(4)
# And of a number.
NUMBER, UNREAD = range(2)

MOST_DIGITS = 15  # any whole number of so many is a double
_ZERO, _NINE = 48, 57
_DASH, _COLON, _POINT, _PLUS, _BLANK, _T, _Z = 45, 58, 46, 43, 32, 84, 90
_DAY = 86_400
_MOST_INTEGER_DIGITS = 18
_MOST_PLACES = 9  # of a fraction: nanoseconds
_NONE = -(2**62)
_POWERS = 10.0 ** np.arange(MOST_DIGITS + 1)
_FAR = 2**50  # seconds: further away than any time of the contract


@inlined
def _digits(data: NDArray[np.uint8], at: int, count: int) -> int:
    """Return the number that so many digits are, negative where one is none."""
    number = 0
    wrong = 0
    for i in range(at, at + count):
        digit = int(data[i]) - _ZERO
        wrong |= digit | (9 - digit)  # one of them is negative
        number = 10 * number + digit
    return number if wrong >= 0 else -1


@inlined
def _days(year: int, month: int, day: int) -> int:
    """Return the days since the epoch of a date, of any year of four digits."""
    shifted = year - 1 if month <= 2 else year  # years that begin in March
    days = (153 * (month - 3 if month > 2 else month + 9) + 2) // 5 + day - 1
    return 365 * shifted + shifted // 4 - shifted // 100 + shifted // 400 + days - 719_468


@inlined
def _days_of_month(year: int, month: int) -> int:
    if month == 2:
        return 29 if year % 4 == 0 and (year % 100 != 0 or year % 400 == 0) else 28
    return 30 if month in (4, 6, 9, 11) else 31


@inlined
def _clock(data: NDArray[np.uint8], at: int) -> int:
    """Return the seconds of a date and a time of day, _NONE where it is none."""
    year = _digits(data, at, 4)
    month = _digits(data, at + 5, 2)
    day = _digits(data, at + 8, 2)
    hour = _digits(data, at + 11, 2)
    minute = _digits(data, at + 14, 2)
    second = _digits(data, at + 17, 2)
    fine = data[at + 4] == _DASH and data[at + 7] == _DASH and data[at + 10] in (_BLANK, _T)
    fine = fine and data[at + 13] == _COLON and data[at + 16] == _COLON
    fine = fine and (year | hour | minute | second) >= 0 and hour < 24 and max(minute, second) < 60
    if not fine or not 1 <= month <= 12 or not 1 <= day <= _days_of_month(year, month):
        return _NONE
    return _days(year, month, day) * _DAY + hour * 3600 + minute * 60 + second


@inlined
def _past_fraction(data: NDArray[np.uint8], at: int, end: int) -> tuple[int, int]:
    """Return where the digits of a fraction end, `end` if there are none or too many; the form."""
    first = at
    form = OTHER_FORM
    while at < end and _ZERO <= data[at] <= _NINE:
        if data[at] != _ZERO:
            form = FRACTION
        at += 1
    return (at if 1 <= at - first <= _MOST_PLACES else end), form


@inlined
def _distance(data: NDArray[np.uint8], at: int, length: int) -> int:
    """Return the seconds that ``+01:00`` is ahead of UTC, _NONE where it is none.

    Also without ``:``, without minutes, and with seconds.
    """
    if length not in (3, 5, 6, 9) or data[at] not in (_PLUS, _DASH):
        return _NONE
    with_colons = length >= 6
    hours = _digits(data, at + 1, 2)
    minutes = _digits(data, at + (4 if with_colons else 3), 2) if length > 3 else 0
    seconds = _digits(data, at + 7, 2) if length == 9 else 0
    fine = 0 <= hours < 24 and min(minutes, seconds) >= 0 and max(minutes, seconds) < 60
    fine = fine and (not with_colons or data[at + 3] == _COLON)
    if not fine or (length == 9 and data[at + 6] != _COLON):
        return _NONE
    distance = hours * 3600 + minutes * 60 + seconds
    return distance if data[at] == _PLUS else -distance


@kernel(
    texts_problem,
    data="uint8[bytes]",
    begins="int32[rows]",
    ends="int32[rows]",
    forms="out uint8[rows]",
    out="out int64[rows]",
)
def parse_times(
    data: NDArray[np.uint8],
    begins: NDArray[np.int32],
    ends: NDArray[np.int32],
    forms: NDArray[np.uint8],
    out: NDArray[np.int64],
) -> None:
    """Read times as ISO 8601 has them, in UTC or with the distance from it.

    ``2023-02-27 05:00:00Z``, ``2023-02-27T05:00:00.000Z``, ``2023-02-27 06:00:00+01:00``.

    Parameters
    ----------
    data, begins, ends : (bytes,) uint8, (rows,) int32, (rows,) int32
        The texts.
    forms : (rows,) uint8
        Overwritten: UTC where it is as in the first example, OTHER_FORM where it is a whole
        second in another one, FRACTION, or NO_TIME.
    out : (rows,) int64
        Seconds since the epoch, of a fraction those before it; -1 where it is no time.
    """
    for row in range(out.size):
        at = int(begins[row])
        end = int(ends[row])
        form = NO_TIME
        seconds = distance = _NONE
        if end - at >= 20:
            seconds = _clock(data, at)
            form = UTC if data[at + 10] == _BLANK else OTHER_FORM
            at += 19
            if data[at] == _POINT:
                at, form = _past_fraction(data, at + 1, end)
            if at + 1 == end and data[at] == _Z:
                distance = 0
            else:
                distance = _distance(data, at, end - at)
                form = max(form, OTHER_FORM)
        fine = min(seconds, distance) > _NONE
        forms[row] = form if fine else NO_TIME
        out[row] = seconds - distance if fine else -1


@kernel(
    texts_problem,
    data="uint8[bytes]",
    begins="int32[rows]",
    ends="int32[rows]",
    forms="out uint8[rows]",
    out="out float64[rows]",
)
def parse_decimals(
    data: NDArray[np.uint8],
    begins: NDArray[np.int32],
    ends: NDArray[np.int32],
    forms: NDArray[np.uint8],
    out: NDArray[np.float64],
) -> None:
    """Read decimals of few digits, which are exact: ``7``, ``7.50``, ``-0.25``.

    Parameters
    ----------
    data, begins, ends : (bytes,) uint8, (rows,) int32, (rows,) int32
        The texts.
    forms : (rows,) uint8
        Overwritten: NUMBER, or UNREAD where it has more than MOST_DIGITS digits or is no such
        decimal.
    out : (rows,) float64
        The number, rounded once; NaN where it is UNREAD.
    """
    for row in range(out.size):
        at = int(begins[row])
        end = int(ends[row])
        negative = at < end and data[at] == _DASH
        if negative or (at < end and data[at] == _PLUS):
            at += 1
        count = digits = decimals = 0
        points = 0
        while at < end:
            digit = int(data[at]) - _ZERO
            if 0 <= digit <= 9:
                count = 10 * count + digit
                digits += 1
                decimals += points
                if digits > MOST_DIGITS:
                    break
            elif data[at] == _POINT and points == 0:
                points = 1
            else:
                break
            at += 1
        if at == end and digits:
            value = count / _POWERS[decimals]
            out[row] = -value if negative else value
            forms[row] = NUMBER
        else:
            out[row] = np.nan
            forms[row] = UNREAD


@kernel(
    texts_problem,
    data="uint8[bytes]",
    begins="int32[rows]",
    ends="int32[rows]",
    forms="out uint8[rows]",
    out="out int64[rows]",
)
def parse_integers(
    data: NDArray[np.uint8],
    begins: NDArray[np.int32],
    ends: NDArray[np.int32],
    forms: NDArray[np.uint8],
    out: NDArray[np.int64],
) -> None:
    """Read whole numbers of at most 18 digits.

    Parameters
    ----------
    data, begins, ends : (bytes,) uint8, (rows,) int32, (rows,) int32
        The texts.
    forms : (rows,) uint8
        Overwritten: NUMBER, or UNREAD where it is none.
    out : (rows,) int64
        The number; -1 where it is UNREAD.
    """
    for row in range(out.size):
        at = int(begins[row])
        end = int(ends[row])
        negative = at < end and data[at] == _DASH
        at += 1 if negative else 0
        number = _digits(data, at, end - at) if 0 < end - at <= _MOST_INTEGER_DIGITS else -1
        forms[row] = NUMBER if number >= 0 else UNREAD
        out[row] = -number if negative and number >= 0 else number


@kernel(raw="int64[rows]", count="int64", forms="out uint8[rows]", out="out int64[rows]")
def whole_seconds(
    raw: NDArray[np.int64], count: int, forms: NDArray[np.uint8], out: NDArray[np.int64]
) -> None:
    """Make seconds of milliseconds, microseconds or nanoseconds.

    Parameters
    ----------
    raw : (rows,) int64
        The times.
    count : int
        How many make a second.
    forms : (rows,) uint8
        Overwritten: UTC where it is a whole second, FRACTION where not.
    out : (rows,) int64
        Seconds, of a fraction those before it; those of times that are very far away are the
        furthest that there is room for.
    """
    for row in range(out.size):
        seconds = raw[row] // count
        out[row] = min(max(seconds, -_FAR), _FAR)
        forms[row] = UTC if seconds * count == raw[row] else FRACTION
