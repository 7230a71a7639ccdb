"""README: its examples run, its options are those of the command line, its links lead somewhere."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import duckdb
import pytest
from support import ROOT

from synthpower.cli import options

README = (ROOT / "README.md").read_text()


def block(mark: str) -> str:
    """Return the code block that follows a comment of that name."""
    found = re.search(rf"<!-- {mark} -->\s*```sh\n(.*?)```", README, re.DOTALL)
    assert found, mark
    return found[1]


def options_table(name: str) -> str:
    """Return the first table below the heading, or the paragraph, that begins with a command."""
    begin = rf"^(?:#+ *`?|`)synthpower {name}\b"
    found = re.search(rf"{begin}.*?\n((?:\|[^\n]*\n)+)", README, re.DOTALL | re.MULTILINE)
    assert found, name
    return found[1]


@pytest.fixture(scope="module")
def first(command, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where README's first command was run, all but its setting up."""
    folder = tmp_path_factory.mktemp("readme")
    for line in block("first").split("&&"):
        words = shlex.split(line)
        if words[0].endswith("synthpower"):
            done = command(*words[1:], cwd=folder)
            assert done.returncode == 0, done.stderr
    return folder


def test_the_lines_shown_are_those_of_the_file(first: Path) -> None:
    lines = (first / "power" / "data-2023-02-27.csv").read_text().splitlines()[:5]
    assert "\n".join(lines) in README


def test_the_querys_answer_is_the_one_shown(first: Path) -> None:
    query = re.search(r"```sql\n(.*?)```", README, re.DOTALL)
    assert query
    rows = duckdb.sql(query[1].replace("'power/", f"'{first}/power/")).fetchall()
    assert len(rows) == 2
    table = re.sub(" +", " ", README)  # however its columns are aligned
    for row in rows:
        assert f"| {' | '.join(map(str, row))} |" in table


# But for those that need a cluster, which run where the recipes do.
EXAMPLES = re.findall(r"(?<!<!-- servers -->\n)```python\n(.*?)```", README, re.DOTALL)


@pytest.mark.parametrize("number", range(len(EXAMPLES)))
def test_a_library_example_runs(
    number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    exec(compile(EXAMPLES[number], "README.md", "exec"), {})
    named = re.findall(r'write\("([^"]+)"', EXAMPLES[number])
    assert all((tmp_path / name).exists() for name in named)


def test_there_is_a_library_example() -> None:
    assert EXAMPLES


@pytest.mark.parametrize("name", ["inventory", "data", "verify", "remake", "totals"])
def test_the_tables_have_every_option(name: str) -> None:
    parser = options.build_alias_parser(name, name)
    ours = {
        option
        for action in parser._actions
        for option in action.option_strings
        if option.startswith("--") and option not in ("--quiet", "--version", "--help")
    }
    assert set(re.findall(r"`(--[a-z-]+)`", options_table(name))) == ours


def test_the_numbers_of_long_runs_are_those_of_their_results() -> None:
    results = ROOT / "reference" / "results"
    doubles, crashes, randomness, fuzz, flips, s3 = (
        json.loads((results / f"{name}.json").read_text())
        for name in ("doubles", "crashes", "randomness", "fuzz", "flips", "s3_faults")
    )
    kills = sum(sum(counts.values()) for counts in crashes["killed"].values())
    faults = sum(
        count
        for became in crashes["refused"].values()
        for what, count in became.items()
        if what != "was not reached"
    )
    assert f"[{kills} runs killed, {faults:,} calls refused]" in README
    assert f"[{sum(doubles['compared'].values()) // 10**6} M compared]" in README
    assert f"[{sum(fuzz['cases'].values()):,} mutated inputs]" in README
    assert f"[{randomness['tests']} tests]" in README
    assert f"[{s3['injected']} runs disturbed]" in README
    assert not randomness["failed"]
    assert f"[{flips['runs']:,} commands]" in README
    assert not flips["wrong"]


def test_every_link_leads_to_a_file() -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", README):
        assert (ROOT / target).exists(), target


def test_ci_runs_the_test_command() -> None:
    assert ".venv/bin/pytest" in block("test")
    assert "<!-- test -->" in (ROOT / ".ci" / "run").read_text()
