"""A day's file by each writer, on one thread, to nowhere and to the disk."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from synthpower import Inventory
from synthpower.formats import find_format
from synthpower.formats.buffers import Buffers
from synthpower.formats.interface import Options
from synthpower.storage import locate


@pytest.mark.parametrize("sink", ["null", "disk"])
@pytest.mark.parametrize("decimals", [2, None], ids=["decimals", "doubles"])
def test_writer(
    measure: Callable[..., Any],
    specify: Callable[..., Any],
    inventory: Inventory,
    tmp_path: Path,
    format: str,
    options: Options,
    decimals: int | None,
    sink: str,
) -> None:
    specification = specify(decimals=decimals)
    path = Path(os.devnull) if sink == "null" else tmp_path / f"data.{format}"
    writer = find_format(format).writer(specification, inventory, options)
    buffers = Buffers()

    def write_file() -> int:
        store, name = locate(path)
        with store.create(name, replace=True) as output:
            with writer.open(specification, output) as write:
                for chunk in writer.grid.chunks():
                    write(writer.render(chunk, specification.start, buffers).data)
            return output.size

    assert measure(writer.grid.num_rows, write_file)
