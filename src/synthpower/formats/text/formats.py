"""The formats of text: CSV, JSON lines, and whatever a pattern says."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, BinaryIO, ClassVar

import pyarrow as pa
from pyarrow import csv as pa_csv

from synthpower.errors import InputError
from synthpower.fleet.fleet import Fleet
from synthpower.formats import TEXT_COMPRESSIONS
from synthpower.formats.compressed import compressed
from synthpower.formats.interface import IMPLEMENTATIONS, PYARROW, Option, Options, Writer, one_of
from synthpower.formats.text.row import Row, csv_row, json_row, pattern_row
from synthpower.formats.text.writer import CHUNK_ROWS, TextWriter
from synthpower.model.specification import Specification
from synthpower.storage import Files

if TYPE_CHECKING:
    from synthpower.formats.findings import Finding, Mismatch
    from synthpower.formats.text.explain import Fields

_COMPRESSION = one_of(*TEXT_COMPRESSIONS)
_DELIMITERS = frozenset("\t!#$%&'()*,/;<=>?@[\\]^`{|}~")  # in no number and no time


def _is_delimiter(value: object) -> bool:
    return isinstance(value, str) and value in _DELIMITERS


def _is_pattern(value: object) -> bool:
    try:
        return isinstance(value, str) and bool(pattern_row(value))
    except InputError:
        return False


class TextFormat(ABC):
    """A format of text: it says what a row is.

    Parameters
    ----------
    chunk_rows : int
        The rows that are made at a time, at most; they change no byte.
    """

    name: str
    options: ClassVar[Mapping[str, Option]]
    typed = False

    def __init__(self, chunk_rows: int = CHUNK_ROWS) -> None:
        self._chunk_rows = chunk_rows

    @abstractmethod
    def row(self, specification: Specification, options: Options) -> Row:
        """Return what a row is."""

    @abstractmethod
    def fields(self, options: Options) -> Fields:
        """Return what takes a line apart."""

    def names(self, specification: Specification) -> list[str]:
        """Return the names of a line's fields."""
        return [column.name for column in specification.columns]

    def writer(self, specification: Specification, fleet: Fleet, options: Options) -> Writer[Any]:
        row = self.row(specification, options)
        if options.implementation == PYARROW:
            from synthpower.formats.pyarrow_writers import PyarrowCsvWriter

            writer = PyarrowCsvWriter(specification, fleet, row.header, options.delimiter)
            return compressed(writer, options)
        return compressed(TextWriter(specification, fleet, row, self._chunk_rows), options)

    def provenance(self, file: BinaryIO) -> None:  # noqa: B027
        """Return None: text says nothing of itself."""

    def explain(
        self,
        store: Files,
        name: str,
        made_from: tuple[Specification, Fleet, Options],
        mismatch: Mismatch,
    ) -> Finding:
        """Say which row and column differs."""
        from synthpower.formats.findings import Finding
        from synthpower.formats.text.explain import difference

        specification, _, options = made_from
        row, fields = self.row(specification, options), self.fields(options)
        with store.open(name) as file:
            names = self.names(specification)
            rows, detail = difference(file, row, names, fields, mismatch)
        return Finding(False, "values", rows, detail)  # noqa: FBT003


class Csv(TextFormat):
    """UTF-8 with a header, commas, RFC 4180 quotes only where a field needs them."""

    name = "csv"
    options: ClassVar[Mapping[str, Option]] = {
        "implementation": one_of(*IMPLEMENTATIONS, differs=False),  # the same bytes
        "compression": _COMPRESSION,
        "delimiter": Option(
            _is_delimiter, "choose one character such as ; that no number and no time has"
        ),
        "header": Option(lambda value: isinstance(value, bool), "true or false"),
    }

    def row(self, specification: Specification, options: Options) -> Row:
        return csv_row(specification.columns, options.delimiter, options.header)

    def fields(self, options: Options) -> Fields:
        from synthpower.formats.text.explain import csv_fields

        return partial(csv_fields, delimiter=options.delimiter)

    def read(
        self,
        file: BinaryIO,
        specification: Specification,
        options: Options,
        fields: Sequence[str],
    ) -> Iterator[pa.RecordBatch]:
        columns = list(specification.columns_of(*fields))
        names = [column.name for column in specification.columns]
        for batch in pa_csv.open_csv(
            file,
            pa_csv.ReadOptions(column_names=None if options.header else names),
            pa_csv.ParseOptions(delimiter=options.delimiter),
            pa_csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()),
                include_columns=[column.name for column in columns],
            ),
        ):
            yield batch.rename_columns([column.field.name for column in columns])


class JsonLines(TextFormat):
    """An object in each line, UTF-8; what is absent is null."""

    name = "jsonl"
    options: ClassVar[Mapping[str, Option]] = {"compression": _COMPRESSION}

    def row(self, specification: Specification, options: Options) -> Row:  # noqa: ARG002
        return json_row(specification.columns)

    def fields(self, options: Options) -> Fields:  # noqa: ARG002
        from synthpower.formats.text.explain import json_fields

        return json_fields

    def read(
        self,
        file: BinaryIO,
        specification: Specification,
        options: Options,  # noqa: ARG002
        fields: Sequence[str],
    ) -> Iterator[pa.RecordBatch]:
        from pyarrow import json as pa_json

        columns = list(specification.columns_of(*fields))
        schema = pa.schema([(column.name, pa.string()) for column in columns])
        parsing = pa_json.ParseOptions(explicit_schema=schema, unexpected_field_behavior="ignore")
        for batch in pa_json.open_json(file, parse_options=parsing):
            yield batch.rename_columns([column.field.name for column in columns])


class Pattern(TextFormat):
    """Rows that a pattern says; see `text.row.pattern_row`."""

    name = "text"
    options: ClassVar[Mapping[str, Option]] = {
        "compression": _COMPRESSION,
        "row": Option(
            _is_pattern, "a pattern such as '{sn} {end_time:s} {measurement_value}'", needed=True
        ),
    }

    def row(self, specification: Specification, options: Options) -> Row:
        return pattern_row(options.row or "").of_tables(specification.measurements)

    def fields(self, options: Options) -> Fields:  # noqa: ARG002
        from synthpower.formats.text.explain import whole_line

        return whole_line

    def names(self, specification: Specification) -> list[str]:  # noqa: ARG002
        return ["line"]

    def read(
        self,
        file: BinaryIO,  # noqa: ARG002
        specification: Specification,  # noqa: ARG002
        options: Options,  # noqa: ARG002
        fields: Sequence[str],  # noqa: ARG002
    ) -> Iterator[pa.RecordBatch]:
        raise InputError("rows of a pattern cannot be read again")
