from __future__ import annotations

from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthpower.arrays import (
    as_array,
    as_numpy,
    as_strings,
    by_appearance,
    in_tables,
    string_buffers,
)


@pytest.mark.parametrize("block_rows", [1, 3, 5, 100])
def test_strings_are_in_order_of_appearance_however_many(block_rows: int) -> None:
    strings = as_strings(["a", "b", "c", "d", "never"])
    rows = [2] * 21 + [0, 2, 2, 3, 0, 1, 3]
    made = by_appearance(np.array(rows), strings, block_rows=block_rows)
    assert made.dictionary.to_pylist() == ["c", "a", "d", "b"]
    assert made.to_pylist() == [strings[row].as_py() for row in rows]


@pytest.mark.parametrize("block_rows", [1, 3, 5, 100])
def test_strings_appear_in_the_order_that_is_given(block_rows: int) -> None:
    strings = as_strings(["a", "b", "c", "d", "never"])
    rows = [2] * 21 + [0, 2, 2, 3, 0, 1, 3]
    order = np.arange(len(rows))[::-1]
    made = by_appearance(np.array(rows), strings, order, block_rows)
    assert made.dictionary.to_pylist() == ["d", "b", "a", "c"]
    assert made.to_pylist() == [strings[row].as_py() for row in reversed(rows)]


@given(st.lists(st.integers(0, 6), max_size=60), st.integers(1, 70))
def test_first_appearances_do_not_depend_on_the_blocks(rows: list[int], block_rows: int) -> None:
    strings = as_strings(list("abcdefg"))
    made = by_appearance(np.array(rows, np.int64), strings, block_rows=block_rows)
    assert made.dictionary.to_pylist() == ["abcdefg"[row] for row in dict.fromkeys(rows)]
    assert made.to_pylist() == ["abcdefg"[row] for row in rows]


def test_an_array_is_the_same_memory() -> None:
    values = np.arange(6).reshape(2, 3)
    made = as_array(values)
    assert made.to_pylist() == [0, 1, 2, 3, 4, 5]
    assert made.buffers()[1].address == values.ctypes.data
    assert as_numpy(made.slice(2, 3)).tolist() == [2, 3, 4]
    assert as_numpy(made).ctypes.data == values.ctypes.data


@given(st.lists(st.text(st.characters(blacklist_categories=("Cs",)))), st.integers(0, 5))
def test_strings_come_back_from_their_buffers(strings: list[str], skipped: int) -> None:
    made = as_strings(strings)
    assert made.to_pylist() == strings
    data, offsets = string_buffers(made.slice(skipped))
    found = [bytes(data[a:b]).decode() for a, b in pairwise(offsets)]
    assert found == strings[skipped:]


@given(st.lists(st.integers(0, 5)), st.lists(st.integers(1, 7), max_size=20))
def test_rows_are_yielded_in_tables_of_the_sizes_asked_for(
    batches: list[int], sizes: list[int]
) -> None:
    rows = iter(range(sum(batches)))
    source = [pa.record_batch({"row": pa.array([next(rows) for _ in range(n)], pa.int64())})
              for n in batches]  # fmt: skip
    found = [table["row"].to_pylist() for table in in_tables(source, sizes)]
    expected = list(range(sum(batches)))
    for size, part in zip(sizes, found, strict=False):
        assert part == expected[:size]
        expected = expected[size:]
    assert not expected or sum(map(len, found)) == sum(sizes)
