"""What a row of text is: literals and columns, in order. It is data; `writer` makes text of it.

A text is quoted or escaped once, where it is made ready to be copied, never in a row.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from synthpower.arrays import as_strings
from synthpower.csv_text import quoted
from synthpower.errors import InputError, shown
from synthpower.model.columns import FORMATS, VALUE_OF, Column, Kind, field_of
from synthpower.model.measurement import Measurement, check_text

Escape = Callable[[pa.StringArray], pa.StringArray]


class Cell(NamedTuple):
    """A column in a row, and how its strings are escaped."""

    column: Column
    escape: Escape


Part = bytes | Cell


class Row(NamedTuple):
    """A row.

    Attributes
    ----------
    parts : tuple of bytes or Cell
        In order; the last one ends it.
    absent : bytes
        What stands for a value that is not there.
    header : bytes
        What a file begins with.
    """

    parts: tuple[Part, ...]
    absent: bytes = b""
    header: bytes = b""

    def of_tables(self, measurements: Sequence[Measurement]) -> Row:
        """Return it with columns that hold what their sources name of these measurements."""
        parts = (
            part
            if isinstance(part, bytes)
            else part._replace(column=part.column.of_tables(measurements))
            for part in self.parts
        )
        return self._replace(parts=tuple(parts))

    @property
    def lines(self) -> int:
        """How many lines it has."""
        return sum(part.count(b"\n") for part in self.parts if isinstance(part, bytes))


def csv_row(columns: Sequence[Column], delimiter: str = ",", header: bool = True) -> Row:
    """Return a row of CSV: RFC 4180 quotes only where a field needs them."""
    parts: list[Part] = []
    for column in columns:
        parts += [Cell(column, lambda texts: quoted(texts, delimiter)), delimiter.encode()]
    out = io.StringIO()
    writer = csv.writer(out, delimiter=delimiter, lineterminator="\n")
    writer.writerow([column.name for column in columns])
    first = out.getvalue().encode() if header else b""
    return Row((*parts[:-1], b"\n"), header=first)


def json_row(columns: Sequence[Column]) -> Row:
    """Return a row of JSON lines: an object."""
    parts: list[Part] = []
    for column in columns:
        between = "," if parts else "{"
        mark = '"' if column.kind in (Kind.STRING, Kind.TIMESTAMP) else ""
        name = _in_json(as_strings([column.name]))[0].as_py()
        parts += [f'{between}"{name}":{mark}'.encode(), Cell(column, _in_json), mark.encode()]
    return Row((*parts, b"}\n"), absent=b"null")


_PLACE = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]")


def pattern_row(pattern: str) -> Row:
    r"""Return the row that a pattern says: text with ``{source}`` or ``{source:format}`` in it.

    A format is one of a column, or of strings one of `ESCAPES`. Braces are doubled; ``\n`` and
    ``\t`` are a line's end and a tab. Each row ends with a line's end.

    Raises
    ------
    InputError
        Where the pattern is none, or holds no value.
    """
    parts: list[Part] = []
    at = 0
    for found in _PLACE.finditer(pattern):
        parts.append(_literal(pattern[at : found.start()]))
        at = found.end()
        if found[1] is not None:
            parts.append(_cell(found[1]))
        elif found[0] in ("{{", "}}"):
            parts.append(found[0][:1].encode())
        else:
            raise InputError(f"{shown(pattern)!r}: {found[0]} alone; double it, or close it", "row")
    parts.append(_literal(pattern[at:]) + b"\n")
    row = Row(tuple(part for part in parts if part))
    if not any(isinstance(part, Cell) and part.column.field.is_value for part in row.parts):
        raise InputError(f"{shown(pattern)!r}: no {{measurement_value}} in it", "row")
    return row


def pattern_columns(pattern: str) -> tuple[Column, ...]:
    """Return the columns that a pattern has, each once."""
    cells = [part for part in pattern_row(pattern).parts if isinstance(part, Cell)]
    return tuple(dict.fromkeys(cell.column for cell in cells))


def _literal(text: str) -> bytes:
    try:
        check_text("the pattern", text or "-")
    except InputError as error:
        raise InputError(f"{error}; a line's end is \\n, a tab \\t", "row") from None
    return text.replace("\\n", "\n").replace("\\t", "\t").encode()


def _cell(place: str) -> Cell:
    source, _, format = place.rpartition(":") if _has_format(place) else (place, "", "")
    if not source:
        raise InputError("{} names no source", "row")
    try:
        field = field_of(source)
        escape = ESCAPES.get(format) if field.kind is Kind.STRING else None
        if field.kind is Kind.STRING and format not in ESCAPES:
            choices = ", ".join(each for each in ESCAPES if each)
            raise InputError(f"format {shown(format)!r} of {shown(source)}: {choices}")
        column = Column(source if escape else place, field, "" if escape else format)
    except InputError as error:
        raise InputError(f"{{{shown(place)}}}: {error}", "row") from None
    return Cell(column, escape or _as_it_is)


def _has_format(place: str) -> bool:
    """Return whether what is behind the last colon is a format: a measurement may have one too."""
    if not place.startswith(VALUE_OF):
        return ":" in place
    _, _, last = place.removeprefix(VALUE_OF).rpartition(":")
    return last in FORMATS[Kind.DOUBLE] and place.count(":") > 1


def _as_it_is(texts: pa.StringArray) -> pa.StringArray:
    return texts


def _in_json(texts: pa.StringArray) -> pa.StringArray:
    # No table holds a control character, which JSON would have to escape too.
    doubled = pc.replace_substring(texts, "\\", "\\\\")
    return pc.replace_substring(doubled, '"', '\\"')


def _in_sql(texts: pa.StringArray) -> pa.StringArray:
    return pc.replace_substring(texts, "'", "''")


def _in_tag(texts: pa.StringArray) -> pa.StringArray:
    """Return strings as the line protocol has them in tags."""
    return pc.replace_substring_regex(texts, r"([,= \\])", r"\\\1")


def _in_csv(texts: pa.StringArray) -> pa.StringArray:
    return quoted(texts, ",")


ESCAPES: Mapping[str, Escape] = {
    "": _as_it_is,
    "csv": _in_csv,
    "json": _in_json,
    "sql": _in_sql,
    "tag": _in_tag,
}
