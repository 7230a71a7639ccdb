"""Arrow files in a dataset: made, left alone, verified, damaged, and made again."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pytest

from synthpower import Dataset
from synthpower.cli import main as cli
from synthpower.formats import arrow
from synthpower.formats.arrow import writer as arrow_writer

DATE = "2023-02-27"
NAME = f"data-{DATE}.arrow"


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    directory = tmp_path / "small"
    arguments = ["inventory", "--directory", str(directory), "--count", "40", "--seed", "5"]
    assert cli.main([*arguments, "--quiet"]) == 0
    return directory


def data(directory: Path, *options: str) -> int:
    arguments = ["data", "--directory", str(directory), "--date", DATE, "--quiet"]
    return cli.main([*arguments, "--format", "arrow", *options])


def last_check(directory: Path) -> tuple[bool, str, str]:
    *_, last = Dataset.open(directory).verify()
    return last.passed, last.what, last.detail


OPTIONS = [
    [],
    ["--compression", "none"],
    ["--compression", "zstd", "--fuzz", "60"],
    ["--writer", "pyarrow"],
    ["--writer", "pyarrow", "--compression", "none"],
    ["--shard", "2/3"],
]


@pytest.mark.parametrize("options", OPTIONS, ids=" ".join)
def test_a_file_is_left_alone_verified_and_made_again(directory: Path, options: list[str]) -> None:
    assert data(directory, *options) == 0
    (path,) = directory.glob("data-*")
    made = path.read_bytes()
    before = path.stat().st_mtime_ns
    assert data(directory, *options) == 0
    assert path.stat().st_mtime_ns == before
    assert last_check(directory)[:2] == (True, "bytes")
    path.unlink()
    assert cli.main(["remake", str(directory), "--quiet"]) == 0
    assert path.read_bytes() == made


@pytest.mark.parametrize("options", OPTIONS[:5], ids=" ".join)
def test_a_file_is_made_again_from_itself_alone(
    directory: Path, tmp_path: Path, options: list[str]
) -> None:
    path = tmp_path / "day.arrow"
    assert data(directory, "--output", str(path), *options) == 0
    assert cli.main(["remake", str(path), "--directory", str(tmp_path / "again"), "--quiet"]) == 0
    assert (tmp_path / "again" / "day.arrow").read_bytes() == path.read_bytes()


def test_the_manifest_says_how_it_was_written_where_that_was_asked_for(directory: Path) -> None:
    assert data(directory) == 0
    assert data(directory, "--shard", "1/2", "--compression", "zstd", "--writer", "pyarrow") == 0
    files = json.loads((directory / "manifest.json").read_text())["files"]
    assert [{key: entry.get(key) for key in ("format", "writer", "compression")}
            for entry in files.values()] == [
        {"format": "arrow", "writer": "pyarrow", "compression": "zstd"},
        {"format": "arrow", "writer": None, "compression": None},
    ]  # fmt: skip


def test_a_compression_that_there_is_not_is_refused(
    directory: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert data(directory, "--compression", "snappy") == 2
    assert "'snappy': choose none, zstd" in capsys.readouterr().err


def test_a_file_that_was_written_otherwise_is_refused(
    directory: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert data(directory) == 0
    assert data(directory, "--compression", "none") == 2
    assert "its compression is the default, not none" in capsys.readouterr().err


def test_a_file_without_its_end_is_refused(
    directory: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert data(directory) == 0
    path = directory / NAME
    path.write_bytes(path.read_bytes()[:-100])
    assert data(directory) == 2
    assert f"{NAME} exists, and it is not a whole Arrow file: " in capsys.readouterr().err
    assert last_check(directory)[0] is False
    assert data(directory, "--overwrite") == 0


def test_what_another_pyarrow_encoded_is_compared_by_its_values(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    created_by = arrow.CREATED_BY.replace(pa.__version__, "1.2.3")
    monkeypatch.setattr(arrow, "CREATED_BY", created_by)
    monkeypatch.setattr(arrow_writer, "_TEMPLATE_LEVELS", (1,))
    assert data(directory) == 0
    monkeypatch.undo()
    passed, what, detail = last_check(directory)
    assert passed
    assert what == "values"
    assert "pyarrow 1.2.3 encoded them" in detail


def changed(directory: Path, change: object, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return what is wrong where another pyarrow has encoded other readings."""
    monkeypatch.setattr(arrow, "CREATED_BY", arrow.CREATED_BY.replace(pa.__version__, "1.2.3"))
    assert data(directory, "--compression", "none") == 0
    monkeypatch.undo()
    path = directory / NAME
    with pa.ipc.open_file(path.read_bytes()) as file:
        schema, table = file.schema, file.read_all()
    table = change(table)
    with pa.ipc.new_file(str(path), table.schema.with_metadata(schema.metadata)) as file:
        file.write_table(table)
    passed, _, detail = last_check(directory)
    assert not passed
    return detail


def _nudged(table: pa.Table) -> pa.Table:
    column = table["measurement_value"].to_numpy().copy()
    column[1000] += 0.01
    return table.set_column(6, table.schema.field(6), pa.array(column))


def test_a_wrong_value_is_named(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "row 1,001, measurement_value: expected " in changed(directory, _nudged, monkeypatch)


def test_rows_too_few_or_too_many_are_found(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    few = changed(directory, lambda table: table.slice(0, 1900), monkeypatch)
    assert few == "it ends before row 1,901"
    assert data(directory, "--overwrite") == 0
    (directory / NAME).unlink()
    many = changed(
        directory, lambda table: pa.concat_tables([table, table.slice(0, 5)]), monkeypatch
    )
    assert many == "it goes on after row 1,920"


def test_other_columns_are_found(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    detail = changed(directory, lambda table: table.drop_columns(["unit"]), monkeypatch)
    assert detail.startswith("its columns are ")


@pytest.mark.parametrize("place", [0.001, 0.02, 0.2, 0.5, 0.9, 0.98, 0.9999])
def test_a_flipped_byte_is_found_and_gets_a_line(directory: Path, place: float) -> None:
    assert data(directory) == 0
    path = directory / NAME
    damaged = bytearray(path.read_bytes())
    damaged[int(place * len(damaged))] ^= 0x42
    path.write_bytes(damaged)
    passed, _, detail = last_check(directory)
    assert not passed
    assert "\n" not in detail


def test_the_contract_reads_it(directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert data(directory) == 0
    assert data(directory, "--format", "parquet") == 0
    assert cli.main(["verify", "--contract", str(directory), "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert f"same as {NAME}" in {check["what"] for check in said["checks"]}


def test_servers_that_the_inventory_no_longer_has_are_read_from_the_file(directory: Path) -> None:
    assert data(directory) == 0
    arguments = ["inventory", "--directory", str(directory.parent / "other"), "--count", "9"]
    assert cli.main([*arguments, "--seed", "6", "--quiet"]) == 0
    other = (directory.parent / "other" / "inventory.csv").read_bytes()
    (directory / "inventory.csv").write_bytes(other)
    checks = [check for check in Dataset.open(directory).verify() if check.file == NAME]
    assert [check.detail for check in checks if not check.passed] == []
    assert checks[1].detail == "its own: inventory.csv has changed since"
