"""What it means that a Parquet file differs from the one made again.

Another version may have encoded the same readings. Then whatever a reader takes from the file,
or skips data by, has to be right all the same.
"""

from __future__ import annotations

import io
from typing import Any

import pyarrow as pa

from synthpower import isolated
from synthpower.errors import InputError
from synthpower.fleet.fleet import Fleet
from synthpower.formats.batches import Batches
from synthpower.formats.findings import Finding, Mismatch
from synthpower.formats.interface import PYARROW, Options, Writer
from synthpower.formats.parquet.cells import first_wrong_cell
from synthpower.formats.parquet.layout import LayoutError, footer_of
from synthpower.formats.parquet.provenance import provenance_of
from synthpower.formats.parquet.structs import BYTE_ARRAY, CODECS
from synthpower.formats.parquet.truth import Expected, Layout, check_statistics, read_layout
from synthpower.formats.provenance import check_provenance, maker_of
from synthpower.model.columns import Axis
from synthpower.model.specification import Specification
from synthpower.storage import Files, Sink

_BATCH_ROWS = 2**18

MadeFrom = tuple[Specification, Fleet, Options]


def explain(
    store: Files, name: str, made_from: MadeFrom, mismatch: Mismatch, writer: Writer[Any]
) -> Finding:
    """Return what it means; `writer` is the one that has made the file again."""
    specification, fleet, options = made_from
    offset = mismatch.offset
    try:
        with store.open(name) as file:
            footer = footer_of(file)
            own = provenance_of(footer)
            check_provenance(own, *made_from)
            expected = _expected(specification, options, writer)
            layout = read_layout(file, expected)
        damaged = offset < layout.data_end
        if damaged and (wrong := _wrong_cell(store, name, layout, specification, fleet)):
            return _wrong("values", *wrong)
        check_statistics(layout, Batches(specification, fleet, _BATCH_ROWS))
    except LayoutError as error:
        return _wrong("bytes", offset, f"{error}; byte {offset:,} differs")
    except InputError as error:
        return _wrong("bytes", offset, str(error))
    maker = maker_of(own.created_by)
    if own.created_by == expected.footer.created_by or not maker:
        where = layout.where(offset)
        return _wrong("bytes", offset, f"no cell is wrong, but byte {offset:,} differs, {where}")
    detail = f"equal; {maker}, here is {pa.__version__}"
    return Finding(True, "values", expected.rows, detail)  # noqa: FBT003


def _wrong(what: str, count: int, detail: str) -> Finding:
    return Finding(False, what, count, detail)  # noqa: FBT003


def _expected(specification: Specification, options: Options, writer: Writer[Any]) -> Expected:
    """Return what the metadata of a file has to agree with."""
    sink = _Kept()
    with writer.open(specification, sink):
        pass  # a file of no readings has all else
    codecs = {}
    for column in specification.columns:
        dense = Axis.TIME in column.axes
        plain = column.field.is_value if options.implementation == PYARROW else dense
        codecs[column.name] = CODECS[options.compression or ("none" if plain else "zstd")]
    return Expected(writer.grid.num_rows, codecs, footer_of(sink.kept))


class _Kept(Sink):
    """A sink that keeps what is written, which is little."""

    def __init__(self) -> None:
        super().__init__()
        self.kept = io.BytesIO()

    def put(self, view: memoryview) -> None:
        self.kept.write(view)


def _wrong_cell(
    store: Files, name: str, layout: Layout, specification: Specification, fleet: Fleet
) -> tuple[int, str] | None:
    """Return the readings before the first that is wrong, and how; None where none is."""
    pages = [
        (column.meta["codec"], column.meta["type"] == BYTE_ARRAY, page)
        for column in layout.columns
        for page in column.pages
    ]
    patience = isolated.patience(store.size(name))
    return isolated.call(patience, first_wrong_cell, store, name, specification, fleet, pages)
