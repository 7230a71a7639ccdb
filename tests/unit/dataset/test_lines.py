"""Any CSV in blocks of any size, as Python's reader has it."""

from __future__ import annotations

import csv
import io
from unittest.mock import patch

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthpower.dataset.validate import lines

plain = st.text(st.sampled_from("abé7 "), max_size=5)
any_text = st.text(st.sampled_from('ab,;"\n é'), max_size=5)


def read(data: bytes, columns: int, block: int, delimiter: str = ",") -> list[list[str]]:
    """Return the rows, in blocks of so many bytes."""
    names = [f"c{i}" for i in range(columns)]
    found = []
    with patch.object(lines, "BLOCK_BYTES", block):
        for each in lines.blocks_of(io.BytesIO(data), delimiter):
            texts = lines.texts_of_lines(each, names, delimiter)
            size = len(texts[names[0]])
            found += [[texts[name][row] or "" for name in names] for row in range(size)]
    return found


@pytest.mark.parametrize("delimiter", [",", ";"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
@given(
    st.lists(st.lists(plain, min_size=2, max_size=2), max_size=20)
    | st.lists(st.lists(any_text, min_size=2, max_size=2), max_size=20),
    st.integers(60, 200),
    st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC]),
    st.booleans(),
)
def test_any_csv_is_read(delimiter, end, rows, block, quoting, whole) -> None:
    out = io.StringIO()
    csv.writer(out, delimiter=delimiter, lineterminator=end, quoting=quoting).writerows(rows)
    data = out.getvalue().encode()
    data = data if whole else data.removesuffix(end.encode())
    assert read(data, 2, block, delimiter) == rows


@pytest.mark.parametrize("data", [b"a,b\n\n\n", b"\n\na,b", b"a,b\n\r\n", b"\na,b\n" + b"\n" * 300])
@pytest.mark.parametrize("block", [8, 1000])
def test_empty_lines_are_passed_over(data: bytes, block: int) -> None:
    assert read(data, 2, block) == [["a", "b"]]


@pytest.mark.parametrize("data", [b"a,b\nc\n", b"a,b,c\n", b'a,b\n"c\n'])
def test_rows_of_other_cells_are_an_error(data: bytes) -> None:
    with pytest.raises(pa.ArrowInvalid, match="CSV parse error: Expected 2 columns"):
        read(data, 2, 1000)


@pytest.mark.parametrize("data", [b"a,\xff\n", b'a,"\xff"\n'])
def test_what_is_no_text_is_an_error(data: bytes) -> None:
    with pytest.raises(ValueError, match="invalid UTF8"):
        read(data, 2, 1000)


@pytest.mark.parametrize("data", [b"x" * 1000, b'"' + b"a,b\n" * 200])
def test_a_row_that_does_not_end_is_an_error(data: bytes) -> None:
    with pytest.raises(ValueError, match="a row is longer than 100 bytes"):
        read(data, 2, 100)
