"""Compressed text in a dataset: names, records, resuming, verifying, and what goes wrong."""

from __future__ import annotations

import gzip
import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from support import contents, names

from synthpower import Dataset
from synthpower.cli.main import main
from synthpower.dataset.entries import check_entry
from synthpower.formats.text.writer import TextWriter

DATE = "2023-02-27"
NAME = f"data-{DATE}"
SUFFIXES = {"gzip": ".csv.gz", "zstd": ".csv.zst"}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A day as CSV, plain and in both compressions. Read only."""
    directory = tmp_path_factory.mktemp("compression") / "power"
    arguments = ["inventory", "--directory", directory, "--count", "40", "--seed", "5", "--quiet"]
    assert main([str(argument) for argument in arguments]) == 0
    for options in ([], ["--compression", "gzip"], ["--compression", "zstd"]):
        assert data(directory, *options) == 0
    return directory


@pytest.fixture
def directory(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "power"))


@pytest.fixture(params=SUFFIXES)
def codec(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def data(directory: Path, *options: object) -> int:
    arguments = ["data", "--directory", directory, "--date", DATE, "--quiet", *options]
    return main([str(argument) for argument in arguments])


def text(path: Path) -> bytes:
    with pa.input_stream(str(path)) as stream:
        return bytes(stream.read())


def file_of(directory: Path, codec: str) -> Path:
    return directory / (NAME + SUFFIXES[codec])


def checked(directory: Path, name: str) -> tuple[bool, str]:
    """Return whether a file passes, and what is said of it last."""
    checks = [check for check in Dataset.open(directory).verify() if check.file == name]
    return all(check.passed for check in checks), checks[-1].detail


def without_libraries(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("isal", "zstandard"):
        monkeypatch.setitem(sys.modules, name, None)


def test_a_file_is_named_by_its_compression_and_has_the_same_text(made: Path, codec: str) -> None:
    assert text(file_of(made, codec)) == (made / f"{NAME}.csv").read_bytes()


def test_the_manifest_has_a_compression_where_there_is_one(made: Path, codec: str) -> None:
    files = json.loads((made / "manifest.json").read_bytes())["files"]
    assert "compression" not in files[f"{NAME}.csv"]
    name = file_of(made, codec).name
    assert (files[name]["format"], files[name]["compression"]) == ("csv", codec)
    assert check_entry(name, files[name]).as_json() == files[name]


@pytest.mark.parametrize("value", ["snappy", "none", None, 5, ["gzip"], "zstd"])
def test_an_entry_of_another_compression_than_its_name_is_refused(
    directory: Path, value: object, capsys: pytest.CaptureFixture[str]
) -> None:
    path = directory / "manifest.json"
    manifest = json.loads(path.read_bytes())
    manifest["files"][f"{NAME}.csv.gz"]["compression"] = value
    path.write_text(json.dumps(manifest))
    assert main(["verify", str(directory), "--quiet"]) == 1
    assert "its compression is" in " ".join(capsys.readouterr().out.split())


def test_an_entry_cannot_be_of_more_readings_than_fit(directory: Path) -> None:
    path = directory / "manifest.json"
    manifest = json.loads(path.read_bytes())
    name = f"{NAME}.csv.gz"
    manifest["files"][name]["specification"]["inventory"]["servers"] = 200_000_000
    path.write_text(json.dumps(manifest))
    assert checked(directory, name) == (False, "the readings of 200,000,000 servers do not fit "
        f"into {(directory / name).stat().st_size:,} bytes")  # fmt: skip


def test_verify_compares_the_text(made: Path, codec: str) -> None:
    passed, detail = checked(made, file_of(made, codec).name)
    assert passed
    assert detail == "its text is equal to that made again"


def test_another_library_makes_the_same_text(
    directory: Path, codec: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = file_of(directory, codec)
    theirs = path.read_bytes()
    without_libraries(monkeypatch)
    assert data(directory, "--compression", codec) == 0  # complete
    assert checked(directory, path.name)[0]
    assert path.read_bytes() == theirs
    assert data(directory, "--compression", codec, "--overwrite") == 0
    assert path.read_bytes() != theirs
    assert text(path) == (directory / f"{NAME}.csv").read_bytes()
    monkeypatch.undo()
    assert data(directory, "--compression", codec) == 0
    assert checked(directory, path.name)[0]


def test_a_file_that_the_manifest_does_not_list_is_compared_by_its_text(
    directory: Path, codec: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = directory.parent / f"elsewhere{SUFFIXES[codec]}"
    without_libraries(monkeypatch)
    assert data(directory, "--output", path) == 0
    monkeypatch.undo()
    before = path.stat()
    assert data(directory, "--output", path) == 0
    assert path.stat().st_ino == before.st_ino
    assert data(directory, "--output", path, "--seed", "6") == 2
    assert "exists, and it is not what would be made: row 1, measure" in capsys.readouterr().err
    path.write_bytes(path.read_bytes()[:-9])
    assert data(directory, "--output", path) == 2
    assert f"exists, and it is no whole {codec} file: " in capsys.readouterr().err


def flipped(data: bytes) -> bytes:
    place = len(data) * 2 // 3
    return data[:place] + bytes([data[place] ^ 8]) + data[place + 1 :]


DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "cut": lambda data: data[: len(data) // 2],
    "cut by a byte": lambda data: data[:-1],
    "a flipped bit": flipped,
    "a line behind it": lambda data: data + b"\n",
    "plain text": lambda data: gzip.compress(b"") + b"sn,model\n",
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_damage_is_found_and_named(
    directory: Path, codec: str, damage: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = file_of(directory, codec)
    path.write_bytes(DAMAGES[damage](path.read_bytes()))
    passed, detail = checked(directory, path.name)
    assert not passed
    assert f"it is no whole {codec} file: it cannot be read on from about byte " in detail
    assert main(["verify", str(path), "--quiet"]) == 1
    assert "Traceback" not in capsys.readouterr().err


def test_a_wrong_text_is_named_by_row_and_column(directory: Path) -> None:
    path = directory / f"{NAME}.csv.gz"
    whole = text(path).replace(b",server power", b",server Power", 300).replace(
        b"server Power", b"server power", 299
    )  # fmt: skip
    path.write_bytes(gzip.compress(whole))
    passed, detail = checked(directory, path.name)
    assert not passed
    assert detail == "row 600, name: expected server power, found server Power"
    path.write_bytes(gzip.compress(text(directory / f"{NAME}.csv")[:-1000]))
    assert "it ends within row 1,9" in checked(directory, path.name)[1]
    for nothing in (gzip.compress(b""), b""):
        path.write_bytes(nothing)
        assert checked(directory, path.name)[1].startswith("the header is not sn,")


def test_the_same_text_of_another_size_is_not_the_file_that_is_recorded(directory: Path) -> None:
    path = directory / f"{NAME}.csv.gz"
    path.write_bytes(gzip.compress(text(path), 9))
    passed, detail = checked(directory, path.name)
    assert not passed
    assert "as manifest.json has it" in detail


def test_what_is_missing_is_made_again(directory: Path, codec: str) -> None:
    path = file_of(directory, codec)
    whole = path.read_bytes()
    path.unlink()
    assert main(["remake", str(directory), "--quiet"]) == 0
    assert path.read_bytes() == whole


def test_a_file_is_made_again_elsewhere_by_its_servers(
    directory: Path, tmp_path: Path, codec: str
) -> None:
    """Its inventory has changed since: it names its servers itself."""
    path = file_of(directory, codec)
    again = tmp_path / "again"
    lines = (directory / "inventory.csv").read_text().splitlines(keepends=True)
    (directory / "inventory.csv").write_text("".join(lines[:-1]))
    passed, _ = checked(directory, path.name)
    assert passed
    assert main(["remake", str(path), "--directory", str(again), "--quiet"]) == 0
    assert (again / path.name).read_bytes() == path.read_bytes()


@pytest.mark.parametrize("number", [1, 5])
def test_parts_without_their_headers_are_the_text(directory: Path, codec: str, number: int) -> None:
    for i in range(1, number + 1):
        assert data(directory, "--compression", codec, "--shard", f"{i}/{number}") == 0
    parts = sorted(directory.glob(f"{NAME}-*-of-*{SUFFIXES[codec]}")) or [file_of(directory, codec)]
    assert len(parts) == number
    headers, _, bodies = zip(*(text(path).partition(b"\n") for path in parts), strict=True)
    whole = (directory / f"{NAME}.csv").read_bytes()
    assert headers[0] + b"\n" + b"".join(bodies) == whole
    assert main(["verify", str(directory), "--quiet"]) == 0


def test_an_output_is_compressed_as_its_name_says(directory: Path, codec: str) -> None:
    path = directory.parent / f"out{SUFFIXES[codec]}"
    assert data(directory, "--output", path) == 0
    assert text(path) == (directory / f"{NAME}.csv").read_bytes()


def test_an_output_of_another_name_is_refused(
    directory: Path, codec: str, capsys: pytest.CaptureFixture[str]
) -> None:
    before = names(directory.parent)
    for name, options, argument in (
        ("a.csv", ["--compression", codec], "compression"),
        (f"a{SUFFIXES[codec]}", ["--format", "parquet"], "output"),
        (f"a.parquet{SUFFIXES[codec][4:]}", [], "output"),
    ):
        assert data(directory, "--output", directory.parent / name, *options) == 2
        assert f"argument --{argument}: {name}: the suffix " in capsys.readouterr().err
    assert names(directory.parent) == before


def test_a_name_that_says_no_compression_may_be_compressed(directory: Path, codec: str) -> None:
    path = directory / "bare"
    options = ["--output", path, "--format", "csv", "--compression", codec]
    assert data(directory, *options) == 0
    assert data(directory, *options) == 0
    assert data(directory, *options[:4]) == 2  # that name is of another form
    assert checked(directory, "bare")[0]
    path.unlink()
    assert main(["remake", str(directory), "--quiet"]) == 0
    assert checked(directory, "bare")[0]


def test_standard_output_is_compressed(command, directory: Path, codec: str) -> None:
    options = ("--output", "-", "--format", "csv", "--compression", codec)
    done = command("data", "--directory", directory, "--date", DATE, *options, text=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout == file_of(directory, codec).read_bytes()


def test_a_dry_run_says_about_how_large_it_will_be(
    directory: Path, codec: str, capsys: pytest.CaptureFixture[str]
) -> None:
    size = file_of(directory, codec).stat().st_size
    file_of(directory, codec).unlink()
    assert data(directory, "--compression", codec, "--dry-run") == 0
    shown = capsys.readouterr().out
    assert f"files  {NAME}{SUFFIXES[codec]}\n" in shown
    (said,) = [line.split() for line in shown.splitlines() if line.startswith("bytes")]
    assert said[1] == "about"
    assert int(said[2].replace(",", "")) == pytest.approx(size, rel=0.02)


def test_the_readme_shows_the_command(directory: Path, codec: str) -> None:
    assert f"--date {DATE} --compression {codec}\n" in (directory / "README.md").read_text()


def test_events_are_of_the_name_without_its_suffixes(directory: Path, codec: str) -> None:
    faults = directory.parent / "faults.csv"
    faults.write_text("kind,share\noff,0.05\n")
    options = ["--signal", "load", "--measurements", "load", "--faults", faults]
    date = ["--date", "2023-03-01", "--compression", codec]
    assert data(directory, *options, *date) == 0
    assert (directory / "events-2023-03-01.csv").exists()
    assert main(["verify", str(directory), "--quiet"]) == 0


def test_a_fault_midway_leaves_nothing_that_looks_whole(
    directory: Path, codec: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, rendered = contents(directory), 0
    del before["manifest.json"]
    render = TextWriter.render

    def failing(self: TextWriter, *arguments: Any) -> object:
        nonlocal rendered
        rendered += 1
        if rendered > 2:
            raise OSError(28, "No space left on device")
        return render(self, *arguments)

    options = ["--compression", codec, "--date", "2023-03-05", "--interval", "20"]
    with monkeypatch.context() as patch:
        patch.setattr(TextWriter, "render", failing)
        assert data(directory, *options) == 1
    assert rendered > 2
    assert {n: b for n, b in contents(directory).items() if n != "manifest.json"} == before
    assert data(directory, *options) == 0
    assert checked(directory, f"data-2023-03-05{SUFFIXES[codec]}")[0]


def test_the_other_writer_makes_the_same_file(directory: Path, codec: str) -> None:
    before = file_of(directory, codec).read_bytes()
    assert data(directory, "--compression", codec, "--writer", "pyarrow", "--overwrite") == 0
    assert text(file_of(directory, codec)) == text(directory / f"{NAME}.csv")
    assert data(directory, "--compression", codec) == 0
    assert data(directory, "--compression", codec, "--overwrite") == 0
    assert file_of(directory, codec).read_bytes() == before


@pytest.mark.parametrize(
    ("suffix", "options"),
    [
        (".jsonl", ["--format", "jsonl"]),
        (".txt", ["--format", "text", "--row", "{sn} {end_time:s} {measurement_value}"]),
        (".csv", ["--delimiter", ";", "--no-header"]),
    ],
)
def test_any_format_of_text_is_compressed(
    directory: Path, codec: str, suffix: str, options: list[str]
) -> None:
    for file in directory.glob("data-*"):
        file.unlink()
    (directory / "manifest.json").unlink()
    for more in ([], ["--compression", codec], ["--compression", codec, "--shard", "2/2000"]):
        assert data(directory, *options, *more, "--seed", "1") == 0
    suffix += SUFFIXES[codec].removeprefix(".csv")
    made = directory / f"{NAME}{suffix}"
    assert text(made) == made.with_suffix("").read_bytes()
    assert main(["verify", str(directory), "--quiet"]) == 0
    empty = directory / f"{NAME}-00002-of-02000{suffix}"
    assert empty.stat().st_size  # of no rows, and a file of its kind all the same
    assert text(empty) == b""
    before = made.read_bytes()
    made.unlink()
    assert main(["remake", str(directory), "--quiet"]) == 0
    assert made.read_bytes() == before
    made.write_bytes(before[:-3])
    assert main(["verify", str(directory), "--quiet"]) == 1


def test_hostile_texts_come_back(tmp_path: Path, codec: str) -> None:
    directory = tmp_path / "odd"
    directory.mkdir()
    odd = ['rack ""7""', "a,b", "\U0001f469\u200d\U0001f4bb", "  x  ", "=1+1", "\\N", "خادم"]
    lines = [f'"{text}-{i}",m,p,l\n' for i, text in enumerate(odd)]
    (directory / "inventory.csv").write_text("sn,model,product_id,location\n" + "".join(lines))
    for options in ([], ["--compression", codec]):
        assert data(directory, "--seed", "1", *options) == 0
    assert text(file_of(directory, codec)) == (directory / f"{NAME}.csv").read_bytes()
    assert main(["verify", str(directory), "--quiet"]) == 0
