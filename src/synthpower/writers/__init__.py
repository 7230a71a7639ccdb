"""Chunk -> bytes. One small interface, two formats.

A writer renders chunks on any thread, in any order, and writes them in theirs:

    with CsvWriter(batches, sink) as writer:
        for chunk in batches.grid.chunks():
            writer.write(writer.render(chunk, buffers))

Leaving the context without an error ends the file.
"""

from __future__ import annotations

from synthpower.writers.csv import CsvWriter
from synthpower.writers.parquet import ParquetWriter

Writer = CsvWriter | ParquetWriter

WRITERS: dict[str, type[CsvWriter | ParquetWriter]] = {
    "csv": CsvWriter,
    "parquet": ParquetWriter,
}
