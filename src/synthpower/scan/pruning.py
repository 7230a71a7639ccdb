"""Which steps, servers and measurements can be left out, by what a filter says.

Three-valued logic: where the columns of the other axes are unknown, that is null, and a filter is
false all the same, the rows are out. That holds of functions that give null for null, and of `and`,
`or` and `not`. A function that tests for nulls takes an unknown value for an absent one: its
columns have their real values instead, all that there are. A filter with functions that are not
known here, or that tests readings for nulls, leaves out nothing before the readings are made.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pyarrow import acero

from synthpower.arrays import as_array, as_numpy
from synthpower.errors import InputError
from synthpower.model.columns import Axis
from synthpower.scan.source import AXES, Places, Selection, Source

_MOST_ROWS = 2**20  # of the combinations that a filter is tried on

# Functions of which each argument that is null makes the result null, as Arrow writes them.
# Comparisons and arithmetic, `and` and `or` are written between their arguments.
_STRICT = {
    "abs", "add_checked", "binary_length", "cast", "day", "day_of_week", "divide_checked",
    "ends_with", "hour", "if_else", "invert", "is_finite", "is_inf", "is_nan", "match_like",
    "match_substring", "match_substring_regex", "minute", "month", "multiply_checked",
    "negate_checked", "second", "starts_with", "subtract_checked", "utf8_length", "utf8_lower",
    "utf8_upper", "year",
}  # fmt: skip
_TESTING = ("is_null", "is_valid", "is_in")  # functions of a column that null is no mystery to
_CALL = re.compile(r"(\w+)\(")
_BY_NUMBER = re.compile(r"\bFieldPath\(\d|\bFieldRef\.Nested\(")


def evaluate(expressions: Mapping[str, pc.Expression], table: pa.Table) -> pa.Table:
    """Return the values of expressions for each row of a table."""
    source = acero.Declaration("table_source", acero.TableSourceNodeOptions(table))
    wanted = acero.ProjectNodeOptions([*expressions.values()], [*expressions])
    project = acero.Declaration("project", wanted)
    return acero.Declaration.from_sequence([source, project]).to_table(use_threads=False)


def _truth(filter: pc.Expression, table: pa.Table) -> pa.BooleanArray:
    """Return what a filter is for each row of a table: true, false or null."""
    return evaluate({"truth": filter}, table)["truth"].combine_chunks()


def mentioned(filter: pc.Expression, names: Sequence[str]) -> list[str]:
    """Return the columns that a filter depends on, and maybe some others.

    Raises
    ------
    InputError
        Where it has a column by its number: which that is depends on the columns that are made.
    """
    text = str(filter)
    if _BY_NUMBER.search(text):
        raise InputError("it has a column by its number: write pc.field('name')", "filter")
    return [name for name in names if name in text]


def prune(filter: pc.Expression, source: Source, selection: Selection) -> tuple[Selection, bool]:
    """Return a selection without what a filter rules out, and whether that is all it does.

    Otherwise the rows of the selection have to be filtered.
    """
    try:
        pruned, exact = _Pruning(filter, source).of(selection)
    except pa.ArrowException:  # it cannot be evaluated, or not of these types: rows will tell
        return selection, False
    if not source.can_make(pruned.measurements):
        return pruned._replace(measurements=selection.measurements), False
    return pruned, exact


class _Pruning:
    """A filter, and what it depends on."""

    def __init__(self, filter: pc.Expression, source: Source) -> None:
        self._filter = filter
        self._source = source
        self._names = mentioned(filter, source.schema.names)
        text = str(filter)
        functions = set(_CALL.findall(text))
        self._understood = functions <= _STRICT | {*_TESTING}
        self._repeats = "random" not in functions
        self._tested = self._tested_columns(text)
        self._single = all(any(source.is_known(n, axis) for axis in AXES) for n in self._names)

    def _tested_columns(self, text: str) -> list[str]:
        """Return the columns that are tested for nulls; all, where something else is tested."""
        tested = []
        for call in re.finditer(rf"\b({'|'.join(_TESTING)})\(", text):
            rest = text[call.end() :]
            found = [n for n in self._names if rest.startswith((n + ")", n + ", {"))]
            tested += found or self._names
        return tested

    def of(self, selection: Selection) -> tuple[Selection, bool]:
        if self._single and self._repeats and (found := self._exactly(selection)):
            return found
        if not self._understood or not all(
            any(self._source.is_known(name, axis) for axis in AXES) for name in self._tested
        ):
            return selection, False
        for axis in AXES:
            if any(self._source.is_known(name, axis) for name in self._names):
                selection = selection.keeping(axis, self._possible(axis, selection))
        if self._single and (found := self._exactly(selection)):
            return found
        return selection, False

    def _exactly(self, selection: Selection) -> tuple[Selection, bool] | None:
        """Try the filter on all combinations of what it depends on, where they are not too many."""
        axes = [_Along(self._source, axis, selection.of(axis), self._names) for axis in AXES]
        shape = tuple(len(along.firsts) for along in axes)
        if np.prod(shape) > _MOST_ROWS:
            return None
        true = self._truth(axes, true=True).reshape(shape)
        for number, along in enumerate(axes):
            others = tuple(other for other in range(len(axes)) if other != number)
            alive = np.asarray(true.any(axis=others))
            true = np.compress(alive, true, axis=number)
            selection = selection.keeping(along.axis, along.places[alive[along.kinds]])
        return selection, bool(true.all())

    def _possible(self, axis: Axis, selection: Selection) -> Places:
        """Return the places of an axis at which the filter is not false whatever the others are."""
        source, names = self._source, self._names
        axes = [
            _Along(source, each, selection.of(each), names if each == axis else self._tested)
            for each in AXES
        ]
        along = axes[AXES.index(axis)]
        shape = tuple(len(each.firsts) for each in axes)
        if np.prod(shape) > _MOST_ROWS:
            return along.places
        others = tuple(number for number, each in enumerate(AXES) if each != axis)
        out = np.asarray(self._truth(axes, true=False).reshape(shape).all(axis=others))
        return along.places[~out[along.kinds]]

    def _truth(self, axes: Sequence[_Along], true: bool) -> NDArray[np.bool_]:
        """Return for each combination of kinds whether the filter is true, or is false."""
        shape = tuple(len(along.firsts) for along in axes)
        rows = int(np.prod(shape))
        known: dict[str, pa.Array] = {}
        for along, indices in zip(axes, np.indices(shape).reshape(len(axes), -1), strict=True):
            known |= along.columns(indices)
        fields = self._source.schema
        columns = {
            name: known[name] if name in known else pa.nulls(rows, _plain(fields.field(name).type))
            for name in fields.names
            if name in self._names
        }
        columns[""] = pa.nulls(rows)  # a table without columns has no rows
        found = pc.equal(_truth(self._filter, pa.table(columns)), pa.scalar(true))
        return as_numpy(pc.cast(pc.is_in(found, pa.array([True])), pa.uint8())).astype(bool)


class _Along:
    """The different values that some columns have together along an axis, its kinds.

    Attributes
    ----------
    places : (places,) int64
        Where on the axis to look.
    kinds : (places,) int64
        The kind of each place.
    firsts : (kinds,) int64
        One place of each kind.
    """

    def __init__(self, source: Source, axis: Axis, places: Places, names: Sequence[str]) -> None:
        self.axis = axis
        self.places = places
        known = [name for name in dict.fromkeys(names) if source.is_known(name, axis)]
        self._arrays = {name: source.values(name, axis) for name in known}
        self.kinds = np.zeros(len(places), np.int64)
        for array in self._arrays.values():
            codes = as_numpy(array.take(as_array(places)).dictionary_encode().indices)
            if len(codes) == codes.max(initial=-1) + 1:  # all differ, as serial numbers do
                self.kinds = codes.astype(np.int64)
                break
            combined = self.kinds * (codes.max(initial=0) + 1) + codes
            _, self.kinds = np.unique(combined, return_inverse=True)
        _, firsts = np.unique(self.kinds, return_index=True)
        self.firsts = places[firsts]

    def columns(self, indices: NDArray[np.int64]) -> dict[str, pa.Array]:
        """Return the columns of these kinds."""
        chosen = as_array(self.firsts[indices])
        return {name: array.take(chosen) for name, array in self._arrays.items()}


def _plain(kind: pa.DataType) -> pa.DataType:
    return kind.value_type if pa.types.is_dictionary(kind) else kind


class Filtering:
    """Keeps the rows of batches for which a filter is true, and some of their columns."""

    def __init__(self, filter: pc.Expression, names: Sequence[str], wanted: Sequence[str]) -> None:
        self._filter = filter
        self._names = names
        self._wanted = wanted

    def __call__(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        columns = {
            name: batch[name].dictionary_decode()
            if pa.types.is_dictionary(batch[name].type)
            else batch[name]
            for name in self._names
        }
        truth = _truth(self._filter, pa.table(columns))
        return batch.select(self._wanted).filter(truth)
