"""Files of readings on all cores, as the command line makes them, on the disk."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from synthpower import Inventory
from synthpower.engine import Job, Run
from synthpower.formats import find_format
from synthpower.formats.interface import Options
from synthpower.storage import LocalStore


@pytest.mark.parametrize("days", [1, 3])
def test_run(
    measure: Callable[..., Any],
    specify: Callable[..., Any],
    inventory: Inventory,
    tmp_path: Path,
    format: str,
    options: Options,
    days: int,
) -> None:
    jobs = [
        Job(
            specification,
            LocalStore(tmp_path),
            f"{specification.name}.{format}",
            find_format(format),
            options,
            replace=True,
        )
        for specification in map(specify, range(1, days + 1))
    ]
    rows = days * 24 * len(inventory) * 2
    summaries = measure(rows, lambda: Run(jobs, inventory).write())
    assert sum(summary.rows for summary in summaries) == rows
