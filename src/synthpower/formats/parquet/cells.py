"""The first wrong cell of a Parquet file that may be damaged: called in a process of its own only.

See `isolated.call`. What is here raises what it likes, and a library may end the process.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import BinaryIO

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import parquet as pq

from synthpower.arrays import in_tables
from synthpower.fleet.fleet import Fleet
from synthpower.formats.batches import Batches
from synthpower.formats.findings import wrong_cell
from synthpower.formats.parquet.layout import Page
from synthpower.model.specification import Specification
from synthpower.storage import Files

_BATCH_ROWS = 2**18
_CODECS = {1: "snappy", 6: "zstd"}

Wrong = tuple[int, str]  # the rows before, and what is wrong


def first_wrong_cell(
    store: Files,
    file_name: str,
    specification: Specification,
    fleet: Fleet,
    pages: Sequence[tuple[int, bool, Page]],
) -> Wrong | None:
    """Return the first cell of a Parquet file that is not what it should be.

    Parameters
    ----------
    store, file_name
        Where the file is.
    pages : sequence of (int, bool, Page)
        All of its pages, each with the number of its compression and whether it has strings.
    """
    batches = Batches(specification, fleet, _BATCH_ROWS)
    row = 0
    with store.open(file_name) as source:
        if wrong := _wrong_page(source, pages):
            return 0, wrong
        found = pq.ParquetFile(source).iter_batches(_BATCH_ROWS)
        sizes = map(batches.grid.rows, batches.grid.chunks())
        try:
            for chunk, part in zip(batches.grid.chunks(), in_tables(found, sizes), strict=True):
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


def _wrong_page(file: BinaryIO, pages: Sequence[tuple[int, bool, Page]]) -> str:
    """Return the first page that is not of the size, or the values, that its header says."""
    for codec, strings, page in pages:
        file.seek(page.offset + page.header_size)
        size = page.header["uncompressed_size"]
        data = file.read(page.header["compressed_size"])
        if codec:
            data = bytes(pa.Codec(_CODECS[codec]).decompress(data, size, asbytes=True))
        if len(data) != size:
            return f"the page at byte {page.offset:,} has {len(data):,} bytes, not {size:,}"
        dictionary = page.header.get("dictionary")
        if dictionary and strings and _strings(data) != dictionary["num_values"]:
            return f"the dictionary at byte {page.offset:,} has another number of values"
    return ""


def _strings(data: bytes) -> int:
    """Return how many strings PLAIN has encoded, -1 where it ends within one."""
    count = at = 0
    while at < len(data):
        at += 4 + int.from_bytes(data[at : at + 4], "little")
        count += 1
    return count if at == len(data) else -1


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
        if pa.types.is_dictionary(right.type):
            right = right.dictionary_decode()
        a, b = right, there
        if not pa.types.is_string(a.type):  # doubles to the bit: -0.0 is not 0.0
            a, b = a.view(pa.int64()), b.view(pa.int64())
        if not a.equals(b):
            at = pc.index(pc.fill_null(pc.equal(a, b), False), False).as_py()  # noqa: FBT003
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
