"""Files that hold the same readings, or follow one another, must agree."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from synthpower.dataset.check import Check
from synthpower.dataset.validate.groups import Result
from synthpower.dataset.validate.spans import Expected, Span
from synthpower.model.calendar import utc_text
from synthpower.model.grid import WHOLE

_CASES = 3


def joined(results: Sequence[Result]) -> list[Result]:
    """Return the results with the parts of one file as one, where all of them are there."""
    found = [result for result in results if result.expected.part == WHOLE]
    sets: dict[object, list[Result]] = {}
    for result in results:
        if result.expected.part != WHOLE:
            expected, form = result.expected, (result.format, result.ends_only)
            sets.setdefault((expected.span, expected.part.of, result.interval, form), []).append(
                result
            )
    for parts in sets.values():
        first = parts[0]
        if len({part.expected.part for part in parts}) == first.expected.part.of == len(parts):
            found.append(
                replace(
                    first,
                    name=f"{first.name} and {len(parts) - 1} more",
                    stems=(first.stems[0].rpartition("-of-")[0].rpartition("-")[0],),
                    expected=Expected(first.expected.span),
                    rows=sum(part.rows for part in parts),
                    sums=np.sum([part.sums for part in parts], axis=0, dtype=np.uint64),
                    ends=None,
                )
            )
    return found


def same_readings(results: Sequence[Result]) -> Iterator[Check]:
    """Yield whether files that have readings in common agree on them."""
    open_ones: list[Result] = []
    for result in sorted(results, key=lambda each: each.expected.span.start):
        begin = result.expected.span.start
        open_ones = [other for other in open_ones if other.expected.span.end > begin]
        for other in open_ones:
            if check := _compared(other, result):
                yield check
        open_ones.append(result)


def _compared(first: Result, second: Result) -> Check | None:
    """Return whether the readings that two files have in common are the same ones."""
    what = f"same as {first.name}"
    if first.interval != second.interval:
        if first.format == second.format or set(first.stems) != set(second.stems):
            return None  # other intervals are other readings
        detail = f"every {second.interval} s, but there every {first.interval} s"
        return Check(second.name, what, passed=False, count=second.rows, detail=detail)
    interval = first.interval
    begin = max(first.expected.span.start, second.expected.span.start)
    end = min(first.expected.span.end, second.expected.span.end)
    offsets = [begin - result.expected.span.start for result in (first, second)]
    if any(offset % interval for offset in offsets):
        return None
    count = -(-(end - begin) // interval)
    a, b = (
        result.sums[offset // interval :][:count]
        for result, offset in zip((first, second), offsets, strict=True)
    )
    if a.size != count or b.size != count:
        detail = "it would take too much memory"
        return Check(second.name, what, passed=False, count=0, detail=detail, checked=False)
    wrong = np.flatnonzero((a != b) & (a != 0) & (b != 0))  # 0: no reading; that is said already
    if not wrong.size:
        detail = f"all readings from {Span(begin, end)} agree"
        if first.format == second.format:
            detail += ": read one of the files, not both"
        return _starts(first, second, what) or Check(
            second.name, what, passed=True, count=second.rows, detail=detail
        )
    times = ", ".join(utc_text(begin + int(step) * interval) for step in wrong[:_CASES])
    more = ", ..." if wrong.size > _CASES else ""
    detail = f"{wrong.size:,} of {count:,} steps have other readings: {times}{more}"
    return Check(second.name, what, passed=False, count=second.rows, detail=detail)


def _starts(first: Result, second: Result, what: str) -> Check | None:
    """Return a check where two files of one span begin at other times."""
    if first.expected.span.start != second.expected.span.start:
        return None
    if not (first.ends and second.ends):
        return None
    a, b = first.ends[0], second.ends[0]
    other = int(np.count_nonzero((a != b) & (a > 0) & (b > 0)))
    if not other:
        return None
    detail = f"{other:,} servers begin at another time there"
    return Check(second.name, what, passed=False, count=second.rows, detail=detail)


def meeting(results: Sequence[Result]) -> Iterator[Check]:
    """Yield where the last intervals of a file do not end where those of the next begin."""
    ends: dict[object, Result] = {}
    for result in sorted(results, key=lambda each: each.expected.span.start):
        form = result.format, result.interval
        before = ends.get((form, result.expected.span.start))
        ends[form, result.expected.span.end] = result
        if not before or not before.ends or not result.ends:
            continue
        a, b = before.ends[1], result.ends[0]
        apart = (a != b) & (a > 0) & (b > 0)
        if not apart.any():
            continue
        # Of files of one fuzz, the latest boundaries are about as late. Others need not meet.
        one_fuzz = max(before.latest, result.latest) <= 2 * min(before.latest, result.latest)
        detail = (
            f"{np.count_nonzero(apart):,} servers' intervals do not begin where those of "
            f"{before.name} end"
        )
        if not one_fuzz:
            detail += ": by another fuzz, it seems"
        yield Check(result.name, "times", passed=not one_fuzz, count=result.rows, detail=detail)


def overlapping(spans: Sequence[Span]) -> list[bool]:
    """Return for each span whether another one has a time in common with it."""
    order = sorted(range(len(spans)), key=lambda at: (spans[at].start, spans[at].end))
    found = [False] * len(spans)
    latest: int | None = None  # the one before that ends last
    for at in order:
        if latest is not None and spans[latest].meets(spans[at]):
            found[latest] = found[at] = True
        if latest is None or spans[at].end > spans[latest].end:
            latest = at
    return found
