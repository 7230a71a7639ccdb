"""The names of a dataset's files."""

from __future__ import annotations

import re
from typing import NamedTuple

from synthpower.errors import InputError, shown
from synthpower.formats import what_says
from synthpower.model.grid import WHOLE, Part
from synthpower.tables import COLUMNS, LOCATIONS, MEASUREMENTS, SERVER_TYPES

README = "README.md"
INVENTORY = "inventory.csv"
MANIFEST = "manifest.json"
FRAGMENTS = "_manifest"  # a folder: those who read all files of a dataset pass over it
DATA = "data-*"
OURS = (README, INVENTORY, MEASUREMENTS, COLUMNS, SERVER_TYPES, LOCATIONS, MANIFEST)

_LONGEST_NAME = 255  # bytes, on most file systems
_DATA_STEM = re.compile(r"data-(\d{4}-\d\d-\d\d(?:T\d\d)?)(?:-(\d{5})-of-(\d{5}))?")


def events_name(name: str) -> str:
    """Return the name of the file of the events that are in a file of readings.

    In a folder it begins with a ``_``: those who read all files of a folder pass over it.
    """
    folder, slash, name = name.rpartition("/")
    hidden = "_" if slash else ""
    return f"{folder}{slash}{hidden}events-{what_says(name).stem.removeprefix('data-')}.csv"


def is_events_name(name: str) -> bool:
    """Return whether a name in a folder is that of a file of events."""
    return name.rpartition("/")[2].startswith("_events-")


def check_name(name: str, argument: str | None = None) -> None:
    """Raise `InputError` unless readings may have a name: below the dataset, visible, not ours."""
    for each in name.split("/"):
        why = ""
        if not each:
            why = "it begins or ends with a /, or has two together: each folder has a name"
        elif each.startswith("."):
            why = f"{shown(each)!r} begins with a dot: it would be hidden, or outside"
        elif each in (*OURS, "-"):
            why = f"{each!r} is the name of something else"
        elif len(each.encode(errors="surrogatepass")) > _LONGEST_NAME:
            why = f"{shown(each)!r} is longer than {_LONGEST_NAME} bytes"
        if why:
            raise InputError(
                f"{shown(name)!r} is not the name of a file of readings: {why}", argument
            )


class DataName(NamedTuple):
    """What the name of a file of readings says of it.

    Attributes
    ----------
    stem : str
        The name without its suffix: `Specification.name`.
    date : str
    part : Part
    """

    stem: str
    date: str
    part: Part


def parse_data_name(name: str) -> DataName | None:
    """Return what a file's name says, None where it is not one that we give."""
    stem, _, format, _ = what_says(name)
    if not format or not (found := _DATA_STEM.fullmatch(stem)):
        return None
    date, number, of = found.groups()
    if number is None:
        return DataName(stem, date, WHOLE)
    if not 1 <= int(number) <= int(of):
        return None
    return DataName(stem, date, Part(int(number), int(of)))
