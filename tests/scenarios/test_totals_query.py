"""The query that checks a loaded table: it returns no row if the load is right."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest
from loads import run

from synthpower import COLUMNS, Column, Dataset, InputError, Inventory, Measurement, Request
from synthpower.cli.main import main
from synthpower.cli.options import _ENGINES
from synthpower.dataset.sql import DIALECTS
from synthpower.model.columns import FIELDS

DAY = "2023-02-27"
ODD = 'it\'s 50% \\ "of" `all`'
TABLE = [
    Measurement("watts", "W", Decimal(300), 2),
    Measurement(ODD, "W", Decimal(300)),
    Measurement("below", "Cel", 40, 1, minimum="-20.5"),
    Measurement("near 0", "W", Decimal("1e-300"), minimum="-1e-301"),
    Measurement("many", "W", Decimal(2**53), 0),
]
FAULTS = "kind,share\noff,0.2\nmeter_drift,0.1\n"

Query = Callable[[str], Sequence[Sequence[Any]]]


def made(directory: Path, **request: Any) -> Dataset:
    """Return a dataset of two days, or as is asked for."""
    dataset = Dataset.create(directory, Inventory.generate(20, 5))
    given = {"date": DAY, "days": 2, "interval": 7200, "measurements": TABLE} | request
    dataset.write(dataset.plan(Request(**given)))
    return dataset


def loaded(dataset: Dataset, table: str = "readings") -> duckdb.DuckDBPyConnection:
    files = sorted(map(str, Path(dataset.store.label("")).glob("data-*")))
    connection = duckdb.connect()
    suffix = {".csv": "csv", ".parquet": "parquet"}[Path(files[0]).suffix]
    connection.sql("set TimeZone = 'Australia/Sydney'")
    connection.sql(f"create table {table} as from read_{suffix}({files})")
    return connection


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return made(tmp_path_factory.mktemp("power"))


@pytest.mark.parametrize("by", [(), ("date",), ("hour", "location"), ("name", "model")])
def test_a_right_load_returns_no_row(dataset: Dataset, by: tuple[str, ...]) -> None:
    connection = loaded(dataset)
    assert connection.sql(dataset.totals_query("duckdb", by=by)).fetchall() == []


WRONG = {
    "a row is missing": (
        "delete from readings where rowid = (select min(rowid) from readings where name = 'watts')",
        {"watts"},
    ),
    "a row is doubled": (
        "insert into readings select * from readings where name = 'below' limit 1", {"below"},
    ),
    "a value is changed": (
        """update readings set measurement_value = measurement_value + 0.01 where rowid =
        (select min(rowid) from readings where name = 'watts' and measurement_value < 200)""",
        {"watts"},
    ),
    "a double is changed": (
        f"""update readings set measurement_value = measurement_value + 0.01 where rowid =
        (select min(rowid) from readings where name = '{ODD.replace("'", "''")}')""",
        {ODD},
    ),
    "the least is changed": (
        """update readings set measurement_value = -20.9 where name = 'below' and
        measurement_value = (select min(measurement_value) from readings where name = 'below')""",
        {"below"},
    ),
    "a value is NaN": (
        "update readings set measurement_value = 'NaN' where rowid = 0", {"watts"},
    ),
    "a value is infinite": (
        "update readings set measurement_value = '-inf' where rowid = 0", {"watts"},
    ),
    "a value is null": ("update readings set measurement_value = null where rowid = 0", {"watts"}),
    "there is another measurement": (
        "insert into readings select * replace ('other' as name) from readings limit 1", {"other"},
    ),
    "a name is null": (
        "insert into readings select * replace (null as name) from readings limit 1", {None},
    ),
    "nothing is loaded": ("delete from readings", {each.name for each in TABLE}),
}  # fmt: skip


@pytest.mark.parametrize("what", WRONG)
def test_a_load_that_is_wrong_returns_a_row(dataset: Dataset, what: str) -> None:
    statement, names = WRONG[what]
    connection = loaded(dataset)
    connection.sql(statement)
    rows = connection.sql(dataset.totals_query("duckdb"))
    assert {row[rows.columns.index("name")] for row in rows.fetchall()} == names
    assert rows.columns == [
        "name", "expected_rows", "found_rows", "expected_nulls", "found_nulls", "expected_sum",
        "found_sum", "expected_minimum", "found_minimum", "expected_maximum", "found_maximum",
    ]  # fmt: skip


