"""A file of readings -> its rows in batches, and what there is to say of their form.

A column of another type than the contract's is wrong, or it holds the same in another form: then
it is read, with a note. Times stay in the file's own unit, so that none is too far away.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv as pa_csv
from pyarrow import parquet as pq

from synthpower.arrays import as_numpy
from synthpower.dataset.validate.cells import Flags, Numbers
from synthpower.dataset.validate.statistics import Statistics
from synthpower.errors import InputError, shown
from synthpower.formats import format_of_name
from synthpower.formats.batches import TIME
from synthpower.model.columns import COLUMNS, END_COLUMNS, FIELDS

BATCH_ROWS = 2**18
TIMES = ("start_time", "end_time")
VALUE = "measurement_value"

_HEADER = 2**16
_FORM = r"^[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}Z$"
_ISO = _FORM.replace(" ", "[ T]").replace("Z", r"(\.[0-9]{1,9})?(Z|[+-][0-9]{2}:?[0-9]{2})")
_NUMBER = r"^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,3})?$"
_COUNTED = 2**24  # bytes of CSV whose rows are counted
_FAR = 2**50  # seconds: further away than any time of the contract

Cells = dict[str, pa.Array]


class Times:
    """A column of times: whole seconds since the epoch, and which are no such times."""

    def __init__(self, times: pa.Array, texts: pa.Array | None = None) -> None:
        self._times, self._texts = times, texts
        unit = times.type.unit
        count = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}[unit]
        self.null: Flags = np.asarray(pc.is_null(times).to_numpy(zero_copy_only=False))
        raw = as_numpy(pc.fill_null(times.cast(pa.int64()), -1))
        seconds = raw if count == 1 else raw // count
        self.fraction: Flags = raw != seconds * count
        self.seconds: Numbers = np.clip(seconds, -_FAR, _FAR)

    @property
    def bad(self) -> Flags:
        """Which are no whole second."""
        return self.null | self.fraction

    def shown(self, row: int) -> str:
        """Return a time as text, whatever it is."""
        if self._texts is not None and (self.null[row] or self.fraction[row]):
            return shown(self._texts[row].as_py())
        if self.null[row]:
            return "None"
        time = np.datetime64(self._times[row].value, self._times.type.unit)
        text = str(time).replace("T", " ")
        whole, _, fraction = text.partition(".")
        fraction = fraction.rstrip("0")
        return f"{whole}.{fraction}Z" if fraction else f"{whole}Z"


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
        return [name.strip('"') for name in text.split(",")]

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

    def batches(self, columns: list[str] | None = None) -> Iterator[Cells]:
        """Yield the rows, a batch of them at a time: all columns of them, or some."""
        found = self._parquet(columns) if self.parquet else self._csv(columns)
        for batch in found:
            if batch.num_rows:
                yield {name: batch.column(name) for name in batch.schema.names}

    def _parquet(self, columns: list[str] | None) -> Iterator[pa.RecordBatch]:
        with self.path.open("rb") as file:
            strings = [name for name in self.names if name not in (*TIMES, VALUE)]
            reader = pq.ParquetFile(file, read_dictionary=strings)  # faster, and it is encoded so
            statistics = Statistics(reader.metadata)
            for batch in reader.iter_batches(BATCH_ROWS, columns=columns):
                if columns is None:  # all rows will be read
                    statistics.take(batch)
                    self.wrong = statistics.wrong
                yield batch

    def _csv(self, columns: list[str] | None) -> Iterator[pa.RecordBatch]:
        """Read values as numbers; from where one is none, as text."""
        rows = 0
        try:
            for batch in self._read_csv(columns, pa.float64()):
                yield batch
                rows += batch.num_rows
        except pa.ArrowInvalid as error:
            if "conversion error to double" not in str(error):
                raise
        else:
            return
        for batch in self._read_csv(columns, pa.string()):
            rest = batch.slice(min(rows, batch.num_rows))
            rows -= batch.num_rows - rest.num_rows
            yield rest

    def _read_csv(self, columns: list[str] | None, value: pa.DataType) -> Iterator[pa.RecordBatch]:
        types = dict.fromkeys(self.names, pa.string())
        types |= dict.fromkeys(TIMES, pa.dictionary(pa.int32(), pa.string())) | {VALUE: value}
        options = pa_csv.ConvertOptions(
            column_types=types, include_columns=columns, null_values=[""], strings_can_be_null=True
        )
        parsing = pa_csv.ParseOptions(newlines_in_values=True)
        with (
            self.path.open("rb") as file,
            pa_csv.open_csv(file, parse_options=parsing, convert_options=options) as reader,
        ):
            yield from reader

    def times(self, cells: pa.Array) -> Times:
        """Return a column of times, and note in which other form they are."""
        return Times(cells) if self.parquet else self._text_times(cells)

    def _text_times(self, texts: pa.DictionaryArray) -> Times:
        different = texts.dictionary
        form = pc.match_substring_regex(different, _FORM)
        good = pc.match_substring_regex(different, _ISO)
        if pc.any(pc.and_not(good, form)).as_py():
            self._note("times in another form than 2023-02-27 00:00:00Z")
        found = pc.if_else(good, different, pa.scalar(None, pa.string()))
        try:
            times = found.cast(TIME)
        except pa.ArrowInvalid:  # one does not exist
            times = pa.array([_time(text) for text in found.to_pylist()], TIME)
        return Times(times.take(texts.indices), texts)


def _time(text: str | None) -> object:
    try:
        return pa.scalar(text).cast(TIME).as_py()
    except (pa.ArrowInvalid, ValueError):
        return None


def values_of(cells: pa.Array) -> pa.Array:
    """Return a column of values as doubles, null where there is none."""
    if pa.types.is_floating(cells.type):
        return cells
    good = pc.match_substring_regex(cells, _NUMBER)
    return pc.if_else(good, cells, pa.scalar(None, pa.string())).cast(pa.float64())
