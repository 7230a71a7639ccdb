"""What a file says of its making, where its format has a place for it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from types import MappingProxyType

import pyarrow as pa

from synthpower.errors import InputError
from synthpower.fleet.fleet import Fleet
from synthpower.formats.interface import Options, Provenance
from synthpower.model.description import describe, difference, load_json
from synthpower.model.specification import Specification
from synthpower.signals import fleet_record
from synthpower.version import __version__

METADATA_KEY = "synthpower"
CREATED_BY = f"synthpower version {__version__} (build pyarrow {pa.__version__})"

_VERSION = r"\d+(?:\.\d+)+[0-9a-z.+-]*"


class Metadata:
    """The key-value metadata of files that differ in their date only.

    Parameters
    ----------
    specification : Specification
    fleet : Fleet
    others : mapping of str to str
        What they say besides their record.
    """

    def __init__(
        self,
        specification: Specification,
        fleet: Fleet,
        others: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self._others = others
        self._fleet = fleet_record(specification, fleet)

    def record(self, specification: Specification) -> dict[str, object]:
        """Return the record of a file."""
        return describe(specification, self._fleet)

    def __call__(self, specification: Specification) -> dict[str, str]:
        record = json.dumps(self.record(specification), sort_keys=True)
        return {METADATA_KEY: record, **self._others}


def record_in(text: bytes | None) -> dict[str, object]:
    """Return the record that a file has; `InputError` where it has none."""
    try:
        record = load_json(text or b"null")
    except ValueError:
        record = None
    if not isinstance(record, dict):
        raise InputError("it does not say what it was made from")
    return record


def maker_of(created_by: str) -> str | None:
    """Return in words who encoded a file; None where it is nobody who is known."""
    ours = re.fullmatch(
        rf"synthpower version ({_VERSION}) \(build pyarrow ({_VERSION})\)", created_by
    )
    arrows = re.fullmatch(rf"(?:parquet-cpp-arrow|pyarrow) version ({_VERSION})", created_by)
    if ours:
        return f"pyarrow {ours[2]} encoded them for synthpower {ours[1]}"
    return f"pyarrow {arrows[1]} encoded them" if arrows else None


def check_provenance(
    own: Provenance, specification: Specification, fleet: Fleet, options: Options
) -> None:
    """Raise `InputError` where a file says that it is another than it should be."""
    if differing := difference(own.record, Metadata(specification, fleet).record(specification)):
        raise InputError(f"it was made from {differing}")
    for word, found, wanted in options.differences(own.options):
        raise InputError(f"its {word} is {found}, not {wanted}")
