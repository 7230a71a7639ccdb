"""File -> is it what it was made to be? Made again from its origin, and compared."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import parquet as pq

from synthpower import dataset
from synthpower.batches import Batches, reading_schema
from synthpower.catalog import shown
from synthpower.errors import InputError
from synthpower.generate import Job, Progress, rendering
from synthpower.inventory import Inventory
from synthpower.origins import (
    Origin,
    difference,
    in_pieces,
    listed_origin,
    own_servers,
    parquet_origin,
    read_origin,
)
from synthpower.specification import PLAIN, Specification
from synthpower.storage import DirectReader, Sink
from synthpower.workers import available_workers
from synthpower.writers import Writer, describe, make_writer

_READ = 2**22  # bytes of a file that are compared at a time
_LINE = 2**16  # bytes of a line that are looked at
_BATCH_ROWS = 2**18


@dataclass(frozen=True)
class Check:
    """One thing that was looked at.

    Attributes
    ----------
    file, what : str
        The file's name, and what was looked at: ``origin``, ``servers``, ``bytes``
        or ``values``.
    passed : bool
        Whether it is as it should be.
    count : int
        How many servers, bytes or readings were compared; before the first that is
        wrong, where one is.
    detail : str
        What was found.
    """

    file: str
    what: str
    passed: bool
    count: int
    detail: str


def _right(file: str, what: str, count: int, detail: str) -> Check:
    return Check(file, what, True, count, detail)  # noqa: FBT003


def _wrong(file: str, what: str, count: int, detail: str) -> Check:
    return Check(file, what, False, count, detail)  # noqa: FBT003


class Verification:
    """The check of files of readings against what they were made from.

    Parameters
    ----------
    directory : Path
        The dataset directory that they are in.
    workers : int, optional
        Threads that compute; as many as there are cores otherwise.
    """

    def __init__(self, directory: Path, workers: int | None = None) -> None:
        self._directory = directory
        self._workers = workers or available_workers()
        self._inventory: Inventory | None = None
        self._last: tuple[object, Writer] | None = None

    def files(self) -> list[Path]:
        """Return the directory's files of readings, those that are gone from it too."""
        names = {*dataset.data_files(self._directory)}
        names |= dataset.read_manifest(self._directory)["files"].keys()
        return [self._directory / name for name in sorted(names)]

    def check_inventory(self) -> Check:
        """Look at inventory.csv."""
        try:
            self._inventory = Inventory.read(self._directory)
        except InputError as error:
            return _wrong(dataset.INVENTORY, "servers", 0, str(error))
        return _right(dataset.INVENTORY, "servers", len(self._inventory), "each once")

    def check(self, path: Path, progress: Progress | None = None) -> Iterator[Check]:
        """Make a file again and compare it; yield what was looked at."""
        what = "origin"
        try:
            if not dataset.is_there(path):
                raise InputError("manifest.json names it, and it is not there")
            origin = read_origin(path)
            if not origin:
                raise InputError("nothing says what it was made from: not in manifest.json")
            spec = origin.specification
            if dataset.is_data_name(path.name) and path.stem != spec.name:
                raise InputError(f"it holds the readings of {spec.name}")
            yield _right(path.name, what, 1, _summary(spec))
            what = "servers"
            servers, detail = self._servers_of(path, origin)
            yield _right(path.name, what, len(servers), detail)
            what = "bytes"
            yield self._compared(path, origin, spec, servers, progress)
        except InputError as error:
            yield _wrong(path.name, what, 0, str(error))
        except OSError as error:
            yield _wrong(path.name, what, 0, error.strerror or str(error))

    def _servers_of(self, path: Path, origin: Origin) -> tuple[Inventory, str]:
        """Return the file's servers: the inventory's, or where that has changed, its own."""
        told = origin.described.get("inventory")
        if self._inventory and self._inventory.describe() == told:
            return self._inventory, "those of inventory.csv"
        own = own_servers(path, origin)
        if own.describe() != told:
            raise InputError("not those that it was made from, nor those of inventory.csv")
        why = "has changed since" if self._inventory else "cannot be read"
        return own, f"its own: inventory.csv {why}"

    def _compared(
        self,
        path: Path,
        origin: Origin,
        spec: Specification,
        servers: Inventory,
        progress: Progress | None,
    ) -> Check:
        writer = self._writer_of(origin, spec, servers)
        found = compare(path, writer, spec, self._workers, progress)
        if found is None:
            return _right(path.name, "bytes", path.stat().st_size, "equal to those made again")
        if origin.format == "csv":
            return _wrong(path.name, "values", found.rows, found.text)
        if wrong := _first_wrong_cell(path, spec, servers):
            return _wrong(path.name, "values", wrong.rows, wrong.text)
        if origin.pyarrow != pa.__version__:
            detail = f"equal; pyarrow {origin.pyarrow} encoded them, here is {pa.__version__}"
            return _right(path.name, "values", writer.grid.num_rows, detail)
        text = f"no cell is wrong, but {_place(path, found.offset)}"
        return _wrong(path.name, "bytes", found.offset, text)

    def _writer_of(self, origin: Origin, spec: Specification, servers: Inventory) -> Writer:
        """Return the writer of the file before where that differs in its date only."""
        how = (origin.format, origin.writer == PLAIN, origin.compression)
        kind = (*how, spec.undated, servers.describe())
        if not self._last or self._last[0] != kind:
            format, plain, compression = how
            self._last = kind, make_writer(format, spec, servers, plain, compression)
        return self._last[1]


