from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from s3_server import S3Server
from support import run_python

from synthpower import InputError
from synthpower.storage import ObjectStore, parts
from synthpower.storage.parts import PartsSink, part_size, parts_in_flight


@pytest.fixture
def store(s3: S3Server) -> ObjectStore:
    return ObjectStore("s3://bucket/x")


def test_what_is_replaced_while_it_is_read_is_read_whole(s3: S3Server, store: ObjectStore) -> None:
    s3.put("x/a", b"older")
    with store.open("a") as file:
        s3.put("x/a", b"newer, and longer")
        assert file.read() == b"newer, and longer"


def test_an_object_of_one_part_is_one_request(s3: S3Server, store: ObjectStore) -> None:
    before = s3.report()["counts"]
    assert before.get("put", 0) == 0
    with store.create("a") as sink:
        sink.write(bytes(8 * 2**20))
    counts = s3.report()["counts"]
    assert counts == {"list": 1, "put": 1}
    with store.create("b") as sink:
        sink.write(bytes(8 * 2**20 + 1))
    counts = s3.report()["counts"]
    assert counts == {"list": 1, "put": 1, "head": 2, "create": 1, "part": 2, "complete": 1}


def test_parts_are_as_large_as_a_size_needs() -> None:
    assert part_size(None) == part_size(72 * 10**9) == 2**23
    assert part_size(100 * 10**9) == 11 * 2**20
    for size in (10**10, 10**11, 10**12, 5 * 10**12):
        assert part_size(size) * 9_000 >= size
        assert part_size(size) % 8 == 0
        assert parts_in_flight(part_size(size)) >= 3
    assert parts_in_flight(2**23) * 2**23 == 2**25


class Slow:
    """An upload that keeps what it is given until it is told to let go."""

    def __init__(self) -> None:
        self.kept: list[pa.Buffer] = []
        self.data: list[bytes] = []
        self.most = 0

    def write(self, part: memoryview, /) -> int:
        # Which holds the view, as obstore does; an array of NumPy would only refer to it.
        self.kept.append(pa.py_buffer(part))
        self.most = max(self.most, len(self.kept))
        return len(part)

    def send(self) -> None:
        self.data.append(bytes(self.kept[0]))
        del self.kept[0]


def test_a_sink_waits_for_a_client_that_is_slow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "_IN_FLIGHT", 4 * 2**16)
    upload, ended = Slow(), threading.Event()

    def send() -> None:
        while not ended.is_set() or upload.kept:
            if upload.kept:
                upload.send()
            time.sleep(0.001)

    thread = threading.Thread(target=send)
    thread.start()
    data = np.random.default_rng(1).bytes(60 * 2**16 + 3)
    sink = PartsSink(lambda: upload, 2**16)
    for at in range(0, len(data), 100_000):
        sink.write(data[at : at + 100_000])
    rest = bytes(sink.rest())
    ended.set()
    sink.wait()
    sink.close()
    thread.join()
    assert b"".join([*upload.data, rest]) == data  # although memory was used again
    assert upload.most <= 5
    assert len(sink.sums) == 60


def test_a_sum_tells_parts_apart() -> None:
    data = np.random.default_rng(1).integers(0, 256, 2**16, np.uint8)
    other = data.copy()
    other[12_345] ^= 1
    assert parts.checksum(data) != parts.checksum(other)
    assert parts.checksum(data) != parts.checksum(data[:-8])
    assert parts.checksum(data) == parts.checksum(bytes(data))


def test_a_sum_tells_the_same_words_in_another_order_apart() -> None:
    words = np.random.default_rng(1).integers(0, 2**64, 3 * 2**12, np.uint64)
    sums = {parts.checksum(words.tobytes())}
    for one, other in ((0, 1), (0, 2**12 - 1), (5, 2**12 + 5), (3, 2**13 + 4)):
        swapped = words.copy()
        swapped[[one, other]] = swapped[[other, one]]
        sums.add(parts.checksum(swapped.tobytes()))
    assert len(sums) == 5


def test_an_object_is_there_although_the_answer_was_lost(s3: S3Server, store: ObjectStore) -> None:
    data = np.random.default_rng(1).bytes(2**23 + 5)
    s3.set(faults=[{"on": "complete", "kind": "lost", "times": 1}])
    with store.create("a") as sink:
        sink.write(data)
    assert s3.report()["counts"]["faults"] == 1
    assert s3.data("x/a") == data


