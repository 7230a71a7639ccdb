"""Columns of times and of values, from text or from Arrow's types."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from synthpower import kernels
from synthpower.arrays import as_array, as_numpy
from synthpower.dataset.validate.texts import Flags, Texts, plain_texts
from synthpower.errors import shown

_NUMBER = r"^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,3})?$"
_PER_SECOND = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
_EXACT_DIGITS = 15  # of a decimal: its count is a double


class Times:
    """A column of times.

    Parameters
    ----------
    raw : pyarrow.Array or Texts
    unit : str
        Which of ``s``, ``ms``, ``us`` and ``ns`` whole numbers count; others are no numbers.

    Attributes
    ----------
    seconds : (rows,) int64
        Whole seconds since the epoch.
    forms : (rows,) uint8
        What each is, as `kernels.parse_times` says it; from FRACTION on it is bad.
    """

    def __init__(self, raw: pa.Array | Texts, unit: str = "") -> None:
        if isinstance(raw, pa.Array) and not _is_number(raw.type):
            raw = plain_texts(raw.cast(pa.string()))
        self._raw = raw
        self.forms = np.empty(len(raw), np.uint8)
        self.seconds = np.empty(len(raw), np.int64)
        if isinstance(raw, Texts) and unit not in _PER_SECOND:
            kernels.parse_times(raw.data, raw.begins, raw.ends, self.forms, self.seconds)
            return
        if isinstance(raw, Texts):
            numbers, unread = np.empty(len(raw), np.int64), np.empty(len(raw), np.uint8)
            kernels.parse_integers(raw.data, raw.begins, raw.ends, unread, numbers)
            none = unread == kernels.UNREAD
        else:
            unit = raw.type.unit if pa.types.is_timestamp(raw.type) else unit
            numbers = as_numpy(pc.fill_null(raw.cast(pa.int64()), -1))
            none = as_flags(pc.is_null(raw))
        kernels.whole_seconds(numbers, _PER_SECOND[unit], self.forms, self.seconds)
        self.forms[none] = kernels.NO_TIME

    @property
    def bad(self) -> Flags:
        """Which are no whole second."""
        found: Flags = self.forms >= kernels.FRACTION
        return found

    def in_form(self, form: int) -> bool:
        """Whether one is in a form."""
        return bool((self.forms == form).any())

    def why(self, row: int) -> str:
        """Return why a time is bad."""
        return "no time in UTC" if self.forms[row] == kernels.NO_TIME else "not a whole second"

    def shown(self, row: int) -> str:
        """Return a time as text, whatever it is."""
        bad = self.forms[row] >= kernels.FRACTION
        if bad and isinstance(self._raw, Texts):
            return shown(self._raw[row])
        if self.forms[row] == kernels.NO_TIME:
            return "None"
        if not isinstance(self._raw, Texts) and pa.types.is_timestamp(self._raw.type):
            time = np.datetime64(self._raw[row].value, self._raw.type.unit)
        elif bad:
            number: Any = self._raw[row]
            return shown(number.as_py())
        else:
            time = np.datetime64(int(self.seconds[row]), "s")
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
            self.doubles = as_numpy(pc.fill_null(_as_doubles(raw), float("nan")))
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


def _as_doubles(numbers: pa.Array) -> pa.Array:
    kind = numbers.type
    if not pa.types.is_decimal(kind):
        return numbers.cast(pa.float64(), safe=False)
    if kind != pa.decimal128(min(kind.precision, _EXACT_DIGITS), min(kind.scale, _EXACT_DIGITS)):
        return numbers.cast(pa.string()).cast(pa.float64())
    # Arrow's own cast may be one off. Of so few digits the low words are the counts.
    words = np.frombuffer(numbers.buffers()[1], np.int64)[2 * numbers.offset :]
    doubles = as_array(words[: 2 * len(numbers) : 2] / 10.0**kind.scale)
    return pc.if_else(pc.is_valid(numbers), doubles, pa.scalar(None, pa.float64()))


def nearest(
    floats: NDArray[np.float64], powers: NDArray[np.float64], bounds: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return what singles stand for: a decimal or a bound that the single is the nearest of.

    Parameters
    ----------
    floats : (rows,) float64
    powers : (rows,) float64
        What each times this is whole; 0 where any number will do.
    bounds : (2, rows) float64
    """
    with np.errstate(all="ignore"):
        decimals = np.rint(floats * powers) / powers
        singles = floats.astype(np.float32)
        found = floats.copy()
        for close in (decimals, *bounds):
            same = (close.astype(np.float32) == singles) & ~(close == 0)
            found[same] = close[same]
    return found


def _is_number(kind: pa.DataType) -> bool:
    return bool(pa.types.is_timestamp(kind) or pa.types.is_integer(kind))


def as_flags(booleans: pa.BooleanArray) -> Flags:
    """Return booleans, none of them null, as NumPy has them."""
    return np.asarray(booleans.to_numpy(zero_copy_only=False))
