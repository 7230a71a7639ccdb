"""A file of readings -> its rows in blocks, and what there is to say of their form.

A column of another type than the contract's is wrong, or it holds the same in another form: then
it is read, with a note. Times stay in the file's own unit, so that none is too far away.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, cast
from urllib.parse import unquote

import pyarrow as pa
from pyarrow import parquet as pq

from synthpower import kernels
from synthpower.dataset.validate.lines import (
    Lines,
    arrays_of_lines,
    blocks_of,
    texts_of_lines,
)
from synthpower.dataset.validate.numbers import Times, Values
from synthpower.dataset.validate.statistics import Statistics
from synthpower.dataset.validate.texts import TextColumn, Texts, repeated, texts_of
from synthpower.dataset.validate.typed import check_type
from synthpower.errors import InputError, shown
from synthpower.formats import what_says
from synthpower.model.columns import COLUMNS, END_COLUMNS, START, UTC, Column, Kind

BATCH_ROWS = 2**18
CSV, JSON_LINES, PARQUET, ARROW = "csv", "jsonl", "parquet", "arrow"
DELIMITER = ","
DELIMITERS = ";\t|"  # other ones that its header may have

_HEADER = 2**16
_COUNTED = 2**24  # bytes of CSV whose rows are counted
Choices = tuple[tuple[Column, ...], ...]
DEFAULT: Choices = (COLUMNS, END_COLUMNS)


class Block(NamedTuple):
    """Some of the rows, as they were read; and their bytes."""

    rows: Lines | pa.RecordBatch
    size: int


@dataclass
class Parsed:
    """The columns of a block.

    Attributes
    ----------
    size : int
        The rows.
    texts : dict of str to TextColumn
    times : list of (Column, Times)
    values : list of (Column, Values)
    """

    size: int
    texts: dict[str, TextColumn] = field(default_factory=dict)
    times: list[tuple[Column, Times]] = field(default_factory=list)
    values: list[tuple[Column, Values]] = field(default_factory=list)


def format_of(path: Path) -> str:
    """Return in which format a file is read: as CSV unless its name says another."""
    said = what_says(path.name).format
    return said if said in (JSON_LINES, PARQUET, ARROW) else CSV


def is_typed(path: Path) -> bool:
    """Return whether a file's columns have types of their own, and a library reads it."""
    return format_of(path) in (PARQUET, ARROW)


