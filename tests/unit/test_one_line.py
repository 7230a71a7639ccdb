"""What goes wrong is said in one line."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthpower.errors import InputError, one_line, shown, whole_number


@given(st.text())
def test_any_text_is_one_line_that_can_be_printed(text: str) -> None:
    line = one_line(text)
    assert line.isprintable()
    assert len(line.splitlines()) <= 1
    line.encode()


@given(st.text().filter(str.isprintable))
def test_what_can_be_printed_stays_as_it_is(text: str) -> None:
    assert one_line(text) == text


def test_what_cannot_be_printed_is_escaped() -> None:
    assert one_line("a\nb\x1b[1m\ud800\u2028é") == r"a\nb\x1b[1m\ud800\u2028é"


def test_an_error_is_one_line_and_names_its_argument() -> None:
    error = InputError("wrong:\nvery", "count")
    assert (str(error), error.argument) == (r"wrong:\nvery", "count")
    assert InputError("wrong").argument is None


@given(st.text())
def test_what_is_shown_is_short(text: str) -> None:
    found = shown(text)
    assert len(found) <= 60
    assert found == text or found == f"{text[:57]}..."


@pytest.mark.parametrize(("value", "number"), [(7, 7), (np.int64(7), 7), (np.uint64(2**63), 2**63)])
def test_whole_numbers_are_taken_whatever_they_are_of(value: Any, number: int) -> None:
    found = whole_number(value, "count")
    assert found == number
    assert type(found) is int


@pytest.mark.parametrize("value", [True, 1.0, "1", None, np.float64(1), np.bool_(1)])
def test_what_is_no_whole_number_is_named(value: Any) -> None:
    with pytest.raises(InputError, match="is not a whole number") as found:
        whole_number(value, "count")
    assert found.value.argument == "count"
