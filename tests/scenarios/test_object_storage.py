"""A dataset in object storage: as in a directory, whatever the server does."""

from __future__ import annotations

import json
import os
import pickle
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from s3_server import S3Server
from support import Command, contents, ok, run_python

from synthpower import Dataset, InputError, Inventory, Readings, Request
from synthpower.storage import ObjectStore, parts

URL = "s3://bucket/power"
DAY = ("--date", "2023-02-27")


@pytest.fixture
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have files of a MB, too, sent in parts, of which few are on their way."""
    monkeypatch.setattr(parts, "_LEAST_PART", 2**18)
    monkeypatch.setattr(parts, "_IN_FLIGHT", 2**20)


@pytest.fixture
def dataset(s3: S3Server) -> Dataset:
    return Dataset.create(URL, Inventory.generate(300, seed=1))


def objects(server: S3Server, prefix: str = "power/") -> dict[str, bytes]:
    """Return the objects below a prefix, but for the manifest's."""
    names = [key for key in server.report()["objects"] if key.startswith(prefix)]
    data = {name.removeprefix(prefix): server.data(name) for name in names}
    return {name: each for name, each in data.items() if "manifest" not in name}


def local(tmp_path: Path, *requests: Request, servers: int = 300) -> dict[str, bytes]:
    """Return the files that requests make in a directory, but for the manifest."""
    made = Dataset.create(tmp_path / "local", Inventory.generate(servers, seed=1))
    for request in requests:
        made.write(made.plan(request))
    files = contents(tmp_path / "local")
    return {name: data for name, data in files.items() if "manifest" not in name}


def write(dataset: Dataset, request: Request) -> list[str]:
    return [summary.name for summary in dataset.write(dataset.plan(request))]


@pytest.mark.usefixtures("small_parts")
@pytest.mark.parametrize("format", ["csv", "parquet", "arrow"])
def test_files_of_many_parts_have_the_bytes_of_local_ones(
    s3: S3Server, dataset: Dataset, tmp_path: Path, format: str
) -> None:
    interval = 600 if format == "csv" else 60
    request = Request("2023-02-27", days=2, interval=interval, fuzz=7, format=format)
    assert len(write(dataset, request)) == 2
    report = s3.report()
    assert report["counts"]["part"] >= 2 * 5
    assert report["open"] == 0
    assert objects(s3) == local(tmp_path, request)


def test_the_commands_do_there_what_they_do_in_a_directory(
    s3: S3Server, command: Command, tmp_path: Path
) -> None:
    def both(*words: str) -> list[subprocess.CompletedProcess[str]]:
        return [
            ok(command(*(word.replace("DIR", where) for word in words)))
            for where in (URL, str(tmp_path / "power"))
        ]

    both("inventory", "--directory", "DIR", "--count", "200", "--seed", "1")
    data = ("data", "--directory", "DIR", *DAY)
    both(*data, "--days", "2")
    both(*data, "--format", "parquet", "--path", "dt={date}/h={hour}/d{suffix}")
    faults = tmp_path / "faults.csv"
    faults.write_text("kind,share\noff,0.1\n")
    both(*data, "--signal", "load", "--faults", str(faults), "--path", "load/{date}{suffix}",
         "--measurements", "load")  # fmt: skip
    again, _ = both(*data, "--days", "2")
    assert "2 files, data-2023-02-27.csv to data-2023-02-28.csv  already complete" in again.stderr
    remote, here = both("verify", "DIR")
    assert remote.stdout == here.stdout.replace(str(tmp_path / "power"), URL)
    remote, here = both("totals", "DIR", "--by", "location,file")
    assert remote.stdout == here.stdout
    folder = tmp_path / "power"
    files = {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*") if path.is_file() and path.name != "manifest.json"
    }  # fmt: skip
    assert objects(s3) == files
    s3.delete("power/data-2023-02-28.csv")
    s3.delete("power/inventory.csv")
    assert "data-2023-02-28.csv" in ok(command("remake", URL)).stderr
    assert objects(s3) == files
    ok(command("remake", URL, "--directory", "s3://bucket/again"))
    assert objects(s3, "again/") == files
    ok(command("remake", URL, "--directory", tmp_path / "back"))
    assert contents(tmp_path / "back") == contents(folder)
    ok(command("data", "--directory", folder, *DAY, "--output", "s3://bucket/one.parquet"))
    ok(command("verify", f"{URL}/data-2023-02-27.csv"))
    ok(command("data", "--directory", URL, *DAY, "--dry-run", "--shard", "1/3"))


