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


@pytest.mark.parametrize("stale", ["1", None])
def test_a_hint_that_a_killed_run_left_behind_is_put_right(
    tmp_path: Path, stale: str | None
) -> None:
    dataset = Dataset.create(tmp_path / "power", Inventory.generate(5, seed=1))
    for days in (1, 2):
        dataset.write(dataset.plan(Request(DATE, days=days, table="iceberg")))
    hint = tmp_path / "power" / "readings" / "metadata" / "version-hint.text"
    if stale:
        hint.write_text(stale)
    else:
        hint.unlink()
    again = dataset.plan(Request(DATE, days=2, table="iceberg"))
    dataset.write(again)
    assert again.table
    assert again.table.added == 0
    assert hint.read_text() == "2"
