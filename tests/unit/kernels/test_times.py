"""The kernels of times, against datetime over all years that a file can be of."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthpower import kernels
from synthpower.kernels.times import COUNTED_TIME, ISO_TIME, LITERAL, LOCAL_TIME, UTC_TIME

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
LAST = 253_402_300_799  # 9999-12-31 23:59:59
DAY = 86_400
times = st.integers(0, LAST) | st.sampled_from([0, LAST, 951_782_400, 951_868_799, 951_868_800])
offsets = st.integers(1 - DAY, DAY - 1) | st.sampled_from([0, 3600, -12_600, -2670, 20_700])


def texts(parts: list[tuple[int, int, int]], start: int, end: int, ahead: int | None = None,
          literals: bytes = b"") -> bytes:  # fmt: skip
    boundaries = np.array([[start], [end]])
    zones = np.zeros((0, 0), np.int64) if ahead is None else np.full((2, 1), ahead)
    sizes, out = np.empty((1, 1), np.int32), np.empty((1, 1, 320), np.uint8)
    given = np.array(parts, np.int64).reshape(-1, 3), np.frombuffer(literals, np.uint8)
    kernels.fill_time_texts(boundaries, zones, *given, sizes, out)
    return bytes(out[0, 0, : sizes[0, 0]])


@given(times)
def test_times_are_utc_with_a_blank_or_a_t(time: int) -> None:
    moment = EPOCH + timedelta(seconds=time)
    expected = moment.replace(tzinfo=None).isoformat(" ") + "Z"
    assert texts([(UTC_TIME, 0, 0)], time, 0).decode() == expected
    assert texts([(ISO_TIME, 1, 0)], 0, time).decode() == expected.replace(" ", "T")
    out = np.empty((1, kernels.SLOT), np.uint8)
    kernels.format_times(np.array([time]), out)
    assert bytes(out[0, :21]).decode() == expected + ","


@given(times, offsets)
def test_local_times_have_their_offset_with_seconds_where_there_are_any(
    time: int, ahead: int
) -> None:
    if time + ahead > LAST:
        return
    moment = EPOCH + timedelta(seconds=time)
    expected = moment.astimezone(timezone(timedelta(seconds=ahead))).isoformat()
    found = texts([(LOCAL_TIME, 0, 0)], time, 0, ahead).decode()
    assert found == expected
    assert len(found) <= kernels.LONGEST_TIME


@pytest.mark.parametrize(
    ("time", "ahead", "text"),
    [
        (0, -18_000, "1969-12-31T19:00:00-05:00"),
        (1_677_456_000, 20_700, "2023-02-27T05:45:00+05:45"),
        (63_593_070, -2670, "1972-01-07T00:00:00-00:44:30"),
        (1_679_792_400, 0, "2023-03-26T01:00:00+00:00"),
    ],
)
def test_local_times_that_are_known(time: int, ahead: int, text: str) -> None:
    assert texts([(LOCAL_TIME, 0, 0)], time, 0, ahead).decode() == text


@given(st.integers(0, LAST), st.sampled_from([1, 10**3, 10**6]))
def test_counted_times_are_whole_numbers(time: int, units: int) -> None:
    assert texts([(COUNTED_TIME, 0, units)], time, 0).decode() == str(time * units)


@given(st.integers(0, 2**63 // 10**9))
def test_nanoseconds_are_counted_to_the_end_of_64_bits(time: int) -> None:
    assert texts([(COUNTED_TIME, 0, 10**9)], time, 0).decode() == str(time * 10**9)


def test_parts_follow_each_other() -> None:
    parts = [(LITERAL, 0, 3), (COUNTED_TIME, 1, 1), (LITERAL, 3, 2), (COUNTED_TIME, 0, 1000)]
    assert texts(parts, 7, 8, literals=b"<a>; ") == b"<a>8; 7000"
    assert texts([], 7, 8) == b""


def test_each_server_has_its_own() -> None:
    boundaries = np.array([[0, 100], [60, 160], [120, 220]])
    sizes, out = np.empty((2, 2), np.int32), np.empty((2, 2, 64), np.uint8)
    parts = np.array([(COUNTED_TIME, 1, 1)])
    kernels.fill_time_texts(
        boundaries, np.zeros((0, 0), np.int64), parts, np.empty(0, np.uint8), sizes, out
    )
    found = [[bytes(out[t, s, : sizes[t, s]]) for s in range(2)] for t in range(2)]
    assert found == [[b"60", b"160"], [b"120", b"220"]]


GOOD: dict[str, Any] = {
    "times": np.zeros((3, 2), np.int64),
    "ahead": np.zeros((3, 2), np.int64),
    "parts": np.array([(UTC_TIME, 0, 0)]),
    "literals": np.frombuffer(b"abc", np.uint8),
    "sizes": np.empty((2, 2), np.int32),
    "out": np.empty((2, 2, 32), np.uint8),
}


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"times": np.zeros((2, 2), np.int64)}, "times has 2 boundaries, not one more than 2 steps"),
        ({"ahead": np.zeros((3, 1), np.int64)}, "ahead has another shape than times"),
        ({"parts": np.array([(5, 0, 0)])}, "parts has a kind 5"),
        ({"parts": np.array([(-1, 0, 0)])}, "parts has a kind -1"),
        ({"parts": np.array([(LITERAL, 1, 3)])}, "parts has a text that is not in literals"),
        ({"parts": np.array([(LITERAL, -1, 3)])}, "parts has a text that is not in literals"),
        ({"parts": np.array([(LITERAL, 2, -1)])}, "parts has a text that is not in literals"),
        ({"parts": np.array([(UTC_TIME, 2, 0)])}, "parts has a boundary that is neither 0 nor 1"),
        ({"parts": np.array([(COUNTED_TIME, 0, 0)])}, "parts has 0 units a second"),
        ({"parts": np.array([(COUNTED_TIME, 0, 10**10)])}, "parts has 10000000000 units a second"),
        ({"parts": np.array([(LOCAL_TIME, 0, 0)]), "ahead": np.zeros((0, 0), np.int64)},
         "parts has a local time, and ahead is empty"),
        ({"parts": np.array([(UTC_TIME, 0, 0)] * 2)}, "out has 32 bytes; 56 are needed"),
    ],
)  # fmt: skip
def test_what_could_leave_an_array_is_refused(change: dict[str, Any], problem: str) -> None:
    kernels.fill_time_texts(*GOOD.values())
    with pytest.raises(ValueError, match=problem):
        kernels.fill_time_texts(*(GOOD | change).values())
