"""manifest.json, the one record of a dataset, and the README.md that is rendered from it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from support import contents, names, ok

from synthpower import __version__

pytestmark = pytest.mark.slow

INVENTORY = ("inventory", "--count", "3", "--seed", "5")
# Runs of `data` that a dataset may be made of, each with what is not as it is by default.
RUNS = [
    "--date 2023-02-27 --days 3",
    "--date 2023-03-05 --interval 7200 --format parquet",
    "--date 2023-03-06 --shard 2/3",
    "--date 2023-03-07 --end --fuzz 60",
    "--date 2023-03-08T05 --signal triangular",
    "--date 2023-03-09 --seed 77 --format parquet --compression zstd",
    "--date 2023-03-10 --format parquet --writer pyarrow",
]


def make(command, directory: Path) -> dict[str, bytes]:
    ok(command(*INVENTORY, "--directory", directory))
    for run in RUNS:
        ok(command("data", "--directory", directory, *run.split()))
    return contents(directory)


@pytest.fixture(scope="module")
def made(command, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dataset of all runs. Read only."""
    directory = tmp_path_factory.mktemp("records") / "power"
    make(command, directory)
    return directory


@pytest.fixture
def small(command, tmp_path: Path) -> Path:
    """A dataset of a day in both formats."""
    directory = tmp_path / "power"
    ok(command(*INVENTORY, "--directory", directory))
    for format in ("csv", "parquet"):
        arguments = ("--date", "2023-02-27", "--format", format)
        ok(command("data", "--directory", directory, *arguments))
    return directory


def test_nothing_differs_between_two_equal_runs(command, made: Path, tmp_path: Path) -> None:
    assert make(command, tmp_path / "elsewhere") == contents(made)


def test_every_file_of_readings_is_recorded_as_whole(made: Path) -> None:
    manifest = json.loads((made / "manifest.json").read_text())
    assert manifest["version"] == 3
    assert manifest["seed"] == manifest["inventory"]["seed"] == 5
    assert manifest["inventory"]["servers"] == 3
    assert sorted(manifest["files"]) == [n for n in names(made) if n.startswith("data-")]
    for name, entry in manifest["files"].items():
        assert entry["state"] == "whole", name
        assert entry["bytes"] == (made / name).stat().st_size, name
    assert manifest["files"]["data-2023-02-27.csv"]["rows"] == 144
    assert manifest["files"]["data-2023-03-06-00002-of-00003.csv"]["rows"] == 48


def commands(directory: Path) -> list[str]:
    text = (directory / "README.md").read_text()
    return [line.strip() for line in text.splitlines() if line.startswith("    synthpower ")]


def test_readme_shows_the_commands_that_made_it(made: Path) -> None:
    first, *others = commands(made)
    assert first == "synthpower inventory --directory . --count 3 --seed 5"
    assert len(others) == len(RUNS)
    shown = [set(re.findall(r"--end|--\w+ \S+", line)) for line in others]
    for run in RUNS:
        assert {*re.findall(r"--end|--\w+ \S+", run), "--directory ."} in shown, run


def test_these_commands_make_it_again_to_the_byte(command, made: Path, tmp_path: Path) -> None:
    for line in commands(made):
        ok(command(*line.split()[1:], cwd=tmp_path))
    assert contents(tmp_path) == contents(made)


def test_a_readme_without_its_commands_is_left_alone(command, small: Path) -> None:
    path = small / "README.md"
    before, _, rest = path.read_text().partition("<!-- commands:begin -->")
    mine = before + "mine" + rest.partition("<!-- commands:end -->")[2]
    path.write_text(mine)
    ok(command("data", "--directory", small, "--date", "2023-02-28"))
    assert path.read_text() == mine


def test_what_is_around_the_commands_is_left_alone(command, small: Path) -> None:
    path = small / "README.md"
    path.write_text(path.read_text().replace("# Synthetic", "# My synthetic") + "\nP.S.\n")
    ok(command("data", "--directory", small, "--date", "2023-02-28"))
    text = path.read_text()
    assert "# My synthetic power data" in text
    assert text.endswith("\nP.S.\n")
    assert "    synthpower data --directory . --date 2023-02-27 --days 2\n" in text


