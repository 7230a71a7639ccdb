"""Whatever stands in a manifest or in a Parquet file's metadata: one line each, and no file lost."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from synthpower.cli import main as cli
from synthpower.formats.parquet.provenance import METADATA_KEY

pytestmark = pytest.mark.slow

HOUR = "data-2023-02-27T05"
STRIDE = 7  # every how many values of a manifest are odd; all have been
SLOW = 30  # seconds, of what takes some milliseconds

ODD: list[Any] = [
    None, True, -1, 0, 2, 2.0, 10**30, 214748364, "", "\ud800", "a\nb", "../x", "x" * 5000, [], [[]],
    [5], {}, {"a": 1}, json.loads("[" * 60 + "]" * 60),
]  # fmt: skip


def paths(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the path of each value within another."""
    if path:
        yield path
    pairs = value.items() if isinstance(value, dict) else ()
    for key, each in enumerate(value) if isinstance(value, list) else pairs:
        yield from paths(each, (*path, key))


def with_value(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    """Return a copy in which another value is at a path."""
    copy = json.loads(json.dumps(value))
    inner = copy
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = new
    return copy


def contents(directory: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in directory.iterdir()}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An hour of two servers in both formats, and a shard. Read only."""
    directory = tmp_path_factory.mktemp("odd") / "power"
    words = ["--directory", str(directory), "--quiet"]
    assert cli.main(["inventory", *words, "--count", "2", "--seed", "5"]) == 0
    data = ["data", *words, "--date", HOUR.removeprefix("data-"), "--interval", "1800"]
    for options in ([], ["--format", "parquet"], ["--shard", "2/3"]):
        assert cli.main([*data, *options]) == 0
    return directory


def judge(directory: Path, command: str, capsys: pytest.CaptureFixture[str]) -> int:
    """Run a command, and return its status; see that it is quick and says no more than a line."""
    options = {
        "verify": ["verify", str(directory), "--json"],
        "verify --contract": ["verify", "--contract", str(directory), "--json"],
        "remake": ["remake", str(directory)],
        "data": ["data", "--directory", str(directory), "--date", "2023-02-27T05",
                 "--interval", "1800"],
    }[command]  # fmt: skip
    before = contents(directory)
    capsys.readouterr()
    started = time.perf_counter()
    status = cli.main([*options, "--quiet"])
    assert time.perf_counter() - started < SLOW
    said = capsys.readouterr()
    assert status in (0, 1, 2)
    assert said.err.count("\n") == (status == 2), said.err
    if command.startswith("verify"):
        assert status != 2, said.err
        assert json.loads(said.out)["passed"] == (status == 0)
        assert contents(directory) == before
    if status == 2:
        assert "error: " in said.err
        assert contents(directory) == before
    for path in directory.parent.iterdir():
        assert path == directory, "a file outside"
    return status


COMMANDS = ("verify", "remake", "data")


@pytest.mark.parametrize("number", range(len(ODD)))
def test_an_odd_manifest(
    whole: Path, tmp_path: Path, number: int, capsys: pytest.CaptureFixture[str]
) -> None:
    directory = Path(shutil.copytree(whole, tmp_path / "its" / "power"))
    manifest = json.loads((directory / "manifest.json").read_bytes())
    kept = contents(directory)
    for path in list(paths(manifest))[number % STRIDE :: STRIDE]:
        odd = with_value(manifest, path, ODD[number])
        if odd == manifest:
            continue
        for command in COMMANDS:
            (directory / "manifest.json").write_text(json.dumps(odd))
            if command == "remake":
                (directory / f"{HOUR}.csv").unlink()
            judge(directory, command, capsys)
            shutil.rmtree(directory)
            directory.mkdir()
            for name, data in kept.items():
                (directory / name).write_bytes(data)


@pytest.mark.parametrize("number", range(len(ODD)))
def test_an_odd_record_of_a_parquet_file(
    whole: Path, tmp_path: Path, number: int, capsys: pytest.CaptureFixture[str]
) -> None:
    directory = Path(shutil.copytree(whole, tmp_path / "its" / "power"))
    (directory / "manifest.json").unlink()
    for name in (f"{HOUR}.csv", f"{HOUR}-00002-of-00003.csv"):
        (directory / name).unlink()
    path = directory / f"{HOUR}.parquet"
    record = json.loads(pq.read_metadata(path).metadata[METADATA_KEY.encode()])
    table = pq.read_table(path).replace_schema_metadata(None)
    for keys in [*paths(record), ()][number % 2 :: 2]:
        odd = with_value(record, keys, ODD[number]) if keys else ODD[number]
        if odd == record:
            continue
        with pq.ParquetWriter(path, table.schema, store_schema=False) as writer:
            writer.write_table(table)
            writer.add_key_value_metadata({METADATA_KEY: json.dumps(odd)})
        assert judge(directory, "verify", capsys) == 1
