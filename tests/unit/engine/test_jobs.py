from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from memory_store import MemoryStore
from pyarrow import csv as pa_csv
from pyarrow import parquet as pq

from synthpower import InputError, Inventory, Readings
from synthpower.engine import Job, Run, Summary
from synthpower.formats import find_format
from synthpower.formats.interface import Certainty, Options
from synthpower.model.grid import Part
from synthpower.storage import LocalStore, Sink


@pytest.fixture(scope="module")
def inventory() -> Inventory:
    return Inventory.generate(3000, seed=1)


def jobs(inventory: Inventory, folder: Path, days: int = 4, format: str = "csv") -> list[Job]:
    specifications = [
        Readings(inventory, f"2023-02-0{day + 1}").specification for day in range(days)
    ]
    found, store = find_format(format), LocalStore(folder)
    return [Job(s, store, f"{s.name}.{format}", found) for s in specifications]


def test_summaries_say_what_was_written(inventory: Inventory, tmp_path: Path) -> None:
    files = jobs(inventory, tmp_path)
    summaries = Run(files, inventory).write()
    assert [summary.name for summary in summaries] == [job.name for job in files]
    assert [summary.path for summary in summaries] == [str(tmp_path / job.name) for job in files]
    assert all(summary.rows == 144_000 for summary in summaries)
    assert all(summary.bytes == Path(summary.path).stat().st_size for summary in summaries)
    assert all(summary.seconds > 0 for summary in summaries)


@pytest.mark.parametrize("workers", [1, 3])
def test_progress_adds_up_to_the_summaries(
    inventory: Inventory, tmp_path: Path, workers: int
) -> None:
    calls: list[tuple[int, int]] = []
    done: list[Summary] = []
    run = Run(jobs(inventory, tmp_path), inventory, workers)
    summaries = run.write(lambda rows, size: calls.append((rows, size)), done.append)
    assert sum(rows for rows, _ in calls) == sum(summary.rows for summary in summaries)
    assert sum(size for _, size in calls) == sum(summary.bytes for summary in summaries)
    assert len(calls) > 4
    assert done == summaries


def test_a_file_is_told_of_while_the_next_ones_are_written(inventory: Inventory) -> None:
    told: list[list[str]] = []
    done: list[str] = []

    class Slow(MemoryStore):
        @contextmanager
        def create(
            self, name: str, *, replace: bool = False, size: int | None = None
        ) -> Iterator[Sink]:
            time.sleep(0.05)  # for the end of the file before
            told.append([*done])
            with super().create(name, replace=replace, size=size) as sink:
                yield sink

    store = Slow()
    files = [replace(job, store=store) for job in jobs(inventory, Path(), days=3)]
    Run(files, inventory).write(finished=lambda summary: done.append(summary.name))
    assert told == [[], [], [files[0].name]]


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("format", ["csv", "parquet"])
def test_a_failure_stops_all_and_leaves_no_unfinished_file(
    inventory: Inventory, tmp_path: Path, workers: int, format: str
) -> None:
    threads = threading.active_count()

    def fail(rows: int, size: int) -> None:
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        Run(jobs(inventory, tmp_path, format=format), inventory, workers).write(fail)
    assert list(tmp_path.iterdir()) == []
    assert threading.active_count() == threads


def test_an_existing_file_is_not_replaced(inventory: Inventory, tmp_path: Path) -> None:
    files = jobs(inventory, tmp_path)
    (tmp_path / files[2].name).write_text("older")
    with pytest.raises(InputError, match=r"data-2023-02-03\.csv exists; overwrite=True"):
        Run(files, inventory).write()
    assert (tmp_path / files[2].name).read_text() == "older"


def test_no_workers_are_refused(inventory: Inventory, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="1 or more"):
        Run(jobs(inventory, tmp_path), inventory, workers=0)


