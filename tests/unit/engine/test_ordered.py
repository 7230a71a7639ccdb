from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from synthpower.engine import in_order


@pytest.mark.parametrize("workers", [1, 2, 5])
def test_results_come_in_the_order_of_the_things(workers: int) -> None:
    def slow(number: int) -> int:
        time.sleep(0.001 * (number % 3))
        return number * number

    assert list(in_order(slow, range(40), workers)) == [n * n for n in range(40)]


@pytest.mark.parametrize("workers", [1, 3])
def test_an_error_of_the_source_comes_after_the_results_before_it(workers: int) -> None:
    def things() -> Iterator[int]:
        yield from range(3)
        raise OSError("gone")

    found = []
    with pytest.raises(OSError, match="gone"):
        for result in in_order(str, things(), workers):
            found.append(result)  # noqa: PERF402
    assert found == ["0", "1", "2"]


@pytest.mark.parametrize("workers", [1, 3])
def test_an_error_of_the_function_comes_in_its_place(workers: int) -> None:
    found = []
    with pytest.raises(ZeroDivisionError):
        for result in in_order(lambda n: 6 // (3 - n), range(9), workers):
            found.append(result)  # noqa: PERF402
    assert found == [2, 3, 6]


def test_only_a_few_things_are_taken_ahead() -> None:
    taken = []

    def things() -> Iterator[int]:
        for number in range(100):
            taken.append(number)
            yield number

    before = threading.active_count()  # of other tests, too
    results = in_order(str, things(), 2)
    assert next(results) == "0"
    assert len(taken) <= 5
    results.close()
    assert len(taken) <= 5
    assert threading.active_count() <= before + 2


@pytest.mark.parametrize(("things", "workers"), [(["a"], 4), (["a", "b", "c"], 1)])
def test_what_needs_no_thread_has_none(things: list[str], workers: int) -> None:
    threads = set(in_order(lambda _: threading.current_thread(), things, workers))
    assert threads == {threading.current_thread()}
