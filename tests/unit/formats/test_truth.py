"""What is true of the values of a page that goes on over several batches."""

from __future__ import annotations

import pytest

from synthpower.formats.parquet.truth import Range

SOME = Range(1.0, 5.0, 4, 0, 1)
NULLS = Range(None, None, 2, 0, 2)


@pytest.mark.parametrize(
    ("first", "second", "joined"),
    [
        (SOME, Range(0.5, 2.0, 3, 7), Range(0.5, 5.0, 7, 7, 1)),
        (SOME, NULLS, Range(1.0, 5.0, 6, 0, 3)),
        (NULLS, SOME, Range(1.0, 5.0, 6, 0, 3)),
        (NULLS, NULLS, Range(None, None, 4, 0, 4)),
    ],
)
def test_ranges_are_joined_with_their_nulls(first: Range, second: Range, joined: Range) -> None:
    assert first.joined(second) == joined
