"""What is particular to a Delta table."""

from __future__ import annotations

import json
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

import pytest
from deltalake import DeltaTable
from s3_server import S3Server

from synthpower import Column, Dataset, Fault, InputError, Inventory, Measurement, Request
from synthpower.dataset.lake.delta import DeltaLog
from synthpower.dataset.lake.files import TableFile
from synthpower.model.columns import field_of

DATE = "2023-02-27"


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    return Dataset.create(tmp_path / "power", Inventory.generate(5, seed=1))


def test_vacuum_removes_nothing_of_ours(dataset: Dataset, tmp_path: Path) -> None:
    given = {"signal": "load", "faults": [Fault("off", "0.2")], "table": "delta"}
    dataset.write(dataset.plan(Request(DATE, **given)))
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    assert any(path.name.startswith("_events-") for path in before)
    table = DeltaTable(tmp_path / "power" / "readings")
    kept = {"retention_hours": 0, "enforce_retention_duration": False, "full": True}
    assert table.vacuum(**kept, dry_run=True) == []
    table.vacuum(**kept, dry_run=False)
    after = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    assert before.items() <= after.items()


def test_the_first_commit_makes_the_table_and_adds_the_files(
    dataset: Dataset, tmp_path: Path
) -> None:
    dataset.write(dataset.plan(Request(DATE, days=3, table="delta")))
    (log,) = (tmp_path / "power" / "readings" / "_delta_log").iterdir()
    actions = [key for line in log.read_text().splitlines() for key in json.loads(line)]
    assert sorted(actions) == ["add"] * 3 + ["commitInfo", "metaData", "protocol"]


@pytest.mark.parametrize("name", ["server power", "a=b", "x,y", "(W)"])
def test_columns_that_no_reader_would_take_are_refused(dataset: Dataset, name: str) -> None:
    columns = (Column(name, field_of("measurement_value")),)
    with pytest.raises(InputError, match="no column of a Delta table may have"):
        dataset.plan(Request(DATE, columns=columns, table="delta"))


def test_columns_that_differ_by_case_alone_are_refused(dataset: Dataset) -> None:
    columns = tuple(Column(name, field_of("measurement_value")) for name in ("É", "b", "é"))
    with pytest.raises(InputError, match="'É' and 'é': no two columns of a Delta table may differ"):
        dataset.plan(Request(DATE, columns=columns, table="delta"))


def test_a_table_of_many_versions_is_read_on(dataset: Dataset, tmp_path: Path) -> None:
    for day in range(1, 13):
        dataset.write(dataset.plan(Request(f"2023-03-{day:02}", seed=1, table="delta")))
    folder = tmp_path / "power" / "readings"
    DeltaTable(folder).create_checkpoint()
    assert dataset.write(dataset.plan(Request("2023-03-01", days=12, table="delta"))) == []
    assert DeltaTable(folder).version() == 11


def test_decimals_that_no_double_holds_have_no_bounds(dataset: Dataset, tmp_path: Path) -> None:
    columns = tuple(
        Column(name, field_of("measurement_value"), "decimal") for name in ("one", "other")
    )
    for scale, known in ((Decimal(2**53) / 1000, False), (Decimal(10**6), True)):
        given = {"columns": columns, "measurements": [Measurement("m", "u", scale, 3)]}
        path = f"t{known}/data-{{date}}"
        dataset.write(dataset.plan(Request(DATE, path=path, table="delta", **given)))
        (log,) = (tmp_path / "power" / f"t{known}" / "_delta_log").iterdir()
        adds = [json.loads(line).get("add") for line in log.read_text().splitlines()]
        (stats,) = (json.loads(add["stats"]) for add in adds if add)
        assert stats["nullCount"] == {"one": 0, "other": 0}
        assert ([*stats["minValues"], *stats["maxValues"]] != []) is known
        again = dataset.plan(Request(DATE, path=path, table="delta", **given))
        dataset.write(again)
        assert again.table
        assert again.table.added == 0


@pytest.mark.usefixtures("s3")
@pytest.mark.parametrize("bucket", [False, True])
def test_a_folder_that_would_not_be_found_again_is_refused(tmp_path: Path, bucket: bool) -> None:
    where = "s3://bucket/a%20b" if bucket else tmp_path / "a%20b"
    dataset = Dataset.create(where, Inventory.generate(5, seed=1))
    with pytest.raises(InputError, match="no Delta table can be in a folder with %20 in its path"):
        dataset.plan(Request(DATE, table="delta"))


@pytest.mark.parametrize("prefix", ["h#x", "q?x", "a b%é"])
def test_a_prefix_of_a_bucket_is_taken_as_it_is(s3: S3Server, prefix: str) -> None:
    dataset = Dataset.create(f"s3://bucket/{prefix}", Inventory.generate(5, seed=1))
    for days in (1, 2):
        plan = dataset.plan(Request(DATE, days=days, table="delta"))
        dataset.write(plan)
        assert plan.table
        assert plan.table.added == 1
    logs = [key for key in s3.report()["objects"] if "_delta_log" in key]
    assert logs == [f"{prefix}/readings/_delta_log/{number:020}.json" for number in (0, 1)]


@pytest.mark.usefixtures("s3")
def test_two_runs_that_make_the_first_table_at_once_both_add_their_files(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    dataset = Dataset.create("s3://bucket/power", Inventory.generate(5, seed=1))
    plan, other = (dataset.plan(Request(date, table="delta")) for date in (DATE, "2023-02-28"))
    missing = DeltaLog.missing

    def late(log: DeltaLog, files: Sequence[TableFile]) -> list[TableFile]:
        found = missing(log, files)
        monkeypatch.setattr(DeltaLog, "missing", missing)
        dataset.write(other)  # between our look and our commit
        return found

    monkeypatch.setattr(DeltaLog, "missing", late)
    dataset.write(plan)
    assert plan.table
    assert plan.table.added == 1
    table = DeltaTable("s3://bucket/power/readings")
    assert (table.version(), len(table.file_uris())) == (1, 2)
