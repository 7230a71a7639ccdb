"""manifest.json: nothing is lost of it, and nothing of somebody else's is taken for it."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import pytest

from synthpower import InputError, Inventory
from synthpower.dataset import manifest
from synthpower.dataset.create import data_files
from synthpower.dataset.inventory import dataset_seed
from synthpower.dataset.manifest import keep_seed, read_manifest, update_files
from synthpower.storage import LocalStore


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    return LocalStore(tmp_path)


def test_what_the_manifest_has_stays_beside_what_is_added(store: LocalStore) -> None:
    update_files(store, {"data-a": {"rows": 1}})
    assert keep_seed(store, 5) == 5
    update_files(store, {"data-b": {"rows": 2}})
    manifest = read_manifest(store)
    assert (manifest.files, manifest.seed) == ({"data-a": {"rows": 1}, "data-b": {"rows": 2}}, 5)
    assert dataset_seed(store) == 5


def test_the_seed_that_was_kept_first_stays(store: LocalStore) -> None:
    assert keep_seed(store, 5) == 5
    assert keep_seed(store, 6) == 5


def test_a_seed_of_zero_that_another_run_has_kept_first_stays(
    store: LocalStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert keep_seed(store, 0) == 0
    found = iter([manifest.Manifest(), manifest.read_kept(store)])
    monkeypatch.setattr(manifest, "read_kept", lambda _: next(found))
    monkeypatch.setattr(LocalStore, "locks", False)
    assert keep_seed(store, 6) == 0


def test_data_files_go_by_their_names_and_the_manifest(store: LocalStore) -> None:
    names = ("data-2023-02-27.csv", "data-2023-02-27T05.parquet", "data-notes.txt", "mine.csv")
    for name in names:
        (store.directory / name).touch()
    update_files(store, {"mine.csv": {}, "gone.csv": {}})
    assert data_files(store) == ["data-2023-02-27.csv", "data-2023-02-27T05.parquet", "mine.csv"]


def test_two_at_once_lose_no_entry(store: LocalStore) -> None:
    names = [f"data-{i}" for i in range(8)]
    threads = [
        threading.Thread(target=update_files, args=(LocalStore(store.directory), {name: {}}))
        for name in names
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert list(read_manifest(store).files) == names


@pytest.mark.parametrize(
    "text", ["", "[]", '{"files": []}', "{" * 100_000, '{"files": ' + "[" * 100_000, "\xff",
             '{"files": {"a": ' + "[" * 30 + "]" * 30 + "}}"],
)  # fmt: skip
def test_a_manifest_of_somebody_else_is_named(store: LocalStore, text: str) -> None:
    (store.directory / "manifest.json").write_text(text)
    with pytest.raises(InputError, match=r"manifest.json: not a manifest"):
        read_manifest(store)


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        ({"version": 4}, "needs a newer one"),
        ({"version": 0}, "there is no such version"),
        ({"version": True}, "there is no such version"),
        ({"mine": 5}, "'mine' is no key of a manifest of version 3"),
        ({"version": 2, "mine": 5}, "'mine' is no key of a manifest of version 2"),
        ({"seed": -1}, "the seed must be a whole number"),
        ({"seed": True}, "the seed must be a whole number"),
        ({"inventory": []}, "the inventory must be an object"),
        ({"inventory": {"seed": 5}}, "what it says of the inventory"),
        ({"inventory": {"seed": 5, "servers": "40"}}, "what it says of the inventory"),
        ({"inventory": {"seed": 5, "servers": 4, "x": "\ud800"}}, "what it says of the inventory"),
    ],
)
def test_what_is_wrong_with_a_manifest_is_named(
    store: LocalStore, edit: dict[str, Any], words: str
) -> None:
    found = {"version": 3, "files": {}} | edit
    (store.directory / "manifest.json").write_text(json.dumps(found))
    with pytest.raises(InputError, match=words):
        read_manifest(store)


def test_the_manifest_has_the_whole_specification(power: Path) -> None:
    manifest = json.loads((power / "manifest.json").read_text())
    entry = manifest["files"]["data-2023-02-27.csv"]
    assert entry["rows"] == 48_000
    assert entry["bytes"] == (power / "data-2023-02-27.csv").stat().st_size
    assert entry["state"] == "whole"
    record = Inventory.read(power).record()
    assert entry["specification"] == {
        "model_version": 1,
        "format_version": 1,
        "seed": 8123,
        "signal": "uniform",
        "start": "2023-02-27 00:00:00Z",
        "end": "2023-02-28 00:00:00Z",
        "interval": 3600,
        "fuzz": 0,
        "times": "start and end",
        "measurements": [
            {"name": "server cpu utilization", "unit": "%", "scale": "100", "decimals": 2},
            {"name": "server power", "unit": "W", "scale": "300", "decimals": 2},
        ],
        "inventory": {"servers": record.servers, "sha256": record.sha256},
    }
