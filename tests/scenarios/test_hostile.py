"""Hostile names, paths and environments, and what each of them gets."""

from __future__ import annotations

import csv
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pyarrow.parquet as pq
import pytest
from pyarrow import csv as pa_csv

from synthpower.cli.main import main

pytestmark = pytest.mark.slow

HOUR = "2023-02-27T05"
FORMATS = ("csv", "parquet")
MEGABYTE = "x" * 10**6

# Where a text can stand, and what it is there.
INVENTORY = ("sn", "model", "product_id", "location")
MEASUREMENTS = ("name", "unit")

# These are accepted wherever they stand, and come back identical.
ACCEPTED = {
    "a quote": '"',
    "quotes": 'rack ""7""',
    "a comma": ",",
    "a semicolon": "a;b",
    "an apostrophe": "'",
    "a backslash": "\\N",
    "a formula": "=1+1",
    "another formula": "@SUM(A1)",
    "a comment": "# no",
    "spaces around": "  x  ",
    "a no-break space": "\xa0",
    "NULL": "NULL",
    "NaN": "NaN",
    "a number": "007",
    "a date": "2023-02-27 00:00:00Z",
    "a placeholder": "%s{0}$(x)`x`",
    "markup": "<b>&amp;[/]",
    "right to left": "خادم",
    "a turn to the left": "\u202etfel",
    "emoji": "\U0001f469\u200d\U0001f4bb",
    "a letter and an accent": "e\u0301",
    "a line separator": "a\u2028b",
    "a byte order mark": "\ufeffx",
    "no character": "\ufffe",
    "a megabyte": MEGABYTE,
}

# These are refused wherever they stand: exit status 2, these words, and nothing is written.
REFUSED: dict[str, tuple[str | bytes, str]] = {
    "nothing": ("", "empty COLUMN"),
    "a newline": ("a\nb", "control character U+000A in COLUMN"),
    "a carriage return": ("a\r\nb", "control character U+000D in COLUMN"),
    "NUL": ("a\0b", "control character U+0000 in COLUMN"),
    "a tab": ("a\tb", "control character U+0009 in COLUMN"),
    "an escape": ("\x1b[31m", "control character U+001B in COLUMN"),
    "delete": ("a\x7f", "control character U+007F in COLUMN"),
    "next line": ("a\x85b", "control character U+0085 in COLUMN"),
    "Latin-1": (b"Gr\xf6\xdfe", "not UTF-8"),
    "half a pair": (b"\xed\xa0\x80", "not UTF-8"),
    "half a character": (b"\xc3", "not UTF-8"),
    "NUL after a megabyte": (MEGABYTE + "\0", "control character U+0000 in COLUMN"),
}


def run(*arguments: object) -> int:
    try:
        return main([str(argument) for argument in arguments])
    except SystemExit as leaving:  # from argparse
        return int(leaving.code or 0)


def place(directory: Path, column: str, text: str | bytes) -> None:
    """Make a directory of two servers and two measurements, one of which has a text somewhere."""
    quoted = text.encode() if isinstance(text, str) else text
    quoted = b'"' + quoted.replace(b'"', b'""') + b'"'
    for name, columns, row, other in (
        ("inventory.csv", INVENTORY, [b"A1", b"m", b"p", b"x"], b"B2,o,q,y"),
        ("measurements.csv", (*MEASUREMENTS, "scale"), [b"n", b"W", b"9"], b"other,V,1"),
    ):
        if column in columns:
            row[columns.index(column)] = quoted
        lines = (",".join(columns).encode(), b",".join(row), other)
        (directory / name).write_bytes(b"\n".join(lines) + b"\n")


def data(directory: Path, *options: object, date: str = HOUR) -> int:
    return run("data", "--directory", directory, "--date", date, "--seed", 1, "--quiet", *options)


def readers(directory: Path, column: str) -> Iterator[tuple[str, list[object]]]:
    """Yield who has read the column, and what."""
    text, parquet = (directory / f"data-{HOUR}.{format}" for format in FORMATS)
    limit = csv.field_size_limit(2 * len(MEGABYTE))
    with text.open(encoding="utf-8", newline="") as file:
        yield "csv", [row[column] for row in csv.DictReader(file, strict=True)]
    csv.field_size_limit(limit)
    table = pa_csv.read_csv(
        text,
        pa_csv.ReadOptions(block_size=2**24),
        convert_options=pa_csv.ConvertOptions(column_types={column: "string"}),
    )
    yield "pyarrow, CSV", table[column].to_pylist()
    yield "pyarrow, Parquet", pq.read_table(parquet)[column].to_pylist()
    # DuckDB, left to guess, takes an apostrophe for a quote.
    options = "header=true, delim=',', quote='\"', all_varchar=true"
    for source in (f"read_csv('{text}', {options})", f"'{parquet}'"):
        rows = duckdb.sql(f"select {column} from {source}").fetchall()
        yield f"DuckDB, {source}", [row[0] for row in rows]