def test_what_was_expected_and_found_is_shown(dataset: Dataset) -> None:
    connection = loaded(dataset)
    connection.sql("delete from readings where name = 'below' and measurement_value < 0")
    ((*found,),) = connection.sql(dataset.totals_query("duckdb", by=["name"])).fetchall()
    total = next(each.total for each in dataset.totals() if each.name == "below")
    left = """select count(*), sum(measurement_value), min(measurement_value) from readings
    where name = 'below'"""
    ((rows, added, least),) = connection.sql(left).fetchall()
    assert found[:6] == ["below", total.count, rows, 0, 0, float(total.sum)]
    assert found[6] == pytest.approx(added)
    assert found[7:] == [float(total.minimum or 0), least, *[float(total.maximum or 0)] * 2]


def test_only_the_day_that_is_wrong_is_returned(dataset: Dataset) -> None:
    connection = loaded(dataset)
    connection.sql("delete from readings where start_time = '2023-02-28 22:00:00Z'")
    query = dataset.totals_query("duckdb", by=["date"])
    assert {row[0] for row in connection.sql(query).fetchall()} == {"2023-02-28"}


@pytest.mark.parametrize("format", ["csv", "parquet"])
def test_readings_that_are_absent_are_null(tmp_path: Path, format: str) -> None:
    assert run("inventory", "--directory", tmp_path, "--count", 30, "--seed", 5, "--quiet") == 0
    (tmp_path / "faults.csv").write_text(FAULTS)
    words = f"data --directory {tmp_path} --date {DAY} --signal load --measurements load --format"
    assert run(*words.split(), format, "--faults", tmp_path / "faults.csv", "--quiet") == 0
    dataset = Dataset.open(tmp_path)
    connection, query = loaded(dataset), dataset.totals_query("duckdb", by=["hour"])
    assert connection.sql(query).fetchall() == []
    connection.sql("update readings set measurement_value = coalesce(measurement_value, 0)")
    assert connection.sql(query).fetchall() != []


def column(name: str, source: str, form: str = "") -> Column:
    return Column(name, FIELDS[source], form) if form else Column(name, FIELDS[source])


RENAMED = (
    column('the "time"', "end_time", "ms"), column("Metric", "name"), column("val", "measurement_value"),
    column("dc", "location"),
)  # fmt: skip


@pytest.mark.parametrize("format", ["csv", "parquet"])
def test_columns_have_the_names_of_the_files(tmp_path: Path, format: str) -> None:
    dataset = made(tmp_path, columns=RENAMED, format=format, fuzz=7199)
    connection = loaded(dataset, 'main."my ""table"""')
    query = dataset.totals_query("duckdb", 'main.my "table"', by=["hour", "location"])
    assert connection.sql(query).fetchall() == []
    connection.sql("""delete from "my ""table\""" where dc = 'DE-B-01'""")
    assert {row[1] for row in connection.sql(query).fetchall()} == {"DE-B-01"}


@pytest.mark.parametrize("form", ["float", "decimal"])
def test_values_may_be_of_another_type(tmp_path: Path, form: str) -> None:
    columns = (*COLUMNS[:6], column("v", "measurement_value", form), *COLUMNS[7:])
    table = [each for each in TABLE if each.name in ("watts", "below")]
    dataset = made(tmp_path, columns=columns, format="parquet", measurements=table)
    connection, query = loaded(dataset), dataset.totals_query("duckdb")
    assert connection.sql(query).fetchall() == []
    connection.sql("update readings set v = v + 1 where name = 'watts' and v < 100")
    assert {row[0] for row in connection.sql(query).fetchall()} == {"watts"}


def test_a_wide_table_has_a_column_for_each_measurement(tmp_path: Path) -> None:
    assert run("inventory", "--directory", tmp_path, "--count", 30, "--seed", 5, "--quiet") == 0
    (tmp_path / "columns.csv").write_text(
        "column,source,format\nt,start_time,iso\nsn,sn,\n"
        "cpu,value:server cpu utilization,\nwatts,value:server power,\n"
    )
    words = ["data", "--directory", tmp_path, "--date", DAY, "--quiet"]
    assert run(*words) == 0
    dataset = Dataset.open(tmp_path)
    connection, query = loaded(dataset), dataset.totals_query("duckdb", by=["hour"])
    assert connection.sql(query).fetchall() == []
    connection.sql("update readings set watts = watts + 0.01 where rowid = 0")
    rows = connection.sql(query).fetchall()
    assert [row[:2] for row in rows] == [(f"{DAY}T00", "server power")]


