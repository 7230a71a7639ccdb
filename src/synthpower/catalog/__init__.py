"""The tables that an inventory and its readings are made from: shipped, or the user's own.

Three small CSV files stand beside this one. Each can be replaced; only the columns
named here are read, and others are ignored.

================  ============================  ===================
file              columns needed                columns optional
================  ============================  ===================
server_types.csv  model, product_id             weight
locations.csv     location                      weight
measurements.csv  name, unit, scale             decimals
================  ============================  ===================
"""

from __future__ import annotations

import csv
import io
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from importlib.resources import files
from pathlib import Path

from synthpower.errors import InputError

SERVER_TYPES = "server_types.csv"
LOCATIONS = "locations.csv"
MEASUREMENTS = "measurements.csv"
TABLES = (SERVER_TYPES, LOCATIONS, MEASUREMENTS)

MAX_DECIMALS = 22  # 10**22 is the last power of ten that a double holds exactly
MAX_COUNT = 2**53
_FIELD_LIMIT = 2**31 - 1  # of the whole process; csv's 128 KiB would call a long name no CSV

_DECIMALS = f"decimals {{}}: they must be 0 to {MAX_DECIMALS}, or empty"
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f]")
_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,9})?")


@dataclass(frozen=True)
class ServerType:
    """A model with its product id; `weight` makes it likelier than others."""

    model: str
    product_id: str
    weight: Decimal = Decimal(1)


@dataclass(frozen=True)
class Location:
    """A site; `weight` makes it likelier than others."""

    location: str
    weight: Decimal = Decimal(1)


@dataclass(frozen=True)
class Measurement:
    """A kind of measurement.

    Parameters
    ----------
    name, unit : str
        Not empty, without control characters.
    scale : Decimal or int or float or str
        The greatest value, in `unit`; positive and finite.
    decimals : int, optional
        A value is a whole number of 10**-decimals; without it, a full double.

    Raises
    ------
    InputError
        Where one of these is not so, or more counts are needed than 2**53.
    """

    name: str
    unit: str
    scale: Decimal
    decimals: int | None = None

    def __post_init__(self) -> None:
        for column, text in (("name", self.name), ("unit", self.unit)):
            check_text(column, text)
        object.__setattr__(self, "scale", _number("scale", self.scale))
        if float(self.scale) <= 0:
            raise InputError(f"scale {shown(self.scale)}: it must be a positive number")
        if self.decimals is None:
            return
        if not 0 <= self.decimals <= MAX_DECIMALS:
            raise InputError(_DECIMALS.format(self.decimals))
        if self.max_count > MAX_COUNT:
            raise InputError(
                f"scale {shown(self.scale)} with {self.decimals} decimals is more than "
                f"a double can hold: scale times 10^decimals must be at most 2^53; use fewer, "
                "or none"
            )

    @property
    def max_count(self) -> int:
        """The greatest value as a count of 10**-decimals: floor(scale * 10**decimals), exactly."""
        return int(Fraction(self.scale) * 10 ** (self.decimals or 0))


def check_text(column: str, text: str) -> None:
    """Raise `InputError` unless `text` can stand in a table: not empty, no control characters."""
    if not text:
        raise InputError(f"empty {column}: each must have a value")
    if control := _CONTROL.search(text):
        code = ord(control[0])
        raise InputError(f"control character U+{code:04X} in {column}: remove it")


def shown(value: object) -> str:
    """Return `value` as text short enough for an error message."""
    text = str(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _number(column: str, value: object) -> Decimal:
    """Return a finite decimal, small and great enough for a double."""
    text = str(value)
    if not _NUMBER.fullmatch(text) or abs(float(text)) == float("inf"):
        raise InputError(
            f"{column} {shown(text)!r}: it must be a finite number, such as 300 or 0.5"
        )
    return Decimal(text)


def read_rows(
    path: Path, needed: Sequence[str], optional: Sequence[str] = ()
) -> Iterator[tuple[int, dict[str, str]]]:
    """Read the rows of a CSV file one at a time, checking each.

    Parameters
    ----------
    path : Path
        A UTF-8 file with a header, comma separated, RFC 4180 quoting; a BOM and
        carriage returns are read over, blank lines skipped.
    needed, optional : sequence of str
        The columns to return. An optional one may be missing, or a field of it empty.

    Yields
    ------
    tuple of int and dict
        The number of the row's first line and its fields by column.

    Raises
    ------
    InputError
        Naming file and line: not readable, not UTF-8, a column missing or
        repeated, a ragged row, an empty field, a control character.
    """
    csv.field_size_limit(max(csv.field_size_limit(), _FIELD_LIMIT))
    reader = csv.reader(io.StringIO(_read_text(path), newline=""), strict=True)
    line = 1
    try:
        header = next((row for row in reader if row), [])
        places = _places(path, reader.line_num, header, needed, optional)
        line = reader.line_num + 1
        for row in reader:
            if row:
                if len(row) != len(header):
                    raise InputError(
                        f"{path}:{line}: {len(row)} fields, where the header has {len(header)}"
                    )
                fields = {column: row[place] for column, place in places.items()}
                for column, text in fields.items():
                    if text or column in needed:
                        with at_line(path, line):
                            check_text(column, text)
                yield line, fields
            line = reader.line_num + 1
    except csv.Error as error:
        raise InputError(f"{path}:{line}: not a CSV row: {error}") from None


def _places(
    path: Path, line: int, header: list[str], needed: Sequence[str], optional: Sequence[str]
) -> dict[str, int]:
    """Return where the columns stand in a header."""
    names = ",".join(needed)
    if not header:
        raise InputError(f"{path}: the file is empty; its first line must name {names}")
    for column in (*needed, *optional):
        if header.count(column) > 1:
            raise InputError(f"{path}:{line}: column {column} stands there twice")
        if column in needed and column not in header:
            raise InputError(f"{path}:{line}: no column {column}; the header must name {names}")
    return {column: header.index(column) for column in (*needed, *optional) if column in header}


class at_line:  # noqa: N801 - reads as a phrase: with at_line(path, line)
    """Add file and line to an `InputError` raised inside."""

    def __init__(self, path: Path, line: int) -> None:
        self.place = f"{path}:{line}"

    def __enter__(self) -> None: ...

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, InputError):
            raise InputError(f"{self.place}: {error}") from None


