from __future__ import annotations

import pickle

import pytest

from synthpower.lazy import lazy


class Counted:
    times = 0

    @lazy
    def value(self) -> int:
        """The value."""
        self.times += 1
        return self.times

    @lazy
    def wrong(self) -> int:
        self.times += 1
        raise ValueError(self.times)


def test_it_is_worked_out_once() -> None:
    made = Counted()
    assert (made.value, made.value, made.times) == (1, 1, 1)


def test_each_instance_has_its_own() -> None:
    first, second = Counted(), Counted()
    assert first.value == second.value == 1
    assert (first.times, second.times) == (1, 1)


def test_what_failed_is_worked_out_again() -> None:
    made = Counted()
    for times in (1, 2):
        with pytest.raises(ValueError, match=str(times)):
            _ = made.wrong


def test_it_is_kept_in_a_pickle() -> None:
    made = Counted()
    assert made.value == 1
    assert pickle.loads(pickle.dumps(made)).value == 1


def test_its_class_shows_what_it_is() -> None:
    assert Counted.value.__doc__ == "The value."
