"""``--path``: the rows divided among files in folders, and all that goes with such files."""

from __future__ import annotations

import csv
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from itertools import chain
from pathlib import Path
from types import ModuleType
from typing import Any
from urllib.parse import quote

import duckdb
import polars as pl
import pyarrow as pa
import pyarrow.dataset as ds
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from memory_store import MemoryStore
from support import CPU, POWER, measured_by

from synthpower import Dataset, InputError, Inventory, Location, Part, Readings, Request
from synthpower.cli import main as cli
from synthpower.dataset.validate.files import matches
from synthpower.tables import shipped

HIVE = "dt={date}/hour={hour}/data{suffix}"
SITES = [
    "Rome",
    "R&D/2",
    "server power",
    "..",
    "a=b",
    "Köln 🚀",
    "50%",
    "_x",
    "a+b",
    "%41",
    "2023",
    '"q"',
]


def run(*arguments: object) -> int:
    return cli.main([str(argument) for argument in arguments])


def data(directory: Path, path: str, *options: object, date: str = "2023-02-27") -> int:
    given = ["data", "--directory", directory, "--date", date, "--path", path, "--quiet"]
    return run(*given, *options)


def inventory(directory: Path, count: int = 30, sites: Sequence[str] = SITES[:2]) -> Path:
    """Make a dataset with servers at some sites, as a rule two."""
    table = directory.with_name(f"{directory.name}.csv")
    with table.open("w", newline="") as file:
        csv.writer(file).writerows([["location"], *([site] for site in sites)])
    made = ["inventory", "--directory", directory, "--count", count, "--seed", 5, "--quiet"]
    assert run(*made, "--locations", table) == 0
    return directory


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return inventory(tmp_path / "power")


def files(directory: Path) -> dict[str, bytes]:
    """Return what is in the folders of a dataset, by name."""
    found = (path for path in directory.rglob("*") if path.is_file() and path.parent != directory)
    return {path.relative_to(directory).as_posix(): path.read_bytes() for path in sorted(found)}


def rows(text: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text.decode())))[1:]


# --- which rows each file has ----------------------------------------------------------


def test_the_files_of_hours_are_the_day(directory: Path) -> None:
    assert data(directory, HIVE, "--interval", 900, "--fuzz", 60) == 0
    found = files(directory)
    assert list(found) == [f"dt=2023-02-27/hour={hour:02}/data.csv" for hour in range(24)]
    assert data(directory, "day", "--interval", 900, "--fuzz", 60) == 0
    whole = (directory / "day.csv").read_bytes()
    header = whole.partition(b"\n")[0] + b"\n"
    assert all(text.startswith(header) for text in found.values())
    assert whole == header + b"".join(text.removeprefix(header) for text in found.values())


def test_a_site_has_its_servers_and_a_measurement_its_readings(directory: Path) -> None:
    assert data(directory, "{name}/{location}") == 0
    assert data(directory, "day") == 0
    whole = rows((directory / "day.csv").read_bytes())
    sites = {row[3] for row in whole}
    found = files(directory)
    assert len(found) == 2 * len(sites)
    for site in sites:
        for name in ("server power", "server cpu utilization"):
            text = found[f"{quote(name)}/{quote(site, safe='')}.csv"]
            assert rows(text) == [row for row in whole if (row[3], row[-1]) == (site, name)]


def test_parquet_has_the_rows_of_csv(directory: Path) -> None:
    for format in ("csv", "parquet"):
        assert data(directory, "{hour}/{location}", "--format", format) == 0
    one, other = (
        duckdb.sql(f"SELECT sn, end_time, measurement_value, name FROM '{directory}/*/*.{format}'")
        for format in ("csv", "parquet")
    )
    assert sorted(one.fetchall()) == sorted(other.fetchall())


def test_a_shard_is_a_part_of_each_file(directory: Path) -> None:
    path = "{location}/{shard}"
    for number in (1, 2, 3):
        assert data(directory, path, "--shard", f"{number}/3") == 0
    assert data(directory, "{location}/whole") == 0
    found = files(directory)
    for name in found:
        if name.endswith("whole.csv"):
            parts = [name.replace("whole", f"{n:05}-of-00003") for n in (1, 2, 3)]
            assert [*chain(*(rows(found[part]) for part in parts))] == rows(found[name])


texts = st.text(st.characters(exclude_categories=["Cc", "Cs"]), min_size=1, max_size=6)


