"""The life of a dataset on moto's S3, which is not ours: it asks for signatures and real parts."""

from __future__ import annotations

import contextlib
import http.client
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest
from support import Command, ok

from synthpower.storage import ObjectStore

pytestmark = [
    pytest.mark.servers,
    pytest.mark.skipif(not find_spec("moto"), reason="moto is not installed"),
]

URL = "s3://bucket/power"
DATA = ("--date", "2023-02-27", "--interval", "600")


@pytest.fixture(scope="module")
def moto() -> Iterator[dict[str, str]]:
    """Yield how moto's server, which has one bucket, is reached."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    words = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    with subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        try:
            deadline = time.monotonic() + 60
            while True:
                connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
                with contextlib.suppress(OSError):
                    connection.request("PUT", "/bucket")
                    assert connection.getresponse().status == 200
                    break
                assert time.monotonic() < deadline
                time.sleep(0.1)
            connection.close()
            yield {
                "AWS_ACCESS_KEY_ID": "key",
                "AWS_SECRET_ACCESS_KEY": "secret",
                "AWS_REGION": "us-east-1",
                "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
            }
        finally:
            server.terminate()


@pytest.fixture
def store(moto: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> ObjectStore:
    for name, value in moto.items():
        monkeypatch.setenv(name, value)
    return ObjectStore(URL)


def objects(store: ObjectStore, *patterns: str) -> dict[str, bytes]:
    found = {}
    for name in (name for pattern in ("*", *patterns) for name in store.names(pattern)):
        with store.open(name) as file:
            found[name] = file.read()
    return {name: data for name, data in found.items() if name != "manifest.json"}


def files(folder: Path) -> dict[str, bytes]:
    found = [path for path in folder.rglob("*") if path.is_file() and path.name != "manifest.json"]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}


def test_the_life_of_a_dataset(store: ObjectStore, command: Command, tmp_path: Path) -> None:
    local = tmp_path / "power"
    for where in (URL, local):
        ok(command("inventory", "--directory", where, "--count", "1200", "--seed", "1"))
        for format in ("csv", "parquet", "arrow"):
            ok(command("data", "--directory", where, *DATA, "--format", format))
        ok(command("data", "--directory", where, *DATA, "--path", "dt={date}/h={hour}/d{suffix}"))
    made = files(local)
    assert len(made["data-2023-02-27.csv"]) > 5 * 2**23  # of several parts
    assert objects(store, "dt=*/h=*/*") == made
    assert "0 wrong" in ok(command("verify", URL)).stderr
    assert ok(command("totals", URL)).stdout == ok(command("totals", local)).stdout

    again = command("data", "--directory", URL, *DATA)
    assert ok(again).stderr == "data-2023-02-27.csv  already complete\n"
    other = command("data", "--directory", URL, *DATA, "--seed", "2")
    assert other.returncode == 2
    assert "was made from seed 1, not 2; --overwrite replaces it" in other.stderr
    ok(command("data", "--directory", URL, *DATA, "--seed", "2", "--overwrite"))
    assert objects(store)["data-2023-02-27.csv"] != made["data-2023-02-27.csv"]
    assert "0 wrong" in ok(command("verify", URL)).stderr
    ok(command("data", "--directory", URL, *DATA, "--overwrite"))

    ok(command("remake", URL, "--directory", "s3://bucket/again"))
    assert objects(ObjectStore("s3://bucket/again"), "dt=*/h=*/*") == made
    ok(command("remake", f"{URL}/data-2023-02-27.parquet", "--directory", "s3://bucket/one"))
    one = objects(ObjectStore("s3://bucket/one"))
    assert one["data-2023-02-27.parquet"] == made["data-2023-02-27.parquet"]


def test_shards_of_four_processes(store: ObjectStore, command: Command, tmp_path: Path) -> None:
    where = "s3://bucket/shards"
    ok(command("inventory", "--directory", where, "--count", "1000", "--seed", "1"))
    words = [sys.executable, "-m", "synthpower", "data", "--directory", where, *DATA, "--quiet"]
    runs = [subprocess.Popen([*words, "--shard", f"{n}/4"], env=os.environ) for n in range(1, 5)]
    assert [run.wait(120) for run in runs] == [0] * 4
    assert len(ObjectStore(where).names("_manifest/*.json")) == 4
    assert "0 wrong" in ok(command("verify", where)).stderr
    ok(command("inventory", "--directory", tmp_path, "--count", "1000", "--seed", "1"))
    for number in range(1, 5):
        ok(command("data", "--directory", tmp_path, *DATA, "--shard", f"{number}/4"))
    made = files(tmp_path)
    del made["README.md"]
    found = objects(ObjectStore(where))
    del found["README.md"]
    assert found == made


def test_a_bucket_that_is_not_there(store: ObjectStore, command: Command) -> None:
    done = command("verify", "s3://none/power")
    assert (done.returncode, done.stderr) == (
        2,
        "synthpower verify: error: s3://none/power: no such bucket\n",
    )
