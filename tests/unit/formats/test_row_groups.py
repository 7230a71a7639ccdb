"""The rows of a row group of Parquet, where somebody asks for fewer or more."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from synthpower import Dataset, Inventory, Readings
from synthpower.cli import main as cli
from synthpower.errors import InputError
from synthpower.formats import find_format
from synthpower.formats.interface import IMPLEMENTATIONS, Options

NAME = "data-2023-02-27.parquet"


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    Inventory.generate(40, seed=5).write(tmp_path)
    return tmp_path


def data(directory: Path, *options: str) -> int:
    arguments = ["data", "--directory", str(directory), "--date", "2023-02-27", "--quiet"]
    return cli.main([*arguments, "--seed", "5", "--format", "parquet", *options])


@pytest.mark.parametrize("writer", IMPLEMENTATIONS)
@pytest.mark.parametrize(("rows", "largest"), [("2", 2), ("3", 2), ("500", 480), ("99999", 1920)])
def test_no_row_group_has_more(directory: Path, writer: str, rows: str, largest: int) -> None:
    assert data(directory, "--row-group-rows", rows, "--writer", writer) == 0
    metadata = pq.read_metadata(directory / NAME)
    found = [metadata.row_group(i).num_rows for i in range(metadata.num_row_groups)]
    assert max(found) == largest
    readings = Readings(Inventory.read(directory), "2023-02-27", seed=5)
    strings = readings.to_table().cast(pq.read_schema(directory / NAME))
    assert pq.read_table(directory / NAME).equals(strings)


@pytest.mark.parametrize("writer", IMPLEMENTATIONS)
def test_a_file_says_it_only_where_it_was_asked_for(directory: Path, writer: str) -> None:
    assert data(directory, "--row-group-rows", "500", "--writer", writer) == 0
    assert data(directory, "--shard", "1/2") == 0
    entries = json.loads((directory / "manifest.json").read_text())["files"]
    assert [entry.get("row_group_rows") for entry in entries.values()] == [None, 500]
    files = [pq.read_metadata(directory / name).metadata for name in entries]
    assert [file.get(b"row_group_rows") for file in files] == [None, b"500"]
    assert "--row-group-rows 500" in (directory / "README.md").read_text()


@pytest.mark.parametrize("writer", IMPLEMENTATIONS)
def test_a_file_is_verified_and_made_again(
    directory: Path, tmp_path_factory: pytest.TempPathFactory, writer: str
) -> None:
    assert data(directory, "--row-group-rows", "500", "--writer", writer) == 0
    assert all(check.passed for check in Dataset.open(directory).verify())
    again = tmp_path_factory.mktemp("again")
    path = directory / NAME
    assert cli.main(["remake", str(path), "--directory", str(again / "x"), "--quiet"]) == 0
    assert (again / "x" / NAME).read_bytes() == path.read_bytes()


def test_a_file_of_other_row_groups_is_refused(
    directory: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert data(directory) == 0
    assert data(directory, "--row-group-rows", "500") == 2
    assert "its row_group_rows is the default, not 500" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("rows", "format", "words"),
    [
        (0, "parquet", "'0': it must be 1 or more"),
        (True, "parquet", "True"),
        (500, "csv", "'500': csv has no such option"),
    ],
)
def test_what_cannot_be_is_refused(rows: int, format: str, words: str) -> None:
    with pytest.raises(InputError, match=words) as found:
        Options(row_group_rows=rows).check(find_format(format))
    assert found.value.argument == "row_group_rows"


def test_a_row_group_smaller_than_the_readings_of_a_server_is_refused() -> None:
    readings = Readings(Inventory.generate(4, 1), "2023-02-27")
    words = "1: the 2 readings of a server are together in a row group"
    with pytest.raises(InputError, match=words):
        find_format("parquet").writer(
            readings.specification, readings.inventory, Options(row_group_rows=1)
        )
