"""What every store does: a test class that those of a store inherit, with a `store` fixture."""

from __future__ import annotations

import numpy as np
import pytest

from synthpower import InputError, Inventory, Readings
from synthpower.engine import Job, Run
from synthpower.formats import find_format
from synthpower.storage import LocalStore, Store


def data_of(store: Store, name: str) -> bytes:
    with store.open(name) as file:
        return file.read()


class StoreContract:
    """The promises of `Store`."""

    def test_a_file_appears_when_it_is_whole(self, store: Store) -> None:
        with store.create("a") as sink:
            sink.write(b"12")
            assert store.size("a") is None
            assert not store.exists("a")
            sink.write(memoryview(b"345"))
        assert data_of(store, "a") == b"12345"
        assert store.size("a") == sink.size == 5
        assert store.names() == ["a"]

    def test_an_error_leaves_nothing_and_harms_nothing(self, store: Store) -> None:
        with store.create("a") as sink:
            sink.write(b"older")
        for name in ("a", "b"):
            with pytest.raises(RuntimeError), store.create(name, replace=True) as sink:
                sink.write(b"newer")
                raise RuntimeError
        assert store.names() == ["a"]
        assert data_of(store, "a") == b"older"

    def test_another_file_is_refused_but_one_of_the_same_bytes(self, store: Store) -> None:
        for _ in range(2):
            with store.create("a") as sink:
                sink.write(b"ours")
        for other in (b"others", b"Ours"):
            with pytest.raises(InputError, match="exists"), store.create("a") as sink:
                sink.write(other)
        assert data_of(store, "a") == b"ours"

    def test_it_is_replaced_where_that_is_asked_for(self, store: Store) -> None:
        for data in (b"older", b"newer, and longer", b""):
            with store.create("a", replace=True) as sink:
                sink.write(data)
            assert data_of(store, "a") == data

    def test_a_caller_refills_its_buffer_unless_the_store_keeps_it(self, store: Store) -> None:
        buffer, expected = bytearray(3 * 2**20), []
        with store.create("a", size=40 * 2**20) as sink:
            for number in range(14):
                if store.keeps_buffers:
                    buffer = bytearray(len(buffer))
                buffer[:] = np.random.default_rng(number).bytes(len(buffer))
                expected.append(bytes(buffer))
                sink.write(buffer)
        assert data_of(store, "a") == b"".join(expected)

    def test_it_is_read_at_any_place_and_in_blocks(self, store: Store) -> None:
        data = np.random.default_rng(1).bytes(20 * 2**20 + 5)
        with store.create("a") as sink:
            sink.write(data)
        with store.open("a") as file:
            assert file.seek(-7, 2) == len(data) - 7
            assert file.read() == data[-7:]
            file.seek(10**6)
            assert file.read(3) == data[10**6 : 10**6 + 3]
            assert file.read(3) == data[10**6 + 3 : 10**6 + 6]
        blocks, found = store.blocks("a"), b""
        try:
            while block := blocks.read(len(found)):
                found += block
        finally:
            blocks.close()
        assert found == data

    def test_what_is_not_there_is_said(self, store: Store) -> None:
        assert store.size("none") is None
        assert not store.exists("none")
        with pytest.raises(FileNotFoundError):
            data_of(store, "none")

    def test_names_in_folders_are_found_by_globs(self, store: Store) -> None:
        names = [
            "a.csv",
            "b.csv",
            "dt=1/h=0/a.csv",
            "dt=1/h=1/a%20b.csv",
            "dt=2/h=0/a.csv",
            "é.txt",
        ]
        for name in names:
            with store.create(name) as sink:
                sink.write(b"1")
        assert store.names() == ["a.csv", "b.csv", "é.txt"]
        assert store.names("*.csv") == ["a.csv", "b.csv"]
        assert store.names("dt=*/h=*/*") == names[2:5]
        assert store.names("dt=1/h=*/*") == names[2:4]
        assert store.names("dt=1/h=1/*") == [names[3]]
        assert store.names("dt=*/h=0/*") == [names[2], names[4]]
        assert data_of(store, names[3]) == b"1"

    @pytest.mark.parametrize("format", ["csv", "parquet", "arrow"])
    def test_it_gets_the_bytes_of_a_local_file(
        self, store: Store, tmp_path_factory: pytest.TempPathFactory, format: str
    ) -> None:
        inventory = Inventory.generate(5000, seed=1)
        readings = Readings(inventory, "2023-02-27", fuzz=7)
        local = LocalStore(tmp_path_factory.mktemp("local"))
        for each in (store, local):
            Run([Job(readings.specification, each, "a", find_format(format))], inventory, 2).write()
        assert data_of(store, "a") == data_of(local, "a")