@pytest.mark.usefixtures("small_parts")
@pytest.mark.parametrize(
    "rule",
    [
        {"on": "create"},
        {"on": "part", "part": 1},
        {"on": "part", "part": 4},
        {"on": "part", "part": 10},  # the last
        {"on": "complete"},
        {"on": "head", "key": "data-", "skip": 1},
        {"on": "put", "key": "_manifest"},
    ],
    ids=str,
)
def test_a_failure_leaves_no_object_and_the_next_run_finishes(
    s3: S3Server, dataset: Dataset, tmp_path: Path, rule: dict[str, object]
) -> None:
    request = Request("2023-02-27", interval=600)
    s3.set(faults=[{"kind": "403", **rule}])
    with pytest.raises(OSError, match=r"AccessDenied|403 Forbidden"):
        write(dataset, request)
    report = s3.report()
    assert report["counts"]["faults"] >= 1
    assert report["open"] == 0
    assert "power/data-2023-02-27.csv" not in report["objects"]
    s3.set(faults=[])
    again = Dataset.open(URL)
    assert write(again, request) == ["data-2023-02-27.csv"]
    assert objects(s3) == local(tmp_path, request)
    assert all(check.passed for check in again.verify())


@pytest.mark.usefixtures("small_parts")
@pytest.mark.parametrize("kind", ["500", "503", "cut"])
def test_what_fails_now_and_then_is_tried_again(
    s3: S3Server, dataset: Dataset, tmp_path: Path, kind: str
) -> None:
    request = Request("2023-02-27", interval=600)
    s3.set(faults=[{"on": "part|create|complete|head|get|list", "kind": kind, "share": 0.1}])
    write(dataset, request)
    s3.set(faults=[])
    report = s3.report()
    assert report["counts"]["faults"]
    assert report["open"] == 0
    assert objects(s3) == local(tmp_path, request)


def test_an_interrupt_aborts_the_upload_even_of_a_slow_server(
    s3: S3Server, dataset: Dataset
) -> None:
    words = ["data", "--directory", URL, *DAY, "--interval", "60", "--quiet"]
    s3.set(rate=3e6)
    process = subprocess.Popen(
        [sys.executable, "-m", "synthpower", *words], stderr=subprocess.PIPE, text=True
    )
    deadline = time.monotonic() + 60
    while not s3.report()["open"] and time.monotonic() < deadline:
        time.sleep(0.01)
    started = time.monotonic()
    process.send_signal(signal.SIGTERM)
    _, said = process.communicate(timeout=60)
    assert (process.returncode, said) == (143, "")
    assert time.monotonic() - started < 10  # the parts on their way would have taken longer
    report = s3.report()
    assert report["open"] == 0
    assert report["counts"]["abort"] == 1
    assert "power/data-2023-02-27.csv" not in report["objects"]


@pytest.mark.usefixtures("small_parts")
def test_an_object_that_came_in_the_meantime_is_not_replaced(s3: S3Server, tmp_path: Path) -> None:
    readings = Readings(Inventory.generate(300, seed=1), "2023-02-27", interval=600)
    done = 0

    def meanwhile(rows: int, size: int) -> None:
        nonlocal done
        if not done:
            s3.put("a.csv", theirs)
        done += 1

    theirs = b"theirs"
    with pytest.raises(InputError, match=r"^s3://bucket/a\.csv exists; overwrite=True"):
        readings.write("s3://bucket/a.csv", progress=meanwhile)
    assert s3.data("a.csv") == theirs
    assert s3.report()["open"] == 0
    readings.write(tmp_path / "a.csv")
    done, theirs = 0, (tmp_path / "a.csv").read_bytes()
    s3.delete("a.csv")
    readings.write("s3://bucket/a.csv", progress=meanwhile)  # one of the same bytes is as good
    done, theirs = 0, theirs[:-2] + b"9\n"
    s3.delete("a.csv")
    with pytest.raises(InputError, match="exists"):
        readings.write("s3://bucket/a.csv", progress=meanwhile)
    readings.write("s3://bucket/a.csv", overwrite=True)
    assert s3.data("a.csv") == (tmp_path / "a.csv").read_bytes()