def test_an_older_object_is_not_taken_for_one_whose_parts_are_gone(
    s3: S3Server, store: ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    s3.put("x/a", b"older")
    ask = store.ask

    def gone(name: str, request: Callable[[], Any]) -> Any:
        if getattr(request, "__name__", "") == "close":
            raise FileNotFoundError(name)
        return ask(name, request)

    monkeypatch.setattr(store, "ask", gone)
    with pytest.raises(FileNotFoundError), store.create("a", replace=True) as sink:
        sink.write(bytes(2**23 + 5))
    assert s3.data("x/a") == b"older"


FORKED = """
import os, signal, warnings
from synthpower.storage import ObjectStore, parts
warnings.simplefilter("ignore", DeprecationWarning)  # of fork, 3.12
signal.alarm(60)
os.register_at_fork(after_in_child=lambda: signal.alarm(30))  # which no child inherits
store = ObjectStore("s3://bucket/x")
"""


def test_a_fork_of_a_process_that_used_a_bucket_is_told_so(s3: S3Server) -> None:
    done = run_python(
        FORKED
        + """
child = None
try:
    with store.create("parent") as sink:
        sink.write(bytes(20 * 2**20))
        child = os.fork()
        if child:
            assert os.waitpid(child, 0)[1] == 0
        for each in (store, ObjectStore("s3://bucket/y")):
            try:
                each.size("a")
            except OSError as error:
                print(error, flush=True)
except OSError as error:  # of the file that the parent has begun
    print(error, flush=True)
    os._exit(0 if child == 0 else 7)
if not child:
    os._exit(7)
"""
    )
    assert done.stdout.count("was used before a fork; start processes by 'spawn'") == 3
    assert s3.data("x/parent") == bytes(20 * 2**20)


def test_a_forked_child_does_not_write_into_its_parents_parts(s3: S3Server) -> None:
    run_python(
        FORKED
        + """
with store.create("parent") as sink:
    sink.write(b"p" * (2**23 + 5))
    child = os.fork()
    if not child:
        sink.close()
        stages = [parts._stages.take(2**23, wait=False) for _ in range(3)]
        for stage in stages:
            stage[:8] = b"children"
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
"""
    )
    assert s3.data("x/parent") == b"p" * (2**23 + 5)


@pytest.mark.parametrize("name", ["", "a/", "a" * 1025, "é" * 512])
def test_a_name_that_no_object_can_have(store: ObjectStore, name: str) -> None:
    with pytest.raises(InputError, match=r"names no object|longer than 1024 bytes"):
        store.check(name, "path")


@pytest.mark.parametrize(
    "name", ["./a", "a/../b", "a/..", "a//b", "/a", "a\tb", "a\x9fb", "a\udcffb"]
)
def test_a_name_that_would_be_another_objects(store: ObjectStore, name: str) -> None:
    with pytest.raises(InputError, match=r"may be empty, \. or \.\.|control character") as caught:
        store.check(name, "path")
    assert str(caught.value).isprintable()


def test_a_bucket_that_there_cannot_be() -> None:
    with pytest.raises(InputError, match="s3://bu cket: invalid domain character"):
        ObjectStore("s3://bu cket").is_there()


def test_seeking_before_the_beginning(s3: S3Server, store: ObjectStore) -> None:
    s3.put("x/a", b"123")
    with store.open("a") as file, pytest.raises(OSError, match="Invalid argument"):
        file.seek(-4, os.SEEK_END)


def test_other_storage_is_asked_as_the_environment_says(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from synthpower.storage.client import _open

    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_NAME", "account")
    for url, kind in {
        "s3://bucket/a b%20c": "S3Store",
        "gs://bucket/a b%20c": "GCSStore",
        "abfs://bucket/a b%20c": "AzureStore",
        "az://bucket/a b%20c": "AzureStore",
    }.items():
        client = _open(url, None)
        assert type(client).__name__ == kind
        assert client.prefix == "a b%20c"


@pytest.mark.parametrize(
    ("environment", "unsigned"),
    [
        ({}, "true"),
        ({"AWS_ENDPOINT_URL": "https://here"}, "true"),
        ({"AWS_ENDPOINT_URL": "http://here"}, None),
        ({"AWS_UNSIGNED_PAYLOAD": "false"}, None),  # as the environment says
    ],
)
def test_payloads_are_not_signed_over_tls(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], unsigned: str | None
) -> None:
    from synthpower.storage.client import _open

    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    config = _open("s3://bucket/a", None).config  # type: ignore[union-attr]
    assert config.get("unsigned_payload") == unsigned


def test_an_endpoint_without_its_scheme_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """obstore panics."""
    from synthpower.storage.client import _open

    monkeypatch.setenv("AWS_ENDPOINT_URL", "127.0.0.1:9000")
    with pytest.raises(InputError, match=r"AWS_ENDPOINT_URL is .*: begin it with https"):
        _open("s3://bucket/a", None)
