"""What there is to say of each row by itself; any thread may do it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from synthpower import kernels
from synthpower.dataset.validate.absences import Absences
from synthpower.dataset.validate.cells import Numbers
from synthpower.dataset.validate.known import Known, Things
from synthpower.dataset.validate.numbers import Times, Values, nearest
from synthpower.dataset.validate.source import Parsed
from synthpower.dataset.validate.spans import Expected
from synthpower.dataset.validate.texts import Codes, Flags
from synthpower.errors import shown
from synthpower.model.columns import END, START, Column, Field, Kind

Say = Callable[[int], str]


@dataclass(frozen=True)
class Wrong:
    """Rows that break a rule, and what to say of one."""

    rule: str
    rows: Flags
    say: Say


@dataclass(frozen=True)
class Boundary:
    """When the intervals of rows begin, or when they end.

    Attributes
    ----------
    name : str
        What the column is called.
    times : Times
    ahead : int
        0: where they begin; 1: where they end.
    late : (rows,) int32
        How many seconds late; 0 where a row is no reading of the span.
    """

    name: str
    times: Times
    ahead: int
    late: NDArray[np.int32]


@dataclass
class Rows:
    """Readings that have been judged: one of each row.

    Attributes
    ----------
    cells : (rows,) int64
        The number of each reading in the order of the rows, `kernels.NOWHERE` of what is none.
    ends : (rows,) int64
        The ends of the intervals, in seconds; without end times what is one interval later.
    boundaries : list of Boundary
    values : (rows,) float64
    wrong : list of Wrong
    """

    cells: Numbers
    ends: Numbers
    boundaries: list[Boundary]
    values: NDArray[np.float64]
    wrong: list[Wrong] = field(default_factory=list)

    def note(self, rule: str, rows: Flags, say: Say) -> None:
        if rows.any():
            self.wrong.append(Wrong(rule, rows, say))


@dataclass(frozen=True)
class _Span:
    """The times of rows: when each begins and ends, where there is such a column."""

    start: tuple[Column, Times] | None
    end: tuple[Column, Times] | None
    others: list[tuple[Column, Times]]

    @classmethod
    def of(cls, parsed: Parsed) -> _Span:
        def first(wanted: Field) -> tuple[Column, Times] | None:
            return next((each for each in parsed.times if each[0].field == wanted), None)

        start, end = first(START), first(END)
        others = [each for each in parsed.times if each not in (start, end)]
        return cls(start, end, others)


class Judge:
    """What rows are held against.

    Parameters
    ----------
    known : Known
    expected : Expected
    interval : int
        Seconds.
    bounds : (2, measurements) float64
        The least and the greatest values.
    absences : Absences
        Which readings may be absent.
    """

    def __init__(
        self,
        known: Known,
        expected: Expected,
        interval: int,
        bounds: NDArray[np.float64],
        absences: Absences,
    ) -> None:
        self.known, self.expected, self.interval = known, expected, interval
        self._bounds, self._absences = bounds, absences
        self.start = expected.span.start
        self.steps = -(-(expected.span.end - self.start) // interval)

    def rows(self, parsed: Parsed) -> list[Rows]:
        """Return what there is to say of the rows of a block, for each of their values."""
        known, span = self.known, _Span.of(parsed)
        servers = codes_of(known.of_servers, parsed)
        measurements = codes_of(known.of_measurements, parsed)
        found: list[Rows] = []
        for column, values in parsed.values:
            if column.field.measurement is not None:
                measurements = np.full_like(servers, known.names.index(column.field.measurement))
            if column.kind is Kind.FLOAT:
                values.doubles = self._nearest(values.doubles, measurements)
            rows, wrong = self._judged(servers, measurements, span, values)
            self._note_values(rows, column.name, values, wrong, servers)
            if not found:
                self._note_texts(rows, parsed, servers, measurements)
                self._note_times(rows, span, wrong)
            found.append(rows)
        return found

    def _nearest(self, floats: NDArray[np.float64], measurements: Codes) -> NDArray[np.float64]:
        return nearest(floats, self.known.powers[measurements], self._bounds[:, measurements])

    def _judged(
        self, servers: Codes, measurements: Codes, span: _Span, values: Values
    ) -> tuple[Rows, NDArray[np.uint8]]:
        size = servers.size
        wrong, cells = np.empty(size, np.uint8), np.empty(size, np.int64)
        late = np.empty((2, size), np.int32)
        starts, forms = np.empty(0, np.int64), np.zeros(size, np.uint8)
        boundaries = []
        if span.start:
            column, times = span.start
            starts, forms = times.seconds, times.forms
            boundaries.append(Boundary(column.name, times, 0, late[0 if span.end else 1]))
        if span.end:
            column, times = span.end
            ends, forms = times.seconds, np.maximum(forms, times.forms)
            boundaries.append(Boundary(column.name, times, 1, late[1]))
        else:  # a start is as late after its step's begin as an end after its end
            starts, ends = np.empty(0, np.int64), starts + self.interval
        kernels.judge_rows(
            servers, measurements, starts, ends, forms, values.doubles, self.start, self.interval,
            self.steps, len(self.known.servers.sn), self._bounds, self.known.powers, late, wrong,
            cells,
        )  # fmt: skip
        return Rows(cells, ends, boundaries, values.doubles), wrong

    def _note_texts(self, rows: Rows, parsed: Parsed, servers: Codes, measurements: Codes) -> None:
        _note_facts(rows, parsed, self.known.of_servers, servers)
        _note_facts(rows, parsed, self.known.of_measurements, measurements)
        for name, facts in self.known.constants.items():

            def other(row: int, name: str = name) -> str:
                constant = shown(self.known.constants[name].strings[0].as_py())
                return f"{name} {shown(parsed.texts[name][row])} is not {constant}"

            differ = facts.others(parsed.texts[name], np.zeros(parsed.size, np.int32))
            rows.note("constants", differ, other)

    def _note_values(
        self, rows: Rows, name: str, values: Values, wrong: NDArray[np.uint8], servers: Codes
    ) -> None:
        def say(row: int) -> str:
            return f"{name} {values.shown(row)}"

        bad = wrong & kernels.VALUE != 0
        absent = np.flatnonzero(values.absent)
        if absent.size:
            steps = (rows.ends[absent] - self.start) // self.interval - 1
            starts = self.start + steps * self.interval
            bad[absent] = ~self._absences.cover(servers[absent].astype(np.int64), starts)
        rows.note("values", bad, say)
        rows.note(
            "values", wrong & kernels.DECIMALS != 0,
            lambda row: f"{say(row)} has more decimals than the table",
        )  # fmt: skip

    def _note_times(self, rows: Rows, span: _Span, wrong: NDArray[np.uint8]) -> None:
        first, last = span.start or span.end, span.end or span.start
        assert first
        assert last
        for column, times in dict.fromkeys((first, last, *span.others)):

            def bad(row: int, name: str = column.name, times: Times = times) -> str:
                return f"{name} {times.shown(row)} is {times.why(row)}"

            rows.note("times", times.bad, bad)
        for column, times in span.others:
            own, right = first if column.field == START else last

            def other(
                row: int, column: Column = column, times: Times = times, own: Column = own,
                right: Times = right,
            ) -> str:  # fmt: skip
                return f"{column.name} {times.shown(row)}, but {own.name} {right.shown(row)}"

            rows.note("times", (times.seconds != right.seconds) & ~times.bad & ~right.bad, other)
        rows.note(
            "times", wrong & kernels.APART != 0,
            lambda row: f"{first[1].shown(row)} to {last[1].shown(row)} is no interval of "
            f"{self.interval} s",
        )  # fmt: skip
        rows.note(
            "times", wrong & kernels.OUTSIDE != 0,
            lambda row: f"{first[0].name} {first[1].shown(row)} does not belong to "
            f"{self.expected.span}",
        )  # fmt: skip


def codes_of(things: Things, parsed: Parsed) -> Codes:
    """Return which server, say, each row is of; 0 where there is only one."""
    if things.key is None:
        return np.zeros(parsed.size, np.int32)
    return things.of(parsed.texts[things.key])


def _note_facts(rows: Rows, parsed: Parsed, things: Things, codes: Codes) -> None:
    """Note which rows are of no known server, say, or have another text than it has."""

    def unknown(row: int) -> str:
        assert things.key
        return f"{things.key} {shown(parsed.texts[things.key][row])} is not in the {things.where}"

    rows.note(things.rule, codes < 0, unknown)
    for name, facts in things.facts.items():

        def other(row: int, name: str = name) -> str:
            return f"{name} {shown(parsed.texts[name][row])} is not the {things.name}'s"

        rows.note(things.rule, facts.others(parsed.texts[name], codes), other)
