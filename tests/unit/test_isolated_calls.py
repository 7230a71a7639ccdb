"""A function in a process of its own: whatever becomes of it, here it is an `InputError`."""

from __future__ import annotations

import json
import operator
import os
import time
import warnings

import pytest

from synthpower import InputError, isolated, read_locations


def test_what_it_returns_is_returned() -> None:
    assert isolated.call(60, divmod, 7, 2) == (3, 1)
    assert isolated.call(60, json.loads, "[7.5]", parse_float=str) == ["7.5"]


def test_it_is_another_process() -> None:
    assert isolated.call(60, os.getpid) != os.getpid()


def test_what_it_prints_does_not_come_between() -> None:
    assert isolated.call(60, print, "nothing of ours") is None


def test_an_input_error_is_passed_on() -> None:
    with pytest.raises(InputError, match=r"^none\.csv: no such file$"):
        isolated.call(60, read_locations, "none.csv")


def test_another_error_is_said_by_its_first_line() -> None:
    with pytest.raises(InputError, match=r"^it cannot be read: Expecting value: line 1 column 1"):
        isolated.call(60, json.loads, "x")


def test_an_error_without_words_is_said_by_its_name() -> None:
    with pytest.raises(InputError, match=r"^it cannot be read: StopIteration$"):
        isolated.call(60, next, iter(()))


def test_a_process_that_is_ended_by_a_signal_is_said() -> None:
    with pytest.raises(InputError, match=r"^reading it ends pyarrow with SIGABRT$"):
        isolated.call(60, os.abort)


def test_a_process_that_ends_otherwise_is_said() -> None:
    with pytest.raises(InputError, match=r"^reading it ends pyarrow with status 7$"):
        isolated.call(60, os._exit, 7)


def test_one_that_takes_too_long_is_ended() -> None:
    with pytest.raises(InputError, match=r"^reading it takes more than 1 s$"):
        isolated.call(1, time.sleep, 60)


def test_one_that_takes_too_much_memory_is_ended() -> None:
    with pytest.raises(InputError, match=r"^it takes more than 8 GiB of memory$"):
        isolated.call(60, operator.mul, b"x", 2**34)


def test_a_warning_there_is_no_answer() -> None:
    assert isolated.call(60, warnings.warn, "nothing of ours") is None


@pytest.mark.parametrize(("size", "seconds"), [(None, 60), (0, 60), (10**9, 1060)])
def test_a_larger_file_may_take_longer(size: int | None, seconds: float) -> None:
    assert isolated.patience(size) == seconds
