from __future__ import annotations

import pickle
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as pds
import pytest
from queries import KINDS, case, plain

from synthpower import InputError, Inventory, Readings
from synthpower.scan import source as source_module
from synthpower.scan.dataset import ReadingsDataset

f = pc.field


@pytest.fixture
def dataset() -> ReadingsDataset:
    return case("plain").dataset


@pytest.fixture
def table() -> pa.Table:
    return case("plain").table


@pytest.mark.parametrize("kind", KINDS)
def test_all_of_it_is_the_table(kind: str) -> None:
    made = case(kind)
    assert plain(made.dataset.to_table()).equals(made.table)
    assert len(made.dataset) == made.dataset.count_rows() == made.table.num_rows


@pytest.mark.parametrize("kind", KINDS)
def test_each_column_alone_is_that_of_the_table(kind: str) -> None:
    made = case(kind)
    for name in made.table.schema.names:
        assert plain(made.dataset.to_table([name])).equals(made.table.select([name]))


@pytest.mark.parametrize("kind", KINDS)
def test_small_chunks_make_the_same(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    made = case(kind)
    batches = list(made.dataset.made(made.table.schema.names, workers=2, chunk_rows=3))
    assert len(batches) > 10
    assert plain(pa.Table.from_batches(batches)).equals(made.table)


def test_steps_that_are_far_apart_are_made_alone(
    dataset: ReadingsDataset, table: pa.Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    hours = f("end_time").isin(table["end_time"].take([0, 50, 140]))
    for gap in (0, source_module._GAP_ROWS):
        monkeypatch.setattr(source_module, "_GAP_ROWS", gap)
        assert plain(dataset.to_table(filter=hours)).equals(table.filter(hours).combine_chunks())
        both = hours & (f("measurement_value") > 50)
        assert plain(dataset.to_table(filter=both)).equals(table.filter(both).combine_chunks())


def test_it_is_a_data_set_of_pyarrow(dataset: ReadingsDataset) -> None:
    assert isinstance(dataset, pds.Dataset)
    assert dataset.schema == Readings(Inventory.generate(3, seed=1), "2023-02-27").schema


def test_less_of_it_composes(dataset: ReadingsDataset, table: pa.Table) -> None:
    high, power = f("measurement_value") > 50, f("name") == "server power"
    some = dataset.filter(high).select(["sn", "measurement_value"]).filter(power)
    expected = table.filter(high & power).select(["sn", "measurement_value"]).combine_chunks()
    assert plain(some.to_table()).equals(expected)
    assert len(some) == expected.num_rows
    assert some.schema.names == ["sn", "measurement_value"]


@pytest.mark.parametrize(
    ("begin", "end", "steps"),
    [
        ("2023-02-27", "2023-02-28", 6),
        ("2023-02-27 04:00:00Z", "2023-02-27T12", 2),
        ("2023-02-27T03:59:59", "2023-02-27T04:00:01", 1),
        (datetime(2023, 2, 27, 4), datetime(2023, 2, 27, 4), 0),
        (
            datetime(2023, 2, 27, 5, tzinfo=timezone(timedelta(hours=1))),
            datetime(2023, 2, 27, 8, tzinfo=UTC),
            1,
        ),
    ],
)
def test_a_range_of_times_goes_by_the_nominal_interval(
    begin: str | datetime, end: str | datetime, steps: int
) -> None:
    for kind in ("plain", "late", "formats"):
        made = case(kind).dataset.between(begin, end)
        assert len(made) == steps * len(case(kind).dataset) // 6
        assert made.to_table().num_rows == len(made)


def test_ranges_of_several_days_and_sites_compose() -> None:
    made = case("days")
    site = made.table["location"][0].as_py()
    found = made.dataset.between("2023-02-27T20", "2023-02-28T08").at_sites(site)
    begin, end = (datetime(2023, 2, day, hour, tzinfo=UTC) for day, hour in ((27, 20), (28, 8)))
    times = f("start_time")
    expected = made.table.filter((times >= begin) & (times < end) & (f("location") == site))
    assert plain(found.to_table()).equals(expected.combine_chunks())


def test_servers_are_those_of_the_numbers(dataset: ReadingsDataset, table: pa.Table) -> None:
    numbers = [table["sn"][row].as_py() for row in (-1, 0, 5)]
    found = dataset.of_servers(*numbers, numbers[0])
    expected = table.filter(f("sn").isin(numbers)).combine_chunks()
    assert plain(found.to_table()).equals(expected)


def test_the_first_rows_need_no_others(dataset: ReadingsDataset, table: pa.Table) -> None:
    assert plain(dataset.head(5)).equals(table.slice(0, 5).combine_chunks())
    assert dataset.head(0).num_rows == 0
    assert dataset.head(10**6).num_rows == table.num_rows
    assert dataset.head(3, columns=["sn"]).schema.names == ["sn"]


def test_a_scanner_may_be_read_again(dataset: ReadingsDataset, table: pa.Table) -> None:
    scanner = dataset.scanner(["sn"], f("name") == "server power", batch_size=7)
    assert scanner.dataset_schema == dataset.schema
    assert scanner.projected_schema.names == ["sn"]
    assert scanner.count_rows() == scanner.to_table().num_rows == table.num_rows // 2
    assert max(batch.num_rows for batch in scanner.to_batches()) == 7
    assert scanner.head(4).num_rows == 4
    assert scanner.to_reader().read_all() == scanner.to_table()


def test_columns_may_be_expressions(dataset: ReadingsDataset, table: pa.Table) -> None:
    found = dataset.to_table(columns={"double": f("measurement_value") * 2, "who": f("sn")})
    assert found.schema.names == ["double", "who"]
    assert found["double"].to_pylist() == [2 * x for x in table["measurement_value"].to_pylist()]


def test_rows_may_have_no_columns(dataset: ReadingsDataset, table: pa.Table) -> None:
    assert dataset.to_table(columns=[]).num_rows == table.num_rows


def test_the_count_makes_nothing_where_it_can_be_told(
    dataset: ReadingsDataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(source_module.Source, "batches")
    site = case("plain").table["location"][0].as_py()
    expected = case("plain").table.filter(f("location") == site).num_rows
    assert dataset.count_rows(filter=f("location") == site) == expected


def test_each_day_is_a_fragment() -> None:
    made = case("days")
    fragments = list(made.dataset.get_fragments())
    assert [each.scanner().count_rows() for each in fragments] == [144, 144]
    later = f("start_time") >= datetime(2023, 2, 28, tzinfo=UTC)
    (only,) = made.dataset.get_fragments(later)
    assert only.scanner(made.dataset.schema, columns=["sn"]).to_table().num_rows == 144


def test_it_reads_as_a_stream(dataset: ReadingsDataset, table: pa.Table) -> None:
    assert plain(pa.table(dataset)).equals(table)
    assert pl.DataFrame(dataset).shape == table.shape


def test_data_frames_have_all_of_it(dataset: ReadingsDataset, table: pa.Table) -> None:
    assert (
        dataset.to_pandas()["measurement_value"].tolist() == table["measurement_value"].to_pylist()
    )
    assert dataset.to_polars()["sn"].cast(pl.String).to_list() == table["sn"].to_pylist()


def test_a_data_frame_of_its_iteration_says_what_to_do(dataset: ReadingsDataset) -> None:
    with pytest.raises(TypeError, match=r"to_pandas\(\)"):
        pd.DataFrame(dataset)


def test_it_shows_what_it_is(dataset: ReadingsDataset) -> None:
    seed = dataset._source.specifications[0].seed
    assert repr(dataset.filter(f("sn") == "x").select(["sn", "name"])) == (
        f"<ReadingsDataset of 2023-02-27, seed {seed}: 6 steps x 12 servers x 2 measurements "
        '(sn == "x"); sn, name>'.replace("measurements (", "measurements where (")
    )
    assert repr(case("days").dataset).startswith("<ReadingsDataset of 2023-02-27 to 2023-02-28, ")


def test_it_is_pickled_as_what_it_was_made_from(dataset: ReadingsDataset, table: pa.Table) -> None:
    high = f("measurement_value") > 50
    again = pickle.loads(pickle.dumps(dataset.filter(high).select(["sn"])))
    assert plain(again.to_table()).equals(table.filter(high).select(["sn"]).combine_chunks())


@pytest.mark.parametrize(
    ("act", "argument", "words"),
    [
        (lambda d: d.select(["sn", "size"]), "columns", "no column 'size'; there are sn, model"),
        (lambda d: d.to_table(columns="size"), "columns", "no column 'size'"),
        (lambda d: d.at_sites("nowhere"), "sites", "'nowhere': there are "),
        (lambda d: d.of_servers("nobody"), "serial_numbers", "'nobody': no such server"),
        (lambda d: d.between(3, "2023-02-28"), "begin", "'3' is not a string or a datetime"),
        (lambda d: d.between("2023-02-27", "noon"), "end", "'noon' is not a time in ISO 8601"),
        (lambda d: d.between("2023-03-02", "2023-03-01"), "end", "2023-03-01 is before 2023-03-02"),
        (lambda d: d.filter("sn = 1"), "expression", "'sn = 1': write pc.field"),
        (lambda d: d.head("5"), "num_rows", "'5' is not a whole number"),
        (lambda d: d.head(-1), "num_rows", "-1: it must be 0 or more"),
        (lambda d: d.count_rows(f(2) == "x"), "filter", "write pc.field"),
    ],
)
def test_a_wrong_argument_is_named(
    dataset: ReadingsDataset, act: Any, argument: str, words: str
) -> None:
    with pytest.raises(InputError, match=words.replace("(", r"\(")) as found:
        act(dataset)
    assert found.value.argument == argument


def test_days_that_cannot_be_are_refused() -> None:
    readings = Readings(Inventory.generate(3, seed=1), "2023-02-27T05")
    with pytest.raises(InputError, match="is one hour"):
        readings.dataset(days=2)


@pytest.mark.parametrize(
    "act",
    [
        lambda d: d.take([1]),
        lambda d: d.join(d, "sn"),
        lambda d: d.join_asof(d, "start_time", "sn", 1),
        lambda d: d.sort_by("sn"),
        lambda d: d.replace_schema(d.schema),
    ],
)
def test_what_it_cannot_do_says_so(dataset: ReadingsDataset, act: Any) -> None:
    with pytest.raises(NotImplementedError, match=r"to_table\(\) has them in memory"):
        act(dataset)
