"""One chunk as a record batch, on one thread; its templates are made once, before."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from synthpower import Inventory
from synthpower.formats.buffers import Buffers
from synthpower.formats.text_batches import TextBatches


@pytest.mark.parametrize("fuzz", [0, 60])
@pytest.mark.parametrize("method", ["batch", "text_batch"])
@pytest.mark.parametrize("decimals", [2, None], ids=["decimals", "doubles"])
def test_batch(
    measure: Callable[..., Any],
    specify: Callable[..., Any],
    inventory: Inventory,
    method: str,
    decimals: int | None,
    fuzz: int,
) -> None:
    batches = TextBatches(specify(fuzz=fuzz, decimals=decimals), inventory, 2**16)
    chunk = next(batches.grid.chunks())
    buffers = Buffers()
    make = getattr(batches, method)
    make(chunk, buffers)
    batch = measure(batches.grid.rows(chunk), make, chunk, buffers)
    assert batch.num_rows == batches.grid.rows(chunk)