_MOST_OF_A_STREAM = 2**26  # bytes


def _read_text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            # A pipe may be a table too, but a device may have no end.
            data = file.read() if path.is_file() else file.read(_MOST_OF_A_STREAM)
            if len(data) == _MOST_OF_A_STREAM and not path.is_file():
                raise InputError(f"{path}: it has no end, or is too long for a table; name a file")
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except InputError:
        raise
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"{path}: cannot be read: {reason}") from None
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise InputError(f"{path}:{line}: not UTF-8: save the file as UTF-8") from None


def shipped(table: str) -> Path:
    """Return the path of a shipped table, one of `TABLES`."""
    return Path(str(files(__name__) / table))


def read_server_types(path: str | os.PathLike[str] | None = None) -> list[ServerType]:
    """Read the server types, the shipped ones where no `path` is given.

    Raises
    ------
    InputError
        As `read_rows`; also a product id listed twice, no row, all weights zero.
    """
    path = shipped(SERVER_TYPES) if path is None else Path(path)
    types: dict[str, ServerType] = {}
    for line, row in read_rows(path, ("model", "product_id"), ("weight",)):
        with at_line(path, line):
            kind = ServerType(row["model"], row["product_id"], _weight(row))
            if seen := types.get(kind.product_id):
                if seen.model == kind.model:
                    raise InputError(f"server type {shown(kind.product_id)} is listed twice")
                raise InputError(
                    f"product id {shown(kind.product_id)} has two models, "
                    f"{shown(seen.model)!r} and {shown(kind.model)!r}"
                )
            types[kind.product_id] = kind
    _check_weights(path, [t.weight for t in types.values()])
    return list(types.values())


def read_locations(path: str | os.PathLike[str] | None = None) -> list[Location]:
    """Read the locations, the shipped ones where no `path` is given.

    Raises
    ------
    InputError
        As `read_rows`; also a location listed twice, no row, all weights zero.
    """
    path = shipped(LOCATIONS) if path is None else Path(path)
    locations: dict[str, Location] = {}
    for line, row in read_rows(path, ("location",), ("weight",)):
        with at_line(path, line):
            site = Location(row["location"], _weight(row))
            if site.location in locations:
                raise InputError(f"location {shown(site.location)} is listed twice")
            locations[site.location] = site
    _check_weights(path, [site.weight for site in locations.values()])
    return list(locations.values())


def read_measurements(path: str | os.PathLike[str] | None = None) -> list[Measurement]:
    """Read the measurements, the shipped ones where no `path` is given.

    Raises
    ------
    InputError
        As `read_rows` and `Measurement`; also a measurement listed twice, no row.
    """
    path = shipped(MEASUREMENTS) if path is None else Path(path)
    measurements: dict[str, Measurement] = {}
    for line, row in read_rows(path, ("name", "unit", "scale"), ("decimals",)):
        with at_line(path, line):
            text = row.get("decimals", "")
            if text and not re.fullmatch("[0-9]{1,4}", text):
                raise InputError(_DECIMALS.format(repr(shown(text))))
            measurement = Measurement(
                row["name"],
                row["unit"],
                _number("scale", row["scale"]),
                int(text) if text else None,
            )
            if measurement.name in measurements:
                raise InputError(f"measurement {shown(measurement.name)!r} is listed twice")
            measurements[measurement.name] = measurement
    if not measurements:
        raise InputError(f"{path}: no measurement; one row at least is needed")
    return list(measurements.values())


def _weight(row: dict[str, str]) -> Decimal:
    weight = _number("weight", row.get("weight") or 1)
    if weight < 0:
        raise InputError(f"weight {shown(weight)}: it must not be negative")
    # What is zero as a double is zero: a denominator of 10^400 would serve nobody.
    return weight if float(weight) else Decimal(0)


def _check_weights(path: Path, weights: Sequence[Decimal]) -> None:
    if not weights:
        raise InputError(f"{path}: no row below the header; one at least is needed")
    if not any(weights):
        raise InputError(f"{path}: all weights are zero; one at least must be positive")
