"""Datasets that the first version has made: tests/data/first_version, three servers each."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest
from support import ROOT, contents, names, ok

MADE = ROOT / "tests" / "data" / "first_version"
# How the readings of each were made.
COMMANDS = {
    "csv": [["--date", "2023-02-27", "--days", "2", "--interval", "7200"]],
    "parquet": [["--date", "2023-02-27", "--format", "parquet"]],
    "doubles": [["--date", "2023-02-27", "--format", "parquet", "--compression", "snappy"]],
    "fuzz": [
        [
            "--date",
            "2024-02-28",
            "--interval",
            "14400",
            "--fuzz",
            "600",
            "--end",
            "--signal",
            "triangular",
        ],
    ],
    "hour": [
        ["--date", "2023-02-27T05", "--interval", "900", "--format", format]
        for format in ("csv", "parquet")
    ],
}
CREATED_BY = re.compile(rb"synthpower version \d+\.\d+\.\d+")
WARNING = "{}/manifest.json is of version 1; what is written is of today's, 3"


@pytest.fixture(params=COMMANDS)
def kind(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def directory(kind: str, tmp_path: Path) -> Path:
    return Path(shutil.copytree(MADE / kind, tmp_path / kind))


def test_it_is_right(command, directory: Path) -> None:
    before = contents(directory)
    done = ok(command("verify", directory))
    assert "  0 wrong  " in done.stderr
    assert contents(directory) == before


def test_it_is_already_complete(command, kind: str, directory: Path) -> None:
    before = contents(directory)
    for options in COMMANDS[kind]:
        done = ok(command("data", "--directory", directory, *options))
        assert re.fullmatch(r".*  already complete\n", done.stderr)
    after = contents(directory)
    upgraded = json.loads(after.pop("manifest.json"))
    before.pop("manifest.json")
    assert after == before
    assert upgraded["version"] == 3


def test_it_is_made_again_to_the_byte(command, kind: str, directory: Path, tmp_path: Path) -> None:
    """All but who has made the Parquet files, and the version of the record."""
    done = ok(command("remake", directory, "--directory", tmp_path / "again"))
    lines = done.stderr.splitlines()
    assert lines[0] == f"synthpower remake: warning: {WARNING.format(directory)}"
    before, after = contents(directory), contents(tmp_path / "again")
    assert before.keys() == after.keys()
    old, new = (json.loads(each.pop("manifest.json")) for each in (before, after))
    assert (new["version"], new["files"].keys()) == (3, old["files"].keys())
    for name, data in before.items():
        found = CREATED_BY.search(after[name])
        assert bool(found) == name.endswith(".parquet")
        assert after[name] == (CREATED_BY.sub(found[0], data) if found else data), name


def test_a_file_that_is_missing_is_made_again(command, directory: Path) -> None:
    gone = next(path for path in sorted(directory.iterdir()) if path.name.startswith("data-"))
    before = gone.read_bytes()
    gone.unlink()
    done = ok(command("remake", directory))
    assert done.stderr.splitlines()[0].endswith(WARNING.format(directory))
    found = CREATED_BY.search(gone.read_bytes())
    assert gone.read_bytes() == (CREATED_BY.sub(found[0], before) if found else before)
    assert "  0 wrong  " in ok(command("verify", directory)).stderr


def test_the_readings_of_another_day_join_it(command, directory: Path) -> None:
    """The seed is that of README.md: the first manifest has none."""
    seed = re.search(r"^seed: (\d+)$", (directory / "README.md").read_text(), re.MULTILINE)
    assert seed
    done = ok(command("data", "--directory", directory, "--date", "2025-01-01"))
    assert f"seed {seed[1]} (UTC)" in done.stderr
    assert "data-2025-01-01.csv" in names(directory)
    assert "  0 wrong  " in ok(command("verify", directory)).stderr
