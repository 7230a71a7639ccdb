"""Whether what a Parquet file says of its row groups is true: readers leave out rows by it.

Of numbers and times the limits have to be the least and the greatest; those of strings, which may
be shortened, have to lie around them.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import parquet as pq

from synthpower.errors import shown

_Range = tuple[Any, Any, int]  # least, greatest, nulls


class Statistics:
    """What a file says of its row groups, held against the rows as they are read.

    Parameters
    ----------
    metadata : pyarrow.parquet.FileMetaData

    Attributes
    ----------
    wrong : str
        What is said first of what is not true; empty where there is nothing.
    """

    def __init__(self, metadata: pq.FileMetaData) -> None:
        self.wrong = ""
        self._metadata = metadata
        self._group = -1
        self._rest = 0  # rows of the group that have not been read
        self._found: dict[str, _Range] = {}

    def take(self, batch: pa.RecordBatch) -> None:
        """Look at the next rows."""
        begin = 0
        while begin < batch.num_rows:
            while not self._rest:
                self._group += 1
                self._rest = self._metadata.row_group(self._group).num_rows
            rows = min(self._rest, batch.num_rows - begin)
            for name, column in zip(batch.schema.names, batch.columns, strict=True):
                found = _range(column.slice(begin, rows))
                before = self._found.get(name, (None, None, 0))
                self._found[name] = _joined(before, found)
            begin, self._rest = begin + rows, self._rest - rows
            if not self._rest:
                self._check()

    def _check(self) -> None:
        group = self._metadata.row_group(self._group)
        for number in range(group.num_columns):
            chunk = group.column(number)
            said = chunk.statistics
            if said is not None and chunk.path_in_schema in self._found:
                about = f"row group {self._group}: {chunk.path_in_schema}"
                for wrong in _wrong(said, *self._found[chunk.path_in_schema]):
                    self.wrong = self.wrong or f"{about} is said to have {wrong}"
        self._found = {}


def _range(column: pa.Array) -> _Range:
    nulls = column.null_count
    if pa.types.is_dictionary(column.type):
        column = column.dictionary.take(pc.unique(column.indices).drop_null())
    elif pa.types.is_timestamp(column.type):
        column = column.cast(pa.int64())
    found = pc.min_max(column)
    return found["min"].as_py(), found["max"].as_py(), nulls


def _joined(one: _Range, other: _Range) -> _Range:
    least = [each[0] for each in (one, other) if each[0] is not None]
    most = [each[1] for each in (one, other) if each[1] is not None]
    return min(least, default=None), max(most, default=None), one[2] + other[2]


def _wrong(said: pq.Statistics, least: Any, greatest: Any, nulls: int) -> Iterator[str]:
    """Yield what is said and not true."""
    if said.has_null_count and said.null_count != nulls:
        yield f"{said.null_count:,} nulls, not {nulls:,}"
    if not said.has_min_max or least is None:
        return
    for what, value, right in (
        ("least", said.min_raw, least),
        ("greatest", said.max_raw, greatest),
    ):
        if isinstance(right, str):
            right, value = right.encode(), bytes(value)  # noqa: PLW2901
            true = value <= right if what == "least" else value >= right
        elif isinstance(right, Decimal):
            true = _decimal(value, right) == right
        else:
            true = value == right
        if not true:
            yield f"{shown(_text(value))} as its {what} value, not {shown(_text(right))}"


def _decimal(raw: Any, like: Decimal) -> Decimal:
    """Return the decimal that is written as a whole number, or as the bytes of one."""
    count = int.from_bytes(raw, "big", signed=True) if isinstance(raw, bytes) else int(raw)
    return Decimal(count).scaleb(int(like.as_tuple().exponent))


def _text(value: Any) -> str:
    return value.decode("utf-8", "backslashreplace") if isinstance(value, bytes) else str(value)
