"""The names of a dataset's files."""

from __future__ import annotations

import re
from typing import NamedTuple

from synthpower.formats import what_says
from synthpower.model.grid import WHOLE, Part
from synthpower.tables import COLUMNS, LOCATIONS, MEASUREMENTS, SERVER_TYPES

README = "README.md"
INVENTORY = "inventory.csv"
MANIFEST = "manifest.json"
DATA = "data-*"
OURS = (README, INVENTORY, MEASUREMENTS, COLUMNS, SERVER_TYPES, LOCATIONS, MANIFEST)

_DATA_STEM = re.compile(r"data-(\d{4}-\d\d-\d\d(?:T\d\d)?)(?:-(\d{5})-of-(\d{5}))?")


def events_name(name: str) -> str:
    """Return the name of the file of the events that are in a file of readings."""
    return f"events-{what_says(name).stem.removeprefix('data-')}.csv"


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