class Source:
    """A file of readings.

    Parameters
    ----------
    path : Path
    choices : sequence of tuples of Column
        The columns that it may have.
    label : str, optional
        What it is called, if not by its name.

    Attributes
    ----------
    columns : tuple of Column
        Those of the choices that it has.
    notes : set of str
        In which other forms something is.
    wrong : str
        What the file says of itself and is not true, as far as it was read.

    Raises
    ------
    InputError
        Where its columns are not those of readings.
    """

    def __init__(self, path: Path, choices: Choices = DEFAULT, label: str = "") -> None:
        self.path, self.label = path, label or path.name
        self.format = format_of(path)
        self.compression = what_says(path.name).compression
        self.delimiter = DELIMITER
        self._of_folders = _said_by_folders(self.label)
        self.notes: dict[str, None] = {}  # a set that keeps the order
        self.wrong = ""
        with self._opened() as file:
            names, schema = self._names(file, choices)
            self.columns = self._chosen(names, choices)
            self._own = tuple(c for c in self.columns if c.name not in self._of_folders)
            if schema is not None:
                for column in self._own:
                    if note := check_type(column, schema.field(column.name).type):
                        self._note(note)

    def _opened(self) -> BinaryIO:
        """Open it, decompressed: all members or frames of it, one after the other."""
        file = self.path.open("rb")
        if self.compression is None:
            return file
        stream = pa.CompressedInputStream(file, self.compression)
        return cast(BinaryIO, io.BufferedReader(stream))

    def _names(self, file: BinaryIO, choices: Choices) -> tuple[list[str], pa.Schema | None]:
        """Return the names of the columns and, where they have types, the schema."""
        if self.format == PARQUET:
            schema = pq.ParquetFile(file).schema_arrow
        elif self.format == ARROW:
            schema = pa.ipc.open_file(file).schema
        elif self.format == JSON_LINES:
            return _keys(file.readline(_HEADER)), None
        else:
            return self._csv_names(file, choices), None
        return list(schema.names), schema

    def _chosen(self, names: list[str], choices: Choices) -> tuple[Column, ...]:
        if self.format == JSON_LINES:  # the keys of an object have no order
            names = sorted(names)
        for columns in choices:
            wanted = self._wanted(columns)
            # What folders say need not be in the files, too.
            rest = [name for name in wanted if name not in self._of_folders]
            if names in (wanted, rest):
                self._of_folders = {} if names == wanted else self._of_folders
                return columns
        starts = any(c.name in names for c in choices[0] if c.field == START)
        wanted = [column.name for column in choices[0 if starts else -1]]
        raise InputError(f"{', '.join(map(shown, names))}; not {', '.join(wanted)}")

    def _wanted(self, columns: tuple[Column, ...]) -> list[str]:
        names = [column.name for column in columns]
        return sorted(names) if self.format == JSON_LINES else names

    def _csv_names(self, file: BinaryIO, choices: Choices) -> list[str]:
        line = file.readline(_HEADER)
        try:
            header = line.decode("utf-8-sig")
        except UnicodeDecodeError:
            header = "\0"
        if not header:
            raise InputError("the file is empty")
        text = header.rstrip("\r\n")
        if len(line) == _HEADER or not text.replace("\t", " ").isprintable():
            raise InputError("no CSV file: its first line is no text")
        if line.startswith(b"\xef\xbb\xbf"):
            self._note("it begins with a byte order mark")
        if header.endswith("\r\n"):
            self._note(r"its lines end with \r\n, not \n")
        wanted = [self._wanted(columns) for columns in choices]
        wanted += [[n for n in names if n not in self._of_folders] for names in wanted]
        for delimiter in DELIMITERS:
            if _split(text, delimiter) in wanted:
                self.delimiter = delimiter
                self._note(f"its cells are parted by {delimiter!r}, not {DELIMITER!r}")
        return _split(text, self.delimiter)

    def _note(self, text: str) -> None:
        self.notes[text] = None

    @cached_property
    def size(self) -> int:
        """The number of rows; of text about how many."""
        if self.format == ARROW:
            with self._opened() as file, pa.ipc.open_file(file) as reader:
                return sum(reader.get_batch(i).num_rows for i in range(reader.num_record_batches))
        with self.path.open("rb") as whole, self._opened() as file:
            if self.format == PARQUET:
                return int(pq.ParquetFile(file).metadata.num_rows)
            block = file.read(_COUNTED)
            rows = max(0, block.count(b"\n") - (self.format == CSV))
            if len(block) < _COUNTED:
                return rows
            size = whole.seek(0, io.SEEK_END)
            if self.compression:
                packed = len(pa.compress(block, self.compression, asbytes=True))
                return round(rows * size / packed)
            return round(rows * size / len(block))

    def blocks(self, columns: Collection[str] = ()) -> Iterator[Block]:
        """Yield the rows in blocks that are still to be read: all columns of them, or some."""
        with self._opened() as file:
            columns = [name for name in columns if name not in self._of_folders]
            if is_typed(self.path):
                read = self._parquet if self.format == PARQUET else _arrow
                for batch in read(file, list(columns)):
                    if batch.num_rows:
                        yield Block(batch, batch.nbytes)
            else:
                if self.format == CSV:
                    file.readline(_HEADER)
                for lines in blocks_of(file, self.delimiter, quotes=self.format == CSV):
                    yield Block(lines, lines.size)

    def parsed(self, block: Block, columns: Collection[str] = ()) -> Parsed:
        """Return the columns of a block, or some of them. Any thread may do it."""
        raw = self._raw(block)
        parsed = Parsed(len(next(iter(raw.values()))))
        for name, text in self._of_folders.items():
            raw[name] = repeated(text, parsed.size)
        for column in self.columns:
            if columns and column.name not in columns:
                continue
            if column.field.is_value:
                parsed.values.append((column, Values(raw[column.name])))
            elif column.field.kind is Kind.TIMESTAMP:
                times = Times(raw[column.name], column.format)
                self._note_form(column, times)
                parsed.times.append((column, times))
            else:
                texts = raw[column.name]
                parsed.texts[column.name] = texts if isinstance(texts, Texts) else texts_of(texts)
        return parsed

    def _raw(self, block: Block) -> dict[str, Any]:
        """Return the columns of a block, as they are."""
        if not isinstance(block.rows, Lines):
            return {name: block.rows.column(name) for name in block.rows.schema.names}
        if self.format == JSON_LINES:
            return arrays_of_lines(block.rows, self._own)
        names = [column.name for column in self._own]
        return dict(texts_of_lines(block.rows, names, self.delimiter))

    def _note_form(self, column: Column, times: Times) -> None:
        if column.format == UTC and (
            times.in_form(kernels.OTHER_FORM) or times.in_form(kernels.FRACTION)
        ):
            self._note("times in another form than 2023-02-27 00:00:00Z")
        elif column.format == "iso" and self.format == CSV and times.in_form(kernels.UTC):
            self._note("times in another form than 2023-02-27T00:00:00Z")

    def _parquet(self, file: BinaryIO, columns: list[str]) -> Iterator[pa.RecordBatch]:
        strings = [column.name for column in self._own if column.kind is Kind.STRING]
        reader = pq.ParquetFile(file, read_dictionary=strings)  # faster, and it is encoded so
        statistics = Statistics(reader.metadata)
        for batch in reader.iter_batches(BATCH_ROWS, columns=columns or None):
            if not columns:  # all rows will be read
                statistics.take(batch)
                self.wrong = statistics.wrong
            yield batch


def _said_by_folders(label: str) -> dict[str, str]:
    """Return what the names of folders say, as in ``dt=2023-02-27/site=DE-B-01/part-0.csv``."""
    pairs = [folder.partition("=") for folder in Path(label).parts[:-1]]
    return {name: unquote(text) for name, equals, text in pairs if equals and name}


def _split(header: str, delimiter: str) -> list[str]:
    return next(csv.reader([header], delimiter=delimiter), [])


def _keys(line: bytes) -> list[str]:
    """Return the keys of a line of JSON."""
    if not line:
        raise InputError("the file is empty")
    try:
        found = json.loads(line)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise InputError("no file of JSON lines: its first line is no object")
    return list(found)


def _arrow(file: BinaryIO, columns: list[str]) -> Iterator[pa.RecordBatch]:
    with pa.ipc.open_file(file) as reader:
        for number in range(reader.num_record_batches):
            batch = reader.get_batch(number)
            batch.validate(full=True)  # a damaged file's offsets may point anywhere
            batch = batch.select(columns or batch.schema.names)
            for begin in range(0, batch.num_rows, BATCH_ROWS):
                yield batch.slice(begin, BATCH_ROWS)
