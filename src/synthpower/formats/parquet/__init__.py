"""Readings as Parquet."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, BinaryIO, ClassVar

import pyarrow as pa

from synthpower.errors import InputError, shown
from synthpower.fleet.fleet import Fleet
from synthpower.formats.interface import (
    IMPLEMENTATIONS,
    PYARROW,
    Options,
    Provenance,
    Writer,
    at_least,
    one_of,
)
from synthpower.formats.parquet.layout import footer_of
from synthpower.formats.parquet.provenance import ROW_GROUP_ROWS_KEY, provenance_of
from synthpower.formats.parquet.writer import SIZES, ParquetWriter, Sizes
from synthpower.formats.provenance import CREATED_BY, Metadata
from synthpower.model.specification import Specification
from synthpower.storage import Files

if TYPE_CHECKING:
    from synthpower.formats.findings import Finding, Mismatch

COMPRESSIONS = ("none", "snappy", "zstd")
_BATCH_ROWS = 2**18


class Parquet:
    """Plain strings in dictionaries, ``timestamp[us, UTC]``, doubles; statistics everywhere.

    Parameters
    ----------
    sizes : Sizes
        How the fast writer cuts the rows.
    """

    name = "parquet"
    options: ClassVar = {
        "implementation": one_of(*IMPLEMENTATIONS),
        "compression": one_of(*COMPRESSIONS),
        "row_group_rows": at_least(1),
    }
    typed = True

    def __init__(self, sizes: Sizes = SIZES) -> None:
        self._sizes = sizes

    def writer(self, specification: Specification, fleet: Fleet, options: Options) -> Writer[Any]:
        rows = options.row_group_rows
        together = specification.grid(1, 1).measurements
        if rows is not None and rows < together:
            what = f"{shown(rows)}: the {together} readings of a server are together in a row group"
            raise InputError(what, "row_group_rows")
        given = {} if rows is None else {ROW_GROUP_ROWS_KEY: str(rows)}
        metadata = Metadata(specification, fleet, given)
        if options.implementation == PYARROW:
            from synthpower.formats.pyarrow_writers import PyarrowParquetWriter

            return PyarrowParquetWriter(specification, fleet, options.compression, metadata, rows)
        if rows is None:  # as many readings, however many a row holds
            readings = len(specification.measurements) // together
            rows = max(1, self._sizes.group_rows // readings)
        sizes = self._sizes._replace(group_rows=rows)
        return ParquetWriter(specification, fleet, options.compression, metadata, CREATED_BY, sizes)

    def provenance(self, file: BinaryIO) -> Provenance:
        return provenance_of(footer_of(file))

    def explain(
        self,
        store: Files,
        name: str,
        made_from: tuple[Specification, Fleet, Options],
        mismatch: Mismatch,
    ) -> Finding:
        """Say whether whatever a reader takes from the file is right all the same."""
        from synthpower.formats.parquet.explain import explain  # and with it pyarrow.parquet

        return explain(store, name, made_from, mismatch, self.writer(*made_from))

    def read(
        self,
        file: BinaryIO,
        specification: Specification,
        options: Options,  # noqa: ARG002
        fields: Sequence[str],
    ) -> Iterator[pa.RecordBatch]:
        from pyarrow import parquet as pq

        columns = list(specification.columns_of(*fields))
        names = [column.name for column in columns]
        for batch in pq.ParquetFile(file).iter_batches(_BATCH_ROWS, columns=names):
            yield batch.rename_columns([column.field.name for column in columns])
