from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from synthpower.grid import Grid

grids = st.builds(
    Grid, st.integers(1, 30), st.integers(1, 30), st.integers(1, 6), st.integers(1, 400)
)


@given(grids)
def test_chunks_tile_the_rows_in_order(grid: Grid) -> None:
    rows = [
        grid.row(chunk.first_step + step, chunk.first_server + server, measurement)
        for chunk in grid.chunks()
        for step in range(chunk.steps)
        for server in range(chunk.servers)
        for measurement in range(grid.measurements)
    ]
    assert rows == list(range(grid.num_rows))


@given(grids)
def test_a_chunk_has_no_more_rows_than_allowed_but_one_servers(grid: Grid) -> None:
    most = max(grid.chunk_rows, grid.measurements)
    assert all(grid.rows(chunk) <= most for chunk in grid.chunks())


@given(grids)
def test_a_chunk_is_whole_steps_or_servers_of_one_step(grid: Grid) -> None:
    assert all(c.steps == 1 or c.servers == grid.servers for c in grid.chunks())


@given(grids)
def test_no_chunk_is_larger_than_the_first(grid: Grid) -> None:
    steps, servers = grid.chunk_shape
    assert all(c.steps <= steps and c.servers <= servers for c in grid.chunks())


@given(grids, st.data())
def test_cell_is_the_inverse_of_row(grid: Grid, data: st.DataObject) -> None:
    row = data.draw(st.integers(0, grid.num_rows - 1))
    assert grid.row(*grid.cell(row)) == row
