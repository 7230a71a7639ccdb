"""A text file's bytes -> blocks that end where rows end -> the cells of each column.

Lines of CSV without quotes are split by a kernel; whatever else CSV may be is left to Arrow, and
JSON is.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import BinaryIO, NamedTuple

import numpy as np
import pyarrow as pa
from pyarrow import csv as pa_csv
from pyarrow import json as pa_json

from synthpower import kernels
from synthpower.dataset.validate.texts import Texts, plain_texts
from synthpower.model.columns import Column, Kind

BLOCK_BYTES = 2**22
_PADDING = bytes(kernels.PADDED)


class Lines(NamedTuple):
    """A block of whole rows: so many bytes of a buffer, in which PADDED bytes follow them."""

    buffer: bytes
    size: int


def blocks_of(file: BinaryIO, delimiter: str, quotes: bool = True) -> Iterator[Lines]:
    """Yield the rest of a file in blocks of whole rows; `quotes` may hold line ends.

    Raises
    ------
    ValueError
        Where a row is longer than a block.
    """
    rest = b""
    while data := file.read(BLOCK_BYTES):
        buffer = b"".join((rest, data, _PADDING))
        filled = len(rest) + len(data)
        end = _row_end(buffer, filled, delimiter if quotes else "")
        if end:
            if buffer[0] not in b"\r\n" or buffer[:end].strip():  # there are more than line ends
                yield Lines(buffer, end)
        elif filled > 2 * BLOCK_BYTES:
            raise ValueError(f"a row is longer than {BLOCK_BYTES:,} bytes")
        rest = buffer[end:filled]
    if rest.strip():
        last = rest if rest.endswith(b"\n") else rest + b"\n"
        yield Lines(last + _PADDING, len(last))


def _row_end(buffer: bytes, filled: int, delimiter: str) -> int:
    """Return how many bytes are whole rows; without a delimiter, whole lines."""
    if not delimiter or buffer.find(b'"', 0, filled) < 0:
        return buffer.rfind(b"\n", 0, filled) + 1
    found = np.zeros(1, np.int64)
    kernels.find_row_end(np.frombuffer(buffer, np.uint8, filled), ord(delimiter), found)
    return int(found[0])


def texts_of_lines(lines: Lines, names: list[str], delimiter: str) -> dict[str, Texts]:
    """Return the columns of a block of rows.

    Raises
    ------
    ValueError
        Where it is no CSV of so many columns, or no text (`pyarrow.ArrowInvalid` is one).
    """
    buffer, size = lines
    texts = _split(lines, names, delimiter) if buffer.find(b'"', 0, size) < 0 else None
    if texts is None:
        return _by_arrow(buffer[:size], names, delimiter)
    if not buffer.isascii():
        try:
            buffer[:size].decode()
        except UnicodeDecodeError:
            raise ValueError("invalid UTF8 data") from None
    return texts


def _split(lines: Lines, names: list[str], delimiter: str) -> dict[str, Texts] | None:
    """Return the columns of rows without quotes, None where one is not of so many cells."""
    buffer, size = lines
    data = np.frombuffer(buffer, np.uint8)
    rows = int(np.count_nonzero(data[:size] == ord("\n")))
    begins, ends = (np.empty((len(names), rows), np.int32) for _ in range(2))
    found = np.zeros(2, np.int64)
    kernels.split_lines(data, size, ord(delimiter), begins, ends, found)
    returns = 0
    if buffer.find(b"\r", 0, size) >= 0:
        returns = int(np.count_nonzero(data[:size] == ord("\r")))
    if found.tolist() != [rows, returns]:
        return None
    return {name: Texts(data, begins[i], ends[i]) for i, name in enumerate(names)}


def _by_arrow(block: bytes, names: list[str], delimiter: str) -> dict[str, Texts]:
    if not block.strip(b"\r\n"):  # which Arrow takes for an error
        return dict.fromkeys(names, plain_texts(pa.array([], pa.string())))
    table = pa_csv.read_csv(
        pa.BufferReader(block),
        read_options=pa_csv.ReadOptions(column_names=names, block_size=len(block)),
        parse_options=pa_csv.ParseOptions(delimiter=delimiter, newlines_in_values=True),
        convert_options=pa_csv.ConvertOptions(column_types=dict.fromkeys(names, pa.string())),
    )
    return {name: plain_texts(table[name].combine_chunks()) for name in names}


def arrays_of_lines(lines: Lines, columns: Sequence[Column]) -> dict[str, pa.Array]:
    """Return the columns of JSON lines: strings, and numbers where these are agreed on.

    Raises
    ------
    ValueError
        Where it is no JSON of these (`pyarrow.ArrowInvalid` is one).
    """
    block = lines.buffer[: lines.size]
    schema = pa.schema([(column.name, _json_type(column)) for column in columns])
    if not block.strip():
        return {field.name: pa.array([], field.type) for field in schema}
    table = pa_json.read_json(
        pa.BufferReader(block),
        read_options=pa_json.ReadOptions(use_threads=False, block_size=len(block)),
        parse_options=pa_json.ParseOptions(
            explicit_schema=schema, unexpected_field_behavior="error"
        ),
    )
    return {name: table[name].combine_chunks() for name in schema.names}


def _json_type(column: Column) -> pa.DataType:
    if column.field.is_value:
        return pa.float64()
    return pa.int64() if column.kind is Kind.INTEGER else pa.string()
