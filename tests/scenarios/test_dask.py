"""Files written by a Dask cluster of two processes: they are a threaded run's, whatever happens."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from s3_server import S3Server
from support import contents, names, names_in

import synthpower.dask
from synthpower import Dataset, InputError, Inventory, Request, Summary
from synthpower.tables import read_columns

pytestmark = pytest.mark.servers

DAY = "2023-02-27"
SEED = 8123
# Ten files that take a process a quarter of a second or so each.
LONG = Request(DAY, days=10, interval=300, compression="gzip")
LONG_SERVERS = 1200


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A client of two workers that are in a directory of their own."""
    distributed = pytest.importorskip("distributed", reason="no Dask: distributed is not installed")
    here = Path.cwd()
    os.chdir(tmp_path_factory.mktemp("elsewhere"))
    try:
        cluster = distributed.LocalCluster(2, threads_per_worker=1, dashboard_address=None)
    finally:
        os.chdir(here)
    with cluster, distributed.Client(cluster) as made:
        yield made


def made(folder: Path, servers: int = 50) -> Dataset:
    return Dataset.create(folder, Inventory.generate(servers, seed=SEED))


def assert_threaded(folder: Path, request: Request, servers: int = 50) -> None:
    """A directory is what a threaded run writes, to the byte, and nothing else."""
    other = made(folder.with_name("threaded"), servers)
    other.write(other.plan(request))
    assert names_in(folder) == names(other_folder := folder.with_name("threaded"))
    assert contents(folder) == contents(other_folder)


def wait_until(true: Callable[[], bool], seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.05)


def unfinished(folder: Path) -> list[str]:
    return [name for name in names_in(folder) if name.startswith(".")]


@pytest.mark.parametrize(
    "request_",
    [
        Request(DAY, days=11, interval=1800, fuzz=60, format="parquet"),
        Request(DAY, shards=7, interval=1800, signal="load", compression="gzip"),
        Request(DAY, interval=1800, format="arrow", path="dt={date}/hour={hour}/data"),
    ],
)
def test_the_files_are_a_threaded_runs(client: Any, tmp_path: Path, request_: Request) -> None:
    dataset = made(tmp_path / "power")
    told: list[tuple[int, int]] = []
    finished: list[str] = []
    summaries = synthpower.dask.write(
        client,
        dataset,
        request_,
        progress=lambda *counts: told.append(counts),
        finished=lambda file: finished.append(file.name),
    )
    other = made(tmp_path / "other")
    expected = other.write(other.plan(request_))
    assert [each._replace(path="", seconds=0) for each in summaries] == [
        each._replace(path="", seconds=0) for each in expected
    ]
    assert sorted(finished) == sorted(each.name for each in expected)
    assert sorted(told) == sorted((each.rows, each.bytes) for each in expected)
    for each in expected:
        assert (tmp_path / "power" / each.name).read_bytes() == Path(each.path).read_bytes()
    assert contents(tmp_path / "power") == contents(tmp_path / "other")
    assert all(check.passed for check in dataset.verify())