def test_what_fits_is_known_to_the_byte(inventory: Inventory, tmp_path: Path) -> None:
    run = Run(jobs(inventory, tmp_path, format="parquet"), inventory)
    size = sum(summary.bytes for summary in run.write())
    assert (run.size.bytes, run.size.certainty) == (size, Certainty.EXACTLY)
    assert run.fits(size)
    assert not run.fits(size - 1)


def test_a_file_that_was_ended_beside_a_failure_is_reported(
    inventory: Inventory, tmp_path: Path
) -> None:
    written: list[int] = []
    done: list[str] = []
    files = jobs(inventory, tmp_path)

    def fail(rows: int, size: int) -> None:
        written.append(rows)
        if sum(written) > 144_000:  # the second file's first chunk
            while not (tmp_path / files[0].name).exists():
                time.sleep(0.001)
            raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        Run(files, inventory).write(fail, lambda summary: done.append(summary.name))
    assert done == [files[0].name] == sorted(path.name for path in tmp_path.iterdir())


class FirstFails(MemoryStore):
    """A store whose first file cannot be made whole, when all others are."""

    @contextmanager
    def create(
        self, name: str, *, replace: bool = False, size: int | None = None
    ) -> Iterator[Sink]:
        with super().create(name, replace=replace, size=size) as sink:
            yield sink
            if name == "data-2023-02-01.csv":
                while len(self.files) < 2:
                    time.sleep(0.001)
                raise OSError(28, "No space left on device")


def test_files_are_reported_beside_one_that_cannot_be_ended(inventory: Inventory) -> None:
    store, done = FirstFails(), []
    files = [replace(job, store=store) for job in jobs(inventory, Path(), 3)]

    def finished(summary: Summary) -> None:
        done.append(summary.name)
        raise OSError(5, "the manifest cannot be written")

    with pytest.raises(OSError, match="No space left"):
        Run(files, inventory).write(finished=finished)
    assert done == sorted(store.files) == [job.name for job in files[1:]]


def test_a_file_is_reported_when_progress_fails(inventory: Inventory) -> None:
    store, done = MemoryStore(), []
    files = [replace(job, store=store) for job in jobs(inventory, Path())]

    def fail(rows: int, size: int) -> None:
        if not rows:  # of a file's end
            raise RuntimeError("no terminal")

    with pytest.raises(RuntimeError, match="no terminal"):
        Run(files, inventory).write(fail, lambda summary: done.append(summary.name))
    assert done == sorted(store.files) != []


def test_files_that_differ_in_their_dates_only_have_one_writer(
    inventory: Inventory, tmp_path: Path
) -> None:
    files = jobs(inventory, tmp_path)
    assert len({job.kind for job in files}) == 1
    others = [
        replace(files[0], format=find_format("parquet")),
        replace(files[0], options=Options("pyarrow")),
        replace(files[0], specification=replace(files[0].specification, fuzz=1)),
        replace(files[0], specification=replace(files[0].specification, part=Part(1, 2))),
    ]
    assert len({job.kind for job in (files[0], *others)}) == 5


@pytest.mark.parametrize("format", ["csv", "parquet"])
@pytest.mark.parametrize("shards", [2, 7])
def test_the_rows_of_shards_are_those_of_the_file(tmp_path: Path, format: str, shards: int) -> None:
    inventory = Inventory.generate(5, seed=1)
    whole = Readings(inventory, "2023-02-27T05", 1800).to_table()
    found = []
    for number in range(1, shards + 1):
        shard = Readings(inventory, "2023-02-27T05", 1800, part=Part(number, shards))
        path = tmp_path / f"{shard.specification.name}.{format}"
        summary = shard.write(path)
        table = pa_csv.read_csv(path) if format == "csv" else pq.read_table(path)
        assert summary.rows == shard.num_rows == table.num_rows
        found += table["sn"].to_pylist()
    assert found == whole["sn"].to_pylist()


def test_about_how_long_it_takes_is_known(inventory: Inventory, tmp_path: Path) -> None:
    run = Run(jobs(inventory, tmp_path), inventory)
    assert run.seconds(limit=0.01) > 0
    assert list(tmp_path.iterdir()) == []
