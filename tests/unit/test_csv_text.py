"""Arrow's columns as CSV: with quotes only where a field needs them, and read back."""

from __future__ import annotations

import csv
import io

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthpower.arrays import as_strings
from synthpower.csv_text import needs_quotes, render_rows

fields = st.text(st.sampled_from('ab,"\n\ré '), min_size=1, max_size=6)
rows = st.lists(st.tuples(fields, fields, fields), max_size=10)


def batch_of(rows: list[tuple[str, ...]]) -> pa.RecordBatch:
    columns = [as_strings([row[i] for row in rows]) for i in range(3)]
    columns[1] = columns[1].dictionary_encode()
    return pa.record_batch(columns, names=["a", "b", "c"])


def quoted(field: str) -> str:
    if not set(field) & set(',"\r\n'):
        return field
    return '"' + field.replace('"', '""') + '"'


@given(rows)
def test_fields_are_quoted_where_they_must_be(rows: list[tuple[str, ...]]) -> None:
    text = bytes(render_rows(batch_of(rows), structured=True)).decode()
    assert text == "".join(",".join(map(quoted, row)) + "\n" for row in rows)
    assert [tuple(row) for row in csv.reader(io.StringIO(text, newline=""))] == rows


@given(st.lists(st.tuples(*[st.text("abé ", min_size=1)] * 3), max_size=10))
def test_where_nothing_needs_quotes_both_ways_give_the_same(rows: list[tuple[str, ...]]) -> None:
    batch = batch_of(rows)
    assert bytes(render_rows(batch, structured=False)) == bytes(render_rows(batch, structured=True))


@pytest.mark.parametrize(
    ("strings", "needed"),
    [([], False), (["a b", "é"], False), (["a,b"], True), (["a", 'b"'], True), (["\n"], True)],
)
def test_whether_a_field_needs_quotes_is_known(strings: list[str], needed: bool) -> None:
    assert needs_quotes(as_strings(strings)) is needed


def test_another_delimiter_is_what_needs_quotes() -> None:
    batch = batch_of([("a,", "1", "2"), ("b;", "3", "4")])
    assert bytes(render_rows(batch, structured=True, delimiter=";")) == b'a,;1;2\n"b;";3;4\n'
    assert needs_quotes(as_strings(["a;"]), ";") and not needs_quotes(as_strings(["a,"]), ";")
