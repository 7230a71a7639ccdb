"""Damaged files, and files that would take all memory: a finding, never a traceback."""

from __future__ import annotations

import random
import resource
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from foreign import check, edit, inventory, make
from hypothesis import given, settings
from hypothesis import strategies as st
from long.fuzz import mutated

from synthpower import Inventory
from synthpower.dataset.validate import check_contract
from synthpower.dataset.validate.cells import Cells
from synthpower.dataset.validate.groups import Group, examine
from synthpower.dataset.validate.known import Known
from synthpower.dataset.validate.texts import texts_of
from synthpower.tables import read_measurements

pytestmark = pytest.mark.slow

NAME = "data-2023-02-27"

# A child that does of one file what a damaged one may have pyarrow do.
DYING = """
import os, sys
from synthpower.dataset.validate import child, groups
class Source(groups.Source):
    def __init__(self, path, *others):
        super().__init__(path, *others)
        if path.name == "{name}":
            {what}
groups.Source = Source
child.main()
"""


class Ignored:
    def file(self, path: Path) -> None: ...

    def progress(self, rows: int, size: int) -> None: ...


@pytest.mark.parametrize(
    ("what", "said"),
    [
        ("os.abort()", "reading it ended the process, by SIGABRT"),
        ("os.kill(os.getpid(), 9)", "reading it ended the process, by SIGKILL"),
        ("os._exit(7)", "reading it ended the process, with status 7"),
        ("raise RuntimeError", "reading it ended the process, with status 1"),
        ("raise MemoryError", "cannot be read: MemoryError"),
        ("print('noise', flush=True)", ""),
    ],
)
def test_a_file_that_ends_the_process_is_a_finding(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str, said: str
) -> None:
    directory = inventory(tmp_path / "power")
    make(directory, "--days", "3", "--format", "parquet")
    script = DYING.format(name="data-2023-02-28.parquet", what=what)
    monkeypatch.setattr(
        "synthpower.dataset.validate.child._COMMAND", [sys.executable, "-c", script]
    )
    checks = list(check_contract(directory))
    failed = [c for c in checks if not c.passed]
    assert {c.file for c in failed} == ({"data-2023-02-28.parquet"} if said else set())
    assert not any(c.checked for c in failed)
    assert said in "".join(c.detail for c in failed)
    assert {"data-2023-02-27.parquet", "data-2023-03-01.parquet"} <= {
        c.file for c in checks if c.what == "doubled"
    }


def test_of_files_that_are_one_the_others_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    directory = inventory(tmp_path / "power")
    make(directory, "--days", "3", "--format", "parquet")
    for path in directory.glob("data-*"):
        path.rename(path.with_name(path.name.replace("data-2023", "data-theirs")))
    script = DYING.format(name="data-theirs-02-28.parquet", what="os.abort()")
    monkeypatch.setattr(
        "synthpower.dataset.validate.child._COMMAND", [sys.executable, "-c", script]
    )
    found = {c.what: c for c in check_contract(directory)}
    assert found["servers"].count == 1920
    assert not found["missing"].checked
    assert found["missing"].detail == "data-theirs-02-28.parquet could not be read"


def test_a_child_that_cannot_begin_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    directory = inventory(tmp_path / "power")
    make(directory, "--format", "parquet")
    monkeypatch.setattr("synthpower.dataset.validate.child._COMMAND", [sys.executable, "-c", "0"])
    with pytest.raises(OSError, match="ended at once, with status 0"):
        list(check_contract(directory))


