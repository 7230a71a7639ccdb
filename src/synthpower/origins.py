"""What a file of readings was made from: by its own metadata, or by the manifest."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from pyarrow import csv as pa_csv
from pyarrow import parquet as pq

from synthpower import dataset
from synthpower.batches import reading_schema
from synthpower.catalog import shown
from synthpower.errors import InputError
from synthpower.generate import Job
from synthpower.inventory import COLUMNS, Inventory
from synthpower.specification import COMPRESSIONS, FAST, PLAIN, Specification
from synthpower.writers import METADATA_KEY

_BATCH_ROWS = 2**18
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
    return parse_entry(entry)


def parse_entry(entry: Any) -> Origin | None:
    """Return what an entry of a manifest says, None where that cannot be told."""
    if not isinstance(entry, dict) or not isinstance(entry.get("specification"), dict):
        return None
    size, compression = entry.get("bytes"), entry.get("compression")
    return Origin(
        entry["specification"],
        "parquet" if entry.get("format") == "parquet" else "csv",
        PLAIN if entry.get("writer") == PLAIN else FAST,
        compression if compression in COMPRESSIONS else None,
        size=size if isinstance(size, int) else None,
    )


def make_entry(job: Job, described: Mapping[str, Any], size: int | None) -> dict[str, Any]:
    """Return a file's entry in the manifest; `described` is what `describe` says of it."""
    specification = job.specification
    servers = described["inventory"]["servers"]
    entry = {
        "format": job.format,
        "rows": specification.steps * servers * len(specification.measurements),
        "bytes": size,
        "specification": described,
    }
    if job.format == "parquet":  # CSV has the same bytes however it is written
        entry |= {"writer": job.writer, "compression": job.compression}
    return entry


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


def known_rows(paths: Sequence[Path]) -> int | None:
    """Return how many readings files have, None where one does not say it."""
    total = 0
    listed: dict[Path, dict[str, Any]] = {}
    for path in paths:
        if path.parent not in listed:
            with suppress(InputError):
                listed[path.parent] = dataset.read_manifest(path.parent)["files"]
        entry = listed.get(path.parent, {}).get(path.name)
        rows = entry.get("rows") if isinstance(entry, dict) else None
        if path.suffix.lower() == ".parquet":
            with suppress(InputError):
                rows = _read_metadata(path).num_rows
        if not isinstance(rows, int):
            return None
        total += rows
    return total


def difference(found: Mapping[str, Any], expected: Mapping[str, Any]) -> str:
    """Return the first thing in which two descriptions differ, in words; empty where in none."""
    for key in expected:
        if found.get(key) != expected[key]:
            if key in ("inventory", "measurements"):
                return f"other {key.replace('inventory', 'servers')}"
            return f"{key.replace('_', ' ')} {shown(found.get(key))}, not {shown(expected[key])}"
    return ""


def own_servers(path: Path, origin: Origin) -> Inventory:
    """Return the servers that a file names in its first step."""
    spec = origin.specification
    told = origin.described.get("inventory")
    count = told.get("servers") if isinstance(told, dict) else None
    if not isinstance(count, int) or count < 1:
        raise InputError("nothing says how many it has")
    measurements = len(spec.measurements)
    try:
        with path.open("rb") as source:
            if origin.format == "parquet":
                batches = pq.ParquetFile(source).iter_batches(_BATCH_ROWS, columns=list(COLUMNS))
            else:
                options = pa_csv.ConvertOptions(
                    column_types=dict.fromkeys(reading_schema(spec.end).names, pa.string()),
                    include_columns=list(COLUMNS),
                )
                batches = pa_csv.open_csv(source, convert_options=options)
            table = next(in_pieces(batches, [count * measurements]), None)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise InputError(f"cannot be read: {str(error).partition(chr(10))[0]}") from None
    if table is None or table.num_rows < count * measurements:
        raise InputError(f"fewer than the {count:,} that it was made from")
    table = table.take(pa.array(np.arange(0, table.num_rows, measurements)))
    columns = {"sn": table["sn"].combine_chunks()}
    columns |= {name: table[name].combine_chunks().dictionary_encode() for name in COLUMNS[1:]}
    return Inventory(pa.table(columns))


def in_pieces(batches: Iterable[pa.RecordBatch], sizes: Iterable[int]) -> Iterator[pa.Table]:
    """Yield the rows in tables of the sizes asked for; what comes to an end is shorter."""
    source = iter(batches)
    waiting: list[pa.RecordBatch] = []
    for size in sizes:
        while sum(batch.num_rows for batch in waiting) < size:
            batch = next(source, None)
            if batch is None:
                break
            waiting.append(batch)
        table = pa.Table.from_batches(waiting) if waiting else None
        if table is None:
            return
        yield table.slice(0, size)
        waiting = table.slice(size).to_batches()


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
