"""Records of files of load: complete, strict, and one line where something is odd."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from loads import BERLIN, DAY, data, make, record, run, wrong

from synthpower.formats.parquet.provenance import METADATA_KEY


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """A dataset without readings, whose measurements are all that there is of load."""
    return make(tmp_path, "--measurements", "load")


def test_the_record_in_parquet_is_that_of_the_manifest(directory: Path) -> None:
    assert data(directory, "--format", "parquet") == 0
    name = f"data-{DAY}.parquet"
    own = json.loads(pq.read_metadata(directory / name).metadata[METADATA_KEY.encode()])
    assert own == record(directory, name)
    assert own["format_version"] == 3
    assert own["offsets"][BERLIN] == [[0, 3600]]
    assert own["measurements"][0]["quantity"] == "cpu_utilization"


@pytest.mark.parametrize("signal", ["uniform", "triangular"])
def test_other_signals_have_records_without_quantities_and_offsets(
    directory: Path, signal: str
) -> None:
    """So a file has the bytes that it had before there were any."""
    given = ["data", "--directory", directory, "--date", DAY, "--signal", signal, "--quiet"]
    assert run(*given) == 0
    found = record(directory, f"data-{DAY}.csv")
    assert found["format_version"] == 1
    assert "offsets" not in found
    assert not any("quantity" in each for each in found["measurements"])


def edit_record(directory: Path, name: str, **changes: object) -> None:
    path = directory / "manifest.json"
    manifest = json.loads(path.read_bytes())
    manifest["files"][name]["specification"] |= changes
    path.write_text(json.dumps(manifest))


def judged(directory: Path, command: str, capsys: pytest.CaptureFixture[str]) -> str:
    """Return what a command says of a file whose record is odd: it is wrong, or one line."""
    name = f"data-{DAY}.csv"
    if command == "remake":
        (directory / name).unlink()
    capsys.readouterr()
    status = run(command, directory)
    out, err = capsys.readouterr()
    assert status == (1 if command == "verify" else 2)
    assert err.count("\n") == 1
    return out + err


@pytest.mark.parametrize("command", ["verify", "remake"])
@pytest.mark.parametrize(
    "offsets", [[], 5, "UTC", {}, {BERLIN: []}, {BERLIN: [[0]]}, {BERLIN: [[0, 0.5]]}]
)
def test_a_record_of_odd_offsets_gets_one_line(
    directory: Path, command: str, offsets: object, capsys: pytest.CaptureFixture[str]
) -> None:
    assert data(directory) == 0
    edit_record(directory, f"data-{DAY}.csv", offsets=offsets)
    assert "the recorded specification " in judged(directory, command, capsys)


def test_a_record_of_other_offsets_is_found_by_what_they_make(directory: Path) -> None:
    assert data(directory) == 0
    name = f"data-{DAY}.csv"
    offsets = {zone: [[0, 7200]] for zone in record(directory, name)["offsets"]}
    edit_record(directory, name, offsets=offsets)
    ((file, _, detail),) = wrong(directory)
    assert file == name
    assert "measurement_value: expected " in detail


@pytest.mark.parametrize("command", ["verify", "remake"])
@pytest.mark.parametrize("offsets", [None, {"UTC": [[0, 0]]}, {BERLIN: [[0, 3600]]}])
def test_a_record_without_the_offsets_of_a_site_gets_one_line(
    directory: Path, command: str, offsets: object, capsys: pytest.CaptureFixture[str]
) -> None:
    assert data(directory) == 0
    edit_record(directory, f"data-{DAY}.csv", offsets=offsets)
    judged(directory, command, capsys)


@pytest.mark.parametrize("command", ["verify", "remake"])
def test_a_record_of_load_without_any_quantity_gets_one_line(
    directory: Path, command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert data(directory) == 0
    name = f"data-{DAY}.csv"
    plain = [
        {key: value for key, value in each.items() if key != "quantity"}
        for each in record(directory, name)["measurements"]
    ]
    edit_record(directory, name, measurements=plain)
    judged(directory, command, capsys)


def test_a_record_of_load_with_too_many_decimals_gets_one_line(
    directory: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert data(directory) == 0
    name = f"data-{DAY}.csv"
    first, *others = record(directory, name)["measurements"]
    edit_record(directory, name, measurements=[first | {"decimals": 9}, *others])
    judged(directory, "remake", capsys)
