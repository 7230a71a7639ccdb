"""Files of readings on all cores, as the command line makes them, on the disk."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from synthpower import Inventory
from synthpower.generate import Job, generate
from synthpower.specification import FORMATS, WRITERS


@pytest.mark.parametrize("days", [1, 3])
@pytest.mark.parametrize("writer", WRITERS)
@pytest.mark.parametrize("format", FORMATS)
def test_generate(
    measure: Callable[..., Any],
    specify: Callable[..., Any],
    inventory: Inventory,
    tmp_path: Path,
    format: str,
    writer: str,
    days: int,
) -> None:
    jobs = [
        Job(
            specification,
            tmp_path / f"{specification.name}.{format}",
            format,
            overwrite=True,
            writer=writer,
        )
        for specification in map(specify, range(1, days + 1))
    ]
    rows = days * 24 * len(inventory) * 2
    summaries = measure(rows, generate, jobs, inventory)
    assert sum(summary.rows for summary in summaries) == rows
