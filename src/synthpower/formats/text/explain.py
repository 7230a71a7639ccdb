"""How a file of text differs from the one made again: which row, and which column."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from typing import BinaryIO

from synthpower.formats.findings import Mismatch, wrong_cell
from synthpower.formats.text.row import Row

_LINE = 2**16  # bytes of a line that are looked at

Fields = Callable[[bytes], list[str]]  # a line -> its fields


def csv_fields(line: bytes, delimiter: str) -> list[str]:
    """Return the fields of a line of CSV; none where it is no such line."""
    try:
        reader = csv.reader([line.decode(errors="replace")], delimiter=delimiter, strict=False)
        return next(reader, [])
    except csv.Error:
        return []


def json_fields(line: bytes) -> list[str]:
    """Return the values of a line of JSON; none where it is no object."""
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return []
    return [str(value) for value in found.values()] if isinstance(found, dict) else []


def whole_line(line: bytes) -> list[str]:
    """Return a line as its only field."""
    return [line.decode(errors="replace")]


def difference(
    file: BinaryIO, row: Row, names: list[str], fields: Fields, mismatch: Mismatch
) -> tuple[int, str]:
    """Return the rows that are right, and in words what differs behind them.

    Parameters
    ----------
    file : binary file
    row : Row
    names : list of str
        Of the fields of a line.
    fields : callable
        Return the fields of a line.
    mismatch : Mismatch
    """
    offset, rows, header = mismatch.offset, mismatch.rows, row.header
    if offset < len(header):
        file.seek(0)
        ends = file.readline(_LINE).rstrip(b"\r\n") == header.rstrip(b"\n")
        return 0, "its lines end with \\r\\n, not \\n" if ends else (
            f"the header is not {header.decode().strip()}"
        )
    if mismatch.rendered is None:
        return rows, f"it goes on after its last row, at byte {offset:,}"
    text = bytes(mismatch.rendered)
    begin = text.rfind(b"\n", 0, offset - mismatch.begin) + 1
    rows += text.count(b"\n", 0, begin) // row.lines
    file.seek(mismatch.begin + begin)
    found = file.read(_LINE)
    return rows, _wrong_line(rows + 1, names, fields, text[begin:].partition(b"\n")[0], found)


def _wrong_line(row: int, names: list[str], fields: Fields, expected: bytes, found: bytes) -> str:
    """Return in words how a line differs from what is expected."""
    if not found:
        return f"it ends before row {row:,}"
    line, end, _ = found.partition(b"\n")
    if not end and len(found) < _LINE:
        return f"it ends within row {row:,}"
    right, wrong = fields(expected), fields(line)
    if len(wrong) != len(right):
        return f"row {row:,}: {len(wrong)} fields, not {len(right)}"
    for name, a, b in zip(names, right, wrong, strict=True):
        if a != b:
            return wrong_cell(row, name, a, b)
    return f"row {row:,} has the right fields, but not the right bytes"
