"""The readings of a file, or of several that are one, held against what they must be."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from itertools import islice, pairwise

import numpy as np
from numpy.typing import NDArray

from synthpower import kernels
from synthpower.dataset.check import Check
from synthpower.dataset.validate.cells import Boundaries, Cells
from synthpower.dataset.validate.rows import Boundary, Judge, Rows, Say
from synthpower.dataset.validate.source import Source
from synthpower.dataset.validate.spans import Span
from synthpower.dataset.validate.texts import Flags
from synthpower.errors import one_line
from synthpower.model.calendar import utc_text

MOST_BYTES = 2**30  # unless there are many readings
BYTES_PER_ROW = 16

_RULES = ("servers", "measurements", "constants", "values", "times", "missing", "doubled")
_CASES = 3  # of each rule that are shown
_STEPS = 2**20  # whose readings are counted at once
_TOO_MUCH = "it would take too much memory: the readings are few, or far apart"


class Readings:
    """The readings of files that together must hold a span, or a part of it.

    Parameters
    ----------
    judge : Judge
        What each row was held against.
    rows : int
        About how many readings there are; more memory is used for many.
    covered : sequence of Span
        What need not be there.
    summed : bool
        Whether readings are added up.

    Attributes
    ----------
    rows : int
        How many readings were seen.
    sums : (steps,) uint64
        The sum of a hash of each reading: that of the same readings is the same, in any order.
    latest : int
        The most seconds that a boundary is late.
    """

    def __init__(
        self, judge: Judge, rows: int, covered: Sequence[Span] = (), summed: bool = True
    ) -> None:
        self._known, self._interval = judge.known, judge.interval
        self._start, self._steps = judge.start, judge.steps
        self._servers, self._measurements = len(self._known.servers.sn), len(self._known.names)
        most = max(MOST_BYTES, BYTES_PER_ROW * rows)
        first, last = judge.expected.cells(self._steps, self._servers, self._measurements)
        self._cells = Cells(first, last) if last - first <= 8 * most else None
        self._boundaries = Boundaries(self._steps, self._servers, self._interval)
        self._keeps_boundaries = self._cells is not None and self._boundaries.size <= most
        self._unkept = False  # a boundary was late, and was not kept
        self.sums = np.zeros(self._steps if summed and self._cells is not None else 0, np.uint64)
        self._wanted = self._not_in(covered) if covered and self._cells is not None else None
        self.rows = 0
        self.latest = 0
        self._wrong = Counter[str]()
        self._cases: dict[str, list[str]] = {}
        self._at: Callable[[int], str] = str

    def _not_in(self, covered: Sequence[Span]) -> Flags:
        starts = self._start + np.arange(self._steps) * self._interval
        wanted = np.ones(starts.size, np.bool_)
        for span in covered:
            wanted &= (starts < span.start) | (starts >= span.end)
        return wanted

    def take(self, source: Source, first: int, rows: Rows) -> None:
        """Take note of rows, the first of which is that row of its file."""
        self._at = lambda row: f"{source.label} row {first + row:,}"
        for wrong in rows.wrong:
            self._note(wrong.rule, wrong.rows, wrong.say)
        if self._cells is not None:
            self._look_at_boundaries(self._cells, rows)
            self._look_at_cells(self._cells, rows.cells)
            if self.sums.size:
                kernels.add_readings(
                    rows.cells, self._known.servers.keys, self._measurements,
                    rows.ends, rows.values.view(np.uint64), self.sums,
                )  # fmt: skip
        self.rows += rows.cells.size

    def checks(self, name: str, unread: str = "") -> Iterator[Check]:
        """Yield a check for each rule; `unread` says why not all readings were seen."""
        if self._cells is not None and not unread:
            self._look_for_missing(self._cells)
        without = {"missing", "doubled"} if self._cells is None else set[str]()
        if self._unkept or without:
            without |= {"times"}
        for rule in _RULES:
            if rule == "constants" and not self._known.constants:
                continue
            unchecked = unread or (_TOO_MUCH if rule in without else "")
            passed, detail = not unchecked, unchecked or "as they should be"
            if wrong := self._wrong[rule]:
                cases = self._cases[rule]
                more = "; ..." if wrong > len(cases) and rule != "missing" else ""
                passed, detail = False, f"{wrong:,} wrong: {'; '.join(cases)}{more}"
                if rule in ("missing", "doubled"):
                    detail = detail.replace("wrong", rule, 1)
            yield Check(name, rule, passed, self.rows, detail, checked=bool(wrong) or not unchecked)

    def ends(self) -> tuple[NDArray[np.integer], NDArray[np.integer]] | None:
        """Return how late each server's first boundary is and its last, None where none is late.

        One second more, that is: 0 is not known.
        """
        late = self._boundaries.late
        return None if late is None else (late[0].copy(), late[-1].copy())

    def _note(self, rule: str, wrong: Flags, say: Say) -> None:
        """Count rows that are wrong, and keep what `say` says of the first few."""
        count = int(np.count_nonzero(wrong))
        if not count:
            return
        self._wrong[rule] += count
        cases = self._cases.setdefault(rule, [])
        if len(cases) < _CASES:
            for row in np.flatnonzero(wrong)[: _CASES - len(cases)].tolist():
                cases.append(one_line(f"{self._at(row)}, {say(row)}"))

    def _look_at_cells(self, kept: Cells, cells: NDArray[np.int64]) -> None:
        def say(row: int) -> str:
            return self._cell(int(cells[row]))

        found = kept.add(cells)
        other = found == kernels.OTHER_PART
        self._note("times", other, lambda row: f"{say(row)} belongs to another part")
        self._note("doubled", found == kernels.DOUBLED, say)

    def _look_at_boundaries(self, seen: Cells, rows: Rows) -> None:
        """See that intervals meet, and that all measurements of a server have the same times."""
        kept = self._boundaries
        if kept.late is None:
            if not any(boundary.late.any() for boundary in rows.boundaries):
                return
            if not self._keeps_boundaries:
                self._unkept = True
                return
            kept.keep(seen, self._measurements)
        for found in rows.boundaries:
            self.latest = max(self.latest, int(found.late.max(initial=0)))

            def say(row: int, found: Boundary = found) -> str:
                step, server = divmod(int(rows.cells[row]) // self._measurements, self._servers)
                step += found.ahead
                late = kept.seconds(step, server)
                known = utc_text(self._start + step * self._interval + late)
                sn = self._known.servers.sn[server]
                time = found.times.shown(row)
                return f"{found.name} {time}, where other rows of {sn} have {known}"

            other = kept.add(rows.cells, self._measurements, found.ahead, found.late)
            self._note("times", other, say)

    def _look_for_missing(self, kept: Cells) -> None:
        missing = sum(int(missing.sum()) for _, _, missing in self._counted(kept))
        if missing:
            self._wrong["missing"] = missing
            cases = list(islice(self._missing(kept), _CASES + 1))
            self._cases["missing"] = cases[:_CASES] + ["..."] * (len(cases) > _CASES)

    def _counted(self, kept: Cells) -> Iterator[tuple[int, NDArray[np.int64], NDArray[np.int64]]]:
        """Yield a first step; of it and those after it what must be there, and what is missing."""
        per_step = self._known.per_step
        for begin in range(0, self._steps, _STEPS):
            steps = np.arange(begin, min(begin + _STEPS, self._steps))
            last = np.minimum(kept.last, (steps + 1) * per_step)
            must = (last - np.maximum(kept.first, steps * per_step)).clip(min=0)
            if self._wanted is not None:
                must[~self._wanted[steps]] = 0
            seen = kept.counts(begin, steps.size, per_step)
            yield begin, must, must - np.minimum(seen, must)

    def _missing(self, kept: Cells) -> Iterator[str]:
        """Yield what is missing: whole steps as one, others reading by reading."""
        run: list[int] = []  # the first and the last of several steps of which nothing is there
        for begin, must, missing in self._counted(kept):
            nothing = (missing == must) & (must > 0)
            state = (missing > 0) + nothing.astype(np.int8)
            edges = np.flatnonzero(np.diff(state, prepend=-1, append=-1)) + begin
            for first, end in pairwise(edges.tolist()):
                if nothing[first - begin]:
                    run = [run[0] if run else first, end - 1]
                    continue
                if run:
                    yield self._steps_text(*run)
                    run = []
                if missing[first - begin]:
                    for step in range(first, end):
                        yield from self._missing_of(kept, step)
        if run:
            yield self._steps_text(*run)

    def _missing_of(self, kept: Cells, step: int) -> Iterator[str]:
        first = max(step * self._known.per_step, kept.first)
        last = min((step + 1) * self._known.per_step, kept.last)
        for cell in np.flatnonzero(~kept.flags(first, last))[: _CASES + 1].tolist():
            yield self._cell(first + cell)

    def _steps_text(self, first: int, last: int) -> str:
        return f"all of {self._time(first)}" + (f" to {self._time(last)}" if last > first else "")

    def _cell(self, cell: int) -> str:
        at, name = divmod(cell, self._measurements)
        step, server = divmod(at, self._servers)
        return f"{self._known.servers.sn[server]}, {self._time(step)}, {self._known.names[name]}"

    def _time(self, step: int) -> str:
        return utc_text(self._start + step * self._interval)