@given(
    sites=st.lists(texts, min_size=1, max_size=3, unique=True),
    pattern=st.sampled_from(
        ["{location}/{name}", "h{hour}/{name}/x{location}", "{hour}", "{name}"]
    ),
    seed=st.integers(0, 2**63 - 1),
)
@settings(max_examples=15)
def test_files_are_the_references(
    reference: ModuleType, sites: list[str], pattern: str, seed: int
) -> None:
    servers = [
        reference.Server(f"S{i}", f"model {i % 2}", f"P{i % 2}", sites[i % len(sites)])
        for i in range(5)
    ]
    store = MemoryStore()
    with store.create("inventory.csv") as sink:
        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\n")
        writer.writerows([("sn", "model", "product_id", "location"), *(tuple(s) for s in servers)])
        sink.write(out.getvalue().encode())
    dataset, table = Dataset(store), [CPU, POWER]
    request = Request("2023-02-27", interval=1800, measurements=table, seed=seed, path=pattern)
    plan = dataset.plan(request)
    written = dataset.write(plan)
    assert [summary.name for summary in written] == [job.name for job in plan.jobs]
    for job in plan.jobs:
        made = job.specification
        there = [s for s in servers if made.location in (None, s.location)]
        chosen = measured_by(reference, made.measurements)
        theirs = reference.readings(there, chosen, seed, made.date, 1800)
        assert store.data(job.name).decode() == "".join(reference.csv_lines(theirs, chosen))
    assert all(check.passed for check in dataset.verify())


def test_the_load_of_a_site_does_not_depend_on_the_others(tmp_path: Path) -> None:
    """On a day on which clocks change at some of the sites, and with faults of whole sites."""
    made = tmp_path / "power"
    sites = tmp_path / "sites.csv"
    sites.write_text("location,time_zone\nBonn,Europe/Berlin\nOmaha,America/Chicago\n")
    made_of = ["inventory", "--directory", made, "--count", 40, "--seed", 5, "--quiet"]
    assert run(*made_of, "--locations", sites) == 0
    table = tmp_path / "faults.csv"
    table.write_text("kind,share,scope\noff,0.02,server\nlost_cooling,0.1,site\nhung,0.02,server\n")
    options = ["--signal", "load", "--measurements", "load", "--interval", 900, "--faults", table]
    assert data(made, "{location}/{hour}", *options, date="2023-03-26") == 0
    day = shutil.copytree(made, tmp_path / "day", ignore=shutil.ignore_patterns("Bonn", "Omaha"))
    assert data(day, "day", *options, date="2023-03-26") == 0
    whole = rows((day / "day.csv").read_bytes())
    found = files(made)
    for site in {row[3] for row in whole}:
        texts = [found[f"{site}/{hour:02}.csv"] for hour in range(24)]
        assert [*chain(*map(rows, texts))] == [row for row in whole if row[3] == site]
        events = [rows(found[f"{site}/_events-{hour:02}.csv"]) for hour in range(24)]
        of_site = [row for row in rows((day / "events-day.csv").read_bytes()) if row[1] == site]
        assert {tuple(row) for each in events for row in each} == {tuple(row) for row in of_site}
    assert run("verify", made, "--quiet") == 0
    (made / "measurements.csv").write_bytes(shipped("measurements_load.csv").read_bytes())
    assert run("verify", "--contract", made, "--span", "2023-03-26/2023-03-27", "--quiet") == 0


# --- who reads them --------------------------------------------------------------------