@pytest.mark.parametrize(
    ("columns", "by", "words"),
    [
        ((column("v", "measurement_value"),), (), "no column of name, which the query needs"),
        (RENAMED, ("model",), "no column of model, which the query needs"),
        (RENAMED[1:], ("date",), "no column of times in UTC, which date and hour need"),
        (RENAMED, ("file",), "a table does not say which file a row is from"),
    ],
)
def test_a_column_that_is_needed_and_not_there_is_named(
    tmp_path: Path, columns: tuple[Column, ...], by: tuple[str, ...], words: str
) -> None:
    dataset = made(tmp_path, columns=columns, days=1)
    with pytest.raises(InputError, match=words):
        dataset.totals_query("duckdb", by=by)


def test_files_of_other_columns_are_another_table(tmp_path: Path) -> None:
    dataset = made(tmp_path, days=1)
    dataset.write(dataset.plan(Request("2023-03-01", interval=7200, columns=COLUMNS[1:])))
    with pytest.raises(InputError, match="differ in their columns"):
        dataset.totals_query("duckdb")


def test_the_command_prints_the_query(dataset: Dataset, capsys: pytest.CaptureFixture[str]) -> None:
    directory = dataset.store.label("")
    assert run("totals", directory, "--sql", "duckdb", "--table", "t", "--by", "date") == 0
    query = capsys.readouterr().out
    assert query == dataset.totals_query("duckdb", "t", ["date"]) + "\n"
    assert f"-- {ODD}: a sum may be off by" in query
    assert main(["totals", directory, "--table", "t"]) == 2
    assert "argument --table: it goes with --sql" in capsys.readouterr().err


def test_the_engines_are_those_of_the_command_line() -> None:
    assert tuple(DIALECTS) == _ENGINES


@pytest.mark.servers
def test_postgres_runs_it(dataset: Dataset, postgres: dict[str, str]) -> None:
    def psql(statement: str, *options: str) -> str:
        done = subprocess.run(
            ["psql", "-qtA", "-v", "ON_ERROR_STOP=1", "-d", "postgres", *options],
            input=statement, env={**os.environ, **postgres, "PGTZ": "Australia/Sydney"},
            capture_output=True, text=True, timeout=60,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout

    psql(
        """create table readings (sn text, model text, product_id text, location text,
        start_time timestamptz, end_time timestamptz, measurement_value double precision,
        unit text, name text)"""
    )
    for path in sorted(Path(dataset.store.label("")).glob("data-*")):
        psql(f"\\copy readings from '{path}' with (format csv, header)")
    for by in ((), ("hour", "location")):
        assert psql(dataset.totals_query("postgres", by=by)) == ""
    psql("delete from readings where name = 'watts' and start_time = '2023-02-27 04:00:00Z'")
    psql("update readings set measurement_value = 'NaN' where name = 'below'")
    rows = psql(dataset.totals_query("postgres", by=["date"])).splitlines()
    assert [row.split("|")[:2] for row in rows] == [
        [DAY, "below"], [DAY, "watts"], ["2023-02-28", "below"],
    ]  # fmt: skip


@pytest.mark.servers
def test_clickhouse_runs_it(dataset: Dataset) -> None:
    chdb = pytest.importorskip("chdb", reason="chdb is not installed")
    from chdb import session

    assert chdb
    files = f"{dataset.store.label('')}/data-*.csv"
    with session.Session() as own:
        own.query("create database d; use d")
        own.query(
            """create table readings (sn String, model String, product_id String, location String,
            start_time DateTime('Australia/Sydney'), end_time DateTime('Australia/Sydney'),
            measurement_value Nullable(Float64), unit String, name String)
            engine = MergeTree order by sn"""
        )
        own.query(
            f"""insert into readings select * from file('{files}', CSVWithNames)
            settings date_time_input_format = 'best_effort'"""
        )
        for by in ((), ("hour", "location")):
            assert str(own.query(dataset.totals_query("clickhouse", by=by))) == ""
        own.query(
            "delete from readings where name = 'watts' and start_time = toDateTime(1677470400)"
        )
        query, deadline = dataset.totals_query("clickhouse", by=["date"]), time.monotonic() + 10
        while not (found := str(own.query(query))) and time.monotonic() < deadline:
            time.sleep(0.1)
        assert [line.split(",")[:2] for line in found.splitlines()] == [[f'"{DAY}"', '"watts"']]


def test_spark_gets_its_own_words(dataset: Dataset) -> None:
    query = dataset.totals_query("spark", "db.readings", by=["hour"])
    assert "FROM `db`.`readings`" in query
    assert "unix_timestamp(`start_time`)" in query
    assert "'it\\'s 50% \\\\ \"of\" `all`'" in query
    assert "CAST(number AS DECIMAL(38, 0))" in query
