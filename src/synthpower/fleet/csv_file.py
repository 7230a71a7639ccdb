"""inventory.csv: written fast, read fast, and where something is wrong, read again to say what."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import IO, TYPE_CHECKING, Any

import pyarrow as pa
from pyarrow import csv as pa_csv

from synthpower.csv_text import needs_quotes, render_rows
from synthpower.errors import InputError, shown
from synthpower.model.columns import SERVER_FIELDS

if TYPE_CHECKING:
    from synthpower.tables.reader import Source

REPEATING = SERVER_FIELDS[1:]  # the columns with few distinct values
_BATCH_ROWS = 2**18
_BLOCK = 2**22  # bytes


def render(table: pa.Table, distinct: list[pa.StringArray]) -> Iterator[Any]:
    """Yield the bytes of a file, one piece after the other; `distinct` are its unusual strings."""
    yield ",".join(SERVER_FIELDS).encode() + b"\n"
    quoted = any(needs_quotes(strings) for strings in distinct)
    for batch in table.to_batches(max_chunksize=_BATCH_ROWS):
        yield render_rows(batch, quoted)


def read_table(source: Source) -> pa.Table:
    """Return the servers of a file.

    Raises
    ------
    InputError, pyarrow.ArrowException, OSError
        Where it cannot be read; `explain` says why.
    """
    header = _header(source)
    if any(header.count(column) != 1 for column in SERVER_FIELDS):
        raise InputError("a column is missing or repeated")
    # Every column as strings, the ignored ones too: so all of the file is known to be UTF-8.
    types = dict.fromkeys(header, pa.string())
    types.update(dict.fromkeys(REPEATING, pa.dictionary(pa.int32(), pa.string())))
    with source.open("rb") as file:  # Arrow itself takes no path that is not UTF-8
        # Only within quotes a field has line ends; without, blocks are found on all cores.
        quoted = _has_quotes(file)
        table = pa_csv.read_csv(
            file,
            pa_csv.ReadOptions(block_size=_BLOCK),
            pa_csv.ParseOptions(newlines_in_values=quoted),
            pa_csv.ConvertOptions(column_types=types),
        )
    return table.select(list(SERVER_FIELDS)).unify_dictionaries()


def read_further(source: Source, column: str) -> pa.StringArray | None:
    """Return a further column of a file that `read_table` reads; None where there is none."""
    if _header(source).count(column) != 1:
        return None
    with source.open("rb") as file:
        quoted = _has_quotes(file)
        table = pa_csv.read_csv(
            file,
            pa_csv.ReadOptions(block_size=_BLOCK),
            pa_csv.ParseOptions(newlines_in_values=quoted),
            pa_csv.ConvertOptions(
                column_types={column: pa.dictionary(pa.int32(), pa.string())},
                include_columns=[column],
            ),
        )
    return table[column].unify_dictionaries().combine_chunks()


def _header(source: Source) -> list[str]:
    """Return the names of a file's columns."""
    with io.TextIOWrapper(source.open("rb"), encoding="utf-8-sig", newline="") as text:
        try:
            return next((row for row in csv.reader(text, strict=True) if row), [])
        except (UnicodeDecodeError, csv.Error) as error:
            raise InputError(f"{error}") from None


def explain(source: Source, advice: str) -> None:
    """Raise `InputError` for the first line of a file that is wrong, if there is one."""
    from synthpower.tables.reader import at_line, read_rows

    lines: dict[str, int] = {}
    models: dict[str, tuple[str, int]] = {}
    with source.open("rb") as file:
        if not file.read(1):
            raise InputError(f"{source}: the file is empty; {advice}")
    for line, row in read_rows(source, SERVER_FIELDS):
        with at_line(source, line):
            first = lines.setdefault(row["sn"], line)
            if first != line:
                raise InputError(
                    f"serial number {shown(row['sn'])} is a duplicate, first in line {first}"
                )
            model, first = models.setdefault(row["product_id"], (row["model"], line))
            if model != row["model"]:
                raise InputError(
                    f"product id {shown(row['product_id'])} has two models: "
                    f"{shown(model)!r} in line {first}, here {shown(row['model'])!r}"
                )
    if not lines:
        raise InputError(f"{source}: no server below the header; {advice}")


def _has_quotes(file: IO[bytes]) -> bool:
    while data := file.read(_BLOCK):
        if b'"' in data:
            break
    file.seek(0)
    return bool(data)
