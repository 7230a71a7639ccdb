"""columns.csv through the command line: put into a dataset, used, verified, made again."""

from __future__ import annotations

import csv
import json
import shlex
from pathlib import Path

import pytest
from foreign import check as contract
from support import contents, names

from synthpower import tables
from synthpower.cli import main as cli

DAY = "data-2023-02-27"
ROW = "-{sn},{name:tag} it's {{{measurement_value}}} {end_time:ns}\\t!"
WIDE = """\
# two values in a row
column,source,format
"#host",sn,
site_time,end_time,local
watts,value:server power,float
cpu,value:server cpu utilization,decimal
rack,rack,
zone,time_zone,
kind,load_curve,
from,=O'Brien's,
"""


def run(*arguments: object) -> int:
    return cli.main([*map(str, arguments), "--quiet"])


def data(directory: Path, *options: object, date: str = "2023-02-27") -> int:
    return run("data", "--directory", directory, "--date", date, *options)


@pytest.fixture
def example(tmp_path: Path) -> Path:
    """The shipped example of a columns.csv, with comments."""
    assert run("tables", "--copy", tmp_path / "tables") == 0
    return tmp_path / "tables" / "columns.csv"


@pytest.fixture
def directory(tmp_path: Path, example: Path) -> Path:
    directory = tmp_path / "power"
    options = ("--count", 5, "--seed", 1, "--columns", example)
    assert run("inventory", "--directory", directory, *options) == 0
    return directory


@pytest.fixture
def racks(tmp_path: Path) -> Path:
    """A dataset whose inventory has racks, and whose files are wide."""
    directory = tmp_path / "racks"
    assert run("inventory", "--directory", directory, "--count", 5, "--seed", 1) == 0
    lines = (directory / "inventory.csv").read_text().splitlines()
    racks = ["rack", "R1", "", '"a ""b"", c"', "NA", "R1"]
    text = "".join(f"{line},{rack}\n" for line, rack in zip(lines, racks, strict=True))
    (directory / "inventory.csv").write_text(text)
    (directory / "columns.csv").write_text(WIDE)
    return directory


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def said(capsys: pytest.CaptureFixture[str], *command: object) -> str:
    """Return the one line of a command that fails."""
    capsys.readouterr()
    assert run(*command) == 2
    (line,) = capsys.readouterr().err.splitlines()
    return line


def test_the_shipped_example_works_as_it_is(directory: Path, example: Path) -> None:
    assert tables.read_columns(directory / "columns.csv") == tables.read_columns(example)
    assert data(directory) == 0
    made = rows(directory / f"{DAY}.csv")
    assert list(made[0]) == ["serial", "ts_end", "metric", "value", "unit", "dc", "source"]
    assert {row["source"] for row in made} == {"synthpower"}
    assert made[0]["ts_end"] == "2023-02-27T01:00:00Z"
    assert len(made) == 24 * 5 * 2


def test_the_example_works_where_it_is_put_into_a_dataset(tmp_path: Path, example: Path) -> None:
    directory = tmp_path / "power"
    assert run("inventory", "--directory", directory, "--count", 5, "--seed", 1) == 0
    (directory / "columns.csv").write_bytes(example.read_bytes())
    assert data(directory) == 0
    assert list(rows(directory / f"{DAY}.csv")[0])[:2] == ["serial", "ts_end"]
    assert run("verify", directory) == 0


def test_another_table_stands_in_for_the_datasets(directory: Path, tmp_path: Path) -> None:
    (tmp_path / "other.csv").write_text("column,source\nv,measurement_value\n")
    assert data(directory, "--columns", tmp_path / "other.csv") == 0
    assert (directory / f"{DAY}.csv").read_text().startswith("v\n64.94\n")
    assert run("verify", directory) == 0


