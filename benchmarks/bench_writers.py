"""A day's file by each writer, on one thread, to nowhere and to the disk."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from synthpower import Inventory
from synthpower.batches import Batches, Buffers
from synthpower.files import open_output
from synthpower.writers import WRITERS


@pytest.mark.parametrize("sink", ["null", "disk"])
@pytest.mark.parametrize("format", WRITERS)
def test_writer(
    measure: Callable[..., Any],
    specify: Callable[..., Any],
    inventory: Inventory,
    tmp_path: Path,
    format: str,
    sink: str,
) -> None:
    specification = specify()
    chunk_rows = WRITERS[format].chunk_rows(specification, inventory)
    path = Path(os.devnull) if sink == "null" else tmp_path / f"data.{format}"

    def write() -> int:
        batches = Batches(specification, inventory, chunk_rows)
        buffers = Buffers(batches.grid)
        with open_output(path, overwrite=True) as output:
            with WRITERS[format](batches, output) as writer:
                for chunk in batches.grid.chunks():
                    writer.write(writer.render(chunk, buffers))
            return output.size

    assert measure(specification.steps * len(inventory) * 2, write)
