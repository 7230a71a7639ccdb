"""What it means that an Arrow file differs from the one made again.

Another version may have encoded the same readings. Then all that a reader takes from the file has
to be right all the same, whether it goes by the footer or reads the file as a stream.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, BinaryIO

import pyarrow as pa

from synthpower import isolated
from synthpower.errors import InputError, shown
from synthpower.fleet.fleet import Fleet
from synthpower.formats.arrow.layout import provenance_of
from synthpower.formats.arrow.messages import STREAM_BEGIN
from synthpower.formats.batches import Batches
from synthpower.formats.cells import BATCH_ROWS, Wrong, first_wrong
from synthpower.formats.findings import Finding, Mismatch
from synthpower.formats.interface import Option, Options
from synthpower.formats.provenance import check_provenance, maker_of
from synthpower.model.specification import Specification
from synthpower.storage import Store


def explain(
    store: Store,
    name: str,
    made_from: tuple[Specification, Fleet, Options],
    mismatch: Mismatch,
    options: Mapping[str, Option],
    created_by: str,
) -> Finding:
    """Return what it means; `options` are those of the format, `created_by` who is at work here."""
    specification, fleet, _ = made_from
    try:
        with store.open(name) as file:
            own = provenance_of(file, options)
        check_provenance(own, *made_from)
        patience = isolated.patience(store.size(name))
        wrong = isolated.call(patience, first_wrong_cell, store, name, specification, fleet)
    except InputError as error:
        return Finding(False, "bytes", mismatch.offset, str(error))  # noqa: FBT003
    if wrong:
        return Finding(False, "values", *wrong)  # noqa: FBT003
    maker = maker_of(own.created_by)
    if own.created_by == created_by or not maker:
        detail = f"no cell is wrong, but byte {mismatch.offset:,} differs"
        return Finding(False, "bytes", mismatch.offset, detail)  # noqa: FBT003
    rows = specification.grid(len(fleet), 1).num_rows
    detail = f"equal; {maker}, here is {pa.__version__}"
    return Finding(True, "values", rows, detail)  # noqa: FBT003


def first_wrong_cell(
    store: Store, name: str, specification: Specification, fleet: Fleet
) -> Wrong | None:
    """Return the first cell of a file that is not what it should be; see `formats.cells`."""
    batches = Batches(specification, fleet, BATCH_ROWS, whole_dictionaries=True)
    for open_reader in (_by_footer, _as_stream):
        with store.open(name) as file:
            found = _Found(open_reader(file))
            if not found.schema.equals(batches.schema):
                return 0, f"its columns are {shown(found.schema.to_string())}"
            if wrong := first_wrong(batches, found) or found.behind(batches.grid.num_rows):
                return wrong
    return None


def _by_footer(file: BinaryIO) -> Any:
    return pa.ipc.open_file(file)


def _as_stream(file: BinaryIO) -> Any:
    file.seek(STREAM_BEGIN)
    return pa.ipc.open_stream(file)


class _Found:
    """The batches of a reader, checked and counted."""

    def __init__(self, reader: Any) -> None:
        self.schema = reader.schema
        self._rows = 0
        self._batches = (
            (reader.get_batch(i) for i in range(reader.num_record_batches))
            if hasattr(reader, "get_batch")
            else iter(reader)
        )

    def __iter__(self) -> _Found:
        return self

    def __next__(self) -> pa.RecordBatch:
        batch = next(self._batches)
        batch.validate(full=True)  # UTF-8, and no index outside of a dictionary
        self._rows += batch.num_rows
        return batch

    def behind(self, rows: int) -> Wrong | None:
        """Return what is wrong where there is something behind so many rows."""
        try:
            for _ in self:
                pass
        except (pa.ArrowException, OSError) as error:
            reason = str(error).partition("\n")[0]
            return rows, f"what follows row {rows:,} cannot be read: {reason}"
        return (rows, f"it goes on after row {rows:,}") if self._rows > rows else None
