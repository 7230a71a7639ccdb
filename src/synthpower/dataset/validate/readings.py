"""The readings of a file, or of several that are one, held against what they must be."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from itertools import islice

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from synthpower.arrays import as_numpy
from synthpower.dataset.check import Check
from synthpower.dataset.validate.absences import Absences
from synthpower.dataset.validate.cells import Boundaries, Cells, Flags, Numbers
from synthpower.dataset.validate.known import Known
from synthpower.dataset.validate.source import TIMES, VALUE, Source, Times, values_of
from synthpower.dataset.validate.spans import Expected, Span
from synthpower.errors import one_line, shown
from synthpower.model.calendar import utc_text

MOST_BYTES = 2**30  # unless there are many readings
BYTES_PER_ROW = 16

_RULES = ("servers", "measurements", "values", "times", "missing", "doubled")
_CASES = 3  # of each rule that are shown
_TOO_MUCH = "it would take too much memory: the readings are few, or far apart"

Say = Callable[[int], str]


class Readings:
    """The readings of files that together must hold a span, or a part of it.

    Parameters
    ----------
    known : Known
    expected : Expected
    interval : int
        Seconds.
    rows : int
        About how many readings there are; more memory is used for many.
    bounds : (2, measurements) float64
        The least and the greatest values.
    absences : Absences
        Which readings may be absent.
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
        self,
        known: Known,
        expected: Expected,
        interval: int,
        rows: int,
        bounds: NDArray[np.float64],
        absences: Absences,
        covered: Sequence[Span] = (),
        summed: bool = True,
    ) -> None:
        self._known = known
        self._expected = expected
        self._interval = interval
        self._bounds = bounds
        self._absences = absences
        self._start = expected.span.start
        self._steps = -(-(expected.span.end - self._start) // interval)
        self._servers = len(known.servers.sn)
        most = max(MOST_BYTES, BYTES_PER_ROW * rows)
        first, last = expected.cells(self._steps, self._servers, len(known.names))
        self._cells = Cells(first, last) if last - first <= 8 * most else None
        self._boundaries = Boundaries(self._steps, self._servers, interval)
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

    def take(self, source: Source, first: int, cells: dict[str, pa.Array]) -> None:
        """Take note of rows, the first of which is that row of its file."""
        self._at = lambda row: f"{source.path.name} row {first + row:,}"
        servers = self._known.servers_of(cells["sn"])
        self._look_at_servers(cells, servers)
        names = self._look_at_measurements(cells)
        times = {name: source.times(cells[name]) for name in TIMES if name in cells}
        steps, late, good = self._look_at_times(times)
        values = self._look_at_values(cells[VALUE], names, servers, steps)
        good &= (servers >= 0) & (names >= 0)
        rows = np.flatnonzero(good)
        if rows.size < good.size:
            servers, names, steps = servers[rows], names[rows], steps[rows]
            values = values[rows]
            late = {name: seconds[rows] for name, seconds in late.items()}
        if self._cells is not None:
            self._look_at_boundaries(rows, steps, servers, times, late)
            self._look_at_cells(self._cells, rows, steps, servers, names)
            if self.sums.size and rows.size:
                self._add_up(steps, servers, names, times["end_time"].seconds[rows], values)
        self.rows += good.size

    def checks(self, name: str, unread: str = "") -> Iterator[Check]:
        """Yield a check for each rule; `unread` says why not all readings were seen."""
        if self._cells is not None and not unread:
            self._look_for_missing(self._cells)
        without = {"missing", "doubled"} if self._cells is None else set[str]()
        if self._unkept or without:
            without |= {"times"}
        for rule in _RULES:
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

    def _note(self, rule: str, wrong: Flags, say: Say, rows: Numbers | None = None) -> None:
        """Count rows that are wrong, and keep what `say` says of the first few.

        Where `wrong` is of some rows only, `rows` says which.
        """
        count = int(np.count_nonzero(wrong))
        if not count:
            return
        self._wrong[rule] += count
        cases = self._cases.setdefault(rule, [])
        if len(cases) < _CASES:
            for at in np.flatnonzero(wrong)[: _CASES - len(cases)].tolist():
                row = at if rows is None else int(rows[at])
                cases.append(one_line(f"{self._at(row)}, {say(at)}"))

    def _look_at_servers(self, cells: dict[str, pa.Array], servers: Numbers) -> None:
        def unknown(row: int) -> str:
            return f"sn {_text(cells['sn'], row)} is not in the inventory"

        self._note("servers", servers < 0, unknown)
        for name in self._known.templates:
            found, own = self._known.templates_of(name, cells[name], servers)

            def other(row: int, name: str = name) -> str:
                return f"{name} {_text(cells[name], row)} is not the server's"

            self._note("servers", (found != own) & (servers >= 0), other)

    def _look_at_measurements(self, cells: dict[str, pa.Array]) -> Numbers:
        def unknown(row: int) -> str:
            return f"name {_text(cells['name'], row)} is not in the measurement table"

        def other(row: int) -> str:
            return f"unit {_text(cells['unit'], row)} is not the measurement's"

        names = self._known.names_of(cells["name"])
        self._note("measurements", names < 0, unknown)
        found, own = self._known.units_of(cells["unit"], names)
        self._note("measurements", (found != own) & (names >= 0), other)
        return names

    def _look_at_values(
        self, cells: pa.Array, names: Numbers, servers: Numbers, steps: Numbers
    ) -> NDArray[np.float64]:
        def say(row: int) -> str:
            return f"{VALUE} {_text(cells, row)}"

        values: NDArray[np.float64] = as_numpy(pc.fill_null(values_of(cells), float("nan")))
        known = names >= 0
        least, greatest = self._bounds
        good = (values >= least.min()) & (values <= greatest.max())
        good &= (values <= greatest[names]) | ~known
        good &= ~np.signbit(values) | (values < 0)  # no zero is negative
        if least.any():
            good &= (values >= least[names]) | ~known
        absent = np.flatnonzero(pc.is_null(cells).to_numpy(zero_copy_only=False))
        starts = self._start + steps[absent] * self._interval
        good[absent] = self._absences.cover(servers[absent], starts)
        self._note("values", ~good, say)
        if self._known.powers.any():
            # With the same decimals for all, one number does for all rows.
            same = (self._known.powers == self._known.powers[0]).all()
            powers = self._known.powers[:1] if same else self._known.powers[names]
            fine = _are_whole(values, powers)
            wrong = ~fine & known & good & ~np.isnan(values)
            self._note("values", wrong, lambda row: f"{say(row)} has more decimals than the table")
        return values

    def _look_at_times(self, times: dict[str, Times]) -> tuple[Numbers, dict[str, Numbers], Flags]:
        """Return each row's step, how late it is, and whether the step is one that must be."""
        end, start = times["end_time"], times.get("start_time")
        steps = (end.seconds - self._start) // self._interval - 1
        begin = steps * self._interval + self._start
        late = {"end_time": end.seconds - begin - self._interval}
        if start:
            late["start_time"] = start.seconds - begin
        good = np.ones(steps.size, np.bool_)
        for name, time in times.items():

            def bad(row: int, name: str = name, time: Times = time) -> str:
                why = "no time in UTC" if time.null[row] else "not a whole second"
                return f"{name} {time.shown(row)} is {why}"

            self._note("times", time.bad, bad)
            good &= ~(time.bad)
        if start:
            first = late["start_time"]
            apart = (first < 0) | (first >= self._interval) | (start.seconds >= end.seconds)
            apart &= good
            self._note(
                "times", apart,
                lambda row: f"{start.shown(row)} to {end.shown(row)} is no interval of "
                f"{self._interval} s",
            )  # fmt: skip
            good &= ~apart
        outside = good & ((steps < 0) | (steps >= self._steps))
        name, named = ("start_time", start) if start else ("end_time", end)
        self._note(
            "times", outside,
            lambda row: f"{name} {named.shown(row)} does not belong to {self._expected.span}",
        )  # fmt: skip
        return steps, late, good & ~outside

    def _look_at_cells(
        self, kept: Cells, rows: Numbers, steps: Numbers, servers: Numbers, names: Numbers
    ) -> None:
        cells = (steps * self._servers + servers) * len(self._known.names) + names

        def say(at: int) -> str:
            return self._cell(int(cells[at]))

        other = (cells < kept.first) | (cells >= kept.last)
        if other.any():
            self._note("times", other, lambda at: f"{say(at)} belongs to another part", rows)
            rows, cells = rows[~other], cells[~other]
        self._note("doubled", kept.add(cells), say, rows)

    def _look_at_boundaries(
        self,
        rows: Numbers,
        steps: Numbers,
        servers: Numbers,
        times: dict[str, Times],
        late: dict[str, Numbers],
    ) -> None:
        """See that intervals meet, and that all measurements of a server have the same times."""
        kept = self._boundaries
        if kept.late is None:
            if not any(seconds.any() for seconds in late.values()):
                return
            if not self._keeps_boundaries:
                self._unkept = True
                return
            kept.keep(self._seen())
        for name, seconds in late.items():
            step = steps + (name == "end_time")
            self.latest = max(self.latest, int(seconds.max(initial=0)))

            def say(at: int, name: str = name, step: Numbers = step) -> str:
                sn = self._known.servers.sn[int(servers[at])]
                known = utc_text(
                    self._start
                    + int(step[at]) * self._interval
                    + kept.seconds(int(step[at]), int(servers[at]))
                )
                found = times[name].shown(int(rows[at]))
                return f"{name} {found}, where other rows of {sn} have {known}"

            self._note("times", kept.add(step, servers, seconds), say, rows)

    def _seen(self) -> Iterator[tuple[int, Flags]]:
        """Yield the steps of which readings were seen, and of which servers."""
        assert self._cells is not None
        per_step = self._known.per_step
        for step in range(self._steps):
            flags = self._cells.flags(step * per_step, (step + 1) * per_step)
            if flags.any():
                yield step, np.logical_or.reduce(flags.reshape(self._servers, -1), 1)

    def _add_up(
        self,
        steps: Numbers,
        servers: Numbers,
        names: Numbers,
        ends: Numbers,
        values: NDArray[np.float64],
    ) -> None:
        hashed = self._known.servers.keys[servers] * np.uint64(0x9E3779B97F4A7C15)
        for part in (names.view(np.uint64), ends.view(np.uint64), values.view(np.uint64)):
            hashed ^= part
            hashed ^= hashed >> np.uint64(32)
            hashed *= np.uint64(0xD6E8FEB86659FD93)
        hashed ^= hashed >> np.uint64(29)
        runs = np.flatnonzero(np.diff(steps, prepend=-1))
        np.add.at(self.sums, steps[runs], np.add.reduceat(hashed, runs))

    def _look_for_missing(self, kept: Cells) -> None:
        if self._wanted is None:
            self._wrong["missing"] = kept.last - kept.first - kept.seen
            if not self._wrong["missing"]:
                return
        else:
            self._wrong["missing"] = sum(
                int(np.count_nonzero(~self._seen_of(kept, step)))
                for step in np.flatnonzero(self._wanted).tolist()
            )
        cases = list(islice(self._missing(kept), _CASES + 1))
        self._cases["missing"] = cases[:_CASES] + ["..."] * (len(cases) > _CASES)

    def _seen_of(self, kept: Cells, step: int) -> Flags:
        """Return which of the readings that there must be of a step were seen."""
        first = max(step * self._known.per_step, kept.first)
        last = min((step + 1) * self._known.per_step, kept.last)
        return kept.flags(first, max(first, last))

    def _missing(self, kept: Cells) -> Iterator[str]:
        """Yield what is missing: whole steps as one, others reading by reading."""
        run: int | None = None  # the first of several steps of which nothing is there
        for step in range(self._steps + 1):
            wanted = step < self._steps and (self._wanted is None or self._wanted[step])
            seen = self._seen_of(kept, step) if wanted else np.ones(0, np.bool_)
            if seen.size and not seen.any():
                run = step if run is None else run
                continue
            if run is not None:
                to = f" to {self._time(step - 1)}" if step - 1 > run else ""
                yield f"all of {self._time(run)}{to}"
                run = None
            first = max(step * self._known.per_step, kept.first)
            for cell in np.flatnonzero(~seen)[: _CASES + 1].tolist():
                yield self._cell(first + cell)

    def _cell(self, cell: int) -> str:
        at, name = divmod(cell, len(self._known.names))
        step, server = divmod(at, self._servers)
        return f"{self._known.servers.sn[server]}, {self._time(step)}, {self._known.names[name]}"

    def _time(self, step: int) -> str:
        return utc_text(self._start + step * self._interval)


def _text(cells: pa.Array, row: int) -> str:
    return shown(cells[row].as_py())


def _are_whole(values: NDArray[np.float64], powers: NDArray[np.float64]) -> Flags:
    """Return which values are a whole number divided by a power of ten, once; all where it is 0."""
    with np.errstate(all="ignore"):
        counts = np.rint(values * powers)
        fine: Flags = (counts / powers == values) | (powers == 0)
        for row in np.flatnonzero(~fine & (abs(counts) > 2**50)):  # the product may be one off
            power = powers[row] if powers.size > 1 else powers[0]
            fine[row] = ((counts[row] + np.array([-1, 1])) / power == values[row]).any()
    return fine
