"""The pages in docs/ and beside README.md: their links lead somewhere, and their keys exist."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from synthpower import COLUMNS, Column, Dataset, Inventory, Part, Request
from synthpower.cli.main import main
from synthpower.model.measurement import MAX_DECIMALS

ROOT = Path(__file__).parents[2]
PAGES = [*(ROOT / "docs").glob("*.md"), ROOT / "CONTRIBUTING.md", ROOT / "SECURITY.md"]
FORMAT = (ROOT / "docs" / "FORMAT.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_to_a_file(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8")):
        assert target.startswith("https://") or (page.parent / target).exists(), target


def test_contributing_names_files_that_exist() -> None:
    page = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    for path in re.findall(r"(?:tests|reference|benchmarks)/[\w/]+\.\w+", page):
        assert (ROOT / path).exists(), path


def test_every_key_of_a_manifest_is_described(tmp_path: Path) -> None:
    dataset = Dataset.create(tmp_path, Inventory.generate(3, seed=1))
    renamed = (Column("serial", COLUMNS[0].field), *COLUMNS[1:])
    for request in (
        Request("2023-02-27"),
        Request("2023-02-28", columns=renamed, part=Part(1, 2), format="parquet"),
    ):
        dataset.write(dataset.plan(request))
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    entries = manifest["files"].values()
    keys = {*manifest, *(key for entry in entries for key in (*entry, *entry["specification"]))}
    keys |= {key for entry in entries for key in entry["specification"]["inventory"]}
    keys |= {key for entry in entries for key in entry["specification"]["measurements"][0]}
    assert {entry["specification"]["format_version"] for entry in entries} == {1, 2}
    for key in keys:
        assert f"`{key}`" in FORMAT, key
    for key in manifest["inventory"]:
        assert f'inventory."{key}"' in FORMAT or f"inventory.{key}" in FORMAT, key
    assert f"version {manifest['version']}" in FORMAT
    assert f"0 to {MAX_DECIMALS}," in FORMAT


def test_every_exit_status_is_as_described(tmp_path: Path) -> None:
    directory = str(tmp_path / "power")
    data = ["data", "--directory", directory, "--date", "2023-02-27", "--quiet"]
    assert main(data) == 2
    assert main(["inventory", "--directory", directory, "--count", "2", "--quiet"]) == 0
    assert main(data) == 0
    assert main(data) == 0
    file = tmp_path / "power" / "data-2023-02-27.csv"
    file.write_bytes(file.read_bytes()[:-1])
    assert main(["verify", directory, "--quiet"]) == 1