@pytest.fixture(scope="module")
def hive(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Datasets in both formats in folders for days, sites and measurements."""
    found = {}
    for format in ("csv", "parquet"):
        made = inventory(tmp_path_factory.mktemp("hive") / format, 60, SITES)
        path = "dt={date}/site={location}/metric={name}/data"
        assert data(made, path, "--days", 2, "--format", format, "--interval", 28_800) == 0
        found[format] = made
    return found


def expected(directory: Path) -> set[tuple[str, ...]]:
    """Return the keys and the values of rows, and what the folders say of them."""
    dataset = Dataset.open(directory)
    found = set()
    for date in ("2023-02-27", "2023-02-28"):
        readings = Readings(dataset.inventory, date, 28_800, seed=5)
        for batch in readings.batches():
            for row in batch.to_pylist():
                found.add((row["sn"], row["measurement_value"], date, row["location"], row["name"]))
    return found


COLUMNS = "sn, measurement_value, dt, site, metric"


def duckdb_rows(directory: Path, format: str) -> list[Any]:
    glob = directory / f"dt=*/site=*/metric=*/data.{format}"
    read = f"read_{format}('{glob}', hive_partitioning=true, hive_types_autocast=false)"
    return duckdb.sql(f"SELECT {COLUMNS} FROM {read}").fetchall()


def polars_rows(directory: Path, format: str) -> list[Any]:
    schema = dict.fromkeys(["dt", "site", "metric"], pl.String)
    glob = directory / "dt=*/site=*/metric=*/data.parquet"
    lazy = pl.scan_parquet(glob, hive_partitioning=True, hive_schema=schema)
    assert format == "parquet"
    return lazy.select(COLUMNS.split(", ")).collect().rows()


def pyarrow_rows(directory: Path, format: str) -> list[Any]:
    schema = pa.schema([(name, pa.string()) for name in ("dt", "site", "metric")])
    paths = sorted(map(str, directory.glob(f"dt=*/site=*/metric=*/data.{format}")))
    found = ds.dataset(
        paths,
        format=format,
        partitioning=ds.partitioning(schema, flavor="hive"),
        partition_base_dir=str(directory),
    )
    table = found.to_table(COLUMNS.split(", "))
    return list(zip(*(column.to_pylist() for column in table.columns), strict=True))


@pytest.mark.parametrize(
    ("read", "format"),
    [(duckdb_rows, "csv"), (duckdb_rows, "parquet"), (polars_rows, "parquet"),
     (pyarrow_rows, "csv"), (pyarrow_rows, "parquet")],
)  # fmt: skip
def test_readers_of_hive_folders_have_what_they_say(
    hive: dict[str, Path], read: Callable[[Path, str], list[Any]], format: str
) -> None:
    found = read(hive[format], format)
    wanted = expected(hive[format])
    assert {row[3] for row in wanted} == set(SITES)
    assert {tuple(row) for row in found} == wanted
    assert len(found) == len(wanted)


# --- run again, killed, made again, looked at -------------------------------------------


def test_what_is_complete_is_left_alone_and_what_is_missing_is_made(
    directory: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["data", "--directory", directory, "--date", "2023-02-27", "--path", HIVE]
    assert run(*options) == 0
    before = files(directory)
    capsys.readouterr()
    assert run(*options) == 0
    said = "24 files, dt=2023-02-27/hour=00/data.csv to dt=2023-02-27/hour=23/data.csv"
    assert capsys.readouterr().err == f"{said}  already complete\n"
    shutil.rmtree(directory / "dt=2023-02-27/hour=05")
    assert run(*options) == 0
    assert files(directory) == before


def test_another_file_of_that_name_is_refused(
    directory: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert data(directory, HIVE) == 0
    assert data(directory, HIVE, "--fuzz", 5) == 2
    assert "hour=00/data.csv exists, and it was made from fuzz 0, not 5" in capsys.readouterr().err
    assert data(directory, HIVE, "--fuzz", 5, "--overwrite") == 0
    assert run("verify", directory, "--quiet") == 0


def test_a_site_that_came_later_is_added(directory: Path) -> None:
    assert data(directory, "{location}/data") == 0
    before = files(directory)
    with (directory / "inventory.csv").open("a") as file:
        file.write("ZZZZZZZZZZ,ProLiant,P-1,New site\n")
    assert data(directory, "{location}/data") == 0
    assert files(directory) == before | {
        "New%20site/data.csv": (directory / "New%20site/data.csv").read_bytes()
    }


@pytest.mark.slow
def test_a_killed_run_is_finished_by_the_same_command(tmp_path: Path) -> None:
    directory = inventory(tmp_path / "power", 2000)
    words = ["data", "--directory", directory, "--date", "2023-02-27", "--days", 2, "--quiet"]
    words += ["--interval", 600, "--path", "dt={date}/hour={hour}/{location}/data"]
    command = [sys.executable, "-m", "synthpower", *map(str, words)]
    whole = inventory(tmp_path / "whole", 2000)
    words[2] = whole
    assert run(*words) == 0
    for seconds in (0.2, 0.4, 0.8):
        process = subprocess.Popen(command)
        while not (directory / "manifest.json").exists() or not files(directory):
            time.sleep(0.01)
            if process.poll() is not None:
                break
        time.sleep(seconds)
        process.send_signal(signal.SIGKILL)
        process.wait()
        made = files(directory)
        assert made.items() <= files(whole).items()
    subprocess.run(command, check=True)
    assert files(directory) == files(whole)
    assert not list(directory.rglob(".synthpower-*"))
    assert json.loads((directory / "manifest.json").read_bytes()) == (
        json.loads((whole / "manifest.json").read_bytes())
    )


def test_a_dataset_is_made_again_from_its_manifest(tmp_path: Path) -> None:
    directory = inventory(tmp_path / "power", 60, SITES)
    assert data(directory, "dt={date}/{location}/{name}", "--days", 2, "--format", "parquet") == 0
    before = files(directory)
    shutil.rmtree(directory / "dt=2023-02-28")
    assert run("remake", directory, "--quiet") == 0
    assert files(directory) == before
    assert run("remake", directory, "--directory", tmp_path / "again", "--quiet") == 0
    assert files(tmp_path / "again") == before
    assert run("verify", tmp_path / "again", "--quiet") == 0


def test_one_file_is_made_again_and_verified(directory: Path, tmp_path: Path) -> None:
    assert data(directory, "dt={date}/{location}", "--format", "parquet") == 0
    name = next(iter(files(directory)))
    assert run("remake", directory / name, "--directory", tmp_path / "again", "--quiet") == 0
    assert (tmp_path / "again" / name).read_bytes() == (directory / name).read_bytes()
    assert run("verify", directory / name, "--quiet") == 0
    alone = tmp_path / "alone.parquet"
    shutil.copy(directory / name, alone)
    assert run("verify", alone, "--quiet") == 0


def wrong(directory: Path) -> dict[str, str]:
    """Return what `verify` finds wrong, by the file."""
    checks = Dataset.open(directory).verify()
    return {check.file: check.detail for check in checks if not check.passed}


def test_what_is_wrong_in_a_folder_is_found(directory: Path) -> None:
    assert data(directory, HIVE) == 0
    assert data(directory, HIVE, "--format", "parquet") == 0
    assert wrong(directory) == {}
    folder = directory / "dt=2023-02-27"
    (folder / "hour=03/data.csv").unlink()
    text = bytearray((folder / "hour=04/data.csv").read_bytes())
    text[-60] ^= 1
    (folder / "hour=04/data.csv").write_bytes(text)
    shutil.copytree(folder / "hour=05", directory / "dt=2023-02-28/hour=06")
    (folder / "hour=07/other.csv").touch()
    (folder / "hour=07/notes.md").touch()
    found = wrong(directory)
    missing = "manifest.json names it, and it is not there"
    nothing = "nothing says what it was made from: not in manifest.json"
    assert found.pop("dt=2023-02-27/hour=04/data.csv").startswith("row ")
    assert found == {
        "dt=2023-02-27/hour=03/data.csv": missing,
        "dt=2023-02-27/hour=07/other.csv": nothing,
        "dt=2023-02-28/hour=06/data.csv": nothing,
        "dt=2023-02-28/hour=06/data.parquet": "it holds other readings than its path says: of data-2023-02-27T05",
    }


def test_other_folders_are_nobodys_business(directory: Path) -> None:
    assert data(directory, HIVE) == 0
    inventory(directory / "nested")
    assert data(directory / "nested", HIVE, date="2023-05-01") == 0
    assert wrong(directory) == {}


def test_the_inventory_of_files_in_folders_is_not_replaced(
    directory: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert data(directory, HIVE) == 0
    made = ["inventory", "--directory", directory, "--count", 9, "--overwrite"]
    assert run(*made) == 2
    assert "hour=00/data.csv was made from the inventory that is there" in capsys.readouterr().err


def test_a_site_whose_servers_have_changed_names_its_own(directory: Path) -> None:
    assert data(directory, "{location}/data", "--format", "parquet") == 0
    lines = (directory / "inventory.csv").read_text().splitlines(keepends=True)
    gone = lines.pop().rstrip("\n").rpartition(",")[2]
    (directory / "inventory.csv").write_text("".join(lines))
    checks = {c.file: c.detail for c in Dataset.open(directory).verify() if c.what == "servers"}
    assert checks.pop(f"{gone}/data.parquet") == "its own: inventory.csv has changed since"
    assert set(checks.values()) == {"those of inventory.csv", "each once"}


# --- what is said of them ---------------------------------------------------------------


def commands(directory: Path) -> list[str]:
    text = (directory / "README.md").read_text()
    return [line.strip() for line in text.splitlines() if line.startswith("    synthpower data")]


@pytest.mark.parametrize(
    ("path", "glob", "number"),
    [
        (HIVE, "dt=*/hour=*/data.csv", 48),
        ("dt={date}/site={location}/{name}{suffix}", "dt=*/site=*/*.csv", None),
        ("{location}-{date}{suffix}", "*-*.csv", None),
        ("x/{date}{suffix}", "x/*.csv", 2),
    ],
)
def test_the_readme_has_the_command_and_a_glob_of_all_files(
    directory: Path, path: str, glob: str, number: int | None
) -> None:
    assert data(directory, path, "--days", 2, "--interval", 1800) == 0
    quoted = "'" + path + "'"
    assert commands(directory) == [
        f"synthpower data --directory . --date 2023-02-27 --days 2 --interval 1800 --path {quoted}"
    ]
    assert f"\ndata: {glob}\n" in (directory / "README.md").read_text()
    names = set(json.loads((directory / "manifest.json").read_bytes())["files"])
    assert {each.path.relative_to(directory).as_posix() for each in matches(directory)} == names
    assert number in (None, len(names))


def test_the_command_in_the_readme_makes_the_same_files(directory: Path, tmp_path: Path) -> None:
    path = "dt={date}/hour={hour}/{location}/{name}"
    assert data(directory, path) == 0
    assert data(directory, path, date="2023-02-28T05") == 0
    assert data(directory, HIVE, date="2023-02-28T05") == 0
    said = commands(directory)
    assert len(said) == 3
    again = inventory(tmp_path / "again")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    for command in said:
        line = command.replace("synthpower", f"{sys.executable} -m synthpower", 1)
        subprocess.run(line, shell=True, cwd=again, check=True, env=environment)
    assert files(again) == files(directory)


def test_files_in_folders_and_others_have_one_glob(directory: Path) -> None:
    assert run("data", "--directory", directory, "--date", "2023-02-27", "--quiet") == 0
    assert data(directory, HIVE) == 0
    assert len(matches(directory)) == 25


def test_a_dry_run_says_how_many_files_there_would_be(
    directory: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert data(directory, HIVE, "--days", 3, "--dry-run") == 0
    out = capsys.readouterr().out
    assert out.startswith("files  72 files, dt=2023-02-27/hour=00/data.csv to dt=2023-03-01/hour")
    assert f"rows   {3 * 24 * 30 * 2:,}\n" in out
    assert files(directory) == {}


@pytest.mark.parametrize(
    ("path", "options", "words"),
    [
        ("{day}", [], "--path: {day}: choose {date}"),
        ("{hour}", ["--days", "2"], "--path: '{hour}{suffix}': the files of several days"),
        ("{date}", ["--shard", "1/2"], "--path: '{date}{suffix}': the shards of a file"),
        ("{date}/{hour}", ["--interval", "7200"], "--interval: 7200 does not divide an hour"),
        ("{date}", ["--output", "x.csv"], "--output: it names one file; it does not go with"),
        ("data-{location}", [], "--path: data-"),
        ("inventory", [], "--path: 'inventory.csv' is not the name of a file of readings"),
        ("README.md/{date}", [], "--path: 'README.md/{date}{suffix}' is not the name"),
        ("inventory.csv/{date}", [], "--path: 'inventory.csv/{date}{suffix}' is not the name"),
    ],
)
def test_a_path_that_cannot_be_is_refused_in_one_line(
    directory: Path,
    path: str,
    options: Sequence[str],
    words: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    if "{location}" in path:  # a name that says another day
        text = (directory / "inventory.csv").read_text().splitlines()
        lines = [text[0], *(line.rpartition(",")[0] + ",2020-01-01" for line in text[1:])]
        (directory / "inventory.csv").write_text("\n".join(lines) + "\n")
    before = sorted(directory.rglob("*"))
    assert data(directory, path, *options) == 2
    said = capsys.readouterr().err
    assert words in said
    assert said.count("\n") == 1
    assert sorted(directory.rglob("*")) == before


def test_a_file_in_the_place_of_a_folder_is_an_error_of_one_line(
    directory: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (directory / "dt=2023-02-27").touch()
    assert data(directory, HIVE) == 2
    said = capsys.readouterr().err
    assert "dt=2023-02-27" in said
    assert "--path" in said
    assert said.count("\n") == 1


def test_the_library_divides_too() -> None:
    fleet = Inventory.generate(20, seed=1, locations=[Location("a"), Location("b")])
    with pytest.raises(InputError) as error:
        Request("2023-02-27", part=Part(1, 2), path="{location}").dates()
    assert error.value.argument == "path"
    assert len(fleet.at("a")) + len(fleet.at("b")) == 20
