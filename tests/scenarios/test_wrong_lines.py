"""Wrong command lines: exactly one line, which says where the help is."""

from __future__ import annotations

import pytest

from synthpower.cli.main import main

NEEDED = {
    "inventory": ["--directory", "none", "--count", "3"],
    "data": ["--directory", "none", "--date", "2023-02-27"],
    "verify": ["none"],
    "remake": ["none"],
    "tables": [],
}
LINES = [
    *((name, [*needed, "--bogus"], "there is no option --bogus") for name, needed in NEEDED.items()),
    *((name, ["--bogus"], "there is no option --bogus") for name in NEEDED),
    *((name, [*needed, "--quite"], "no option --quite; did you mean --quiet?") for name, needed in NEEDED.items()),
    ("inventory", ["--direcory", "x", "--count", "3"], "--direcory; did you mean --directory?"),
    ("data", ["--direcory", "x"], "--direcory; did you mean --directory?"),
    ("data", ["--direcory=x"], "there is no option --direcory; did you mean --directory?"),
    ("remake", ["none", "--direcory", "x"], "--direcory; did you mean --directory?"),
    ("inventory", [], "the following arguments are required: --directory, --count"),
    ("data", [], "the following arguments are required: --directory, --date"),
    ("data", ["--directory", "x"], "the following arguments are required: --date"),
    ("verify", [], "the following arguments are required: PATH"),
    ("remake", [], "the following arguments are required: PATH"),
    ("data", [*NEEDED["data"], "--interval", "x"], "argument --interval: 'x' is not a whole number"),
    ("data", [*NEEDED["data"], "--format", "xml"], "argument --format: invalid choice: 'xml'"),
    ("data", [*NEEDED["data"], "--signal", "sine"], "argument --signal: invalid choice: 'sine'"),
    ("data", [*NEEDED["data"], "--writer", "slow"], "argument --writer: invalid choice: 'slow'"),
    ("data", [*NEEDED["data"], "--compression", "lz4"], "--compression: invalid choice: 'lz4'"),
    ("data", [*NEEDED["data"], "--seed"], "argument --seed: expected one argument"),
    ("inventory", ["--directory", "x", "--count", "x"], "argument --count: 'x' is not a count"),
    ("verify", ["none", "--workers", "x"], "argument --workers: 'x' is not a whole number"),
    ("remake", ["none", "two"], "unrecognized arguments: two"),
    ("tables", ["two"], "unrecognized arguments: two"),
    ("tables", ["--copy"], "argument --copy: expected one argument"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "arguments", "words"), LINES)
def test_a_wrong_line_of_a_command(
    name: str, arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([name, *arguments]) == 2
    out, said = capsys.readouterr()
    (line,) = said.splitlines()
    assert out == ""
    assert line.startswith(f"synthpower {name}: error: ")
    assert words in line
    assert line.endswith(f"; see 'synthpower {name} --help'")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--bogus"], "there is no option --bogus"),
        (["--bogus", "data"], "there is no option --bogus"),
        (["date"], "invalid choice: 'date'"),
    ],
)
def test_a_wrong_line_of_the_program(
    arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    out, said = capsys.readouterr()
    (line,) = said.splitlines()
    assert out == ""
    assert words in line
    assert line.endswith(" --help'")


def test_an_interval_that_does_not_divide_names_the_nearest(
    tmp_path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "inventory.csv").write_text("sn,model,product_id,location\nA1,m,p,x\n")
    arguments = ["data", "--directory", str(tmp_path), "--date", "2023-02-27", "--seed", "1"]
    assert main([*arguments, "--interval", "7000"]) == 2
    assert capsys.readouterr().err == (
        "synthpower data: error: argument --interval: 7000 does not divide the 86400 seconds of "
        "a day; the nearest that do: 5760 and 7200; see 'synthpower data --help'\n"
    )