def test_a_table_and_the_end_only_are_one_too_many(
    directory: Path, example: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ("data", "--directory", directory, "--date", "2023-02-27", "--end")
    assert "argument --end: the directory's columns.csv says" in said(capsys, *command)
    line = said(capsys, *command, "--columns", example)
    assert "argument --end: --columns says what a row has; give one of them" in line
    line = said(capsys, *command, "--format", "text", "--row", "{measurement_value}")
    assert "argument --end: --row says what a row has; give one of them" in line
    row = ("--format", "text", "--row", "{measurement_value}", "--columns", example)
    assert "argument --columns: a pattern says" in said(capsys, *command[:-1], *row)


def test_a_wide_file_of_racks_and_local_times_is_verified_and_made_again(racks: Path) -> None:
    for format in ("csv", "jsonl"):
        assert data(racks, "--format", format, "--interval", 21600, "--fuzz", 9) == 0
    made = rows(racks / f"{DAY}.csv")
    assert len(made) == 4 * 5
    assert list(made[0]) == [
        "#host", "site_time", "watts", "cpu", "rack", "zone", "kind", "from"
    ]  # fmt: skip
    by_sn = {row["sn"]: row["rack"] for row in rows(racks / "inventory.csv")}
    assert {row["#host"]: row["rack"] for row in made} == by_sn
    assert {row["from"] for row in made} == {"O'Brien's"}
    lines = (racks / f"{DAY}.jsonl").read_text().splitlines()
    numbers = ("watts", "cpu")
    assert [{key: float(v) if key in numbers else v for key, v in row.items()} for row in made] == [
        json.loads(line) for line in lines
    ]
    assert run("verify", racks) == 0
    before = contents(racks)
    for format in ("csv", "jsonl"):
        (racks / f"{DAY}.{format}").unlink()
    assert run("remake", racks) == 0
    assert contents(racks) == before


@pytest.mark.parametrize("change", ["rack", "zone"])
def test_other_facts_of_the_tables_are_named(
    racks: Path, change: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert data(racks) == 0
    if change == "rack":
        path, text = racks / "inventory.csv", (racks / "inventory.csv").read_text()
        path.write_text(text.replace("R1", "R2"))
    else:
        path = racks / "locations.csv"
        sites = [{**row, "time_zone": "Asia/Tokyo"} for row in rows(path)]
        with path.open("w", newline="") as file:
            writer = csv.DictWriter(file, sites[0])
            writer.writeheader()
            writer.writerows(sites)
    capsys.readouterr()
    assert run("verify", racks) == 1
    found = capsys.readouterr().out
    assert "inventory.csv, server_types.csv and locations.csv do not say of them what" in found
    assert "other time_zone, rack, load_curve" in found
    again = said(capsys, "data", "--directory", racks, "--date", "2023-02-27")
    assert "was made from other facts" in again
    assert "other time_zone, rack, load_curve" in said(capsys, "remake", racks)


def test_what_is_gone_is_made_again(directory: Path, tmp_path: Path) -> None:
    options = (("--delimiter", ";", "--no-header"), ("--format", "jsonl", "--shard", "2/3"))
    for given in (*options, ("--format", "text", f"--row={ROW}")):
        assert data(directory, *given) == 0
    before = contents(directory)
    assert run("remake", directory, "--directory", tmp_path / "again") == 0
    assert contents(tmp_path / "again") == before
    for name in ("columns.csv", "inventory.csv", f"{DAY}.csv", f"{DAY}.txt", "README.md"):
        (directory / name).unlink()
    assert run("remake", directory) == 0
    assert contents(directory) == before
    assert run("verify", directory) == 0


def test_a_run_that_was_stopped_goes_on(directory: Path) -> None:
    options = ("--format", "text", f"--row={ROW}")
    assert data(directory, "--days", 3, *options) == 0
    before = contents(directory)
    (directory / "data-2023-02-28.txt").unlink()
    (directory / f".{DAY}.txt.abc.tmp").write_bytes(b"x")
    assert data(directory, "--days", 3, *options) == 0
    assert contents(directory).items() >= before.items()


def test_a_whole_file_of_another_pattern_is_left_alone(
    directory: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = ("data", "--directory", directory, "--date", "2023-02-27", "--format", "text", "--row")
    assert run(*given, "{sn} {measurement_value}") == 0
    line = said(capsys, *given, "{name} {measurement_value}")
    assert "txt exists, and it was made from columns [['sn', 'sn'], ['measurement_value'" in line
    line = said(capsys, *given, "{sn}  {measurement_value}")
    assert "its row is {sn} {measurement_value}, not {sn}  {measurement_value}" in line


@pytest.mark.parametrize(
    "options", [("--format", "jsonl"), ("--format", "text", f"--row={ROW}"), ("--no-header",)]
)
def test_parts_one_after_the_other_are_the_file(directory: Path, options: tuple[str, ...]) -> None:
    assert data(directory, *options) == 0
    (name,) = (path.name for path in directory.glob("data-*"))
    stem, _, suffix = name.partition(".")
    for part in range(1, 5):
        assert data(directory, *options, "--shard", f"{part}/4") == 0
    parts = [
        (directory / f"{stem}-{part:05}-of-00004.{suffix}").read_bytes() for part in range(1, 5)
    ]
    assert b"".join(parts) == (directory / name).read_bytes()


def test_the_commands_of_readme_make_it_again(
    directory: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for given in (
        ("--delimiter", "\t"),
        ("--delimiter", "'", "--no-header", "--shard", "1/2"),
        ("--format", "jsonl", "--days", 2),
        ("--format", "text", f"--row={ROW}"),
        ("--format", "text", "--row={sn}{model}{product_id}{location}{end_time}"
         "{measurement_value}{unit}{name}", "--interval", 7200, "--output", directory / "end.txt"),
    ):  # fmt: skip
        assert data(directory, *given) == 0
    readme = (directory / "README.md").read_text()
    block = readme.partition("<!-- commands:begin -->")[2].partition("<!-- commands:end -->")[0]
    commands = [line.strip() for line in block.splitlines() if line.strip()]
    assert r"--delimiter '\t'" in block
    again = tmp_path / "again"
    again.mkdir()
    monkeypatch.chdir(again)
    for command in commands:
        assert command.startswith("synthpower "), command
        words = shlex.split(command)[1:]
        if words[0] == "inventory":
            words[words.index("--columns") + 1] = str(directory / "columns.csv")
        assert run(*words) == 0
    assert contents(again) == contents(directory)


def test_readme_says_what_the_columns_are(directory: Path, racks: Path) -> None:
    readme = (directory / "README.md").read_text()
    assert "| `dc` | the server's site |\n| `source` | always `synthpower` |\n" in readme
    assert "| `ts_end` | the end of the interval that was measured, not included, in UTC" in readme
    assert "`start_time`, `end_time`" not in readme
    assert "`start_time`, `end_time`" in (racks / "README.md").read_text()
    assert data(racks) == 0
    readme = (racks / "README.md").read_text()
    assert "| `#host` | the server's serial number |" in readme
    assert (
        "| `watts` | the value of `server power`, in `W`, in single precision |\n"
        "| `cpu` | the value of `server cpu utilization`, in `%`, as a decimal |\n"
        "| `rack` | `rack` in inventory.csv, server_types.csv or locations.csv |" in readme
    )
    assert "Every server has one row for each interval, with the values of all" in readme
    assert "`start_time`, `end_time`" not in readme
    (racks / "columns.csv").unlink()
    assert data(racks, date="2023-02-28") == 0
    assert "`start_time`, `end_time`" in (racks / "README.md").read_text()


def test_readme_of_a_dataset_without_a_table_is_as_it_was(tmp_path: Path) -> None:
    assert run("inventory", "--directory", tmp_path / "d", "--count", 5, "--seed", 1) == 0
    before = (tmp_path / "d" / "README.md").read_text()
    assert "columns:begin" not in before and "columns.csv" not in before
    assert data(tmp_path / "d") == 0
    after = (tmp_path / "d" / "README.md").read_text()
    assert after.partition("## Made")[0] == before.partition("## Made")[0]


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("column\na\n", "{}:1: no column source; the header must name column,source"),
        ("# a\n\ncolumn,source\na,\n", "{}:4: empty source: each must have a value"),
        ("column,source\n,sn\n", "{}:2: empty column: each must have a value"),
        ("column,source\na,sn,x\n", "{}:2: 3 fields, where the header has 2"),
        ("column,source,format\nv,measurement_value,utc\n",
         "{}:2: format 'utc' of measurement_value: double, float, decimal, integer"),
        ("column,source,format\nv,sn,iso\n", "{}:2: format 'iso' of sn: leave it empty"),
        ("column,source\na,sn\n", "{}: no column holds measurement_value; one must"),
        ("column,source\na,measurement_value\na,sn\n", "{}: column 'a' is listed twice"),
        ("column,source\nv,value:none\n",
         "{}: value:none: no such measurement; there are server cpu utilization, server power"),
        ("column,source\nv,value:server power\nn,name\n",
         "{}: column 'n': name differs by measurement, and a row with value:NAME columns holds "
         "several; leave it out"),
        ("column,source\nv,measurement_value\nr,rack\n",
         "{}: source 'rack': no table has one of that name"),
        ("column,source,format\nv,measurement_value,integer\n",
         "{}: column 'v' as integer: server cpu utilization has decimals"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_table_is_one_line(
    directory: Path, text: str, error: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = directory / "columns.csv"
    path.write_text(text)
    line = said(capsys, "data", "--directory", directory, "--date", "2023-02-27")
    assert line == f"synthpower data: error: {error.format(path)}"
    assert [name for name in names(directory) if name.startswith("data")] == []


@pytest.mark.parametrize(
    ("options", "error"),
    [
        (("--columns", "{}/none.csv"), "{}/none.csv: no such file"),
        (("--row", "{measurement_value}"), "argument --row: '{measurement_value}': csv has no such"),
        (("--format", "text"), "argument --row: format text needs a pattern such as"),
        (("--format", "text", "--row", "{rack} {measurement_value}"),
         "argument --row: source 'rack': no table has one of that name"),
        (("--format", "text", "--row", "{value:none}"),
         "argument --row: value:none: no such measurement; there are"),
        (("--format", "text", "--row", "{sn"), "argument --row: "),
        (("--delimiter", "."), "argument --delimiter: '.': choose one character such as ;"),
        (("--delimiter", "§"), "argument --delimiter: '§': choose one character such as ;"),
        (("--format", "jsonl", "--no-header"), "argument --header: 'False': jsonl has no such"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_an_option_is_one_line(
    directory: Path, options: tuple[str, ...], error: str, capsys: pytest.CaptureFixture[str]
) -> None:
    given = [option.replace("{}", str(directory)) for option in options]
    line = said(capsys, "data", "--directory", directory, "--date", "2023-02-27", *given)
    assert line.startswith(f"synthpower data: error: {error.replace('{}', str(directory))}")


def test_a_difference_in_any_text_is_named(
    directory: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    row = r"{sn}\n{measurement_value}"
    for options in (
        ("--delimiter", ";"),
        ("--format", "jsonl"),
        ("--format", "text", "--row", row),
    ):
        assert data(directory, *options) == 0
    for suffix in ("csv", "jsonl", "txt"):
        path = directory / f"{DAY}.{suffix}"
        assert b"64.94" in path.read_bytes()
        path.write_bytes(path.read_bytes().replace(b"64.94", b"64.95", 1))
    capsys.readouterr()
    assert run("verify", directory) == 1
    found = capsys.readouterr().out
    assert found.count("row 1, value: expected 64.94, found 64.95") == 2
    assert "row 1, line: expected 64.94, found 64.95" in found


def test_inventory_refuses_a_table_that_its_files_could_not_have(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "c.csv").write_text("column,source\nv,measurement_value\nr,rack\n")
    command = ("inventory", "--directory", tmp_path / "d", "--count", 5)
    line = said(capsys, *command, "--columns", tmp_path / "c.csv")
    assert "argument --columns: source 'rack': no table has one of that name" in line
    assert not (tmp_path / "d").exists()


def test_a_dataset_of_default_columns_keeps_the_contract(directory: Path) -> None:
    (directory / "columns.csv").unlink()
    assert data(directory) == 0
    assert contract(directory) == {}
