from __future__ import annotations

import pytest

from synthpower import InputError
from synthpower.model.calendar import following_dates, parse_utc, utc_text


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


@pytest.mark.parametrize("seconds", [0, 1_677_456_000, 253_402_214_400])
def test_a_time_comes_back_from_its_text(seconds: int) -> None:
    assert parse_utc(utc_text(seconds)) == seconds
