"""What a Parquet file says of its making: in its key-value metadata, and by who created it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from synthpower.errors import InputError
from synthpower.formats.interface import FAST, PYARROW, Options, Provenance
from synthpower.formats.parquet.layout import Footer
from synthpower.formats.parquet.structs import CODECS
from synthpower.formats.provenance import METADATA_KEY, record_in
from synthpower.model.columns import END, FIELDS, START, VALUE, VALUE_OF

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
        compression=_compression(footer, record),
        row_group_rows=int(rows) if rows else None,
    )
    return Provenance(record, options, footer.created_by)


def _compression(footer: Footer, record: Mapping[str, Any]) -> str | None:
    """Return the compression of all columns, None where it is the default for each."""
    names = {number: name for name, number in CODECS.items()}
    groups = footer.fields.get("row_groups") or [{}]
    sources = _sources(record)
    of_values: list[str | None] = []
    of_templates: list[str | None] = []
    for chunk in groups[0].get("columns", []):
        meta = chunk.get("meta", {})
        source = sources.get(b"".join(meta.get("path", [])).decode(errors="replace"), "")
        codec = names.get(meta.get("codec", -1))
        if source == VALUE.name or source.startswith(VALUE_OF):
            of_values.append(codec)
        elif source not in (START.name, END.name):
            of_templates.append(codec)
    values = of_values[0] if of_values else None
    return None if values == "none" and {*of_templates} <= {"zstd"} else values


def _sources(record: Mapping[str, Any]) -> dict[str, str]:
    """Return what each column of a file holds; a record may say anything."""
    columns = record.get("columns")
    if isinstance(columns, list):
        pairs = [each[:2] for each in columns if isinstance(each, list) and len(each) > 1]
        return {name: source for name, source in pairs if {type(name), type(source)} == {str}}
    return {name: name for name in FIELDS}
