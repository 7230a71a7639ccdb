"""Readings as Arrow IPC: a file or, to a pipe, a stream."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, BinaryIO, ClassVar

import pyarrow as pa

from synthpower.fleet.fleet import Fleet
from synthpower.formats.arrow.layout import (
    CREATED_BY_KEY,
    OPTIONS_KEY,
    options_text,
    provenance_of,
)
from synthpower.formats.arrow.writer import BATCH_ROWS, ArrowWriter
from synthpower.formats.interface import (
    IMPLEMENTATIONS,
    PYARROW,
    Options,
    Provenance,
    Writer,
    one_of,
)
from synthpower.formats.provenance import CREATED_BY, Metadata
from synthpower.model.specification import Specification
from synthpower.storage import Store

if TYPE_CHECKING:
    from synthpower.formats.findings import Finding, Mismatch

_PYARROW_CREATED_BY = f"pyarrow version {pa.__version__}"


class Arrow:
    """Strings as dictionaries of int32 indices, ``timestamp[us, UTC]``, doubles.

    Parameters
    ----------
    batch_rows : int
        The rows of a record batch of the fast writer, at most.
    """

    name = "arrow"
    options: ClassVar = {
        "implementation": one_of(*IMPLEMENTATIONS),
        "compression": one_of("none", "zstd"),
    }
    typed = True

    def __init__(self, batch_rows: int = BATCH_ROWS) -> None:
        self._batch_rows = batch_rows

    def writer(self, specification: Specification, fleet: Fleet, options: Options) -> Writer[Any]:
        said = {
            CREATED_BY_KEY: _created_by(options),
            OPTIONS_KEY: options_text(options),
        }
        metadata = Metadata(specification, fleet, said)
        if options.implementation == PYARROW:
            from synthpower.formats.pyarrow_writers import PyarrowArrowWriter

            return PyarrowArrowWriter(specification, fleet, options.compression, metadata)
        return ArrowWriter(specification, fleet, options.compression, metadata, self._batch_rows)

    def provenance(self, file: BinaryIO) -> Provenance:
        return provenance_of(file, self.options)

    def explain(
        self,
        store: Store,
        name: str,
        made_from: tuple[Specification, Fleet, Options],
        mismatch: Mismatch,
    ) -> Finding:
        """Say whether whatever a reader takes from the file is right all the same."""
        from synthpower.formats.arrow.explain import explain

        created_by = _created_by(made_from[-1])
        return explain(store, name, made_from, mismatch, self.options, created_by)

    def read(
        self,
        file: BinaryIO,
        specification: Specification,
        options: Options,  # noqa: ARG002
        fields: Sequence[str],
    ) -> Iterator[pa.RecordBatch]:
        columns = list(specification.columns_of(*fields))
        wanted = [specification.columns.index(column) for column in columns]
        only = pa.ipc.IpcReadOptions(included_fields=wanted)
        reader = pa.ipc.open_file(file, options=only)
        for number in range(reader.num_record_batches):
            batch = reader.get_batch(number)
            strings = [batch[column.name].cast(pa.string()) for column in columns]
            yield pa.record_batch(strings, [column.field.name for column in columns])


def _created_by(options: Options) -> str:
    return _PYARROW_CREATED_BY if options.implementation == PYARROW else CREATED_BY
