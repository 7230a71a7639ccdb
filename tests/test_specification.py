from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthpower import InputError, Measurement, Specification
from synthpower.specification import following_dates, utc_text

POWER = Measurement("server power", "W", Decimal(300), 2)


def specified(**changes: Any) -> Specification:
    return Specification(**{"date": "2023-02-27", "measurements": (POWER,), "seed": 1, **changes})


def test_a_date_is_a_day_and_a_date_with_an_hour_is_that_hour() -> None:
    day, hour = specified(), specified(date="2023-02-27T05")
    assert (day.start, day.span, day.steps) == (1_677_456_000, 86_400, 24)
    assert (hour.start, hour.span, hour.steps) == (1_677_456_000 + 5 * 3600, 3_600, 1)


@pytest.mark.parametrize("date", ["1970-01-01", "2024-02-29", "2000-02-29T23", "9999-12-30T23"])
def test_every_date_of_the_contract_is_taken(date: str) -> None:
    assert utc_text(specified(date=date).start).startswith(date[:10])


@pytest.mark.parametrize(
    ("changes", "option", "words"),
    [
        ({"date": "2023-02-30"}, "date", "does not exist"),
        ({"date": "2023-02-29"}, "date", "does not exist"),
        ({"date": "2023-02-27T24"}, "date", "hour must be in 0..23"),
        ({"date": "2023-2-27"}, "date", "YYYY-MM-DD"),
        ({"date": "2023-02-27 05"}, "date", "YYYY-MM-DD"),
        ({"date": "2023-02-27\n"}, "date", "YYYY-MM-DD"),
        ({"date": "٢٠٢٣-02-27"}, "date", "YYYY-MM-DD"),
        ({"date": "1969-12-31"}, "date", "1970-01-01 to 9999-12-30"),
        ({"date": "9999-12-31"}, "date", "1970-01-01 to 9999-12-30"),
        ({"date": "0000-01-01"}, "date", "does not exist"),
        ({"interval": 0}, "interval", "1 second or more"),
        ({"interval": -60}, "interval", "1 second or more"),
        ({"interval": 60.0}, "interval", "whole number"),
        ({"interval": 7000}, "interval", "5760 and 7200"),
        ({"interval": 90_000}, "interval", "86400"),
        ({"date": "2023-02-27T05", "interval": 7200}, "interval", "3600"),
        ({"fuzz": -1}, "fuzz", "0 to 3599"),
        ({"fuzz": 3600}, "fuzz", "0 to 3599"),
        ({"fuzz": 1.5}, "fuzz", "whole number"),
        ({"seed": -1}, "seed", "0 to 2^63 - 1"),
        ({"seed": 2**63}, "seed", "0 to 2^63 - 1"),
        ({"signal": "sine"}, "signal", "uniform or triangular"),
        ({"measurements": ()}, "measurements", "one at least"),
        ({"measurements": (POWER, POWER)}, "measurements", "twice"),
    ],
)
def test_what_is_wrong_is_named_with_what_would_be_right(
    changes: dict[str, Any], option: str, words: str
) -> None:
    with pytest.raises(InputError) as error:
        specified(**changes)
    assert error.value.argument == option
    assert words in str(error.value)


@given(st.integers(1, 100_000))
def test_an_interval_is_taken_or_the_nearest_ones_are_named(interval: int) -> None:
    try:
        assert specified(interval=interval).steps * interval == 86_400
    except InputError as error:
        named = str(error).rpartition(": ")[2].split(" and ")
        assert all(86_400 % int(other) == 0 for other in named)


def test_days_follow_over_the_end_of_a_leap_february() -> None:
    assert following_dates("2024-02-28", 3) == ["2024-02-28", "2024-02-29", "2024-03-01"]


@pytest.mark.parametrize(
    ("date", "days", "words"),
    [
        ("2023-02-27", 0, "1 or more"),
        ("2023-02-27T05", 2, "YYYY-MM-DD"),
        ("9999-12-30", 2, "after 9999-12-30"),
        ("2023-02-30", 2, "does not exist"),
        ("2023-02-27", 10**30, "after 9999-12-30"),
    ],
)
def test_days_that_cannot_be_are_named(date: str, days: int, words: str) -> None:
    with pytest.raises(InputError, match=words):
        following_dates(date, days)
