from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import COLUMNS as NAMES

from synthpower import InputError, Measurement
from synthpower.model.columns import (
    COLUMNS,
    END_COLUMNS,
    FIELDS,
    MEASUREMENT_FIELDS,
    SERVER_FIELDS,
    VALUE,
    Axis,
    Column,
    Kind,
    check_columns,
    field_of,
    further_columns,
    is_wide,
    measurements_of,
)


def test_the_columns_are_the_contracts() -> None:
    assert [column.name for column in COLUMNS] == NAMES
    assert [column.field.name for column in COLUMNS] == NAMES


def test_without_the_start_the_others_stay_in_order() -> None:
    assert [column.name for column in END_COLUMNS] == [n for n in NAMES if n != "start_time"]


def test_fields_are_known_by_what_they_depend_on() -> None:
    assert SERVER_FIELDS == ("sn", "model", "product_id", "location")
    assert MEASUREMENT_FIELDS == ("unit", "name")
    assert VALUE.axes == Axis.TIME | Axis.SERVER | Axis.MEASUREMENT


@given(st.permutations(COLUMNS))
def test_any_order_is_taken(columns: list[Column]) -> None:
    assert check_columns(columns) == tuple(columns)


def test_a_field_may_have_two_columns_of_different_names() -> None:
    columns = (Column("a", FIELDS["sn"]), Column("b", FIELDS["sn"]), Column("v", VALUE))
    assert check_columns(iter(columns)) == columns


def test_a_name_that_is_listed_twice_is_refused() -> None:
    with pytest.raises(InputError, match="column 'a' is listed twice") as found:
        check_columns([Column("a", FIELDS["sn"]), Column("a", VALUE)])
    assert found.value.argument == "columns"


@pytest.mark.parametrize("columns", [(), COLUMNS[:6], (Column("measurement_value", FIELDS["sn"]),)])
def test_a_column_holds_the_value(columns: tuple[Column, ...]) -> None:
    with pytest.raises(InputError, match="no column holds measurement_value; one must") as found:
        check_columns(columns)
    assert found.value.argument == "columns"


@pytest.mark.parametrize("name", ["", "a\nb", "\ud800", 7])
def test_the_name_of_a_column_can_be_in_a_header(name: object) -> None:
    with pytest.raises(InputError, match="column"):
        Column(name, VALUE)  # type: ignore[arg-type]


@pytest.mark.parametrize("columns", [["sn"], 7, None])
def test_what_is_no_column_is_refused(columns: object) -> None:
    with pytest.raises(InputError, match=r"is not a Column") as found:
        check_columns(columns)  # type: ignore[arg-type]
    assert found.value.argument == "columns"


@pytest.mark.parametrize(
    ("source", "kind", "axes"),
    [
        ("sn", Kind.STRING, Axis.SERVER),
        ("end_time", Kind.TIMESTAMP, Axis.TIME),
        ("name", Kind.STRING, Axis.MEASUREMENT),
        ("=a constant", Kind.STRING, Axis(0)),
        ("=", Kind.STRING, Axis(0)),
        ("value:server power", Kind.DOUBLE, Axis.TIME | Axis.SERVER),
        ("rack", Kind.STRING, Axis.SERVER),
        ("tariff", Kind.STRING, Axis.MEASUREMENT),
    ],
)
def test_a_source_names_a_field(source: str, kind: Kind, axes: Axis) -> None:
    field = field_of(source, [Measurement("m", "W", 1, facts=(("tariff", ""),))])
    assert (field.name, field.kind, field.axes) == (source, kind, axes)
    assert field.is_constant == source.startswith("=")
    assert field.measurement == ("server power" if source.startswith("value:") else None)


@pytest.mark.parametrize("source", ["", "=a\nb", "value:\x7f", "a\x85", "=\udc80", 7, None, []])
def test_what_cannot_be_in_a_table_is_no_source(source: object) -> None:
    with pytest.raises(InputError, match="source"):
        field_of(source)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("source", "format", "kind"),
    [
        ("sn", "", Kind.STRING), ("end_time", "", Kind.TIMESTAMP), ("end_time", "iso", Kind.TIMESTAMP),
        ("end_time", "local", Kind.STRING), ("end_time", "ns", Kind.INTEGER),
        ("measurement_value", "", Kind.DOUBLE), ("value:a", "float", Kind.FLOAT),
        ("value:a", "decimal", Kind.DECIMAL), ("value:a", "integer", Kind.INTEGER),
    ],
)  # fmt: skip
def test_a_format_makes_the_type(source: str, format: str, kind: Kind) -> None:
    column = Column("c", field_of(source), format)
    assert column.kind is kind
    assert column.by_default == (format == "")
    assert (Axis.SERVER in column.axes) == (source != "end_time" or format == "local")


@pytest.mark.parametrize(
    ("source", "format", "error"),
    [
        ("sn", "iso", "format 'iso' of sn: leave it empty"),
        ("=x", "x", "format 'x' of =x: leave it empty"),
        ("end_time", "double", "of end_time: utc, iso, local, s, ms, us, ns"),
        ("value:a", "utc", "of value:a: double, float, decimal, integer"),
    ],
)
def test_a_format_of_another_kind_is_refused(source: str, format: str, error: str) -> None:
    with pytest.raises(InputError, match=error):
        Column("c", field_of(source), format)


@pytest.mark.parametrize("other", ["measurement_value", "unit", "name", "tariff"])
def test_what_differs_by_measurement_is_in_no_wide_table(other: str) -> None:
    table = [Measurement("a", "W", 1, facts=(("tariff", "x"),))]
    columns = (Column("v", field_of("value:a")), Column("o", field_of(other, table)))
    assert is_wide(columns)
    with pytest.raises(InputError, match=f"column 'o': {other} differs by measurement") as found:
        check_columns(columns)
    assert found.value.argument == "columns"


def test_a_wide_table_needs_the_measurements_that_it_shows() -> None:
    table = [Measurement(name, "W", 1, facts=(("tariff", "x"),)) for name in "abc"]
    columns = [Column(name, field_of(f"value:{name}")) for name in "ca"]
    found = measurements_of(columns, table)
    assert [(m.name, m.facts) for m in found] == [("a", ()), ("c", ())]
    with pytest.raises(InputError, match=r"value:d: no such measurement; there are a, b, c"):
        measurements_of([Column("d", field_of("value:d"))], table)


def test_facts_of_measurements_are_kept_where_a_column_shows_them() -> None:
    table = [Measurement("a", "W", 1, facts=(("tariff", "x"), ("note", "a\nb")))]
    columns = [Column("t", field_of("tariff", table)), Column("v", VALUE)]
    assert measurements_of(columns, table)[0].facts == (("tariff", "x"),)
    with pytest.raises(InputError, match=r"U\+000A in source 'note': remove it") as found:
        measurements_of([Column("n", field_of("note", table))], table)
    assert found.value.argument == "columns"


def test_further_columns_are_those_of_servers() -> None:
    sources = ("rack", "sn", "=x", "owner", "rack", "end_time", "value:a")
    columns = [Column(f"{i}", field_of(source)) for i, source in enumerate(sources)]
    assert further_columns(columns) == ("rack", "owner")
