"""What was looked at, and what was found."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Check:
    """One thing that was looked at.

    Attributes
    ----------
    file, what : str
        The file's name, and what was looked at.
    passed : bool
        Whether it is as it should be.
    count : int
        How many servers, bytes, readings or others were compared; before the first that is
        wrong, where one is.
    detail : str
        What was found.
    checked : bool
        Whether it could be looked at: what could not be has not passed.
    """

    file: str
    what: str
    passed: bool
    count: int
    detail: str
    checked: bool = True


def right(file: str, what: str, count: int, detail: str) -> Check:
    """Return a check that something has passed."""
    return Check(file, what, True, count, detail)  # noqa: FBT003


def wrong(file: str, what: str, count: int, detail: str) -> Check:
    """Return a check that something has not passed."""
    return Check(file, what, False, count, detail)  # noqa: FBT003
