"""A store of somebody else's, that keeps the buffers it is given, gets the bytes of a local file."""

from __future__ import annotations

from pathlib import Path

import pytest
from memory_store import MemoryStore

from synthpower import InputError, Inventory, Readings
from synthpower.engine import Job, Run
from synthpower.formats import find_format
from synthpower.formats.interface import FAST, PYARROW, Options
from synthpower.storage import LocalStore, Store

INVENTORY = Inventory.generate(5000, seed=1)


def jobs(store: Store, format: str, implementation: str = FAST) -> list[Job]:
    """Return two days, of several chunks each."""
    found, options = find_format(format), Options(implementation)
    specifications = [
        Readings(INVENTORY, f"2023-02-2{day}", fuzz=7).specification for day in (7, 8)
    ]
    return [Job(s, store, f"{s.name}.{format}", found, options) for s in specifications]


@pytest.mark.parametrize("implementation", [FAST, PYARROW])
@pytest.mark.parametrize("format", ["csv", "parquet"])
@pytest.mark.parametrize("workers", [1, 3])
def test_it_gets_the_bytes_of_a_local_file(
    tmp_path: Path, format: str, implementation: str, workers: int
) -> None:
    store = MemoryStore()
    summaries = Run(jobs(store, format, implementation), INVENTORY, workers).write()
    Run(jobs(LocalStore(tmp_path), format, implementation), INVENTORY, workers).write()
    assert len(summaries) == 2
    for summary in summaries:
        assert store.data(summary.name) == (tmp_path / summary.name).read_bytes()
        assert store.size(summary.name) == summary.bytes
        assert summary.path == f"memory:{summary.name}"


def test_a_file_that_it_has_is_not_replaced() -> None:
    store = MemoryStore()
    files = jobs(store, "csv")
    store.files[files[1].name] = [memoryview(b"older")]
    with pytest.raises(InputError, match=r"^memory:data-2023-02-28\.csv exists"):
        Run(files, INVENTORY).write()
    assert store.data(files[1].name) == b"older"


def test_a_failure_leaves_no_file() -> None:
    def fail(rows: int, size: int) -> None:
        raise OSError(28, "No space left")

    store = MemoryStore()
    with pytest.raises(OSError, match="No space left"):
        Run(jobs(store, "csv"), INVENTORY).write(fail)
    assert store.names() == []
