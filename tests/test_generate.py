from __future__ import annotations

import threading
from pathlib import Path

import pytest

from synthpower import InputError, Inventory, Readings
from synthpower.generate import Job, Run, generate


@pytest.fixture(scope="module")
def inventory() -> Inventory:
    return Inventory.generate(3000, seed=1)


def jobs(inventory: Inventory, folder: Path, days: int = 4, format: str = "csv") -> list[Job]:
    specifications = [
        Readings(inventory, f"2023-02-0{day + 1}").specification for day in range(days)
    ]
    return [Job(s, folder / f"{s.name}.{format}", format) for s in specifications]


def test_summaries_say_what_was_written(inventory: Inventory, tmp_path: Path) -> None:
    files = jobs(inventory, tmp_path)
    summaries = generate(files, inventory)
    assert [summary.path for summary in summaries] == [job.path for job in files]
    assert all(summary.rows == 144_000 for summary in summaries)
    assert all(summary.bytes == summary.path.stat().st_size for summary in summaries)


@pytest.mark.parametrize("workers", [1, 3])
def test_progress_adds_up_to_the_summaries(
    inventory: Inventory, tmp_path: Path, workers: int
) -> None:
    calls: list[tuple[int, int]] = []
    done: list[Path] = []
    summaries = generate(
        jobs(inventory, tmp_path),
        inventory,
        workers,
        lambda rows, size: calls.append((rows, size)),
        lambda summary: done.append(summary.path),
    )
    assert sum(rows for rows, _ in calls) == sum(summary.rows for summary in summaries)
    assert sum(size for _, size in calls) == sum(summary.bytes for summary in summaries)
    assert len(calls) > 4
    assert sorted(done) == sorted(summary.path for summary in summaries)


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("format", ["csv", "parquet"])
def test_a_failure_stops_all_and_leaves_no_unfinished_file(
    inventory: Inventory, tmp_path: Path, workers: int, format: str
) -> None:
    threads = threading.active_count()

    def fail(rows: int, size: int) -> None:
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        generate(jobs(inventory, tmp_path, format=format), inventory, workers, fail)
    assert list(tmp_path.iterdir()) == []
    assert threading.active_count() == threads


def test_an_existing_file_is_refused_before_any_is_written(
    inventory: Inventory, tmp_path: Path
) -> None:
    files = jobs(inventory, tmp_path)
    files[2].path.write_text("older")
    with pytest.raises(InputError, match=r"data-2023-02-03\.csv exists"):
        generate(files, inventory)
    assert [path.name for path in tmp_path.iterdir()] == ["data-2023-02-03.csv"]


def test_no_workers_are_refused(inventory: Inventory, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="1 or more"):
        generate(jobs(inventory, tmp_path), inventory, workers=0)


def test_what_fits_is_known_to_the_byte(inventory: Inventory, tmp_path: Path) -> None:
    run = Run(jobs(inventory, tmp_path, format="parquet"), inventory)
    size = sum(summary.bytes for summary in run.write())
    assert run.plan.bytes == size
    assert run.fits(size)
    assert not run.fits(size - 1)


def test_a_file_that_was_ended_beside_a_failure_is_told_of(
    inventory: Inventory, tmp_path: Path
) -> None:
    done: list[Path] = []
    files = jobs(inventory, tmp_path)

    def fail(rows: int, size: int) -> None:
        if rows and (tmp_path / files[0].path.name).exists():
            raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        generate(
            files, inventory, progress=fail, finished=lambda summary: done.append(summary.path)
        )
    assert done == sorted(tmp_path.iterdir())
    assert done