def check_complete(
    job: Job,
    servers: Inventory,
    workers: int | None = None,
    advice: str = "--overwrite replaces it",
) -> None:
    """See that a job's file, which is there already, is whole and of the same specification.

    Raises
    ------
    InputError
        Where it is another, with `advice` at its end.
    """
    try:
        _check_complete(job, servers, workers or available_workers())
    except InputError as error:
        raise InputError(f"{job.path} exists, and {error}; {advice}") from None
    except OSError as error:
        reason = f"it cannot be read: {error.strerror}"
        raise InputError(f"{job.path} exists, and {reason}; {advice}") from None


def _check_complete(job: Job, servers: Inventory, workers: int) -> None:
    expected = describe(job.specification, servers)
    listed = listed_origin(job.path)
    as_listed = listed is not None and listed.described == expected and listed.size is not None
    if job.format == "parquet":
        origin = parquet_origin(job.path)
        if differing := difference(origin.described, expected):
            raise InputError(f"it was made from {differing}")
        for key in ("writer", "compression"):
            found, wanted = (getattr(made, key) or "the default" for made in (origin, job))
            if found != wanted:
                raise InputError(f"its {key} is {found}, not {wanted}")
    elif not as_listed:
        # A run may have been killed before its file came into the manifest.
        writer = make_writer(job.format, job.specification, servers)
        if found := compare(job.path, writer, job.specification, workers):
            if listed and (differing := difference(listed.described, expected)):
                raise InputError(f"it was made from {differing}")
            raise InputError(f"it is not what would be made: {found.text}")
    size = job.path.stat().st_size
    if listed and as_listed and listed.size != size:
        raise InputError(f"it is not whole: {size:,} bytes, not {listed.size:,}")


@dataclass(frozen=True)
class Difference:
    """Where a file first differs from what it should be: the byte, the whole rows before, how."""

    offset: int
    rows: int
    text: str


def compare(
    path: Path,
    writer: Writer,
    specification: Specification,
    workers: int,
    progress: Progress | None = None,
) -> Difference | None:
    """Make a file again, and return where it first differs; None where it is equal."""
    rows = begin = 0
    made: object = b""
    with path.open("rb", buffering=0) as file, closing(_Comparison(path)) as sink:
        with (
            rendering([(writer, specification.start)], workers) as rendered,
            writer.open(specification, sink) as write,
        ):
            for chunk in writer.grid.chunks():
                begin, made = sink.size, next(rendered)
                write(made)
                if sink.difference is not None:
                    break
                rows += writer.grid.rows(chunk)
                if progress:
                    progress(writer.grid.rows(chunk), sink.size - begin)
            text = bytes(made) if isinstance(made, memoryview | pa.Buffer) else None
        offset = sink.difference
        if offset is None and os.fstat(file.fileno()).st_size > sink.size:
            offset = sink.size
            return Difference(offset, rows, f"it goes on after its last row, at byte {offset:,}")
        if offset is None:
            return None
        if text is None:
            return Difference(offset, rows, f"byte {offset:,} differs")
        header = ",".join(reading_schema(specification.end).names).encode() + b"\n"
        if offset < len(header):
            return Difference(offset, 0, f"the header is not {header.decode().strip()}")
        start = text.rfind(b"\n", 0, offset - begin) + 1
        rows += text.count(b"\n", 0, start)
        found = os.pread(file.fileno(), _LINE, begin + start)
        return Difference(
            offset, rows, _wrong_line(rows + 1, header, text[start:].partition(b"\n")[0], found)
        )


def _wrong_line(row: int, header: bytes, expected: bytes, found: bytes) -> str:
    """Return in words how a line differs from what is expected."""
    if not found:
        return f"it ends before row {row:,}"
    line, end, _ = found.partition(b"\n")
    if not end and len(found) < _LINE:
        return f"it ends within row {row:,}"
    names, right, wrong = (_fields(text) for text in (header.strip(), expected, line))
    if len(wrong) != len(right):
        return f"row {row:,}: {len(wrong)} fields, not {len(right)}"
    for name, a, b in zip(names, right, wrong, strict=True):
        if a != b:
            return _wrong_cell(row, name, a, b)
    return f"row {row:,} has the right fields, but not the right bytes"


