from __future__ import annotations

import sys
from datetime import UTC, datetime

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from queries import case

from synthpower import InputError
from synthpower.scan.polars_source import _translated

NINE = datetime(2023, 2, 27, 9, tzinfo=UTC)
SCHEMA = case("plain").dataset.schema


def said(predicate: pl.Expr) -> tuple[str | None, bool]:
    """Return what a predicate is translated into once Polars has made it ready for a source."""
    found: list[tuple[pc.Expression | None, bool]] = []

    def source(with_columns, predicate, n_rows, batch_size):  # noqa: ANN202
        found.append((None, False) if predicate is None else _translated(predicate, SCHEMA))
        yield pl.DataFrame(SCHEMA.empty_table())

    schema = pl.DataFrame(SCHEMA.empty_table()).schema
    pl.io.plugins.register_io_source(source, schema=schema).filter(predicate).collect()
    expression, whole = found[0]
    return None if expression is None else str(expression), whole


def test_strings_and_conjunctions_are_translated() -> None:
    site, power = pl.col("location") == "UK-S1-01", pl.col("name") != "server power"
    assert said(site) == ('(location == "UK-S1-01")', True)
    found, whole = said(site & power)
    assert found is not None
    assert '(location == "UK-S1-01")' in found
    assert '(name != "server power")' in found
    assert whole
    assert said(site | power)[1]


def test_a_part_that_is_not_translated_is_left_out_of_a_conjunction() -> None:
    site, high = pl.col("location") == "UK-S1-01", pl.col("measurement_value") > 9
    assert said(site & high) == ('(location == "UK-S1-01")', False)
    assert said(site | high) == (None, False)


@pytest.mark.parametrize(
    "predicate",
    [
        pl.col("measurement_value").is_null(),
        pl.col("location") < "V",
        pl.col("location") == pl.col("model"),
        pl.col("location").cast(pl.String).str.starts_with("UK"),
        pl.col("location").is_null(),
        pl.col("location") == pl.lit(None, pl.String),
    ],
    ids=str,
)
def test_what_may_mean_another_thing_to_arrow_is_not_translated(predicate: pl.Expr) -> None:
    assert said(predicate) == (None, False)


@pytest.mark.skipif(
    pl.__version__.startswith("1.2"), reason="Polars before 1.30 hands such filters over in part"
)
def test_times_and_lists_are_translated() -> None:
    time = pl.col("start_time")
    assert said(time >= NINE) == ("(start_time >= 2023-02-27 09:00:00.000000Z)", True)
    found, whole = said(time.is_between(NINE, NINE))
    assert whole
    assert found is not None
    assert found.count("09:00:00") == 2
    found, whole = said(pl.col("location").is_in(["UK-S1-01", "DE-B-01"]))
    assert whole
    assert found is not None
    assert found.startswith("is_in(location")


def test_a_lazy_frame_has_the_types_of_the_data_set() -> None:
    schema = case("plain").dataset.lazy().collect_schema()
    assert schema["start_time"] == pl.Datetime("us", "UTC")
    assert schema["measurement_value"] == pl.Float64
    assert schema["sn"] == pl.Categorical


def test_it_may_be_collected_again() -> None:
    frame = case("plain").dataset.lazy().select(pl.col("measurement_value").sum())
    assert frame.collect().item() == frame.collect().item() > 0


def test_no_rows_have_their_columns() -> None:
    frame = case("plain").dataset.lazy().filter(pl.col("sn") == "nobody")
    assert frame.collect().shape == (0, len(SCHEMA))
    assert frame.select("name").collect().columns == ["name"]


def test_it_is_said_that_polars_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "polars", None)
    with pytest.raises(InputError, match="Polars is not installed: pip install 'polars>"):
        case("plain").dataset.lazy()


def test_a_polars_that_loses_filters_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pl, "__version__", "1.21.0")
    with pytest.raises(InputError, match=r"Polars 1\.21\.0 loses filters"):
        case("plain").dataset.lazy()


def test_steps_that_a_filter_rules_out_stay_out() -> None:
    made = case("plain")
    times = made.table["start_time"].take([0, 80, 143]).to_pylist()
    some = made.dataset.filter(pc.field("measurement_value") > pa.scalar(50.0))
    found = some.lazy().filter(pl.col("start_time").is_in(times)).collect()
    rows = made.table.to_pylist()
    assert len(found) == sum(
        row["measurement_value"] > 50 and row["start_time"] in times for row in rows
    )


def test_a_filter_of_the_data_set_holds_too() -> None:
    made = case("plain")
    some = made.dataset.filter(pc.field("measurement_value") > pa.scalar(50.0))
    found = some.lazy().filter(pl.col("name") == "server power").select(pl.len()).collect().item()
    rows = made.table.to_pylist()
    assert found == sum(
        row["measurement_value"] > 50 and row["name"] == "server power" for row in rows
    )


def test_a_filter_of_the_first_rows_is_of_those_only() -> None:
    """Polars hands over both at once: the rows come first."""
    table = case("plain").dataset.to_table()
    frame = case("plain").dataset.lazy().head(7).filter(pl.col("name") == "server power")
    names = table["name"].to_pylist()[:7]
    assert frame.collect().height == names.count("server power") > 0