def test_two_equal_runs_at_once_both_succeed(
    s3: S3Server, dataset: Dataset, tmp_path: Path
) -> None:
    words = ["data", "--directory", URL, *DAY, "--days", "3", "--interval", "900", "--quiet"]
    runs = [subprocess.Popen([sys.executable, "-m", "synthpower", *words]) for _ in range(2)]
    assert [run.wait(60) for run in runs] == [0, 0]
    request = Request("2023-02-27", days=3, interval=900)
    assert objects(s3) == local(tmp_path, request)
    fragments = [key for key in s3.report()["objects"] if "_manifest/" in key]
    assert len(fragments) == 1


def test_shards_of_several_processes_have_a_fragment_each(
    s3: S3Server, dataset: Dataset, tmp_path: Path, command: Command
) -> None:
    words = ["data", "--directory", URL, *DAY, "--quiet"]
    runs = [
        subprocess.Popen([sys.executable, "-m", "synthpower", *words, "--shard", f"{n}/3"])
        for n in (1, 2, 3)
    ]
    assert [run.wait(60) for run in runs] == [0, 0, 0]
    assert len([key for key in s3.report()["objects"] if "_manifest/" in key]) == 3
    assert "0 wrong" in ok(command("verify", URL)).stderr
    folder = tmp_path / "copied"  # as one copies a prefix: the manifest with its fragments
    for key in s3.report()["objects"]:
        if "manifest" in key:
            path = folder / key.removeprefix("power/")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(s3.data(key))
    ok(command("remake", folder))
    assert "0 wrong" in ok(command("verify", folder)).stderr
    made = contents(folder)
    for number in (1, 2, 3):
        name = f"data-2023-02-27-0000{number}-of-00003.csv"
        assert made[name] == s3.data(f"power/{name}")


def test_what_was_replaced_is_what_the_manifest_says(s3: S3Server, dataset: Dataset) -> None:
    write(dataset, Request("2023-02-27", days=2))
    write(dataset, Request("2023-02-28", days=2, seed=5, overwrite=True))
    assert all(check.passed for check in dataset.verify())
    write(dataset, Request("2023-02-27", days=2, seed=6, overwrite=True))
    checks = list(dataset.verify())
    assert all(check.passed for check in checks)
    seeds = {dataset.totals(["file"], [f"data-2023-02-2{n}.csv"])[0].total.sum for n in (7, 8)}
    assert len(seeds) == 2


def test_an_inventory_of_ones_own_gets_one_seed(s3: S3Server, dataset: Dataset) -> None:
    own = s3.data("power/inventory.csv")
    s3.set(clear=True)
    s3.put("own/inventory.csv", own)
    words = ["data", "--directory", "s3://bucket/own", "--quiet", "--date"]
    runs = [
        subprocess.Popen([sys.executable, "-m", "synthpower", *words, f"2023-02-2{n}"])
        for n in (1, 2, 3)
    ]
    assert [run.wait(60) for run in runs] == [0, 0, 0]
    opened = Dataset.open("s3://bucket/own")
    assert opened.seed() == json.loads(s3.data("own/manifest.json"))["seed"]
    assert all(check.passed for check in opened.verify())


def test_an_inventory_is_replaced_without_what_it_had(s3: S3Server, dataset: Dataset) -> None:
    write(dataset, Request("2023-02-27"))
    with pytest.raises(InputError, match="was made from the inventory that is there"):
        Dataset.create(URL, Inventory.generate(5, seed=2), overwrite=True)
    s3.delete("power/data-2023-02-27.csv")
    again = Dataset.create(URL, Inventory.generate(5, seed=2), overwrite=True)
    assert all(check.passed for check in again.verify())