def _fields(line: bytes) -> list[str]:
    try:
        return next(csv.reader([line.decode(errors="replace")], strict=False), [])
    except csv.Error:
        return []


def _wrong_cell(row: int, name: str, expected: object, found: object) -> str:
    return f"row {row:,}, {name}: expected {shown(expected)}, found {shown(found)}"


class _Comparison(Sink):
    """A sink that writes nothing: it compares with a file.

    Attributes
    ----------
    difference : int or None
        The first byte that is not the same.
    """

    difference: int | None = None

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._file = DirectReader(path, _READ)
        self._left = np.empty(0, np.uint8)

    def put(self, view: memoryview) -> None:
        expected, at = np.frombuffer(view, np.uint8), self.size
        while expected.size and self.difference is None:
            if not self._left.size:
                self._left = np.frombuffer(self._file.read(at), np.uint8)
            size = min(self._left.size, expected.size)
            found = self._left[:size]
            if not np.array_equal(found, expected[:size]):
                self.difference = at + int(np.argmax(found != expected[:size]))
            elif not size:
                self.difference = at
            self._left, expected, at = self._left[size:], expected[size:], at + size

    def close(self) -> None:
        super().close()
        self._file.close()


def _first_wrong_cell(path: Path, spec: Specification, servers: Inventory) -> Difference | None:
    """Return the first cell of a Parquet file that is not what it should be."""
    batches = Batches(spec, servers, _BATCH_ROWS)
    row = 0
    try:
        with path.open("rb") as source:
            file = pq.ParquetFile(source)
            schema = pa.schema(
                (f.name, f.type.value_type if pa.types.is_dictionary(f.type) else f.type)
                for f in batches.schema
            )
            if not file.schema_arrow.remove_metadata().equals(schema):
                return Difference(
                    0, 0, f"its columns are not {', '.join(schema.names)}, or of other types"
                )
            sizes = map(batches.grid.rows, batches.grid.chunks())
            found = in_pieces(file.iter_batches(_BATCH_ROWS), sizes)
            for chunk, part in zip(batches.grid.chunks(), found, strict=True):
                made = batches.batch(chunk)
                if wrong := _first_difference(made, part):
                    at, name, right, there = wrong
                    return Difference(0, row + at, _wrong_cell(row + at + 1, name, right, there))
                if part.num_rows < made.num_rows:
                    row += part.num_rows
                    return Difference(0, row, f"it ends before row {row + 1:,}")
                row += made.num_rows
            if file.metadata.num_rows > row:
                return Difference(0, row, f"it goes on after its last row, {row:,}")
    except (pa.ArrowException, OSError, ValueError) as error:
        reason = str(error).partition("\n")[0]
        return Difference(0, row, f"what follows row {row:,} cannot be read: {reason}")
    return None


def _first_difference(
    made: pa.RecordBatch, found: pa.Table
) -> tuple[int, str, object, object] | None:
    """Return the first row that differs, its first such column, what is right and what is there."""
    rows = min(made.num_rows, found.num_rows)
    firsts = []
    for place, name in enumerate(made.schema.names):
        right, there = (
            made.column(place).slice(0, rows),
            found[name].slice(0, rows).combine_chunks(),
        )
        if isinstance(there, pa.ChunkedArray):
            there = there.chunk(0) if there.num_chunks else pa.array([], there.type)
        if pa.types.is_dictionary(right.type):
            right = right.dictionary_decode()
        a, b = right, there
        if pa.types.is_floating(a.type):  # to the bit: -0.0 is not 0.0
            a, b = a.view(pa.int64()), b.view(pa.int64())
        if not a.equals(b):
            at = pc.index(pc.fill_null(pc.equal(a, b), False), False).as_py()  # noqa: FBT003
            firsts.append((at, place, name, right[at].as_py(), there[at].as_py()))
    if not firsts:
        return None
    at, _, name, right, there = min(firsts, key=lambda first: first[:2])
    return at, name, right, there


def _place(path: Path, offset: int) -> str:
    """Return in words where in a Parquet file a byte is."""
    metadata = pq.read_metadata(path)
    for group in range(metadata.num_row_groups):
        for number in range(metadata.num_columns):
            column = metadata.row_group(group).column(number)
            begin = column.dictionary_page_offset or column.data_page_offset
            if begin <= offset < begin + column.total_compressed_size:
                name = column.path_in_schema
                return f"byte {offset:,} differs, in row group {group}, column {name}"
    return f"byte {offset:,} differs, in the page indexes or the footer"


def _summary(spec: Specification) -> str:
    fuzz = f", fuzz {spec.fuzz}" if spec.fuzz else ""
    return f"{spec.date}, every {spec.interval} s{fuzz}, {spec.signal}, seed {spec.seed}"
