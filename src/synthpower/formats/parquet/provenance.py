"""What a Parquet file says of its making: in its key-value metadata, and by who created it."""

from __future__ import annotations

import json
import re

import pyarrow as pa

from synthpower.errors import InputError
from synthpower.fleet.fleet import Fleet
from synthpower.formats.interface import FAST, PYARROW, Options, Provenance
from synthpower.formats.parquet.layout import Footer
from synthpower.formats.parquet.structs import BYTE_ARRAY, CODECS, DOUBLE
from synthpower.model.description import describe, load_json
from synthpower.model.specification import Specification
from synthpower.signals import fleet_record
from synthpower.version import __version__

METADATA_KEY = "synthpower"
CREATED_BY = f"synthpower version {__version__} (build pyarrow {pa.__version__})"

_VERSION = r"\d+(?:\.\d+)+[0-9a-z.+-]*"


class Metadata:
    """The key-value metadata of files that differ in their date only."""

    def __init__(self, specification: Specification, fleet: Fleet) -> None:
        self._fleet = fleet_record(specification, fleet)

    def record(self, specification: Specification) -> dict[str, object]:
        """Return the record of a file."""
        return describe(specification, self._fleet)

    def __call__(self, specification: Specification) -> dict[str, str]:
        return {METADATA_KEY: json.dumps(self.record(specification), sort_keys=True)}


def provenance_of(footer: Footer) -> Provenance:
    """Return what a footer says; `InputError` where it is not one of ours."""
    try:
        record = load_json(footer.key_values.get(METADATA_KEY.encode(), b"null"))
    except ValueError:
        record = None
    if not isinstance(record, dict):
        raise InputError("it does not say what it was made from")
    ours = footer.created_by.startswith("synthpower ")
    options = Options(FAST if ours else PYARROW, _compression(footer))
    return Provenance(record, options, footer.created_by)


def maker_of(created_by: str) -> str | None:
    """Return in words who encoded a file; None where it is nobody who is known."""
    ours = re.fullmatch(
        rf"synthpower version ({_VERSION}) \(build pyarrow ({_VERSION})\)", created_by
    )
    arrows = re.fullmatch(rf"parquet-cpp-arrow version ({_VERSION})", created_by)
    if ours:
        return f"pyarrow {ours[2]} encoded them for synthpower {ours[1]}"
    return f"pyarrow {arrows[1]} encoded them" if arrows else None


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
