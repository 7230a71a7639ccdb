"""A file of readings -> its rows in blocks, and what there is to say of their form.

A column of another type than the contract's is wrong, or it holds the same in another form: then
it is read, with a note. Times stay in the file's own unit, so that none is too far away.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import pyarrow as pa
from pyarrow import parquet as pq

from synthpower.dataset.validate.lines import Lines, blocks_of, texts_of_lines
from synthpower.dataset.validate.numbers import Times, Values
from synthpower.dataset.validate.statistics import Statistics
from synthpower.dataset.validate.texts import Column, Texts, texts_of
from synthpower.errors import InputError, shown
from synthpower.formats import format_of_name
from synthpower.formats.batches import TIME
from synthpower.model.columns import COLUMNS, END_COLUMNS, FIELDS

BATCH_ROWS = 2**18
TIMES = ("start_time", "end_time")
VALUE = "measurement_value"
DELIMITER = ","

_HEADER = 2**16
_COUNTED = 2**24  # bytes of CSV whose rows are counted

Columns = dict[str, Any]  # texts, and by their names Times and Values


class Block(NamedTuple):
    """Some of the rows, as they were read; and their bytes."""

    rows: Lines | pa.RecordBatch
    size: int


def is_typed(path: Path) -> bool:
    """Return whether a file's columns have types of their own, and a library reads it."""
    format = format_of_name(path.name)
    return format is not None and format.typed


class Source:
    """A file of readings.

    Attributes
    ----------
    notes : set of str
        In which other forms something is.
    wrong : str
        What the file says of itself and is not true, as far as it was read.

    Raises
    ------
    InputError
        Where its columns are not those of readings.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.parquet = is_typed(path)
        self.notes: dict[str, None] = {}  # a set that keeps the order
        self.wrong = ""
        with path.open("rb") as file:
            self.names = self._parquet_names(file) if self.parquet else self._csv_names(file)
        expected = [c.name for c in (COLUMNS if "start_time" in self.names else END_COLUMNS)]
        if self.names != expected:
            raise InputError(f"{', '.join(map(shown, self.names))}; not {', '.join(expected)}")

    def _parquet_names(self, file: BinaryIO) -> list[str]:
        schema = pq.ParquetFile(file).schema_arrow
        names = list(schema.names)
        for name in TIMES:
            if names.count(name) == 1:
                self._check_time(name, schema.field(name).type)
        for name in names:
            if names.count(name) == 1 and name in FIELDS:
                self._check_type(name, schema.field(name).type)
        return names

    def _check_time(self, name: str, kind: pa.DataType) -> None:
        if not pa.types.is_timestamp(kind):
            raise InputError(f"{name} is of type {shown(kind)}, not {TIME}")
        if kind.tz is None:
            raise InputError(f"{name} is of type {kind}, local times of nowhere, not {TIME}")
        if kind != TIME:
            self._note(f"{name} is of type {shown(kind)}, not {TIME}")

    def _check_type(self, name: str, kind: pa.DataType) -> None:
        if name == VALUE:
            if kind != pa.float64():
                raise InputError(f"{name} is of type {shown(kind)}, not double")
        elif name not in TIMES:
            plain = kind.value_type if pa.types.is_dictionary(kind) else kind
            if plain not in (pa.string(), pa.large_string(), pa.string_view()):
                raise InputError(f"{name} is of type {shown(kind)}, not string")
            if kind != pa.string():
                self._note(f"{name} is of type {shown(kind)}, not string")

    def _csv_names(self, file: BinaryIO) -> list[str]:
        line = file.readline(_HEADER)
        try:
            header = line.decode("utf-8-sig")
        except UnicodeDecodeError:
            header = "\0"
        if not header:
            raise InputError("the file is empty")
        text = header.rstrip("\r\n")
        if len(line) == _HEADER or not text.isprintable():
            raise InputError("no CSV file: its first line is no text")
        if header.startswith("\ufeff") or line.startswith(b"\xef\xbb\xbf"):
            self._note("it begins with a byte order mark")
        if header.endswith("\r\n"):
            self._note(r"its lines end with \r\n, not \n")
        return [name.strip('"') for name in text.split(DELIMITER)]

    def _note(self, text: str) -> None:
        self.notes[text] = None

    @cached_property
    def size(self) -> int:
        """The number of rows; of CSV about how many."""
        with self.path.open("rb") as file:
            if self.parquet:
                return int(pq.ParquetFile(file).metadata.num_rows)
            block = file.read(_COUNTED)
            rows = max(0, block.count(b"\n") - 1)
            size = self.path.stat().st_size
            return rows if size <= len(block) else round(rows * size / len(block))

    def blocks(self, columns: Collection[str] = ()) -> Iterator[Block]:
        """Yield the rows in blocks that are still to be read: all columns of them, or some."""
        with self.path.open("rb") as file:
            if self.parquet:
                for batch in self._batches(file, list(columns)):
                    yield Block(batch, batch.nbytes)
            else:
                file.readline(_HEADER)
                for lines in blocks_of(file, DELIMITER):
                    yield Block(lines, lines.size)

    def columns(self, block: Block, columns: Collection[str] = ()) -> Columns:
        """Return the columns of a block: texts, times and values. Any thread may do it."""
        raw: Mapping[str, Any]
        if isinstance(block.rows, Lines):
            raw = texts_of_lines(block.rows, self.names, DELIMITER)
        else:
            raw = {name: block.rows.column(name) for name in block.rows.schema.names}
        return {name: self._column(name, raw[name]) for name in columns or raw}

    def _column(self, name: str, raw: pa.Array | Texts) -> Column | Times | Values:
        if name == VALUE:
            return Values(raw)
        if name in TIMES:
            times = Times(raw)
            if times.in_another_form:
                self._note("times in another form than 2023-02-27 00:00:00Z")
            return times
        return raw if isinstance(raw, Texts) else texts_of(raw)

    def _batches(self, file: BinaryIO, columns: list[str]) -> Iterator[pa.RecordBatch]:
        strings = [name for name in self.names if name not in (*TIMES, VALUE)]
        reader = pq.ParquetFile(file, read_dictionary=strings)  # faster, and it is encoded so
        statistics = Statistics(reader.metadata)
        for batch in reader.iter_batches(BATCH_ROWS, columns=columns or None):
            if not columns:  # all rows will be read
                statistics.take(batch)
                self.wrong = statistics.wrong
            yield batch
