"""How long the intervals of files are, from their first rows and how many rows they have."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from synthpower.dataset.validate.cells import Numbers
from synthpower.model.calendar import DAY, HOUR

_DIVISORS = np.array([n for n in range(1, DAY + 1) if DAY % n == 0])
_SURE = 0.9  # of the lengths are equal: then the others are mistakes
_MANY = 8
_NEARLY = 0.02
_MINUTE = 60


@dataclass(frozen=True)
class Survey:
    """What a first look at a file found.

    Attributes
    ----------
    rows : int
        How many there are; of CSV about how many.
    lengths : (n,) int64
        The lengths of some intervals, in seconds.
    ends_only : bool
        There are no start times: lengths are from one end to the next that was seen.
    starts_only : bool
        The same of start times.
    first, last : int or None
        The earliest and the latest start time (or end time), where all of the file was looked at.
    """

    rows: int
    lengths: Numbers
    ends_only: bool
    starts_only: bool = False
    first: int | None = None
    last: int | None = None


def lengths_between(ends: Numbers, servers: Numbers) -> Numbers:
    """Return how long it is from each end to the next one of the same server."""
    order = np.lexsort((ends, servers))
    ends, servers = ends[order], servers[order]
    lengths = np.diff(ends)[servers[1:] == servers[:-1]]
    found: Numbers = lengths[lengths > 0]
    return found


def interval_of(survey: Survey, per_step: int, seconds: int | None, parts: int = 1) -> int:
    """Return how many seconds an interval has.

    Parameters
    ----------
    survey : Survey
    per_step : int
        How many readings a step has.
    seconds : int, optional
        How long the span is that the file should hold, where that is known.
    parts : int
        Into how many parts the span is cut, one of which the file is.
    """
    divisors, counted, miss = _DIVISORS, None, 1.0
    if seconds is not None:
        divisors = _DIVISORS[seconds % _DIVISORS == 0]
        counted, miss = _by_count(survey.rows * parts, per_step, seconds // divisors)
        counted = counted and seconds // counted
    lengths = survey.lengths[(survey.lengths > 0) & (survey.lengths <= 2 * DAY)]
    if not lengths.size or (lengths.size < _MANY and miss == 0):
        return counted or HOUR
    different, counts = np.unique(lengths, return_counts=True)
    common = int(different[counts.argmax()])
    if counts.max() >= _SURE * lengths.size and common in divisors:
        return common
    apart = survey.ends_only or survey.starts_only
    if apart:  # between two that were seen may be more than one interval
        if counted and miss <= _NEARLY:
            return counted
        if (common := int(np.gcd.reduce(lengths))) >= _MINUTE and common in divisors:
            return common
    # Boundaries are late by chance, so lengths are right in the mean.
    middle = float(np.median(lengths) if apart else lengths.mean())
    error = 5 * float(lengths.std()) / lengths.size**0.5 + 0.5
    if counted and abs(counted - middle) <= error:
        return counted
    return int(divisors[np.abs(divisors - middle).argmin()])


def _by_count(rows: int, per_step: int, steps: Numbers) -> tuple[int | None, float]:
    """Return with how many steps there are most nearly so many rows, and the part that is wrong."""
    if not rows:
        return None, 1.0
    wrong = np.abs(steps * per_step / rows - 1)
    return int(steps[wrong.argmin()]), float(wrong.min())
