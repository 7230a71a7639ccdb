from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import COLUMNS as NAMES

from synthpower import InputError
from synthpower.model.columns import (
    COLUMNS,
    END_COLUMNS,
    FIELDS,
    MEASUREMENT_FIELDS,
    SERVER_FIELDS,
    VALUE,
    Axis,
    Column,
    check_columns,
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
