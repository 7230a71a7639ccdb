"""Arrow's columns as CSV: with quotes only where a field needs them, and read back."""

from __future__ import annotations

import csv
import io

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthpower.arrays import as_strings
from synthpower.csv_text import join_fields, needs_quotes, render_rows

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
    text = bytes(render_rows(batch_of(rows), quoted=True)).decode()
    assert text == "".join(",".join(map(quoted, row)) + "\n" for row in rows)
    assert [tuple(row) for row in csv.reader(io.StringIO(text, newline=""))] == rows


@given(st.lists(st.tuples(*[st.text("abé ", min_size=1)] * 3), max_size=10))
def test_where_nothing_needs_quotes_both_ways_give_the_same(rows: list[tuple[str, ...]]) -> None:
    batch = batch_of(rows)
    assert bytes(render_rows(batch, quoted=False)) == bytes(render_rows(batch, quoted=True))


@pytest.mark.parametrize(
    ("strings", "needed"),
    [([], False), (["a b", "é"], False), (["a,b"], True), (["a", 'b"'], True), (["\n"], True)],
)
def test_whether_a_field_needs_quotes_is_known(strings: list[str], needed: bool) -> None:
    assert needs_quotes(as_strings(strings)) is needed


def test_fields_are_joined_with_an_end() -> None:
    columns = [as_strings(["a", "b,"]), as_strings(["1", "2"])]
    assert join_fields(columns, ";").to_pylist() == ["a,1;", '"b,",2;']
