from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from support import specified

from synthpower import Inventory
from synthpower.model.grid import Chunk
from synthpower.signals.steps import Steps

FLEET = Inventory.generate(5, seed=1)


def late(fuzz: int, chunk: Chunk) -> np.ndarray:
    """Return when the steps of a chunk begin and end, for each of its servers."""
    steps, start = Steps(specified(interval=600, fuzz=fuzz)), specified().start
    boundaries = steps.boundaries(chunk, start)
    out = np.empty((boundaries.size, chunk.servers, 1), np.int64)
    steps.fill_late(FLEET.by_serial.keys_of(chunk), boundaries, boundaries, 1, out)
    return out[:, :, 0]


def test_boundaries_are_an_interval_apart() -> None:
    steps = Steps(specified(interval=600))
    assert steps.boundaries(Chunk(2, 3, 0, 5), 1000).tolist() == [2200, 2800, 3400, 4000]
    assert steps.starts(Chunk(2, 3, 0, 5), 1000).tolist() == [2200, 2800, 3400]


@given(st.integers(0, 599))
def test_a_step_is_late_by_no_more_than_the_fuzz(fuzz: int) -> None:
    chunk = Chunk(0, 144, 0, 5)
    nominal = Steps(specified(interval=600)).boundaries(chunk, specified().start)
    delays = late(fuzz, chunk) - nominal[:, np.newaxis]
    assert delays.min() >= 0
    assert delays.max() <= fuzz


def test_a_step_ends_when_the_next_begins_whatever_the_chunks() -> None:
    whole = late(60, Chunk(0, 144, 0, 5))
    assert (late(60, Chunk(7, 1, 0, 5)) == whole[7:9]).all()
    assert (late(60, Chunk(7, 1, 2, 2)) == whole[7:9, 2:4]).all()
