"""The columns of a file of readings: what each holds, and on which axes it depends.

What depends on the server, on the measurement or on the time alone is made once and used again;
only what depends on all three costs something for each row.

==================  =======================  =====================================
axes                so a column is           such as
==================  =======================  =====================================
SERVER              a template               sn, model, product_id, location
MEASUREMENT         a template               unit, name
TIME                a run: one for a step    start_time, end_time
TIME and SERVER     dense for each server    the same, with fuzz
all                 dense                    measurement_value
==================  =======================  =====================================
"""

from __future__ import annotations

import enum
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from synthpower.errors import InputError, shown
from synthpower.model.measurement import check_text


class Axis(enum.Flag):
    """The axes of the cartesian product."""

    TIME = enum.auto()
    SERVER = enum.auto()
    MEASUREMENT = enum.auto()


class Kind(enum.Enum):
    """The type of a column's values."""

    STRING = "string"
    TIMESTAMP = "timestamp"
    DOUBLE = "double"


@dataclass(frozen=True)
class Field:
    """What a column can hold.

    Attributes
    ----------
    name : str
        What it is called where nobody calls it otherwise.
    kind : Kind
    axes : Axis
        What it depends on, without fuzz.
    """

    name: str
    kind: Kind
    axes: Axis


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


@dataclass(frozen=True)
class Column:
    """A column of a file: its name there, and what it holds."""

    name: str
    field: Field

    def __post_init__(self) -> None:
        check_text("column", self.name)


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
    if VALUE not in (column.field for column in checked):
        raise InputError(f"no column holds {VALUE.name}; one must", "columns")
    return checked
