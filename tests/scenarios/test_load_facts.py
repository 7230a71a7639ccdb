"""What load takes of the world changes: rules of time zones, and what tables say of servers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from loads import BERLIN, DAY, change_table, data, make, record, run, wrong, wrong_readings
from support import contents

from synthpower import Dataset, Inventory, Readings
from synthpower.signals import sites


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """A dataset without readings, whose measurements are all that there is of load."""
    return make(tmp_path, "--measurements", "load")


def test_an_inventory_file_has_the_facts_of_the_tables_beside_it(directory: Path) -> None:
    whole, alone = Inventory.read(directory), Inventory.read(directory / "inventory.csv")
    assert alone.facts("time_zone") == whole.facts("time_zone") != {}
    given = {"seed": 5, "signal": "load"}
    ours, theirs = (Readings(fleet, DAY, **given).to_table() for fleet in (whole, alone))
    assert ours.to_pylist() == theirs.to_pylist()


@pytest.fixture
def other_rules(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have Berlin on summer time all the year, as by another release of the rules."""
    known = sites._offsets

    def changed(zone: str, start: int, span: int, before: int) -> Any:
        return ((0, 7200),) if zone == BERLIN else known(zone, start, span, before)

    monkeypatch.setattr(sites, "_offsets", changed)


@pytest.fixture
def of_older_rules(directory: Path, request: pytest.FixtureRequest) -> Path:
    """A dataset of two days, beside which the rules of time zones have changed since."""
    assert data(directory, "--days", 2, date="2023-03-25") == 0
    assert data(directory, "--days", 2, "--format", "parquet", date="2023-03-25") == 0
    request.getfixturevalue("other_rules")
    return directory


def test_other_rules_of_time_zones_change_no_file_that_is_made_again(of_older_rules: Path) -> None:
    before = contents(of_older_rules)
    gone = ["data-2023-03-25.csv", "data-2023-03-25.parquet", "data-2023-03-26.csv"]
    for name in gone[:2]:
        (of_older_rules / name).unlink()
    assert run("remake", of_older_rules, "--quiet") == 0
    assert contents(of_older_rules) == before
    for name in gone:
        (of_older_rules / name).unlink()
    for format in ("csv", "parquet"):
        assert data(of_older_rules, "--days", 2, "--format", format, date="2023-03-25") == 0
    assert contents(of_older_rules) == before


