"""The columns of a file of readings: what each holds, in which form, and on which axes it depends.

What depends on the server, on the measurement or on the time alone is made once and used again;
only what depends on all three costs something for each row.

==================  =======================  =====================================
axes                so a column is           such as
==================  =======================  =====================================
none                a template               a constant
SERVER              a template               sn, model, product_id, location, rack
MEASUREMENT         a template               unit, name, tariff
TIME                a run: one for a step    start_time, end_time
TIME and SERVER     dense for each server    the same, with fuzz or in local time;
                                             one measurement's value
all                 dense                    measurement_value
==================  =======================  =====================================

A file whose columns hold single measurements' values is *wide*: it has a row for each time and
server. Otherwise it has a row for each measurement, too.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from synthpower.errors import InputError, shown
from synthpower.model.measurement import Measurement, check_text

CONSTANT, VALUE_OF = "=", "value:"  # what such sources begin with


class Axis(enum.Flag):
    """The axes of the cartesian product."""

    TIME = enum.auto()
    SERVER = enum.auto()
    MEASUREMENT = enum.auto()


class Kind(enum.Enum):
    """The type of a column's values."""

    STRING = "string"
    TIMESTAMP = "timestamp"
    INTEGER = "integer"
    DOUBLE = "double"
    FLOAT = "float"
    DECIMAL = "decimal"


@dataclass(frozen=True)
class Field:
    """What a column can hold.

    Attributes
    ----------
    name : str
        What it is called where nobody calls it otherwise: the source of a column.
    kind : Kind
        Its type, unless a column's format says another.
    axes : Axis
        What it depends on, without fuzz.
    """

    name: str
    kind: Kind
    axes: Axis

    @property
    def is_constant(self) -> bool:
        return self.axes == _NONE

    @property
    def is_value(self) -> bool:
        return self.kind is Kind.DOUBLE

    @property
    def measurement(self) -> str | None:
        """The name of the measurement whose value it is; None where it is of no single one."""
        single = self.is_value and self != VALUE
        return self.name.removeprefix(VALUE_OF) if single else None


_NONE = Axis(0)
_FIELDS = (
    Field("sn", Kind.STRING, Axis.SERVER),
    Field("model", Kind.STRING, Axis.SERVER),
    Field("product_id", Kind.STRING, Axis.SERVER),
    Field("location", Kind.STRING, Axis.SERVER),
    Field("start_time", Kind.TIMESTAMP, Axis.TIME),
    Field("end_time", Kind.TIMESTAMP, Axis.TIME),
    Field("measurement_value", Kind.DOUBLE, Axis.TIME | Axis.SERVER | Axis.MEASUREMENT),
    Field("unit", Kind.STRING, Axis.MEASUREMENT),
    Field("name", Kind.STRING, Axis.MEASUREMENT),
)
FIELDS = {field.name: field for field in _FIELDS}
START, END, VALUE = FIELDS["start_time"], FIELDS["end_time"], FIELDS["measurement_value"]
SERVER_FIELDS = tuple(field.name for field in _FIELDS if field.axes == Axis.SERVER)
MEASUREMENT_FIELDS = tuple(field.name for field in _FIELDS if field.axes == Axis.MEASUREMENT)

# What a column of each kind can be written as, and the type that this makes it. The first is what
# it is without a format. `local` is the wall clock of the server's site, with its offset.
FORMATS: dict[Kind, dict[str, Kind]] = {
    Kind.STRING: {"": Kind.STRING},
    Kind.TIMESTAMP: {
        "utc": Kind.TIMESTAMP,
        "iso": Kind.TIMESTAMP,
        "local": Kind.STRING,
        **dict.fromkeys(("s", "ms", "us", "ns"), Kind.INTEGER),
    },
    Kind.DOUBLE: {
        "double": Kind.DOUBLE,
        "float": Kind.FLOAT,
        "decimal": Kind.DECIMAL,
        "integer": Kind.INTEGER,
    },
}
UTC, DOUBLE = "utc", "double"
LOCAL = "local"


def field_of(source: str, measurements: Sequence[Measurement] = ()) -> Field:
    """Return what a source names.

    One of `FIELDS`; ``=text``, a constant; ``value:NAME``, the value of one measurement; or a
    further column of the tables, of the measurements' where these have it, else of the servers'.

    Raises
    ------
    InputError
        Where it is none of these.
    """
    check_text("source", source)
    if source in FIELDS:
        return FIELDS[source]
    if source.startswith(CONSTANT):
        return Field(source, Kind.STRING, _NONE)
    if source.startswith(VALUE_OF):
        return Field(source, Kind.DOUBLE, Axis.TIME | Axis.SERVER)
    of_measurements = any(source in dict(m.facts) for m in measurements)
    return Field(source, Kind.STRING, Axis.MEASUREMENT if of_measurements else Axis.SERVER)


