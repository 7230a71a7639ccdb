"""The first wrong cell of what a library reads: called in a process of its own only.

See `isolated.call`: what is here raises what it likes, and a library may end the process.
"""

from __future__ import annotations

from collections.abc import Iterable

import pyarrow as pa
import pyarrow.compute as pc

from synthpower.arrays import in_tables
from synthpower.formats.batches import Batches
from synthpower.formats.findings import wrong_cell

BATCH_ROWS = 2**18

Wrong = tuple[int, str]  # the rows before, and what is wrong


def first_wrong(batches: Batches, found: Iterable[pa.RecordBatch]) -> Wrong | None:
    """Return the first cell of what was found that is not what it should be, None if none is."""
    row = 0
    sizes = map(batches.grid.rows, batches.grid.chunks())
    tables = in_tables(found, sizes)
    try:
        for chunk in batches.grid.chunks():
            part = next(tables, None)
            if part is None:
                return row, f"it ends before row {row + 1:,}"
            made = batches.batch(chunk)
            if difference := _first_difference(made, part):
                at, name, right, there = difference
                return row + at, wrong_cell(row + at + 1, name, right, there)
            row += part.num_rows
            if part.num_rows < made.num_rows:
                return row, f"it ends before row {row + 1:,}"
    except (pa.ArrowException, OSError, ValueError, OverflowError) as error:
        reason = str(error).partition("\n")[0]
        return row, f"what follows row {row:,} cannot be read: {reason}"
    return None


def _first_difference(
    made: pa.RecordBatch, found: pa.Table
) -> tuple[int, str, object, object] | None:
    """Return the first row that differs, its first such column, what is right and what is there."""
    rows = min(made.num_rows, found.num_rows)
    firsts = []
    for number, name in enumerate(made.schema.names):
        right = made.column(number).slice(0, rows)
        there = found[name].slice(0, rows).combine_chunks()
        if isinstance(there, pa.ChunkedArray):
            there = there.chunk(0) if there.num_chunks else pa.array([], there.type)
        right, there = (
            each.dictionary_decode() if pa.types.is_dictionary(each.type) else each
            for each in (right, there)
        )
        a, b = right, there
        if not pa.types.is_string(a.type):  # doubles to the bit: -0.0 is not 0.0
            a, b = a.view(pa.int64()), b.view(pa.int64())
        if not a.equals(b):
            both_null = pc.and_(a.is_null(), b.is_null())
            same = pc.or_(pc.fill_null(pc.equal(a, b), False), both_null)  # noqa: FBT003
            at = pc.index(same, False).as_py()
            firsts.append((at, number, name, _cell(right, at), _cell(there, at)))
    if not firsts:
        return None
    at, _, name, right, there = min(firsts, key=lambda first: first[:2])
    return at, name, right, there


def _cell(column: pa.Array, at: int) -> object:
    """Return a cell as Python has it; a time or a string that Python cannot have as Arrow does."""
    try:
        return column[at].as_py()
    except (ValueError, OverflowError):
        return repr(column[at])