def test_a_file_of_older_rules_is_complete(
    of_older_rules: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = contents(of_older_rules)
    capsys.readouterr()
    assert data(of_older_rules, "--days", 2, date="2023-03-25") == 0
    assert "already complete" in capsys.readouterr().err
    assert contents(of_older_rules) == before


def test_a_file_of_older_rules_that_is_replaced_keeps_them(of_older_rules: Path) -> None:
    before = contents(of_older_rules)
    assert data(of_older_rules, "--days", 2, "--overwrite", date="2023-03-25") == 0
    assert contents(of_older_rules) == before


def test_verify_says_that_the_rules_have_changed(of_older_rules: Path) -> None:
    checks = [
        each for each in Dataset.open(of_older_rules).verify() if each.file.startswith("data-")
    ]
    assert all(check.passed for check in checks)
    said = {check.file: check.detail for check in checks if check.what == "bytes"}
    words = "equal to those made again; the local time of Europe/Berlin has other rules now"
    assert set(said.values()) == {words}
    assert len(said) == 4


def test_a_new_file_is_made_by_the_rules_of_today(of_older_rules: Path) -> None:
    assert data(of_older_rules, date="2023-03-24") == 0
    assert record(of_older_rules, "data-2023-03-24.csv")["offsets"][BERLIN] == [[0, 7200]]
    checks = Dataset.open(of_older_rules).verify(["data-2023-03-24.csv"])
    assert [each.detail for each in checks][-1] == "equal to those made again"


def test_a_file_of_other_options_is_made_by_the_rules_of_today(of_older_rules: Path) -> None:
    """What it replaces is another file."""
    options = ["--overwrite", "--interval", "7200"]
    assert data(of_older_rules, *options, date="2023-03-25") == 0
    assert record(of_older_rules, "data-2023-03-25.csv")["offsets"][BERLIN] == [[0, 7200]]


def test_a_zone_that_this_machine_does_not_know_is_as_it_was_recorded(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert data(directory) == 0

    def unknown(zone: str, start: int, span: int, before: int) -> Any:
        raise KeyError(zone)

    monkeypatch.setattr(sites, "_offsets", unknown)
    assert wrong(directory) == []
    before = contents(directory)
    (directory / f"data-{DAY}.csv").unlink()
    assert run("remake", directory, "--quiet") == 0
    assert contents(directory) == before


FACTS = "other load_curve, sockets, time_zone"


@pytest.mark.parametrize(
    ("format", "table", "column", "value"),
    [
        ("csv", "locations.csv", "time_zone", "Asia/Tokyo"),
        ("parquet", "server_types.csv", "sockets", "8"),
        ("csv", "server_types.csv", "load_curve", "Gen9 Intel"),
    ],
)
def test_an_edited_fact_is_found(
    directory: Path, format: str, table: str, column: str, value: str
) -> None:
    assert data(directory, "--format", format) == 0
    change_table(directory, table, column, value)
    ((file, what, detail),) = wrong_readings(directory)
    assert (file, what) == (f"data-{DAY}.{format}", "servers")
    assert detail.startswith("server_types.csv and locations.csv do not say of them what")
    assert detail.endswith(FACTS)


def test_an_edited_fact_of_a_shard_is_named(directory: Path) -> None:
    assert data(directory, "--shard", "1/2") == 0
    change_table(directory, "locations.csv", "time_zone", "Asia/Tokyo")
    ((_, what, detail),) = wrong_readings(directory)
    assert what == "servers"
    assert detail.endswith(FACTS)


@pytest.mark.parametrize("table", ["locations.csv", "server_types.csv"])
def test_a_table_of_facts_that_is_gone_is_found(directory: Path, table: str) -> None:
    assert data(directory) == 0
    (directory / table).unlink()
    ((_, what, detail),) = wrong_readings(directory)
    assert what == "servers"
    assert detail.endswith(FACTS)


@pytest.mark.parametrize("readings", ["there", "gone"])
@pytest.mark.parametrize("table", ["locations.csv", "server_types.csv"])
def test_a_table_of_facts_that_is_gone_is_made_again(
    directory: Path, table: str, readings: str
) -> None:
    assert data(directory) == 0
    before = contents(directory)
    (directory / table).unlink()
    if readings == "gone":
        (directory / f"data-{DAY}.csv").unlink()
    assert run("remake", directory, "--quiet") == 0
    assert contents(directory) == before


@pytest.mark.parametrize(
    ("table", "column"), [("locations.csv", "time_zone"), ("server_types.csv", "sockets")]
)
def test_a_whole_file_of_other_facts_is_one_line_of_remake(
    directory: Path, table: str, column: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert data(directory) == 0
    change_table(directory, table, column, "")
    capsys.readouterr()
    assert run("remake", directory) == 2
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize(
    ("table", "column", "value"),
    [("server_types.csv", "height_u", "4"), ("server_types.csv", "generation", "Gen99")],
)
def test_an_edited_fact_that_load_does_not_need_is_no_matter(
    directory: Path, table: str, column: str, value: str
) -> None:
    assert data(directory) == 0
    change_table(directory, table, column, value)
    assert wrong_readings(directory) == []


def test_files_of_other_signals_mind_no_fact(directory: Path) -> None:
    assert run("data", "--directory", directory, "--date", DAY) == 0
    change_table(directory, "locations.csv", "time_zone", "Asia/Tokyo")
    change_table(directory, "server_types.csv", "sockets", "8")
    assert wrong_readings(directory) == []


@pytest.mark.parametrize("command", ["remake", "data"])
def test_a_file_is_not_made_again_of_other_facts(
    directory: Path, command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert data(directory) == 0
    change_table(directory, "locations.csv", "time_zone", "Asia/Tokyo")
    before = contents(directory)
    capsys.readouterr()
    if command == "remake":
        (directory / f"data-{DAY}.csv").unlink()
        del before[f"data-{DAY}.csv"]
        assert run("remake", directory) == 2
    else:
        assert data(directory) == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert contents(directory) == before


def change_inventory(directory: Path, change: str) -> None:
    path = directory / "inventory.csv"
    header, *lines = path.read_text().splitlines(keepends=True)
    lines = {
        "grown": [*lines, "another,model,P1,here\n"],
        "shrunk": lines[:-5],
        "reordered": lines[::-1],
        "gone": [],
    }[change]
    path.write_text("".join([header, *lines]))


@pytest.mark.parametrize(
    ("format", "change"),
    [
        ("csv", "grown"),
        ("parquet", "shrunk"),
        ("csv", "reordered"),
        ("csv", "gone"),
        ("parquet", "gone"),
    ],
)
def test_a_file_is_checked_without_its_inventory_by_the_facts_that_are_there(
    directory: Path, format: str, change: str
) -> None:
    assert data(directory, "--format", format) == 0
    change_inventory(directory, change)
    assert wrong_readings(directory) == []


@pytest.mark.parametrize("change", ["grown", "shrunk"])
def test_a_whole_file_stays_where_the_inventory_has_changed(directory: Path, change: str) -> None:
    assert data(directory) == 0
    change_inventory(directory, change)
    before = (directory / f"data-{DAY}.csv").read_bytes()
    assert run("remake", directory, "--quiet") == 0
    assert (directory / f"data-{DAY}.csv").read_bytes() == before
