"""What a file of readings was made from: by its own metadata, or by the manifest."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyarrow import parquet as pq

from synthpower import dataset
from synthpower.catalog import shown
from synthpower.errors import InputError
from synthpower.specification import FAST, PLAIN, Specification
from synthpower.writers import METADATA_KEY

_OURS = re.compile(r"synthpower version \S+ \(build pyarrow ([^)]*)\)")
_ARROWS = re.compile(r"parquet-cpp-arrow version (\S+)")


@dataclass(frozen=True)
class Origin:
    """What a file was made from, and how it was written.

    Attributes
    ----------
    described : dict
        The specification and the inventory, as the file or the manifest has them.
    format, writer : str
    compression : str or None
        Of Parquet, as `make_writer` takes it.
    pyarrow : str or None
        The version that encoded a Parquet file.
    size : int or None
        The bytes that the manifest says it has.
    """

    described: Mapping[str, Any]
    format: str
    writer: str = FAST
    compression: str | None = None
    pyarrow: str | None = None
    size: int | None = None

    @property
    def specification(self) -> Specification:
        """The specification; `InputError` where there is none that holds together."""
        return Specification.parse(self.described)


def read_origin(path: Path) -> Origin | None:
    """Return what a file was made from, None where nothing says it.

    Raises
    ------
    InputError
        Where it is not a whole Parquet file of ours, or says something else than the manifest.
    """
    listed = listed_origin(path)
    if path.suffix.lower() != ".parquet" and not (listed and listed.format == "parquet"):
        return listed
    origin = parquet_origin(path)
    if listed and (differing := difference(origin.described, listed.described)):
        raise InputError(f"it was made from {differing} as manifest.json has it")
    return origin


def listed_origin(path: Path) -> Origin | None:
    """Return what the manifest of a file's directory says of it, None where it says nothing."""
    try:
        entry = dataset.read_manifest(path.parent)["files"].get(path.name)
    except InputError:  # somebody else's, beside a file of ours
        return None
    if not isinstance(entry, dict) or not isinstance(entry.get("specification"), dict):
        return None
    size = entry.get("bytes")
    return Origin(
        entry["specification"],
        "parquet" if entry.get("format") == "parquet" else "csv",
        size=size if isinstance(size, int) else None,
    )


def parquet_origin(path: Path) -> Origin:
    """Return what a Parquet file says of itself; `InputError` where it is not whole or ours."""
    metadata = _read_metadata(path)
    try:
        told = json.loads((metadata.metadata or {}).get(METADATA_KEY.encode(), b"null"))
    except (ValueError, RecursionError):
        told = None
    if not isinstance(told, dict):
        raise InputError("it does not say what it was made from")
    return Origin(told, "parquet", *_how_written(metadata))


def difference(found: Mapping[str, Any], expected: Mapping[str, Any]) -> str:
    """Return the first thing in which two descriptions differ, in words; empty where in none."""
    for key in expected:
        if found.get(key) != expected[key]:
            if key in ("inventory", "measurements"):
                return f"other {key.replace('inventory', 'servers')}"
            return f"{key.replace('_', ' ')} {shown(found.get(key))}, not {shown(expected[key])}"
    return ""


def _read_metadata(path: Path) -> pq.FileMetaData:
    try:
        with path.open("rb") as file:
            metadata = pq.read_metadata(file)
            if not metadata.num_row_groups:
                raise InputError("it has no rows")
    except (pa.ArrowException, OSError, ValueError) as error:
        reason = str(error).partition("\n")[0]
        raise InputError(f"it is not a whole Parquet file: {reason}") from None
    return metadata


def _how_written(metadata: pq.FileMetaData) -> tuple[str, str | None, str | None]:
    """Return writer, compression and version of pyarrow, as the footer has them."""
    ours, arrows = (known.match(metadata.created_by or "") for known in (_OURS, _ARROWS))
    columns = map(metadata.row_group(0).column, range(metadata.num_columns))
    codecs = {column.path_in_schema: column.compression.lower() for column in columns}
    value = codecs.get("measurement_value", "").replace("uncompressed", "none")
    default = (codecs.get("sn"), value) == ("zstd", "none")
    maker = ours or arrows
    return (
        FAST if ours else PLAIN,
        None if default or not value else value,
        maker[1] if maker else None,
    )