@dataclass(frozen=True)
class Column:
    """A column of a file: its name there, what it holds, and in which form.

    Parameters
    ----------
    name : str
    field : Field
        See `field_of`.
    format : str
        Of a time ``utc``, ``iso``, ``local``, ``s``, ``ms``, ``us`` or ``ns``; of a value
        ``double``, ``float``, ``decimal`` or ``integer``. By default the first of these.
    """

    name: str
    field: Field
    format: str = ""

    def __post_init__(self) -> None:
        check_text("column", self.name)
        formats = FORMATS[self.field.kind]
        format: Any = self.format or next(iter(formats))
        if format not in formats:
            choices = ", ".join(each for each in formats if each) or "leave it empty"
            raise InputError(f"format {shown(format)!r} of {shown(self.field.name)}: {choices}")
        object.__setattr__(self, "format", format)

    @property
    def kind(self) -> Kind:
        """The type of its values."""
        return FORMATS[self.field.kind][self.format]

    def of_tables(self, measurements: Sequence[Measurement]) -> Column:
        """Return it with the field that its source names where these are the measurements."""
        return replace(self, field=field_of(self.field.name, measurements))

    @property
    def by_default(self) -> bool:
        """Whether it has the form that it has without a format."""
        return self.format == next(iter(FORMATS[self.field.kind]))

    @property
    def axes(self) -> Axis:
        """What it depends on, without fuzz."""
        return self.field.axes | (Axis.SERVER if self.format == LOCAL else _NONE)


COLUMNS = tuple(Column(field.name, field) for field in _FIELDS)
END_COLUMNS = tuple(column for column in COLUMNS if column.field != START)


def check_columns(columns: Iterable[Column]) -> tuple[Column, ...]:
    """Return the columns of a file; `InputError` where they cannot be."""
    given: Any = columns
    checked: tuple[Any, ...] = tuple(given) if hasattr(given, "__iter__") else (given,)
    for each in checked:
        if not isinstance(each, Column):
            raise InputError(f"{shown(each)!r} is not a Column", "columns")
    names = [column.name for column in checked]
    for name in names:
        if names.count(name) > 1:
            raise InputError(f"column {shown(name)!r} is listed twice", "columns")
    if not any(column.field.is_value for column in checked):
        raise InputError(f"no column holds {VALUE.name}; one must", "columns")
    if is_wide(checked):
        for column in checked:
            if Axis.MEASUREMENT in column.axes:
                raise InputError(
                    f"column {shown(column.name)!r}: {column.field.name} differs by measurement, "
                    f"and a row with {VALUE_OF}NAME columns holds several; leave it out",
                    "columns",
                )
    return checked


def _check_fact(source: str, text: object) -> None:
    try:
        check_text(f"source {shown(source)!r}", text)
    except InputError as error:
        raise InputError(str(error), "columns") from None


def further_columns(columns: Iterable[Column]) -> tuple[str, ...]:
    """Return the columns of the user's own tables that a file has of its servers."""
    fields = dict.fromkeys(c.field for c in columns if c.field.axes == Axis.SERVER)
    return tuple(field.name for field in fields if field.name not in FIELDS)


def is_wide(columns: Iterable[Column]) -> bool:
    """Return whether rows hold the values of several measurements, each in its own column."""
    return any(column.field.measurement is not None for column in columns)


def measurements_of(
    columns: Sequence[Column], measurements: Sequence[Measurement]
) -> tuple[Measurement, ...]:
    """Return the measurements that a file of these columns needs, without unused facts.

    Raises
    ------
    InputError
        Where a column holds the value of one that there is not.
    """
    wanted = {column.field.measurement for column in columns} - {None}
    names = [measurement.name for measurement in measurements]
    for name in wanted:
        if name not in names:
            raise InputError(
                f"{VALUE_OF}{shown(name)}: no such measurement; there are "
                f"{', '.join(map(shown, names))}",
                "columns",
            )
    facts = {c.field.name for c in columns if c.field.axes == Axis.MEASUREMENT}
    needed = tuple(m.with_facts(facts) for m in measurements if not wanted or m.name in wanted)
    for source, text in (pair for m in needed for pair in m.facts):
        if text != "":
            _check_fact(source, text)
    return needed
