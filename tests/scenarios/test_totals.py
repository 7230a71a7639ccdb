"""What the readings come to: in the manifest, on the command line, in a table that they are in."""

from __future__ import annotations

import json
import math
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq
import pytest
from loads import run

from synthpower import Dataset, InputError, Inventory, Measurement, Notice, Part, Request
from synthpower.cli.main import main

DAY = "2023-02-27"
NAME = f"data-{DAY}.csv"
FULL = [Measurement("full", "W", Decimal(300)), Measurement("below", "Cel", 5, minimum=-7)]
FAULTS = "kind,share\noff,0.2\nmeter_drift,0.1\n"


@pytest.fixture
def power(tmp_path: Path) -> Path:
    assert run("inventory", "--directory", tmp_path, "--count", 30, "--seed", 5, "--quiet") == 0
    return tmp_path


def data(directory: Path, *options: object, date: str = DAY) -> None:
    assert run("data", "--directory", directory, "--date", date, "--quiet", *options) == 0


def entry(directory: Path, name: str = NAME) -> dict[str, Any]:
    return json.loads((directory / "manifest.json").read_bytes())["files"][name]


def listed(capsys: pytest.CaptureFixture[str], *arguments: object) -> list[dict[str, Any]]:
    assert run("totals", *arguments, "--json", "--quiet") == 0
    return json.loads(capsys.readouterr().out)


def queried(files: str, group: str = "name") -> list[tuple[Any, ...]]:
    """Return what DuckDB finds in files."""
    return duckdb.sql(
        f"""select {group}, count(measurement_value), count(*) - count(measurement_value),
        sum(round(measurement_value * 100)::hugeint), min(measurement_value),
        max(measurement_value) from '{files}' group by {group} order by {group}"""
    ).fetchall()


def as_queried(total: dict[str, Any]) -> tuple[Any, ...]:
    sums = int(Decimal(total["sum"]) * 100)
    return (total["count"], total["absent"], sums, float(total["minimum"]), float(total["maximum"]))


@pytest.mark.parametrize("options", [[], ["--format", "parquet"], ["--format", "parquet", "--writer", "pyarrow"], ["--shard", "2/3"], ["--writer", "pyarrow"]])  # fmt: skip
def test_the_manifest_has_the_totals_of_a_file(power: Path, options: list[str]) -> None:
    data(power, *options)
    (name,) = (path.name for path in power.glob("data-*"))
    found = entry(power, name)["totals"]
    expected = queried(str(power / name))
    assert [(each, *as_queried(found[each])) for each in sorted(found)] == expected


def test_absent_readings_are_counted_and_not_added(power: Path) -> None:
    (power / "faults.csv").write_text(FAULTS)
    options = ["--signal", "load", "--faults", power / "faults.csv", "--measurements", "load"]
    data(power, *options, "--format", "parquet")
    found = entry(power, f"data-{DAY}.parquet")["totals"]
    expected = queried(str(power / f"data-{DAY}.parquet"))
    assert [(each, *as_queried(found[each])) for each in sorted(found)] == expected
    assert all(total["absent"] > 0 for total in found.values())


def test_the_sum_of_doubles_is_rounded_once(power: Path) -> None:
    dataset = Dataset.open(power)
    request = Request(DAY, days=3, measurements=FULL, format="parquet", interval=900)
    dataset.write(dataset.plan(request))
    whole: dict[str, list[float]] = {"full": [], "below": []}
    for file in sorted(power.glob("data-*")):
        columns = pq.read_table(file).select(["name", "measurement_value"]).to_pydict()
        found = entry(power, file.name)["totals"]
        for name, of_all in whole.items():
            pairs = zip(*columns.values(), strict=True)
            values = [value for own, value in pairs if own == name]
            assert found[name]["sum"] == repr(math.fsum(values))
            assert found[name]["minimum"] == repr(min(values))
            of_all.extend(values)
    sums = {each.name: each.as_json()["sum"] for each in dataset.totals()}
    assert sums == {name: repr(math.fsum(values)) for name, values in whole.items()}