@pytest.mark.parametrize("column", [*INVENTORY, *MEASUREMENTS])
@pytest.mark.parametrize("what", ACCEPTED)
def test_a_hostile_text_comes_back_identical(tmp_path: Path, what: str, column: str) -> None:
    text = ACCEPTED[what]
    place(tmp_path, column, text)
    for format in FORMATS:
        assert data(tmp_path, "--format", format) == 0
    first = None
    for who, found in readers(tmp_path, column):
        assert len(found) == 4, who
        assert found.count(text) == 2, who
        first = first or found
        assert found == first, who
    assert run("verify", tmp_path, "--quiet") == 0


@pytest.mark.parametrize("column", [*INVENTORY, *MEASUREMENTS])
@pytest.mark.parametrize("what", REFUSED)
def test_a_hostile_text_is_refused(
    tmp_path: Path, what: str, column: str, capsys: pytest.CaptureFixture[str]
) -> None:
    text, words = REFUSED[what]
    place(tmp_path, column, text)
    before = sorted(path.name for path in tmp_path.iterdir())
    file = "inventory.csv" if column in INVENTORY else "measurements.csv"
    for format in FORMATS:
        assert data(tmp_path, "--format", format) == 2
        said = capsys.readouterr().err
        assert f"{file}:2: {words.replace('COLUMN', column)}" in said
        assert said.count("\n") == 1
        assert len(said) < 1000
    assert sorted(path.name for path in tmp_path.iterdir()) == before


# Names of the dataset's directory, and the words of those that are refused.
DIRECTORIES: list[tuple[str, str | bytes, str]] = [
    ("spaces", " a  b ", ""),
    ("a newline", "a\nb", ""),
    ("quotes", "\"a',b", ""),
    ("a pattern", "[a]*?", ""),
    ("a placeholder", "%s{0}", ""),
    ("an option", "-x", ""),
    ("right to left", "خادم", ""),
    ("emoji", "\U0001f50c", ""),
    ("not UTF-8", b"b\xff", ""),
    ("255 bytes", "x" * 255, ""),
    ("a way back", "a/../power", ""),
    ("a link", "link", ""),
    ("a link to a link", "link to a link", ""),
    ("256 bytes", "x" * 256, "File name too long"),
    ("NUL", "a\0b", "no file or directory has a NUL in its name"),
    ("a link to itself", "loop", "Too many levels of symbolic links"),
    ("a link to a file", "file link", "is not a directory"),
    ("a link to nothing", "nowhere link", "no such directory"),
]


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """What a dataset has whose directory is called power."""
    return make(tmp_path_factory.mktemp("plain") / "power")


def make(directory: Path) -> dict[str, bytes]:
    assert run("inventory", f"--directory={directory}", "--count=9", "--seed=1", "--quiet") == 0
    for format in FORMATS:
        assert data(directory, "--format", format) == 0
    return contents(directory)


def contents(directory: Path) -> dict[str, bytes]:
    files = [path for path in directory.iterdir() if path.is_file() and path.name[0] != "."]
    return {path.name: path.read_bytes() for path in files}


