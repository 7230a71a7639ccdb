from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from synthpower import InputError
from synthpower.model.grid import MOST_PARTS, WHOLE, Grid, Part

SIZES = (st.integers(1, 30), st.integers(1, 30), st.integers(1, 6), st.integers(1, 400))
grids = st.builds(Grid, *SIZES)

# One part more than there are servers' steps, and many more: some of them are empty.
counts = st.integers(1, 12) | st.integers(890, 910) | st.just(MOST_PARTS)
parts = counts.flatmap(lambda of: st.builds(Part, st.integers(1, of), st.just(of)))
parted = st.builds(Grid, *SIZES, parts)


def rows_of(grid: Grid) -> list[int]:
    """Return the rows of a grid's chunks, one after the other."""
    return [
        grid.row(chunk.first_step + step, chunk.first_server + server, measurement)
        for chunk in grid.chunks()
        for step in range(chunk.steps)
        for server in range(chunk.servers)
        for measurement in range(grid.measurements)
    ]


@given(grids)
def test_chunks_tile_the_rows_in_order(grid: Grid) -> None:
    assert rows_of(grid) == list(range(grid.num_rows))


@given(parted)
def test_a_chunk_has_no_more_rows_than_allowed_but_one_servers(grid: Grid) -> None:
    most = max(grid.chunk_rows, grid.measurements)
    assert all(grid.rows(chunk) <= most for chunk in grid.chunks())


@given(parted)
def test_a_chunk_is_whole_steps_or_servers_of_one_step(grid: Grid) -> None:
    assert all(c.steps == 1 or c.servers == grid.servers for c in grid.chunks())


@given(parted)
def test_no_chunk_is_larger_than_the_first(grid: Grid) -> None:
    steps, servers = grid.chunk_shape
    assert all(c.steps <= steps and c.servers <= servers for c in grid.chunks())


@given(parted)
def test_no_chunk_is_empty(grid: Grid) -> None:
    assert all(grid.rows(chunk) > 0 for chunk in grid.chunks())


@given(grids, st.data())
def test_cell_is_the_inverse_of_row(grid: Grid, data: st.DataObject) -> None:
    row = data.draw(st.integers(0, grid.num_rows - 1))
    assert grid.row(*grid.cell(row)) == row


@given(parted)
def test_the_numbers_of_rows_and_chunks_are_those_of_the_chunks(grid: Grid) -> None:
    chunks = list(grid.chunks())
    assert grid.num_chunks == len(chunks)
    assert grid.num_rows == sum(map(grid.rows, chunks))


@given(*SIZES, st.integers(1, 1000))
def test_the_chunks_of_all_parts_tile_the_rows(
    steps: int, servers: int, measurements: int, chunk_rows: int, of: int
) -> None:
    grids = [Grid(steps, servers, measurements, chunk_rows, Part(n + 1, of)) for n in range(of)]
    found = [row for grid in grids for row in rows_of(grid)]
    assert found == list(range(steps * servers * measurements))
    assert sum(grid.num_rows for grid in grids) == len(found)


@given(*SIZES, st.integers(1, 1000))
def test_parts_differ_by_one_servers_step_at_most(
    steps: int, servers: int, measurements: int, chunk_rows: int, of: int
) -> None:
    rows = {
        Grid(steps, servers, measurements, chunk_rows, Part(n + 1, of)).num_rows for n in range(of)
    }
    assert max(rows) - min(rows) in (0, measurements)


@given(st.integers(0, 10**12), st.integers(1, MOST_PARTS), st.data())
def test_a_part_begins_where_the_one_before_it_ends(
    total: int, of: int, data: st.DataObject
) -> None:
    assume(of > 1)
    number = data.draw(st.integers(1, of - 1))
    assert Part(number, of).range(total)[1] == Part(number + 1, of).range(total)[0]
    assert (Part(1, of).range(total)[0], Part(of, of).range(total)[1]) == (0, total)


def test_where_there_are_more_parts_than_servers_steps_some_are_empty() -> None:
    grids = [Grid(1, 2, 3, 100, Part(number, 4)) for number in range(1, 5)]
    assert [grid.num_rows for grid in grids] == [0, 3, 0, 3]
    assert [grid.num_chunks for grid in grids] == [0, 1, 0, 1]


def test_the_whole_is_one_part_of_one() -> None:
    assert Part(1, 1) == WHOLE
    assert WHOLE.range(7) == (0, 7)


@pytest.mark.parametrize(
    ("number", "of"), [(0, 1), (2, 1), (-1, 3), (1, 0), (1, MOST_PARTS + 1), (10**30, 10**30)]
)
def test_a_part_that_cannot_be_is_refused(number: int, of: int) -> None:
    with pytest.raises(InputError, match=r"write I/N, with 1 <= I <= N <= 99,999") as found:
        Part(number, of)
    assert found.value.argument == "shard"


@pytest.mark.parametrize("number", [1.0, True, "1", None, math.nan])
def test_the_number_of_a_part_is_a_whole_number(number: Any) -> None:
    with pytest.raises(InputError, match="is not a whole number"):
        Part(number, 2)
