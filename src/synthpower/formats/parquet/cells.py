"""The first wrong cell of a Parquet file that may be damaged: called in a process of its own only.

See `isolated.call`. What is here raises what it likes, and a library may end the process.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import BinaryIO

import pyarrow as pa
from pyarrow import parquet as pq

from synthpower.fleet.fleet import Fleet
from synthpower.formats.batches import Batches
from synthpower.formats.cells import BATCH_ROWS, Wrong, first_wrong
from synthpower.formats.parquet.layout import Page
from synthpower.model.specification import Specification
from synthpower.storage import Files

_CODECS = {1: "snappy", 6: "zstd"}


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
    batches = Batches(specification, fleet, BATCH_ROWS)
    with store.open(file_name) as source:
        if wrong := _wrong_page(source, pages):
            return 0, wrong
        return first_wrong(batches, pq.ParquetFile(source).iter_batches(BATCH_ROWS))


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