def test_it_is_read_in_large_blocks(s3: S3Server, dataset: Dataset) -> None:
    write(dataset, Request("2023-02-27", interval=120))  # 40 MB
    before = s3.report()["counts"]["get"]
    list(dataset.verify(["data-2023-02-27.csv"]))
    assert s3.report()["counts"]["get"] - before < 30


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="there is no /proc here")
@pytest.mark.parametrize("rate", [0, 40e6])
@pytest.mark.parametrize("format", ["csv", "parquet"])
def test_memory_is_bounded_however_slow_the_server_is(
    discarding_s3: S3Server, format: str, rate: float
) -> None:
    discarding_s3.set(rate=rate)
    interval = 3600 if format == "csv" else 240
    done = run_python(
        """
import os, re, sys
os.environ["ARROW_DEFAULT_MEMORY_POOL"] = "system"  # as the command does
from synthpower import Inventory, Readings
readings = Readings(Inventory.generate(100_000, seed=1), "2023-02-27", interval=int(sys.argv[2]))
readings.write(f"s3://bucket/a.{sys.argv[1]}")
# Not ru_maxrss, which begins with that of the process that started this one.
with open("/proc/self/status") as status:
    print(int(re.search("VmHWM:[^0-9]*([0-9]+)", status.read())[1]) >> 10)
""",
        format,
        interval,
    )
    assert discarding_s3.report()["counts"]["part"] > 20
    assert int(done.stdout) < 300


def test_a_store_goes_to_another_process_by_its_url(s3: S3Server, dataset: Dataset) -> None:
    _ = dataset.store.names()
    copy = pickle.loads(pickle.dumps(dataset.store))
    assert isinstance(copy, ObjectStore)
    assert copy.url == URL
    assert copy.names() == dataset.store.names()


@pytest.mark.parametrize(
    ("where", "environment", "status", "said"),
    [
        ("ftp://bucket/power", {}, 2, "ftp://bucket/power: there is no such storage; choose one of s3://, gs://, abfs://, abfss://, az://"),
        ("s3:///power", {}, 2, "s3:///power names no bucket; write s3://bucket/prefix"),
        ("s3://missing/power", {}, 2, "s3://missing/power: no such bucket"),
        ("s3://bucket/power", {"AWS_ENDPOINT_URL": "http://127.0.0.1:9"}, 1, "s3://bucket/power: http://127.0.0.1:9: Connection refused"),
        ("abfs://box/power", {}, 1, "abfs://box/power: Generic MicrosoftAzure error: Account must be specified"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("words", [("inventory", "--count", "5"), ("data", *DAY), ("verify",)])
def test_where_it_cannot_be_is_one_line_and_soon(
    s3: S3Server,
    command: Command,
    words: tuple[str, ...],
    where: str,
    environment: dict[str, str],
    status: int,
    said: str,
) -> None:
    place = ("--directory", where) if words[0] != "verify" else (where,)
    started = time.monotonic()
    done = command(*words, *place, env={**os.environ, **environment})
    assert (done.returncode, done.stdout) == (status, "")
    assert done.stderr == f"synthpower {words[0]}: error: {said}\n"
    assert time.monotonic() - started < 20


@pytest.mark.parametrize(
    "arguments",
    [
        ("verify", URL),
        ("data", "--directory", URL, "--date", "2023-02-27"),
        ("data", "--directory", "DIR", "--date", "2023-02-27", "--output", f"{URL}/a.csv"),
        ("inventory", "--directory", URL, "--count", "3"),
    ],
)
def test_without_obstore_one_line_says_what_to_install(
    s3: S3Server, command: Command, tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    Inventory.generate(2, seed=1).write(tmp_path / "power")
    missing = "raise ModuleNotFoundError(\"No module named 'obstore'\")"
    (tmp_path / "obstore.py").write_text(missing)
    path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    words = [word.replace("DIR", str(tmp_path / "power")) for word in arguments]
    done = command(*words, env={**os.environ, "PYTHONPATH": path})
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert line.endswith(": object storage needs obstore: pip install 'synthpower[object]'")


def test_the_contract_is_checked_in_a_directory(
    s3: S3Server, dataset: Dataset, command: Command
) -> None:
    done = command("verify", "--contract", URL)
    assert done.returncode == 2
    assert f"argument --contract: {URL}: it is checked in a directory: copy it there" in done.stderr


def test_a_url_is_no_path(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="write s3://bucket/prefix, a string and no path"):
        Dataset.open(Path("s3://bucket/power"))