def test_workers_need_not_be_where_the_client_is(
    client: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor when they read a further column of the inventory themselves."""
    made(tmp_path / "power")
    inventory = tmp_path / "power" / "inventory.csv"
    first, *rest = inventory.read_text().splitlines()
    racks = [f"{line},R{number % 7}" for number, line in enumerate(rest)]
    inventory.write_text("\n".join([f"{first},rack", *racks, ""]))
    (tmp_path / "columns.csv").write_text(
        "column,source\nserver,sn\nrack,rack\ntime,end_time\nvalue,measurement_value\nname,name\n"
    )
    monkeypatch.chdir(tmp_path)
    request = Request(DAY, days=2, columns=read_columns("columns.csv"))
    synthpower.dask.write(client, Dataset.open("power"), request)
    by_dask = contents(tmp_path / "power")
    again = Dataset.open("power")
    again.write(again.plan(replace(request, overwrite=True)))
    assert contents(tmp_path / "power") == by_dask


def kill_while_writing(process: int) -> bool:
    """Kill a process, unless it has no unfinished file at the moment; return whether it had."""
    os.kill(process, signal.SIGSTOP)
    open_files = [each.readlink() for each in Path(f"/proc/{process}/fd").iterdir()]
    writing = any(each.name.startswith(".synthpower-") for each in open_files)
    os.kill(process, signal.SIGKILL if writing else signal.SIGCONT)
    return writing


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="no /proc says what is open")
def test_a_killed_worker_loses_nothing(client: Any, tmp_path: Path) -> None:
    folder = tmp_path / "power"
    dataset = made(folder, LONG_SERVERS)
    processes = client.run(os.getpid)
    left: list[str] = []

    def kill(_: Summary) -> None:
        if not left:
            wait_until(lambda: any(map(kill_while_writing, processes.values())))
            left.extend(unfinished(folder))

    summaries = synthpower.dask.write(client, dataset, LONG, finished=kill)
    assert left
    assert sum(each.rows for each in summaries) == LONG_SERVERS * 2 * 288 * 10
    assert_threaded(folder, LONG, LONG_SERVERS)
    client.wait_for_workers(2, timeout=30)


def test_an_interrupt_leaves_whole_files_and_the_same_call_goes_on(
    client: Any, tmp_path: Path
) -> None:
    folder = tmp_path / "power"
    dataset = made(folder, LONG_SERVERS)

    def interrupt(_: Summary) -> None:
        signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        synthpower.dask.write(client, dataset, LONG, finished=interrupt)
    wait_until(lambda: not any(client.processing().values()))
    wait_until(lambda: not unfinished(folder))
    files = [name for name in names(folder) if name.startswith("data-")]
    assert 1 <= len(files) < 10
    states = json.loads((folder / "manifest.json").read_text())["files"]
    assert {entry["state"] for entry in states.values()} == {"planned", "whole"}
    assert len(states) == 10

    summaries = synthpower.dask.write(client, Dataset.open(folder), LONG)
    assert {each.name for each in summaries}.isdisjoint(files)
    assert len(summaries) == 10 - len(files)
    assert_threaded(folder, LONG, LONG_SERVERS)


def test_an_error_of_a_worker_is_one_line(client: Any, tmp_path: Path) -> None:
    folder = tmp_path / "power"
    dataset = made(folder)
    plan = dataset.plan(Request(DAY, days=10))
    (folder / "data-2023-03-02.csv").write_text("another\n")
    with pytest.raises(InputError) as found:
        synthpower.dask.write(client, dataset, plan)
    assert str(found.value) == f"{folder}/data-2023-03-02.csv exists; overwrite=True replaces it"
    wait_until(lambda: not unfinished(folder))
    assert (folder / "data-2023-03-02.csv").read_text() == "another\n"


def test_what_is_whole_is_left_alone(client: Any, tmp_path: Path) -> None:
    folder = tmp_path / "power"
    dataset = made(folder)
    request = Request(DAY, days=10, format="parquet")
    synthpower.dask.write(client, dataset, request)
    for day in ("2023-02-28", "2023-03-03"):
        (folder / f"data-{day}.parquet").unlink()
    again = synthpower.dask.write(client, Dataset.open(folder), request)
    assert [each.name for each in again] == [
        "data-2023-02-28.parquet", "data-2023-03-03.parquet"
    ]  # fmt: skip
    assert synthpower.dask.write(client, Dataset.open(folder), request) == []
    assert_threaded(folder, request)


def test_workers_write_into_a_bucket(client: Any, tmp_path: Path, s3: S3Server) -> None:
    client.run(exec, "import os; os.environ.update(given)", {"given": s3.environment})
    request = Request(DAY, days=10, format="parquet")
    dataset = Dataset.create("s3://bucket/power", Inventory.generate(50, seed=SEED))
    synthpower.dask.write(client, dataset, request)
    other = made(tmp_path / "other")
    expected = other.write(other.plan(request))
    for each in expected:
        assert s3.data(f"power/{each.name}") == Path(each.path).read_bytes()
    assert synthpower.dask.write(client, Dataset.open("s3://bucket/power"), request) == []
    assert all(check.passed for check in dataset.verify())
    assert s3.report()["open"] == 0
