"""Engines push queries into readings that are made when asked for, and find what a table has."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import datafusion
import duckdb
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as pds
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from queries import (
    KINDS,
    Case,
    Condition,
    both,
    case,
    compare,
    conditions,
    either,
    is_null,
    is_valid,
    neither,
    one_of,
    plain,
)

Check = Callable[[Case, Condition, list[str]], None]


def by_arrow(made: Case, condition: Condition, columns: list[str]) -> None:
    expected = made.table.filter(condition.arrow)
    dataset = made.dataset
    assert plain(dataset.to_table(filter=condition.arrow)).equals(expected)
    chosen = expected.select(columns)
    assert plain(dataset.to_table(columns, filter=condition.arrow)).equals(chosen)
    assert plain(dataset.filter(condition.arrow).select(columns).to_table()).equals(chosen)
    assert dataset.count_rows(filter=condition.arrow) == expected.num_rows
    assert plain(dataset.head(3, filter=condition.arrow)).equals(expected.slice(0, 3))


def by_duckdb(made: Case, condition: Condition, columns: list[str]) -> None:
    names = ", ".join(f'"{name}"' for name in columns)
    with duckdb.connect() as connection:
        connection.execute("set timezone = 'UTC'")
        connection.execute("set threads = 1")
        connection.register("readings", made.dataset)
        connection.register("kept", made.table)
        connection.execute("create table plain as from kept")
        for what in (names, "count(*)"):
            query = f"select {what} from {{}} where {condition.sql}"
            found = connection.sql(query.format("readings")).to_arrow_table()
            expected = connection.sql(query.format("plain")).to_arrow_table()
            assert plain(found).equals(plain(expected))


def by_polars(made: Case, condition: Condition, columns: list[str]) -> None:
    frame = pl.DataFrame(pl.from_arrow(made.table))
    # Without categories: what they are compared with is a matter of the version.
    expected = frame.filter(condition.polars).select(columns)
    found = made.dataset.lazy().filter(condition.polars).select(columns)
    strings = [name for name in columns if expected.schema[name] == pl.String]
    assert found.collect().with_columns(pl.col(strings).cast(pl.String)).equals(expected)
    assert len(found.head(3).collect()) == min(3, len(expected))


def by_datafusion(made: Case, condition: Condition, columns: list[str]) -> None:
    names = ", ".join(f'"{name}"' for name in columns)
    sql = condition.sql.replace("TIMESTAMPTZ '", "to_timestamp_micros('")
    sql = sql.replace("+00:00'", "+00:00')")
    context = datafusion.SessionContext()
    context.register_dataset("readings", made.dataset)
    # A data set too: DataFusion hands `in` over as pyarrow's, which is false of nulls.
    context.register_dataset("kept", pds.dataset(made.table))
    for what in (names, "count(*) as many"):
        tables = []
        for table in ("readings", "kept"):
            try:
                query = f"select {what} from {table} where {sql}"
                tables.append(context.sql(query).to_arrow_table())
            except Exception as error:  # its own: a contradiction is no expression of pyarrow's
                assert "BooleanScalar" in str(error)  # noqa: PT017
                return
        rows = [sorted(plain(table).to_pylist(), key=repr) for table in tables]
        assert rows[0] == rows[1]


ENGINES: dict[str, Check] = {
    "pyarrow": by_arrow,
    "duckdb": by_duckdb,
    "polars": by_polars,
    "datafusion": by_datafusion,
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("engine", ENGINES)
@settings(max_examples=12)
@given(data=st.data())
def test_an_engine_finds_what_a_table_has(engine: str, kind: str, data: st.DataObject) -> None:
    made = case(kind)
    condition = data.draw(conditions(made.table))
    names = st.lists(st.sampled_from(made.table.schema.names), min_size=1, unique=True)
    ENGINES[engine](made, condition, data.draw(names))


def tricky(table: pa.Table) -> dict[str, Condition]:
    """Return conditions that would be pruned wrongly if a null were taken for a value."""
    first, last = table.slice(0, 1).to_pylist()[0], table.slice(len(table) - 1).to_pylist()[0]
    power = one_of(table, "name", ["server power"])
    site = one_of(table, "location", [first["location"]])
    after = compare(table, "start_time", ">=", last["start_time"])
    high = compare(table, "measurement_value", ">", 100.0)
    server = compare(table, "sn", "=", first["sn"])
    return {
        "a site": compare(table, "location", "=", first["location"]),
        "not in, on another axis": both(neither(site), after),
        "in, or on another axis": either(site, both(after, high)),
        "valid and on another axis": both(is_valid("location"), after),
        "null, or on another axis": either(is_null("location"), after),
        "not null-tested": neither(either(is_null("location"), after)),
        "valid values": both(is_valid("measurement_value"), power),
        "null values": either(is_null("measurement_value"), site),
        "neither": neither(either(site, high)),
        "a server at the end": both(server, after),
        "no row": both(after, compare(table, "start_time", "<", first["start_time"])),
        "every row": compare(table, "start_time", ">=", first["start_time"]),
        "pairs": either(both(site, power), both(server, after)),
    }


@pytest.mark.parametrize("name", tricky(case("plain").table))
@pytest.mark.parametrize("engine", ENGINES)
def test_a_tricky_condition_is_right(engine: str, name: str) -> None:
    made = case("plain")
    ENGINES[engine](made, tricky(made.table)[name], ["measurement_value", "sn"])


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[list[str], tuple[int, ...], bool]]:
    """What is made for a query: columns, the lengths of the axes, whether it is filtered."""
    found: list[tuple[list[str], tuple[int, ...], bool]] = []
    source = type(case("plain").dataset._source)
    batches = source.batches

    def spy(self: Any, selection: Any, names: Any, keep: Any = None, **options: Any) -> Any:
        found.append((list(names), tuple(map(len, selection)), keep is not None))
        return batches(self, selection, names, keep, **options)

    monkeypatch.setattr(source, "batches", spy)
    return found


HOUR = "start_time >= '2023-02-27 04:00:00Z' and start_time < '2023-02-27 12:00:00Z'"


@pytest.mark.parametrize(
    ("where", "shape"),
    [
        ("true", (6, 12, 2)),
        ("location = '{location}'", (6, 2, 2)),
        ("location in ('{location}', 'nowhere')", (6, 2, 2)),
        ("name = 'server power'", (6, 12, 1)),
        ("name in ('server power', 'none') and location = '{location}'", (6, 2, 1)),
        (HOUR, (2, 12, 2)),
        (f"sn = '{{sn}}' and {HOUR}", (2, 1, 2)),
    ],
)
def test_duckdb_has_only_made_what_a_query_asks_for(
    asked: list[tuple[list[str], tuple[int, ...], bool]], where: str, shape: tuple[int, ...]
) -> None:
    readings = case("plain").dataset  # noqa: F841 - DuckDB finds it
    rows = case("plain").table.slice(0, 24).to_pylist()
    sites = [row["location"] for row in rows]
    row = next(row for row in rows if sites.count(row["location"]) == 2 * 2)
    query = f"select sum(measurement_value) from readings where {where.format(**row)}"
    found = duckdb.sql(query).fetchall()
    assert found[0][0] > 0
    assert [(each, keep) for _, each, keep in asked] == [(shape, False)]
    assert "product_id" not in asked[0][0]


def test_what_is_not_all_on_the_axes_is_filtered(
    asked: list[tuple[list[str], tuple[int, ...], bool]],
) -> None:
    readings = case("plain").dataset  # noqa: F841 - DuckDB finds it
    query = "select count(*) from readings where name = 'server power' and measurement_value < 50"
    assert duckdb.sql(query).fetchall()[0][0] > 0
    assert [(shape, keep) for _, shape, keep in asked] == [((6, 12, 1), True)]


def test_polars_has_only_made_what_a_query_asks_for(
    asked: list[tuple[list[str], tuple[int, ...], bool]],
) -> None:
    table, frame = case("plain").table, case("plain").dataset.lazy()
    sn = table["sn"][0].as_py()
    query = frame.filter((pl.col("sn") == sn) & (pl.col("name") == "server power"))
    assert query.select(pl.col("measurement_value").sum()).collect().item() > 0
    assert [shape for _, shape, _ in asked] == [(6, 1, 1)]
    assert set(asked[0][0]) <= {"measurement_value", "sn", "name"}


def test_polars_has_the_first_rows_without_the_others(
    asked: list[tuple[list[str], tuple[int, ...], bool]],
) -> None:
    frame = case("plain").dataset.lazy().head(5).collect()
    assert frame.shape == (5, 9)
    assert (
        frame["measurement_value"].to_list()
        == case("plain").table["measurement_value"].to_pylist()[:5]
    )


def test_datafusion_may_find_that_no_row_can_be() -> None:
    made = case("plain")
    numbers = made.table["sn"].unique().to_pylist()[:2]
    context = datafusion.SessionContext()
    context.register_dataset("readings", made.dataset)
    where = " and ".join(f"sn = '{number}'" for number in numbers)
    assert context.sql(f"select * from readings where {where}").to_arrow_table().num_rows == 0


def test_the_scan_of_polars_itself_works() -> None:
    made = case("plain")
    frame = pl.scan_pyarrow_dataset(made.dataset).filter(pl.col("name") == "server power")
    expected = made.table.filter(pc.field("name") == "server power")
    assert frame.select("measurement_value").collect().to_series().to_list() == (
        expected["measurement_value"].to_pylist()
    )


def test_it_is_written_as_a_data_set_of_files(tmp_path: Path) -> None:
    made = case("days")
    pds.write_dataset(made.dataset.scanner().to_reader(), tmp_path, format="parquet")
    assert pds.dataset(tmp_path).to_table().num_rows == made.table.num_rows
