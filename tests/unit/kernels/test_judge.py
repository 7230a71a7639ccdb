"""Readings held against what they must be, beside the same in plain Python."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthpower import kernels

FIRST, INTERVAL, STEPS, SERVERS = 7200, 60, 5, 3
LEAST, GREATEST, POWERS = [0.0, -40.0], [100.0, 300.0], [100.0, 0.0]

rows = st.lists(
    st.tuples(
        st.integers(-1, SERVERS - 1),
        st.integers(-1, 1),
        st.integers(FIRST - 90, FIRST + 400),
        st.sampled_from([60, 60, 60, 59, 61, 0, -60, 3000]),
        st.sampled_from([kernels.UTC, kernels.OTHER_FORM, kernels.FRACTION, kernels.NO_TIME]),
        st.sampled_from([0.0, -0.0, 0.01, 0.005, 99.99, 100.0, 100.01, 300.0, 301.0, -1.0, -40.5, np.nan, np.inf]),
    )
)  # fmt: skip


def judged(server, measurement, end, length, form, value, with_start) -> tuple:
    """Return what is wrong with a row, its cell, and how late it is."""
    wrong = 0
    least, greatest = (-40, 300) if measurement < 0 else (LEAST[measurement], GREATEST[measurement])
    if not least <= value <= greatest or str(value) == "-0.0":
        wrong |= kernels.VALUE
    elif measurement == 0 and Fraction(repr(value)) * 100 % 1:
        wrong |= kernels.DECIMALS
    cell, late = kernels.NOWHERE, [0, 0]
    if form < kernels.FRACTION:
        step = (end - FIRST) // INTERVAL - 1
        start = end - length
        begin = FIRST + step * INTERVAL
        if with_start and (not begin <= start < begin + INTERVAL or start >= end):
            wrong |= kernels.APART
        elif not 0 <= step < STEPS:
            wrong |= kernels.OUTSIDE
        elif server >= 0 and measurement >= 0:
            cell = (step * SERVERS + server) * 2 + measurement
            late = [start - begin if with_start else 0, end - begin - INTERVAL]
    return wrong, cell, late


@given(rows, st.booleans())
def test_rows_are_judged(rows: list[tuple], with_start: bool) -> None:
    size = len(rows)
    server, measurement, end, length, form, value = (
        np.array([row[i] for row in rows], kind)
        for i, kind in enumerate((np.int32, np.int32, np.int64, np.int64, np.uint8, np.float64))
    )
    late, wrong = np.empty((2, size), np.int32), np.empty(size, np.uint8)
    cells = np.empty(size, np.int64)
    kernels.judge_rows(
        server, measurement, end - length if with_start else np.empty(0, np.int64), end, form,
        value, FIRST, INTERVAL, STEPS, SERVERS, np.array([LEAST, GREATEST]), np.array(POWERS), late, wrong,
        cells,
    )  # fmt: skip
    expected = [judged(*row, with_start) for row in rows]
    found = zip(wrong.tolist(), cells.tolist(), late.T.tolist(), strict=True)
    assert list(found) == expected


@given(st.lists(st.integers(-1, 60)), st.integers(0, 20), st.integers(20, 60))
def test_cells_are_marked_once(cells: list[int], first: int, last: int) -> None:
    bits = np.zeros((last - first + 7) // 8, np.uint8)
    out = np.empty(len(cells), np.uint8)
    kernels.mark_cells(np.array(cells, np.int64), first, last, bits, out)
    seen = set[int]()
    for cell, found in zip(cells, out.tolist(), strict=True):
        inside = first <= cell < last
        right = kernels.DOUBLED if cell in seen else 0 if inside else kernels.OTHER_PART
        assert found == (right if cell >= 0 else 0)
        seen |= {cell} if inside else set()
    counts = np.empty(6, np.int64)
    kernels.count_seen(bits, first, last, 7, 2, counts)
    assert counts.tolist() == [sum(cell // 7 == step for cell in seen) for step in range(2, 8)]
    known = np.zeros((9, 4), np.uint8)
    kernels.keep_punctual(bits, first, last, 2, known)
    for boundary in range(9):
        for server in range(4):
            there = any(
                divmod(cell // 2, 4) in ((boundary, server), (boundary - 1, server))
                for cell in seen
            )
            assert known[boundary, server] == there


def test_all_cells_of_a_step_are_counted() -> None:
    bits = np.full(4, 255, np.uint8)
    counts = np.empty(3, np.int64)
    kernels.count_seen(bits, 3, 35, 14, 0, counts)
    assert counts.tolist() == [11, 14, 7]


def test_the_first_boundary_that_comes_is_kept() -> None:
    known = np.zeros((4, 2), np.uint8)
    cells = np.array([0, 1, 6, kernels.NOWHERE, 2], np.int64)  # two measurements, two servers
    out = np.empty(5, np.bool_)
    kernels.keep_boundaries(cells, 2, 1, np.array([7, 8, 9, 1, 0], np.int32), known, out)
    assert out.tolist() == [False, True, False, False, False]
    assert known.tolist() == [[0, 0], [8, 1], [0, 10], [0, 0]]


reading = st.tuples(st.integers(0, 23), st.integers(0, 9), st.sampled_from([0.0, 1.5, 2.5]))


def sums_of(readings: list[tuple[int, int, float]]) -> list[int]:
    out = np.zeros(4, np.uint64)
    cells, ends, values = (np.array([each[i] for each in readings]) for i in range(3))
    kernels.add_readings(
        cells.astype(np.int64), np.array([11, 12, 13], np.uint64), 2, ends.astype(np.int64),
        values.astype(np.float64).view(np.uint64), out,
    )  # fmt: skip
    return out.tolist()


@given(st.lists(reading), st.lists(reading), st.randoms())
def test_only_the_same_readings_have_the_same_sums(one, other, random) -> None:
    shuffled = random.sample(one, len(one))
    assert sums_of(shuffled) == sums_of(one)
    for step, sums in enumerate(zip(sums_of(one), sums_of(other), strict=True)):
        of_step = [sorted(each for each in some if each[0] // 6 == step) for some in (one, other)]
        assert (sums[0] == sums[1]) == (of_step[0] == of_step[1])


@pytest.mark.parametrize("cells", [[24], [0, 2**40]])
def test_cells_beyond_the_steps_are_refused(cells: list[int]) -> None:
    size = len(cells)
    with pytest.raises(ValueError, match="cells of more steps"):
        kernels.add_readings(
            np.array(cells, np.int64), np.zeros(3, np.uint64), 2, np.zeros(size, np.int64),
            np.zeros(size, np.uint64), np.zeros(4, np.uint64),
        )  # fmt: skip
    with pytest.raises(ValueError, match="cells of more steps"):
        kernels.keep_boundaries(
            np.array(cells, np.int64), 2, 0, np.zeros(size, np.int32), np.zeros((5, 3), np.uint8),
            np.empty(size, np.bool_),
        )  # fmt: skip
