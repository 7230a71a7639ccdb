"""Chunks are rendered ahead of their writing: so many, in order, into buffers that are free."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import pytest

from synthpower.engine import chunks_ahead, rendering
from synthpower.formats.buffers import Buffers
from synthpower.model.grid import Chunk, Grid


class Counting:
    """A writer of chunks of eight bytes: where they begin."""

    grid = Grid(40, 1, 1, 1)

    def __init__(self, chunk_bytes: int = 1) -> None:
        self.chunk_bytes = chunk_bytes
        self.begun = 0
        self.buffers: set[int] = set()
        self._lock = threading.Lock()

    def render(self, chunk: Chunk, start: int, buffers: Buffers) -> Any:
        with self._lock:
            self.begun += 1
            self.buffers.add(id(buffers))
        out = buffers.array("out", (1,), np.int64)
        out[0] = start + chunk.first_step
        return out


@pytest.mark.parametrize(
    ("chunk_bytes", "workers", "expected"),
    [
        (1, 1, 3),
        (1, 8, 10),
        (2**20, 64, 66),
        (2**20, 1000, 256),
        (2**26, 64, 4),
        (2**40, 64, 4),
        (2**40, 1, 3),
    ],
)
def test_memory_bounds_how_many_chunks_are_ahead(
    chunk_bytes: int, workers: int, expected: int
) -> None:
    assert chunks_ahead(chunk_bytes, workers) == expected


@pytest.mark.parametrize("workers", [1, 2, 5])
def test_chunks_come_in_order_over_all_files(workers: int) -> None:
    writer = Counting()
    with rendering([(writer, 0), (writer, 100)], workers) as rendered:
        found = [int(chunk[0]) for chunk in rendered]
    assert found == [*range(40), *range(100, 140)]


@pytest.mark.parametrize("workers", [1, 3])
def test_no_more_chunks_are_begun_than_may_be_ahead(workers: int) -> None:
    writer = Counting()
    with rendering([(writer, 0)], workers) as rendered:
        for taken in range(1, 41):
            next(rendered)
            # One is taken; as many as may be ahead are begun, at most, and it is not yet free.
            assert writer.begun <= taken - 1 + chunks_ahead(1, workers)


def test_buffers_are_filled_again_one_for_each_chunk_ahead() -> None:
    writer = Counting()
    with rendering([(writer, 0)], 1) as rendered:
        addresses = {chunk.ctypes.data for chunk in rendered}
    assert len(writer.buffers) == len(addresses) == chunks_ahead(1, 1)


def test_no_buffer_is_filled_again_where_they_are_kept() -> None:
    writer = Counting()
    with rendering([(writer, 0)], 2, keeps_buffers=True) as rendered:
        kept = list(rendered)
    assert [int(chunk[0]) for chunk in kept] == list(range(40))
    assert len({chunk.ctypes.data for chunk in kept}) == 40


def test_an_error_of_a_worker_is_that_of_its_chunk() -> None:
    class Failing(Counting):
        def render(self, chunk: Chunk, start: int, buffers: Buffers) -> Any:
            if chunk.first_step == 7:
                raise MemoryError("no room")
            return super().render(chunk, start, buffers)

    threads = threading.active_count()
    found = []
    with (
        pytest.raises(MemoryError, match="no room"),
        rendering([(Failing(), 0)], 2) as rendered,
    ):
        for chunk in rendered:
            found.append(int(chunk[0]))  # noqa: PERF401 - up to the error
    assert found == list(range(7))
    assert threading.active_count() == threads
