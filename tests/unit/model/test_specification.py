from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import POWER, specified

from synthpower import InputError, Measurement
from synthpower.model.calendar import utc_text
from synthpower.model.columns import COLUMNS, Column, field_of
from synthpower.model.grid import Part


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
        ({"measurements": ()}, "measurements", "one at least"),
        ({"measurements": (POWER, POWER)}, "measurements", "twice"),
        ({"measurements": ("power",)}, "measurements", "'power' is not a Measurement"),
        ({"measurements": 7}, "measurements", "'7' is not a Measurement"),
        ({"seed": True}, "seed", "whole number"),
        ({"columns": COLUMNS[:2]}, "columns", "measurement_value"),
        ({"offsets": (("UTC", ()),)}, "offsets", "'UTC' is not given from the file's start on"),
        ({"offsets": (("UTC", ((3600, 0),)),)}, "offsets", "not given from the file's start on"),
        ({"offsets": (("UTC", ((0, 0), (0, 1))),)}, "offsets", "not given from the file's start"),
        ({"offsets": (("UTC", ((0, 0), (90_000, 1))),)}, "offsets", "not given from the file's"),
        (
            {"offsets": (("UTC", ((0, 0), (86_399, 1))),)},
            "offsets",
            "'UTC' is not given by the hour",
        ),
        ({"offsets": (("UTC", ((0, 86_400),)),)}, "offsets", "'UTC' is a day or more from UTC"),
        ({"offsets": (("UTC", ((0, -86_400),)),)}, "offsets", "'UTC' is a day or more from UTC"),
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
    if 86_400 % interval == 0:
        assert specified(interval=interval).steps * interval == 86_400
        return
    with pytest.raises(InputError) as error:
        specified(interval=interval)
    named = [int(other) for other in str(error.value).rpartition(": ")[2].split(" and ")]
    divisors = [n for n in range(1, 86_401) if 86_400 % n == 0]
    below, above = [n for n in divisors if n < interval], [n for n in divisors if n > interval]
    assert named == below[-1:] + above[:1]


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({}, "data-2023-02-27"),
        ({"date": "2023-02-27T05"}, "data-2023-02-27T05"),
        ({"part": Part(3, 16)}, "data-2023-02-27-00003-of-00016"),
    ],
)
def test_a_file_is_named_by_its_date_and_part(changes: dict[str, Any], name: str) -> None:
    assert specified(**changes).name == name


def test_files_of_several_days_have_all_but_their_dates_in_common() -> None:
    days = [specified(date=f"2023-02-{day}") for day in (27, 28)]
    assert days[0].undated == days[1].undated


@pytest.mark.parametrize(
    "changes",
    [
        {"seed": 2},
        {"part": Part(1, 2)},
        {"columns": COLUMNS[1:]},
        {"fuzz": 1},
        {"offsets": (("UTC", ((0, 0),)),)},
    ],
)
def test_files_that_differ_in_more_than_their_dates_say_so(changes: dict[str, Any]) -> None:
    assert specified(**changes).undated != specified().undated


def test_the_grid_is_that_of_the_part() -> None:
    assert specified(part=Part(2, 24)).grid(10, 100).num_rows == 10


A, B = Measurement("a", "W", 300, 2), Measurement("b", "Cel", 45, 0, minimum=-20)
FULL = Measurement("full", "W", 300)


@pytest.mark.parametrize(
    ("source", "format", "measurements", "changes", "error"),
    [
        ("measurement_value", "integer", (A, B), {}, "as integer: a has decimals"),
        ("value:a", "integer", (A, B), {}, "as integer: a has decimals"),
        ("measurement_value", "integer", (FULL,), {}, "as integer: full has decimals"),
        ("measurement_value", "decimal", (A, FULL), {}, "as decimal: full has no number of decimals"),
        ("measurement_value", "decimal", (Measurement("m", "W", "1e-9", 19),), {},
         "as decimal: it would have more than 18 digits"),
        ("measurement_value", "decimal", (Measurement("m", "W", 2**53, 0), Measurement("n", "W", 1, 3)),
         {}, "as decimal: it would have more than 18 digits"),
        ("measurement_value", "float", (Measurement("m", "W", "3.5e38"),), {},
         "as float: m is beyond what a float can hold"),
        ("value:m", "float", (Measurement("m", "W", 1, minimum="-1e39"),), {},
         "as float: m is beyond what a float can hold"),
        ("end_time", "ns", (A,), {"date": "2262-04-11"}, "as ns: nanoseconds of 64 bits end on"),
        ("start_time", "ns", (A,), {"date": "2262-04-11T23"}, "as ns: nanoseconds of 64 bits end on"),
        ("end_time", "local", (A,), {"date": "9999-12-30", "fuzz": 1},
         "as local: local time ends with the year 9999"),
    ],
)  # fmt: skip
def test_a_format_that_cannot_hold_what_a_column_has_is_refused(
    source: str, format: str, measurements: tuple[Measurement, ...], changes: Any, error: str
) -> None:
    wide = source.startswith("value:")
    value = () if wide else (Column("v", field_of("measurement_value")),)
    columns = (Column("c", field_of(source), format), *value)
    with pytest.raises(InputError, match=f"column 'c' {error}") as found:
        specified(measurements=measurements, columns=columns, **changes)
    assert found.value.argument == "columns"


@pytest.mark.parametrize(
    ("source", "format", "measurements", "changes"),
    [
        ("value:b", "integer", (A, B), {}),
        ("measurement_value", "integer", (B,), {}),
        ("measurement_value", "decimal", (Measurement("m", "W", "0.001", 18),), {}),
        ("measurement_value", "decimal", (Measurement("m", "W", 2**53, 0), Measurement("n", "W", 1, 2)), {}),
        ("measurement_value", "float", (Measurement("m", "W", "3.4028234e38"),), {}),
        ("end_time", "ns", (A,), {"date": "2262-04-11T22"}),
        ("end_time", "local", (A,), {"date": "9999-12-30"}),
    ],
)  # fmt: skip
def test_a_format_that_just_holds_it_is_taken(
    source: str, format: str, measurements: tuple[Measurement, ...], changes: Any
) -> None:
    wide = source.startswith("value:")
    value = () if wide else (Column("v", field_of("measurement_value")),)
    columns = (Column("c", field_of(source), format), *value)
    assert specified(measurements=measurements, columns=columns, **changes).wide == wide
