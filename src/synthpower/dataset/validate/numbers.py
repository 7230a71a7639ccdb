"""Columns of times and of values, from text or from Arrow's types."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from synthpower import kernels
from synthpower.arrays import as_numpy
from synthpower.dataset.validate.texts import Flags, Texts
from synthpower.errors import shown

_NUMBER = r"^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,3})?$"
_PER_SECOND = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}


class Times:
    """A column of times.

    Attributes
    ----------
    seconds : (rows,) int64
        Whole seconds since the epoch.
    forms : (rows,) uint8
        What each is, as `kernels.parse_times` says it; from FRACTION on it is bad.
    """

    def __init__(self, raw: pa.Array | Texts) -> None:
        self._raw = raw
        self.forms = np.empty(len(raw), np.uint8)
        self.seconds = np.empty(len(raw), np.int64)
        if isinstance(raw, Texts):
            kernels.parse_times(raw.data, raw.begins, raw.ends, self.forms, self.seconds)
            return
        numbers = as_numpy(pc.fill_null(raw.cast(pa.int64()), -1))
        kernels.whole_seconds(numbers, _PER_SECOND[raw.type.unit], self.forms, self.seconds)
        if raw.null_count:
            self.forms[as_flags(pc.is_null(raw))] = kernels.NO_TIME

    @property
    def bad(self) -> Flags:
        """Which are no whole second."""
        found: Flags = self.forms >= kernels.FRACTION
        return found

    @property
    def in_another_form(self) -> bool:
        """Whether one is a time in another form than 2023-02-27 00:00:00Z."""
        found = (self.forms == kernels.OTHER_FORM) | (self.forms == kernels.FRACTION)
        return bool(found.any())

    def why(self, row: int) -> str:
        """Return why a time is bad."""
        return "no time in UTC" if self.forms[row] == kernels.NO_TIME else "not a whole second"

    def shown(self, row: int) -> str:
        """Return a time as text, whatever it is."""
        bad = self.forms[row] >= kernels.FRACTION
        if isinstance(self._raw, Texts):
            if bad:
                return shown(self._raw[row])
            time = np.datetime64(int(self.seconds[row]), "s")
        elif self.forms[row] == kernels.NO_TIME:
            return "None"
        else:
            time = np.datetime64(self._raw[row].value, self._raw.type.unit)
        text = str(time).replace("T", " ")
        whole, _, fraction = text.partition(".")
        fraction = fraction.rstrip("0")
        return f"{whole}.{fraction}Z" if fraction else f"{whole}Z"


class Values:
    """A column of values.

    Attributes
    ----------
    doubles : (rows,) float64
        NaN where there is none.
    absent : (rows,) bool
        Which cells are empty.
    """

    def __init__(self, raw: pa.Array | Texts) -> None:
        self._raw = raw
        if isinstance(raw, Texts):
            self.doubles = _parsed(raw)
            self.absent = raw.absent
        else:
            self.doubles = as_numpy(pc.fill_null(raw, float("nan")))
            self.absent = as_flags(pc.is_null(raw))

    def shown(self, row: int) -> str:
        """Return a value as text, whatever it is."""
        if self.absent[row]:
            return "None"
        if isinstance(self._raw, Texts) and np.isnan(self.doubles[row]):
            return shown(self._raw[row])
        return shown(float(self.doubles[row]))


def _parsed(texts: Texts) -> NDArray[np.float64]:
    """Return the numbers that texts are, NaN where one is none."""
    forms, doubles = np.empty(len(texts), np.uint8), np.empty(len(texts))
    kernels.parse_decimals(texts.data, texts.begins, texts.ends, forms, doubles)
    unread = np.flatnonzero((forms == kernels.UNREAD) & ~texts.absent)
    if unread.size:
        rest = pc.utf8_trim(texts.at(unread), " \t")
        good = pc.match_substring_regex(rest, _NUMBER)
        numbers = pc.if_else(good, rest, pa.scalar(None, pa.string())).cast(pa.float64())
        doubles[unread] = as_numpy(pc.fill_null(numbers, float("nan")))
    return doubles


def as_flags(booleans: pa.BooleanArray) -> Flags:
    """Return booleans, none of them null, as NumPy has them."""
    return np.asarray(booleans.to_numpy(zero_copy_only=False))
