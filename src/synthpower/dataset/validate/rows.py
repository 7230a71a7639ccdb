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
from synthpower.dataset.validate.numbers import Times, Values
from synthpower.dataset.validate.source import TIMES, VALUE, Columns
from synthpower.dataset.validate.spans import Expected
from synthpower.dataset.validate.texts import Codes, Flags
from synthpower.errors import shown

Say = Callable[[int], str]


@dataclass(frozen=True)
class Wrong:
    """Rows that break a rule, and what to say of one."""

    rule: str
    rows: Flags
    say: Say


@dataclass
class Rows:
    """Rows that have been judged.

    Attributes
    ----------
    cells : (rows,) int64
        The number of each reading in the order of the rows, `kernels.NOWHERE` of what is none.
    late : (2, rows) int32
        How many seconds late starts and ends are.
    times : dict of str to Times
    values : (rows,) float64
    wrong : list of Wrong
    """

    cells: Numbers
    late: NDArray[np.int32]
    times: dict[str, Times]
    values: NDArray[np.float64]
    wrong: list[Wrong] = field(default_factory=list)

    def note(self, rule: str, rows: Flags, say: Say) -> None:
        if rows.any():
            self.wrong.append(Wrong(rule, rows, say))


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

    def rows(self, columns: Columns) -> Rows:
        """Return what there is to say of the rows of a block."""
        servers, measurements = (things.of(columns[things.key]) for things in self.known.things)
        times = {name: columns[name] for name in TIMES if name in columns}
        values: Values = columns[VALUE]
        rows, wrong = self._judged(servers, measurements, times, values)
        for things, those in zip(self.known.things, (servers, measurements), strict=True):
            _note_facts(rows, columns, things, those)
        self._note_values(rows, values, wrong, servers)
        self._note_times(rows, times, wrong)
        return rows

    def _judged(
        self, servers: Codes, measurements: Codes, times: dict[str, Times], values: Values
    ) -> tuple[Rows, NDArray[np.uint8]]:
        end, start = times["end_time"], times.get("start_time")
        size = servers.size
        wrong, cells = np.empty(size, np.uint8), np.empty(size, np.int64)
        late = np.empty((2, size), np.int32)
        forms = end.forms if start is None else np.maximum(end.forms, start.forms)
        kernels.judge_rows(
            servers, measurements, np.empty(0, np.int64) if start is None else start.seconds,
            end.seconds, forms, values.doubles, self.start, self.interval, self.steps,
            len(self.known.servers.sn), self._bounds, self.known.powers, late, wrong, cells,
        )  # fmt: skip
        return Rows(cells, late, times, values.doubles), wrong

    def _note_values(
        self, rows: Rows, values: Values, wrong: NDArray[np.uint8], servers: Codes
    ) -> None:
        def say(row: int) -> str:
            return f"{VALUE} {values.shown(row)}"

        bad = wrong & kernels.VALUE != 0
        absent = np.flatnonzero(values.absent)
        if absent.size:
            ends = rows.times["end_time"].seconds[absent]
            steps = (ends - self.start) // self.interval - 1
            starts = self.start + steps * self.interval
            bad[absent] = ~self._absences.cover(servers[absent].astype(np.int64), starts)
        rows.note("values", bad, say)
        rows.note(
            "values", wrong & kernels.DECIMALS != 0,
            lambda row: f"{say(row)} has more decimals than the table",
        )  # fmt: skip

    def _note_times(self, rows: Rows, times: dict[str, Times], wrong: NDArray[np.uint8]) -> None:
        for name, time in times.items():

            def bad(row: int, name: str = name, time: Times = time) -> str:
                return f"{name} {time.shown(row)} is {time.why(row)}"

            rows.note("times", time.bad, bad)
        name, first = next(iter(times.items()))  # the start, where there is one
        end = times["end_time"]
        rows.note(
            "times", wrong & kernels.APART != 0,
            lambda row: f"{first.shown(row)} to {end.shown(row)} is no interval of "
            f"{self.interval} s",
        )  # fmt: skip
        rows.note(
            "times", wrong & kernels.OUTSIDE != 0,
            lambda row: f"{name} {first.shown(row)} does not belong to {self.expected.span}",
        )  # fmt: skip


def _note_facts(rows: Rows, columns: Columns, things: Things, codes: Codes) -> None:
    """Note which rows are of no known server, say, or have another text than it has."""

    def unknown(row: int) -> str:
        return f"{things.key} {shown(columns[things.key][row])} is not in the {things.where}"

    rows.note(things.rule, codes < 0, unknown)
    for name, facts in things.facts.items():

        def other(row: int, name: str = name) -> str:
            return f"{name} {shown(columns[name][row])} is not the {things.one}'s"

        rows.note(things.rule, facts.others(columns[name], codes), other)