@pytest.mark.parametrize("at", [0, 4, 1000, -4, -8, -100])
def test_damaged_parquet_is_a_finding(tmp_path: Path, at: int) -> None:
    directory = inventory(tmp_path / "power")
    make(directory, "--format", "parquet")
    path = directory / f"{NAME}.parquet"
    data = bytearray(path.read_bytes())
    data[at] ^= 255
    path.write_bytes(data)
    for found in check_contract(directory):
        assert found.detail.isprintable()
    path.write_bytes(data[: len(data) // 2])
    checks = [c for c in check_contract(directory) if not c.passed]
    assert checks
    assert not any(c.checked for c in checks)


@pytest.mark.parametrize("index", [-1, 4])
def test_strings_that_point_anywhere_are_an_error(tmp_path: Path, index: int) -> None:
    known = Known(Inventory.read(inventory(tmp_path / "power")), read_measurements())
    indices = pa.array([0, index], pa.int32())
    texts = pa.DictionaryArray.from_arrays(indices, pa.array(["a", "b"]), safe=False)
    with pytest.raises(pa.ArrowInvalid):
        known.find_sn(texts_of(texts))


def test_strings_that_are_not_utf8_are_an_error(tmp_path: Path) -> None:
    known = Known(Inventory.read(inventory(tmp_path / "power")), read_measurements())
    texts = pa.array([b"\xff"]).view(pa.string())
    for each in (texts, texts.dictionary_encode()):
        with pytest.raises(pa.ArrowInvalid):
            known.find_sn(texts_of(each))


@settings(max_examples=150)
@given(st.integers(0, 2**32))
def test_mutated_files_get_findings_in_one_line(small: Callable[[], Path], seed: int) -> None:
    """In this process: a file that ends it would end the test."""
    directory = small()
    draw = random.Random(seed)
    path = draw.choice(sorted(directory.glob("data-*")))
    whole = path.read_bytes()
    try:
        path.write_bytes(mutated(whole, draw))
        for found in check_contract(directory):
            assert found.detail.isprintable()
            assert len(found.detail) < 1000
            assert found.checked or not found.passed
    finally:
        path.write_bytes(whole)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Path]:
    directory = inventory(tmp_path_factory.mktemp("damage") / "power", 3)
    make(directory)
    make(directory, "--date", "2023-02-28", "--fuzz", "60", "--end")
    return lambda: directory


@given(st.lists(st.tuples(st.integers(0, 47), st.integers(0, 8), st.text(max_size=30)), max_size=5))
def test_any_text_in_any_cell_gets_a_verdict(
    small: Callable[[], Path], cells: list[tuple[int, int, str]]
) -> None:
    directory = small()
    path = directory / f"{NAME}.csv"
    whole = path.read_bytes()

    def change(rows: list[list[str]]) -> None:
        for row, column, text in cells:
            rows[row][column] = text

    try:
        edit(path, change)
        changed = path.read_bytes().replace(b"\r\n", b"\n") != whole
        assert bool(check(directory)) <= changed
    finally:
        path.write_bytes(whole)


@given(st.lists(st.integers(5, 5000), min_size=1, max_size=300), st.integers(1, 50))
def test_cells_are_a_set(numbers: list[int], size: int) -> None:
    cells, seen = Cells(5, 5001), set[int]()
    for at in range(0, len(numbers), size):
        part = numbers[at : at + size]
        again = cells.add(np.array(part)).tolist()
        for number, doubled in zip(part, again, strict=True):
            assert doubled == (number in seen)
            seen.add(number)
    assert cells.seen == len(seen)
    assert np.flatnonzero(cells.flags(0, 5100)).tolist() == sorted(seen)


def scattered(path: Path, servers: int, hours: int) -> None:
    """Write one reading of a server in each of many hours, as somebody might sample them."""
    known = Inventory.read(path.parent).table.to_pydict()
    rows = np.arange(hours) * 7919 % servers
    start = pa.array(np.arange(hours) * 3_600_000_000, pa.timestamp("us", "UTC"))
    columns = {name: pa.array([known[name][row] for row in rows]) for name in known}
    end = pa.array(np.arange(1, hours + 1) * 3_600_000_000, pa.timestamp("us", "UTC"))
    columns |= {"start_time": start, "end_time": end}
    columns |= {"measurement_value": pa.array(np.ones(hours)), "unit": pa.array(["W"] * hours)}
    pq.write_table(pa.table(columns | {"name": pa.array(["server power"] * hours)}), path)


@pytest.mark.parametrize("hours", [40_000, 1_000_000])
def test_scattered_hours_take_little_memory(tmp_path: Path, hours: int) -> None:
    """A bit for each of 40,000 x 40,000 readings are 200 MB, of 1,000,000 too many to look."""
    directory = inventory(tmp_path / "power", 20_000)
    path = directory / "data-theirs.parquet"
    scattered(path, 20_000, hours)
    known = Known(Inventory.read(directory), read_measurements())
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    found = {c.what: c for c in examine(Group((path,), None, ""), known, Ignored())}
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before  # kB
    assert grown < 400_000
    assert not found["missing"].passed
    assert found["missing"].checked == (hours == 40_000)
    assert found["values"].passed
