"""What a row of text is: of CSV, of JSON lines, and as a pattern says."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthpower import InputError, Measurement
from synthpower.arrays import as_strings
from synthpower.formats.text.row import (
    ESCAPES,
    Cell,
    Row,
    csv_row,
    json_row,
    pattern_columns,
    pattern_row,
)
from synthpower.model.columns import COLUMNS, Axis, Column, field_of


def told(row: Row) -> list[bytes | tuple[str, str]]:
    """Return the parts of a row, cells as source and format."""
    return [
        part if isinstance(part, bytes) else (part.column.field.name, part.column.format)
        for part in row.parts
    ]


VALUE = ("measurement_value", "double")


@pytest.mark.parametrize(
    ("pattern", "parts"),
    [
        ("{measurement_value}", [VALUE, b"\n"]),
        ("{{{measurement_value}}}", [b"{", VALUE, b"}", b"\n"]),
        ("{{sn}} {measurement_value}", [b"{", b"sn", b"}", b" ", VALUE, b"\n"]),
        (r"{sn}\t{measurement_value}\n", [("sn", ""), b"\t", VALUE, b"\n\n"]),
        ("{end_time} {end_time:ns}{measurement_value:float}",
         [("end_time", "utc"), b" ", ("end_time", "ns"), ("measurement_value", "float"), b"\n"]),
        ("{value:server power}", [("value:server power", "double"), b"\n"]),
        ("{value:server power:float}", [("value:server power", "float"), b"\n"]),
        ("{value:a:b}", [("value:a:b", "double"), b"\n"]),
        ("{value:float}", [("value:float", "double"), b"\n"]),
        ("{value:a:double:integer}", [("value:a:double", "integer"), b"\n"]),
        ("{=a b:json}{measurement_value}", [("=a b", ""), VALUE, b"\n"]),
        ("{rack:sql}{measurement_value}", [("rack", ""), VALUE, b"\n"]),
        ("é😀{measurement_value}", ["é😀".encode(), VALUE, b"\n"]),
    ],
)  # fmt: skip
def test_a_pattern_is_literals_and_columns(pattern: str, parts: list[object]) -> None:
    assert told(pattern_row(pattern)) == parts


@pytest.mark.parametrize(
    ("pattern", "error"),
    [
        ("", "'': no {measurement_value} in it"),
        ("{sn}", "'{sn}': no {measurement_value} in it"),
        ("{measurement_value", "{ alone; double it, or close it"),
        ("measurement_value}", "} alone; double it, or close it"),
        ("{a{measurement_value}", "{ alone; double it, or close it"),
        ("{}{measurement_value}", "{} names no source"),
        ("{:s}{measurement_value}", "{} names no source"),
        ("{sn:html}{measurement_value}", "format 'html' of sn: csv, json, sql, tag"),
        ("{end_time:json}{measurement_value}",
         "{end_time:json}: format 'json' of end_time: utc, iso, local, s, ms, us, ns"),
        ("{measurement_value:iso}", "measurement_value: double, float, decimal, integer"),
        ("a\nb{measurement_value}", "control character U+000A in the pattern: remove it; a line's"),
        ("a\x85b{measurement_value}", "control character U+0085 in the pattern"),
        ("{=a\tb}{measurement_value}", "control character U+0009 in source"),
        ("\udc80{measurement_value}", "U+DC80 in the pattern is no character"),
    ],
)  # fmt: skip
def test_what_is_no_pattern_is_told_in_a_line(pattern: str, error: str) -> None:
    with pytest.raises(InputError) as found:
        pattern_row(pattern)
    assert error in str(found.value)
    assert found.value.argument == "row"


def test_columns_of_a_pattern_are_there_once_under_what_names_them() -> None:
    pattern = "{sn} {sn:json} {end_time} {end_time:s} {measurement_value} {measurement_value}"
    assert [(c.name, c.field.name, c.format) for c in pattern_columns(pattern)] == [
        ("sn", "sn", ""), ("end_time", "end_time", "utc"), ("end_time:s", "end_time", "s"),
        ("measurement_value", *VALUE),
    ]  # fmt: skip


def test_a_pattern_may_have_several_lines() -> None:
    assert pattern_row("{measurement_value}").lines == 1
    assert pattern_row(r"{sn}\n{measurement_value}\n").lines == 3


def test_a_fact_is_of_measurements_where_their_table_has_it() -> None:
    row = pattern_row("{tariff}{rack}{measurement_value}")
    table = [Measurement("m", "W", 1, facts=(("tariff", "night"),))]
    axes = [part.column.axes for part in row.of_tables(table).parts if isinstance(part, Cell)]
    assert axes[:2] == [Axis.MEASUREMENT, Axis.SERVER]


@pytest.mark.parametrize(
    ("escape", "text", "escaped"),
    [
        ("", 'O\'B, "x" \\ =', 'O\'B, "x" \\ ='),
        ("csv", 'a "b"', '"a ""b"""'),
        ("csv", "a,b", '"a,b"'),
        ("csv", "a;b 'c'", "a;b 'c'"),
        ("json", 'a "b" \\ é', 'a \\"b\\" \\\\ é'),
        ("sql", "O'Brien's", "O''Brien''s"),
        ("tag", "a b,c=d\\e", "a\\ b\\,c\\=d\\\\e"),
        ("tag", "é😀", "é😀"),
    ],
)
def test_texts_are_escaped(escape: str, text: str, escaped: str) -> None:
    assert ESCAPES[escape](as_strings([text, ""])).to_pylist() == [escaped, ""]


@given(st.lists(st.text(st.characters(exclude_categories=["Cc", "Cs"])), min_size=1))
def test_any_text_is_a_string_of_json(texts: list[str]) -> None:
    escaped = ESCAPES["json"](as_strings(texts)).to_pylist()
    assert [json.loads(f'"{text}"') for text in escaped] == texts


def test_a_row_of_csv_has_a_header_only_where_it_is_wanted() -> None:
    columns = [Column('a;"b"', field_of("sn")), Column("c,d", field_of("measurement_value"))]
    assert csv_row(columns).header == b'"a;""b""","c,d"\n'
    assert csv_row(columns, ";").header == b'"a;""b""";c,d\n'
    assert csv_row(columns, ";", header=False).header == b""
    assert told(csv_row(columns, ";")) == [("sn", ""), b";", VALUE, b"\n"]


def test_a_row_of_json_quotes_strings_and_says_null() -> None:
    columns = [COLUMNS[0], Column('"x\\', field_of("end_time"), "ms"), COLUMNS[5], COLUMNS[6]]
    row = json_row(columns)
    assert row.absent == b"null"
    assert row.header == b""
    text = b"".join(part if isinstance(part, bytes) else b"7" for part in row.parts)
    assert json.loads(text) == {"sn": "7", '"x\\': 7, "end_time": "7", "measurement_value": 7}
