"""What Dask and Spark have in common, with no cluster."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support import contents, names, names_in

from synthpower import Dataset, InputError, Inventory, Plan, Request
from synthpower.cluster import Result, grouped, packed, write_group, write_through

DAY = "2023-02-27"


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    return Dataset.create(tmp_path / "power", Inventory.generate(3, seed=5))


def here(plan: Plan, take: Callable[[Result], None]) -> None:
    """Stand for a cluster of two: everything there is made of bytes."""
    for group in grouped(plan.jobs, 2):
        jobs, fleet = pickle.loads(packed((group, plan.fleet)))
        take(pickle.loads(packed(write_group(jobs, fleet, 1))))


def write(dataset: Dataset, wanted: Request | Plan, run: Any = here, **options: Any) -> list[Any]:
    return write_through(dataset, wanted, run, options.get("progress"), options.get("finished"))


@pytest.mark.parametrize(
    ("jobs", "slots", "sizes"),
    [
        (0, 2, []),
        (1, 2, [1]),
        (3, 4, [1, 1, 1]),
        (10, 2, [5, 5]),
        (11, 4, [2, 3, 3, 3]),
        (30, 2, [5] * 6),
        (100, 100, [1] * 100),
        (1000, 2, [15, 16, 15, 16, 16, 15, 16, 16] * 8),
    ],
)
def test_jobs_go_in_groups_of_several_files(jobs: int, slots: int, sizes: list[int]) -> None:
    found = grouped(range(jobs), slots)  # type: ignore[arg-type]
    assert [job for group in found for job in group] == [*range(jobs)]
    assert [len(group) for group in found] == sizes


def test_it_is_what_this_process_writes(dataset: Dataset, tmp_path: Path) -> None:
    request = Request(DAY, days=10, interval=7200, fuzz=60, format="parquet")
    told: list[tuple[int, int]] = []
    made = write(dataset, request, progress=lambda *counts: told.append(counts))
    other = Dataset.create(tmp_path / "other", Inventory.generate(3, seed=5))
    expected = other.write(other.plan(request))
    assert contents(tmp_path / "power") == contents(tmp_path / "other")
    assert [each.name for each in made] == [each.name for each in expected]
    assert [each.totals for each in made] == [each.totals for each in expected]
    assert told == [(each.rows, each.bytes) for each in expected]


def test_a_plan_is_written(dataset: Dataset) -> None:
    made = write(dataset, dataset.plan(Request(DAY, days=2)))
    assert [each.name for each in made] == ["data-2023-02-27.csv", "data-2023-02-28.csv"]


def test_paths_are_as_this_process_calls_them(
    dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(Path(dataset.store.label("")).parent)
    relative = Dataset.open("power")
    assert [each.path for each in write(relative, Request(DAY))] == ["power/data-2023-02-27.csv"]


def test_a_file_that_is_made_twice_counts_once(dataset: Dataset) -> None:
    finished: list[str] = []

    def twice(plan: Plan, take: Callable[[Result], None]) -> None:
        here(plan, take)
        here(plan, take)

    request = Request(DAY, days=2)
    made = write(dataset, request, twice, finished=lambda file: finished.append(file.name))
    assert (
        finished == [each.name for each in made] == ["data-2023-02-27.csv", "data-2023-02-28.csv"]
    )


def test_what_was_planned_is_in_the_manifest_after_an_error(dataset: Dataset) -> None:
    def full(plan: Plan, take: Callable[[Result], None]) -> None:
        take(write_group(plan.jobs[:1], plan.fleet, 1))
        take(OSError(28, "No space left on device"))

    with pytest.raises(OSError, match="No space left"):
        write(dataset, Request(DAY, days=3), full)
    rest = Dataset.open(dataset.store.label("")).rebuild()
    assert [job.name for job in rest.jobs] == ["data-2023-02-28.csv", "data-2023-03-01.csv"]


def test_an_error_is_what_it_was_in_the_other_process(dataset: Dataset) -> None:
    plan = dataset.plan(Request(DAY))
    (Path(dataset.store.label("")) / "data-2023-02-27.csv").write_text("another\n")
    with pytest.raises(
        InputError, match=r"data-2023-02-27\.csv exists; overwrite=True replaces it$"
    ):
        write(dataset, plan)


def test_what_killed_processes_leave_is_removed(dataset: Dataset) -> None:
    folder = Path(dataset.store.label(""))

    def killed(plan: Plan, take: Callable[[Result], None]) -> None:
        here(plan, take)
        (folder / ".synthpower-0123456789abcdef.tmp").touch()

    write(dataset, Request(DAY), killed)
    assert names_in(folder) == names(folder)


def test_a_stream_is_refused(dataset: Dataset) -> None:
    with pytest.raises(InputError, match="is a stream of this process") as found:
        write(dataset, Request(DAY, output=Path("-")))
    assert found.value.argument == "output"