def test_a_readme_that_is_gone_stays_gone(command, small: Path) -> None:
    (small / "README.md").unlink()
    ok(command("data", "--directory", small, "--date", "2023-02-28"))
    assert not (small / "README.md").exists()


def of_manifest(key: str, value: object) -> Callable[[dict[str, Any]], object]:
    return lambda manifest: manifest.__setitem__(key, value)


NEWER = [
    (of_manifest("version", 4), "version 4"),
    (of_manifest("regions", []), "'regions'"),
]


@pytest.mark.parametrize(("change", "words"), NEWER)
@pytest.mark.parametrize("name", ["data", "remake"])
def test_a_manifest_of_another_version_is_refused(
    command, small: Path, name: str, change: Callable[[dict[str, Any]], object], words: str
) -> None:
    path = small / "manifest.json"
    manifest = json.loads(path.read_text())
    change(manifest)
    path.write_text(json.dumps(manifest))
    before = contents(small)
    arguments = {
        "data": ["data", "--directory", small, "--date", "2023-02-28"],
        "remake": ["remake", small],
    }[name]
    done = command(*arguments)
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert f"{path}: " in line
    assert words in line
    assert "synthpower" in line.partition("error: ")[2]
    assert __version__ in line
    assert contents(small) == before


@pytest.mark.parametrize(("change", "words"), NEWER)
def test_a_manifest_of_another_version_is_not_verified(
    command, small: Path, change: Callable[[dict[str, Any]], object], words: str
) -> None:
    path = small / "manifest.json"
    manifest = json.loads(path.read_text())
    change(manifest)
    path.write_text(json.dumps(manifest))
    done = command("verify", small, "--json")
    assert done.returncode == 1
    found = {check["file"]: check for check in json.loads(done.stdout)["checks"]}
    assert not found["manifest.json"]["passed"]
    assert words in found["manifest.json"]["detail"]
    assert __version__ in found["manifest.json"]["detail"]


def change_record(directory: Path, key: str, value: object) -> None:
    path = directory / "manifest.json"
    manifest = json.loads(path.read_text())
    manifest["files"]["data-2023-02-27.csv"]["specification"][key] = value
    path.write_text(json.dumps(manifest))


NEWER_RECORDS = [("format_version", 9), ("model_version", 9), ("regions", [])]


@pytest.mark.parametrize(("key", "value"), NEWER_RECORDS)
def test_a_record_of_another_version_is_not_remade(
    command, small: Path, key: str, value: object
) -> None:
    change_record(small, key, value)
    (small / "data-2023-02-27.csv").unlink()
    done = command("remake", small)
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    check_reason(line.partition("error: ")[2], key, value)


@pytest.mark.parametrize(("key", "value"), NEWER_RECORDS)
def test_a_record_of_another_version_is_not_verified(
    command, small: Path, key: str, value: object
) -> None:
    change_record(small, key, value)
    done = command("verify", small, "--json")
    assert done.returncode == 1
    wrong = [check for check in json.loads(done.stdout)["checks"] if not check["passed"]]
    assert [check["file"] for check in wrong] == ["manifest.json", "data-2023-02-27.csv"]
    for check in wrong:
        check_reason(check["detail"], key, value)


def check_reason(reason: str, key: str, value: object) -> None:
    """See that a reason names what is unknown, and this program and its version."""
    assert (key if value == [] else str(value)) in reason
    assert "synthpower" in reason
    assert __version__ in reason


def test_a_parquet_record_of_another_version_is_refused(
    command, small: Path, tmp_path: Path
) -> None:
    path = small / "data-2023-02-27.parquet"
    table = pq.read_table(path)
    record = json.loads(pq.read_schema(path).metadata[b"synthpower"])
    table = table.replace_schema_metadata(
        {b"synthpower": json.dumps(record | {"format_version": 9}).encode()}
    )
    pq.write_table(table, tmp_path / "data-2023-02-27.parquet")
    done = command(
        "remake", tmp_path / "data-2023-02-27.parquet", "--directory", tmp_path / "again"
    )
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert "9" in line.partition("error: ")[2]
    assert __version__ in line
