"""What a Parquet file says of its making: in its key-value metadata, and by who created it."""

from __future__ import annotations

import re

from synthpower.errors import InputError
from synthpower.formats.interface import FAST, PYARROW, Options, Provenance
from synthpower.formats.parquet.layout import Footer
from synthpower.formats.parquet.structs import BYTE_ARRAY, CODECS, DOUBLE
from synthpower.formats.provenance import METADATA_KEY, record_in

ROW_GROUP_ROWS_KEY = "row_group_rows"


def provenance_of(footer: Footer) -> Provenance:
    """Return what a footer says; `InputError` where it is not one of ours."""
    record = record_in(footer.key_values.get(METADATA_KEY.encode()))
    ours = footer.created_by.startswith("synthpower ")
    rows = footer.key_values.get(ROW_GROUP_ROWS_KEY.encode())
    if rows is not None and not re.fullmatch(rb"[1-9][0-9]{0,17}", rows):
        raise InputError(f"its {ROW_GROUP_ROWS_KEY} are no whole number")
    options = Options(
        implementation=FAST if ours else PYARROW,
        compression=_compression(footer),
        row_group_rows=int(rows) if rows else None,
    )
    return Provenance(record, options, footer.created_by)


def _compression(footer: Footer) -> str | None:
    """Return the compression of all columns, None where it is the default for each."""
    names = {number: name for name, number in CODECS.items()}
    groups = footer.fields.get("row_groups") or [{}]
    codecs: dict[object, str | None] = {}
    for chunk in groups[0].get("columns", []):
        meta = chunk.get("meta", {})
        codecs.setdefault(meta.get("type"), names.get(meta.get("codec", -1)))
    values = codecs.get(DOUBLE)
    default = values == "none" and codecs.get(BYTE_ARRAY, "zstd") == "zstd"
    return None if default else values