@pytest.mark.parametrize(("what", "name", "words"), DIRECTORIES)
def test_a_directory_of_a_hostile_name(
    tmp_path: Path,
    plain: dict[str, bytes],
    what: str,
    name: str | bytes,
    words: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    for folder in ("a", "power"):
        (tmp_path / folder).mkdir()
    for link, to in [
        ("link", "power"),
        ("link to a link", "link"),
        ("loop", "loop"),
        ("nowhere link", "no"),
    ]:
        (tmp_path / link).symlink_to(to)
    (tmp_path / "file").touch()
    (tmp_path / "file link").symlink_to("file")
    directory = os.fsdecode(name)
    if words:
        for arguments in (
            ["inventory", "--count", "3"],
            ["data", "--date", HOUR],
            ["remake", "power"],
        ):
            assert run(*arguments, "--directory", directory) == 2
            said = capsys.readouterr().err
            assert said.count("error: ") == 1
            assert words in said
        return
    option = f"--directory={directory}"
    assert run("inventory", option, "--count=9", "--seed=1", "--quiet") == 0
    for format in FORMATS:
        assert run("data", option, "--date", HOUR, "--format", format, "--quiet") == 0
    assert contents(tmp_path / directory) == plain
    assert run("verify", "--quiet", "--", directory) == 0
    (tmp_path / directory / f"data-{HOUR}.csv").unlink()
    assert run("remake", "--quiet", "--", directory) == 0
    assert contents(tmp_path / directory) == plain
    assert capsys.readouterr() == ("", "")


# What --output names; where the file comes to be, or the words of a refusal.
OUTPUTS: list[tuple[str, str | bytes, str, str]] = [
    ("spaces", " a  b .csv", " a  b .csv", ""),
    ("a newline", "a\nb", "a\nb", ""),
    ("emoji", "\U0001f50c.csv", "\U0001f50c.csv", ""),
    ("not UTF-8", b"b\xff", os.fsdecode(b"b\xff"), ""),
    ("255 bytes", "x" * 255, "x" * 255, ""),
    ("a way back", "elsewhere/../x.csv", "x.csv", ""),
    ("a link to a file", "file link", "elsewhere/file", ""),
    ("a dangling link", "dangling link", "elsewhere/new", ""),
    ("a file through a linked directory", "link/x.csv", "elsewhere/x.csv", ""),
    ("256 bytes", "x" * 256, "", "File name too long"),
    ("NUL", "a\0b", "", "no file or directory has a NUL in its name"),
    ("a link to itself", "loop", "", "Too many levels of symbolic links"),
    ("a link to a directory", "link", "", "is a directory"),
    ("a link into a directory that is not there", "nowhere link", "", "no such directory"),
    ("a link to the inventory", "inventory link", "", "is part of the dataset"),
]  # fmt: skip


@pytest.mark.parametrize(("what", "name", "place", "words"), OUTPUTS)
def test_an_output_of_a_hostile_name(
    tmp_path: Path,
    plain: dict[str, bytes],
    what: str,
    name: str | bytes,
    place: str,
    words: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "power").mkdir()
    for file in ("inventory.csv", "README.md"):
        (tmp_path / "power" / file).write_bytes(plain[file])
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "file").write_bytes(b"older")
    links = {
        "file link": "elsewhere/file", "dangling link": "elsewhere/new", "link": "elsewhere",
        "loop": "loop", "nowhere link": "nowhere/x", "inventory link": "power/inventory.csv",
    }  # fmt: skip
    for link, to in links.items():
        (tmp_path / link).symlink_to(to)
    arguments = ["data", "--directory", "power", "--date", HOUR, "--quiet"]
    arguments += ["--output", os.fsdecode(name), "--format", "csv", "--overwrite"]
    assert run(*arguments) == (2 if words else 0)
    said = capsys.readouterr().err
    assert words in said
    if place:
        assert said == ""
        assert (tmp_path / place).read_bytes() == plain[f"data-{HOUR}.csv"]
    assert all((tmp_path / link).is_symlink() for link in links)
    assert (tmp_path / "power" / "inventory.csv").read_bytes() == plain["inventory.csv"]
    assert not list(tmp_path.rglob(".synthpower-*"))


# Settings of the environment; None: not set at all. None of them changes a byte.
ENVIRONMENTS: dict[str, dict[str, str | None]] = {
    "C": {"LC_ALL": "C"},
    "C and ASCII": {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"},
    "Turkish": {"LC_ALL": "tr_TR.UTF-8"},
    "a locale that is none": {"LC_ALL": "xx_YY.Klingon", "PYTHONUTF8": "0"},
    "no locale": {"LC_ALL": None, "LANG": None, "LC_CTYPE": None},
    "Kathmandu": {"TZ": "Asia/Kathmandu"},
    "a time zone that is none": {"TZ": "Nowhere/At+All"},
    "streams of ASCII": {"PYTHONIOENCODING": "ascii"},
    "streams of UTF-16": {"PYTHONIOENCODING": "utf-16"},
    "no home": {"HOME": None, "USER": None, "LOGNAME": None},
    "warnings are errors": {"PYTHONWARNINGS": "error"},
    "hashes": {"PYTHONHASHSEED": "77"},
}  # fmt: skip
SCRIPT = """\
umask 077
"$0" -m synthpower data --directory power --date 2023-02-27T05 --quiet &&
"$0" -m synthpower data --directory power --date 2023-02-27T05 --quiet --output power/größe.parquet &&
"$0" -m synthpower data --directory power --date 2023-02-27T06 --output größe.csv --dry-run > plan &&
"$0" -m synthpower verify power > checks
"""


@pytest.fixture(scope="module")
def settled(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """What comes of the script where nothing is set."""
    return in_environment(tmp_path_factory.mktemp("settled"), {"LC_ALL": "C.UTF-8"})


def in_environment(folder: Path, settings: dict[str, str | None]) -> dict[str, bytes]:
    directory = folder / "power"
    directory.mkdir()
    (directory / "inventory.csv").write_text(
        'sn,model,product_id,location\nİ1,"Ğ, ""ß""",p,خادم\nB2,o,q,y\n', "utf-8"
    )
    (directory / "README.md").write_text("---\nseed: 1\n---\nGröße\n", "utf-8")
    environment = {**os.environ, **settings}
    done = subprocess.run(
        ["sh", "-c", SCRIPT, sys.executable],
        cwd=folder,
        env={name: value for name, value in environment.items() if value is not None},
        capture_output=True,
        timeout=120,
    )
    assert (done.returncode, done.stdout) == (0, b""), done.stderr
    assert done.stderr.count(b"\n") == 1, done.stderr  # what verify counts
    for path in directory.glob("data-*"):
        assert path.stat().st_mode & 0o777 == 0o600
    assert (folder / "plan").stat().st_size
    return contents(directory)


@pytest.mark.parametrize("what", ENVIRONMENTS)
def test_an_environment_changes_nothing(
    tmp_path: Path, settled: dict[str, bytes], what: str
) -> None:
    assert in_environment(tmp_path, ENVIRONMENTS[what]) == settled
