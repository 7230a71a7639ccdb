"""What the manifest says of a file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from synthpower import InputError
from synthpower.dataset.entries import as_entry, check_entry

NAME = "data-2023-02-27"


def entry(directory: Path, format: str) -> dict[str, Any]:
    found = json.loads((directory / "manifest.json").read_bytes())["files"][f"{NAME}.{format}"]
    return dict(found)


@pytest.mark.parametrize("format", ["csv", "parquet"])
def test_an_entry_is_what_it_was_read_from(power: Path, format: str) -> None:
    found = entry(power, format)
    assert check_entry(f"{NAME}.{format}", found).as_json() == found
    del found["state"]  # as the first version wrote it
    assert check_entry(f"{NAME}.{format}", found).state == "whole"


@pytest.mark.parametrize("found", [None, 5, [], {}, {"specification": 5}, {"specification": {}}])
def test_what_says_nothing_is_no_entry(found: object) -> None:
    assert as_entry(found) is None
    with pytest.raises(InputError, match="it does not say what it was made from"):
        check_entry(f"{NAME}.csv", found)


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        ({"servers": True}, "True servers"),
        ({"servers": 0}, "0 servers"),
        ({"servers": 214_748_364}, "do not fit into"),
        ({"servers": 2**31}, "an inventory has 1 to"),
        ({"sha256": 5}, "'5' is no digest"),
        ({"sha256": "0" * 63}, "does not say which servers"),
        ({"more": 1}, "inventory is"),
    ],
)
@pytest.mark.parametrize("format", ["csv", "parquet"])
def test_odd_servers_are_refused_at_once(
    power: Path, edit: dict[str, Any], words: str, format: str
) -> None:
    found = entry(power, format)
    found["specification"]["inventory"] |= edit
    with pytest.raises(InputError, match=words):
        check_entry(f"{NAME}.{format}", found)
