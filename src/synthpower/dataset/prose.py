"""What README.md says of the rows of the files of readings: of those by default, or of columns.csv.

Where a dataset has a columns.csv, what is said stands between marks, so that it can follow it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from synthpower.dataset.layout import INVENTORY
from synthpower.model.columns import CONSTANT, END, START, Axis, Column, is_wide
from synthpower.model.measurement import Measurement
from synthpower.tables import COLUMNS, LOCATIONS, MEASUREMENTS, SERVER_TYPES

BEGIN, END_MARK = "<!-- columns:begin -->", "<!-- columns:end -->"

_BY_DEFAULT = f"""\
| column | meaning |
| --- | --- |
| `sn`, `model`, `product_id`, `location` | the server, as in {INVENTORY} |
| `start_time`, `end_time` | the interval that was measured, in UTC (`Z`); start included, end not |
| `measurement_value` | the value, in `unit` |
| `unit` | the unit of the value |
| `name` | what was measured |

A value is absent (null, or an empty field) only where a server was made to be off: a
file `events-2023-02-27.csv` says which faults were put into the readings of its name.
Some files have no `start_time`: there an interval begins where the server's one
before it ends. Every server has one row for each interval and each measurement, so
the rows are the product of the three. They are ordered by interval, then by serial
number, then as the measurements are in {MEASUREMENTS}, which has for each its
`name`, its `unit`, the greatest random number (`scale`), the least one (`minimum`, where
it is not 0) and the number of `decimals`."""

_OF_TABLE = f"""\
The columns are those of {COLUMNS}; what was made with others is among the commands below.

| column | meaning |
| --- | --- |
{{rows}}

A value is absent (null, or an empty field) only where a server was made to be off: a
file `events-2023-02-27.csv` says which faults were put into the readings of its name.
{{order}} {MEASUREMENTS} has for each
measurement its `name`, its `unit`, the greatest random number (`scale`), the least one
(`minimum`, where it is not 0) and the number of `decimals`."""

_LONG = """\
Every server has one row for each interval and each measurement, so the rows are the
product of the three. They are ordered by interval, then by serial number, then as the
measurements are in their table."""
_WIDE = """\
Every server has one row for each interval, with the values of all measurements. Rows are
ordered by interval, then by serial number."""

_MEANINGS = {
    "sn": "the server's serial number",
    "model": "the name of the server's model",
    "product_id": "the server's HPE product number",
    "location": "the server's site",
    "start_time": "the start of the interval that was measured, included",
    "end_time": "the end of the interval that was measured, not included",
    "measurement_value": "the value, in the measurement's unit",
    "unit": "the unit of the value",
    "name": "what was measured",
}
_SINCE = "since 1970-01-01 in UTC"
_FORMS = {
    "utc": "in UTC (`Z`)",
    "iso": "in UTC (`T` and `Z`)",
    "local": "in the site's own time, with its offset from UTC",
    "s": f"in seconds {_SINCE}",
    "ms": f"in milliseconds {_SINCE}",
    "us": f"in microseconds {_SINCE}",
    "ns": f"in nanoseconds {_SINCE}",
    "float": "in single precision",
    "decimal": "as a decimal",
    "integer": "a whole number",
}


class OwnTables(NamedTuple):
    """The tables of a dataset that files of readings are made with, unless others are named.

    Attributes
    ----------
    measurements : sequence of Measurement
        What is in its measurements.csv.
    columns : sequence of Column, optional
        What is in its columns.csv, where it has one.
    """

    measurements: Sequence[Measurement]
    columns: Sequence[Column] | None = None


def rows_prose(own: OwnTables) -> str:
    """Return what is said of the rows."""
    if own.columns is None:
        return _BY_DEFAULT
    columns = [column.of_tables(own.measurements) for column in own.columns]
    rows = "\n".join(f"| {_code(c.name)} | {_meaning(c, own.measurements)} |" for c in columns)
    text = _OF_TABLE.format(rows=rows, order=_WIDE if is_wide(columns) else _LONG)
    return f"{BEGIN}\n\n{text}\n\n{END_MARK}"


def with_rows_prose(readme: str, own: OwnTables) -> str:
    """Return a README with what is to be said today, where it says it of ours; else as it is."""
    before, begin, rest = readme.partition(BEGIN)
    _, end, after = rest.partition(END_MARK)
    if begin and end:
        return before + rows_prose(own) + after
    return readme.replace(_BY_DEFAULT, rows_prose(own), 1)


def _meaning(column: Column, measurements: Sequence[Measurement]) -> str:
    field = column.field
    if field.is_constant:
        return f"always {_code(field.name.removeprefix(CONSTANT))}"
    if field.measurement is not None:
        units = [_code(m.unit) for m in measurements if m.name == field.measurement]
        meaning = ", in ".join([f"the value of {_code(field.measurement)}", *units])
    elif field.name in _MEANINGS:
        meaning = _MEANINGS[field.name]
    else:
        tables = f"{INVENTORY}, {SERVER_TYPES} or {LOCATIONS}"
        where = MEASUREMENTS if field.axes == Axis.MEASUREMENT else tables
        return f"{_code(field.name)} in {where}"
    if field in (START, END) or not column.by_default:
        meaning += f", {_FORMS[column.format]}"
    return meaning


def _code(text: str) -> str:
    """Return a text as code in a cell of a table."""
    if not text.strip():
        return "a blank" if text else "empty"
    mark = "``" if "`" in text else "`"
    space = " " if "`" in text else ""
    return f"{mark}{space}{text}{space}{mark}".replace("|", "\\|")