@pytest.mark.parametrize("by", ["location", "model", "product_id", "location,model"])
def test_groups_of_servers_are_made_without_the_files(
    power: Path, capsys: pytest.CaptureFixture[str], by: str
) -> None:
    data(power, "--days", 2)
    expected = queried(f"{power}/data-*.csv", f"{by}, name")
    for file in power.glob("data-*"):
        file.unlink()
    found = listed(capsys, power, "--by", by)
    groups = [tuple(each[field] for field in [*by.split(","), "name"]) for each in found]
    assert [(*g, *as_queried(t)) for g, t in zip(groups, found, strict=True)] == expected


def test_hours_and_dates_are_of_the_nominal_start(
    power: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data(power, "--days", 2, "--interval", 1200, "--fuzz", 1199)
    hours = queried(f"{power}/data-*.csv", "strftime(start_time, '%Y-%m-%dT%H'), name")
    found = listed(capsys, power, "--by", "hour,name")
    assert [(t["hour"], t["name"], *as_queried(t)) for t in found] == hours
    dates = queried(f"{power}/data-*.csv", "strftime(start_time, '%Y-%m-%d'), name")
    found = listed(capsys, power, "--by", "date")
    assert [(t["date"], t["name"], *as_queried(t)) for t in found] == dates
    found = listed(capsys, power, "--by", "file")
    assert [t["file"] for t in found] == [NAME, NAME, *["data-2023-02-28.csv"] * 2]


def test_all_files_are_added_up_or_those_that_are_named(
    power: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data(power, "--days", 2)
    found = listed(capsys, power)
    assert [(t["name"], *as_queried(t)) for t in found] == queried(f"{power}/data-*.csv")
    found = listed(capsys, power / NAME)
    assert [(t["name"], *as_queried(t)) for t in found] == queried(f"{power}/{NAME}")


def test_the_table_is_aligned(power: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data(power)
    assert run("totals", power) == 0
    found = capsys.readouterr()
    lines = found.out.splitlines()
    assert lines[0].split() == ["name", "unit", "count", "sum", "minimum", "maximum"]
    assert len({len(line) for line in lines}) == 1
    assert lines[1].startswith("server cpu utilization  %")
    assert found.err.startswith("1,440 readings  ")


@pytest.mark.parametrize("by", ["location", "location,hour", "model"])
def test_files_of_sites_and_hours_are_added_up(
    power: Path, capsys: pytest.CaptureFixture[str], by: str
) -> None:
    data(power, "--path", "dt={date}/hour={hour}/site={location}/data{suffix}", "--interval", 1800)
    keys = by.replace("hour", "strftime(start_time, '%Y-%m-%dT%H')")
    expected = queried(f"{power}/dt=*/*/*/data.csv", f"{keys}, name")
    found = listed(capsys, power, "--by", by)
    groups = [tuple(each[field] for field in [*by.split(","), "name"]) for each in found]
    assert [(*g, *as_queried(t)) for g, t in zip(groups, found, strict=True)] == expected
    one = sorted(power.glob("dt=*/*/*/data.csv"))[0]
    assert listed(capsys, one)[0]["count"] == len(one.read_text().splitlines()) // 2


def test_a_manifest_without_totals_is_enough(
    power: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data(power, "--days", 2)
    before = listed(capsys, power)
    manifest = json.loads((power / "manifest.json").read_bytes())
    for each in manifest["files"].values():
        del each["totals"]
    (power / "manifest.json").write_text(json.dumps(manifest | {"version": 2}))
    assert listed(capsys, power) == before
    assert all(check.passed for check in Dataset.open(power).verify())


def test_a_file_of_other_servers_names_them_itself(
    power: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data(power)
    before = listed(capsys, power, "--by", "location")
    Inventory.generate(20, 6).write(power / "other")
    (power / "inventory.csv").write_bytes((power / "other" / "inventory.csv").read_bytes())
    assert listed(capsys, power, "--by", "location") == before


def test_what_is_planned_is_left_out(power: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data(power, "--days", 3)
    manifest = json.loads((power / "manifest.json").read_bytes())
    for name in ("data-2023-02-28.csv", "data-2023-03-01.csv"):
        later = manifest["files"][name]
        later |= {"state": "planned", "bytes": None}
        del later["totals"]
    (power / "manifest.json").write_text(json.dumps(manifest))
    with pytest.warns(Notice, match="data-2023-02-28.csv and 1 more are planned"):
        found = Dataset.open(power).totals(by=["file"])
    assert {each.group["file"] for each in found} == {NAME}


def test_the_same_readings_in_two_formats_get_a_warning(power: Path) -> None:
    data(power)
    data(power, "--format", "parquet")
    with pytest.warns(Notice, match=f"the readings of {NAME} are in several files"):
        found = Dataset.open(power).totals()
    assert [each.total.count for each in found] == [1440, 1440]


def test_a_shard_without_rows_has_totals(power: Path) -> None:
    dataset = Dataset.open(power)
    request = Request(DAY, interval=86_400, part=Part(1, 31))
    dataset.write(dataset.plan(request))
    assert [each.total.count for each in dataset.totals()] == [0, 0]
    (found, _) = dataset.totals(by=["file"])
    assert found.as_json()["sum"] == "0.00"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda t: t["server power"].update(sum="1.00"), "totals of 'server power' are inconsist"),
        (lambda t: t["server power"].update(count=719), "totals of 'server power' are inconsist"),
        (lambda t: t["server power"].update(count=720.0), "totals of 'server power' are inconsi"),
        (lambda t: t["server power"].update(minimum="9e999"), "totals of 'server power' are inco"),
        (lambda t: t["server power"].update(minimum="0.1"), "totals of 'server power' are incons"),
        (lambda t: t["server power"].update(mine=1), "totals of 'server power' are inconsistent"),
        (lambda t: t["server power"].update(minimum=None), "totals of 'server power' are inconsi"),
        (lambda t: t.update({"server power": 7}), "totals of 'server power' are inconsistent"),
        (lambda t: t.pop("server power"), "its totals are not of server cpu utilization, server p"),
        (lambda t: t.update(mine={}), "its totals are not of server cpu utilization, server power"),
    ],
)
def test_totals_that_cannot_be_are_an_inconsistent_entry(
    power: Path, capsys: pytest.CaptureFixture[str], change: Any, words: str
) -> None:
    data(power)
    manifest = json.loads((power / "manifest.json").read_bytes())
    change(manifest["files"][NAME]["totals"])
    (power / "manifest.json").write_text(json.dumps(manifest))
    wrong = [check for check in Dataset.open(power).verify() if not check.passed]
    assert wrong[0].file == "manifest.json"
    assert words.replace("'", "") in wrong[0].detail.replace("'", "")
    assert main(["totals", str(power)]) == 2
    assert words.replace("'", "") in capsys.readouterr().err.replace("'", "")


def test_totals_that_are_not_a_files_are_found(power: Path) -> None:
    data(power)
    manifest = json.loads((power / "manifest.json").read_bytes())
    total = manifest["files"][NAME]["totals"]["server power"]
    total["sum"] = str(Decimal(total["sum"]) + Decimal("0.01"))
    (power / "manifest.json").write_text(json.dumps(manifest))
    (wrong,) = (check for check in Dataset.open(power).verify() if not check.passed)
    assert (wrong.file, wrong.what) == (NAME, "totals")
    assert f"sum {Decimal(total['sum']) - Decimal('0.01')}, and not {total['sum']}" in wrong.detail


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--by", "colour"], "argument --by: 'colour': choose some of location, model"),
        (["--by", "name,name"], "argument --by: name is listed twice"),
    ],
)
def test_what_cannot_be_is_one_line(
    power: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], words: str
) -> None:
    assert main(["totals", str(power), *arguments]) == 2
    assert words.replace("'", "") in capsys.readouterr().err.replace("'", "")


def test_a_dataset_without_readings_has_none(power: Path) -> None:
    with pytest.raises(InputError, match="it has no readings yet"):
        Dataset.open(power).totals()
    (power / "data-2023-01-01.csv").write_text("sn\n")
    with pytest.raises(InputError, match="does not say what it was made from"):
        Dataset.open(power).totals(names=["data-2023-01-01.csv"])


def test_only_one_dataset_is_added_up(power: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data(power)
    other = power / "other"
    assert run("inventory", "--directory", other, "--count", 2, "--quiet") == 0
    assert main(["totals", str(power / NAME), str(other)]) == 2
    assert "name one dataset, or files of one" in capsys.readouterr().err
