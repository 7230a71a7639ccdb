"""Without locks, each run has a manifest of its own, and whoever reads one reads all of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from memory_store import MemoryStore

from synthpower import Dataset, InputError, Inventory, Request
from synthpower.dataset.entries import PLANNED
from synthpower.dataset.manifest import read_fragments, read_kept, read_manifest


@pytest.fixture
def store() -> MemoryStore:
    store = MemoryStore()
    store.locks = False
    Dataset.create(store, Inventory.generate(5, seed=1))
    return store


def write(store: MemoryStore, date: str, **more: Any) -> None:
    dataset = Dataset.open(store)
    dataset.write(dataset.plan(Request(date, **more)))


def test_each_run_has_one_and_manifest_json_is_left_alone(store: MemoryStore) -> None:
    before = store.data("manifest.json")
    write(store, "2023-02-27")
    write(store, "2023-02-28", days=2)
    assert store.data("manifest.json") == before
    assert len(read_fragments(store)) == 2
    manifest = read_manifest(store)
    assert sorted(manifest.files) == [f"data-2023-{day}.csv" for day in ("02-27", "02-28", "03-01")]
    assert (manifest.seed, manifest.inventory) == (1, read_kept(store).inventory)


def test_equal_runs_have_equal_ones(store: MemoryStore) -> None:
    write(store, "2023-02-27", days=2)
    once = dict(store.files)
    del store.files["data-2023-02-28.csv"]
    write(store, "2023-02-27", days=2)
    assert {name: store.data(name) for name in store.files} == {
        name: b"".join(views) for name, views in once.items()
    }


def test_a_run_that_changes_nothing_writes_nothing(store: MemoryStore) -> None:
    write(store, "2023-02-27")
    before = {name: list(map(id, views)) for name, views in store.files.items()}
    write(store, "2023-02-27")
    assert {name: list(map(id, views)) for name, views in store.files.items()} == before


def test_what_is_whole_is_not_planned_again_by_another(store: MemoryStore) -> None:
    write(store, "2023-02-27")
    (name,) = read_fragments(store)
    planned = store.data(name).replace(b'"whole"', b'"planned"')
    for other in ("_manifest/0.json", "_manifest/f.json"):
        store.files[other] = [memoryview(planned)]
    entry = read_manifest(store).entry("data-2023-02-27.csv")
    assert entry
    assert entry.state != PLANNED


def test_what_replaced_another_is_of_a_later_generation(store: MemoryStore) -> None:
    for number, date in enumerate(("2023-02-27", "2023-02-28", "2023-02-27")):
        write(store, date, days=2, seed=number, overwrite=True)
        entry = read_manifest(store).entry("data-2023-02-28.csv")
        assert entry
        assert entry.record["seed"] == number
    assert sorted(each.generation for each in read_fragments(store).values()) == [1, 2]
    assert all(check.passed for check in Dataset.open(store).verify())


@pytest.mark.parametrize("day", range(10, 14))  # whose digests are in either order
@pytest.mark.parametrize(
    ("name", "options"),
    [("data-{}.parquet", {"compression": "zstd"}), ("data-{}.csv", {"delimiter": ";"})],
)
def test_what_replaced_another_in_other_bytes_is_of_a_later_generation(
    store: MemoryStore, day: int, name: str, options: dict[str, Any]
) -> None:
    date = f"2023-02-{day}"
    format = name.rpartition(".")[2]
    write(store, date, format=format)
    write(store, date, days=2, format=format, overwrite=True, **options)
    entry = read_manifest(store).entry(name.format(date))
    assert entry
    assert {option: getattr(entry.options, option) for option in options} == options
    assert all(check.passed for check in Dataset.open(store).verify())


def test_in_a_directory_manifest_json_goes_before_them(store: MemoryStore, tmp_path: Path) -> None:
    write(store, "2023-02-27")
    for name in store.files:
        if not name.startswith("data-"):
            (tmp_path / name).parent.mkdir(exist_ok=True)
            (tmp_path / name).write_bytes(store.data(name))
    local = Dataset.open(tmp_path)
    local.write(local.rebuild())
    assert (tmp_path / "data-2023-02-27.csv").read_bytes() == store.data("data-2023-02-27.csv")
    local.write(local.plan(Request("2023-02-27", seed=9, overwrite=True)))
    assert all(check.passed for check in local.verify())


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"{", "not a manifest of synthpower"),
        (b'{"version": 3, "files": {}, "generation": -1}', "generation -1"),
        (b'{"version": 3, "files": {}, "other": 1}', "'other' is no key"),
    ],
)
def test_one_that_is_damaged_is_named(store: MemoryStore, data: bytes, said: str) -> None:
    store.files["_manifest/0.json"] = [memoryview(data)]
    with pytest.raises(InputError, match=f"^memory:_manifest/0.json: .*{said}"):
        read_manifest(store)


def test_a_new_inventory_has_none_of_the_old_entries(store: MemoryStore) -> None:
    write(store, "2023-02-27")
    del store.files["data-2023-02-27.csv"]
    Dataset.create(store, Inventory.generate(6, seed=2), overwrite=True)
    assert not read_manifest(store).files
