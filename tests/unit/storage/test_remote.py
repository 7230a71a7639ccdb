from __future__ import annotations

import os
import threading
import time

import numpy as np
import pyarrow as pa
import pytest
from s3_server import S3Server

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


@pytest.mark.parametrize("name", ["", "a/", "a" * 1025, "é" * 512])
def test_a_name_that_no_object_can_have(store: ObjectStore, name: str) -> None:
    with pytest.raises(InputError, match=r"names no object|longer than 1024 bytes"):
        store.check(name, "path")


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
