"""Readings as CSV, through pyarrow's CSV writer."""

from __future__ import annotations

import pyarrow as pa

from synthpower.batches import Batches, Buffers, longest_row
from synthpower.csv_text import needs_quotes, render_rows
from synthpower.files import Sink
from synthpower.grid import Chunk
from synthpower.inventory import Inventory
from synthpower.specification import Specification

# 9 MB of text, which the allocator reuses. Four times that are fresh pages from the kernel each
# time: 0.6 to 0.75 of the speed on two cores, and 150 MB more.
_CHUNK_ROWS = 2**16
_CHUNK_BYTES = 2**24


class CsvWriter:
    """Write readings as CSV: rendered per chunk, on as many threads as one likes."""

    @staticmethod
    def chunk_rows(specification: Specification, inventory: Inventory) -> int:
        """Return the rows of a chunk: 16 MB of text at most, whatever the texts."""
        widest = longest_row(specification, inventory)
        return max(1, min(_CHUNK_ROWS, _CHUNK_BYTES // widest))

    def __init__(self, batches: Batches, sink: Sink) -> None:
        self._batches = batches
        self._sink = sink
        self._quoted = any(needs_quotes(texts) for texts in batches.template_texts())

    def __enter__(self) -> CsvWriter:
        self._sink.write(",".join(self._batches.schema.names).encode() + b"\n")
        return self

    def __exit__(self, *error: object) -> None: ...

    def render(self, chunk: Chunk, buffers: Buffers) -> pa.Buffer:
        return render_rows(self._batches.text_batch(chunk, buffers), self._quoted)

    def write(self, rendered: pa.Buffer) -> None:
        self._sink.write(rendered)
