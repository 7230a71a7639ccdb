"""What a format says of a file that is not what it should be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from synthpower.errors import shown


@dataclass(frozen=True)
class Mismatch:
    """Where a file first differs from the one made again.

    Attributes
    ----------
    offset : int
        The byte.
    rows : int
        The rows of the chunks before.
    begin : int
        The offset at which the chunk begins that was written when it was found.
    rendered : object
        That chunk, as its writer rendered it; None where the file goes on behind its end.
    """

    offset: int
    rows: int
    begin: int
    rendered: Any


@dataclass(frozen=True)
class Finding:
    """What it means that a file differs from the one made again.

    Attributes
    ----------
    passed : bool
        It is right all the same: another version has encoded the same readings.
    what : str
        ``values`` or ``bytes``.
    count : int
        How many are right before the first that is wrong.
    detail : str
        In words.
    """

    passed: bool
    what: str
    count: int
    detail: str


def wrong_cell(row: int, name: str, expected: object, found: object) -> str:
    """Return in words what is wrong with a cell; rows count from 1."""
    return f"row {row:,}, {name}: expected {shown(expected)}, found {shown(found)}"
