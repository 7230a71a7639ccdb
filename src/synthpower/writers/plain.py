"""Readings through pyarrow's own writers: slow, and the judges of the fast ones."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pyarrow as pa

from synthpower.batches import Batches, Buffers, reading_schema
from synthpower.csv_text import needs_quotes, render_rows
from synthpower.grid import Chunk
from synthpower.inventory import Inventory
from synthpower.signals import places_of_counts
from synthpower.specification import Specification
from synthpower.storage import Sink
from synthpower.templates import Templates

METADATA_KEY = "synthpower"
VALUE = "measurement_value"
DICTIONARY_BYTES = 2**30  # a template never falls back to plain strings, however long they are
_BATCH_ROWS = 2**16  # Arrow takes statistics once for so many rows; its 1,024 cost a third

# 9 MB of text, which the allocator reuses. Four times that are fresh pages from the kernel each
# time: 0.6 to 0.75 of the speed on two cores, and 150 MB more.
_CSV_ROWS = 2**16
_CSV_BYTES = 2**24

_PARQUET_ROWS = 2**19  # twice the rows: 5 % faster, and 250 MB more


class PlainCsvWriter:
    """Write readings as CSV: rendered per chunk, on as many threads as one likes."""

    def __init__(self, specification: Specification, inventory: Inventory) -> None:
        templates = Templates(specification, inventory)
        # 16 MB of text at most, whatever the texts: with two times, a number and separators.
        self._longest_row = templates.longest_row() + 80
        rows = max(1, min(_CSV_ROWS, _CSV_BYTES // self._longest_row))
        self._batches = Batches(specification, inventory, rows)
        self._quoted = any(needs_quotes(texts) for texts in templates.distinct_texts())
        self.grid = self._batches.grid

    @property
    def chunk_bytes(self) -> int:
        """What a chunk takes in memory at most."""
        return self.grid.chunk_rows * self._longest_row * 2

    def render(self, chunk: Chunk, start: int, buffers: Buffers) -> pa.Buffer:
        return render_rows(self._batches.text_batch(chunk, buffers, start), self._quoted)

    def size(self, _: Specification) -> int:
        """Return what a file has at most."""
        return self.grid.num_rows * self._longest_row

    estimate = size

    @contextmanager
    def open(self, specification: Specification, sink: Sink) -> Iterator[Callable[[Any], object]]:
        sink.write(csv_header(specification.end))
        yield sink.write


class PlainParquetWriter:
    """Write readings as Parquet: a row group for each chunk, encoded one after the other."""

    def __init__(
        self, specification: Specification, inventory: Inventory, compression: str | None
    ) -> None:
        self._batches = Batches(specification, inventory, _PARQUET_ROWS)
        self._inventory = inventory
        self.grid = self._batches.grid
        names = self._batches.schema.names
        templates = [name for name in names if name != VALUE]
        few = places_of_counts(specification)  # more are smaller, and faster, without a dictionary
        default = dict.fromkeys(templates, "zstd") | {VALUE: "none"}
        self._options = {
            "compression": compression or default,
            "use_dictionary": names if few else templates,
            "dictionary_pagesize_limit": DICTIONARY_BYTES,
            "write_batch_size": _BATCH_ROWS,
            "store_schema": False,  # it would make readers return dictionaries, not strings
        }

    @property
    def chunk_bytes(self) -> int:
        """What a chunk takes in memory, about."""
        return _PARQUET_ROWS * 64

    def render(self, chunk: Chunk, start: int, buffers: Buffers) -> pa.RecordBatch:
        return self._batches.batch(chunk, buffers, start)

    def size(self, _: Specification) -> int:
        """Return about what a file has: the values, and a little for all else."""
        return self.grid.num_rows * 9

    estimate = size

    @contextmanager
    def open(self, specification: Specification, sink: Sink) -> Iterator[Callable[[Any], object]]:
        from pyarrow import parquet as pq

        writer = pq.ParquetWriter(pa.PythonFile(sink, "w"), self._batches.schema, **self._options)
        writer.add_key_value_metadata({METADATA_KEY: metadata(specification, self._inventory)})
        try:
            yield lambda batch: writer.write_batch(batch, row_group_size=batch.num_rows)
        except BaseException:
            # Arrow ends an abandoned file when it is freed: a stream must not get that footer.
            writer.is_open = False
            sink.close()
            raise
        writer.close()


def csv_header(end: bool) -> bytes:
    """Return the first line of a CSV file."""
    return ",".join(reading_schema(end).names).encode() + b"\n"


def describe(specification: Specification, inventory: Inventory) -> dict[str, object]:
    """Return what a file is made from, for its metadata and for the manifest."""
    return specification.describe() | {"inventory": inventory.describe()}


def metadata(specification: Specification, inventory: Inventory) -> str:
    """Return what a Parquet file says of its making, as JSON."""
    return json.dumps(describe(specification, inventory), sort_keys=True)
