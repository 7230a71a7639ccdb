"""The same command again: what is whole stays, what is missing is made, what differs is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from synthpower.cli.main import main
from synthpower.dataset.manifest import read_manifest
from synthpower.storage import LocalStore

NAME = "data-2023-02-27"


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    made = tmp_path / "power"
    arguments = ["inventory", "--directory", str(made), "--count", "30", "--seed", "5", "--quiet"]
    assert main(arguments) == 0
    return made


@pytest.fixture(params=["csv", "parquet"])
def format(request: pytest.FixtureRequest) -> str:
    return request.param


def data(directory: Path, format: str, *options: str, date: str = "2023-02-27") -> int:
    arguments = ["data", "--directory", str(directory), "--date", date, "--format", format]
    return main([*arguments, *options])


def states(directory: Path) -> dict[str, tuple[bytes, int]]:
    files = [path for path in directory.iterdir() if not path.name.startswith(".")]
    return {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in files}


def test_what_is_complete_is_left_alone(
    directory: Path, format: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert data(directory, format) == 0
    before = states(directory)
    capsys.readouterr()
    assert data(directory, format) == 0
    assert capsys.readouterr().err == f"{NAME}.{format}  already complete\n"
    before.pop("manifest.json")
    assert before.items() <= states(directory).items()


def test_what_is_missing_is_made(
    directory: Path, format: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert data(directory, format, "--days", "5") == 0
    before = states(directory)
    gone = directory / f"data-2023-03-01.{format}"
    gone.unlink()
    capsys.readouterr()
    assert data(directory, format, "--days", "5") == 0
    said = capsys.readouterr().err.splitlines()
    assert said[0].startswith(f"4 files, {NAME}.{format} to data-2023-03-03.{format}  already")
    assert said[1].startswith(f"{gone.name}  1,440 rows")
    after = states(directory)
    assert {name: state[0] for name, state in after.items()} == {
        name: state[0] for name, state in before.items()
    }
    kept = before.keys() - {gone.name, "manifest.json"}
    assert all(before[name] == after[name] for name in kept)


def test_the_manifest_learns_of_what_it_missed(directory: Path, format: str) -> None:
    """A run was killed between a file and its entry."""
    manifest = directory / "manifest.json"
    before = manifest.read_bytes()
    assert data(directory, format, "--days", "2") == 0
    whole = manifest.read_bytes()
    planned = json.loads(whole)
    for entry in planned["files"].values():
        entry |= {"state": "planned", "bytes": None}
    for text in (before, json.dumps(planned).encode()):
        manifest.write_bytes(text)
        assert data(directory, format, "--days", "2") == 0
        assert manifest.read_bytes() == whole


def test_a_file_that_was_replaced_before_its_entry_is_complete(
    directory: Path, format: str
) -> None:
    assert data(directory, format, "--interval", "7200") == 0
    stale = (directory / "manifest.json").read_bytes()
    assert data(directory, format, "--overwrite") == 0
    whole = (directory / "manifest.json").read_bytes()
    (directory / "manifest.json").write_bytes(stale)
    assert data(directory, format) == 0
    assert (directory / "manifest.json").read_bytes() == whole


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (["--interval", "7200"], "interval 3600, not 7200"),
        (["--fuzz", "5"], "fuzz 0, not 5"),
        (["--end"], "times start and end, not end"),
        (["--signal", "triangular"], "signal uniform, not triangular"),
        (["--seed", "6"], "seed 5, not 6"),
    ],
)
def test_another_specification_is_refused_and_the_difference_named(
    directory: Path,
    format: str,
    options: list[str],
    reason: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert data(directory, format) == 0
    before = states(directory)
    capsys.readouterr()
    assert data(directory, format, "--days", "2", *options) == 2
    said = capsys.readouterr().err
    assert f"{NAME}.{format} exists, and it was made from {reason}; --overwrite" in said
    assert states(directory) == before
    assert data(directory, format, "--days", "2", "--overwrite", *options) == 0


def test_other_measurements_and_servers_are_refused(
    directory: Path, format: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert data(directory, format) == 0
    table = directory / "measurements.csv"
    shipped = table.read_text()
    table.write_text(shipped + "inlet,C,45,1,\n")
    assert data(directory, format) == 2
    assert "made from other measurements" in capsys.readouterr().err
    table.write_text(shipped)
    servers = directory / "inventory.csv"
    servers.write_text(servers.read_text() + "A,model,P1,here\n")
    assert data(directory, format) == 2
    assert "made from other servers" in capsys.readouterr().err


def test_a_file_that_is_not_whole_is_refused(
    directory: Path, format: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert data(directory, format) == 0
    path = directory / f"{NAME}.{format}"
    path.write_bytes(path.read_bytes()[:-100])
    assert data(directory, format) == 2
    reason = {"csv": "it is not whole: ", "parquet": "it is not a whole Parquet file: "}[format]
    assert f"{NAME}.{format} exists, and {reason}" in capsys.readouterr().err
    assert data(directory, format, "--overwrite") == 0
    assert data(directory, format) == 0


def test_csv_of_unknown_origin_is_compared(
    directory: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert data(directory, "csv") == 0
    (directory / "manifest.json").unlink()
    path = directory / f"{NAME}.csv"
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join([*lines[:9], lines[10], *lines[10:]]))
    assert data(directory, "csv") == 2
    assert (
        "exists, and it is not what would be made: row 9, measurement_value: exp"
        in capsys.readouterr().err
    )


def test_an_entry_whose_file_is_gone_does_not_block(directory: Path, format: str) -> None:
    assert data(directory, format, "--interval", "7200") == 0
    (directory / f"{NAME}.{format}").unlink()
    assert data(directory, format) == 0
    entry = read_manifest(LocalStore(directory)).files[f"{NAME}.{format}"]
    assert entry["specification"]["interval"] == 3600


@pytest.mark.parametrize(
    "entry", [None, [], {}, {"specification": 5}, {"specification": {"seed": "x"}, "bytes": "y"}]
)
def test_an_entry_that_makes_no_sense_is_put_right(
    directory: Path, format: str, entry: object
) -> None:
    assert data(directory, format) == 0
    whole = (directory / "manifest.json").read_bytes()
    (directory / "manifest.json").write_text(
        json.dumps({"files": {f"{NAME}.{format}": entry}, "version": 1})
    )
    assert data(directory, format) == 0
    listed = read_manifest(LocalStore(directory)).files
    assert listed == json.loads(whole)["files"]


def test_an_entry_without_a_size_is_put_right(
    directory: Path, format: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert data(directory, format) == 0
    path, name = directory / "manifest.json", f"{NAME}.{format}"
    whole = path.read_bytes()
    manifest = json.loads(whole)
    del manifest["files"][name]["bytes"]
    path.write_text(json.dumps(manifest))
    assert data(directory, format) == 0
    assert path.read_bytes() == whole
    path.write_text(json.dumps(manifest))
    (directory / name).write_bytes(b"half")
    assert data(directory, format) == 2
    reason = {
        "csv": "it is not what would be made: ",
        "parquet": "it is not a whole Parquet file: ",
    }[format]
    assert f"{name} exists, and {reason}" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (["--compression", "snappy"], "its compression is the default, not snappy"),
        (["--writer", "pyarrow"], "its writer is fast, not pyarrow"),
    ],
)
def test_parquet_that_was_written_otherwise_is_refused(
    directory: Path, options: list[str], reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert data(directory, "parquet") == 0
    assert data(directory, "parquet", *options) == 2
    assert f"{NAME}.parquet exists, and {reason}; --overwrite" in capsys.readouterr().err
    assert data(directory, "parquet", "--overwrite", *options) == 0
    assert data(directory, "parquet", *options) == 0


def test_a_file_elsewhere_is_complete_too(
    directory: Path, format: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = directory.parent / f"elsewhere.{format}"
    before = states(directory)
    assert data(directory, format, "--output", str(path)) == 0
    assert data(directory, format, "--output", str(path)) == 0
    assert "already complete" in capsys.readouterr().err
    assert states(directory) == before
    assert data(directory, format, "--output", str(path), date="2023-02-28") == 2


def test_somebody_elses_manifest_is_no_hindrance(directory: Path, format: str) -> None:
    folder = directory.parent / "site"
    folder.mkdir()
    (folder / "manifest.json").write_text('{"name": "a web application"}')
    for _ in range(2):
        assert data(directory, format, "--output", str(folder / f"day.{format}")) == 0


def test_a_dry_run_leaves_out_what_is_complete(
    directory: Path, format: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert data(directory, format) == 0
    capsys.readouterr()
    assert data(directory, format, "--days", "3", "--dry-run") == 0
    said = capsys.readouterr()
    assert f"{NAME}.{format}  already complete" in said.err
    assert "2 files, data-2023-02-28" in said.out


def test_abandoned_temporary_files_are_removed_and_others_are_not(directory: Path) -> None:
    abandoned = directory / ".synthpower-0123abcd.tmp"
    (directory / ".other.tmp").write_bytes(b"theirs")
    for _ in range(2):  # with something to make, and without
        abandoned.write_bytes(b"half")
        assert data(directory, "csv") == 0
        assert not abandoned.exists()
    assert (directory / ".other.tmp").exists()
