"""Chunk -> bytes: for each format a fast writer of our own, and a plain one of pyarrow's.

A writer serves all files of a run that differ in their date only. It renders chunks on any
thread, in any order; a file is written in the order of its chunks:

    with writer.open(specification, sink) as write:
        for chunk in writer.grid.chunks():
            write(writer.render(chunk, specification.start, buffers))

Leaving the context without an error ends the file. The fast writers know a file's size before:
``size(specification)``, and about how large it will be, in no time: ``estimate(specification)``.
"""

from __future__ import annotations

from synthpower.inventory import Inventory
from synthpower.specification import Specification
from synthpower.writers.csv import CsvWriter
from synthpower.writers.parquet import ParquetWriter
from synthpower.writers.plain import METADATA_KEY, PlainCsvWriter, PlainParquetWriter, describe

__all__ = ["METADATA_KEY", "Writer", "describe", "make_writer"]

Writer = CsvWriter | ParquetWriter | PlainCsvWriter | PlainParquetWriter


def make_writer(
    format: str,
    specification: Specification,
    inventory: Inventory,
    plain: bool = False,
    compression: str | None = None,
) -> Writer:
    """Return a writer of ``csv`` or ``parquet``; see `ParquetWriter` for the compression."""
    if format == "csv":
        return (PlainCsvWriter if plain else CsvWriter)(specification, inventory)
    if plain:
        return PlainParquetWriter(specification, inventory, compression)
    return ParquetWriter(specification, inventory, compression)
