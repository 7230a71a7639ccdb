"""Which Arrow types the columns of a Parquet or Arrow file may have."""

from __future__ import annotations

import pyarrow as pa

from synthpower.errors import InputError, shown
from synthpower.formats.batches import TIME
from synthpower.model.columns import LOCAL, Column, Kind

_STRINGS = (pa.string(), pa.large_string(), pa.string_view())


def check_type(column: Column, kind: pa.DataType) -> str:
    """Return a note where a column's type is another one that holds the same.

    Raises
    ------
    InputError
        Where it does not.
    """
    name = column.name
    if column.kind is Kind.TIMESTAMP:
        if not pa.types.is_timestamp(kind):
            raise InputError(f"{name} is of type {shown(kind)}, not {TIME}")
        if kind.tz is None:
            raise InputError(f"{name} is of type {kind}, local times of nowhere, not {TIME}")
        wanted, holds = TIME, True
    elif column.kind is Kind.STRING or column.format == LOCAL:
        plain = kind.value_type if pa.types.is_dictionary(kind) else kind
        wanted, holds = pa.string(), plain in _STRINGS
    elif column.kind is Kind.INTEGER:
        wanted, holds = pa.int64(), pa.types.is_integer(kind)
    elif column.kind is Kind.DECIMAL:
        wanted, holds = "decimal", pa.types.is_decimal(kind)
        if holds:
            return ""
    else:
        wanted = pa.float32() if column.kind is Kind.FLOAT else pa.float64()
        holds = kind == wanted
    if not holds:
        raise InputError(f"{name} is of type {shown(kind)}, not {wanted}")
    return "" if kind == wanted else f"{name} is of type {shown(kind)}, not {wanted}"
