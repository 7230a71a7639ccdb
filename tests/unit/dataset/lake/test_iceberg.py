"""What is particular to an Iceberg table."""

from __future__ import annotations

from pathlib import Path

import pytest

from synthpower import Dataset, InputError, Inventory, Request

DATE = "2023-02-27"


@pytest.mark.parametrize(
    ("folder", "path"),
    [("a#b", None), ("a?b", None), ("power", "r#x/data-{date}"), ("power", "readings/a#b/{date}")],
)
def test_paths_that_would_not_be_read_are_refused(
    tmp_path: Path, folder: str, path: str | None
) -> None:
    dataset = Dataset.create(tmp_path / folder, Inventory.generate(5, seed=1))
    with pytest.raises(InputError, match=r"no path in an Iceberg table can have a [#?]; choose"):
        dataset.plan(Request(DATE, path=path, table="iceberg"))
