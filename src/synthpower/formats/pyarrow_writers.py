"""Readings through pyarrow's own writers: slower, for cross-checking; see `Writer`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pyarrow as pa

from synthpower.csv_text import needs_quotes, render_rows
from synthpower.fleet.fleet import Fleet
from synthpower.formats.batches import Batches
from synthpower.formats.buffers import Buffers
from synthpower.formats.interface import Certainty, Rendered, Size
from synthpower.formats.templates import DICTIONARY_BYTES, Templates
from synthpower.formats.text_batches import TextBatches
from synthpower.model.columns import Axis
from synthpower.model.grid import Chunk
from synthpower.model.specification import Specification
from synthpower.signals.quantity import value_dictionary
from synthpower.storage import Sink

_BATCH_ROWS = 2**16  # Arrow takes statistics once for so many rows; its 1,024 cost a third

# 9 MB of text, which the allocator reuses. Four times that are fresh pages from the kernel each
# time: 0.6 to 0.75 of the speed on two cores, and 150 MB more.
_CSV_ROWS = 2**16
_CSV_BYTES = 2**24
_NUMBER_BYTES = 28  # of a number's text, or a time's, at most

_PARQUET_ROWS = 2**19  # twice the rows: 5 % faster, and 250 MB more
_MOST_PARQUET_ROWS = 2**22  # whatever is asked for: a quarter of a GB each
_ROW_BYTES = 64  # of a batch
_VALUE_BYTES = 9  # of a value in a file, and a little for all else


class PyarrowCsvWriter:
    """Write readings as CSV: rendered per chunk, on as many threads as one likes."""

    def __init__(
        self, specification: Specification, fleet: Fleet, header: bytes, delimiter: str
    ) -> None:
        templates = Templates(specification, fleet)
        self._quoted = any(
            needs_quotes(strings, delimiter) for strings in templates.distinct().values()
        )
        # 16 MB of text at most, whatever the strings: with times, numbers and separators.
        columns = specification.columns
        strings = templates.longest_row()
        if self._quoted:
            strings = 2 * (strings + len(columns))
        others = sum(Axis.TIME in column.axes for column in columns)
        self._longest_row = strings + _NUMBER_BYTES * others + len(columns)
        rows = max(1, min(_CSV_ROWS, _CSV_BYTES // self._longest_row))
        self._batches = TextBatches(specification, fleet, rows)
        self._header = header
        self._delimiter = delimiter
        self.grid = self._batches.grid

    @property
    def chunk_bytes(self) -> int:
        return self.grid.chunk_rows * self._longest_row * 2

    def render(self, chunk: Chunk, start: int, buffers: Buffers) -> Rendered[memoryview]:
        batch, totals = self._batches.render_text(chunk, start, buffers)
        return Rendered(memoryview(render_rows(batch, self._quoted, self._delimiter)), totals)

    @contextmanager
    def open(self, _: Specification, sink: Sink) -> Iterator[Callable[[Any], object]]:
        sink.write(self._header)
        yield sink.write

    def size(self, specification: Specification) -> Size:
        return Size(self.estimate(specification), Certainty.AT_MOST)

    def estimate(self, _: Specification) -> int:
        return len(self._header) + self.grid.num_rows * self._longest_row


class PyarrowParquetWriter:
    """Write readings as Parquet: a row group for each chunk, encoded one after the other."""

    def __init__(
        self,
        specification: Specification,
        fleet: Fleet,
        compression: str | None,
        metadata: Callable[[Specification], dict[str, str]],
        row_group_rows: int | None,
    ) -> None:
        rows = min(row_group_rows or _PARQUET_ROWS, _MOST_PARQUET_ROWS)
        self._batches = Batches(specification, fleet, rows)
        self._metadata = metadata
        self.grid = self._batches.grid
        values = [c.name for c in specification.columns if c.field.is_value]
        names = self._batches.schema.names
        templates = [name for name in names if name not in values]
        # More than 16 bits of values are smaller, and faster, without a dictionary.
        few = value_dictionary(self._batches.quantities)
        default = dict.fromkeys(templates, "zstd") | dict.fromkeys(values, "none")
        self._options = {
            "compression": compression or default,
            "use_dictionary": names if few else templates,
            "dictionary_pagesize_limit": DICTIONARY_BYTES,
            "write_batch_size": _BATCH_ROWS,
            "store_decimal_as_integer": True,
            "store_schema": False,  # it would make readers return dictionaries, not strings
        }

    @property
    def chunk_bytes(self) -> int:
        return self.grid.chunk_rows * _ROW_BYTES

    def render(self, chunk: Chunk, start: int, buffers: Buffers) -> Rendered[pa.RecordBatch]:
        return self._batches.render(chunk, start, buffers)

    @contextmanager
    def open(self, specification: Specification, sink: Sink) -> Iterator[Callable[[Any], object]]:
        from pyarrow import parquet as pq

        writer = pq.ParquetWriter(pa.PythonFile(sink, "w"), self._batches.schema, **self._options)
        writer.add_key_value_metadata(self._metadata(specification))
        try:
            yield lambda batch: writer.write_batch(batch, row_group_size=batch.num_rows)
        except BaseException:
            # Arrow ends an abandoned file when it is freed: a stream must not get that footer.
            writer.is_open = False
            sink.close()
            raise
        writer.close()

    def size(self, specification: Specification) -> Size:
        return Size(self.estimate(specification), Certainty.ABOUT)

    def estimate(self, _: Specification) -> int:
        return self.grid.num_rows * _VALUE_BYTES


class PyarrowArrowWriter:
    """Write readings as Arrow IPC: a record batch for each chunk."""

    def __init__(
        self,
        specification: Specification,
        fleet: Fleet,
        compression: str | None,
        metadata: Callable[[Specification], dict[str, str]],
    ) -> None:
        self._batches = Batches(specification, fleet, _BATCH_ROWS, whole_dictionaries=True)
        self._metadata = metadata
        self._options = pa.ipc.IpcWriteOptions(
            compression=None if compression == "none" else "zstd"
        )
        self.grid = self._batches.grid

    @property
    def chunk_bytes(self) -> int:
        return _BATCH_ROWS * _ROW_BYTES

    def render(self, chunk: Chunk, start: int, buffers: Buffers) -> Rendered[pa.RecordBatch]:
        return self._batches.render(chunk, start, buffers)

    @contextmanager
    def open(self, specification: Specification, sink: Sink) -> Iterator[Callable[[Any], object]]:
        schema = self._batches.schema.with_metadata(self._metadata(specification))
        new = pa.ipc.new_stream if sink.streams else pa.ipc.new_file
        writer = new(pa.PythonFile(sink, "w"), schema, options=self._options)
        yield writer.write_batch
        writer.close()

    def size(self, specification: Specification) -> Size:
        return Size(self.estimate(specification), Certainty.AT_MOST)

    def estimate(self, _: Specification) -> int:
        return self.grid.num_rows * _ROW_BYTES
